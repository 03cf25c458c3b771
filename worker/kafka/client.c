/* client.c - see client.h. */
#include "kafka/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "config/client_translate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LOG_SLOTS        64
#define LOG_EVERY_MS     10000
#define SYSLOG_WARNING   4  /* librdkafka's levels are syslog's */
#define CLIENT_ID_BYTES  64 /* more of it crashes 2.0.2 (kafka-client.md 1.3) */
#define CLIENT_ID_PREFIX 47

/* ---- The library's version ----------------------------------------------------------------- */

#define VERSION(major, minor, fix) ((major) << 24 | (minor) << 16 | (fix) << 8)

static const struct {
    int version;
    const char *why;
} refused[] = {
    {VERSION(2, 5, 0), "it ends the process when the broker asks for telemetry"},
    {VERSION(2, 6, 0), "it cannot fetch from older brokers"},
    {VERSION(2, 10, 0), "it can reconnect in an endless loop"},
};

weir_code weir_kafka_judge_version(int version, const char **ret_warning, weir_err *err)
{
    int release = version & ~0xff; /* the last byte tells pre-releases apart */

    *ret_warning = NULL;
    if (release < VERSION(2, 0, 2))
        return weir_fail(err, WEIR_INCOMPATIBLE, "librdkafka %d.%d.%d is too old: 2.0.2 is needed",
                         version >> 24 & 0xff, version >> 16 & 0xff, version >> 8 & 0xff);
    for (size_t i = 0; i < WEIR_COUNT(refused); i++)
        if (release == refused[i].version)
            return weir_fail(err, WEIR_INCOMPATIBLE,
                             "librdkafka %d.%d.%d cannot be used (%s): install another version",
                             version >> 24 & 0xff, version >> 16 & 0xff, version >> 8 & 0xff,
                             refused[i].why);
    if (release == VERSION(2, 1, 0))
        *ret_warning = "it takes a busy consumer for a hanging one; 2.11.1 or newer is recommended";
    else if (release < VERSION(2, 11, 1))
        *ret_warning = "2.11.1 or newer recovers better from broker failures and is recommended";
    return WEIR_OK;
}

static pthread_once_t version_once = PTHREAD_ONCE_INIT;
static weir_err version_err;
static weir_code version_code;

static void judge_loaded_version(void)
{
    const char *warning;

    version_code = weir_kafka_judge_version(rd_kafka_version(), &warning, &version_err);
    if (version_code == WEIR_OK && warning)
        weir_logf(WEIR_WARN, "librdkafka %s: %s", rd_kafka_version_str(), warning);
}

weir_code weir_kafka_check_version(weir_err *err)
{
    pthread_once(&version_once, judge_loaded_version);
    if (version_code == WEIR_OK)
        return WEIR_OK;
    return weir_fail(err, version_code, "%s", version_err.msg);
}

/* ---- What the library logs ----------------------------------------------------------------- */

/* When a handle may warn again. Two handles may fall on one slot: they share a line then. */
static _Atomic int64_t quiet_until_ms[LOG_SLOTS];

static bool may_warn(const rd_kafka_t *rk, const char *facility)
{
    uintptr_t where = (uintptr_t)rk >> 6;
    int64_t now_ms = weir_now_ms(), until_ms;
    _Atomic int64_t *slot;

    /* What is no trouble with a connection must not hide behind it. */
    if (strcmp(facility, "FAIL") != 0 && strcmp(facility, "ERROR") != 0)
        where += LOG_SLOTS / 2;
    slot = &quiet_until_ms[(where ^ where >> 6) % LOG_SLOTS];
    until_ms = atomic_load(slot);
    return until_ms <= now_ms &&
           atomic_compare_exchange_strong(slot, &until_ms, now_ms + LOG_EVERY_MS);
}

/* What passes by itself (a coordinator that moves, a request that is sent again), and what whoever
 * made the call is told anyway. */
static bool is_chatter(int level, const char *facility, const char *text)
{
    static const char *const facilities[] = {"CONFWARN", "TERMINATE", "GETPID", "TXNERR",
                                             "ADDPARTS"};

    if (level > SYSLOG_WARNING || strstr(text, "retrying") || strstr(text, "in progress") ||
        strstr(text, "Disconnected") || strstr(text, "Fatal error"))
        return true;
    for (size_t i = 0; i < WEIR_COUNT(facilities); i++)
        if (strcmp(facility, facilities[i]) == 0)
            return true;
    return false;
}

/* [librdkafka's threads] */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    bool warn = !is_chatter(level, facility, text) && may_warn(rk, facility);

    weir_logf(warn ? WEIR_WARN : WEIR_DEBUG, "%s: %s: %s", rk ? rd_kafka_name(rk) : "librdkafka",
              facility, text);
}

/* ---- Client ids ---------------------------------------------------------------------------- */

void weir_kafka_client_id(const char *id, char ret_id[65])
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    int prefix = CLIENT_ID_PREFIX;

    if (strlen(id) <= CLIENT_ID_BYTES) {
        snprintf(ret_id, CLIENT_ID_BYTES + 1, "%s", id);
        return;
    }
    for (const char *at = id; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    while (((unsigned char)id[prefix] & 0xc0) == 0x80)
        prefix--; /* whole characters */
    snprintf(ret_id, CLIENT_ID_BYTES + 1, "%.*s-%016llx", prefix, id, (unsigned long long)hash);
}

/* ---- Handles ------------------------------------------------------------------------------- */

static weir_code set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
                              weir_err *err)
{
    char id[CLIENT_ID_BYTES + 1], reason[512] = "";

    if (strcmp(name, "client.id") == 0 && value) {
        weir_kafka_client_id(value, id);
        if (strcmp(id, value) != 0 && weir_client_is_news(value))
            weir_logf(WEIR_WARN, "client.id '%s' is longer than %d bytes: Kafka sees '%s'", value,
                      CLIENT_ID_BYTES, id);
        value = id;
    }
    switch (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason))) {
    case RD_KAFKA_CONF_OK:
        return WEIR_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        if (weir_client_is_news(name))
            weir_logf(WEIR_WARN, "property '%s' is unknown to librdkafka %s and ignored", name,
                      rd_kafka_version_str());
        return WEIR_OK;
    default:
        break;
    }
    if (weir_client_property_is_secret(name)) /* librdkafka's words may quote it */
        return weir_fail(err, WEIR_INVALID, "property '%s': its value is not valid", name);
    return weir_fail(err, WEIR_INVALID, "property '%s': value '%s' is not valid: %s", name,
                     value ? value : "null", reason);
}

static weir_code set_properties(rd_kafka_conf_t *conf, const weir_props *props, bool connects,
                                weir_err *err)
{
    weir_code rc = WEIR_OK;

    rd_kafka_conf_set_log_cb(conf, on_log);
    rc = set_property(conf, "socket.nagle.disable", "true", err);
    if (rc == WEIR_OK) /* an idle connection that ends is no news */
        rc = set_property(conf, "log.connection.close", "false", err);
    for (size_t i = 0; rc == WEIR_OK && i < props->count; i++) {
        const weir_pair *pair = &props->pairs[i];

        if (connects || (strcmp(pair->key, "bootstrap.servers") != 0 &&
                         strcmp(pair->key, "metadata.broker.list") != 0))
            rc = set_property(conf, pair->key, pair->value, err);
    }
    return rc;
}

static weir_code make(rd_kafka_type_t type, const weir_props *props, bool connects,
                      weir_kafka_prepare *prepare, void *ctx, rd_kafka_t **ret_rk, weir_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[512] = "";
    rd_kafka_t *rk;
    weir_code rc;

    rc = weir_kafka_check_version(err);
    if (rc == WEIR_OK)
        rc = set_properties(conf, props, connects, err);
    if (rc != WEIR_OK)
        goto out;
    if (prepare)
        prepare(conf, ctx);
    rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    if (!rk) {
        rc = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE ? WEIR_FAILED
                                                                           : WEIR_INVALID;
        rc = weir_fail(err, rc, "cannot make a Kafka client: %s", reason);
        if (prepare) /* librdkafka 2.13 has freed interceptors already: better to leak it */
            conf = NULL;
        goto out;
    }
    conf = NULL; /* the handle's now */
    *ret_rk = rk;
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return rc;
}

weir_code weir_kafka_client_new(rd_kafka_type_t type, const weir_props *props,
                                weir_kafka_prepare *prepare, void *ctx, rd_kafka_t **ret_rk,
                                weir_err *err)
{
    return make(type, props, true, prepare, ctx, ret_rk, err);
}

void weir_kafka_reconnect_soon(weir_props *props)
{
    if (!weir_props_has(props, "reconnect.backoff.ms") &&
        !weir_props_has(props, "reconnect.backoff.max.ms"))
        weir_props_set(props, "reconnect.backoff.max.ms", "1000");
}

weir_code weir_kafka_client_check(rd_kafka_type_t type, const weir_props *props, weir_err *err)
{
    rd_kafka_t *rk = NULL;
    weir_code rc = make(type, props, false, NULL, NULL, &rk, err);

    if (rc == WEIR_OK)
        rd_kafka_destroy(rk);
    return rc;
}

/* ---- Errors -------------------------------------------------------------------------------- */

weir_code weir_kafka_code(rd_kafka_resp_err_t error)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return WEIR_FENCED;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return WEIR_DENIED;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return WEIR_TIMED_OUT;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
        return WEIR_UNAVAILABLE;
    default:
        return WEIR_FAILED;
    }
}

bool weir_kafka_is_written(const rd_kafka_message_t *report)
{
    return !report->err && report->offset >= 0;
}
