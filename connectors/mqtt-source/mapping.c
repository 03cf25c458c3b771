/* mapping.c - see mapping.h: the keys of the group Mapping, read together. */
#include "mapping.h"

#include "setup_internal.h"

#include <string.h>

static bool is_topic_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static void read_topic(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    char why[192];

    m->setup->mapping.topic = mqtt_template_new(s->kafka_topic, why, sizeof(why));
    if (!m->setup->mapping.topic)
        mqtt_note(m, WEIR_ERROR, "kafka.topic", "%s", why);
    else if (!*s->kafka_topic)
        mqtt_note(m, WEIR_ERROR, "kafka.topic", "is empty");
    else if (mqtt_template_is_fixed(m->setup->mapping.topic)) {
        for (const char *at = s->kafka_topic; *at; at++)
            if (!is_topic_char(*at)) {
                mqtt_note(m, WEIR_ERROR, "kafka.topic",
                          "'%s' is no name of a Kafka topic: letters, digits, '.', '_', '-' only",
                          s->kafka_topic);
                break;
            }
        if (strlen(s->kafka_topic) > 249 || mqtt_says(s->kafka_topic, ".") ||
            mqtt_says(s->kafka_topic, ".."))
            mqtt_note(m, WEIR_ERROR, "kafka.topic", "'%s' is no name of a Kafka topic",
                      s->kafka_topic);
    }
    for (const char *at = s->replacement; *at; at++)
        if (!is_topic_char(*at)) {
            mqtt_note(m, WEIR_ERROR, "kafka.topic.replacement",
                      "'%s' cannot be in a Kafka topic either", s->replacement);
            break;
        }
}

void mqtt_read_mapping(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    mqtt_mapping *mapping = &m->setup->mapping;
    char why[192];

    read_topic(m);
    if (mqtt_says(s->kafka_key, "none")) {
        mqtt_note(
            m, WEIR_INFO, "kafka.key",
            "records have no key, so there is no order per device; kafka.key=${topic} gives it");
    } else {
        mapping->key = mqtt_template_new(s->kafka_key, why, sizeof(why));
        if (!mapping->key)
            mqtt_note(m, WEIR_ERROR, "kafka.key", "%s", why);
    }
    mapping->mqtt_headers = mqtt_says(s->headers, "mqtt") || mqtt_says(s->headers, "both");
    mapping->camel_headers = mqtt_says(s->headers, "camel") || mqtt_says(s->headers, "both");
    mapping->format = mqtt_says(s->format, "json")     ? MQTT_AS_JSON
                      : mqtt_says(s->format, "string") ? MQTT_AS_STRING
                      : mqtt_says(s->format, "auto")   ? MQTT_AS_FOUND
                                                       : MQTT_AS_BYTES;
}

void mqtt_mapping_clear(mqtt_mapping *mapping)
{
    mqtt_template_free(mapping->topic);
    mqtt_template_free(mapping->key);
}
