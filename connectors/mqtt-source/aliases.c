/* aliases.c - see aliases.h. */
#include "aliases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Words ---------------------------------------------------------------------------------- */

bool mqtt_is(const char *value, const char *word)
{
    return value && strcasecmp(value, word) == 0;
}

bool mqtt_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool mqtt_whole(const char *text, int64_t low, int64_t high, int64_t *ret_number)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < low || number > high)
        return false;
    *ret_number = number;
    return true;
}

/* ---- The config ----------------------------------------------------------------------------- */

const char *mqtt_posted(const mqtt_config *config, const char *key)
{
    const char *value = NULL;

    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->pairs[i].key, key) == 0)
            value = config->pairs[i].value;
    return value;
}

static mqtt_meaning *find(const mqtt_config *config, const char *key)
{
    for (size_t i = 0; i < config->meant_count; i++)
        if (strcmp(config->meant[i].key, key) == 0)
            return &config->meant[i];
    return NULL;
}

const char *mqtt_meant(const mqtt_config *config, const char *key)
{
    const mqtt_meaning *meaning = find(config, key);

    return meaning ? meaning->value : NULL;
}

static void add(mqtt_config *config, const char *key, const char *value, const char *origin)
{
    mqtt_meaning *meaning;

    if (config->meant_count == config->meant_room) {
        config->meant_room = config->meant_room ? 2 * config->meant_room : 64;
        config->meant = mqtt_realloc(config->meant, config->meant_room, sizeof(*config->meant));
    }
    meaning = &config->meant[config->meant_count++];
    meaning->key = mqtt_strndup(key, strlen(key));
    meaning->value = mqtt_strndup(value, strlen(value));
    meaning->origin = origin;
}

void mqtt_mean(mqtt_config *config, const char *key, const char *value)
{
    add(config, key, value, key);
}

void mqtt_mean_alias(mqtt_config *config, const char *alias, const char *canonical,
                     const char *value)
{
    const mqtt_meaning *before = find(config, canonical);
    const char *given = mqtt_posted(config, canonical), *other = canonical;

    if (!given && before) {
        given = before->value;
        other = before->origin;
    }
    if (!given)
        add(config, canonical, value, alias);
    else if (strcmp(given, value) != 0)
        MQTT_NOTE(config, WEIR_ERROR, alias, "contradicts %s: give one of the two", other);
}

void mqtt_mean_default(mqtt_config *config, const char *key, const char *value, const char *whose)
{
    if (find(config, key))
        return;
    add(config, key, value, NULL);
    MQTT_NOTE(config, WEIR_INFO, key, "%s, %s, for none was given", value, whose);
}

void mqtt_config_clear(mqtt_config *config)
{
    for (size_t i = 0; i < config->meant_count; i++) {
        free(config->meant[i].key);
        free(config->meant[i].value);
    }
    free(config->meant);
    config->meant = NULL;
    config->meant_count = config->meant_room = 0;
}

/* ---- Tables --------------------------------------------------------------------------------- */

bool mqtt_key_fits(const char *key, const char *row)
{
    size_t size = strlen(row);

    return row[size - 1] == '.' ? strncmp(key, row, size) == 0 : strcmp(key, row) == 0;
}

bool mqtt_alias_apply(mqtt_config *config, const mqtt_alias *table, const char *key,
                      const char *value)
{
    for (const mqtt_alias *row = table; row->key; row++) {
        if (!mqtt_key_fits(key, row->key))
            continue;
        if (row->canonical)
            mqtt_mean_alias(config, key, row->canonical, value);
        else if (row->rule)
            row->rule(config, key, value);
        else if (row->says)
            MQTT_NOTE(config, row->level, key, "%s", row->says);
        return true;
    }
    return false;
}
