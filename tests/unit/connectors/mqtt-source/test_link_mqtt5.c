/* test_link_mqtt5.c - what the link does in MQTT 5 alone: properties, reasons, the broker's limits
 * (R12, R14, R18-R20). */
#define SCRIPT_LEVEL 5

#include "script.h"

#include "tests/support/unit.h"

static const mqtt_link_facts *facts(const script *s)
{
    return mqtt_link_look(s->link);
}

/* CONNACK with properties, less than 120 bytes of them. */
static void connack(script *s, bool present, uint8_t code, const void *properties, size_t size)
{
    opened(s);
    SAY(s, 0x20, (uint8_t)(3 + size), present, code, (uint8_t)size);
    say(s, properties, size);
    feed(s);
}

#define CONNACK(s, present, code, ...)                                                             \
    connack((s), (present), (code), (const uint8_t[]){__VA_ARGS__},                                \
            sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- CONNACK ----------------------------------------------------------------------------------
 */

START_TEST(connack_says_what_the_broker_can_do)
{
    script *s = script_new(NULL);
    const mqtt_server *server = &facts(s)->server;

    CONNACK(s, true, 0, 17, 0, 0, 0, 60, 33, 0, 20, 36, 1, 37, 0, 39, 0, 1, 0, 0, 18, 0, 1, 'i', 34,
            0, 3, 31, 0, 2, 'h', 'i', 38, 0, 1, 'u', 0, 1, 'v', 40, 0, 41, 0, 42, 0, 19, 0, 30, 26,
            0, 1, 'r', 28, 0, 1, 's');
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert(facts(s)->connected && facts(s)->session_present);
    ck_assert_int_eq(facts(s)->level, MQTT_5);
    ck_assert(server->session_expiry_given && server->session_expiry_s == 60);
    ck_assert(server->keepalive_given && server->keepalive_s == 30);
    ck_assert_uint_eq(server->receive_maximum, 20);
    ck_assert_uint_eq(server->maximum_qos, 1);
    ck_assert(!server->retain && !server->wildcards && !server->shared && !server->old);
    ck_assert_str_eq(facts(s)->said, "; it says: 'hi'; it names 's'");
    script_free(s);
}
END_TEST

START_TEST(what_connack_does_not_say_is_as_the_specification_has_it)
{
    script *s = script_new(NULL);
    const mqtt_server *server = &facts(s)->server;

    connected(s, false);
    ck_assert(!server->keepalive_given && !server->session_expiry_given);
    ck_assert_uint_eq(server->receive_maximum, 65535);
    ck_assert_uint_eq(server->maximum_qos, 2);
    ck_assert(server->retain && server->wildcards && server->shared);
    ck_assert_str_eq(facts(s)->said, "");
    script_free(s);
}
END_TEST

static const struct {
    uint8_t code, means;
} old_answers[] = {{0, 0x84}, {1, 0x84}, {2, 0x85}, {3, 0x88},
                   {4, 0x86}, {5, 0x87}, {6, 0x80}, {0x84, 0x84}};

/* A broker of MQTT 3.1.1 answers in its own form. */
START_TEST(an_answer_in_the_old_form_is_understood)
{
    script *s = script_new(NULL);

    opened(s);
    SAY(s, 0x20, 2, 0, old_answers[_i].code);
    feed(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert(facts(s)->answered && !facts(s)->connected && facts(s)->server.old);
    ck_assert_uint_eq(facts(s)->refused, old_answers[_i].means);
    script_free(s);
}
END_TEST

static const struct {
    uint8_t bytes[12];
    size_t size;
    const char *says;
} bad_connacks[] = {
    {{0x20, 1, 0}, 3, "wrong size"},
    {{0x20, 3, 0, 0, 1}, 5, "longer than their packet"},
    {{0x20, 4, 0, 0, 1, 99}, 6, "unknown or cut off"},
    {{0x20, 4, 0, 0, 0, 7}, 6, "something behind it"},
    {{0x20, 5, 0, 0, 2, 36, 2}, 7, "neither 0 nor 1"},
    {{0x20, 5, 0, 0, 2, 1, 1}, 7, "its packet cannot have"},
    {{0x20, 6, 0, 0, 3, 33, 0, 0}, 8, "must not be"},
    {{0x30, 5, 0, 1, 't', 0, 'x'}, 7, "something else than a CONNACK"},
    {{0xe0, 1, 0x8b}, 3, "something else than a CONNACK"},
    {{0xf0, 0}, 2, "something else than a CONNACK"},
};

/* R18 */
START_TEST(a_bad_connack_ends_the_connection_in_words)
{
    script *s = script_new(NULL);

    opened(s);
    say(s, bad_connacks[_i].bytes, bad_connacks[_i].size);
    feed(s);
    ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
    ck_assert_msg(strstr(mqtt_link_why(s->link), bad_connacks[_i].says), "got: %s",
                  mqtt_link_why(s->link));
    ck_assert(facts(s)->malformed && !facts(s)->connected);
    expect_nothing(s); /* before CONNACK there is nobody to tell */
    script_free(s);
}
END_TEST

/* ---- Keep-alive (R14) -------------------------------------------------------------------------
 */

static void expect_ping(script *s)
{
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xC0, 0}, 2);
}

/* R14 */
START_TEST(a_broker_that_wants_more_pings_than_paho_sends_gets_them)
{
    script *s = script_new(NULL);
    bool reads = _i;

    CONNACK(s, false, 0, 19, 0, 20); /* paho was told 60 s */
    forget_sent(s);
    if (!reads) {
        s->room = 0;
        say_publish(s, 1, false, 1, "x");
        feed(s);
        ck_assert(!mqtt_link_wants(s->link, MQTT_BROKER));
    }
    for (int i = 0; i < 12; i++) { /* three times paho's keep-alive */
        s->now_ms += 14999;
        work(s);
        expect_nothing(s);
        ck_assert_int_eq(mqtt_link_next_ms(s->link), s->now_ms + 1);
        s->now_ms += 1;
        work(s);
        ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
        expect_ping(s);
        if (reads) {
            SAY(s, 0xD0, 0);
            feed(s);
            ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_CLIENT]), 0); /* paho did not ask */
        }
    }
    script_free(s);
}
END_TEST

START_TEST(what_is_sent_anyway_counts_as_a_ping)
{
    script *s = script_new(NULL);

    CONNACK(s, false, 0, 19, 0, 20);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    s->now_ms += 14000;
    work(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    s->now_ms += 14000;
    work(s);
    expect_nothing(s);
    s->now_ms += 1000;
    work(s);
    expect_ping(s);
    script_free(s);
}
END_TEST

START_TEST(a_ping_of_ours_and_one_of_pahos_get_one_answer_each)
{
    script *s = script_new(NULL);

    CONNACK(s, false, 0, 19, 0, 20);
    forget_sent(s);
    PAHO_SAYS(s, 0xC0, 0);
    expect_ping(s);
    s->now_ms += 15000;
    mqtt_link_got(s->link, MQTT_BROKER, 0, s->now_ms); /* it is slow, not silent */
    work(s);
    expect_ping(s);
    SAY(s, 0xD0, 0, 0xD0, 0);
    feed(s);
    expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0xD0, 0}, 2);
    script_free(s);
}
END_TEST

static const struct {
    uint8_t seconds;
    const char *what;
} rare_enough[] = {{60, "as paho"}, {200, "rarer than paho"}, {0, "never"}};

START_TEST(a_broker_that_is_content_with_pahos_pings_gets_no_others)
{
    script *s = script_new(NULL);

    CONNACK(s, false, 0, 19, 0, rare_enough[_i].seconds);
    forget_sent(s);
    s->now_ms += 1000000;
    work(s);
    expect_nothing(s);
    ck_assert_int_eq(mqtt_link_next_ms(s->link), -1);
    script_free(s);
}
END_TEST

/* R15 */
START_TEST(a_broker_that_does_not_answer_our_ping_is_given_up)
{
    script *s = script_new(NULL);

    CONNACK(s, false, 0, 19, 0, 20);
    s->now_ms += 15000;
    work(s);
    s->now_ms += 9999;
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    s->now_ms += 1;
    work(s);
    ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
    ck_assert_ptr_nonnull(strstr(mqtt_link_why(s->link), "did not answer a ping"));
    ck_assert(!facts(s)->malformed);
    script_free(s);
}
END_TEST

/* ---- PUBLISH (R19) ----------------------------------------------------------------------------
 */

/* Every property that a PUBLISH may carry, user properties twice. */
static const uint8_t every[] = {1,   1,   2,   0,   0,   1,   44, 3,   0,  10,   't', 'e', 'x', 't',
                                '/', 'p', 'l', 'a', 'i', 'n', 8,  0,   1,  'r',  9,   0,   2,   0,
                                255, 38,  0,   1,   'a', 0,   1,  '1', 11, 0x81, 1,   38,  0,   1,
                                'b', 0,   1,   '2', 38,  0,   1,  'a', 0,  1,    '3', 11,  7};

static void say_with(script *s, int qos, uint16_t id, const uint8_t *properties, uint8_t size)
{
    SAY(s, (uint8_t)(0x30 | qos << 1), (uint8_t)(3 + (qos ? 2 : 0) + 1 + size + 1), 0, 1, 't');
    if (qos)
        SAY(s, (uint8_t)(id >> 8), (uint8_t)id);
    SAY(s, size);
    say(s, properties, size);
    SAY(s, 'x');
}

static struct {
    uint8_t ids[16];
    size_t count;
    mqtt_publish last;
    uint8_t bytes[64];
} seen;

static mqtt_verdict look(void *ctx, const mqtt_message *message)
{
    const mqtt_properties *p = &message->publish.properties;
    mqtt_property property;

    (void)ctx;
    seen.count = 0;
    seen.last = message->publish;
    ck_assert_uint_le(p->size, sizeof(seen.bytes));
    memcpy(seen.bytes, p->bytes, p->size);
    for (size_t at = 0; mqtt_properties_next(p, &at, &property);) {
        ck_assert_uint_lt(seen.count, 16);
        seen.ids[seen.count++] = (uint8_t)property.id;
    }
    ck_assert_uint_eq(message->publish.payload_size, 1);
    ck_assert_int_eq(message->publish.payload[0], 'x');
    return MQTT_SKIPPED;
}

/* R19 */
START_TEST(every_property_of_a_message_arrives_in_order)
{
    static const uint8_t want[] = {1, 2, 3, 8, 9, 38, 11, 38, 38, 11};
    int qos = _i;
    script *s = script_new(NULL);
    mqtt_link *link = mqtt_link_new(&script_defaults,
                                    &(mqtt_link_user){.message = look, .granted = script_granted});

    mqtt_link_free(s->link);
    s->link = link;
    connected(s, false);
    seen.count = 0;
    say_with(s, qos, 1, every, sizeof(every));
    feed(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert_uint_eq(seen.count, sizeof(want));
    ck_assert_mem_eq(seen.ids, want, sizeof(want));
    ck_assert_mem_eq(seen.bytes, every, sizeof(every));
    ck_assert_uint_eq(seen.last.qos, qos);
    script_free(s);
}
END_TEST

/* R6: The expiry interval shrinks while the broker waits, so it is no part of what is recognised.
 */
START_TEST(a_redelivery_with_other_properties_is_the_same_message)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_with(s, 1, 1, (const uint8_t[]){2, 0, 0, 0, 9}, 5);
    feed(s);
    mqtt_link_close(s->link);
    connected(s, true);
    SAY(s, 0x3a, 12, 0, 1, 't', 0, 1, 5, 2, 0, 0, 0, 3, 'x');
    feed(s);
    ck_assert_uint_eq(s->taken, 1);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBACK, 1);
    script_free(s);
}
END_TEST

/* R17: A message above the limit: its properties are looked at while they are not too large
 * themselves, and are never needed for the connection to live. */
START_TEST(a_message_that_is_too_large_may_have_any_properties)
{
    static const size_t sizes[] = {7, 65535, 65536, 65537, 3 * 1024 * 1024};
    size_t properties = sizes[_i], total = 3 + 2 + 4 + properties + 2 * 1024 * 1024;
    uint8_t *pair = calloc(1, 65535), junk[4096] = {0};
    script *s = script_new(NULL);

    connected(s, false);
    s->cut = 60000;
    SAY(s, 0x32);
    say_length(s, total);
    SAY(s, 0, 1, 't', 0, 1);
    SAY(s, (uint8_t)(properties | 0x80), (uint8_t)(properties >> 7 | 0x80),
        (uint8_t)(properties >> 14 | 0x80), (uint8_t)(properties >> 21));
    for (size_t left = properties; left;) { /* user properties without a name */
        size_t value = left - 5 > 60000 ? 60000 : left - 5;

        if (left - 5 - value && left - 5 - value < 5)
            value -= 5;
        SAY(s, 38, 0, 0, (uint8_t)(value >> 8), (uint8_t)value);
        say(s, pair, value);
        left -= 5 + value;
    }
    for (size_t left = 2 * 1024 * 1024; left; left -= sizeof(junk))
        say(s, junk, sizeof(junk));
    say_publish(s, 1, false, 2, "after");
    feed(s);
    ck_assert_msg(s->state == MQTT_LINK_RUNS, "%s", mqtt_link_why(s->link));
    ck_assert_uint_eq(s->too_large, 1);
    ck_assert_str_eq(s->last_payload, "after");
    script_free(s);
    free(pair);
}
END_TEST

/* ---- The window (R20) --------------------------------------------------------------------------
 */

START_TEST(a_window_that_is_kept_is_not_called_exceeded)
{
    mqtt_link_settings settings = script_defaults;
    script *s;

    settings.receive_maximum = 5;
    s = script_new(&settings);
    connected(s, false);
    for (uint16_t id = 1; id <= 5; id++)
        say_publish(s, 1, false, id, "x");
    say_publish(s, 0, false, 0, "QoS 0 has no window");
    say_publish(s, 1, true, 1, "x"); /* neither has a repetition */
    feed(s);
    answer(s, 0);
    say_publish(s, 1, false, 6, "x");
    feed(s);
    ck_assert(!facts(s)->window_exceeded);
    say_publish(s, 1, false, 7, "x");
    feed(s);
    ck_assert(facts(s)->window_exceeded);
    ck_assert_uint_eq(s->taken, 8); /* and it was taken all the same */
    script_free(s);
}
END_TEST

/* R20: mosquitto before 2.0.13, with the limit of unacknowledged records where it has to stop. */
START_TEST(five_acks_answered_by_a_hundred_messages_are_borne)
{
    mqtt_link_settings settings = script_defaults;
    size_t done = 0;
    script *s;

    settings.receive_maximum = 20;
    settings.max_unacked = 20;
    s = script_new(&settings);
    connected(s, false);
    for (uint16_t id = 1; id <= 20; id++)
        say_publish(s, 1, false, id, "x");
    feed(s);
    ck_assert(!facts(s)->window_exceeded);
    for (uint16_t id = 21; id <= 120; id++)
        say_publish(s, 1, false, id, "x");
    while (done < 120) { /* five at a time */
        size_t taken;

        mqtt_link_retry(s->link);
        feed(s);
        taken = s->taken - done < 5 ? s->taken - done : 5;
        ck_assert_uint_gt(taken, 0);
        mqtt_link_settle(s->link, s->tokens + done, taken, WEIR_DELIVERED);
        collect(s);
        done += taken;
    }
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert(facts(s)->window_exceeded);
    ck_assert_uint_eq(s->taken, 120);
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_BROKER]), 4 * 120);
    script_free(s);
}
END_TEST

/* ---- QoS 2 (R12) -------------------------------------------------------------------------------
 */

START_TEST(a_pubrel_with_a_reason_and_properties_is_answered)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 2, false, 5, "x");
    feed(s);
    answer(s, 0);
    EXPECT_ACKS(s, MQTT_TYPE_PUBREC, 5);
    SAY(s, 0x62, 3, 0, 5, 0x92); /* the broker knows nothing of it any more */
    feed(s);
    EXPECT_ACKS(s, MQTT_TYPE_PUBCOMP, 5);
    SAY(s, 0x62, 8, 0, 5, 0, 4, 31, 0, 1, 'w'); /* now we do not, either */
    feed(s);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x70, 3, 0, 5, 0x92}, 5);
    say_publish(s, 2, false, 5, "x");
    feed(s);
    ck_assert_uint_eq(s->taken, 2);
    script_free(s);
}
END_TEST

/* R12 */
START_TEST(a_session_that_resumes_with_pubrel_alone_is_finished)
{
    script *s = script_new(NULL);
    bool same_process = _i;

    connected(s, false);
    if (same_process) {
        say_publish(s, 2, false, 5, "x");
        feed(s);
        answer(s, 0);
        EXPECT_ACKS(s, MQTT_TYPE_PUBREC, 5);
    }
    mqtt_link_close(s->link);
    connected(s, true);
    SAY(s, 0x62, 2, 0, 5);
    feed(s);
    if (same_process)
        EXPECT_ACKS(s, MQTT_TYPE_PUBCOMP, 5);
    else
        expect_sent(s, MQTT_BROKER, (const uint8_t[]){0x70, 3, 0, 5, 0x92}, 5);
    script_free(s);
}
END_TEST

/* ---- DISCONNECT, AUTH, answers ------------------------------------------------------------------
 */

static const struct {
    uint8_t code;
    const char *says;
} farewells[] = {
    {0x00, "without a reason"},
    {0x80, "does not describe"},
    {0x81, "malformed"},
    {0x82, "protocol error"},
    {0x83, "implementation"},
    {0x87, "not authorised"},
    {0x89, "busy"},
    {0x8B, "shutting down"},
    {0x8D, "keep-alive"},
    {0x8E, "taken over"},
    {0x8F, "topic filter"},
    {0x90, "a topic that"},
    {0x93, "receive maximum"},
    {0x94, "topic alias"},
    {0x95, "too large"},
    {0x96, "too fast"},
    {0x97, "quota"},
    {0x98, "administrator"},
    {0x99, "format"},
    {0x9A, "no retained"},
    {0x9B, "that QoS"},
    {0x9C, "another server"},
    {0x9D, "moved"},
    {0x9E, "no shared subscriptions"},
    {0x9F, "connections come too"},
    {0xA0, "longest time"},
    {0xA1, "subscription identifiers"},
    {0xA2, "no wildcards"},
    {0xFE, "does not name"},
};

START_TEST(a_disconnect_is_put_in_words)
{
    for (size_t cut = 0; cut < 3; cut++) {
        script *s = script_new(NULL);
        char code[8];

        s->cut = cut;
        connected(s, false);
        SAY(s, 0xE0, 1, farewells[_i].code);
        feed(s);
        snprintf(code, sizeof(code), "0x%02x", farewells[_i].code);
        ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
        ck_assert(facts(s)->left && !facts(s)->malformed);
        ck_assert_uint_eq(facts(s)->left_reason, farewells[_i].code);
        ck_assert_msg(strstr(mqtt_link_why(s->link), farewells[_i].says) &&
                          strstr(mqtt_link_why(s->link), code),
                      "got: %s", mqtt_link_why(s->link));
        expect_nothing(s); /* nobody says goodbye to a broker that has gone */
        connected(s, false);
        ck_assert(!facts(s)->left);
        script_free(s);
    }
}
END_TEST

START_TEST(a_disconnect_without_a_code_and_one_with_everything)
{
    script *s = script_new(NULL);

    connected(s, false);
    SAY(s, 0xE0, 0);
    feed(s);
    ck_assert(facts(s)->left && facts(s)->left_reason == 0);
    connected(s, false);
    SAY(s, 0xE0, 15, 0x9D, 13, 28, 0, 3, 'b', ':', '1', 31, 0, 4, 'b', 'y', 'e', '\n');
    feed(s);
    ck_assert_ptr_nonnull(strstr(mqtt_link_why(s->link), "it says: 'bye?'; it names 'b:1'"));
    expect_sent(s, MQTT_CLIENT,
                (const uint8_t[]){0xE0, 15, 0x9D, 13, 28, 0, 3, 'b', ':', '1', 31, 0, 4, 'b', 'y',
                                  'e', '\n'},
                17);
    script_free(s);
}
END_TEST

START_TEST(control_packets_of_mqtt_5_pass_both_ways)
{
    script *s = script_new(NULL);

    connected(s, false);
    SAY(s, 0xF0, 2, 0x18, 0); /* AUTH: go on */
    SAY(s, 0xB0, 8, 0, 1, 4, 31, 0, 1, 'w', 0x11);
    SAY(s, 0x90, 9, 0, 2, 4, 31, 0, 1, 'w', 1, 0x87);
    SAY(s, 0x40, 3, 0, 9, 0x10); /* the birth message: nobody listens to it */
    feed(s);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    ck_assert_uint_eq(s->grants, 2);
    ck_assert_mem_eq(s->granted, ((const uint8_t[]){1, 0x87}), 2);
    expect_sent(s, MQTT_CLIENT, (const uint8_t[]){0xF0, 2, 0x18, 0,    0xB0, 8,    0, 1, 4, 31,
                                                  0,    1, 'w',  0x11, 0x90, 9,    0, 2, 4, 31,
                                                  0,    1, 'w',  1,    0x87, 0x40, 3, 0, 9, 0x10},
                30);
    PAHO_SAYS(s, 0xF0, 2, 0x18, 0);
    expect_sent(s, MQTT_BROKER, (const uint8_t[]){0xF0, 2, 0x18, 0}, 4);
    script_free(s);
}
END_TEST

START_TEST(the_last_words_stand_between_acks_and_disconnect)
{
    script *s = script_new(NULL);

    connected(s, false);
    say_publish(s, 1, false, 1, "x");
    feed(s);
    mqtt_link_settle(s->link, s->tokens, 1, WEIR_DELIVERED);
    mqtt_link_say(s->link, "w", "off", true);
    mqtt_link_goodbye(s->link);
    collect(s);
    expect_sent(s, MQTT_BROKER,
                (const uint8_t[]){0x40, 2, 0, 1, 0x31, 7, 0, 1, 'w', 0, 'o', 'f', 'f', 0xE0, 0},
                15);
    mqtt_link_close(s->link);
    mqtt_link_say(s->link, "w", "off", true);
    collect(s);
    expect_nothing(s);
    script_free(s);
}
END_TEST

/* ---- R16: everything, to be cut anywhere
 * ---------------------------------------------------------
 */

static void play(script *s)
{
    opened(s);
    SAY(s, 0x20, 9, 1, 0, 6, 33, 0, 9, 19, 0, 60);
    say_with(s, 0, 0, every, sizeof(every));
    say_with(s, 1, 1, every, sizeof(every));
    say_with(s, 2, 2, (const uint8_t[]){1, 0}, 2);
    SAY(s, 0x90, 9, 0, 2, 4, 31, 0, 1, 'w', 1, 2);
    SAY(s, 0x62, 3, 0, 9, 0x92);
    say_publish(s, 1, false, 3, "bare");
    SAY(s, 0xE0, 8, 0x8B, 6, 31, 0, 3, 'e', 'n', 'd');
}

static void check_play(script *s)
{
    static const uint8_t acks[] = {0x70, 3, 0, 9, 0x92};

    ck_assert_int_eq(s->state, MQTT_LINK_BROKEN);
    ck_assert_msg(strstr(mqtt_link_why(s->link), "shutting down (0x8b); it says: 'end'"), "%s",
                  mqtt_link_why(s->link));
    ck_assert_uint_eq(s->taken, 4);
    ck_assert_uint_eq(s->grants, 2);
    expect_sent(s, MQTT_BROKER, acks, sizeof(acks));
}

START_TEST(a_bit_of_everything_passes)
{
    script *s = script_new(NULL);

    play(s);
    feed(s);
    check_play(s);
    script_free(s);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

WEIR_UNIT_MAIN(
    "mqtt-source link: MQTT 5", tcase_add_test(tests, connack_says_what_the_broker_can_do);
    tcase_add_test(tests, what_connack_does_not_say_is_as_the_specification_has_it);
    tcase_add_loop_test(tests, an_answer_in_the_old_form_is_understood, 0, ROWS(old_answers));
    tcase_add_loop_test(tests, a_bad_connack_ends_the_connection_in_words, 0, ROWS(bad_connacks));
    tcase_add_loop_test(tests, a_broker_that_wants_more_pings_than_paho_sends_gets_them, 0, 2);
    tcase_add_test(tests, what_is_sent_anyway_counts_as_a_ping);
    tcase_add_test(tests, a_ping_of_ours_and_one_of_pahos_get_one_answer_each);
    tcase_add_loop_test(tests, a_broker_that_is_content_with_pahos_pings_gets_no_others, 0,
                        ROWS(rare_enough));
    tcase_add_test(tests, a_broker_that_does_not_answer_our_ping_is_given_up);
    tcase_add_loop_test(tests, every_property_of_a_message_arrives_in_order, 0, 3);
    tcase_add_test(tests, a_redelivery_with_other_properties_is_the_same_message);
    tcase_add_loop_test(tests, a_message_that_is_too_large_may_have_any_properties, 0, 5);
    tcase_add_test(tests, a_window_that_is_kept_is_not_called_exceeded);
    tcase_add_test(tests, five_acks_answered_by_a_hundred_messages_are_borne);
    tcase_add_test(tests, a_pubrel_with_a_reason_and_properties_is_answered);
    tcase_add_loop_test(tests, a_session_that_resumes_with_pubrel_alone_is_finished, 0, 2);
    tcase_add_loop_test(tests, a_disconnect_is_put_in_words, 0, ROWS(farewells));
    tcase_add_test(tests, a_disconnect_without_a_code_and_one_with_everything);
    tcase_add_test(tests, control_packets_of_mqtt_5_pass_both_ways);
    tcase_add_test(tests, the_last_words_stand_between_acks_and_disconnect);
    tcase_add_test(tests, a_bit_of_everything_passes);)
