/* brokers.h - which broker of the list is tried next, and in which version of MQTT.
 *
 * Brokers are named by their place among the setup's endpoints. With `mqtt.version` auto each is
 * asked in MQTT 5 first. One that refuses the version is asked in 3.1.1 from then on. One that
 * hangs up instead of answering gets one attempt in 3.1.1: if it answers that, it stays so, too;
 * if not, it was something else, and 5 has its turn again.
 *
 * Threads  The task's.
 */
#ifndef MQTT_BROKERS_H
#define MQTT_BROKERS_H

#include "packet.h"
#include "settings.h"

typedef struct mqtt_brokers mqtt_brokers;

/* `setup` outlives it. */
mqtt_brokers *mqtt_brokers_new(const mqtt_setup *setup);
void mqtt_brokers_free(mqtt_brokers *brokers);

/* In the order of the list, or in one that was drawn for this task. */
size_t mqtt_brokers_first(const mqtt_brokers *brokers);
size_t mqtt_brokers_after(const mqtt_brokers *brokers, size_t broker);

/* What to say in CONNECT. */
mqtt_level mqtt_brokers_level(const mqtt_brokers *brokers, size_t broker);
/* It did not want MQTT 5: it said so, or only hung up. True: try at once in 3.1.1. */
bool mqtt_brokers_fall_back(mqtt_brokers *brokers, size_t broker, bool said_so);
/* It answered CONNECT, whatever the answer. */
void mqtt_brokers_answered(mqtt_brokers *brokers, size_t broker);
/* The attempt ended without an answer. */
void mqtt_brokers_failed(mqtt_brokers *brokers, size_t broker);

#endif
