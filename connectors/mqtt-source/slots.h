/* slots.h - who is still owed an acknowledgement, and in which order.
 *
 * A slot is our own name for one received PUBLISH with QoS 1 or 2: brokers may have one packet id
 * in flight twice. A slot is PENDING until Kafka's answer is known, then DONE. It may be *ringed*
 * (its acknowledgement is due on this connection, in order of receipt), an *orphan* (it was ringed
 * when the connection broke; a redelivery may adopt it), or, while PENDING, neither (given up: its
 * answer frees it). At any time: slots in use = ringed + orphans + pending without either.
 *
 * Beside the slots: the ids of QoS 2 messages between PUBREC and PUBREL.
 *
 * Threads  None of its own; the task's.
 */
#ifndef MQTT_SLOTS_H
#define MQTT_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQTT_SLOTS_MAX 65000u

typedef struct mqtt_slots mqtt_slots;

/* What a PUBLISH is known by. */
typedef struct mqtt_mark {
    uint64_t hash; /* of topic and payload: mqtt_hash() */
    uint32_t size; /* of the payload */
    uint16_t id;   /* the broker's packet id */
    uint8_t qos;   /* 1 or 2 */
} mqtt_mark;

mqtt_slots *mqtt_slots_new(size_t limit); /* at most MQTT_SLOTS_MAX */
void mqtt_slots_free(mqtt_slots *slots);

/* Over topic and payload; version 1, fixed: stored hashes must outlive a process. */
uint64_t mqtt_hash(const void *topic, size_t topic_size, const void *payload, size_t payload_size);

/* Is a slot free, or can one be made free by giving up the oldest finished orphan? */
bool mqtt_slots_room(mqtt_slots *slots);

/* A new slot, PENDING, at the end of the ring. Only after mqtt_slots_room(). */
uint16_t mqtt_slots_take(mqtt_slots *slots, const mqtt_mark *mark, int64_t now_ms);
/* Undoes the last take(): its record was not handed over, so it must not be adopted either. */
void mqtt_slots_untake(mqtt_slots *slots, uint16_t slot);

/* The name of a slot in delivery reports. */
uint64_t mqtt_slots_token(const mqtt_slots *slots, uint16_t slot);
/* Kafka's answer for a token: DONE. Returns the size noted, or -1 when it names no PENDING slot. */
int64_t mqtt_slots_done(mqtt_slots *slots, uint64_t token);

/* Is this PUBLISH one we know? In the ring of this connection: MQTT_RINGED. An orphan: it is put at
 * the end of the ring, MQTT_ADOPTED. Else MQTT_NEW, and orphans of that id are given up. */
typedef enum mqtt_known { MQTT_NEW, MQTT_RINGED, MQTT_ADOPTED } mqtt_known;
mqtt_known mqtt_slots_recognise(mqtt_slots *slots, const mqtt_mark *mark, bool dup, bool resumed);

/* Takes the head of the ring when it is DONE: now acknowledge *ret_mark. False: none is due. */
bool mqtt_slots_release(mqtt_slots *slots, mqtt_mark *ret_mark);

void mqtt_slots_disconnected(mqtt_slots *slots); /* ringed slots become orphans */
void mqtt_slots_session_lost(mqtt_slots *slots); /* orphans and QoS 2 memory go */
void mqtt_slots_give_up(mqtt_slots *slots);      /* orphans go: their ids mean nothing any more */
uint16_t mqtt_slots_oldest_orphan(const mqtt_slots *slots); /* its packet id; 0: there is none */

/* QoS 2: from PUBREC to PUBREL. */
void mqtt_slots_remember(mqtt_slots *slots, uint16_t id, uint64_t hash);
bool mqtt_slots_remembers(const mqtt_slots *slots, uint16_t id, uint64_t hash);
bool mqtt_slots_forget(mqtt_slots *slots, uint16_t id); /* true: it was there */

typedef struct mqtt_slot_counts {
    size_t used, ringed, orphans, loose; /* loose: PENDING, neither ringed nor orphan */
    size_t pending;
} mqtt_slot_counts;

mqtt_slot_counts mqtt_slots_count(const mqtt_slots *slots);
/* When the oldest slot that still waits was taken; -1: none waits. */
int64_t mqtt_slots_oldest_ms(const mqtt_slots *slots);
/* Counts everything anew: do the books agree? For assertions and tests; slow. */
bool mqtt_slots_sound(const mqtt_slots *slots);

#endif
