/* headers.h - the headers of a record: what MQTT says about a message besides topic and payload.
 *
 *     mqtt.topic  mqtt.message.id  mqtt.qos  mqtt.retained  mqtt.duplicate
 *     MQTT 5, in the order of the wire, repeats kept: mqtt.content.type  mqtt.correlation.data
 *     mqtt.response.topic  mqtt.payload.format  mqtt.message.expiry  mqtt.user.<name>
 *     CamelHeader.CamelMqttTopic  CamelHeader.CamelMqttQoS
 *     and, behind those, the user's own (kafka.headers.static.<name>)
 *
 * Threads  The task's.
 */
#ifndef MQTT_HEADERS_H
#define MQTT_HEADERS_H

#include "mapping.h"

typedef struct mqtt_headers mqtt_headers;

/* `choice` outlives it. */
mqtt_headers *mqtt_headers_new(const mqtt_header_choice *choice);
void mqtt_headers_free(mqtt_headers *headers);

/* Sets the record's, valid as long as the message is, until the next call. `topic`: WEIR_TEXT, or
 * WEIR_BYTES when it is not UTF-8. False: `why` says which property should be text and is not; the
 * record has those before it. */
bool mqtt_headers_make(mqtt_headers *headers, const mqtt_publish *publish, weir_kind topic,
                       weir_record *record, char *why, size_t room);

/* Can a header of ours be meant by this name of kafka.headers.include or .exclude? */
bool mqtt_header_exists(const char *pattern);

#endif
