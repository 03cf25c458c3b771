/* invariants.h - what has to hold at every step, and in the end. Looks at what is so, not at what
 * the workers believe. */
#ifndef WEIR_TESTS_MODEL_INVARIANTS_H
#define WEIR_TESTS_MODEL_INVARIANTS_H

#include "tests/unit/herder/model/world.h"

/* ---- Records ----------------------------------------------------------------------------------
 */

/* 1. Whatever comes through L bears the term of the newest leader record. */
static void check_term(world *m, const record *r)
{
    const record *last = m->last_assignment < 0 ? NULL : &m->log[m->last_assignment];

    if (r->at.term != m->last_leader)
        violate(m, LEADERS, "offset %d: a write of term %d while the newest leader's is %d", m->end,
                r->at.term, m->last_leader);
    if (r->kind == ASSIGNMENT && last && !older(last->at, r->at))
        violate(m, LEADERS, "offset %d: assignment %d.%d after %d.%d", m->end, r->at.term,
                r->at.seq, last->at.term, last->at.seq);
}

/* 6. Who was deposed while alive, and could have known its successor, does not fence it. */
static void check_tug(world *m, const record *r)
{
    if (r->why == BY_RECLAIM && r->successor > r->at.term &&
        m->log[r->successor].worker != r->worker)
        violate(m, TUG,
                "offset %d: w%d takes the lead back, though %d was in the log before its L "
                "was found dead",
                m->end, r->worker, r->successor);
}

/* 4. Who is counted on keeps what it has until it has let go. */
static void check_phases(world *m, const record *r)
{
    const record *last = m->last_assignment < 0 ? NULL : &m->log[m->last_assignment];

    for (int i = 0; last && i < ITEMS; i++) {
        const place *was = &last->places[i], *is = &r->places[i];
        int from = was->worker != NOBODY ? was->worker : was->from;
        int instance = was->worker != NOBODY ? last->named[from] : was->from_instance;
        const worker *w = from == NOBODY ? NULL : &m->workers[from];

        if (!w || is->worker == NOBODY || is->worker == from || r->named[from] != instance ||
            is_gone(m, from, instance))
            continue;
        if (was->worker != NOBODY)
            violate(m, PHASES, "offset %d: item %d goes from w%d to w%d at once", m->end, i, from,
                    is->worker);
        else if (older(w->applied, was->taken) || (w->running & 1u << i))
            violate(m, PHASES, "offset %d: item %d goes to w%d, w%d has not let it go", m->end, i,
                    is->worker, from);
    }
}

/* Has it come back meanwhile, or will it before it has read what is appended now? */
static bool has_come_back(const world *m, const worker *w)
{
    if (!find_member(m, w->member))
        return false;
    return w->suspended ? w->resume_at != NOBODY && w->resume_at <= m->end : w->lease;
}

/* Who is left out by this decision, and may go on until it reads that? */
static void mark_dropped(world *m, const record *r)
{
    for (int x = 0; x < WORKERS; x++) {
        const worker *w = &m->workers[x];
        dropped why = (dropped)r->dropped[x];

        if (why == NOT_DROPPED || !w->up)
            continue;
        if (why == OUT_OF_GROUP && !has_come_back(m, w))
            continue; /* it reads this before it goes on */
        m->marks[x][why] = (mark){r->at, w->instance};
    }
}

static void check_record(world *m, const record *r)
{
    if (r->kind == LEADER_RECORD)
        check_tug(m, r);
    if (r->kind == CONFIG || r->kind == ASSIGNMENT)
        check_term(m, r);
    if (r->kind == ASSIGNMENT) {
        check_phases(m, r);
        mark_dropped(m, r);
    }
}

/* ---- Every step -------------------------------------------------------------------------------
 */

static bool has_mark(world *m, int x, dropped why)
{
    const worker *w = &m->workers[x];
    mark *left_out = &m->marks[x][why];

    if (left_out->instance != w->instance || !w->up)
        return false;
    if (!older(w->applied, left_out->at) && !(w->running & ~w->assigned)) {
        left_out->instance = NOBODY; /* it knows, and has let go */
        return false;
    }
    return true;
}

/* Why may this worker emit what somebody else has by now? */
static dropped excuse(world *m, int x)
{
    for (dropped why = FALSE_ALARM; why <= OUT_OF_GROUP; why++) {
        if (why == LATE_PRESENCE)
            continue;
        if (why == OUT_OF_GROUP && (!guarded(m, RESUME_IN_TIME) || m->proposed))
            continue;
        if (has_mark(m, x, why))
            return why;
    }
    return NOT_DROPPED;
}

static void check_emitters(world *m)
{
    uint16_t once = 0, twice = 0, entitled = 0;

    for (int x = 0; x < WORKERS; x++) {
        const worker *w = &m->workers[x];
        uint16_t emits = may_emit(m, w) && !w->frozen ? w->running & ~w->quiet : 0;

        twice |= once & emits;
        once |= emits;
    }
    if (!twice)
        return;
    for (int x = 0; x < WORKERS; x++) {
        const worker *w = &m->workers[x];
        uint16_t emits = may_emit(m, w) && !w->frozen ? w->running & ~w->quiet & twice : 0;
        dropped why = emits ? excuse(m, x) : NOT_DROPPED;

        m->twice[why] += why != NOT_DROPPED;
        if (why != NOT_DROPPED)
            continue;
        if (emits & entitled)
            violate(m, EMITTERS, "items %x are emitted twice, the second time by w%d",
                    (unsigned)(emits & entitled), x);
        entitled |= emits;
    }
}

/* 1. Two who lead at the broker's word cannot be: an epoch has one owner. */
static void check_leaders(world *m)
{
    int leaders = 0;

    for (int x = 0; x < WORKERS; x++) {
        const worker *w = &m->workers[x];

        leaders += w->up && w->role == LEADER && (w->epoch == m->epoch || !guarded(m, FENCE));
    }
    if (leaders > 1)
        violate(m, LEADERS, "%d leaders whose commits count", leaders);
}

static void check_step(world *m)
{
    check_leaders(m);
    check_emitters(m);
}

/* ---- In the end -------------------------------------------------------------------------------
 */

static void check_worker_settled(world *m, int x)
{
    const worker *w = &m->workers[x];
    const record *a = &m->log[m->last_assignment];

    if (!w->in_group || w->suspended || !w->lease || w->generation != m->generation)
        violate(m, SETTLES, "w%d is not back in the group", x);
    if (a->named[x] != w->instance)
        violate(m, SETTLES, "w%d is not counted on", x);
    for (int i = 0; i < ITEMS; i++) {
        bool here = a->places[i].worker == x, runs = w->running & 1u << i;

        if (here != runs || (w->ending | w->quiet) & 1u << i)
            violate(m, SETTLES, "item %d is placed on w%d: %d, runs there: %d", i, x, here, runs);
    }
}

static void check_balance(world *m, bool connectors)
{
    int least = ITEMS, most = 0;

    for (int x = 0; x < WORKERS; x++) {
        int count = 0;

        if (!m->workers[x].up)
            continue;
        for (int i = 0; i < ITEMS; i++)
            count +=
                (i % SLOTS == 0) == connectors && m->log[m->last_assignment].places[i].worker == x;
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    if (most > least + 1)
        violate(m, SETTLES, "not balanced: %d and %d %s", least, most,
                connectors ? "connectors" : "tasks");
}

static void check_settled(world *m)
{
    const worker *leader = NULL;
    int leaders = 0;

    for (int x = 0; x < WORKERS; x++)
        if (m->workers[x].up && m->workers[x].role == LEADER) {
            leader = &m->workers[x];
            leaders++;
        }
    if (leaders != 1 || leader->epoch != m->epoch || leader->term != m->last_leader) {
        violate(m, SETTLES, "%d leaders in the end", leaders);
        return;
    }
    if (m->last_assignment < 0 || m->log[m->last_assignment].at.term != m->last_leader) {
        violate(m, SETTLES, "the leader has not decided");
        return;
    }
    for (int x = 0; x < WORKERS; x++)
        if (m->workers[x].up)
            check_worker_settled(m, x);
    for (int i = 0; i < ITEMS; i++) {
        int at = m->log[m->last_assignment].places[i].worker;

        if (is_wanted(leader->tasks, i) != (at != NOBODY))
            violate(m, SETTLES, "item %d is on w%d in the end", i, at);
        if (at != NOBODY && !m->workers[at].up)
            violate(m, SETTLES, "item %d is on w%d, which is dead", i, at);
    }
    check_balance(m, true);
    check_balance(m, false);
}

#endif
