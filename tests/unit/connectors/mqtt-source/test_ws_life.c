/* test_ws_life.c - what WebSocket means for the life of a connection: its handshake is a stage of
 * dialling with its own words, the next broker of a list may be of another kind, a Close is told,
 * and header values stay secret (R23, section 6). */
#define STAGE_WS 1

#include "stage.h"

static void until_accepted(stage *s)
{
    int64_t deadline = clock_ms() + 10000;

    while (s->broker < 0) {
        turn(s);
        s->broker = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        ck_assert_msg(clock_ms() < deadline, "%s", status(s));
    }
}

/* CONNECT: 2 + 10 + 2 + strlen("unit-0") */
static void until_connect(stage *s)
{
    uint8_t connect[20];

    broker_reads(s, connect, sizeof(connect));
    ck_assert_uint_eq(connect[0], 0x10);
}

static void until_up(stage *s)
{
    uint8_t subscribe[8];

    until_connect(s);
    broker_says(s, "\x20\x02\x00\x00", 4);
    broker_reads(s, subscribe, sizeof(subscribe));
    s->now_ms++; /* the socket has rested since CONNACK */
    broker_says(s, "\x90\x03\x00\x01\x01", 5);
    until_status(s, "\"state\":\"connected\"");
    s->now_ms += 10;
}

static void until_frame(stage *s, int opcode)
{
    for (int64_t end = clock_ms() + 10000; s->last_frame != opcode; broker_hears(s)) {
        turn(s);
        ck_assert_msg(clock_ms() < end, "%d; %s", s->last_frame, status(s));
    }
}

START_TEST(a_handshake_that_is_not_answered_ends_at_the_deadline)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.connect.timeout.seconds", "7", NULL});

    until_accepted(s);
    if (_i)
        broker_says_raw(s, "HTTP/1.1 101 Sw", 15); /* or not to its end */
    s->now_ms += 6990;
    turn(s);
    ck_assert_ptr_nonnull(strstr(status(s), "\"state\":\"connecting\""));
    s->now_ms += 10;
    turn(s);
    ck_assert_msg(strstr(status(s), "the WebSocket handshake with 127.0.0.1 port") &&
                      strstr(status(s), "took longer than 7 s"),
                  "%s", status(s));
    stage_free(s);
}
END_TEST

static const struct {
    const char *answer, *says;
} refusals[] = {
    {"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404 (Not Found): is the path '/mqtt' right?"},
    {"HTTP/1.1 401 Unauthorized\r\n\r\n", "mqtt.ws.headers.Authorization"},
    {"\x20\x02\x01\x05", "is this its port for WebSockets?"},
    {"HTTP/1.1 101 Fine\r\n\r\n", "switches to something else"},
};

START_TEST(an_answer_that_is_none_is_in_the_status_and_the_next_good_one_connects)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.version", "auto", NULL});

    until_accepted(s);
    broker_says_raw(s, refusals[_i].answer, strlen(refusals[_i].answer));
    until_status(s, refusals[_i].says);
    ck_assert_ptr_nonnull(strstr(status(s), s->uri)); /* which broker, too */
    ck_assert_ptr_null(strstr(s->logged, "trying MQTT 3.1.1"));
    broker_hangs_up(s);
    s->now_ms += 60000; /* past any back-off */
    until_connect(s);
    stage_free(s);
}
END_TEST

START_TEST(a_close_is_told_with_code_and_text_and_another_connection_follows)
{
    stage *s = stage_new(NULL, (const char *const[]){NULL});

    until_up(s);
    broker_says_frame(s, WS_FINAL | WS_CLOSE,
                      "\x03\xe9"
                      "deploying",
                      11);
    until_status(s, "closed the WebSocket: code 1001 (it is going away): 'deploying'");
    broker_hears(s);
    ck_assert_int_eq(s->last_frame, WS_CLOSE);
    broker_hangs_up(s);
    s->now_ms += 60000;
    until_up(s);
    stage_free(s);
}
END_TEST

/* Some that know no MQTT 5 close at the sight of it. */
START_TEST(a_close_instead_of_connack_means_the_older_mqtt)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.version", "auto", NULL});

    until_connect(s);
    broker_says_frame(s, WS_FINAL | WS_CLOSE, "\x03\xea", 2);
    until_logged(s, "trying MQTT 3.1.1");
    broker_hangs_up(s);
    s->now_ms += 1;
    until_connect(s);
    stage_free(s);
}
END_TEST

START_TEST(a_text_frame_ends_the_connection_with_1003)
{
    stage *s = stage_new(NULL, (const char *const[]){NULL});

    until_up(s);
    broker_says_frame(s, WS_FINAL | WS_TEXT_FRAME, "\xd0\x00", 2);
    until_status(s, "a text frame, and MQTT is in binary frames only");
    broker_hears(s);
    ck_assert_int_eq(s->last_frame, WS_CLOSE);
    stage_free(s);
}
END_TEST

/* Also while the link itself has nothing to say. */
START_TEST(a_ping_is_answered_at_once)
{
    stage *s = stage_new(NULL, (const char *const[]){NULL});

    until_up(s);
    broker_says_frame(s, WS_FINAL | WS_PING, "hello", 5);
    until_frame(s, WS_PONG);
    stage_free(s);
}
END_TEST

/* R25 */
START_TEST(the_goodbye_is_disconnect_and_a_close)
{
    stage *s = stage_new(NULL, (const char *const[]){NULL});
    uint8_t last[2];

    until_up(s);
    broker_says_frame(s, WS_FINAL | WS_CLOSE, "\x03\xe8", 2); /* on its way already */
    stage_stop(s);
    broker_reads(s, last, sizeof(last));
    ck_assert_mem_eq(last, "\xe0\x00", 2);
    ck_assert_int_eq(s->last_frame, WS_CLOSE);
    stage_free(s);
}
END_TEST

START_TEST(after_a_broker_by_tcp_one_by_websocket_is_tried)
{
    char uris[128];
    int port, refusing = hold_port(&port);
    stage *s = stage_make(NULL, (const char *const[]){NULL});

    snprintf(uris, sizeof(uris), "tcp://127.0.0.1:%d,%s/a/path?token=s3cret", port, s->uri);
    s->settings.uris = uris;
    stage_start(s);
    until_status(s, "cannot connect to 127.0.0.1");
    s->now_ms += 60000;
    until_up(s);
    ck_assert_msg(strstr(status(s), "/a/path\"") && !strstr(status(s), "s3cret"), "%s", status(s));
    ck_assert_ptr_null(strstr(s->logged, "s3cret"));
    stage_free(s);
    close(refusing);
}
END_TEST

START_TEST(headers_and_path_are_in_the_request_and_values_nowhere_else)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.ws.path", "/ws", "mqtt.ws.headers.X-Key",
                                                     "s3cret", NULL});
    int64_t deadline = clock_ms() + 10000;

    until_accepted(s);
    while (!mqtt_bytes_size(&s->raw) || !memmem(s->raw.data, s->raw.end, "\r\n\r\n", 4)) {
        ssize_t got = broker_gets_raw(s, mqtt_bytes_reserve(&s->raw, 4096), 4096);

        s->raw.end += got > 0 ? (size_t)got : 0;
        turn(s);
        ck_assert_int_lt(clock_ms(), deadline);
    }
    ck_assert_int_eq(memcmp(s->raw.data, "GET /ws HTTP/1.1\r\n", 18), 0);
    ck_assert_ptr_nonnull(memmem(s->raw.data, s->raw.end, "\r\nX-Key: s3cret\r\n", 17));
    broker_says_raw(s, "HTTP/1.1 403 s3cr\r\n\r\n", 21);
    until_status(s, "does not let this client in");
    ck_assert_ptr_null(strstr(status(s), "s3cret"));
    ck_assert_ptr_null(strstr(s->logged, "s3cret"));
    stage_free(s);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source ws life",
    tcase_add_loop_test(tests, a_handshake_that_is_not_answered_ends_at_the_deadline, 0, 2);
    tcase_add_loop_test(tests,
                        an_answer_that_is_none_is_in_the_status_and_the_next_good_one_connects, 0,
                        4);
    tcase_add_test(tests, a_close_is_told_with_code_and_text_and_another_connection_follows);
    tcase_add_test(tests, a_close_instead_of_connack_means_the_older_mqtt);
    tcase_add_test(tests, a_text_frame_ends_the_connection_with_1003);
    tcase_add_test(tests, a_ping_is_answered_at_once);
    tcase_add_test(tests, the_goodbye_is_disconnect_and_a_close);
    tcase_add_test(tests, after_a_broker_by_tcp_one_by_websocket_is_tried);
    tcase_add_test(tests, headers_and_path_are_in_the_request_and_values_nowhere_else);)
