/* letter.h - a dead letter: what the dead-letter topic is given of a record that went nowhere else.
 *
 * Key and value as they came, the record's headers, then, if the user wants them, Connect's
 * (connect-internals.md 4.5, its names and its order). Owns all its bytes: unlike a record it may
 * have to wait.
 */
#ifndef WEIR_TASK_LETTER_H
#define WEIR_TASK_LETTER_H

#include "record/converter.h"
#include "task/inflight.h"
#include "task/task_producer.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* Says in a letter without a payload how large that was, and why it is not there. */
#define WEIR_LETTER_NO_PAYLOAD "__weir.errors.payload.omitted"

typedef struct weir_letter {
    struct weir_letter *next;
    weir_slot *slot;      /* hears what became of it; NULL: nobody does */
    int64_t timestamp_ms; /* -1: none */
    weir_bytes key, value;
    weir_outgoing_header *headers;
    size_t header_count, header_room;
} weir_letter;

/* A record that goes nowhere, and why. Everything is the caller's. */
typedef struct weir_failure {
    const char *stage;      /* Connect's: TASK_POLL, VALUE_CONVERTER, KAFKA_PRODUCE, … */
    const char *class_name; /* what was at work */
    const char *kind;       /* one word, for counters */
    const char *why;
    bool may_heal;     /* another try may succeed */
    const char *topic; /* Kafka's, where it was meant to go; NULL: nobody knows */
    int32_t partition; /* -1: none was asked for */
    int64_t timestamp_ms;
    weir_bytes key, value; /* as they came; a size without data: that much was not kept */
} weir_failure;

typedef struct weir_letter_sender {
    const char *connector;
    int32_t task;
    const char *plugin, *plugin_version;
} weir_letter_sender;

/* What a letter would need of a record on its way and librdkafka does not give back: kept beside
 * its slot, only when there is a topic for dead letters. Free with free(). */
typedef struct weir_kept weir_kept;
/* `sent`: as the converters made it; what they left as it came is not copied. */
weir_kept *weir_kept_new(const weir_outgoing *sent, const weir_bytes *key, const weir_bytes *value);
/* Puts what was kept in place of what Kafka gave back. */
void weir_kept_restore(const weir_kept *kept, weir_failure *failure);

/* With the time, key and value of `failure`. */
weir_letter *weir_letter_new(const weir_failure *failure);
void weir_letter_free(weir_letter *letter);
void weir_letter_free_all(weir_letter *first);

/* A copy; `data` NULL: null. */
void weir_letter_add_header(weir_letter *letter, const char *name, const void *data, size_t size);
/* Those of a message that Kafka refused. */
void weir_letter_add_headers_of(weir_letter *letter, const rd_kafka_message_t *message);
void weir_letter_add_context(weir_letter *letter, const weir_failure *failure,
                             const weir_letter_sender *sender);
/* Takes out the payload (`size` bytes; or says that it was never there) and says so in a header. */
void weir_letter_leave_out_payload(weir_letter *letter, size_t size, const char *why);

/* The record for the producer, valid as long as the letter. */
weir_outgoing weir_letter_outgoing(const weir_letter *letter, const char *topic);

/* The name of the exception that Java would have thrown. */
const char *weir_failure_exception(const weir_failure *failure);

#endif
