/* metrics.c - see metrics.h. */
#include "herder/metrics.h"

#include <stdlib.h>

void weir_metrics_free(weir_metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->shown_tasks; i++) {
        free(metrics->tasks[i].connector);
        weir_task_metrics_unref(metrics->tasks[i].metrics);
    }
    for (size_t i = 0; i < metrics->shown_connectors; i++) {
        free(metrics->connectors[i].name);
        free(metrics->connectors[i].class_name);
        free(metrics->connectors[i].version);
    }
    free(metrics->tasks);
    free(metrics->connectors);
    free(metrics->leader_url);
    free(metrics);
}
