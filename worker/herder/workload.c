/* workload.c - this worker's items: the connectors and tasks that the assignment gives it.
 *
 * An item knows what it should be (assigned or not, paused or not, restarted) and what it is; one
 * function, reconcile(), takes the next step from the one to the other, and is called whenever
 * either has changed. A connector has no instance in weir: its owner writes its status.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS      1000 /* how often items are looked at: do they hang, is their status known? */
#define SAY_AGAIN_MS 2000 /* a status that the topic does not show after this is written again */

/* ---- Items --------------------------------------------------------------------------------------
 */

static void item_name(const char *connector, int32_t task, char *name, size_t room)
{
    weir_item_text(&(weir_item){connector, task}, name, room);
}

weir_own_item *weir_workload_find(const weir_herder *h, const char *connector, int32_t task)
{
    char name[1024];

    item_name(connector, task, name, sizeof(name));
    return weir_map_get(&h->items, name);
}

weir_own_item *weir_workload_add(weir_herder *h, const char *connector, int32_t task)
{
    weir_own_item *item = weir_new(weir_own_item);
    char name[1024];

    item->connector = weir_strdup(connector);
    item->task = task;
    item->tallied_at_ms = weir_now_ms();
    item_name(connector, task, name, sizeof(name));
    weir_map_set(&h->items, name, item);
    return item;
}

static void free_item(weir_own_item *item)
{
    free(item->connector);
    free(item->details);
    weir_task_metrics_unref(item->metrics);
    free(item->shown_trace);
    weir_props_clear(&item->connector_config);
    weir_props_clear(&item->config);
    free(item);
}

static void remove_item(weir_herder *h, weir_own_item *item)
{
    char name[1024];

    item_name(item->connector, item->task, name, sizeof(name));
    free_item(weir_map_take(&h->items, name));
}

static bool is_connector(const weir_own_item *item)
{
    return item->task == WEIR_ITEM_CONNECTOR;
}

/* ---- Statuses -----------------------------------------------------------------------------------
 */

static const char *plugin_version(const weir_herder *h, const char *connector)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);
    const char *class_name = entry ? weir_props_get(&entry->config, "connector.class") : NULL;
    const weir_plugin *plugin =
        class_name ? weir_registry_find(h->options.registry, class_name) : NULL;

    return plugin ? weir_plugin_desc_of(plugin)->version : NULL;
}

static void send_status(weir_herder *h, const char *connector, int32_t task, const char *value)
{
    weir_buf key = WEIR_BUF;

    if (!h->producer || h->banished)
        return;
    weir_status_key(&key, connector, task);
    if (weir_producer_send(h->producer, h->settings->status_topic, weir_buf_text(&key), value, 0) !=
        WEIR_OK)
        weir_logf(WEIR_WARN, "status of %s not written: too many writes wait for Kafka",
                  weir_buf_text(&key));
    weir_buf_free(&key);
}

void weir_status_write(weir_herder *h, const char *connector, int32_t task, weir_state state,
                       const char *trace, bool safe)
{
    int64_t generation = h->applied_term > h->term ? h->applied_term : h->term;
    weir_item_status status = {.state = state,
                               .trace = (char *)(uintptr_t)trace,
                               .worker_id = (char *)(uintptr_t)h->settings->worker_id,
                               .version = (char *)(uintptr_t)plugin_version(h, connector),
                               .generation = generation};
    weir_buf value = WEIR_BUF;

    if (safe && !weir_status_safe(weir_status_store_get(&h->statuses, connector, task),
                                  status.worker_id, generation))
        return;
    weir_status_value(&value, &status);
    send_status(h, connector, task, weir_buf_text(&value));
    weir_buf_free(&value);
}

void weir_status_remove(weir_herder *h, const char *connector, int32_t task)
{
    send_status(h, connector, task, NULL);
}

static void show(weir_herder *h, weir_own_item *item, weir_state state, const char *trace)
{
    bool safe = state == WEIR_STATE_UNASSIGNED || state == WEIR_STATE_FAILED;

    if (item->shown_known && item->shown == state && item->shown_term == h->applied_term && !trace)
        return;
    weir_item_tally(item, weir_now_ms());
    item->shown_known = true;
    item->shown = state;
    item->shown_term = h->applied_term;
    item->shown_at_ms = weir_now_ms();
    weir_replace(&item->shown_trace, trace);
    weir_status_write(h, item->connector, item->task, state, trace, safe);
}

/* The leader removes the statuses of what is gone, and shows as unassigned what it holds for a
 * missing worker; an owner that was slow to stop may have the last word. Where the item is here
 * again, or never was away, its owner says so once more. */
static void say_again(weir_herder *h, weir_own_item *item, int64_t now_ms)
{
    const weir_item_status *known;

    if (!item->assigned || !item->shown_known || item->shown == WEIR_STATE_UNASSIGNED ||
        !h->in_group || h->suspended || now_ms - item->shown_at_ms < SAY_AGAIN_MS)
        return;
    known = weir_status_store_get(&h->statuses, item->connector, item->task);
    if (known && known->state != WEIR_STATE_UNASSIGNED && !known->overwritten)
        return;
    item->shown_at_ms = now_ms;
    weir_status_write(h, item->connector, item->task, item->shown, item->shown_trace, false);
}

/* ---- Starting and stopping ------------------------------------------------------------------- */

/* [task] Not weir_post(): whoever waits here would hold up the herder that abandons the task. */
static bool post_fact(void *ctx, weir_task_fact *fact)
{
    weir_herder *h = ctx;
    weir_mail *mail = weir_mail_new(WEIR_MAIL_FACT);
    weir_code rc;

    mail->fact = fact;
    rc = weir_queue_put(h->mailbox, mail, 0);
    if (rc == WEIR_OK)
        return true;
    if (rc == WEIR_FULL)
        mail->fact = NULL; /* the task's still */
    weir_mail_free(mail);
    return rc != WEIR_FULL;
}

/* [task] */
static bool lease_runs(void *ctx)
{
    const weir_herder *h = ctx;

    return weir_lease_runs(h->lease);
}

void weir_workload_run(weir_herder *h, weir_own_item *item, bool forget)
{
    item->stopping = forget;
    item->run_id = ++h->last_run;
    item->run =
        weir_source_task_start(&(weir_task_spec){.connector = item->connector,
                                                 .task = item->task,
                                                 .tasks = item->tasks,
                                                 .plan = item->plan,
                                                 .run = item->run_id,
                                                 .registry = h->options.registry,
                                                 .settings = h->settings,
                                                 .connector_config = &item->connector_config,
                                                 .config = &item->config,
                                                 .offsets = h->offsets,
                                                 .paused = item->paused && !forget,
                                                 .forget = forget,
                                                 .tasks_left = item->tasks_left,
                                                 .report = post_fact,
                                                 .lease_runs = lease_runs,
                                                 .ctx = h});
}

void weir_workload_configure(weir_own_item *item, const weir_props *connector_config,
                             const weir_props *config, int32_t tasks)
{
    item->tasks = tasks;
    item->plan = 0;
    weir_props_clear(&item->connector_config);
    weir_props_clear(&item->config);
    weir_props_merge(&item->connector_config, connector_config);
    weir_props_merge(&item->config, config);
}

/* A new run counts from 0. */
static void begin_count(weir_herder *h, weir_own_item *item)
{
    weir_task_metrics_unref(item->metrics);
    item->metrics = NULL;
    item->came_up = false;
    memset(item->spent_ms, 0, sizeof(item->spent_ms));
    item->tallied_at_ms = weir_now_ms();
    h->counts.task_starts++;
}

/* It works, or waits because the user wants it to. */
static void comes_up(weir_herder *h, weir_own_item *item)
{
    h->counts.task_successes += !item->came_up;
    item->came_up = true;
}

static void start(weir_herder *h, weir_own_item *item, const weir_connector_entry *entry)
{
    item->failed = item->restart = false;
    begin_count(h, item);
    item->paused = entry->target == WEIR_PAUSED;
    weir_workload_configure(item, &entry->config, &entry->tasks[item->task], entry->task_count);
    item->plan = entry->tasks_offset;
    weir_workload_run(h, item, false);
    weir_logf(WEIR_INFO, "starting task %s/%d", item->connector, (int)item->task);
    if (h->suspended || h->tasks_wait)
        weir_source_task_suspend(item->run, true);
}

static void stop(weir_herder *h, weir_own_item *item)
{
    if (item->stopping)
        return;
    weir_logf(WEIR_INFO, "stopping task %s/%d", item->connector, (int)item->task);
    item->stopping = true;
    item->stop_by_ms = weir_now_ms() + h->settings->graceful_shutdown_ms;
    weir_source_task_stop(item->run);
}

/* Should this task be running here? */
static bool is_wanted(const weir_herder *h, const weir_own_item *item,
                      const weir_connector_entry *entry)
{
    return item->assigned && entry && entry->target != WEIR_STOPPED &&
           item->task < entry->task_count && !h->left_by_ms;
}

static void reconcile_connector(weir_herder *h, weir_own_item *item,
                                const weir_connector_entry *entry)
{
    static const weir_state shown_as[] = {[WEIR_STARTED] = WEIR_STATE_RUNNING,
                                          [WEIR_PAUSED] = WEIR_STATE_PAUSED,
                                          [WEIR_STOPPED] = WEIR_STATE_STOPPED};
    const char *class_name = entry ? weir_props_get(&entry->config, "connector.class") : NULL;

    if (!item->assigned) {
        if (entry && item->shown_known)
            show(h, item, WEIR_STATE_UNASSIGNED, NULL);
        remove_item(h, item);
        return;
    }
    if (!entry) { /* deleted; it may be created again before anybody decides */
        item->shown_known = item->failed = item->came_up = false;
        return;
    }
    if (entry->target == WEIR_STARTED &&
        (!class_name || !weir_registry_find(h->options.registry, class_name))) {
        char trace[600];

        snprintf(trace, sizeof(trace), "no plugin on worker %s has the class '%s' (connector '%s')",
                 h->settings->worker_id, class_name ? class_name : "", item->connector);
        if (!item->failed) {
            show(h, item, WEIR_STATE_FAILED, trace);
            h->counts.connector_starts++;
            h->counts.connector_failures++;
        }
        item->failed = true;
        return;
    }
    if (item->restart || entry->target != WEIR_STARTED)
        item->failed = false;
    h->counts.connector_starts += !item->came_up || item->restart;
    item->came_up = true;
    item->restart = false;
    if (!item->failed)
        show(h, item, shown_as[entry->target], NULL);
}

static void reconcile(weir_herder *h, weir_own_item *item)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, item->connector);
    bool wanted;

    if (is_connector(item)) {
        reconcile_connector(h, item, entry);
        return;
    }
    wanted = is_wanted(h, item, entry);
    if (item->run) {
        bool paused = entry && entry->target == WEIR_PAUSED;

        if (!wanted || item->restart) {
            stop(h, item);
        } else if (paused != item->paused && !item->stopping) {
            item->paused = paused;
            weir_source_task_pause(item->run, paused);
        }
        return;
    }
    if (!wanted) {
        if (!entry || item->task >= entry->task_count)
            item->shown_known = false; /* the leader removes the status */
        if (item->shown_known)
            show(h, item, WEIR_STATE_UNASSIGNED, NULL);
        if (!item->assigned)
            remove_item(h, item);
        return;
    }
    if ((!item->failed || item->restart) && h->in_group && !h->suspended && !h->tasks_wait &&
        !h->leaving)
        start(h, item, entry);
}

/* reconcile() may remove an item, so the walk is over names taken beforehand. */
static void reconcile_all(weir_herder *h)
{
    size_t count = h->items.count;
    weir_own_item **items = weir_new_array(weir_own_item *, count);

    for (size_t i = 0; i < count; i++)
        items[i] = h->items.entries[i].value;
    for (size_t i = 0; i < count; i++)
        reconcile(h, items[i]);
    free(items);
}

/* ---- The assignment -------------------------------------------------------------------------- */

static void assign_mine(weir_herder *h, const json_t *connectors)
{
    const char *connector;
    const json_t *list, *task;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)connectors, connector, list)
        json_array_foreach (list, i, task) {
            int32_t number =
                json_is_integer(task) ? (int32_t)json_integer_value(task) : WEIR_ITEM_CONNECTOR;
            weir_own_item *item = weir_workload_find(h, connector, number);

            if (!item)
                item = weir_workload_add(h, connector, number);
            item->assigned = true;
        }
}

void weir_workload_apply(weir_herder *h)
{
    const json_t *assignment = h->config.assignment, *workers;
    int64_t term = weir_json_int(assignment, "term", -1),
            seq = weir_json_int(assignment, "seq", -1);

    if (!h->ever_in_group)
        return; /* never from history */
    if (term != h->applied_term || seq != h->applied_seq) {
        bool names_us;

        workers = json_object_get(assignment, "workers");
        names_us = weir_same(weir_json_str(workers, h->settings->worker_id), h->instance);
        WEIR_MAP_EACH (entry, &h->items)
            ((weir_own_item *)entry->value)->assigned = false;
        if (names_us)
            assign_mine(
                h, json_object_get(json_object_get(assignment, "map"), h->settings->worker_id));
        h->applied_term = h->ack_term = term;
        h->applied_seq = h->ack_seq = seq;
        h->presence_due = true;
        reconcile_all(h);
        weir_membership_write(h);
        return;
    }
    reconcile_all(h);
}

/* ---- What changes under way ------------------------------------------------------------------ */

void weir_workload_tasks_changed(weir_herder *h, const char *connector)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);

    for (int32_t task = 0; entry && task < entry->task_count; task++) {
        weir_own_item *item = weir_workload_find(h, connector, task);

        if (item) {
            item->restart = item->run != NULL || item->failed;
            reconcile(h, item);
        }
    }
}

static void restart(weir_herder *h, weir_own_item *item, bool only_failed)
{
    char name[1024];

    if (!item || !item->assigned || (only_failed && !item->failed))
        return;
    item_name(item->connector, item->task, name, sizeof(name));
    weir_logf(WEIR_INFO, "restarting %s, as asked", name);
    item->restart = true;
    show(h, item, WEIR_STATE_RESTARTING, NULL);
    reconcile(h, item);
}

void weir_workload_restart(weir_herder *h, const char *connector, bool include_tasks,
                           bool only_failed)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);

    if (!entry)
        return;
    restart(h, weir_workload_find(h, connector, WEIR_ITEM_CONNECTOR), only_failed);
    for (int32_t task = 0; include_tasks && task < entry->task_count; task++)
        restart(h, weir_workload_find(h, connector, task), only_failed);
}

bool weir_workload_restart_task(weir_herder *h, const char *connector, int32_t task)
{
    weir_own_item *item = weir_workload_find(h, connector, task);

    if (!item || !item->assigned)
        return false;
    restart(h, item, false);
    return true;
}

/* The run is over, one way or the other. */
static void ended(weir_herder *h, weir_own_item *item, bool forgotten)
{
    weir_source_task_free(item->run);
    item->run = NULL;
    item->stopping = false;
    if (item->forget && !forgotten && weir_forget_again(h, item))
        return;
    item->forget = false;
    if (!item->assigned)
        h->presence_due = true; /* the list of what is still stopping shrinks */
    reconcile(h, item);
    weir_membership_write(h);
}

void weir_workload_fact(weir_herder *h, const weir_task_fact *fact)
{
    weir_own_item *item = weir_workload_find(h, fact->connector, fact->task);

    if (!item || !item->run || item->run_id != fact->run)
        return; /* of an earlier start */
    if (fact->details) {
        weir_replace(&item->details, fact->details);
        item->details_ms = weir_now_ms();
    }
    if (fact->metrics) {
        weir_task_metrics_unref(item->metrics);
        item->metrics = weir_task_metrics_ref(fact->metrics);
    }
    if (fact->is_details)
        return;
    switch (fact->state) {
    case WEIR_TASK_RUNNING:
        comes_up(h, item);
        show(h, item, WEIR_STATE_RUNNING, NULL);
        break;
    case WEIR_TASK_PAUSED:
        comes_up(h, item);
        show(h, item, WEIR_STATE_PAUSED, NULL);
        break;
    case WEIR_TASK_FAILED:
        item->failed = true;
        h->counts.task_failures += !item->came_up;
        if (item->assigned)
            show(h, item, WEIR_STATE_FAILED, fact->trace);
        ended(h, item, fact->forgotten);
        break;
    case WEIR_TASK_ENDED:
        ended(h, item, fact->forgotten);
        break;
    }
}

void weir_workload_suspend(weir_herder *h, bool suspended)
{
    WEIR_MAP_EACH (entry, &h->items) {
        const weir_own_item *item = entry->value;

        if (item->run && (suspended || item->assigned)) /* what others have now just ends */
            weir_source_task_suspend(item->run, suspended);
    }
    if (!suspended)
        reconcile_all(h);
}

static void abandon(weir_herder *h, weir_own_item *item)
{
    char name[1024];

    item_name(item->connector, item->task, name, sizeof(name));
    weir_logf(
        WEIR_ERROR,
        "task %s did not stop within %lld ms and is abandoned: its thread is left "
        "to itself, its host calls fail",
        name,
        (long long)(h->settings->graceful_shutdown_ms + (item->forget ? WEIR_TASK_FORGET_MS : 0)));
    weir_source_task_abandon(item->run);
    weir_map_set(&h->stuck, name, NULL);
    item->run = NULL;
    item->stopping = item->forget = false;
    h->presence_due = true;
    reconcile(h, item);
}

void weir_workload_tick(weir_herder *h, int64_t now_ms)
{
    const char *call;

    for (size_t i = h->items.count; i-- > 0;) { /* abandon() may remove the item */
        weir_own_item *item = h->items.entries[i].value;

        if (now_ms >= h->look_at_ms) {
            say_again(h, item, now_ms);
            if (item->run)
                weir_source_task_stuck_ms(item->run, &call); /* logs it */
        }
        if (item->run && item->stopping && now_ms >= item->stop_by_ms)
            abandon(h, item);
    }
    if (now_ms >= h->look_at_ms)
        h->look_at_ms = now_ms + LOOK_MS;
}

/* ---- The end --------------------------------------------------------------------------------- */

void weir_workload_stop_all(weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->items)
        ((weir_own_item *)entry->value)->assigned = false;
    reconcile_all(h);
}

bool weir_workload_idle(const weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->items)
        if (((const weir_own_item *)entry->value)->run)
            return false;
    return true;
}

void weir_workload_clear(weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->items) {
        weir_own_item *item = entry->value;

        if (item->run)
            weir_source_task_abandon(item->run);
        free_item(item);
    }
    h->items.drop = NULL;
    weir_map_clear(&h->items);
}
