/* leadership.c - becoming, being and ceasing to be the leader (cluster.md 2).
 *
 * Whoever leads has committed a `leader` record and read it back: the record's offset is its term.
 * Every write of the leader is a transaction on L and counts only when it was read back, so what
 * follows from it is decided on what the whole group can see.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

#define FIRST_BACKOFF_MS   250
#define LONGEST_BACKOFF_MS 2000
#define RECLAIM_MS         500          /* candidate (b): after L died */
#define PRESENCE_KEPT_MS   (10 * 60000) /* then the leader removes presence of no use */
#define UPKEEP_MS          1000
#define RESIGN_MS          10000 /* a leader who commits nothing for so long gives the lead up */
#define VACANT_MS          1000 /* a leader of the log who is not in the group for so long is gone */

bool weir_leads(const weir_herder *h)
{
    return h->role == WEIR_LEADER && h->in_group && !h->suspended;
}

/* The presence of the process that the last leader record names; NULL: it has none (any more). */
static const weir_presence *leaders_presence(const weir_herder *h)
{
    const weir_leader_record *leader = &h->config.leader;
    const weir_presence *presence =
        leader->worker ? weir_map_get(&h->config.workers, leader->worker) : NULL;

    return presence && weir_same(weir_json_str(presence->body, "instance"), leader->instance)
               ? presence
               : NULL;
}

/* Has it given up? Its presence says which term it does not want any more. */
static bool has_resigned(const weir_herder *h)
{
    const weir_presence *presence = leaders_presence(h);

    return presence && weir_json_int(presence->body, "resigned", -1) == h->config.leader.term;
}

/* Is it in the group, and does it lead? */
static bool leader_is_there(const weir_herder *h)
{
    return weir_is_live(h, leaders_presence(h)) && !has_resigned(h);
}

const char *weir_leader_url(const weir_herder *h)
{
    return h->in_group && leader_is_there(h) ? h->config.leader.url : NULL;
}

/* ---- Writes and their read-back ---------------------------------------------------------------
 */

uint64_t weir_write_remember(weir_herder *h, weir_write_kind kind, weir_slot *slot)
{
    weir_write *write = weir_new(weir_write);

    write->token = ++h->last_token;
    write->kind = kind;
    write->slot = slot;
    write->offset = -1;
    write->next = h->writes;
    h->writes = write;
    return write->token;
}

void weir_lead_write(weir_herder *h, weir_write_kind kind, weir_batch *batch, weir_slot *slot)
{
    uint64_t token = weir_write_remember(h, kind, slot);

    h->writes->leads = true;
    if (!h->stuck_since_ms)
        h->stuck_since_ms = weir_now_ms();
    if (kind == WEIR_WRITE_CLAIM)
        weir_leader_log_claim(h->leader_log, batch, token);
    else
        weir_leader_log_write(h->leader_log, batch, token);
}

static weir_write **find_write(weir_herder *h, uint64_t token)
{
    weir_write **at = &h->writes;

    while (*at && (*at)->token != token)
        at = &(*at)->next;
    return at;
}

static void step_down(weir_herder *h, const char *why)
{
    if (h->role == WEIR_LEADER)
        weir_logf(WEIR_WARN, "leads no more: %s", why);
    h->role = WEIR_FOLLOWER;
    h->stuck_since_ms = 0;
    h->assignment_in_flight = h->published = false;
    weir_map_clear(&h->missing_since);
    weir_leader_log_release(h->leader_log);
}

static void lead(weir_herder *h)
{
    weir_logf(WEIR_INFO, "leads the cluster, term %lld: %s", (long long)h->config.leader.term,
              h->config.leader.reason);
    h->role = WEIR_LEADER;
    h->term = h->config.leader.term;
    h->seq = 0;
    h->candidate_at_ms = h->backoff_ms = 0;
    h->decide_after_ms = 0;
    h->published = h->assignment_in_flight = false;
    h->dirty = h->clean_statuses = true;
    weir_map_clear(&h->missing_since);
    weir_map_clear(&h->planned);
    weir_watching_inherit(h);
}

/* The claim is in the log and read; unless somebody was quicker still, we lead. */
static void claimed(weir_herder *h, int64_t offset)
{
    if (h->config.leader.term == offset && weir_same(h->config.leader.instance, h->instance))
        lead(h);
    else
        step_down(h, "somebody else has claimed the lead");
}

static void complete(weir_herder *h, weir_write *write)
{
    switch (write->kind) {
    case WEIR_WRITE_CLAIM:
        claimed(h, write->offset);
        break;
    case WEIR_WRITE_ASSIGNMENT:
        h->assignment_in_flight = false;
        break;
    case WEIR_WRITE_COMMAND:
        weir_command_written(h, write->slot, WEIR_OK, NULL);
        break;
    case WEIR_WRITE_UPKEEP:
        break;
    }
}

void weir_leadership_read_back(weir_herder *h)
{
    weir_write **at = &h->writes;

    while (*at) {
        weir_write *write = *at;

        if (write->offset < 0 || write->offset > h->config_offset_read) {
            at = &write->next;
            continue;
        }
        *at = write->next;
        complete(h, write);
        free(write);
        at = &h->writes; /* complete() may have written something */
    }
}

static void retry_claim(weir_herder *h, const weir_err *err)
{
    h->role = WEIR_FOLLOWER;
    if (h->backoff_ms == 0)
        h->backoff_ms = FIRST_BACKOFF_MS;
    weir_logf(WEIR_WARN, "cannot take the lead: %s; next try in %lld ms", err->msg,
              (long long)h->backoff_ms);
    h->candidate_at_ms = weir_now_ms() + h->backoff_ms;
    h->backoff_ms = h->backoff_ms * 2 < LONGEST_BACKOFF_MS ? h->backoff_ms * 2 : LONGEST_BACKOFF_MS;
}

static void write_failed(weir_herder *h, weir_write *write, weir_code code, const weir_err *err)
{
    switch (write->kind) {
    case WEIR_WRITE_CLAIM:
        retry_claim(h, err);
        return;
    case WEIR_WRITE_ASSIGNMENT:
        weir_logf(WEIR_WARN, "cannot publish the assignment: %s", err->msg);
        h->assignment_in_flight = h->published = false;
        h->dirty = true;
        h->decide_after_ms = weir_now_ms() + FIRST_BACKOFF_MS;
        break;
    case WEIR_WRITE_COMMAND:
        weir_command_written(h, write->slot, code, err);
        break;
    case WEIR_WRITE_UPKEEP:
        weir_logf(WEIR_WARN, "cannot write to the config topic: %s", err->msg);
        weir_map_clear(&h->planned); /* what is still broken is planned again */
        break;
    }
    if (h->role == WEIR_LEADER && (code == WEIR_FENCED || code == WEIR_DENIED)) {
        step_down(h, err->msg);
        weir_leadership_candidate(h, "its transactional producer died and nobody else leads",
                                  RECLAIM_MS);
        h->candidate_reads_first = true;
    }
}

/* L has been answered: it works, or says why not. What has run out of time says nothing. */
static void heard_of(weir_herder *h, const weir_write *answered, weir_code code)
{
    bool waits = false;

    if (!answered->leads || code == WEIR_TIMED_OUT)
        return;
    for (const weir_write *write = h->writes; write; write = write->next)
        waits = waits || (write->leads && write->offset < 0 && write != answered);
    h->stuck_since_ms = waits ? weir_now_ms() : 0;
}

int64_t weir_leadership_stuck_ms(const weir_herder *h, int64_t now_ms)
{
    return h->role != WEIR_FOLLOWER && h->stuck_since_ms ? now_ms - h->stuck_since_ms : 0;
}

void weir_leadership_written(weir_herder *h, uint64_t token, weir_code code, int64_t offset,
                             const weir_err *err)
{
    weir_write **at = find_write(h, token);
    weir_write *write = *at;

    if (!write)
        return;
    heard_of(h, write, code);
    if (code == WEIR_OK) {
        write->offset = offset < 0 ? h->config_offset_read : offset;
        weir_leadership_read_back(h);
        return;
    }
    *at = write->next;
    write_failed(h, write, code, err);
    free(write);
}

/* ---- Candidates --------------------------------------------------------------------------------
 */

void weir_leadership_candidate(weir_herder *h, const char *why, int64_t delay_ms)
{
    h->candidate_why = why;
    h->candidate_at_ms = weir_now_ms() + delay_ms;
    h->candidate_since_term = h->config.leader.term;
    h->candidate_reads_first = h->reclaims = h->accuses = false;
    h->candidate_barrier = 0;
    h->backoff_ms = FIRST_BACKOFF_MS;
}

void weir_leadership_record(weir_herder *h)
{
    const weir_leader_record *leader = &h->config.leader;

    h->had_leader = h->dirty = true;
    if (weir_same(leader->instance, h->instance))
        return; /* our own claim: its write is being waited for */
    weir_log(WEIR_INFO, "the cluster has a leader", "worker", leader->worker, "reason",
             leader->reason, NULL);
    h->candidate_at_ms = 0;
    if (h->role == WEIR_LEADER && leader->term > h->term)
        step_down(h, "another worker leads");
}

/* A leader that cannot commit says so in its presence; the others need not wait for its death. */
static void resign_if_stuck(weir_herder *h, int64_t now_ms)
{
    if (!weir_leads(h) || h->leaving || weir_leadership_stuck_ms(h, now_ms) < RESIGN_MS)
        return;
    weir_logf(WEIR_ERROR,
              "nothing could be committed to topic '%s' for %d s although the group hears us: "
              "resigning, term %lld",
              h->settings->config_topic, RESIGN_MS / 1000, (long long)h->term);
    h->resigned_term = h->term;
    h->presence_due = true;
    h->others_first_until_ms = now_ms + RESIGN_MS;
    step_down(h, "resigned");
}

void weir_leadership_presence(weir_herder *h, const char *worker)
{
    if (weir_same(worker, h->config.leader.worker) && has_resigned(h) &&
        !weir_same(h->config.leader.instance, h->instance) && !h->candidate_at_ms)
        weir_watching_take_over(h, "the leader has resigned: it could not commit");
}

static void claim(weir_herder *h)
{
    weir_batch *batch = weir_batch_new();
    json_t *record = json_pack("{s:s, s:s, s:s, s:I, s:s}", "worker", h->settings->worker_id,
                               "instance", h->instance, "url", h->settings->url, "generation",
                               (json_int_t)h->generation, "reason", h->candidate_why);
    char *value = weir_json_dump(record);

    h->role = WEIR_CANDIDATE;
    h->candidate_at_ms = 0;
    weir_batch_add(batch, WEIR_CONFIG_LEADER_KEY, value);
    weir_lead_write(h, WEIR_WRITE_CLAIM, batch, NULL);
    json_decref(record);
    free(value);
}

static void try_claim(weir_herder *h, int64_t now_ms)
{
    if (!h->candidate_at_ms || now_ms < h->candidate_at_ms || h->role != WEIR_FOLLOWER ||
        !h->in_group || h->suspended || h->leaving)
        return;
    /* A record of our own came of a claim that was thought to have failed. */
    if (h->config.leader.term > h->candidate_since_term &&
        !weir_same(h->config.leader.instance, h->instance)) {
        h->candidate_at_ms = 0;
        return;
    }
    if (h->candidate_reads_first) { /* (b): has anybody else taken the lead meanwhile? */
        if (!h->candidate_barrier) {
            h->candidate_barrier = ++h->last_barrier;
            weir_compacted_log_barrier(h->config_log, h->candidate_barrier);
        }
        return;
    }
    if (!h->holds_partition && !h->reclaims) {
        h->candidate_at_ms = 0;
        return;
    }
    claim(h);
}

/* The last leader record may be the late word of one that has left the group, or one of ours that
 * was thought to have failed. Whoever holds the partition sees to it that somebody leads; of a
 * record of our own all others believe that we do. */
static void fill_vacancy(weir_herder *h, int64_t now_ms)
{
    bool is_ours = weir_same(h->config.leader.instance, h->instance);

    if ((!h->holds_partition && !is_ours) || h->role != WEIR_FOLLOWER || h->candidate_at_ms ||
        !h->in_group || h->suspended || h->leaving || now_ms - h->generation_since_ms < VACANT_MS ||
        now_ms < h->others_first_until_ms || (!is_ours && leader_is_there(h)))
        return;
    weir_leadership_candidate(h,
                              is_ours ? "the last claim was its own"
                                      : "holds the group's partition, and the last leader is gone",
                              0);
    h->reclaims = is_ours;
}

void weir_leadership_reached(weir_herder *h, uint64_t barrier)
{
    if (barrier != h->candidate_barrier)
        return;
    h->candidate_barrier = 0;
    h->candidate_reads_first = false;
    h->reclaims = true;
}

/* ---- What a leader looks after ------------------------------------------------------------------
 */

/* Presence that no generation has named for long is removed. */
static void sweep_presence(weir_herder *h, int64_t now_ms)
{
    WEIR_MAP_EACH (entry, &h->config.workers) {
        const weir_presence *presence = entry->value;
        int64_t *since_ms = weir_map_get(&h->absent_since, entry->key);

        if (weir_json_int(presence->body, "generation", -1) >= h->generation) {
            weir_map_remove(&h->absent_since, entry->key);
        } else if (!since_ms) {
            since_ms = weir_new(int64_t);
            *since_ms = now_ms;
            weir_map_set(&h->absent_since, entry->key, since_ms);
        } else if (now_ms - *since_ms > PRESENCE_KEPT_MS) {
            weir_batch *batch = weir_batch_new();
            weir_buf key = WEIR_BUF;

            weir_config_worker_key(&key, entry->key);
            weir_batch_add(batch, weir_buf_text(&key), NULL);
            weir_lead_write(h, WEIR_WRITE_UPKEEP, batch, NULL);
            weir_buf_free(&key);
            *since_ms = now_ms;
        }
    }
}

/* Connectors whose task set is missing or was left broken are planned, once for each config. */
static void mend_plans(weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->config.connectors) {
        const weir_connector_entry *connector = entry->value;
        const int64_t *planned = weir_map_get(&h->planned, entry->key);

        if (connector->exists && connector->target == WEIR_STARTED &&
            (connector->inconsistent || connector->tasks_offset < 0) &&
            (!planned || *planned != connector->config_offset))
            weir_upkeep_plan(h, connector);
    }
}

void weir_leadership_tick(weir_herder *h, int64_t now_ms)
{
    resign_if_stuck(h, now_ms);
    fill_vacancy(h, now_ms);
    try_claim(h, now_ms);
    if (!weir_leads(h) || now_ms < h->upkeep_at_ms)
        return;
    h->upkeep_at_ms = now_ms + UPKEEP_MS;
    sweep_presence(h, now_ms);
    mend_plans(h);
    if (h->clean_statuses) {
        h->clean_statuses = false;
        weir_statuses_clean(h);
    }
}
