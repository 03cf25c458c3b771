/* test_link_acks.c - who is acknowledged, when, and in which order (R1-R5, R9-R12, R16). */
#include "script.h"

#include "tests/support/unit.h"

/* R2 */
START_TEST(acks_leave_in_order_of_receipt_whatever_the_order_of_commits)
{
    int order[5], n = _i / 2, qos = _i % 2 + 1;
    script *s = script_new(NULL);
    bool used[5] = {false};

    for (int i = 0; i < 5; i++) { /* the n-th permutation of five */
        static const int radix[] = {24, 6, 2, 1, 1};
        int skip = n / radix[i];

        n %= radix[i];
        for (order[i] = 0; used[order[i]] || skip; order[i]++)
            skip -= !used[order[i]];
        used[order[i]] = true;
    }
    connected(s, false);
    for (uint16_t id = 1; id <= 5; id++)
        say_publish(s, qos, false, id, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 5);
    expect_nothing(s);
    for (int i = 0; i < 5; i++)
        answer(s, (size_t)order[i]);
    EXPECT_ACKS(s, qos == 1 ? MQTT_TYPE_PUBACK : MQTT_TYPE_PUBREC, 1, 2, 3, 4, 5);
    script_free(s);
}
END_TEST

/* R1 */
START_TEST(one_packet_id_may_be_in_flight_twice)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 7, "first");
    say_publish(s, 1, false, 7, "second");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    answer(s, 1);
    expect_nothing(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 7, 7);
    script_free(s);
}
END_TEST

/* R1 */
START_TEST(a_token_of_a_slots_last_life_finishes_nothing)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    say_publish(s, 1, false, 2, "y"); /* in the same slot */
    feed(s);
    answer(s, 0);
    expect_nothing(s);
    answer(s, 1);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 2);
    script_free(s);
}
END_TEST

/* R3 */
START_TEST(a_thousand_commits_make_one_write)
{
    script *s = script_new(NULL);
    size_t size;

    connected(s, false);
    for (uint16_t id = 1; id <= 1000; id++)
        say_publish(s, 1, false, id, "x");
    feed(s);
    mqtt_link_settle(s->link, s->tokens, 1000, WEIR_DELIVERED);
    ck_assert_ptr_nonnull(mqtt_link_output(s->link, MQTT_BROKER, &size));
    ck_assert_uint_eq(size, 4000);
    script_free(s);
}
END_TEST

/* R1 */
START_TEST(more_messages_than_packet_ids_go_through)
{
    script *s = script_new(NULL);
    uint16_t id = 0;

    connected(s, false);
    for (int i = 0; i < 69000; i++) {
        id = id == 65535 ? 1 : (uint16_t)(id + 1);
        say_publish(s, 1, false, id, "x");
        if (i % 500 == 499) {
            size_t from = s->taken;

            feed(s);
            mqtt_link_settle(s->link, s->tokens + from, s->taken - from, WEIR_DELIVERED);
        }
    }
    collect(s);
    ck_assert_uint_eq(s->taken, 69000);
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_BROKER]), 4 * 69000);
    ck_assert_uint_eq(mqtt_slots_count(mqtt_link_slots(s->link)).used, 0);
    script_free(s);
}
END_TEST

/* R4 */
START_TEST(what_paho_acknowledges_never_reaches_the_broker)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    PAHO_SAYS(s, 0x40, 2, 0, 1, 0x50, 2, 0, 1, 0x70, 2, 0, 1);
    expect_nothing(s);
    ck_assert_uint_eq(mqtt_link_look(s->link)->paho_acks, 3);
    script_free(s);
}
END_TEST

START_TEST(control_packets_pass_both_ways)
{
    script *s = script_new(NULL);

    connected(s, false);
    PAHO_SAYS(s, 0x82, 6, 0, 1, 0, 1, 't', 1);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x82, 6, 0, 1, 0, 1, 't', 1}, 8);
    say_granted(s, 1, 1);
    feed(s);
    if (SCRIPT_5)
        expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0x90, 4, 0, 1, 0, 1}, 6);
    else
        expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0x90, 3, 0, 1, 1}, 5);
    ck_assert_uint_eq(s->grants, 1);
    ck_assert_uint_eq(s->granted[0], 1);
    PAHO_SAYS(s, 0xC0, 0);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xC0, 0}, 2);
    SAY(s, 0xD0, 0);
    feed(s);
    expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0xD0, 0}, 2);
    PAHO_SAYS(s, 0x32, 6, 0, 1, 'b', 0, 9, '!'); /* a birth message, and its answer */
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x32, 6, 0, 1, 'b', 0, 9, '!'}, 8);
    SAY(s, 0x40, 2, 0, 9);
    feed(s);
    expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0x40, 2, 0, 9}, 4);
    script_free(s);
}
END_TEST

/* R25 */
START_TEST(acks_that_are_due_leave_before_a_disconnect)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    mqtt_link_settle(s->link, s->tokens, 1, WEIR_DELIVERED);
    PAHO_SAYS(s, 0xE0, 0);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x40, 2, 0, 1, 0xE0, 0}, 6);
    script_free(s);
}
END_TEST

/* All, some and none reported: what was not stays unacknowledged (R25). */
START_TEST(an_orderly_end_acknowledges_what_was_reported)
{
    script *s = script_new(NULL);
    static const uint8_t ends[3][10] = {
        {0xE0, 0}, {0x40, 2, 0, 1, 0xE0, 0}, {0x40, 2, 0, 1, 0x40, 2, 0, 2, 0xE0, 0}};

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    say_publish(s, 1, false, 2, "y");
    feed(s);
    mqtt_link_drain(s->link);
    ck_assert(!mqtt_link_wants(s->link, MQTT_BROKER));
    mqtt_link_settle(s->link, s->tokens, (size_t)_i, WEIR_DELIVERED);
    mqtt_link_settle(s->link, s->tokens + _i, 2 - (size_t)_i, WEIR_ABANDONED);
    mqtt_link_goodbye(s->link);
    collect(s);
    expect_sent(s, MQTT_BROKER, ends[_i], 2 + 4 * (size_t)_i);
    script_free(s);
}
END_TEST

/* R9 */
START_TEST(a_repeated_message_on_a_live_connection_is_produced_once_and_acked_once)
{
    script *s = script_new(NULL);
    int qos = _i;

    connected(s, false);
    say_publish(s, qos, false, 1, "x");
    say_publish(s, qos, true, 1, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 1);
    answer(s, 0);
    EXPECT_ACKS(s, qos == 1 ? MQTT_TYPE_PUBACK : MQTT_TYPE_PUBREC, 1);
    script_free(s);
}
END_TEST

/* R10 */
START_TEST(dup_alone_drops_nothing)
{
    script *s = script_new(NULL);

    connected(s, true);
    say_publish(s, 1, true, 1, "never seen");
    say_publish(s, 1, true, 1, "other content");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    script_free(s);
}
END_TEST

/* R12 */
START_TEST(qos_2_is_produced_once_between_publish_and_pubrel)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 2, false, 5, "x");
    feed(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBREC, 5);
    say_publish(s, 2, true, 5, "x"); /* the broker missed our PUBREC */
    feed(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBREC, 5);
    mqtt_link_close(s->link); /* … and once more on another connection */
    connected(s, true);
    say_publish(s, 2, true, 5, "x");
    feed(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBREC, 5);
    SAY(s, 0x62, 2, 0, 5);
    feed(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBCOMP, 5);
    ck_assert_uint_eq(s->taken, 1);
    say_publish(s, 2, false, 5, "x"); /* the id is free again: this is another message */
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    script_free(s);
}
END_TEST

/* R12 */
START_TEST(a_pubrel_for_an_id_never_seen_is_answered)
{
    script *s = script_new(NULL);

    connected(s, true);
    SAY(s, 0x62, 2, 1, 2, 0x62, 2, 1, 3);
    feed(s);
    if (SCRIPT_5) /* "packet identifier not found", which is no error */
        expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x70, 3, 1, 2, 0x92, 0x70, 3, 1, 3, 0x92},
                    10);
    else
        EXPECT_ACKS(s, MQTT_TYPE_PUBCOMP, 0x102, 0x103);
    script_free(s);
}
END_TEST

START_TEST(acknowledging_on_receipt_waits_for_nobody)
{
    mqtt_link_settings settings = script_defaults;
    script *s;

    settings.ack_on_receive = true;
    s = script_new(&settings);
    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    ck_assert_uint_eq(mqtt_link_look(s->link)->loose, 1);
    answer(s, 0);
    ck_assert_uint_eq(mqtt_link_look(s->link)->loose, 0);
    ck_assert_uint_eq(mqtt_link_look(s->link)->unsettled_bytes, 0);
    script_free(s);
}
END_TEST

START_TEST(retained_messages_can_be_acknowledged_and_forgotten)
{
    mqtt_link_settings settings = script_defaults;
    script *s;

    settings.skip_retained = true;
    s = script_new(&settings);
    connected(s, false);
    if (SCRIPT_5)
        SAY(s, 0x33, 7, 0, 1, 't', 0, 1, 0, 'x', 0x31, 5, 0, 1, 't', 0, 'x');
    else
        SAY(s, 0x33, 6, 0, 1, 't', 0, 1, 'x', 0x31, 4, 0, 1, 't', 'x');
    feed(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    ck_assert_uint_eq(s->taken, 0);
    ck_assert_uint_eq(mqtt_link_look(s->link)->retained_skipped, 2);
    script_free(s);
}
END_TEST

/* R16: a bit of everything, for cutting. */
static void play(script *s)
{
    connected(s, true);
    say_publish(s, 0, false, 0, "zero");
    say_publish(s, 1, false, 1, "one");
    say_granted(s, 1, 1);
    say_publish(s, 2, false, 2, "two");
    SAY(s, 0xD0, 0);
    say_publish_bytes(s, 1, false, 3, "topic/with/levels",
                      "a payload long enough for two length bytes: "
                      "0123456789012345678901234567890123456789012345678901234567890123456789"
                      "0123456789012345678901234567890123456789012345678901234567890123456789",
                      184);
    say_publish(s, 1, true, 1, "one");
    SAY(s, 0x62, 2, 0, 9);
}

static void check_play(script *s)
{
    static const uint8_t comp_3[] = {0x70, 2, 0, 9}, comp_5[] = {0x70, 3, 0, 9, 0x92};
    static const uint8_t acks[] = {0x40, 2, 0, 1, 0x50, 2, 0, 2, 0x40, 2, 0, 3};
    static const uint8_t relayed_3[] = {0x90, 3, 0, 1, 1, 0xD0, 0};
    static const uint8_t relayed_5[] = {0x90, 4, 0, 1, 0, 1, 0xD0, 0};
    size_t comp_size = SCRIPT_5 ? sizeof(comp_5) : sizeof(comp_3);

    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert_uint_eq(s->taken, 4);
    mqtt_link_settle(s->link, s->tokens, 4, WEIR_DELIVERED);
    collect(s);
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_BROKER]), comp_size + sizeof(acks));
    ck_assert_mem_eq(s->sent[MQTT_BROKER].data, SCRIPT_5 ? comp_5 : comp_3, comp_size);
    ck_assert_mem_eq(s->sent[MQTT_BROKER].data + comp_size, acks, sizeof(acks));
    expect_sent(s, MQTT_CLIENT, SCRIPT_5 ? relayed_5 : relayed_3,
                SCRIPT_5 ? sizeof(relayed_5) : sizeof(relayed_3));
}

START_TEST(a_bit_of_everything_passes)
{
    script *s = script_new(NULL);

    play(s);
    feed(s);
    check_play(s);
    PAHO_SAYS(s, 0x82, 6, 0, 1, 0, 1, 't', 1, 0x40, 2, 0, 1, 0xC0, 0);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x82, 6, 0, 1, 0, 1, 't', 1, 0xC0, 0}, 10);
    script_free(s);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source link: acknowledgements",
    tcase_add_loop_test(tests, acks_leave_in_order_of_receipt_whatever_the_order_of_commits, 0,
                        240);
    tcase_add_test(tests, one_packet_id_may_be_in_flight_twice);
    tcase_add_test(tests, a_token_of_a_slots_last_life_finishes_nothing);
    tcase_add_test(tests, a_thousand_commits_make_one_write);
    tcase_add_test(tests, more_messages_than_packet_ids_go_through);
    tcase_add_test(tests, what_paho_acknowledges_never_reaches_the_broker);
    tcase_add_test(tests, control_packets_pass_both_ways);
    tcase_add_test(tests, acks_that_are_due_leave_before_a_disconnect);
    tcase_add_loop_test(tests, an_orderly_end_acknowledges_what_was_reported, 0, 3);
    tcase_add_loop_test(tests,
                        a_repeated_message_on_a_live_connection_is_produced_once_and_acked_once, 1,
                        3);
    tcase_add_test(tests, dup_alone_drops_nothing);
    tcase_add_test(tests, qos_2_is_produced_once_between_publish_and_pubrel);
    tcase_add_test(tests, a_pubrel_for_an_id_never_seen_is_answered);
    tcase_add_test(tests, acknowledging_on_receipt_waits_for_nobody);
    tcase_add_test(tests, retained_messages_can_be_acknowledged_and_forgotten);
    tcase_add_test(tests, a_bit_of_everything_passes);)
