/* reader.h - a worker of the model: what it makes of the log and of the group, and what it runs.
 * Follows worker/herder/membership.c and workload.c. */
#ifndef WEIR_TESTS_MODEL_READER_H
#define WEIR_TESTS_MODEL_READER_H

#include "tests/unit/herder/model/kafka.h"

/* ---- The work ---------------------------------------------------------------------------------
 */

static bool is_task(int item)
{
    return item % SLOTS != 0;
}

static void reconcile(world *m, int x, int item)
{
    worker *w = &m->workers[x];
    uint16_t bit = (uint16_t)(1u << item);
    bool wanted = (w->assigned & bit) && is_wanted(w->tasks, item) && !w->relieved;
    bool joined = w->in_group || !guarded(m, OWN_INSTANCE);

    if (w->running & bit) {
        if (wanted)
            return;
        w->ending |= bit;
        if (!is_task(item)) { /* a connector has no instance */
            w->running &= ~bit;
            w->ending &= ~bit;
            w->quiet &= ~bit;
        }
    } else if (wanted && joined && !w->suspended && !w->leaving) {
        w->running |= bit;
    }
}

static void reconcile_all(world *m, int x)
{
    for (int i = 0; i < ITEMS; i++)
        reconcile(m, x, i);
}

static void apply(world *m, int x)
{
    worker *w = &m->workers[x];
    const record *a = w->assignment == NOBODY ? NULL : &m->log[w->assignment];

    if (!a || (!w->ever_in_group && guarded(m, OWN_INSTANCE)))
        return;
    if (older(w->applied, a->at)) {
        bool names_us = a->named[x] == w->instance || !guarded(m, OWN_INSTANCE);

        w->assigned = 0;
        for (int i = 0; names_us && i < ITEMS; i++)
            w->assigned |= (uint16_t)((a->places[i].worker == x) << i);
        w->applied = a->at;
        w->presence_due = true;
    }
    reconcile_all(m, x);
}

/* A task has stopped, or was abandoned. */
static bool can_end(const world *m, int x, int item)
{
    const worker *w = &m->workers[x];

    return w->up && !w->frozen && (w->ending & 1u << item);
}

static void end(world *m, int x, int item)
{
    worker *w = &m->workers[x];
    uint16_t bit = (uint16_t)(1u << item);

    w->running &= ~bit;
    w->ending &= ~bit;
    w->quiet &= ~bit;
    if (!(w->assigned & bit))
        w->presence_due = true;
    reconcile(m, x, item);
}

/* ---- Suspension -------------------------------------------------------------------------------
 */

static void suspend(worker *w)
{
    w->suspended = true;
    w->resume_at = NOBODY;
    w->quiet = w->running;
}

static bool can_resume(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    if (!w->up || w->frozen || !w->suspended || !w->in_group || w->resume_at == NOBODY ||
        w->read < w->resume_at)
        return false;
    return !m->proposed ||
           (w->assignment != NOBODY && m->log[w->assignment].generation >= w->generation);
}

static void resume(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->suspended = false;
    w->resume_at = NOBODY;
    w->presence_due = true;
    apply(m, x);
    w->quiet &= ~w->assigned;
    reconcile_all(m, x);
}

static void resume_when_read(world *m, worker *w)
{
    if (w->suspended)
        w->resume_at = guarded(m, RESUME_READS) ? m->end : 0;
}

static bool can_end_lease(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];
    const member *me = find_member(m, w->member);

    (void)b;
    if (!w->up || !w->lease || !(w->frozen || w->cut))
        return false;
    return guarded(m, LEASE_IN_ROUND) || !me || !(me->joined || me->answered);
}

static void end_lease(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->lease = false;
    if (!w->frozen && guarded(m, LEASE))
        suspend(w);
}

/* A heartbeat is answered again, and the session was not over. */
static bool can_renew(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->frozen && !w->cut && w->in_group && !w->lease && find_member(m, w->member);
}

static void renew(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->lease = true;
    resume_when_read(m, w);
}

/* A process that was paused looks at the lease before it does anything else. */
static void thaw(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->frozen = false;
    if (w->in_group && !w->lease && guarded(m, LEASE) && !w->suspended)
        suspend(w);
}

/* ---- The group --------------------------------------------------------------------------------
 */

static bool can_learn(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];
    const member *me = find_member(m, w->member);

    (void)b;
    return w->up && !w->frozen && !w->cut && me && me->answered;
}

static void learn(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    member *me = find_member(m, w->member);

    (void)b;
    me->answered = false;
    w->in_group = w->ever_in_group = w->lease = true;
    w->generation = me->generation;
    w->holds = me->holds;
    w->presence_due = w->dirty = true;
    w->patience_over = false;
    w->holding = w->suspended;
    resume_when_read(m, w);
    if (w->holds && w->role == FOLLOWER && !w->leaving) {
        w->candidate = BY_PARTITION;
        w->candidate_since = w->leader_term;
        w->reclaim_at = NOBODY;
    }
    say(m, "   generation %d%s", w->generation, w->holds ? ", holds the partition" : "");
}

static bool can_notice_loss(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->frozen && !w->cut && w->member && !find_member(m, w->member);
}

static void notice_loss(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)m;
    (void)b;
    w->member = 0;
    w->lease = w->in_group = w->holds = false;
    if (w->ever_in_group)
        suspend(w);
}

static bool can_speak(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    (void)m;
    return w->up && !w->frozen && w->presence_due && w->in_group && w->queued < QUEUE;
}

static void speak(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->queue[w->queued++] = (record){.kind = PRESENCE,
                                     .worker = (int8_t)x,
                                     .instance = (int8_t)w->instance,
                                     .generation = w->generation,
                                     .at = w->applied,
                                     .stopping = w->running & ~w->assigned,
                                     .leaving = w->leaving};
    if (!guarded(m, STOPPING))
        w->queue[w->queued - 1].stopping = 0;
    w->presence_due = false;
}

#endif
