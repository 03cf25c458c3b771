/* test_with_mosquitto_ws.c - test_with_mosquitto.c once more, through WebSocket. */
#define RUN_WS 1

#include "test_with_mosquitto.c" /* NOLINT(bugprone-suspicious-include) */
