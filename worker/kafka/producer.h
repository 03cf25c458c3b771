/* producer.h - P: the idempotent producer of what any worker may write: presence, status, target
 * states (cluster.md 1). One handle, one thread that polls it.
 *
 * Ordered, never gives up by itself (message.timeout.ms 0): a write is reported when it is in
 * Kafka or when the producer ends. A fatal error makes a new handle and sends what was
 * outstanding again.
 */
#ifndef WEIR_KAFKA_PRODUCER_H
#define WEIR_KAFKA_PRODUCER_H

#include "base/err.h"
#include "base/props.h"

#include <stddef.h>
#include <stdint.h>

typedef struct weir_producer weir_producer;

/* [producer's thread] `token` as given to send; WEIR_OK with the record's place, or why not.
 * Must not block for long. */
typedef void weir_producer_report(void *ctx, uint64_t token, weir_code code, int32_t partition,
                                  int64_t offset);

WEIR_MUST_CHECK weir_code weir_producer_open(const weir_props *props, weir_producer_report *report,
                                             void *ctx, weir_producer **ret_producer,
                                             weir_err *err);
/* Waits at most timeout_ms for outstanding writes, reports the rest as WEIR_CLOSED. */
void weir_producer_close(weir_producer *producer, int64_t timeout_ms);

/* [any] Copies key and value (value NULL: a tombstone). token 0: not reported. Never blocks;
 * WEIR_FULL when 100 000 writes are outstanding. */
WEIR_MUST_CHECK weir_code weir_producer_send(weir_producer *producer, const char *topic,
                                             const char *key, const char *value, uint64_t token);

#endif
