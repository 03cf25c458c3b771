/* membership.c - what the group tells us and what we tell the others.
 *
 * Presence (`worker/<id>` in the config topic) is this worker's word about itself: which process
 * it is, which generation it has seen, up to which decision it has let go of what was taken, and
 * what is still stopping. The leader decides by it and by nothing else.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/footprint.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"

#include <stdio.h>
#include <string.h>

#define RELIEF_MS   3000 /* how long a leaving worker waits to be relieved of its items */
#define HANDOVER_MS 1000 /* how long a leaving leader waits to give its own items away */
#define LEAVE_MS    2500 /* how long LeaveGroup may take */

static const char *state_text(const weir_herder *h)
{
    return h->leaving ? "leaving" : h->suspended ? "suspended" : "running";
}

static json_t *names(const weir_map *map)
{
    json_t *list = json_array();

    WEIR_MAP_EACH (entry, map)
        json_array_append_new(list, json_string(entry->key));
    return list;
}

static json_t *stopping(const weir_herder *h)
{
    json_t *list = json_array();

    WEIR_MAP_EACH (entry, &h->items) {
        const weir_own_item *item = entry->value;

        if (item->run && !item->assigned)
            json_array_append_new(list, json_string(entry->key));
    }
    return list;
}

void weir_membership_write(weir_herder *h)
{
    weir_buf key = WEIR_BUF;
    json_t *body;
    char *value;

    if (!h->presence_due || !h->in_group || h->banished)
        return;
    body = json_pack("{s:s, s:I, s:s, s:s, s:s, s:{s:I, s:I}, s:o, s:o, s:s}", "instance",
                     h->instance, "generation", (json_int_t)h->generation, "member", h->member,
                     "url", h->settings->url, "version", weir_version, "ack", "term",
                     (json_int_t)h->ack_term, "seq", (json_int_t)h->ack_seq, "stopping",
                     stopping(h), "stuck", names(&h->stuck), "state", state_text(h));
    if (h->resigned_term >= 0)
        json_object_set_new_nocheck(body, "resigned", json_integer(h->resigned_term));
    value = weir_json_dump(body);
    weir_config_worker_key(&key, h->settings->worker_id);
    if (weir_producer_send(h->producer, h->settings->config_topic, weir_buf_text(&key), value, 0) ==
        WEIR_OK)
        h->presence_due = false;
    json_decref(body);
    free(value);
    weir_buf_free(&key);
}

/* The newest assignment: what happened while we were away. */
static void read_before_going_on(weir_herder *h)
{
    h->resume_barrier = ++h->last_barrier;
    weir_compacted_log_barrier(h->config_log, h->resume_barrier);
}

/* Without Kafka, now or a moment ago: others may still be, and have lost their place only by that.
 */
static bool was_away(const weir_herder *h)
{
    return h->suspended || (h->suspended_at_ms && weir_now_ms() - h->suspended_at_ms <
                                                      2 * h->settings->session_timeout_ms);
}

static void assigned(weir_herder *h, const weir_group_event *event)
{
    char generation[24];

    snprintf(generation, sizeof(generation), "%lld", (long long)event->generation);
    weir_log(WEIR_INFO, "joined the group", "group", h->settings->group_id, "generation",
             generation, "member", event->member, NULL);
    if (!h->ever_in_group) /* the worker has started */
        weir_footprint_let_go();
    h->in_group = h->ever_in_group = true;
    h->joining = false;
    h->counts.rebalances++;
    h->generation = event->generation;
    h->generation_since_ms = weir_now_ms();
    h->holds_partition = event->holds_partition;
    weir_replace(&h->member, event->member);
    weir_replace(&h->refused, NULL);
    weir_stage(h, "ensuring membership in the cluster");
    weir_stage_done(h);
    h->presence_due = h->dirty = true;
    weir_membership_write(h);
    weir_watching_begin(h);
    if (was_away(h))
        h->hold_until_ms = h->generation_since_ms + h->settings->session_timeout_ms;
    if (h->suspended)
        read_before_going_on(h);
    if (h->holds_partition && h->role == WEIR_FOLLOWER && !h->leaving)
        weir_leadership_candidate(h, "holds the group's partition", 0);
}

static void suspend(weir_herder *h)
{
    h->suspended = h->presence_due = true;
    h->tasks_wait = false;
    h->suspended_at_ms = weir_now_ms();
    h->resume_barrier = 0;
    weir_workload_suspend(h, true);
}

static void lost(weir_herder *h)
{
    weir_logf(WEIR_WARN,
              "lost the membership in group '%s' (generation %lld): tasks are suspended "
              "until it is back",
              h->settings->group_id, (long long)h->generation);
    h->in_group = h->holds_partition = h->joining = false;
    weir_stage(h, "ensuring membership in the cluster");
    suspend(h);
}

void weir_membership_event(weir_herder *h, const weir_group_event *event)
{
    switch (event->change) {
    case WEIR_GROUP_ASSIGNED:
        assigned(h, event);
        break;
    case WEIR_GROUP_REVOKED: /* a join round; under range every generation has one */
        h->joining = true;
        break;
    case WEIR_GROUP_LOST:
        lost(h);
        break;
    case WEIR_GROUP_REFUSED:
        weir_replace(&h->refused, event->text);
        break;
    case WEIR_GROUP_LEFT:
        h->in_group = false;
        h->left = true;
        break;
    }
}

void weir_membership_resume(weir_herder *h)
{
    h->resume_barrier = 0;
    if (!h->in_group || !h->suspended || !weir_lease_runs(h->lease))
        return;
    weir_logf(WEIR_INFO, "back in group '%s': tasks that are still ours go on",
              h->settings->group_id);
    h->suspended = false;
    h->tasks_wait = h->presence_due = true;
    weir_membership_go_on(h);
}

/* A decision that was made without us may still be on its way into the log. Only one for a
 * generation that has us says what is still ours. */
void weir_membership_go_on(weir_herder *h)
{
    if (!h->tasks_wait || !h->in_group ||
        weir_json_int(h->config.assignment, "generation", -1) < h->generation)
        return;
    h->tasks_wait = false;
    weir_workload_apply(h); /* what is not ours any more stops before the rest goes on */
    weir_workload_suspend(h, false);
}

/* The group gives our place away in a second, unless Kafka hears us again. */
void weir_membership_tick(weir_herder *h)
{
    bool runs = weir_lease_runs(h->lease);

    if (!h->in_group)
        return;
    if (!runs && !h->suspended) {
        weir_logf(WEIR_WARN,
                  "no heartbeat to group '%s' has been answered for too long: tasks are suspended",
                  h->settings->group_id);
        suspend(h);
    } else if (runs && h->suspended && !h->resume_barrier) {
        read_before_going_on(h);
    }
}

/* ---- Two processes with one worker id ---------------------------------------------------------
 */

static void banish(weir_herder *h, const weir_presence *elder)
{
    weir_err err;

    h->banished = true;
    weir_fail(&err, WEIR_EXISTS,
              "another worker of group '%s' has the id '%s' already (it is reached at %s, instance "
              "%s): give each worker a rest.advertised.host.name or port of its own",
              h->settings->group_id, h->settings->worker_id, weir_json_str(elder->body, "url"),
              h->elder);
    h->options.fatal(h->options.ctx, &err);
}

/* Decided by the log: who was there first says so again, and the other one ends. A namesake that
 * is dead does not speak again, one that is leaving does not want to stay (cluster.md 5). */
void weir_membership_namesake(weir_herder *h, const char *worker)
{
    const weir_presence *presence = weir_map_get(&h->config.workers, worker);
    const char *instance = presence ? weir_json_str(presence->body, "instance") : NULL;

    if (!instance || !weir_same(worker, h->settings->worker_id))
        return;
    if (weir_same(instance, h->instance)) {
        if (h->own_presence_offset < 0)
            h->own_presence_offset = presence->offset;
    } else if (h->own_presence_offset < 0) {
        weir_replace(&h->elder, instance);
    } else if (!weir_same(instance, h->elder)) {
        weir_log(WEIR_ERROR, "another worker has been started with our id; it is told to end",
                 "worker", worker, "instance", instance, NULL);
        h->presence_due = true;
    } else if (!h->banished && !weir_same(weir_json_str(presence->body, "state"), "leaving")) {
        banish(h, presence);
    }
}

/* ---- A clean stop -----------------------------------------------------------------------------
 */

void weir_membership_leave(weir_herder *h)
{
    int64_t now_ms = weir_now_ms();

    weir_stage(h, "shutting down");
    h->leaving = h->dirty = h->presence_due = true;
    h->candidate_at_ms = 0;
    h->relief_by_ms = now_ms + (h->in_group ? RELIEF_MS : 0); /* out of it nobody relieves us */
    h->stop_by_ms = now_ms + h->settings->graceful_shutdown_ms + RELIEF_MS;
}

static bool has_assigned(const weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->items)
        if (((const weir_own_item *)entry->value)->assigned)
            return true;
    return false;
}

/* Does the assignment in force still have items that were taken from this worker? */
static bool has_unplaced(const weir_herder *h)
{
    const json_t *item;
    const char *name;

    json_object_foreach (json_object_get(h->config.assignment, "unassigned"), name, item)
        if (weir_same(weir_json_str(item, "from"), h->settings->worker_id))
            return true;
    return false;
}

/* A leaving leader gives its own items away before it goes. */
static bool hands_over(weir_herder *h, int64_t now_ms)
{
    if (!weir_leads(h) || h->config.workers.count < 2 ||
        (!has_unplaced(h) && !h->assignment_in_flight))
        return false;
    if (!h->handover_by_ms)
        h->handover_by_ms = now_ms + HANDOVER_MS;
    return now_ms < h->handover_by_ms;
}

bool weir_membership_left(weir_herder *h)
{
    int64_t now_ms = weir_now_ms();

    if (h->left)
        return true;
    if (h->left_by_ms)
        return now_ms >= h->left_by_ms;
    if (h->relief_by_ms && (now_ms >= h->relief_by_ms || !has_assigned(h))) {
        h->relief_by_ms = 0;
        weir_workload_stop_all(h);
    }
    if (h->relief_by_ms || (!weir_workload_idle(h) && now_ms < h->stop_by_ms))
        return false;
    if (!h->group)
        return true;
    if (hands_over(h, now_ms))
        return false;
    weir_membership_write(h);
    weir_group_leave(h->group);
    h->left_by_ms = now_ms + LEAVE_MS;
    return false;
}
