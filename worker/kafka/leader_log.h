/* leader_log.h - L: the right to decide, and its transactional producer (cluster.md 2).
 *
 * Who leads writes to the config topic in transactions of
 * `transactional.id=connect-cluster-<group.id>`; whoever claims it next fences him. The calls of
 * librdkafka block for seconds when a broker is away, so L has a thread of its own; commands
 * never block and are answered, each exactly once and in order, on L's thread.
 *
 * WEIR_FENCED means that this producer is dead: somebody else leads, or the broker timed the
 * transaction out (kafka-client.md 5.1; the two cannot be told apart). The handle is gone by
 * then; later writes answer WEIR_CLOSED until a new claim.
 */
#ifndef WEIR_KAFKA_LEADER_LOG_H
#define WEIR_KAFKA_LEADER_LOG_H

#include "base/err.h"
#include "base/props.h"

#include <stddef.h>
#include <stdint.h>

/* Records that go out together or not at all. */
typedef struct weir_batch weir_batch;

weir_batch *weir_batch_new(void);
void weir_batch_free(weir_batch *batch);
void weir_batch_add(weir_batch *batch, const char *key, const char *value); /* NULL: tombstone */
size_t weir_batch_size(const weir_batch *batch);

typedef struct weir_leader_log weir_leader_log;

/* [L] What a claim or write came to. `offset`: of the batch's last record when WEIR_OK, else -1.
 *   WEIR_OK         committed
 *   WEIR_FENCED     dead; whether the batch is in the log is unknown until it is read to its end
 *   WEIR_DENIED     not authorised: err names the ACL
 *   WEIR_CLOSED     not leading, nothing was written
 *   WEIR_TIMED_OUT  aborted, nothing was written; L lives
 *   WEIR_FAILED     aborted, nothing was written; L lives (a record too large, …) */
typedef void weir_leader_report(void *ctx, uint64_t token, weir_code code, int64_t offset,
                                const weir_err *err);

WEIR_MUST_CHECK weir_code weir_leader_log_open(const weir_props *props, const char *topic,
                                               const char *group_id, weir_leader_report *report,
                                               void *ctx, weir_leader_log **ret_log, weir_err *err);
/* Ends L: what is queued answers WEIR_CLOSED. Bounded (2 s): a call of librdkafka that lasts longer
 * is left to itself, and nothing is reported after this has returned. */
void weir_leader_log_close(weir_leader_log *log);

/* [any] Takes L over; unless the answer is WEIR_OK there is no handle afterwards. A new handle,
 * init_transactions (fences the predecessor, aborts what it left open), then commits `batch`, which
 * holds the `leader` record. Takes `batch`. */
void weir_leader_log_claim(weir_leader_log *log, weir_batch *batch, uint64_t token);
/* [any] Commits `batch` in one transaction. Takes `batch`. */
void weir_leader_log_write(weir_leader_log *log, weir_batch *batch, uint64_t token);
/* [any] Steps down: the handle goes, writes answer WEIR_CLOSED. */
void weir_leader_log_release(weir_leader_log *log);

#endif
