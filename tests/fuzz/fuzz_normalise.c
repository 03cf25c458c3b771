/* fuzz_normalise.c - no posted config crashes mqtt-source, and what is read twice reads the same.
 *
 * First byte: the class. Then lines "key=value"; a key without "=" was posted as null. Keys are
 * long to guess, so a line that begins with a digit or letter and a blank names a foreign key by
 * number.
 */
#include "aliases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64 /* pairs */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct outcome {
    char *keys[2 * MOST + 64], *values[2 * MOST + 64];
    size_t count, errors;
} outcome;

static void hear_set(const weir_config_host *host, const char *key, const char *value)
{
    outcome *o = host->ctx;

    if (o->count == sizeof(o->keys) / sizeof(o->keys[0]))
        abort();
    o->keys[o->count] = strdup(key);
    o->values[o->count++] = strdup(value);
}

static void hear_note(const weir_config_host *host, weir_level level, const char *key,
                      const char *fmt, ...) WEIR_PRINTF(4, 5);
static void hear_note(const weir_config_host *host, weir_level level, const char *key,
                      const char *fmt, ...)
{
    outcome *o = host->ctx;

    if (!fmt || (key && !*key))
        abort();
    o->errors += level == WEIR_ERROR;
}

static void normalise(const char *class, const weir_pair *pairs, size_t count, outcome *o)
{
    weir_config_host host = {.size = sizeof(host),
                             .ctx = o,
                             .connector = "c",
                             .class_as_said = class,
                             .set = hear_set,
                             .note = hear_note};

    if (mqtt_normalise(&host, pairs, count) != WEIR_DONE)
        abort();
}

static void forget(outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->keys[i]);
        free(o->values[i]);
    }
}

/* "3 tcp://h": the value of the third key of the tables. */
static const char *key_by_number(const char *line, const char **ret_value)
{
    static const mqtt_alias *const tables[] = {mqtt_camel_aliases, mqtt_confluent_aliases,
                                               mqtt_lenses_aliases, mqtt_simple_aliases};
    int number = line[0] ? (unsigned char)line[0] - '0' : -1;

    if (number < 0 || line[1] != ' ')
        return NULL;
    *ret_value = line + 2;
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const mqtt_alias *row = tables[t]; row->key; row++)
            if (number-- == 0)
                return row->key;
    return NULL;
}

static size_t parse(char *text, weir_pair *pairs)
{
    char *rest = text, *line;
    size_t count = 0;

    while ((line = strsep(&rest, "\n")) && count < MOST) {
        char *equals = strchr(line, '=');
        const char *value, *key = key_by_number(line, &value);

        if (!*line)
            continue;
        if (!key && equals)
            *equals = '\0';
        if (key)
            pairs[count++] = (weir_pair){key, value};
        else if (*line)
            pairs[count++] = (weir_pair){line, equals ? equals + 1 : NULL};
    }
    return count;
}

/* What came out is in our own words: it comes out again as it is. */
static void check_again(const outcome *once)
{
    weir_pair pairs[2 * MOST + 64];
    outcome twice = {.count = 0};

    for (size_t i = 0; i < once->count; i++)
        pairs[i] = (weir_pair){once->keys[i], once->values[i]};
    normalise("mqtt-source", pairs, once->count, &twice);
    if (!once->errors && twice.count < once->count)
        abort();
    forget(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const classes[] = {"mqtt-source",     MQTT_CAMEL_CLASS,
                                          MQTT_CAMEL5_CLASS, MQTT_CONFLUENT_CLASS,
                                          MQTT_LENSES_CLASS, MQTT_OLD_LENSES_CLASS};
    weir_pair pairs[MOST];
    outcome once = {.count = 0};
    char *text;

    if (size < 1)
        return 0;
    text = strndup((const char *)bytes + 1, size - 1);
    normalise(classes[bytes[0] % 6], pairs, parse(text, pairs), &once);
    check_again(&once);
    forget(&once);
    free(text);
    return 0;
}
