/* decision.h - the model's leader decides with the real weir_assign(). Its input is built as
 * worker/herder/decision.c builds it. */
#ifndef WEIR_TESTS_MODEL_DECISION_H
#define WEIR_TESTS_MODEL_DECISION_H

#include "base/mem.h"
#include "tests/unit/herder/model/leader.h"

typedef struct decision {
    weir_assign_input input;
    weir_assign_worker workers[WORKERS];
    int ids[WORKERS]; /* of `workers` */
    weir_item items[ITEMS];
    weir_placement previous[ITEMS];
    char item_text[ITEMS][8], instance_text[WORKERS][8], from_text[ITEMS][8];
    const char *stopping[WORKERS][ITEMS + 1];
} decision;

static const char *const worker_ids[WORKERS] = {"w0", "w1", "w2", "w3", "w4"};
static const char *const names[CONNECTORS] = {"a", "b", "c"};

static weir_item item_of(int item)
{
    return (weir_item){names[item / SLOTS],
                       item % SLOTS == 0 ? WEIR_ITEM_CONNECTOR : item % SLOTS - 1};
}

static int number_of(const weir_item *item)
{
    return (item->connector[0] - 'a') * SLOTS + item->task + 1;
}

static int id_of(const char *id)
{
    return id ? id[1] - '0' : NOBODY;
}

static const record *last_assignment(const world *m, const worker *w)
{
    return w->assignment == NOBODY ? NULL : &m->log[w->assignment];
}

/* Does the last assignment still count on this worker: to run something, or to let it go? */
static bool has_items(const record *last, int x)
{
    for (int i = 0; i < ITEMS; i++)
        if (last->places[i].worker == x || last->places[i].from == x)
            return true;
    return false;
}

/* Of the last assignment, but neither there nor on its way out nor known to be dead. */
static bool is_missing(const world *m, const worker *w, int x)
{
    const record *last = last_assignment(m, w), *presence = presence_of(m, w, x);

    return last && last->named[x] != NOBODY && !is_live(w, presence) &&
           w->accused[x] != last->named[x];
}

static bool all_present(const world *m, const worker *w)
{
    for (int x = 0; x < WORKERS; x++) {
        const record *presence = presence_of(m, w, x);

        if (is_missing(m, w, x) &&
            !(presence && presence->leaving && !has_items(last_assignment(m, w), x)))
            return false;
    }
    return true;
}

/* Of the last assignment, silent, and still a member. With `back`: one that is not suspended. */
static bool somebody_is_late(const world *m, const worker *w, bool back)
{
    for (int x = 0; x < WORKERS; x++) {
        const worker *other = &m->workers[x];

        if (is_missing(m, w, x) && last_assignment(m, w)->named[x] == other->instance &&
            find_member(m, other->member) && (!back || may_emit(m, other)))
            return true;
    }
    return false;
}

/* 500 ms have passed. Assumed: whoever may emit is quicker than that. */
static bool can_lose_patience(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return leads(m, w) && w->dirty && !w->patience_over && !all_present(m, w) &&
           !(guarded(m, PRESENCE_IN_TIME) && somebody_is_late(m, w, true));
}

static void lose_patience(world *m, int x, int b)
{
    (void)b;
    m->workers[x].patience_over = true;
}

static bool can_stop_holding(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return leads(m, w) && w->holding;
}

static void stop_holding(world *m, int x, int b)
{
    (void)b;
    m->workers[x].holding = false;
    m->workers[x].dirty = true;
}

static void add_worker(const world *m, decision *d, int x, const record *presence, int instance)
{
    size_t at = d->input.worker_count++, count = 0;
    weir_assign_worker *to = &d->workers[at];

    d->ids[at] = x;
    snprintf(d->instance_text[x], sizeof(d->instance_text[x]), "%d", instance);
    *to = (weir_assign_worker){
        .id = worker_ids[x], .instance = d->instance_text[x], .held = !presence};
    if (!presence)
        return;
    to->leaving = presence->leaving;
    to->ack_term = guarded(m, ACK) ? presence->at.term : INT_MAX;
    to->ack_seq = presence->at.seq;
    for (int i = 0; i < ITEMS; i++)
        if (presence->stopping & 1u << i)
            d->stopping[x][count++] = d->item_text[i];
    to->stopping = d->stopping[x];
}

static void collect_workers(const world *m, const worker *w, decision *d)
{
    for (int i = 0; i < ITEMS; i++)
        weir_item_text(&(weir_item){item_of(i).connector, item_of(i).task}, d->item_text[i],
                       sizeof(d->item_text[i]));
    for (int x = 0; x < WORKERS; x++) {
        const record *presence = presence_of(m, w, x);

        if (is_live(w, presence))
            add_worker(m, d, x, presence, presence->instance);
        else if (is_missing(m, w, x) && !(presence && presence->leaving) && w->holding)
            add_worker(m, d, x, NULL, last_assignment(m, w)->named[x]);
    }
}

static bool same_process(const decision *d, int x, int instance)
{
    for (size_t i = 0; i < d->input.worker_count; i++)
        if (d->ids[i] == x)
            return (int)strtol(d->workers[i].instance, NULL, 10) == instance;
    return false;
}

static void collect_previous(const record *last, decision *d)
{
    for (int i = 0; i < ITEMS; i++) {
        const place *p = &last->places[i];
        weir_placement *to = &d->previous[d->input.previous_count++];

        *to = (weir_placement){.item = item_of(i)};
        if (p->worker != NOBODY) {
            to->worker =
                same_process(d, p->worker, last->named[p->worker]) ? worker_ids[p->worker] : NULL;
        } else if (p->from != NOBODY) {
            snprintf(d->from_text[i], sizeof(d->from_text[i]), "%d", p->from_instance);
            to->from = worker_ids[p->from];
            to->from_instance = d->from_text[i];
            to->from_term = p->taken.term;
            to->from_seq = p->taken.seq;
        } else {
            d->input.previous_count--;
        }
    }
}

/* 3. No item twice, none lost, all on workers that are counted on. */
static void record_places(world *m, const worker *w, const decision *d, record *r,
                          const weir_placement *result, size_t count)
{
    uint16_t seen = 0;

    for (int i = 0; i < ITEMS; i++)
        r->places[i] = (place){NOBODY, NOBODY, NOBODY, {0, 0}};
    for (size_t k = 0; k < count; k++) {
        int item = number_of(&result[k].item);
        place *p = &r->places[item];

        if (seen & 1u << item)
            violate(m, PLACES, "item %d is placed twice in %d.%d", item, r->at.term, r->at.seq);
        seen |= (uint16_t)(1u << item);
        p->worker = (int8_t)id_of(result[k].worker);
        p->from = (int8_t)id_of(result[k].from);
        p->from_instance =
            (int8_t)(result[k].from ? (int)strtol(result[k].from_instance, NULL, 10) : NOBODY);
        p->taken = (position){(int)result[k].from_term, (int)result[k].from_seq};
        if (p->worker != NOBODY && (p->from != NOBODY || r->named[p->worker] == NOBODY))
            violate(m, PLACES, "item %d is on w%d, which is not there", item, p->worker);
    }
    for (int i = 0; i < ITEMS; i++)
        if (is_wanted(w->tasks, i) && !(seen & 1u << i))
            violate(m, PLACES, "item %d is lost in %d.%d", i, r->at.term, r->at.seq);
    for (size_t k = 0; k < d->input.worker_count; k++) /* what is free is given, if to anybody */
        for (int i = 0; i < ITEMS; i++)
            if (!d->workers[k].leaving && !d->workers[k].held && is_wanted(w->tasks, i) &&
                r->places[i].worker == NOBODY && r->places[i].from == NOBODY)
                violate(m, PLACES, "item %d is free, and given to nobody", i);
}

/* Who is alive in truth and left out, and why? Where presence is in time, whoever may emit by now
 * without it came back after the leader had ceased to wait. */
static void record_dropped(const world *m, const worker *w, record *r)
{
    const record *last = last_assignment(m, w);

    for (int x = 0; x < WORKERS; x++) {
        const worker *other = &m->workers[x];

        if (!last || !other->up || last->named[x] != other->instance ||
            r->named[x] == other->instance)
            continue;
        if (w->accused[x] == other->instance)
            r->dropped[x] = FALSE_ALARM;
        else if (!guarded(m, PRESENCE_IN_TIME) && may_emit(m, other))
            r->dropped[x] = LATE_PRESENCE;
        else
            r->dropped[x] = OUT_OF_GROUP;
    }
}

static bool is_in_force(const world *m, const worker *w, const record *r)
{
    const record *last = last_assignment(m, w);

    if (!w->published || !last || (m->proposed && last->generation != r->generation) ||
        memcmp(last->named, r->named, sizeof(r->named)) != 0)
        return false;
    for (int i = 0; i < ITEMS; i++) {
        const place *a = &last->places[i], *b = &r->places[i];

        if (a->worker != b->worker || a->from != b->from || a->from_instance != b->from_instance ||
            a->taken.term != b->taken.term || a->taken.seq != b->taken.seq)
            return false;
    }
    return true;
}

static bool can_decide(const world *m, int x, int b)
{
    const worker *w = &m->workers[x];

    (void)b;
    return leads(m, w) && w->dirty && !w->in_flight && can_write(w) &&
           is_live(w, presence_of(m, w, x)) && (w->patience_over || all_present(m, w)) &&
           !(m->proposed && somebody_is_late(m, w, false));
}

static void decide(world *m, int x, int b)
{
    worker *w = &m->workers[x];
    decision d = {0};
    record r = {.kind = ASSIGNMENT, .generation = w->generation, .at = {w->term, w->seq + 1}};
    weir_placement *result;
    size_t count;

    (void)b;
    collect_workers(m, w, &d);
    for (int i = 0; i < ITEMS; i++)
        if (is_wanted(w->tasks, i))
            d.items[d.input.item_count++] = item_of(i);
    if (last_assignment(m, w))
        collect_previous(last_assignment(m, w), &d);
    d.input.workers = d.workers;
    d.input.items = d.items;
    d.input.previous = d.previous;
    d.input.term = r.at.term;
    d.input.seq = r.at.seq;
    result = weir_assign(&d.input, &count);
    memset(r.named, NOBODY, sizeof(r.named));
    for (size_t i = 0; i < d.input.worker_count; i++)
        r.named[d.ids[i]] = (int8_t)(int)strtol(d.workers[i].instance, NULL, 10);
    record_places(m, w, &d, &r, result, count);
    record_dropped(m, w, &r);
    w->dirty = false;
    if (!is_in_force(m, w, &r)) {
        w->seq++;
        w->published = w->in_flight = true;
        write_on_l(m, x, ASSIGN, &r);
    }
    free(result);
}

/* A connector is made, changed or deleted. */
static bool can_command(const world *m, int x, int connector)
{
    const worker *w = &m->workers[x];

    return connector < CONNECTORS && leads(m, w) && can_write(w);
}

static void command(world *m, int x, int connector)
{
    const worker *w = &m->workers[x];
    record r = {.kind = CONFIG,
                .at = {w->term, 0},
                .connector = (int8_t)connector,
                .tasks = (int8_t)((int)dice(m, SLOTS + 1) - 1)};

    write_on_l(m, x, COMMAND, &r);
}

#endif
