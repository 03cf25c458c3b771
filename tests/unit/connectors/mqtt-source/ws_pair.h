/* ws_pair.h - our end of a WebSocket and a broker's, on a pair of sockets. */
#ifndef TEST_WS_PAIR_H
#define TEST_WS_PAIR_H

#include "transport.h"
#include "ws_peer.h"

#include <sys/socket.h>
#include <unistd.h>

typedef struct ws_pair {
    mqtt_transport client;
    int far;             /* the broker's socket */
    mqtt_bytes out, in;  /* of the broker: not yet sent, not yet understood */
    size_t pings, pongs; /* said, heard */
    int last;            /* opcode of the last frame that was heard; -1: none */
    unsigned turn;
} ws_pair;

/* Writes what the socket takes of it. */
static inline void ws_pair_carry(ws_pair *p)
{
    ssize_t sent = 1;

    while (sent > 0 && mqtt_bytes_size(&p->out)) {
        sent = send(p->far, p->out.data + p->out.start, mqtt_bytes_size(&p->out), MSG_NOSIGNAL);
        if (sent > 0)
            mqtt_bytes_consume(&p->out, (size_t)sent);
    }
}

static inline void ws_pair_read(ws_pair *p)
{
    ssize_t got;

    do {
        got = recv(p->far, mqtt_bytes_reserve(&p->in, 65536), 65536, 0);
        if (got > 0)
            p->in.end += (size_t)got;
    } while (got > 0);
}

/* What has come: MQTT's bytes are added to `to`. */
static inline void ws_pair_hear(ws_pair *p, mqtt_bytes *to)
{
    mqtt_bytes other = {0};
    int opcode;

    ws_pair_read(p);
    while (mqtt_bytes_size(&p->in) > 1) {
        opcode = ws_hear(&p->in, (p->in.data[p->in.start] & 15) == WS_BINARY ? to : &other);
        if (opcode < 0)
            break;
        p->last = opcode;
        p->pongs += opcode == WS_PONG;
    }
    mqtt_bytes_free(&other);
}

/* Sockets; the handshake is not done. `client.ws` is given away. */
static inline ws_pair *ws_pair_make(mqtt_ws *ws)
{
    ws_pair *p = calloc(1, sizeof(*p));
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    p->client = MQTT_NO_TRANSPORT;
    p->client.fd = fds[0];
    p->client.ws = ws;
    p->far = fds[1];
    p->last = -1;
    return p;
}

static inline ws_pair *ws_pair_new(void)
{
    mqtt_endpoint to = {.host = (char *)"h", .port = (char *)"80", .ws = true};
    ws_pair *p = ws_pair_make(mqtt_ws_new(&ws_defaults, &to));

    ck_assert_int_eq(mqtt_transport_shake(&p->client), MQTT_IO_AGAIN);
    ws_pair_read(p);
    ck_assert(ws_answer(&p->in, &p->out));
    ws_pair_carry(p);
    ck_assert_int_eq(mqtt_transport_shake(&p->client), MQTT_IO_DONE);
    return p;
}

static inline void ws_pair_hang_up(ws_pair *p)
{
    if (p->far >= 0)
        close(p->far);
    p->far = -1;
}

static inline void ws_pair_free(ws_pair *p)
{
    mqtt_transport_close(&p->client);
    ws_pair_hang_up(p);
    mqtt_bytes_free(&p->out);
    mqtt_bytes_free(&p->in);
    free(p);
}

static inline void ws_pair_ping(ws_pair *p)
{
    ws_say(&p->out, WS_FINAL | WS_PING, "still there?", p->turn % 13);
    p->pings++;
}

/* Says these bytes in frames: one time so, the next time so. */
static inline void ws_pair_frames(ws_pair *p, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t half = size / 2;

    switch (p->turn++ % 5) {
    case 0:
        ws_say(&p->out, WS_FINAL | WS_BINARY, from, size);
        break;
    case 1: /* one message in three parts, and a ping inside it */
        ws_say(&p->out, WS_BINARY, from, half);
        ws_pair_ping(p);
        ws_say(&p->out, WS_MORE, NULL, 0);
        ws_say(&p->out, WS_FINAL | WS_MORE, from + half, size - half);
        break;
    case 2: /* two messages, however MQTT is cut by that */
        ws_say(&p->out, WS_FINAL | WS_BINARY, from, half);
        ws_say(&p->out, WS_FINAL | WS_BINARY, from + half, size - half);
        break;
    case 3:
        ws_say(&p->out, WS_FINAL | WS_PONG, "unasked", 7);
        ws_say(&p->out, WS_FINAL | WS_BINARY, NULL, 0);
        ws_say(&p->out, WS_FINAL | WS_BINARY, from, size);
        break;
    default:
        ws_pair_ping(p);
        ws_say(&p->out, WS_BINARY, from, size);
        ws_say(&p->out, WS_FINAL | WS_MORE, NULL, 0);
        break;
    }
}

#endif
