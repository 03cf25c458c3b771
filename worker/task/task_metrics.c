/* task_metrics.c - see task_metrics.h. */
#include "task/task_metrics.h"

#include "base/mem.h"

weir_task_metrics *weir_task_metrics_new(void)
{
    weir_task_metrics *metrics = weir_new(weir_task_metrics);

    atomic_init(&metrics->references, 1);
    metrics->figures.oldest_ms = -1;
    return metrics;
}

weir_task_metrics *weir_task_metrics_ref(weir_task_metrics *metrics)
{
    if (metrics)
        atomic_fetch_add(&metrics->references, 1);
    return metrics;
}

void weir_task_metrics_unref(weir_task_metrics *metrics)
{
    if (!metrics || atomic_fetch_sub(&metrics->references, 1) != 1)
        return;
    for (size_t i = 0; i < metrics->kind_count; i++)
        free(metrics->kinds[i].name);
    free(metrics->kinds);
    weir_plugin_samples_free(metrics->samples, metrics->sample_count);
    free(metrics);
}
