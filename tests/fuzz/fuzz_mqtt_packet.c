/* fuzz_mqtt_packet.c - a broker that says anything, in pieces of any size, to a task that answers
 * in any way: the books of the slots always agree.
 *
 * The first byte seeds the version, the pieces and the answers; the rest is what the broker says. A
 * connection that breaks is followed by another, in either version of MQTT, with the session
 * present or not. What a message says in its properties is read to the end.
 * A broker that keeps to the rules: fuzz_mqtt_link.c.
 */
#include "fuzz.h"

#include "link.h"

#include <string.h>

#define TOKENS 256

typedef struct play {
    mqtt_link *link;
    uint32_t dice;
    uint64_t tokens[TOKENS];
    size_t count;
} play;

static uint32_t roll(play *p)
{
    p->dice = p->dice * 1664525 + 1013904223;
    return p->dice >> 16;
}

/* Reads every byte, and finds each property that is said to be there. */
static void read_properties(const mqtt_properties *properties)
{
    mqtt_property property, found;
    unsigned sum = 0;
    uint64_t seen = 0;
    mqtt_text value;

    for (size_t at = 0; mqtt_properties_next(properties, &at, &property);) {
        for (size_t i = 0; i < property.name.size; i++)
            sum += (uint8_t)property.name.bytes[i];
        for (size_t i = 0; i < property.value.size; i++)
            sum += (uint8_t)property.value.bytes[i];
        seen |= UINT64_C(1) << property.id;
        if (!mqtt_properties_find(properties, property.id, &found))
            abort();
        if (property.id == MQTT_USER_PROPERTY &&
            !mqtt_properties_user(properties, property.name.bytes, property.name.size, &value))
            abort();
    }
    if (seen != properties->there || sum == UINT32_MAX)
        abort();
}

static mqtt_verdict on_message(void *ctx, const mqtt_message *message)
{
    play *p = ctx;

    read_properties(&message->publish.properties);

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
    static const uint8_t connect[] = {0x10, 14, 0, 4,  'M', 'Q', 'T', 'T',
                                      5,    2,  0, 60, 0,   0,   1,   'i'};
    bool new = roll(p) & 1;
    const uint8_t connack[] = {0x20, new ? 3 : 2, roll(p) & 1, 0, 0};
    size_t room, size = new ? 5 : 4;

    mqtt_link_open(p->link, new ? (const void *)connect : "c", new ? sizeof(connect) : 1, 0);
    memcpy(mqtt_link_room(p->link, MQTT_BROKER, &room), connack, size);
    mqtt_link_got(p->link, MQTT_BROKER, size, 0);
    require(mqtt_link_work(p->link, 0) == MQTT_LINK_RUNS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    play p = {.dice = size ? data[0] : 0};
    mqtt_link_settings settings = {.max_packet = 2048,
                                   .max_unacked = 32,
                                   .max_unacked_bytes = 4096,
                                   .max_loose = 16,
                                   .ping_timeout_ms = 1000,
                                   .receive_maximum = 8,
                                   .remember_acked = true};
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
