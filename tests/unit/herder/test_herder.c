/* test_herder.c - several herders, one cluster: leadership, assignment, hand-over, commands.
 *
 * Real herders with their threads on a Kafka of our own making (fakes.h), which makes a thousand
 * decisions a second and shows at once when something runs twice or nowhere.
 */
#include "herd.h"

START_TEST(one_worker_leads_and_runs_what_is_created)
{
    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_OK);
    EVENTUALLY(all_run("c", 3));
    ck_assert(is_led());
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_EXISTS);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "0"), WEIR_INVALID);
    ck_assert_int_eq(ask(0, WEIR_ASK_CONNECTOR, "d", "1"), WEIR_NOT_FOUND);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "1"), WEIR_OK);
    EVENTUALLY(runs_of("c/0") + runs_of("c/1") + runs_of("c/2") == 0);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "1"), WEIR_NOT_FOUND);
}
END_TEST

START_TEST(a_config_that_changes_is_checked_beside_its_neighbours)
{
    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "a", "3"), WEIR_OK);
    ck_assert_uint_eq(told_neighbours(), 0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "b", "2"), WEIR_OK);
    ck_assert_uint_eq(told_neighbours(), 3);
    ck_assert_int_eq(ask(0, WEIR_ASK_PUT_CONFIG, "a", "4"), WEIR_OK);
    ck_assert_uint_eq(told_neighbours(), 2);
    ck_assert_int_eq(ask(0, WEIR_ASK_RESTART, "a", "4"), WEIR_OK); /* nothing changes */
    ck_assert_uint_eq(told_neighbours(), 0);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "b", "2"), WEIR_OK);
    ck_assert_int_eq(ask(0, WEIR_ASK_PUT_CONFIG, "a", "3"), WEIR_OK);
    ck_assert_uint_eq(told_neighbours(), 0);
}
END_TEST

START_TEST(three_that_start_together_have_one_leader_and_share_the_work)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    for (int n = 0; n < 3; n++)
        ck_assert_int_eq(ask(n, WEIR_ASK_CREATE, n == 0 ? "a" : n == 1 ? "b" : "c", "4"), WEIR_OK);
    EVENTUALLY(all_run("a", 4) && all_run("b", 4) && all_run("c", 4));
    EVENTUALLY(is_led());
    for (int n = 0; n < 3; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 4);
    EVENTUALLY(all_run("a", 4) && all_run("b", 4) && all_run("c", 4));
}
END_TEST

START_TEST(a_worker_that_leaves_gives_its_tasks_away_first)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(1, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    EVENTUALLY(all_run("c", 9));
    stop_worker(_i); /* the leader is among them */
    EVENTUALLY(all_run("c", 9));
    EVENTUALLY(is_led());
    ck_assert_int_eq(ask((_i + 1) % 3, WEIR_ASK_CREATE, "d", "2"), WEIR_OK);
    EVENTUALLY(all_run("d", 2));
}
END_TEST

START_TEST(the_dead_ones_tasks_run_elsewhere)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    EVENTUALLY(all_run("c", 9));
    kill_worker(_i);
    EVENTUALLY(all_run("c", 9));
    start_worker(_i); /* the same id, another process */
    EVENTUALLY(tasks_of(workers[_i].herder) == 3);
    EVENTUALLY(all_run("c", 9));
    EVENTUALLY(is_led());
}
END_TEST

START_TEST(targets_and_restarts_from_every_worker)
{
    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    for (int n = 0; n < 3; n++) {
        ck_assert_int_eq(ask(n, WEIR_ASK_PAUSE, "c", "2"), WEIR_OK);
        ck_assert_int_eq(ask(n, WEIR_ASK_RESUME, "c", "2"), WEIR_OK);
        ck_assert_int_eq(ask(n, WEIR_ASK_STOP, "c", "2"), WEIR_OK);
        EVENTUALLY(runs_of("c/0") + runs_of("c/1") == 0);
        ck_assert_int_eq(ask(n, WEIR_ASK_RESUME, "c", "2"), WEIR_OK);
        EVENTUALLY(all_run("c", 2));
        ck_assert_int_eq(ask(n, WEIR_ASK_RESTART, "c", "2"), WEIR_OK);
        EVENTUALLY(ask(n, WEIR_ASK_RESTART_TASK, "c", "2") == WEIR_OK);
        EVENTUALLY(all_run("c", 2));
        ck_assert_int_eq(ask(n, WEIR_ASK_PUT_CONFIG, "c", "5"), WEIR_OK);
        EVENTUALLY(all_run("c", 5));
        ck_assert_int_eq(ask(n, WEIR_ASK_PUT_CONFIG, "c", "2"), WEIR_OK);
        EVENTUALLY(all_run("c", 2) && runs_of("c/4") + runs_of("c/3") + runs_of("c/2") == 0);
    }
    ck_assert_int_eq(ask(1, WEIR_ASK_PAUSE, "nobody", "2"), WEIR_NOT_FOUND);
    ck_assert_int_eq(ask(1, WEIR_ASK_RESTART, "nobody", "2"), WEIR_NOT_FOUND);
}
END_TEST

START_TEST(whatever_happens_nothing_runs_twice_and_all_runs_in_the_end)
{
    int tasks[8] = {0};
    unsigned seed = (unsigned)_i + 1;

    start_worker(0);
    for (int round = 0; round < 60; round++) {
        int n = rand_r(&seed) % MOST, c = rand_r(&seed) % 8, alive = 0, any = -1;
        char name[16], count[16];

        for (int k = 0; k < MOST; k++)
            if (workers[k].herder) {
                alive++;
                any = k;
            }
        snprintf(name, sizeof(name), "c%d", c);
        snprintf(count, sizeof(count), "%d", 1 + rand_r(&seed) % 4);
        switch (rand_r(&seed) % 6) {
        case 0:
        case 1:
            if (!workers[n].herder)
                start_worker(n);
            break;
        case 2:
            if (workers[n].herder && alive > 1)
                kill_worker(n);
            break;
        case 3:
            if (workers[n].herder && alive > 1)
                stop_worker(n);
            break;
        case 4: {
            weir_code code = ask(any, WEIR_ASK_PUT_CONFIG, name, count);

            ck_assert_msg(code == WEIR_OK || code == WEIR_CONFLICT || code == WEIR_FAILED,
                          "put: %s", weir_code_text(code));
            if (code == WEIR_OK)
                tasks[c] = atoi(count);
            else
                tasks[c] = -1; /* unknown: looked at no more */
            break;
        }
        default:
            if (tasks[c] > 0 && ask(any, WEIR_ASK_DELETE, name, count) == WEIR_OK)
                tasks[c] = 0;
        }
    }
    EVENTUALLY(is_led());
    for (int c = 0; c < 8; c++) {
        char name[16];

        snprintf(name, sizeof(name), "c%d", c);
        if (tasks[c] > 0)
            EVENTUALLY(all_run(name, tasks[c]));
    }
}
END_TEST

/* ---- The lead ---------------------------------------------------------------------------------
 */

START_TEST(a_claim_that_comes_through_when_its_worker_has_left_leaves_nobody_without_a_leader)
{
    hold_new_leaders = true;
    start_worker(0);
    EVENTUALLY(l_of(workers[0].herder) && waiting(&l_of(workers[0].herder)->line) == 1);
    pthread_mutex_lock(&world);
    hold_new_leaders = false;
    pthread_mutex_unlock(&world);
    start_worker(1);
    EVENTUALLY(is_member(1));
    stop_worker(0); /* its claim fences the other's, and it is gone */
    ck_assert_int_eq(ask(1, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
}
END_TEST

START_TEST(a_claim_of_which_nobody_knows_what_became_is_made_again)
{
    unknown_claims = 2;
    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
}
END_TEST

START_TEST(an_assignment_that_cannot_be_written_is_tried_again_but_not_at_once)
{
    int64_t began_ms;

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    pthread_mutex_lock(&world);
    refused_key = "assignment";
    refusals = 3;
    pthread_mutex_unlock(&world);
    began_ms = weir_now_ms();
    ck_assert_int_eq(ask(0, WEIR_ASK_PUT_CONFIG, "c", "3"), WEIR_OK);
    EVENTUALLY(all_run("c", 3));
    ck_assert_int_ge(weir_now_ms() - began_ms, 500);
}
END_TEST

/* ---- Kafka away, and slow ---------------------------------------------------------------------
 */

START_TEST(kafka_away_from_everybody_moves_and_restarts_nothing)
{
    weir_group *members[3];
    size_t before;

    start_worker(0);
    EVENTUALLY(is_led()); /* by this one */
    for (int n = 1; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    for (int n = 0; n < 3; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 3);
    EVENTUALLY(all_run("c", 9));
    before = started();
    for (int n = 0; n < 3; n++) {
        pthread_mutex_lock(&world);
        members[n] = member_of(workers[n].herder);
        pthread_mutex_unlock(&world);
    }
    for (int n = 0; n < 3; n++)
        lose(members[n]);
    for (int n = 0; n < 3; n++) { /* in each order another one is the first */
        int back = (_i + n) % 3;

        come_back(members[back]);
        EVENTUALLY(is_present(back));
        if (n == 0 && _i > 0) /* a new leader, who finds the others missing */
            EVENTUALLY(is_decided());
    }
    EVENTUALLY(all_said_to_run("c", 9));
    for (int n = 0; n < 3; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 3); /* statuses do not tell what is suspended */
    ck_assert_uint_eq(started(), before);
}
END_TEST

static void set_lease(int worker, bool runs)
{
    pthread_mutex_lock(&world);
    atomic_store(&member_of(workers[worker].herder)->options.lease->runs, runs);
    pthread_mutex_unlock(&world);
}

START_TEST(a_lease_that_is_over_suspends_and_restarts_nothing)
{
    size_t before;

    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    for (int n = 0; n < 3; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 3);
    before = started();
    set_lease(_i,
              false); /* the leader's, or a follower's: its place in the group is still its own */
    EVENTUALLY(tasks_of(workers[_i].herder) == 0);
    for (int n = 0; n < 3; n++)
        ck_assert_int_eq(tasks_of(workers[n].herder), n == _i ? 0 : 3);
    set_lease(_i, true);
    EVENTUALLY(tasks_of(workers[_i].herder) == 3);
    ck_assert_uint_eq(started(), before);
    ck_assert_int_eq(ask(1, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
}
END_TEST

START_TEST(a_leader_whose_own_presence_is_slow_keeps_its_tasks)
{
    int64_t long_enough_ms;

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2));
    hold(&p_of(workers[0].herder)->line);
    pthread_mutex_lock(&world);
    new_generation();
    pthread_mutex_unlock(&world);
    for (long_enough_ms = now_plus(800); weir_now_ms() < long_enough_ms; usleep(1000))
        ck_assert(all_run("c", 2));
    release_p(p_of(workers[0].herder));
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
    EVENTUALLY(all_run("d", 1));
    ck_assert_uint_eq(started(), 3);
}
END_TEST

START_TEST(the_leader_dies_between_the_two_phases_of_a_move)
{
    stop_takes_ms = 100;
    start_worker(0);
    start_worker(1);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "8"), WEIR_OK);
    for (int n = 0; n < 2; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 4);
    start_worker(2);
    EVENTUALLY(says(&config_topic, "assignment", "\"from\":\"w1:1\""));
    kill_worker(0); /* the one that leads */
    EVENTUALLY(all_run("c", 8));
    for (int n = 1; n < 3; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 4);
}
END_TEST

START_TEST(a_plugin_that_does_not_stop_costs_its_own_tasks_only)
{
    graceful_ms = 300;
    start_worker(0);
    start_worker(1);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "4"), WEIR_OK);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "d", "4"), WEIR_OK);
    EVENTUALLY(all_run("c", 4) && all_run("d", 4));
    pthread_mutex_lock(&world);
    stops_hang = "c/";
    pthread_mutex_unlock(&world);
    ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "4"), WEIR_OK);
    EVENTUALLY(runs_of("c/0") + runs_of("c/1") + runs_of("c/2") + runs_of("c/3") == 0);
    pthread_mutex_lock(&world);
    stops_hang = NULL;
    pthread_mutex_unlock(&world);
    EVENTUALLY(all_run("d", 4)); /* some may have moved */
    ck_assert_int_eq(ask(1, WEIR_ASK_CREATE, "c", "4"), WEIR_OK);
    EVENTUALLY(all_run("c", 4));
}
END_TEST

/* While a worker is away its tasks may be given away, and for the moment of its return a task may
 * run twice: what counts is that all is well in the end. */
START_TEST(sessions_are_lost_and_writes_wait_and_all_runs_in_the_end)
{
    weir_group *away[MOST] = {NULL};
    unsigned seed = (unsigned)_i + 1;

    session_ms = 200;
    for (int n = 0; n < MOST; n++)
        start_worker(n);
    for (int n = 0; n < MOST; n++)
        EVENTUALLY(is_member(n));
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "12"), WEIR_OK);
    EVENTUALLY(all_run("c", 12));
    for (int round = 0; round < 60; round++) {
        int n = rand_r(&seed) % MOST;

        switch (rand_r(&seed) % 5) {
        case 0:
            pthread_mutex_lock(&world);
            away[n] = away[n] ? away[n] : member_of(workers[n].herder);
            pthread_mutex_unlock(&world);
            lose(away[n]);
            break;
        case 1:
            if (away[n])
                come_back(away[n]);
            away[n] = NULL;
            break;
        case 2:
            hold(&p_of(workers[n].herder)->line);
            break;
        case 3:
            release_p(p_of(workers[n].herder));
            break;
        default:
            usleep((useconds_t)(rand_r(&seed) % 60000));
        }
    }
    for (int n = 0; n < MOST; n++) {
        release_p(p_of(workers[n].herder));
        if (away[n])
            come_back(away[n]);
    }
    ck_assert_int_eq(ask(_i % MOST, WEIR_ASK_CREATE, "d", "6"), WEIR_OK);
    EVENTUALLY(all_run("c", 12) && all_run("d", 6));
    EVENTUALLY(all_said_to_run("c", 12) && all_said_to_run("d", 6));
    for (int n = 0; n < MOST; n++)
        EVENTUALLY(tasks_of(workers[n].herder) == 3);
    twice = 0;
}
END_TEST

/* ---- Quick hands ------------------------------------------------------------------------------
 */

/* The leader does not decide before the other one has said that it is there. */
static void hold_decisions(void)
{
    start_worker(0);
    EVENTUALLY(leads(0));
    start_worker(1);
    EVENTUALLY(is_member(1));
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_OK);
    EVENTUALLY(all_run("c", 3) && all_said_to_run("c", 3));
    hold(&p_of(workers[1].herder)->line);
    pthread_mutex_lock(&world);
    new_generation();
    pthread_mutex_unlock(&world);
}

START_TEST(what_is_gone_and_there_again_before_anybody_decides_runs_and_says_so)
{
    hold_decisions();
    switch (_i) {
    case 0:
        ck_assert_int_eq(ask(0, WEIR_ASK_DELETE, "c", "3"), WEIR_OK);
        ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "3"), WEIR_OK);
        break;
    case 1:
        ck_assert_int_eq(ask(0, WEIR_ASK_STOP, "c", "3"), WEIR_OK);
        ck_assert_int_eq(ask(0, WEIR_ASK_RESUME, "c", "3"), WEIR_OK);
        break;
    default:
        ck_assert_int_eq(ask(0, WEIR_ASK_PUT_CONFIG, "c", "1"), WEIR_OK);
        ck_assert_int_eq(ask(0, WEIR_ASK_PUT_CONFIG, "c", "3"), WEIR_OK);
    }
    release_p(p_of(workers[1].herder));
    EVENTUALLY(all_run("c", 3));
    EVENTUALLY(all_said_to_run("c", 3));
}
END_TEST

typedef struct quick_ask {
    weir_ask what;
    const char *tasks_max;
    weir_code code;
} quick_ask;

static void *ask_quickly(void *arg)
{
    quick_ask *q = arg;

    q->code = ask(0, q->what, "c", q->tasks_max);
    return NULL;
}

static weir_code ask_shortly(weir_ask what, const char *tasks_max, int64_t ms)
{
    weir_props config = WEIR_PROPS;
    weir_reply reply;
    weir_code code;

    weir_props_set(&config, "name", "c");
    weir_props_set(&config, "tasks.max", tasks_max);
    weir_herder_ask(workers[0].herder,
                    &(weir_request){.what = what, .connector = "c", .config = &config},
                    now_plus(ms), &reply);
    code = reply.code;
    weir_reply_clear(&reply);
    weir_props_clear(&config);
    return code;
}

START_TEST(of_two_that_create_the_same_one_is_told_that_it_exists)
{
    quick_ask first = {.what = WEIR_ASK_CREATE, .tasks_max = "2"};
    pthread_t thread;

    start_worker(0);
    EVENTUALLY(leads(0) && is_decided());
    hold(&l_of(workers[0].herder)->line);
    thread = weir_thread_start("first", ask_quickly, &first);
    EVENTUALLY(waiting(&l_of(workers[0].herder)->line) == 1);
    ck_assert_int_eq(ask_shortly(WEIR_ASK_CREATE, "5", 200), WEIR_TIMED_OUT);
    release_l(l_of(workers[0].herder));
    pthread_join(thread, NULL);
    ck_assert_int_eq(first.code, WEIR_OK);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "5"), WEIR_EXISTS);
    EVENTUALLY(all_run("c", 2));
    ck_assert_int_eq(runs_of("c/4"), 0);
}
END_TEST

START_TEST(a_plan_of_an_older_config_is_not_written)
{
    quick_ask put = {.what = WEIR_ASK_PUT_CONFIG, .tasks_max = "4"};
    quick_ask resume = {.what = WEIR_ASK_RESUME, .tasks_max = "4"};
    pthread_t first, second;

    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    ck_assert_int_eq(ask(0, WEIR_ASK_STOP, "c", "2"), WEIR_OK);
    pthread_mutex_lock(&world);
    hold_checks = true;
    pthread_mutex_unlock(&world);
    first = weir_thread_start("first", ask_quickly, &resume);
    EVENTUALLY(checks_waiting() == 1);
    second = weir_thread_start("second", ask_quickly, &put);
    EVENTUALLY(checks_waiting() == 2);
    release_checks();
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    ck_assert_int_eq(put.code, WEIR_OK);
    ck_assert_int_eq(resume.code, WEIR_OK);
    EVENTUALLY(all_run("c", 4));
}
END_TEST

START_TEST(a_task_set_left_broken_is_planned_until_it_is_written)
{
    if (_i == 0)
        full_checks = 1;
    if (_i == 1) {
        refused_key = "commit-";
        refusals = 1;
    }
    put_record("connector-c", "{\"properties\":{\"name\":\"c\",\"tasks.max\":\"3\"}}");
    put_record("task-c-0", "{\"properties\":{\"name\":\"c\"}}");
    put_record("commit-c", "{\"tasks\":2}");
    put_record("target-state-d", "{\"state\":\"PAUSED\"}");
    put_record("connector-d", "{\"properties\":{\"name\":\"d\",\"tasks.max\":\"1\"}}");
    put_record("task-d-0", "{\"properties\":{\"name\":\"d\"}}");
    put_record("commit-d", "{\"tasks\":1}");
    start_worker(0);
    EVENTUALLY(all_run("c", 3));
    EVENTUALLY(says(&status_topic, "status-task-d-0", "PAUSED"));
}
END_TEST

START_TEST(a_target_that_outlived_its_connector_is_not_the_next_ones)
{
    put_record("target-state-c", "{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}");
    start_worker(0);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "2"), WEIR_OK);
    EVENTUALLY(all_run("c", 2) && all_said_to_run("c", 2));
}
END_TEST

START_TEST(two_hundred_connectors_at_start)
{
    for (int c = 0; c < 200; c++) {
        char name[32], key[64], value[128];

        snprintf(name, sizeof(name), "c%d", c);
        snprintf(value, sizeof(value), "{\"properties\":{\"name\":\"%s\",\"tasks.max\":\"2\"}}",
                 name);
        snprintf(key, sizeof(key), "connector-%s", name);
        put_record(key, value);
        for (int task = 0; task < 2; task++) {
            snprintf(key, sizeof(key), "task-%s-%d", name, task);
            put_record(key, value);
        }
        snprintf(key, sizeof(key), "commit-%s", name);
        put_record(key, c % 2 ? "{\"tasks\":2}" : "{\"tasks\":3}"); /* half of them broken */
    }
    for (int n = 0; n < 3; n++)
        start_worker(n);
    for (int c = 0; c < 200; c++) {
        char name[32];

        snprintf(name, sizeof(name), "c%d", c);
        EVENTUALLY(all_run(name, 2));
    }
    stop_worker(_i);
    for (int c = 0; c < 200; c++) {
        char name[32];

        snprintf(name, sizeof(name), "c%d", c);
        EVENTUALLY(all_run(name, 2));
    }
}
END_TEST

static void *stop_in_thread(void *arg)
{
    stop_worker((int)(intptr_t)arg);
    return NULL;
}

START_TEST(who_stops_at_once_comes_back_to_the_same_work)
{
    pthread_t threads[3];

    for (int n = 0; n < 3; n++)
        start_worker(n);
    ck_assert_int_eq(ask(0, WEIR_ASK_CREATE, "c", "9"), WEIR_OK);
    EVENTUALLY(all_run("c", 9));
    for (int n = 0; n < _i; n++) /* two of three: the leader and a follower; then all */
        threads[n] = weir_thread_start("stop", stop_in_thread, (void *)(intptr_t)n);
    for (int n = 0; n < _i; n++)
        pthread_join(threads[n], NULL);
    for (int n = 0; n < _i; n++)
        start_worker(n);
    EVENTUALLY(all_run("c", 9) && all_said_to_run("c", 9));
    ck_assert_int_eq(ask(1, WEIR_ASK_CREATE, "d", "1"), WEIR_OK);
}
END_TEST

WEIR_UNIT_MAIN(
    "herder", tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, one_worker_leads_and_runs_what_is_created);
    tcase_add_test(tests, a_config_that_changes_is_checked_beside_its_neighbours);
    tcase_add_test(tests, three_that_start_together_have_one_leader_and_share_the_work);
    tcase_add_loop_test(tests, a_worker_that_leaves_gives_its_tasks_away_first, 0, 3);
    tcase_add_loop_test(tests, the_dead_ones_tasks_run_elsewhere, 0, 3);
    tcase_add_test(tests, targets_and_restarts_from_every_worker);
    tcase_add_loop_test(tests, whatever_happens_nothing_runs_twice_and_all_runs_in_the_end, 0, 10);
    tcase_add_test(
        tests, a_claim_that_comes_through_when_its_worker_has_left_leaves_nobody_without_a_leader);
    tcase_add_test(tests, a_claim_of_which_nobody_knows_what_became_is_made_again);
    tcase_add_test(tests, an_assignment_that_cannot_be_written_is_tried_again_but_not_at_once);
    tcase_add_loop_test(tests, kafka_away_from_everybody_moves_and_restarts_nothing, 0, 3);
    tcase_add_loop_test(tests, a_lease_that_is_over_suspends_and_restarts_nothing, 0, 3);
    tcase_add_test(tests, a_leader_whose_own_presence_is_slow_keeps_its_tasks);
    tcase_add_test(tests, the_leader_dies_between_the_two_phases_of_a_move);
    tcase_add_test(tests, a_plugin_that_does_not_stop_costs_its_own_tasks_only);
    tcase_add_loop_test(tests, sessions_are_lost_and_writes_wait_and_all_runs_in_the_end, 0, 6);
    tcase_add_loop_test(tests, what_is_gone_and_there_again_before_anybody_decides_runs_and_says_so,
                        0, 3);
    tcase_add_test(tests, of_two_that_create_the_same_one_is_told_that_it_exists);
    tcase_add_test(tests, a_plan_of_an_older_config_is_not_written);
    tcase_add_loop_test(tests, a_task_set_left_broken_is_planned_until_it_is_written, 0, 3);
    tcase_add_test(tests, a_target_that_outlived_its_connector_is_not_the_next_ones);
    tcase_add_loop_test(tests, two_hundred_connectors_at_start, 0, 3);
    tcase_add_loop_test(tests, who_stops_at_once_comes_back_to_the_same_work, 2, 4);)
