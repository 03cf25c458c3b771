/* test_ws_handshake.c - what we ask for, and which answers are one. */
#include "ws_peer.h"

#include "tests/support/unit.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

START_TEST(the_answer_to_a_key_is_that_of_the_rfc)
{
    char accept[29];

    ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

/* To be freed. */
static char *request_of(mqtt_ws *ws)
{
    mqtt_bytes request = {0};

    ws_collect(ws, &request);
    mqtt_bytes_append(&request, "", 1);
    return (char *)request.data;
}

static const struct {
    mqtt_endpoint broker;
    const char *line, *host;
} asked[] = {
    {{.host = (char *)"h", .port = (char *)"80"}, "GET /ws HTTP/1.1", "h"},
    {{.host = (char *)"h", .port = (char *)"443"}, "GET /ws HTTP/1.1", "h:443"},
    {{.host = (char *)"h", .port = (char *)"443", .tls = true}, "GET /ws HTTP/1.1", "h"},
    {{.host = (char *)"h", .port = (char *)"80", .tls = true}, "GET /ws HTTP/1.1", "h:80"},
    {{.host = (char *)"::1", .port = (char *)"80"}, "GET /ws HTTP/1.1", "[::1]"},
    {{.host = (char *)"fe80::1%eth0", .port = (char *)"9001"},
     "GET /ws HTTP/1.1",
     "[fe80::1]:9001"},
    {{.host = (char *)"h", .port = (char *)"80", .path = (char *)"/a/b?c=d"},
     "GET /a/b?c=d HTTP/1.1",
     "h"},
    {{.host = (char *)"h", .port = (char *)"80", .path = (char *)"/"}, "GET / HTTP/1.1", "h"},
};

START_TEST(the_request_asks_for_mqtt_at_its_place)
{
    static const weir_pair headers[] = {
        {"Authorization", "Bearer abc"}, {"X-Empty", ""}, {NULL, NULL}};
    mqtt_ws_settings settings = {.path = "/ws", .headers = headers};
    static const char *const more[][2] = {
        {"Upgrade", "websocket"},         {"Connection", "Upgrade"},
        {"Sec-WebSocket-Version", "13"},  {"Sec-WebSocket-Protocol", "mqtt"},
        {"Sec-WebSocket-Extensions", ""}, {"Authorization", "Bearer abc"}};
    mqtt_ws *ws = mqtt_ws_new(&settings, &asked[_i].broker);
    char *request = request_of(ws), value[64];

    ck_assert_int_eq(strncmp(request, asked[_i].line, strlen(asked[_i].line)), 0);
    ck_assert_int_eq(strncmp(request + strlen(asked[_i].line), "\r\n", 2), 0);
    ws_header(request, "Host", value, sizeof(value));
    ck_assert_str_eq(value, asked[_i].host);
    for (size_t i = 0; i < ROWS(more); i++) {
        ws_header(request, more[i][0], value, sizeof(value));
        ck_assert_str_eq(value, more[i][1]);
    }
    ck_assert_ptr_nonnull(strstr(request, "\r\nX-Empty: \r\n"));
    ck_assert_str_eq(strstr(request, "\r\n\r\n"), "\r\n\r\n"); /* its only empty line is its end */
    free(request);
    mqtt_ws_free(ws);
}
END_TEST

START_TEST(every_key_is_another)
{
    mqtt_endpoint broker = {.host = (char *)"h", .port = (char *)"80"};
    char keys[20][32];

    for (int i = 0; i < 20; i++) {
        mqtt_ws *ws = mqtt_ws_new(&ws_defaults, &broker);
        char *request = request_of(ws);

        ws_header(request, "Sec-WebSocket-Key", keys[i], sizeof(keys[i]));
        ck_assert_uint_eq(strlen(keys[i]), 24);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(keys[i], keys[j]);
        free(request);
        mqtt_ws_free(ws);
    }
}
END_TEST

/* ---- Answers -----------------------------------------------------------------------------------
 */

#define STATUS   "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: mqtt\r\n"
#define ACCEPT   "Sec-WebSocket-Accept: $\r\n" /* $: the right one */

static const struct {
    const char *answer, *says; /* NULL: it is good */
} answers[] = {
    {STATUS UPGRADE PROTOCOL ACCEPT "\r\n", NULL},
    {"HTTP/1.1 101\r\n" UPGRADE PROTOCOL ACCEPT "\r\n", NULL},
    {"HTTP/1.1 101 \r\n" UPGRADE PROTOCOL ACCEPT "\r\n", NULL},
    {STATUS "UPGRADE:WebSocket\r\nconnection:  keep-alive ,\tupGRADE \r\n"
            "sec-websocket-protocol:\tmqtt \r\nSEC-WEBSOCKET-ACCEPT:$\r\nServer: x: y\r\n\r\n",
     NULL},
    {STATUS UPGRADE PROTOCOL ACCEPT "Sec-WebSocket-Extensions:\r\nX:\r\n\r\n", NULL},
    {STATUS UPGRADE ACCEPT "\r\n", "it names none"},
    {STATUS UPGRADE ACCEPT "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n",
     "'mqttv3.1' instead of mqtt"},
    {STATUS UPGRADE ACCEPT "Sec-WebSocket-Protocol: MQTT\r\n\r\n", "'MQTT' instead of mqtt"},
    {STATUS UPGRADE ACCEPT "Sec-WebSocket-Protocol: mqtt, mqtt\r\n\r\n", "instead of mqtt"},
    {STATUS UPGRADE ACCEPT PROTOCOL PROTOCOL "\r\n", "sub-protocol"},
    {STATUS UPGRADE PROTOCOL "\r\n", "Sec-WebSocket-Accept"},
    {STATUS UPGRADE PROTOCOL ACCEPT ACCEPT "\r\n", "Sec-WebSocket-Accept"},
    {STATUS UPGRADE PROTOCOL "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
     "has not read the request"},
    {STATUS UPGRADE PROTOCOL "Sec-WebSocket-Accept: $x\r\n\r\n", "Sec-WebSocket-Accept"},
    {STATUS "Connection: Upgrade\r\n" PROTOCOL ACCEPT "\r\n", "something else than WebSocket"},
    {STATUS "Upgrade: websocket\r\n" PROTOCOL ACCEPT "\r\n", "something else than WebSocket"},
    {STATUS "Upgrade: h2c\r\nConnection: Upgrade\r\n" PROTOCOL ACCEPT "\r\n", "something else"},
    {STATUS "Upgrade: websockets\r\nConnection: Upgrade\r\n" PROTOCOL ACCEPT "\r\n", "something"},
    {STATUS UPGRADE PROTOCOL ACCEPT "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
     "an extension"},
    {"HTTP/1.0 101 Switching Protocols\r\n" UPGRADE PROTOCOL ACCEPT "\r\n", "another version"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
     "answers HTTP 404 (Not Found): is the path '/mqtt' right?"},
    {"HTTP/1.1 200 OK\r\n\r\n<html>", "HTTP 200 (OK): is the path '/mqtt' right?"},
    {"HTTP/1.0 401 Unauthorized\r\n\r\n", "mqtt.ws.headers.Authorization"},
    {"HTTP/1.1 403 Forbidden\r\n\r\n", "does not let this client in"},
    {"HTTP/1.1 400\r\n\r\n", "answers HTTP 400: is WebSocket spoken there"},
    {"HTTP/1.1 426 Upgrade Required\r\n\r\n", "is WebSocket spoken there"},
    {"HTTP/1.1 301 Moved Permanently\r\nLocation: https://h/x\r\n\r\n",
     "it points to 'https://h/x'"},
    {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP 503 (Service Unavailable)"},
    {"HTTP/1.1 500 \x1b[31m\r\n\r\n", "malformed HTTP"},
    {"HTTP/1.1 500 \xc3\xa4\r\n\r\n", "HTTP 500 (\?\?)"},
    {"HTTP/1.1 1x1 A\r\n\r\n", "malformed HTTP"},
    {"HTTP/1.1 1011\r\n\r\n", "malformed HTTP"},
    {"HTTP/1.1  101\r\n\r\n", "malformed HTTP"},
    {"HTTP/1.1\r\n\r\n", "malformed HTTP"},
    {STATUS " Upgrade: websocket\r\n\r\n", "malformed HTTP"},
    {STATUS "Upgrade : websocket\r\n\r\n", "malformed HTTP"},
    {STATUS "Upgrade\r\n\r\n", "malformed HTTP"},
    {STATUS ": x\r\n\r\n", "malformed HTTP"},
    {STATUS "Upgrade: web\nsocket\r\n\r\n", "malformed HTTP"},
    {"\x20\x02\x00\x05", "no HTTP/1.1: is this its port for WebSockets?"},
    {"HTTP/2 101\r\n\r\n", "no HTTP/1.1"},
    {"HTTQ", "no HTTP/1.1"},
    {"SSH-2.0-x\r\n", "no HTTP/1.1"},
};

/* A client that has asked, and `text` with the accept that it expects in it. */
static mqtt_ws *ask(const char *text, mqtt_bytes *ret_answer)
{
    mqtt_endpoint broker = {.host = (char *)"h", .port = (char *)"80"};
    mqtt_ws *ws = mqtt_ws_new(&ws_defaults, &broker);
    char *request = request_of(ws), key[32], accept[29];

    ws_header(request, "Sec-WebSocket-Key", key, sizeof(key));
    ws_accept(key, accept);
    for (; *text; text++) {
        if (*text == '$')
            add_text(ret_answer, accept);
        else
            mqtt_bytes_append(ret_answer, text, 1);
    }
    free(request);
    return ws;
}

static mqtt_io shake(mqtt_ws *ws, const mqtt_bytes *answer, size_t split, size_t cut)
{
    mqtt_io io = MQTT_IO_AGAIN;
    size_t size = mqtt_bytes_size(answer), part;

    for (size_t at = 0; at < size && io == MQTT_IO_AGAIN; at += part) {
        part = cut && cut < size - at ? cut : size - at;
        if (at < split && split - at < part)
            part = split - at;
        io = mqtt_ws_shake(ws, answer->data + at, part);
    }
    return io;
}

static void judge(size_t split, size_t cut, size_t i)
{
    mqtt_bytes answer = {0};
    mqtt_ws *ws = ask(answers[i].answer, &answer);
    mqtt_io io = shake(ws, &answer, split, cut);

    if (!answers[i].says) {
        ck_assert_msg(io == MQTT_IO_DONE, "%s", mqtt_ws_why(ws));
    } else {
        ck_assert_int_eq(io, MQTT_IO_OVER);
        ck_assert(mqtt_ws_over(ws) && mqtt_ws_failed(ws));
        ck_assert_msg(strstr(mqtt_ws_why(ws), answers[i].says), "%s", mqtt_ws_why(ws));
    }
    mqtt_bytes_free(&answer);
    mqtt_ws_free(ws);
}

START_TEST(an_answer_is_one_or_says_why_not_wherever_it_is_cut)
{
    size_t size = strlen(answers[_i].answer) + 28;

    for (size_t split = 0; split < size; split++)
        judge(split, 0, (size_t)_i);
    for (size_t cut = 1; cut < 8; cut++)
        judge(0, cut, (size_t)_i);
}
END_TEST

START_TEST(a_long_answer_has_a_bound_and_a_long_silence_is_not_ours_to_end)
{
    mqtt_bytes answer = {0};
    mqtt_ws *ws = ask(STATUS, &answer);
    size_t fed = mqtt_bytes_size(&answer);

    ck_assert_int_eq(shake(ws, &answer, 0, 0), MQTT_IO_AGAIN);
    while (fed + 16 <= 16384) {
        ck_assert_int_eq(mqtt_ws_shake(ws, "X: 34567890abcd\r\n", 16), MQTT_IO_AGAIN);
        ck_assert_int_eq(mqtt_ws_shake(ws, NULL, 0), MQTT_IO_AGAIN);
        fed += 16;
    }
    ck_assert_int_eq(mqtt_ws_shake(ws, "X: 34567890abcd\r\n", 16), MQTT_IO_OVER);
    ck_assert_msg(strstr(mqtt_ws_why(ws), "more than 16 KiB"), "%s", mqtt_ws_why(ws));
    mqtt_bytes_free(&answer);
    mqtt_ws_free(ws);
}
END_TEST

START_TEST(what_comes_with_the_answer_is_the_first_frame)
{
    mqtt_bytes answer = {0};
    mqtt_ws *ws = ask(STATUS UPGRADE PROTOCOL ACCEPT "\r\n", &answer);
    char early[64];
    size_t size;

    ws_say(&answer, WS_FINAL | WS_BINARY, "\x20\x02\x00\x00", 4);
    ws_say(&answer, WS_FINAL | WS_BINARY, "next", 4);
    ck_assert_int_eq(shake(ws, &answer, 0, 0), MQTT_IO_DONE);
    ck_assert(mqtt_ws_has_early(ws));
    size = mqtt_ws_early(ws, early, 7);
    ck_assert_uint_eq(size, 7);
    ck_assert_uint_eq(mqtt_ws_take(ws, early, size), 4);
    ck_assert_mem_eq(early, "\x20\x02\x00\x00", 4);
    ck_assert(mqtt_ws_has_early(ws));
    size = mqtt_ws_early(ws, early, sizeof(early));
    ck_assert_uint_eq(size, 5);
    ck_assert_uint_eq(mqtt_ws_take(ws, early, size), 4);
    ck_assert_mem_eq(early, "next", 4);
    ck_assert(!mqtt_ws_has_early(ws));
    ck_assert_uint_eq(mqtt_ws_early(ws, early, sizeof(early)), 0);
    mqtt_bytes_free(&answer);
    mqtt_ws_free(ws);
}
END_TEST

static const struct {
    const char *said, *why, *says;
} silences[] = {
    {"", NULL, "the broker closed the connection in the WebSocket handshake: is this its port"},
    {"", "Connection reset by peer", "Connection reset by peer in the WebSocket handshake"},
    {"HTTP/1.1 101", NULL, "the broker closed the connection in the middle of the WebSocket"},
};

START_TEST(an_end_instead_of_an_answer_is_told)
{
    mqtt_endpoint broker = {.host = (char *)"h", .port = (char *)"80"};
    mqtt_ws *ws = mqtt_ws_new(&ws_defaults, &broker);

    ck_assert_int_eq(mqtt_ws_shake(ws, silences[_i].said, strlen(silences[_i].said)),
                     MQTT_IO_AGAIN);
    mqtt_ws_unanswered(ws, silences[_i].why);
    ck_assert_msg(strstr(mqtt_ws_why(ws), silences[_i].says), "%s", mqtt_ws_why(ws));
    mqtt_ws_free(ws);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source ws handshake",
               tcase_add_test(tests, the_answer_to_a_key_is_that_of_the_rfc);
               tcase_add_loop_test(tests, the_request_asks_for_mqtt_at_its_place, 0, ROWS(asked));
               tcase_add_test(tests, every_key_is_another);
               tcase_add_loop_test(tests, an_answer_is_one_or_says_why_not_wherever_it_is_cut, 0,
                                   ROWS(answers));
               tcase_add_test(tests,
                              a_long_answer_has_a_bound_and_a_long_silence_is_not_ours_to_end);
               tcase_add_test(tests, what_comes_with_the_answer_is_the_first_frame);
               tcase_add_loop_test(tests, an_end_instead_of_an_answer_is_told, 0, ROWS(silences));)
