/* test_link_life_5.c - test_link_life.c once more, in MQTT 5. */
#define SCRIPT_LEVEL 5

#include "test_link_life.c" /* NOLINT(bugprone-suspicious-include) */
