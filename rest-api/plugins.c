/* plugins.c - what can be run here, and is this config one for it? (connect-rest-api.md 1.7) */
#include "rest-api/handlers.h"

#include "base/mem.h"
#include "plugin/connector_check.h"
#include "plugin/registry.h"
#include "rest-api/ask.h"
#include "rest-api/body.h"
#include "rest-api/probe.h"

#include <string.h>

/* ---- GET /connector-plugins -------------------------------------------------------------- */

/* Converters are the worker's own (record/converter.h), under Java's names. */
static const struct {
    const char *class_name, *type;
} converters[] = {
    {"org.apache.kafka.connect.converters.ByteArrayConverter", "converter"},
    {"org.apache.kafka.connect.json.JsonConverter", "converter"},
    {"org.apache.kafka.connect.storage.StringConverter", "converter"},
    {"org.apache.kafka.connect.json.JsonConverter", "header_converter"},
    {"org.apache.kafka.connect.storage.SimpleHeaderConverter", "header_converter"},
    {"org.apache.kafka.connect.storage.StringConverter", "header_converter"},
};

static void add_plugin(json_t *list, const char *class_name, const char *type, const char *version)
{
    json_t *one = json_object();

    weir_json_set_str(one, "class", class_name);
    weir_json_set_str(one, "type", type);
    if (version)
        weir_json_set_str(one, "version", version);
    json_array_append_new(list, one);
}

static void add_connectors(json_t *list, const weir_registry *registry, bool sources)
{
    for (size_t i = 0; i < weir_registry_count(registry); i++) {
        const weir_plugin *plugin = weir_registry_at(registry, i);
        const weir_plugin_desc *desc = weir_plugin_desc_of(plugin);

        if (weir_plugin_is_source(plugin) != sources)
            continue;
        add_plugin(list, desc->name, sources ? "source" : "sink", desc->version);
        /* Who looks for the JVM class that a config names must find it. */
        for (const char *const *alias = desc->aliases; alias && *alias; alias++)
            add_plugin(list, *alias, sources ? "source" : "sink", desc->version);
    }
}

void weir_handle_plugins(weir_call *call)
{
    json_t *list = json_array();

    add_connectors(list, call->options->registry, false);
    add_connectors(list, call->options->registry, true);
    if (!weir_path_flag(&call->path, "connectorsOnly", true))
        for (size_t i = 0; i < WEIR_COUNT(converters); i++)
            add_plugin(list, converters[i].class_name, converters[i].type, NULL);
    weir_call_json(call, 200, list);
    json_decref(list);
}

/* ---- GET /connector-plugins/{p}/config --------------------------------------------------- */

/* "1.0.0" or "[1.0.0]"; other ranges name no version that we have. */
static bool is_version(const char *asked, const char *version)
{
    size_t size = strlen(version);

    return strcmp(asked, version) == 0 ||
           (asked[0] == '[' && strncmp(asked + 1, version, size) == 0 &&
            strcmp(asked + 1 + size, "]") == 0);
}

void weir_handle_definitions(weir_call *call)
{
    const char *name = call->args[0], *asked = weir_path_param(&call->path, "version");
    const weir_plugin *plugin = weir_registry_find(call->options->registry, name);
    const weir_plugin_desc *desc = plugin ? weir_plugin_desc_of(plugin) : NULL;

    if (!plugin) {
        char *text = weir_format("Unknown plugin %s.", name);

        weir_call_error(call, 404, text);
        free(text);
    } else if (asked && *asked && !is_version(asked, desc->version)) {
        char *text = weir_format("Plugin %s not found that matches the version range [%s,%s], "
                                 "available versions: [%s]",
                                 name, asked, asked, desc->version);

        weir_call_error(call, 400, text);
        free(text);
    } else {
        json_t *body = weir_check_definitions(plugin);

        weir_call_json(call, 200, body);
        json_decref(body);
    }
}

/* ---- PUT /connector-plugins/{p}/config/validate ------------------------------------------ */

/* Without a report there is only the reason; Connect gives its reasons here as 500, with the class
 * that carried them, except for a class that the path contradicts. */
static void answer_refusal(weir_call *call, const weir_props *config, const weir_check *check)
{
    static const char carrier[] =
        "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: ";
    const char *message = check->message ? check->message : check->err.msg;
    bool has_class = weir_props_get(config, "connector.class") != NULL;

    if (check->code == WEIR_INVALID && has_class) {
        weir_call_error(call, 400, message);
    } else if (check->code == WEIR_INVALID || check->code == WEIR_NOT_FOUND) {
        char *text = weir_format("%s%s", carrier, message);

        weir_call_error(call, 500, text);
        free(text);
    } else {
        weir_call_error(call, weir_http_status(check->code), message);
    }
}

/* What Kafka's body has no place for: warnings, hints, the results of a probe. */
static void add_notes(const weir_call *call, const weir_check *check)
{
    if (call->options->settings->rest_status_details && json_array_size(check->notes) > 0)
        json_object_set(check->report, "notes", check->notes);
}

static void validate(weir_call *call, const weir_props *config)
{
    weir_check check = {.code = WEIR_OK};
    weir_check_request request = {
        .registry = call->options->registry,
        .worker = &call->options->settings->props,
        .providers = call->options->settings->providers,
        .class_in_path = call->args[0],
        .config = config,
        .plan = true, /* so that it hears what POST would be told */
        .probe = weir_path_flag(&call->path, "probe", false),
    };
    weir_code rc = weir_check_on(call->options->foreign, &request, &check);

    if (atomic_load(&call->abandoned)) {
        weir_check_clear(&check);
        return;
    }
    if (rc != WEIR_OK && check.code == WEIR_OK)
        check.code = rc;
    if (check.code == WEIR_OK && request.probe)
        weir_probe_topics(request.registry, request.worker, &check.resolved, &check);
    if (check.report && (check.code == WEIR_OK || check.code == WEIR_INVALID)) {
        add_notes(call, &check);
        weir_call_json(call, 200, check.report);
    } else {
        answer_refusal(call, config, &check);
    }
    weir_check_clear(&check);
}

void weir_handle_validate(weir_call *call)
{
    weir_props config = WEIR_PROPS;
    weir_err err;
    weir_code rc =
        weir_body_config(&call->body, call->options->settings->rest_comments, &config, &err);

    if (rc == WEIR_OK)
        validate(call, &config);
    else
        weir_call_error(call, weir_http_status(rc), err.msg);
    weir_props_clear(&config);
}
