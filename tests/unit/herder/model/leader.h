/* leader.h - a worker of the model: how it comes to lead, and what it decides. Follows
 * worker/herder/leadership.c and decision.c, and cluster.md where the code has it not yet. */
#ifndef WEIR_TESTS_MODEL_LEADER_H
#define WEIR_TESTS_MODEL_LEADER_H

#include "herder/assignor.h"
#include "tests/unit/herder/model/reader.h"

#include <limits.h>
#include <stdlib.h>

/* In the group, and all of the log read that was there when it came back. By the proposed rule its
 * tasks may have to wait longer. */
static bool is_back(const world *m, const worker *w)
{
    return w->up && !w->frozen && w->in_group && w->lease &&
           (!w->suspended || (m->proposed && w->resume_at != NOBODY && w->read >= w->resume_at));
}

static bool leads(const world *m, const worker *w)
{
    return is_back(m, w) && w->role == LEADER;
}

static const record *presence_of(const world *m, const worker *w, int x)
{
    return w->presence[x] == NOBODY ? NULL : &m->log[w->presence[x]];
}

static bool is_live(const worker *w, const record *presence)
{
    return presence && presence->generation >= w->generation &&
           w->accused[presence->worker] != presence->instance;
}

/* ---- Becoming the leader ----------------------------------------------------------------------
 */

static void step_down(worker *w)
{
    w->role = FOLLOWER;
    w->in_flight = w->published = false;
}

static void lead(world *m, worker *w, int term)
{
    w->role = LEADER;
    w->term = term;
    w->seq = 0;
    w->candidate = NO_CANDIDATE;
    w->in_flight = w->published = false;
    w->dirty = true;
    say(m, "   w%d leads, term %d", (int)(w - m->workers), term);
}

static void complete(world *m, worker *w, write_kind kind, int offset)
{
    if (kind == ASSIGN)
        w->in_flight = false;
    if (kind != CLAIM)
        return;
    if (!guarded(m, CLAIM_READ_BACK) ||
        (w->leader_term == offset && w->leader_instance == w->instance))
        lead(m, w, offset);
    else
        step_down(w);
}

static void read_back(world *m, worker *w)
{
    if (w->written == NOBODY || w->written >= w->read)
        return;
    w->written = NOBODY;
    complete(m, w, w->commit.kind, w->commit.offset);
}

static void write_failed(world *m, worker *w)
{
    w->commit.stage = NO_WRITE;
    if (w->commit.kind == CLAIM) { /* the candidate tries again */
        w->role = FOLLOWER;
        w->candidate = w->commit.record.why;
        return;
    }
    if (w->commit.kind == ASSIGN) {
        w->in_flight = w->published = false;
        w->dirty = true;
    }
    if (w->role != LEADER || w->commit.outcome != FENCED)
        return;
    step_down(w);
    w->candidate = BY_RECLAIM;
    w->candidate_since = w->leader_term;
    w->successor = m->last_leader;
    w->reclaim_at = guarded(m, RECLAIM_READS) ? m->end : NOBODY;
}

static bool can_answer(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    (void)m;
    return w->up && !w->frozen && !w->cut && w->commit.stage == ANSWERED;
}

static void answer(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    bool waits =
        w->commit.kind == CLAIM ? guarded(m, CLAIM_READ_BACK) : guarded(m, WRITE_READ_BACK);

    (void)b;
    if (w->commit.outcome != COMMITTED) {
        write_failed(m, w);
        return;
    }
    w->commit.stage = NO_WRITE;
    if (waits) {
        w->written = w->commit.offset;
        read_back(m, w);
    } else {
        complete(m, w, w->commit.kind, w->commit.offset);
    }
}

static void write_on_l(world *m, int x, write_kind kind, record *r)
{
    worker *w = &m->workers[x];

    r->worker = (int8_t)x;
    r->instance = (int8_t)w->instance;
    w->commit = (commit){
        .stage = kind == CLAIM ? TO_INIT : SENT, .kind = kind, .epoch = w->epoch, .record = *r};
}

static bool can_write(const worker *w)
{
    return w->commit.stage == NO_WRITE && w->written == NOBODY;
}

static bool may_claim(const world *m, const worker *w)
{
    return is_back(m, w) && w->role == FOLLOWER && !w->leaving && can_write(w);
}

static bool can_claim(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->candidate != NO_CANDIDATE && may_claim(m, w) &&
           (w->candidate != BY_RECLAIM || w->read >= w->reclaim_at);
}

static void claim(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    record r = {.kind = LEADER_RECORD,
                .generation = w->generation,
                .at.term = w->candidate_since,
                .why = w->candidate,
                .successor = w->successor};
    bool own = w->leader_worker == x && w->leader_instance == w->instance;
    bool entitled = w->holds || w->candidate != BY_PARTITION;

    (void)b;
    /* A record of our own came of a claim that was thought to have failed. */
    if (!entitled || (w->leader_term > w->candidate_since && !own)) {
        w->candidate = NO_CANDIDATE;
        return;
    }
    w->role = CANDIDATE;
    write_on_l(m, x, CLAIM, &r);
}

/* Whoever holds the partition sees to it that somebody leads; and so does, as proposed, the one
 * whom the log names, when it does not know of it because its claim was in doubt. */
static bool can_fill_vacancy(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];
    const record *leader = w->leader_worker == NOBODY ? NULL : presence_of(m, w, w->leader_worker);
    bool own = w->leader_worker == x && w->leader_instance == w->instance;
    bool there = leader && !own && leader->instance == w->leader_instance &&
                 leader->generation >= w->generation;
    bool looks = (guarded(m, VACANCY) && w->holds) || (guarded(m, OWN_RECORD) && own);

    (void)b;
    return looks && !there && w->candidate == NO_CANDIDATE && may_claim(m, w);
}

static void fill_vacancy(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)m;
    (void)b;
    w->candidate = w->holds ? BY_PARTITION : BY_RECLAIM;
    w->candidate_since = w->successor = w->leader_term;
    w->reclaim_at = NOBODY;
}

/* ---- Watches ----------------------------------------------------------------------------------
 */

static void accuse(world *m, int x, int who, position at)
{
    worker *w = &m->workers[x];
    int instance = m->log[w->presence[who]].instance;

    say(m, "   w%d.%d confirmed dead%s", who, instance,
        is_gone(m, who, instance) ? "" : ": a false alarm");
    w->accused[who] = instance;
    w->accused_at[who] = at;
    w->alarms[who] += !is_gone(m, who, instance);
    w->dirty = true;
}

/* A false one is damped after the third. */
static bool can_accuse(const world *m, int x, int who)
{
    const worker *w = &m->workers[x];
    const record *presence = presence_of(m, w, who);

    return leads(m, w) && who != x && is_live(w, presence) &&
           (is_gone(m, who, presence->instance) || w->alarms[who] < 3);
}

static void accuse_worker(world *m, int x, int who)
{
    const worker *w = &m->workers[x];

    accuse(m, x, who, (position){w->term, w->seq});
}

/* Candidate (c). */
static bool can_accuse_leader(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];
    const record *presence =
        w->leader_worker == NOBODY ? NULL : presence_of(m, w, w->leader_worker);

    (void)b;
    return w->candidate == NO_CANDIDATE && may_claim(m, w) && w->leader_worker != x &&
           is_live(w, presence) && presence->instance == w->leader_instance &&
           (is_gone(m, w->leader_worker, presence->instance) || w->alarms[w->leader_worker] < 3);
}

static void accuse_leader(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    accuse(m, x, w->leader_worker, (position){w->leader_term, INT_MAX});
    w->candidate = BY_DEATH;
    w->candidate_since = w->leader_term;
}

/* The accused answers its watch. */
static bool can_hear(const world *m, int x, int who)
{
    const worker *w = &m->workers[x];

    return guarded(m, ALIVE_AGAIN) && w->up && !w->frozen && w->accused[who] != NOBODY &&
           !is_gone(m, who, w->accused[who]) && !m->workers[who].frozen;
}

static void hear(world *m, int x, int who)
{
    (void)m;
    m->workers[x].accused[who] = NOBODY;
    m->workers[x].dirty = true;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static void read_presence(world *m, worker *w, const record *r)
{
    int who = r->worker;

    w->presence[who] = w->read;
    w->dirty = true;
    if (w->accused[who] != r->instance ||
        (guarded(m, ALIVE_AGAIN) && older(w->accused_at[who], r->at)))
        w->accused[who] = NOBODY;
}

static void read_leader(world *m, int x, const record *r)
{
    worker *w = &m->workers[x];
    bool own = r->worker == x && r->instance == w->instance;

    (void)m;
    w->leader_term = w->read;
    w->leader_worker = r->worker;
    w->leader_instance = r->instance;
    w->dirty = true;
    if (own)
        return;
    w->candidate = NO_CANDIDATE;
    if (w->role == LEADER && w->leader_term > w->term)
        step_down(w);
}

static void read_record(world *m, int x)
{
    worker *w = &m->workers[x];
    const record *r = &m->log[w->read];

    switch (r->kind) {
    case LEADER_RECORD:
        read_leader(m, x, r);
        break;
    case PRESENCE:
        read_presence(m, w, r);
        break;
    case ASSIGNMENT:
        if (r->at.term >= w->leader_term &&
            (w->assignment == NOBODY || older(m->log[w->assignment].at, r->at))) {
            w->assignment = w->read;
            w->presence_due = true;
        }
        break;
    case CONFIG:
        w->tasks[r->connector] = r->tasks;
        w->dirty = true;
        break;
    }
    w->read++;
    w->log_read = w->log_read || w->read == m->end;
    if (w->log_read) {
        apply(m, x);
        read_back(m, w);
    }
}

static bool can_read(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->frozen && !w->cut && (w->read < m->end || !w->log_read);
}

static void read_on(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    int most = dice(m, 3) ? LOG_ROOM : 1 + (int)dice(m, 4);

    (void)b;
    while (w->read < m->end && most-- > 0)
        read_record(m, x);
    w->log_read = w->log_read || w->read == m->end;
    say(m, "   up to %d of %d", w->read, m->end);
}

#endif
