/* test_link_life_tls.c - test_link_life.c once more, through TLS (R16, R24). */
#define SCRIPT_TLS 1

#include "test_link_life.c" /* NOLINT(bugprone-suspicious-include) */
