/* task_internal.h - what the files that make up a source task share; tests look in here too.
 *
 *   source_task.c   the herder's side: desired state, facts, lifetime
 *   task_run.c      the thread: start, poll, settle, drain, stop, start again
 *   task_host.c     what the plugin may call: emit above all
 *   task_offsets.c  how far the source has come (task_offsets.h)
 *   task_details.c  what the task says about itself
 *   task_meaning.c  what its config means, and what was noted about it
 */
#ifndef WEIR_TASK_TASK_INTERNAL_H
#define WEIR_TASK_TASK_INTERNAL_H

#include "base/buf.h"
#include "task/inflight.h"
#include "task/source_task.h"
#include "task/task_config.h"
#include "task/task_offsets.h"
#include "task/task_producer.h"

#include <pthread.h>
#include <stdatomic.h>

#define WEIR_TASK_POLL_MS        1000 /* the longest poll(): details are due then */
#define WEIR_TASK_STUCK_MS       5000
#define WEIR_TASK_BACKOFF_MS     250 /* the first; doubles up to the next */
#define WEIR_TASK_BACKOFF_MAX_MS (30 * 1000)

typedef enum weir_task_doing {
    WEIR_DOING_STARTING,
    WEIR_DOING_POLLING,
    WEIR_DOING_BACKING_OFF, /* before the next start() or poll() */
    WEIR_DOING_DRAINING,
    WEIR_DOING_PAUSED,
    WEIR_DOING_FORGETTING,
    WEIR_DOING_ENDED,
} weir_task_doing;

typedef struct weir_task_trouble {
    char *text;    /* NULL: none so far */
    int64_t at_ms; /* wall clock */
} weir_task_trouble;

typedef struct weir_task_backoff {
    int64_t delay_ms; /* of the next failure; 0: the first */
    int64_t failed_ms;
    uint64_t delivered; /* when it last failed */
} weir_task_backoff;

struct weir_source_task {
    /* ---- shared; the spec is immutable ---- */
    atomic_int references; /* the herder's and the thread's */
    int wakeup_fd;
    pthread_t thread;
    char *connector, *context;
    int32_t number;
    uint64_t run;
    weir_props connector_config, task_config;
    const weir_registry *registry;
    const weir_worker_settings *worker;
    const weir_plugin_desc *given_plugin; /* of tests; NULL: looked up */
    weir_offsets *offset_topic;           /* NULL: none. Not to be touched once abandoned */
    pthread_mutex_t hearing;              /* held while the spec's callbacks run */
    bool (*report)(void *ctx, weir_task_fact *fact);
    bool (*lease_runs)(void *ctx);
    void *ctx;
    bool over;                                           /* under `hearing`: the thread has ended */
    atomic_bool stop, pause, suspend, forget, abandoned; /* what the herder wants */
    atomic_llong call_due_ms;                            /* 0: not inside the plugin */
    _Atomic(const char *) call;

    /* ---- [herder] ---- */
    int64_t stuck_next_ms; /* when to log again */

    /* ---- [task] ---- */
    weir_task_config config;
    weir_task_producer *producer;
    weir_inflight inflight;
    weir_task_offsets offsets;
    weir_host host;
    void *self;   /* the plugin's instance */
    bool started; /* there is one: `self` itself may be NULL */
    bool configured, in_poll, may_emit;
    bool refused; /* emit answered AGAIN in this poll or the last one */
    bool failed_in_drain;
    bool forgotten; /* forget() has been called, or there is none */
    char *failure;  /* trace; the task fails with it */
    char *restart;  /* why the instance has to start again */
    char *said;     /* the text of fail() in the current call */
    weir_task_doing doing;
    weir_task_state reported; /* the last fact, when there was any */
    bool reported_any;
    weir_task_backoff start_backoff, poll_backoff, restart_backoff;
    int64_t poll_again_ms; /* after WEIR_RETRY */
    uint64_t emitted, delivered, dropped, abandoned_records, restarts;
    int64_t answered_ms; /* last answer of Kafka's, or when something was first outstanding */
    weir_task_trouble trouble;
    char *waiting_topic; /* a topic that does not exist */
    int64_t drop_log_ms; /* the next line about dropped records not before */
    uint64_t drop_unlogged;
    /* details */
    char *details; /* as last reported */
    int64_t details_ms;
    weir_buf plugin_status, plugin_json;
    char *notes_json, *config_json; /* NULL: none */
    /* scratch of emit */
    weir_buf key, value, *header_values;
    weir_outgoing_header *headers;
    size_t header_room;
};

/* ---- source_task.c ---- */

/* weir_source_task_start() with a plugin that no registry knows (NULL: look it up). */
weir_source_task *weir_source_task_start_with(const weir_task_spec *spec,
                                              const weir_plugin_desc *plugin);
/* [task] Facts. */
void weir_task_report(weir_source_task *task, weir_task_state state, const char *trace);
void weir_task_report_details(weir_source_task *task, const char *details);
bool weir_task_lease_runs(weir_source_task *task);
/* [any] Makes wakeup_fd readable. */
void weir_task_wake(weir_source_task *task);
/* The thread's last act. */
void weir_task_over(weir_source_task *task);

/* ---- task_run.c ---- */

void *weir_task_run(void *task);
/* [task] The task will fail with this text (the first one counts), its instance be stopped. */
void weir_task_fail(weir_source_task *task, const char *fmt, ...) WEIR_FORMAT(2, 3);
/* [task] The instance will be stopped and started again, with a new producer. */
void weir_task_restart(weir_source_task *task, const char *fmt, ...) WEIR_FORMAT(2, 3);
/* [task] Remembered, shown in the details. */
void weir_task_note(weir_source_task *task, const char *text);

/* ---- task_host.c ---- */

void weir_task_host_init(weir_source_task *task);
/* A record that can never get to Kafka meets errors.tolerance: true when it may be dropped, else
 * the task is failing. */
bool weir_task_record_failed(weir_source_task *task, const char *stage, const char *class_name,
                             const char *topic, const char *why);
weir_task_answer weir_task_answered;

/* ---- task_meaning.c ---- */

/* Once the config was read: logs what was noted about it when it was planned, and fills in
 * notes_json and config_json. */
void weir_task_tell_meaning(weir_source_task *task);

/* ---- task_details.c ---- */

/* Reports details when they changed and the last ones are a second old, or `now`. */
void weir_task_details(weir_source_task *task, bool now);

#endif
