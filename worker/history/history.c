/* history.c - see history.h.
 *
 * The compacted log waits for Kafka for ever, as a worker should. Somebody who asks a question
 * wants an answer, so brokers and topic are looked at first, with a limit, and progress is watched.
 * The log's thread tells this one that it is done by the signal that an operator would send.
 */
#include "history/history.h"

#include "base/clock.h"
#include "kafka/client.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define ANSWER_MS 10000 /* for the first answer of a broker */
#define ASK_MS    1000  /* one question */
#define STALL_MS  30000 /* without a record before the end: a broker or an open transaction */

typedef struct reading {
    const weir_history_reader *reader;
    pthread_t waiter;
    bool follow;
    bool over; /* [log] nothing more is given to the reader */
    atomic_bool done;
    atomic_ulong records;
} reading;

/* ---- [log] -------------------------------------------------------------------------------------
 */

static void finish(reading *r)
{
    if (r->over)
        return;
    r->over = true;
    atomic_store(&r->done, true);
    pthread_kill(r->waiter, SIGTERM);
}

static void took_record(void *ctx, const weir_log_record *record)
{
    reading *r = ctx;

    if (r->over)
        return;
    atomic_fetch_add(&r->records, 1);
    if (!r->reader->record(r->reader->ctx, record))
        finish(r);
}

static void reached_end(void *ctx, uint64_t barrier)
{
    reading *r = ctx;

    (void)barrier;
    if (!r->follow)
        finish(r);
}

/* ---- The caller's thread -----------------------------------------------------------------------
 */

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

/* Has one come within this time? Takes it. */
static bool signalled(int64_t ms)
{
    const struct timespec limit = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = ms % 1000 * 1000000};
    sigset_t set;

    stop_signals(&set);
    return sigtimedwait(&set, NULL, &limit) > 0;
}

static weir_code judge_topic(const rd_kafka_metadata_topic_t *found, const char *topic,
                             weir_err *err)
{
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return weir_fail(err, WEIR_NOT_FOUND, "there is no topic '%s'", topic);
    if (found->err)
        return weir_fail(err, weir_kafka_code(found->err), "topic '%s': %s", topic,
                         rd_kafka_err2str(found->err));
    if (found->partition_cnt != 1)
        return weir_fail(err, WEIR_INVALID,
                         "topic '%s' has %d partitions: it is no config topic, which has one",
                         topic, found->partition_cnt);
    return WEIR_OK;
}

static weir_code ask_topic(rd_kafka_t *rk, rd_kafka_topic_t *rkt, const char *topic, weir_err *err)
{
    int64_t until_ms = weir_now_ms() + ANSWER_MS;
    const rd_kafka_metadata_t *metadata;
    rd_kafka_resp_err_t error;
    weir_code rc;

    do {
        if (signalled(0))
            return weir_fail(err, WEIR_CLOSED, "interrupted");
        error = rd_kafka_metadata(rk, 0, rkt, &metadata, ASK_MS);
    } while (error && weir_now_ms() < until_ms);
    if (error)
        return weir_fail(err, WEIR_UNAVAILABLE,
                         "no Kafka broker has answered for %d s: %s (is bootstrap.servers right, "
                         "and the security settings?)",
                         ANSWER_MS / 1000, rd_kafka_err2str(error));
    rc = metadata->topic_cnt == 1
             ? judge_topic(&metadata->topics[0], topic, err)
             : weir_fail(err, WEIR_UNAVAILABLE, "the broker said nothing about topic '%s'", topic);
    rd_kafka_metadata_destroy(metadata);
    return rc;
}

static weir_code look_at_topic(const weir_props *client, const char *topic, weir_err *err)
{
    rd_kafka_t *rk = NULL;
    rd_kafka_topic_t *rkt = NULL;
    weir_code rc;

    /* A consumer asks about a topic without creating it. */
    rc = weir_kafka_client_new(RD_KAFKA_CONSUMER, client, NULL, NULL, &rk, err);
    if (rc != WEIR_OK)
        return rc;
    rkt = rd_kafka_topic_new(rk, topic, NULL);
    if (rkt)
        rc = ask_topic(rk, rkt, topic, err);
    else
        rc = weir_fail(err, WEIR_INVALID, "topic '%s': %s", topic,
                       rd_kafka_err2str(rd_kafka_last_error()));
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return rc;
}

static weir_code wait_for_end(reading *r, const char *topic, weir_err *err)
{
    int64_t quiet_since_ms = weir_now_ms();
    unsigned long records = 0;

    while (!signalled(ASK_MS)) {
        if (atomic_load(&r->records) != records) {
            records = atomic_load(&r->records);
            quiet_since_ms = weir_now_ms();
        }
        if (!r->follow && weir_now_ms() - quiet_since_ms >= STALL_MS)
            return weir_fail(err, WEIR_UNAVAILABLE,
                             "topic '%s': nothing came for %d s, and its end is not reached: "
                             "a broker is away, or a transaction open",
                             topic, STALL_MS / 1000);
    }
    if (!r->follow && !atomic_load(&r->done))
        return weir_fail(err, WEIR_CLOSED, "interrupted before the end of topic '%s'", topic);
    return WEIR_OK;
}

weir_code weir_history_read(const weir_props *client, const char *topic, bool follow,
                            const weir_history_reader *reader, weir_err *err)
{
    reading r = {.reader = reader, .waiter = pthread_self(), .follow = follow};
    const weir_log_listener listener = {.ctx = &r, .record = took_record, .reached = reached_end};
    weir_compacted_log *log = NULL;
    weir_code rc;

    rc = look_at_topic(client, topic, err);
    if (rc == WEIR_OK)
        rc = weir_compacted_log_open(client, topic, &listener, &log, err);
    if (rc == WEIR_OK)
        rc = wait_for_end(&r, topic, err);
    weir_compacted_log_close(log);
    return rc;
}
