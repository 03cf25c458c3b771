/* test_link_life_ws.c - test_link_life.c once more, through WebSocket (R16). */
#define SCRIPT_WS 1

#include "test_link_life.c" /* NOLINT(bugprone-suspicious-include) */
