/* answers.c - what the REST API wants to know, from the herder's memory.
 *
 * Shapes and texts are Apache's (connect-rest-api.md 1.1, 1.3, 1.4).
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"

#include <stdio.h>
#include <string.h>

#define STUCK_MS 3000 /* the leader's health says that it cannot commit */

/* ---- Look-ups -----------------------------------------------------------------------------------
 */

const char *weir_worker_url(const weir_herder *h, const char *worker)
{
    const weir_presence *presence = weir_map_get(&h->config.workers, worker);

    return presence ? weir_json_str(presence->body, "url") : NULL;
}

const char *weir_connector_type(const weir_herder *h, const weir_props *config)
{
    const char *class_name = config ? weir_props_get(config, "connector.class") : NULL;
    const weir_plugin *plugin =
        class_name ? weir_registry_find(h->options.registry, class_name) : NULL;

    return !plugin ? "unknown" : weir_plugin_is_source(plugin) ? "source" : "sink";
}

static bool holds(const json_t *list, int32_t task)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (list, i, entry)
        if (json_is_integer(entry) ? json_integer_value(entry) == task
                                   : task == WEIR_ITEM_CONNECTOR)
            return true;
    return false;
}

const char *weir_item_owner(const weir_herder *h, const char *connector, int32_t task)
{
    const json_t *map = json_object_get(h->config.assignment, "map"), *connectors;
    const char *worker;

    json_object_foreach ((json_t *)(uintptr_t)map, worker, connectors)
        if (holds(json_object_get(connectors, connector), task))
            return worker;
    return NULL;
}

/* ---- Bodies -------------------------------------------------------------------------------------
 */

json_t *weir_answer_connector(const weir_herder *h, const weir_connector_entry *entry,
                              bool no_tasks)
{
    json_t *tasks = json_array();

    for (int32_t task = 0; task < entry->task_count && !no_tasks; task++)
        json_array_append_new(tasks,
                              json_pack("{s:s, s:i}", "connector", entry->name, "task", (int)task));
    return json_pack("{s:s, s:o, s:o, s:s}", "name", entry->name, "config",
                     weir_json_from_props(&entry->config), "tasks", tasks, "type",
                     weir_connector_type(h, &entry->config));
}

static json_t *item_status(const weir_item_status *status, int32_t task)
{
    json_t *body = json_object();

    if (task != WEIR_CONNECTOR_ITEM)
        json_object_set_new_nocheck(body, "id", json_integer(task));
    weir_json_set_str(body, "state", weir_state_text(status->state));
    weir_json_set_str(body, "worker_id", status->worker_id);
    weir_json_set_str(body, "version", status->version);
    if (status->trace && status->trace[0])
        weir_json_set_str(body, "trace", status->trace);
    return body;
}

/* Task rows in the order of their numbers. Keys sort as text (10 before 2), hence the search by
 * number; numbers have no gaps but for the moments after a connector has shrunk. */
static json_t *task_statuses(const weir_herder *h, const char *connector)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);
    int32_t expected = entry ? entry->task_count : 0;
    json_t *tasks = json_array();

    for (int32_t task = 0;; task++) {
        const weir_item_status *status = weir_status_store_get(&h->statuses, connector, task);

        if (status)
            json_array_append_new(tasks, item_status(status, task));
        else if (task >= expected)
            return tasks;
    }
}

json_t *weir_answer_status(const weir_herder *h, const char *connector)
{
    const weir_item_status *status =
        weir_status_store_get(&h->statuses, connector, WEIR_CONNECTOR_ITEM);
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);

    if (!status)
        return NULL;
    return json_pack("{s:s, s:o, s:o, s:s}", "name", connector, "connector",
                     item_status(status, WEIR_CONNECTOR_ITEM), "tasks", task_statuses(h, connector),
                     "type", weir_connector_type(h, entry ? &entry->config : NULL));
}

static void root(weir_herder *h, weir_slot *slot)
{
    json_t *body = json_object();

    weir_json_set_str(body, "version", WEIR_CONNECT_VERSION);
    weir_json_set_str(body, "commit", weir_commit);
    weir_json_set_str(body, "kafka_cluster_id", h->cluster_id);
    weir_slot_answer(slot, body);
}

static void health(weir_herder *h, weir_slot *slot)
{
    int64_t stuck_ms = weir_leadership_stuck_ms(h, weir_now_ms());
    const char *status = "unhealthy";
    char *text;

    slot->reply.code = WEIR_FAILED;
    if (h->refused && !h->in_group) {
        text = weir_format("Worker cannot join group '%s': %s", h->settings->group_id, h->refused);
        slot->reply.code = WEIR_UNAVAILABLE;
        status = h->ever_in_group ? "unhealthy" : "starting";
    } else if (h->waiting_for || !weir_herder_ready(h)) {
        text =
            h->waiting_for
                ? weir_format("Worker is still starting up. It waits for Kafka: %s", h->waiting_for)
                : weir_format("Worker is still starting up. The worker is currently %s.", h->stage);
        slot->reply.code = WEIR_UNAVAILABLE;
        status = "starting";
    } else if (h->suspended || !h->in_group) {
        text =
            weir_format("Worker is suspended: it has lost its place in group '%s' (Kafka away, or "
                        "this machine was). Tasks keep their connections and go on when it is "
                        "back.",
                        h->settings->group_id);
    } else if (stuck_ms > STUCK_MS) {
        text = weir_format("Worker leads the cluster, but could commit nothing to topic '%s' for "
                           "%lld ms: configs and assignments cannot change.",
                           h->settings->config_topic, (long long)stuck_ms);
    } else {
        text = weir_strdup("Worker has completed startup and is ready to handle requests.");
        slot->reply.code = WEIR_OK;
        status = "healthy";
    }
    weir_fail(&slot->reply.err, slot->reply.code, "%s", text);
    weir_slot_answer(slot, json_pack("{s:s, s:s}", "status", status, "message", text));
    free(text);
}

static void list(weir_herder *h, weir_slot *slot)
{
    bool expand = slot->request.expand_status || slot->request.expand_info;
    json_t *body = expand ? json_object() : json_array();

    WEIR_MAP_EACH (entry, &h->config.connectors) {
        const weir_connector_entry *connector = entry->value;
        json_t *one, *status;

        if (!connector->exists)
            continue;
        if (!expand) {
            json_array_append_new(body, json_string(connector->name));
            continue;
        }
        status = weir_answer_status(h, connector->name);
        if (slot->request.expand_status && !status)
            continue;
        one = json_object();
        if (slot->request.expand_status)
            json_object_set_nocheck(one, "status", status);
        json_decref(status);
        if (slot->request.expand_info)
            json_object_set_new_nocheck(one, "info", weir_answer_connector(h, connector, false));
        json_object_set_new_nocheck(body, connector->name, one);
    }
    weir_slot_answer(slot, body);
}

static void tasks(const weir_connector_entry *entry, weir_slot *slot)
{
    json_t *body = json_array();

    for (int32_t task = 0; task < entry->task_count; task++)
        json_array_append_new(body, json_pack("{s:{s:s, s:i}, s:o}", "id", "connector", entry->name,
                                              "task", (int)task, "config",
                                              weir_json_from_props(&entry->tasks[task])));
    weir_slot_answer(slot, body);
}

/* ---- Status, with who can tell more ---------------------------------------------------------- */

static void add_owner(const weir_herder *h, weir_slot *slot, int32_t task)
{
    const char *worker = weir_item_owner(h, slot->connector, task);
    weir_owner *owner = &slot->reply.owners[slot->reply.owner_count];

    if (!worker)
        return;
    owner->task = task;
    if (strcmp(worker, h->settings->worker_id) != 0) {
        owner->url = weir_strdup(weir_worker_url(h, worker));
        if (!owner->url)
            return;
    }
    slot->reply.owner_count++;
}

static void status(weir_herder *h, weir_slot *slot)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);
    json_t *body = weir_answer_status(h, slot->connector);

    if (!body) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "No status found for connector %s", slot->connector);
        return;
    }
    if (entry && entry->task_count > 0) {
        slot->reply.owners = weir_new_array(weir_owner, (size_t)entry->task_count);
        for (int32_t task = 0; task < entry->task_count; task++)
            add_owner(h, slot, task);
    }
    weir_slot_answer(slot, body);
}

static void task_status(weir_herder *h, weir_slot *slot)
{
    int32_t task = slot->request.task;
    const weir_item_status *found =
        task < 0 ? NULL : weir_status_store_get(&h->statuses, slot->connector, task);

    if (!found) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "No status found for task %s-%d", slot->connector,
                         (int)task);
        return;
    }
    slot->reply.owners = weir_new_array(weir_owner, 1);
    add_owner(h, slot, task);
    weir_slot_answer(slot, item_status(found, task));
}

/* A plugin that does not come back from a call is what stops the flow: say so. */
static void add_stuck(json_t *one, const weir_own_item *item)
{
    const char *call = NULL;
    int64_t ms = item->run ? weir_source_task_stuck_ms(item->run, &call) : 0;

    if (ms <= 0)
        return;
    weir_json_set_str(one, "stuck_in", call);
    json_object_set_new_nocheck(one, "stuck_ms", json_integer(ms));
}

/* {"0": {…, "age_ms": 120}}: what this worker's tasks say about themselves. */
static void details(weir_herder *h, weir_slot *slot)
{
    json_t *body = json_object();

    WEIR_MAP_EACH (entry, &h->items) {
        const weir_own_item *item = entry->value;
        json_t *one = NULL;
        char number[16];

        if (item->task == WEIR_ITEM_CONNECTOR || !item->details ||
            strcmp(item->connector, slot->connector) != 0)
            continue;
        if (weir_json_read(item->details, strlen(item->details), &one, NULL) != WEIR_OK)
            continue;
        json_object_set_new_nocheck(one, "age_ms", json_integer(weir_now_ms() - item->details_ms));
        add_stuck(one, item);
        snprintf(number, sizeof(number), "%d", (int)item->task);
        json_object_set_new_nocheck(body, number, one);
    }
    weir_slot_answer(slot, body);
}

void weir_answer(weir_herder *h, weir_slot *slot)
{
    const weir_connector_entry *entry;

    switch (slot->request.what) {
    case WEIR_ASK_ROOT:
        root(h, slot);
        return;
    case WEIR_ASK_HEALTH:
        health(h, slot);
        return;
    case WEIR_ASK_LIST:
        list(h, slot);
        return;
    case WEIR_ASK_STATUS:
        status(h, slot);
        return;
    case WEIR_ASK_TASK_STATUS:
        task_status(h, slot);
        return;
    case WEIR_ASK_CLUSTER:
        weir_slot_answer(slot, weir_cluster_answer(h));
        return;
    case WEIR_ASK_DETAILS:
        details(h, slot);
        return;
    case WEIR_ASK_METRICS:
        slot->reply.metrics = weir_metrics_answer(h);
        weir_slot_answer(slot, NULL);
        return;
    default:
        break;
    }
    entry = weir_config_store_find(&h->config, slot->connector);
    if (!entry)
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Connector %s not found", slot->connector);
    else if (slot->request.what == WEIR_ASK_CONNECTOR)
        weir_slot_answer(slot, weir_answer_connector(h, entry, false));
    else if (slot->request.what == WEIR_ASK_CONFIG)
        weir_slot_answer(slot, weir_json_from_props(&entry->config));
    else
        tasks(entry, slot);
}
