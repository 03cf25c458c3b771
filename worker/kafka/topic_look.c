/* topic_look.c - see topic_look.h.
 *
 * A producer that asks for a topic creates it where brokers allow that; a consumer does not. So a
 * consumer's handle asks, with the connection of whomever the look is for.
 */
#include "kafka/topic_look.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_BYTES 256
#define AUTO_CREATE  "auto.create.topics.enable"
#define REPLICATION  "default.replication.factor"

typedef struct look {
    rd_kafka_t *rk;
    int64_t until_ms;
    char trouble[REASON_BYTES]; /* what librdkafka complained about last */
} look;

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    look *l = opaque;

    (void)rk;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* that follows from what was said before */
        snprintf(l->trouble, sizeof(l->trouble), "%s", reason);
}

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_error_cb(conf, on_error);
}

/* What a consumer's handle understands of a producer's properties. */
static void connection_of(const weir_props *props, weir_props *out)
{
    static const char *const prefixes[] = {"bootstrap.", "metadata.broker.", "security.", "sasl.",
                                           "ssl.",       "enable.ssl.",      "socket.",   "broker.",
                                           "client.",    "api.version."};

    WEIR_PROPS_EACH (pair, props)
        for (size_t i = 0; i < WEIR_COUNT(prefixes); i++)
            if (strncmp(pair->key, prefixes[i], strlen(prefixes[i])) == 0)
                weir_props_set(out, pair->key, pair->value);
    weir_props_set(out, "allow.auto.create.topics", "false");
}

static int left_ms(const look *l)
{
    int64_t left = l->until_ms - weir_now_ms();

    return left > 0 ? (int)left : 0;
}

/* ---- The topic ------------------------------------------------------------------------------ */

static weir_code judge(const char *topic, rd_kafka_resp_err_t error, weir_err *err)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return weir_fail(err, WEIR_DENIED, "this user may not see topic '%s'", topic);
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        return weir_fail(err, WEIR_INVALID, "Kafka has no topics with names like '%s'", topic);
    default:
        return WEIR_OK;
    }
}

static weir_code see_topic(look *l, const char *topic, weir_topic_view *view, weir_err *err)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(l->rk, topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__INVALID_ARG;
    weir_code rc = WEIR_OK;

    if (rkt)
        error = rd_kafka_metadata(l->rk, 0, rkt, &metadata, left_ms(l));
    if (error) {
        rd_kafka_poll(l->rk, 0); /* for on_error() */
        rc = weir_fail(err, WEIR_UNAVAILABLE, "%s",
                       l->trouble[0] ? l->trouble : rd_kafka_err2str(error));
    } else {
        view->brokers = metadata->broker_cnt;
        if (metadata->topic_cnt == 1) {
            error = metadata->topics[0].err;
            view->exists = error == RD_KAFKA_RESP_ERR_NO_ERROR ||
                           error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
            view->partitions = metadata->topics[0].partition_cnt;
        }
        rc = judge(topic, error, err);
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    return rc;
}

/* ---- What would become of a topic that is missing -------------------------------------------- */

static void read_setting(const rd_kafka_ConfigEntry_t *entry, weir_topic_view *view)
{
    const char *name = rd_kafka_ConfigEntry_name(entry);
    const char *value = rd_kafka_ConfigEntry_value(entry);

    if (!value)
        return;
    if (strcmp(name, AUTO_CREATE) == 0)
        view->creates = strcmp(value, "true") == 0 ? WEIR_YES : WEIR_NO;
    else if (strcmp(name, REPLICATION) == 0)
        view->default_replication = (int)strtol(value, NULL, 10);
}

static void read_settings(const rd_kafka_event_t *event, weir_topic_view *view)
{
    const rd_kafka_DescribeConfigs_result_t *result =
        rd_kafka_event_DescribeConfigs_result((rd_kafka_event_t *)(uintptr_t)event);
    size_t count = 0, entries = 0;
    const rd_kafka_ConfigResource_t **resources =
        result ? rd_kafka_DescribeConfigs_result_resources(result, &count) : NULL;
    const rd_kafka_ConfigEntry_t **list;

    if (count != 1 || rd_kafka_ConfigResource_error(resources[0]))
        return;
    list = rd_kafka_ConfigResource_configs(resources[0], &entries);
    for (size_t i = 0; i < entries; i++)
        read_setting(list[i], view);
}

/* One broker speaks for all: they are set alike, or nobody could tell what happens. */
static void ask_broker(look *l, int32_t id, weir_topic_view *view)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(l->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource;
    rd_kafka_event_t *event;
    char name[16], ignored[64];
    int timeout_ms = left_ms(l) > 0 ? left_ms(l) : 1;

    snprintf(name, sizeof(name), "%d", (int)id);
    resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, name);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ignored, sizeof(ignored));
    rd_kafka_DescribeConfigs(l->rk, &resource, 1, options, queue);
    event = rd_kafka_queue_poll(queue, timeout_ms + 100);
    if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT &&
        !rd_kafka_event_error(event))
        read_settings(event, view);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
}

static void foresee(look *l, weir_topic_view *view)
{
    const rd_kafka_metadata_t *metadata = NULL;

    if (rd_kafka_metadata(l->rk, 0, NULL, &metadata, left_ms(l)))
        return;
    if (metadata->broker_cnt > 0)
        ask_broker(l, metadata->brokers[0].id, view);
    rd_kafka_metadata_destroy(metadata);
}

weir_code weir_topic_look(const weir_props *props, const char *topic, int64_t timeout_ms,
                          weir_topic_view *ret_view, weir_err *err)
{
    look l = {.until_ms = weir_now_ms() + timeout_ms};
    weir_topic_view view = {.exists = false};
    weir_props connection = WEIR_PROPS;
    weir_code rc;

    connection_of(props, &connection);
    rc = weir_kafka_client_new(RD_KAFKA_CONSUMER, &connection, prepare, &l, &l.rk, err);
    if (rc == WEIR_OK)
        rc = see_topic(&l, topic, &view, err);
    if (rc == WEIR_OK && !view.exists)
        foresee(&l, &view);
    if (rc == WEIR_OK)
        *ret_view = view;
    if (l.rk)
        rd_kafka_destroy(l.rk);
    weir_props_clear(&connection);
    return rc;
}
