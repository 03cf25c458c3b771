/* source_task.h - one source task: a thread, a plugin instance, a producer handle.
 *
 * The life of a record is told in docs/architecture.md. The task polls the plugin, converts and
 * produces what it emits, collects delivery reports on its own thread and settles them with the
 * plugin; it retries what may be retried, fails with words otherwise, and never blocks anyone.
 *
 * The herder says what it wants (a state that overwrites the last one) and hears facts. It owns
 * the task from start to free; after `ended` was reported the thread is over and free() joins it.
 */
#ifndef WEIR_TASK_SOURCE_TASK_H
#define WEIR_TASK_SOURCE_TASK_H

#include "base/err.h"
#include "base/props.h"
#include "config/worker_settings.h"
#include "kafka/offsets.h"
#include "plugin/registry.h"
#include "task/task_metrics.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_task_state {
    WEIR_TASK_RUNNING, /* started; polled from now on */
    WEIR_TASK_PAUSED,
    WEIR_TASK_FAILED, /* `trace` says why; the instance is stopped, the thread over */
    WEIR_TASK_ENDED,  /* stopped as wanted; the thread is over */
} weir_task_state;

typedef struct weir_task_fact { /* owned by who hears it: weir_task_fact_free() */
    char *connector;
    int32_t task;
    uint64_t run;    /* as in the spec: tells this start from earlier ones */
    bool is_details; /* `details` and `metrics`, and nothing else */
    weir_task_state state;
    bool forgotten;             /* FAILED, ENDED: weir_source_task_forget() was heard, and heeded */
    char *trace;                /* NULL unless FAILED; several lines */
    char *details;              /* a JSON object; NULL: it is as it was */
    weir_task_metrics *metrics; /* NULL: they are as they were */
} weir_task_fact;

void weir_task_fact_free(weir_task_fact *fact);

typedef struct weir_task_spec { /* copied */
    const char *connector;
    int32_t task;
    int32_t tasks; /* of the connector, when this one was planned */
    int64_t plan;  /* where in the config log it was; 0: nobody knows */
    uint64_t run;
    const weir_registry *registry;        /* outlives the task */
    const weir_worker_settings *settings; /* outlives the task */
    const weir_props *connector_config;   /* as posted: converters, producer.override.* */
    const weir_props *config;             /* of the task, from the task topic record */
    weir_offsets *offsets;                /* closed, not freed, while it runs; NULL: none */
    bool paused;
    bool forget;        /* weir_source_task_forget() from the first moment: no instance is made */
    int32_t tasks_left; /* … and what it would be told */
    /* [task] Takes `fact`, or answers false: there is no room, the task asks again in a moment.
     * Never blocks: weir_source_task_abandon() waits for the call at hand. Not called any more
     * once that has returned; the same goes for lease_runs. */
    bool (*report)(void *ctx, weir_task_fact *fact);
    /* [task] Optional. Does the worker's lease still run (cluster.md 5)? Asked each time the task
     * wakes up, before the plugin may read or emit; false is as good as suspended. */
    bool (*lease_runs)(void *ctx);
    void *ctx;
} weir_task_spec;

typedef struct weir_source_task weir_source_task;

/* Starts the thread; whatever goes wrong afterwards is a fact. */
weir_source_task *weir_source_task_start(const weir_task_spec *spec);

/* [herder] What it should be; the last word counts. Never block. */
void weir_source_task_pause(weir_source_task *task, bool paused);
/* emit answers AGAIN and owned() false while suspended (cluster.md 5); pings, acks and delivery
 * reports go on. */
void weir_source_task_suspend(weir_source_task *task, bool suspended);
/* Drain, settle, stop within the graceful time, then ENDED is reported. Draining ends a little
 * before that time is over, so that abandoning what did not answer still fits in. */
void weir_source_task_stop(weir_source_task *task);
/* The same for a task that will not come back: when its instance has stopped, the plugin is told
 * to give up what it has left outside. That takes WEIR_TASK_FORGET_MS more. Not done, but logged,
 * when the worker's lease does not run then: the task may be somebody else's. */
#define WEIR_TASK_FORGET_MS 6000
/* `tasks_left`: how many its connector has since; 0: none, it is deleted. */
void weir_source_task_forget(weir_source_task *task, int32_t tasks_left);
/* 0, or for how long the thread has been inside a call of the plugin's beyond the time that call
 * has (poll: its deadline), once that is five seconds and more. Sets *ret_call ("poll"; NULL: not
 * wanted). Logs when it begins, each time it doubles, and when it is over: ask about once a
 * second. */
int64_t weir_source_task_stuck_ms(weir_source_task *task, const char **ret_call);
/* Past the graceful time: every host call fails from now on, no fact comes any more. The thread is
 * left to itself and frees the task should it ever end; the pointer is gone for the herder. */
void weir_source_task_abandon(weir_source_task *task);
/* [any] Threads that were abandoned and have not ended. While there are any, registry and settings
 * must stay: a process that ends leaves them to the kernel. */
size_t weir_source_task_left_behind(void);
/* After ENDED or FAILED: joins and frees. */
void weir_source_task_free(weir_source_task *task);

#endif
