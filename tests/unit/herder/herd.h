/* herd.h - herders to test with: started, killed, asked, looked at. See fakes.h for their world. */
#ifndef WEIR_TESTS_HERDER_HERD_H
#define WEIR_TESTS_HERDER_HERD_H

#include "fakes_tasks.h"
#include "tests/support/unit.h"

#define MOST 6

static struct {
    weir_worker_settings settings;
    weir_herder *herder;
} workers[MOST];

static int64_t graceful_ms, session_ms;
static atomic_int fatal_count;
static bool fatal_is_fine;
static weir_registry *registry; /* empty: no plugin is called here */

static inline void no_fatal(void *ctx, const weir_err *err)
{
    (void)ctx;
    atomic_fetch_add(&fatal_count, 1);
    ck_assert_msg(fatal_is_fine, "fatal: %s", err->msg);
}

/* Worker n, the `slot`th herder here. */
static inline void start_as(int slot, int n)
{
    weir_worker_settings *s = &workers[slot].settings;

    *s = (weir_worker_settings){.bootstrap_servers = "fake:1",
                                .group_id = "g",
                                .config_topic = "configs",
                                .status_topic = "status",
                                .offset_topic = "offsets",
                                .session_timeout_ms = session_ms,
                                .watch = true,
                                .graceful_shutdown_ms = graceful_ms};
    snprintf(s->worker_id, sizeof(s->worker_id), "w%d:1", n);
    snprintf(s->url, sizeof(s->url), "http://w%d:1/", n);
    weir_props_set(&s->props, "bootstrap.servers", "fake:1");
    workers[slot].herder = weir_herder_start(
        &(weir_herder_options){.settings = s, .registry = registry, .fatal = no_fatal});
}

static inline void start_worker(int n)
{
    start_as(n, n);
}

static inline void stop_worker(int n)
{
    weir_herder_stop(workers[n].herder);
    weir_herder_free(workers[n].herder);
    weir_props_clear(&workers[n].settings.props);
    workers[n].herder = NULL;
}

/* As kill -9: nothing of it goes out any more, its tasks end with it; the group does not know. */
static inline void crash_worker(int n)
{
    weir_herder *h = workers[n].herder;
    weir_group *member;

    pthread_mutex_lock(&world);
    dead = h;
    tasks_die(h);
    member = member_of(h);
    take_out(member);
    if (member)
        member->options.event(h, &(weir_group_event){WEIR_GROUP_LOST, -1, "", false, NULL});
    pthread_mutex_unlock(&world);
    stop_worker(n);
    pthread_mutex_lock(&world);
    dead = NULL;
    pthread_mutex_unlock(&world);
}

/* The same, and the group has noticed. */
static inline void kill_worker(int n)
{
    crash_worker(n);
    pthread_mutex_lock(&world);
    new_generation();
    pthread_mutex_unlock(&world);
}

static inline int64_t now_plus(int64_t ms)
{
    return weir_now_ms() + ms;
}

/* The condition may be true for a moment only: it is not asked for again once it was. */
#define EVENTUALLY(condition) EVENTUALLY_WITHIN(condition, 10)
#define EVENTUALLY_WITHIN(condition, seconds)                                                      \
    do {                                                                                           \
        int64_t until_ms = now_plus((seconds)*1000);                                               \
        bool came = false;                                                                         \
        while (!(came = (condition)) && weir_now_ms() < until_ms)                                  \
            usleep(1000);                                                                          \
        if (!came)                                                                                 \
            show_world();                                                                          \
        ck_assert_msg(came, "not within " #seconds " s: " #condition);                             \
    } while (0)

static inline weir_code ask(int worker, weir_ask what, const char *connector, const char *tasks_max)
{
    weir_props config = WEIR_PROPS;
    weir_request request = {.what = what, .connector = connector, .config = &config};
    weir_code code;

    weir_props_set(&config, "name", connector);
    weir_props_set(&config, "connector.class", "none");
    weir_props_set(&config, "tasks.max", tasks_max);
    for (int hop = 0;; hop++) {
        weir_reply reply;
        char *forward;

        weir_herder_ask(workers[worker].herder, &request, now_plus(10000), &reply);
        code = reply.code;
        forward = weir_strdup(reply.forward_to);
        weir_reply_clear(&reply);
        if (!forward)
            break;
        ck_assert_int_lt(hop, 5);
        worker = forward[8] - '0'; /* http://wN:1/ */
        free(forward);
    }
    weir_props_clear(&config);
    return code;
}

static inline bool all_run(const char *connector, int tasks)
{
    for (int task = 0; task < tasks; task++) {
        char name[100];

        snprintf(name, sizeof(name), "%s/%d", connector, task);
        if (runs_of(name) != 1)
            return false;
    }
    return true;
}

static inline bool is_led(void)
{
    bool led;

    pthread_mutex_lock(&world);
    led = lead_holder != NULL;
    pthread_mutex_unlock(&world);
    return led;
}

/* ---- What the topics say ----------------------------------------------------------------------
 */

/* World locked. The last value of the key; NULL: none, or a tombstone. */
static inline const char *last_value(const fake_topic *topic, const char *key)
{
    for (size_t i = topic->count; i-- > 0;)
        if (strcmp(topic->records[i].key, key) == 0)
            return topic->records[i].value;
    return NULL;
}

static inline bool says(const fake_topic *topic, const char *key, const char *text)
{
    const char *value;
    bool found;

    pthread_mutex_lock(&world);
    value = last_value(topic, key);
    found = value && strstr(value, text);
    pthread_mutex_unlock(&world);
    return found;
}

/* All tasks are RUNNING, by the words of their owners; the connector is FAILED, for there is no
 * plugin for it. */
static inline bool all_said_to_run(const char *connector, int tasks)
{
    for (int task = -1; task < tasks; task++) {
        weir_buf key = WEIR_BUF;
        bool runs;

        weir_status_key(&key, connector, task);
        runs = says(&status_topic, weir_buf_text(&key), task < 0 ? "FAILED" : "RUNNING");
        weir_buf_free(&key);
        if (!runs)
            return false;
    }
    return true;
}

static inline bool is_of_this_generation(const char *key)
{
    char text[40];

    pthread_mutex_lock(&world);
    snprintf(text, sizeof(text), "\"generation\":%lld,", (long long)group.generation);
    pthread_mutex_unlock(&world);
    return says(&config_topic, key, text);
}

static inline bool is_decided(void)
{
    return is_of_this_generation("assignment");
}

static inline bool is_present(int n)
{
    char key[20];

    snprintf(key, sizeof(key), "worker/w%d:1", n);
    return is_of_this_generation(key);
}

static inline size_t started(void)
{
    size_t count;

    pthread_mutex_lock(&world);
    count = starts;
    pthread_mutex_unlock(&world);
    return count;
}

static inline bool leads(int n)
{
    bool holds;

    pthread_mutex_lock(&world);
    holds = lead_holder && lead_holder->ctx == workers[n].herder;
    pthread_mutex_unlock(&world);
    return holds;
}

static inline bool is_member(int n)
{
    bool member;

    pthread_mutex_lock(&world);
    member = member_of(workers[n].herder) != NULL;
    pthread_mutex_unlock(&world);
    return member;
}

static inline void put_record(const char *key, const char *value)
{
    pthread_mutex_lock(&world);
    append(&config_topic, key, value);
    pthread_mutex_unlock(&world);
}

static inline void set_up(void)
{
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    registry = weir_registry_load("/nonexistent");
    for (size_t i = 0; i < config_topic.count; i++) {
        free(config_topic.records[i].key);
        free(config_topic.records[i].value);
    }
    for (size_t i = 0; i < status_topic.count; i++) {
        free(status_topic.records[i].key);
        free(status_topic.records[i].value);
    }
    for (size_t i = 0; i < offset_topic.count; i++) {
        free(offset_topic.records[i].key);
        free(offset_topic.records[i].value);
    }
    config_topic.count = status_topic.count = offset_topic.count = 0;
    group.count = 0;
    group.generation = 0;
    twice = starts = 0;
    fatal_is_fine = false;
    atomic_store(&fatal_count, 0);
    stop_takes_ms = 5;
    stops_hang = NULL;
    owner_count = 0;
    hold_new_leaders = hold_checks = false;
    graceful_ms = 5000;
    session_ms = 600000; /* slow test hosts */
    unknown_claims = refusals = refused = full_checks = 0;
    weir_map_clear(&running);
    weir_map_clear(&forgotten);
    deaf_to_forget = false;
}

static inline void tear_down(void)
{
    for (int n = 0; n < MOST; n++)
        if (workers[n].herder)
            stop_worker(n);
    weir_registry_free(registry);
    ck_assert_uint_eq(twice, 0);
}

#endif
