/* test_takeover.c - somebody else with our client id: when it is a war, and what is done about it.
 */
#include "stage.h"
#include "takeover.h"

#include "tests/support/unit.h"

static const struct {
    const char *what;
    int64_t between_ms;
    bool owned[2], war;
} twice[] = {
    {"twice within a minute", 59999, {true, true}, true},
    {"once in a while", 60000, {true, true}, false},
    {"the task has gone to another worker", 1000, {true, false}, false},
    {"the task came back to us", 1000, {false, true}, false},
};

START_TEST(two_takeovers_within_a_minute_are_a_war_while_the_task_is_ours)
{
    mqtt_takeover takeover = {0};

    ck_assert(!mqtt_takeover_noted(&takeover, 5000, twice[_i].owned[0]));
    ck_assert_msg(mqtt_takeover_noted(&takeover, 5000 + twice[_i].between_ms, twice[_i].owned[1]) ==
                      twice[_i].war,
                  "%s", twice[_i].what);
    ck_assert_uint_eq(takeover.count, 2);
}
END_TEST

START_TEST(three_connections_running_that_end_within_seconds_are_suspicious)
{
    mqtt_takeover takeover = {0};

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(mqtt_takeover_lost(&takeover, 4999, false), 1000);
    ck_assert(!mqtt_takeover_suspected(&takeover));
    mqtt_takeover_lost(&takeover, 0, false);
    ck_assert(mqtt_takeover_suspected(&takeover));
    ck_assert_int_eq(mqtt_takeover_lost(&takeover, 5000, false),
                     0); /* one that lives is no victim */
    ck_assert(!mqtt_takeover_suspected(&takeover));
    ck_assert_int_eq(mqtt_takeover_lost(&takeover, 3600000, true), 1000);
}
END_TEST

/* ---- The task ----------------------------------------------------------------------------------
 */

static const char *const five[] = {"mqtt.version", "5", NULL};
static const char *const three[] = {NULL};

/* MQTT 5: CONNECT of whatever size, CONNACK with a session, and no SUBSCRIBE from the second on. */
static void come_in(stage *s, bool first)
{
    static const uint8_t connack[] = {0x20, 3, 1, 0, 0};
    static const uint8_t suback[] = {0x90, 4, 0, 1, 0, 1};
    uint8_t packet[256];

    broker_reads(s, packet, 2);
    ck_assert_uint_eq(packet[0], 0x10);
    broker_reads(s, packet + 2, packet[1]);
    broker_says(s, connack, sizeof(connack));
    if (first) {
        broker_reads(s, packet, 2);
        ck_assert_uint_eq(packet[0], 0x82);
        broker_reads(s, packet + 2, packet[1]);
        s->now_ms++;
        broker_says(s, suback, sizeof(suback));
    }
    until_status(s, "\"state\":\"connected\"");
    s->now_ms += 10;
}

static void throw_out(stage *s)
{
    broker_says(s, "\xe0\x01\x8e", 3);
    for (int64_t end = clock_ms() + 5000;
         s->last != WEIR_FATAL && strstr(status(s), "\"state\":\"connected\"") && clock_ms() < end;)
        turn(s);
    close(s->broker);
    s->broker = -1;
}

START_TEST(the_second_takeover_ends_the_task_with_the_sentence_that_explains_it)
{
    stage *s = stage_new(NULL, five);

    come_in(s, true);
    s->now_ms += 3600000;
    turn(s);
    throw_out(s);
    ck_assert_int_ne(s->last, WEIR_FATAL);
    ck_assert_ptr_nonnull(strstr(status(s), "another client has taken over"));
    s->now_ms += 999;
    turn(s);
    ck_assert_ptr_nonnull(strstr(status(s), "\"state\":\"waiting\"")); /* a second at least */
    s->now_ms += 1;
    come_in(s, false);
    throw_out(s);
    ck_assert_int_eq(s->last, WEIR_FATAL);
    ck_assert_msg(strstr(s->failed, "another client uses id 'unit-0'") &&
                      strstr(s->failed, "another mqtt.client.id"),
                  "%s", s->failed);
    stage_free(s);
}
END_TEST

START_TEST(a_task_that_is_not_ours_any_more_waits_and_does_not_fail)
{
    stage *s = stage_new(NULL, five);

    come_in(s, true);
    s->not_owned = true;
    throw_out(s);
    s->now_ms += 1000;
    until_status(s, "lease");
    s->not_owned = false;
    s->now_ms += 1000;
    come_in(s, false);
    throw_out(s);
    ck_assert_int_ne(s->last, WEIR_FATAL);
    stage_free(s);
}
END_TEST

START_TEST(without_a_reason_the_third_loss_within_seconds_asks_the_question)
{
    stage *s = stage_new(NULL, three);
    uint8_t packet[32];

    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(strstr(status(s), "in use elsewhere"));
        broker_reads(s, packet, 20);
        broker_says(s, "\x20\x02\x01\x00", 4);
        if (i == 0) {
            broker_reads(s, packet, 8);
            s->now_ms++;
            broker_says(s, "\x90\x03\x00\x01\x01", 5);
        }
        until_status(s, "\"state\":\"connected\"");
        close(s->broker);
        s->broker = -1;
        s->now_ms += 10;
        until_status(s, "closed the connection");
        until_status(s, "\"state\":\"waiting\"");
        s->now_ms += 4000; /* 500 ms, doubled for each attempt: the back-off is not reset */
    }
    ck_assert_msg(strstr(status(s), "is client id 'unit-0' in use elsewhere?"), "%s", status(s));
    ck_assert_ptr_nonnull(strstr(s->logged, "in use elsewhere"));
    stage_free(s);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source takeover",
    tcase_add_loop_test(tests, two_takeovers_within_a_minute_are_a_war_while_the_task_is_ours, 0,
                        (int)(sizeof(twice) / sizeof(twice[0])));
    tcase_add_test(tests, three_connections_running_that_end_within_seconds_are_suspicious);
    tcase_add_test(tests, the_second_takeover_ends_the_task_with_the_sentence_that_explains_it);
    tcase_add_test(tests, a_task_that_is_not_ours_any_more_waits_and_does_not_fail);
    tcase_add_test(tests, without_a_reason_the_third_loss_within_seconds_asks_the_question);)
