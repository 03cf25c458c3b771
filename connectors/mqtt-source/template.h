/* template.h - kafka.topic and kafka.key: text with places for parts of the MQTT topic.
 *
 *     ${topic}  ${topic[1]}  ${topic[-1]}  ${topic[1..3]}  ${qos}
 *
 * Levels count from 1, from the end with a minus; a level that is not there is empty.
 */
#ifndef MQTT_TEMPLATE_H
#define MQTT_TEMPLATE_H

#include "bytes.h"

#include <stdbool.h>

typedef struct mqtt_template mqtt_template;

/* NULL: `why` says what is wrong. */
mqtt_template *mqtt_template_new(const char *text, char *why, size_t room);
void mqtt_template_free(mqtt_template *made);

bool mqtt_template_is_fixed(const mqtt_template *made); /* it has no places */
bool mqtt_template_is_topic(const mqtt_template *made); /* it is ${topic} and nothing else */

/* Appends the text for one message. */
void mqtt_template_render(const mqtt_template *made, const char *topic, size_t topic_size, int qos,
                          mqtt_bytes *out);

#endif
