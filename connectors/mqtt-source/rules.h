/* rules.h - kafka.topic.rules: which messages go elsewhere, or under another key.
 *
 *     kafka.topic.rules             alarms,rest
 *     kafka.topic.rules.alarms.match   plant/+/alarm         a topic filter
 *     kafka.topic.rules.rest.regex     plant/([^/]+)/(.*)    the whole topic (topic_regex.h)
 *     kafka.topic.rules.rest.topic     plant-${re:1}         else kafka.topic
 *     kafka.topic.rules.rest.key       ${re:2}               else kafka.key; none: no key
 *
 * In the order of the list; the first that matches counts, with both match and regex if it has
 * both.
 */
#ifndef MQTT_RULES_H
#define MQTT_RULES_H

#include "template.h"
#include "topic_regex.h"

typedef struct mqtt_rule {
    const char *filter;   /* the settings'; NULL: any topic */
    mqtt_regex *regex;    /* NULL: any topic */
    mqtt_template *topic; /* NULL: kafka.topic */
    mqtt_template *key;   /* NULL: kafka.key, or none when keyless */
    bool keyless;
} mqtt_rule;

typedef struct mqtt_rules {
    mqtt_rule *list;
    size_t count;
} mqtt_rules;

/* Frees what it points to. */
void mqtt_rules_clear(mqtt_rules *rules);

/* The first that matches, with its regex's groups; NULL: none. */
const mqtt_rule *mqtt_rules_find(const mqtt_rules *rules, const mqtt_publish *publish,
                                 mqtt_text ret_groups[MQTT_REGEX_GROUPS]);

#endif
