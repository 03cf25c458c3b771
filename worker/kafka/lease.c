/* lease.c - see lease.h. */
#include "kafka/lease.h"

#include "base/mem.h"

#include <stdatomic.h>

#define MARGIN_MS 1000 /* the lease is over before the session is */

struct weir_lease {
    const weir_clock *clock;
    int64_t span_ms;  /* of a heartbeat, from when it was sent */
    int64_t grace_ms; /* after a join round, until the first heartbeat is answered */
    int64_t round_ms; /* the longest join round */
    atomic_llong until_ms;
    atomic_llong round_until_ms; /* 0: no round is pending */
    atomic_bool probation;       /* a heartbeat was answered after the lease was over */
};

weir_lease *weir_lease_new(const weir_clock *clock, int64_t session_timeout_ms,
                           int64_t heartbeat_interval_ms, int64_t rebalance_timeout_ms)
{
    weir_lease *lease = weir_new(weir_lease);

    lease->clock = clock;
    lease->span_ms = session_timeout_ms - MARGIN_MS;
    lease->grace_ms = heartbeat_interval_ms + MARGIN_MS;
    if (lease->grace_ms > lease->span_ms)
        lease->grace_ms = lease->span_ms;
    /* A member that is dead holds a round up until its session is over. Whoever waits longer has
     * perhaps been answered, and the answer was lost. */
    lease->round_ms = session_timeout_ms + MARGIN_MS;
    if (lease->round_ms > rebalance_timeout_ms)
        lease->round_ms = rebalance_timeout_ms;
    return lease;
}

void weir_lease_free(weir_lease *lease)
{
    free(lease);
}

int64_t weir_lease_left_ms(const weir_lease *lease)
{
    int64_t until_ms = atomic_load(&lease->until_ms);
    int64_t round_until_ms = atomic_load(&lease->round_until_ms);
    int64_t left_ms = (until_ms > round_until_ms ? until_ms : round_until_ms) -
                      lease->clock->now_ms(lease->clock);

    return left_ms > 0 ? left_ms : 0;
}

bool weir_lease_runs(const weir_lease *lease)
{
    int64_t now_ms = lease->clock->now_ms(lease->clock);

    return now_ms < atomic_load(&lease->until_ms) || now_ms < atomic_load(&lease->round_until_ms);
}

void weir_lease_end(weir_lease *lease)
{
    atomic_store(&lease->round_until_ms, 0);
    atomic_store(&lease->until_ms, 0);
}

static void extend(weir_lease *lease, int64_t until_ms)
{
    long long known = atomic_load(&lease->until_ms);

    while (known < until_ms && !atomic_compare_exchange_weak(&lease->until_ms, &known, until_ms))
        ;
}

void weir_lease_asked(weir_lease *lease, weir_lease_request request)
{
    if (request == WEIR_LEASE_HEARTBEAT)
        return;
    atomic_store(&lease->probation, false);
    if (atomic_load(&lease->round_until_ms) == 0 && weir_lease_runs(lease))
        atomic_store(&lease->round_until_ms, lease->clock->now_ms(lease->clock) + lease->round_ms);
}

static void heard(weir_lease *lease, int64_t sent_ms)
{
    if (weir_lease_runs(lease) || atomic_exchange(&lease->probation, true)) {
        extend(lease, sent_ms + lease->span_ms);
        atomic_store(&lease->probation, false);
    }
}

void weir_lease_answered(weir_lease *lease, weir_lease_request request, int64_t rtt_ms)
{
    int64_t now_ms = lease->clock->now_ms(lease->clock);

    if (request == WEIR_LEASE_HEARTBEAT) {
        if (rtt_ms >= 0)
            heard(lease, now_ms - rtt_ms);
        return;
    }
    /* The session begins anew with the answer. */
    if (rtt_ms >= 0 && (request == WEIR_LEASE_SYNC || weir_lease_runs(lease)))
        extend(lease, now_ms + lease->grace_ms);
    atomic_store(&lease->round_until_ms, 0);
}
