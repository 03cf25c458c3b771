/* mapping.h - what messages become in Kafka: topic, key, time, headers, value, as the user wants
 * it.
 *
 * Part of a setup (settings.h); read-only once that is made, and points into the settings. record.h
 * applies it.
 */
#ifndef MQTT_MAPPING_H
#define MQTT_MAPPING_H

#include "json_pointer.h"
#include "moment.h"
#include "rules.h"
#include "template.h"
#include "weir_plugin.h"

#include <stdbool.h>

typedef enum mqtt_format {
    MQTT_AS_BYTES,
    MQTT_AS_STRING,
    MQTT_AS_JSON,
    MQTT_AS_FOUND, /* auto */
    MQTT_AS_ENVELOPE,
} mqtt_format;

typedef enum mqtt_stamp_from {
    MQTT_STAMP_RECEIVE,
    MQTT_STAMP_NONE,
    MQTT_STAMP_JSON,
    MQTT_STAMP_USER,
} mqtt_stamp_from;

typedef struct mqtt_stamp {
    mqtt_stamp_from from;
    mqtt_pointer *pointer; /* of JSON */
    const char *user;      /* the property's name */
    mqtt_unit unit;
} mqtt_stamp;

/* Which headers a record gets; names may hold '*' for any characters. */
typedef struct mqtt_header_choice {
    bool mqtt, camel;
    char **include, **exclude;
    size_t include_count, exclude_count;
    const weir_pair *fixed; /* the user's own, ended by a key that is NULL */
} mqtt_header_choice;

typedef struct mqtt_mapping {
    mqtt_template *topic;
    mqtt_template *key; /* NULL: records have none */
    mqtt_rules rules;   /* come first */
    mqtt_stamp stamp;
    mqtt_format format;
    mqtt_header_choice headers;
} mqtt_mapping;

/* Frees what it points to. */
void mqtt_mapping_clear(mqtt_mapping *mapping);

mqtt_format mqtt_format_of(const char *word);

#endif
