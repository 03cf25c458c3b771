/* herder.c - see herder.h. The thread, its mailbox, and the way in for the REST API. */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#define MAILBOX       16384
#define IDLE_ROUND_MS 250 /* timers are looked at least this often */
#define BUSY_ROUND_MS 20

/* ---- Mail ------------------------------------------------------------------------------------ */

weir_mail *weir_mail_new(weir_mail_kind kind)
{
    weir_mail *mail = weir_new(weir_mail);

    mail->kind = kind;
    return mail;
}

void weir_mail_free(void *msg)
{
    weir_mail *mail = msg;

    if (!mail)
        return;
    if (mail->slot)
        weir_slot_refuse(mail->slot, WEIR_UNAVAILABLE, "Worker is shutting down");
    if (mail->check) {
        weir_check_clear(mail->check);
        free(mail->check);
    }
    weir_task_fact_free(mail->fact);
    weir_news_free(mail->news);
    free(mail->connector);
    free(mail->text);
    free(mail);
}

void weir_post(weir_herder *herder, weir_mail *mail)
{
    if (weir_queue_put(herder->mailbox, mail, -1) != WEIR_OK)
        weir_mail_free(mail);
}

/* ---- Slots ----------------------------------------------------------------------------------- */

static weir_slot *slot_new(const weir_request *request, int64_t deadline_ms)
{
    weir_slot *slot = weir_new(weir_slot);
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&slot->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&slot->lock, NULL);
    slot->references = 2;
    slot->request = *request;
    slot->connector = weir_strdup(request->connector);
    slot->target = weir_strdup(request->target);
    slot->offsets = weir_strdup(request->offsets);
    if (request->config)
        weir_props_merge(&slot->config, request->config);
    slot->request.connector = slot->connector;
    slot->request.target = slot->target;
    slot->request.config = &slot->config;
    slot->deadline_ms = deadline_ms;
    return slot;
}

void weir_slot_release(weir_slot *slot)
{
    bool last;

    pthread_mutex_lock(&slot->lock);
    last = --slot->references == 0;
    pthread_mutex_unlock(&slot->lock);
    if (!last)
        return;
    weir_reply_clear(&slot->reply);
    weir_props_clear(&slot->config);
    weir_props_clear(&slot->patch);
    weir_offset_client_free(slot->client);
    free(slot->offsets);
    free(slot->connector);
    free(slot->target);
    pthread_cond_destroy(&slot->changed);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

static void finish(weir_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    slot->answered = true;
    pthread_cond_signal(&slot->changed);
    pthread_mutex_unlock(&slot->lock);
    weir_slot_release(slot);
}

void weir_slot_answer(weir_slot *slot, json_t *body)
{
    slot->reply.body = body;
    finish(slot);
}

void weir_slot_refuse(weir_slot *slot, weir_code code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    slot->reply.code = weir_vfail(&slot->reply.err, code, fmt, args);
    va_end(args);
    finish(slot);
}

void weir_slot_forward(weir_slot *slot, const char *url)
{
    slot->reply.forward_to = weir_strdup(url);
    finish(slot);
}

void weir_reply_clear(weir_reply *reply)
{
    json_decref(reply->body);
    free(reply->message);
    free(reply->forward_to);
    for (size_t i = 0; i < reply->owner_count; i++)
        free(reply->owners[i].url);
    free(reply->owners);
    weir_metrics_free(reply->metrics);
    *reply = (weir_reply){.code = WEIR_OK};
}

/* [any] "The worker is currently S, which began at T." (connect-rest-api.md 2.4) */
static void say_timed_out(weir_herder *h, weir_reply *reply)
{
    char since[40];
    struct tm utc;
    time_t seconds;

    pthread_mutex_lock(&h->stage_lock);
    seconds = (time_t)(h->stage_since_ms / 1000);
    gmtime_r(&seconds, &utc);
    strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%S", &utc);
    if (!h->stage[0])
        weir_fail(&reply->err, WEIR_TIMED_OUT, "Request timed out");
    else
        weir_fail(&reply->err, WEIR_TIMED_OUT,
                  "Request timed out. %s %s, which began at %s.%03dZ%s",
                  h->stage_done ? "The last operation the worker completed was"
                                : "The worker is currently",
                  h->stage, since, (int)(h->stage_since_ms % 1000), h->stage_done ? "" : ".");
    pthread_mutex_unlock(&h->stage_lock);
    reply->code = WEIR_TIMED_OUT;
}

void weir_herder_ask(weir_herder *h, const weir_request *request, int64_t deadline_ms,
                     weir_reply *reply)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    weir_slot *slot = slot_new(request, deadline_ms);
    weir_mail *mail = weir_mail_new(WEIR_MAIL_ASK);
    int64_t left_ms = deadline_ms - weir_now_ms();
    int late = 0;

    *reply = (weir_reply){.code = WEIR_OK};
    mail->slot = slot;
    if (weir_queue_put(h->mailbox, mail, left_ms > 0 ? left_ms : 0) != WEIR_OK)
        weir_mail_free(mail); /* refuses the slot */
    pthread_mutex_lock(&slot->lock);
    while (!slot->answered && !late)
        late = pthread_cond_timedwait(&slot->changed, &slot->lock, &until);
    if (slot->answered) {
        *reply = slot->reply;
        slot->reply = (weir_reply){.code = WEIR_OK};
    }
    late = !slot->answered;
    pthread_mutex_unlock(&slot->lock);
    if (late)
        say_timed_out(h, reply);
    weir_slot_release(slot);
}

/* ---- Stages: what askers are told when time is up -------------------------------------------- */

void weir_stage(weir_herder *h, const char *fmt, ...)
{
    va_list args;

    pthread_mutex_lock(&h->stage_lock);
    va_start(args, fmt);
    vsnprintf(h->stage, sizeof(h->stage), fmt, args);
    va_end(args);
    h->stage_since_ms = weir_wall_clock_ms();
    h->stage_done = false;
    pthread_mutex_unlock(&h->stage_lock);
}

void weir_stage_done(weir_herder *h)
{
    pthread_mutex_lock(&h->stage_lock);
    h->stage_done = true;
    pthread_mutex_unlock(&h->stage_lock);
}

bool weir_herder_ready(const weir_herder *h)
{
    return h->config_read && h->status_read && h->ever_in_group;
}

/* ---- Dispatch ---------------------------------------------------------------------------------
 */

/* The leader removes statuses of what is gone; a late word of an owner is removed again. */
static void clean_status(weir_herder *h, const char *key)
{
    static const char connector_prefix[] = "status-connector-", task_prefix[] = "status-task-";
    char *name;
    char *dash;

    if (!weir_leads(h))
        return;
    if (strncmp(key, connector_prefix, sizeof(connector_prefix) - 1) == 0) {
        const char *connector = key + sizeof(connector_prefix) - 1;

        if (!weir_config_store_find(&h->config, connector))
            weir_status_remove(h, connector, WEIR_CONNECTOR_ITEM);
        return;
    }
    if (strncmp(key, task_prefix, sizeof(task_prefix) - 1) != 0)
        return;
    name = weir_strdup(key + sizeof(task_prefix) - 1);
    dash = strrchr(name, '-');
    if (dash) {
        int32_t task = (int32_t)strtol(dash + 1, NULL, 10);
        const weir_connector_entry *entry;

        *dash = '\0';
        entry = weir_config_store_find(&h->config, name);
        if (!entry || (task >= entry->task_count && !entry->inconsistent))
            weir_status_remove(h, name, task);
    }
    free(name);
}

void weir_statuses_clean(weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->statuses.items)
        clean_status(h, entry->key);
}

static void remove_statuses(weir_herder *h, const char *connector, int32_t from_task)
{
    for (int32_t task = from_task;
         task == WEIR_CONNECTOR_ITEM || weir_status_store_get(&h->statuses, connector, task);
         task++)
        if (weir_status_store_get(&h->statuses, connector, task))
            weir_status_remove(h, connector, task);
}

static void config_record(weir_herder *h, const weir_log_record *record)
{
    weir_going going = weir_forget_look(h, record);
    weir_config_change change = weir_config_store_apply(&h->config, record);
    char *name = weir_strdup(change.name); /* the store may move on */

    h->config_offset_read = record->offset;
    switch (change.kind) {
    case WEIR_CONFIG_NOTHING:
    case WEIR_CONFIG_OTHER:
        break;
    case WEIR_CONFIG_REMOVED:
        if (weir_leads(h))
            remove_statuses(h, name, WEIR_CONNECTOR_ITEM);
        weir_map_remove(&h->planned, name);
        weir_forget_gone(h, name, &going);
        h->dirty = true;
        break;
    case WEIR_CONFIG_TASKS:
        if (weir_leads(h)) {
            const weir_connector_entry *entry = weir_config_store_find(&h->config, name);

            remove_statuses(h, name, entry ? entry->task_count : 0);
        }
        weir_forget_gone(h, name, &going);
        if (h->config_read)
            weir_workload_tasks_changed(h, name);
        weir_suspects_clear(h, name, WEIR_ITEM_CONNECTOR);
        h->dirty = true;
        break;
    case WEIR_CONFIG_PRESENCE:
        weir_watching_presence(h, name);
        weir_membership_namesake(h, name);
        weir_leadership_presence(h, name);
        h->dirty = true;
        break;
    case WEIR_CONFIG_CONNECTOR:
    case WEIR_CONFIG_TARGET:
        h->dirty = true;
        break;
    case WEIR_CONFIG_RESTART:
        if (change.include_tasks)
            weir_suspects_clear(h, name, WEIR_ITEM_CONNECTOR);
        if (h->config_read)
            weir_workload_restart(h, name, change.include_tasks, change.only_failed);
        break;
    case WEIR_CONFIG_LEADER:
        if (h->config_read)
            weir_leadership_record(h);
        break;
    case WEIR_CONFIG_ASSIGNMENT:
        weir_suspects_read(h);
        h->presence_due = true;
        break;
    }
    free(name);
    if (h->config_read) {
        weir_workload_apply(h);
        weir_membership_go_on(h);
        weir_leadership_read_back(h);
    }
    weir_going_clear(&going);
}

static void reached(weir_herder *h, weir_log_id log, uint64_t barrier)
{
    if (barrier == 0) {
        *(log == WEIR_CONFIG_LOG ? &h->config_read : &h->status_read) = true;
        if (h->config_read && h->status_read)
            weir_startup_stores_read(h);
        return;
    }
    if (barrier == h->resume_barrier)
        weir_membership_resume(h);
    weir_leadership_reached(h, barrier);
}

static void read_mail(weir_herder *h, weir_mail *mail)
{
    weir_slot *slot = mail->slot;

    mail->slot = NULL; /* whoever reads it answers it */
    switch (mail->kind) {
    case WEIR_MAIL_ASK:
        weir_command(h, slot);
        break;
    case WEIR_MAIL_CHECKED:
        if (slot)
            weir_command_checked(h, slot, mail->check);
        else
            weir_upkeep_checked(h, mail->connector, mail->check);
        break;
    case WEIR_MAIL_FORGET:
        weir_forget_planned(h, mail->connector, mail->check);
        break;
    case WEIR_MAIL_RECORD:
        if (mail->log == WEIR_CONFIG_LOG) {
            config_record(h, &mail->record);
        } else {
            weir_status_store_apply(&h->statuses, &mail->record);
            if (mail->record.value)
                clean_status(h, mail->record.key);
        }
        break;
    case WEIR_MAIL_REACHED:
        reached(h, mail->log, mail->token);
        break;
    case WEIR_MAIL_GROUP:
        weir_membership_event(h, &mail->group);
        break;
    case WEIR_MAIL_WRITTEN:
    case WEIR_MAIL_PRODUCED:
        weir_leadership_written(h, mail->token, mail->code, mail->offset, &mail->err);
        break;
    case WEIR_MAIL_FACT:
        weir_workload_fact(h, mail->fact);
        break;
    case WEIR_MAIL_WATCH:
        weir_watching_news(h, mail->news);
        break;
    case WEIR_MAIL_CONNECTED:
        weir_startup_connected(h, mail->text);
        break;
    case WEIR_MAIL_WAITING:
        weir_replace(&h->waiting_for, mail->text);
        weir_stage(h, "waiting for Kafka: %s", mail->text);
        weir_commands_unpark(h, weir_now_ms());
        break;
    case WEIR_MAIL_FATAL:
        h->options.fatal(h->options.ctx, &mail->err);
        break;
    case WEIR_MAIL_STOP:
        h->stop_asked = true;
        weir_membership_leave(h);
        break;
    }
}

/* What has a time of its own. Runs whenever the mailbox is empty, and every so often. */
static void round_of_timers(weir_herder *h)
{
    int64_t now_ms = weir_now_ms();

    weir_membership_tick(h);
    weir_workload_tick(h, now_ms);
    weir_watching_update(h, now_ms);
    weir_leadership_tick(h, now_ms);
    weir_decide(h, now_ms);
    weir_forget_tick(h, now_ms);
    weir_membership_write(h);
    weir_commands_unpark(h, now_ms);
}

static int64_t patience_ms(const weir_herder *h)
{
    bool busy = h->stop_asked || h->parked.count || h->forgetting.count || h->candidate_at_ms ||
                h->assignment_in_flight || (h->dirty && weir_leads(h));

    return busy ? BUSY_ROUND_MS : IDLE_ROUND_MS;
}

static void *run(void *arg)
{
    weir_herder *h = arg;
    int64_t timers_at_ms = 0;

    while (!h->stop_asked || !weir_membership_left(h)) {
        weir_mail *mail = weir_queue_take(h->mailbox, 0);
        int64_t now_ms = weir_now_ms();

        atomic_store(&h->last_round_ms, now_ms);
        if (!mail || now_ms >= timers_at_ms) {
            round_of_timers(h);
            timers_at_ms = now_ms + IDLE_ROUND_MS;
        }
        if (!mail)
            mail = weir_queue_take(h->mailbox, patience_ms(h));
        if (!mail)
            continue;
        read_mail(h, mail);
        weir_mail_free(mail);
    }
    weir_commands_end(h);
    return NULL;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

weir_herder *weir_herder_start(const weir_herder_options *options)
{
    weir_herder *h = weir_new(weir_herder);
    uuid_t id;

    h->options = *options;
    h->settings = options->settings;
    uuid_generate_random(id);
    uuid_unparse_lower(id, h->instance);
    h->mailbox = weir_queue_new(MAILBOX, weir_mail_free);
    h->lease =
        weir_lease_new(&weir_clock_boot, h->settings->session_timeout_ms,
                       h->settings->heartbeat_interval_ms, h->settings->rebalance_timeout_ms);
    pthread_mutex_init(&h->stage_lock, NULL);
    weir_config_store_init(&h->config);
    weir_status_store_init(&h->statuses);
    h->config_offset_read = -1;
    h->generation = h->term = h->ack_term = h->applied_term = -1;
    h->own_presence_offset = h->resigned_term = -1;
    h->missing_since.drop = h->absent_since.drop = h->planned.drop = free;
    weir_watching_init(h);
    weir_suspects_init(h);
    weir_forget_init(h);
    h->member = weir_strdup("");
    atomic_store(&h->last_round_ms, weir_now_ms());
    weir_stage(h, "initializing and reading to the end of internal topics");
    h->thread = weir_thread_start("herder", run, h);
    weir_startup_begin(h);
    return h;
}

const char *weir_herder_instance(const weir_herder *h)
{
    return h->instance;
}

static void free_writes(weir_herder *h)
{
    while (h->writes) {
        weir_write *write = h->writes;

        h->writes = write->next;
        if (write->slot)
            weir_slot_refuse(write->slot, WEIR_UNAVAILABLE, "Worker is shutting down");
        free(write);
    }
}

void weir_herder_stop(weir_herder *h)
{
    weir_mail *mail;

    if (!h)
        return;
    weir_startup_end(h);
    weir_post(h, weir_mail_new(WEIR_MAIL_STOP));
    pthread_join(h->thread, NULL);
    weir_queue_close(h->mailbox); /* whoever still posts is not held up */
    while ((mail = weir_queue_take(h->mailbox, 0)) != NULL)
        weir_mail_free(mail);
    weir_watch_stop(h->watch);
    weir_group_close(h->group);
    weir_leader_log_close(h->leader_log);
    weir_offsets_close(h->offsets);
    weir_producer_close(h->producer, 2000);
    weir_compacted_log_close(h->config_log);
    weir_compacted_log_close(h->status_log);
    weir_workload_clear(h);
    weir_offsets_free(h->offsets);
    free_writes(h);
}

void weir_herder_free(weir_herder *h)
{
    if (!h)
        return;
    weir_queue_free(h->mailbox);
    weir_lease_free(h->lease);
    weir_map_clear(&h->missing_since);
    weir_map_clear(&h->absent_since);
    weir_map_clear(&h->planned);
    weir_map_clear(&h->forgetting);
    weir_map_clear(&h->altered);
    weir_map_clear(&h->parked);
    weir_map_clear(&h->stuck);
    weir_map_clear(&h->peers);
    weir_map_clear(&h->suspects);
    weir_config_store_clear(&h->config);
    weir_status_store_clear(&h->statuses);
    pthread_mutex_destroy(&h->stage_lock);
    free(h->cluster_id);
    free(h->waiting_for);
    free(h->member);
    free(h->elder);
    free(h->refused);
    free(h);
}
