/* receipts.h - what was acknowledged lately: dedupe.mode=redelivery.
 *
 * An acknowledgement that was written may never have been read: the connection broke. The broker
 * then sends the message again, with DUP=1, its old packet id and its old content, right after
 * CONNACK and before anything we have not acknowledged. Such a message is in Kafka already.
 *
 * The danger is an id that the broker has given to another message of the same content, which we
 * never saw: to drop that would be a loss. So a message is only taken for a known one
 *   - on a connection that resumes the session, before anything else than redeliveries of
 *     acknowledged messages has come;
 *   - when it is one of the MQTT_RECEIPTS last acknowledged, half of all ids;
 *   - while the broker's ids go up by one with each new message, as seen over a second and more: a
 *     broker that takes the lowest free id would have taken one of those acknowledged before. One
 *     id out of line, and everything is forgotten and watched anew.
 * In any doubt the message is produced: a duplicate, never a loss. Of a broker that counts from 1
 * on every connection the link lets this forget everything (link_publish.c).
 *
 * For QoS 1. The ids of QoS 2 are remembered from PUBREC to PUBREL in slots.h, which is exact.
 *
 * Memory   Pages of 16 KiB for 1024 ids, made when one of them is first acknowledged: 1 MiB at
 * most. Threads  None of its own; the task's.
 */
#ifndef MQTT_RECEIPTS_H
#define MQTT_RECEIPTS_H

#include <stdbool.h>
#include <stdint.h>

#define MQTT_RECEIPTS 32767u

typedef struct mqtt_receipts mqtt_receipts;

mqtt_receipts *mqtt_receipts_new(void);
void mqtt_receipts_free(mqtt_receipts *receipts);

/* A connection begins. `resumed`: with the session of the last one; else everything is forgotten.
 */
void mqtt_receipts_connected(mqtt_receipts *receipts, bool resumed);
/* Its acknowledgement is being written. */
void mqtt_receipts_acked(mqtt_receipts *receipts, uint16_t id, uint64_t hash, int64_t now_ms);
/* Is this message, which came with DUP=1, one that was acknowledged already? */
bool mqtt_receipts_know(const mqtt_receipts *receipts, uint16_t id, uint64_t hash);
/* Every other message of QoS 1 and 2, in order of arrival, once it is dealt with. `fresh`: it was
 * neither a redelivery of something known, nor did it come with DUP=1. */
void mqtt_receipts_passed(mqtt_receipts *receipts, uint16_t id, bool fresh, int64_t now_ms);

/* Have the broker's ids been seen to go up by one? */
bool mqtt_receipts_armed(const mqtt_receipts *receipts);

#endif
