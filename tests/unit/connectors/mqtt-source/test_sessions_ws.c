/* test_sessions_ws.c - test_sessions.c once more, through WebSocket. */
#define RUN_WS 1

#include "test_sessions.c" /* NOLINT(bugprone-suspicious-include) */
