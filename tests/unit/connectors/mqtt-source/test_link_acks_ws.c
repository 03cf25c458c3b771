/* test_link_acks_ws.c - test_link_acks.c once more, through WebSocket (R16). */
#define SCRIPT_WS 1

#include "test_link_acks.c" /* NOLINT(bugprone-suspicious-include) */
