/* test_link_rules_5.c - test_link_rules.c once more, in MQTT 5. */
#define SCRIPT_LEVEL 5

#include "test_link_rules.c" /* NOLINT(bugprone-suspicious-include) */
