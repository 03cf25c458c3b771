/* fakes.h - a Kafka, a group and tasks of our own making, for herders of one process.
 *
 * Several herders run here with their real threads; what they reach outside for is replaced: one
 * config and one status topic in memory, read by everybody in the same order; L with real fencing;
 * a group whose generations the test makes; tasks that start and stop as told. What ran where at
 * the same time is counted, so that "never on two workers" is looked at all the time.
 *
 *   fakes.h        topics, P, L
 *   fakes_group.h  watch, lease, group
 *   fakes_tasks.h  tasks, plans
 */
#ifndef WEIR_TESTS_HERDER_FAKES_H
#define WEIR_TESTS_HERDER_FAKES_H

#include "base/clock.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "herder/state.h"
#include "kafka/topics.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Topics ---------------------------------------------------------------------------------- */

#define MAX_RECORDS 100000
#define MAX_LOGS    32

typedef struct fake_record {
    char *key, *value;
} fake_record;

typedef struct fake_topic {
    fake_record records[MAX_RECORDS];
    size_t count;
} fake_topic;

struct weir_compacted_log {
    weir_log_listener listener;
    fake_topic *topic;
    size_t read;
    uint64_t barriers[16];
    size_t barrier_at[16], barrier_count;
    bool over;
    pthread_t thread;
};

static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static fake_topic config_topic, status_topic, offset_topic;
static weir_leader_log *lead_holder; /* who claimed last: all others are fenced */
static const void *dead;             /* the herder that was killed: nothing of it goes out */

static inline int64_t append(fake_topic *topic, const char *key, const char *value)
{
    ck_assert_uint_lt(topic->count, MAX_RECORDS);
    topic->records[topic->count] = (fake_record){weir_strdup(key), weir_strdup(value)};
    pthread_cond_broadcast(&changed);
    return (int64_t)topic->count++;
}

static inline fake_topic *topic_named(const char *name)
{
    return strstr(name, "status")   ? &status_topic
           : strstr(name, "offset") ? &offset_topic
                                    : &config_topic;
}

static inline bool next_record(weir_compacted_log *log, weir_log_record *record)
{
    const fake_record *found;

    if (log->read == log->topic->count)
        return false;
    found = &log->topic->records[log->read];
    *record = (weir_log_record){.key = found->key,
                                .key_size = strlen(found->key),
                                .value = found->value,
                                .value_size = found->value ? strlen(found->value) : 0,
                                .offset = (int64_t)log->read++};
    return true;
}

static inline void *read_log(void *arg)
{
    weir_compacted_log *log = arg;

    pthread_mutex_lock(&world);
    while (!log->over) {
        weir_log_record record;

        if (log->barrier_count > 0 && log->read >= log->barrier_at[0]) {
            uint64_t id = log->barriers[0];

            log->barrier_count--;
            memmove(log->barriers, log->barriers + 1, sizeof(log->barriers) - sizeof(uint64_t));
            memmove(log->barrier_at, log->barrier_at + 1, sizeof(log->barrier_at) - sizeof(size_t));
            pthread_mutex_unlock(&world);
            log->listener.reached(log->listener.ctx, id);
            pthread_mutex_lock(&world);
        } else if (next_record(log, &record)) {
            pthread_mutex_unlock(&world);
            log->listener.record(log->listener.ctx, &record);
            pthread_mutex_lock(&world);
        } else {
            pthread_cond_wait(&changed, &world);
        }
    }
    pthread_mutex_unlock(&world);
    return NULL;
}

void weir_compacted_log_barrier(weir_compacted_log *log, uint64_t id)
{
    pthread_mutex_lock(&world);
    ck_assert_uint_lt(log->barrier_count, 16);
    log->barriers[log->barrier_count] = id;
    log->barrier_at[log->barrier_count++] = log->topic->count;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&world);
}

weir_code weir_compacted_log_open(const weir_props *props, const char *topic,
                                  const weir_log_listener *listener, weir_compacted_log **ret_log,
                                  weir_err *err)
{
    weir_compacted_log *log = weir_new(weir_compacted_log);

    (void)props, (void)err;
    log->listener = *listener;
    log->topic = topic_named(topic);
    weir_compacted_log_barrier(log, 0);
    log->thread = weir_thread_start("fake-log", read_log, log);
    *ret_log = log;
    return WEIR_OK;
}

void weir_compacted_log_close(weir_compacted_log *log)
{
    if (!log)
        return;
    pthread_mutex_lock(&world);
    log->over = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&world);
    pthread_join(log->thread, NULL);
    free(log);
}

weir_code weir_kafka_cluster_id(const weir_props *admin, int64_t timeout_ms, char **ret_id,
                                weir_err *err)
{
    (void)admin, (void)timeout_ms, (void)err;
    *ret_id = weir_strdup("fake");
    return WEIR_OK;
}

weir_code weir_topics_ensure(const weir_props *admin, const weir_topic_wish *wishes, size_t count,
                             int64_t timeout_ms, weir_err *err)
{
    (void)admin, (void)wishes, (void)count, (void)timeout_ms, (void)err;
    return WEIR_OK;
}

/* ---- Writes that wait: Kafka is away, or slow --------------------------------------------------
 */

typedef struct fake_write {
    struct fake_write *next;
    char *topic, *key, *value; /* of P */
    struct weir_batch *batch;  /* of L */
    bool claims;
    uint64_t token;
} fake_write;

typedef struct fake_line {
    bool held; /* what comes waits */
    fake_write *first;
    size_t count;
} fake_line;

/* World locked. */
static inline void wait_in_line(fake_line *line, const fake_write *write)
{
    fake_write **at = &line->first;

    while (*at)
        at = &(*at)->next;
    *at = weir_memdup(write, sizeof(*write));
    line->count++;
    pthread_cond_broadcast(&changed);
}

/* The next to go; NULL: all have gone, and nobody waits any more. */
static inline fake_write *next_in_line(fake_line *line)
{
    fake_write *write;

    pthread_mutex_lock(&world);
    write = line->first;
    if (write) {
        line->first = write->next;
        line->count--;
    } else {
        line->held = false;
    }
    pthread_mutex_unlock(&world);
    return write;
}

static inline void hold(fake_line *line)
{
    pthread_mutex_lock(&world);
    line->held = true;
    pthread_mutex_unlock(&world);
}

static inline size_t waiting(const fake_line *line)
{
    size_t count;

    pthread_mutex_lock(&world);
    count = line->count;
    pthread_mutex_unlock(&world);
    return count;
}

/* Who has which P and L. World locked. */
static struct {
    const void *herder;
    struct weir_producer *p;
    struct weir_leader_log *l;
} owners[1024];
static size_t owner_count;

static inline struct weir_producer *p_of(const void *herder)
{
    struct weir_producer *p = NULL;

    pthread_mutex_lock(&world);
    for (size_t i = 0; i < owner_count; i++)
        if (owners[i].herder == herder && owners[i].p)
            p = owners[i].p;
    pthread_mutex_unlock(&world);
    return p;
}

static inline struct weir_leader_log *l_of(const void *herder)
{
    struct weir_leader_log *l = NULL;

    pthread_mutex_lock(&world);
    for (size_t i = 0; i < owner_count; i++)
        if (owners[i].herder == herder && owners[i].l)
            l = owners[i].l;
    pthread_mutex_unlock(&world);
    return l;
}

static inline void note_owner(const void *herder, struct weir_producer *p,
                              struct weir_leader_log *l)
{
    pthread_mutex_lock(&world);
    ck_assert_uint_lt(owner_count, WEIR_COUNT(owners));
    owners[owner_count].herder = herder;
    owners[owner_count].p = p;
    owners[owner_count++].l = l;
    pthread_mutex_unlock(&world);
}

/* ---- P ----------------------------------------------------------------------------------------
 */

struct weir_producer {
    weir_producer_report *report;
    void *ctx;
    fake_line line;
    weir_queue *offsets_written; /* tokens: whoever writes offsets holds their lock meanwhile */
    pthread_t reporter;
};

static inline void *report_offsets(void *arg)
{
    weir_producer *producer = arg;
    uint64_t *token;

    while ((token = weir_queue_take(producer->offsets_written, -1)) != NULL) {
        producer->report(producer->ctx, *token, WEIR_OK, 0, 0);
        free(token);
    }
    return NULL;
}

weir_code weir_producer_open(const weir_props *props, weir_producer_report *report, void *ctx,
                             weir_producer **ret_producer, weir_err *err)
{
    (void)props, (void)err;
    *ret_producer = weir_new(weir_producer);
    (*ret_producer)->report = report;
    (*ret_producer)->ctx = ctx;
    (*ret_producer)->offsets_written = weir_queue_new(10000, free);
    (*ret_producer)->reporter = weir_thread_start("fake-p", report_offsets, *ret_producer);
    note_owner(ctx, *ret_producer, NULL);
    return WEIR_OK;
}

static inline void produce_now(const weir_producer *producer, const fake_write *write)
{
    int64_t offset = -1;

    pthread_mutex_lock(&world);
    if (producer->ctx != dead)
        offset = append(topic_named(write->topic), write->key, write->value);
    pthread_mutex_unlock(&world);
    if (write->token & WEIR_OFFSETS_TOKEN)
        ck_assert_int_eq(weir_queue_put(producer->offsets_written,
                                        weir_memdup(&write->token, sizeof(write->token)), 0),
                         WEIR_OK);
    else if (write->token && offset >= 0)
        producer->report(producer->ctx, write->token, WEIR_OK, 0, offset);
}

static inline void free_write(fake_write *write)
{
    free(write->topic);
    free(write->key);
    free(write->value);
    free(write);
}

static inline void release_p(weir_producer *producer)
{
    fake_write *write;

    while ((write = next_in_line(&producer->line)) != NULL) {
        produce_now(producer, write);
        free_write(write);
    }
}

void weir_producer_close(weir_producer *producer, int64_t timeout_ms)
{
    fake_write *write;

    (void)timeout_ms;
    if (!producer)
        return;
    while ((write = next_in_line(&producer->line)) != NULL)
        free_write(write);
    weir_queue_close(producer->offsets_written);
    pthread_join(producer->reporter, NULL);
    weir_queue_free(producer->offsets_written);
    free(producer);
}

weir_code weir_producer_send(weir_producer *producer, const char *topic, const char *key,
                             const char *value, uint64_t token)
{
    fake_write write = {.topic = weir_strdup(topic),
                        .key = weir_strdup(key),
                        .value = weir_strdup(value),
                        .token = token};
    bool held;

    pthread_mutex_lock(&world);
    held = producer->line.held;
    if (held)
        wait_in_line(&producer->line, &write);
    pthread_mutex_unlock(&world);
    if (held)
        return WEIR_OK;
    produce_now(producer, &write);
    free(write.topic);
    free(write.key);
    free(write.value);
    return WEIR_OK;
}

/* ---- L ----------------------------------------------------------------------------------------
 */

struct weir_batch {
    fake_record records[4096];
    size_t count;
};

struct weir_leader_log {
    weir_leader_report *report;
    void *ctx;
    bool open;
    fake_line line;
};

/* What the next writes on L come to. World locked. */
static bool hold_new_leaders; /* what they write waits from the first moment on */
static size_t unknown_claims; /* committed, but nobody learns it: FENCED */
static const char *refused_key =
    "";                          /* a batch with a key that begins so is not written: FAILED ... */
static size_t refusals, refused; /* ... so often; how often it was */

weir_batch *weir_batch_new(void)
{
    return weir_new(weir_batch);
}

void weir_batch_free(weir_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->records[i].key);
        free(batch->records[i].value);
    }
    free(batch);
}

void weir_batch_add(weir_batch *batch, const char *key, const char *value)
{
    ck_assert_uint_lt(batch->count, 4096);
    batch->records[batch->count++] = (fake_record){weir_strdup(key), weir_strdup(value)};
}

size_t weir_batch_size(const weir_batch *batch)
{
    return batch->count;
}

weir_code weir_leader_log_open(const weir_props *props, const char *topic, const char *group_id,
                               weir_leader_report *report, void *ctx, weir_leader_log **ret_log,
                               weir_err *err)
{
    (void)props, (void)topic, (void)group_id, (void)err;
    *ret_log = weir_new(weir_leader_log);
    (*ret_log)->report = report;
    (*ret_log)->ctx = ctx;
    pthread_mutex_lock(&world);
    (*ret_log)->line.held = hold_new_leaders;
    pthread_mutex_unlock(&world);
    note_owner(ctx, NULL, *ret_log);
    return WEIR_OK;
}

/* World locked. */
static inline bool is_refused(const weir_batch *batch)
{
    for (size_t i = 0; refusals > 0 && i < batch->count; i++)
        if (strncmp(batch->records[i].key, refused_key, strlen(refused_key)) == 0) {
            refusals--;
            refused++;
            return true;
        }
    return false;
}

static inline void write_now(weir_leader_log *log, weir_batch *batch, uint64_t token, bool claims)
{
    weir_err err = {.msg = ""};
    weir_code rc = WEIR_OK;
    int64_t offset = -1;
    bool is_dead;

    pthread_mutex_lock(&world);
    if (claims && log->ctx != dead) {
        lead_holder = log;
        log->open = true;
    }
    if (!log->open)
        rc = weir_fail(&err, WEIR_CLOSED, "not leading");
    else if (lead_holder != log)
        rc = weir_fail(&err, WEIR_FENCED, "fenced");
    else if (is_refused(batch))
        rc = weir_fail(&err, WEIR_FAILED, "refused");
    for (size_t i = 0; rc == WEIR_OK && i < batch->count; i++)
        offset = append(&config_topic, batch->records[i].key, batch->records[i].value);
    if (claims && rc == WEIR_OK && unknown_claims > 0) {
        unknown_claims--;
        offset = -1;
        rc = weir_fail(&err, WEIR_FENCED, "whether the commit took place is not known");
    }
    log->open = log->open && (rc == WEIR_OK || rc == WEIR_FAILED);
    is_dead = log->ctx == dead;
    pthread_mutex_unlock(&world);
    weir_batch_free(batch);
    if (!is_dead)
        log->report(log->ctx, token, rc, offset, &err);
}

static inline void release_l(weir_leader_log *log)
{
    fake_write *write;

    while ((write = next_in_line(&log->line)) != NULL) {
        write_now(log, write->batch, write->token, write->claims);
        free(write);
    }
}

/* A claim that is under way when a worker stops may still come through, and later than its
 * successor's: so it is here. */
void weir_leader_log_close(weir_leader_log *log)
{
    if (!log)
        return;
    pthread_mutex_lock(&world);
    while (log->line.count > 0 && (!lead_holder || lead_holder == log))
        pthread_cond_wait(&changed, &world);
    pthread_mutex_unlock(&world);
    release_l(log);
    pthread_mutex_lock(&world);
    if (lead_holder == log)
        lead_holder = NULL;
    pthread_mutex_unlock(&world);
    free(log);
}

static inline void write_batch(weir_leader_log *log, weir_batch *batch, uint64_t token, bool claims)
{
    bool held;

    pthread_mutex_lock(&world);
    held = log->line.held;
    if (held)
        wait_in_line(&log->line, &(fake_write){.batch = batch, .token = token, .claims = claims});
    pthread_mutex_unlock(&world);
    if (!held)
        write_now(log, batch, token, claims);
}

void weir_leader_log_claim(weir_leader_log *log, weir_batch *batch, uint64_t token)
{
    write_batch(log, batch, token, true);
}

void weir_leader_log_write(weir_leader_log *log, weir_batch *batch, uint64_t token)
{
    write_batch(log, batch, token, false);
}

void weir_leader_log_release(weir_leader_log *log)
{
    pthread_mutex_lock(&world);
    log->open = false;
    if (lead_holder == log)
        lead_holder = NULL;
    pthread_mutex_unlock(&world);
}

#endif
