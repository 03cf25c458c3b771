/* assignor.c - see assignor.h.
 *
 * Connectors and tasks are dealt separately, each kind in four steps:
 *   sort   every item is kept where it is, blocked (somebody still has to let it go) or free;
 *   share  each worker's quota: the even share, and the remainder to those who already hold more;
 *   take   from a worker over its quota, and from one that is leaving, what is too much;
 *   give   free items to whoever is furthest below its quota.
 * What was taken counts as if it were placed already, so the next decision gives it to the worker
 * that was meant to have it.
 */
#include "herder/assignor.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

typedef struct worker_share {
    const weir_assign_worker *worker;
    size_t kept;   /* items of the kind being dealt */
    size_t others; /* items of the other kind: breaks ties */
    size_t quota;
} worker_share;

typedef struct deal {
    const weir_assign_input *input;
    weir_placement *result; /* of the wanted items, then ghosts */
    size_t result_count;
    worker_share *shares; /* of the workers that may be given something */
    size_t share_count;
} deal;

static const weir_assign_worker *find_worker(const weir_assign_input *input, const char *id)
{
    for (size_t i = 0; id && i < input->worker_count; i++)
        if (strcmp(input->workers[i].id, id) == 0)
            return &input->workers[i];
    return NULL;
}

static worker_share *find_share(deal *d, const char *id)
{
    for (size_t i = 0; i < d->share_count; i++)
        if (strcmp(d->shares[i].worker->id, id) == 0)
            return &d->shares[i];
    return NULL;
}

void weir_item_text(const weir_item *item, char *text, size_t room)
{
    if (item->task == WEIR_ITEM_CONNECTOR)
        snprintf(text, room, "%s/c", item->connector);
    else
        snprintf(text, room, "%s/%d", item->connector, item->task);
}

static bool is_stopping(const weir_assign_worker *worker, const weir_item *item)
{
    char text[1024];

    weir_item_text(item, text, sizeof(text));
    for (const char *const *s = worker->stopping; s && *s; s++)
        if (strcmp(*s, text) == 0)
            return true;
    return false;
}

/* Has the worker it was taken from let go of it? */
static bool is_released(const weir_assign_input *input, const weir_placement *previous)
{
    const weir_assign_worker *from = find_worker(input, previous->from);

    if (!from || !weir_same(from->instance, previous->from_instance))
        return true; /* that process is gone */
    if (from->held)
        return false;
    if (from->ack_term < previous->from_term ||
        (from->ack_term == previous->from_term && from->ack_seq < previous->from_seq))
        return false;
    return !is_stopping(from, &previous->item);
}

static void take(deal *d, weir_placement *placement)
{
    const weir_assign_worker *from = find_worker(d->input, placement->worker);

    placement->from = from->id;
    placement->from_instance = from->instance;
    placement->from_term = d->input->term;
    placement->from_seq = d->input->seq;
    placement->worker = NULL;
    placement->lent = false;
}

/* Step one, for one item. */
static void sort_item(deal *d, weir_placement *placement, const weir_placement *previous)
{
    const weir_assign_worker *owner;

    if (!previous)
        return;
    placement->lent = previous->lent;
    if (!previous->worker) {
        if (previous->from && !is_released(d->input, previous)) {
            weir_item item = placement->item;

            *placement = *previous;
            placement->item = item;
        }
        return;
    }
    owner = find_worker(d->input, previous->worker);
    if (!owner)
        return;
    placement->worker = owner->id;
    if (owner->leaving && !owner->held)
        take(d, placement);
}

/* `previous` is in any order; with thousands of items a linear search each would be felt. */
static int by_item(const void *a, const void *b)
{
    const weir_placement *x = *(const weir_placement *const *)a;
    const weir_placement *y = *(const weir_placement *const *)b;
    int order = strcmp(x->item.connector, y->item.connector);

    return order ? order : (x->item.task > y->item.task) - (x->item.task < y->item.task);
}

static int item_to_wanted(const void *key, const void *element)
{
    const weir_item *x = key, *y = element;
    int order = strcmp(x->connector, y->connector);

    return order ? order : (x->task > y->task) - (x->task < y->task);
}

/* What is wanted no more stays on the books until its worker has let it go. */
static void keep_ghosts(deal *d)
{
    const weir_assign_input *input = d->input;

    for (size_t i = 0; i < input->previous_count; i++) {
        const weir_placement *previous = &input->previous[i];
        weir_placement ghost = *previous;

        if (bsearch(&previous->item, input->items, input->item_count, sizeof(*input->items),
                    item_to_wanted))
            continue;
        if (previous->worker) {
            if (!find_worker(input, previous->worker))
                continue;
            take(d, &ghost);
        } else if (!previous->from || is_released(input, previous)) {
            continue;
        }
        d->result[d->result_count++] = ghost;
    }
}

static void sort_all(deal *d)
{
    const weir_assign_input *input = d->input;
    const weir_placement **sorted = weir_new_array(const weir_placement *, input->previous_count);

    for (size_t i = 0; i < input->previous_count; i++)
        sorted[i] = &input->previous[i];
    qsort(sorted, input->previous_count, sizeof(*sorted), by_item);
    for (size_t i = 0; i < input->item_count; i++) {
        const weir_placement key = {.item = input->items[i]}, *wanted = &key;
        const weir_placement **found =
            bsearch(&wanted, sorted, input->previous_count, sizeof(*sorted), by_item);

        d->result[i].item = input->items[i];
        sort_item(d, &d->result[i], found ? *found : NULL);
    }
    free(sorted);
    d->result_count = input->item_count;
}

static bool is_kind(const weir_placement *placement, bool connectors)
{
    return (placement->item.task == WEIR_ITEM_CONNECTOR) == connectors;
}

/* Most kept first; then fewest of the other kind; then by id. */
static int by_claim(const void *a, const void *b)
{
    const worker_share *x = a, *y = b;

    if (x->kept != y->kept)
        return x->kept > y->kept ? -1 : 1;
    if (x->others != y->others)
        return x->others < y->others ? -1 : 1;
    return strcmp(x->worker->id, y->worker->id);
}

/* Step two. */
static void share(deal *d, bool connectors)
{
    size_t count = 0;

    for (size_t i = 0; i < d->share_count; i++)
        d->shares[i].kept = d->shares[i].others = 0;
    for (size_t i = 0; i < d->input->item_count; i++) {
        const weir_placement *placement = &d->result[i];
        worker_share *holder = placement->worker ? find_share(d, placement->worker) : NULL;

        if (is_kind(placement, connectors) && (holder || !placement->worker))
            count++; /* what a held worker has is not shared out */
        if (holder && is_kind(placement, connectors))
            holder->kept++;
        else if (holder)
            holder->others++;
    }
    qsort(d->shares, d->share_count, sizeof(*d->shares), by_claim);
    for (size_t i = 0; i < d->share_count; i++)
        d->shares[i].quota = count / d->share_count + (i < count % d->share_count);
}

static worker_share *neediest(deal *d)
{
    worker_share *best = NULL;

    for (size_t i = 0; i < d->share_count; i++) {
        worker_share *s = &d->shares[i];

        if (s->kept < s->quota && (!best || s->kept < best->kept))
            best = s;
    }
    return best;
}

/* Step three. Of those that qualify the last come go first. */
static void take_surplus(deal *d, bool connectors, bool lent)
{
    for (size_t i = d->input->item_count; i-- > 0;) {
        weir_placement *placement = &d->result[i];
        worker_share *holder = placement->worker ? find_share(d, placement->worker) : NULL;

        if (is_kind(placement, connectors) && placement->lent == lent && holder &&
            holder->kept > holder->quota) {
            holder->kept--;
            take(d, placement);
        }
    }
}

static void deal_kind(deal *d, bool connectors)
{
    share(d, connectors);
    take_surplus(d, connectors, true);
    take_surplus(d, connectors, false);
    for (size_t i = 0; i < d->input->item_count; i++) {
        weir_placement *placement = &d->result[i];
        worker_share *to;

        if (!is_kind(placement, connectors) || placement->worker || placement->from)
            continue;
        to = neediest(d);
        if (!to)
            continue; /* nobody is there */
        to->kept++;
        placement->worker = to->worker->id;
    }
}

weir_placement *weir_assign(const weir_assign_input *input, size_t *ret_count)
{
    deal d = {.input = input,
              .result = weir_new_array(weir_placement, input->item_count + input->previous_count),
              .shares = weir_new_array(worker_share, input->worker_count)};

    for (size_t i = 0; i < input->worker_count; i++)
        if (!input->workers[i].leaving && !input->workers[i].held)
            d.shares[d.share_count++].worker = &input->workers[i];
    sort_all(&d);
    deal_kind(&d, true);
    deal_kind(&d, false);
    keep_ghosts(&d);
    *ret_count = d.result_count;
    free(d.shares);
    return d.result;
}
