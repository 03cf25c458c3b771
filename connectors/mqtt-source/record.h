/* record.h - from an MQTT message to a record for Kafka.
 *
 * The record points into the message, into scratch memory that the next record reuses, and into
 * the setup. No payload is copied but into an envelope; in the steady state nothing is allocated,
 * except by the regex of a rule.
 *
 * Threads  The task's.
 */
#ifndef MQTT_RECORD_H
#define MQTT_RECORD_H

#include "link.h"
#include "settings.h"

typedef struct mqtt_records mqtt_records;

/* `setup` outlives it. */
mqtt_records *mqtt_records_new(const mqtt_setup *setup);
void mqtt_records_free(mqtt_records *records);

/* `received_ms`: by the wall clock. False: this message cannot become a record; what is left of it
 * is rejected.h's. *ret_record has no topic and no key then, and *ret_kind is a word for counters:
 *     "too-large"   more than mqtt.maximum.packet.size
 *     "conversion"  the payload is not what mqtt.payload.format says
 *     "topic"       no legal name of a Kafka topic, or one too many (kafka.topic.max.distinct)
 *     "mapping"     a template asks for what the message has not; its topic is not UTF-8
 * and `why` says it for people, without the payload. */
bool mqtt_record_make(mqtt_records *records, const mqtt_message *message, int64_t received_ms,
                      weir_record *ret_record, const char **ret_kind, char *why, size_t room);
/* The record made last has been taken: it counts. */
void mqtt_record_taken(mqtt_records *records);

typedef struct mqtt_record_facts {
    uint64_t timestamps_replaced; /* records with the time of receipt instead of kafka.timestamp */
    size_t topics;                /* different ones that templates have made */
} mqtt_record_facts;

mqtt_record_facts mqtt_records_look(const mqtt_records *records);

#endif
