/* slots.c - see slots.h.
 *
 * One table that grows by doubling, so an idle task costs little. Slot 0 does not exist: 0 means
 * "none" in every link. A slot hangs in the chain of its packet id while it is ringed or an orphan,
 * and in one of two lists through `older`/`newer`: the free list (newer only) or the orphans.
 */
#include "slots.h"

#include "bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64u
#define IDS        65536u

enum { FREE, PENDING, DONE };

typedef struct slot {
    mqtt_mark mark;
    int64_t taken_ms;
    uint32_t generation;   /* counts the uses of this slot: an old token must not match */
    uint16_t next, prev;   /* the chain of one packet id, newest first */
    uint16_t newer, older; /* orphans, or `newer` alone: the free list */
    uint8_t state;
    bool ringed, orphan;
} slot;

struct mqtt_slots {
    slot *slots;     /* [room]; slots[0] unused */
    size_t room;     /* grows up to limit + 1 */
    size_t limit;    /* slots in use at most */
    uint16_t *by_id; /* [IDS]: the newest slot with that id */
    uint16_t *ring;  /* [ring_room], a power of two */
    size_t ring_room, ring_head, ring_size;
    uint16_t free;
    uint16_t oldest_orphan, newest_orphan;
    mqtt_slot_counts counts;
    uint64_t *released;   /* [IDS]: hashes of QoS 2 messages between PUBREC and PUBREL */
    uint8_t *is_released; /* [IDS / 8] */
};

mqtt_slots *mqtt_slots_new(size_t limit)
{
    mqtt_slots *slots = mqtt_alloc(1, sizeof(*slots));

    assert(limit > 0 && limit <= MQTT_SLOTS_MAX);
    slots->limit = limit;
    return slots;
}

void mqtt_slots_free(mqtt_slots *slots)
{
    if (!slots)
        return;
    free(slots->slots);
    free(slots->by_id);
    free(slots->ring);
    free(slots->released);
    free(slots->is_released);
    free(slots);
}

/* ---- Hash --------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* The first `size` bytes, eight at most, as a little-endian number. */
static uint64_t word_at(const uint8_t *at, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, at, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    size_t left = size;

    for (; left >= 8; left -= 8, at += 8)
        hash = mix(hash, word_at(at, 8));
    if (left)
        hash = mix(hash, word_at(at, left));
    return mix(hash, size); /* the length separates topic from payload */
}

uint64_t mqtt_hash(const void *topic, size_t topic_size, const void *payload, size_t payload_size)
{
    uint64_t hash = hash_bytes(UINT64_C(0x6D7174742D763031), topic, topic_size); /* "mqtt-v01" */

    return mix(hash_bytes(hash, payload, payload_size), 0);
}

/* ---- Free, chain, ring, orphans ------------------------------------------------------------ */

static bool grow(mqtt_slots *slots)
{
    size_t room = slots->room ? slots->room * 2 : FIRST_ROOM;

    if (room > slots->limit + 1)
        room = slots->limit + 1;
    if (room <= slots->room)
        return false;
    slots->slots = mqtt_realloc(slots->slots, room, sizeof(*slots->slots));
    for (size_t i = slots->room ? slots->room : 1; i < room; i++)
        slots->slots[i] = (slot){.newer = i + 1 < room ? (uint16_t)(i + 1) : slots->free};
    slots->free = (uint16_t)(slots->room ? slots->room : 1);
    slots->slots[0] = (slot){0};
    slots->room = room;
    if (!slots->by_id)
        slots->by_id = mqtt_alloc(IDS, sizeof(*slots->by_id));
    return true;
}

static void grow_ring(mqtt_slots *slots)
{
    size_t room = slots->ring_room ? slots->ring_room * 2 : FIRST_ROOM;
    uint16_t *ring = mqtt_alloc(room, sizeof(*ring));

    for (size_t i = 0; i < slots->ring_size; i++)
        ring[i] = slots->ring[(slots->ring_head + i) & (slots->ring_room - 1)];
    free(slots->ring);
    slots->ring = ring;
    slots->ring_room = room;
    slots->ring_head = 0;
}

static void chain(mqtt_slots *slots, uint16_t index)
{
    slot *s = &slots->slots[index];
    uint16_t first = slots->by_id[s->mark.id];

    s->prev = 0;
    s->next = first;
    if (first)
        slots->slots[first].prev = index;
    slots->by_id[s->mark.id] = index;
}

static void unchain(mqtt_slots *slots, uint16_t index)
{
    slot *s = &slots->slots[index];

    if (s->prev)
        slots->slots[s->prev].next = s->next;
    else
        slots->by_id[s->mark.id] = s->next;
    if (s->next)
        slots->slots[s->next].prev = s->prev;
    s->next = s->prev = 0;
}

static void ring_push(mqtt_slots *slots, uint16_t index)
{
    if (slots->ring_size == slots->ring_room)
        grow_ring(slots);
    slots->ring[(slots->ring_head + slots->ring_size++) & (slots->ring_room - 1)] = index;
    slots->slots[index].ringed = true;
    slots->counts.ringed++;
}

static void free_slot(mqtt_slots *slots, uint16_t index)
{
    slot *s = &slots->slots[index];

    s->state = FREE;
    s->generation++;
    s->older = 0;
    s->newer = slots->free;
    slots->free = index;
    slots->counts.used--;
}

static void orphan_push(mqtt_slots *slots, uint16_t index)
{
    slot *s = &slots->slots[index];

    s->orphan = true;
    s->newer = 0;
    s->older = slots->newest_orphan;
    if (s->older)
        slots->slots[s->older].newer = index;
    else
        slots->oldest_orphan = index;
    slots->newest_orphan = index;
    slots->counts.orphans++;
}

static void orphan_remove(mqtt_slots *slots, uint16_t index)
{
    slot *s = &slots->slots[index];

    if (s->older)
        slots->slots[s->older].newer = s->newer;
    else
        slots->oldest_orphan = s->newer;
    if (s->newer)
        slots->slots[s->newer].older = s->older;
    else
        slots->newest_orphan = s->older;
    s->older = s->newer = 0;
    s->orphan = false;
    slots->counts.orphans--;
}

static void give_up(mqtt_slots *slots, uint16_t index)
{
    orphan_remove(slots, index);
    unchain(slots, index);
    if (slots->slots[index].state == DONE)
        free_slot(slots, index);
    else
        slots->counts.loose++;
}

/* ---- Taking and finishing ----------------------------------------------------------------- */

bool mqtt_slots_room(mqtt_slots *slots)
{
    if (slots->free || grow(slots))
        return true;
    for (uint16_t i = slots->oldest_orphan; i; i = slots->slots[i].newer) {
        if (slots->slots[i].state == DONE) {
            give_up(slots, i);
            return true;
        }
    }
    return false;
}

uint16_t mqtt_slots_take(mqtt_slots *slots, const mqtt_mark *mark, int64_t now_ms)
{
    uint16_t index = slots->free;
    slot *s = &slots->slots[index];

    assert(index);
    slots->free = s->newer;
    s->newer = s->older = 0;
    s->mark = *mark;
    s->taken_ms = now_ms;
    s->state = PENDING;
    slots->counts.used++;
    slots->counts.pending++;
    chain(slots, index);
    ring_push(slots, index);
    return index;
}

void mqtt_slots_untake(mqtt_slots *slots, uint16_t index)
{
    size_t last = (slots->ring_head + slots->ring_size - 1) & (slots->ring_room - 1);

    assert(slots->ring_size && slots->ring[last] == index);
    (void)last;
    slots->ring_size--;
    slots->slots[index].ringed = false;
    slots->counts.ringed--;
    if (slots->slots[index].state == PENDING)
        slots->counts.pending--;
    unchain(slots, index);
    free_slot(slots, index);
}

uint64_t mqtt_slots_token(const mqtt_slots *slots, uint16_t index)
{
    return (uint64_t)slots->slots[index].generation << 16 | index;
}

int64_t mqtt_slots_done(mqtt_slots *slots, uint64_t token)
{
    uint16_t index = (uint16_t)token;
    slot *s;

    if (!index || index >= slots->room)
        return -1;
    s = &slots->slots[index];
    if (s->state != PENDING || s->generation != (uint32_t)(token >> 16))
        return -1;
    s->state = DONE;
    slots->counts.pending--;
    if (!s->ringed && !s->orphan) {
        slots->counts.loose--;
        free_slot(slots, index);
    }
    return s->mark.size;
}

mqtt_known mqtt_slots_recognise(mqtt_slots *slots, const mqtt_mark *mark, bool dup, bool resumed)
{
    uint16_t adopted = 0, next;

    if (!slots->by_id || (!dup && !slots->counts.orphans))
        return MQTT_NEW;
    /* Newest first, and an id may be in flight twice: the oldest match is the one meant. */
    for (uint16_t i = slots->by_id[mark->id]; dup && i; i = slots->slots[i].next) {
        const slot *s = &slots->slots[i];

        if (s->mark.hash != mark->hash || s->mark.qos != mark->qos)
            continue;
        if (s->ringed)
            return MQTT_RINGED;
        if (resumed)
            adopted = i;
    }
    if (adopted) {
        orphan_remove(slots, adopted);
        ring_push(slots, adopted);
        return MQTT_ADOPTED;
    }
    for (uint16_t i = slots->by_id[mark->id]; i; i = next) {
        next = slots->slots[i].next;
        if (slots->slots[i].orphan)
            give_up(slots, i);
    }
    return MQTT_NEW;
}

bool mqtt_slots_release(mqtt_slots *slots, mqtt_mark *ret_mark)
{
    uint16_t index;
    slot *s;

    if (!slots->ring_size)
        return false;
    index = slots->ring[slots->ring_head];
    s = &slots->slots[index];
    if (s->state != DONE)
        return false;
    *ret_mark = s->mark;
    slots->ring_head = (slots->ring_head + 1) & (slots->ring_room - 1);
    slots->ring_size--;
    s->ringed = false;
    slots->counts.ringed--;
    unchain(slots, index);
    free_slot(slots, index);
    return true;
}

void mqtt_slots_disconnected(mqtt_slots *slots)
{
    for (; slots->ring_size; slots->ring_size--) {
        uint16_t index = slots->ring[slots->ring_head];

        slots->ring_head = (slots->ring_head + 1) & (slots->ring_room - 1);
        slots->slots[index].ringed = false;
        slots->counts.ringed--;
        orphan_push(slots, index);
    }
}

void mqtt_slots_give_up(mqtt_slots *slots)
{
    while (slots->oldest_orphan)
        give_up(slots, slots->oldest_orphan);
}

uint16_t mqtt_slots_oldest_orphan(const mqtt_slots *slots)
{
    return slots->oldest_orphan ? slots->slots[slots->oldest_orphan].mark.id : 0;
}

void mqtt_slots_session_lost(mqtt_slots *slots)
{
    mqtt_slots_give_up(slots);
    if (slots->is_released)
        memset(slots->is_released, 0, IDS / 8);
}

/* ---- QoS 2 --------------------------------------------------------------------------------- */

void mqtt_slots_remember(mqtt_slots *slots, uint16_t id, uint64_t hash)
{
    if (!slots->released) {
        slots->released = mqtt_alloc(IDS, sizeof(*slots->released));
        slots->is_released = mqtt_alloc(IDS / 8, 1);
    }
    slots->released[id] = hash;
    slots->is_released[id / 8] |= (uint8_t)(1u << id % 8);
}

bool mqtt_slots_remembers(const mqtt_slots *slots, uint16_t id, uint64_t hash)
{
    return slots->is_released && slots->is_released[id / 8] & 1u << id % 8 &&
           slots->released[id] == hash;
}

bool mqtt_slots_forget(mqtt_slots *slots, uint16_t id)
{
    bool there = slots->is_released && slots->is_released[id / 8] & 1u << id % 8;

    if (there)
        slots->is_released[id / 8] &= (uint8_t) ~(1u << id % 8);
    return there;
}

/* ---- Books --------------------------------------------------------------------------------- */

mqtt_slot_counts mqtt_slots_count(const mqtt_slots *slots)
{
    return slots->counts;
}

int64_t mqtt_slots_oldest_ms(const mqtt_slots *slots)
{
    if (slots->oldest_orphan)
        return slots->slots[slots->oldest_orphan].taken_ms;
    return slots->ring_size ? slots->slots[slots->ring[slots->ring_head]].taken_ms : -1;
}

bool mqtt_slots_sound(const mqtt_slots *slots)
{
    mqtt_slot_counts seen = {0};

    for (size_t i = 1; i < slots->room; i++) {
        const slot *s = &slots->slots[i];

        if (s->state == FREE)
            continue;
        seen.used++;
        seen.ringed += s->ringed;
        seen.orphans += s->orphan;
        seen.pending += s->state == PENDING;
        seen.loose += s->state == PENDING && !s->ringed && !s->orphan;
    }
    return seen.used == slots->counts.used && seen.ringed == slots->counts.ringed &&
           seen.orphans == slots->counts.orphans && seen.loose == slots->counts.loose &&
           seen.pending == slots->counts.pending && seen.ringed == slots->ring_size &&
           seen.used == seen.ringed + seen.orphans + seen.loose;
}
