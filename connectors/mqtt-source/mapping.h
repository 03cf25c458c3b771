/* mapping.h - what messages become in Kafka: topic, key, headers, value, as the user wants it.
 *
 * Part of a setup (settings.h); read-only once that is made. record.h applies it.
 */
#ifndef MQTT_MAPPING_H
#define MQTT_MAPPING_H

#include "template.h"

#include <stdbool.h>

typedef enum mqtt_format { MQTT_AS_BYTES, MQTT_AS_STRING, MQTT_AS_JSON, MQTT_AS_FOUND } mqtt_format;

typedef struct mqtt_mapping {
    mqtt_template *topic;
    mqtt_template *key; /* NULL: records have none */
    mqtt_format format;
    bool mqtt_headers, camel_headers;
} mqtt_mapping;

/* Frees what it points to. */
void mqtt_mapping_clear(mqtt_mapping *mapping);

#endif
