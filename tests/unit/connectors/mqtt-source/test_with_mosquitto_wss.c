/* test_with_mosquitto_wss.c - test_with_mosquitto.c once more, through WebSocket and TLS. */
#define RUN_TLS 1
#define RUN_WS  1

#include "test_with_mosquitto.c" /* NOLINT(bugprone-suspicious-include) */
