/* metrics.c - GET /metrics: this worker and its tasks, for Prometheus (docs/metrics.md).
 *
 * Whatever happens there is a page: what the herder knows is asked for by a deadline, and is left
 * out when it does not answer.
 */
#include "rest-api/metrics.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/version.h"
#include "rest-api/handlers.h"

#include <math.h>

#define HERDER_MS 2000 /* a scrape has ten seconds, unless said otherwise */

void weir_page_gauge(weir_exposition *page, const char *name, double value, const char *help)
{
    weir_exposition_family(page, name, WEIR_FAMILY_GAUGE, help);
    weir_exposition_value(page, "", value);
}

void weir_page_counter(weir_exposition *page, const char *name, uint64_t value, const char *help)
{
    weir_exposition_family(page, name, WEIR_FAMILY_COUNTER, help);
    weir_exposition_count(page, "", value);
}

/* One that is 1, and whose label says something. */
static void say(weir_exposition *page, const char *name, const char *label, const char *text,
                const char *help)
{
    weir_buf labels = WEIR_BUF;

    weir_exposition_family(page, name, WEIR_FAMILY_UNTYPED, help);
    weir_exposition_label(&labels, label, text);
    weir_exposition_count(page, weir_buf_text(&labels), 1);
    weir_buf_free(&labels);
}

/* ---- The worker ---------------------------------------------------------------------------- */

static void page_build(weir_exposition *page)
{
    weir_buf labels = WEIR_BUF;

    weir_exposition_family(page, "weir_build_info", WEIR_FAMILY_GAUGE,
                           "1, with the version of weir and the commit it was built from.");
    weir_exposition_label(&labels, "version", weir_version);
    weir_exposition_label(&labels, "commit", weir_commit);
    weir_exposition_count(page, weir_buf_text(&labels), 1);
    weir_buf_free(&labels);
}

static void page_process(weir_exposition *page)
{
    weir_process process = weir_process_look();
    const struct {
        const char *name;
        double value;
        const char *help;
    } gauges[] = {
        {"process_start_time_seconds", process.started_seconds,
         "When this process was started, in seconds since 1970."},
        {"process_resident_memory_bytes", (double)process.resident_bytes,
         "Memory that this process has in RAM."},
        {"process_virtual_memory_bytes", (double)process.virtual_bytes,
         "Address space of this process."},
        {"process_threads", (double)process.threads, "Threads of this process."},
        {"process_open_fds", (double)process.open_fds, "Open files and sockets."},
        {"process_max_fds", (double)process.max_fds, "How many of them there may be."},
    };

    for (size_t i = 0; i < WEIR_COUNT(gauges); i++)
        if (gauges[i].value >= 0) /* else the kernel does not say */
            weir_page_gauge(page, gauges[i].name, gauges[i].value, gauges[i].help);
    if (process.cpu_seconds < 0)
        return;
    weir_exposition_family(page, "process_cpu_seconds_total", WEIR_FAMILY_COUNTER,
                           "Time at the processors, of all threads, user and system.");
    weir_exposition_value(page, "", process.cpu_seconds);
}

static void page_worker(weir_exposition *page, const weir_metrics *m)
{
    const weir_worker_counts *counts = &m->counts;

    weir_page_gauge(page, "kafka_connect_worker_connector_count", (double)m->connector_count,
                    "Connectors of this worker: whose status it writes.");
    weir_page_gauge(page, "kafka_connect_worker_task_count", (double)m->task_count,
                    "Tasks that run here, or have failed here.");
    weir_page_counter(page, "kafka_connect_worker_connector_startup_attempts_total",
                      counts->connector_starts, "Connectors that this worker has taken on.");
    weir_page_counter(page, "kafka_connect_worker_connector_startup_success_total",
                      counts->connector_starts - counts->connector_failures,
                      "Of those, the ones whose class it has.");
    weir_page_counter(page, "kafka_connect_worker_connector_startup_failure_total",
                      counts->connector_failures, "Of those, the ones whose class it has not.");
    weir_page_counter(page, "kafka_connect_worker_task_startup_attempts_total", counts->task_starts,
                      "Tasks started on this worker, again or anew.");
    weir_page_counter(page, "kafka_connect_worker_task_startup_success_total",
                      counts->task_successes, "Of those, the ones that came to work, or to pause.");
    weir_page_counter(page, "kafka_connect_worker_task_startup_failure_total",
                      counts->task_failures, "Of those, the ones that failed before that.");
    weir_page_gauge(page, "weir_worker_threads_left_behind", (double)m->left_behind,
                    "Threads of tasks that did not end in time and were abandoned.");
}

/* ---- The group ----------------------------------------------------------------------------- */

static void page_rebalance(weir_exposition *page, const weir_metrics *m)
{
    if (m->leader_url)
        say(page, "kafka_connect_worker_rebalance_leader_name", "leader_name", m->leader_url,
            "1, with the URL of the worker that leads the group.");
    say(page, "kafka_connect_worker_rebalance_connect_protocol", "connect_protocol", "weir",
        "1, with the protocol of the group: weir's own.");
    weir_page_gauge(page, "kafka_connect_worker_rebalance_epoch", (double)m->generation,
                    "Generation of the group, as Kafka counts it; -1 before there is one.");
    weir_page_counter(page, "kafka_connect_worker_rebalance_completed_rebalances_total",
                      m->counts.rebalances, "Generations that this worker has seen begin.");
    weir_page_gauge(page, "kafka_connect_worker_rebalance_rebalancing", m->rebalancing,
                    "1 from a change of the group until this worker runs what the leader made of "
                    "it.");
    weir_page_gauge(page, "kafka_connect_worker_rebalance_time_since_last_rebalance_ms",
                    m->since_rebalance_ms < 0 ? INFINITY : (double)m->since_rebalance_ms,
                    "Milliseconds since the generation at hand began; +Inf before there is one.");
    weir_page_gauge(page, "kafka_connect_coordinator_assigned_connectors",
                    (double)m->assigned_connectors,
                    "Connectors that the leader has given this worker.");
    weir_page_gauge(page, "kafka_connect_coordinator_assigned_tasks", (double)m->assigned_tasks,
                    "Tasks that the leader has given this worker.");
}

static void page_group(weir_exposition *page, const weir_metrics *m)
{
    weir_page_gauge(page, "weir_kafka_up", m->kafka_up,
                    "1 while the group's coordinator in Kafka answers this worker.");
    weir_page_gauge(page, "weir_group_member", m->in_group,
                    "1 while this worker is a member of its group.");
    weir_page_gauge(page, "weir_group_suspended", m->suspended,
                    "1 while this worker's tasks take nothing, for it has lost its place in the "
                    "group.");
    weir_page_gauge(page, "weir_group_lease_seconds", (double)m->lease_ms / 1000,
                    "For how long the group counts on this worker if Kafka is not heard again.");
    weir_page_gauge(page, "weir_group_is_leader", m->leads,
                    "1 on the worker that leads the group, and may.");
    weir_page_gauge(page, "weir_group_term", (double)m->term,
                    "Term of the leader that this worker knows; -1 before there is one.");
    weir_page_gauge(page, "weir_group_generation", (double)m->generation,
                    "Generation of the group, as Kafka counts it; -1 before there is one.");
    weir_page_gauge(page, "weir_group_workers", (double)m->workers,
                    "Workers in the group that this one knows to live; 0 when it is not in it.");
    weir_page_gauge(page, "weir_group_unplaced_items", (double)m->unplaced,
                    "Connectors and tasks that the leader has given to nobody.");
}

static void page_logs(weir_exposition *page, const weir_metrics *m)
{
    weir_exposition_family(page, "weir_log_caught_up", WEIR_FAMILY_GAUGE,
                           "1 once an internal topic has been read to where it ended at the "
                           "start.");
    weir_exposition_count(page, "log=\"config\"", m->config_read);
    weir_exposition_count(page, "log=\"offset\"", m->offsets_read);
    weir_exposition_count(page, "log=\"status\"", m->status_read);
}

/* ---- The page ------------------------------------------------------------------------------ */

void weir_handle_metrics(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    weir_request request = {.what = call->route->ask};
    weir_exposition page = {.out = &call->answer};
    int64_t deadline_ms = call->begun_ms + HERDER_MS;

    if (deadline_ms > call->deadline_ms)
        deadline_ms = call->deadline_ms;
    weir_herder_ask(call->options->herder, &request, deadline_ms, &reply);
    if (!atomic_load(&call->abandoned)) {
        weir_call_empty(call, call->route->success);
        call->answer_type = weir_strdup(WEIR_EXPOSITION_TYPE);
        page_build(&page);
        page_process(&page);
        weir_page_gauge(&page, "weir_herder_up", reply.metrics != NULL,
                        "1 when the herder has answered; the rest is its, and missing otherwise.");
        if (reply.metrics) {
            page_worker(&page, reply.metrics);
            page_rebalance(&page, reply.metrics);
            page_group(&page, reply.metrics);
            page_logs(&page, reply.metrics);
            weir_page_connectors(&page, reply.metrics);
            weir_page_tasks(&page, reply.metrics, weir_now_ms());
        }
        weir_exposition_end(&page);
    }
    weir_reply_clear(&reply);
}
