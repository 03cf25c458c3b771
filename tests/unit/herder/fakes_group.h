/* fakes_group.h - who is there: the watch, the lease and the group, as the test says. See fakes.h.
 */
#ifndef WEIR_TESTS_HERDER_FAKES_GROUP_H
#define WEIR_TESTS_HERDER_FAKES_GROUP_H

#include "fakes.h"

/* ---- The watch: the test says what is seen ----------------------------------------------------
 */

struct weir_watch {
    weir_watch_report *report;
    void *ctx;
    char watched[MAX_LOGS][64]; /* instances */
    size_t count;
    struct weir_watch *next;
};

static weir_watch *all_watches; /* world locked */

weir_watch *weir_watch_start(weir_watch_report *report, void *ctx)
{
    weir_watch *watch = weir_new(weir_watch);

    watch->report = report;
    watch->ctx = ctx;
    pthread_mutex_lock(&world);
    watch->next = all_watches;
    all_watches = watch;
    pthread_mutex_unlock(&world);
    return watch;
}

void weir_watch_peers(weir_watch *watch, const weir_watch_peer *peers, size_t count)
{
    pthread_mutex_lock(&world);
    watch->count = 0;
    for (size_t i = 0; i < count && i < MAX_LOGS; i++)
        snprintf(watch->watched[watch->count++], sizeof(watch->watched[0]), "%s",
                 peers[i].instance);
    pthread_mutex_unlock(&world);
}

void weir_watch_stop(weir_watch *watch)
{
    weir_watch **at = &all_watches;

    if (!watch)
        return;
    pthread_mutex_lock(&world);
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    pthread_mutex_unlock(&world);
    free(watch);
}

static inline bool is_watched(const weir_herder *by, const char *instance)
{
    bool found = false;

    pthread_mutex_lock(&world);
    for (const weir_watch *watch = all_watches; watch; watch = watch->next)
        for (size_t i = 0; watch->ctx == by && i < watch->count; i++)
            found = found || strcmp(watch->watched[i], instance) == 0;
    pthread_mutex_unlock(&world);
    return found;
}

/* What this one's watch tells it, whether it watches or not. */
static inline void see(const weir_herder *by, const weir_watch_news *news)
{
    weir_watch *found = NULL;

    pthread_mutex_lock(&world);
    for (weir_watch *watch = all_watches; watch; watch = watch->next)
        if (watch->ctx == by)
            found = watch;
    pthread_mutex_unlock(&world);
    if (found)
        found->report(found->ctx, news);
}

/* ---- The lease: runs for who is in the group, unless the test says otherwise -------------------
 */

struct weir_lease {
    atomic_bool runs;
};

weir_lease *weir_lease_new(const weir_clock *clock, int64_t session_timeout_ms,
                           int64_t heartbeat_interval_ms, int64_t rebalance_timeout_ms)
{
    (void)clock, (void)session_timeout_ms, (void)heartbeat_interval_ms, (void)rebalance_timeout_ms;
    return weir_new(weir_lease);
}

void weir_lease_free(weir_lease *lease)
{
    free(lease);
}

bool weir_lease_runs(const weir_lease *lease)
{
    return atomic_load(&lease->runs);
}

int64_t weir_lease_left_ms(const weir_lease *lease)
{
    return atomic_load(&lease->runs) ? 5000 : 0;
}

/* ---- The group: the test decides who is in it ------------------------------------------------ */

struct weir_group {
    weir_group_options options;
    char member[300];
};

static struct {
    weir_group *members[MAX_LOGS];
    size_t count;
    int64_t generation;
} group;

static inline void new_generation(void)
{
    size_t first = 0;

    group.generation++;
    for (size_t i = 1; i < group.count; i++)
        if (strcmp(group.members[i]->member, group.members[first]->member) < 0)
            first = i;
    for (size_t i = 0; i < group.count; i++) {
        atomic_store(&group.members[i]->options.lease->runs, true);
        group.members[i]->options.event(group.members[i]->options.ctx,
                                        &(weir_group_event){WEIR_GROUP_ASSIGNED, group.generation,
                                                            group.members[i]->member, i == first,
                                                            NULL});
    }
}

/* World locked. */
static inline weir_group *member_of(const weir_herder *herder)
{
    for (size_t i = 0; i < group.count; i++)
        if (group.members[i]->options.ctx == herder)
            return group.members[i];
    return NULL;
}

static inline bool take_out(const weir_group *member)
{
    for (size_t i = 0; i < group.count; i++)
        if (group.members[i] == member) {
            group.members[i] = group.members[--group.count];
            return true;
        }
    return false;
}

weir_code weir_group_join(const weir_group_options *options, weir_group **ret_group, weir_err *err)
{
    weir_group *member = weir_new(weir_group);

    (void)err;
    member->options = *options;
    snprintf(member->member, sizeof(member->member), "%s-uuid", options->worker_id);
    *ret_group = member;
    pthread_mutex_lock(&world);
    group.members[group.count++] = member;
    new_generation();
    pthread_mutex_unlock(&world);
    return WEIR_OK;
}

/* The session runs out: the worker hears of it, the others learn it by the next generation. */
static inline void lose(weir_group *member)
{
    pthread_mutex_lock(&world);
    take_out(member);
    atomic_store(&member->options.lease->runs, false);
    pthread_mutex_unlock(&world);
    member->options.event(member->options.ctx,
                          &(weir_group_event){WEIR_GROUP_LOST, -1, "", false, NULL});
}

static inline void come_back(weir_group *member)
{
    pthread_mutex_lock(&world);
    group.members[group.count++] = member;
    new_generation();
    pthread_mutex_unlock(&world);
}

void weir_group_leave(weir_group *member)
{
    pthread_mutex_lock(&world);
    if (take_out(member))
        new_generation();
    pthread_mutex_unlock(&world);
    member->options.event(member->options.ctx,
                          &(weir_group_event){WEIR_GROUP_LEFT, -1, "", false, NULL});
}

void weir_group_close(weir_group *member)
{
    if (!member)
        return;
    pthread_mutex_lock(&world);
    take_out(member);
    pthread_mutex_unlock(&world);
    free(member);
}

#endif
