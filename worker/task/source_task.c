/* source_task.c - see source_task.h. Nothing in this file waits for the task's thread but free().
 *
 * The herder's wishes are four flags that the thread looks at whenever it wakes up. Task and herder
 * hold a reference each, so a thread that was abandoned inside a plugin finds its task still there
 * if it ever comes back.
 */
#include "task/source_task.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "task/task_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define TELL_AGAIN_MS 10

static atomic_size_t left_behind;

/* ---- Lifetime ----------------------------------------------------------------------------- */

weir_source_task *weir_source_task_start_with(const weir_task_spec *spec,
                                              const weir_plugin_desc *plugin)
{
    weir_source_task *task = weir_new(weir_source_task);

    assert(spec->report);

    task->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (task->wakeup_fd < 0) { /* as with memory and threads: the cluster goes on without us */
        weir_logf(WEIR_ERROR, "cannot make an eventfd: %s", strerror(errno));
        abort();
    }
    atomic_init(&task->references, 2);
    pthread_mutex_init(&task->hearing, NULL);
    task->connector = weir_strdup(spec->connector);
    task->context = weir_format("%s|task-%d", spec->connector, spec->task);
    task->number = spec->task;
    task->tasks = spec->tasks;
    task->plan = spec->plan;
    task->run = spec->run;
    weir_props_merge(&task->connector_config, spec->connector_config);
    weir_props_merge(&task->task_config, spec->config);
    task->registry = spec->registry;
    task->worker = spec->settings;
    task->given_plugin = plugin;
    task->offset_topic = spec->offsets;
    task->report = spec->report;
    task->lease_runs = spec->lease_runs;
    task->ctx = spec->ctx;
    atomic_init(&task->pause, spec->paused);
    atomic_init(&task->forget, spec->forget);
    atomic_init(&task->tasks_left, spec->tasks_left);
    atomic_init(&task->stop, spec->forget);
    task->thread = weir_thread_start(task->context, weir_task_run, task);
    return task;
}

weir_source_task *weir_source_task_start(const weir_task_spec *spec)
{
    return weir_source_task_start_with(spec, NULL);
}

static void unref(weir_source_task *task)
{
    if (atomic_fetch_sub(&task->references, 1) != 1)
        return;
    close(task->wakeup_fd);
    pthread_mutex_destroy(&task->hearing);
    weir_props_clear(&task->connector_config);
    weir_props_clear(&task->task_config);
    free(task->notes_json);
    free(task->config_json);
    free(task->connector);
    free(task->context);
    free(task);
}

void weir_source_task_free(weir_source_task *task)
{
    if (!task)
        return;
    pthread_join(task->thread, NULL);
    unref(task);
}

/* ---- What it should be -------------------------------------------------------------------- */

void weir_task_wake(weir_source_task *task)
{
    uint64_t one = 1;

    /* The only way to fail is a full counter, and that is readable already. */
    if (write(task->wakeup_fd, &one, sizeof(one)) < 0)
        return;
}

static void want(weir_source_task *task, atomic_bool *what, bool value)
{
    atomic_store(what, value);
    weir_task_wake(task);
}

void weir_source_task_pause(weir_source_task *task, bool paused)
{
    want(task, &task->pause, paused);
}

void weir_source_task_suspend(weir_source_task *task, bool suspended)
{
    want(task, &task->suspend, suspended);
}

void weir_source_task_stop(weir_source_task *task)
{
    want(task, &task->stop, true);
}

void weir_source_task_forget(weir_source_task *task, int32_t tasks_left)
{
    atomic_store(&task->tasks_left, tasks_left);
    atomic_store(&task->forget, true);
    weir_source_task_stop(task);
}

void weir_source_task_abandon(weir_source_task *task)
{
    pthread_t thread = task->thread;

    pthread_mutex_lock(&task->hearing); /* a fact on its way is heard before this returns */
    atomic_store(&task->abandoned, true);
    if (!task->over)
        atomic_fetch_add(&left_behind, 1);
    pthread_mutex_unlock(&task->hearing);
    weir_source_task_stop(task);
    weir_logf(WEIR_WARN, "[%s] abandoned: its thread did not end in time", task->context);
    pthread_detach(thread);
    unref(task);
}

void weir_task_over(weir_source_task *task)
{
    pthread_mutex_lock(&task->hearing);
    task->over = true;
    if (atomic_load(&task->abandoned))
        atomic_fetch_sub(&left_behind, 1);
    pthread_mutex_unlock(&task->hearing);
    unref(task);
}

size_t weir_source_task_left_behind(void)
{
    return atomic_load(&left_behind);
}

int64_t weir_source_task_stuck_ms(weir_source_task *task, const char **ret_call)
{
    int64_t due_ms = atomic_load(&task->call_due_ms);
    const char *call = atomic_load(&task->call);
    int64_t late_ms = due_ms ? weir_now_ms() - due_ms : 0;

    if (late_ms < WEIR_TASK_STUCK_MS) {
        if (task->stuck_next_ms)
            weir_logf(WEIR_INFO, "[%s] no longer stuck in the plugin", task->context);
        task->stuck_next_ms = 0;
        return 0;
    }
    if (late_ms >= task->stuck_next_ms) {
        weir_logf(WEIR_WARN, "[%s] stuck in %s for %" PRId64 " s", task->context, call,
                  late_ms / 1000);
        task->stuck_next_ms = 2 * late_ms;
    }
    if (ret_call)
        *ret_call = call;
    return late_ms;
}

/* ---- Facts -------------------------------------------------------------------------------- */

void weir_task_fact_free(weir_task_fact *fact)
{
    if (!fact)
        return;
    free(fact->connector);
    free(fact->trace);
    free(fact->details);
    weir_task_metrics_unref(fact->metrics);
    free(fact);
}

/* The herder may be waiting for `hearing` to abandon the task, so no time is spent with it held:
 * while the herder's mailbox is full, the waiting is done here. */
static void tell(weir_source_task *task, weir_task_fact *fact)
{
    bool abandoned, told = false;

    fact->connector = weir_strdup(task->connector);
    fact->task = task->number;
    fact->run = task->run;
    for (;;) {
        pthread_mutex_lock(&task->hearing);
        abandoned = atomic_load(&task->abandoned);
        if (!abandoned)
            told = task->report(task->ctx, fact);
        pthread_mutex_unlock(&task->hearing);
        if (abandoned || told)
            break;
        nanosleep(&(struct timespec){.tv_nsec = TELL_AGAIN_MS * 1000000L}, NULL);
    }
    if (!told)
        weir_task_fact_free(fact);
}

void weir_task_report(weir_source_task *task, weir_task_state state, const char *trace)
{
    weir_task_fact *fact = weir_new(weir_task_fact);

    fact->state = state;
    fact->trace = weir_strdup(trace);
    fact->forgotten = task->forgotten;
    tell(task, fact);
    task->reported = state;
    task->reported_any = true;
}

void weir_task_report_details(weir_source_task *task, const char *details,
                              weir_task_metrics *metrics)
{
    weir_task_fact *fact = weir_new(weir_task_fact);

    fact->is_details = true;
    fact->details = weir_strdup(details);
    fact->metrics = metrics;
    tell(task, fact);
}

bool weir_task_lease_runs(weir_source_task *task)
{
    bool runs = true;

    if (!task->lease_runs)
        return true;
    pthread_mutex_lock(&task->hearing);
    if (!atomic_load(&task->abandoned))
        runs = task->lease_runs(task->ctx);
    pthread_mutex_unlock(&task->hearing);
    return runs;
}
