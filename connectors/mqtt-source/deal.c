/* deal.c - see deal.h.
 *
 * Filters that overlap, also by way of others, are one hand. Each hand ranks the tasks by a hash of
 * its own (rendezvous hashing), and in the order of their hashes the hands go to the task they rank
 * first among those that may still take one. A hand's ranks do not hang on who else is there; only
 * how much room is left does.
 */
#include "deal.h"

#include "address.h"
#include "bytes.h"
#include "filter.h"
#include "slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct hand {
    uint64_t hash; /* the smallest of its filters' */
    size_t first;  /* one of its filters: who they are is in `of` */
} hand;

static uint64_t hash_of(const char *filter)
{
    return mqtt_hash(filter, strlen(filter), "", 0);
}

/* The one that stands for a filter's hand. */
static size_t lead(size_t *of, size_t i)
{
    while (of[i] != i)
        i = of[i] = of[of[i]];
    return i;
}

/* Sets of[i], for each filter, to the one that stands for its hand. */
static void join(char *const *filters, size_t count, size_t *of)
{
    for (size_t i = 0; i < count; i++) {
        of[i] = i;
        for (size_t j = 0; j < i; j++)
            if (mqtt_filters_overlap(mqtt_filter_plain(filters[i]), mqtt_filter_plain(filters[j])))
                of[lead(of, j)] = i;
    }
    for (size_t i = 0; i < count; i++)
        of[i] = lead(of, i);
}

static int by_hash(const void *a, const void *b)
{
    const hand *left = a, *right = b;

    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* To be freed. */
static hand *hands_of(char *const *filters, size_t count, const size_t *of, size_t *ret_count)
{
    hand *hands = mqtt_alloc(count, sizeof(*hands));
    size_t *at = mqtt_alloc(count, sizeof(*at)), found = 0;

    for (size_t i = 0; i < count; i++)
        if (of[i] == i) {
            at[i] = found;
            hands[found++] = (hand){.hash = UINT64_MAX, .first = i};
        }
    for (size_t i = 0; i < count; i++) {
        hand *its = &hands[at[of[i]]];
        uint64_t hash = hash_of(filters[i]);

        its->hash = hash < its->hash ? hash : its->hash;
    }
    qsort(hands, found, sizeof(*hands), by_hash);
    free(at);
    *ret_count = found;
    return hands;
}

/* How much a hand would like to be that task's. */
static uint64_t liking(const hand *its, size_t task)
{
    struct {
        uint64_t hash, task;
    } both = {its->hash, task};

    return mqtt_hash(&both, sizeof(both), "", 0);
}

/* `room`: how many more each task may take; `extra`: how many of them may take one more. */
static size_t choose(const hand *its, size_t tasks, const size_t *room, size_t extra)
{
    size_t best = tasks;
    uint64_t most = 0;

    for (size_t task = 0; task < tasks; task++) {
        uint64_t much = liking(its, task);

        if (room[task] > (extra ? 0 : 1) && (best == tasks || much > most)) {
            best = task;
            most = much;
        }
    }
    return best;
}

size_t mqtt_deal(char *const *filters, size_t count, size_t max_tasks, size_t *ret_task)
{
    size_t *of = mqtt_alloc(count, sizeof(*of)), *task_of = mqtt_alloc(count, sizeof(*task_of));
    size_t hand_count, tasks, extra, *room;
    hand *hands;

    join(filters, count, of);
    hands = hands_of(filters, count, of, &hand_count);
    assert(hand_count > 0 && max_tasks > 0);
    tasks = max_tasks < hand_count ? max_tasks : hand_count;
    extra = hand_count % tasks;
    room = mqtt_alloc(tasks, sizeof(*room));
    for (size_t task = 0; task < tasks; task++)
        room[task] = hand_count / tasks + 1;
    for (size_t i = 0; i < hand_count; i++) {
        size_t task = choose(&hands[i], tasks, room, extra);

        extra -= room[task]-- == 1;
        task_of[hands[i].first] = task;
    }
    for (size_t i = 0; i < count; i++)
        ret_task[i] = task_of[of[i]];
    free(of);
    free(task_of);
    free(hands);
    free(room);
    return tasks;
}
