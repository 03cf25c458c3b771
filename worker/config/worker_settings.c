/* worker_settings.c - see worker_settings.h. */
#include "config/worker_settings.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "config/client_names.h"
#include "config/client_translate.h"
#include "config/environment.h"
#include "config/properties.h"
#include "config/worker_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static weir_code refuse(const char *key, const char *value, const char *why, weir_err *err)
{
    return weir_fail(err, WEIR_INVALID, "Invalid value %s for configuration %s: %s", value, key,
                     why);
}

/* ---- The listener and this worker's name ----------------------------------------------------- */

/* Splits "[v6]:port", "host:port" or ":port"; false: it is none of these. */
static bool split_authority(const char *text, size_t size, weir_worker_settings *settings)
{
    const char *colon = memrchr(text, ':', size);
    size_t digits = colon ? size - (size_t)(colon - text) - 1 : 0;
    char number[8] = "";
    const char *host = text;
    size_t host_size;
    long port;

    if (digits == 0 || digits > 5)
        return false;
    memcpy(number, colon + 1, digits);
    if (strspn(number, "0123456789") != digits)
        return false;
    port = strtol(number, NULL, 10);
    host_size = (size_t)(colon - text);
    if (host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']') {
        host++;
        host_size -= 2;
    } else if (memchr(host, ':', host_size)) {
        return false;
    }
    if (port < 1 || port > UINT16_MAX || host_size >= sizeof(settings->listen_host) ||
        memchr(host, '/', host_size))
        return false;
    memcpy(settings->listen_host, host, host_size);
    settings->listen_host[host_size] = '\0';
    settings->listen_port = (uint16_t)port;
    return true;
}

/* One of the listeners; sets *ret_bound when it is the one to bind. */
static weir_code read_listener(const char *one, weir_worker_settings *settings, bool *ret_bound,
                               weir_err *err)
{
    const char *rest = strstr(one, "://");
    bool is_http = rest && rest - one == 4 && strncasecmp(one, "http", 4) == 0;

    if (!rest)
        return refuse("listeners", one,
                      "Listener doesn't have the right format (protocol://hostname:port).", err);
    if (!is_http && !(rest - one == 5 && strncasecmp(one, "https", 5) == 0))
        return refuse("listeners", one, "Listener protocol must be either \"http\" or \"https\".",
                      err);
    if (!is_http || *ret_bound) {
        weir_log(WEIR_WARN, "listener is not served: weir binds the first http one", "listener",
                 one, NULL);
        return WEIR_OK;
    }
    rest += 3;
    if (!split_authority(rest, strcspn(rest, "/"), settings))
        return refuse("listeners", one,
                      "Listener doesn't have the right format (protocol://hostname:port), with a "
                      "port from 1 to 65535.",
                      err);
    *ret_bound = true;
    return WEIR_OK;
}

static weir_code read_listeners(weir_worker_settings *settings, weir_err *err)
{
    const char *at = settings->listeners;
    bool bound = false;
    weir_code rc = WEIR_OK;

    for (char *one = weir_list_take(&at); one; one = weir_list_take(&at)) {
        if (rc == WEIR_OK)
            rc = read_listener(one, settings, &bound, err);
        free(one);
    }
    if (rc == WEIR_OK && !bound)
        rc = refuse("listeners", settings->listeners,
                    "weir serves http only: write http://host:port and put a TLS proxy in front",
                    err);
    return rc;
}

static weir_code machine_name(char *name, size_t room, weir_err *err)
{
    if (gethostname(name, room) != 0 || !name[0])
        return weir_fail(err, WEIR_INVALID,
                         "this machine has no name: set rest.advertised.host.name to the name "
                         "under which other workers reach this one");
    name[room - 1] = '\0';
    return WEIR_OK;
}

/* The name must tell workers apart and lead to this one, which "every interface" does not. */
static weir_code name_worker(weir_worker_settings *settings, weir_err *err)
{
    char machine[sizeof(settings->listen_host)] = "";
    const char *host = settings->advertised_host;
    int port = (int)settings->advertised_port, length;
    bool needs_brackets;
    weir_code rc;

    if (!host || !*host)
        host = settings->listen_host;
    if (!*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        rc = machine_name(machine, sizeof(machine), err);
        if (rc != WEIR_OK)
            return rc;
        host = machine;
    }
    if (strpbrk(host, "/ \t@?#"))
        return refuse("rest.advertised.host.name", host, "must be a host name or an address", err);
    needs_brackets = strchr(host, ':') && *host != '[';
    length = snprintf(settings->worker_id, sizeof(settings->worker_id), "%s%s%s:%d",
                      needs_brackets ? "[" : "", host, needs_brackets ? "]" : "",
                      port ? port : settings->listen_port);
    if (length >= (int)sizeof(settings->worker_id))
        return refuse("rest.advertised.host.name", host, "must be shorter than 250 bytes", err);
    snprintf(settings->url, sizeof(settings->url), "http://%s/", settings->worker_id);
    return WEIR_OK;
}

/* ---- Checks that the table cannot make ------------------------------------------------------- */

static weir_code check_not_empty(const weir_worker_settings *settings, weir_err *err)
{
    const struct {
        const char *key, *value;
    } needed[] = {
        {"bootstrap.servers", settings->bootstrap_servers},
        {"group.id", settings->group_id},
        {"config.storage.topic", settings->config_topic},
        {"offset.storage.topic", settings->offset_topic},
        {"status.storage.topic", settings->status_topic},
        {"key.converter", settings->key_converter},
        {"value.converter", settings->value_converter},
    };

    for (size_t i = 0; i < WEIR_COUNT(needed); i++)
        if (!needed[i].value[0])
            return refuse(needed[i].key, "", "String must be non-empty", err);
    return WEIR_OK;
}

static weir_code check_counts(const weir_worker_settings *settings, weir_err *err)
{
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {
        {"config.storage.replication.factor", settings->config_replication},
        {"offset.storage.replication.factor", settings->offset_replication},
        {"offset.storage.partitions", settings->offset_partitions},
        {"status.storage.replication.factor", settings->status_replication},
        {"status.storage.partitions", settings->status_partitions},
    };

    for (size_t i = 0; i < WEIR_COUNT(counts); i++)
        if (counts[i].value == 0)
            return refuse(counts[i].key, "0", "Value must be at least 1, or -1 for the broker's",
                          err);
    return WEIR_OK;
}

/* One topic cannot hold two of the three: their records would be compacted away or misread. */
static weir_code check_topics(const weir_worker_settings *settings, weir_err *err)
{
    const char *other = NULL;

    if (strcmp(settings->status_topic, settings->config_topic) == 0)
        other = "config.storage.topic";
    else if (strcmp(settings->status_topic, settings->offset_topic) == 0)
        other = "offset.storage.topic";
    if (other)
        return weir_fail(err, WEIR_INVALID,
                         "Invalid value %s for configuration status.storage.topic: must differ "
                         "from %s",
                         settings->status_topic, other);
    if (strcmp(settings->offset_topic, settings->config_topic) == 0)
        return refuse("offset.storage.topic", settings->offset_topic,
                      "must differ from config.storage.topic", err);
    return WEIR_OK;
}

static weir_code check_times(const weir_worker_settings *settings, weir_err *err)
{
    if (settings->heartbeat_interval_ms >= settings->session_timeout_ms)
        return weir_fail(err, WEIR_INVALID,
                         "Invalid value %lld for configuration heartbeat.interval.ms: must be less "
                         "than session.timeout.ms, which is %lld",
                         (long long)settings->heartbeat_interval_ms,
                         (long long)settings->session_timeout_ms);
    if (settings->rebalance_timeout_ms < settings->session_timeout_ms)
        return weir_fail(err, WEIR_INVALID,
                         "Invalid value %lld for configuration rebalance.timeout.ms: must be at "
                         "least session.timeout.ms, which is %lld",
                         (long long)settings->rebalance_timeout_ms,
                         (long long)settings->session_timeout_ms);
    return WEIR_OK;
}

/* What the clients get is checked now, not when the first task starts. */
static weir_code check_clients(const weir_worker_settings *settings, weir_err *err)
{
    weir_code rc = weir_client_override_check(settings->override_policy, NULL, err);

    for (int kind = WEIR_CLIENT_WORKER; rc == WEIR_OK && kind <= WEIR_CLIENT_CONSUMER; kind++) {
        weir_props out = WEIR_PROPS;

        rc = weir_client_config_build((weir_client_kind)kind, &settings->props, NULL, &out, err);
        weir_props_clear(&out);
    }
    return rc;
}

/* ---- Keys that nothing will ever read -------------------------------------------------------- */

static weir_code say_idle(const weir_idle_key *idle, const weir_pair *pair, weir_err *err)
{
    if (idle->harmless && pair->value && strcasecmp(pair->value, idle->harmless) == 0)
        return WEIR_OK;
    if (idle->level == WEIR_ERROR)
        return refuse(pair->key, pair->value ? pair->value : "null", idle->why, err);
    weir_log(idle->level, "property has no effect here", "key", pair->key, "why", idle->why, NULL);
    return WEIR_OK;
}

static weir_code say_unused(const weir_props *props, weir_err *err)
{
    weir_code rc = WEIR_OK;

    WEIR_PROPS_EACH (pair, props) {
        const weir_idle_key *idle = weir_idle_key_find(pair->key);

        if (rc != WEIR_OK)
            break;
        if (idle) {
            rc = say_idle(idle, pair, err);
        } else if (!weir_worker_key_is_ours(pair->key) && !weir_client_name_is_known(pair->key)) {
            weir_client_is_news(
                pair->key); /* it gets to the clients, which need not say it again */
            weir_log(WEIR_WARN, "unknown property", "key", pair->key, NULL);
        }
    }
    return rc;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void set_up_log(const weir_worker_settings *settings)
{
    weir_level level = WEIR_INFO;

    weir_level_parse(settings->log_level, &level);
    weir_log_setup(level,
                   strcasecmp(settings->log_format, "json") == 0 ? WEIR_LOG_JSON : WEIR_LOG_LOGFMT);
}

/* Takes `props` over, in any case. */
static weir_code from_props(weir_props *props, weir_worker_settings **ret_settings, weir_err *err)
{
    weir_worker_settings *settings = weir_new(weir_worker_settings);
    weir_settings *strings = NULL;
    weir_code rc;

    rc = weir_settings_new(weir_worker_options, sizeof(*settings), props, &strings, err);
    if (rc == WEIR_OK) {
        *settings = *(const weir_worker_settings *)weir_settings_get(strings);
        settings->strings = strings;
        set_up_log(settings);
    }
    settings->props = *props;
    *props = (weir_props)WEIR_PROPS;
    if (rc == WEIR_OK)
        rc = check_not_empty(settings, err);
    if (rc == WEIR_OK)
        rc = check_counts(settings, err);
    if (rc == WEIR_OK)
        rc = check_topics(settings, err);
    if (rc == WEIR_OK)
        rc = check_times(settings, err);
    if (rc == WEIR_OK)
        rc = read_listeners(settings, err);
    if (rc == WEIR_OK)
        rc = name_worker(settings, err);
    if (rc == WEIR_OK)
        rc = say_unused(&settings->props, err);
    if (rc == WEIR_OK)
        rc = check_clients(settings, err);
    if (rc == WEIR_OK) {
        *ret_settings = settings;
        settings = NULL; /* the caller's now */
    }
    weir_worker_settings_free(settings);
    return rc;
}

/* ---- Variables ------------------------------------------------------------------------------- */

/* Kafka reads these before there are any providers. */
static bool is_read_as_written(const char *key)
{
    return strcmp(key, "plugin.path") == 0 || strcmp(key, "config.providers") == 0 ||
           strncmp(key, "config.providers.", strlen("config.providers.")) == 0;
}

/* A variable that stays in a password would be sent to brokers as one. */
static weir_code refuse_unresolved(const weir_resolution *resolution, weir_err *err)
{
    for (size_t i = 0; i < resolution->unresolved_count; i++) {
        const weir_unresolved *left = &resolution->unresolved[i];

        if (weir_client_property_is_secret(left->key))
            return weir_fail(err, WEIR_INVALID, "%s: %s: %s", left->key, left->text, left->why);
    }
    return WEIR_OK;
}

static void say_unresolved(const weir_resolution *resolution)
{
    for (size_t i = 0; i < resolution->unresolved_count; i++)
        weir_log(WEIR_WARN, "variable stays as it is written", "key", resolution->unresolved[i].key,
                 "variable", resolution->unresolved[i].text, "why", resolution->unresolved[i].why,
                 NULL);
}

/* `props` get the values. */
static weir_code resolve(const weir_providers *providers, weir_props *props,
                         weir_resolution *resolution, weir_err *err)
{
    weir_props open = WEIR_PROPS;
    weir_code rc;

    WEIR_PROPS_EACH (pair, props)
        if (!is_read_as_written(pair->key))
            weir_props_set(&open, pair->key, pair->value);
    rc = weir_providers_resolve(providers, &open, resolution, err);
    if (rc == WEIR_OK)
        rc = refuse_unresolved(resolution, err);
    weir_props_merge(props, &resolution->props);
    weir_props_clear(&open);
    return rc;
}

static void hide(const weir_secrets *secrets, weir_err *err)
{
    char *clean = weir_secrets_hide(secrets, err->msg);

    if (clean)
        weir_fail(err, err->code, "%s", clean);
    free(clean);
}

/* With the variables resolved. Takes `props` over, in any case. */
static weir_code from_written(weir_props *props, const char *const *environment,
                              weir_worker_settings **ret_settings, weir_err *err)
{
    weir_resolution resolution = {.props = WEIR_PROPS};
    weir_providers *providers = NULL;
    weir_code rc = weir_providers_new(props, environment, &providers, err);

    if (rc == WEIR_OK)
        rc = resolve(providers, props, &resolution, err);
    if (rc == WEIR_OK) {
        rc = from_props(props, ret_settings, err);
        say_unresolved(&resolution);
    }
    if (rc == WEIR_OK) {
        (*ret_settings)->providers = providers;
        providers = NULL; /* the settings' now */
    } else {
        hide(&resolution.secrets, err);
    }
    weir_providers_free(providers);
    weir_resolution_clear(&resolution);
    return rc;
}

weir_code weir_worker_settings_read(const char *path, const char *const *environment,
                                    weir_worker_settings **ret_settings, weir_err *err)
{
    weir_props props = WEIR_PROPS;
    weir_code rc = WEIR_OK;

    if (path)
        rc = weir_properties_load(path, &props, err);
    weir_environment_apply(environment, &props);
    if (rc == WEIR_OK)
        rc = from_written(&props, environment, ret_settings, err);
    weir_props_clear(&props);
    return rc;
}

void weir_worker_settings_free(weir_worker_settings *settings)
{
    if (!settings)
        return;
    weir_props_clear(&settings->props);
    weir_providers_free(settings->providers);
    weir_settings_free(settings->strings);
    free(settings);
}
