/* herder.h - the only place where decisions are made.
 *
 * One thread owns all state of the cluster as this worker knows it: configs, statuses, group,
 * leadership, assignment, its tasks. Everything that happens comes through its mailbox; it never
 * waits for anyone. The REST API asks it questions and hands it commands, and hears the answer in
 * a reply slot, by a deadline.
 */
#ifndef WEIR_HERDER_HERDER_H
#define WEIR_HERDER_HERDER_H

#include "base/err.h"
#include "base/json.h"
#include "base/props.h"
#include "config/worker_settings.h"
#include "herder/metrics.h"
#include "plugin/foreign.h"
#include "plugin/registry.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_herder weir_herder;

typedef struct weir_herder_options {
    const weir_worker_settings *settings; /* these three outlive the herder */
    const weir_registry *registry;
    weir_foreign *foreign;
    void (*fatal)(void *ctx, const weir_err *err); /* [herder] the worker must end: why */
    void *ctx;
} weir_herder_options;

/* Starts the thread, which connects to Kafka, readies the topics, reads them and joins the group,
 * retrying with back-off for as long as Kafka is away. Answers questions from the first moment. */
weir_herder *weir_herder_start(const weir_herder_options *options);
/* Leaves the group cleanly: tasks drain and stop, statuses go out, LeaveGroup. Bounded by
 * task.shutdown.graceful.timeout.ms + 8 s. Answers questions meanwhile, and refuses them
 * afterwards. */
void weir_herder_stop(weir_herder *herder);
/* [any] The UUID of this process' life: a worker id outlives its process, this does not
 * (cluster.md 1). Lives as long as the herder. */
const char *weir_herder_instance(const weir_herder *herder);
/* After weir_herder_stop(), when nobody asks any more. */
void weir_herder_free(weir_herder *herder);

/* ---- Questions and commands of the REST API ---------------------------------------------- */

typedef enum weir_ask {
    /* answered from memory, on every worker */
    WEIR_ASK_ROOT,      /* {version, commit, kafka_cluster_id (null until known)} */
    WEIR_ASK_HEALTH,    /* {status, message, …}: WEIR_OK healthy, WEIR_UNAVAILABLE starting */
    WEIR_ASK_LIST,      /* connectors; expand_status, expand_info */
    WEIR_ASK_CONNECTOR, /* {name, config, tasks, type} */
    WEIR_ASK_CONFIG,
    WEIR_ASK_STATUS,      /* connector and tasks; `owners` filled in for `details` */
    WEIR_ASK_TASKS,       /* [{id:{connector,task}, config}] */
    WEIR_ASK_TASK_STATUS, /* one task; `owners` likewise */
    WEIR_ASK_CLUSTER,     /* workers, leader, what is unassigned and why */
    WEIR_ASK_OFFSETS,     /* {offsets:[{partition,offset}]}: the topic is read to its end first */
    WEIR_ASK_DETAILS,     /* {"0": {…}}: details of this worker's tasks of a connector */
    WEIR_ASK_METRICS,     /* `metrics` */
    /* done by any worker: a record of its own */
    WEIR_ASK_PAUSE,
    WEIR_ASK_RESUME, /* by the leader: it may have to plan */
    /* done by the leader */
    WEIR_ASK_CREATE, /* name, config, target */
    WEIR_ASK_PUT_CONFIG,
    WEIR_ASK_PATCH_CONFIG,
    WEIR_ASK_DELETE,
    WEIR_ASK_STOP,
    WEIR_ASK_ALTER_OFFSETS, /* offsets */
    WEIR_ASK_RESET_OFFSETS,
    WEIR_ASK_RESTART,      /* include_tasks, only_failed; both false: the owner's work */
    WEIR_ASK_RESTART_TASK, /* by the task's owner */
} weir_ask;

typedef struct weir_request {
    weir_ask what;
    const char *connector; /* NULL where not needed */
    int32_t task;
    const weir_props *config; /* CREATE, PUT_CONFIG, PATCH_CONFIG; copied */
    const char *target;       /* CREATE: initial_state, "RUNNING", "PAUSED", "STOPPED"; or NULL */
    const char *offsets;      /* ALTER_OFFSETS: a JSON array of {partition, offset} */
    bool expand_status, expand_info;
    bool include_tasks, only_failed;
} weir_request;

/* Who runs a task, for fetching its details. */
typedef struct weir_owner {
    int32_t task;
    char *url; /* of its worker, "http://host:port/"; NULL: this worker */
} weir_owner;

typedef struct weir_reply { /* weir_reply_clear() after use */
    /* WEIR_OK        done; `body` is the answer (NULL: none)
     * WEIR_NOT_FOUND WEIR_EXISTS WEIR_INVALID WEIR_CONFLICT WEIR_FAILED WEIR_TIMED_OUT
     * WEIR_UNAVAILABLE   err.msg is the message of the error body, in Connect's words */
    weir_code code;
    weir_err err;
    char *message; /* what err.msg says, uncut, when that was too long for it; else NULL */
    json_t *body;
    bool created;     /* PUT_CONFIG: the connector was not there before (201) */
    bool accepted;    /* RESTART with a plan: 202 */
    char *forward_to; /* not ours to do: ask the worker at this URL; NULL: it was answered here */
    weir_owner *owners;
    size_t owner_count;
    weir_metrics *metrics; /* METRICS; else NULL */
} weir_reply;

/* [any] Asks and waits until the deadline (monotonic ms); WEIR_TIMED_OUT then, and the command may
 * still be done. */
void weir_herder_ask(weir_herder *herder, const weir_request *request, int64_t deadline_ms,
                     weir_reply *reply);
void weir_reply_clear(weir_reply *reply);

#endif
