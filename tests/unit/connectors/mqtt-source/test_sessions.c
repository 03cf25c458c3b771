/* test_sessions.c - what a task finds and leaves in its session at a real broker, over several
 * lives: filters that come and go, sessions that are lost, deleted, left behind (4.1, 6). */
#include "task.h"

#include "tests/support/unit.h"

static const char *const versions[] = {"3.1.1", "5"};

/* One life of a task whose worker keeps its offsets. */
static run *live(const broker *b, int version, const char *filters, const char *key,
                 const char *value)
{
    run *r = run_make(b, (const char *const[]){"mqtt.version", versions[version], "mqtt.topics",
                                               filters, key, value, NULL});

    offsets_lend(&r->f->host);
    ck_assert_int_eq(source()->start(&r->f->host, &r->settings, &r->self), WEIR_DONE);
    r->f->settle_now = true;
    return r;
}

static run *live_with(const broker *b, int version, const char *filters)
{
    return live(b, version, filters, NULL, NULL);
}

/* A whole life in which nothing happens. */
static void lived(const broker *b, int version, const char *filters)
{
    run *r = live_with(b, version, filters);

    until_connected(r);
    die(r);
}

static void retain(const broker *b, const char *topic, const char *payload)
{
    char command[200];

    snprintf(command, sizeof(command),
             "mosquitto_pub -h 127.0.0.1 -p %d -q 1 -r -t '%s' -m '%s' 2>/dev/null", b->port, topic,
             payload);
    ck_assert_int_eq(system(command), 0);
}

static const char *partition_of(const broker *b)
{
    static char text[96];

    snprintf(text, sizeof(text), "{\"broker\":\"127.0.0.1:%d\",\"client.id\":\"unit-0\"}",
             task_port(b));
    return text;
}

static const char *kept_session(const broker *b)
{
    return offsets_look(partition_of(b));
}

static void expect_kept(const broker *b, const char *part)
{
    const char *kept = kept_session(b);

    ck_assert_msg(kept && strstr(kept, part), "no %s in %s", part, kept ? kept : "nothing");
}

START_TEST(a_retained_message_is_one_record_over_three_restarts)
{
    broker b;
    run *r;

    open_broker(&b);
    retain(&b, "t/state", "on");
    for (int life = 0; life < 4; life++) {
        r = live_with(&b, _i, "t/#");
        if (life == 0)
            until_records(r, 1);
        else
            nothing_comes(r, 200);
        publish(&b, "t/live", 1, life, life + 1); /* it is subscribed all the same */
        until_records(r, life == 0 ? 2 : 1);
        die(r);
    }
    broker_remove(&b);
}
END_TEST

START_TEST(filters_come_and_go_on_a_live_session_without_a_retained_message_twice)
{
    broker b;
    run *r;

    open_broker(&b);
    retain(&b, "a/state", "a");
    retain(&b, "b/state", "b");
    retain(&b, "c/state", "c");
    r = live_with(&b, _i, "a/#,b/#");
    until_records(r, 2);
    until_connected(r);
    expect_kept(&b, "\"filter:a/#\":1,\"filter:b/#\":1");
    die(r);
    publish(&b, "b/late", 1, 0, 3); /* queued under a filter that goes */
    r = live_with(&b, _i, "c/#,a/#");
    until_records(r, 4); /* those, and what is retained under the filter that came */
    until_connected(r);
    ck_assert_ptr_nonnull(strstr(r->f->logged, "'b/#' is not subscribed any more"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"granted_qos\":{\"c/#\":1,\"a/#\":1}"));
    ck_assert_ptr_null(strstr(kept_session(&b), "b/#"));
    publish(&b, "b/gone", 1, 0, 1);
    publish(&b, "a/here", 1, 7, 8);
    until_records(r, 5);
    ck_assert_str_eq(r->f->values[4], "7");
    die(r);
    r = live_with(&b, _i, "a/#,c/#"); /* in another order: the same */
    nothing_comes(r, 200);
    die(r);
    broker_remove(&b);
}
END_TEST

START_TEST(another_qos_is_asked_for_in_the_session)
{
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "a/#,b/#");
    r = live(&b, _i, "a/#,b/#", "mqtt.qos", "1,2");
    until_connected(r);
    ck_assert_ptr_nonnull(strstr(status(r), "\"granted_qos\":{\"a/#\":1,\"b/#\":2}"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"session_present\":true"));
    expect_kept(&b, "\"filter:b/#\":2");
    publish(&b, "b/x", 2, 0, 1);
    until_records(r, 1);
    ck_assert_ptr_nonnull(strstr(status(r), "\"qos2\":1"));
    die(r);
    broker_remove(&b);
}
END_TEST

/* The worker died between CONNECT and the answers: everything is in doubt, so everything is asked
 * for again. */
START_TEST(what_is_in_doubt_is_asked_for_again)
{
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "a/#,b/#");
    offsets_put(partition_of(&b),
                "{\"version\":1,\"epoch\":1,\"filter:b/#\":null,\"filter:a/#\":null}");
    r = live_with(&b, _i, "a/#,c/#");
    until_connected(r);
    expect_kept(&b, "\"filter:a/#\":1");
    expect_kept(&b, "\"filter:c/#\":1");
    ck_assert_ptr_null(strstr(kept_session(&b), "b/#"));
    publish(&b, "b/x", 1, 0, 1);
    publish(&b, "c/x", 1, 5, 6);
    until_records(r, 1);
    ck_assert_str_eq(r->f->values[0], "5");
    die(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_session_that_the_broker_has_lost_is_a_gap_with_its_time)
{
    char database[96];
    broker b;
    run *r;

    open_broker(&b);
    r = live_with(&b, _i, "t/#");
    until_connected(r);
    ck_assert_ptr_nonnull(strstr(status(r), "\"possible_gap_since\":null"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"session_epoch\":1"));
    die(r);
    broker_stop(&b);
    snprintf(database, sizeof(database), "%s/mosquitto.db", b.folder);
    ck_assert_int_eq(unlink(database), 0);
    broker_start(&b, "allow_anonymous true");
    r = live_with(&b, _i, "t/#");
    until_connected(r);
    ck_assert_ptr_nonnull(strstr(r->f->logged, "has lost the session: messages published since 2"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"possible_gap_since\":\"2"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"sessions_lost\":1"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"session_epoch\":2"));
    publish(&b, "t/x", 1, 0, 1);
    until_records(r, 1);
    die(r);
    r = live_with(&b, _i, "t/#"); /* said once */
    until_connected(r);
    ck_assert_ptr_null(strstr(r->f->logged, "has lost the session"));
    die(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_clean_session_keeps_nothing_and_is_no_loss)
{
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "t/#");
    ck_assert_ptr_nonnull(kept_session(&b));
    for (int life = 0; life < 2; life++) {
        r = live(&b, _i, "t/#", "mqtt.clean.session.enabled", "true");
        until_connected(r);
        ck_assert_ptr_null(kept_session(&b));
        ck_assert_ptr_null(strstr(r->f->logged, "has lost"));
        ck_assert_ptr_null(strstr(r->f->logged, "is left"));
        die(r);
    }
    ck_assert_ptr_null(offsets_look("{\"task\":0}"));
    broker_remove(&b);
}
END_TEST

START_TEST(equal_contents_are_produced_once_and_all_acknowledged)
{
    broker b;
    run *r;

    open_broker(&b);
    r = live(&b, _i, "t/#", "dedupe.mode", "content");
    until_connected(r);
    publish(&b, "t/a", 1, 0, 5);
    publish(&b, "t/b", 2, 0, 6); /* of QoS 1 when it arrives */
    until_records(r, 6);
    until_status(r, "\"content\":5");
    until_status(r, "\"pubacks\":11");
    until_status(r, "\"unacked\":0");
    ck_assert_uint_eq(r->f->count, 6);
    die(r);
    broker_remove(&b);
}
END_TEST

/* ---- Leaving ------------------------------------------------------------------------------------
 */

static run *gone(const broker *b, int version, const char *key, const char *value)
{
    run *r =
        run_make(b, (const char *const[]){"mqtt.version", versions[version], key, value, NULL});
    int64_t began = clock_ms();

    offsets_lend(&r->f->host);
    r->f->not_owned = true; /* the task is nobody's any more */
    source()->forget(&r->f->host, &r->settings);
    ck_assert_int_lt(clock_ms() - began, 5500);
    ck_assert_str_eq(r->f->failed, "");
    return r;
}

START_TEST(a_task_that_is_deleted_ends_its_session)
{
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "t/#");
    publish(&b, "t/x", 1, 0, 5);
    r = gone(&b, _i, NULL, NULL);
    ck_assert_msg(strstr(r->f->logged, "the session 'unit-0'") && strstr(r->f->logged, "is ended"),
                  "%s", r->f->logged);
    run_stop(r);
    ck_assert(!has_session(&b, "unit-0"));
    ck_assert_ptr_null(kept_session(&b));
    ck_assert_ptr_null(offsets_look("{\"task\":0}"));
    broker_remove(&b);
}
END_TEST

START_TEST(it_leaves_the_session_when_that_is_wanted)
{
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "t/#");
    r = gone(&b, _i, "mqtt.session.cleanup.on.delete", "false");
    ck_assert_ptr_nonnull(strstr(r->f->logged, "stays at the broker"));
    run_stop(r);
    ck_assert(has_session(&b, "unit-0"));
    ck_assert_ptr_nonnull(kept_session(&b));
    broker_remove(&b);
}
END_TEST

START_TEST(a_clean_session_needs_no_end)
{
    broker b = {.port = free_port()}; /* nobody is asked */
    run *r;

    offsets_clear();
    r = gone(&b, _i, "mqtt.clean.session.enabled", "true");
    ck_assert_str_eq(r->f->logged, "");
    run_stop(r);
}
END_TEST

START_TEST(a_session_that_cannot_be_ended_is_named)
{
    char broker_name[128];
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "t/#");
    broker_stop(&b);
    r = gone(&b, _i, NULL, NULL);
    snprintf(broker_name, sizeof(broker_name), "the session 'unit-0' is left at %s", r->uri);
    ck_assert_msg(strstr(r->f->logged, broker_name) && strstr(r->f->logged, "cannot connect"), "%s",
                  r->f->logged);
    ck_assert_ptr_nonnull(kept_session(&b)); /* whoever comes back under that id needs it */
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_changed_client_id_names_the_session_that_is_left)
{
    const char *said;
    broker b;
    run *r;

    open_broker(&b);
    lived(&b, _i, "t/#");
    for (int life = 0; life < 2; life++) {
        r = live(&b, _i, "t/#", "mqtt.client.id", "other");
        until_connected(r);
        said = strstr(r->f->logged, "the session 'unit-0' is left at 127.0.0.1");
        ck_assert_msg(life == 0 ? said != NULL : !said, "%s", r->f->logged); /* once */
        die(r);
    }
    ck_assert(has_session(&b, "unit-0"));
    broker_remove(&b);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source sessions",
    tcase_add_loop_test(tests, a_retained_message_is_one_record_over_three_restarts, 0, 2);
    tcase_add_loop_test(tests,
                        filters_come_and_go_on_a_live_session_without_a_retained_message_twice, 0,
                        2);
    tcase_add_loop_test(tests, another_qos_is_asked_for_in_the_session, 0, 2);
    tcase_add_loop_test(tests, what_is_in_doubt_is_asked_for_again, 0, 2);
    tcase_add_loop_test(tests, a_session_that_the_broker_has_lost_is_a_gap_with_its_time, 0, 2);
    tcase_add_loop_test(tests, a_clean_session_keeps_nothing_and_is_no_loss, 0, 2);
    tcase_add_loop_test(tests, equal_contents_are_produced_once_and_all_acknowledged, 0, 2);
    tcase_add_loop_test(tests, a_task_that_is_deleted_ends_its_session, 0, 2);
    tcase_add_loop_test(tests, it_leaves_the_session_when_that_is_wanted, 0, 2);
    tcase_add_loop_test(tests, a_clean_session_needs_no_end, 0, 1);
    tcase_add_loop_test(tests, a_session_that_cannot_be_ended_is_named, 0, 2);
    tcase_add_loop_test(tests, a_changed_client_id_names_the_session_that_is_left, 0, 2);)
