/* test_watching.c - deaths that are seen before the group notices, true and false ones; workers of
 * one id; leaders that cannot commit; tasks that crash their workers. */
#include "herd.h"

static char instances[MOST][40]; /* of workers that may be gone by now */

static void start_all(int count)
{
    start_worker(0);
    EVENTUALLY(leads(0));
    for (int n = 1; n < count; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    EVENTUALLY(all_run("c", 9));
    for (int n = 0; n < count; n++) {
        EVENTUALLY(tasks_of(workers[n].herder) >= 9 / count);
        snprintf(instances[n], sizeof(instances[n]), "%s", weir_herder_instance(workers[n].herder));
    }
}

static void tell(int by, weir_watch_change change, int about)
{
    char id[32];

    snprintf(id, sizeof(id), "w%d:1", about);
    see(workers[by].herder, &(weir_watch_news){.change = change,
                                               .worker = id,
                                               .instance = instances[about],
                                               .text = "connection refused"});
}

static void tell_crash(int by, int about, const char *item, int64_t ran_ms)
{
    char id[32];

    snprintf(id, sizeof(id), "w%d:1", about);
    see(workers[by].herder, &(weir_watch_news){.change = WEIR_WATCH_CRASHED,
                                               .worker = id,
                                               .instance = instances[about],
                                               .text = "",
                                               .item = item,
                                               .signal = 11,
                                               .ran_ms = ran_ms});
}

/* What runs twice after a false alarm, or by two of one id, does so for milliseconds: as designed.
 */
static void forgive(void)
{
    pthread_mutex_lock(&world);
    twice = 0;
    pthread_mutex_unlock(&world);
}

static int64_t generation_now(void)
{
    int64_t generation;

    pthread_mutex_lock(&world);
    generation = group.generation;
    pthread_mutex_unlock(&world);
    return generation;
}

START_TEST(everybody_watches_the_leader_and_the_leader_everybody)
{
    start_all(3);
    EVENTUALLY(is_watched(workers[0].herder, instances[1]));
    EVENTUALLY(is_watched(workers[0].herder, instances[2]));
    EVENTUALLY(is_watched(workers[1].herder, instances[0]));
    EVENTUALLY(is_watched(workers[2].herder, instances[0]));
    ck_assert(!is_watched(workers[1].herder, instances[2]));
    ck_assert(!is_watched(workers[1].herder, instances[1]));
}
END_TEST

START_TEST(a_dead_followers_tasks_run_elsewhere_before_the_group_knows)
{
    int64_t generation;
    size_t before;

    start_all(3);
    before = started();
    generation = generation_now();
    crash_worker(1);
    tell(0, WEIR_WATCH_DEAD, 1);
    EVENTUALLY(all_run("c", 9));
    ck_assert_int_eq(generation_now(), generation);
    ck_assert_uint_eq(started(), before + 3); /* nobody else's was touched */
    EVENTUALLY(all_said_to_run("c", 9));
}
END_TEST

START_TEST(who_is_back_gets_what_others_had_in_its_place_and_nothing_else)
{
    size_t before;

    start_all(3);
    before = started();
    crash_worker(_i);
    for (int n = 0; n < 3; n++)
        if (n != _i)
            tell(n, WEIR_WATCH_DEAD, _i);
    EVENTUALLY(all_run("c", 9));
    start_worker(_i); /* and leads, if it was the first */
    EVENTUALLY(tasks_of(workers[_i].herder) == 3);
    EVENTUALLY(all_run("c", 9));
    ck_assert_uint_eq(started(), before + 6);
}
END_TEST

START_TEST(a_dead_leader_is_replaced_before_the_group_knows)
{
    int64_t generation;
    size_t before;

    start_all(3);
    before = started();
    generation = generation_now();
    crash_worker(0);
    for (int n = 1; n < 3; n++)
        tell(n, WEIR_WATCH_DEAD, 0);
    EVENTUALLY(leads(1));
    EVENTUALLY(all_run("c", 9));
    ck_assert_uint_eq(started(), before + 3);
    ck_assert_int_eq(ask(2, WEIR_ASK_CREATE, "d", "2"), WEIR_OK);
    ck_assert_int_eq(generation_now(), generation);
}
END_TEST

START_TEST(when_the_next_in_line_is_dead_too_the_one_after_it_leads)
{
    start_all(3);
    crash_worker(0);
    crash_worker(1);
    tell(2, WEIR_WATCH_DEAD, 0);
    EVENTUALLY(leads(2));
    EVENTUALLY(is_watched(workers[2].herder, instances[1]));
    tell(2, WEIR_WATCH_DEAD, 1);
    EVENTUALLY(all_run("c", 9));
}
END_TEST

/* Its three tasks are started elsewhere; then it has acknowledged that, and gets three again. */
static void accuse_falsely(int by, int about)
{
    size_t before = started();

    tell(by, WEIR_WATCH_DEAD, about);
    EVENTUALLY(started() >= before + 6 && tasks_of(workers[about].herder) == 3);
    EVENTUALLY(all_run("c", 9));
}

START_TEST(a_follower_that_is_falsely_accused_gets_work_again)
{
    start_all(3);
    accuse_falsely(0, 1);
    forgive();
}
END_TEST

START_TEST(a_leader_that_is_falsely_accused_follows_and_keeps_what_is_its_own)
{
    start_all(3);
    tell(1, WEIR_WATCH_DEAD, 0);
    EVENTUALLY(leads(1));
    EVENTUALLY(!leads(0));
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
    EVENTUALLY(all_run("d", 1)); /* by an assignment of the new leader's */
    EVENTUALLY(!says(&config_topic, "assignment", "\"dead\":{\""));
    EVENTUALLY(all_run("c", 9) && tasks_of(workers[0].herder) >= 3);
    ck_assert(leads(1)); /* no tug of war */
    forgive();
}
END_TEST

START_TEST(an_alarm_that_is_withdrawn_in_time_changes_nothing)
{
    size_t before;

    start_all(3);
    before = started();
    tell(2, WEIR_WATCH_DEAD, 0); /* the second in line waits for the first */
    tell(2, WEIR_WATCH_ALIVE, 0);
    ck_assert_int_eq(ask(2, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
    ck_assert(leads(0));
    EVENTUALLY(all_run("d", 1));
    ck_assert_uint_eq(started(), before + 1);
}
END_TEST

START_TEST(who_is_falsely_accused_too_often_is_left_alone)
{
    size_t before;

    start_all(3);
    for (int i = 0; i < 3; i++)
        accuse_falsely(0, 1);
    EVENTUALLY(all_said_to_run("c", 9));
    before = started();
    tell(0, WEIR_WATCH_DEAD, 1);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "1"), WEIR_OK); /* after the alarm */
    EVENTUALLY(all_run("d", 1));
    ck_assert_uint_eq(started(), before + 1);
    forgive();
}
END_TEST

START_TEST(silence_and_strangers_prove_nothing)
{
    size_t before;

    start_all(3);
    before = started();
    tell(0, WEIR_WATCH_UNKNOWN, 1);
    tell(0, WEIR_WATCH_STRANGER, 2);
    tell(1, WEIR_WATCH_UNKNOWN, 0);
    tell(2, WEIR_WATCH_BYE, 0);
    ck_assert_int_eq(ask(2, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
    ck_assert(leads(0));
    EVENTUALLY(all_run("d", 1));
    ck_assert_uint_eq(started(), before + 1);
}
END_TEST

/* ---- Tasks that crash their workers ------------------------------------------------------------
 */

static bool says_failed(const char *key)
{
    return says(&status_topic, key, "FAILED");
}

START_TEST(a_task_that_crashes_two_workers_is_not_given_to_a_third)
{
    start_all(3);
    crash_worker(1);
    tell_crash(0, 1, "c/4", 100);
    tell(0, WEIR_WATCH_DEAD, 1);
    EVENTUALLY(all_run("c", 9));
    crash_worker(2);
    tell_crash(0, 2, "c/4", 100);
    tell(0, WEIR_WATCH_DEAD, 2);
    EVENTUALLY(says_failed("status-task-c-4"));
    EVENTUALLY(runs_of("c/4") == 0 && runs_of("c/3") == 1 && runs_of("c/8") == 1);
    ck_assert(says(&status_topic, "status-task-c-4", "signal 11"));
    ck_assert_int_eq(ask(0, WEIR_ASK_RESTART, "c", "9"), WEIR_OK); /* of the connector alone */
    ck_assert_int_eq(runs_of("c/4"), 0);
    put_record("restart-connector-c", "{\"include-tasks\":true,\"only-failed\":true}");
    EVENTUALLY(all_run("c", 9));
}
END_TEST

START_TEST(the_next_leader_knows_what_crashed_the_last_one)
{
    start_all(3);
    crash_worker(2);
    tell_crash(0, 2, "c/0", 100); /* only the leader has heard it */
    tell(0, WEIR_WATCH_DEAD, 2);
    EVENTUALLY(all_run("c", 9));
    EVENTUALLY(says(&config_topic, "assignment", "\"c/0\":{\"count\":1"));
    crash_worker(0);
    tell_crash(1, 0, "c/0", 100);
    tell(1, WEIR_WATCH_DEAD, 0);
    EVENTUALLY(says_failed("status-task-c-0"));
    EVENTUALLY(runs_of("c/0") == 0 && runs_of("c/3") == 1);
    ck_assert_int_eq(ask(1, WEIR_ASK_RESTART_TASK, "c", "9"), WEIR_OK);
    ck_assert(!says(&config_topic, "assignment", "\"c/0\":{\"count\"")); /* the next one too */
    EVENTUALLY(all_run("c", 9) && all_said_to_run("c", 9));
}
END_TEST

START_TEST(a_late_crash_or_one_without_a_name_punishes_nobody)
{
    start_all(3);
    for (int n = 1; n < 3; n++) {
        crash_worker(n);
        tell_crash(0, n, "c/4", 60000);
        tell(0, WEIR_WATCH_DEAD, n);
        EVENTUALLY(all_run("c", 9));
    }
    EVENTUALLY(all_said_to_run("c", 9));
}
END_TEST

/* ---- Two of one id -----------------------------------------------------------------------------
 */

START_TEST(of_two_with_one_id_the_first_stays_and_the_second_ends)
{
    fatal_is_fine = true;
    start_all(2);
    start_as(2, 1); /* and the first one lives */
    EVENTUALLY(atomic_load(&fatal_count) == 1);
    stop_worker(2);
    EVENTUALLY(all_run("c", 9));
    EVENTUALLY(tasks_of(workers[0].herder) + tasks_of(workers[1].herder) == 9);
    ck_assert_int_eq(atomic_load(&fatal_count), 1);
    forgive();
}
END_TEST

/* ---- A leader that cannot commit ---------------------------------------------------------------
 */

START_TEST(a_leader_that_cannot_commit_says_so_and_resigns)
{
    weir_leader_log *l;

    start_all(3);
    l = l_of(workers[0].herder);
    hold(&l->line);
    put_record("connector-e", "{\"properties\":{\"name\":\"e\",\"connector.class\":\"none\"}}");
    EVENTUALLY(waiting(&l->line) > 0);
    EVENTUALLY_WITHIN(!leads(0) && (leads(1) || leads(2)), 30);
    release_l(l);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
    EVENTUALLY(all_run("c", 9) && all_run("d", 1));
}
END_TEST

WEIR_UNIT_MAIN(
    "watching", tcase_set_timeout(tests, 120); tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, everybody_watches_the_leader_and_the_leader_everybody);
    tcase_add_test(tests, a_dead_followers_tasks_run_elsewhere_before_the_group_knows);
    tcase_add_loop_test(tests, who_is_back_gets_what_others_had_in_its_place_and_nothing_else, 0,
                        3);
    tcase_add_test(tests, a_dead_leader_is_replaced_before_the_group_knows);
    tcase_add_test(tests, when_the_next_in_line_is_dead_too_the_one_after_it_leads);
    tcase_add_test(tests, a_follower_that_is_falsely_accused_gets_work_again);
    tcase_add_test(tests, a_leader_that_is_falsely_accused_follows_and_keeps_what_is_its_own);
    tcase_add_test(tests, an_alarm_that_is_withdrawn_in_time_changes_nothing);
    tcase_add_test(tests, who_is_falsely_accused_too_often_is_left_alone);
    tcase_add_test(tests, silence_and_strangers_prove_nothing);
    tcase_add_test(tests, a_task_that_crashes_two_workers_is_not_given_to_a_third);
    tcase_add_test(tests, the_next_leader_knows_what_crashed_the_last_one);
    tcase_add_test(tests, a_late_crash_or_one_without_a_name_punishes_nobody);
    tcase_add_test(tests, of_two_with_one_id_the_first_stays_and_the_second_ends);
    tcase_add_test(tests, a_leader_that_cannot_commit_says_so_and_resigns);)
