/* history_check.h - was everything that the log tells allowed? The rules of cluster.md 2 and 3,
 * judged from the config topic alone: the tests' judge.
 *
 *   terms       An assignment's term is the offset of the newest `leader` record before it, and its
 *               numbers rise. Any other is void: readers ignore it, and transactions should have
 *               kept it out. (A number may be missing: a decision whose transaction was aborted.)
 *   wholeness   No item in two places, nobody has work who is not among the workers, and nothing
 *               that is wanted is missing.
 *   two phases  What a live worker has leaves it only through `unassigned`, with `from`, and goes
 *               on, or off the books, only when that worker has acknowledged the decision that took
 *               it and lists it as stopping no more, or that process is gone: no longer among the
 *               workers, or another instance speaks under its id.
 *
 * A compacted log judges fairly: compaction removes only what a later record of the same key has
 * replaced, and once a key was seen nothing of it is missing from there on. What cannot be known
 * before that (the first assignment's number, a leader older than all that were read) is not held
 * against anybody. Statuses are in another topic and not judged.
 *
 * Pure: no thread, no clock, no Kafka. One owner feeds it record by record, in order.
 */
#ifndef WEIR_HISTORY_CHECK_H
#define WEIR_HISTORY_CHECK_H

#include "base/json.h"
#include "kafka/compacted_log.h"

#include <stddef.h>
#include <stdint.h>

typedef struct weir_history_check weir_history_check;

/* Told of each violation while the record at `offset` is fed. */
typedef void weir_history_violation(void *ctx, int64_t offset, const char *text);

/* Figures; only violations are faults. */
typedef struct weir_history_figures {
    size_t records;
    size_t leaders, assignments;
    size_t voids;         /* assignments that no reader follows */
    size_t skipped;       /* numbers of decisions that never came to be */
    size_t unreadable;    /* records with a problem */
    size_t generations;   /* different ones, of the group */
    size_t workers;       /* different ids */
    size_t moves;         /* items given to another worker than the one before */
    size_t most_moves;    /* in one assignment */
    size_t largest_bytes; /* of one assignment's value */
    size_t violations;
} weir_history_figures;

weir_history_check *weir_history_check_new(weir_history_violation *found, void *ctx);
void weir_history_check_free(weir_history_check *check);
void weir_history_check_feed(weir_history_check *check, const weir_log_record *record);
const weir_history_figures *weir_history_check_figures(const weir_history_check *check);

#endif
