/* group.h - G: membership in the group of workers (cluster.md 1).
 *
 * One thread that never blocks on anything but its handle: it keeps the worker alive. Subscribes
 * to the config topic (one partition) with the range assignor, paused: it never fetches. Events
 * come on the group's thread, in order.
 */
#ifndef WEIR_KAFKA_GROUP_H
#define WEIR_KAFKA_GROUP_H

#include "base/err.h"
#include "base/props.h"
#include "kafka/lease.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum weir_group_change {
    WEIR_GROUP_ASSIGNED, /* a new generation, and we are in it */
    WEIR_GROUP_REVOKED,  /* a join round begins; under range every generation has one */
    WEIR_GROUP_LOST,     /* the session ran out: others may have our work */
    WEIR_GROUP_REFUSED,  /* we are not let in; `text` says why, and it is tried again */
    WEIR_GROUP_LEFT,     /* the end of weir_group_leave(): nothing comes after it */
} weir_group_change;

typedef struct weir_group_event { /* borrowed for the call */
    weir_group_change change;
    int64_t generation;   /* -1 when not known */
    const char *member;   /* the group's id for us; "" when not known */
    bool holds_partition; /* ASSIGNED: partition 0 is ours: candidate (a) of cluster.md 2 */
    const char *text;     /* REFUSED; else NULL */
} weir_group_event;

typedef struct weir_group weir_group;

typedef struct weir_group_options {
    const weir_props *props; /* librdkafka properties of the worker's clients */
    const char *group_id, *topic, *worker_id;
    int64_t session_timeout_ms, heartbeat_interval_ms, rebalance_timeout_ms;
    void (*event)(void *ctx, const weir_group_event *event); /* [group] never blocks */
    /* [group] Asked about once a second: has the herder come round within one session timeout?
     * False: leave the group (cluster.md 5, "membership speaks for the herder"). NULL: not asked.
     */
    bool (*herder_lives)(void *ctx);
    void *ctx;
    weir_lease *lease; /* kept by what goes to the coordinator and back; outlives the group */
} weir_group_options;

WEIR_MUST_CHECK weir_code weir_group_join(const weir_group_options *options, weir_group **ret_group,
                                          weir_err *err);
/* [any] Starts leaving: LeaveGroup goes out, then WEIR_GROUP_LEFT comes. */
void weir_group_leave(weir_group *group);
/* Ends the thread, bounded (about two seconds); leaves first if that was not done. */
void weir_group_close(weir_group *group);

/* Reads what rd_kafka_consumer_group_metadata_write() gives (kafka-client.md 3.3): the only way to
 * the generation before librdkafka 2.8. *ret_member points into `bytes`. False: another format. */
bool weir_group_metadata_parse(const void *bytes, size_t size, int32_t *ret_generation,
                               const char **ret_member);

#endif
