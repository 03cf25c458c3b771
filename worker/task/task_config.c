/* task_config.c - see task_config.h. */
#include "task/task_config.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "plugin/connector_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- The plugin --------------------------------------------------------------------------- */

static void list_plugins(const weir_registry *registry, weir_buf *out)
{
    size_t count = registry ? weir_registry_count(registry) : 0;

    for (size_t i = 0; i < count; i++) {
        const weir_plugin_desc *desc = weir_plugin_desc_of(weir_registry_at(registry, i));

        weir_buf_format(out, "%s%s", i ? ", " : "", desc->name);
    }
    if (count == 0)
        weir_buf_text_add(out, "(none)");
}

static weir_code find_plugin(const weir_task_config_source *source, weir_task_config *config,
                             weir_err *err)
{
    const char *name = weir_props_get(source->connector_config, "connector.class");
    const weir_plugin *plugin = NULL;
    weir_buf known = WEIR_BUF;
    weir_code rc = WEIR_OK;

    config->plugin = source->plugin;
    if (config->plugin)
        return WEIR_OK;
    if (!name)
        name = weir_props_get(source->task_config, "connector.class");
    if (name && source->registry)
        plugin = weir_registry_find(source->registry, name);
    if (!plugin) {
        list_plugins(source->registry, &known);
        rc = weir_fail(err, WEIR_NOT_FOUND,
                       "Failed to find any class that implements Connector and which name matches "
                       "%s, available connectors on this worker are: %s",
                       name ? name : "(no connector.class)", weir_buf_text(&known));
    } else if (!weir_plugin_is_source(plugin)) {
        rc = weir_fail(err, WEIR_INVALID, "plugin '%s' is no source", name);
    } else {
        config->plugin = weir_plugin_desc_of(plugin);
    }
    weir_buf_free(&known);
    return rc;
}

/* ---- Converters --------------------------------------------------------------------------- */

/* The level that names the class supplies its options; the other level's are not looked at. */
static weir_code make_converter(const weir_task_config_source *source, weir_converter_use use,
                                weir_task_config *config, weir_err *err)
{
    static const char *const keys[] = {"key.converter", "value.converter", "header.converter"};
    const char *const defaults[] = {source->worker->key_converter, source->worker->value_converter,
                                    source->worker->header_converter};
    const char *class_name = weir_props_get(source->connector_config, keys[use]);
    const weir_props *level = source->connector_config;
    weir_props options = WEIR_PROPS;
    char prefix[32];
    weir_code rc;

    if (!class_name) {
        class_name = defaults[use];
        level = &source->worker->props;
    }
    if (!class_name)
        return weir_fail(err, WEIR_INVALID, "neither connector nor worker sets %s", keys[use]);
    snprintf(prefix, sizeof(prefix), "%s.", keys[use]);
    weir_props_merge_prefixed(&options, level, prefix);
    config->classes[use] = weir_strdup(class_name);
    rc = weir_converter_new(class_name, use, &options, &config->converters[use], err);
    if (rc != WEIR_OK)
        weir_fail_in(err, "%s", keys[use]);
    weir_props_clear(&options);
    return rc;
}

/* ---- The producer ------------------------------------------------------------------------- */

/* The default, and what librdkafka is told at least. A burst's last record sends it (pace.h), so no
 * record waits that long; with less, the first ones would leave alone and the rest be behind them.
 */
#define LINGER_MS "5"

/* Not of what is no duration: that is for librdkafka to refuse. */
static bool is_short_linger(const char *value)
{
    char *end;
    double ms = strtod(value, &end);

    return end != value && *end == '\0' && ms >= 0 && ms < strtod(LINGER_MS, NULL);
}

/* Connect's own producers are not idempotent, so acks=1 or many requests in flight are fine
 * there. Ours is by default; librdkafka refuses the combination, so the user's word wins. */
static bool speaks_against_idempotence(const weir_props *user)
{
    const char *acks = weir_props_get(user, "acks");
    const char *in_flight = weir_props_get(user, "max.in.flight.requests.per.connection");
    const char *retries = weir_props_get(user, "retries");

    if (!acks)
        acks = weir_props_get(user, "request.required.acks");
    if (!in_flight)
        in_flight = weir_props_get(user, "max.in.flight");
    return (acks && strcasecmp(acks, "all") != 0 && strcmp(acks, "-1") != 0) ||
           (in_flight && strtol(in_flight, NULL, 10) > 5) ||
           (retries && strtol(retries, NULL, 10) == 0);
}

static weir_code producer_props(const weir_task_config_source *source, weir_task_config *config,
                                weir_err *err)
{
    static const weir_pair defaults[] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"linger.ms", LINGER_MS},
        {"message.timeout.ms", "0"}, /* delivery has no time limit, as in Connect */
        {"partitioner", "murmur2_random"},
        /* So long a topic that metadata does not show may still be on its way into being. */
        {"topic.metadata.propagation.max.ms", "10000"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "32768"}, /* Java's buffer.memory */
    };
    weir_props user = WEIR_PROPS;
    char *client_id = weir_format("connector-producer-%s-%d", source->connector, source->task);
    const char *queue, *linger;
    weir_code rc;

    for (size_t i = 0; i < WEIR_COUNT(defaults); i++)
        weir_props_set(&config->producer, defaults[i].key, defaults[i].value);
    weir_props_set(&config->producer, "client.id", client_id);
    rc = weir_client_config_build(WEIR_CLIENT_PRODUCER, &source->worker->props,
                                  source->connector_config, &user, err);
    if (rc == WEIR_OK) {
        if (!weir_props_has(&user, "enable.idempotence") && speaks_against_idempotence(&user))
            weir_props_set(&config->producer, "enable.idempotence", "false");
        weir_props_merge(&config->producer, &user);
    }
    queue = weir_props_get(&config->producer, "queue.buffering.max.messages");
    config->in_flight = queue ? strtoul(queue, NULL, 10) : 0;
    if (config->in_flight == 0 || config->in_flight > WEIR_TASK_IN_FLIGHT)
        config->in_flight = WEIR_TASK_IN_FLIGHT; /* 0: no limit, in librdkafka's words */
    linger = weir_props_get(&config->producer, "linger.ms");
    config->linger_ms = strtod(linger, NULL);
    if (is_short_linger(linger))
        weir_props_set(&config->producer, "linger.ms", LINGER_MS);
    weir_props_clear(&user);
    free(client_id);
    return rc;
}

/* ---- All of it ---------------------------------------------------------------------------- */

static weir_code read_errors(const weir_task_config_source *source, weir_task_config *config,
                             weir_err *err)
{
    weir_error_policy_source from = {
        .connector = source->connector,
        .task = source->task,
        .config = source->connector_config,
        .worker = &source->worker->props,
    };

    return weir_error_policy_read(&from, &config->errors, err);
}

/* A variable that stays in a password would be sent out as one. */
static weir_code judge_unresolved(const weir_resolution *resolution, const weir_plugin_desc *plugin,
                                  weir_err *err)
{
    for (size_t i = 0; i < resolution->unresolved_count; i++) {
        const weir_unresolved *left = &resolution->unresolved[i];

        if (weir_connector_key_is_secret(plugin, left->key))
            return weir_fail(err, WEIR_INVALID, "%s: %s: %s", left->key, left->text, left->why);
        weir_log(WEIR_WARN, "variable stays as it is written", "key", left->key, "variable",
                 left->text, "why", left->why, NULL);
    }
    return WEIR_OK;
}

/* A variable that stays as it is written is no secret, but what has to be seen. */
static void collect_secrets(const weir_task_config_source *source,
                            const weir_resolution *resolution, weir_task_config *config)
{
    weir_secrets_merge(&config->secrets, &resolution->secrets);
    WEIR_PROPS_EACH (pair, &resolution->props)
        if (config->plugin && weir_connector_key_is_secret(config->plugin, pair->key) &&
            !weir_providers_know(source->worker->providers, pair->value))
            weir_secrets_add(&config->secrets, pair->value, WEIR_HIDDEN);
}

static void hide(const weir_secrets *secrets, weir_err *err)
{
    char *clean = weir_secrets_hide(secrets, err->msg);

    if (clean)
        weir_fail(err, err->code, "%s", clean);
    free(clean);
}

/* From what has its variables resolved. */
static weir_code read_all(const weir_task_config_source *source, weir_task_config *config,
                          weir_err *err)
{
    weir_code rc = WEIR_OK;

    for (int use = WEIR_KEY; rc == WEIR_OK && use <= WEIR_HEADER; use++)
        rc = make_converter(source, (weir_converter_use)use, config, err);
    if (rc == WEIR_OK)
        rc = producer_props(source, config, err);
    if (rc == WEIR_OK)
        rc = read_errors(source, config, err);
    if (rc == WEIR_OK)
        rc = weir_settings_new(config->plugin->options, config->plugin->settings_size,
                               source->task_config, &config->settings, err);
    return rc;
}

weir_code weir_task_config_read(const weir_task_config_source *source, weir_task_config *config,
                                weir_err *err)
{
    weir_task_config_source resolved = *source;
    weir_resolution resolution = {.props = WEIR_PROPS};
    weir_props both = WEIR_PROPS, own = WEIR_PROPS;
    weir_code rc;

    /* A task's config is complete when weir has planned it, and says what normalise made of an
     * alias; one that a JVM worker has left behind has only what the plugin wants. */
    weir_props_merge(&both, source->connector_config);
    weir_props_merge(&both, source->task_config);
    rc = weir_providers_resolve(source->worker->providers, &both, &resolution, err);
    WEIR_PROPS_EACH (pair, source->task_config)
        weir_props_set(&own, pair->key, weir_props_get(&resolution.props, pair->key));
    resolved.connector_config = &resolution.props;
    resolved.task_config = &own;
    if (rc == WEIR_OK)
        rc = find_plugin(&resolved, config, err);
    collect_secrets(source, &resolution, config);
    if (rc == WEIR_OK)
        rc = judge_unresolved(&resolution, config->plugin, err);
    if (rc == WEIR_OK)
        rc = read_all(&resolved, config, err);
    if (rc != WEIR_OK)
        hide(&config->secrets, err);
    weir_resolution_clear(&resolution);
    weir_props_clear(&both);
    weir_props_clear(&own);
    return rc;
}

void weir_task_config_clear(weir_task_config *config)
{
    weir_settings_free(config->settings);
    for (int use = WEIR_KEY; use <= WEIR_HEADER; use++) {
        weir_converter_free(config->converters[use]);
        free(config->classes[use]);
    }
    weir_error_policy_clear(&config->errors);
    weir_props_clear(&config->producer);
    weir_secrets_clear(&config->secrets);
    *config = (weir_task_config){0};
}
