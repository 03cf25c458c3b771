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

#define JOB_MS 60000 /* then a deleted connector is given up on */

typedef enum job_step { LETTING_GO, PLANNING, RUNNING } job_step;

/* A connector that was deleted while it was stopped. */
typedef struct job {
    weir_props config;
    job_step step;
    int64_t until_ms;
} job;

static void drop_job(void *value)
{
    job *j = value;

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

static void forget(weir_herder *h, weir_own_item *item)
{
    if (!is_certain(h)) {
        warn(item->connector, item->task, "this worker has lost its place in the group");
        return;
    }
    if (!item->run && item->config.count == 0)
        return; /* it has never run here, and before that it was taken from somebody */
    item->forget = true;
    item->stop_by_ms = weir_now_ms() + h->settings->graceful_shutdown_ms + WEIR_TASK_FORGET_MS;
    weir_logf(WEIR_INFO, "task %s/%d will not come back", item->connector, (int)item->task);
    if (item->run)
        weir_source_task_forget(item->run);
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
            (item->assigned || item->run) && strcmp(item->connector, connector) == 0)
            forget(h, item);
    }
}

/* ---- Tasks of nobody -------------------------------------------------------------------------
 */

/* Who had a task at this point of the log: a worker that is there, and sees to it; nobody, so the
 * leader does; or somebody of whom nothing is known. */
typedef enum fate { THEIRS, NOBODYS, UNKNOWN } fate;

static bool is_listed(const json_t *names, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach (names, i, one)
        if (weir_same(json_string_value(one), name))
            return true;
    return false;
}

/* It was taken from a worker: has that one let go of it? */
static fate fate_of_taken(const weir_herder *h, const char *name, const json_t *taken)
{
    const char *from = weir_json_str(taken, "from"), *instance = weir_json_str(taken, "instance");
    int64_t term = weir_json_int(taken, "term", -1), seq = weir_json_int(taken, "seq", -1);
    const weir_presence *presence = weir_map_get(&h->config.workers, from);
    const json_t *ack = presence ? json_object_get(presence->body, "ack") : NULL;
    int64_t ack_term = weir_json_int(ack, "term", -1);

    if (weir_is_dead(h, from, instance))
        return NOBODYS;
    if (!weir_is_live(h, presence) ||
        !weir_same(weir_json_str(presence->body, "instance"), instance))
        return UNKNOWN;
    if (ack_term < term || (ack_term == term && weir_json_int(ack, "seq", -1) < seq) ||
        is_listed(json_object_get(presence->body, "stopping"), name))
        return THEIRS;
    return NOBODYS;
}

static fate fate_of(const weir_herder *h, const char *connector, int32_t task)
{
    const char *owner = weir_item_owner(h, connector, task), *instance;
    const json_t *taken;
    char name[1024];

    if (owner) {
        const weir_presence *presence = weir_map_get(&h->config.workers, owner);

        instance = weir_json_str(json_object_get(h->config.assignment, "workers"), owner);
        if (weir_is_dead(h, owner, instance))
            return NOBODYS;
        return weir_is_live(h, presence) ? THEIRS : UNKNOWN;
    }
    weir_item_text(&(weir_item){connector, task}, name, sizeof(name));
    taken = json_object_get(json_object_get(h->config.assignment, "unassigned"), name);
    if (!taken)
        return THEIRS; /* nobody was ever given it: there is nothing */
    if (weir_json_str(taken, "from"))
        return fate_of_taken(h, name, taken);
    return weir_is_barred(h, connector, task) ? UNKNOWN : NOBODYS; /* it would crash us, too */
}

/* [leader] Sees to what nobody can see to any more, as if the tasks were its own. */
static void forget_for(weir_herder *h, const char *connector, int32_t task,
                       const weir_going *before)
{
    weir_own_item *item = weir_workload_find(h, connector, task);

    if (item && (item->run || item->forget))
        return; /* it is ours, or was until now */
    if (!item)
        item = weir_workload_add(h, connector, task);
    weir_workload_configure(item, &before->config, &before->tasks[task]);
    forget(h, item);
    if (item->forget && !weir_map_get(&h->forgetting, connector)) {
        job *j = weir_new(job);

        j->step = RUNNING;
        weir_map_set(&h->forgetting, connector, j); /* none of the name is made meanwhile */
    }
}

static void forget_nobodys(weir_herder *h, const char *connector, int32_t first,
                           const weir_going *before)
{
    for (int32_t task = first; task < before->task_count; task++)
        switch (fate_of(h, connector, task)) {
        case THEIRS:
            break;
        case NOBODYS:
            forget_for(h, connector, task, before);
            break;
        case UNKNOWN:
            warn(connector, task, "its worker is missing, or it has crashed workers");
            break;
        }
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

void weir_forget_gone(weir_herder *h, const char *connector, const weir_going *before)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);
    int32_t first = entry ? entry->task_count : 0;

    /* No tasks at all: that is how a connector is stopped, or a set that is not whole. */
    if (!h->config_read || (entry && first == 0) || before->was_stopped)
        return;
    forget_ours(h, connector, first);
    if (weir_leads(h))
        forget_nobodys(h, connector, first, before);
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
    weir_logf(WEIR_WARN,
              "connector '%s' was deleted while it was stopped; what its tasks have left outside, "
              "if anything, stays: %s",
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
        weir_workload_configure(item, &j->config, &check->tasks[i]);
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
        else if (j->step == LETTING_GO && weir_tasks_let_go(h, connector))
            plan(h, connector, j);
    }
}
