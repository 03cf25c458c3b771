/* test_connection_tls.c - test_connection.c once more, through TLS (R24). */
#define STAGE_TLS 1

#include "test_connection.c" /* NOLINT(bugprone-suspicious-include) */
