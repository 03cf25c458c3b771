/* visit.h - what it takes to connect under the client id of a task that is gone.
 *
 * A setup made of the task's: one broker, nothing to subscribe, no will. And a host that has the
 * worker's voice, but not its ears: a connection that fails ends nothing else.
 *
 * Threads  The task's.
 */
#ifndef MQTT_VISIT_H
#define MQTT_VISIT_H

#include "settings.h"

typedef struct mqtt_visit {
    weir_host host;   /* for the connection. Its task is -1: none */
    mqtt_setup setup; /* likewise */
    mqtt_settings settings;
    const weir_host *worker;
    char *client_id;
    char why[512]; /* what the connection has failed with */
} mqtt_visit;

/* Until mqtt_visit_end() it stays where it is. `clean`: to end the session. */
void mqtt_visit_begin(mqtt_visit *visit, const weir_host *worker, const mqtt_setup *setup,
                      const char *client_id, size_t endpoint, bool clean);
void mqtt_visit_end(mqtt_visit *visit);
/* Only the host, to ask about all tasks. */
const weir_host *mqtt_visit_nobody(mqtt_visit *visit, const weir_host *worker);

#endif
