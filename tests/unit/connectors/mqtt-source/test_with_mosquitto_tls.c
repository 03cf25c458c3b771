/* test_with_mosquitto_tls.c - test_with_mosquitto.c once more, through TLS. */
#define RUN_TLS 1

#include "test_with_mosquitto.c" /* NOLINT(bugprone-suspicious-include) */
