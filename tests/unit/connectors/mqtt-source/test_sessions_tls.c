/* test_sessions_tls.c - test_sessions.c once more, through TLS. */
#define RUN_TLS 1

#include "test_sessions.c" /* NOLINT(bugprone-suspicious-include) */
