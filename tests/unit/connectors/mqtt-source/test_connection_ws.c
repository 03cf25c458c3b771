/* test_connection_ws.c - test_connection.c once more, through WebSocket. */
#define STAGE_WS 1

#include "test_connection.c" /* NOLINT(bugprone-suspicious-include) */
