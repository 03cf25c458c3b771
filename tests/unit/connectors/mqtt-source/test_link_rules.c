/* test_link_rules.c - what the other two files about the link leave open of R2, R4, R8, R13, R14,
 * R25. */
#include "script.h"

#include "tests/support/unit.h"

static mqtt_slot_counts counts(const script *s)
{
    return mqtt_slots_count(mqtt_link_slots(s->link));
}

/* ---- R2, R4 ---------------------------------------------------------------------------------- */

/* R2: a PUBCOMP waits for nobody, and the order is that of the PUBRELs. */
START_TEST(pubcomp_leaves_at_once_in_the_order_of_the_pubrels)
{
    static const uint8_t want_3[] = {0x70, 2, 0, 9, 0x70, 2, 0, 7, 0x70, 2, 0, 8};
    static const uint8_t want_5[] = {0x70, 3, 0, 9, 0x92, 0x70, 3, 0, 7, 0x92, 0x70, 3, 0, 8, 0x92};
    script *s = script_new(NULL);

    connected(s, true);
    say_publish(s, 1, false, 1, "pending");
    say_publish(s, 2, false, 2, "pending too");
    SAY(s, 0x62, 2, 0, 9, 0x62, 2, 0, 7, 0x62, 2, 0, 8);
    feed(s);
    expect_sent(s, MQTT_BROKER, SCRIPT_5 ? want_5 : want_3,
                SCRIPT_5 ? sizeof(want_5) : sizeof(want_3));
    script_free(s);
}
END_TEST

/* R2: QoS 1 and 2 stand in one line. */
START_TEST(both_qualities_are_acknowledged_in_one_order)
{
    static const uint8_t want[] = {0x40, 2, 0, 1, 0x50, 2, 0, 2, 0x40, 2, 0, 3, 0x50, 2, 0, 4};
    script *s = script_new(NULL);

    connected(s, false);
    for (uint16_t id = 1; id <= 4; id++)
        say_publish(s, 2 - id % 2, false, id, "x");
    feed(s);
    for (size_t i = 4; i-- > 1;) {
        answer(s, i);
        expect_nothing(s);
    }
    answer(s, 0);
    expect_sent(s, MQTT_BROKER, want, sizeof(want));
    script_free(s);
}
END_TEST

/* R4: paho keeps acknowledgements of a lost connection for the next one. */
START_TEST(what_paho_still_had_to_acknowledge_dies_with_the_next_connection_too)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    mqtt_link_close(s->link);
    connected(s, true);
    PAHO_SAYS(s, 0x40, 2, 0, 1, 0xC0, 0, 0x50, 2, 0, 1);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xC0, 0}, 2);
    say_publish(s, 1, true, 1, "x");
    feed(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    script_free(s);
}
END_TEST

/* ---- R13: each resource in turn is full at every packet ---------------------------------------
 */

#define PACKETS 12

/* QoS 1, 2, 0, 1, …; ids, and payloads of one byte, tell them apart. */
static void say_numbered(script *s, int qos)
{
    for (uint8_t n = 1; n <= PACKETS; n++)
        say_publish_bytes(s, qos >= 0 ? qos : n % 3, false, n, "t", &(char){(char)('a' + n)}, 1);
}

/* Settles what was taken, the oldest half first, until all have come; nothing comes twice. */
static void go_on_to_the_end(script *s)
{
    size_t settled = 0;

    while (settled < PACKETS) {
        size_t part = (s->taken - settled + 1) / 2;

        ck_assert_msg(part, "stuck: %zu taken, %zu settled", s->taken, settled);
        mqtt_link_settle(s->link, s->tokens + settled, part, WEIR_DELIVERED);
        settled += part;
        mqtt_link_retry(s->link);
        work(s); /* what was read before goes on without another byte */
        feed(s);
    }
    ck_assert_uint_eq(s->taken, PACKETS);
    ck_assert_uint_eq(counts(s).used, 0);
    ck_assert_uint_eq(mqtt_link_look(s->link)->loose, 0);
    ck_assert_uint_eq(mqtt_link_look(s->link)->unsettled_bytes, 0);
}

static mqtt_link_settings limited(int resource, size_t to)
{
    mqtt_link_settings settings = script_defaults;

    switch (resource) {
    case 0:
        settings.max_unacked = to;
        break;
    case 1:
        settings.max_unacked_bytes = to; /* payloads have one byte each */
        break;
    default:
        settings.max_loose = to;
        break;
    }
    return settings;
}

START_TEST(a_limit_met_at_any_packet_costs_no_message)
{
    static const int qualities[] = {1, -1, 0}; /* which a limit of the resource counts */
    int resource = _i / PACKETS;
    size_t limit = (size_t)(_i % PACKETS) + 1;
    mqtt_link_settings settings = limited(resource, limit);
    script *s = script_new(&settings);

    connected(s, false);
    say_numbered(s, qualities[resource]);
    feed(s);
    ck_assert_uint_eq(s->taken, limit);
    ck_assert(limit == PACKETS || mqtt_link_look(s->link)->paused);
    go_on_to_the_end(s);
    if (qualities[resource] == 1)
        EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    script_free(s);
}
END_TEST

/* R13: what was looked at and put back is looked at again as if for the first time. */
START_TEST(a_message_without_room_leaves_no_trace)
{
    script *s = script_new(NULL);

    connected(s, false);
    s->room = 0;
    say_publish(s, 2, false, 5, "x");
    feed(s);
    for (int i = 0; i < 3; i++) {
        mqtt_link_retry(s->link);
        work(s);
        ck_assert_uint_eq(counts(s).used, 0);
        ck_assert_uint_eq(mqtt_link_look(s->link)->received[2], 0);
        ck_assert_uint_eq(mqtt_link_look(s->link)->received_bytes, 0);
    }
    expect_nothing(s);
    s->room = 1;
    mqtt_link_retry(s->link);
    work(s);
    ck_assert_uint_eq(s->taken, 1);
    ck_assert_uint_eq(mqtt_link_look(s->link)->received[2], 1);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBREC, 5);
    script_free(s);
}
END_TEST

/* R13: a broker that says much and reads nothing meets a bound; then all is answered in order. */
START_TEST(a_broker_that_does_not_read_is_not_read)
{
    enum { PUBRELS = 150000, ACK = SCRIPT_5 ? 5 : 4 }; /* MQTT 5 says "never seen" in a byte */
    script *s = script_new(NULL);
    size_t waiting;

    connected(s, true);
    s->deaf = true;
    for (unsigned i = 0; i < PUBRELS; i++)
        SAY(s, 0x62, 2, (uint8_t)(1 + (i % 60000) / 256), (uint8_t)(i % 256));
    feed(s);
    ck_assert(!mqtt_link_wants(s->link, MQTT_BROKER));
    ck_assert(!mqtt_link_wants(s->link, MQTT_CLIENT));
    mqtt_link_output(s->link, MQTT_BROKER, &waiting);
    ck_assert_uint_le(waiting, 600 * 1024);
    s->deaf = false;
    while (mqtt_bytes_size(&s->sent[MQTT_BROKER]) < ACK * PUBRELS) {
        size_t before = mqtt_bytes_size(&s->sent[MQTT_BROKER]);

        collect(s);
        feed(s);
        ck_assert_uint_gt(mqtt_bytes_size(&s->sent[MQTT_BROKER]), before);
    }
    for (unsigned i = 0; i < PUBRELS; i++) {
        const uint8_t *ack =
            s->sent[MQTT_BROKER].data + s->sent[MQTT_BROKER].start + ACK * (size_t)i;

        ck_assert_uint_eq(ack[0], 0x70);
        ck_assert_uint_eq(ack[2], 1 + (i % 60000) / 256);
        ck_assert_uint_eq(ack[3], i % 256);
    }
    script_free(s);
}
END_TEST

/* R13, R8: all slots wait for Kafka; one that comes free takes the next message. */
START_TEST(the_last_slot_stops_reading_and_each_one_freed_goes_on)
{
    script *s = script_new(NULL);

    connected(s, false);
    for (unsigned id = 1; id <= 65100; id++)
        say_publish(s, 1, false, (uint16_t)id, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 65000);
    ck_assert(!mqtt_link_wants(s->link, MQTT_BROKER));
    mqtt_link_settle(s->link, s->tokens, 40, WEIR_DELIVERED);
    mqtt_link_retry(s->link);
    feed(s);
    ck_assert_uint_eq(s->taken, 65040);
    mqtt_link_settle(s->link, s->tokens + 40, 65000, WEIR_DELIVERED);
    mqtt_link_retry(s->link);
    feed(s);
    ck_assert_uint_eq(s->taken, 65100);
    ck_assert_uint_eq(counts(s).used, 60);
    script_free(s);
}
END_TEST

/* ---- R14, R25: towards the end ----------------------------------------------------------------
 */

/* R25: nothing new is taken, what Kafka reports is acknowledged; R14: pings go on meanwhile. */
START_TEST(draining_takes_nothing_new_acknowledges_and_pings)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    say_publish(s, 1, false, 2, "y");
    feed(s);
    mqtt_link_drain(s->link);
    say_publish(s, 1, false, 3, "too late");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    mqtt_link_retry(s->link);
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    PAHO_SAYS(s, 0xC0, 0);
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_CLIENT]), 2);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xC0, 0}, 2);
    answer(s, 1);
    expect_nothing(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1, 2);
    s->now_ms += 60000; /* nobody reads, so nobody is silent */
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    mqtt_link_goodbye(s->link);
    collect(s);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xE0, 0}, 2);
    script_free(s);
}
END_TEST

/* R25: an answer that Kafka gives after the end is nobody's acknowledgement any more. */
START_TEST(a_report_after_the_end_acknowledges_nothing)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 2, false, 1, "x");
    feed(s);
    mqtt_link_drain(s->link);
    mqtt_link_goodbye(s->link);
    collect(s);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xE0, 0}, 2);
    mqtt_link_close(s->link);
    answer(s, 0);
    expect_nothing(s);
    script_free(s);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source link: rules",
               tcase_add_test(tests, pubcomp_leaves_at_once_in_the_order_of_the_pubrels);
               tcase_add_test(tests, both_qualities_are_acknowledged_in_one_order);
               tcase_add_test(tests,
                              what_paho_still_had_to_acknowledge_dies_with_the_next_connection_too);
               tcase_add_loop_test(tests, a_limit_met_at_any_packet_costs_no_message, 0,
                                   3 * PACKETS);
               tcase_add_test(tests, a_message_without_room_leaves_no_trace);
               tcase_add_test(tests, a_broker_that_does_not_read_is_not_read);
               tcase_add_test(tests, the_last_slot_stops_reading_and_each_one_freed_goes_on);
               tcase_add_test(tests, draining_takes_nothing_new_acknowledges_and_pings);
               tcase_add_test(tests, a_report_after_the_end_acknowledges_nothing);)
