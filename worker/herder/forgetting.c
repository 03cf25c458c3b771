/* forgetting.c - what tasks that will not come back have left outside: an MQTT session, say.
 *
 * A task goes for ever when its connector is deleted or has fewer tasks; both are records of the
 * config log, and so is who has the task at that point of it. That worker, and nobody else, has the
 * plugin give things up, in the task's own thread once its instance is gone, before it says that it
 * has let go of the task: so whoever gets a task of the same name next, here or elsewhere, starts
 * after that. A connector that is stopped, paused, moved or restarted keeps what it has outside.
 *
 * A connector that is deleted while it is STOPPED has no tasks any more and nobody who has them.
 * The leader who deleted it plans it once more and forgets on behalf of those tasks; until that is
 * over no connector of the name is created by it.
 *
 * The leader does the same for tasks that nobody had, being moved just then, or their worker dead.
 *
 * What cannot be given up for sure is not, and is named in the log: a worker that is not certain of
 * its place in the group has no right to, and for one that is missing nobody can speak.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define JOB_MS 60000 /* then what a job waits for is not going to come */

typedef enum job_step {
    LETTING_GO, /* somebody still stops a task: of a connector that was STOPPED */
    PLANNING,   /* likewise */
    TAKING,     /* what is `due` and not let go of yet is waited for */
    RUNNING,
} job_step;

/* What the leader gives up for tasks that are nobody's, of one connector. */
typedef struct job {
    weir_props config;
    weir_props *tasks; /* TAKING: as they were; NULL otherwise */
    bool *due;
    int32_t task_count;
    job_step step;
    int64_t until_ms;
} job;

static void drop_job(void *value)
{
    job *j = value;

    for (int32_t task = 0; task < j->task_count; task++)
        weir_props_clear(&j->tasks[task]);
    free(j->tasks);
    free(j->due);
    weir_props_clear(&j->config);
    free(j);
}

void weir_forget_init(weir_herder *h)
{
    h->forgetting = (weir_map)WEIR_MAP(drop_job);
}

static void warn(const char *connector, int32_t task, const char *why)
{
    weir_logf(WEIR_WARN, "what task %d of connector '%s' has left outside, if anything, stays: %s",
              (int)task, connector, why);
}

/* Are we certain that what the log says is ours is ours? */
static bool is_certain(const weir_herder *h)
{
    return h->in_group && !h->suspended && !h->tasks_wait && !h->banished;
}

static bool can_forget(const weir_herder *h, const weir_props *config)
{
    const char *class_name = weir_props_get(config, "connector.class");
    const weir_plugin *plugin =
        class_name ? weir_registry_find(h->options.registry, class_name) : NULL;
    const weir_source *source = plugin ? weir_plugin_desc_of(plugin)->source : NULL;

    return source && WEIR_HAS(source, forget);
}

/* ---- Tasks of ours --------------------------------------------------------------------------- */

/* How many tasks the connector has now. Stopped it has none, but it is not gone. */
static int32_t left_of(const weir_herder *h, const char *connector)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);

    if (!entry)
        return 0;
    return entry->task_count > 0 ? entry->task_count : 1;
}

static void forget(weir_herder *h, weir_own_item *item)
{
    if (!is_certain(h)) {
        warn(item->connector, item->task, "this worker has lost its place in the group");
        return;
    }
    if (!item->run && item->config.count == 0)
        return; /* it has never run here, and before that it was taken from somebody */
    item->forget = true;
    item->tasks_left = left_of(h, item->connector);
    item->stop_by_ms = weir_now_ms() + h->settings->graceful_shutdown_ms + WEIR_TASK_FORGET_MS;
    weir_logf(WEIR_INFO, "task %s/%d will not come back", item->connector, (int)item->task);
    if (item->run)
        weir_source_task_forget(item->run, item->tasks_left);
    else
        weir_workload_run(h, item, true);
    item->stopping = true;
}

bool weir_forget_again(weir_herder *h, weir_own_item *item)
{
    if (!is_certain(h)) {
        warn(item->connector, item->task, "this worker has lost its place in the group");
        return false;
    }
    weir_workload_run(h, item, true);
    return true;
}

static void forget_ours(weir_herder *h, const char *connector, int32_t first)
{
    WEIR_MAP_EACH (entry, &h->items) {
        weir_own_item *item = entry->value;

        if (item->task != WEIR_ITEM_CONNECTOR && item->task >= first && !item->forget &&
            item->assigned && strcmp(item->connector, connector) == 0)
            forget(h, item);
    }
}

/* ---- Tasks of nobody -------------------------------------------------------------------------
 */

/* Who had a task at this point of the log: a worker that is there, and sees to it; nobody any more,
 * so the leader does; or somebody of whom nothing is known. */
typedef enum fate { THEIRS, NOBODYS, UNKNOWN } fate;

static const json_t *unplaced(const weir_herder *h, const char *connector, int32_t task)
{
    char name[1024];

    weir_item_text(&(weir_item){connector, task}, name, sizeof(name));
    return json_object_get(json_object_get(h->config.assignment, "unassigned"), name);
}

static fate fate_of_worker(const weir_herder *h, const char *worker, const char *instance,
                           fate live)
{
    if (weir_is_dead(h, worker, instance))
        return NOBODYS;
    return weir_is_live(h, weir_map_get(&h->config.workers, worker)) ? live : UNKNOWN;
}

static fate fate_of(const weir_herder *h, const char *connector, int32_t task)
{
    const char *owner = weir_item_owner(h, connector, task), *from;
    const json_t *workers = json_object_get(h->config.assignment, "workers");
    const json_t *taken = unplaced(h, connector, task);

    if (owner)
        return fate_of_worker(h, owner, weir_json_str(workers, owner), THEIRS);
    if (!taken)
        return THEIRS; /* nobody was ever given it: there is nothing */
    from = weir_json_str(taken, "from");
    if (from) /* it stops for good there, and may have done so already */
        return fate_of_worker(h, from, weir_json_str(taken, "instance"), NOBODYS);
    return weir_is_barred(h, connector, task) ? UNKNOWN : NOBODYS; /* it would crash us, too */
}

/* [leader] */
static void take_nobodys(weir_herder *h, const char *connector, int32_t first, weir_going *before)
{
    job *j = weir_new(job);
    bool any = false;

    j->due = weir_new_array(bool, (size_t)before->task_count);
    for (int32_t task = first; task < before->task_count; task++) {
        fate what = fate_of(h, connector, task);

        if (what == UNKNOWN)
            warn(connector, task, "its worker is missing, or it has crashed workers");
        any = any || what == NOBODYS;
        j->due[task] = what == NOBODYS;
    }
    if (!any || weir_map_get(&h->forgetting, connector)) {
        if (any)
            warn(connector, first, "others of the connector's are being given up");
        drop_job(j);
        return;
    }
    j->config = before->config;
    j->tasks = before->tasks;
    j->task_count = before->task_count;
    *before = (weir_going){.task_count = 0};
    j->step = TAKING;
    j->until_ms = weir_now_ms() + JOB_MS;
    weir_map_set(&h->forgetting, connector, j);
}

/* As if the task were ours. False: it has to be let go of first. */
static bool take_one(weir_herder *h, const char *connector, int32_t task, const job *j)
{
    weir_own_item *item = weir_workload_find(h, connector, task);

    if (weir_json_str(unplaced(h, connector, task), "from") || (item && item->run))
        return false;
    if (!item)
        item = weir_workload_add(h, connector, task);
    weir_workload_configure(item, &j->config, &j->tasks[task], j->task_count);
    forget(h, item);
    return true;
}

static void take_due(weir_herder *h, const char *connector, job *j)
{
    bool waits = false;

    for (int32_t task = 0; task < j->task_count; task++) {
        if (j->due[task])
            j->due[task] = !take_one(h, connector, task, j);
        waits = waits || j->due[task];
    }
    if (!waits)
        j->step = RUNNING;
}

/* ---- The record that makes them go ------------------------------------------------------------
 */

/* The connector that such a record is about, as it is before it; NULL: it is another one. */
static const weir_connector_entry *subject(const weir_herder *h, const weir_log_record *record)
{
    static const char *const prefixes[] = {"connector-", "commit-"};

    for (size_t i = 0; i < WEIR_COUNT(prefixes); i++) {
        size_t length = strlen(prefixes[i]);

        if (strncmp(record->key, prefixes[i], length) == 0)
            return weir_config_store_find(&h->config, record->key + length);
    }
    return NULL;
}

weir_going weir_forget_look(const weir_herder *h, const weir_log_record *record)
{
    const weir_connector_entry *entry = subject(h, record);
    weir_going going = {.task_count = 0};

    if (!entry)
        return going;
    going.was_stopped = entry->target == WEIR_STOPPED && entry->task_count == 0;
    if (!weir_leads(h) || !can_forget(h, &entry->config))
        return going;
    going.task_count = entry->task_count;
    weir_props_merge(&going.config, &entry->config);
    going.tasks = weir_new_array(weir_props, (size_t)entry->task_count);
    for (int32_t task = 0; task < entry->task_count; task++)
        weir_props_merge(&going.tasks[task], &entry->tasks[task]);
    return going;
}

void weir_going_clear(weir_going *going)
{
    for (int32_t task = 0; task < going->task_count; task++)
        weir_props_clear(&going->tasks[task]);
    free(going->tasks);
    weir_props_clear(&going->config);
}

void weir_forget_gone(weir_herder *h, const char *connector, weir_going *before)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);
    int32_t first = entry ? entry->task_count : 0;

    /* No tasks at all: that is how a connector is stopped, or a set that is not whole. */
    if (!h->config_read || (entry && first == 0) || before->was_stopped)
        return;
    forget_ours(h, connector, first);
    if (weir_leads(h))
        take_nobodys(h, connector, first, before);
}

bool weir_tasks_let_go(const weir_herder *h, const char *connector)
{
    const json_t *map = json_object_get(h->config.assignment, "map"), *connectors, *task, *entry;
    const json_t *unassigned = json_object_get(h->config.assignment, "unassigned");
    size_t i, length = strlen(connector);
    const char *name;

    json_object_foreach ((json_t *)(uintptr_t)map, name, connectors)
        json_array_foreach (json_object_get(connectors, connector), i, task)
            if (json_is_integer(task))
                return false;
    json_object_foreach ((json_t *)(uintptr_t)unassigned, name, entry)
        if (strncmp(name, connector, length) == 0 && name[length] == '/' &&
            strcmp(name + length, "/c") != 0 && !strchr(name + length + 1, '/') &&
            weir_json_str(entry, "from"))
            return false;
    return true;
}

/* ---- Deleted while it was stopped ------------------------------------------------------------ */

bool weir_forget_is_due(const weir_herder *h, const weir_connector_entry *entry)
{
    return entry->target == WEIR_STOPPED && entry->task_count == 0 && can_forget(h, &entry->config);
}

void weir_forget_stopped(weir_herder *h, const char *connector, const weir_props *config)
{
    job *j = weir_new(job);

    weir_props_merge(&j->config, config);
    j->until_ms = weir_now_ms() + JOB_MS;
    weir_map_set(&h->forgetting, connector, j);
}

static void give_up(weir_herder *h, const char *connector, const char *why)
{
    weir_logf(
        WEIR_WARN,
        "connector '%s' was deleted, or has fewer tasks, while nobody had them; what they have "
        "left outside, if anything, stays: %s",
        connector, why);
    weir_map_remove(&h->forgetting, connector);
}

typedef struct plan_ticket {
    weir_herder *herder;
    char *connector;
} plan_ticket;

/* [foreign] */
static void planned(void *ctx, weir_check *check)
{
    plan_ticket *ticket = ctx;
    weir_mail *mail = weir_mail_new(WEIR_MAIL_FORGET);

    mail->connector = ticket->connector;
    mail->check = weir_new(weir_check);
    *mail->check = *check;
    *check = (weir_check){.code = WEIR_OK};
    weir_post(ticket->herder, mail);
    free(ticket);
}

static void plan(weir_herder *h, const char *connector, job *j)
{
    plan_ticket *ticket = weir_new(plan_ticket);
    weir_check_request request = {.registry = h->options.registry,
                                  .worker = &h->settings->props,
                                  .providers = h->settings->providers,
                                  .connector = connector,
                                  .config = &j->config,
                                  .plan = true};

    *ticket = (plan_ticket){h, weir_strdup(connector)};
    j->step = PLANNING;
    if (weir_check_submit(h->options.foreign, &request, planned, ticket) == WEIR_OK)
        return;
    j->step = LETTING_GO; /* too much to check just now: tried again */
    free(ticket->connector);
    free(ticket);
}

void weir_forget_planned(weir_herder *h, const char *connector, weir_check *check)
{
    job *j = weir_map_get(&h->forgetting, connector);

    if (!j || j->step != PLANNING)
        return;
    if (check->code != WEIR_OK) {
        give_up(h, connector, check->err.msg);
        return;
    }
    if (!is_certain(h)) {
        give_up(h, connector, "this worker has lost its place in the group");
        return;
    }
    j->step = RUNNING;
    for (size_t i = 0; i < check->task_count; i++) {
        weir_own_item *item = weir_workload_find(h, connector, (int32_t)i);

        if (!item)
            item = weir_workload_add(h, connector, (int32_t)i);
        if (item->run)
            continue;
        weir_workload_configure(item, &j->config, &check->tasks[i], (int32_t)check->task_count);
        forget(h, item);
    }
}

static bool is_running(const weir_herder *h, const char *connector)
{
    WEIR_MAP_EACH (entry, &h->items) {
        const weir_own_item *item = entry->value;

        if (item->forget && strcmp(item->connector, connector) == 0)
            return true;
    }
    return false;
}

void weir_forget_tick(weir_herder *h, int64_t now_ms)
{
    for (size_t i = h->forgetting.count; i-- > 0;) {
        const char *connector = h->forgetting.entries[i].key;
        job *j = h->forgetting.entries[i].value;

        if (j->step == RUNNING && !is_running(h, connector))
            weir_map_remove(&h->forgetting, connector);
        else if (j->step != RUNNING && !weir_leads(h))
            give_up(h, connector, "this worker leads no more");
        else if (j->step != RUNNING && now_ms >= j->until_ms)
            give_up(h, connector, "its tasks did not stop, or could not be planned, in time");
        else if (j->step == TAKING)
            take_due(h, connector, j);
        else if (j->step == LETTING_GO && weir_tasks_let_go(h, connector))
            plan(h, connector, j);
    }
}
