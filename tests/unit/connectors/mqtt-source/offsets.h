/* offsets.h - a worker that keeps offsets: they outlive the task, and end with the test. */
#ifndef TEST_OFFSETS_H
#define TEST_OFFSETS_H

#include "weir_plugin.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OFFSETS 32

static struct {
    char *partitions[OFFSETS], *offsets[OFFSETS];
    size_t count, writes;
} offsets_kept;

static inline size_t offsets_find(const char *partition)
{
    size_t i = 0;

    while (i < offsets_kept.count && strcmp(offsets_kept.partitions[i], partition) != 0)
        i++;
    return i;
}

/* NULL: none. */
static inline const char *offsets_look(const char *partition)
{
    size_t i = offsets_find(partition);

    return i < offsets_kept.count ? offsets_kept.offsets[i] : NULL;
}

static inline void offsets_put(const char *partition, const char *offset)
{
    size_t i = offsets_find(partition);

    ck_assert_uint_lt(i, OFFSETS);
    if (i == offsets_kept.count)
        offsets_kept.partitions[offsets_kept.count++] = strdup(partition);
    free(offsets_kept.offsets[i]);
    offsets_kept.offsets[i] = offset ? strdup(offset) : NULL;
    offsets_kept.writes++;
}

static inline void offsets_clear(void)
{
    for (size_t i = 0; i < offsets_kept.count; i++) {
        free(offsets_kept.partitions[i]);
        free(offsets_kept.offsets[i]);
        offsets_kept.partitions[i] = offsets_kept.offsets[i] = NULL;
    }
    offsets_kept.count = offsets_kept.writes = 0;
}

static inline const char *offsets_on_look(const weir_host *host, const char *partition)
{
    (void)host;
    return offsets_look(partition);
}

static inline weir_status offsets_on_keep(const weir_host *host, const char *partition,
                                          const char *offset)
{
    (void)host;
    offsets_put(partition, offset);
    return WEIR_DONE;
}

static inline void offsets_each(const weir_host *host,
                                void (*each)(void *ctx, const char *partition_json,
                                             const char *offset_json),
                                void *ctx)
{
    (void)host;
    for (size_t i = 0; i < offsets_kept.count; i++)
        if (offsets_kept.offsets[i])
            each(ctx, offsets_kept.partitions[i], offsets_kept.offsets[i]);
}

static bool not_all_kept; /* Kafka takes its time */

static inline bool offsets_all_kept(const weir_host *host)
{
    (void)host;
    return !not_all_kept;
}

/* A worker that knows how its connector's tasks were planned, too. */
static inline void offsets_lend_plan(weir_host *host, int32_t task, int32_t tasks, int64_t plan)
{
    host->task = task;
    host->tasks = tasks;
    host->plan = plan;
    host->all_kept = offsets_all_kept;
    host->each_offset = offsets_each;
}

static inline void offsets_lend(weir_host *host)
{
    host->offset = offsets_on_look;
    host->keep_offset = offsets_on_keep;
}

#endif
