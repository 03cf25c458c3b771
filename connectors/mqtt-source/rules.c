/* rules.c - see rules.h. */
#include "rules.h"

#include "filter.h"
#include "setup_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES "kafka.topic.rules"

static const char *const members[] = {"match", "regex", "topic", "key"};
enum { MATCH, REGEX, TOPIC, KEY, MEMBERS };

/* ---- Reading ----------------------------------------------------------------------------------
 */

/* "kafka.topic.rules.<name>.<member>" in `key`; its value, or NULL. */
static const char *member_of(const mqtt_settings *s, const char *name, int member, char *key,
                             size_t room)
{
    int prefix = snprintf(key, room, RULES ".");

    snprintf(key + prefix, room - (size_t)prefix, "%s.%s", name, members[member]);
    for (const weir_pair *pair = s->rule_keys; pair->key; pair++)
        if (strcmp(pair->key, key + prefix) == 0)
            return pair->value;
    return NULL;
}

static bool belongs(const char *key, const char *name)
{
    size_t size = strlen(name);

    if (strncmp(key, name, size) != 0 || key[size] != '.')
        return false;
    for (int i = 0; i < MEMBERS; i++)
        if (strcmp(key + size + 1, members[i]) == 0)
            return true;
    return false;
}

/* Keys of rules that are not in the list, and of no rule at all. */
static void check_keys(mqtt_making *m, char *const *names, size_t count)
{
    for (const weir_pair *pair = m->settings->rule_keys; pair->key; pair++) {
        char key[256];
        size_t i = 0;

        while (i < count && !belongs(pair->key, names[i]))
            i++;
        snprintf(key, sizeof(key), RULES ".%s", pair->key);
        if (i == count)
            mqtt_note(m, WEIR_ERROR, key,
                      "belongs to no rule: " RULES ".<name>.match, .regex, .topic and .key do, for "
                      "each name in " RULES " (%s)",
                      *m->settings->rules ? m->settings->rules : "which is empty");
    }
}

static void read_match(mqtt_making *m, const char *name, mqtt_rule *rule, mqtt_places *places)
{
    char key[256], why[256];
    const char *pattern;

    rule->filter = member_of(m->settings, name, MATCH, key, sizeof(key));
    if (rule->filter && !mqtt_filter_check(rule->filter, why, sizeof(why)))
        mqtt_note(m, WEIR_ERROR, key, "'%s' is no topic filter: %s", rule->filter, why);
    pattern = member_of(m->settings, name, REGEX, key, sizeof(key));
    if (pattern) {
        rule->regex = mqtt_regex_new(pattern, why, sizeof(why));
        if (rule->regex)
            places->groups = mqtt_regex_groups(rule->regex);
        else
            mqtt_note(m, WEIR_ERROR, key, "%s", why);
    } else if (!rule->filter) {
        member_of(m->settings, name, MATCH, key, sizeof(key));
        mqtt_note(m, WEIR_ERROR, key, "the rule '%s' has neither match nor regex", name);
    }
}

static void read_rule(mqtt_making *m, const char *name, mqtt_rule *rule)
{
    mqtt_places places = {0};
    char key[256];
    const char *text;

    read_match(m, name, rule, &places);
    text = member_of(m->settings, name, TOPIC, key, sizeof(key));
    if (text)
        rule->topic = mqtt_read_topic(m, key, text, &places);
    text = member_of(m->settings, name, KEY, key, sizeof(key));
    rule->keyless = text && mqtt_says(text, "none");
    if (text && !rule->keyless)
        rule->key = mqtt_read_key(m, key, text, &places);
}

void mqtt_read_rules(mqtt_making *m)
{
    mqtt_rules *rules = &m->setup->mapping.rules;
    size_t count;
    char **names = mqtt_list_split(m->settings->rules, &count);

    rules->list = mqtt_alloc(count + 1, sizeof(*rules->list));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                mqtt_note(m, WEIR_ERROR, RULES, "'%s' is named twice", names[i]);
        read_rule(m, names[i], &rules->list[rules->count++]);
    }
    check_keys(m, names, count);
    mqtt_list_free(names, count);
}

void mqtt_rules_clear(mqtt_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        mqtt_regex_free(rules->list[i].regex);
        mqtt_template_free(rules->list[i].topic);
        mqtt_template_free(rules->list[i].key);
    }
    free(rules->list);
}

/* ---- Matching ---------------------------------------------------------------------------------
 */

const mqtt_rule *mqtt_rules_find(const mqtt_rules *rules, const mqtt_publish *publish,
                                 mqtt_text ret_groups[MQTT_REGEX_GROUPS])
{
    const char *topic = publish->topic;
    size_t size = publish->topic_size;

    for (size_t i = 0; i < rules->count; i++) {
        const mqtt_rule *rule = &rules->list[i];

        if ((!rule->filter || mqtt_filter_matches(rule->filter, topic, size)) &&
            (!rule->regex || mqtt_regex_match(rule->regex, topic, size, ret_groups)))
            return rule;
    }
    return NULL;
}
