/* test_connection.c - the plugin on real sockets with a scripted broker and a clock that stands
 * still until the test moves it (R15, R22, R23, section 6). */
#include "stage.h"

/* CONNECT: 2 + 10 + 2 + strlen("unit-0") */
static void until_connect(stage *s)
{
    uint8_t connect[20];

    broker_reads(s, connect, sizeof(connect));
    ck_assert_uint_eq(connect[0], 0x10);
    ck_assert_mem_eq(connect + 14, "unit-0", 6);
}

static void until_subscribe(stage *s)
{
    uint8_t subscribe[8];

    until_connect(s);
    broker_says(s, "\x20\x02\x00\x00", 4);
    broker_reads(s, subscribe, sizeof(subscribe));
    ck_assert_uint_eq(subscribe[0], 0x82);
    ck_assert_mem_eq(subscribe + 4, "\x00\x01t\x01", 4);
    s->now_ms++; /* the socket has rested since CONNACK */
}

static void until_up(stage *s)
{
    until_subscribe(s);
    broker_says(s, "\x90\x03\x00\x01\x01", 5);
    until_status(s, "\"state\":\"connected\"");
    s->now_ms += 10; /* whatever was read last, it is long ago */
}

static void publish_one(stage *s, uint8_t id)
{
    broker_says(s, (const uint8_t[]){0x32, 6, 0, 1, 't', 0, id, 'x'}, 8);
}

static const char *const none[] = {NULL};

/* R22 */
START_TEST(a_lone_message_passes_at_once_and_the_next_a_millisecond_later)
{
    stage *s = stage_new(NULL, none);
    uint8_t ack[4];

    until_up(s);
    publish_one(s, 1);
    turn(s);
    ck_assert_uint_eq(s->taken, 1);
    publish_one(s, 2);
    publish_one(s, 3);
    turn(s);
    ck_assert_uint_eq(s->taken, 1); /* the socket rests … */
    weir_plugin_entry.source->settled(s->self, s->tokens, 1, WEIR_DELIVERED);
    broker_reads(s, ack, 4); /* … but acknowledgements do not */
    ck_assert_mem_eq(ack, "\x40\x02\x00\x01", 4);
    s->now_ms++;
    turn(s);
    ck_assert_uint_eq(s->taken, 3); /* both with one read */
    stage_free(s);
}
END_TEST

/* R22 */
START_TEST(a_large_read_leaves_the_socket_armed)
{
    stage *s = stage_new(NULL, none);
    uint8_t burst[8 * 2500];

    until_up(s);
    for (size_t i = 0; i < 2500; i++)
        memcpy(burst + 8 * i, (const uint8_t[]){0x30, 6, 0, 1, 't', 'a', 'b', 'c'}, 8);
    broker_says(s, burst, sizeof(burst));
    turn(s);
    ck_assert_uint_eq(s->taken, 2500);
    publish_one(s, 1);
    turn(s);
    ck_assert_uint_eq(s->taken, 2501);
    stage_free(s);
}
END_TEST

/* R23 */
START_TEST(a_broker_that_never_answers_is_left_at_the_deadline)
{
    static const char *const says[] = {"answer to CONNECT took longer than 30 s",
                                       "answer to SUBSCRIBE took longer than 30 s"};
    stage *s = stage_new(NULL, none);

    if (_i == 0)
        until_connect(s);
    else
        until_subscribe(s);
    s->now_ms += 29990;
    turn(s);
    ck_assert_ptr_null(strstr(status(s), says[_i]));
    s->now_ms += 10;
    turn(s);
    ck_assert_msg(strstr(status(s), says[_i]), "%s", status(s));
    stage_free(s);
}
END_TEST

/* R23 */
START_TEST(a_connect_that_never_ends_is_left_at_the_deadline)
{
    int port, full = listen_at(&port, 0), filler[4];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char uri[64];
    stage *s;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 4; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert(connect(filler[i], (struct sockaddr *)&to, sizeof(to)) <= 0);
    }
    snprintf(uri, sizeof(uri), "%s://127.0.0.1:%d", STAGE_SCHEME, port);
    s = stage_new(uri, none);
    turn(s);
    ck_assert_ptr_nonnull(strstr(status(s), "\"state\":\"connecting\""));
    s->now_ms += 30000;
    turn(s);
    ck_assert_msg(strstr(status(s), "connecting to 127.0.0.1 port"), "%s", status(s));
    stage_free(s);
    for (int i = 0; i < 4; i++)
        close(filler[i]);
    close(full);
}
END_TEST

/* R23 */
START_TEST(a_name_that_is_none_holds_nobody_up)
{
    stage *s = stage_new(
        STAGE_TLS ? "ssl://no-such-broker.invalid" : "tcp://no-such-broker.invalid", none);
    int64_t began = clock_ms();

    turn(s);
    ck_assert_int_lt(clock_ms() - began, 500);
    s->now_ms += 30000;
    turn(s); /* looked up in vain, or still looking */
    ck_assert_msg(strstr(status(s), "look"), "%s", status(s));
    ck_assert_ptr_nonnull(strstr(status(s), "no-such-broker.invalid"));
    stage_free(s);
}
END_TEST

static const struct {
    uint8_t code;
    const char *says;
    bool fatal;
    int retry_ms; /* after which the next attempt is due at the latest */
} refusals[] = {
    {1, "does not speak MQTT 3.1.1", false, 30000},
    {2, "rejects the client id", true, 0},
    {3, "not available", false, 500},
    {4, "user name or password", false, 30000},
    {5, "not authorised", false, 30000},
    {99, "does not name", false, 30000},
};

/* R23 */
START_TEST(a_refusal_is_put_in_words)
{
    stage *s = stage_new(NULL, none);
    uint8_t connack[4] = {0x20, 2, 0, refusals[_i].code};

    until_connect(s);
    broker_says(s, connack, 4);
    if (refusals[_i].fatal) {
        for (int64_t end = clock_ms() + 5000; s->last != WEIR_FATAL && clock_ms() < end;)
            turn(s);
        ck_assert_msg(strstr(s->failed, refusals[_i].says), "%s", s->failed);
        ck_assert_ptr_nonnull(strstr(s->failed, "unit-0"));
    } else {
        until_status(s, refusals[_i].says);
        broker_hangs_up(s);
        s->now_ms += refusals[_i].retry_ms;
        until_connect(s);
    }
    stage_free(s);
}
END_TEST

START_TEST(a_refused_filter_ends_the_task_by_name)
{
    stage *s = stage_new(NULL, none);

    until_subscribe(s);
    broker_says(s, "\x90\x03\x00\x01\x80", 5);
    for (int64_t end = clock_ms() + 5000; s->last != WEIR_FATAL && clock_ms() < end;)
        turn(s);
    ck_assert_msg(strstr(s->failed, "'t'") && strstr(s->failed, "0x80"), "%s", s->failed);
    stage_free(s);
}
END_TEST

START_TEST(less_qos_than_asked_is_said)
{
    stage *s = stage_new(NULL, none);

    until_subscribe(s);
    broker_says(s, (const uint8_t[]){0x90, 3, 0, 1, 0}, 5);
    until_status(s, "\"granted_qos\":{\"t\":0}");
    until_status(s, "\"filters_below_asked_qos\":1");
    ck_assert_ptr_nonnull(strstr(s->logged, "QoS 0 granted, 1 asked"));
    ck_assert_ptr_nonnull(strstr(s->logged, "at-least-once does not hold"));
    stage_free(s);
}
END_TEST

/* R11 */
START_TEST(a_lost_session_is_said_and_subscribed_anew)
{
    stage *s = stage_new(NULL, none);

    until_up(s);
    broker_hangs_up(s);
    until_status(s, "closed the connection");
    s->now_ms += 1000;  /* it lived for moments only: perhaps it was taken over */
    until_subscribe(s); /* session present is 0 again */
    broker_says(s, "\x90\x03\x00\x01\x01", 5);
    until_status(s, "\"sessions_lost\":1");
    ck_assert_ptr_nonnull(strstr(s->logged, "may be missing"));
    ck_assert_ptr_null(strstr(status(s), "\"possible_gap_since\":null"));
    stage_free(s);
}
END_TEST

START_TEST(a_kept_session_is_not_subscribed_again)
{
    stage *s = stage_new(NULL, none);

    until_up(s);
    broker_hangs_up(s);
    until_status(s, "closed the connection");
    s->now_ms += 1000; /* it lived for moments only: perhaps it was taken over */
    until_connect(s);
    broker_says(s, "\x20\x02\x01\x00", 4);
    until_status(s, "\"state\":\"connected\"");
    ck_assert_ptr_nonnull(strstr(status(s), "\"session_present\":true"));
    stage_free(s);
}
END_TEST

START_TEST(nonsense_from_the_broker_is_put_in_words)
{
    stage *s = stage_new(NULL, none);

    until_up(s);
    broker_says(s, "\x36\x06\x00\x01t\x00\x01x", 8);
    until_status(s, "a PUBLISH with QoS 3");
    stage_free(s);
}
END_TEST

START_TEST(the_next_broker_has_its_turn)
{
    char uris[160];
    stage *s;
    int port, held = hold_port(&port);

    snprintf(uris, sizeof(uris), "%s://127.0.0.1:%d,%s://127.0.0.1:%d/", STAGE_SCHEME, port,
             STAGE_SCHEME, port);
    s = stage_new(uris, none);
    until_logged(s, "cannot connect");
    s->now_ms += 500; /* the pause is random and may be none: perhaps the next had its turn */
    until_logged(s, "/: cannot connect"); /* the second address ends with a slash */
    stage_free(s);
    close(held);
}
END_TEST

/* R25 */
START_TEST(stopping_sends_what_may_be_acknowledged_and_says_goodbye)
{
    stage *s = stage_new(NULL, none);
    uint8_t end[6];

    until_up(s);
    publish_one(s, 1);
    turn(s);
    publish_one(s, 2);
    s->now_ms++;
    turn(s);
    ck_assert_uint_eq(s->taken, 2);
    weir_plugin_entry.source->drain(s->self);
    weir_plugin_entry.source->settled(s->self, s->tokens, 1, WEIR_DELIVERED);
    weir_plugin_entry.source->settled(s->self, s->tokens + 1, 1, WEIR_ABANDONED);
    shutdown(s->broker, SHUT_WR); /* so that nobody waits for the broker to hang up */
    stage_stop(s);
    broker_reads(s, end, sizeof(end));
    ck_assert_mem_eq(end, "\x40\x02\x00\x01\xe0\x00", 6);
    ck_assert_int_le(broker_gets(s, end, sizeof(end)), 0);
    if (STAGE_TLS) /* TLS has a goodbye of its own */
        ck_assert_int_eq(SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    stage_free(s);
}
END_TEST

static const char *const hold[] = {"mqtt.pause.behavior", "hold",
                                   "records.buffer.queue.full.timeout", "1000", NULL};

START_TEST(held_it_stays_connected_and_reads_nothing)
{
    const weir_source *source = weir_plugin_entry.source;
    stage *s = stage_new(NULL, hold);

    until_up(s);
    ck_assert(source->pause(s->self, true));
    publish_one(s, 1);
    s->now_ms += 2000; /* nobody may say that Kafka takes nothing */
    turn(s);
    s->now_ms += 2000;
    turn(s);
    ck_assert_uint_eq(s->taken, 0);
    until_status(s, "held while the task is paused");
    ck_assert_ptr_null(strstr(s->logged, "Kafka takes nothing"));
    ck_assert(source->pause(s->self, false));
    turn(s);
    ck_assert_uint_eq(s->taken, 1);
    until_status(s, "\"state\":\"connected\"");
    stage_free(s);
}
END_TEST

START_TEST(unless_it_is_asked_for_a_paused_task_is_to_be_stopped)
{
    stage *s = stage_new(NULL, none);

    until_up(s);
    ck_assert(!weir_plugin_entry.source->pause(s->self, true));
    stage_free(s);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source connection",
               tcase_add_test(tests,
                              a_lone_message_passes_at_once_and_the_next_a_millisecond_later);
               tcase_add_test(tests, a_large_read_leaves_the_socket_armed);
               tcase_add_loop_test(tests, a_broker_that_never_answers_is_left_at_the_deadline, 0,
                                   2);
               tcase_add_test(tests, a_connect_that_never_ends_is_left_at_the_deadline);
               tcase_add_test(tests, a_name_that_is_none_holds_nobody_up);
               tcase_add_loop_test(tests, a_refusal_is_put_in_words, 0,
                                   (int)(sizeof(refusals) / sizeof(refusals[0])));
               tcase_add_test(tests, a_refused_filter_ends_the_task_by_name);
               tcase_add_test(tests, less_qos_than_asked_is_said);
               tcase_add_test(tests, a_lost_session_is_said_and_subscribed_anew);
               tcase_add_test(tests, a_kept_session_is_not_subscribed_again);
               tcase_add_test(tests, nonsense_from_the_broker_is_put_in_words);
               tcase_add_test(tests, the_next_broker_has_its_turn);
               tcase_add_test(tests, held_it_stays_connected_and_reads_nothing);
               tcase_add_test(tests, unless_it_is_asked_for_a_paused_task_is_to_be_stopped);
               tcase_add_test(tests, stopping_sends_what_may_be_acknowledged_and_says_goodbye);)
