/* test_ws_bytes.c - a WebSocket on sockets, plain and through TLS: no full buffer loses a byte,
 * pings are answered while nothing else can be written, and an end is an end (R16, R24). */
#include "tls_pair.h"
#include "ws_pair.h"

#include "tests/support/unit.h"

/* ---- Bytes -------------------------------------------------------------------------------------
 */

/* Bytes that tell their place. */
static uint8_t *place_bytes(size_t size, unsigned salt)
{
    uint8_t *bytes = malloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + salt);
    return bytes;
}

static void make_tiny(int fd)
{
    int size = 1; /* the kernel makes the least of it that it can */

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

START_TEST(three_megabytes_pass_through_tiny_buffers_both_ways)
{
    enum { SIZE = 3 << 20, ROOM = 30000 };
    uint8_t *said[2] = {place_bytes(SIZE, 1), place_bytes(SIZE, 2)}, *got = malloc(SIZE);
    size_t sent = 0, framed = 0, have = 0, part;
    int64_t end = clock_ms() + 60000;
    ws_pair *p = ws_pair_new();
    mqtt_bytes heard = {0};

    make_tiny(p->client.fd);
    make_tiny(p->far);
    while (have < SIZE || mqtt_bytes_size(&heard) < SIZE) {
        if (!mqtt_bytes_size(&p->out) && framed < SIZE) {
            part = SIZE - framed < 70001 ? SIZE - framed : 70001;
            ws_pair_frames(p, said[0] + framed, part);
            framed += part;
        }
        ws_pair_carry(p);
        if (have < SIZE &&
            mqtt_transport_read(&p->client, got + have, SIZE - have < ROOM ? SIZE - have : ROOM,
                                &part) == MQTT_IO_DONE)
            have += part;
        if (sent < SIZE &&
            mqtt_transport_write(&p->client, said[1] + sent, SIZE - sent, &part) == MQTT_IO_DONE)
            sent += part;
        mqtt_transport_flush(&p->client);
        ws_pair_hear(p, &heard);
        ck_assert_msg(clock_ms() < end && !mqtt_transport_why(&p->client), "%zu and %zu bytes",
                      have, mqtt_bytes_size(&heard));
    }
    ck_assert_mem_eq(got, said[0], SIZE);
    ck_assert_uint_eq(mqtt_bytes_size(&heard), SIZE);
    ck_assert_mem_eq(heard.data, said[1], SIZE);
    ck_assert_uint_gt(p->pongs, 0);
    for (int i = 0; i < 2; i++)
        free(said[i]);
    free(got);
    mqtt_bytes_free(&heard);
    ws_pair_free(p);
}
END_TEST

/* ---- Full --------------------------------------------------------------------------------------
 */

/* Writes until nothing goes any more; returns how much did. */
static size_t write_all_that_fits(ws_pair *p)
{
    static const uint8_t much[16384];
    size_t sent = 0, part;

    while (mqtt_transport_write(&p->client, much, sizeof(much), &part) == MQTT_IO_DONE)
        sent += part;
    return sent;
}

/* The broker does not read, and asks whether we are there. */
START_TEST(a_ping_is_answered_as_soon_as_anything_can_be_written)
{
    ws_pair *p = ws_pair_new();
    mqtt_bytes heard = {0};
    struct pollfd wait = {.fd = p->client.fd};
    uint8_t got[64];
    size_t sent = write_all_that_fits(p), size;

    ws_pair_ping(p);
    ws_pair_carry(p);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_AGAIN);
    wait.events = mqtt_transport_waits(&p->client, false, false);
    ck_assert_int_eq(wait.events, POLLOUT); /* though the link has nothing to say */
    ck_assert_int_eq(poll(&wait, 1, 0), 0);
    ws_pair_hear(p, &heard); /* now it reads */
    ck_assert_int_eq(poll(&wait, 1, 10000), 1);
    ck_assert_int_eq(mqtt_transport_flush(&p->client), MQTT_IO_DONE);
    ck_assert_int_eq(mqtt_transport_waits(&p->client, false, false), 0);
    ws_pair_hear(p, &heard);
    ck_assert_uint_eq(mqtt_bytes_size(&heard), sent);
    ck_assert_uint_eq(p->pongs, 1);
    ck_assert_int_eq(p->last, WS_PONG);
    mqtt_bytes_free(&heard);
    ws_pair_free(p);
}
END_TEST

START_TEST(a_flood_of_pings_holds_nobody_up)
{
    ws_pair *p = ws_pair_new();
    mqtt_bytes none = {0};
    uint8_t got[16];
    size_t size, have = 0;

    for (int i = 0; i < 5000; i++)
        ws_pair_ping(p);
    ws_say(&p->out, WS_FINAL | WS_BINARY, "data", 4);
    for (int i = 0; i < 5000 && !have; i++) {
        ws_pair_carry(p);
        if (mqtt_transport_read(&p->client, got, sizeof(got), &size) == MQTT_IO_DONE)
            have += size;
        else /* what is left is not forgotten when the socket has shown all it has */
            ck_assert(mqtt_transport_pending(&p->client) ||
                      poll(&(struct pollfd){.fd = p->client.fd, .events = POLLIN}, 1, 1000) == 1);
        ws_pair_hear(p, &none);
    }
    ck_assert_uint_eq(have, 4);
    ck_assert_uint_gt(p->pongs, 0);
    ws_pair_free(p);
}
END_TEST

/* ---- Ends --------------------------------------------------------------------------------------
 */

START_TEST(the_broker_closes_in_words_behind_its_last_bytes)
{
    ws_pair *p = ws_pair_new();
    mqtt_bytes none = {0};
    uint8_t got[64];
    size_t size;

    ws_say(&p->out, WS_FINAL | WS_BINARY, "last", 4);
    ws_say(&p->out, WS_FINAL | WS_CLOSE,
           "\x03\xe9"
           "restart",
           9);
    ws_pair_carry(p);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_DONE);
    ck_assert_uint_eq(size, 4);
    ck_assert(mqtt_transport_pending(&p->client)); /* the socket will not show it again */
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_OVER);
    ck_assert_str_eq(mqtt_transport_why(&p->client),
                     "the broker closed the WebSocket: code 1001 (it is going away): 'restart'");
    ck_assert(mqtt_transport_hung_up(&p->client));
    ws_pair_hear(p, &none);
    ck_assert_int_eq(p->last, WS_CLOSE);
    ck_assert_int_eq(mqtt_transport_write(&p->client, "x", 1, &size), MQTT_IO_OVER);
    ws_pair_free(p);
}
END_TEST

START_TEST(a_close_is_heard_though_writing_fails_before_it_is_read)
{
    ws_pair *p = ws_pair_new();
    size_t sent;

    ws_say(&p->out, WS_FINAL | WS_BINARY, "unread", 6);
    ws_say(&p->out, WS_FINAL | WS_CLOSE,
           "\x03\xf0"
           "go",
           4);
    ws_pair_carry(p);
    ws_pair_hang_up(p);
    ck_assert_int_eq(mqtt_transport_write(&p->client, "x", 1, &sent), MQTT_IO_OVER);
    ck_assert_str_eq(mqtt_transport_why(&p->client),
                     "the broker closed the WebSocket: code 1008 (against its rules): 'go'");
    ws_pair_free(p);
}
END_TEST

START_TEST(a_broken_frame_is_told_and_is_not_hanging_up)
{
    ws_pair *p = ws_pair_new();
    mqtt_bytes none = {0};
    uint8_t got[16];
    size_t size;

    ws_say(&p->out, WS_FINAL | WS_TEXT_FRAME, "{}", 2);
    ws_pair_carry(p);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_OVER);
    ck_assert_ptr_nonnull(strstr(mqtt_transport_why(&p->client), "a text frame"));
    ck_assert(!mqtt_transport_hung_up(&p->client));
    ws_pair_hear(p, &none);
    ck_assert_int_eq(p->last, WS_CLOSE);
    ws_pair_free(p);
}
END_TEST

START_TEST(an_end_without_a_close_is_an_end_in_good_order)
{
    ws_pair *p = ws_pair_new();
    uint8_t got[16];
    size_t size;

    ws_say(&p->out, WS_FINAL | WS_BINARY, "last", 4);
    mqtt_bytes_append(&p->out,
                      "\x82\x05"
                      "par",
                      _i ? 5 : 0); /* in the middle of a frame, too */
    ws_pair_carry(p);
    ws_pair_hang_up(p);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_DONE);
    ck_assert_uint_eq(size, _i ? 7 : 4);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_OVER);
    ck_assert_ptr_null(mqtt_transport_why(&p->client));
    ck_assert(mqtt_transport_hung_up(&p->client));
    ws_pair_free(p);
}
END_TEST

START_TEST(our_goodbye_waits_for_what_was_written_before_and_is_answered)
{
    ws_pair *p = ws_pair_new();
    mqtt_bytes heard = {0};
    uint8_t got[16];
    size_t sent = write_all_that_fits(p), size;

    ck_assert(!mqtt_transport_end(&p->client));
    ck_assert_int_eq(mqtt_transport_waits(&p->client, true, false), POLLIN | POLLOUT);
    ws_pair_hear(p, &heard);
    ck_assert(mqtt_transport_end(&p->client));
    ck_assert(mqtt_transport_end(&p->client));
    ws_pair_hear(p, &heard);
    ck_assert_uint_eq(mqtt_bytes_size(&heard), sent);
    ck_assert_int_eq(p->last, WS_CLOSE);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_AGAIN);
    ws_say(&p->out, WS_FINAL | WS_CLOSE, "\x03\xe8", 2);
    ws_pair_carry(p);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_OVER);
    mqtt_bytes_free(&heard);
    ws_pair_free(p);
}
END_TEST

START_TEST(closing_says_so_if_the_socket_takes_it)
{
    ws_pair *p = ws_pair_new();
    mqtt_bytes none = {0};

    mqtt_transport_close(&p->client);
    ck_assert_int_eq(p->client.fd, -1);
    ws_pair_hear(p, &none);
    ck_assert_int_eq(p->last, WS_CLOSE);
    ws_pair_free(p);
}
END_TEST

START_TEST(writing_to_nobody_is_an_end_and_no_signal)
{
    ws_pair *p = ws_pair_new();
    size_t sent;

    signal(SIGPIPE, SIG_DFL);
    ws_pair_hang_up(p);
    ck_assert_int_eq(mqtt_transport_write(&p->client, "x", 1, &sent), MQTT_IO_OVER);
    ck_assert_ptr_nonnull(mqtt_transport_why(&p->client));
    ck_assert_int_eq(mqtt_transport_flush(&p->client), MQTT_IO_OVER);
    ws_pair_free(p);
}
END_TEST

/* ---- The handshake -----------------------------------------------------------------------------
 */

START_TEST(the_answer_may_come_byte_by_byte_and_with_the_first_frames)
{
    mqtt_endpoint to = {.host = (char *)"h", .port = (char *)"80", .ws = true};
    ws_pair *p = ws_pair_make(mqtt_ws_new(&ws_defaults, &to));
    mqtt_io io = mqtt_transport_shake(&p->client);
    uint8_t got[16];
    size_t size, answer, cut = 1 + (size_t)_i;

    ck_assert_int_eq(io, MQTT_IO_AGAIN);
    ck_assert_int_eq(mqtt_transport_waits(&p->client, true, false), POLLIN); /* all is written */
    ws_pair_read(p);
    ck_assert(ws_answer(&p->in, &p->out));
    answer = mqtt_bytes_size(&p->out);
    ws_say(&p->out, WS_FINAL | WS_BINARY, "first", 5);
    for (size_t at = 0, part; at < mqtt_bytes_size(&p->out) && io == MQTT_IO_AGAIN; at += part) {
        part = mqtt_bytes_size(&p->out) - at < cut ? mqtt_bytes_size(&p->out) - at : cut;
        ck_assert_int_eq(send(p->far, p->out.data + at, part, MSG_NOSIGNAL), (ssize_t)part);
        io = mqtt_transport_shake(&p->client);
        ck_assert_int_eq(io, at + part < answer ? MQTT_IO_AGAIN : MQTT_IO_DONE);
        if (io == MQTT_IO_DONE) {
            ck_assert(mqtt_transport_pending(&p->client) == (at + part > answer));
            ck_assert_int_eq(send(p->far, p->out.data + at + part,
                                  mqtt_bytes_size(&p->out) - at - part, MSG_NOSIGNAL),
                             (ssize_t)(mqtt_bytes_size(&p->out) - at - part));
        }
    }
    for (size_t have = 0; have < 5; have += size)
        if (mqtt_transport_read(&p->client, got + have, 5 - have, &size) != MQTT_IO_DONE)
            size = 0;
    ck_assert_mem_eq(got, "first", 5);
    ck_assert(!mqtt_transport_pending(&p->client));
    ws_pair_free(p);
}
END_TEST

static const struct {
    const char *said, *says;
} refusals[] = {
    {"", "in the WebSocket handshake"},
    {"HTTP/1.1 404 Not Found\r\n\r\n", "is the path '/mqtt' right?"},
    {"HTTP/1.1 1", "in the middle of the WebSocket handshake"},
};

START_TEST(a_broker_that_hangs_up_instead_is_heard_out)
{
    mqtt_endpoint to = {.host = (char *)"h", .port = (char *)"80", .ws = true};
    ws_pair *p = ws_pair_make(mqtt_ws_new(&ws_defaults, &to));
    const char *said = refusals[_i].said;

    ck_assert_int_eq(send(p->far, said, strlen(said), MSG_NOSIGNAL), (ssize_t)strlen(said));
    ws_pair_hang_up(p); /* nothing of the request was read, nothing can be written */
    ck_assert_int_eq(mqtt_transport_shake(&p->client), MQTT_IO_OVER);
    ck_assert_msg(strstr(mqtt_transport_why(&p->client), refusals[_i].says), "%s",
                  mqtt_transport_why(&p->client));
    ws_pair_free(p);
}
END_TEST

/* ---- Through TLS -------------------------------------------------------------------------------
 */

/* The broker's end of both: what came, decrypted, and what is to go. */
static void tls_turn(tls_pair *p, mqtt_bytes *in, mqtt_bytes *out)
{
    int part = mqtt_bytes_size(out)
                   ? peer_write(p->server, out->data + out->start,
                                mqtt_bytes_size(out) < 16000 ? mqtt_bytes_size(out) : 16000)
                   : 0;

    ck_assert_int_ge(part, 0);
    mqtt_bytes_consume(out, (size_t)part);
    do {
        part = peer_read(p->server, mqtt_bytes_reserve(in, 16384), 16384);
        in->end += part > 0 ? (size_t)part : 0;
    } while (part > 0);
}

START_TEST(a_megabyte_passes_through_tls_both_ways)
{
    enum { SIZE = 1 << 20 };
    mqtt_endpoint to = {.host = (char *)"h", .port = (char *)"443", .ws = true, .tls = true};
    uint8_t *said = place_bytes(SIZE, 5), *got = malloc(SIZE);
    mqtt_bytes in = {0}, out = {0}, heard = {0}, other = {0};
    tls_pair *p = pair_new();
    size_t have = 0, sent = 0, part;
    int64_t end = clock_ms() + 60000;

    up(p, &(peer_settings){.own = &p->world->broker, .version = versions[_i]});
    make_tiny(p->client.fd);
    make_tiny(p->far);
    p->client.ws = mqtt_ws_new(&ws_defaults, &to);
    while (mqtt_transport_shake(&p->client) == MQTT_IO_AGAIN) {
        tls_turn(p, &in, &out);
        if (ws_answer(&in, &out))
            ws_say(&out, WS_FINAL | WS_BINARY, said, SIZE);
        ck_assert_int_lt(clock_ms(), end);
    }
    while (have < SIZE || mqtt_bytes_size(&heard) < SIZE) {
        if (have < SIZE &&
            mqtt_transport_read(&p->client, got + have, SIZE - have, &part) == MQTT_IO_DONE)
            have += part;
        if (sent < SIZE &&
            mqtt_transport_write(&p->client, said + sent, SIZE - sent, &part) == MQTT_IO_DONE)
            sent += part;
        mqtt_transport_flush(&p->client);
        tls_turn(p, &in, &out);
        while (mqtt_bytes_size(&in) && ws_hear(&in, &heard) == WS_BINARY)
            ;
        ck_assert_msg(clock_ms() < end && !mqtt_transport_why(&p->client), "%zu, %zu", have,
                      mqtt_bytes_size(&heard));
    }
    ck_assert_mem_eq(got, said, SIZE);
    ck_assert_mem_eq(heard.data, said, SIZE);
    ck_assert(mqtt_transport_end(&p->client));
    tls_turn(p, &in, &out);
    ck_assert_int_eq(ws_hear(&in, &other), WS_CLOSE);
    mqtt_bytes_free(&in);
    mqtt_bytes_free(&out);
    mqtt_bytes_free(&heard);
    mqtt_bytes_free(&other);
    free(said);
    free(got);
    pair_free(p);
}
END_TEST

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

WEIR_UNIT_MAIN(
    "mqtt-source ws bytes",
    tcase_add_test(tests, three_megabytes_pass_through_tiny_buffers_both_ways);
    tcase_add_test(tests, a_ping_is_answered_as_soon_as_anything_can_be_written);
    tcase_add_test(tests, a_flood_of_pings_holds_nobody_up);
    tcase_add_test(tests, the_broker_closes_in_words_behind_its_last_bytes);
    tcase_add_test(tests, a_close_is_heard_though_writing_fails_before_it_is_read);
    tcase_add_test(tests, a_broken_frame_is_told_and_is_not_hanging_up);
    tcase_add_loop_test(tests, an_end_without_a_close_is_an_end_in_good_order, 0, 2);
    tcase_add_test(tests, our_goodbye_waits_for_what_was_written_before_and_is_answered);
    tcase_add_test(tests, closing_says_so_if_the_socket_takes_it);
    tcase_add_test(tests, writing_to_nobody_is_an_end_and_no_signal);
    tcase_add_loop_test(tests, the_answer_may_come_byte_by_byte_and_with_the_first_frames, 0, 160);
    tcase_add_loop_test(tests, a_broker_that_hangs_up_instead_is_heard_out, 0, ROWS(refusals));
    tcase_add_loop_test(tests, a_megabyte_passes_through_tls_both_ways, 0, 2);)
