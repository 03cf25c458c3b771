/* test_link_life.c - reconnects, orphans, back-pressure, pings, sizes, nonsense (R5-R8, R11,
 * R13-R18, R20). */
#include "script.h"

#include "tests/support/unit.h"

static mqtt_slot_counts counts(const script *s)
{
    return mqtt_slots_count(mqtt_link_slots(s->link));
}

/* ---- Across connections --------------------------------------------------------------------- */

/* R5 */
START_TEST(a_commit_after_a_reconnect_without_redelivery_is_no_ack)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    mqtt_link_close(s->link);
    connected(s, true);
    answer(s, 0);
    expect_nothing(s);
    script_free(s);
}
END_TEST

/* R6: Adopt while PENDING (0) and when DONE (1); QoS 1 and 2. */
START_TEST(a_redelivery_adopts_its_orphan)
{
    script *s = script_new(NULL);
    bool done_before = _i & 1;
    int qos = 1 + (_i >> 1);

    connected(s, false);
    say_publish(s, qos, false, 1, "x");
    say_publish(s, qos, false, 2, "y");
    feed(s);
    mqtt_link_close(s->link);
    if (done_before)
        answer(s, 0);
    connected(s, true);
    say_publish(s, qos, true, 1, "x");
    say_publish(s, qos, true, 2, "y");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    if (!done_before) {
        expect_nothing(s);
        answer(s, 0);
    }
    EXPECT_ACKS(s, qos == 1 ? MQTT_TYPE_PUBACK : MQTT_TYPE_PUBREC, 1);
    answer(s, 1);
    EXPECT_ACKS(s, qos == 1 ? MQTT_TYPE_PUBACK : MQTT_TYPE_PUBREC, 2);
    ck_assert_uint_eq(counts(s).used, 0);
    script_free(s);
}
END_TEST

static const struct {
    const char *what;
    int qos;
    bool dup, resumed;
    const char *payload;
} no_redelivery[] = {
    {"other content", 1, true, true, "z"},
    {"other QoS", 2, true, true, "x"},
    {"DUP=0", 1, false, true, "x"},
    {"session lost", 1, true, false, "x"},
};

/* R6, R11 */
START_TEST(what_only_looks_like_a_redelivery_is_produced)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    mqtt_link_close(s->link);
    connected(s, no_redelivery[_i].resumed);
    say_publish(s, no_redelivery[_i].qos, no_redelivery[_i].dup, 1, no_redelivery[_i].payload);
    feed(s);
    ck_assert_msg(s->taken == 2, "%s", no_redelivery[_i].what);
    ck_assert_uint_eq(counts(s).orphans, 0); /* given up */
    answer(s, 0);                            /* … and freed by its report, without an ack */
    expect_nothing(s);
    ck_assert_uint_eq(counts(s).used, 1);
    answer(s, 1);
    ck_assert_uint_eq(counts(s).used, 0);
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_BROKER]), 4);
    script_free(s);
}
END_TEST

/* R7 */
START_TEST(what_was_not_handed_over_is_not_adopted)
{
    script *s = script_new(NULL);

    connected(s, false);
    s->room = 0;
    say_publish(s, 1, false, 1, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 0);
    mqtt_link_close(s->link);
    ck_assert_uint_eq(counts(s).used, 0);
    s->room = SIZE_MAX;
    connected(s, true);
    say_publish(s, 1, true, 1, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 1);
    script_free(s);
}
END_TEST

/* R8 */
START_TEST(orphans_that_never_return_do_not_stop_anything)
{
    script *s = script_new(NULL);

    connected(s, false);
    for (unsigned id = 1; id <= 65000; id++)
        say_publish(s, 1, false, (uint16_t)id, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 65000);
    mqtt_link_close(s->link);
    mqtt_link_settle(s->link, s->tokens, 65000, WEIR_DELIVERED);
    ck_assert_uint_eq(counts(s).orphans, 65000);
    connected(s, true);
    for (unsigned id = 65001; id <= 65100; id++)
        say_publish(s, 1, false, (uint16_t)id, "y");
    feed(s);
    ck_assert_uint_eq(s->taken, 65100);
    ck_assert_uint_eq(counts(s).used, 65000);
    script_free(s);
}
END_TEST

/* R11 */
START_TEST(a_lost_session_forgets_the_ids_of_qos_2)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 2, false, 1, "x");
    feed(s);
    answer(s, 0);
    mqtt_link_close(s->link);
    connected(s, false);
    say_publish(s, 2, true, 1, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    script_free(s);
}
END_TEST

/* R1, R6 */
START_TEST(an_id_in_flight_twice_is_adopted_twice)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    say_publish(s, 1, false, 1, "y");
    feed(s);
    mqtt_link_close(s->link);
    connected(s, true);
    say_publish(s, 1, true, 1, "x");
    say_publish(s, 1, true, 1, "y");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    answer(s, 1);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1, 1);
    script_free(s);
}
END_TEST

/* ---- No room --------------------------------------------------------------------------------- */

static void say_mixed(script *s)
{
    for (uint16_t id = 1; id <= 12; id++)
        say_publish(s, id % 3, false, id, "payload");
}

/* R13: The task's queue is full at every packet of the script in turn. */
START_TEST(a_full_queue_delays_every_message_and_loses_none)
{
    for (size_t fits = 0; fits < 12; fits++) {
        script *s = script_new(NULL);

        s->cut = (size_t)_i;
        connected(s, false);
        say_mixed(s);
        s->room = fits;
        feed(s);
        ck_assert_uint_eq(s->taken, fits);
        ck_assert(!mqtt_link_wants(s->link, MQTT_BROKER));
        ck_assert(mqtt_link_look(s->link)->paused);
        mqtt_link_retry(s->link); /* still no room: nothing changes */
        work(s);
        ck_assert_uint_eq(s->taken, fits);
        s->room = SIZE_MAX;
        mqtt_link_retry(s->link);
        work(s); /* what was read goes on without another byte */
        feed(s);
        ck_assert_uint_eq(s->taken, 12);
        mqtt_link_settle(s->link, s->tokens, 12, WEIR_DELIVERED);
        ck_assert_uint_eq(counts(s).used, 0);
        ck_assert_uint_eq(mqtt_link_look(s->link)->unsettled_bytes, 0);
        script_free(s);
    }
}
END_TEST

static const struct {
    const char *what;
    mqtt_link_settings settings;
    size_t taken;
} limits[] = {
    {"unacked records",
     {.max_packet = 1 << 20,
      .max_unacked = 3,
      .max_unacked_bytes = 1 << 30,
      .max_loose = 1000,
      .ping_timeout_ms = 10000},
     4},
    {"unacked bytes",
     {.max_packet = 1 << 20,
      .max_unacked = 1000,
      .max_unacked_bytes = 21,
      .max_loose = 1000,
      .ping_timeout_ms = 10000},
     3},
    {"one message always fits",
     {.max_packet = 1 << 20,
      .max_unacked = 1000,
      .max_unacked_bytes = 1,
      .max_loose = 1000,
      .ping_timeout_ms = 10000},
     1},
    {"records without an acknowledgement",
     {.max_packet = 1 << 20,
      .max_unacked = 1000,
      .max_unacked_bytes = 1 << 30,
      .max_loose = 1,
      .ping_timeout_ms = 10000},
     5},
};

/* R13 */
START_TEST(every_limit_stops_reading_and_lets_go_again)
{
    script *s = script_new(&limits[_i].settings);
    size_t settled = 0;

    connected(s, false);
    say_mixed(s);
    feed(s);
    ck_assert_msg(s->taken == limits[_i].taken, "%s: %zu", limits[_i].what, s->taken);
    while (settled < 12) {
        size_t taken = s->taken;

        ck_assert_msg(taken > settled, "%s: stuck at %zu", limits[_i].what, settled);
        mqtt_link_settle(s->link, s->tokens + settled, taken - settled, WEIR_DELIVERED);
        settled = taken;
        mqtt_link_retry(s->link);
        feed(s);
    }
    ck_assert_uint_eq(s->taken, 12);
    script_free(s);
}
END_TEST

/* R20 */
START_TEST(a_window_that_the_broker_exceeds_is_borne)
{
    script *s = script_new(NULL);
    uint16_t id = 0;

    connected(s, false);
    for (int round = 0; round < 20; round++) { /* five acknowledged, a hundred sent */
        for (int i = 0; i < 100; i++)
            say_publish(s, 1, false, ++id, "x");
        feed(s);
        mqtt_link_settle(s->link, s->tokens + 5 * round, 5, WEIR_DELIVERED);
    }
    ck_assert_uint_eq(s->taken, 2000);
    ck_assert_uint_eq(counts(s).used, 1900);
    script_free(s);
}
END_TEST

/* ---- Pings ----------------------------------------------------------------------------------- */

/* R14 */
START_TEST(pings_go_on_while_reading_is_stopped)
{
    script *s = script_new(NULL);

    connected(s, false);
    s->room = 0;
    say_publish(s, 1, false, 1, "x");
    feed(s);
    for (int i = 0; i < 3; i++) {
        s->now_ms += 60000;
        mqtt_link_retry(s->link);
        work(s);
        forget_sent(s);
        PAHO_SAYS(s, 0xC0, 0);
        ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
        ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_CLIENT]), 2); /* answered by us */
        expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xC0, 0}, 2);   /* and seen by the broker */
    }
    s->room = SIZE_MAX;
    mqtt_link_retry(s->link);
    SAY(s, 0xD0, 0, 0xD0, 0, 0xD0, 0);
    feed(s);
    expect_sent(s, MQTT_CLIENT, NULL, 0); /* paho has had its answers */
    PAHO_SAYS(s, 0xC0, 0);
    forget_sent(s);
    SAY(s, 0xD0, 0);
    feed(s);
    expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0xD0, 0}, 2);
    script_free(s);
}
END_TEST

/* R14 */
START_TEST(a_ping_under_way_is_answered_when_reading_stops)
{
    script *s = script_new(NULL);

    connected(s, false);
    PAHO_SAYS(s, 0xC0, 0);
    forget_sent(s);
    s->room = 0;
    say_publish(s, 1, false, 1, "x");
    SAY(s, 0xD0, 0);
    feed(s);
    expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0xD0, 0}, 2);
    s->room = SIZE_MAX;
    mqtt_link_retry(s->link);
    feed(s);
    expect_sent(s, MQTT_CLIENT, NULL, 0);
    script_free(s);
}
END_TEST

/* R15 */
START_TEST(a_silent_broker_is_given_up_only_while_it_is_listened_to)
{
    script *s = script_new(NULL);

    connected(s, false);
    PAHO_SAYS(s, 0xC0, 0);
    ck_assert_int_eq(mqtt_link_next_ms(s->link), s->now_ms + 10000);
    s->now_ms += 9999;
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    s->now_ms += 1;
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
    ck_assert_ptr_nonnull(strstr(mqtt_link_why(s->link), "ping"));

    connected(s, false);
    s->room = 0;
    PAHO_SAYS(s, 0xC0, 0);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    PAHO_SAYS(s, 0xC0, 0);
    s->now_ms += 60000;
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert_int_eq(mqtt_link_next_ms(s->link), -1);
    script_free(s);
}
END_TEST

/* R15 */
START_TEST(any_byte_is_a_sign_of_life)
{
    script *s = script_new(NULL);

    connected(s, false);
    PAHO_SAYS(s, 0xC0, 0);
    s->now_ms += 9000;
    SAY(s, 0x30);
    feed(s);
    s->now_ms += 9000;
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    script_free(s);
}
END_TEST

/* ---- Sizes ----------------------------------------------------------------------------------- */

#define BUFFER (144 * 1024)
#define LIMIT  (1024 * 1024)

/* A packet of so many bytes in all: fixed header 1 + length bytes, topic 3, id 2, in MQTT 5 one for
 * no properties. */
static void say_packet(script *s, size_t total)
{
    size_t lengths = total < 130 ? 1 : total < 16387 ? 2 : total < 2097156 ? 3 : 4;
    size_t payload = total - 1 - lengths - 5 - SCRIPT_5;
    char *bytes = malloc(payload);

    memset(bytes, 'p', payload);
    say_publish_bytes(s, 1, false, 1, "t", bytes, payload);
    free(bytes);
}

static const struct {
    size_t total;
    bool fits;
} sizes[] = {
    {BUFFER - 1, true}, {BUFFER, true},     {BUFFER + 1, true}, {LIMIT - 1, true},
    {LIMIT, true},      {LIMIT + 1, false}, {3 * LIMIT, false},
};

/* R17 */
START_TEST(a_packet_of_any_size_leaves_the_connection_alive)
{
    for (size_t cut = 0; cut < 3; cut++) {
        script *s = script_new(NULL);

        s->cut = cut == 0 ? 0 : cut == 1 ? 4099 : 65536;
        connected(s, false);
        say_publish(s, 1, false, 8, "before");
        say_packet(s, sizes[_i].total);
        say_publish(s, 1, false, 9, "after");
        feed(s);
        ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
        ck_assert_uint_eq(s->taken, sizes[_i].fits ? 3 : 2);
        ck_assert_uint_eq(s->too_large, !sizes[_i].fits);
        ck_assert_str_eq(s->last_payload, "after");
        mqtt_link_settle(s->link, s->tokens, s->taken, WEIR_DELIVERED);
        collect(s);
        EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 8, 1, 9);
        script_free(s);
    }
}
END_TEST

/* R17 */
START_TEST(the_largest_packet_there_is_is_skipped_without_being_stored)
{
    script *s = script_new(NULL);
    size_t left = 268435455 - 5 - SCRIPT_5, room;
    static char junk[65536];

    connected(s, false);
    SAY(s, 0x32, 0xff, 0xff, 0xff, 0x7f, 0, 1, 't', 0, 1);
    if (SCRIPT_5)
        SAY(s, 0);
    feed(s);
    ck_assert_uint_eq(s->too_large, 1);
    while (left) {
        void *to = mqtt_link_room(s->link, MQTT_BROKER, &room);
        size_t part = left < sizeof(junk) ? left : sizeof(junk);

        part = part < room ? part : room;
        memcpy(to, junk, part);
        mqtt_link_got(s->link, MQTT_BROKER, part, s->now_ms);
        s->fed[MQTT_BROKER] += part;
        expect_nothing(s); /* no acknowledgement before its end */
        ck_assert_int_eq(mqtt_link_work(s->link, s->now_ms), MQTT_LINK_RUNS);
        left -= part;
    }
    collect(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    script_free(s);
}
END_TEST

/* What is too large is rejected (R17): the acknowledgement needs its end, and the worker's word. */
static void say_too_large(script *s, bool dup)
{
    char *bytes = malloc(LIMIT);

    memset(bytes, 'p', LIMIT);
    say_publish_bytes(s, 1, dup, 7, "t", bytes, LIMIT);
    free(bytes);
}

START_TEST(what_is_too_large_is_acknowledged_when_it_is_settled_and_has_passed)
{
    bool settled_first = _i == 0;
    script *s = script_new(NULL);
    size_t rest = 1000;

    s->take_large = true;
    s->cut = 4099;
    connected(s, false);
    say_publish(s, 1, false, 6, "before");
    say_too_large(s, false);
    s->wire.end -= rest;
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    ck_assert_uint_eq(mqtt_link_look(s->link)->unsettled_bytes, strlen("before"));
    if (settled_first) {
        answer(s, 1);
        expect_nothing(s);
        answer(s, 0); /* what came before does not wait for the end of what is skipped */
        EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 6);
    }
    for (size_t i = 0; i < rest; i++)
        SAY(s, 'p');
    feed(s);
    if (!settled_first) {
        expect_nothing(s);
        answer(s, 0);
        EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 6);
        answer(s, 1);
    }
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 7);
    say_publish(s, 1, false, 8, "after");
    feed(s);
    answer(s, 2);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 8);
    ck_assert_uint_eq(counts(s).used, 0);
    script_free(s);
}
END_TEST

START_TEST(what_is_too_large_and_was_abandoned_is_never_acknowledged)
{
    script *s = script_new(NULL);

    s->take_large = true;
    connected(s, false);
    say_too_large(s, false);
    feed(s);
    mqtt_link_settle(s->link, s->tokens, 1, WEIR_ABANDONED);
    collect(s);
    expect_nothing(s);
    script_free(s);
}
END_TEST

/* It was handed over before the connection broke, so its redelivery is no second message. */
START_TEST(a_connection_lost_while_skipping_hands_nothing_over_twice)
{
    script *s = script_new(NULL);

    s->take_large = true;
    connected(s, false);
    say_too_large(s, false);
    s->wire.end -= 1000; /* the end does not come */
    feed(s);
    ck_assert_uint_eq(s->taken, 1);
    mqtt_link_close(s->link);
    ck_assert_uint_eq(counts(s).orphans, 1);
    if (_i == 0)
        answer(s, 0);
    connected(s, true);
    say_too_large(s, true);
    feed(s);
    if (_i == 1) {
        expect_nothing(s);
        answer(s, 0);
    }
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 7);
    ck_assert_uint_eq(s->too_large, 1);
    ck_assert_uint_eq(counts(s).used, 0);
    script_free(s);
}
END_TEST

/* R7, R17 */
START_TEST(a_connection_lost_while_skipping_leaves_nothing_behind_without_its_session)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_too_large(s, false);
    s->wire.end -= 1000; /* the end does not come */
    feed(s);
    ck_assert_uint_eq(counts(s).used, 1);
    mqtt_link_close(s->link);
    connected(s, false);
    ck_assert_uint_eq(counts(s).used, 0);
    script_free(s);
}
END_TEST

/* ---- Nonsense -------------------------------------------------------------------------------- */

static const struct {
    const char *says;
    uint8_t bytes[12];
    size_t size;
    uint8_t told; /* the reason in DISCONNECT, in MQTT 5 */
} nonsense[] = {
    {"fifth length byte", {0x30, 0xff, 0xff, 0xff, 0xff, 1}, 6, 0x81},
    {"QoS 3", {0x36, 6, 0, 1, 't', 0, 1, 'x'}, 8, 0x81},
    {"longer than the packet", {0x32, 5, 0, 9, 't', 0, 1}, 7, 0x81},
    {"packet id 0", {0x32, 6, 0, 1, 't', 0, 0, 'x'}, 8, 0x82},
    {"without a topic", {0x30, 3, 0, 0, 'x'}, 5, 0x82},
    {"too short", {0x32, 1, 0}, 3, 0x81},
    {"malformed PUBREL", {0x60, 2, 0, 1}, 4, 0x81},
    {"malformed PUBREL", {0x62, 2, 0, 0}, 4, 0x81},
    {"second CONNACK", {0x20, 2, 0, 0}, 4, 0x82},
    {"type 12", {0xc0, 0}, 2, 0x82},
    {"more than 1 MiB", {0x90, 0xff, 0xff, 0xff, 0x7f}, 5, 0x81},
#if SCRIPT_5
    {"SUBACK without", {0x90, 3, 0, 1, 0}, 5, 0x81},
    {"properties without a length", {0x90, 2, 0, 1}, 4, 0x81},
    {"UNSUBACK without", {0xb0, 3, 0, 1, 0}, 5, 0x81},
    {"longer than their packet", {0x30, 5, 0, 1, 't', 9, 'x'}, 7, 0x81},
    {"properties without a length", {0x30, 7, 0, 1, 't', 0xff, 0xff, 0xff, 0xff}, 9, 0x81},
    {"unknown or cut off", {0x30, 6, 0, 1, 't', 2, 99, 0}, 8, 0x81},
    {"unknown or cut off", {0x30, 6, 0, 1, 't', 2, 2, 0}, 8, 0x81},
    {"a topic alias", {0x30, 7, 0, 1, 't', 3, 35, 0, 1}, 9, 0x82},
    {"neither 0 nor 1", {0x30, 6, 0, 1, 't', 2, 1, 2}, 8, 0x82},
    {"one property twice", {0x30, 8, 0, 1, 't', 4, 1, 0, 1, 0}, 10, 0x82},
    {"its packet cannot have", {0x30, 7, 0, 1, 't', 3, 33, 0, 9}, 9, 0x82},
    {"unknown or cut off", {0xe0, 3, 0x8b, 1, 99}, 5, 0x81},
    {"unknown or cut off", {0x62, 5, 0, 1, 0, 1, 99}, 7, 0x81},
#else
    {"type 15", {0xf0, 0}, 2, 0},
    {"type 14", {0xe0, 0}, 2, 0},
    {"SUBACK without", {0x90, 2, 0, 1}, 4, 0},
#endif
};

/* R18 */
START_TEST(nonsense_ends_the_connection_in_words)
{
    for (size_t cut = 0; cut < 3; cut++) {
        script *s = script_new(NULL);

        s->cut = cut;
        connected(s, false);
        say_publish(s, 1, false, 1, "x");
        say(s, nonsense[_i].bytes, nonsense[_i].size);
        feed(s);
        ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
        ck_assert_msg(strstr(mqtt_link_why(s->link), nonsense[_i].says), "got: %s",
                      mqtt_link_why(s->link));
        ck_assert_uint_eq(s->taken, 1); /* what came before it counts */
        ck_assert(mqtt_link_look(s->link)->malformed);
        if (SCRIPT_5)
            expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xE0, 1, nonsense[_i].told}, 3);
        else
            expect_nothing(s);
        script_free(s);
    }
}
END_TEST

START_TEST(nothing_comes_before_connack)
{
    script *s = script_new(NULL);

    mqtt_link_open(s->link, "c", 1, s->now_ms);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
    ck_assert_uint_eq(s->taken, 0);
    script_free(s);
}
END_TEST

START_TEST(a_refusal_is_noted_and_passed_on)
{
    script *s = script_new(NULL);

    opened(s);
    say_connack(s, false, SCRIPT_5 ? 0x87 : 5);
    feed(s);
    ck_assert(!mqtt_link_look(s->link)->connected);
    ck_assert_uint_eq(mqtt_link_look(s->link)->refused, SCRIPT_5 ? 0x87 : 5);
    if (SCRIPT_5)
        expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0x20, 3, 0, 0x87, 0}, 5);
    else
        expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0x20, 2, 0, 5}, 4);
    script_free(s);
}
END_TEST

START_TEST(a_task_that_fails_leaves_the_message_unacknowledged)
{
    script *s = script_new(NULL);

    connected(s, false);
    s->verdict = MQTT_FAILED;
    say_publish(s, 1, false, 1, "x");
    feed(s);
    ck_assert_int_eq(s->state, MQTT_LINK_FAILED);
    expect_nothing(s);
    ck_assert_uint_eq(counts(s).used, 0);
    script_free(s);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

WEIR_UNIT_MAIN(
    "mqtt-source link: its life",
    tcase_add_test(tests, a_commit_after_a_reconnect_without_redelivery_is_no_ack);
    tcase_add_loop_test(tests, a_redelivery_adopts_its_orphan, 0, 4);
    tcase_add_loop_test(tests, what_only_looks_like_a_redelivery_is_produced, 0,
                        ROWS(no_redelivery));
    tcase_add_test(tests, what_was_not_handed_over_is_not_adopted);
    tcase_add_test(tests, orphans_that_never_return_do_not_stop_anything);
    tcase_add_test(tests, a_lost_session_forgets_the_ids_of_qos_2);
    tcase_add_test(tests, an_id_in_flight_twice_is_adopted_twice);
    tcase_add_loop_test(tests, a_full_queue_delays_every_message_and_loses_none, 0, 12);
    tcase_add_loop_test(tests, every_limit_stops_reading_and_lets_go_again, 0, ROWS(limits));
    tcase_add_test(tests, a_window_that_the_broker_exceeds_is_borne);
    tcase_add_test(tests, pings_go_on_while_reading_is_stopped);
    tcase_add_test(tests, a_ping_under_way_is_answered_when_reading_stops);
    tcase_add_test(tests, a_silent_broker_is_given_up_only_while_it_is_listened_to);
    tcase_add_test(tests, any_byte_is_a_sign_of_life);
    tcase_add_loop_test(tests, a_packet_of_any_size_leaves_the_connection_alive, 0, ROWS(sizes));
    tcase_add_test(tests, the_largest_packet_there_is_is_skipped_without_being_stored);
    tcase_add_loop_test(tests, what_is_too_large_is_acknowledged_when_it_is_settled_and_has_passed,
                        0, 2);
    tcase_add_test(tests, what_is_too_large_and_was_abandoned_is_never_acknowledged);
    tcase_add_loop_test(tests, a_connection_lost_while_skipping_hands_nothing_over_twice, 0, 2);
    tcase_add_test(tests,
                   a_connection_lost_while_skipping_leaves_nothing_behind_without_its_session);
    tcase_add_loop_test(tests, nonsense_ends_the_connection_in_words, 0, ROWS(nonsense));
    tcase_add_test(tests, nothing_comes_before_connack);
    tcase_add_test(tests, a_refusal_is_noted_and_passed_on);
    tcase_add_test(tests, a_task_that_fails_leaves_the_message_unacknowledged);)
