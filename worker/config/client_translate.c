/* client_translate.c - see client_translate.h. A table of special cases; whatever is not in it
 * keeps its value and gets the name that client_names.c knows. */
#include "config/client_translate.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/client_names.h"
#include "config/jaas.h"
#include "config/options.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- Saying things --------------------------------------------------------------------------- */

void weir_client_note_once(const char *key, const char *why)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static weir_props said;
    bool is_new;

    pthread_mutex_lock(&lock);
    is_new = !weir_props_has(&said, key);
    if (is_new)
        weir_props_set(&said, key, NULL);
    pthread_mutex_unlock(&lock);
    if (is_new)
        weir_log(WEIR_WARN, "client property has no effect", "key", key, "why", why, NULL);
}

bool weir_client_is_news(const char *name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static weir_map said;
    bool news;

    pthread_mutex_lock(&lock);
    news = !weir_map_get(&said, name);
    if (news)
        weir_map_set(&said, name, &said);
    pthread_mutex_unlock(&lock);
    return news;
}

static weir_code refuse(const weir_client_job *job, const char *name, weir_err *err,
                        const char *fmt, ...) WEIR_FORMAT(4, 5);

static weir_code refuse(const weir_client_job *job, const char *name, weir_err *err,
                        const char *fmt, ...)
{
    const char *whole = weir_props_get(&job->origin, name);
    va_list args;

    va_start(args, fmt);
    weir_vfail(err, WEIR_INVALID, fmt, args);
    va_end(args);
    weir_fail_in(err, "%s", whole ? whole : name);
    return WEIR_INVALID;
}

/* ---- Trust and key stores -------------------------------------------------------------------- */

bool weir_ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcasecmp(text + size - end_size, end) == 0;
}

/* The declared type of a store; undeclared, Java assumes JKS, but a file's name may know better. */
static const char *store_type(const weir_client_job *job, const char *type_key, const char *path)
{
    const char *type = weir_props_get(&job->said, type_key);

    if (type)
        return type;
    if (weir_ends_with(path, ".pem") || weir_ends_with(path, ".crt"))
        return "PEM";
    return weir_ends_with(path, ".p12") || weir_ends_with(path, ".pfx") ? "PKCS12" : "JKS";
}

static weir_code trust_store(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    const char *type = store_type(job, "ssl.truststore.type", pair->value);

    if (strcasecmp(type, "PEM") == 0) {
        weir_props_set(job->out, "ssl.ca.location", pair->value);
        return WEIR_OK;
    }
    return refuse(job, pair->key, err,
                  "a trust store of type %s cannot be read. Export its certificates (keytool -list "
                  "-rfc -keystore %s > ca.pem) and write ssl.truststore.type=PEM and "
                  "ssl.truststore.location=/path/to/ca.pem",
                  type, pair->value);
}

static weir_code key_store(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    const char *type = store_type(job, "ssl.keystore.type", pair->value);

    if (strcasecmp(type, "PKCS12") == 0) {
        weir_props_set(job->out, "ssl.keystore.location", pair->value);
        return WEIR_OK;
    }
    if (strcasecmp(type, "PEM") == 0) { /* Java's PEM file holds both */
        weir_props_set(job->out, "ssl.certificate.location", pair->value);
        weir_props_set(job->out, "ssl.key.location", pair->value);
        return WEIR_OK;
    }
    return refuse(job, pair->key, err,
                  "a key store of type %s cannot be read. Convert it (keytool -importkeystore "
                  "-srckeystore %s -destkeystore store.p12 -deststoretype PKCS12) and write "
                  "ssl.keystore.type=PKCS12 and ssl.keystore.location=/path/to/store.p12",
                  type, pair->value);
}

static weir_code key_store_password(const weir_client_job *job, const weir_pair *pair,
                                    weir_err *err)
{
    const char *path = weir_props_get(&job->said, "ssl.keystore.location");

    (void)err;
    if (path && strcasecmp(store_type(job, "ssl.keystore.type", path), "PKCS12") == 0)
        weir_props_set(job->out, "ssl.keystore.password", pair->value);
    return WEIR_OK;
}

/* Read together with what it describes. */
static weir_code used_elsewhere(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    (void)job;
    (void)pair;
    (void)err;
    return WEIR_OK;
}

/* ---- The rest of TLS, and SASL --------------------------------------------------------------- */

static weir_code host_check(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    (void)err;
    weir_props_set(job->out, pair->key,
                   !*pair->value                           ? "none"
                   : strcasecmp(pair->value, "https") == 0 ? "https"
                                                           : pair->value);
    return WEIR_OK;
}

static weir_code ciphers(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    if (strncasecmp(pair->value, "TLS_", 4) == 0 || strcasestr(pair->value, "_WITH_"))
        return refuse(job, pair->key, err,
                      "'%s' are Java's names of cipher suites. Write OpenSSL's, for example "
                      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
                      pair->value);
    weir_props_set(job->out, pair->key, pair->value);
    return WEIR_OK;
}

static weir_code engine_factory(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    return refuse(job, pair->key, err,
                  "the Java class '%s' cannot be loaded. Write what it provides: ssl.ca.location, "
                  "ssl.certificate.location, ssl.key.location",
                  pair->value);
}

/* Java's value is a program's path, librdkafka's a whole command with placeholders. */
static weir_code kinit(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    (void)err;
    if (strchr(pair->value, '%') || strchr(pair->value, ' '))
        weir_props_set(job->out, pair->key, pair->value);
    return WEIR_OK;
}

static const char *said_mechanism(const weir_client_job *job)
{
    const char *mechanism = weir_props_get(&job->said, "sasl.mechanism");

    if (!mechanism)
        mechanism = weir_props_get(&job->said, "sasl.mechanisms");
    return mechanism ? mechanism : "GSSAPI";
}

static bool uses_sasl(const weir_client_job *job)
{
    const char *protocol = weir_props_get(&job->said, "security.protocol");

    return protocol && strncasecmp(protocol, "SASL_", 5) == 0;
}

static weir_code jaas_user(const weir_client_job *job, const weir_jaas *jaas, bool scram,
                           weir_err *err)
{
    const char *username = weir_props_get(&jaas->options, "username");
    const char *password = weir_props_get(&jaas->options, "password");
    const char *mechanism = said_mechanism(job);

    if (!username || !password)
        return refuse(job, "sasl.jaas.config", err, "it needs username=\"…\" and password=\"…\"");
    if (uses_sasl(job) && (scram ? strncasecmp(mechanism, "SCRAM-SHA-", 10) != 0
                                 : strcasecmp(mechanism, "PLAIN") != 0))
        return refuse(job, "sasl.jaas.config", err,
                      "its login module does not fit sasl.mechanism=%s. Write sasl.mechanism=%s",
                      mechanism, scram ? "SCRAM-SHA-512 (or SCRAM-SHA-256)" : "PLAIN");
    weir_props_set(job->out, "sasl.username", username);
    weir_props_set(job->out, "sasl.password", password);
    return WEIR_OK;
}

static weir_code jaas_config(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    weir_jaas jaas = {0};
    weir_code rc = weir_jaas_parse(pair->value, &jaas, err);

    if (rc != WEIR_OK) {
        weir_fail_in(err, "%s", weir_props_get(&job->origin, pair->key));
    } else if (weir_ends_with(jaas.module, "PlainLoginModule")) {
        rc = jaas_user(job, &jaas, false, err);
    } else if (weir_ends_with(jaas.module, "ScramLoginModule")) {
        rc = jaas_user(job, &jaas, true, err);
    } else if (weir_ends_with(jaas.module, "Krb5LoginModule")) {
        rc = refuse(job, pair->key, err,
                    "Krb5LoginModule is not translated. Write sasl.kerberos.principal, "
                    "sasl.kerberos.keytab and sasl.kerberos.service.name instead");
    } else if (weir_ends_with(jaas.module, "OAuthBearerLoginModule")) {
        rc = refuse(job, pair->key, err,
                    "OAuthBearerLoginModule is not translated. Write sasl.oauthbearer.method=oidc, "
                    "sasl.oauthbearer.client.id, sasl.oauthbearer.client.secret and "
                    "sasl.oauthbearer.token.endpoint.url instead (librdkafka must have been built "
                    "with OIDC)");
    } else {
        rc = refuse(job, pair->key, err,
                    "unknown login module. Write org.apache.kafka.common.security.plain."
                    "PlainLoginModule or org.apache.kafka.common.security.scram.ScramLoginModule, "
                    "or sasl.username and sasl.password instead");
    }
    weir_jaas_clear(&jaas);
    return rc;
}

/* ---- Numbers and names ----------------------------------------------------------------------- */

static weir_code number(const weir_client_job *job, const weir_pair *pair, int64_t *ret,
                        weir_err *err)
{
    char *end;

    errno = 0;
    *ret = strtoll(pair->value, &end, 10);
    if (end == pair->value || *end || errno == ERANGE)
        return refuse(job, pair->key, err, "Invalid value %s: Not a number of type LONG",
                      pair->value);
    return WEIR_OK;
}

static void set_number(const weir_client_job *job, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    weir_props_set(job->out, name, text);
}

static weir_code buffer_memory(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    int64_t bytes;
    weir_code rc = number(job, pair, &bytes, err);

    if (rc != WEIR_OK)
        return rc;
    if (bytes < 0 || bytes / 1024 >= INT32_MAX)
        return refuse(job, pair->key, err, "Invalid value %s: must be 0 to 2 TiB", pair->value);
    set_number(job, "queue.buffering.max.kbytes", bytes < 1024 ? 1 : bytes / 1024);
    return WEIR_OK;
}

/* Java says -1 for the system's own size, librdkafka 0. */
static weir_code socket_buffer(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    int64_t bytes;
    weir_code rc = number(job, pair, &bytes, err);

    if (rc == WEIR_OK)
        set_number(job, weir_client_name_find(pair->key)->as, bytes == -1 ? 0 : bytes);
    return rc;
}

/* 0 turns batching off in Java; here one byte does, as every batch holds at least one record. */
static weir_code batch_size(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    int64_t bytes;
    weir_code rc = number(job, pair, &bytes, err);

    if (rc == WEIR_OK)
        set_number(job, pair->key, bytes == 0 ? 1 : bytes);
    return rc;
}

static weir_code request_timeout(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    (void)err;
    if (job->kind == WEIR_CLIENT_PRODUCER)
        weir_props_set(job->out, pair->key, pair->value);
    else if (job->kind == WEIR_CLIENT_WORKER)
        weir_client_note_once(pair->key, "the worker's own clients have limits of their own");
    else
        weir_props_set(job->out, "socket.timeout.ms", pair->value);
    return WEIR_OK;
}

static weir_code offset_reset(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    if (strncasecmp(pair->value, "by_duration", 11) == 0)
        return refuse(job, pair->key, err, "'%s' is not supported. Write earliest, latest or none",
                      pair->value);
    weir_props_set(job->out, pair->key,
                   strcasecmp(pair->value, "none") == 0 ? "error" : pair->value);
    return WEIR_OK;
}

static const char *class_simple_name(const char *class_name)
{
    const char *dot = strrchr(class_name, '.');

    return dot ? dot + 1 : class_name;
}

static weir_code partitioner_class(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    const char *name = class_simple_name(pair->value);

    if (strcmp(name, "DefaultPartitioner") != 0 && strcmp(name, "UniformStickyPartitioner") != 0)
        return refuse(job, pair->key, err,
                      "the Java class '%s' cannot be loaded. Leave the key out for Java's default, "
                      "or write partitioner=random for records spread evenly",
                      pair->value);
    weir_props_set(job->out, "partitioner", *name == 'D' ? "murmur2_random" : "random");
    return WEIR_OK;
}

static weir_code assignors(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    static const weir_pair known[] = {
        {"RangeAssignor", "range"},
        {"RoundRobinAssignor", "roundrobin"},
        {"CooperativeStickyAssignor", "cooperative-sticky"},
    };
    const char *at = pair->value;
    weir_buf translated = WEIR_BUF;
    weir_code rc = WEIR_OK;

    for (char *one = weir_list_take(&at); one; one = weir_list_take(&at)) {
        const char *as = strchr(one, '.') ? NULL : one;

        for (size_t i = 0; i < WEIR_COUNT(known); i++)
            if (strcmp(class_simple_name(one), known[i].key) == 0)
                as = known[i].value;
        if (as)
            weir_buf_format(&translated, "%s%s", translated.size ? "," : "", as);
        else
            rc = refuse(job, pair->key, err,
                        "the Java class '%s' cannot be loaded. Write range, roundrobin or "
                        "cooperative-sticky",
                        one);
        free(one);
    }
    if (rc == WEIR_OK)
        weir_props_set(job->out, pair->key, weir_buf_text(&translated));
    weir_buf_free(&translated);
    return rc;
}

/* ---- One pair -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    weir_code (*translate)(const weir_client_job *job, const weir_pair *pair, weir_err *err);
    bool even_empty; /* an empty value means something */
} special[] = {
    {"auto.offset.reset", offset_reset, false},
    {"batch.size", batch_size, false},
    {"buffer.memory", buffer_memory, false},
    {"partition.assignment.strategy", assignors, false},
    {"partitioner.class", partitioner_class, false},
    {"receive.buffer.bytes", socket_buffer, false},
    {"request.timeout.ms", request_timeout, false},
    {"sasl.jaas.config", jaas_config, false},
    {"sasl.kerberos.kinit.cmd", kinit, false},
    {"send.buffer.bytes", socket_buffer, false},
    {"ssl.cipher.suites", ciphers, false},
    {"ssl.endpoint.identification.algorithm", host_check, true},
    {"ssl.engine.factory.class", engine_factory, false},
    {"ssl.keystore.location", key_store, false},
    {"ssl.keystore.password", key_store_password, false},
    {"ssl.keystore.type", used_elsewhere, false},
    {"ssl.truststore.location", trust_store, false},
    {"ssl.truststore.password", used_elsewhere, false},
    {"ssl.truststore.type", used_elsewhere, false},
};

weir_code weir_client_translate(const weir_client_job *job, const weir_pair *pair, weir_err *err)
{
    const weir_client_name *name = weir_client_name_find(pair->key);

    for (size_t i = 0; i < WEIR_COUNT(special); i++)
        if (strcmp(special[i].name, pair->key) == 0)
            return *pair->value || special[i].even_empty ? special[i].translate(job, pair, err)
                                                         : WEIR_OK;
    if (name && name->idle)
        weir_client_note_once(pair->key, name->idle);
    else if (*pair->value) /* in Java, empty is as good as not said */
        weir_props_set(job->out, name && name->as ? name->as : pair->key, pair->value);
    return WEIR_OK;
}
