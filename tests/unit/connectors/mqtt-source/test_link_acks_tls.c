/* test_link_acks_tls.c - test_link_acks.c once more, through TLS (R16, R24). */
#define SCRIPT_TLS 1

#include "test_link_acks.c" /* NOLINT(bugprone-suspicious-include) */
