/* check_converters.c - which converters there are, and their own options.
 *
 * The one list of names in this layer; record/converter.c makes them. A class has three names, as
 * in Connect: full, simple, and simple without its suffix. The level that names the class supplies
 * its options (connect-internals.md 5), so a connector's are looked at only beside its class.
 */
#include "plugin/check_internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

typedef struct converter_options {
    bool schemas_enable;
    const char *encoding;
} converter_options;

static const char *const encodings[] = {"UTF8", "UTF-8", NULL};
static const weir_option json_options[] = {
    {"schemas.enable", WEIR_FIELD(converter_options, schemas_enable), .fallback = "true",
     .importance = WEIR_HIGH, .group = "Schemas",
     .doc = "Whether each text carries its schema beside its payload."},
    {0},
};
static const weir_option string_options[] = {
    {"converter.encoding", WEIR_FIELD(converter_options, encoding), .fallback = "UTF8",
     .allowed = encodings, .importance = WEIR_HIGH, .group = "Encoding",
     .doc = "Encoding of the bytes; UTF-8 is the only one."},
    {0},
};
static const weir_option no_options[] = {{0}};

static const struct {
    const char *full, *simple, *pruned;
    bool headers_only;
    const weir_option *options;
} converters[] = {
    {"org.apache.kafka.connect.converters.ByteArrayConverter", "ByteArrayConverter", "ByteArray",
     false, no_options},
    {"org.apache.kafka.connect.json.JsonConverter", "JsonConverter", "Json", false, json_options},
    {"org.apache.kafka.connect.storage.SimpleHeaderConverter", "SimpleHeaderConverter", "Simple",
     true, no_options},
    {"org.apache.kafka.connect.storage.StringConverter", "StringConverter", "String", false,
     string_options},
};

/* WEIR_COUNT(converters): none of ours. */
static size_t find(const char *name)
{
    size_t i = 0;

    while (i < WEIR_COUNT(converters) && strcmp(name, converters[i].full) != 0 &&
           strcmp(name, converters[i].simple) != 0 && strcmp(name, converters[i].pruned) != 0)
        i++;
    return i;
}

const char *weir_converter_class(const char *name)
{
    size_t i = find(name);

    return i < WEIR_COUNT(converters) ? converters[i].full : NULL;
}

bool weir_converter_serves(const char *class_name, const char *key)
{
    size_t i = find(class_name);

    return i < WEIR_COUNT(converters) &&
           (!converters[i].headers_only || strcmp(key, "header.converter") == 0);
}

json_t *weir_converter_classes_for(const char *key)
{
    json_t *classes = json_array();

    for (size_t i = 0; i < WEIR_COUNT(converters); i++)
        if (weir_converter_serves(converters[i].full, key))
            json_array_append_new(classes, json_string(converters[i].full));
    return classes;
}

const weir_option *weir_converter_options(const weir_examination *x, const char *key)
{
    char *name = weir_trimmed(weir_examined(x, key));
    const weir_option *options = no_options;

    if (name && weir_converter_serves(name, key))
        options = converters[find(name)].options;
    free(name);
    return options;
}

const char *weir_converter_key(const weir_examination *x, const char *key)
{
    static const char *const keys[] = {"header.converter", "key.converter", "value.converter"};

    for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
        size_t size = strlen(keys[i]);
        const char *value;
        char *name;

        if (strncmp(key, keys[i], size) != 0 || (key[size] && key[size] != '.'))
            continue;
        value = weir_examined(x, keys[i]) ? weir_examined(x, key)
                                          : weir_props_get(x->request->worker, key);
        if (key[size] || !value)
            return value;
        name = weir_trimmed(value);
        value = weir_converter_class(name) ? weir_converter_class(name) : value;
        free(name);
        return value;
    }
    return weir_examined(x, key);
}

/* The text names the bare option, its entry the whole key: so does Kafka. */
void weir_check_converters(weir_examination *x)
{
    static const char *const keys[] = {"header.converter", "key.converter", "value.converter"};

    for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
        const weir_option *option = weir_converter_options(x, keys[i]);

        for (; option->name; option++) {
            char *key = weir_format("%s.%s", keys[i], option->name);
            weir_err err;

            if (weir_option_check(option, weir_examined(x, key), &err) != WEIR_OK)
                weir_find(x, key, "%s", err.msg);
            free(key);
        }
    }
}
