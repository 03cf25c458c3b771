/* test_foreign.c - every job is answered exactly once and freed exactly once, whoever ends first.
 */
#include "plugin/foreign.h"

#include "base/mem.h"
#include "base/thread.h"
#include "tests/support/unit.h"

#include <sched.h>
#include <stdbool.h>

#define LIMIT_MS       60000 /* never meant to pass */
#define SHORT_LIMIT_MS 30

/* What became of the jobs of one test; events are waited for, never slept for. */
typedef struct court {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ran, ok, timed_out, closed, dropped;
    bool released; /* jobs that hang may go on */
    int hanging;
    bool hold_answer; /* done() waits for release too */
    int answering;
} court;

typedef struct job {
    weir_job job;
    court *court;
    bool hangs;
} job;

static void setup(court *c)
{
    *c = (court){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void count(court *c, int *what)
{
    pthread_mutex_lock(&c->lock);
    (*what)++;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void await(court *c, const int *what, int at_least)
{
    pthread_mutex_lock(&c->lock);
    while (*what < at_least)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static void await_release(court *c, int *who)
{
    pthread_mutex_lock(&c->lock);
    (*who)++;
    pthread_cond_broadcast(&c->changed);
    while (!c->released)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static void release(court *c)
{
    pthread_mutex_lock(&c->lock);
    c->released = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void run(weir_job *base)
{
    job *self = (job *)base;

    if (self->hangs)
        await_release(self->court, &self->court->hanging);
    count(self->court, &self->court->ran);
}

static void done(weir_job *base, weir_code code)
{
    court *c = ((job *)base)->court;

    if (c->hold_answer)
        await_release(c, &c->answering);
    if (code == WEIR_OK)
        count(c, &c->ok);
    else if (code == WEIR_TIMED_OUT)
        count(c, &c->timed_out);
    else
        count(c, &c->closed);
}

static void drop(weir_job *base)
{
    court *c = ((job *)base)->court;

    free(base);
    count(c, &c->dropped);
}

static weir_code submit(weir_foreign *foreign, court *c, bool hangs)
{
    job *self = weir_new(job);
    weir_code rc;

    self->job = (weir_job){run, done, drop};
    self->court = c;
    self->hangs = hangs;
    rc = weir_foreign_submit(foreign, &self->job);
    if (rc != WEIR_OK)
        free(self);
    return rc;
}

/* Threads that were given up leave a little after their job was dropped. */
static void await_nobody_left_behind(void)
{
    while (weir_foreign_left_behind() > 0)
        sched_yield();
}

START_TEST(jobs_run_and_are_answered_and_dropped_once)
{
    weir_foreign *foreign = weir_foreign_start(LIMIT_MS);
    court c;

    setup(&c);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(submit(foreign, &c, false), WEIR_OK);
    await(&c, &c.dropped, 100);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(c.ran, 100);
    ck_assert_int_eq(c.ok, 100);
    ck_assert_int_eq(c.dropped, 100);
    ck_assert_uint_eq(weir_foreign_left_behind(), 0);
}
END_TEST

START_TEST(a_job_over_its_limit_is_given_up_and_the_next_one_runs)
{
    weir_foreign *foreign = weir_foreign_start(SHORT_LIMIT_MS);
    court c;

    setup(&c);
    ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.timed_out, 1);
    ck_assert_uint_eq(weir_foreign_left_behind(), 1);
    ck_assert_int_eq(submit(foreign, &c, false), WEIR_OK);
    await(&c, &c.ok, 1);
    release(&c);
    await(&c, &c.dropped, 2);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(c.ran, 2);
    ck_assert_int_eq(c.timed_out, 1);
    ck_assert_int_eq(c.ok, 1);
    await_nobody_left_behind();
}
END_TEST

START_TEST(a_job_given_up_may_end_long_after_everything_else)
{
    weir_foreign *foreign = weir_foreign_start(SHORT_LIMIT_MS);
    court c;

    setup(&c);
    ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.timed_out, 1);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(c.dropped, 0);
    release(&c);
    await(&c, &c.dropped, 1);
    await_nobody_left_behind();
    ck_assert_int_eq(c.ok + c.closed, 0);
}
END_TEST

/* run() comes back while the watchdog is still inside done(): the job must live until both are
 * through. */
START_TEST(a_job_that_ends_while_it_is_given_up_is_dropped_after_its_answer)
{
    weir_foreign *foreign = weir_foreign_start(SHORT_LIMIT_MS);
    court c;

    setup(&c);
    c.hold_answer = true;
    ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.answering, 1);
    release(&c);
    await(&c, &c.dropped, 1);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(c.timed_out, 1);
    ck_assert_int_eq(c.ran, 1);
    ck_assert_int_eq(c.dropped, 1);
    await_nobody_left_behind();
}
END_TEST

START_TEST(many_jobs_that_hang_are_each_answered_once)
{
    weir_foreign *foreign = weir_foreign_start(5);
    court c;

    setup(&c);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.timed_out, 20);
    release(&c);
    await(&c, &c.dropped, 20);
    weir_foreign_stop(foreign);
    await_nobody_left_behind();
    ck_assert_int_eq(c.timed_out, 20);
    ck_assert_int_eq(c.ok, 0);
}
END_TEST

/* Limit and end fall together, again and again: the race that TSan and ASan are to look at. */
START_TEST(jobs_about_as_long_as_their_limit_are_answered_once)
{
    for (int round = 0; round < 30; round++) {
        weir_foreign *foreign = weir_foreign_start(1);
        court c;

        setup(&c);
        ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
        await(&c, &c.hanging, 1);
        release(&c);
        await(&c, &c.dropped, 1);
        ck_assert_int_eq(c.ok + c.timed_out, 1);
        weir_foreign_stop(foreign);
        await_nobody_left_behind();
        ck_assert_int_eq(c.dropped, 1);
    }
}
END_TEST

static void *stop(void *foreign)
{
    weir_foreign_stop(foreign);
    return NULL;
}

START_TEST(stop_waits_for_the_job_at_hand_and_closes_the_rest)
{
    weir_foreign *foreign = weir_foreign_start(LIMIT_MS);
    pthread_t stopper;
    court c;

    setup(&c);
    ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.hanging, 1);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(submit(foreign, &c, false), WEIR_OK);
    stopper = weir_thread_start("stopper", stop, foreign);
    await(&c, &c.closed, 5);
    release(&c);
    pthread_join(stopper, NULL);
    ck_assert_int_eq(c.ok, 1);
    ck_assert_int_eq(c.ran, 1);
    ck_assert_int_eq(c.dropped, 6);
    ck_assert_uint_eq(weir_foreign_left_behind(), 0);
}
END_TEST

START_TEST(stop_does_not_wait_longer_than_the_limit)
{
    weir_foreign *foreign = weir_foreign_start(SHORT_LIMIT_MS);
    court c;

    setup(&c);
    ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.hanging, 1);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(c.timed_out, 1);
    release(&c);
    await(&c, &c.dropped, 1);
    await_nobody_left_behind();
}
END_TEST

START_TEST(submit_takes_a_thousand_and_says_full_without_blocking)
{
    weir_foreign *foreign = weir_foreign_start(LIMIT_MS);
    court c;

    setup(&c);
    ck_assert_int_eq(submit(foreign, &c, true), WEIR_OK);
    await(&c, &c.hanging, 1);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(submit(foreign, &c, false), WEIR_OK);
    ck_assert_int_eq(submit(foreign, &c, false), WEIR_FULL);
    release(&c);
    await(&c, &c.dropped, 1001);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(c.ok, 1001);
}
END_TEST

WEIR_UNIT_MAIN("foreign", tcase_add_test(tests, jobs_run_and_are_answered_and_dropped_once);
               tcase_add_test(tests, a_job_over_its_limit_is_given_up_and_the_next_one_runs);
               tcase_add_test(tests, a_job_given_up_may_end_long_after_everything_else);
               tcase_add_test(tests,
                              a_job_that_ends_while_it_is_given_up_is_dropped_after_its_answer);
               tcase_add_test(tests, many_jobs_that_hang_are_each_answered_once);
               tcase_add_test(tests, jobs_about_as_long_as_their_limit_are_answered_once);
               tcase_add_test(tests, stop_waits_for_the_job_at_hand_and_closes_the_rest);
               tcase_add_test(tests, stop_does_not_wait_longer_than_the_limit);
               tcase_add_test(tests, submit_takes_a_thousand_and_says_full_without_blocking);)
