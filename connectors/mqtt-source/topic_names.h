/* topic_names.h - names of Kafka topics: which are legal, and how many a task has used. */
#ifndef MQTT_TOPIC_NAMES_H
#define MQTT_TOPIC_NAMES_H

#include "bytes.h"

#include <stdbool.h>

#define MQTT_KAFKA_NAME_MAX 249u /* bytes */

/* Letters, digits, '.', '_' and '-'. */
bool mqtt_is_name_char(char c);
/* 1 to 249 of those, and neither "." nor "..". */
bool mqtt_is_topic_name(const char *name, size_t size);

/* Appends `text` with `replacement` for each character that a name cannot have. */
void mqtt_put_topic_name(mqtt_bytes *out, const uint8_t *text, size_t size,
                         const char *replacement);

/* The different names that were seen, up to a limit. */
typedef struct mqtt_name_set mqtt_name_set;

mqtt_name_set *mqtt_name_set_new(size_t limit);
void mqtt_name_set_free(mqtt_name_set *set);
/* True: the name is in the set now. False: it is not, and the set is full. Allocates for a name
 * that is new. */
bool mqtt_name_set_admit(mqtt_name_set *set, const char *name, size_t size);
size_t mqtt_name_set_count(const mqtt_name_set *set);

#endif
