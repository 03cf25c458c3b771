/* task_offsets.h - how far a task's source has come: what its plugin may look up, what it keeps,
 * and what its records carry.
 *
 * A record's offset counts when Kafka has the record and all that were emitted before it for the
 * same source partition. What counts is written every offset.flush.interval.ms and when the
 * instance ends; what the plugin keeps by itself goes out when the call that it did so in is over,
 * once a second at most. A task whose worker has lost its lease writes nothing, and neither does
 * one that was abandoned.
 *
 * A task without offsets pays for one comparison per record. [task] throughout.
 */
#ifndef WEIR_TASK_TASK_OFFSETS_H
#define WEIR_TASK_TASK_OFFSETS_H

#include "base/err.h"
#include "base/map.h"
#include "kafka/offsets.h"
#include "weir_plugin.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_source_task weir_source_task;
typedef struct weir_tracked weir_tracked; /* the offset of one record that is on its way */

typedef struct weir_task_offsets {
    weir_offset_client *client; /* NULL: not opened, or there is no offset topic (tests) */
    weir_map partitions;        /* canonical → what this task has said about it */
    weir_map spelled;           /* as the plugin writes it → the same; nothing is owned */
    size_t due;                 /* partitions that have something to be written */
    int64_t flush_at_ms;        /* 0: nothing is due */
    int64_t written_ms;         /* when something went out last */
    char *answer;               /* of the last offset() */
} weir_task_offsets;

/* Asks for the topic to be read to its end; once in the life of a task. */
void weir_task_offsets_open(weir_source_task *task);
/* Has it been read? wakeup_fd says when to look again. */
bool weir_task_offsets_ready(weir_source_task *task);
void weir_task_offsets_close(weir_source_task *task);

/* The record is about to be sent. Sets *ret_tracked, NULL when it carries no offset. WEIR_INVALID:
 * the plugin has given one that is none. */
WEIR_MUST_CHECK weir_code weir_task_offsets_track(weir_source_task *task, const weir_record *record,
                                                  weir_tracked **ret_tracked, weir_err *err);
/* It was not sent after all: the one that was tracked last. NULL is fine. */
void weir_task_offsets_untrack(weir_tracked *tracked);
/* What became of it; it is gone then, or soon. */
void weir_task_offsets_settled(void *task, void *tracked, weir_outcome outcome);
/* An instance has ended: what is still on its way will never count. */
void weir_task_offsets_forget_tracked(weir_source_task *task);

/* Writes what is due, when it is time to; `now`: whatever the time is. */
void weir_task_offsets_flush(weir_source_task *task, bool now);
/* Is everything written that was put on its way? */
bool weir_task_offsets_written(weir_source_task *task);

/* For weir_host. */
const char *weir_task_host_offset(const weir_host *host, const char *partition_json);
weir_status weir_task_host_keep_offset(const weir_host *host, const char *partition_json,
                                       const char *offset_json);
bool weir_task_host_all_kept(const weir_host *host);
void weir_task_host_each_offset(const weir_host *host,
                                void (*each)(void *ctx, const char *partition_json,
                                             const char *offset_json),
                                void *ctx);

#endif
