/* state.h - everything the herder knows, and who in this folder works on it. Private to herder/.
 *
 *   herder.c       the thread, its mailbox, start and stop
 *   startup.c      from nothing to a member of the group, however long Kafka is away
 *   membership.c   group events, presence, suspension
 *   leadership.c   becoming, being and ceasing to be the leader; writes on L and their read-back
 *   decision.c     who runs what: from the log to assignor.c and back into the log
 *   workload.c     this worker's items: start, stop, restart, their statuses
 *   commands.c     what the REST API wants done
 *   watching.c     who is dead, as the watches tell
 *   suspects.c     tasks that take their worker with them
 *   forgetting.c   what tasks that will not come back have left outside
 *   written.c      what became of commands that were written
 *   offset_commands.c  a connector's offsets, shown and changed
 *   waiting.c      commands that cannot be done at this moment
 *   batches.c      what goes into one transaction
 *   answers.c      what the REST API wants to know
 *   cluster_answer.c  and what it wants to know of the group
 *   metrics_answer.c  and all of it in figures
 *
 * All functions are [herder] unless they say otherwise.
 */
#ifndef WEIR_HERDER_STATE_H
#define WEIR_HERDER_STATE_H

#include "base/json.h"
#include "base/map.h"
#include "base/queue.h"
#include "herder/assignor.h"
#include "herder/herder.h"
#include "herder/metrics.h"
#include "kafka/compacted_log.h"
#include "kafka/config_store.h"
#include "kafka/group.h"
#include "kafka/leader_log.h"
#include "kafka/lease.h"
#include "kafka/offsets.h"
#include "kafka/producer.h"
#include "kafka/status_store.h"
#include "plugin/connector_check.h"
#include "task/source_task.h"
#include "watch/watch.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- Mail --------------------------------------------------------------------------------- */

typedef enum weir_log_id { WEIR_CONFIG_LOG, WEIR_STATUS_LOG } weir_log_id;

typedef enum weir_mail_kind {
    WEIR_MAIL_ASK,       /* slot */
    WEIR_MAIL_CHECKED,   /* a plan or a validation is there: slot or connector, check */
    WEIR_MAIL_FORGET,    /* the plan of a connector that is gone: connector, check */
    WEIR_MAIL_RECORD,    /* log, record */
    WEIR_MAIL_REACHED,   /* log, token: a barrier */
    WEIR_MAIL_GROUP,     /* group */
    WEIR_MAIL_WRITTEN,   /* L: token, code, offset, err */
    WEIR_MAIL_PRODUCED,  /* P: token, code, offset */
    WEIR_MAIL_FACT,      /* fact */
    WEIR_MAIL_WATCH,     /* news */
    WEIR_MAIL_CONNECTED, /* start-up is through: text = cluster id */
    WEIR_MAIL_WAITING,   /* start-up waits: text = for what */
    WEIR_MAIL_FATAL,     /* err */
    WEIR_MAIL_STOP,
} weir_mail_kind;

typedef struct weir_slot weir_slot;

typedef struct weir_news { /* weir_watch_news, owned */
    weir_watch_change change;
    char *worker, *instance, *text, *item;
    int signal;
    int64_t ran_ms;
} weir_news;

void weir_news_free(weir_news *news); /* [any] */

typedef struct weir_mail {
    weir_mail_kind kind;
    weir_slot *slot;
    weir_log_id log;
    uint64_t token;
    weir_code code;
    int64_t offset;
    weir_log_record record; /* key and value owned by `text` */
    weir_group_event group; /* member owned by `text`, text by `connector` */
    weir_task_fact *fact;
    weir_news *news;
    weir_check *check;
    char *connector, *text;
    weir_err err;
} weir_mail;

weir_mail *weir_mail_new(weir_mail_kind kind);        /* [any] */
void weir_mail_free(void *mail);                      /* [any] */
void weir_post(weir_herder *herder, weir_mail *mail); /* [any but herder] waits for room */

/* ---- One question or command of the REST API, shared by asker and herder -------------------- */

struct weir_slot {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int references;
    bool answered;
    weir_reply reply;

    weir_request request; /* strings and config owned below */
    char *connector, *target, *offsets;
    weir_offset_client *client; /* about offsets: it has begun */
    int step;                   /* and has come so far */
    weir_props config;          /* to be written; of a PATCH: what it makes of the present one */
    weir_props patch;           /* as it was asked for */
    int64_t deadline_ms, parked_until_ms;
    bool fenced; /* written under fenced_term, and the lead was lost before it was known to be there
                  */
    int64_t fenced_term;
    int64_t basis_offset; /* of the config that was checked; -1: there was none */
    weir_target basis_target;
    bool pardons; /* a task that was barred: until an assignment without that is read */
};

void weir_slot_release(weir_slot *slot); /* [any] */
/* Answers and gives the herder's reference back. Body and message are for the asker. */
void weir_slot_answer(weir_slot *slot, json_t *body);
void weir_slot_refuse(weir_slot *slot, weir_code code, const char *fmt, ...) WEIR_FORMAT(3, 4);
void weir_slot_forward(weir_slot *slot, const char *url);

/* ---- Writes that wait for their read-back ---------------------------------------------------- */

typedef enum weir_write_kind {
    WEIR_WRITE_CLAIM,
    WEIR_WRITE_ASSIGNMENT,
    WEIR_WRITE_COMMAND,
    WEIR_WRITE_UPKEEP, /* nobody waits */
} weir_write_kind;

typedef struct weir_write {
    uint64_t token;
    weir_write_kind kind;
    weir_slot *slot; /* COMMAND */
    bool leads;      /* goes out on L */
    int64_t offset;  /* of the last record; -1 while not committed */
    struct weir_write *next;
} weir_write;

/* ---- This worker's items ----------------------------------------------------------------------
 */

typedef struct weir_own_item {
    char *connector;
    int32_t task;          /* WEIR_ITEM_CONNECTOR: the connector itself */
    bool assigned;         /* by the assignment in force */
    bool restart;          /* to be stopped and started again */
    weir_source_task *run; /* NULL: nothing runs */
    uint64_t run_id;
    bool paused; /* as the run was last told */
    bool stopping;
    int64_t stop_by_ms;
    bool failed; /* ended by itself; only a restart helps */
    bool forget; /* the run is to give up what is outside; once it is over this is over */
    int32_t tasks, tasks_left;           /* of its connector: in its plan; since it goes for ever */
    int64_t plan;                        /* where in the log that is; 0: nobody knows */
    weir_props connector_config, config; /* of the last run here */
    bool shown_known;
    weir_state shown; /* the last status written */
    int64_t shown_term, shown_at_ms;
    char *shown_trace;
    char *details; /* JSON; NULL: none yet */
    int64_t details_ms;
    weir_task_metrics *metrics; /* of the last run, also when it is over; NULL: none yet */
    bool came_up;               /* the last run has begun its work; a connector: it is counted */
    int64_t spent_ms[WEIR_STATES], tallied_at_ms; /* in each state since the last start */
} weir_own_item;

/* ---- The others -------------------------------------------------------------------------------
 */

/* What its watch has told of a worker, as long as it is the same process. */
typedef struct weir_peer {
    char *instance;
    bool proven; /* its URL has answered as this instance */
    bool heard;  /* the next three are set */
    weir_watch_change last;
    char *text;
    int64_t heard_ms;
    bool dead;                     /* confirmed, as far as one can */
    int64_t alarm_term, alarm_seq; /* who acknowledges a later assignment is not */
    int64_t probe_at_ms;           /* not watched before */
    int64_t false_alarms_ms[3];    /* the newest first; 0: none. These survive the process */
    int64_t ignored_until_ms;      /* alarms, after too many false ones */
} weir_peer;

/* A task that has crashed a worker. */
typedef struct weir_suspect {
    int64_t count;
    char *worker, *instance; /* the last one */
    int signal;
    int64_t at_ms;    /* wall clock */
    int64_t heard_ms; /* by ourselves; 0: read in an assignment */
} weir_suspect;

/* ---- The herder -------------------------------------------------------------------------------
 */

typedef enum weir_role { WEIR_FOLLOWER, WEIR_CANDIDATE, WEIR_LEADER } weir_role;

struct weir_herder {
    weir_herder_options options;
    const weir_worker_settings *settings;
    char instance[37];
    pthread_t thread, startup_thread;
    atomic_bool startup_over; /* tells the start-up thread to end */
    weir_queue *mailbox;
    atomic_llong last_round_ms; /* the group asks: does the herder still come round? */

    pthread_mutex_t stage_lock; /* guards the next three: askers quote them when time is up */
    char stage[256];
    int64_t stage_since_ms;
    bool stage_done;

    char *cluster_id;
    char *waiting_for; /* NULL, or why Kafka cannot be used yet */
    weir_compacted_log *config_log, *status_log;
    weir_producer *producer;
    weir_offsets *offsets; /* NULL until connected */
    weir_leader_log *leader_log;
    weir_group *group;
    weir_lease *lease;
    bool config_read, status_read; /* to their ends, once */

    weir_config_store config;
    weir_status_store statuses;
    int64_t config_offset_read; /* of the last record seen, decodable or not */
    uint64_t last_token, last_run, last_barrier;
    weir_write *writes; /* pending, in any order */
    weir_map parked;    /* running number → weir_slot*, waiting for a leader or the start */
    uint64_t last_parked;
    bool had_leader;

    /* membership */
    bool in_group, ever_in_group, suspended, leaving, left, stop_asked;
    bool joining;    /* the group makes a new generation */
    bool tasks_wait; /* we are back; the leader's first decision since then is not */
    bool holds_partition;
    int64_t generation, generation_since_ms;
    char *member;
    char *refused;           /* NULL, or why the group does not let us in */
    int64_t suspended_at_ms; /* last; 0: never */
    uint64_t resume_barrier; /* reached: suspended tasks may go on; 0: none asked */
    int64_t relief_by_ms, stop_by_ms, handover_by_ms, left_by_ms; /* of a clean stop; 0: past */
    int64_t ack_term, ack_seq;
    int64_t own_presence_offset; /* our first one, read back; -1: not yet */
    char *elder;                 /* the instance that had our id before that; NULL: none */
    bool banished;               /* it lives: we end, and write nothing more */

    /* leadership */
    weir_role role;
    int64_t term, seq;
    int64_t candidate_at_ms, backoff_ms; /* next try; 0: not a candidate */
    int64_t stuck_since_ms;              /* L has been answered nothing since; 0: nothing waits */
    int64_t resigned_term;               /* the term that we have given up; -1: none */
    int64_t others_first_until_ms;       /* after that */
    int64_t candidate_since_term;        /* a newer leader record ends it */
    bool candidate_reads_first;          /* candidate (b): the log has to be read to its end */
    uint64_t candidate_barrier;          /* asked for that; 0: not yet */
    bool reclaims;                       /* (b) has read it, or (c): the partition is not needed */
    bool accuses;                        /* (c): the leader is confirmed dead */
    const char *candidate_why;
    int64_t upkeep_at_ms;
    bool clean_statuses;  /* a new leader looks once for statuses of what is gone */
    bool dirty;           /* the assignment may have to change */
    bool urgent;          /* at once: somebody is dead */
    int64_t decide_at_ms; /* look again then, somebody is held; 0: nobody is */
    bool assignment_in_flight, published;
    int64_t decide_after_ms;    /* not before: one could not be written, or was long */
    int64_t contested_until_ms; /* nor before: two have the same id */
    int64_t hold_until_ms;  /* we were without Kafka, so others may be still: they are waited for */
    weir_map missing_since; /* worker id → int64_t*: when it was missed first */
    weir_map absent_since;  /* worker id → int64_t*: presence of no use since then */
    weir_map planned;       /* connector → int64_t*: config offset for which upkeep has planned */

    /* the others */
    weir_watch *watch; /* NULL: not watched */
    weir_map peers;    /* worker id → weir_peer* */
    weir_map suspects; /* "name/3" → weir_suspect* */

    /* work */
    weir_map items;      /* "name/3" → weir_own_item* */
    weir_map stuck;      /* "name/3" → nothing in particular */
    weir_map forgetting; /* connector that was deleted while it was stopped → what has to be done */
    weir_map altered;    /* connector whose offsets are being changed → the slot of who does it */
    int64_t applied_term, applied_seq;
    int64_t look_at_ms;
    weir_worker_counts counts;
    bool presence_due;
};

/* herder.c */
void weir_stage(weir_herder *h, const char *fmt, ...) WEIR_FORMAT(2, 3);
void weir_stage_done(weir_herder *h);
void weir_statuses_clean(weir_herder *h);     /* removes statuses of what does not exist */
bool weir_herder_ready(const weir_herder *h); /* stores read, once in the group */

/* startup.c */
void weir_startup_begin(weir_herder *h);
void weir_startup_end(weir_herder *h); /* joins its thread; bounded */
void weir_startup_connected(weir_herder *h, const char *cluster_id);
void weir_startup_stores_read(weir_herder *h);

/* membership.c */
void weir_membership_event(weir_herder *h, const weir_group_event *event);
void weir_membership_write(weir_herder *h); /* presence, when due */
void weir_membership_resume(weir_herder *h);
void weir_membership_go_on(weir_herder *h); /* an assignment was read */
void weir_membership_tick(weir_herder *h);  /* the lease ends, or runs again */
void weir_membership_leave(weir_herder *h); /* the first step of a clean stop */
void weir_membership_namesake(weir_herder *h, const char *worker); /* presence was read */
bool weir_membership_left(weir_herder *h);                         /* goes on with it; true: over */

/* leadership.c */
bool weir_leads(const weir_herder *h); /* and may use it */
void weir_leadership_candidate(weir_herder *h, const char *why, int64_t delay_ms);
void weir_leadership_record(weir_herder *h);                       /* a leader record was read */
void weir_leadership_presence(weir_herder *h, const char *worker); /* was read */
/* For how long L has committed nothing of what waits; 0: nothing waits. */
int64_t weir_leadership_stuck_ms(const weir_herder *h, int64_t now_ms);
void weir_leadership_written(weir_herder *h, uint64_t token, weir_code code, int64_t offset,
                             const weir_err *err);
void weir_leadership_read_back(weir_herder *h); /* more of the config log was read */
void weir_leadership_tick(weir_herder *h, int64_t now_ms);
void weir_leadership_reached(weir_herder *h, uint64_t barrier);
/* A write to wait for: what comes of it goes to weir_leadership_written() under this token. */
uint64_t weir_write_remember(weir_herder *h, weir_write_kind kind, weir_slot *slot);
/* Sends a batch on L; the write takes both. */
void weir_lead_write(weir_herder *h, weir_write_kind kind, weir_batch *batch, weir_slot *slot);
/* The leader's presence and URL, when it can be trusted to be there; NULL otherwise. */
const char *weir_leader_url(const weir_herder *h);

/* watching.c */
void weir_watching_init(weir_herder *h);
void weir_watching_begin(weir_herder *h); /* in the group for the first time */
void weir_watching_update(weir_herder *h, int64_t now_ms);
void weir_watching_news(weir_herder *h, const weir_news *news);
void weir_watching_presence(weir_herder *h, const char *worker); /* was read */
/* Candidate (c), each after those that stand before it in the group. */
void weir_watching_take_over(weir_herder *h, const char *why);
json_t *weir_watching_record(const weir_herder *h); /* the dead, for the next leader */
void weir_watching_inherit(weir_herder *h);         /* what the last one has recorded */
/* Has this worker written presence for the newest generation, and is it not known to be dead? */
bool weir_is_live(const weir_herder *h, const weir_presence *presence); /* NULL: no */
bool weir_is_dead(const weir_herder *h, const char *worker, const char *instance);
bool weir_is_proven(const weir_herder *h, const char *worker, const char *instance);
json_t *weir_watching_answer(const weir_herder *h, const char *worker, const char *instance);

/* suspects.c; items as "name/3" */
void weir_suspects_init(weir_herder *h);
void weir_suspects_crashed(weir_herder *h, const weir_news *news);
bool weir_suspect_is_barred(const weir_suspect *suspect); /* to be given to nobody */
bool weir_is_barred(const weir_herder *h, const char *connector, int32_t task);
bool weir_was_barred(const weir_herder *h, const char *connector,
                     int32_t task); /* by the last assignment that was read */
void weir_suspects_say(const weir_suspect *suspect, char *text, size_t room);
json_t *weir_suspects_record(const weir_herder *h);
void weir_suspects_read(weir_herder *h); /* an assignment is in force */
/* Another chance for a task, or all (WEIR_ITEM_CONNECTOR). */
void weir_suspects_clear(weir_herder *h, const char *connector, int32_t task);

/* decision.c */
void weir_decide(weir_herder *h, int64_t now_ms);

/* workload.c */
void weir_workload_apply(weir_herder *h); /* assignment, configs or targets may have changed */
void weir_workload_tasks_changed(weir_herder *h, const char *connector);
void weir_workload_restart(weir_herder *h, const char *connector, bool include_tasks,
                           bool only_failed);
bool weir_workload_restart_task(weir_herder *h, const char *connector, int32_t task);
void weir_workload_fact(weir_herder *h, const weir_task_fact *fact);
void weir_workload_suspend(weir_herder *h, bool suspended);
void weir_workload_tick(weir_herder *h, int64_t now_ms);
void weir_workload_stop_all(weir_herder *h);
weir_own_item *weir_workload_add(weir_herder *h, const char *connector, int32_t task);
void weir_workload_configure(weir_own_item *item, const weir_props *connector_config,
                             const weir_props *config, int32_t tasks);
/* A run of the item's with its own configs. */
void weir_workload_run(weir_herder *h, weir_own_item *item, bool forget);
bool weir_workload_idle(const weir_herder *h); /* nothing runs */
void weir_workload_clear(weir_herder *h);
weir_own_item *weir_workload_find(const weir_herder *h, const char *connector, int32_t task);
void weir_status_write(weir_herder *h, const char *connector, int32_t task, weir_state state,
                       const char *trace, bool safe);
void weir_status_remove(weir_herder *h, const char *connector, int32_t task);

/* forgetting.c */
typedef struct weir_going { /* a connector before a record that may make it, or some of it, go */
    bool was_stopped;       /* and has no tasks: the leader who deletes it sees to everything */
    int32_t task_count;
    weir_props config, *tasks; /* where we lead, and its plugin can forget; else nothing */
} weir_going;
void weir_forget_init(weir_herder *h);
weir_going weir_forget_look(const weir_herder *h, const weir_log_record *record);
void weir_going_clear(weir_going *going);
void weir_forget_gone(weir_herder *h, const char *connector, weir_going *before); /* may take it */
/* Its run is over without having forgotten what it should: one more. False: that cannot be. */
bool weir_forget_again(weir_herder *h, weir_own_item *item);
/* What is given up when a STOPPED connector is deleted, which has no tasks any more. */
bool weir_forget_is_due(const weir_herder *h, const weir_connector_entry *entry);
void weir_forget_stopped(weir_herder *h, const char *connector, const weir_props *config);
void weir_forget_planned(weir_herder *h, const char *connector, weir_check *check);
void weir_forget_tick(weir_herder *h, int64_t now_ms);
/* No worker has a task of it, or is still stopping one, as far as the group knows. */
bool weir_tasks_let_go(const weir_herder *h, const char *connector);

/* offset_commands.c */
void weir_offsets_show(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry);
void weir_offsets_change(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry);
/* Its time is up; what is on its way may still be done. */
void weir_offsets_give_up(weir_herder *h, weir_slot *slot);

/* commands.c */
void weir_command(weir_herder *h, weir_slot *slot);
void weir_command_checked(weir_herder *h, weir_slot *slot, weir_check *check);

/* written.c */
void weir_command_written(weir_herder *h, weir_slot *slot, weir_code code, const weir_err *err);
void weir_answer_written(weir_herder *h, weir_slot *slot); /* it is in the log, and read */

/* waiting.c */
#define WEIR_NO_LEADER                                                                             \
    "Cannot complete request momentarily due to no known leader URL, likely because a rebalance "  \
    "was underway."
/* True: not to be done now; parked, forwarded or refused. */
bool weir_wait_for_start(weir_herder *h, weir_slot *slot);
bool weir_settle_fenced(weir_herder *h, weir_slot *slot);
/* False: not to be done here; parked, forwarded or refused. */
bool weir_is_leaders_work(weir_herder *h, weir_slot *slot);
/* Another command about this connector is on its way into the log. */
bool weir_is_being_written(const weir_herder *h, const char *connector);
/* From the beginning, when whatever is in the way is out of it. */
void weir_command_again(weir_herder *h, weir_slot *slot);
void weir_command_park(weir_herder *h, weir_slot *slot, int64_t until_ms);
void weir_commands_unpark(weir_herder *h, int64_t now_ms);
void weir_commands_end(weir_herder *h); /* everything parked is refused: shutting down */

/* commands.c: the leader's own planning of a connector whose task set is missing or broken. */
void weir_upkeep_plan(weir_herder *h, const weir_connector_entry *entry);
void weir_upkeep_checked(weir_herder *h, const char *connector, weir_check *check);

/* neighbours.c: the planned tasks of all connectors but one. The list is the caller's to free();
 * what it names is the store's. */
weir_check_neighbour *weir_neighbours_of(const weir_herder *h, const char *connector,
                                         size_t *ret_count);

/* batches.c */
void weir_batch_add_target(weir_batch *batch, const char *connector, weir_target target);
void weir_batch_add_config(weir_batch *batch, const char *connector, const weir_props *config);
void weir_batch_add_tasks(weir_batch *batch, const char *connector, const weir_props *tasks,
                          size_t count); /* the task records and their commit */
/* Would committing this plan change anything? */
bool weir_same_tasks(const weir_connector_entry *entry, const weir_check *check);

/* answers.c */
void weir_answer(weir_herder *h, weir_slot *slot); /* the asks that are questions */
json_t *weir_answer_connector(const weir_herder *h, const weir_connector_entry *entry,
                              bool no_tasks);
json_t *weir_answer_status(const weir_herder *h, const char *connector); /* NULL: none */
json_t *weir_cluster_answer(const weir_herder *h);
weir_metrics *weir_metrics_answer(weir_herder *h);
/* Adds the time since it was last asked to the state that is shown. */
void weir_item_tally(weir_own_item *item, int64_t now_ms);
const char *weir_worker_url(const weir_herder *h, const char *worker); /* from presence; or NULL */
const char *weir_connector_type(const weir_herder *h, const weir_props *config);
/* Who runs the item as the assignment says; NULL: nobody. */
const char *weir_item_owner(const weir_herder *h, const char *connector, int32_t task);

#endif
