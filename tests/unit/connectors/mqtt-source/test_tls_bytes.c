/* test_tls_bytes.c - no cut, no full buffer and no order of reading and writing loses a byte, and
 * an end is an end (R16, R24). */
#include "tls_pair.h"

#include "bytes.h"

#include "tests/support/unit.h"

START_TEST(bytes_go_both_ways_and_the_end_is_said)
{
    tls_pair *p = pair_new();
    char got[64];

    up(p, &(peer_settings){.own = &p->world->broker, .version = versions[_i]});
    client_writes(p, "hello");
    ck_assert_int_eq(peer_read(p->server, got, sizeof(got)), 5);
    ck_assert_mem_eq(got, "hello", 5);
    ck_assert_int_eq(peer_write(p->server, "welcome", 7), 7);
    ck_assert_uint_eq(client_reads(p, got, sizeof(got)), 7);
    ck_assert_mem_eq(got, "welcome", 7);
    ck_assert(mqtt_transport_end(&p->client));
    ck_assert_int_eq(SSL_read(p->server, got, sizeof(got)), 0);
    ck_assert_int_eq(SSL_get_shutdown(p->server) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    pair_free(p);
}
END_TEST

/* ---- Cuts, small buffers, odd orders -----------------------------------------------------------
 */

/* Somebody in the middle who passes on a few bytes at a time. */
typedef struct relay {
    int near, far; /* its own two ends */
    size_t cut;
} relay;

static bool carry(int from, int to, size_t most)
{
    char bytes[4096];
    ssize_t got = recv(from, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_PEEK);
    ssize_t sent = got > 0 ? send(to, bytes, (size_t)got, MSG_NOSIGNAL) : 0;

    if (sent > 0)
        ck_assert_int_eq(recv(from, bytes, (size_t)sent, 0), sent);
    return sent > 0;
}

static void relay_open(tls_pair *p, relay *r, const peer_settings *how, size_t cut)
{
    int near, far;

    sockets(&near, &r->near);
    sockets(&far, &r->far);
    r->cut = cut;
    pair_join(p, how, near, far);
}

static void relay_close(relay *r)
{
    close(r->near);
    close(r->far);
}

/* What the two ends say: bytes that tell their place. */
static void fill_in(unsigned char *bytes, size_t size, unsigned salt)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 31 + (i >> 8) * 7 + salt);
}

/* Writes what is left from memory that is elsewhere each time, as the link's buffer may be. */
static size_t write_moving(tls_pair *p, const unsigned char *from, size_t size)
{
    unsigned char *copy = malloc(size);
    size_t sent = 0;

    memcpy(copy, from, size);
    if (mqtt_transport_write(&p->client, copy, size, &sent) != MQTT_IO_DONE)
        sent = 0;
    memset(copy, 0, size);
    free(copy);
    return sent;
}

/* Shakes hands, then moves `size` bytes each way at once, `room` at a time. */
static void exchange(tls_pair *p, relay *r, size_t size, size_t room)
{
    unsigned char *said[2] = {malloc(size), malloc(size)}, *heard[2] = {malloc(size), malloc(size)};
    size_t sent[2] = {0}, got[2] = {0}, part;
    int64_t end = clock_ms() + 40000;

    fill_in(said[0], size, 1);
    fill_in(said[1], size, 2);
    while (got[0] < size || got[1] < size) {
        if (mqtt_tls_handshake(p->client.tls) == MQTT_IO_DONE) {
            if (sent[0] < size)
                sent[0] += write_moving(p, said[0] + sent[0], size - sent[0]);
            if (got[1] < size && mqtt_transport_read(&p->client, heard[1] + got[1],
                                                     room < size - got[1] ? room : size - got[1],
                                                     &part) == MQTT_IO_DONE)
                got[1] += part;
        }
        if (r)
            carry(r->near, r->far, r->cut);
        if (peer_shake(p->server) > 0) {
            int io = sent[1] < size ? peer_write(p->server, said[1] + sent[1], size - sent[1]) : 0;

            sent[1] += io > 0 ? (size_t)io : 0;
            io = got[0] < size ? peer_read(p->server, heard[0] + got[0], size - got[0]) : 0;
            got[0] += io > 0 ? (size_t)io : 0;
        }
        if (r)
            carry(r->far, r->near, r->cut);
        ck_assert_msg(clock_ms() < end && !mqtt_tls_why(p->client.tls), "%zu and %zu bytes; %s",
                      got[0], got[1], mqtt_tls_why(p->client.tls));
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_mem_eq(said[i], heard[i], size);
        free(said[i]);
        free(heard[i]);
    }
}

START_TEST(handshake_and_data_may_come_byte_by_byte)
{
    tls_pair *p = pair_new();
    relay r;

    show(p, &p->world->client);
    relay_open(p, &r,
               &(peer_settings){
                   .own = &p->world->broker, .client_ca = &p->world->ca, .version = versions[_i]},
               1);
    exchange(p, &r, 300, 100);
    relay_close(&r);
    pair_free(p);
}
END_TEST

START_TEST(a_record_may_be_cut_anywhere)
{
    tls_pair *p = pair_new();
    size_t cut = 1, whole;
    char got[64];
    relay r;

    relay_open(p, &r, &(peer_settings){.own = &p->world->broker, .version = versions[_i]}, 4096);
    exchange(p, &r, 10, 10);
    while (carry(r.far, r.near, 4096)) /* session tickets */
        ck_assert_int_eq(mqtt_transport_read(&p->client, got, 64, &whole), MQTT_IO_AGAIN);
    for (bool cut_inside = true; cut_inside; cut++) {
        size_t size = 0;

        ck_assert_int_eq(peer_write(p->server, "twenty bytes of data", 20), 20);
        ck_assert(carry(r.far, r.near, cut));
        cut_inside = mqtt_transport_read(&p->client, got, 64, &size) == MQTT_IO_AGAIN;
        if (cut_inside) {
            ck_assert(carry(r.far, r.near, 4096));
            ck_assert_int_eq(mqtt_transport_read(&p->client, got, 64, &size), MQTT_IO_DONE);
        }
        ck_assert_uint_eq(size, 20);
        ck_assert_mem_eq(got, "twenty bytes of data", 20);
    }
    ck_assert_uint_gt(cut, 40); /* a record is larger than what is in it */
    relay_close(&r);
    pair_free(p);
}
END_TEST

static void make_tiny(int fd)
{
    int size = 1; /* the kernel makes the least of it that it can */

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

START_TEST(three_megabytes_pass_through_tiny_buffers_both_ways)
{
    tls_pair *p = pair_new();

    pair_open(p, &(peer_settings){.own = &p->world->broker, .version = versions[_i]});
    make_tiny(p->client.fd);
    make_tiny(p->far);
    exchange(p, NULL, 3 * 1024 * 1024, 100000);
    pair_free(p);
}
END_TEST

/* Reading and writing before the handshake is done make OpenSSL do it, and then each may wait for
 * what only the other would expect. */
START_TEST(a_read_may_wait_for_writing_and_a_write_for_reading)
{
    tls_pair *p = pair_new();
    mqtt_bytes offers = {0};
    char got[16];
    size_t size;

    for (int i = 0; i < 250; i++) { /* a ClientHello that no tiny buffer takes */
        char name[202];

        snprintf(name, sizeof(name), "%0200d,", i);
        mqtt_bytes_append(&offers, name, 201);
    }
    mqtt_bytes_append(&offers, "mqtt", 5);
    p->settings.alpn = (char *)offers.data;
    pair_open(p, &(peer_settings){.own = &p->world->broker, .alpn = "mqtt"});
    make_tiny(p->client.fd);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_AGAIN);
    ck_assert_int_eq(mqtt_transport_waits(&p->client, true, false), POLLOUT);
    for (int i = 0; i < 1000 && mqtt_transport_waits(&p->client, true, false) == POLLOUT; i++) {
        peer_shake(p->server);
        ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_AGAIN);
    }
    ck_assert_int_eq(mqtt_transport_waits(&p->client, true, false), POLLIN);
    ck_assert_int_eq(mqtt_transport_write(&p->client, "hello", 5, &size), MQTT_IO_AGAIN);
    ck_assert_int_eq(mqtt_transport_waits(&p->client, false, true), POLLIN);
    exchange(p, NULL, 10, 10);
    mqtt_bytes_free(&offers);
    pair_free(p);
}
END_TEST

START_TEST(what_was_read_but_not_taken_is_pending)
{
    tls_pair *p = pair_new();
    struct pollfd wait = {.events = POLLIN};
    unsigned char said[20000], got[20000];
    size_t have = 0;

    fill_in(said, sizeof(said), 3);
    up(p, &(peer_settings){.own = &p->world->broker});
    for (size_t at = 0; at < sizeof(said); at += 500)
        ck_assert_int_eq(peer_write(p->server, said + at, 500), 500);
    wait.fd = p->client.fd;
    ck_assert(!mqtt_transport_pending(&p->client));
    do {
        size_t part, room = sizeof(got) - have;

        ck_assert_int_eq(
            mqtt_transport_read(&p->client, got + have, room < 700 ? room : 700, &part),
            MQTT_IO_DONE);
        have += part;
        if (have < sizeof(said) && !mqtt_transport_pending(&p->client))
            ck_assert_int_eq(poll(&wait, 1, 0), 1); /* what is not pending, the socket shows */
    } while (have < sizeof(said));
    ck_assert_mem_eq(said, got, sizeof(said));
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, 1, &have), MQTT_IO_AGAIN);
    ck_assert(!mqtt_transport_pending(&p->client)); /* nobody spins */
    pair_free(p);
}
END_TEST

START_TEST(a_half_record_is_not_pending)
{
    tls_pair *p = pair_new();
    char got[64];
    size_t size;
    relay r;

    relay_open(p, &r, &(peer_settings){.own = &p->world->broker}, 4096);
    exchange(p, &r, 10, 10);
    while (carry(r.far, r.near, 4096))
        ck_assert_int_eq(mqtt_transport_read(&p->client, got, 64, &size), MQTT_IO_AGAIN);
    ck_assert_int_eq(peer_write(p->server, "data", 4), 4);
    ck_assert(carry(r.far, r.near, 7));
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, 64, &size), MQTT_IO_AGAIN);
    ck_assert(!mqtt_transport_pending(&p->client));
    relay_close(&r);
    pair_free(p);
}
END_TEST

/* ---- Ends --------------------------------------------------------------------------------------
 */

START_TEST(the_end_is_in_good_order_with_close_notify_and_without)
{
    tls_pair *p = pair_new();
    char got[16];
    size_t size;

    up(p, &(peer_settings){.own = &p->world->broker, .version = versions[_i / 2]});
    ck_assert_int_eq(peer_write(p->server, "last", 4), 4);
    if (_i % 2)
        SSL_shutdown(p->server);
    shutdown(p->far, SHUT_WR);
    ck_assert_uint_eq(client_reads(p, got, sizeof(got)), 4);
    ck_assert(mqtt_transport_pending(&p->client)); /* the end came with it */
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_OVER);
    ck_assert_ptr_null(mqtt_transport_why(&p->client));
    ck_assert(mqtt_transport_hung_up(&p->client));
    pair_free(p);
}
END_TEST

START_TEST(writing_to_nobody_is_an_end_and_no_signal)
{
    tls_pair *p = pair_new();
    mqtt_io io = MQTT_IO_DONE;

    up(p, &(peer_settings){.own = &p->world->broker});
    signal(SIGPIPE, SIG_DFL);
    hang_up(p);
    for (int i = 0; i < 100 && io != MQTT_IO_OVER; i++) {
        size_t sent;

        io = mqtt_transport_write(&p->client, "x", 1, &sent);
    }
    ck_assert_int_eq(io, MQTT_IO_OVER);
    ck_assert_ptr_nonnull(mqtt_transport_why(&p->client));
    ck_assert(mqtt_transport_hung_up(&p->client));
    pair_free(p);
}
END_TEST

START_TEST(a_broken_record_ends_the_connection_in_words)
{
    tls_pair *p = pair_new();
    char got[16];

    up(p, &(peer_settings){.own = &p->world->broker, .version = TLS1_2_VERSION});
    ck_assert_int_eq(send(p->far, "\x17\x03\x03\x00\x20not encrypted by anybody at all..", 37, 0),
                     37);
    ck_assert_uint_eq(client_reads(p, got, sizeof(got)), 0);
    ck_assert_msg(strstr(mqtt_transport_why(&p->client), "TLS failed: "), "%s",
                  mqtt_transport_why(&p->client));
    ck_assert(!mqtt_transport_hung_up(&p->client));
    pair_free(p);
}
END_TEST

/* ---- Later wishes of the broker ----------------------------------------------------------------
 */

START_TEST(hands_are_shaken_once)
{
    tls_pair *p = pair_new();
    char got[16];
    size_t size;

    up(p, &(peer_settings){.own = &p->world->broker, .version = TLS1_2_VERSION});
    ck_assert_int_eq(SSL_renegotiate(p->server), 1);
    peer_shake(p->server);
    ck_assert_int_eq(mqtt_transport_read(&p->client, got, sizeof(got), &size), MQTT_IO_AGAIN);
    ERR_clear_error();
    ck_assert_int_le(SSL_read(p->server, got, sizeof(got)), 0);
    ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION); /* it was told so */
    pair_free(p);
}
END_TEST

START_TEST(new_keys_are_no_interruption)
{
    tls_pair *p = pair_new();

    up(p, &(peer_settings){.own = &p->world->broker, .version = TLS1_3_VERSION});
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(p->server, SSL_KEY_UPDATE_REQUESTED), 1);
        exchange(p, NULL, 40000, 1000);
    }
    pair_free(p);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source tls bytes",
               tcase_add_loop_test(tests, bytes_go_both_ways_and_the_end_is_said, 0, 2);
               tcase_add_loop_test(tests, handshake_and_data_may_come_byte_by_byte, 0, 2);
               tcase_add_loop_test(tests, a_record_may_be_cut_anywhere, 0, 2);
               tcase_add_loop_test(tests, three_megabytes_pass_through_tiny_buffers_both_ways, 0,
                                   2);
               tcase_add_test(tests, a_read_may_wait_for_writing_and_a_write_for_reading);
               tcase_add_test(tests, what_was_read_but_not_taken_is_pending);
               tcase_add_test(tests, a_half_record_is_not_pending);
               tcase_add_loop_test(tests, the_end_is_in_good_order_with_close_notify_and_without, 0,
                                   4);
               tcase_add_test(tests, writing_to_nobody_is_an_end_and_no_signal);
               tcase_add_test(tests, a_broken_record_ends_the_connection_in_words);
               tcase_add_test(tests, hands_are_shaken_once);
               tcase_add_test(tests, new_keys_are_no_interruption);)
