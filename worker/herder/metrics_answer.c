/* metrics_answer.c - GET /metrics: this worker in figures, from memory.
 *
 * What tasks count is not copied: they have handed it over for good (task_metrics.h), so that a
 * thousand of them cost the herder's thread less than a millisecond.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

/* ---- Tasks ------------------------------------------------------------------------------------
 */

void weir_item_tally(weir_own_item *item, int64_t now_ms)
{
    item->spent_ms[item->shown_known ? item->shown : WEIR_STATE_UNASSIGNED] +=
        now_ms - item->tallied_at_ms;
    item->tallied_at_ms = now_ms;
}

static void add_task(weir_metrics *metrics, weir_own_item *item, int64_t now_ms)
{
    weir_metrics_task *task = &metrics->tasks[metrics->shown_tasks++];
    const char *call;

    weir_item_tally(item, now_ms);
    task->connector = weir_strdup(item->connector);
    task->task = item->task;
    task->state = item->shown_known ? item->shown : WEIR_STATE_UNASSIGNED;
    task->stuck_ms = item->run ? weir_source_task_stuck_ms(item->run, &call) : 0;
    task->metrics = weir_task_metrics_ref(item->metrics);
    memcpy(task->spent_ms, item->spent_ms, sizeof(task->spent_ms));
    metrics->task_count += item->run || item->failed;
}

/* ---- Connectors -------------------------------------------------------------------------------
 */

/* The line of this connector; `lines` knows where it is. */
static weir_metrics_connector *connector_of(weir_metrics *metrics, weir_map *lines,
                                            const char *name)
{
    weir_metrics_connector *line = weir_map_get(lines, name);

    if (line)
        return line;
    line = &metrics->connectors[metrics->shown_connectors++];
    line->name = weir_strdup(name);
    weir_map_set(lines, name, line);
    return line;
}

static void own(const weir_herder *h, weir_metrics_connector *line, const weir_own_item *item,
                const weir_connector_entry *entry)
{
    const char *class_name = weir_props_get(&entry->config, "connector.class");
    const weir_plugin *plugin =
        class_name ? weir_registry_find(h->options.registry, class_name) : NULL;
    const weir_plugin_desc *desc = plugin ? weir_plugin_desc_of(plugin) : NULL;

    line->owned = true;
    line->state = item->shown_known ? item->shown : WEIR_STATE_UNASSIGNED;
    line->class_name = weir_strdup(desc ? desc->name : class_name ? class_name : "");
    line->version = weir_strdup(desc ? desc->version : NULL);
    line->type = weir_connector_type(h, &entry->config);
}

static void add_items(weir_herder *h, weir_metrics *metrics)
{
    weir_map lines = WEIR_MAP(NULL);
    int64_t now_ms = weir_now_ms();

    metrics->tasks = weir_new_array(weir_metrics_task, h->items.count + 1);
    metrics->connectors = weir_new_array(weir_metrics_connector, h->items.count + 1);
    WEIR_MAP_EACH (row, &h->items) {
        weir_own_item *item = row->value;
        const weir_connector_entry *entry = weir_config_store_find(&h->config, item->connector);
        bool is_task = item->task != WEIR_ITEM_CONNECTOR;

        if (!item->assigned)
            continue;
        *(is_task ? &metrics->assigned_tasks : &metrics->assigned_connectors) += 1;
        if (!entry) /* deleted; nobody has decided since */
            continue;
        if (is_task) {
            add_task(metrics, item, now_ms);
            connector_of(metrics, &lines, item->connector)
                ->tasks[metrics->tasks[metrics->shown_tasks - 1].state]++;
        } else {
            metrics->connector_count++;
            own(h, connector_of(metrics, &lines, item->connector), item, entry);
        }
    }
    weir_map_clear(&lines);
}

/* ---- The group --------------------------------------------------------------------------------
 */

static bool something_stops(const weir_herder *h)
{
    WEIR_MAP_EACH (row, &h->items) {
        const weir_own_item *item = row->value;

        if (item->run && !item->assigned)
            return true;
    }
    return false;
}

/* Between a change of the group and the moment at which this worker runs what the leader made of
 * it. */
static bool is_rebalancing(const weir_herder *h)
{
    if (!h->ever_in_group || h->left)
        return false;
    return h->joining || !h->in_group || h->tasks_wait || something_stops(h) ||
           weir_json_int(h->config.assignment, "generation", -1) < h->generation;
}

static void add_group(const weir_herder *h, weir_metrics *metrics)
{
    metrics->in_group = h->in_group;
    metrics->suspended = h->suspended;
    metrics->leads = weir_leads(h);
    metrics->rebalancing = is_rebalancing(h);
    metrics->lease_ms = h->in_group ? weir_lease_left_ms(h->lease) : 0;
    metrics->kafka_up = metrics->lease_ms > 0;
    metrics->generation = h->generation;
    metrics->since_rebalance_ms = h->generation >= 0 ? weir_now_ms() - h->generation_since_ms : -1;
    metrics->leader_url = weir_strdup(h->config.leader.url);
    metrics->term = h->config.leader.term;
    WEIR_MAP_EACH (row, &h->config.workers)
        metrics->workers += h->in_group && weir_is_live(h, row->value);
    metrics->unplaced = json_object_size(json_object_get(h->config.assignment, "unassigned"));
}

weir_metrics *weir_metrics_answer(weir_herder *h)
{
    weir_metrics *metrics = weir_new(weir_metrics);

    metrics->counts = h->counts;
    metrics->config_read = h->config_read;
    metrics->status_read = h->status_read;
    metrics->offsets_read = h->offsets && weir_offsets_are_read(h->offsets);
    metrics->left_behind = weir_source_task_left_behind();
    add_group(h, metrics);
    add_items(h, metrics);
    return metrics;
}
