/* test_connection_mqtt5.c - versions, refusals, farewells, the will and the other broker: the
 * plugin on real sockets with a scripted broker (section 6, R18, R20). */
#include "stage.h"

#include "packet.h"

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A packet of less than 128 bytes behind its head. */
static size_t read_packet(stage *s, uint8_t *packet)
{
    broker_reads(s, packet, 2);
    ck_assert_uint_lt(packet[1], 128);
    if (packet[1])
        broker_reads(s, packet + 2, packet[1]);
    return 2 + (size_t)packet[1];
}

/* The broker waits for CONNECT, in this version. */
static size_t until_connect(stage *s, mqtt_level level, uint8_t *packet)
{
    size_t size = read_packet(s, packet);

    ck_assert_uint_eq(packet[0], 0x10);
    ck_assert_uint_eq(packet[8], level);
    return size;
}

static void until_failed(stage *s, const char *text)
{
    for (int64_t end = clock_ms() + 10000; s->last != WEIR_FATAL;) {
        turn(s);
        poll(NULL, 0, 1);
        ck_assert_msg(clock_ms() < end, "still going: %s", status(s));
    }
    ck_assert_msg(strstr(s->failed, text), "failed with: %s", s->failed);
}

static void say_connack(stage *s, mqtt_level level, uint8_t code)
{
    broker_says(s, (const uint8_t[]){0x20, level == MQTT_5 ? 3 : 2, 0, code, 0},
                level == MQTT_5 ? 5 : 4);
}

static void until_up(stage *s, mqtt_level level)
{
    uint8_t packet[130];

    until_connect(s, level, packet);
    say_connack(s, level, 0);
    read_packet(s, packet);
    ck_assert_uint_eq(packet[0], 0x82);
    s->now_ms++;
    broker_says(s,
                (const uint8_t[]){0x90, level == MQTT_5 ? 4 : 3, packet[2], packet[3],
                                  level == MQTT_5 ? 0 : 1, 1},
                level == MQTT_5 ? 6 : 5);
    until_status(s, "\"state\":\"connected\"");
    s->now_ms += 10;
}

static const char *const automatic[] = {"mqtt.version", "auto", NULL};
static const char *const five[] = {"mqtt.version", "5", NULL};

/* ---- Versions -----------------------------------------------------------------------------------
 */

static const struct {
    const char *what;
    uint8_t bytes[5];
    size_t size;
} triggers[] = {
    {"refused as MQTT 5 has it", {0x20, 3, 0, 0x84, 0}, 5},
    {"refused as 3.1.1 has it", {0x20, 2, 0, 1}, 4},
    {"hung up without a word", {0}, 0},
    {"accepted as 3.1.1 has it", {0x20, 2, 0, 0}, 4},
};

START_TEST(auto_tries_5_first_and_falls_back_at_once)
{
    stage *s = stage_new(NULL, automatic);
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    if (triggers[_i].size)
        broker_says(s, triggers[_i].bytes, triggers[_i].size);
    else
        broker_hangs_up(s);
    until_logged(s, "trying MQTT 3.1.1");
    if (s->broker >= 0)
        broker_hangs_up(s);
    until_up(s, MQTT_3_1_1); /* the clock stands still: there was no back-off */
    ck_assert_ptr_nonnull(strstr(status(s), "\"mqtt_version\":\"3.1.1\""));
    broker_hangs_up(s); /* … and it is remembered */
    until_status(s, "closed the connection");
    s->now_ms += 2000;
    until_connect(s, MQTT_3_1_1, packet);
    stage_free(s);
}
END_TEST

/* A broker that is only going down must not be spoken to in 3.1.1 for ever. */
START_TEST(a_broker_that_answers_neither_version_is_asked_in_5_again)
{
    stage *s = stage_new(NULL, automatic);
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    broker_hangs_up(s);
    until_connect(s, MQTT_3_1_1, packet);
    broker_hangs_up(s);
    until_status(s, "instead of answering CONNECT");
    s->now_ms += 1000;
    until_up(s, MQTT_5);
    ck_assert_ptr_nonnull(strstr(status(s), "\"mqtt_version\":\"5\""));
    stage_free(s);
}
END_TEST

START_TEST(a_broker_that_speaks_5_is_asked_in_5_again_after_a_loss)
{
    stage *s = stage_new(NULL, automatic);
    uint8_t packet[130];

    until_up(s, MQTT_5);
    broker_hangs_up(s);
    until_status(s, "closed the connection");
    s->now_ms += 2000;
    until_connect(s, MQTT_5, packet);
    stage_free(s);
}
END_TEST

START_TEST(whoever_asks_for_5_gets_5_or_nothing)
{
    stage *s = stage_new(NULL, five);
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    broker_says(s, (const uint8_t[]){0x20, 2, 0, 1}, 4);
    until_status(s, "does not speak MQTT 5");
    broker_hangs_up(s);
    s->now_ms += 30000;
    until_connect(s, MQTT_5, packet);
    stage_free(s);
}
END_TEST

/* ---- CONNECT and SUBSCRIBE ----------------------------------------------------------------------
 */

static mqtt_properties properties_of(const uint8_t *packet, mqtt_type type, size_t at)
{
    mqtt_properties properties;
    mqtt_fault fault;

    ck_assert_msg(
        mqtt_check_properties(MQTT_IN(type), packet + at + 1, packet[at], &properties, &fault),
        "%s", fault.why);
    return properties;
}

static const struct {
    const char *more[9];
    uint32_t expiry, window, largest;
    uint8_t flags;
} connects[] = {
    {{NULL}, 604800, 1024, 0, 0},
    {{"mqtt.session.expiry.interval.seconds", "4294967295", "mqtt.receive.maximum", "7",
      "mqtt.maximum.packet.size", "4096", NULL},
     2147483647, /* paho cannot say more */
     7,
     4096,
     0},
    {{"mqtt.clean.session.enabled", "true", "max.unacked.records", "65000", NULL}, 0, 65000, 0, 2},
};

START_TEST(connect_says_how_long_and_how_much)
{
    const char *more[12] = {"mqtt.version", "5"};
    uint8_t packet[130];
    mqtt_properties p;
    stage *s;

    for (size_t i = 0; connects[_i].more[i]; i++)
        more[2 + i] = connects[_i].more[i];
    s = stage_new(NULL, more);
    until_connect(s, MQTT_5, packet);
    ck_assert_uint_eq(packet[9], connects[_i].flags); /* neither the secret nor a user name */
    ck_assert_uint_eq(packet[10] << 8 | packet[11], 60);
    p = properties_of(packet, MQTT_TYPE_CONNECT, 12);
    ck_assert_uint_eq(mqtt_properties_number(&p, MQTT_SESSION_EXPIRY, 0), connects[_i].expiry);
    ck_assert_uint_eq(mqtt_properties_number(&p, MQTT_RECEIVE_MAXIMUM, 0), connects[_i].window);
    ck_assert_uint_eq(mqtt_properties_number(&p, MQTT_MAXIMUM_PACKET, 0), connects[_i].largest);
    ck_assert(!(p.there >> MQTT_TOPIC_ALIAS_MAXIMUM & 1)); /* R19 */
    stage_free(s);
}
END_TEST

static const struct {
    const char *handling, *topics;
    uint8_t options;
} subscribes[] = {
    {"send", "t", 0x01},     {"send_if_new", "t", 0x11},     {"never", "t", 0x21},
    {"send", "t,u,v", 0x01}, {"send_if_new", "t,u,v", 0x11}, {"never", "t,u,v", 0x21},
};

START_TEST(subscribe_says_what_becomes_of_retained_messages)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.version", "5", "mqtt.retain.handling",
                                                     subscribes[_i].handling, "mqtt.topics",
                                                     subscribes[_i].topics, NULL});
    uint8_t packet[130];
    size_t size;

    until_connect(s, MQTT_5, packet);
    say_connack(s, MQTT_5, 0);
    size = read_packet(s, packet);
    ck_assert_uint_eq(packet[0], 0x82);
    ck_assert_uint_eq(packet[4], 0);        /* no properties */
    for (size_t at = 5; at < size; at += 4) /* QoS 1, no local 0, retain as published 0 */
        ck_assert_uint_eq(packet[at + 3], subscribes[_i].options);
    stage_free(s);
}
END_TEST

/* ---- Refusals and farewells
 * ---------------------------------------------------------------------- */

typedef enum then { SOON, LATER, NEVER } then;

static const struct {
    uint8_t code;
    const char *says;
    then then;
} refusals[] = {
    {0x80, "does not describe", LATER},
    {0x81, "malformed", LATER},
    {0x82, "protocol error", LATER},
    {0x83, "implementation", LATER},
    {0x84, "does not speak MQTT 5", LATER},
    {0x85, "rejects the client id", NEVER},
    {0x86, "user name or password", LATER},
    {0x87, "not authorised", LATER},
    {0x88, "not available", SOON},
    {0x89, "busy", SOON},
    {0x8A, "banned", LATER},
    {0x8C, "method of authentication", LATER},
    {0x90, "a topic that", LATER},
    {0x95, "too large", LATER},
    {0x97, "quota", SOON},
    {0x99, "format", LATER},
    {0x9A, "no retained", LATER},
    {0x9B, "that QoS", LATER},
    {0x9C, "another server", SOON},
    {0x9D, "moved", SOON},
    {0x9F, "come too fast", SOON},
    {0xF0, "does not name", LATER},
};

START_TEST(a_refusal_is_put_in_words_and_retried_as_it_deserves)
{
    stage *s = stage_new(NULL, five);
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    broker_says(s, (const uint8_t[]){0x20, 8, 0, refusals[_i].code, 5, 31, 0, 2, 'n', 'o'}, 10);
    if (refusals[_i].then == NEVER) {
        until_failed(s, refusals[_i].says);
        ck_assert_ptr_nonnull(strstr(s->failed, "'unit-0'"));
        stage_free(s);
        return;
    }
    until_status(s, refusals[_i].says);
    ck_assert_ptr_nonnull(strstr(status(s), "it says: 'no'"));
    broker_hangs_up(s);
    if (refusals[_i].then == LATER) {
        s->now_ms += 29999;
        for (int i = 0; i < 50; i++) {
            turn(s);
            poll(NULL, 0, 1);
        }
        ck_assert_int_lt(accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), 0);
        s->now_ms += 1;
    } else {
        s->now_ms += 500;
    }
    until_connect(s, MQTT_5, packet);
    stage_free(s);
}
END_TEST

static const struct {
    uint8_t code;
    const char *says;
    int64_t wait_ms;
} farewells[] = {
    {0x8B, "shutting down (0x8b)", 1000}, {0x89, "it is busy (0x89)", 1000},
    {0x8D, "keep-alive", 1000},           {0x97, "quota", 1000},
    {0x98, "administrator", 1000},        {0x87, "not authorised", 30000},
    {0x93, "receive maximum", 1000},      {0x9C, "another server", 1000},
    {0x00, "without a reason", 1000},     {0x9D, "moved", 1000},
};

START_TEST(a_farewell_is_put_in_words_and_followed_by_a_reconnect)
{
    stage *s = stage_new(NULL, five);
    uint8_t packet[130];

    until_up(s, MQTT_5);
    broker_says(s, (const uint8_t[]){0xE0, 1, farewells[_i].code}, 3);
    until_status(s, farewells[_i].says);
    ck_assert_ptr_nonnull(strstr(s->logged, farewells[_i].says));
    broker_hangs_up(s);
    s->now_ms += farewells[_i].wait_ms;
    until_connect(s, MQTT_5, packet);
    stage_free(s);
}
END_TEST

static const struct {
    uint8_t bytes[10];
    size_t size;
    uint8_t told; /* 0: this is 3.1.1, which has no way to tell */
} nonsense[] = {
    {{0x36, 6, 0, 1, 't', 0, 1, 'x'}, 8, 0},
    {{0x36, 7, 0, 1, 't', 0, 1, 0, 'x'}, 9, 0x81},
    {{0x30, 4, 0, 0, 0, 'x'}, 6, 0x82},
    {{0x30, 8, 0, 1, 't', 3, 35, 0, 1, 'x'}, 10, 0x82},
};

/* … after which a minute of health does not count (R18). */
START_TEST(nonsense_is_answered_with_a_reason_and_the_back_off_grows_on)
{
    stage *s = stage_new(NULL, nonsense[_i].told ? five : (const char *const[]){NULL});
    uint8_t packet[130];

    for (int round = 0; round < 2; round++) {
        until_up(s, nonsense[_i].told ? MQTT_5 : MQTT_3_1_1);
        s->now_ms += 60000;
        broker_says(s, nonsense[_i].bytes, nonsense[_i].size);
        if (nonsense[_i].told) {
            read_packet(s, packet);
            ck_assert_mem_eq(packet, ((const uint8_t[]){0xE0, 1, nonsense[_i].told}), 3);
        }
        until_status(s, round ? "\"disconnects\":2" : "\"disconnects\":1");
        ck_assert_ptr_nonnull(strstr(status(s), "lost: the broker sent"));
        ck_assert_msg(strstr(status(s), round ? "\"attempt\":2" : "\"attempt\":1"), "%s",
                      status(s));
        broker_hangs_up(s);
        s->now_ms += 1000;
    }
    stage_free(s);
}
END_TEST

/* ---- What the broker cannot do ----------------------------------------------------------------
 */

static const struct {
    const char *topics, *says;
    uint8_t property;
} beyond[] = {
    {"t,$share/g/t", "no shared subscriptions, and a filter is '$share/g/t'", 42},
    {"t,a/+", "no wildcards in subscriptions, and a filter is 'a/+'", 40},
    {"#", "no wildcards in subscriptions, and a filter is '#'", 40},
};

START_TEST(a_filter_that_the_broker_cannot_serve_ends_the_task_by_name)
{
    stage *s = stage_new(
        NULL, (const char *const[]){"mqtt.version", "5", "mqtt.topics", beyond[_i].topics, NULL});
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    broker_says(s, (const uint8_t[]){0x20, 5, 0, 0, 2, beyond[_i].property, 0}, 7);
    until_failed(s, beyond[_i].says);
    stage_free(s);
}
END_TEST

START_TEST(a_session_that_is_kept_for_less_than_asked_is_said)
{
    stage *s = stage_new(NULL, five);
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    broker_says(s, (const uint8_t[]){0x20, 11, 0, 0, 8, 17, 0, 0, 0, 60, 19, 0, 30}, 13);
    until_logged(s, "keeps the session for 60 s only");
    ck_assert_ptr_nonnull(strstr(s->logged, "keep-alive of 30 s"));
    stage_free(s);
}
END_TEST

START_TEST(a_window_that_is_exceeded_is_said_once)
{
    stage *s = stage_new(
        NULL, (const char *const[]){"mqtt.version", "5", "mqtt.receive.maximum", "2", NULL});
    const char *said;

    until_up(s, MQTT_5);
    for (uint8_t id = 1; id <= 6; id++)
        broker_says(s, (const uint8_t[]){0x32, 7, 0, 1, 't', 0, id, 0, 'x'}, 9);
    until_logged(s, "mqtt.receive.maximum (2)");
    ck_assert_uint_eq(s->taken, 6);
    said = strstr(s->logged, "mqtt.receive.maximum (2)");
    s->now_ms += 10;
    broker_says(s, (const uint8_t[]){0x32, 7, 0, 1, 't', 0, 9, 0, 'x'}, 9);
    turn(s);
    ck_assert_uint_eq(s->taken, 7);
    ck_assert_ptr_null(strstr(said + 1, "mqtt.receive.maximum (2)"));
    stage_free(s);
}
END_TEST

/* ---- The will
 * ------------------------------------------------------------------------------------ */

static const mqtt_level versions[] = {MQTT_3_1_1, MQTT_5};

START_TEST(a_will_is_left_a_birth_is_told_and_a_goodbye_said)
{
    mqtt_level level = versions[_i];
    bool new = level == MQTT_5;
    stage *s = stage_new(NULL, (const char *const[]){
                                   "mqtt.version", new ? "5" : "3.1.1", "mqtt.will.enabled", "true",
                                   "mqtt.will.topic", "w/${connector}-${task}", "mqtt.will.payload",
                                   "gone", "mqtt.will.delay.seconds", new ? "5" : "0", NULL});
    uint8_t packet[130], end[32];
    const uint8_t *at;
    int heard;

    until_connect(s, level, packet);
    ck_assert_uint_eq(packet[9] & 0x3c, 0x2c); /* will, QoS 1, retained */
    at = packet + 12 + (new ? 1 + packet[12] : 0) + 2 + strlen("unit-0");
    if (new) {
        ck_assert_mem_eq(at, "\x05\x18\x00\x00\x00\x05", 6);
        at += 6;
    }
    ck_assert_mem_eq(at, "\0\x08w/unit-0\0\x04gone", 16);
    say_connack(s, level, 0);
    /* SUBSCRIBE and the birth leave in an order that paho decides. */
    for (int i = 0; i < 2; i++) {
        read_packet(s, packet);
        if (packet[0] == 0x82) {
            broker_says(s,
                        (const uint8_t[]){0x90, new ? 4 : 3, packet[2], packet[3], new ? 0 : 1, 1},
                        new ? 6 : 5);
        } else {
            ck_assert_uint_eq(packet[0], 0x33); /* QoS 1, retained */
            ck_assert_mem_eq(packet + 2, "\0\x08w/unit-0", 10);
            ck_assert_mem_eq(packet + packet[1] + 2 - 6, "online", 6);
            broker_says(s, (const uint8_t[]){0x40, 2, packet[12], packet[13]}, 4);
        }
        s->now_ms++;
    }
    until_status(s, "\"state\":\"connected\"");
    weir_plugin_entry.source->drain(s->self);
    heard = dup(s->broker);
    shutdown(s->broker, SHUT_WR);
    stage_free(s);
    ck_assert_int_eq(recv(heard, end, sizeof(end), MSG_WAITALL), 18 + new);
    ck_assert_mem_eq(
        end, new ? "\x31\x0f\0\x08w/unit-0\0gone\xe0" : "\x31\x0e\0\x08w/unit-0gone\xe0", 17 + new);
    close(heard);
}
END_TEST

START_TEST(a_birth_that_the_broker_does_not_take_is_said)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.version", "5", "mqtt.will.enabled",
                                                     "true", "mqtt.will.topic", "w", NULL});
    uint8_t packet[130];

    until_connect(s, MQTT_5, packet);
    say_connack(s, MQTT_5, 0);
    while (packet[0] != 0x33)
        read_packet(s, packet);
    s->now_ms++;
    broker_says(s, (const uint8_t[]){0x40, 3, packet[5], packet[6], 0x87}, 5);
    until_logged(s, "takes nothing on 'w' (code 0x87): not authorised");
    stage_free(s);
}
END_TEST

/* ---- The other broker
 * ---------------------------------------------------------------------------- */

static const struct {
    bool refused; /* in CONNACK, or else by DISCONNECT */
    uint8_t code;
} moves[] = {{true, 0x9C}, {true, 0x9D}, {false, 0x9C}, {false, 0x9D}};

START_TEST(use_another_server_means_the_next_of_the_list)
{
    int port, other = listen_at(&port, 8);
    char uris[160];
    uint8_t packet[130];
    stage *s = stage_new(NULL, five), *t;

    /* Two addresses are needed: s lends its listener, t is who connects. */
    snprintf(uris, sizeof(uris), "%s,tcp://127.0.0.1:%d", s->uri, port);
    t = stage_new(uris, five);
    close(t->listener);
    t->listener = dup(s->listener);
    stage_free(s);
    if (moves[_i].refused) {
        until_connect(t, MQTT_5, packet);
        say_connack(t, MQTT_5, moves[_i].code);
        until_status(t, "refuses the connection");
    } else {
        until_up(t, MQTT_5);
        broker_says(t, (const uint8_t[]){0xE0, 1, moves[_i].code}, 3);
        until_status(t, "the broker disconnects");
    }
    broker_hangs_up(t);
    close(t->listener);
    t->listener = other;
    t->now_ms += 1000;
    until_up(t, MQTT_5);
    snprintf(uris, sizeof(uris), "tcp://127.0.0.1:%d", port);
    ck_assert_ptr_nonnull(strstr(status(t), uris));
    broker_hangs_up(t); /* a broker that was up is tried again first */
    until_status(t, "closed the connection");
    t->now_ms += 2000;
    until_connect(t, MQTT_5, packet);
    stage_free(t);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source connection: MQTT 5",
    tcase_add_loop_test(tests, auto_tries_5_first_and_falls_back_at_once, 0, ROWS(triggers));
    tcase_add_test(tests, a_broker_that_answers_neither_version_is_asked_in_5_again);
    tcase_add_test(tests, a_broker_that_speaks_5_is_asked_in_5_again_after_a_loss);
    tcase_add_test(tests, whoever_asks_for_5_gets_5_or_nothing);
    tcase_add_loop_test(tests, connect_says_how_long_and_how_much, 0, ROWS(connects));
    tcase_add_loop_test(tests, subscribe_says_what_becomes_of_retained_messages, 0,
                        ROWS(subscribes));
    tcase_add_loop_test(tests, a_refusal_is_put_in_words_and_retried_as_it_deserves, 0,
                        ROWS(refusals));
    tcase_add_loop_test(tests, a_farewell_is_put_in_words_and_followed_by_a_reconnect, 0,
                        ROWS(farewells));
    tcase_add_loop_test(tests, nonsense_is_answered_with_a_reason_and_the_back_off_grows_on, 0,
                        ROWS(nonsense));
    tcase_add_loop_test(tests, a_filter_that_the_broker_cannot_serve_ends_the_task_by_name, 0,
                        ROWS(beyond));
    tcase_add_test(tests, a_session_that_is_kept_for_less_than_asked_is_said);
    tcase_add_test(tests, a_window_that_is_exceeded_is_said_once);
    tcase_add_loop_test(tests, a_will_is_left_a_birth_is_told_and_a_goodbye_said, 0, 2);
    tcase_add_test(tests, a_birth_that_the_broker_does_not_take_is_said);
    tcase_add_loop_test(tests, use_another_server_means_the_next_of_the_list, 0, ROWS(moves));)
