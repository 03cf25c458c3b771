/* probe.c - see probe.h. */
#include "rest-api/probe.h"

#include "base/mem.h"
#include "config/client_config.h"
#include "kafka/topic_look.h"

#include <stdarg.h>
#include <string.h>

#define LIMIT_MS 5000

static void note(weir_check *check, const char *level, const char *key, const char *text)
{
    char *clean = weir_secrets_hide(&check->secrets, text);
    json_t *one = json_object();

    weir_json_set_str(one, "level", level);
    weir_json_set_str(one, "key", key);
    weir_json_set_str(one, "text", clean ? clean : text);
    json_array_append_new(check->notes, one);
    free(clean);
}

static void find(weir_check *check, const char *key, const char *text)
{
    char *clean = weir_secrets_hide(&check->secrets, text);
    size_t index;
    json_t *entry;

    json_array_foreach (json_object_get(check->report, "configs"), index, entry) {
        json_t *value = json_object_get(entry, "value");

        if (weir_same(weir_json_str(value, "name"), key))
            json_array_append_new(json_object_get(value, "errors"),
                                  json_string(clean ? clean : text));
    }
    free(clean);
    json_object_set_new(check->report, "error_count",
                        json_integer(weir_json_int(check->report, "error_count", 0) + 1));
}

/* A template is no topic's name; what it renders is known message by message. */
static bool is_name(const char *text)
{
    return *text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               strlen(text);
}

static void tell_missing(weir_check *check, const char *key, const char *topic,
                         const weir_topic_view *view)
{
    char *text;

    if (view->creates == WEIR_NO) {
        text = weir_format("topic '%s' does not exist, and Kafka creates none by itself: tasks "
                           "would wait for it",
                           topic);
        note(check, "WARN", key, text);
    } else if (view->creates == WEIR_UNKNOWN) {
        text = weir_format("topic '%s' does not exist; whether Kafka would create it, it does not "
                           "tell this user",
                           topic);
        note(check, "WARN", key, text);
    } else if (view->default_replication > view->brokers) {
        text = weir_format("topic '%s' does not exist, and Kafka cannot create it: "
                           "default.replication.factor is %d, and there are %d brokers",
                           topic, view->default_replication, view->brokers);
        find(check, key, text);
    } else {
        text =
            weir_format("topic '%s' does not exist; Kafka creates it at the first record", topic);
        note(check, "INFO", key, text);
    }
    free(text);
}

static void look(const weir_props *client, const char *key, const char *topic, weir_check *check)
{
    weir_topic_view view;
    weir_err err;
    char *text;

    if (!is_name(topic)) {
        note(check, "INFO", key, "is no name of one topic, so none was looked for");
    } else if (weir_topic_look(client, topic, LIMIT_MS, &view, &err) != WEIR_OK) {
        text = weir_format("Kafka: %s", err.msg);
        find(check, key, text);
        free(text);
    } else if (!view.exists) {
        tell_missing(check, key, topic, &view);
    } else {
        text = weir_format("topic '%s' exists, with %d partition%s", topic, view.partitions,
                           view.partitions == 1 ? "" : "s");
        note(check, "INFO", key, text);
        free(text);
    }
}

void weir_probe_topics(const weir_registry *registry, const weir_props *worker,
                       const weir_props *config, weir_check *check)
{
    const char *class_name = weir_props_get(&check->normalised, "connector.class");
    const weir_plugin *plugin = class_name ? weir_registry_find(registry, class_name) : NULL;
    const weir_plugin_desc *desc = plugin ? weir_plugin_desc_of(plugin) : NULL;
    weir_props client = WEIR_PROPS;
    weir_err err;

    if (!desc || !WEIR_HAS(desc, topic_keys) || !check->notes ||
        weir_client_config_build(WEIR_CLIENT_PRODUCER, worker, config, &client, &err) != WEIR_OK)
        goto out; /* the check has said what is wrong with the client */
    for (const char *const *key = desc->topic_keys; *key; key++) {
        const weir_option *option = weir_option_find(desc->options, *key);
        const char *topic = weir_props_get(&check->normalised, *key);

        if (!topic && option)
            topic = weir_option_default(option);
        if (topic)
            look(&client, *key, topic, check);
    }
out:
    weir_props_clear(&client);
}
