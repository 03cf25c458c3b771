/* fakes_tasks.h - what runs: tasks that are counted, plans, checks; show_world(). See fakes.h.
 */
#ifndef WEIR_TESTS_HERDER_FAKES_TASKS_H
#define WEIR_TESTS_HERDER_FAKES_TASKS_H

#include "fakes_group.h"

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
    weir_task_metrics_unref(fact->metrics);
    free(fact);
}

/* What the last task that was to forget heard. */
static int32_t forgotten_left = -1;

void weir_source_task_forget(weir_source_task *task, int32_t tasks_left);

weir_source_task *weir_source_task_start(const weir_task_spec *spec)
{
    weir_source_task *task = weir_new(weir_source_task);

    task->spec = *spec;
    task->spec.connector = weir_strdup(spec->connector);
    snprintf(task->name, sizeof(task->name), "%s/%d", spec->connector, (int)spec->task);
    count_run(task, 1);
    if (spec->forget)
        weir_source_task_forget(task, spec->tasks_left);
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
void weir_source_task_forget(weir_source_task *task, int32_t tasks_left)
{
    bool over;

    pthread_mutex_lock(&world);
    forgotten_left = tasks_left;
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

size_t weir_source_task_left_behind(void)
{
    return 0;
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

static size_t neighbours_told; /* to the last check. World locked. */
static size_t full_checks;     /* so many are turned away. World locked. */
static bool hold_checks;       /* they wait for release_checks(). World locked. */
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
    neighbours_told = request->neighbour_count;
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

static inline size_t told_neighbours(void)
{
    size_t count;

    pthread_mutex_lock(&world);
    count = neighbours_told;
    pthread_mutex_unlock(&world);
    return count;
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
