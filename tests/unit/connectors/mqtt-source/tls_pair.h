/* tls_pair.h - our end of TLS and a broker's, on a pair of sockets. */
#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

#include "mosquitto.h"
#include "tls_peer.h"

#include <signal.h>

typedef struct tls_pair {
    world *world;
    mqtt_tls_settings settings;
    mqtt_transport client;
    SSL *server;
    int far; /* the server's socket */
    char why[512];
} tls_pair;

static inline void sockets(int *one, int *other)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *one = fds[0];
    *other = fds[1];
}

static inline tls_pair *pair_new(void)
{
    tls_pair *p = calloc(1, sizeof(*p));

    signal(SIGPIPE, SIG_IGN); /* the server's end writes with OpenSSL's own BIO */
    p->world = world_new();
    p->settings = (mqtt_tls_settings){
        .ca = strdup(safe_path(p->world->safe, "ca.pem")),
        .identification = "https",
        .protocols = MQTT_TLS_PROTOCOLS,
    };
    p->client = MQTT_NO_TRANSPORT;
    p->far = -1;
    return p;
}

/* Puts TLS on sockets that are there. */
static inline void pair_join(tls_pair *p, const peer_settings *how, int near, int far)
{
    p->far = far;
    p->server = how ? peer_new(how, far) : NULL;
    p->client.fd = near;
    p->client.tls = mqtt_tls_new(&p->settings, "localhost", p->why, sizeof(p->why));
    ck_assert_msg(p->client.tls != NULL, "%s", p->why);
    mqtt_tls_attach(p->client.tls, near);
}

static inline void pair_open(tls_pair *p, const peer_settings *how)
{
    int near, far;

    sockets(&near, &far);
    pair_join(p, how, near, far);
}

static inline void hang_up(tls_pair *p)
{
    if (p->far >= 0)
        close(p->far);
    p->far = -1;
}

static inline void pair_close(tls_pair *p)
{
    mqtt_transport_close(&p->client);
    SSL_free(p->server);
    p->server = NULL;
    hang_up(p);
}

static inline void pair_free(tls_pair *p)
{
    pair_close(p);
    free((char *)p->settings.ca);
    world_free(p->world);
    free(p);
}

/* Both ends, in turns, until the client knows. */
static inline mqtt_io shake(tls_pair *p)
{
    for (int64_t end = clock_ms() + 20000; clock_ms() < end;) {
        mqtt_io io = mqtt_tls_handshake(p->client.tls);

        if (p->server && peer_shake(p->server) < 0)
            shutdown(p->far, SHUT_WR); /* its alert is on its way */
        if (io != MQTT_IO_AGAIN)
            return io;
    }
    ck_abort_msg("the handshake does not end");
    return MQTT_IO_OVER;
}

/* Until the client has read so many bytes, or it is over: then 0. */
static inline size_t client_reads(tls_pair *p, void *to, size_t size)
{
    for (int64_t end = clock_ms() + 20000; clock_ms() < end;) {
        size_t got;

        switch (mqtt_transport_read(&p->client, to, size, &got)) {
        case MQTT_IO_DONE:
            return got;
        case MQTT_IO_OVER:
            return 0;
        case MQTT_IO_AGAIN:
            if (p->server)
                peer_shake(p->server);
        }
    }
    ck_abort_msg("nothing comes");
    return 0;
}

static inline void client_writes(tls_pair *p, const char *text)
{
    size_t sent = 0;

    ck_assert_int_eq(mqtt_transport_write(&p->client, text, strlen(text), &sent), MQTT_IO_DONE);
    ck_assert_uint_eq(sent, strlen(text));
}

static inline void up(tls_pair *p, const peer_settings *how)
{
    pair_open(p, how);
    ck_assert_msg(shake(p) == MQTT_IO_DONE, "%s", mqtt_tls_why(p->client.tls));
    for (int i = 0; i < 100 && SSL_in_init(p->server); i++)
        peer_shake(p->server);
    ck_assert(!SSL_in_init(p->server));
}

/* Goes on under a certificate of ours. */
static inline void show(tls_pair *p, const minted *who)
{
    const safe *s = p->world->safe;

    safe_certificate(s, "visitor.pem", who, NULL);
    safe_key(s, "visitor.key", who, NULL);
    p->settings.certificate = safe_path(s, "visitor.pem");
    p->settings.key = safe_path(s, "visitor.key");
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#endif
