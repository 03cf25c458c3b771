/* task_metrics.h - the figures of one run of a task, as they were at one moment.
 *
 * The task makes one about once a second, on its own thread, out of counters that nobody else
 * touches; nobody changes it afterwards, so it is handed on by reference. The last one stays with
 * the herder when the run has failed.
 *
 * Ownership  Counted references: weir_task_metrics_ref() one more, _unref() one less.
 * Threads    Any.
 */
#ifndef WEIR_TASK_TASK_METRICS_H
#define WEIR_TASK_TASK_METRICS_H

#include "task/plugin_metrics.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct weir_task_figures {
    /* Since the run began. Bytes are those of key and value as they are sent. */
    uint64_t emitted, emitted_bytes;     /* taken from the plugin, whatever became of it */
    uint64_t delivered, delivered_bytes; /* in Kafka */
    uint64_t delivery_us;                /* of those, from emit() to Kafka's answer, summed up */
    uint64_t dead_lettered, dropped, abandoned;
    uint64_t errors;                  /* records that found no way on */
    uint64_t skipped;                 /* of those: errors.tolerance has it go on without them */
    uint64_t retries;                 /* tries of what may heal */
    uint64_t logged;                  /* lines about records, errors.log.enable */
    uint64_t letters, letters_failed; /* handed to the dead-letter topic; of those, not taken */
    uint64_t restarts;                /* instances that were started again */
    int64_t last_error_ms;            /* wall clock; 0: none */
    /* At that moment. */
    uint64_t in_flight, unsettled;
    int64_t oldest_ms; /* monotonic: when the oldest one in flight was emitted; -1: none is */
} weir_task_figures;

typedef struct weir_task_metrics {
    atomic_int references;
    weir_task_figures figures;
    struct weir_error_kind { /* records with errors, by kind */
        char *name;
        uint64_t count;
    } * kinds;
    size_t kind_count;
    const char *plugin;       /* its name; NULL: none was found. These two: as long as the plugin */
    const weir_metric *table; /* NULL: it has none */
    weir_plugin_sample *samples; /* in the order of the table */
    size_t sample_count;
} weir_task_metrics;

/* With one reference, all zero. */
weir_task_metrics *weir_task_metrics_new(void);
weir_task_metrics *weir_task_metrics_ref(weir_task_metrics *metrics); /* NULL is fine */
void weir_task_metrics_unref(weir_task_metrics *metrics);             /* NULL is fine */

#endif
