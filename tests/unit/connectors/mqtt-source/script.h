/* script.h - a link on a scripted broker and a clock the test moves.
 *
 * The broker's bytes are collected in `wire` and fed in pieces. What the link sends is kept per
 * side.
 *
 * R16: whatever is a START_TEST in a file that includes this one is played many times: in one
 * piece, cut at every byte of what the broker says and of what paho says, byte by byte, in pieces
 * of a few sizes, and with every write shortened to one byte. A script of more than CUT_MAX bytes
 * is cut at some bytes only, one through TLS at every byte at once, one through WebSocket, where
 * frames cut it anyway, at every fifth; one of more than HUGE_MIN is played once. A test may set
 * `cut` itself, then its own pieces count.
 *
 * SCRIPT_LEVEL is the version of MQTT that is spoken: test_x_5.c defines it and includes test_x.c,
 * so that every story is told in both. With SCRIPT_TLS 1 the broker's side goes through TLS on a
 * pair of sockets, with SCRIPT_WS 1 through WebSocket: the link has what the transport made of it.
 */
#ifndef TEST_SCRIPT_H
#define TEST_SCRIPT_H

#include "link.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT_MAX  4096
#define HUGE_MIN (1 << 20)

/* How a script is played. */
typedef struct script_way {
    size_t split[2]; /* one cut, behind so many bytes of a side; 0: none */
    size_t cut;      /* size of all pieces; 0: as large as they come */
    bool sips;       /* one byte leaves at a time */
} script_way;

static script_way script_now;
static size_t script_said[2]; /* the longest script of this play, by side */
static bool script_playing;

#ifndef SCRIPT_TLS
#define SCRIPT_TLS 0
#endif
#if SCRIPT_TLS
#include "tls_pair.h"
#endif
#ifndef SCRIPT_WS
#define SCRIPT_WS 0
#endif
#if SCRIPT_WS
#include "ws_pair.h"
#endif

#ifndef SCRIPT_LEVEL
#define SCRIPT_LEVEL 4
#endif
#define SCRIPT_5 (SCRIPT_LEVEL == 5)

typedef struct script {
    mqtt_link *link;
    int64_t now_ms;
    mqtt_bytes wire; /* from the broker, not yet fed */
    size_t cut;      /* piece size; 0: all at once */
    size_t fed[2];   /* bytes so far, by side */
    mqtt_bytes sent[2];
    struct tls_pair *tls; /* with SCRIPT_TLS */
    struct ws_pair *ws;   /* with SCRIPT_WS */
    /* The task. */
    uint64_t *tokens;
    uint16_t *ids;
    char last_payload[32];
    size_t taken, tokens_room;
    size_t room;          /* messages that still fit; SIZE_MAX: all */
    bool deaf;            /* the broker reads nothing */
    mqtt_verdict verdict; /* instead of MQTT_TAKEN */
    size_t too_large;
    bool take_large; /* messages that are too large are taken, not skipped */
    uint8_t granted[8];
    size_t grants;
    mqtt_link_state state;
} script;

static inline mqtt_verdict script_message(void *ctx, const mqtt_message *message)
{
    script *s = ctx;

    if (!s->room)
        return MQTT_FULL;
    if (message->too_large) {
        ck_assert_ptr_null(message->publish.payload);
        s->too_large++;
        if (!s->take_large || s->verdict != MQTT_TAKEN)
            return s->verdict == MQTT_TAKEN ? MQTT_SKIPPED : s->verdict;
    }
    if (s->verdict != MQTT_TAKEN)
        return s->verdict;
    if (s->taken == s->tokens_room) {
        s->tokens_room = 2 * s->tokens_room + 64;
        s->tokens = realloc(s->tokens, s->tokens_room * sizeof(*s->tokens));
        s->ids = realloc(s->ids, s->tokens_room * sizeof(*s->ids));
    }
    s->tokens[s->taken] = message->token;
    s->ids[s->taken++] = message->publish.id;
    if (!message->too_large)
        snprintf(s->last_payload, sizeof(s->last_payload), "%.*s",
                 (int)message->publish.payload_size, (const char *)message->publish.payload);
    if (s->room != SIZE_MAX)
        s->room--;
    return MQTT_TAKEN;
}

static inline void script_granted(void *ctx, const uint8_t *codes, size_t count)
{
    script *s = ctx;

    memcpy(s->granted, codes, count);
    s->grants = count;
}

static const mqtt_link_settings script_defaults = {
    .max_packet = 1024 * 1024,
    .max_unacked = 65000,
    .max_unacked_bytes = 1 << 30,
    .max_loose = 50000,
    .ping_timeout_ms = 10000,
};

/* ---- The way to the broker and back --------------------------------------------------------- */

#if SCRIPT_TLS

static inline void way_open(script *s)
{
    s->tls = pair_new();
    up(s->tls, &(peer_settings){.own = &s->tls->world->broker});
}

static inline void way_close(script *s)
{
    pair_free(s->tls);
}

static inline void way_in(script *s, void *to, const void *from, size_t size)
{
    int64_t end = clock_ms() + 20000;
    size_t sent = 0, part;

    for (size_t have = 0; have < size;) {
        int went =
            sent < size ? peer_write(s->tls->server, (const char *)from + sent, size - sent) : 0;

        ck_assert_int_ge(went, 0);
        sent += (size_t)went;
        if (mqtt_transport_read(&s->tls->client, (char *)to + have, size - have, &part) ==
            MQTT_IO_DONE)
            have += part;
        ck_assert_msg(clock_ms() < end, "%zu of %zu bytes", have, size);
    }
}

static inline void way_out(script *s, const void *bytes, size_t size)
{
    int64_t end = clock_ms() + 20000;
    size_t sent = 0, part;

    for (size_t heard = 0; heard < size;) {
        int got;

        if (sent < size && mqtt_transport_write(&s->tls->client, (const char *)bytes + sent,
                                                size - sent, &part) == MQTT_IO_DONE)
            sent += part;
        got = peer_read(s->tls->server, mqtt_bytes_reserve(&s->sent[MQTT_BROKER], 4096), 4096);
        ck_assert_int_ge(got, 0);
        s->sent[MQTT_BROKER].end += (size_t)got;
        heard += (size_t)got;
        ck_assert_msg(clock_ms() < end, "%zu of %zu bytes", heard, size);
    }
}

#elif SCRIPT_WS

static inline void way_open(script *s)
{
    s->ws = ws_pair_new();
}

static inline void way_close(script *s)
{
    ws_pair_free(s->ws);
}

static inline void way_in(script *s, void *to, const void *from, size_t size)
{
    size_t part;

    ws_pair_frames(s->ws, from, size);
    for (size_t have = 0; have < size;) {
        ws_pair_carry(s->ws);
        switch (mqtt_transport_read(&s->ws->client, (char *)to + have, size - have, &part)) {
        case MQTT_IO_DONE:
            have += part;
            break;
        case MQTT_IO_AGAIN:
            break;
        case MQTT_IO_OVER:
            ck_abort_msg("%s", mqtt_transport_why(&s->ws->client));
        }
    }
}

static inline void way_out(script *s, const void *bytes, size_t size)
{
    size_t part;

    for (size_t sent = 0; sent < size;) {
        if (mqtt_transport_write(&s->ws->client, (const char *)bytes + sent, size - sent, &part) ==
            MQTT_IO_DONE)
            sent += part;
        ws_pair_hear(s->ws, &s->sent[MQTT_BROKER]);
    }
    while (mqtt_transport_flush(&s->ws->client) == MQTT_IO_AGAIN)
        ws_pair_hear(s->ws, &s->sent[MQTT_BROKER]);
    ws_pair_hear(s->ws, &s->sent[MQTT_BROKER]);
}

#else

static inline void way_open(script *s)
{
    s->tls = NULL;
    s->ws = NULL;
}

static inline void way_close(script *s)
{
    (void)s;
}

static inline void way_in(script *s, void *to, const void *from, size_t size)
{
    (void)s;
    memcpy(to, from, size);
}

static inline void way_out(script *s, const void *bytes, size_t size)
{
    mqtt_bytes_append(&s->sent[MQTT_BROKER], bytes, size);
}

#endif

static inline script *script_new(const mqtt_link_settings *settings)
{
    script *s = calloc(1, sizeof(*s));

    s->link = mqtt_link_new(
        settings ? settings : &script_defaults,
        &(mqtt_link_user){.ctx = s, .message = script_message, .granted = script_granted});
    s->room = SIZE_MAX;
    s->now_ms = 1000;
    s->cut = script_now.cut;
    way_open(s);
    return s;
}

static inline void script_free(script *s)
{
    for (int side = 0; side < 2; side++)
        script_said[side] = s->fed[side] > script_said[side] ? s->fed[side] : script_said[side];
    way_close(s);
    mqtt_link_free(s->link);
    for (int side = 0; side < 2; side++)
        mqtt_bytes_free(&s->sent[side]);
    mqtt_bytes_free(&s->wire);
    free(s->tokens);
    free(s->ids);
    free(s);
}

/* ---- What the broker says ----------------------------------------------------------------- */

static inline void say(script *s, const void *bytes, size_t size)
{
    mqtt_bytes_append(&s->wire, bytes, size);
}

#define SAY(s, ...) say((s), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void say_length(script *s, size_t size)
{
    do {
        uint8_t digit = size & 0x7f;

        size >>= 7;
        if (size)
            digit |= 0x80;
        say(s, &digit, 1);
    } while (size);
}

static inline void say_publish_bytes(script *s, int qos, bool dup, uint16_t id, const char *topic,
                                     const void *payload, size_t size)
{
    uint8_t head = (uint8_t)(0x30 | qos << 1 | (dup ? 8 : 0));
    uint8_t length[2] = {0, (uint8_t)strlen(topic)};
    uint8_t packet_id[2] = {(uint8_t)(id >> 8), (uint8_t)id};

    say(s, &head, 1);
    say_length(s, 2 + strlen(topic) + (qos ? 2 : 0) + SCRIPT_5 + size);
    say(s, length, 2);
    say(s, topic, strlen(topic));
    if (qos)
        say(s, packet_id, 2);
    if (SCRIPT_5)
        SAY(s, 0); /* no properties */
    say(s, payload, size);
}

/* SUBACK, one filter. */
static inline void say_granted(script *s, uint16_t id, uint8_t code)
{
    if (SCRIPT_5)
        SAY(s, 0x90, 4, (uint8_t)(id >> 8), (uint8_t)id, 0, code);
    else
        SAY(s, 0x90, 3, (uint8_t)(id >> 8), (uint8_t)id, code);
}

static inline void say_connack(script *s, bool session_present, uint8_t code)
{
    if (SCRIPT_5)
        SAY(s, 0x20, 3, session_present, code, 0);
    else
        SAY(s, 0x20, 2, session_present, code);
}

static inline void say_publish(script *s, int qos, bool dup, uint16_t id, const char *payload)
{
    say_publish_bytes(s, qos, dup, id, "t", payload, strlen(payload));
}

/* ---- What the link does ------------------------------------------------------------------- */

/* Takes what it writes. */
static inline void collect(script *s)
{
    for (int side = 0; side < 2; side++) {
        size_t size;
        const void *bytes;

        if (s->deaf && side == MQTT_BROKER)
            continue;
        while ((bytes = mqtt_link_output(s->link, (mqtt_side)side, &size))) {
            if (script_now.sips)
                size = 1;
            if (side == MQTT_BROKER)
                way_out(s, bytes, size);
            else
                mqtt_bytes_append(&s->sent[side], bytes, size);
            mqtt_link_sent(s->link, (mqtt_side)side, size);
        }
    }
    /* Slow: with many slots only where the pieces are large. */
    if (mqtt_slots_count(mqtt_link_slots(s->link)).used < CUT_MAX || !s->cut)
        ck_assert(mqtt_slots_sound(mqtt_link_slots(s->link)));
}

static inline void work(script *s)
{
    if (s->state == MQTT_LINK_RUNS)
        s->state = mqtt_link_work(s->link, s->now_ms);
    collect(s);
}

/* How many of `size` bytes come with the next read. */
static inline size_t piece(const script *s, mqtt_side from, size_t size)
{
    size_t split = script_now.split[from], fed = s->fed[from];

    if (s->cut && s->cut < size)
        size = s->cut;
    return fed < split && split - fed < size ? split - fed : size;
}

/* Feeds the wire, in pieces, as long as the link wants to read. */
static inline void feed(script *s)
{
    while (mqtt_bytes_size(&s->wire) && s->state == MQTT_LINK_RUNS &&
           mqtt_link_wants(s->link, MQTT_BROKER)) {
        size_t room, size = piece(s, MQTT_BROKER, mqtt_bytes_size(&s->wire));
        void *to = mqtt_link_room(s->link, MQTT_BROKER, &room);

        ck_assert_uint_gt(room, 0);
        size = size < room ? size : room;
        way_in(s, to, s->wire.data + s->wire.start, size);
        mqtt_bytes_consume(&s->wire, size);
        s->fed[MQTT_BROKER] += size;
        mqtt_link_got(s->link, MQTT_BROKER, size, s->now_ms);
        work(s);
    }
    work(s);
}

static inline void paho_says(script *s, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;

    for (size_t at = 0, part; at < size; at += part) {
        size_t room;
        void *to = mqtt_link_room(s->link, MQTT_CLIENT, &room);

        part = piece(s, MQTT_CLIENT, size - at);
        memcpy(to, from + at, part);
        s->fed[MQTT_CLIENT] += part;
        mqtt_link_got(s->link, MQTT_CLIENT, part, s->now_ms);
        work(s);
    }
}

#define PAHO_SAYS(s, ...)                                                                          \
    paho_says((s), (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void forget_sent(script *s)
{
    mqtt_bytes_clear(&s->sent[MQTT_BROKER]);
    mqtt_bytes_clear(&s->sent[MQTT_CLIENT]);
}

/* A connection whose CONNECT has gone out. */
static inline void opened(script *s)
{
    /* Keep-alive 60 s, client id "i". */
    static const uint8_t connect_5[] = {0x10, 14, 0, 4,  'M', 'Q', 'T', 'T',
                                        5,    2,  0, 60, 0,   0,   1,   'i'};
    static const uint8_t connect_3[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'i'};

    mqtt_bytes_clear(&s->wire);
    mqtt_link_open(s->link, SCRIPT_5 ? connect_5 : connect_3,
                   SCRIPT_5 ? sizeof(connect_5) : sizeof(connect_3), s->now_ms);
    s->state = MQTT_LINK_RUNS;
    collect(s);
    forget_sent(s);
}

/* A connection whose CONNACK has come. */
static inline void connected(script *s, bool session_present)
{
    opened(s);
    say_connack(s, session_present, 0);
    feed(s);
    ck_assert(mqtt_link_look(s->link)->connected);
    ck_assert_int_eq(s->state, MQTT_LINK_RUNS);
    forget_sent(s);
}

static inline void answer(script *s, size_t message)
{
    mqtt_link_settle(s->link, &s->tokens[message], 1, WEIR_DELIVERED);
    collect(s);
}

static inline void expect_sent(script *s, mqtt_side to, const void *bytes, size_t size)
{
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[to]), size);
    if (size)
        ck_assert_mem_eq(s->sent[to].data + s->sent[to].start, bytes, size);
    forget_sent(s);
}

/* Four bytes for each id. */
static inline void expect_acks(script *s, uint8_t type, const uint16_t *ids, size_t count)
{
    mqtt_bytes want = {0};

    for (size_t i = 0; i < count; i++)
        mqtt_put_ack(&want, (mqtt_type)type, ids[i]);
    expect_sent(s, MQTT_BROKER, want.data, mqtt_bytes_size(&want));
    mqtt_bytes_free(&want);
}

#define EXPECT_ACKS(s, type, ...)                                                                  \
    expect_acks((s), (type), (const uint16_t[]){__VA_ARGS__},                                      \
                sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static inline void expect_nothing(script *s)
{
    ck_assert_uint_eq(mqtt_bytes_size(&s->sent[MQTT_BROKER]), 0);
}

/* ---- Every script in every way (R16) ------------------------------------------------------- */

/* An assertion ends the process: which way it was would else be lost. */
static inline void script_tell_way(void)
{
    if (script_playing)
        fprintf(stderr,
                "played with a cut behind byte %zu of the broker, %zu of paho, pieces of "
                "%zu%s\n",
                script_now.split[0], script_now.split[1], script_now.cut,
                script_now.sips ? ", written byte by byte" : "");
}

static inline void script_play(void (*play)(int), int i, script_way way)
{
    script_now = way;
    script_playing = true;
    play(i);
    script_playing = false;
}

static inline void script_every_way(void (*play)(int), int i)
{
    static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 4099};
    size_t said[2], step;
    bool large;

    atexit(script_tell_way);
    memset(script_said, 0, sizeof(script_said));
    script_play(play, i, (script_way){.cut = 0});
    memcpy(said, script_said, sizeof(said));
    if (said[MQTT_BROKER] > HUGE_MIN)
        return;
    large = said[MQTT_BROKER] > CUT_MAX;
    for (int side = 0; side < 2 && !SCRIPT_TLS; side++) {
        step = large ? said[side] / 3 + 1 : SCRIPT_WS ? 5 : 1;
        for (size_t at = step; at < said[side]; at += step)
            script_play(play, i, (script_way){.split = {side ? 0 : at, side ? at : 0}});
    }
    for (size_t n = large ? 6 : 0; n < (SCRIPT_TLS ? 1 : sizeof(pieces) / sizeof(pieces[0])); n++)
        script_play(play, i, (script_way){.cut = pieces[n]});
    if (!large)
        script_play(play, i, (script_way){.sips = true});
}

/* Check's own, with script_every_way() between it and the test. */
#undef START_TEST
#define START_TEST(name)                                                                           \
    static void name##_played(int _i);                                                             \
    static void name##_every_way(int _i)                                                           \
    {                                                                                              \
        script_every_way(name##_played, _i);                                                       \
    }                                                                                              \
    static const TTest name##_ttest = {#name, name##_every_way, __FILE__, __LINE__};               \
    static const TTest *name = &name##_ttest;                                                      \
    static void name##_played(int _i CK_ATTRIBUTE_UNUSED)

#endif
