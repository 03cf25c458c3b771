/* script.h - a link on a scripted broker and a clock the test moves.
 *
 * The broker's bytes are collected in `wire` and fed in pieces of `cut` bytes, so that every script
 * can be replayed cut at every byte. What the link sends is kept per side.
 *
 * SCRIPT_LEVEL is the version of MQTT that is spoken: test_x_5.c defines it and includes test_x.c,
 * so that every story is told in both. With SCRIPT_TLS 1 the broker's side goes through TLS on a
 * pair of sockets: the link has what the transport made of it.
 */
#ifndef TEST_SCRIPT_H
#define TEST_SCRIPT_H

#include "link.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX 70000

#ifndef SCRIPT_TLS
#define SCRIPT_TLS 0
#endif
#if SCRIPT_TLS
#include "tls_pair.h"
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
    size_t first;    /* … but the first piece is this large; 0: like the rest */
    mqtt_bytes sent[2];
    struct tls_pair *tls; /* with SCRIPT_TLS */
    /* The task. */
    uint64_t *tokens;
    uint16_t *ids;
    char last_payload[32];
    size_t taken;
    size_t room;          /* messages that still fit; SIZE_MAX: all */
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
    ck_assert_uint_lt(s->taken, SCRIPT_MAX);
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

#else

static inline void way_open(script *s)
{
    s->tls = NULL;
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
    s->tokens = calloc(SCRIPT_MAX, sizeof(*s->tokens));
    s->ids = calloc(SCRIPT_MAX, sizeof(*s->ids));
    s->room = SIZE_MAX;
    s->now_ms = 1000;
    way_open(s);
    return s;
}

static inline void script_free(script *s)
{
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
        const void *bytes = mqtt_link_output(s->link, (mqtt_side)side, &size);

        if (!bytes)
            continue;
        if (side == MQTT_BROKER)
            way_out(s, bytes, size);
        else
            mqtt_bytes_append(&s->sent[side], bytes, size);
        mqtt_link_sent(s->link, (mqtt_side)side, size);
    }
    ck_assert(mqtt_slots_sound(mqtt_link_slots(s->link)));
}

static inline void work(script *s)
{
    if (s->state == MQTT_LINK_RUNS)
        s->state = mqtt_link_work(s->link, s->now_ms);
    collect(s);
}

/* Feeds the wire, in pieces, as long as the link wants to read. */
static inline void feed(script *s)
{
    size_t first = s->first;

    s->first = 0;
    while (mqtt_bytes_size(&s->wire) && s->state == MQTT_LINK_RUNS &&
           mqtt_link_wants(s->link, MQTT_BROKER)) {
        size_t room, size = mqtt_bytes_size(&s->wire);
        void *to = mqtt_link_room(s->link, MQTT_BROKER, &room);

        ck_assert_uint_gt(room, 0);
        if (first && first < size)
            size = first;
        else if (!first && s->cut && s->cut < size)
            size = s->cut;
        first = 0;
        size = size < room ? size : room;
        way_in(s, to, s->wire.data + s->wire.start, size);
        mqtt_bytes_consume(&s->wire, size);
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

        part = s->cut && s->cut < size - at ? s->cut : size - at;
        memcpy(to, from + at, part);
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

#endif
