/* dead_topic.c - see dead_topic.h.
 *
 * Asking comes first, as in Connect, and the one who asks is a consumer's handle: that of a
 * producer would have the broker create the topic by its own rules. Between the question and
 * CreateTopics another task may be faster; that it exists is fine then.
 */
#include "task/dead_topic.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS    500   /* for one look at the topic */
#define CREATE_MS 10000 /* for one attempt to create it */
#define PAUSE_MS  1000  /* between two attempts */
/* Brokers that are still starting count again soon: so long are too few of them waited for. */
#define BROKERS_MS 10000

struct weir_dead_topic {
    weir_dead_topic_wish wish;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int64_t created_ms; /* when the creation was asked for; 0: it is not */
    int64_t too_few_ms; /* when brokers were first too few; 0: never */
    int64_t again_ms;
    char trouble[512]; /* what librdkafka complained about */
    weir_err last;     /* why it was not there in the last step */
};

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    weir_dead_topic *topic = opaque;

    (void)rk;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* that follows from what was said before */
        snprintf(topic->trouble, sizeof(topic->trouble), "%s", reason);
}

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_error_cb(conf, on_error);
}

weir_code weir_dead_topic_open(const weir_dead_topic_wish *wish, weir_dead_topic **ret_topic,
                               weir_err *err)
{
    static const uint64_t one = 1;
    weir_dead_topic *topic = weir_new(weir_dead_topic);
    weir_code rc;

    topic->wish = *wish;
    rc = weir_kafka_client_new(RD_KAFKA_CONSUMER, wish->admin, prepare, topic, &topic->rk, err);
    if (rc != WEIR_OK)
        goto out;
    topic->queue = rd_kafka_queue_new(topic->rk);
    rd_kafka_queue_io_event_enable(topic->queue, wish->wakeup_fd, &one, sizeof(one));

    *ret_topic = topic;
    topic = NULL;
out:
    weir_dead_topic_close(topic);
    return rc;
}

void weir_dead_topic_close(weir_dead_topic *topic)
{
    if (!topic)
        return;
    if (topic->queue) {
        rd_kafka_queue_io_event_enable(topic->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(topic->queue);
    }
    if (topic->rk)
        rd_kafka_destroy(topic->rk);
    free(topic);
}

static weir_code later(weir_dead_topic *topic, const char *why, weir_err *err)
{
    topic->again_ms = weir_now_ms() + PAUSE_MS;
    return weir_fail(err, WEIR_UNAVAILABLE, "dead-letter topic '%s': %s", topic->wish.name, why);
}

/* ---- Is it there? -------------------------------------------------------------------------- */

static rd_kafka_resp_err_t look(weir_dead_topic *topic)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(topic->rk, topic->wish.name, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_last_error();

    if (!rkt)
        return error;
    error = rd_kafka_metadata(topic->rk, 0, rkt, &metadata, ASK_MS);
    if (!error)
        error = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                         : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(rkt);
    return error;
}

/* ---- Creating it --------------------------------------------------------------------------- */

static weir_code ask_to_create(weir_dead_topic *topic, weir_err *err)
{
    char why[512];
    rd_kafka_AdminOptions_t *options;
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic->wish.name, 1, topic->wish.replication, why, sizeof(why));

    if (!made)
        return weir_fail(err, WEIR_INVALID, "dead-letter topic '%s' cannot be created: %s",
                         topic->wish.name, why);
    options = rd_kafka_AdminOptions_new(topic->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, CREATE_MS, why, sizeof(why));
    rd_kafka_CreateTopics(topic->rk, &made, 1, options, topic->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(made);
    topic->created_ms = weir_now_ms();
    topic->again_ms = topic->created_ms + 2 * CREATE_MS; /* the answer wakes us before that */
    return weir_fail(err, WEIR_UNAVAILABLE, "dead-letter topic '%s' is being created",
                     topic->wish.name);
}

static weir_code too_few_brokers(weir_dead_topic *topic, const char *why, weir_err *err)
{
    int64_t now_ms = weir_now_ms();

    if (!topic->too_few_ms)
        topic->too_few_ms = now_ms;
    if (now_ms - topic->too_few_ms < BROKERS_MS)
        return later(topic, why, err);
    return weir_fail(
        err, WEIR_INVALID,
        "dead-letter topic '%s' cannot be created with "
        "errors.deadletterqueue.topic.replication.factor=%d: %s; start more brokers or "
        "lower the factor",
        topic->wish.name, topic->wish.replication, why);
}

/* What Kafka said to CreateTopics. */
static weir_code judge(weir_dead_topic *topic, rd_kafka_resp_err_t error, const char *why,
                       weir_err *err)
{
    weir_code code;

    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        weir_log(WEIR_INFO, "topic created", "topic", topic->wish.name, "for", "dead letters",
                 NULL);
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
        return too_few_brokers(topic, why, err);
    default:
        break;
    }
    code = weir_kafka_code(error);
    if (code == WEIR_TIMED_OUT || code == WEIR_UNAVAILABLE)
        return later(topic, why, err);
    return weir_fail(err, WEIR_INVALID,
                     "dead-letter topic '%s' does not exist and cannot be created: %s",
                     topic->wish.name, why);
}

/* The answer to CreateTopics, when it is there. */
static weir_code hear(weir_dead_topic *topic, weir_err *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(topic->queue, 0);
    const rd_kafka_topic_result_t **results;
    rd_kafka_resp_err_t error;
    char why[512];
    size_t count;

    if (!event)
        return weir_fail(err, WEIR_UNAVAILABLE, "dead-letter topic '%s' is being created",
                         topic->wish.name);
    error = rd_kafka_event_error(event);
    snprintf(why, sizeof(why), "%s", rd_kafka_event_error_string(event));
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT && !error) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        if (count == 1) {
            error = rd_kafka_topic_result_error(results[0]);
            snprintf(why, sizeof(why), "%s",
                     rd_kafka_topic_result_error_string(results[0])
                         ? rd_kafka_topic_result_error_string(results[0])
                         : rd_kafka_err2str(error));
        }
    }
    rd_kafka_event_destroy(event);
    topic->created_ms = 0;
    return judge(topic, error, why, err);
}

/* ---- Both ---------------------------------------------------------------------------------- */

static weir_code look_or_create(weir_dead_topic *topic, weir_err *err)
{
    rd_kafka_resp_err_t error = look(topic);

    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE: /* it is just coming into being */
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return ask_to_create(topic, err);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: /* to write is another right than to look */
        weir_logf(WEIR_WARN,
                  "dead-letter topic '%s': this worker may not look whether it is there; the first "
                  "dead letter will show",
                  topic->wish.name);
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return weir_fail(err, WEIR_INVALID, "'%s' cannot be the name of the dead-letter topic: %s",
                         topic->wish.name, rd_kafka_err2str(error));
    default:
        rd_kafka_poll(topic->rk, 0); /* for on_error() */
        return later(topic, topic->trouble[0] ? topic->trouble : rd_kafka_err2str(error), err);
    }
}

weir_code weir_dead_topic_step(weir_dead_topic *topic, int64_t *ret_again_ms, weir_err *err)
{
    int64_t now_ms = weir_now_ms();
    weir_code rc;

    if (topic->created_ms)
        rc = hear(topic, err);
    else if (now_ms >= topic->again_ms)
        rc = look_or_create(topic, err);
    else
        rc = weir_fail(err, topic->last.code, "%s", topic->last.msg);
    if (rc != WEIR_OK)
        topic->last = *err;
    *ret_again_ms = topic->again_ms;
    return rc;
}
