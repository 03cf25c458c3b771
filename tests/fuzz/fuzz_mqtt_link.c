/* fuzz_mqtt_link.c - a broker that keeps to MQTT, and a world that does not help: everything cut
 * anywhere, resent at any time, connections lost, acknowledgements lost with them, sessions lost,
 * Kafka's answers in any order or late, no room now and then.
 *
 * The first byte chooses the version; each other one is a deed. Every message is unlike all others,
 * so it can be followed. What has to hold at any time:
 *   - slots in use = ringed + orphans + pending without either;
 *   - no PUBACK and no PUBREC for a message whose record is not settled, none for what was not
 *     received on this connection, none out of line; a PUBCOMP for each PUBREL, in their order;
 * and at the end, when everything is settled and read: nothing waits for an acknowledgement.
 */
#include "fuzz.h"

#include "link.h"

#include <stdbool.h>
#include <string.h>

#define MESSAGES 1024 /* of one input */
#define DUE      8192 /* on one connection, repeats included */
#define PLACES   2048

typedef struct said { /* a PUBLISH or PUBREL of this connection that wants an answer */
    uint16_t number;
    uint16_t id;
    uint8_t type;     /* of the answer */
    bool may_be_mute; /* a repeat of what stands before it in the line */
} said;

enum { UNSENT, SENT, RELEASED, OVER }; /* as the broker sees it: PUBREC came: RELEASED */

typedef struct world {
    const uint8_t *deeds;
    size_t left;
    mqtt_link *link;
    bool five, generous;
    uint32_t dice;
    mqtt_bytes wire, heard;
    /* Messages, by number. */
    size_t count;
    uint8_t state[MESSAGES], qos[MESSAGES];
    uint16_t id[MESSAGES];
    bool settled[MESSAGES];
    /* What the task has taken. */
    struct {
        uint64_t token;
        uint16_t number;
    } taken[MESSAGES * 4];
    size_t taken_count;
    /* This connection. */
    said line[DUE];
    size_t line_size;
    uint16_t places[PLACES]; /* up to which the line may have been answered, in order */
    size_t place_count;
    uint16_t pubrels[DUE];
    size_t pubrel_count, pubcomps;
    uint16_t next_id;
} world;

static uint32_t roll(world *w)
{
    w->dice = w->dice * 1664525 + 1013904223;
    return w->dice >> 16;
}

/* ---- The task ---------------------------------------------------------------------------------
 */

static mqtt_verdict on_message(void *ctx, const mqtt_message *message)
{
    world *w = ctx;
    const uint8_t *payload = message->publish.payload;
    uint16_t number;

    require(!message->too_large && message->publish.payload_size >= 2);
    number = (uint16_t)(payload[0] << 8 | payload[1]);
    require(number < w->count && message->publish.qos == w->qos[number]);
    require(!message->publish.qos || message->publish.id == w->id[number]);
    if (!w->generous && roll(w) % 8 == 0)
        return MQTT_FULL;
    if (roll(w) % 16 == 0) {
        w->settled[number] = true; /* its end is a policy's */
        return MQTT_SKIPPED;
    }
    if (w->taken_count == sizeof(w->taken) / sizeof(w->taken[0]))
        return MQTT_FULL;
    w->taken[w->taken_count].token = message->token;
    w->taken[w->taken_count++].number = number;
    return MQTT_TAKEN;
}

static void on_granted(void *ctx, const uint8_t *codes, size_t count)
{
    (void)ctx;
    (void)codes;
    (void)count;
}

static void settle(world *w, size_t which)
{
    static const weir_outcome outcomes[] = {WEIR_DELIVERED, WEIR_DEAD_LETTERED, WEIR_DROPPED};
    uint64_t token = w->taken[which].token;

    w->settled[w->taken[which].number] = true;
    w->taken[which] = w->taken[--w->taken_count];
    mqtt_link_settle(w->link, &token, 1, outcomes[roll(w) % 3]);
}

/* ---- What the broker hears ---------------------------------------------------------------------
 */

static void reach(uint16_t *places, size_t *count, size_t place)
{
    for (size_t i = 0; i < *count; i++)
        if (places[i] == place)
            return;
    require(*count < PLACES);
    places[(*count)++] = (uint16_t)place;
}

/* A repeat has an answer of its own or has none, and ids come again: so there may be several places
 * in the line where an answer belongs, and all of them are followed. */
static void hear_acknowledgement(world *w, uint8_t type, uint16_t id)
{
    uint16_t places[PLACES];
    size_t count = 0;

    for (size_t p = 0; p < w->place_count; p++) {
        for (size_t i = w->places[p]; i < w->line_size; i++) {
            const said *next = &w->line[i];

            if (next->id == id && next->type == type && w->settled[next->number]) {
                if (!count)
                    w->state[next->number] = type == MQTT_TYPE_PUBREC ? RELEASED : OVER;
                reach(places, &count, i + 1);
            }
            if (!next->may_be_mute)
                break;
        }
    }
    require(count > 0); /* else nothing was waiting for it */
    memcpy(w->places, places, count * sizeof(*places));
    w->place_count = count;
}

/* May everything in the line have had its answer? */
static bool all_answered(const world *w)
{
    for (size_t p = 0; p < w->place_count; p++) {
        size_t i = w->places[p];

        while (i < w->line_size && w->line[i].may_be_mute)
            i++;
        if (i == w->line_size)
            return true;
    }
    return false;
}

static void hear(world *w)
{
    mqtt_head head;
    const uint8_t *bytes;
    size_t size;

    while ((bytes = mqtt_link_output(w->link, MQTT_BROKER, &size))) {
        size = 1 + roll(w) % size;
        mqtt_bytes_append(&w->heard, bytes, size);
        mqtt_link_sent(w->link, MQTT_BROKER, size);
    }
    while (mqtt_bytes_size(&w->heard) &&
           mqtt_scan_head(w->heard.data + w->heard.start, mqtt_bytes_size(&w->heard), &head) ==
               MQTT_SCANNED &&
           mqtt_bytes_size(&w->heard) >= head.head_size + head.body_size) {
        const uint8_t *body = w->heard.data + w->heard.start + head.head_size;

        if (head.type == MQTT_TYPE_PUBACK || head.type == MQTT_TYPE_PUBREC) {
            hear_acknowledgement(w, head.type, (uint16_t)(body[0] << 8 | body[1]));
        } else if (head.type == MQTT_TYPE_PUBCOMP) {
            require(w->pubcomps < w->pubrel_count);
            require(w->pubrels[w->pubcomps++] == (body[0] << 8 | body[1]));
        } else {
            require(head.type == MQTT_TYPE_CONNECT || head.type == MQTT_TYPE_PINGREQ);
        }
        mqtt_bytes_consume(&w->heard, head.head_size + head.body_size);
    }
}

/* ---- What the broker says ----------------------------------------------------------------------
 */

static void say_publish(world *w, uint16_t number, bool dup)
{
    uint8_t payload[300] = {(uint8_t)(number >> 8), (uint8_t)number};
    uint8_t qos = w->qos[number], head[10];
    size_t payload_size = 2 + number * 7 % 290, size = 0;
    size_t body = 3 + (qos ? 2 : 0) + w->five + payload_size;

    head[size++] = (uint8_t)(0x30 | qos << 1 | (dup ? 8 : 0));
    if (body > 127) {
        head[size++] = (uint8_t)(body & 127) | 128;
        head[size++] = (uint8_t)(body >> 7);
    } else {
        head[size++] = (uint8_t)body;
    }
    head[size++] = 0;
    head[size++] = 1;
    head[size++] = 't';
    if (qos) {
        head[size++] = (uint8_t)(w->id[number] >> 8);
        head[size++] = (uint8_t)w->id[number];
    }
    if (w->five)
        head[size++] = 0;
    mqtt_bytes_append(&w->wire, head, size);
    mqtt_bytes_append(&w->wire, payload, payload_size);
    w->state[number] = SENT;
    if (!qos)
        return;
    w->line[w->line_size] = (said){.number = number,
                                   .id = w->id[number],
                                   .type = qos == 2 ? MQTT_TYPE_PUBREC : MQTT_TYPE_PUBACK};
    for (size_t i = 0; dup && i < w->line_size; i++)
        if (w->line[i].number == number)
            w->line[w->line_size].may_be_mute = true;
    w->line_size++;
}

static void say_pubrel(world *w, uint16_t id)
{
    mqtt_bytes_append(&w->wire, (const uint8_t[]){0x62, 2, (uint8_t)(id >> 8), (uint8_t)id}, 4);
    w->pubrels[w->pubrel_count++] = id;
}

/* The `n`-th message in this state, -1 if there is none. */
static int find(const world *w, uint8_t state, size_t n)
{
    for (size_t i = 0; w->count && i < w->count; i++)
        if (w->state[(n + i) % w->count] == state && w->qos[(n + i) % w->count])
            return (int)((n + i) % w->count);
    return -1;
}

static void publish_new(world *w, uint8_t qos, int same_id_as)
{
    uint16_t number = (uint16_t)w->count;

    if (w->count == MESSAGES)
        return;
    w->qos[number] = qos;
    w->id[number] = same_id_as >= 0 ? w->id[same_id_as] : ++w->next_id;
    w->count++;
    say_publish(w, number, false);
}

static void release_one(world *w, size_t n)
{
    int number = find(w, RELEASED, n);

    if (number < 0) {
        say_pubrel(w, 60000);
        return;
    }
    say_pubrel(w, w->id[number]);
    w->state[number] = OVER;
}

/* ---- The connection ----------------------------------------------------------------------------
 */

static void work(world *w)
{
    require(mqtt_link_work(w->link, 0) == MQTT_LINK_RUNS);
    require(mqtt_slots_sound(mqtt_link_slots(w->link)));
}

static void feed(world *w, size_t most)
{
    while (most && mqtt_bytes_size(&w->wire) && mqtt_link_wants(w->link, MQTT_BROKER)) {
        size_t room, part = mqtt_bytes_size(&w->wire) < most ? mqtt_bytes_size(&w->wire) : most;
        void *to = mqtt_link_room(w->link, MQTT_BROKER, &room);

        require(room > 0);
        part = part < room ? part : room;
        part = 1 + roll(w) % part;
        memcpy(to, w->wire.data + w->wire.start, part);
        mqtt_bytes_consume(&w->wire, part);
        mqtt_link_got(w->link, MQTT_BROKER, part, 0);
        most -= part;
        work(w);
    }
}

/* The broker sends again what it has no acknowledgement for. */
static void resume(world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->qos[i] && w->state[i] == SENT)
            say_publish(w, (uint16_t)i, true);
        else if (w->state[i] == RELEASED)
            say_pubrel(w, w->id[i]);
    }
}

static void connect_again(world *w, bool present)
{
    static const uint8_t connect[2][16] = {
        {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'i'},
        {0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 1, 'i'},
    };
    const uint8_t connack[] = {0x20, w->five ? 3 : 2, present, 0, 0};

    mqtt_bytes_clear(&w->wire);
    mqtt_bytes_clear(&w->heard);
    w->line_size = w->pubrel_count = w->pubcomps = 0;
    w->places[0] = 0;
    w->place_count = 1;
    mqtt_link_open(w->link, connect[w->five], 15 + w->five, 0);
    mqtt_bytes_append(&w->wire, connack, 4 + w->five);
    for (size_t i = 0; !present && i < w->count; i++)
        w->state[i] = OVER;
    if (present)
        resume(w);
}

static void paho_pings(world *w)
{
    static const uint8_t says[] = {0xC0, 0, 0x40, 2, 0, 1}; /* an acknowledgement too, swallowed */
    size_t room, size;

    if (!mqtt_link_wants(w->link, MQTT_CLIENT))
        return;
    memcpy(mqtt_link_room(w->link, MQTT_CLIENT, &room), says, sizeof(says));
    mqtt_link_got(w->link, MQTT_CLIENT, sizeof(says), 0);
    work(w);
    while (mqtt_link_output(w->link, MQTT_CLIENT, &size))
        mqtt_link_sent(w->link, MQTT_CLIENT, size);
}

static bool full(const world *w)
{
    return w->line_size + MESSAGES >= DUE || w->pubrel_count + MESSAGES >= DUE;
}

static void do_deed(world *w, uint8_t deed)
{
    size_t which = deed >> 4;
    int number;

    switch (full(w) ? 13 : deed & 15) {
    case 0:
    case 1:
    case 2:
        publish_new(w, deed & 3, -1);
        break;
    case 3:
        for (size_t i = 0; i < which; i++)
            publish_new(w, 1 + i % 2, -1);
        break;
    case 4:
        publish_new(w, 1 + which % 2, find(w, SENT, which)); /* one id in flight twice */
        break;
    case 5:
        number = find(w, SENT, which);
        if (number >= 0)
            say_publish(w, (uint16_t)number, true); /* some brokers repeat on a live connection */
        break;
    case 6:
        release_one(w, which);
        break;
    case 7:
    case 8:
        feed(w, which * which + 1);
        break;
    case 9:
        if (w->taken_count)
            settle(w, which % w->taken_count);
        break;
    case 10:
        for (size_t i = 0; i < which && w->taken_count; i++)
            settle(w, roll(w) % w->taken_count);
        break;
    case 11:
        mqtt_link_retry(w->link);
        work(w);
        break;
    case 12:
        hear(w);
        break;
    case 13:
        connect_again(w, true); /* what was not heard is lost */
        break;
    case 14:
        if (which == 0)
            connect_again(w, false);
        break;
    default:
        paho_pings(w);
        break;
    }
    require(mqtt_slots_sound(mqtt_link_slots(w->link)));
}

/* Everything is said, heard and settled: nobody may be left waiting. */
static void come_to_rest(world *w)
{
    mqtt_slot_counts counts;
    int rounds = 0;

    w->generous = true;
    do {
        require(rounds++ < 4 * MESSAGES);
        feed(w, SIZE_MAX);
        while (w->taken_count)
            settle(w, roll(w) % w->taken_count);
        mqtt_link_retry(w->link);
        work(w);
        hear(w);
    } while (mqtt_bytes_size(&w->wire) || w->taken_count);
    hear(w);
    require(all_answered(w));
    require(w->pubcomps == w->pubrel_count);
    counts = mqtt_slots_count(mqtt_link_slots(w->link));
    require(!counts.pending && !counts.ringed && !counts.loose);
    require(!mqtt_link_look(w->link)->loose && !mqtt_link_look(w->link)->unsettled_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const mqtt_link_settings settings = {.max_packet = 2048,
                                                .max_unacked = 24,
                                                .max_unacked_bytes = 4096,
                                                .max_loose = 16,
                                                .ping_timeout_ms = 1000};
    world *w;

    if (!size)
        return 0;
    w = calloc(1, sizeof(*w));
    require(w);
    w->five = bytes[0] & 1;
    w->dice = bytes[0];
    w->link = mqtt_link_new(
        &settings, &(mqtt_link_user){.ctx = w, .message = on_message, .granted = on_granted});
    connect_again(w, true);
    for (size_t i = 1; i < size && i < 4096; i++)
        do_deed(w, bytes[i]);
    come_to_rest(w);
    mqtt_link_free(w->link);
    mqtt_bytes_free(&w->wire);
    mqtt_bytes_free(&w->heard);
    free(w);
    return 0;
}
