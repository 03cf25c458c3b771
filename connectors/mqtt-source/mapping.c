/* mapping.c - see mapping.h: the keys of the group Mapping, read together. */
#include "mapping.h"

#include "headers.h"
#include "setup_internal.h"
#include "topic_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATIC "kafka.headers.static."

/* ---- Topic and key ----------------------------------------------------------------------------
 */

static void check_version(mqtt_making *m, const char *key, bool needs_v5)
{
    if (needs_v5 && m->setup->version == MQTT_VERSION_3_1_1)
        mqtt_note(m, WEIR_ERROR, key, "MQTT 3.1.1 has no user properties: see mqtt.version");
    else if (needs_v5 && m->setup->version == MQTT_VERSION_AUTO)
        mqtt_note(m, WEIR_INFO, key,
                  "a broker that has no MQTT 5 has no user properties either: see mqtt.version");
}

mqtt_template *mqtt_read_topic(mqtt_making *m, const char *key, const char *text,
                               const mqtt_places *places)
{
    char why[384];
    mqtt_template *made = mqtt_template_new(text, places, why, sizeof(why));

    if (!made) {
        mqtt_note(m, WEIR_ERROR, key, "%s", why);
        return NULL;
    }
    if (!*text)
        mqtt_note(m, WEIR_ERROR, key, "is empty");
    else if (mqtt_template_is_fixed(made) && !mqtt_is_topic_name(text, strlen(text)))
        mqtt_note(
            m, WEIR_ERROR, key,
            "'%.260s' is no name of a Kafka topic: letters, digits, '.', '_', '-' only, %u at "
            "most, and not '.' or '..'",
            text, MQTT_KAFKA_NAME_MAX);
    else if (mqtt_template_least(made) > MQTT_KAFKA_NAME_MAX)
        mqtt_note(m, WEIR_ERROR, key, "is longer than %u characters whatever is put in",
                  MQTT_KAFKA_NAME_MAX);
    check_version(m, key, mqtt_template_needs_v5(made));
    return made;
}

mqtt_template *mqtt_read_key(mqtt_making *m, const char *key, const char *text,
                             const mqtt_places *places)
{
    char why[384];
    mqtt_template *made = mqtt_template_new(text, places, why, sizeof(why));

    if (made)
        check_version(m, key, mqtt_template_needs_v5(made));
    else
        mqtt_note(m, WEIR_ERROR, key, "%s", why);
    return made;
}

static void read_names(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    mqtt_mapping *mapping = &m->setup->mapping;

    mapping->topic = mqtt_read_topic(m, "kafka.topic", s->kafka_topic, NULL);
    for (const char *at = s->replacement; *at; at++)
        if (!mqtt_is_name_char(*at)) {
            mqtt_note(m, WEIR_ERROR, "kafka.topic.replacement",
                      "'%s' cannot be in a Kafka topic either", s->replacement);
            break;
        }
    if (mqtt_says(s->kafka_key, "none"))
        mqtt_note(
            m, WEIR_INFO, "kafka.key",
            "records have no key, so there is no order per device; kafka.key=${topic} gives it");
    else
        mapping->key = mqtt_read_key(m, "kafka.key", s->kafka_key, NULL);
    mqtt_read_rules(m);
}

/* ---- Time -------------------------------------------------------------------------------------
 */

/* Takes ":s" and its like off the end of a JSON pointer. */
static mqtt_unit take_unit(const char *text, size_t *size)
{
    static const struct {
        const char *ending;
        mqtt_unit unit;
    } units[] = {
        {":s", MQTT_UNIT_S}, {":ms", MQTT_UNIT_MS}, {":us", MQTT_UNIT_US}, {":iso", MQTT_UNIT_ISO}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t ending = strlen(units[i].ending);

        if (*size < ending || strcmp(text + *size - ending, units[i].ending) != 0)
            continue;
        *size -= ending;
        return units[i].unit;
    }
    return MQTT_UNIT_GUESS;
}

static void read_stamp(mqtt_making *m)
{
    const char *text = m->settings->timestamp;
    mqtt_stamp *stamp = &m->setup->mapping.stamp;
    char why[128];

    if (strncmp(text, "json:", 5) == 0) {
        size_t size = strlen(text + 5);

        stamp->from = MQTT_STAMP_JSON;
        stamp->unit = take_unit(text + 5, &size);
        stamp->pointer = mqtt_pointer_new(text + 5, size, why, sizeof(why));
        if (!stamp->pointer)
            mqtt_note(m, WEIR_ERROR, "kafka.timestamp", "'%s': %s", text, why);
    } else if (strncmp(text, "user:", 5) == 0 && text[5]) {
        stamp->from = MQTT_STAMP_USER;
        stamp->user = text + 5;
        check_version(m, "kafka.timestamp", true);
    } else if (mqtt_says(text, "none")) {
        stamp->from = MQTT_STAMP_NONE;
    } else if (!mqtt_says(text, "receive")) {
        mqtt_note(m, WEIR_ERROR, "kafka.timestamp",
                  "'%s' is none of receive, none, json:/pointer, json:/pointer:s (or :ms, :us, "
                  ":iso), user:name",
                  text);
    }
}

/* ---- Headers and value ------------------------------------------------------------------------
 */

static void check_patterns(mqtt_making *m, const char *key, char *const *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!mqtt_header_exists(patterns[i]))
            mqtt_note(m, WEIR_WARN, key, "no header is called '%s'", patterns[i]);
}

static void read_headers(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    mqtt_header_choice *headers = &m->setup->mapping.headers;

    headers->mqtt = mqtt_says(s->headers, "mqtt") || mqtt_says(s->headers, "both");
    headers->camel = mqtt_says(s->headers, "camel") || mqtt_says(s->headers, "both");
    headers->include = mqtt_list_split(s->header_include, &headers->include_count);
    headers->exclude = mqtt_list_split(s->header_exclude, &headers->exclude_count);
    check_patterns(m, "kafka.headers.include", headers->include, headers->include_count);
    check_patterns(m, "kafka.headers.exclude", headers->exclude, headers->exclude_count);
    headers->fixed = s->header_static;
    for (const weir_pair *pair = headers->fixed; pair->key; pair++)
        if (!*pair->key)
            mqtt_note(m, WEIR_ERROR, STATIC, "the header's name is missing");
}

mqtt_format mqtt_format_of(const char *word)
{
    static const char *const words[] = {"bytes", "string", "json", "auto", "envelope"};

    for (size_t i = 1; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(word, words[i]) == 0)
            return (mqtt_format)i;
    return MQTT_AS_BYTES;
}

void mqtt_read_mapping(mqtt_making *m)
{
    read_names(m);
    read_stamp(m);
    read_headers(m);
    m->setup->mapping.format = mqtt_format_of(m->settings->format);
}

void mqtt_mapping_clear(mqtt_mapping *mapping)
{
    mqtt_template_free(mapping->topic);
    mqtt_template_free(mapping->key);
    mqtt_rules_clear(&mapping->rules);
    mqtt_pointer_free(mapping->stamp.pointer);
    mqtt_list_free(mapping->headers.include, mapping->headers.include_count);
    mqtt_list_free(mapping->headers.exclude, mapping->headers.exclude_count);
}
