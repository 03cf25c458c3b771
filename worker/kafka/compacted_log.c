/* compacted_log.c - see compacted_log.h.
 *
 * Two threads. The reader owns the fetching handle and the positions and speaks to the listener.
 * The surveyor asks brokers where the log ends, on a handle of its own: on the fetching one the
 * question would wait behind a long-polling fetch, and on the reader's thread a slow broker would
 * hold up records (kafka-client.md 2.3). A survey goes from one to the other as a message.
 *
 * "At the end" of a partition means: past the last record, or where librdkafka met the end, is as
 * far as the log end the survey saw. Transaction markers and aborted records take offsets without
 * ever being delivered, so the last record alone would not do.
 */
#include "kafka/compacted_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "kafka/client.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ASK_MS    1000  /* one question to a broker; the thread looks up in between */
#define PAUSE_MS  250   /* after a question without an answer */
#define POLL_MS   500   /* nothing depends on it: what matters wakes the poll */
#define STALL_MS  5000  /* a barrier that takes longer is talked about ... */
#define REPEAT_MS 30000 /* ... and again, and the end of the log is asked again */
#define MAX_ASKED 65536 /* barriers not yet surveyed */

/* Where the log ended when `ids` were asked. */
typedef struct survey {
    struct survey *next;
    uint64_t *ids;
    size_t id_count;
    int64_t *ends; /* by partition */
    int64_t since_ms, talk_at_ms;
} survey;

struct weir_compacted_log {
    weir_log_listener listener;
    char *topic;
    rd_kafka_t *reader, *asker;
    rd_kafka_topic_t *reader_topic, *asker_topic;
    rd_kafka_queue_t *records;  /* the reader's */
    weir_queue *asked;          /* uint64_t*, to the surveyor */
    weir_queue *surveyed;       /* survey*, to the reader */
    atomic_int partition_count; /* 0 until the reader knows it */
    atomic_bool closing;
    bool reading, surveying; /* threads that were started */
    pthread_t reader_thread, surveyor_thread;

    /* [reader] */
    int64_t *positions; /* by partition: the next offset to expect */
    survey *waiting, **waiting_end;
    int64_t error_at_ms; /* when errors may be logged again */
};

static void drop_survey(void *msg)
{
    survey *s = msg;

    if (!s)
        return;
    free(s->ids);
    free(s->ends);
    free(s);
}

/* ---- The surveyor -------------------------------------------------------------------------- */

/* One request per leader; all ends or none. */
static weir_code ask_ends(weir_compacted_log *log, int64_t *ends, int count, weir_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    rd_kafka_resp_err_t error;

    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, log->topic, i)->offset = RD_KAFKA_OFFSET_END;
    error = rd_kafka_offsets_for_times(log->asker, list, ASK_MS);
    for (int i = 0; i < list->cnt && !error; i++) {
        error = list->elems[i].err;
        if (!error && list->elems[i].offset < 0)
            error = RD_KAFKA_RESP_ERR__TIMED_OUT;
        ends[list->elems[i].partition] = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (!error)
        return WEIR_OK;
    return weir_fail(err, weir_kafka_code(error), "%s", rd_kafka_err2str(error));
}

/* What the library believes about leaders may be old: make it look. */
static void refresh(rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
    const rd_kafka_metadata_t *metadata;

    if (rd_kafka_metadata(rk, 0, topic, &metadata, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

/* Waits on the queue of barriers, so that closing cuts it short; none is lost. */
static void pause_survey(weir_compacted_log *log, survey *s, int64_t ms)
{
    uint64_t *id = weir_queue_take(log->asked, ms);

    if (!id)
        return;
    s->ids = weir_realloc(s->ids, s->id_count + 1, sizeof(*s->ids));
    s->ids[s->id_count++] = *id;
    free(id);
}

static bool complete_survey(weir_compacted_log *log, survey *s)
{
    int64_t talk_at_ms = s->since_ms + STALL_MS;
    weir_err err = {.msg = "its partitions are not known yet"};

    while (!atomic_load(&log->closing)) {
        int count = atomic_load(&log->partition_count);

        if (count > 0) {
            if (!s->ends)
                s->ends = weir_new_array(int64_t, (size_t)count);
            if (ask_ends(log, s->ends, count, &err) == WEIR_OK)
                return true;
            refresh(log->asker, log->asker_topic);
        }
        if (weir_now_ms() >= talk_at_ms) {
            weir_logf(WEIR_WARN, "topic '%s': waiting to learn where it ends: %s", log->topic,
                      err.msg);
            talk_at_ms = weir_now_ms() + REPEAT_MS;
        }
        pause_survey(log, s, count > 0 ? PAUSE_MS : PAUSE_MS / 10);
    }
    return false;
}

static void *run_surveyor(void *arg)
{
    weir_compacted_log *log = arg;
    uint64_t *id;

    while ((id = weir_queue_take(log->asked, -1)) != NULL) {
        survey *s = weir_new(survey);

        s->since_ms = weir_now_ms();
        s->talk_at_ms = s->since_ms + STALL_MS;
        for (; id; id = weir_queue_take(log->asked, 0)) { /* all that were asked by now */
            s->ids = weir_realloc(s->ids, s->id_count + 1, sizeof(*s->ids));
            s->ids[s->id_count++] = *id;
            free(id);
        }
        if (!complete_survey(log, s) || weir_queue_put(log->surveyed, s, -1) != WEIR_OK)
            drop_survey(s);
        rd_kafka_queue_yield(log->records);
    }
    return NULL;
}

/* ---- The reader: beginning ----------------------------------------------------------------- */

/* Learns the partitions and primes the handle: the first fetch then goes straight to a leader.
 * 0: not now, err says why. */
static int learn_partitions(weir_compacted_log *log, weir_err *err)
{
    const rd_kafka_metadata_t *metadata;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(log->reader, 0, log->reader_topic, &metadata, ASK_MS);
    int count = 0;

    if (error) {
        weir_fail(err, WEIR_UNAVAILABLE, "%s", rd_kafka_err2str(error));
        return 0;
    }
    if (metadata->topic_cnt == 1 && !metadata->topics[0].err)
        count = metadata->topics[0].partition_cnt;
    if (count == 0)
        weir_fail(err, WEIR_UNAVAILABLE, "%s",
                  metadata->topic_cnt == 1 && metadata->topics[0].err
                      ? rd_kafka_err2str(metadata->topics[0].err)
                      : "no broker knows it");
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* Sleeps, but for the call that closes the log. */
static void pause_reader(const weir_compacted_log *log, int64_t ms)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(log->reader, (int)ms);

    if (message) /* nothing is assigned: an error, which the next attempt shows again */
        rd_kafka_message_destroy(message);
}

static bool begin(weir_compacted_log *log)
{
    int64_t talk_at_ms = 0;
    rd_kafka_topic_partition_list_t *list;
    weir_err err;
    int count;

    while ((count = learn_partitions(log, &err)) == 0) {
        if (weir_now_ms() >= talk_at_ms) {
            weir_logf(WEIR_WARN, "topic '%s': waiting for its partitions: %s", log->topic, err.msg);
            talk_at_ms = weir_now_ms() + REPEAT_MS;
        }
        if (!atomic_load(&log->closing))
            pause_reader(log, PAUSE_MS);
        if (atomic_load(&log->closing))
            return false;
    }
    log->positions = weir_new_array(int64_t, (size_t)count);
    list = rd_kafka_topic_partition_list_new(count);
    /* A number, not "beginning": that would have to be asked, and asked again while a leader is
     * not known. Where the log starts later, the reset policy finds its start. */
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, log->topic, i)->offset = 0;
    rd_kafka_assign(log->reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    atomic_store(&log->partition_count, count);
    return true;
}

/* ---- The reader: following ----------------------------------------------------------------- */

static void deliver(weir_compacted_log *log, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    /* librdkafka's bytes have no NUL behind them. */
    char *key = weir_memdup(message->key ? message->key : "", message->key ? message->key_len : 0);
    char *value = weir_memdup(message->payload, message->len);
    const weir_log_record record = {
        .key = key,
        .key_size = message->key ? message->key_len : 0,
        .value = value,
        .value_size = value ? message->len : 0,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
    };

    log->listener.record(log->listener.ctx, &record);
    free(key);
    free(value);
}

static void take(weir_compacted_log *log, const rd_kafka_message_t *message)
{
    bool known = message->partition >= 0 &&
                 message->partition < atomic_load(&log->partition_count) && message->rkt;

    if (!message->err && known) {
        deliver(log, message);
        log->positions[message->partition] = message->offset + 1;
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && known) {
        log->positions[message->partition] = message->offset;
    } else if (message->err) {
        bool loud = weir_now_ms() >= log->error_at_ms;

        weir_logf(loud ? WEIR_WARN : WEIR_DEBUG, "topic '%s': %s", log->topic,
                  rd_kafka_message_errstr(message));
        if (loud)
            log->error_at_ms = weir_now_ms() + REPEAT_MS;
    }
}

/* -1: everywhere at the end; otherwise the first partition that is not. */
static int behind(const weir_compacted_log *log, const survey *s)
{
    int count = atomic_load(&log->partition_count);

    for (int i = 0; i < count; i++)
        if (log->positions[i] < s->ends[i])
            return i;
    return -1;
}

/* Says what is waited for. The log may also have become shorter (its leader died with records
 * nobody else had): then the end as it is now is the one to reach. */
static void talk(weir_compacted_log *log, survey *s, int partition)
{
    int count = atomic_load(&log->partition_count);
    int64_t *ends = weir_new_array(int64_t, (size_t)count);

    weir_logf(WEIR_WARN,
              "topic '%s', partition %d: read up to %" PRId64 " of %" PRId64 " in %" PRId64
              " ms: waiting for a broker or for an open transaction to end",
              log->topic, partition, log->positions[partition], s->ends[partition],
              weir_now_ms() - s->since_ms);
    s->talk_at_ms = weir_now_ms() + REPEAT_MS;
    refresh(log->reader, log->reader_topic);
    if (ask_ends(log, ends, count, NULL) == WEIR_OK)
        for (int i = 0; i < count; i++)
            if (ends[i] < s->ends[i])
                s->ends[i] = ends[i];
    free(ends);
}

static void answer_barriers(weir_compacted_log *log)
{
    survey *s;
    int partition;

    while ((s = weir_queue_take(log->surveyed, 0)) != NULL) {
        *log->waiting_end = s;
        log->waiting_end = &s->next;
    }
    while ((s = log->waiting) != NULL && (partition = behind(log, s)) < 0) {
        log->waiting = s->next;
        if (!log->waiting)
            log->waiting_end = &log->waiting;
        for (size_t i = 0; i < s->id_count; i++)
            log->listener.reached(log->listener.ctx, s->ids[i]);
        drop_survey(s);
    }
    if (s && weir_now_ms() >= s->talk_at_ms)
        talk(log, s, partition);
}

static void *run_reader(void *arg)
{
    weir_compacted_log *log = arg;

    if (!begin(log))
        return NULL;
    while (!atomic_load(&log->closing)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(log->reader, POLL_MS);

        if (message) {
            take(log, message);
            rd_kafka_message_destroy(message);
        }
        if (!atomic_load(&log->closing))
            answer_barriers(log);
    }
    return NULL;
}

/* ---- Opening and closing ------------------------------------------------------------------- */

static weir_code make_handle(const weir_props *props, const weir_props *own, rd_kafka_t **ret_rk,
                             weir_err *err)
{
    weir_props all = WEIR_PROPS;
    weir_code rc;

    weir_props_merge(&all, props);
    if (!weir_props_has(props, "group.id")) /* needed to assign, never used: nothing is committed */
        weir_props_set(&all, "group.id", "weir");
    weir_kafka_reconnect_soon(&all);
    weir_props_set(&all, "enable.auto.commit", "false");
    weir_props_set(&all, "enable.auto.offset.store", "false");
    weir_props_set(&all, "auto.offset.reset", "earliest");
    weir_props_merge(&all, own);
    rc = weir_kafka_client_new(RD_KAFKA_CONSUMER, &all, NULL, NULL, ret_rk, err);
    weir_props_clear(&all);
    return rc;
}

static weir_code make_handles(weir_compacted_log *log, const weir_props *props, weir_err *err)
{
    weir_props reads = WEIR_PROPS, asks = WEIR_PROPS;
    weir_code rc;

    weir_props_set(&reads, "isolation.level", "read_committed");
    weir_props_set(&reads, "enable.partition.eof", "true");
    /* A broker answers a waiting fetch at once when records come, but the end after a
     * transaction's marker is met only when a fetch has come back empty. */
    weir_props_set(&reads, "fetch.wait.max.ms", "100");
    weir_props_set(&reads, "queued.max.messages.kbytes", "16384");
    /* The end that counts is that of open transactions too: they must be waited for. */
    weir_props_set(&asks, "isolation.level", "read_uncommitted");
    rc = make_handle(props, &reads, &log->reader, err);
    if (rc == WEIR_OK)
        rc = make_handle(props, &asks, &log->asker, err);
    weir_props_clear(&reads);
    weir_props_clear(&asks);
    return rc;
}

weir_code weir_compacted_log_open(const weir_props *props, const char *topic,
                                  const weir_log_listener *listener, weir_compacted_log **ret_log,
                                  weir_err *err)
{
    weir_compacted_log *log = weir_new(weir_compacted_log);
    weir_code rc;

    log->listener = *listener;
    log->topic = weir_strdup(topic);
    log->waiting_end = &log->waiting;
    log->asked = weir_queue_new(MAX_ASKED, free);
    log->surveyed = weir_queue_new(16, drop_survey);
    rc = make_handles(log, props, err);
    if (rc != WEIR_OK)
        goto out;
    rd_kafka_poll_set_consumer(log->reader);
    log->records = rd_kafka_queue_get_consumer(log->reader);
    log->reader_topic = rd_kafka_topic_new(log->reader, topic, NULL);
    log->asker_topic = rd_kafka_topic_new(log->asker, topic, NULL);
    if (!log->reader_topic || !log->asker_topic) {
        rc = weir_fail(err, WEIR_INVALID, "topic '%s': %s", topic,
                       rd_kafka_err2str(rd_kafka_last_error()));
        goto out;
    }
    weir_compacted_log_barrier(log, 0);
    log->surveyor_thread = weir_thread_start("log-end", run_surveyor, log);
    log->surveying = true;
    log->reader_thread = weir_thread_start("log-reader", run_reader, log);
    log->reading = true;

    *ret_log = log;
    log = NULL;
out:
    weir_compacted_log_close(log);
    return rc;
}

void weir_compacted_log_barrier(weir_compacted_log *log, uint64_t id)
{
    uint64_t *asked = weir_memdup(&id, sizeof(id));

    if (weir_queue_put(log->asked, asked, 0) != WEIR_OK) {
        /* Somebody asks without ever waiting for an answer. */
        weir_logf(WEIR_ERROR, "topic '%s': too many barriers, one is lost", log->topic);
        free(asked);
    }
}

static void destroy(rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
    if (topic)
        rd_kafka_topic_destroy(topic);
    if (rk)
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void weir_compacted_log_close(weir_compacted_log *log)
{
    if (!log)
        return;
    atomic_store(&log->closing, true);
    weir_queue_close(log->asked);
    weir_queue_close(log->surveyed);
    if (log->records)
        rd_kafka_queue_yield(log->records);
    if (log->reading)
        pthread_join(log->reader_thread, NULL);
    if (log->surveying)
        pthread_join(log->surveyor_thread, NULL);
    while (log->waiting) {
        survey *s = log->waiting;

        log->waiting = s->next;
        drop_survey(s);
    }
    if (log->records)
        rd_kafka_queue_destroy(log->records);
    destroy(log->reader, log->reader_topic);
    destroy(log->asker, log->asker_topic);
    weir_queue_free(log->asked);
    weir_queue_free(log->surveyed);
    free(log->positions);
    free(log->topic);
    free(log);
}
