/* record.h - from an MQTT message to a record for Kafka.
 *
 * The record points into the message, into scratch memory that the next record reuses, and into
 * the setup: no payload is copied.
 */
#ifndef MQTT_RECORD_H
#define MQTT_RECORD_H

#include "link.h"
#include "settings.h"

typedef struct mqtt_records mqtt_records;

mqtt_records *mqtt_records_new(const mqtt_setup *setup);
void mqtt_records_free(mqtt_records *records);

/* False: this message cannot become a record; `why` says it, without its payload. */
bool mqtt_record_make(mqtt_records *records, const mqtt_message *message, weir_record *ret_record,
                      char *why, size_t room);
/* What was the matter with the last one, in a word: "too-large", "topic" (no name of a Kafka topic
 * comes of it), "mapping". */
const char *mqtt_record_fault(const mqtt_records *records);

#endif
