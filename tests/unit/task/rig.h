/* rig.h - a source task on a bench: a plugin that does what the test says, a mock Kafka, an ear for
 * facts. Everything the test wants or has seen lives in `rig`, under one lock; WAIT_FOR waits for
 * it to become true.
 */
#ifndef WEIR_TESTS_TASK_RIG_H
#define WEIR_TESTS_TASK_RIG_H

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "plugin/connector_check.h"
#include "task/source_task.h"
#include "task/task_internal.h"
#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#undef fail /* Check's old word for ck_abort_msg; ours is host->fail() */

#define RIG_FACTS    64
#define RIG_SETTLED  4096
#define RIG_LIMIT_MS 20000

static struct rig {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int fd; /* wakes the plugin when the test wants something */

    /* ---- what the plugin shall do ---- */
    int emit; /* so many records more */
    weir_record record;
    weir_header headers[4];
    weir_status start_says, poll_says; /* WEIR_DONE unless set */
    int start_fails;                   /* so many times, then it starts */
    int poll_fails;                    /* so many times */
    const char *fails_with;            /* NULL: without calling fail() */
    bool hang;                         /* inside poll, until it is false again */
    bool emit_in_settled;
    bool stays; /* while it is paused */
    const char
        *reject;      /* reject() records with this kind, "as the test wants", instead of emit() */
    const char *why;  /* … or because of this */
    const char *says; /* into the log, at each start */
    const char *status;

    /* ---- what it did and heard ---- */
    int starts, polls, drains, stops, alive, took, again, fatal;
    bool last_owned, paused;
    int64_t poll_at_ms[16]; /* of the failing ones */
    size_t settled;
    uint64_t tokens[RIG_SETTLED];
    weir_outcome outcomes[RIG_SETTLED];
    size_t counts[4];
    uint64_t next_token;

    /* ---- what the herder heard ---- */
    weir_task_fact *facts[RIG_FACTS]; /* states only */
    size_t fact_count;
    bool deaf;                  /* the herder has no room for facts ... */
    int unheard;                /* ... and was asked so often */
    char *details;              /* the last ones */
    weir_task_metrics *metrics; /* likewise; NULL: none yet */
    bool lease;

    /* ---- the bench ---- */
    rd_kafka_t *mock_handle;
    rd_kafka_mock_cluster_t *mock;
    weir_worker_settings settings;
    weir_props connector, config;
    weir_source_task *task;
} rig;

/* ---- Waiting ------------------------------------------------------------------------------ */

#define WITH_RIG(...)                                                                              \
    do {                                                                                           \
        pthread_mutex_lock(&rig.lock);                                                             \
        __VA_ARGS__;                                                                               \
        pthread_cond_broadcast(&rig.changed);                                                      \
        pthread_mutex_unlock(&rig.lock);                                                           \
        rig_nudge();                                                                               \
    } while (0)

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int64_t wait_until_ms = weir_now_ms() + RIG_LIMIT_MS;                                      \
                                                                                                   \
        pthread_mutex_lock(&rig.lock);                                                             \
        while (!(condition))                                                                       \
            ck_assert_msg(rig_wait(wait_until_ms), "not within the time: %s; details: %s",         \
                          #condition, rig.details ? rig.details : "none");                         \
        pthread_mutex_unlock(&rig.lock);                                                           \
    } while (0)

static inline bool rig_wait(int64_t until_ms)
{
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

    return pthread_cond_timedwait(&rig.changed, &rig.lock, &until) == 0;
}

static inline void rig_nudge(void)
{
    uint64_t one = 1;

    ck_assert_int_eq(write(rig.fd, &one, sizeof(one)), sizeof(one));
}

/* ---- The plugin --------------------------------------------------------------------------- */

static inline weir_status rig_start(const weir_host *host, const void *settings, void **self)
{
    weir_status status = WEIR_DONE;

    (void)settings;
    pthread_mutex_lock(&rig.lock);
    rig.starts++;
    if (rig.says)
        host->log(host, WEIR_WARN, "%s", rig.says);
    if (rig.start_fails != 0) {
        rig.start_fails--;
        status = rig.start_says;
        if (rig.fails_with)
            host->fail(host, status, "%s", rig.fails_with);
    } else {
        rig.alive++;
        *self = (void *)(uintptr_t)host;
    }
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
    return status;
}

/* Emits what the test wants; with the lock held but for the call itself. */
static inline void rig_emit(const weir_host *host)
{
    while (rig.emit > 0) {
        weir_record record = rig.record;
        const char *kind = rig.reject;
        weir_status status;

        record.token = rig.next_token;
        pthread_mutex_unlock(&rig.lock);
        status = kind ? host->reject(host, &record, kind, rig.why ? rig.why : "as the test wants")
                      : host->emit(host, &record);
        pthread_mutex_lock(&rig.lock);
        if (status == WEIR_DONE) {
            rig.took++;
            rig.emit--;
            rig.next_token++;
        } else if (status == WEIR_AGAIN) {
            rig.again++;
            break;
        } else {
            rig.fatal++;
            rig.emit = 0;
        }
    }
}

static inline weir_status rig_poll(void *self, int64_t deadline_ms)
{
    const weir_host *host = self;
    struct pollfd fds[2] = {{host->wakeup_fd, POLLIN, 0}, {rig.fd, POLLIN, 0}};
    weir_status status = WEIR_DONE;
    uint64_t count;
    int64_t left_ms;
    bool owned = host->owned(host);

    pthread_mutex_lock(&rig.lock);
    rig.polls++;
    rig.last_owned = owned;
    while (rig.hang) {
        pthread_cond_broadcast(&rig.changed);
        pthread_cond_wait(&rig.changed, &rig.lock);
    }
    rig_emit(host);
    if (rig.fatal > 0) {
        status = WEIR_FATAL;
    } else if (rig.poll_fails != 0) {
        if (rig.polls <= 16)
            rig.poll_at_ms[rig.polls - 1] = weir_now_ms();
        rig.poll_fails--;
        status = rig.poll_says;
        if (rig.fails_with)
            host->fail(host, status, "%s", rig.fails_with);
    }
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
    left_ms = deadline_ms - weir_now_ms();
    if (status == WEIR_DONE && left_ms > 0 && poll(fds, 2, (int)left_ms) > 0 && fds[1].revents)
        ck_assert_int_eq(read(rig.fd, &count, sizeof(count)), sizeof(count));
    return status;
}

static inline void rig_settled(void *self, const uint64_t *tokens, size_t count,
                               weir_outcome outcome)
{
    const weir_host *host = self;

    pthread_mutex_lock(&rig.lock);
    for (size_t i = 0; i < count && rig.settled < RIG_SETTLED; i++) {
        rig.tokens[rig.settled] = tokens[i];
        rig.outcomes[rig.settled++] = outcome;
    }
    rig.counts[outcome] += count;
    if (rig.emit_in_settled)
        ck_assert_int_eq(host->emit(host, &rig.record), WEIR_FATAL);
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
}

static inline void rig_drain(void *self)
{
    (void)self;
    pthread_mutex_lock(&rig.lock);
    rig.drains++;
    rig.emit = 0;
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
}

static inline void rig_stop(void *self)
{
    const weir_host *host = self;

    host->log(host, WEIR_DEBUG, "stopped");
    pthread_mutex_lock(&rig.lock);
    rig.stops++;
    rig.alive--;
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
}

static inline size_t rig_status(void *self, char *json, size_t room)
{
    int length = 0;

    (void)self;
    pthread_mutex_lock(&rig.lock);
    if (rig.status)
        length = snprintf(json, room, "%s", rig.status);
    pthread_mutex_unlock(&rig.lock);
    return (size_t)length;
}

static inline bool rig_pause(void *self, bool paused)
{
    bool stays;

    (void)self;
    pthread_mutex_lock(&rig.lock);
    stays = rig.stays;
    rig.paused = paused;
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
    return stays;
}

static const weir_source rig_source = {.size = sizeof(weir_source),
                                       .start = rig_start,
                                       .poll = rig_poll,
                                       .settled = rig_settled,
                                       .drain = rig_drain,
                                       .stop = rig_stop,
                                       .pause = rig_pause,
                                       .status = rig_status};
typedef struct rig_settings {
    const char *needed, *hush;
    const weir_pair *family;
} rig_settings;
static const weir_option rig_options[] = {
    {"needed", WEIR_FIELD(rig_settings, needed)},
    {"hush", WEIR_FIELD(rig_settings, hush), .fallback = WEIR_UNSET, .secret = true},
    {"family.", WEIR_FIELD(rig_settings, family), .fallback = ""},
    {0},
};
static const char *const rig_words[] = {"up", "down", NULL};
static const weir_metric rig_metrics[] = {
    {"seen_total", WEIR_COUNTER, "seen", .help = "Messages that were seen."},
    {"connected", WEIR_GAUGE, "connected", .help = "Is it there?"},
    {"link", WEIR_STATE, "link", .states = rig_words, .help = "What it is at."},
    {"depth", WEIR_GAUGE, "depth", .help = "How deep it is."},
    {0},
};
static const weir_plugin_desc rig_plugin = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "rig",
    .version = "1.2.3",
    .options = rig_options,
    .settings_size = sizeof(rig_settings),
    .source = &rig_source,
    .metrics = rig_metrics,
};

/* ---- The herder's ear --------------------------------------------------------------------- */

static inline bool rig_report(void *ctx, weir_task_fact *fact)
{
    ck_assert_ptr_eq(ctx, &rig);
    pthread_mutex_lock(&rig.lock);
    if (rig.deaf) {
        rig.unheard++;
        pthread_cond_broadcast(&rig.changed);
        pthread_mutex_unlock(&rig.lock);
        return false;
    }
    ck_assert_str_eq(fact->connector, "fleet");
    ck_assert_int_eq(fact->task, 3);
    ck_assert_uint_eq(fact->run, 42);
    if (fact->is_details) {
        if (fact->details)
            weir_replace(&rig.details, fact->details);
        if (fact->metrics) {
            weir_task_metrics_unref(rig.metrics);
            rig.metrics = weir_task_metrics_ref(fact->metrics);
        }
        weir_task_fact_free(fact);
    } else {
        ck_assert_uint_lt(rig.fact_count, RIG_FACTS);
        rig.facts[rig.fact_count++] = fact;
    }
    pthread_cond_broadcast(&rig.changed);
    pthread_mutex_unlock(&rig.lock);
    return true;
}

static inline bool rig_lease_runs(void *ctx)
{
    bool lease;

    (void)ctx;
    lease = __atomic_load_n(&rig.lease, __ATOMIC_SEQ_CST);
    return lease;
}

/* "RPF": the states heard so far. */
static inline const char *rig_states(void)
{
    static char text[RIG_FACTS + 1];

    for (size_t i = 0; i < rig.fact_count; i++)
        text[i] = "RPFE"[rig.facts[i]->state];
    text[rig.fact_count] = '\0';
    return text;
}

static inline bool rig_heard(const char *states)
{
    return strcmp(rig_states(), states) == 0;
}

static inline const char *rig_trace(void)
{
    const char *trace = rig.fact_count ? rig.facts[rig.fact_count - 1]->trace : NULL;

    return trace ? trace : "(none)";
}

/* Does the last fact of details hold this text? */
static inline bool rig_told(const char *text)
{
    return rig.details && strstr(rig.details, text);
}

/* ---- The bench ---------------------------------------------------------------------------- */

static inline void rig_up(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    pthread_condattr_t monotonic;
    char why[256];

    memset(&rig, 0, sizeof(rig));
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&rig.lock, NULL);
    pthread_cond_init(&rig.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rig.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rig.lease = true;
    rig.record = (weir_record){.size = sizeof(weir_record),
                               .topic = "readings",
                               .partition = -1,
                               .timestamp_ms = -1,
                               .value = {WEIR_BYTES, "payload", 7}};

    rig.mock_handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    ck_assert_ptr_nonnull(rig.mock_handle);
    rig.mock = rd_kafka_mock_cluster_new(rig.mock_handle, 1);
    ck_assert_ptr_nonnull(rig.mock);
    rd_kafka_mock_topic_create(rig.mock, "readings", 4, 1);

    rig.settings.key_converter = "org.apache.kafka.connect.converters.ByteArrayConverter";
    rig.settings.value_converter = "org.apache.kafka.connect.json.JsonConverter";
    rig.settings.header_converter = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
    rig.settings.graceful_shutdown_ms = 5000;
    weir_props_set(&rig.settings.props, "bootstrap.servers",
                   rd_kafka_mock_cluster_bootstraps(rig.mock));
    weir_props_set(&rig.settings.props, "value.converter.schemas.enable", "false");
    weir_props_set(&rig.connector, "name", "fleet");
    weir_props_set(&rig.connector, "connector.class", "rig");
    weir_props_set(&rig.config, "needed", "yes");
}

static inline weir_task_spec rig_spec(void)
{
    return (weir_task_spec){
        .connector = "fleet",
        .task = 3,
        .run = 42,
        .settings = &rig.settings,
        .connector_config = &rig.connector,
        .config = &rig.config,
        .report = rig_report,
        .lease_runs = rig_lease_runs,
        .ctx = &rig,
    };
}

static inline void rig_task_up(void)
{
    weir_task_spec spec = rig_spec();

    rig.task = weir_source_task_start_with(&spec, &rig_plugin);
}

static inline void rig_override(const char *key, const char *value)
{
    char name[128];

    snprintf(name, sizeof(name), "producer.override.%s", key);
    weir_props_set(&rig.connector, name, value);
}

/* Frees a task that has ended or failed, or was given up (NULL), and the bench. */
static inline void rig_down(void)
{
    weir_source_task_free(rig.task);
    ck_assert_int_eq(rig.alive, 0);
    for (size_t i = 0; i < rig.fact_count; i++)
        weir_task_fact_free(rig.facts[i]);
    free(rig.details);
    weir_task_metrics_unref(rig.metrics);
    rd_kafka_mock_cluster_destroy(rig.mock);
    rd_kafka_destroy(rig.mock_handle);
    weir_props_clear(&rig.settings.props);
    weir_props_clear(&rig.connector);
    weir_props_clear(&rig.config);
    close(rig.fd);
    pthread_cond_destroy(&rig.changed);
    pthread_mutex_destroy(&rig.lock);
}

static inline void rig_stop_task(void)
{
    weir_source_task_stop(rig.task);
    WAIT_FOR(rig.fact_count > 0 && rig.facts[rig.fact_count - 1]->state == WEIR_TASK_ENDED);
}

#endif
