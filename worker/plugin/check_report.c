/* check_report.c - the examination as Kafka's validation call shows it (connect-rest-api.md 1.1
 * and 1.7): field by field in Kafka's order. */
#include "plugin/check_internal.h"

#include "base/mem.h"
#include "config/client_config.h"

#include <stdio.h>
#include <string.h>

#define OVERRIDE "producer.override."

/* ---- Definitions -------------------------------------------------------------------------- */

typedef struct definition {
    const char *name, *type;
    const char *fallback; /* NULL: none */
    bool required;
    weir_importance importance;
    const char *doc, *group;
    int order;
    const char *width, *display;
} definition;

static const char *importance_text(weir_importance importance)
{
    switch (importance) {
    case WEIR_HIGH:
        return "HIGH";
    case WEIR_MEDIUM:
        return "MEDIUM";
    case WEIR_LOW:
        break;
    }
    return "LOW";
}

static json_t *text_or_null(const char *text)
{
    json_t *json = text ? json_string(text) : NULL;

    return json ? json : json_null();
}

static json_t *definition_json(const definition *d)
{
    json_t *json = json_object();

    json_object_set_new(json, "name", json_string(d->name));
    json_object_set_new(json, "type", json_string(d->type));
    json_object_set_new(json, "required", json_boolean(d->required));
    json_object_set_new(json, "default_value", text_or_null(d->fallback));
    json_object_set_new(json, "importance", json_string(importance_text(d->importance)));
    json_object_set_new(json, "documentation", text_or_null(d->doc ? d->doc : ""));
    json_object_set_new(json, "group", text_or_null(d->group));
    json_object_set_new(json, "order_in_group", json_integer(d->order));
    json_object_set_new(json, "width", json_string(d->width));
    json_object_set_new(json, "display_name", json_string(d->display));
    json_object_set_new(json, "dependents", json_array());
    return json;
}

/* `fallback` replaces the option's own default where worker or plugin say what it is. */
static json_t *common_definition(size_t index, const char *fallback)
{
    const weir_option *option = &weir_connector_options[index];
    const weir_connector_key *key = &weir_connector_keys[index];
    definition d = {
        .name = option->name,
        .type = key->type ? key->type : weir_option_type_text(option),
        .fallback = fallback ? fallback : weir_option_default(option),
        .required = !option->fallback,
        .importance = option->importance,
        .doc = option->doc,
        .group = option->group,
        .order = key->order,
        .width = key->width,
        .display = key->display,
    };

    return definition_json(&d);
}

static json_t *plugin_definition(const weir_option *options, const weir_option *option)
{
    definition d = {
        .name = option->name,
        .type = weir_option_type_text(option),
        .fallback = weir_option_default(option),
        .required = !option->fallback,
        .importance = option->importance,
        .doc = option->doc,
        .group = option->group,
        .order = option->group ? 1 : -1,
        .width = "NONE",
        .display = option->name,
    };

    /* A default secret would be a shared one, and is hidden all the same. */
    if (option->secret && d.fallback && *d.fallback)
        d.fallback = "[hidden]";
    for (const weir_option *before = options; option->group && before < option; before++)
        if (before->group && strcmp(before->group, option->group) == 0)
            d.order++;
    return definition_json(&d);
}

json_t *weir_check_definitions(const weir_plugin *plugin)
{
    const weir_plugin_desc *desc = weir_plugin_desc_of(plugin);
    json_t *all = json_array();

    for (const weir_option *option = desc->options; option->name; option++)
        if (option->type != WEIR_PAIRS) /* Kafka has no words for a family of keys */
            json_array_append_new(all, plugin_definition(desc->options, option));
    for (size_t i = 0; i < weir_connector_key_count(); i++) {
        const char *name = weir_connector_options[i].name;
        bool version = strcmp(name, "connector.plugin.version") == 0;

        if (!weir_option_find(desc->options, name))
            json_array_append_new(all, common_definition(i, version ? desc->version : NULL));
    }
    return all;
}

/* ---- Entries ------------------------------------------------------------------------------ */

typedef struct writer {
    const weir_examination *x;
    json_t *configs;
    json_t *groups;
    json_t *named; /* the keys that have an entry */
    size_t errors; /* strings */
} writer;

static json_t *errors_of(const weir_examination *x, const char *key)
{
    json_t *errors = json_array();

    for (size_t i = 0; i < x->finding_count; i++)
        if (strcmp(x->findings[i].key, key) == 0)
            json_array_append_new(errors, text_or_null(x->findings[i].text));
    return errors;
}

static void add_group(writer *w, const json_t *described)
{
    const char *group = weir_json_str(described, "group");
    size_t index;
    json_t *known;

    if (!group)
        return;
    json_array_foreach (w->groups, index, known) {
        if (strcmp(json_string_value(known), group) == 0)
            return;
    }
    json_array_append_new(w->groups, json_string(group));
}

/* Takes `described` (NULL: no definition) and `recommended` (NULL: none). Returns its errors. */
static size_t add_entry(writer *w, const char *key, json_t *described, const char *value,
                        json_t *recommended)
{
    json_t *entry = json_object(), *shown = json_object();
    json_t *errors = errors_of(w->x, key);
    size_t count = json_array_size(errors);
    char *safe = weir_check_safe_value(w->x, key, value);

    if (described)
        add_group(w, described);
    json_object_set_new(shown, "name", json_string(key));
    json_object_set_new(shown, "value", text_or_null(safe));
    json_object_set_new(shown, "recommended_values", recommended ? recommended : json_array());
    json_object_set_new(shown, "errors", errors);
    json_object_set_new(shown, "visible", json_true());
    json_object_set_new(entry, "definition", described ? described : json_null());
    json_object_set_new(entry, "value", shown);
    json_array_append_new(w->configs, entry);
    json_object_set_new(w->named, key, json_true());
    free(safe);
    return count;
}

/* ---- Kafka's keys ------------------------------------------------------------------------- */

static bool is_converter(const char *key)
{
    return strcmp(key, "key.converter") == 0 || strcmp(key, "value.converter") == 0 ||
           strcmp(key, "header.converter") == 0;
}

/* The default as it is here: the worker's converters, the plugin's version. */
static const char *local_default(const weir_examination *x, const weir_props *worker,
                                 const char *key)
{
    if (strcmp(key, "connector.plugin.version") == 0)
        return x->desc->version;
    return is_converter(key) ? weir_props_get(worker, key) : NULL;
}

static char *common_value(const weir_examination *x, size_t index, const char *fallback)
{
    const weir_option *option = &weir_connector_options[index];
    const char *value = weir_examined(x, option->name);
    char *name;

    if (weir_posted_null(x, option->name))
        return NULL;
    if (!value && strcmp(option->name, "name") == 0 && x->request->connector)
        value = x->connector;
    if (!value)
        value = fallback ? fallback : weir_option_default(option);
    if (!value || !is_converter(option->name))
        return weir_shown_value(option, value);
    name = weir_trimmed(value);
    value = weir_converter_class(name);
    free(name);
    return weir_strdup(value);
}

static void add_common(writer *w, const weir_props *worker)
{
    for (size_t i = 0; i < weir_connector_key_count(); i++) {
        const char *key = weir_connector_options[i].name;
        const char *fallback = local_default(w->x, worker, key);
        char *value = common_value(w->x, i, fallback);
        json_t *recommended = NULL;

        if (is_converter(key)) {
            recommended = weir_converter_classes_for(key);
        } else if (strcmp(key, "connector.plugin.version") == 0) {
            recommended = json_array();
            json_array_append_new(recommended, json_string(w->x->desc->version));
        }
        w->errors += add_entry(w, key, common_definition(i, fallback), value, recommended);
        free(value);
    }
}

typedef struct alias_entries {
    writer *writer;
    const char *list, *heading, *display;
} alias_entries;

static void add_alias(void *ctx, const char *alias)
{
    alias_entries *entries = ctx;
    writer *w = entries->writer;
    char *key = weir_format("%s.%s.type", entries->list, alias);
    char *group = weir_format("%s: %s", entries->heading, alias);
    char *display = weir_format("%s for %s", entries->display, alias);
    definition d = {.name = key,
                    .type = "CLASS",
                    .required = true,
                    .importance = WEIR_HIGH,
                    .doc = "Class that does it.",
                    .group = group,
                    .order = 0,
                    .width = "LONG",
                    .display = display};

    if (!json_object_get(w->named, key))
        w->errors += add_entry(w, key, definition_json(&d), NULL, NULL);
    free(key);
    free(group);
    free(display);
}

static void add_aliases(writer *w)
{
    alias_entries transforms = {w, "transforms", "Transforms", "Transformation type"};
    alias_entries predicates = {w, "predicates", "Predicates", "Predicate type"};
    const char *list = weir_examined(w->x, "transforms");

    weir_each_item(list ? list : "", add_alias, &transforms);
    list = weir_examined(w->x, "predicates");
    weir_each_item(list ? list : "", add_alias, &predicates);
}

/* ---- The others --------------------------------------------------------------------------- */

static void add_plugin(writer *w)
{
    const weir_option *options = w->x->desc->options;

    for (const weir_option *option = options; option->name; option++) {
        const char *given = weir_props_get(&w->x->normalised, option->name);
        char *value;

        if (option->type == WEIR_PAIRS || json_object_get(w->named, option->name))
            continue;
        value = weir_shown_value(option, given ? given : weir_option_default(option));
        w->errors += add_entry(w, option->name, plugin_definition(options, option), value, NULL);
        free(value);
    }
}

/* Counted by entries, not by strings, as Kafka does. */
static void add_overrides(writer *w)
{
    WEIR_PROPS_EACH (pair, w->x->config) {
        const char *value = pair->value;

        if (strncmp(pair->key, OVERRIDE, strlen(OVERRIDE)) != 0 ||
            json_object_get(w->named, pair->key))
            continue;
        if (value && weir_client_property_is_secret(pair->key + strlen(OVERRIDE)))
            value = "[hidden]";
        w->errors += add_entry(w, pair->key, NULL, value, NULL) > 0;
    }
}

/* Only beside a class that the connector names itself; counted like overrides. */
static void add_converters(writer *w)
{
    static const char *const keys[] = {"header.converter", "key.converter", "value.converter"};

    for (size_t i = 0; i < WEIR_COUNT(keys); i++) {
        const weir_option *option = weir_converter_options(w->x, keys[i]);

        for (; option->name; option++) {
            char *key = weir_format("%s.%s", keys[i], option->name);
            const char *given = weir_examined(w->x, key);
            char *value = weir_shown_value(option, given ? given : option->fallback);
            definition d = {.name = key,
                            .type = weir_option_type_text(option),
                            .fallback = option->fallback,
                            .importance = option->importance,
                            .doc = option->doc,
                            .group = option->group,
                            .order = 0,
                            .width = "MEDIUM",
                            .display = option->name};

            w->errors += add_entry(w, key, definition_json(&d), value, NULL) > 0;
            free(value);
            free(key);
        }
    }
}

/* Keys that are wrong and nobody's: they come first. */
static void add_undefined(writer *w)
{
    json_t *defined = w->configs;

    w->configs = json_array();
    for (size_t i = 0; i < w->x->finding_count; i++) {
        const char *key = w->x->findings[i].key;

        if (!json_object_get(w->named, key))
            w->errors += add_entry(w, key, NULL, NULL, NULL);
    }
    json_array_extend(w->configs, defined);
    json_decref(defined);
}

json_t *weir_check_report(const weir_examination *x, const weir_props *worker)
{
    writer w = {.x = x, .configs = json_array(), .groups = json_array(), .named = json_object()};
    json_t *report = json_object();

    add_common(&w, worker);
    add_aliases(&w);
    add_plugin(&w);
    add_overrides(&w);
    add_converters(&w);
    add_undefined(&w);
    json_object_set_new(report, "name", text_or_null(x->class_said));
    json_object_set_new(report, "error_count", json_integer((json_int_t)w.errors));
    json_object_set_new(report, "groups", w.groups);
    json_object_set_new(report, "configs", w.configs);
    json_decref(w.named);
    return report;
}
