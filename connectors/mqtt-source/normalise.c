/* normalise.c - a posted config, whoever's words it uses, in our own keys.
 *
 * Foreign keys are looked up family by family (aliases.h); what is in no table passes through. Keys
 * of ours that have no effect here, or none yet, are said so and left out. A pure function: it runs
 * again wherever the config is used.
 */
#include "aliases.h"

#include <string.h>
#include <strings.h>

const char *const mqtt_class_aliases[] = {
    "MqttSource",      "MqttSourceConnector", MQTT_CONFLUENT_CLASS,  MQTT_CAMEL_CLASS,
    MQTT_CAMEL5_CLASS, MQTT_LENSES_CLASS,     MQTT_OLD_LENSES_CLASS, NULL,
};

/* ---- Keys of ours without effect --------------------------------------------------------------
 */

/* Keys of ours that wait for a later version. Their default may be written down; anything else
 * is an error where going on without would weaken delivery or security. */
static const struct later {
    const char *key;      /* ends with a dot: what begins with it */
    const char *fallback; /* NULL: no value is harmless */
    weir_level level;
} laters[] = {
    {"mqtt.proxy.uri", NULL, WEIR_ERROR},
    {NULL, NULL, WEIR_INFO},
};

/* Keys that weir's way of polling leaves nothing to do. */
static const struct idle {
    const char *key, *why;
} idles[] = {
    {"records.buffer.queue.empty.timeout", "no effect: a poll ends when something happens"},
    {"poll.max.duration.ms", "no effect: a poll ends when something happens"},
    {NULL, NULL},
};

static bool has_option(const char *key)
{
    for (const weir_option *option = mqtt_options; option->name; option++)
        if (mqtt_key_fits(key, option->name))
            return true;
    return false;
}

/* Said under the name that was posted. A key that has become an option is none of these. */
static bool has_no_effect(const mqtt_config *c, const mqtt_meaning *meaning)
{
    const char *said = meaning->origin ? meaning->origin : meaning->key;

    if (has_option(meaning->key))
        return false;
    for (const struct later *row = laters; row->key; row++) {
        if (!mqtt_key_fits(meaning->key, row->key))
            continue;
        if (!row->fallback || strcasecmp(meaning->value, row->fallback) != 0)
            MQTT_NOTE(c, row->level, said, "%s is not yet supported",
                      strcmp(said, meaning->key) == 0 ? "it" : meaning->key);
        return true;
    }
    for (const struct idle *row = idles; row->key; row++) {
        if (strcmp(meaning->key, row->key) != 0)
            continue;
        MQTT_NOTE(c, WEIR_INFO, said, "%s", row->why);
        return true;
    }
    return false;
}

/* ---- All of it ----------------------------------------------------------------------------------
 */

static void take_pair(mqtt_config *c, const char *key, const char *value)
{
    if (strcmp(key, "connector.class") == 0)
        mqtt_mean(c, key, "mqtt-source");
    else if (!mqtt_camel_take(c, key, value) &&
             !mqtt_alias_apply(c, mqtt_confluent_aliases, key, value) &&
             !mqtt_alias_apply(c, mqtt_lenses_aliases, key, value) &&
             !mqtt_alias_apply(c, mqtt_simple_aliases, key, value))
        mqtt_mean(c, key, value);
}

static void put_defaults(mqtt_config *c)
{
    if (c->camel)
        mqtt_camel_defaults(c);
    if (c->confluent)
        mqtt_confluent_defaults(c);
    if (c->lenses)
        mqtt_lenses_defaults(c);
}

weir_status mqtt_normalise(const weir_config_host *host, const weir_pair *pairs, size_t count)
{
    const char *class = host->class_as_said;
    mqtt_config c = {
        .host = host,
        .pairs = pairs,
        .count = count,
        .camel = mqtt_is(class, MQTT_CAMEL_CLASS) || mqtt_is(class, MQTT_CAMEL5_CLASS),
        .camel5 = mqtt_is(class, MQTT_CAMEL5_CLASS),
        .confluent = mqtt_is(class, MQTT_CONFLUENT_CLASS),
        .lenses = mqtt_is(class, MQTT_LENSES_CLASS) || mqtt_is(class, MQTT_OLD_LENSES_CLASS),
    };

    for (size_t i = 0; i < count; i++)
        if (pairs[i].value && mqtt_posted(&c, pairs[i].key) == pairs[i].value)
            take_pair(&c, pairs[i].key, pairs[i].value);
    put_defaults(&c);
    mqtt_check_producer(&c);
    for (size_t i = 0; i < c.meant_count; i++)
        if (!has_no_effect(&c, &c.meant[i]))
            host->set(host, c.meant[i].key, c.meant[i].value);
    mqtt_config_clear(&c);
    return WEIR_DONE;
}
