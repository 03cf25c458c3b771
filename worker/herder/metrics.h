/* metrics.h - what the herder knows in figures, at one moment: the answer to WEIR_ASK_METRICS.
 *
 * Owned by whoever has it; nothing in it changes any more. Of tasks there are those that the
 * assignment gives this worker, of connectors those too, and those of its tasks.
 */
#ifndef WEIR_HERDER_METRICS_H
#define WEIR_HERDER_METRICS_H

#include "kafka/status_store.h"
#include "task/task_metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_STATES (WEIR_STATE_STOPPED + 1)

/* What this worker has done since it was started. */
typedef struct weir_worker_counts {
    uint64_t connector_starts, connector_failures; /* of those */
    uint64_t task_starts, task_successes, task_failures;
    uint64_t rebalances; /* generations of the group that we have seen begin */
} weir_worker_counts;

typedef struct weir_metrics_task {
    char *connector;
    int32_t task;
    weir_state state;              /* as its status says */
    int64_t spent_ms[WEIR_STATES]; /* in each state, since it was started last */
    int64_t stuck_ms;              /* inside the plugin, beyond its time; 0: it is not */
    weir_task_metrics *metrics;    /* of its last run; NULL: none so far */
} weir_metrics_task;

typedef struct weir_metrics_connector {
    char *name;
    size_t tasks[WEIR_STATES]; /* of this worker, by state */
    bool owned;                /* the connector itself is this worker's; only then: */
    weir_state state;
    char *class_name, *version; /* of the plugin; the class as posted, and NULL, without one */
    const char *type;           /* "source", "sink", "unknown" */
} weir_metrics_connector;

typedef struct weir_metrics {
    weir_worker_counts counts;
    size_t connector_count, task_count;          /* that exist; that run, or have failed */
    size_t assigned_connectors, assigned_tasks;  /* as the assignment says */
    bool config_read, status_read, offsets_read; /* the logs, to their ends */
    /* ---- the group, as far as it is known ---- */
    bool kafka_up; /* the coordinator answers us */
    bool in_group, suspended, leads, rebalancing;
    int64_t lease_ms;           /* for how long the group still counts on us; 0: it does not */
    int64_t generation;         /* -1: none so far */
    int64_t since_rebalance_ms; /* -1: none so far */
    char *leader_url;           /* NULL: none so far. The next three: of its log */
    int64_t term;               /* -1: none so far */
    size_t workers;             /* in the group, that it knows to live; 0: we are not in it */
    size_t unplaced;            /* items that no worker has */
    size_t left_behind;         /* threads of tasks that did not end in time */
    /* ---- by name, then number ---- */
    weir_metrics_task *tasks;
    size_t shown_tasks; /* how many there are in `tasks` */
    weir_metrics_connector *connectors;
    size_t shown_connectors;
} weir_metrics;

void weir_metrics_free(weir_metrics *metrics); /* NULL is fine */

#endif
