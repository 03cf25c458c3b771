/* schedule.h - the model's actions, and a run: a random schedule of them, then a calm one. */
#ifndef WEIR_TESTS_MODEL_SCHEDULE_H
#define WEIR_TESTS_MODEL_SCHEDULE_H

#include "tests/unit/herder/model/decision.h"

#include <stddef.h>

#define CALM_STEPS 4000 /* then it will never settle */

/* ---- A process comes and goes ------------------------------------------------------------------
 */

static bool is_down(const world *m, int x, int b)
{
    (void)b;
    return x < m->size && !m->workers[x].up && m->instances[x] < INT8_MAX;
}

static void start(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    *w = (worker){.up = true,
                  .instance = ++m->instances[x],
                  .leader_term = NOBODY,
                  .leader_worker = NOBODY,
                  .assignment = NOBODY,
                  .resume_at = NOBODY,
                  .reclaim_at = NOBODY,
                  .written = NOBODY,
                  .applied = {NOBODY, NOBODY},
                  .term = NOBODY,
                  .generation = NOBODY};
    memset(w->presence, NOBODY, sizeof(w->presence));
    memset(w->tasks, NOBODY, sizeof(w->tasks));
    memset(w->accused, NOBODY, sizeof(w->accused));
    say(m, "   w%d.%d", x, w->instance);
}

static bool is_up(const world *m, int x, int b)
{
    (void)b;
    return m->workers[x].up;
}

static void end_process(world *m, worker *w)
{
    w->up = w->frozen = w->cut = w->lease = false;
    w->running = w->ending = w->quiet = 0;
    for (int i = 0; i < ORPHANS && w->commit.stage == SENT; i++)
        if (m->orphans[i].stage == NO_WRITE) {
            m->orphans[i] = w->commit;
            w->commit.stage = NO_WRITE;
        }
    w->commit.stage = NO_WRITE;
}

static void kill_worker(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->queued = (int)dice(m, (uint32_t)w->queued + 1);
    end_process(m, w);
}

static bool can_leave(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->frozen && !w->leaving;
}

static void leave(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    (void)m;
    w->leaving = w->dirty = w->presence_due = true;
    w->candidate = NO_CANDIDATE;
}

/* Three seconds have passed. */
static bool can_wait_no_longer(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->frozen && w->leaving && !w->relieved;
}

/* All its items were taken. */
static bool can_be_relieved(const world *m, int x, int b)
{
    return can_wait_no_longer(m, x, b) && !m->workers[x].assigned;
}

static void relieve(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    w->relieved = true;
    w->assigned = 0;
    w->presence_due = true;
    reconcile_all(m, x);
}

static bool hands_over(const world *m, const worker *w)
{
    int x = (int)(w - m->workers);
    const record *last = last_assignment(m, w);
    bool others = false, has_unplaced = false;

    for (int i = 0; i < WORKERS; i++)
        others = others || (i != x && w->presence[i] != NOBODY);
    for (int i = 0; last && i < ITEMS; i++)
        has_unplaced = has_unplaced || last->places[i].from == x;
    return leads(m, w) && others && (has_unplaced || w->in_flight) && !w->handed_over;
}

static bool can_give_up_handover(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->relieved && !w->running && hands_over(m, w);
}

static void give_up_handover(world *m, int x, int b)
{
    (void)b;
    m->workers[x].handed_over = true;
}

static bool can_exit(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return w->up && !w->frozen && w->relieved && !w->running && !hands_over(m, w) &&
           (w->cut || !w->queued);
}

static void exit_worker(world *m, int x, int b)
{
    worker *w = &m->workers[x];

    (void)b;
    for (int i = 0; i < m->member_count; i++)
        if (m->members[i].id == w->member && !w->cut) {
            remove_member(m, i);
            break;
        }
    end_process(m, w);
}

/* ---- Faults ------------------------------------------------------------------------------------
 */

/* A few at a time, or nobody would be left to notice. */
static bool are_enough_away(const world *m)
{
    int away = 0;

    for (int x = 0; x < WORKERS; x++)
        away += m->workers[x].up && (m->workers[x].frozen || m->workers[x].cut);
    return away >= 2;
}

static bool can_freeze(const world *m, int x, int b)
{
    (void)b;
    return m->workers[x].up && !m->workers[x].frozen && !are_enough_away(m);
}

static void freeze(world *m, int x, int b)
{
    (void)b;
    m->workers[x].frozen = true;
}

static bool is_frozen(const world *m, int x, int b)
{
    (void)b;
    return m->workers[x].frozen;
}

static bool can_cut(const world *m, int x, int b)
{
    (void)b;
    return m->workers[x].up && !m->workers[x].cut && !are_enough_away(m);
}

static void cut(world *m, int x, int b)
{
    (void)b;
    m->workers[x].cut = true;
}

static bool is_cut(const world *m, int x, int b)
{
    (void)b;
    return m->workers[x].cut;
}

static void heal(world *m, int x, int b)
{
    (void)b;
    m->workers[x].cut = false;
}

static bool is_accused_rightly(const world *m, int x, int who)
{
    return can_accuse(m, x, who) && is_gone(m, who, presence_of(m, &m->workers[x], who)->instance);
}

static bool is_accused_falsely(const world *m, int x, int who)
{
    return can_accuse(m, x, who) && !is_gone(m, who, presence_of(m, &m->workers[x], who)->instance);
}

static bool leader_is_gone(const world *m, const worker *w)
{
    return is_gone(m, w->leader_worker, w->leader_instance);
}

static bool leader_is_accused_rightly(const world *m, int x, int b)
{
    return can_accuse_leader(m, x, b) && leader_is_gone(m, &m->workers[x]);
}

static bool leader_is_accused_falsely(const world *m, int x, int b)
{
    return can_accuse_leader(m, x, b) && !leader_is_gone(m, &m->workers[x]);
}

/* ---- The table ---------------------------------------------------------------------------------
 */

typedef struct action {
    const char *name;
    int weight;
    bool fault; /* not any more when it has become calm */
    int as, bs; /* how many of the first and the second argument; the first is a worker if 5 */
    bool (*can)(const world *m, int a, int b);
    void (*run)(world *m, int a, int b);
} action;

static const action actions[] = {
    {"reads", 40, false, WORKERS, 1, can_read, read_on},
    {"presence arrives from", 60, false, WORKERS, 1, can_deliver, deliver},
    {"writes presence", 60, false, WORKERS, 1, can_speak, speak},
    {"init_transactions", 40, false, WORKERS, 1, can_init, init},
    {"the transaction ends of", 40, false, WORKERS, 1, can_land, land},
    {"is told of its write", 60, false, WORKERS, 1, can_answer, answer},
    {"joins", 40, false, WORKERS, 1, can_join, join},
    {"the join round is over", 40, false, 1, 1, can_complete, complete_round},
    {"learns of a generation", 40, false, WORKERS, 1, can_learn, learn},
    {"session over: member", 8, false, MEMBERS, 1, can_expire, expire},
    {"loses its membership", 30, false, WORKERS, 1, can_notice_loss, notice_loss},
    {"lease runs again", 30, false, WORKERS, 1, can_renew, renew},
    {"resumes", 40, false, WORKERS, 1, can_resume, resume},
    {"claims the lead", 30, false, WORKERS, 1, can_claim, claim},
    {"sees no leader", 6, false, WORKERS, 1, can_fill_vacancy, fill_vacancy},
    {"waits no longer", 20, false, WORKERS, 1, can_lose_patience, lose_patience},
    {"holds no longer", 20, false, WORKERS, 1, can_stop_holding, stop_holding},
    {"decides", 60, false, WORKERS, 1, can_decide, decide},
    {"hears the watch of", 10, false, WORKERS, WORKERS, can_hear, hear},
    {"ends item", 30, false, WORKERS, ITEMS, can_end, end},
    {"is relieved", 20, false, WORKERS, 1, can_be_relieved, relieve},
    {"waits for relief no longer", 1, false, WORKERS, 1, can_wait_no_longer, relieve},
    {"gives up handing over", 2, false, WORKERS, 1, can_give_up_handover, give_up_handover},
    {"exits", 30, false, WORKERS, 1, can_exit, exit_worker},
    {"an orphan arrives", 10, false, ORPHANS, 1, can_land_orphan, land_orphan},
    {"an orphan is lost", 3, false, ORPHANS, 1, can_land_orphan, lose_orphan},
    {"lease ends", 15, false, WORKERS, 1, can_end_lease, end_lease},
    {"starts", 10, true, WORKERS, 1, is_down, start},
    {"is killed", 2, true, WORKERS, 1, is_up, kill_worker},
    {"is asked to stop", 1, true, WORKERS, 1, can_leave, leave},
    {"freezes", 1, true, WORKERS, 1, can_freeze, freeze},
    {"thaws", 2, true, WORKERS, 1, is_frozen, thaw},
    {"is cut off", 1, true, WORKERS, 1, can_cut, cut},
    {"is connected again", 2, true, WORKERS, 1, is_cut, heal},
    {"finds dead", 20, true, WORKERS, WORKERS, is_accused_rightly, accuse_worker},
    {"thinks dead", 1, true, WORKERS, WORKERS, is_accused_falsely, accuse_worker},
    {"finds the leader dead", 20, true, WORKERS, 1, leader_is_accused_rightly, accuse_leader},
    {"thinks the leader dead", 1, true, WORKERS, 1, leader_is_accused_falsely, accuse_leader},
    {"write aborted", 1, true, WORKERS, 1, can_abort, abort_write},
    {"transaction timed out", 4, true, WORKERS, 1, can_time_out, time_out},
    {"answer lost", 12, true, WORKERS, 1, can_lose_answer, lose_answer},
    {"changes connector", 8, true, WORKERS, CONNECTORS, can_command, command},
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

typedef struct choice {
    const action *action;
    int a, b, weight;
} choice;

/* What is likely differs from run to run, so that now and then something or somebody is always
 * late, and rare things come in crowds. */
typedef struct taste {
    int likes[ACTIONS], pace[WORKERS];
} taste;

static void choose_taste(world *m, taste *t, const char *often)
{
    static const int progress[] = {1, 1, 3, 9}, faults[] = {0, 1, 1, 3}, pace[] = {1, 4, 4, 12};

    for (size_t k = 0; k < ACTIONS; k++) {
        t->likes[k] = actions[k].fault ? faults[dice(m, 4)] : progress[dice(m, 4)];
        if (often && strcmp(actions[k].name, often) == 0)
            t->likes[k] = 30;
    }
    for (int x = 0; x < WORKERS; x++)
        t->pace[x] = pace[dice(m, 4)];
}

static bool step(world *m, const taste *t)
{
    choice choices[ACTIONS * WORKERS * 3];
    int count = 0, total = 0, pick;
    const choice *c = choices;

    for (size_t k = 0; k < ACTIONS; k++) {
        const action *one = &actions[k];

        if ((one->fault && m->calm) || !t->likes[k])
            continue;
        for (int a = 0; a < one->as; a++)
            for (int b = 0; b < one->bs; b++)
                if (one->can(m, a, b)) {
                    int pace = one->as == WORKERS && !one->fault ? t->pace[a] : 4;
                    int weight = one->weight * t->likes[k] * pace;

                    if (weight)
                        choices[count++] = (choice){one, a, b, weight};
                    total += weight;
                }
    }
    if (!count)
        return false;
    for (pick = (int)dice(m, (uint32_t)total); pick >= c->weight; c++)
        pick -= c->weight;
    say(m, c->action->bs > 1 ? "%4d w%d %s %d" : "%4d w%d %s", m->step, c->a, c->action->name,
        c->b);
    c->action->run(m, c->a, c->b);
    m->step++;
    check_step(m);
    return true;
}

/* Whoever is there gets well again; at least one is there. */
static void calm_down(world *m)
{
    bool anybody = false;

    m->calm = true;
    say(m, "---- no more faults");
    for (int x = 0; x < WORKERS; x++) {
        worker *w = &m->workers[x];

        w->cut = false;
        if (w->frozen)
            thaw(m, x, 0);
        anybody = anybody || (w->up && !w->leaving);
    }
    for (int x = 0; !anybody && x < m->size; x++)
        if (!m->workers[x].up) {
            start(m, x, 0);
            anybody = true;
        }
    if (!anybody) { /* all are leaving */
        kill_worker(m, 0, 0);
        start(m, 0, 0);
    }
    check_step(m);
}

typedef struct plan {
    uint64_t seed;
    int steps; /* at most so many before it becomes calm */
    uint32_t without;
    bool proposed;
    const char *often; /* an action that is to come often; may be NULL */
} plan;

static void begin(world *m, const plan *p, bool tracing)
{
    memset(m, 0, offsetof(world, log));
    memset(&m->end, 0, sizeof(*m) - offsetof(world, end));
    m->random = (p->seed + 1) * 0x9E3779B97F4A7C15ULL;
    m->without = p->without;
    m->proposed = p->proposed;
    m->tracing = tracing;
    m->last_leader = m->last_assignment = NOBODY;
    m->size = 2 + (int)dice(m, WORKERS - 1);
    for (int x = (int)dice(m, (uint32_t)m->size); x >= 0; x--)
        start(m, x, 0);
}

/* One run. What it came to is in m->broken and m->why. */
static void model_run(world *m, const plan *p, bool tracing)
{
    taste t;
    int steps, calm_at;

    begin(m, p, tracing);
    choose_taste(m, &t, p->often);
    steps = p->steps / 10 + (int)dice(m, (uint32_t)p->steps);
    while (m->step < steps && !m->broken && m->end < LOG_ROOM / 2) {
        if (!step(m, &t))
            m->step++; /* nothing is to anybody's taste */
    }
    if (!m->broken)
        calm_down(m);
    calm_at = m->step;
    while (!m->broken && m->step - calm_at < CALM_STEPS && step(m, &t))
        continue;
    if (m->step - calm_at >= CALM_STEPS)
        violate(m, SETTLES, "it never comes to rest");
    if (!m->broken)
        check_settled(m);
}

#endif
