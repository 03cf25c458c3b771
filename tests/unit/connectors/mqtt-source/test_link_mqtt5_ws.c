/* test_link_mqtt5_ws.c - test_link_mqtt5.c once more, through WebSocket (R16). */
#define SCRIPT_WS 1

#include "test_link_mqtt5.c" /* NOLINT(bugprone-suspicious-include) */
