/* setup_internal.h - what the files that read the settings together share: setup.c and its parts.
 *
 * Threads  [plan], or the task's at start(): one setup is made by one thread.
 */
#ifndef MQTT_SETUP_INTERNAL_H
#define MQTT_SETUP_INTERNAL_H

#include "settings.h"

/* A setup being made, and whether it still can be. */
typedef struct mqtt_making {
    mqtt_setup *setup;
    const mqtt_settings *settings;
    const mqtt_findings *findings;
    const char *connector;
    int task; /* -1: for all of them */
    bool refused;
} mqtt_making;

/* Tells what was found; WEIR_ERROR refuses the settings. */
void mqtt_note(mqtt_making *m, weir_level level, const char *key, const char *fmt, ...)
    WEIR_PRINTF(4, 5);
/* Is `value` this word, in any case? */
bool mqtt_says(const char *value, const char *word);
/* `text` with ${connector} and, when a task is known, ${task} put in. To be freed. */
char *mqtt_expand(const mqtt_making *m, const char *text);

/* Version, session, limits, will (setup_session.c). */
void mqtt_read_session(mqtt_making *m);
/* What is a duplicate (setup_dedupe.c). */
void mqtt_read_dedupe(mqtt_making *m);
/* Topic, key, headers, value (mapping.c). */
void mqtt_read_mapping(mqtt_making *m);

#endif
