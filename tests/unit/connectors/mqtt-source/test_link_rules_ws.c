/* test_link_rules_ws.c - test_link_rules.c once more, through WebSocket (R16). */
#define SCRIPT_WS 1

#include "test_link_rules.c" /* NOLINT(bugprone-suspicious-include) */
