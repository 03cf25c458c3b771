/* test_link_acks_5.c - test_link_acks.c once more, in MQTT 5. */
#define SCRIPT_LEVEL 5

#include "test_link_acks.c" /* NOLINT(bugprone-suspicious-include) */
