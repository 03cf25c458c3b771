/* task_producer.h - the Kafka producer of one task: a handle of its own, polled on its thread.
 *
 * The handle's reports make an eventfd readable, so that a task can sleep in one place; they are
 * taken in weir_task_producer_poll() and _flush(), by the callback given at open. [task]
 * throughout.
 */
#ifndef WEIR_TASK_TASK_PRODUCER_H
#define WEIR_TASK_TASK_PRODUCER_H

#include "base/err.h"
#include "base/props.h"
#include "record/converter.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

typedef struct weir_task_producer weir_task_producer;

/* What Kafka answered about the record that was sent with message->_private. `why` is NULL when it
 * is in Kafka; it may be told without an error in `message`, when Kafka's word is not to be trusted
 * (positions.h, decision 11) and the producer is broken. The topic's opaque is its weir_positions.
 * Comes from inside weir_task_producer_poll() and _flush(). */
typedef void weir_task_answer(void *ctx, const rd_kafka_message_t *message, const char *why);

/* `wakeup_fd`: a non-blocking eventfd, which outlives the producer. */
WEIR_MUST_CHECK weir_code weir_task_producer_open(const weir_props *props, int wakeup_fd,
                                                  weir_task_answer *answer, void *ctx,
                                                  weir_task_producer **ret_producer, weir_err *err);
/* What is still on its way may or may not arrive, and is not reported. */
void weir_task_producer_close(weir_task_producer *producer);

/* Before anything is sent to it: what is for this topic waits for Kafka without a limit, whatever
 * delivery.timeout.ms the user has given records. */
WEIR_MUST_CHECK weir_code weir_task_producer_be_patient(weir_task_producer *producer,
                                                        const char *topic, weir_err *err);

typedef struct weir_outgoing_header {
    const char *name;
    weir_bytes value;
} weir_outgoing_header;

typedef struct weir_outgoing {
    const char *topic;
    int32_t partition;    /* -1: by key */
    int64_t timestamp_ms; /* -1: none */
    weir_bytes key, value;
    const weir_outgoing_header *headers;
    size_t header_count;
    void *opaque;
} weir_outgoing;

/* Copies the record and never blocks.
 *   WEIR_FULL         no room: a report will come and make some;
 *   WEIR_UNAVAILABLE  not now, and no report will come: the topic is missing;
 *   WEIR_INVALID      Kafka does not take this record: too large, no such partition, …, see
 *                     weir_task_producer_refusal();
 *   WEIR_FENCED       the handle is broken, see weir_task_producer_broken(). */
WEIR_MUST_CHECK weir_code weir_task_producer_send(weir_task_producer *producer,
                                                  const weir_outgoing *record, weir_err *err);
/* The error behind the last WEIR_INVALID. */
rd_kafka_resp_err_t weir_task_producer_refusal(const weir_task_producer *producer);
void weir_task_producer_poll(weir_task_producer *producer);
/* Sends what linger.ms holds back, and polls until all is answered. False: not within
 * `patience_ms`. */
bool weir_task_producer_flush(weir_task_producer *producer, int patience_ms);

/* NULL, or why this handle will never deliver anything again. */
const char *weir_task_producer_broken(const weir_task_producer *producer);
/* The last trouble that librdkafka told of ("" when none), and when (wall clock, ms). */
const char *weir_task_producer_trouble(const weir_task_producer *producer, int64_t *ret_when_ms);

/* Must the record wait for the world to change, though this handle has given it up? */
bool weir_task_producer_is_missing_topic(rd_kafka_resp_err_t error);

#endif
