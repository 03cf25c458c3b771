/* compacted_log.h - a compacted topic, replayed from its first record and followed for ever.
 *
 * One thread and one consumer per log (and a second small handle for end offsets,
 * kafka-client.md 2.3). Reads committed records only. Everything it finds goes to the listener on
 * the log's own thread, in the order of the partition; the listener decodes or posts it on and
 * may block (that is the back-pressure).
 *
 * Barriers are "read your own writes": weir_log_barrier(log, id) asks for the end of the log as
 * it is now; once everything before it has been given to the listener, so is `reached(id)`.
 * The first barrier, id 0, is asked by open itself: the start-up read.
 */
#ifndef WEIR_KAFKA_COMPACTED_LOG_H
#define WEIR_KAFKA_COMPACTED_LOG_H

#include "base/err.h"
#include "base/props.h"

#include <stddef.h>
#include <stdint.h>

/* Borrowed for the call. Key and value are followed by a NUL that their size does not count. */
typedef struct weir_log_record {
    const char *key;
    size_t key_size;
    const char *value; /* NULL: a tombstone */
    size_t value_size;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
} weir_log_record;

typedef struct weir_log_listener {
    void *ctx;
    void (*record)(void *ctx, const weir_log_record *record); /* [log] */
    void (*reached)(void *ctx, uint64_t barrier);             /* [log] */
} weir_log_listener;

typedef struct weir_compacted_log weir_compacted_log;

/* Starts reading `topic`, which exists. `props`: librdkafka properties of the worker's clients. */
WEIR_MUST_CHECK weir_code weir_compacted_log_open(const weir_props *props, const char *topic,
                                                  const weir_log_listener *listener,
                                                  weir_compacted_log **ret_log, weir_err *err);
/* Ends the thread; nothing is given to the listener afterwards. Bounded (about a second). */
void weir_compacted_log_close(weir_compacted_log *log);
/* [any] Never blocks. Barriers asked together are answered by one query. Retried until Kafka
 * answers; one that takes long is logged with what is waited for. */
void weir_compacted_log_barrier(weir_compacted_log *log, uint64_t id);

#endif
