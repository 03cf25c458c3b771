/* lease.h - for how long the group still counts on us (cluster.md 5).
 *
 * The coordinator gives a member's place away one session timeout after the last heartbeat it has
 * heard. So does the lease, a second earlier, reckoned from when that heartbeat was sent: while it
 * runs, nobody else can have been given what is ours, except by word of the watch. It is measured
 * on CLOCK_BOOTTIME, which goes on while a machine is suspended.
 *
 * In a join round no heartbeats are sent, and the coordinator keeps whoever waits for its answer:
 * a lease that runs when JoinGroup or SyncGroup go out stays open until they are answered or have
 * failed, but not longer than a dead member can hold up a round: one session timeout and a second
 * (and never longer than the rebalance timeout).
 *
 * Threads  Any. Never blocks.
 */
#ifndef WEIR_KAFKA_LEASE_H
#define WEIR_KAFKA_LEASE_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_lease_request {
    WEIR_LEASE_HEARTBEAT,
    WEIR_LEASE_JOIN,
    WEIR_LEASE_SYNC, /* goes out only when JoinGroup was granted */
} weir_lease_request;

typedef struct weir_lease weir_lease;

/* `clock` outlives it: &weir_clock_boot. */
weir_lease *weir_lease_new(const weir_clock *clock, int64_t session_timeout_ms,
                           int64_t heartbeat_interval_ms, int64_t rebalance_timeout_ms);
void weir_lease_free(weir_lease *lease);

bool weir_lease_runs(const weir_lease *lease);
/* For how long it runs if nothing more is heard; 0: it does not. */
int64_t weir_lease_left_ms(const weir_lease *lease);
/* The membership is lost: over at once, until a new one. */
void weir_lease_end(weir_lease *lease);

/* What goes to the coordinator and what it answers, in whatever words: refusals are not told apart
 * from here, so a lease that is over does not begin again with the first heartbeat that is
 * answered, but with the second (a refused one has no second), or with SyncGroup. `rtt_ms`: since
 * it was sent; -1: no answer. */
void weir_lease_asked(weir_lease *lease, weir_lease_request request);
void weir_lease_answered(weir_lease *lease, weir_lease_request request, int64_t rtt_ms);

#endif
