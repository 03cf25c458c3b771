/* config_store.h - the config topic as a state: what the cluster is asked to run, who leads, who
 * is there, who runs what.
 *
 * Formats are Apache's to the letter (connect-internals.md 1.4) plus three keys of ours:
 * `leader`, `worker/<id>`, `assignment` (cluster.md 1). The store is a state machine without
 * threads: its owner (the herder) feeds it every record of the log in order.
 */
#ifndef WEIR_KAFKA_CONFIG_STORE_H
#define WEIR_KAFKA_CONFIG_STORE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "base/props.h"
#include "kafka/compacted_log.h"

#include <stdbool.h>

typedef enum weir_target { WEIR_STARTED, WEIR_PAUSED, WEIR_STOPPED } weir_target;

typedef struct weir_connector_entry {
    char *name;
    bool exists;       /* has a config; leftovers of deleted ones have none */
    weir_props config; /* as posted */
    weir_target target;
    bool target_known;    /* a target-state record was read */
    weir_props *tasks;    /* committed task configs, in the order of their numbers */
    int32_t task_count;   /* 0 while inconsistent */
    bool inconsistent;    /* an incomplete commit was read: plan again */
    int64_t tasks_offset; /* offset of the last accepted commit; -1: none */
    int64_t config_offset;
    weir_map deferred; /* task number as text → weir_props*, waiting for their commit */
} weir_connector_entry;

typedef struct weir_leader_record {
    char *worker, *instance, *url, *reason; /* NULL while there was none */
    int64_t generation;
    int64_t term; /* the record's offset; -1: no leader yet */
} weir_leader_record;

/* worker/<id>: presence. `body` is the record's JSON: the herder reads what it needs of it. */
typedef struct weir_presence {
    char *worker;
    json_t *body;
    int64_t offset;
    int64_t timestamp_ms; /* of the record; -1: none */
} weir_presence;

typedef struct weir_config_store {
    weir_map connectors; /* name → weir_connector_entry*, leftovers included */
    weir_map workers;    /* id → weir_presence* */
    weir_leader_record leader;
    json_t *assignment; /* the newest one by (term, seq) of the highest term; NULL: none */
    int64_t assignment_offset;
    char *session_key; /* base64; NULL: none */
    int64_t offset;    /* Connect's "config offset": last decodable record + 1 */
    char *changed;     /* whom the last change names */
} weir_config_store;

typedef enum weir_config_kind {
    WEIR_CONFIG_NOTHING, /* unknown, stale or broken record; logged where it matters */
    WEIR_CONFIG_CONNECTOR,
    WEIR_CONFIG_REMOVED,
    WEIR_CONFIG_TASKS,
    WEIR_CONFIG_TARGET,
    WEIR_CONFIG_RESTART, /* act on it only after the start-up read */
    WEIR_CONFIG_LEADER,
    WEIR_CONFIG_PRESENCE,
    WEIR_CONFIG_ASSIGNMENT,
    WEIR_CONFIG_OTHER, /* session-key, fencing, logger levels */
} weir_config_kind;

typedef struct weir_config_change {
    weir_config_kind kind;
    const char *name;                /* the connector or worker; valid until the next apply */
    bool is_new;                     /* CONNECTOR: it did not exist before */
    bool include_tasks, only_failed; /* RESTART */
} weir_config_change;

void weir_config_store_init(weir_config_store *store);
void weir_config_store_clear(weir_config_store *store);
/* Applies one record; says what it changed. */
weir_config_change weir_config_store_apply(weir_config_store *store, const weir_log_record *record);
/* The entry of a connector that exists; NULL otherwise. */
weir_connector_entry *weir_config_store_find(const weir_config_store *store, const char *name);
const char *weir_target_text(weir_target target); /* "STARTED" */

/* Keys and values as Apache writes them; appended to *out. */
void weir_config_connector_key(weir_buf *out, const char *connector);
void weir_config_task_key(weir_buf *out, const char *connector, int32_t task);
void weir_config_commit_key(weir_buf *out, const char *connector);
void weir_config_target_key(weir_buf *out, const char *connector);
void weir_config_restart_key(weir_buf *out, const char *connector);
void weir_config_worker_key(weir_buf *out, const char *worker);
#define WEIR_CONFIG_LEADER_KEY     "leader"
#define WEIR_CONFIG_ASSIGNMENT_KEY "assignment"
void weir_config_properties_value(weir_buf *out, const weir_props *props); /* connector, task */
void weir_config_commit_value(weir_buf *out, int32_t tasks);
void weir_config_target_value(weir_buf *out, weir_target target);
void weir_config_restart_value(weir_buf *out, bool include_tasks, bool only_failed);

#endif
