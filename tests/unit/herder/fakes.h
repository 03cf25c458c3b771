/* fakes.h - a Kafka, a group and tasks of our own making, for herders of one process.
 *
 * Several herders run here with their real threads; what they reach outside for is replaced: one
 * config and one status topic in memory, read by everybody in the same order; L with real fencing;
 * a group whose generations the test makes; tasks that start and stop as told. What ran where at
 * the same time is counted, so that "never on two workers" is looked at all the time.
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

/* ---- The watch: the test says what is seen ----------------------------------------------------
 */

struct weir_watch {
    weir_watch_report *report;
    void *ctx;
    char watched[MAX_LOGS][64]; /* instances */
    size_t count;
    struct weir_watch *next;
};

static weir_watch *all_watches; /* world locked */

weir_watch *weir_watch_start(weir_watch_report *report, void *ctx)
{
    weir_watch *watch = weir_new(weir_watch);

    watch->report = report;
    watch->ctx = ctx;
    pthread_mutex_lock(&world);
    watch->next = all_watches;
    all_watches = watch;
    pthread_mutex_unlock(&world);
    return watch;
}

void weir_watch_peers(weir_watch *watch, const weir_watch_peer *peers, size_t count)
{
    pthread_mutex_lock(&world);
    watch->count = 0;
    for (size_t i = 0; i < count && i < MAX_LOGS; i++)
        snprintf(watch->watched[watch->count++], sizeof(watch->watched[0]), "%s",
                 peers[i].instance);
    pthread_mutex_unlock(&world);
}

void weir_watch_stop(weir_watch *watch)
{
    weir_watch **at = &all_watches;

    if (!watch)
        return;
    pthread_mutex_lock(&world);
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    pthread_mutex_unlock(&world);
    free(watch);
}

static inline bool is_watched(const weir_herder *by, const char *instance)
{
    bool found = false;

    pthread_mutex_lock(&world);
    for (const weir_watch *watch = all_watches; watch; watch = watch->next)
        for (size_t i = 0; watch->ctx == by && i < watch->count; i++)
            found = found || strcmp(watch->watched[i], instance) == 0;
    pthread_mutex_unlock(&world);
    return found;
}

/* What this one's watch tells it, whether it watches or not. */
static inline void see(const weir_herder *by, const weir_watch_news *news)
{
    weir_watch *found = NULL;

    pthread_mutex_lock(&world);
    for (weir_watch *watch = all_watches; watch; watch = watch->next)
        if (watch->ctx == by)
            found = watch;
    pthread_mutex_unlock(&world);
    if (found)
        found->report(found->ctx, news);
}

/* ---- The lease: runs for who is in the group, unless the test says otherwise -------------------
 */

struct weir_lease {
    atomic_bool runs;
};

weir_lease *weir_lease_new(const weir_clock *clock, int64_t session_timeout_ms,
                           int64_t heartbeat_interval_ms, int64_t rebalance_timeout_ms)
{
    (void)clock, (void)session_timeout_ms, (void)heartbeat_interval_ms, (void)rebalance_timeout_ms;
    return weir_new(weir_lease);
}

void weir_lease_free(weir_lease *lease)
{
    free(lease);
}

bool weir_lease_runs(const weir_lease *lease)
{
    return atomic_load(&lease->runs);
}

/* ---- The group: the test decides who is in it ------------------------------------------------ */

struct weir_group {
    weir_group_options options;
    char member[300];
};

static struct {
    weir_group *members[MAX_LOGS];
    size_t count;
    int64_t generation;
} group;

static inline void new_generation(void)
{
    size_t first = 0;

    group.generation++;
    for (size_t i = 1; i < group.count; i++)
        if (strcmp(group.members[i]->member, group.members[first]->member) < 0)
            first = i;
    for (size_t i = 0; i < group.count; i++) {
        atomic_store(&group.members[i]->options.lease->runs, true);
        group.members[i]->options.event(group.members[i]->options.ctx,
                                        &(weir_group_event){WEIR_GROUP_ASSIGNED, group.generation,
                                                            group.members[i]->member, i == first,
                                                            NULL});
    }
}

/* World locked. */
static inline weir_group *member_of(const weir_herder *herder)
{
    for (size_t i = 0; i < group.count; i++)
        if (group.members[i]->options.ctx == herder)
            return group.members[i];
    return NULL;
}

static inline bool take_out(const weir_group *member)
{
    for (size_t i = 0; i < group.count; i++)
        if (group.members[i] == member) {
            group.members[i] = group.members[--group.count];
            return true;
        }
    return false;
}

weir_code weir_group_join(const weir_group_options *options, weir_group **ret_group, weir_err *err)
{
    weir_group *member = weir_new(weir_group);

    (void)err;
    member->options = *options;
    snprintf(member->member, sizeof(member->member), "%s-uuid", options->worker_id);
    *ret_group = member;
    pthread_mutex_lock(&world);
    group.members[group.count++] = member;
    new_generation();
    pthread_mutex_unlock(&world);
    return WEIR_OK;
}

/* The session runs out: the worker hears of it, the others learn it by the next generation. */
static inline void lose(weir_group *member)
{
    pthread_mutex_lock(&world);
    take_out(member);
    atomic_store(&member->options.lease->runs, false);
    pthread_mutex_unlock(&world);
    member->options.event(member->options.ctx,
                          &(weir_group_event){WEIR_GROUP_LOST, -1, "", false, NULL});
}

static inline void come_back(weir_group *member)
{
    pthread_mutex_lock(&world);
    group.members[group.count++] = member;
    new_generation();
    pthread_mutex_unlock(&world);
}

void weir_group_leave(weir_group *member)
{
    pthread_mutex_lock(&world);
    if (take_out(member))
        new_generation();
    pthread_mutex_unlock(&world);
    member->options.event(member->options.ctx,
                          &(weir_group_event){WEIR_GROUP_LEFT, -1, "", false, NULL});
}

void weir_group_close(weir_group *member)
{
    if (!member)
        return;
    pthread_mutex_lock(&world);
    take_out(member);
    pthread_mutex_unlock(&world);
    free(member);
}

/* ---- Tasks: they run as long as they are told to, and are counted ---------------------------- */

static int stop_takes_ms = 5;
static bool deaf_to_forget;    /* they hear it when it is too late. World locked. */
static const char *stops_hang; /* stop() of tasks that begin so does not come back. World locked. */
struct weir_source_task {
    weir_task_spec spec;
    char name[200];
    bool counted;
    bool stops, abandoned; /* a thread stops it, and then has to free it. World locked. */
    bool forgets, over;    /* `over`: it has been told to stop. World locked. */
    struct weir_source_task *next;
};

static weir_source_task *all_tasks;

static weir_map running = WEIR_MAP(NULL);   /* "name/0" → how many, as a pointer */
static weir_map forgotten = WEIR_MAP(NULL); /* "name/0" → how often */
static size_t twice;                        /* how often something ran on two workers */
static size_t starts;                       /* how often anything was started */

/* World locked. */
static inline void count_locked(weir_source_task *task, int change)
{
    intptr_t runs = (intptr_t)weir_map_get(&running, task->name) + change;

    weir_map_set(&running, task->name, (void *)runs);
    twice += runs > 1;
    task->counted = change > 0;
}

static inline void count_run(weir_source_task *task, int change)
{
    pthread_mutex_lock(&world);
    if (change > 0) {
        task->next = all_tasks;
        all_tasks = task;
        starts++;
    }
    if (change > 0 || task->counted)
        count_locked(task, change);
    pthread_mutex_unlock(&world);
}

/* The process is dead, and its tasks with it. World locked. */
static inline void tasks_die(const weir_herder *herder)
{
    for (weir_source_task *task = all_tasks; task; task = task->next)
        if (task->spec.ctx == herder && task->counted)
            count_locked(task, -1);
}

static inline intptr_t runs_of(const char *name)
{
    intptr_t runs;

    pthread_mutex_lock(&world);
    runs = (intptr_t)weir_map_get(&running, name);
    pthread_mutex_unlock(&world);
    return runs;
}

static inline intptr_t forgets_of(const char *name)
{
    intptr_t forgets;

    pthread_mutex_lock(&world);
    forgets = (intptr_t)weir_map_get(&forgotten, name);
    pthread_mutex_unlock(&world);
    return forgets;
}

static inline int tasks_of(const weir_herder *herder)
{
    int count = 0;

    pthread_mutex_lock(&world);
    for (weir_source_task *task = all_tasks; task; task = task->next)
        count += task->spec.ctx == herder && task->counted;
    pthread_mutex_unlock(&world);
    return count;
}

static inline weir_task_fact *fact_of(const weir_source_task *task, weir_task_state state)
{
    weir_task_fact *fact = weir_new(weir_task_fact);

    fact->connector = weir_strdup(task->spec.connector);
    fact->task = task->spec.task;
    fact->run = task->spec.run;
    fact->state = state;
    return fact;
}

/* Looks at no task: it may be gone. */
static inline void say(bool (*report)(void *ctx, weir_task_fact *fact), void *ctx,
                       weir_task_fact *fact)
{
    while (!report(ctx, fact))
        usleep(1000);
}

void weir_task_fact_free(weir_task_fact *fact)
{
    if (!fact)
        return;
    free(fact->connector);
    free(fact->trace);
    free(fact->details);
    free(fact);
}

void weir_source_task_forget(weir_source_task *task);

weir_source_task *weir_source_task_start(const weir_task_spec *spec)
{
    weir_source_task *task = weir_new(weir_source_task);

    task->spec = *spec;
    task->spec.connector = weir_strdup(spec->connector);
    snprintf(task->name, sizeof(task->name), "%s/%d", spec->connector, (int)spec->task);
    count_run(task, 1);
    if (spec->forget)
        weir_source_task_forget(task);
    else
        say(spec->report, spec->ctx,
            fact_of(task, spec->paused ? WEIR_TASK_PAUSED : WEIR_TASK_RUNNING));
    return task;
}

void weir_source_task_pause(weir_source_task *task, bool paused)
{
    say(task->spec.report, task->spec.ctx,
        fact_of(task, paused ? WEIR_TASK_PAUSED : WEIR_TASK_RUNNING));
}

/* Suspended it takes nothing from its source: as good as not running. */
void weir_source_task_suspend(weir_source_task *task, bool suspended)
{
    pthread_mutex_lock(&world);
    if (task->counted == suspended)
        count_locked(task, suspended ? -1 : 1);
    pthread_mutex_unlock(&world);
}

static inline void free_task(weir_source_task *task)
{
    weir_source_task **at = &all_tasks;

    pthread_mutex_lock(&world);
    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
    pthread_mutex_unlock(&world);
    free((void *)(uintptr_t)task->spec.connector);
    free(task);
}

static inline void *stop_slowly(void *arg)
{
    weir_source_task *task = arg;
    bool (*report)(void *ctx, weir_task_fact *fact) = task->spec.report;
    weir_task_fact *ended = fact_of(task, WEIR_TASK_ENDED);
    void *ctx = task->spec.ctx;
    bool abandoned;

    usleep((useconds_t)stop_takes_ms * 1000);
    count_run(task, -1);
    pthread_mutex_lock(&world);
    task->stops = false;
    abandoned = task->abandoned;
    if (task->forgets) {
        ended->forgotten = true;
        weir_map_set(&forgotten, task->name,
                     (void *)((intptr_t)weir_map_get(&forgotten, task->name) + 1));
    }
    pthread_mutex_unlock(&world);
    if (abandoned) {
        free_task(task);
        weir_task_fact_free(ended);
    } else {
        say(report, ctx, ended);
    }
    return NULL;
}

void weir_source_task_stop(weir_source_task *task)
{
    bool hangs;

    pthread_mutex_lock(&world);
    task->over = true;
    hangs = stops_hang && strncmp(task->name, stops_hang, strlen(stops_hang)) == 0;
    task->stops = !hangs;
    pthread_mutex_unlock(&world);
    if (hangs)
        return;
    pthread_detach(weir_thread_start("fake-stop", stop_slowly, task));
}

/* It may be stopping already. */
void weir_source_task_forget(weir_source_task *task)
{
    bool over;

    pthread_mutex_lock(&world);
    over = task->over;
    task->forgets = task->spec.forget || !deaf_to_forget;
    pthread_mutex_unlock(&world);
    if (!over)
        weir_source_task_stop(task);
}

void weir_source_task_free(weir_source_task *task)
{
    free_task(task);
}

void weir_source_task_abandon(weir_source_task *task)
{
    bool stops;

    count_run(task, -1);
    pthread_mutex_lock(&world);
    stops = task->stops;
    task->abandoned = true;
    pthread_mutex_unlock(&world);
    if (!stops)
        free_task(task);
}

int64_t weir_source_task_stuck_ms(weir_source_task *task, const char **ret_call)
{
    (void)task;
    *ret_call = "";
    return 0;
}

/* What a test that waited in vain shows: the end of the config topic, and what runs. */
static inline void show_world(void)
{
    pthread_mutex_lock(&world);
    for (size_t i = config_topic.count > 60 ? config_topic.count - 60 : 0; i < config_topic.count;
         i++)
        fprintf(stderr, "%zu %s = %s\n", i, config_topic.records[i].key,
                config_topic.records[i].value ? config_topic.records[i].value : "null");
    for (size_t i = status_topic.count > 40 ? status_topic.count - 40 : 0; i < status_topic.count;
         i++)
        fprintf(stderr, "%zu %s = %.200s\n", i, status_topic.records[i].key,
                status_topic.records[i].value ? status_topic.records[i].value : "null");
    for (const weir_source_task *task = all_tasks; task; task = task->next)
        fprintf(stderr, "%s run %llu of %p, %s\n", task->name, (unsigned long long)task->spec.run,
                task->spec.ctx, task->counted ? "runs" : "counts as stopped");
    pthread_mutex_unlock(&world);
}

/* ---- Plans: as many tasks as tasks.max says -------------------------------------------------- */

static size_t full_checks; /* so many are turned away. World locked. */
static bool hold_checks;   /* they wait for release_checks(). World locked. */
static struct {
    weir_check check;
    weir_check_done *done;
    void *ctx;
} held_checks[16];
static size_t held_check_count;

weir_code weir_check_submit(weir_foreign *foreign, const weir_check_request *request,
                            weir_check_done *done, void *ctx)
{
    weir_check check = {.code = WEIR_OK};
    const char *max = weir_props_get(request->config, "tasks.max");
    int count = max ? atoi(max) : 1;
    bool held;

    (void)foreign;
    pthread_mutex_lock(&world);
    if (full_checks > 0) {
        full_checks--;
        pthread_mutex_unlock(&world);
        return WEIR_FULL;
    }
    pthread_mutex_unlock(&world);
    if (count < 1)
        weir_fail(&check.err, check.code = WEIR_INVALID, "Invalid value %s for tasks.max", max);
    if (check.code == WEIR_OK && request->plan) {
        check.tasks = weir_new_array(weir_props, (size_t)count);
        check.task_count = (size_t)count;
        for (int i = 0; i < count; i++)
            weir_props_merge(&check.tasks[i], request->config);
    }
    pthread_mutex_lock(&world);
    held = hold_checks;
    if (held) {
        ck_assert_uint_lt(held_check_count, WEIR_COUNT(held_checks));
        held_checks[held_check_count].check = check;
        held_checks[held_check_count].done = done;
        held_checks[held_check_count++].ctx = ctx;
    }
    pthread_mutex_unlock(&world);
    if (held)
        return WEIR_OK;
    done(ctx, &check);
    weir_check_clear(&check);
    return WEIR_OK;
}

static inline size_t checks_waiting(void)
{
    size_t count;

    pthread_mutex_lock(&world);
    count = held_check_count;
    pthread_mutex_unlock(&world);
    return count;
}

/* In the order in which they came. */
static inline void release_checks(void)
{
    size_t count;

    pthread_mutex_lock(&world);
    hold_checks = false;
    count = held_check_count;
    held_check_count = 0;
    pthread_mutex_unlock(&world);
    for (size_t i = 0; i < count; i++) {
        held_checks[i].done(held_checks[i].ctx, &held_checks[i].check);
        weir_check_clear(&held_checks[i].check);
    }
}

void weir_check_clear(weir_check *check)
{
    for (size_t i = 0; i < check->task_count; i++)
        weir_props_clear(&check->tasks[i]);
    free(check->tasks);
    weir_props_clear(&check->normalised);
    *check = (weir_check){.code = WEIR_OK};
}

#endif
