/* client_config.c - see client_config.h. First the layers, in Java's names, the later one last;
 * then each pair on its own into librdkafka's words (client_translate.h). */
#include "config/client_config.h"

#include "base/mem.h"
#include "config/client_names.h"
#include "config/client_translate.h"
#include "config/worker_keys.h"

#include <string.h>
#include <strings.h>

/* ---- Layers ---------------------------------------------------------------------------------- */

static char *trimmed(const char *text)
{
    size_t size;

    text += strspn(text, " \t\r\n\f");
    size = strlen(text);
    while (size > 0 && strchr(" \t\r\n\f", text[size - 1]))
        size--;
    return weir_memdup(text, size);
}

/* Says it anew, so that it comes last: aliases of one property are settled by their order. */
static void say(weir_client_job *job, const char *name, const weir_pair *pair)
{
    char *value = trimmed(pair->value);

    weir_props_remove(&job->said, name);
    weir_props_set(&job->said, name, value);
    weir_props_set(&job->origin, name, pair->key);
    free(value);
}

static void say_prefixed(weir_client_job *job, const weir_props *from, const char *prefix)
{
    size_t size = strlen(prefix);

    WEIR_PROPS_EACH (pair, from)
        if (pair->value && strncmp(pair->key, prefix, size) == 0 && pair->key[size])
            say(job, pair->key + size, pair);
}

/* The top-level client properties. Those of one role would tune only the worker's own clients,
 * whose settings are part of how it works: whoever writes them means the tasks'. */
static void say_top_level(weir_client_job *job, const weir_props *worker)
{
    WEIR_PROPS_EACH (pair, worker) {
        const weir_client_name *name;

        if (!pair->value || weir_worker_key_is_ours(pair->key))
            continue;
        name = weir_client_name_find(pair->key);
        if (!name || name->scope == WEIR_SCOPE_ANY)
            say(job, pair->key, pair);
        else
            weir_client_note_once(pair->key,
                                  name->scope == WEIR_SCOPE_PRODUCER
                                      ? "at the top level it is about the worker's own clients; "
                                        "for source tasks put producer. in front of it"
                                      : "at the top level it is about the worker's own clients; "
                                        "for sink tasks put consumer. in front of it");
    }
}

/* Whoever may post a connector must not thereby run code in the worker. */
static bool is_for_operators_alone(const char *name)
{
    static const char *const names[] = {
        "plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.id",
        "ssl.engine.location",  "ssl.providers",
    };

    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static weir_code say_overrides(weir_client_job *job, const weir_props *connector,
                               const char *prefix, weir_err *err)
{
    size_t size = strlen(prefix);

    WEIR_PROPS_EACH (pair, connector)
        if (strncmp(pair->key, prefix, size) == 0 && is_for_operators_alone(pair->key + size))
            return weir_fail(err, WEIR_INVALID, "%s: only the worker's own properties may set this",
                             pair->key);
    say_prefixed(job, connector, prefix);
    return WEIR_OK;
}

weir_code weir_client_config_build(weir_client_kind kind, const weir_props *worker,
                                   const weir_props *connector, weir_props *out, weir_err *err)
{
    static const char *const prefixes[] = {
        [WEIR_CLIENT_ADMIN] = "admin.",
        [WEIR_CLIENT_PRODUCER] = "producer.",
        [WEIR_CLIENT_CONSUMER] = "consumer.",
    };
    static const char *const overrides[] = {
        [WEIR_CLIENT_ADMIN] = "admin.override.",
        [WEIR_CLIENT_PRODUCER] = "producer.override.",
        [WEIR_CLIENT_CONSUMER] = "consumer.override.",
    };
    weir_client_job job = {.kind = kind, .out = out};
    const char *servers = weir_props_get(worker, "bootstrap.servers");
    weir_code rc = WEIR_OK;

    if (servers)
        say(&job, "bootstrap.servers", &(weir_pair){"bootstrap.servers", servers});
    if (kind == WEIR_CLIENT_WORKER || kind == WEIR_CLIENT_ADMIN)
        say_top_level(&job, worker);
    if (kind != WEIR_CLIENT_WORKER)
        say_prefixed(&job, worker, prefixes[kind]);
    if (kind != WEIR_CLIENT_WORKER && connector)
        rc = say_overrides(&job, connector, overrides[kind], err);
    WEIR_PROPS_EACH (pair, &job.said)
        if (rc == WEIR_OK)
            rc = weir_client_translate(&job, pair, err);
    weir_props_clear(&job.said);
    weir_props_clear(&job.origin);
    return rc;
}

/* ---- Overrides and secrets ------------------------------------------------------------------- */

/* "None" for None, any case, and for the class name that Java also takes; NULL: no such policy. */
static const char *policy_name(const char *policy)
{
    static const char *const known[] = {"All", "None", "Principal"};
    static const char suffix[] = "ConnectorClientConfigOverridePolicy";
    const char *dot = strrchr(policy, '.'), *simple = dot ? dot + 1 : policy;
    size_t size = strlen(simple);

    if (weir_ends_with(simple, suffix))
        size -= sizeof(suffix) - 1;
    for (size_t i = 0; i < WEIR_COUNT(known); i++)
        if (strlen(known[i]) == size && strncasecmp(known[i], simple, size) == 0)
            return known[i];
    return NULL;
}

weir_code weir_client_override_check(const char *policy, const char *key, weir_err *err)
{
    static const char *const principal[] = {"sasl.jaas.config", "sasl.mechanism",
                                            "security.protocol"};
    const char *name = policy_name(policy);
    bool allowed = false;

    if (!name)
        return weir_fail(err, WEIR_INVALID,
                         "Invalid value %s for configuration "
                         "connector.client.config.override.policy: String must be one of: All, "
                         "None, Principal",
                         policy);
    if (!key)
        return WEIR_OK;
    if (is_for_operators_alone(key))
        return weir_fail(err, WEIR_INVALID,
                         "No policy allows '%s' to be overridden in the connector configuration: "
                         "only the worker's own properties may set it.",
                         key);
    for (size_t i = 0; i < WEIR_COUNT(principal); i++)
        allowed = allowed || strcmp(principal[i], key) == 0;
    allowed = strcmp(name, "All") == 0 || (allowed && strcmp(name, "Principal") == 0);
    if (!allowed)
        return weir_fail(err, WEIR_INVALID,
                         "The '%s' policy does not allow '%s' to be overridden in the connector "
                         "configuration.",
                         name, key);
    return WEIR_OK;
}

bool weir_client_property_is_secret(const char *name)
{
    static const char *const parts[] = {"password",
                                        "passwd",
                                        "secret",
                                        "credential",
                                        "jaas.config",
                                        "private.key",
                                        "user.info",
                                        "api.key",
                                        "oauthbearer.config",
                                        "access.key",
                                        "certificate.chain",
                                        "truststore.certificates"};
    static const char *const ends[] = {".pem", ".key", "token"};

    for (size_t i = 0; i < WEIR_COUNT(parts); i++)
        if (strcasestr(name, parts[i]))
            return true;
    for (size_t i = 0; i < WEIR_COUNT(ends); i++)
        if (weir_ends_with(name, ends[i]))
            return true;
    return false;
}
