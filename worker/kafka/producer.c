/* producer.c - see producer.h.
 *
 * Every write is kept until it is settled, in the order in which it came. So a handle that ends
 * with a fatal error (an idempotent producer has a few) costs nothing but time: its successor is
 * given all that was outstanding, in order. What the first one had delivered without our knowing
 * is written twice; for the records written here the last one counts. So it is when librdkafka says
 * of a record that it is delivered, and cannot say where: it may be nowhere (decision 11).
 *
 * send() hands a write to librdkafka on the caller's thread; answers come on the producer's own.
 */
#include "kafka/producer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_OUTSTANDING 100000
#define POLL_MS         500
#define FULL_POLL_MS    10 /* while librdkafka has no room */
#define PRIME_MS        1000
#define PAUSE_MS        250

typedef struct pending {
    struct pending *next, *prev;
    char *topic, *key, *value;
    size_t key_size, value_size;
    uint64_t token;
    rd_kafka_resp_err_t error; /* librdkafka would not take it */
} pending;

struct weir_producer {
    weir_props props;
    weir_producer_report *report;
    void *ctx;
    pthread_t thread;

    pthread_mutex_t lock;
    rd_kafka_t *rk; /* NULL while a new one is made */
    rd_kafka_queue_t *queue;
    weir_map topics;       /* name -> rd_kafka_topic_t*, of rk */
    pending *first, *last; /* in order, all that is not settled */
    pending *unsent;       /* the first one librdkafka does not have yet */
    size_t count, refused; /* of the list; of those with an error */
    bool unprimed;         /* a topic is new: its leaders must be asked for, or it waits a second */
    int64_t closing_at_ms; /* 0: not closing; when to give up otherwise */
    bool doubtful;         /* [producer] the handle's word is not taken any more */
};

/* ---- The list ------------------------------------------------------------------------------ */

static void free_pending(pending *p)
{
    free(p->topic);
    free(p->key);
    free(p->value);
    free(p);
}

static void append(weir_producer *producer, pending *p)
{
    p->prev = producer->last;
    if (producer->last)
        producer->last->next = p;
    else
        producer->first = p;
    producer->last = p;
    producer->count++;
    if (!producer->unsent)
        producer->unsent = p;
}

static void unlink_pending(weir_producer *producer, pending *p)
{
    if (producer->unsent == p)
        producer->unsent = p->next;
    if (p->prev)
        p->prev->next = p->next;
    else
        producer->first = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        producer->last = p->prev;
    producer->count--;
}

/* [producer] Out of the list, reported, freed. Without the lock. */
static void settle(weir_producer *producer, pending *p, weir_code code, int32_t partition,
                   int64_t offset)
{
    pthread_mutex_lock(&producer->lock);
    unlink_pending(producer, p);
    pthread_mutex_unlock(&producer->lock);
    if (code != WEIR_OK && code != WEIR_CLOSED)
        weir_logf(WEIR_ERROR, "topic '%s': '%s' was not written: %s", p->topic, p->key,
                  rd_kafka_err2str(p->error));
    if (p->token)
        producer->report(producer->ctx, p->token, code, partition, offset);
    free_pending(p);
}

/* ---- Sending ------------------------------------------------------------------------------- */

static rd_kafka_topic_t *topic_of(weir_producer *producer, const char *name)
{
    rd_kafka_topic_t *topic = weir_map_get(&producer->topics, name);

    if (!topic) {
        topic = rd_kafka_topic_new(producer->rk, name, NULL);
        if (topic) {
            weir_map_set(&producer->topics, name, topic);
            producer->unprimed = true;
        }
    }
    return topic;
}

static rd_kafka_resp_err_t produce(weir_producer *producer, pending *p)
{
    rd_kafka_topic_t *topic = topic_of(producer, p->topic);

    if (!topic)
        return rd_kafka_last_error();
    return rd_kafka_producev(producer->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(0),
                             RD_KAFKA_V_KEY(p->key, p->key_size),
                             RD_KAFKA_V_VALUE(p->value, p->value_size), RD_KAFKA_V_OPAQUE(p),
                             RD_KAFKA_V_END);
}

/* With the lock. Gives librdkafka what it does not have yet, in order, as far as it has room. */
static void pump(weir_producer *producer)
{
    while (producer->rk && producer->unsent) {
        pending *p = producer->unsent;
        rd_kafka_resp_err_t error = p->error ? p->error : produce(producer, p);

        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL || error == RD_KAFKA_RESP_ERR__FATAL)
            return; /* the thread sees to both */
        if (error && !p->error) {
            p->error = error;
            producer->refused++;
        }
        producer->unsent = p->next;
    }
}

weir_code weir_producer_send(weir_producer *producer, const char *topic, const char *key,
                             const char *value, uint64_t token)
{
    pending *p;
    bool wake;

    pthread_mutex_lock(&producer->lock);
    if (producer->closing_at_ms || producer->count >= MAX_OUTSTANDING) {
        weir_code rc = producer->closing_at_ms ? WEIR_CLOSED : WEIR_FULL;

        pthread_mutex_unlock(&producer->lock);
        return rc;
    }
    p = weir_new(pending);
    p->topic = weir_strdup(topic);
    p->key = weir_strdup(key);
    p->value = weir_strdup(value);
    p->key_size = strlen(key);
    p->value_size = value ? strlen(value) : 0;
    p->token = token;
    append(producer, p);
    pump(producer);
    wake = producer->refused > 0 || producer->unsent || producer->unprimed;
    if (wake && producer->queue)
        rd_kafka_queue_yield(producer->queue);
    pthread_mutex_unlock(&producer->lock);
    return WEIR_OK;
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* [producer] from inside poll */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    weir_producer *producer = opaque;
    pending *p = message->_private;

    producer->doubtful |= !message->err && !weir_kafka_is_written(message);
    if (producer->doubtful || (message->err && rd_kafka_fatal_error(rk, NULL, 0)))
        return; /* the next handle gets it again */
    p->error = message->err;
    settle(producer, p, weir_kafka_code(message->err), message->partition,
           message->err ? -1 : message->offset);
}

/* [producer] Reports what librdkafka would not take. */
static void settle_refused(weir_producer *producer)
{
    pending *p, *next;

    pthread_mutex_lock(&producer->lock);
    for (p = producer->first; p && producer->refused > 0; p = next) {
        next = p->next; /* only this thread takes any out */
        if (!p->error)
            continue;
        producer->refused--;
        pthread_mutex_unlock(&producer->lock);
        settle(producer, p, weir_kafka_code(p->error), -1, -1);
        pthread_mutex_lock(&producer->lock);
    }
    pthread_mutex_unlock(&producer->lock);
}

/* ---- The handle ---------------------------------------------------------------------------- */

static void drop_topic(void *topic)
{
    rd_kafka_topic_destroy(topic);
}

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

/* Not for reports any more: librdkafka drops those of a handle that goes. */
static void drop_handle(weir_producer *producer)
{
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    weir_map topics;

    pthread_mutex_lock(&producer->lock);
    rk = producer->rk;
    queue = producer->queue;
    topics = producer->topics;
    producer->rk = NULL;
    producer->queue = NULL;
    producer->topics = (weir_map)WEIR_MAP(drop_topic);
    pthread_mutex_unlock(&producer->lock);
    weir_map_clear(&topics);
    if (queue)
        rd_kafka_queue_destroy(queue);
    if (rk)
        rd_kafka_destroy(rk);
}

static weir_code make_handle(weir_producer *producer, weir_err *err)
{
    rd_kafka_t *rk = NULL;
    weir_code rc =
        weir_kafka_client_new(RD_KAFKA_PRODUCER, &producer->props, prepare, producer, &rk, err);

    if (rc != WEIR_OK)
        return rc;
    pthread_mutex_lock(&producer->lock);
    producer->rk = rk;
    producer->queue = rd_kafka_queue_get_main(rk);
    producer->unsent = producer->first; /* everything again, in order */
    pump(producer);
    pthread_mutex_unlock(&producer->lock);
    return WEIR_OK;
}

static bool is_closing(weir_producer *producer)
{
    bool closing;

    pthread_mutex_lock(&producer->lock);
    closing = producer->closing_at_ms != 0;
    pthread_mutex_unlock(&producer->lock);
    return closing;
}

/* [producer] A fatal error or a doubtful answer ends a handle; the work goes on with a new one. */
static void replace_handle(weir_producer *producer)
{
    char why[512] = "";
    size_t count;
    weir_err err;

    if (!rd_kafka_fatal_error(producer->rk, why, sizeof(why)))
        snprintf(why, sizeof(why), "a record is said to be delivered, but not where");
    producer->doubtful = false;
    drop_handle(producer);
    pthread_mutex_lock(&producer->lock);
    count = producer->count;
    pthread_mutex_unlock(&producer->lock);
    weir_logf(WEIR_WARN, "the producer starts anew and sends %zu outstanding records again: %s",
              count, why);
    while (make_handle(producer, &err) != WEIR_OK) {
        weir_logf(WEIR_ERROR, "no new producer: %s", err.msg);
        if (is_closing(producer))
            return;
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
}

/* ---- The thread ---------------------------------------------------------------------------- */

/* Asks for the leaders of all topics of the handle. librdkafka 2.0.2 does so by itself only once a
 * second, and the first record waits for it (kafka-client.md 1.3). */
static void prime(weir_producer *producer)
{
    const rd_kafka_metadata_t *metadata;
    bool due;

    pthread_mutex_lock(&producer->lock);
    due = producer->unprimed;
    producer->unprimed = false;
    pthread_mutex_unlock(&producer->lock);
    if (!due)
        return;
    if (rd_kafka_metadata(producer->rk, 0, NULL, &metadata, PRIME_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
        return;
    }
    pthread_mutex_lock(&producer->lock);
    producer->unprimed = true;
    pthread_mutex_unlock(&producer->lock);
}

/* How long to wait in poll; -1: the end. */
static int patience_ms(weir_producer *producer)
{
    int ms = POLL_MS;

    pthread_mutex_lock(&producer->lock);
    if (producer->unsent || producer->unprimed)
        ms = FULL_POLL_MS;
    if (producer->closing_at_ms) {
        int64_t left_ms = producer->closing_at_ms - weir_now_ms();

        if (producer->count == 0 || left_ms <= 0 || !producer->rk)
            ms = -1;
        else if (left_ms < ms)
            ms = (int)left_ms;
        else if (ms > FULL_POLL_MS)
            ms = FULL_POLL_MS;
    }
    pthread_mutex_unlock(&producer->lock);
    return ms;
}

static void *run(void *arg)
{
    weir_producer *producer = arg;
    int ms;

    while ((ms = patience_ms(producer)) >= 0) {
        prime(producer);
        rd_kafka_poll(producer->rk, ms);
        if (producer->doubtful || rd_kafka_fatal_error(producer->rk, NULL, 0))
            replace_handle(producer);
        settle_refused(producer);
        pthread_mutex_lock(&producer->lock);
        pump(producer);
        pthread_mutex_unlock(&producer->lock);
    }
    drop_handle(producer);
    while (producer->first)
        settle(producer, producer->first, WEIR_CLOSED, -1, -1);
    return NULL;
}

/* ---- Opening and closing ------------------------------------------------------------------- */

static void free_producer(weir_producer *producer)
{
    weir_props_clear(&producer->props);
    pthread_mutex_destroy(&producer->lock);
    free(producer);
}

weir_code weir_producer_open(const weir_props *props, weir_producer_report *report, void *ctx,
                             weir_producer **ret_producer, weir_err *err)
{
    weir_producer *producer = weir_new(weir_producer);
    weir_code rc;

    producer->report = report;
    producer->ctx = ctx;
    producer->topics = (weir_map)WEIR_MAP(drop_topic);
    pthread_mutex_init(&producer->lock, NULL);
    weir_props_merge(&producer->props, props);
    weir_kafka_reconnect_soon(&producer->props);
    weir_props_set(&producer->props, "enable.idempotence", "true");
    weir_props_set(&producer->props, "acks", "all");
    weir_props_set(&producer->props, "linger.ms", "0");
    weir_props_set(&producer->props, "message.timeout.ms", "0");
    weir_props_set(&producer->props, "partitioner", "murmur2_random");
    rc = make_handle(producer, err);
    if (rc != WEIR_OK) {
        free_producer(producer);
        return rc;
    }
    producer->thread = weir_thread_start("producer", run, producer);
    *ret_producer = producer;
    return WEIR_OK;
}

void weir_producer_close(weir_producer *producer, int64_t timeout_ms)
{
    if (!producer)
        return;
    pthread_mutex_lock(&producer->lock);
    producer->closing_at_ms = weir_now_ms() + timeout_ms;
    if (producer->queue)
        rd_kafka_queue_yield(producer->queue);
    pthread_mutex_unlock(&producer->lock);
    pthread_join(producer->thread, NULL);
    free_producer(producer);
}
