/* foreign.c - see foreign.h.
 *
 * One runner thread takes the jobs, a watchdog thread looks at its clock. A runner whose job is
 * over the limit is given up: the watchdog answers for it and starts another runner. Nobody joins
 * a runner; the last one out frees what they share, which for a runner that never comes back
 * means never.
 */
#include "plugin/foreign.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define MAX_WAITING 1000

typedef struct runner runner;

struct weir_foreign {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* for the runner: a job, or the end */
    pthread_cond_t watch; /* for the watchdog: the runner took, ended or left something */
    weir_job *waiting[MAX_WAITING];
    size_t first, count;
    runner *current; /* NULL: the last one has left */
    bool closed;
    size_t refs; /* the handle and every runner */
    int64_t limit_ms;
    pthread_t watchdog;
};

/* A runner and what it is doing; guarded by the lock of its foreign. */
struct runner {
    weir_foreign *foreign;
    weir_job *job; /* NULL: none that is timed */
    int64_t until_ms;
    bool given_up; /* the watchdog answers for the job */
    bool answered; /* … and has done so */
    bool ended;    /* run() came back after all */
};

static atomic_size_t left_behind;

static void unref(weir_foreign *foreign)
{
    bool last;

    pthread_mutex_lock(&foreign->lock);
    last = --foreign->refs == 0;
    pthread_mutex_unlock(&foreign->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&foreign->lock);
    pthread_cond_destroy(&foreign->work);
    pthread_cond_destroy(&foreign->watch);
    free(foreign);
}

/* ---- Runner ------------------------------------------------------------------------------- */

/* [runner, locked] The next job; NULL: closed. */
static weir_job *next_job(weir_foreign *foreign)
{
    weir_job *job;

    while (foreign->count == 0 && !foreign->closed)
        pthread_cond_wait(&foreign->work, &foreign->lock);
    if (foreign->count == 0)
        return NULL;
    job = foreign->waiting[foreign->first];
    foreign->first = (foreign->first + 1) % MAX_WAITING;
    foreign->count--;
    return job;
}

/* [runner, locked] Runs one job. False: this runner was given up meanwhile and has to leave. */
static bool run_one(runner *self, weir_job *job)
{
    weir_foreign *foreign = self->foreign;

    self->job = job;
    self->until_ms = weir_now_ms() + foreign->limit_ms;
    pthread_cond_signal(&foreign->watch);
    pthread_mutex_unlock(&foreign->lock);
    job->run(job);
    pthread_mutex_lock(&foreign->lock);
    if (self->given_up) {
        bool answered = self->answered;

        self->ended = true;
        if (answered) { /* else the watchdog is inside done() and drops the job after it */
            pthread_mutex_unlock(&foreign->lock);
            job->drop(job);
            free(self);
            pthread_mutex_lock(&foreign->lock);
        }
        return false;
    }
    self->job = NULL;
    pthread_mutex_unlock(&foreign->lock);
    job->done(job, WEIR_OK);
    job->drop(job);
    pthread_mutex_lock(&foreign->lock);
    return true;
}

static void *run_jobs(void *arg)
{
    runner *self = arg;
    weir_foreign *foreign = self->foreign;
    weir_job *job;

    pthread_mutex_lock(&foreign->lock);
    while ((job = next_job(foreign)) != NULL)
        if (!run_one(self, job)) {
            pthread_mutex_unlock(&foreign->lock);
            atomic_fetch_sub(&left_behind, 1);
            unref(foreign);
            return NULL;
        }
    foreign->current = NULL;
    pthread_cond_signal(&foreign->watch);
    pthread_mutex_unlock(&foreign->lock);
    free(self);
    unref(foreign);
    return NULL;
}

/* [locked] */
static void start_runner(weir_foreign *foreign)
{
    runner *fresh = weir_new(runner);

    fresh->foreign = foreign;
    foreign->refs++;
    foreign->current = fresh;
    pthread_detach(weir_thread_start("foreign", run_jobs, fresh));
}

/* ---- Watchdog ----------------------------------------------------------------------------- */

/* [watchdog, locked] */
static void give_up(weir_foreign *foreign, runner *lost)
{
    weir_job *job = lost->job;
    bool ended;

    lost->given_up = true;
    atomic_fetch_add(&left_behind, 1);
    foreign->current = NULL;
    if (!foreign->closed)
        start_runner(foreign);
    pthread_mutex_unlock(&foreign->lock);

    weir_logf(WEIR_ERROR, "a plugin did not come back within %lld ms: its thread is left to itself",
              (long long)foreign->limit_ms);
    job->done(job, WEIR_TIMED_OUT);

    pthread_mutex_lock(&foreign->lock);
    lost->answered = true;
    ended = lost->ended;
    if (!ended)
        return; /* the runner drops both, should it ever end */
    pthread_mutex_unlock(&foreign->lock);
    job->drop(job);
    free(lost);
    pthread_mutex_lock(&foreign->lock);
}

static void wait_until(weir_foreign *foreign, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    pthread_cond_timedwait(&foreign->watch, &foreign->lock, &until);
}

/* Ends when the foreign was closed and no runner is left that anybody waits for. */
static void *watch_runner(void *arg)
{
    weir_foreign *foreign = arg;

    pthread_mutex_lock(&foreign->lock);
    while (!foreign->closed || foreign->current) {
        runner *now = foreign->current;

        if (!now || !now->job)
            pthread_cond_wait(&foreign->watch, &foreign->lock);
        else if (weir_now_ms() >= now->until_ms)
            give_up(foreign, now);
        else
            wait_until(foreign, now->until_ms);
    }
    pthread_mutex_unlock(&foreign->lock);
    return NULL;
}

/* ---- From outside ------------------------------------------------------------------------- */

weir_foreign *weir_foreign_start(int64_t limit_ms)
{
    weir_foreign *foreign = weir_new(weir_foreign);
    pthread_condattr_t monotonic;

    pthread_mutex_init(&foreign->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&foreign->work, &monotonic);
    pthread_cond_init(&foreign->watch, &monotonic);
    pthread_condattr_destroy(&monotonic);
    foreign->limit_ms = limit_ms;
    foreign->refs = 1;
    pthread_mutex_lock(&foreign->lock);
    start_runner(foreign);
    pthread_mutex_unlock(&foreign->lock);
    foreign->watchdog = weir_thread_start("foreign-watch", watch_runner, foreign);
    return foreign;
}

weir_code weir_foreign_submit(weir_foreign *foreign, weir_job *job)
{
    weir_code rc = WEIR_OK;

    pthread_mutex_lock(&foreign->lock);
    if (foreign->closed) {
        rc = WEIR_CLOSED;
    } else if (foreign->count == MAX_WAITING) {
        rc = WEIR_FULL;
    } else {
        foreign->waiting[(foreign->first + foreign->count) % MAX_WAITING] = job;
        foreign->count++;
        pthread_cond_signal(&foreign->work);
    }
    pthread_mutex_unlock(&foreign->lock);
    return rc;
}

/* [locked] Answers and drops what nobody will run. */
static void refuse_waiting(weir_foreign *foreign)
{
    while (foreign->count > 0) {
        weir_job *job = foreign->waiting[foreign->first];

        foreign->first = (foreign->first + 1) % MAX_WAITING;
        foreign->count--;
        pthread_mutex_unlock(&foreign->lock);
        job->done(job, WEIR_CLOSED);
        job->drop(job);
        pthread_mutex_lock(&foreign->lock);
    }
}

void weir_foreign_stop(weir_foreign *foreign)
{
    if (!foreign)
        return;
    pthread_mutex_lock(&foreign->lock);
    foreign->closed = true;
    refuse_waiting(foreign);
    pthread_cond_broadcast(&foreign->work);
    pthread_cond_broadcast(&foreign->watch);
    pthread_mutex_unlock(&foreign->lock);
    pthread_join(foreign->watchdog, NULL);
    unref(foreign);
}

size_t weir_foreign_left_behind(void)
{
    return atomic_load(&left_behind);
}
