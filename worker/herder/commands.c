/* commands.c - what the REST API wants done.
 *
 * A command goes through: is this the worker to do it (else forward, or wait for a leader to be
 * there) → does the thing exist → check and plan on the thread for foreign code → one transaction
 * → its read-back → the answer. Texts are Apache's (connect-rest-api.md 1.3, 1.4, 2.1).
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- Checking -------------------------------------------------------------------------------- */

typedef struct check_ticket {
    weir_herder *herder;
    weir_slot *slot; /* NULL: upkeep */
    char *connector;
} check_ticket;

/* [foreign] */
static void checked(void *ctx, weir_check *check)
{
    check_ticket *ticket = ctx;
    weir_mail *mail = weir_mail_new(WEIR_MAIL_CHECKED);

    mail->slot = ticket->slot;
    mail->connector = ticket->connector;
    mail->check = weir_new(weir_check);
    *mail->check = *check;
    *check = (weir_check){.code = WEIR_OK};
    weir_post(ticket->herder, mail);
    free(ticket);
}

/* Who is to get a new config hears of its neighbours; what was accepted before is not judged by
 * them again. */
static bool is_changed(const weir_slot *slot)
{
    return slot &&
           (slot->request.what == WEIR_ASK_CREATE || slot->request.what == WEIR_ASK_PUT_CONFIG ||
            slot->request.what == WEIR_ASK_PATCH_CONFIG);
}

static bool submit(weir_herder *h, weir_slot *slot, const char *connector, const weir_props *config,
                   bool plan)
{
    check_ticket *ticket = weir_new(check_ticket);
    weir_check_neighbour *neighbours = NULL;
    weir_code rc;
    weir_check_request request = {.registry = h->options.registry,
                                  .worker = &h->settings->props,
                                  .providers = h->settings->providers,
                                  .connector = connector,
                                  .config = config,
                                  .plan = plan};

    *ticket = (check_ticket){h, slot, weir_strdup(connector)};
    if (plan && is_changed(slot))
        neighbours = weir_neighbours_of(h, connector, &request.neighbour_count);
    request.neighbours = neighbours;
    rc = weir_check_submit(h->options.foreign, &request, checked, ticket);
    free(neighbours);
    if (rc == WEIR_OK)
        return true;
    free(ticket->connector);
    free(ticket);
    return false;
}

/* What was checked, and for which target, is looked at again before anything is written. */
static void submit_command(weir_herder *h, weir_slot *slot, const weir_props *config, bool plan)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);

    slot->basis_offset = entry ? entry->config_offset : -1;
    slot->basis_target = entry ? entry->target : WEIR_STARTED;
    if (!submit(h, slot, slot->connector, config, plan))
        weir_slot_refuse(slot, WEIR_UNAVAILABLE,
                         "Too many connector configs are waiting to be checked; try again later");
}

static bool has_moved(const weir_herder *h, const weir_slot *slot)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);

    return (entry ? entry->config_offset : -1) != slot->basis_offset ||
           (entry ? entry->target : WEIR_STARTED) != slot->basis_target;
}

static weir_target wished_target(const weir_slot *slot)
{
    if (weir_same(slot->target, "PAUSED"))
        return WEIR_PAUSED;
    return weir_same(slot->target, "STOPPED") ? WEIR_STOPPED : WEIR_STARTED;
}

static void check_config(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    weir_target target = entry ? entry->target : wished_target(slot);

    if (!weir_props_has(&slot->config, "name"))
        weir_props_set(&slot->config, "name", slot->connector);
    submit_command(h, slot, &slot->config, target == WEIR_STARTED);
}

/* ---- Commands of the leader ------------------------------------------------------------------ */

static void create(weir_herder *h, weir_slot *slot)
{
    check_config(h, slot, NULL);
}

static void put_config(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    check_config(h, slot, entry);
}

static void patch_config(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    weir_props merged = WEIR_PROPS;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Connector %s not found", slot->connector);
        return;
    }
    if (slot->patch.count == 0)
        weir_props_merge(&slot->patch, &slot->config);
    weir_props_merge(&merged, &entry->config);
    WEIR_PROPS_EACH (pair, &slot->patch) {
        if (pair->value)
            weir_props_set(&merged, pair->key, pair->value);
        else
            weir_props_remove(&merged, pair->key);
    }
    weir_props_clear(&slot->config);
    slot->config = merged;
    check_config(h, slot, entry);
}

static void delete_connector(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    weir_batch *batch;
    weir_buf key = WEIR_BUF;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Connector %s not found", slot->connector);
        return;
    }
    weir_props_clear(&slot->config);
    if (weir_forget_is_due(h, entry))
        weir_props_merge(&slot->config, &entry->config);
    batch = weir_batch_new();
    weir_config_connector_key(&key, slot->connector);
    weir_batch_add(batch, weir_buf_text(&key), NULL);
    weir_buf_clear(&key);
    weir_config_target_key(&key, slot->connector);
    weir_batch_add(batch, weir_buf_text(&key), NULL);
    weir_buf_free(&key);
    weir_lead_write(h, WEIR_WRITE_COMMAND, batch, slot);
}

static void stop(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    weir_batch *batch;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown connector %s", slot->connector);
        return;
    }
    batch = weir_batch_new();
    weir_batch_add_tasks(batch, slot->connector, NULL, 0);
    weir_batch_add_target(batch, slot->connector, WEIR_STOPPED);
    weir_lead_write(h, WEIR_WRITE_COMMAND, batch, slot);
}

static void resume(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown connector %s", slot->connector);
        return;
    }
    submit_command(h, slot, &entry->config, true);
}

static void write_restart(weir_herder *h, weir_slot *slot)
{
    weir_batch *batch = weir_batch_new();
    weir_buf key = WEIR_BUF, value = WEIR_BUF;

    weir_config_restart_key(&key, slot->connector);
    weir_config_restart_value(&value, slot->request.include_tasks, slot->request.only_failed);
    weir_batch_add(batch, weir_buf_text(&key), weir_buf_text(&value));
    weir_buf_free(&key);
    weir_buf_free(&value);
    weir_lead_write(h, WEIR_WRITE_COMMAND, batch, slot);
}

static void as_restarting(json_t *row, bool only_failed)
{
    if (!only_failed || weir_same(weir_json_str(row, "state"), "FAILED"))
        weir_json_set_str(row, "state", "RESTARTING");
}

static void restart(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    json_t *plan, *row;
    size_t i;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown connector: %s", slot->connector);
        return;
    }
    if (!slot->request.include_tasks && !slot->request.only_failed) {
        submit_command(h, slot, &entry->config, entry->target == WEIR_STARTED);
        return;
    }
    plan = weir_answer_status(h, slot->connector);
    if (!plan) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Status for connector %s not found",
                         slot->connector);
        return;
    }
    as_restarting(json_object_get(plan, "connector"), slot->request.only_failed);
    json_array_foreach (json_object_get(plan, "tasks"), i, row)
        if (slot->request.include_tasks)
            as_restarting(row, slot->request.only_failed);
    slot->reply.accepted = true;
    slot->reply.body = plan; /* given once the record is in the log */
    write_restart(h, slot);
}

/* ---- Commands of any worker, and of an owner ------------------------------------------------- */

static void pause(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    weir_buf key = WEIR_BUF, value = WEIR_BUF;
    uint64_t token;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown connector %s", slot->connector);
        return;
    }
    weir_config_target_key(&key, slot->connector);
    weir_config_target_value(&value, WEIR_PAUSED);
    token = weir_write_remember(h, WEIR_WRITE_COMMAND, slot);
    if (weir_producer_send(h->producer, h->settings->config_topic, weir_buf_text(&key),
                           weir_buf_text(&value), token) != WEIR_OK) {
        weir_err err;

        weir_fail(&err, WEIR_FULL, "too many writes wait for Kafka");
        weir_leadership_written(h, token, WEIR_FULL, -1, &err);
    }
    weir_buf_free(&key);
    weir_buf_free(&value);
}

/* It gets another chance with the next decision. The next leader knows of that once it is in the
 * log, so until then it is not done; the bar itself may still be on its way there, for its status
 * is written first. False: it is not, or no longer, about a pardon. */
static bool pardon(weir_herder *h, weir_slot *slot)
{
    int32_t task = slot->request.task;

    if (weir_is_barred(h, slot->connector, task)) {
        if (!weir_is_leaders_work(h, slot))
            return true;
        weir_suspects_clear(h, slot->connector, task);
        slot->pardons = true;
    }
    if (!slot->pardons)
        return false;
    if (h->assignment_in_flight || weir_was_barred(h, slot->connector, task))
        weir_command_again(h, slot);
    else
        weir_slot_answer(slot, NULL);
    return true;
}

static void restart_task(weir_herder *h, weir_slot *slot, const weir_connector_entry *entry)
{
    int32_t task = slot->request.task;
    const char *owner, *url;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown connector: %s", slot->connector);
        return;
    }
    if (task < 0 || (task >= entry->task_count &&
                     !(entry->target == WEIR_STOPPED &&
                       weir_status_store_get(&h->statuses, slot->connector, task)))) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown task: %s-%d", slot->connector, (int)task);
        return;
    }
    if (pardon(h, slot))
        return;
    if (weir_workload_restart_task(h, slot->connector, task)) {
        weir_slot_answer(slot, NULL);
        return;
    }
    owner = weir_item_owner(h, slot->connector, task);
    url = owner && strcmp(owner, h->settings->worker_id) != 0 ? weir_worker_url(h, owner) : NULL;
    if (url)
        weir_slot_forward(slot, url);
    else
        weir_slot_refuse(slot, WEIR_CONFLICT, WEIR_NO_LEADER);
}

static void leaders_command(weir_herder *h, weir_slot *slot)
{
    const weir_connector_entry *entry;

    if (!slot->client && !weir_is_leaders_work(h, slot))
        return;
    if (!slot->client && weir_is_being_written(h, slot->connector)) {
        weir_command_again(h, slot);
        return;
    }
    entry = weir_config_store_find(&h->config, slot->connector);
    switch (slot->request.what) {
    case WEIR_ASK_CREATE:
        create(h, slot);
        break;
    case WEIR_ASK_PUT_CONFIG:
        put_config(h, slot, entry);
        break;
    case WEIR_ASK_PATCH_CONFIG:
        patch_config(h, slot, entry);
        break;
    case WEIR_ASK_DELETE:
        delete_connector(h, slot, entry);
        break;
    case WEIR_ASK_STOP:
        stop(h, slot, entry);
        break;
    case WEIR_ASK_RESUME:
        resume(h, slot, entry);
        break;
    case WEIR_ASK_ALTER_OFFSETS:
    case WEIR_ASK_RESET_OFFSETS:
        weir_offsets_change(h, slot, entry);
        break;
    default:
        restart(h, slot, entry);
    }
}

void weir_command(weir_herder *h, weir_slot *slot)
{
    if (weir_now_ms() >= slot->deadline_ms) { /* nobody waits for it any more */
        weir_offsets_give_up(h, slot);
        weir_slot_release(slot);
        return;
    }
    if (weir_settle_fenced(h, slot))
        return;
    switch (slot->request.what) {
    case WEIR_ASK_ROOT:
    case WEIR_ASK_HEALTH:
    case WEIR_ASK_LIST:
    case WEIR_ASK_STATUS:
    case WEIR_ASK_TASK_STATUS:
    case WEIR_ASK_CLUSTER:
    case WEIR_ASK_DETAILS:
    case WEIR_ASK_METRICS:
        weir_answer(h, slot);
        return;
    default:
        break;
    }
    if (weir_wait_for_start(h, slot))
        return;
    switch (slot->request.what) {
    case WEIR_ASK_CONNECTOR:
    case WEIR_ASK_CONFIG:
    case WEIR_ASK_TASKS:
        weir_answer(h, slot);
        break;
    case WEIR_ASK_OFFSETS:
        weir_offsets_show(h, slot, weir_config_store_find(&h->config, slot->connector));
        break;
    case WEIR_ASK_PAUSE:
        pause(h, slot, weir_config_store_find(&h->config, slot->connector));
        break;
    case WEIR_ASK_RESTART_TASK:
        restart_task(h, slot, weir_config_store_find(&h->config, slot->connector));
        break;
    default:
        leaders_command(h, slot);
    }
}

/* ---- After the check ------------------------------------------------------------------------- */

/* A target that was written after its connector was deleted would be the next one's of the name. */
static bool has_leftover_target(const weir_herder *h, const char *connector)
{
    const weir_connector_entry *leftover = weir_map_get(&h->config.connectors, connector);

    return leftover && leftover->target_known;
}

static void write_config(weir_herder *h, weir_slot *slot, const weir_check *check)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);
    weir_batch *batch;

    if (slot->request.what == WEIR_ASK_CREATE && entry) {
        weir_slot_refuse(slot, WEIR_EXISTS, "Connector %s already exists", slot->connector);
        return;
    }
    batch = weir_batch_new();
    if (!entry && (slot->target || has_leftover_target(h, slot->connector)))
        weir_batch_add_target(batch, slot->connector, wished_target(slot));
    weir_batch_add_config(batch, slot->connector, &slot->config);
    if (check->task_count > 0)
        weir_batch_add_tasks(batch, slot->connector, check->tasks, check->task_count);
    slot->reply.created = !entry;
    weir_lead_write(h, WEIR_WRITE_COMMAND, batch, slot);
}

static void write_resume(weir_herder *h, weir_slot *slot, const weir_check *check)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);
    weir_batch *batch;

    if (!entry) {
        weir_slot_refuse(slot, WEIR_NOT_FOUND, "Unknown connector %s", slot->connector);
        return;
    }
    batch = weir_batch_new();
    if (!weir_same_tasks(entry, check))
        weir_batch_add_tasks(batch, slot->connector, check->tasks, check->task_count);
    weir_batch_add_target(batch, slot->connector, WEIR_STARTED);
    weir_lead_write(h, WEIR_WRITE_COMMAND, batch, slot);
}

/* A plain restart: the plan is made again, and the owner shows the connector anew. */
static void write_plain_restart(weir_herder *h, weir_slot *slot, const weir_check *check)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);

    if (entry && entry->target == WEIR_STARTED && !weir_same_tasks(entry, check)) {
        weir_batch *batch = weir_batch_new();

        weir_batch_add_tasks(batch, slot->connector, check->tasks, check->task_count);
        weir_lead_write(h, WEIR_WRITE_UPKEEP, batch, NULL);
    }
    write_restart(h, slot);
}

/* A class that nobody has is the config's fault (400), not a resource that is missing. */
static void refuse_config(weir_slot *slot, weir_check *check)
{
    slot->reply.message = check->message;
    check->message = NULL;
    weir_slot_refuse(slot, check->code == WEIR_NOT_FOUND ? WEIR_INVALID : check->code, "%s",
                     check->err.msg);
}

static void log_notes(const char *connector, const weir_check *check)
{
    const json_t *note;
    size_t i;

    json_array_foreach (check->notes, i, note)
        weir_log(weir_same(weir_json_str(note, "level"), "WARN") ? WEIR_WARN : WEIR_INFO,
                 weir_json_str(note, "text"), "connector", connector, "key",
                 weir_json_str(note, "key"), NULL);
}

void weir_command_checked(weir_herder *h, weir_slot *slot, weir_check *check)
{
    if (weir_leads(h) && (weir_is_being_written(h, slot->connector) || has_moved(h, slot))) {
        weir_command_again(h, slot); /* this was about a config that is none any more */
        return;
    }
    log_notes(slot->connector, check);
    if (check->code != WEIR_OK) {
        if (slot->request.what == WEIR_ASK_RESTART)
            weir_slot_refuse(slot, WEIR_FAILED, "Failed to start connector: %s: %s",
                             slot->connector, check->err.msg);
        else
            refuse_config(slot, check);
        return;
    }
    if (!weir_leads(h)) { /* nothing was written: whoever leads next does it */
        weir_command_again(h, slot);
        return;
    }
    if (slot->request.what == WEIR_ASK_RESUME)
        write_resume(h, slot, check);
    else if (slot->request.what == WEIR_ASK_RESTART)
        write_plain_restart(h, slot, check);
    else
        write_config(h, slot, check);
}

/* ---- Upkeep: the leader plans what nobody asked for ------------------------------------------ */

void weir_upkeep_plan(weir_herder *h, const weir_connector_entry *entry)
{
    int64_t *planned = weir_new(int64_t);

    *planned = entry->config_offset;
    weir_map_set(&h->planned, entry->name, planned);
    weir_logf(WEIR_INFO, "planning connector '%s': its task set is %s", entry->name,
              entry->inconsistent ? "incomplete" : "missing");
    if (!submit(h, NULL, entry->name, &entry->config, true))
        weir_map_remove(&h->planned, entry->name); /* tried again with the next upkeep */
}

void weir_upkeep_checked(weir_herder *h, const char *connector, weir_check *check)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, connector);
    const int64_t *planned = weir_map_get(&h->planned, connector);
    weir_batch *batch;

    if (!weir_leads(h) || !entry || entry->target != WEIR_STARTED || !planned ||
        *planned != entry->config_offset || weir_is_being_written(h, connector)) {
        weir_map_remove(&h->planned, connector); /* if it still has to be done, then anew */
        return;
    }
    if (check->code != WEIR_OK) {
        weir_logf(WEIR_ERROR, "connector '%s' cannot be planned: %s", connector, check->err.msg);
        weir_status_write(h, connector, WEIR_CONNECTOR_ITEM, WEIR_STATE_FAILED, check->err.msg,
                          false);
        return;
    }
    if (weir_same_tasks(entry, check))
        return;
    batch = weir_batch_new();
    weir_batch_add_tasks(batch, connector, check->tasks, check->task_count);
    weir_lead_write(h, WEIR_WRITE_UPKEEP, batch, NULL);
}
