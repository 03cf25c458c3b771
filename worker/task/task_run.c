/* task_run.c - the thread of a source task.
 *
 * A task lives through one instance after another: producer opened, plugin started, polled and
 * settled with until somebody wants it to end (stop, pause) or it cannot go on (a failure, a broken
 * producer), then wound down. Nothing is kept from one instance to the next: what was not
 * acknowledged to the source, the source still holds.
 *
 * The thread sleeps in one place, on wakeup_fd: reports of Kafka's, wishes of the herder's and
 * records dropped while polling make it readable. It is drained before anything is looked at, so
 * what comes later wakes the next sleep.
 */
#include "base/clock.h"
#include "base/last_words.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a failing task listens for answers to what is on its way. */
#define FAREWELL_MS 1000
/* How long the thread may sleep through a wish of the herder's. */
#define DEAF_MS 10

static const weir_source *source_of(const weir_source_task *task)
{
    return task->config.plugin->source;
}

static bool is_stopping(weir_source_task *task)
{
    return atomic_load(&task->stop);
}

/* Somebody wants this instance to end. */
static bool is_unwanted(weir_source_task *task)
{
    return is_stopping(task) || atomic_load(&task->pause);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- Sleeping, listening ------------------------------------------------------------------ */

static void drain_wakeup(weir_source_task *task)
{
    uint64_t count;

    if (read(task->wakeup_fd, &count, sizeof(count)) < 0)
        return; /* nobody has woken us */
}

static void sleep_until(weir_source_task *task, int64_t until_ms)
{
    struct pollfd fd = {.fd = task->wakeup_fd, .events = POLLIN};
    int64_t left_ms = until_ms - weir_now_ms();

    if (left_ms > 0)
        poll(&fd, 1, (int)left_ms);
}

/* Marks the time in which the thread is the plugin's. */
static void enter(weir_source_task *task, const char *call, int64_t due_ms)
{
    atomic_store(&task->call, call);
    atomic_store(&task->call_due_ms, due_ms);
}

static void leave(weir_source_task *task)
{
    atomic_store(&task->call_due_ms, 0);
}

static void tell_settled(void *ctx, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    weir_source_task *task = ctx;

    enter(task, "settled", weir_now_ms());
    source_of(task)->settled(task->self, tokens, count, outcome);
    leave(task);
}

/* Hears what Kafka answered and tells the plugin. */
static void serve(weir_source_task *task)
{
    const char *broken;

    drain_wakeup(task);
    weir_task_producer_poll(task->producer);
    weir_task_post_waiting(task);
    if (task->started)
        weir_inflight_settle(&task->inflight, tell_settled, task);
    broken = weir_task_producer_broken(task->producer);
    if (broken)
        weir_task_restart(task, "the producer is broken: %s", broken);
}

/* ---- Polling the plugin ------------------------------------------------------------------- */

static const char *said(const weir_source_task *task, const char *call, char room[64])
{
    if (task->said && task->said[0])
        return task->said;
    snprintf(room, 64, "%s() failed and did not say why", call);
    return room;
}

/* False when the plugin does not want to be polled again for now. */
static bool poll_once(weir_source_task *task, int64_t deadline_ms)
{
    weir_status status;
    char room[64];

    weir_replace(&task->said, NULL);
    task->refused = false;
    task->may_emit = weir_task_lease_runs(task) && !task->held;
    task->in_poll = true;
    enter(task, "poll", deadline_ms);
    status = source_of(task)->poll(task->self, deadline_ms);
    leave(task);
    task->in_poll = false;
    switch (status) {
    case WEIR_DONE:
    case WEIR_AGAIN:
        return true;
    case WEIR_RETRY: {
        int64_t delay_ms = weir_task_next_delay(task, &task->poll_backoff);

        task->poll_again_ms = weir_now_ms() + delay_ms;
        weir_task_note(task, said(task, "poll", room));
        weir_logf(WEIR_WARN, "poll failed, next one in %" PRId64 " ms: %s", delay_ms,
                  said(task, "poll", room));
        return false;
    }
    case WEIR_FATAL:
        weir_task_fail(task, "%s", said(task, "poll", room));
        return false;
    }
    weir_task_fail(task, "poll() answered %d, which means nothing", (int)status);
    return false;
}

static int64_t poll_until(const weir_source_task *task, int64_t now_ms)
{
    int64_t hold_ms = task->errors.hold_until_ms;

    return hold_ms ? earlier(hold_ms, now_ms + WEIR_TASK_POLL_MS) : now_ms + WEIR_TASK_POLL_MS;
}

/* Between two bursts. False: it is time to poll. */
static bool rest(weir_source_task *task, bool *ret_may_wait)
{
    int64_t left_us = 0, nap_us;
    weir_pace_step step = weir_pace_next(&task->pace, weir_now_us(), &left_us);

    *ret_may_wait = step == WEIR_PACE_WAIT;
    nap_us = earlier(left_us, DEAF_MS * 1000);
    if (step == WEIR_PACE_FLUSH && weir_task_producer_flush(task->producer, DEAF_MS))
        weir_pace_answered(&task->pace);
    if (step == WEIR_PACE_REST)
        nanosleep(&(struct timespec){.tv_nsec = nap_us * 1000}, NULL);
    return step == WEIR_PACE_FLUSH || step == WEIR_PACE_REST;
}

static void turn(weir_source_task *task)
{
    uint64_t taken = task->taken;
    int64_t now_ms;
    bool may_wait;

    serve(task);
    weir_task_offsets_flush(task, false);
    weir_task_details(task, false);
    weir_task_end_hold(task);
    now_ms = weir_now_ms();
    if (task->restart || task->failure)
        return;
    if (task->poll_again_ms > now_ms) {
        task->doing = WEIR_DOING_BACKING_OFF;
        sleep_until(task, earlier(task->poll_again_ms, now_ms + WEIR_TASK_POLL_MS));
        return;
    }
    task->doing = task->held ? WEIR_DOING_PAUSED : WEIR_DOING_POLLING;
    if (rest(task, &may_wait))
        return;
    poll_once(task, may_wait ? poll_until(task, now_ms) : now_ms);
    weir_pace_polled(&task->pace, task->taken - taken, weir_now_us());
}

/* ---- One instance ------------------------------------------------------------------------- */

/* Sleeps before another attempt; false when nobody wants one any more. */
static bool back_off(weir_source_task *task, int64_t delay_ms)
{
    int64_t until_ms = weir_now_ms() + delay_ms;

    task->doing = WEIR_DOING_BACKING_OFF;
    while (!is_unwanted(task) && weir_now_ms() < until_ms) {
        drain_wakeup(task);
        weir_task_details(task, false);
        if (!is_unwanted(task))
            sleep_until(task, earlier(until_ms, weir_now_ms() + WEIR_TASK_POLL_MS));
    }
    return !is_unwanted(task);
}

/* Before anything is read that might have to go there. False: it cannot be had, or nobody wants
 * the instance any more. */
static bool await_dead_topic(weir_source_task *task)
{
    weir_dead_topic *topic = NULL;
    int64_t again_ms = 0;
    bool there;

    while (!(there = weir_task_dead_topic_there(task, &topic, &again_ms)) && !task->failure &&
           !is_unwanted(task)) {
        weir_task_details(task, false);
        sleep_until(task, earlier(again_ms, weir_now_ms() + WEIR_TASK_POLL_MS));
        drain_wakeup(task);
    }
    weir_dead_topic_close(topic);
    return there;
}

/* Writes what is due and waits until Kafka has it: the next owner looks it up. False: not all is
 * there in time. */
static bool write_offsets(weir_source_task *task, int64_t until_ms)
{
    weir_task_offsets_flush(task, true);
    while (!weir_task_offsets_written(task) && !atomic_load(&task->abandoned) &&
           weir_now_ms() < until_ms) {
        drain_wakeup(task);
        if (!weir_task_offsets_written(task))
            sleep_until(task, until_ms);
    }
    return task->offsets.due == 0 && weir_task_offsets_written(task);
}

/* What the last owner has written is known before the plugin may ask; until then there is no
 * answer, rather than an old one. False: nobody wants the instance any more. */
static bool read_offsets(weir_source_task *task)
{
    task->doing = WEIR_DOING_STARTING;
    while (!is_unwanted(task) && !weir_task_offsets_ready(task)) {
        drain_wakeup(task);
        weir_task_details(task, false);
        if (!is_unwanted(task) && !weir_task_offsets_ready(task))
            sleep_until(task, weir_now_ms() + WEIR_TASK_POLL_MS);
    }
    return !is_unwanted(task);
}

static bool start_plugin(weir_source_task *task)
{
    weir_status status;
    char room[64];

    for (;;) {
        void *self = NULL;
        int64_t delay_ms;

        task->doing = WEIR_DOING_STARTING;
        weir_replace(&task->said, NULL);
        enter(task, "start", weir_now_ms());
        status =
            source_of(task)->start(&task->host, weir_settings_get(task->config.settings), &self);
        leave(task);
        if (status == WEIR_DONE) {
            task->self = self;
            task->started = true;
            return true;
        }
        if (status != WEIR_RETRY) {
            weir_task_fail(task, "%s", said(task, "start", room));
            return false;
        }
        delay_ms = weir_task_next_delay(task, &task->start_backoff);
        weir_task_note(task, said(task, "start", room));
        weir_logf(WEIR_WARN, "start failed, next one in %" PRId64 " ms: %s", delay_ms,
                  said(task, "start", room));
        if (!back_off(task, delay_ms))
            return false;
    }
}

static int64_t drain_ms(const weir_source_task *task)
{
    int64_t graceful_ms = task->worker->graceful_shutdown_ms;

    /* What is left is for settling the rest as abandoned, stop() and closing the producer. */
    return graceful_ms - earlier(1000, graceful_ms / 4);
}

/* Nothing new; until all is settled or the time is over. */
static void drain(weir_source_task *task)
{
    int64_t deadline_ms = weir_now_ms() + drain_ms(task);
    bool failed_before = task->failure != NULL, pollable = true;

    task->doing = WEIR_DOING_DRAINING;
    enter(task, "drain", weir_now_ms());
    source_of(task)->drain(task->self);
    leave(task);
    for (;;) {
        int64_t now_ms = weir_now_ms();

        serve(task);
        weir_task_details(task, false);
        if (weir_inflight_unsettled(&task->inflight) == 0 || now_ms >= deadline_ms ||
            task->restart || atomic_load(&task->abandoned))
            break;
        if (pollable)
            pollable = poll_once(task, earlier(deadline_ms, now_ms + WEIR_TASK_POLL_MS));
        else
            sleep_until(task, earlier(deadline_ms, now_ms + WEIR_TASK_POLL_MS));
    }
    task->failed_in_drain = task->failure && !failed_before;
}

/* What Kafka still answers within a moment need not come twice from the source. */
static void listen_once_more(weir_source_task *task)
{
    int64_t deadline_ms = weir_now_ms() + FAREWELL_MS;

    for (serve(task);
         (task->inflight.sent > 0 || task->errors.unheard > 0) && weir_now_ms() < deadline_ms;
         serve(task))
        sleep_until(task, deadline_ms);
}

static void wind_down(weir_source_task *task)
{
    int64_t begun_ms = weir_now_ms();
    int64_t patience_ms =
        earlier(task->worker->offset_flush_timeout_ms, task->worker->graceful_shutdown_ms * 9 / 10);
    size_t abandoned;

    if (atomic_load(&task->abandoned))
        ; /* nobody waits for us any more */
    else if (task->failure)
        listen_once_more(task);
    else if (!task->restart)
        drain(task);
    abandoned = weir_inflight_abandon(&task->inflight);
    if (abandoned > 0)
        weir_logf(WEIR_WARN, "%zu records were on their way and are not acknowledged", abandoned);
    task->abandoned_records += abandoned;
    weir_inflight_settle(&task->inflight, tell_settled, task);
    weir_task_details_last(task);
    enter(task, "stop", weir_now_ms());
    source_of(task)->stop(task->self);
    leave(task);
    task->self = NULL;
    task->started = false;
    weir_task_offsets_forget_tracked(task);
    if (!write_offsets(task, begun_ms + patience_ms) && !atomic_load(&task->abandoned))
        weir_logf(WEIR_WARN, "source offsets are not known to be written: records may come twice");
}

static weir_code open_producer(weir_source_task *task, weir_err *err)
{
    const char *dead_letters = task->config.errors.dead_letters;
    weir_code rc = weir_task_producer_open(&task->config.producer, task->wakeup_fd,
                                           weir_task_answered, task, &task->producer, err);

    if (rc == WEIR_OK && dead_letters)
        rc = weir_task_producer_be_patient(task->producer, dead_letters, err);
    return rc;
}

/* The user has paused the task, or has it go on. False: the instance has to end for that. */
static bool follow_pause(weir_source_task *task)
{
    const weir_source *source = source_of(task);
    bool paused = atomic_load(&task->pause), stays;

    if (paused == task->held)
        return true;
    if (!WEIR_HAS(source, pause))
        return false;
    enter(task, "pause", weir_now_ms());
    stays = source->pause(task->self, paused);
    leave(task);
    if (!stays)
        return false;
    task->held = paused;
    weir_task_report(task, paused ? WEIR_TASK_PAUSED : WEIR_TASK_RUNNING, NULL);
    weir_task_details(task, true);
    return true;
}

static void one_instance(weir_source_task *task)
{
    weir_err err;

    task->doing = WEIR_DOING_STARTING;
    task->poll_again_ms = 0;
    task->may_emit = true; /* until the first poll asks */
    task->errors.hold_until_ms = 0;
    task->pace = weir_pace_of(task->config.linger_ms);
    if (!await_dead_topic(task))
        return;
    weir_task_offsets_open(task); /* it is read while the producer is made */
    if (open_producer(task, &err) != WEIR_OK) {
        weir_task_fail(task, "cannot make the producer: %s", err.msg);
    } else if (read_offsets(task) && start_plugin(task)) {
        if (!task->reported_any || task->reported != WEIR_TASK_RUNNING)
            weir_task_report(task, WEIR_TASK_RUNNING, NULL);
        while (!is_stopping(task) && !task->failure && !task->restart && follow_pause(task))
            turn(task);
        wind_down(task);
        task->held = false;
    }
    weir_task_producer_close(task->producer);
    task->producer = NULL;
    weir_task_letters_drop(&task->errors);
}

/* ---- The whole life ----------------------------------------------------------------------- */

static void stay_paused(weir_source_task *task)
{
    task->doing = WEIR_DOING_PAUSED;
    weir_task_details(task, true);
    weir_task_report(task, WEIR_TASK_PAUSED, NULL);
    while (atomic_load(&task->pause) && !is_stopping(task)) {
        struct pollfd fd = {.fd = task->wakeup_fd, .events = POLLIN};

        poll(&fd, 1, -1);
        drain_wakeup(task);
    }
}

static bool configure(weir_source_task *task)
{
    weir_task_config_source from = {
        .connector = task->connector,
        .task = task->number,
        .registry = task->registry,
        .plugin = task->given_plugin,
        .worker = task->worker,
        .connector_config = &task->connector_config,
        .task_config = &task->task_config,
    };
    weir_err err;

    if (task->configured)
        return true;
    task->configured = true;
    if (weir_task_config_read(&from, &task->config, &err) != WEIR_OK)
        weir_task_fail(task, "%s", err.msg);
    weir_task_tell_meaning(task);
    task->inflight.bound = task->config.in_flight;
    task->inflight.unload = weir_task_offsets_settled;
    task->inflight.ctx = task;
    if (task->config.plugin && WEIR_HAS(task->config.plugin, metrics))
        task->plugin_metrics.table = task->config.plugin->metrics;
    return !task->failure;
}

static void start_again(weir_source_task *task)
{
    int64_t hold_ms = task->errors.hold_until_ms, delay_ms;

    /* Another try of a record's has waited already. */
    delay_ms =
        hold_ms ? hold_ms - weir_now_ms() : weir_task_next_delay(task, &task->restart_backoff);
    if (delay_ms < 0)
        delay_ms = 0;
    task->restarts++;
    weir_logf(WEIR_WARN, "starting again in %" PRId64 " ms: %s", delay_ms, task->restart);
    weir_replace(&task->restart, NULL);
    back_off(task, delay_ms);
}

/* From now on, should it come to that. */
static void name_item(weir_source_task *task)
{
    char *item = weir_format("%s/%" PRId32, task->connector, task->number);

    weir_last_words_item(item, weir_now_ms());
    free(item);
}

static void live(weir_source_task *task)
{
    name_item(task);
    while (!is_stopping(task) && !task->failure) {
        if (atomic_load(&task->pause)) {
            stay_paused(task);
            name_item(task); /* it starts anew */
            continue;
        }
        if (!configure(task))
            break;
        one_instance(task);
        if (task->restart && !task->failure)
            start_again(task);
    }
}

/* ---- A task that will not come back ------------------------------------------------------- */

static void not_forgotten(const weir_source_task *task, const char *why)
{
    weir_logf(WEIR_WARN,
              "what task %d of connector '%s' has left outside, if anything, stays there: %s",
              task->number, task->connector, why);
}

/* Has the plugin give up what it has left outside. */
static void forget(weir_source_task *task)
{
    int64_t until_ms = weir_now_ms() + WEIR_TASK_FORGET_MS;

    task->forgotten = true;
    configure(task);
    if (!task->config.settings) {
        not_forgotten(task, task->failure ? task->failure : "its config is not known");
        return;
    }
    if (!WEIR_HAS(source_of(task), forget))
        return;
    task->doing = WEIR_DOING_FORGETTING;
    weir_task_offsets_open(task);
    while (!weir_task_offsets_ready(task) && !atomic_load(&task->abandoned) &&
           weir_now_ms() < until_ms) {
        drain_wakeup(task);
        if (!weir_task_offsets_ready(task))
            sleep_until(task, until_ms);
    }
    if (!weir_task_offsets_ready(task) || !task->host.owned(&task->host)) {
        not_forgotten(task, "the worker has lost Kafka");
        return;
    }
    weir_logf(WEIR_INFO, "gives up what it has left outside");
    task->host.tasks_left = atomic_load(&task->tasks_left);
    enter(task, "forget", weir_now_ms() + WEIR_TASK_STUCK_MS);
    source_of(task)->forget(&task->host, weir_settings_get(task->config.settings));
    leave(task);
    if (!write_offsets(task, until_ms) && !atomic_load(&task->abandoned))
        weir_logf(WEIR_WARN, "offsets that were given up are not known to be written");
}

static void free_all(weir_source_task *task)
{
    weir_task_offsets_close(task);
    weir_task_config_clear(&task->config);
    weir_inflight_free(&task->inflight);
    free(task->said);
    free(task->failure);
    free(task->restart);
    free(task->trouble.text);
    free(task->waiting_topic);
    weir_task_errors_clear(&task->errors);
    free(task->details);
    weir_buf_free(&task->plugin_status);
    weir_buf_free(&task->plugin_json);
    weir_buf_free(&task->plugin_shown);
    weir_plugin_metrics_clear(&task->plugin_metrics);
    weir_buf_free(&task->key);
    weir_buf_free(&task->value);
    for (size_t i = 0; i < task->header_room; i++)
        weir_buf_free(&task->header_values[i]);
    free(task->header_values);
    free(task->headers);
}

void *weir_task_run(void *arg)
{
    weir_source_task *task = arg;

    weir_log_context(task->context);
    weir_task_host_init(task);
    live(task);
    if (atomic_load(&task->forget) && !atomic_load(&task->abandoned))
        forget(task);
    weir_last_words_idle();
    task->doing = WEIR_DOING_ENDED;
    weir_task_details(task, true);
    if (task->failure && (task->failed_in_drain || task->forgotten) && is_stopping(task)) {
        weir_logf(WEIR_WARN, "failed while it was being stopped: %s", task->failure);
        weir_task_report(task, WEIR_TASK_ENDED, NULL);
    } else if (task->failure) {
        weir_logf(WEIR_ERROR, "failed: %s", task->failure);
        weir_task_report(task, WEIR_TASK_FAILED, task->failure);
    } else {
        weir_task_report(task, WEIR_TASK_ENDED, NULL);
    }
    free_all(task);
    weir_task_over(task);
    return NULL;
}
