/* test_with_mosquitto.c - the whole plugin against a real broker, with the test as its worker. */
#include "task.h"

#include "tests/support/unit.h"

static const char *const levels[] = {"0", "1", "2"};

START_TEST(every_message_of_every_qos_arrives_once_and_in_order)
{
    const char *const more[] = {"mqtt.qos", levels[_i], NULL};
    char value[16];
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    r->f->settle_now = true;
    publish(&b, "t/a", _i, 0, 500);
    until_records(r, 500);
    for (int i = 0; i < 500; i++) {
        snprintf(value, sizeof(value), "%d", i);
        ck_assert_str_eq(r->f->values[i], value);
        ck_assert_str_eq(r->f->topics[i], "mqtt");
        ck_assert_str_eq(r->f->keys[i], "t/a");
    }
    until_status(r, "\"unacked\":0");
    source()->drain(r->self);
    run_stop(r);
    r = run_start(&b, more);
    nothing_comes(r, 200);
    ck_assert_ptr_nonnull(strstr(status(r), "\"session_present\":true"));
    run_stop(r);
    broker_remove(&b);
}
END_TEST

/* R17 */
START_TEST(large_messages_arrive_whole_among_small_ones)
{
    /* Over WebSocket mosquitto 2.0.11 leaves lying what its socket does not take at once. */
    enum { SIZE = RUN_WS ? 50000 : 1000000 };
    const char *const more[] = {"mqtt.qos", levels[_i], NULL};
    char file[96], command[256];
    uint8_t *bytes = malloc(SIZE);
    broker b = {0};
    FILE *out;
    run *r;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
    broker_start(&b, "allow_anonymous true");
    snprintf(file, sizeof(file), "%s/large", b.folder);
    out = fopen(file, "w");
    ck_assert_uint_eq(fwrite(bytes, 1, SIZE, out), SIZE);
    fclose(out);
    snprintf(command, sizeof(command), "mosquitto_pub -h 127.0.0.1 -p %d -q %d -t t/large -f %s",
             b.port, _i, file);
    r = run_start(&b, more);
    until_connected(r);
    r->f->settle_now = true;
    for (size_t n = 0; n < 5; n++) {
        ck_assert_int_eq(system(command), 0);
        until_records(r, n * 11 + 1);
        ck_assert_uint_eq(r->f->last_size, SIZE);
        ck_assert_uint_eq(r->f->last_sum, sum(bytes, SIZE));
        publish(&b, "t/small", _i, 0, 10);
        until_records(r, n * 11 + 11);
    }
    until_status(r, "\"unacked\":0");
    run_stop(r);
    unlink(file);
    broker_remove(&b);
    free(bytes);
}
END_TEST

/* R25 */
START_TEST(what_was_not_settled_comes_again_in_the_next_life)
{
    const char *const more[] = {"mqtt.qos", levels[_i], NULL};
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    publish(&b, "t/a", _i, 0, 20);
    until_records(r, 20);
    settle(r, 0, 5);  /* acknowledged */
    settle(r, 7, 20); /* behind a gap: not */
    run_stop(r);
    r = run_start(&b, more);
    until_records(r, 15);
    ck_assert_str_eq(r->f->values[0], "5");
    ck_assert_str_eq(r->f->values[14], "19");
    settle(r, 0, 15);
    run_stop(r);
    r = run_start(&b, more);
    nothing_comes(r, 200);
    run_stop(r);
    broker_remove(&b);
}
END_TEST

/* R6 */
START_TEST(a_lost_connection_repeats_nothing_that_is_still_on_its_way)
{
    const char *const more[] = {"mqtt.qos", levels[_i], "mqtt.client.id", "me", NULL};
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    publish(&b, "t/a", _i, 0, 20);
    until_records(r, 20);
    take_over(&b, "me");
    until_status(r, "\"disconnects\":1");
    settle(r, 0, 3); /* too late for an acknowledgement on the old connection */
    until_connected(r);
    publish(&b, "t/a", _i, 20, 25);
    until_records(r, 25); /* the twenty were adopted */
    settle(r, 3, 25);
    until_status(r, "\"unacked\":0");
    ck_assert_ptr_nonnull(strstr(status(r), "\"dup_suppressed\":20"));
    ck_assert_ptr_nonnull(strstr(status(r), "\"possible_gap_since\":null"));
    run_stop(r);
    r = run_start(&b, more);
    nothing_comes(r, 200);
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_restarted_broker_is_found_again)
{
    const char *const more[] = {NULL};
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    publish(&b, "t/a", 1, 0, 10);
    until_records(r, 10);
    broker_stop(&b);
    until_status(r, "cannot connect");
    ck_assert_ptr_nonnull(strstr(status(r), "inside a container"));
    settle(r, 0, 10);
    broker_start(&b, "allow_anonymous true");
    until_connected(r);
    publish(&b, "t/a", 1, 10, 12);
    until_records(r, 12);
    settle(r, 10, 12);
    until_status(r, "\"unacked\":0");
    run_stop(r);
    broker_remove(&b);
}
END_TEST

/* R14 */
START_TEST(pings_go_on_while_kafka_takes_nothing)
{
    const char *const more[] = {"mqtt.keepalive.interval.seconds", "1", NULL};
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    r->f->full = true;
    publish(&b, "t/a", 1, 0, 50);
    until_status(r, "\"paused_by_kafka_seconds\":3");
    ck_assert_ptr_nonnull(strstr(status(r), "\"disconnects\":0"));
    r->f->full = false;
    r->f->settle_now = true;
    until_records(r, 50);
    until_status(r, "\"unacked\":0");
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_broker_that_refuses_says_so_in_status_and_log_once)
{
    const char *const more[] = {"mqtt.username",
                                "u",
                                "mqtt.password",
                                "s3cret",
                                "mqtt.reconnect.backoff.max.ms",
                                "50",
                                NULL};
    const char *first;
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous false");
    r = run_start(&b, more);
    until_status(r, "refuses the connection");
    until_status(r, "\"attempt\":4");
    ck_assert_msg(strstr(status(r), "authorised") || strstr(status(r), "password are wrong"),
                  "got: %s", status(r));
    first = strstr(r->f->logged, "refuses the connection");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "refuses the connection"));
    ck_assert_ptr_null(strstr(r->f->logged, "s3cret"));
    ck_assert_ptr_null(strstr(status(r), "s3cret"));
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(credentials_reach_the_broker)
{
    const char *const more[] = {"mqtt.username", "u", "mqtt.password", "pw", NULL};
    char command[160], extra[160];
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    broker_stop(&b);
    snprintf(command, sizeof(command), "mosquitto_passwd -c -b %s/passwd u pw 2>/dev/null",
             b.folder);
    ck_assert_int_eq(system(command), 0);
    snprintf(extra, sizeof(extra), "allow_anonymous false\npassword_file %s/passwd", b.folder);
    broker_start(&b, extra);
    r = run_start(&b, more);
    until_connected(r);
    run_stop(r);
    snprintf(command, sizeof(command), "%s/passwd", b.folder);
    unlink(command);
    broker_remove(&b);
}
END_TEST

START_TEST(an_outage_may_be_fatal)
{
    const char *const more[2][5] = {{"max.retry.time.ms", "300", NULL},
                                    {"startup.error.behavior", "error", NULL}};
    int64_t deadline = clock_ms() + 10000;
    broker b = {.port = free_port()};
    run *r = run_start(&b, more[_i]);

    while (r->last != WEIR_FATAL && clock_ms() < deadline)
        turn(r, 20);
    ck_assert_int_eq(r->last, WEIR_FATAL);
    ck_assert_msg(strstr(r->f->failed, more[_i][0]), "got: %s", r->f->failed);
    run_stop(r);
}
END_TEST

START_TEST(nobody_connects_without_owning_the_task)
{
    const char *const more[] = {NULL};
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    r->f->not_owned = true;
    until_status(r, "lease");
    r->f->not_owned = false;
    until_connected(r);
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_payload_that_is_not_json_is_rejected_and_acknowledged_when_that_is_settled)
{
    const char *const more[] = {"mqtt.payload.format", "json", NULL};
    int64_t deadline = clock_ms() + 15000;
    char command[160];
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    r->f->settle_now = true;
    r->f->tolerant = _i == 1;
    publish(&b, "t/good", 1, 0, 1);
    until_records(r, 1);
    ck_assert_int_eq(r->f->kinds[0], WEIR_JSON);
    snprintf(command, sizeof(command), "mosquitto_pub -h 127.0.0.1 -p %d -q 1 -t t/bad -m '{nope'",
             b.port);
    ck_assert_int_eq(system(command), 0);
    if (_i == 0) {
        while (r->last != WEIR_FATAL && clock_ms() < deadline)
            turn(r, 20);
        ck_assert_int_eq(r->last, WEIR_FATAL);
    } else {
        until_status(r, "\"rejected\":1");
        ck_assert_ptr_nonnull(strstr(status(r), "\"unacked\":1"));
        source()->settled(r->self, &r->f->rejected_token, 1, WEIR_DEAD_LETTERED);
        until_status(r, "\"unacked\":0");
        ck_assert_ptr_nonnull(strstr(status(r), "\"dlq\":1"));
    }
    ck_assert_str_eq(r->f->kind, "conversion");
    ck_assert_str_eq(r->f->rejected_value, "{nope");
    ck_assert_str_eq(r->f->rejected_from, "t/bad");
    ck_assert_ptr_nonnull(strstr(r->f->why, "not JSON"));
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(poll_returns_at_once_when_the_worker_wants_the_task)
{
    const char *const more[] = {NULL};
    broker b = {0};
    int64_t began;
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    eventfd_write(r->f->host.wakeup_fd, 1);
    began = clock_ms();
    turn(r, 5000);
    ck_assert_int_lt(clock_ms() - began, 1000);
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(many_tasks_share_one_process)
{
    enum { TASKS = 8 };
    broker b = {0};
    run *r[TASKS];
    char ids[TASKS][16];

    broker_start(&b, "allow_anonymous true");
    for (int i = 0; i < TASKS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "id-%d", i);
        r[i] = run_start(&b, (const char *const[]){"mqtt.client.id", ids[i], NULL});
        r[i]->f->settle_now = true;
        turn(r[i], 0);
    }
    for (int i = 0; i < TASKS; i++)
        until_connected(r[i]);
    publish(&b, "t/a", 1, 0, 20);
    for (int i = 0; i < TASKS; i++)
        until_records(r[i], 20);
    for (int i = 0; i < TASKS; i++)
        run_stop(r[i]);
    broker_remove(&b);
}
END_TEST

/* ---- The will ------------------------------------------------------------------------------- */

/* What the broker keeps for a topic: waits for it as long as mosquitto_sub does. */
static void kept(const broker *b, const char *topic, char *text, size_t room)
{
    char command[160];
    FILE *pipe;

    snprintf(command, sizeof(command), "mosquitto_sub -h 127.0.0.1 -p %d -C 1 -W 10 -t '%s'",
             b->port, topic);
    pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    if (!fgets(text, (int)room, pipe))
        text[0] = '\0';
    pclose(pipe);
    text[strcspn(text, "\n")] = '\0';
}

static void until_kept(const broker *b, const char *want)
{
    int64_t deadline = clock_ms() + 15000;
    char text[64];

    do {
        kept(b, "w/unit-0", text, sizeof(text));
        ck_assert_msg(clock_ms() < deadline, "'%s', not '%s'", text, want);
    } while (strcmp(text, want) != 0);
}

static const char *const with_will[] = {"mqtt.will.enabled", "true", "mqtt.will.topic",
                                        "w/${connector}-${task}", NULL};

START_TEST(the_will_topic_tells_who_is_there)
{
    char text[64];
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, with_will);
    until_connected(r);
    for (int i = 0; i < 20; i++) /* the birth is not waited for by anyone else */
        turn(r, 20);
    until_kept(&b, "online");
    run_stop(r);
    kept(&b, "w/unit-0", text, sizeof(text));
    ck_assert_str_eq(text, "offline");
    broker_remove(&b);
}
END_TEST

START_TEST(the_broker_says_it_for_a_task_that_is_killed)
{
    broker b = {0};
    pid_t task;

    broker_start(&b, "allow_anonymous true");
    task = fork();
    ck_assert_int_ge(task, 0);
    if (!task) {
        run *r = run_start(&b, with_will);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            turn(r, 20);
    }
    until_kept(&b, "online");
    kill(task, SIGKILL);
    waitpid(task, NULL, 0);
    until_kept(&b, "offline");
    broker_remove(&b);
}
END_TEST

/* ---- MQTT 5 alone -----------------------------------------------------------------------------
 */

#ifndef ONLY_3_1_1

START_TEST(what_a_publisher_says_about_a_message_becomes_headers)
{
    char command[640];
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, (const char *const[]){"mqtt.qos", levels[_i], NULL});
    until_connected(r);
    snprintf(command, sizeof(command),
             "mosquitto_pub -V 5 -h 127.0.0.1 -p %d -q %d -t t/a -m x"
             " -D publish user-property a 1 -D publish user-property b 2"
             " -D publish user-property a 3 -D publish content-type text/plain"
             " -D publish response-topic r/1 -D publish correlation-data cd"
             " -D publish payload-format-indicator 1 -D publish message-expiry-interval 300",
             b.port, _i);
    ck_assert_int_eq(system(command), 0);
    until_records(r, 1);
    for (const char *const *want =
             (const char *const[]){"mqtt.content.type=text/plain;", "mqtt.response.topic=r/1;",
                                   "mqtt.correlation.data=cd;", "mqtt.payload.format=1;",
                                   "mqtt.message.expiry=", NULL};
         *want; want++)
        ck_assert_msg(strstr(r->f->headers, *want), "no %s in %s", *want, r->f->headers);
    ck_assert_msg(strstr(r->f->headers, "mqtt.user.a=1;mqtt.user.b=2;mqtt.user.a=3;"), "%s",
                  r->f->headers);
    settle(r, 0, 1);
    until_status(r, "\"unacked\":0");
    run_stop(r);
    broker_remove(&b);
}
END_TEST

/* The broker forgets it when the time is over, and not before. */
START_TEST(a_session_lives_as_long_as_it_was_asked_to)
{
    const char *const more[] = {"mqtt.session.expiry.interval.seconds", _i ? "3600" : "1", NULL};
    int64_t deadline = clock_ms() + 30000, left;
    broker b = {0};
    bool present;
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, more);
    until_connected(r);
    run_stop(r);
    do {
        for (left = clock_ms() + 2500; clock_ms() < left;) /* longer than a second, each time */
            poll(NULL, 0, 50);
        r = run_start(&b, more);
        until_connected(r);
        present = strstr(status(r), "\"session_present\":true");
        run_stop(r);
        ck_assert_msg(clock_ms() < deadline, "it does not end");
    } while (_i == 0 && present);
    ck_assert(present == (_i == 1));
    broker_remove(&b);
}
END_TEST

/* Its shortest limit is ten seconds: it would hang up after fifteen (R14). */
START_TEST(a_keep_alive_that_the_broker_wants_shorter_is_kept)
{
    int64_t end;
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true\nmax_keepalive 10");
    r = run_start(&b, (const char *const[]){"mqtt.keepalive.interval.seconds", "600", NULL});
    until_connected(r);
    ck_assert_ptr_nonnull(strstr(r->f->logged, "keep-alive of 10 s"));
    for (end = clock_ms() + 17000; clock_ms() < end;)
        turn(r, 1000);
    ck_assert_ptr_nonnull(strstr(status(r), "\"disconnects\":0"));
    run_stop(r);
    broker_remove(&b);
}
END_TEST

#define MQTT_5_TESTS(tests)                                                                        \
    tcase_add_loop_test(tests, what_a_publisher_says_about_a_message_becomes_headers, 0, 3);       \
    tcase_add_test(tests, a_keep_alive_that_the_broker_wants_shorter_is_kept);                     \
    tcase_add_loop_test(tests, a_session_lives_as_long_as_it_was_asked_to, 0, 2);
#else
#define MQTT_5_TESTS(tests)
#endif

WEIR_UNIT_MAIN(
    "mqtt-source with mosquitto",
    tcase_add_loop_test(tests, every_message_of_every_qos_arrives_once_and_in_order, 0, 3);
    tcase_add_loop_test(tests, large_messages_arrive_whole_among_small_ones, 0, 3);
    tcase_add_loop_test(tests, what_was_not_settled_comes_again_in_the_next_life, 1, 3);
    tcase_add_loop_test(tests, a_lost_connection_repeats_nothing_that_is_still_on_its_way, 1, 3);
    tcase_add_test(tests, a_restarted_broker_is_found_again);
    tcase_add_test(tests, pings_go_on_while_kafka_takes_nothing);
    tcase_add_test(tests, a_broker_that_refuses_says_so_in_status_and_log_once);
    tcase_add_test(tests, credentials_reach_the_broker);
    tcase_add_loop_test(tests, an_outage_may_be_fatal, 0, 2);
    tcase_add_test(tests, nobody_connects_without_owning_the_task); tcase_add_loop_test(
        tests, a_payload_that_is_not_json_is_rejected_and_acknowledged_when_that_is_settled, 0, 2);
    tcase_add_test(tests, poll_returns_at_once_when_the_worker_wants_the_task);
    tcase_add_test(tests, many_tasks_share_one_process);
    tcase_add_test(tests, the_will_topic_tells_who_is_there);
    tcase_add_test(tests, the_broker_says_it_for_a_task_that_is_killed); MQTT_5_TESTS(tests))
