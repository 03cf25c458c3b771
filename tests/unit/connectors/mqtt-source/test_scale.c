/* test_scale.c - several tasks of one connector at a real broker: what moves from one session to
 * another when their number or their filters change, and what a task that is gone has left. */
#include "task.h"

#include "tests/support/unit.h"

static const char *const versions[] = {"3.1.1", "5"};

/* One life of a task, of a plan with so many. */
static run *live(const broker *b, int version, int task, int tasks, int plan, const char *filters)
{
    run *r =
        run_make(b, (const char *const[]){"mqtt.version", versions[version], "mqtt.topics", filters,
                                          "mqtt.connector.topics", "a/#,b/#,c/#", "mqtt.client.id",
                                          "unit-${task}", "kafka.topic", "from-${filter}", NULL});

    offsets_lend(&r->f->host);
    offsets_lend_plan(&r->f->host, task, tasks, plan);
    ck_assert_int_eq(source()->start(&r->f->host, &r->settings, &r->self), WEIR_DONE);
    r->f->settle_now = true;
    return r;
}

static void until_logged(run *r, const char *text)
{
    int64_t deadline = clock_ms() + 15000;

    while (!strstr(r->f->logged, text)) {
        turn(r, 20);
        ck_assert_msg(clock_ms() < deadline && r->last != WEIR_FATAL,
                      "no '%s'; failed: %s; log: %s; status: %s", text, r->f->failed, r->f->logged,
                      status(r));
    }
}

/* Two tasks, with a/# and b/#, that have lived under plan 1. */
static void two_lived(const broker *b, int version)
{
    run *one = live(b, version, 0, 2, 1, "a/#"), *two = live(b, version, 1, 2, 1, "b/#");

    until_connected(one);
    until_connected(two);
    die(one);
    die(two);
}

START_TEST(a_filter_is_let_go_of_when_its_next_task_has_it)
{
    run *one, *two;
    broker b;

    open_broker(&b);
    one = live(&b, _i, 0, 1, 1, "a/#,b/#");
    until_connected(one);
    die(one);
    one = live(&b, _i, 0, 2, 2, "a/#");
    until_connected(one);
    until_status(one, "\"unsubscribe_waits\":1");
    publish(&b, "b/x", 1, 0, 3);
    until_records(one, 3); /* nobody else is there for it */
    ck_assert_str_eq(one->f->topics[2], "from-b__");
    two = live(&b, _i, 1, 2, 2, "b/#");
    until_connected(two);
    until_logged(one, "'b/#' is not subscribed any more");
    until_status(one, "\"unsubscribe_waits\":0");
    publish(&b, "b/x", 1, 3, 6);
    publish(&b, "a/x", 1, 6, 7);
    until_records(two, 3);
    until_records(one, 4);
    ck_assert_str_eq(one->f->values[3], "6");
    die(one);
    die(two);
    broker_remove(&b);
}
END_TEST

/* It was put in doubt first: a process that dies here finds nothing that it could rely on. */
START_TEST(what_is_let_go_of_is_in_doubt_before_the_broker_is_asked)
{
    char partition[96];
    run *one;
    broker b;

    open_broker(&b);
    one = live(&b, _i, 0, 1, 1, "a/#,b/#");
    until_connected(one);
    die(one);
    snprintf(partition, sizeof(partition), "{\"broker\":\"127.0.0.1:%d\",\"client.id\":\"unit-0\"}",
             b.port);
    one = live(&b, _i, 0, 2, 2, "a/#");
    until_status(one, "\"unsubscribe_waits\":1");
    ck_assert_ptr_nonnull(strstr(offsets_look(partition), "\"filter:b/#\":null"));
    ck_assert_ptr_nonnull(strstr(offsets_look(partition), "\"filter:a/#\":1"));
    not_all_kept = true;
    offsets_put("{\"task\":1}", "{\"version\":1,\"client.id\":\"unit-1\",\"brokers\":\"x:1\","
                                "\"plan\":2}");
    nothing_comes(one, 1000);
    until_status(one, "\"unsubscribe_waits\":1");
    not_all_kept = false;
    until_logged(one, "'b/#' is not subscribed any more");
    ck_assert_ptr_null(strstr(offsets_look(partition), "b/#"));
    die(one);
    broker_remove(&b);
}
END_TEST

static void expect_gone(const broker *b, const char *client_id, const char *task)
{
    char partition[96];

    snprintf(partition, sizeof(partition), "{\"broker\":\"127.0.0.1:%d\",\"client.id\":\"%s\"}",
             b->port, client_id);
    ck_assert_ptr_null(offsets_look(partition));
    ck_assert_ptr_null(offsets_look(task));
    ck_assert(!has_session(b, client_id));
}

START_TEST(the_session_of_a_task_that_is_gone_is_emptied_and_ended)
{
    run *one;
    broker b;

    open_broker(&b);
    two_lived(&b, _i);
    publish(&b, "b/x", 1, 0, 2000); /* more than a window */
    one = live(&b, _i, 0, 1, 2, "a/#,b/#,c/#");
    one->f->settle_now = true;
    until_records(one, 2000);
    until_logged(one, "the session 'unit-1' at");
    until_logged(one, "is ended");
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(atoi(one->f->values[i]), i);
        ck_assert_str_eq(one->f->topics[i], "from-b__");
    }
    publish(&b, "b/x", 1, 2000, 2001);
    until_records(one, 2001);
    until_status(one, "\"emptying_session\":null");
    die(one);
    expect_gone(&b, "unit-1", "{\"task\":1}");
    broker_remove(&b);
}
END_TEST

/* Whoever empties it dies before Kafka has anything, and again when it has some. */
START_TEST(an_heir_that_dies_leaves_the_rest_to_the_next)
{
    run *one;
    broker b;

    open_broker(&b);
    two_lived(&b, _i);
    publish(&b, "b/x", 1, 0, 50);
    for (int life = 0; life < 2; life++) {
        one = live(&b, _i, 0, 1, 2, "a/#,b/#,c/#");
        one->f->settle_now = false;
        until_records(one, 50);
        if (life == 1) {
            settle(one, 0, 20);
            until_status(one, "\"emptying_session\":\"unit-1\"");
        }
        source()->settled(one->self, one->f->tokens + 20 * life, 50 - 20 * (size_t)life,
                          WEIR_ABANDONED);
        run_stop(one);
    }
    one = live(&b, _i, 0, 1, 2, "a/#,b/#,c/#");
    until_logged(one, "is ended");
    ck_assert_uint_eq(one->f->count, 30);
    ck_assert_str_eq(one->f->values[0], "20");
    die(one);
    expect_gone(&b, "unit-1", "{\"task\":1}");
    broker_remove(&b);
}
END_TEST

START_TEST(an_heir_waits_until_every_task_has_what_is_its_own)
{
    run *one, *two;
    broker b;

    open_broker(&b);
    one = live(&b, _i, 2, 3, 1, "c/#");
    until_connected(one);
    die(one);
    two_lived(&b, _i);
    publish(&b, "c/x", 1, 0, 5);
    one = live(&b, _i, 0, 2, 2, "a/#"); /* its session is task 0's, 2 % 2 */
    nothing_comes(one, 1500);
    ck_assert(has_session(&b, "unit-2"));
    two = live(&b, _i, 1, 2, 2, "b/#,c/#");
    until_connected(two);
    until_records(one, 5);
    until_logged(one, "is ended");
    ck_assert_uint_eq(two->f->count, 0);
    die(one);
    die(two);
    expect_gone(&b, "unit-2", "{\"task\":2}");
    broker_remove(&b);
}
END_TEST

START_TEST(a_task_that_comes_back_finds_its_session_as_it_was)
{
    run *one, *two;
    broker b;

    open_broker(&b);
    two_lived(&b, _i);
    publish(&b, "b/x", 1, 0, 5);
    one = live(&b, _i, 0, 2, 3, "a/#,c/#"); /* there was a plan 2, too short for anybody */
    nothing_comes(one, 1500);
    two = live(&b, _i, 1, 2, 3, "b/#");
    until_records(two, 5);
    ck_assert_ptr_nonnull(strstr(status(two), "\"session_present\":true"));
    die(one);
    die(two);
    broker_remove(&b);
}
END_TEST

static run *gone(const broker *b, int version, int task, int tasks, int left)
{
    run *r = run_make(b, (const char *const[]){"mqtt.version", versions[version], "mqtt.client.id",
                                               "unit-${task}", NULL});

    offsets_lend(&r->f->host);
    offsets_lend_plan(&r->f->host, task, tasks, 1);
    r->f->host.tasks_left = left;
    source()->forget(&r->f->host, &r->settings);
    return r;
}

START_TEST(fewer_tasks_leave_their_sessions_and_a_deleted_connector_none)
{
    broker b;
    run *r;

    open_broker(&b);
    two_lived(&b, _i);
    r = gone(&b, _i, 1, 2, 1);
    ck_assert_ptr_nonnull(strstr(r->f->logged, "'unit-1' stays until another task has emptied"));
    run_stop(r);
    ck_assert_ptr_nonnull(offsets_look("{\"task\":1}"));
    ck_assert(has_session(&b, "unit-1"));
    r = gone(&b, _i, 0, 1, 0); /* before it could empty the other's */
    ck_assert_ptr_nonnull(strstr(r->f->logged, "'unit-0' at"));
    ck_assert_ptr_nonnull(strstr(r->f->logged, "'unit-1' at"));
    run_stop(r);
    expect_gone(&b, "unit-0", "{\"task\":0}");
    expect_gone(&b, "unit-1", "{\"task\":1}");
    broker_remove(&b);
}
END_TEST

/* mqtt.client.id is "unit": the first task becomes "unit-0" when it is not the only one. */
START_TEST(an_id_that_gets_a_number_or_loses_it_leaves_nothing_behind)
{
    const char *ids[] = {"unit", "unit-0", "unit"};
    broker b;

    open_broker(&b);
    for (int life = 0; life < 3; life++) {
        run *r = run_make(&b, (const char *const[]){"mqtt.version", versions[_i], "mqtt.client.id",
                                                    ids[life], NULL});

        offsets_lend(&r->f->host);
        offsets_lend_plan(&r->f->host, 0, 1, 1 + life);
        ck_assert_int_eq(source()->start(&r->f->host, &r->settings, &r->self), WEIR_DONE);
        r->f->settle_now = true;
        until_connected(r);
        ck_assert_ptr_null(strstr(r->f->logged, "is left at"));
        if (life > 0) {
            until_records(r, 5);
            until_logged(r, "is ended");
            ck_assert(!has_session(&b, ids[life - 1]));
        }
        die(r);
        publish(&b, "t/x", 1, 0, 5);
    }
    broker_remove(&b);
}
END_TEST

START_TEST(tasks_that_share_take_turns_and_what_one_leaves_the_other_has)
{
    run *one, *two;
    broker b;

    open_broker(&b);
    one = live(&b, _i, 0, 2, 1, "$share/g/a/#");
    two = live(&b, _i, 1, 2, 1, "$share/g/a/#");
    until_connected(one);
    until_connected(two);
    publish(&b, "a/x", 1, 0, 100);
    for (int64_t end = clock_ms() + 15000;
         one->f->count + two->f->count < 100 && clock_ms() < end;) {
        turn(one, 20);
        turn(two, 20);
    }
    ck_assert_uint_eq(one->f->count + two->f->count, 100);
    ck_assert_uint_ge(one->f->count, 20);
    ck_assert_uint_ge(two->f->count, 20);
    ck_assert_str_eq(one->f->topics[0], "from-a__");
    die(one);
    die(two);
    publish(&b, "a/x", 1, 100, 200);
    one = live(&b, _i, 0, 1, 2, "$share/g/a/#");
    until_logged(one, "is ended");
    ck_assert_uint_eq(one->f->count, 100);
    die(one);
    expect_gone(&b, "unit-1", "{\"task\":1}");
    broker_remove(&b);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source scale",
    tcase_add_loop_test(tests, a_filter_is_let_go_of_when_its_next_task_has_it, 0, 2);
    tcase_add_loop_test(tests, what_is_let_go_of_is_in_doubt_before_the_broker_is_asked, 0, 2);
    tcase_add_loop_test(tests, the_session_of_a_task_that_is_gone_is_emptied_and_ended, 0, 2);
    tcase_add_loop_test(tests, an_heir_that_dies_leaves_the_rest_to_the_next, 0, 2);
    tcase_add_loop_test(tests, an_heir_waits_until_every_task_has_what_is_its_own, 0, 2);
    tcase_add_loop_test(tests, a_task_that_comes_back_finds_its_session_as_it_was, 0, 2);
    tcase_add_loop_test(tests, fewer_tasks_leave_their_sessions_and_a_deleted_connector_none, 0, 2);
    tcase_add_loop_test(tests, an_id_that_gets_a_number_or_loses_it_leaves_nothing_behind, 0, 2);
    tcase_add_loop_test(tests, tasks_that_share_take_turns_and_what_one_leaves_the_other_has, 0,
                        2);)
