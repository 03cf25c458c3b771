/* metrics_tasks.c - connectors and tasks on the page of GET /metrics.
 *
 * Labels are made once for each of them; a family is a walk over all. What plugins declare comes
 * last: a family for each row of their tables.
 */
#include "rest-api/metrics.h"

#include "base/mem.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[WEIR_STATES] = {
    [WEIR_STATE_UNASSIGNED] = "unassigned", [WEIR_STATE_RUNNING] = "running",
    [WEIR_STATE_PAUSED] = "paused",         [WEIR_STATE_FAILED] = "failed",
    [WEIR_STATE_RESTARTING] = "restarting", [WEIR_STATE_STOPPED] = "stopped",
};

/* A sample that is 1, with one label more. */
static void say(weir_exposition *page, const char *labels, const char *name, const char *text)
{
    weir_buf more = WEIR_BUF;

    weir_buf_text_add(&more, labels);
    weir_exposition_label(&more, name, text);
    weir_exposition_count(page, weir_buf_text(&more), 1);
    weir_buf_free(&more);
}

/* ---- Connectors ---------------------------------------------------------------------------- */

static const char *status_of(const weir_metrics_connector *connector)
{
    return states[connector->state];
}

static const char *class_of(const weir_metrics_connector *connector)
{
    return connector->class_name;
}

static const char *type_of(const weir_metrics_connector *connector)
{
    return connector->type;
}

static const char *version_of(const weir_metrics_connector *connector)
{
    return connector->version ? connector->version : "unknown";
}

/* From the worker that owns the connector: one sample in the whole cluster, so that they join. */
static const struct {
    const char *name, *label;
    const char *(*text)(const weir_metrics_connector *connector);
    const char *help;
} identities[] = {
    {"kafka_connect_connector_status", "status", status_of, "1, with the connector's status."},
    {"kafka_connect_connector_connector_class", "connector_class", class_of,
     "1, with the name of the connector's plugin."},
    {"kafka_connect_connector_connector_type", "connector_type", type_of,
     "1, with what it is: source, sink, or unknown."},
    {"kafka_connect_connector_connector_version", "connector_version", version_of,
     "1, with the version of the connector's plugin."},
};

static size_t all_tasks(const weir_metrics_connector *connector)
{
    size_t count = 0;

    for (int state = 0; state < WEIR_STATES; state++)
        count += connector->tasks[state];
    return count;
}

/* From each worker that has tasks of the connector, or the connector. */
static const struct {
    const char *name;
    int state; /* -1: all; -2: none is ever in it */
    const char *help;
} task_counts[] = {
    {"kafka_connect_worker_connector_total_task_count", -1,
     "Tasks of the connector on this worker."},
    {"kafka_connect_worker_connector_running_task_count", WEIR_STATE_RUNNING,
     "Of those, the running ones."},
    {"kafka_connect_worker_connector_paused_task_count", WEIR_STATE_PAUSED,
     "Of those, the paused ones."},
    {"kafka_connect_worker_connector_failed_task_count", WEIR_STATE_FAILED,
     "Of those, the failed ones."},
    {"kafka_connect_worker_connector_unassigned_task_count", WEIR_STATE_UNASSIGNED,
     "Of those, the ones that have not begun yet."},
    {"kafka_connect_worker_connector_restarting_task_count", WEIR_STATE_RESTARTING,
     "Of those, the ones that are about to be started again."},
    {"kafka_connect_worker_connector_destroyed_task_count", -2,
     "0: a task whose connector is deleted is not shown any more."},
};

void weir_page_connectors(weir_exposition *page, const weir_metrics *metrics)
{
    size_t count = metrics->shown_connectors;
    weir_buf *labels = weir_new_array(weir_buf, count + 1);

    for (size_t i = 0; i < count; i++)
        weir_exposition_label(&labels[i], "connector", metrics->connectors[i].name);
    for (size_t family = 0; family < WEIR_COUNT(identities); family++) {
        weir_exposition_family(page, identities[family].name, WEIR_FAMILY_GAUGE,
                               identities[family].help);
        for (size_t i = 0; i < count; i++)
            if (metrics->connectors[i].owned)
                say(page, weir_buf_text(&labels[i]), identities[family].label,
                    identities[family].text(&metrics->connectors[i]));
    }
    for (size_t family = 0; family < WEIR_COUNT(task_counts); family++) {
        int state = task_counts[family].state;

        weir_exposition_family(page, task_counts[family].name, WEIR_FAMILY_GAUGE,
                               task_counts[family].help);
        for (size_t i = 0; i < count; i++)
            weir_exposition_count(page, weir_buf_text(&labels[i]),
                                  state == -1 ? all_tasks(&metrics->connectors[i])
                                  : state < 0 ? 0
                                              : metrics->connectors[i].tasks[state]);
    }
    for (size_t i = 0; i < count; i++)
        weir_buf_free(&labels[i]);
    free(labels);
}

/* ---- What every task counts ---------------------------------------------------------------- */

#define FIGURE(field) offsetof(weir_task_figures, field)

static const struct {
    const char *name;
    weir_family_type type;
    size_t offset;
    const char *help;
} figures[] = {
    {"kafka_connect_source_task_source_record_poll_total", WEIR_FAMILY_COUNTER, FIGURE(emitted),
     "Records that the connector handed over."},
    {"kafka_connect_source_task_source_record_write_total", WEIR_FAMILY_COUNTER, FIGURE(delivered),
     "Records that Kafka has confirmed."},
    {"kafka_connect_source_task_source_record_active_count", WEIR_FAMILY_GAUGE, FIGURE(unsettled),
     "Records that were handed over and of which the connector has not heard yet."},
    {"kafka_connect_task_error_total_record_errors", WEIR_FAMILY_GAUGE, FIGURE(errors),
     "Records that could not get to Kafka."},
    {"kafka_connect_task_error_total_records_skipped", WEIR_FAMILY_GAUGE, FIGURE(skipped),
     "Of those, the ones without which the task went on."},
    {"kafka_connect_task_error_total_retries", WEIR_FAMILY_GAUGE, FIGURE(retries),
     "Tries of what may heal."},
    {"kafka_connect_task_error_total_errors_logged", WEIR_FAMILY_GAUGE, FIGURE(logged),
     "Lines that errors.log.enable has written."},
    {"kafka_connect_task_error_deadletterqueue_produce_requests", WEIR_FAMILY_GAUGE,
     FIGURE(letters), "Records sent to the dead-letter topic."},
    {"kafka_connect_task_error_deadletterqueue_produce_failures", WEIR_FAMILY_GAUGE,
     FIGURE(letters_failed), "Of those, the ones that Kafka did not take."},
    {"kafka_connect_task_error_last_error_timestamp", WEIR_FAMILY_GAUGE, FIGURE(last_error_ms),
     "When the last of these errors was, in milliseconds since 1970; 0: there was none."},
    {"weir_task_records_emitted_total", WEIR_FAMILY_COUNTER, FIGURE(emitted),
     "Records that the connector handed over."},
    {"weir_task_records_delivered_total", WEIR_FAMILY_COUNTER, FIGURE(delivered),
     "Records that Kafka has confirmed."},
    {"weir_task_records_dead_lettered_total", WEIR_FAMILY_COUNTER, FIGURE(dead_lettered),
     "Records that Kafka has confirmed in the dead-letter topic."},
    {"weir_task_records_dropped_total", WEIR_FAMILY_COUNTER, FIGURE(dropped),
     "Records that were dropped, as errors.tolerance has it."},
    {"weir_task_records_abandoned_total", WEIR_FAMILY_COUNTER, FIGURE(abandoned),
     "Records of which nobody knew what became when their instance ended: the source still has "
     "them."},
    {"weir_task_bytes_emitted_total", WEIR_FAMILY_COUNTER, FIGURE(emitted_bytes),
     "Bytes of keys and values given to the producer, as converted."},
    {"weir_task_bytes_delivered_total", WEIR_FAMILY_COUNTER, FIGURE(delivered_bytes),
     "Bytes of keys and values that Kafka has confirmed."},
    {"weir_task_retries_total", WEIR_FAMILY_COUNTER, FIGURE(retries), "Tries of what may heal."},
    {"weir_task_instance_restarts_total", WEIR_FAMILY_COUNTER, FIGURE(restarts),
     "How often the task has started its connector again by itself."},
    {"weir_task_in_flight_records", WEIR_FAMILY_GAUGE, FIGURE(in_flight),
     "Records that Kafka was given and has not answered."},
    {"weir_task_unsettled_records", WEIR_FAMILY_GAUGE, FIGURE(unsettled),
     "Records that were handed over and of which the connector has not heard yet."},
};

/* Walks over the tasks that have figures. */
typedef struct walk {
    const weir_metrics_task *tasks;
    size_t count;
    weir_buf *labels; /* of each */
} walk;

#define EACH(i, w)                                                                                 \
    for (size_t i = 0; i < (w)->count; i++)                                                        \
        if ((w)->tasks[i].metrics)

static const weir_task_figures *figures_of(const walk *w, size_t i)
{
    return &w->tasks[i].metrics->figures;
}

static void page_figures(weir_exposition *page, const walk *w, int64_t now_ms)
{
    for (size_t row = 0; row < WEIR_COUNT(figures); row++) {
        weir_exposition_family(page, figures[row].name, figures[row].type, figures[row].help);
        EACH(i, w)
        weir_exposition_count(
            page, weir_buf_text(&w->labels[i]),
            *(const uint64_t *)((const char *)figures_of(w, i) + figures[row].offset));
    }
    weir_exposition_family(page, "kafka_connect_task_error_total_record_failures",
                           WEIR_FAMILY_GAUGE, "Errors and tries of records together.");
    EACH(i, w)
    weir_exposition_count(page, weir_buf_text(&w->labels[i]),
                          figures_of(w, i)->errors + figures_of(w, i)->retries);
    weir_exposition_family(page, "weir_task_oldest_unsettled_seconds", WEIR_FAMILY_GAUGE,
                           "For how long Kafka owes an answer to the record that waits longest; 0: "
                           "it owes none.");
    EACH(i, w)
    weir_exposition_value(page, weir_buf_text(&w->labels[i]),
                          figures_of(w, i)->oldest_ms < 0
                              ? 0
                              : (double)(now_ms - figures_of(w, i)->oldest_ms) / 1000);
    weir_exposition_family(page, "weir_task_delivery_seconds", WEIR_FAMILY_SUMMARY,
                           "From the producer to Kafka's confirmation, of records delivered.");
    EACH(i, w)
    weir_exposition_summary(page, weir_buf_text(&w->labels[i]),
                            (double)figures_of(w, i)->delivery_us / 1e6,
                            figures_of(w, i)->delivered);
}

static void page_kinds(weir_exposition *page, const walk *w)
{
    weir_buf labels = WEIR_BUF;

    weir_exposition_family(page, "weir_task_errors_total", WEIR_FAMILY_COUNTER,
                           "Records that could not get to Kafka, by what was wrong.");
    EACH(i, w)
    for (size_t k = 0; k < w->tasks[i].metrics->kind_count; k++) {
        weir_buf_clear(&labels);
        weir_buf_text_add(&labels, weir_buf_text(&w->labels[i]));
        weir_exposition_label(&labels, "kind", w->tasks[i].metrics->kinds[k].name);
        weir_exposition_count(page, weir_buf_text(&labels), w->tasks[i].metrics->kinds[k].count);
    }
    weir_buf_free(&labels);
}

/* ---- What the herder knows of them --------------------------------------------------------- */

static double share(const weir_metrics_task *task, weir_state state)
{
    int64_t all_ms = 0;

    for (int each = 0; each < WEIR_STATES; each++)
        all_ms += task->spent_ms[each];
    return all_ms > 0 ? (double)task->spent_ms[state] / (double)all_ms : 0;
}

static void page_states(weir_exposition *page, const walk *w)
{
    weir_exposition_family(page, "kafka_connect_connector_task_status", WEIR_FAMILY_GAUGE,
                           "1, with the task's status.");
    for (size_t i = 0; i < w->count; i++)
        say(page, weir_buf_text(&w->labels[i]), "status", states[w->tasks[i].state]);
    weir_exposition_family(page, "kafka_connect_connector_task_running_ratio", WEIR_FAMILY_GAUGE,
                           "Share of the time since its start that the task was running.");
    for (size_t i = 0; i < w->count; i++)
        weir_exposition_value(page, weir_buf_text(&w->labels[i]),
                              share(&w->tasks[i], WEIR_STATE_RUNNING));
    weir_exposition_family(page, "kafka_connect_connector_task_pause_ratio", WEIR_FAMILY_GAUGE,
                           "Share of the time since its start that the task was paused.");
    for (size_t i = 0; i < w->count; i++)
        weir_exposition_value(page, weir_buf_text(&w->labels[i]),
                              share(&w->tasks[i], WEIR_STATE_PAUSED));
    weir_exposition_family(page, "weir_task_stuck_seconds", WEIR_FAMILY_GAUGE,
                           "For how long the connector has not come back from a call, beyond the "
                           "time that it has for it; 0: it has.");
    for (size_t i = 0; i < w->count; i++)
        weir_exposition_value(page, weir_buf_text(&w->labels[i]),
                              (double)w->tasks[i].stuck_ms / 1000);
}

/* ---- What plugins declare ------------------------------------------------------------------ */

/* "weir_mqtt_source_": of plugin and row, the caller's to free(). */
static char *family_name(const char *plugin, const char *row)
{
    char *name = weir_format("weir_%s_%s", plugin, row);

    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '_';
    return name;
}

static void page_state(weir_exposition *page, const char *labels, const weir_metric *metric,
                       double value)
{
    weir_buf more = WEIR_BUF;

    for (size_t i = 0; metric->states[i]; i++) {
        weir_buf_clear(&more);
        weir_buf_text_add(&more, labels);
        weir_exposition_label(&more, "state", metric->states[i]);
        weir_exposition_count(page, weir_buf_text(&more), (double)i == value);
    }
    weir_buf_free(&more);
}

static void page_sample(weir_exposition *page, const char *labels, const weir_metric *metric,
                        const weir_plugin_sample *sample)
{
    weir_buf more = WEIR_BUF;

    if (metric->type == WEIR_STATE) {
        page_state(page, labels, metric, sample->value);
    } else if (sample->member) {
        weir_buf_text_add(&more, labels);
        weir_exposition_label(&more, metric->label, sample->member);
        weir_exposition_value(page, weir_buf_text(&more), sample->value);
    } else {
        weir_exposition_value(page, labels, sample->value);
    }
    weir_buf_free(&more);
}

/* The families of the plugin of task `first`, and of all tasks behind it that have the same. */
static void page_plugin(weir_exposition *page, const walk *w, size_t first, size_t *next_sample)
{
    const weir_metric *table = w->tasks[first].metrics->table;

    for (size_t row = 0; table[row].name; row++) {
        const weir_metric *metric = &table[row];
        char *name = family_name(w->tasks[first].metrics->plugin, metric->name);

        weir_exposition_family(
            page, name, metric->type == WEIR_COUNTER ? WEIR_FAMILY_COUNTER : WEIR_FAMILY_GAUGE,
            metric->help);
        EACH(i, w)
        {
            const weir_task_metrics *m = w->tasks[i].metrics;

            if (m->table != table)
                continue;
            for (; next_sample[i] < m->sample_count && m->samples[next_sample[i]].row == row;
                 next_sample[i]++)
                page_sample(page, weir_buf_text(&w->labels[i]), metric,
                            &m->samples[next_sample[i]]);
        }
        free(name);
    }
}

static void page_plugins(weir_exposition *page, const walk *w)
{
    size_t *next_sample = weir_new_array(size_t, w->count + 1);

    EACH(i, w)
    {
        const weir_metric *table = w->tasks[i].metrics->table;
        bool seen = !table;

        for (size_t before = 0; before < i && !seen; before++)
            seen = w->tasks[before].metrics && w->tasks[before].metrics->table == table;
        if (!seen)
            page_plugin(page, w, i, next_sample);
    }
    free(next_sample);
}

void weir_page_tasks(weir_exposition *page, const weir_metrics *metrics, int64_t now_ms)
{
    walk w = {.tasks = metrics->tasks, .count = metrics->shown_tasks};
    char number[16];

    w.labels = weir_new_array(weir_buf, w.count + 1);
    for (size_t i = 0; i < w.count; i++) {
        snprintf(number, sizeof(number), "%d", (int)w.tasks[i].task);
        weir_exposition_label(&w.labels[i], "connector", w.tasks[i].connector);
        weir_exposition_label(&w.labels[i], "task", number);
    }
    page_states(page, &w);
    page_figures(page, &w, now_ms);
    page_kinds(page, &w);
    page_plugins(page, &w);
    for (size_t i = 0; i < w.count; i++)
        weir_buf_free(&w.labels[i]);
    free(w.labels);
}
