/* task_internal.h - what the files that make up a source task share; tests look in here too.
 *
 *   source_task.c   the herder's side: desired state, facts, lifetime
 *   task_run.c      the thread: start, poll, settle, drain, stop, start again
 *   task_trouble.c  why an instance ends, and how long before the next one
 *   task_host.c     what the plugin may call: emit above all
 *   task_errors.c   records that cannot get to Kafka: the user's policy about them
 *   task_letters.c  … and their way to the dead-letter topic
 *   task_offsets.c  how far the source has come (task_offsets.h)
 *   task_details.c  what the task says about itself, in words and in figures
 *   task_meaning.c  what its config means, and what was noted about it
 */
#ifndef WEIR_TASK_TASK_INTERNAL_H
#define WEIR_TASK_TASK_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "task/dead_topic.h"
#include "task/inflight.h"
#include "task/letter.h"
#include "task/pace.h"
#include "task/source_task.h"
#include "task/task_config.h"
#include "task/task_metrics.h"
#include "task/task_offsets.h"
#include "task/task_producer.h"

#include <pthread.h>
#include <stdatomic.h>

#define WEIR_TASK_POLL_MS        1000 /* the longest poll(): details are due then */
#define WEIR_TASK_STUCK_MS       5000
#define WEIR_TASK_BACKOFF_MS     250 /* the first; doubles up to the next */
#define WEIR_TASK_BACKOFF_MAX_MS (30 * 1000)
#define WEIR_TASK_PRODUCER_CLASS "org.apache.kafka.clients.producer.KafkaProducer"

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

/* What went wrong with records, and what is done about it just now. Zeroed is empty. */
typedef struct weir_task_errors {
    uint64_t total, skipped, dead_lettered, retries, logged;
    uint64_t letters, letters_failed; /* sent; not written */
    weir_map by_kind;                 /* kind -> uint64_t */
    weir_task_trouble last;
    int64_t log_ms; /* the next line about dropped or dead records not before */
    uint64_t unlogged;
    /* Another try: emit() answers AGAIN until then, and the instance starts again. */
    weir_map tries;        /* topic -> what has been tried since its last record got to Kafka */
    int64_t hold_until_ms; /* 0: nothing is held */
    char *hold_why;
    /* Dead letters. */
    bool dead_topic_there;
    char *dead_topic_why; /* … or why it is not */
    weir_letter *waiting; /* no room in the producer: the first goes first */
    weir_letter *waiting_last;
    size_t unheard; /* on their way without a slot: the task is failing */
} weir_task_errors;

struct weir_source_task {
    /* ---- shared; the spec is immutable ---- */
    atomic_int references; /* the herder's and the thread's */
    int wakeup_fd;
    pthread_t thread;
    char *connector, *context;
    int32_t number, tasks;
    int64_t plan;
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
    atomic_int tasks_left;                               /* … when it is to forget */
    atomic_llong call_due_ms;                            /* 0: not inside the plugin */
    _Atomic(const char *) call;

    /* ---- [herder] ---- */
    int64_t stuck_next_ms; /* when to log again */

    /* ---- [task] ---- */
    weir_task_config config;
    weir_task_producer *producer;
    weir_inflight inflight;
    weir_pace pace;
    weir_task_offsets offsets;
    weir_host host;
    void *self;   /* the plugin's instance */
    bool started; /* there is one: `self` itself may be NULL */
    bool held;    /* … and it stays though the task is paused */
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
    uint64_t taken;        /* from the plugin, whatever became of it */
    uint64_t emitted, delivered, dropped, abandoned_records, restarts;
    uint64_t emitted_bytes, delivered_bytes, delivery_us;
    int64_t answered_ms; /* last answer of Kafka's, or when something was first outstanding */
    weir_task_trouble trouble;
    char *waiting_topic; /* a topic that does not exist */
    weir_task_errors errors;
    /* details */
    char *details; /* as last reported */
    int64_t details_ms;
    weir_buf plugin_status, plugin_json, plugin_shown; /* as it says, the last good one, cleaned */
    weir_plugin_metrics plugin_metrics;
    weir_task_figures figures;      /* as last reported */
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
/* Takes `metrics`. `details` NULL: they are as they were. */
void weir_task_report_details(weir_source_task *task, const char *details,
                              weir_task_metrics *metrics);
bool weir_task_lease_runs(weir_source_task *task);
/* [any] Makes wakeup_fd readable. */
void weir_task_wake(weir_source_task *task);
/* The thread's last act. */
void weir_task_over(weir_source_task *task);

/* ---- task_run.c ---- */

void *weir_task_run(void *task);

/* ---- task_trouble.c ---- */

/* [task] The task will fail with this text (the first one counts), its instance be stopped. */
void weir_task_fail(weir_source_task *task, const char *fmt, ...) WEIR_FORMAT(2, 3);
/* [task] The instance will be stopped and started again, with a new producer. */
void weir_task_restart(weir_source_task *task, const char *fmt, ...) WEIR_FORMAT(2, 3);
/* [task] Remembered, shown in the details. */
void weir_task_note(weir_source_task *task, const char *text);
/* How long to wait after this failure, in ms: longer each time, until records flow again or a
 * failure stays away for as long as the longest wait. */
int64_t weir_task_next_delay(weir_source_task *task, weir_task_backoff *backoff);

/* ---- task_host.c ---- */

void weir_task_host_init(weir_source_task *task);
weir_task_answer weir_task_answered;

/* ---- task_errors.c ---- */

/* Inside emit() and reject(): the record cannot go where it was to go. Answers the plugin:
 * WEIR_DONE, it will be settled as dead-lettered or dropped; WEIR_AGAIN, later; WEIR_FATAL. */
weir_status weir_task_refuse(weir_source_task *task, const weir_record *record,
                             const weir_failure *failure);
/* Kafka refused a record that was on its way; answers its slot, now or when the dead-letter topic
 * has it. */
void weir_task_refused(weir_source_task *task, const rd_kafka_message_t *message, const char *why);
/* What librdkafka's error is about, in a word; may another try go better? */
void weir_task_kind_of(rd_kafka_resp_err_t error, weir_failure *failure);
/* A record got to this topic: what failed before is forgiven. */
void weir_task_forgive(weir_source_task *task, const char *topic);
/* Is something held that may be tried again now? Then the instance starts again. */
void weir_task_end_hold(weir_source_task *task);
/* "errors":{…} of the details. */
void weir_task_errors_json(const weir_source_task *task, weir_buf *json);
void weir_task_errors_clear(weir_task_errors *errors);

/* ---- task_letters.c ---- */

/* The dead-letter topic is there, or none is asked for. Else sees to it a step further, and sets
 * *ret_again_ms to when it is worth while again; the task fails when it cannot be had. */
bool weir_task_dead_topic_there(weir_source_task *task, weir_dead_topic **topic,
                                int64_t *ret_again_ms);
/* A letter about `record`, or about a message that Kafka refused. */
weir_letter *weir_task_letter_of(weir_source_task *task, const weir_record *record,
                                 const weir_failure *failure);
weir_letter *weir_task_letter_of_message(weir_source_task *task, const rd_kafka_message_t *message,
                                         const weir_failure *failure);
/* Sends it, with its slot or without. WEIR_OK: the letter was taken; WEIR_FULL: no room now;
 * otherwise the task is failing or its instance starts again. */
WEIR_MUST_CHECK weir_code weir_task_post(weir_source_task *task, weir_letter *letter);
/* The same, but where there is no room it waits for some. False: it cannot be sent at all, and is
 * freed. */
bool weir_task_post_or_wait(weir_source_task *task, weir_letter *letter);
/* Sends what waits, as far as there is room. */
void weir_task_post_waiting(weir_source_task *task);
/* Kafka's answer to a letter. */
void weir_task_letter_answered(weir_source_task *task, const rd_kafka_message_t *message,
                               const char *why);
/* The producer is gone, and what was on its way with it. */
void weir_task_letters_drop(weir_task_errors *errors);

/* ---- task_meaning.c ---- */

/* Once the config was read: logs what was noted about it when it was planned, and fills in
 * notes_json and config_json. */
void weir_task_tell_meaning(weir_source_task *task);

/* ---- task_details.c ---- */

/* "last_error":…,"last_error_at":… */
void weir_task_add_error(weir_buf *json, const char *text, int64_t at_ms);
/* Reports details and figures when they changed and the last ones are a second old, or `now`. */
void weir_task_details(weir_source_task *task, bool now);
/* The instance is about to stop: what it says now stays in the figures. */
void weir_task_details_last(weir_source_task *task);

#endif
