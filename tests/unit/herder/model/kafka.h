/* kafka.h - the broker's side of the model: the log, L's epochs, the group. */
#ifndef WEIR_TESTS_MODEL_KAFKA_H
#define WEIR_TESTS_MODEL_KAFKA_H

#include "tests/unit/herder/model/invariants.h"
#include "tests/unit/herder/model/world.h"

/* ---- The log ----------------------------------------------------------------------------------
 */

static int append(world *m, const record *r)
{
    check_record(m, r);
    m->log[m->end] = *r;
    if (r->kind == LEADER_RECORD)
        m->last_leader = m->end;
    if (r->kind == ASSIGNMENT)
        m->last_assignment = m->end;
    return m->end++;
}

static bool has_room(const world *m)
{
    return m->end < LOG_ROOM;
}

/* P. What a dead process had sent may still arrive, until the next one of its id is started. */
static bool can_deliver(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->queued && !(w->up && w->cut) && has_room(m);
}

static void deliver(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    const record *r = &w->queue[0];

    (void)b;
    say(m, "   %d: presence w%d.%d generation %d ack %d.%d stopping %x%s", m->end, x, r->instance,
        r->generation, r->at.term, r->at.seq, r->stopping, r->leaving ? " leaving" : "");
    append(m, r);
    memmove(w->queue, w->queue + 1, (size_t)--w->queued * sizeof(*w->queue));
}

/* ---- L ----------------------------------------------------------------------------------------
 */

static bool can_init(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->cut && w->commit.stage == TO_INIT;
}

static void init(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->epoch = w->commit.epoch = ++m->epoch;
    w->commit.stage = SENT;
}

static void describe(world *m, const record *r)
{
    char text[ITEMS * 8] = "";
    size_t length = 0;

    if (!m->tracing)
        return;
    if (r->kind != ASSIGNMENT) {
        say(m, "   %d: %s of w%d.%d", m->end, r->kind == CONFIG ? "config" : "leader", r->worker,
            r->instance);
        return;
    }
    for (int i = 0; i < ITEMS; i++) {
        const place *p = &r->places[i];
        int n = 0;

        if (p->worker != NOBODY)
            n = snprintf(text + length, sizeof(text) - length, " %d@%d", i, p->worker);
        else if (p->from != NOBODY)
            n = snprintf(text + length, sizeof(text) - length, " %d-%d", i, p->from);
        length += (size_t)n;
    }
    say(m, "   %d: assignment %d.%d of w%d:%s", m->end, r->at.term, r->at.seq, r->worker, text);
}

/* The transaction's end has reached the broker: it counts, or the producer was fenced before. */
static void settle(world *m, commit *c)
{
    bool counts = c->epoch == m->epoch || !guarded(m, FENCE);

    c->stage = ANSWERED;
    c->outcome = counts ? COMMITTED : FENCED;
    if (!counts) {
        say(m, "   fenced");
        return;
    }
    describe(m, &c->record);
    c->offset = append(m, &c->record);
}

static bool can_land(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->cut && w->commit.stage == SENT && has_room(m);
}

static void land(world *m, int x, int b)
{
    (void)b;
    settle(m, &m->workers[x].commit);
}

/* What a dead process had sent. */
static bool can_land_orphan(const world *m, int i, int b)
{
    (void)b;
    return i < ORPHANS && m->orphans[i].stage == SENT && has_room(m);
}

static void land_orphan(world *m, int i, int b)
{
    (void)b;
    settle(m, &m->orphans[i]);
    m->orphans[i].stage = NO_WRITE;
}

static void lose_orphan(world *m, int i, int b)
{
    (void)b;
    m->orphans[i].stage = NO_WRITE;
}

/* Nothing was written; L lives. */
static bool can_abort(const world *m, int x, int b)
{
    return can_land(m, x, b) && m->workers[x].commit.epoch == m->epoch;
}

static void abort_write(world *m, int x, int b)
{
    (void)b;
    m->workers[x].commit.stage = ANSWERED;
    m->workers[x].commit.outcome = ABORTED;
}

/* The broker's own time-out of a transaction fences as a successor does. */
static bool can_time_out(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->commit.stage == SENT && w->commit.epoch == m->epoch;
}

static void time_out(world *m, int x, int b)
{
    (void)x;
    (void)b;
    m->epoch++;
}

/* The commit is in the log and its writer will never hear so. */
static bool can_lose_answer(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    (void)m;
    return w->commit.stage == ANSWERED && w->commit.outcome == COMMITTED;
}

static void lose_answer(world *m, int x, int b)
{
    (void)b;
    m->workers[x].commit.outcome = FENCED;
}

/* ---- The group --------------------------------------------------------------------------------
 */

static void remove_member(world *m, int i)
{
    m->members[i] = m->members[--m->member_count];
    m->rebalancing = true;
}

static bool can_join(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];
    const member *me = find_member(m, w->member);

    (void)b;
    if (!w->up || w->frozen || w->cut || !w->log_read)
        return false;
    if (!w->member)
        return m->member_count < MEMBERS && !w->leaving;
    return me && m->rebalancing && !me->joined && !me->answered;
}

static void join(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    member *me = find_member(m, w->member);

    (void)b;
    if (!me) {
        me = &m->members[m->member_count++];
        *me = (member){.id = ++m->last_member,
                       .rank = (int)dice(m, 1 << 20),
                       .worker = (int8_t)x,
                       .instance = (int8_t)w->instance};
        w->member = me->id;
    }
    me->joined = true;
    m->rebalancing = true;
}

static bool can_complete(const world *m, int a, int b)
{
    (void)a;
    (void)b;
    for (int i = 0; i < m->member_count; i++)
        if (!m->members[i].joined)
            return false;
    return m->rebalancing && m->member_count;
}

static void complete_round(world *m, int a, int b)
{
    int lowest = 0;

    (void)a;
    (void)b;
    m->generation++;
    m->rebalancing = false;
    for (int i = 1; i < m->member_count; i++)
        if (m->members[i].rank < m->members[lowest].rank)
            lowest = i;
    for (int i = 0; i < m->member_count; i++) {
        m->members[i].joined = false;
        m->members[i].answered = true;
        m->members[i].holds = i == lowest;
        m->members[i].generation = m->generation;
    }
    say(m, "   generation %d, the partition is w%d.%d's", m->generation, m->members[lowest].worker,
        m->members[lowest].instance);
}

/* While it waits in a round the broker keeps it. A live one goes only after its lease. */
static bool can_expire(const world *m, int i, int b)
{
    const member *me = &m->members[i];
    const worker *w = &m->workers[me->worker];
    bool silent = w->frozen || w->cut;

    (void)b;
    if (i >= m->member_count || me->joined)
        return false;
    if (!w->up || w->member != me->id)
        return true;
    return !w->lease || (silent && me->answered && !guarded(m, LEASE_IN_ROUND));
}

static void expire(world *m, int i, int b)
{
    (void)b;
    say(m, "   the session of w%d.%d is over", m->members[i].worker, m->members[i].instance);
    remove_member(m, i);
}

#endif
