/* test_with_mosquitto_3.c - test_with_mosquitto.c once more, in MQTT 3.1.1. */
#define VERSION    "3.1.1"
#define SPOKEN     VERSION
#define ONLY_3_1_1 1

#include "test_with_mosquitto.c" /* NOLINT(bugprone-suspicious-include) */
