/* plugin_metrics.h - a plugin's table of metrics, read from what its status() says.
 *
 * Counters of one instance after another are added up, so that a run of a task only counts
 * upwards. One thread at a time; nothing here waits.
 */
#ifndef WEIR_TASK_PLUGIN_METRICS_H
#define WEIR_TASK_PLUGIN_METRICS_H

#include "base/json.h"
#include "weir_plugin.h"

#include <stddef.h>

typedef struct weir_plugin_sample {
    size_t row;   /* of the table */
    char *member; /* the value of the row's label; NULL: it has none */
    double value; /* of WEIR_STATE: the index of the state; -1: none of them */
    bool truth;   /* it was true or false */
} weir_plugin_sample;

typedef struct weir_plugin_metrics {
    const weir_metric *table;     /* NULL: no metrics */
    weir_plugin_sample *now;      /* of the instance at hand, in the order of the table */
    weir_plugin_sample *past;     /* counters of those before it */
    size_t now_count, past_count; /* both bounded by what a status() can say */
} weir_plugin_metrics;

/* A zeroed weir_plugin_metrics with its table set is empty and valid. */
void weir_plugin_metrics_clear(weir_plugin_metrics *metrics);
/* The last words of the instance at hand: they replace its earlier ones. */
void weir_plugin_metrics_read(weir_plugin_metrics *metrics, const json_t *status);
/* It is gone: its counters are kept, its truths are false, its numbers forgotten. */
void weir_plugin_metrics_over(weir_plugin_metrics *metrics);
/* Everything, in the order of the table, what is past added; the caller's to
 * weir_plugin_samples_free(). NULL when there is nothing. */
weir_plugin_sample *weir_plugin_metrics_list(const weir_plugin_metrics *metrics, size_t *ret_count);
void weir_plugin_samples_free(weir_plugin_sample *samples, size_t count);

#endif
