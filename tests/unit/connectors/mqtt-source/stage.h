/* stage.h - the plugin on real sockets with a scripted broker and a clock that stands still until
 * the test moves it. With STAGE_TLS 1 both speak TLS, with STAGE_WS 1 WebSocket.
 */
#ifndef TEST_STAGE_H
#define TEST_STAGE_H

#include "fill.h"
#include "mosquitto.h"
#include "tls_peer.h"
#include "ws_peer.h"

#include "tests/support/unit.h"
#include "weir_plugin.h"

#include <netinet/tcp.h>
#include <stdarg.h>
#include <sys/eventfd.h>

#ifndef STAGE_TLS
#define STAGE_TLS 0
#endif
#ifndef STAGE_WS
#define STAGE_WS 0
#endif
#define STAGE_SCHEME (STAGE_WS ? (STAGE_TLS ? "wss" : "ws") : STAGE_TLS ? "ssl" : "tcp")

typedef struct stage {
    weir_host host;
    int64_t now_ms;
    uint64_t tokens[4096];
    size_t taken;
    bool not_owned;
    char failed[512], logged[8192];
    mqtt_settings settings;
    char uri[64];
    void *self;
    weir_status last;
    int listener, broker; /* the broker's sockets */
    world *world;         /* with TLS */
    char ca[128];
    SSL *ssl;    /* on `broker` */
    bool shaken; /* with WebSocket; then what came of it and of MQTT */
    mqtt_bytes raw, heard;
    int last_frame;
} stage;

static inline void WEIR_PRINTF(3, 4)
    stage_log(const weir_host *host, weir_level level, const char *fmt, ...)
{
    stage *s = host->ctx;
    size_t used = strlen(s->logged);
    va_list args;

    (void)level;
    va_start(args, fmt);
    vsnprintf(s->logged + used, sizeof(s->logged) - used, fmt, args);
    va_end(args);
}

static inline weir_status WEIR_PRINTF(3, 4)
    stage_fail(const weir_host *host, weir_status how, const char *fmt, ...)
{
    stage *s = host->ctx;
    va_list args;

    va_start(args, fmt);
    vsnprintf(s->failed, sizeof(s->failed), fmt, args);
    va_end(args);
    return how;
}

static inline weir_status stage_emit(const weir_host *host, const weir_record *record)
{
    stage *s = host->ctx;

    if (s->taken == 4096)
        return WEIR_AGAIN;
    s->tokens[s->taken++] = record->token;
    return WEIR_DONE;
}

static inline bool stage_owned(const weir_host *host)
{
    return !((stage *)host->ctx)->not_owned;
}

static inline int64_t stage_now(const weir_host *host)
{
    return ((stage *)host->ctx)->now_ms;
}

/* `backlog` 0 with a filled queue: connecting never ends. */
/* A port that nobody else gets while the descriptor is open, and where nobody listens. */
static inline int hold_port(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static inline int listen_at(int *ret_port, int backlog)
{
    int fd = hold_port(ret_port);

    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

/* Ready to be started. */
static inline stage *stage_make(const char *uri, const char *const *more)
{
    const char *pairs[32] = {"mqtt.server.uri", NULL, "mqtt.topics", "t", "mqtt.version", "3.1.1"};
    stage *s = calloc(1, sizeof(*s));
    size_t n = 6;
    int port;

    s->listener = listen_at(&port, 8);
    s->broker = -1;
    snprintf(s->uri, sizeof(s->uri), "%s://127.0.0.1:%d", STAGE_SCHEME, port);
    pairs[1] = uri ? uri : s->uri;
    if (STAGE_TLS) {
        signal(SIGPIPE, SIG_IGN);
        s->world = world_new();
        pairs[n++] = "mqtt.ssl.ca.location";
        snprintf(s->ca, sizeof(s->ca), "%s/ca.pem", s->world->safe->folder);
        pairs[n++] = s->ca;
    }
    for (; *more; more += 2, n += 2) {
        pairs[n] = more[0];
        pairs[n + 1] = more[1];
    }
    fill(&s->settings, pairs);
    s->now_ms = 1000000;
    s->host = (weir_host){
        .size = sizeof(weir_host),
        .ctx = s,
        .connector = "unit",
        .wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
        .log = stage_log,
        .fail = stage_fail,
        .emit = stage_emit,
        .owned = stage_owned,
        .now_ms = stage_now,
    };
    return s;
}

static inline void stage_start(stage *s)
{
    ck_assert_int_eq(weir_plugin_entry.source->start(&s->host, &s->settings, &s->self), WEIR_DONE);
}

static inline stage *stage_new(const char *uri, const char *const *more)
{
    stage *s = stage_make(uri, more);

    stage_start(s);
    return s;
}

static inline void broker_hangs_up(stage *s)
{
    SSL_free(s->ssl);
    s->ssl = NULL;
    s->shaken = false;
    mqtt_bytes_free(&s->raw);
    mqtt_bytes_free(&s->heard);
    if (s->broker >= 0)
        close(s->broker);
    s->broker = -1;
}

static inline void stage_stop(stage *s)
{
    weir_plugin_entry.source->stop(s->self);
    s->self = NULL;
}

static inline void stage_free(stage *s)
{
    broker_hangs_up(s);
    if (s->self)
        stage_stop(s);
    close(s->listener);
    close(s->host.wakeup_fd);
    if (s->world)
        world_free(s->world);
    free(s);
}

static inline void turn(stage *s)
{
    s->last = weir_plugin_entry.source->poll(s->self, s->now_ms);
}

static inline const char *status(stage *s)
{
    static char json[4096];

    ck_assert_uint_gt(weir_plugin_entry.source->status(s->self, json, sizeof(json)), 0);
    return json;
}

static inline void until_status(stage *s, const char *text)
{
    int64_t deadline = clock_ms() + 10000;

    while (!strstr(status(s), text)) {
        turn(s);
        poll(NULL, 0, 1); /* paho's threads and the kernel have their own clock */
        ck_assert_msg(clock_ms() < deadline, "no %s in %s; failed: %s", text, status(s), s->failed);
    }
}

static inline void until_logged(stage *s, const char *text)
{
    for (int64_t end = clock_ms() + 10000; !strstr(s->logged, text);) {
        turn(s);
        poll(NULL, 0, 1);
        ck_assert_msg(clock_ms() < end, "no '%s' in: %s", text, s->logged);
    }
}

static inline void broker_accepts(stage *s)
{
    int one = 1;

    s->broker = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->broker < 0)
        return;
    setsockopt(s->broker, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (STAGE_TLS)
        s->ssl = peer_new(&(peer_settings){.own = &s->world->broker}, s->broker);
}

/* Bytes below WebSocket. */
static inline ssize_t broker_gets_raw(stage *s, void *to, size_t room)
{
    return s->ssl ? peer_read(s->ssl, to, room) : recv(s->broker, to, room, 0);
}

static inline void broker_says_raw(stage *s, const void *bytes, size_t size)
{
    if (!s->ssl) {
        ck_assert_int_eq(send(s->broker, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
        return;
    }
    for (size_t sent = 0; sent < size;) { /* a record at a time */
        int part = peer_write(s->ssl, (const char *)bytes + sent, size - sent);

        ck_assert_int_gt(part, 0);
        sent += (size_t)part;
    }
}

static inline void broker_says_frame(stage *s, uint8_t first, const void *bytes, size_t size)
{
    mqtt_bytes frame = {0};

    ws_say(&frame, first, bytes, size);
    broker_says_raw(s, frame.data, mqtt_bytes_size(&frame));
    mqtt_bytes_free(&frame);
}

/* Takes what came, up to the request or to the last whole frame. */
static inline void broker_hears(stage *s)
{
    mqtt_bytes answer = {0}, other = {0};
    ssize_t got = broker_gets_raw(s, mqtt_bytes_reserve(&s->raw, 4096), 4096);

    s->raw.end += got > 0 ? (size_t)got : 0;
    if (!s->shaken && ws_answer(&s->raw, &answer)) {
        s->shaken = true;
        broker_says_raw(s, answer.data, mqtt_bytes_size(&answer));
    }
    while (s->shaken && mqtt_bytes_size(&s->raw) > 1) {
        bool data = (s->raw.data[s->raw.start] & 15) == WS_BINARY;
        int opcode = ws_hear(&s->raw, data ? &s->heard : &other);

        if (opcode < 0)
            break;
        s->last_frame = opcode;
    }
    mqtt_bytes_free(&answer);
    mqtt_bytes_free(&other);
}

static inline ssize_t broker_gets(stage *s, void *to, size_t room)
{
    size_t size;

    if (!STAGE_WS)
        return broker_gets_raw(s, to, room);
    if (!mqtt_bytes_size(&s->heard))
        broker_hears(s);
    size = mqtt_bytes_size(&s->heard) < room ? mqtt_bytes_size(&s->heard) : room;
    if (size)
        memcpy(to, s->heard.data + s->heard.start, size);
    mqtt_bytes_consume(&s->heard, size);
    return (ssize_t)size;
}

/* The broker's end: takes turns with the task, while there is one, until so many bytes have come.
 */
static inline void broker_reads(stage *s, void *to, size_t size)
{
    int64_t deadline = clock_ms() + 10000;

    for (size_t have = 0; have < size;) {
        ssize_t got;

        if (s->self)
            turn(s);
        if (s->broker < 0)
            broker_accepts(s);
        got = s->broker < 0 ? 0 : broker_gets(s, (char *)to + have, size - have);
        have += got > 0 ? (size_t)got : 0;
        if (got <= 0)
            poll(NULL, 0, 1);
        ck_assert_msg(clock_ms() < deadline, "%zu of %zu bytes; %s", have, size,
                      s->self ? status(s) : "stopped");
    }
}

static inline void broker_says(stage *s, const void *bytes, size_t size)
{
    if (STAGE_WS)
        broker_says_frame(s, WS_FINAL | WS_BINARY, bytes, size);
    else
        broker_says_raw(s, bytes, size);
}

#endif
