/* connector_rules.c - Kafka's rules for the keys every connector has, in Kafka's words
 * (connect-rest-api.md 4.2). */
#include "plugin/check_internal.h"

#include "base/buf.h"
#include "base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Rules -------------------------------------------------------------------------------- */

/* What the option table says, and no more. */
static void by_option(weir_examination *x, const weir_option *option, const char *value, bool null)
{
    weir_err err;

    if (!null && weir_option_check(option, value, &err) != WEIR_OK)
        weir_find(x, option->name, "%s", err.msg);
}

static void any_text(weir_examination *x, const weir_option *option, const char *value, bool null)
{
    if (!null && !value && !option->fallback)
        weir_find(x, option->name,
                  "Missing required configuration \"%s\" which has no default value.",
                  option->name);
}

/* ISO control characters: U+0000 … U+001F and U+007F … U+009F, the latter as C2 80 … C2 9F. */
static void list_controls(const char *text, weir_buf *codes)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        int code = -1;

        if (*at < 0x20 || *at == 0x7F)
            code = *at;
        else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F)
            code = at[1];
        if (code >= 0)
            weir_buf_format(codes, "%s%d", codes->size ? ", " : "", code);
    }
}

static void rule_name(weir_examination *x, const weir_option *option, const char *value, bool null)
{
    weir_buf codes = WEIR_BUF;

    any_text(x, option, value, null);
    if (!value)
        return;
    list_controls(value, &codes);
    if (*value == '\0')
        weir_find(x, "name", "Invalid value %s for configuration name: String may not be empty",
                  value);
    else if (codes.size > 0)
        weir_find(x, "name",
                  "Invalid value %s for configuration name: String may not contain control "
                  "sequences but had the following ASCII chars: %s",
                  value, weir_buf_text(&codes));
    weir_buf_free(&codes);
}

static void rule_tasks_max(weir_examination *x, const weir_option *option, const char *value,
                           bool null)
{
    char *end;
    long long number = 1;

    if (value) {
        number = strtoll(value, &end, 10);
        if (end == value || *end != '\0' || number < INT32_MIN || number > INT32_MAX) {
            weir_find(x, option->name,
                      "Invalid value %s for configuration %s: Not a number of "
                      "type INT",
                      value, option->name);
            null = true;
        } else if (number < 1) {
            weir_find(x, option->name,
                      "Invalid value %lld for configuration %s: Value must be at least 1", number,
                      option->name);
        }
    }
    if (null)
        weir_find(x, option->name,
                  "Invalid value null for configuration %s: Value must be non-null", option->name);
    x->tasks_max = number;
}

/* One of the allowed, in this very spelling. */
static void rule_exact(weir_examination *x, const weir_option *option, const char *value, bool null)
{
    weir_buf allowed = WEIR_BUF;
    bool found = false;

    if (!value && !null)
        return;
    for (size_t i = 0; option->allowed[i]; i++) {
        found = found || (value && strcmp(option->allowed[i], value) == 0);
        weir_buf_format(&allowed, "%s%s", i ? ", " : "", option->allowed[i]);
    }
    if (!found)
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: String must be one of: %s",
                  value ? value : "null", option->name, weir_buf_text(&allowed));
    weir_buf_free(&allowed);
}

static bool allowed_in_any_case(const weir_option *option, const char *value)
{
    for (size_t i = 0; option->allowed[i]; i++)
        if (strcasecmp(option->allowed[i], value) == 0)
            return true;
    return false;
}

static void rule_exactly_once(weir_examination *x, const weir_option *option, const char *value,
                              bool null)
{
    if (null || !value)
        return;
    if (!allowed_in_any_case(option, value))
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: String must be one of (case "
                  "insensitive): REQUIRED, REQUESTED",
                  value, option->name);
    else if (strcasecmp(value, "required") == 0)
        weir_find(x, option->name,
                  "This worker does not have exactly-once source support enabled.");
}

static void rule_boundary(weir_examination *x, const weir_option *option, const char *value,
                          bool null)
{
    if (null || !value)
        return;
    if (!allowed_in_any_case(option, value))
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: String must be one of (case "
                  "insensitive): INTERVAL, POLL, CONNECTOR",
                  value, option->name);
    else if (strcasecmp(value, "connector") == 0)
        weir_find(x, option->name,
                  "The connector does not support connector-defined transaction boundaries with "
                  "the given configuration. Please reconfigure it to use a different transaction "
                  "boundary definition.");
}

static void rule_interval(weir_examination *x, const weir_option *option, const char *value,
                          bool null)
{
    char *end;
    long long number;

    if (null || !value)
        return;
    number = strtoll(value, &end, 10);
    if (end == value || *end != '\0')
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: Not a number of type LONG", value,
                  option->name);
    else if (number < 0)
        weir_find(x, option->name,
                  "Invalid value %lld for configuration %s: Value must be at least 0", number,
                  option->name);
}

static void rule_not_empty(weir_examination *x, const weir_option *option, const char *value,
                           bool null)
{
    if (!null && value && *value == '\0')
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: String must be non-empty", value,
                  option->name);
}

static void rule_converter(weir_examination *x, const weir_option *option, const char *value,
                           bool null)
{
    const char *class_name;

    if (null || !value)
        return;
    class_name = weir_converter_class(value);
    if (!class_name)
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: Class %s could not be found.", value,
                  option->name, value);
    else if (!weir_converter_serves(class_name, option->name))
        weir_find(x, option->name, "Class class %s does not implement the Converter interface",
                  class_name);
}

/* "1.0.0", or "[1.0.0]" as Maven writes exactly that one. */
static void rule_version(weir_examination *x, const weir_option *option, const char *value,
                         bool null)
{
    size_t length = value ? strlen(value) : 0;
    bool bracketed = length > 2 && value[0] == '[' && value[length - 1] == ']';
    const char *has = x->desc->version;
    char *range;

    if (null || !value)
        return;
    if (strcmp(value, has) == 0 ||
        (bracketed && strlen(has) == length - 2 && strncmp(value + 1, has, length - 2) == 0))
        return;
    range = bracketed ? weir_strdup(value) : weir_format("[%s,%s]", value, value);
    for (int i = 0; i < 2; i++)
        weir_find(x, i == 0 ? "connector.class" : option->name,
                  "Plugin %s not found that matches the version range %s, available versions: [%s]",
                  x->class_said, range, has);
    free(range);
}

/* ---- Transforms and predicates ------------------------------------------------------------ */

typedef struct alias_walk {
    weir_examination *x;
    const char *list; /* the key: transforms, predicates */
    json_t *seen;
    weir_buf shown;
    bool twice;
} alias_walk;

/* None is built in, so every class they name could not be found. */
static void check_alias(void *ctx, const char *alias)
{
    alias_walk *walk = ctx;
    char *key = weir_format("%s.%s.type", walk->list, alias);
    const char *type = weir_examined(walk->x, key);

    weir_buf_format(&walk->shown, "%s%s", walk->shown.size ? ", " : "", alias);
    if (json_object_get(walk->seen, alias)) {
        walk->twice = true;
    } else if (strcmp(walk->list, "topic.creation.groups") != 0) {
        if (!type)
            weir_find(walk->x, key,
                      "Missing required configuration \"%s\" which has no default value.", key);
        else
            weir_find(walk->x, key,
                      "Invalid value %s for configuration %s: Class %s could not be found.", type,
                      key, type);
    }
    json_object_set_new(walk->seen, alias, json_true());
    free(key);
}

static void rule_aliases(weir_examination *x, const weir_option *option, const char *value,
                         bool null)
{
    alias_walk walk = {.x = x, .list = option->name, .seen = json_object()};

    if (null && strcmp(option->name, "topic.creation.groups") != 0)
        weir_find(x, option->name,
                  "Invalid value null for configuration %s: entry must be non null", option->name);
    weir_each_item(value ? value : "", check_alias, &walk);
    if (walk.twice)
        weir_find(x, option->name,
                  "Invalid value [%s] for configuration %s: Duplicate alias provided.",
                  weir_buf_text(&walk.shown), option->name);
    weir_buf_free(&walk.shown);
    json_decref(walk.seen);
}

/* ---- All of them -------------------------------------------------------------------------- */

const weir_connector_key weir_connector_keys[] = {
    {"name", NULL, 1, "MEDIUM", "Connector name", rule_name},
    {"connector.class", NULL, 2, "LONG", "Connector class", any_text},
    {"connector.plugin.version", NULL, 3, "MEDIUM", "Connector version", rule_version},
    {"tasks.max", "INT", 4, "SHORT", "Tasks max", rule_tasks_max},
    {"tasks.max.enforce", NULL, 5, "SHORT", "Enforce tasks max", by_option},
    {"key.converter", "CLASS", 6, "SHORT", "Key converter class", rule_converter},
    {"key.converter.plugin.version", NULL, 7, "SHORT", "Key converter version", any_text},
    {"value.converter", "CLASS", 8, "SHORT", "Value converter class", rule_converter},
    {"value.converter.plugin.version", NULL, 9, "SHORT", "Value converter version", any_text},
    {"header.converter", "CLASS", 10, "SHORT", "Header converter class", rule_converter},
    {"header.converter.plugin.version", NULL, 11, "SHORT", "Header converter version", any_text},
    {"transforms", NULL, 12, "LONG", "Transforms", rule_aliases},
    {"predicates", NULL, 13, "LONG", "Predicates", rule_aliases},
    {"config.action.reload", NULL, 14, "MEDIUM", "Reload Action", rule_exact},
    {"errors.retry.timeout", "LONG", 1, "MEDIUM", "Retry Timeout for Errors", by_option},
    {"errors.retry.delay.max.ms", "LONG", 2, "MEDIUM", "Maximum Delay Between Retries for Errors",
     by_option},
    {"errors.tolerance", NULL, 3, "SHORT", "Error Tolerance", rule_exact},
    {"errors.log.enable", NULL, 4, "SHORT", "Log Errors", by_option},
    {"errors.log.include.messages", NULL, 5, "SHORT", "Log Error Details", by_option},
    {"topic.creation.groups", NULL, 1, "LONG", "Topic Creation Groups", rule_aliases},
    {"exactly.once.support", NULL, 2, "SHORT", "Exactly once support", rule_exactly_once},
    {"transaction.boundary", NULL, 3, "SHORT", "Transaction Boundary", rule_boundary},
    {"transaction.boundary.interval.ms", "LONG", 4, "SHORT", "Transaction boundary interval",
     rule_interval},
    {"offsets.storage.topic", NULL, 1, "LONG", "Offsets topic", rule_not_empty},
};

size_t weir_connector_key_count(void)
{
    return WEIR_COUNT(weir_connector_keys);
}

void weir_check_common(weir_examination *x)
{
    for (size_t i = 0; i < WEIR_COUNT(weir_connector_keys); i++) {
        const weir_option *option = &weir_connector_options[i];
        char *value = weir_trimmed(weir_examined(x, option->name));
        bool null = weir_posted_null(x, option->name);

        if (!value && strcmp(option->name, "name") == 0 && !null && x->request->connector)
            value = weir_strdup(x->connector);
        weir_connector_keys[i].rule(x, option, value, null);
        if (null)
            weir_find(x, option->name, "%s", WEIR_NULL_VALUE);
        free(value);
    }
}
