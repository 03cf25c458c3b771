/* rejected.h - what there is of a message that cannot become a record, for host->reject().
 *
 * The record points into the message and into this struct.
 */
#ifndef MQTT_REJECTED_H
#define MQTT_REJECTED_H

#include "link.h"

#define MQTT_REJECTED_HEADERS 5

typedef struct mqtt_rejected {
    weir_record record;
    weir_header headers[MQTT_REJECTED_HEADERS];
    char id[8], qos[2];
} mqtt_rejected;

/* The payload as it came, none for one that was never stored; mqtt.* headers whatever the style of
 * headers is, for nothing else tells where it came from; no Kafka topic. */
void mqtt_rejected_fill(mqtt_rejected *rejected, const mqtt_message *message);

#endif
