/* fuzz_mqtt_packet.c - a broker that says anything, in pieces of any size, to a task that answers
 * in any way: the books of the slots always agree.
 *
 * The first byte seeds the pieces and the answers, and its highest bit chooses MQTT 5; the rest is
 * what the broker says. A connection that breaks is followed by another, with the session present
 * or not. What a broker says that keeps to the rules: fuzz_mqtt_link.c.
 */
#include "fuzz.h"

#include "link.h"

#include <string.h>

#define TOKENS 256

typedef struct play {
    mqtt_link *link;
    bool five;
    uint32_t dice;
    uint64_t tokens[TOKENS];
    size_t count;
} play;

static uint32_t roll(play *p)
{
    p->dice = p->dice * 1664525 + 1013904223;
    return p->dice >> 16;
}

static mqtt_verdict on_message(void *ctx, const mqtt_message *message)
{
    play *p = ctx;

    switch (roll(p) % 8) {
    case 0:
        return MQTT_FULL;
    case 1:
        return MQTT_SKIPPED;
    default:
        if (message->too_large)
            return MQTT_SKIPPED;
        if (p->count == TOKENS)
            return MQTT_FULL;
        p->tokens[p->count++] = message->token;
        return MQTT_TAKEN;
    }
}

static void on_granted(void *ctx, const uint8_t *codes, size_t count)
{
    (void)ctx;
    (void)codes;
    require(count > 0);
}

static void settle_some(play *p)
{
    while (p->count && roll(p) % 3) {
        size_t which = roll(p) % p->count;

        mqtt_link_settle(p->link, &p->tokens[which], 1, WEIR_DELIVERED);
        p->tokens[which] = p->tokens[--p->count];
    }
}

static void drain_output(play *p)
{
    size_t size;

    for (int side = 0; side < 2; side++)
        while (mqtt_link_output(p->link, (mqtt_side)side, &size))
            mqtt_link_sent(p->link, (mqtt_side)side, size);
}

static void connect_again(play *p)
{
    static const uint8_t connect[2][16] = {
        {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'i'},
        {0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 1, 'i'},
    };
    const uint8_t connack[] = {0x20, p->five ? 3 : 2, roll(p) & 1, 0, 0};
    size_t room, size = 4 + p->five;

    mqtt_link_open(p->link, connect[p->five], 15 + p->five, 0);
    memcpy(mqtt_link_room(p->link, MQTT_BROKER, &room), connack, size);
    mqtt_link_got(p->link, MQTT_BROKER, size, 0);
    require(mqtt_link_work(p->link, 0) == MQTT_LINK_RUNS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    play p = {.dice = size ? data[0] : 0, .five = size && data[0] & 0x80};
    mqtt_link_settings settings = {.max_packet = 2048,
                                   .max_unacked = 32,
                                   .max_unacked_bytes = 4096,
                                   .max_loose = 16,
                                   .ping_timeout_ms = 1000};
    mqtt_link_user user = {.ctx = &p, .message = on_message, .granted = on_granted};

    p.link = mqtt_link_new(&settings, &user);
    connect_again(&p);
    for (size_t at = 1; at < size;) {
        size_t room, part = 1 + roll(&p) % 32;
        void *to;

        if (mqtt_link_wants(p.link, MQTT_BROKER)) {
            to = mqtt_link_room(p.link, MQTT_BROKER, &room);
            part = part < size - at ? part : size - at;
            part = part < room ? part : room;
            require(part > 0); /* it wants to read, so there is room */
            memcpy(to, data + at, part);
            mqtt_link_got(p.link, MQTT_BROKER, part, 0);
            at += part;
        } else {
            settle_some(&p);
            mqtt_link_retry(p.link);
        }
        if (mqtt_link_work(p.link, 0) == MQTT_LINK_BROKEN)
            connect_again(&p);
        if (roll(&p) % 4 == 0)
            settle_some(&p);
        drain_output(&p);
        require(mqtt_slots_sound(mqtt_link_slots(p.link)));
    }
    mqtt_link_close(p.link);
    mqtt_link_settle(p.link, p.tokens, p.count, WEIR_DELIVERED);
    require(mqtt_slots_sound(mqtt_link_slots(p.link)));
    require(!mqtt_slots_count(mqtt_link_slots(p.link)).pending);
    mqtt_link_free(p.link);
    return 0;
}
