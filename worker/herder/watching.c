/* watching.c - what is made of the watches: who is dead, who is not after all (cluster.md 4).
 *
 * Followers watch the leader, the leader watches everybody. A peer whose process is gone is
 * *confirmed dead*: its items are free at once, and when it led, the next one takes the lead
 * without waiting for the group. All of it may be a false alarm, and is harmless then: the accused
 * reads that it has lost its items, says so, and is given work again. Who is falsely accused time
 * and again is left to the group's own session timeout for a while.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define PROBE_MS   1000        /* a dead one is looked at again, lest it is not */
#define CONTEST_MS 500         /* how long the first of two of one id may take to object */
#define QUIET_MS   (5 * 60000) /* so long a false alarm is remembered */
#define RANK_MS                                                                                    \
    500 /* candidate (c): each waits this much longer than the one before; a claim under load      \
           takes 300 */
#define MOST_FALSE WEIR_COUNT(((weir_peer *)NULL)->false_alarms_ms)

/* ---- Peers -------------------------------------------------------------------------------------
 */

static void drop_peer(void *value)
{
    weir_peer *peer = value;

    free(peer->instance);
    free(peer->text);
    free(peer);
}

void weir_watching_init(weir_herder *h)
{
    h->peers = (weir_map)WEIR_MAP(drop_peer);
}

/* The peer as this instance; what was known of an earlier one of the id is forgotten. */
static weir_peer *peer_of(weir_herder *h, const char *worker, const char *instance)
{
    weir_peer *peer = weir_map_get(&h->peers, worker);

    if (!peer) {
        peer = weir_new(weir_peer);
        weir_map_set(&h->peers, worker, peer);
    }
    if (!weir_same(peer->instance, instance)) {
        weir_replace(&peer->instance, instance);
        weir_replace(&peer->text, NULL);
        peer->heard = peer->proven = peer->dead = false;
        peer->ignored_until_ms = peer->probe_at_ms = 0;
    }
    return peer;
}

bool weir_is_dead(const weir_herder *h, const char *worker, const char *instance)
{
    const weir_peer *peer = weir_map_get(&h->peers, worker);

    return peer && peer->dead && weir_same(peer->instance, instance);
}

bool weir_is_live(const weir_herder *h, const weir_presence *presence)
{
    return presence && weir_json_int(presence->body, "generation", -1) >= h->generation &&
           !weir_is_dead(h, presence->worker, weir_json_str(presence->body, "instance"));
}

bool weir_is_proven(const weir_herder *h, const char *worker, const char *instance)
{
    const weir_peer *peer = weir_map_get(&h->peers, worker);

    return peer && peer->proven && weir_same(peer->instance, instance);
}

/* ---- Whom to watch -----------------------------------------------------------------------------
 */

/* The last assignment says so, when its leader had found it out. */
static bool is_said_to_be_proven(const weir_herder *h, const char *worker, const char *instance)
{
    const json_t *workers = json_object_get(h->config.assignment, "workers"), *id;
    size_t i;

    if (!weir_same(weir_json_str(workers, worker), instance))
        return false;
    json_array_foreach (json_object_get(h->config.assignment, "watched"), i, id)
        if (weir_same(json_string_value(id), worker))
            return true;
    return false;
}

static bool is_worth_watching(weir_herder *h, const weir_presence *presence, int64_t now_ms)
{
    const char *instance = weir_json_str(presence->body, "instance");
    const weir_peer *peer;

    if (weir_same(presence->worker, h->settings->worker_id) || !instance ||
        !weir_json_str(presence->body, "url") ||
        weir_json_int(presence->body, "generation", -1) < h->generation)
        return false;
    if (h->role != WEIR_LEADER && (!weir_same(h->config.leader.worker, presence->worker) ||
                                   !weir_same(h->config.leader.instance, instance)))
        return false;
    peer = peer_of(h, presence->worker, instance);
    return !peer->probe_at_ms || now_ms >= peer->probe_at_ms;
}

void weir_watching_update(weir_herder *h, int64_t now_ms)
{
    weir_watch_peer *peers;
    size_t count = 0;

    if (!h->watch)
        return;
    peers = weir_new_array(weir_watch_peer, h->config.workers.count + 1);
    WEIR_MAP_EACH (entry, &h->config.workers) {
        const weir_presence *presence = entry->value;
        const char *instance = weir_json_str(presence->body, "instance");

        if (!h->in_group || h->leaving || !is_worth_watching(h, presence, now_ms))
            continue;
        peers[count++] =
            (weir_watch_peer){.worker = presence->worker,
                              .instance = instance,
                              .url = weir_json_str(presence->body, "url"),
                              .proven = weir_is_proven(h, presence->worker, instance) ||
                                        is_said_to_be_proven(h, presence->worker, instance)};
    }
    weir_watch_peers(h->watch, peers, count);
    free(peers);
}

/* ---- Alarms ------------------------------------------------------------------------------------
 */

static size_t false_alarms(const weir_peer *peer, int64_t now_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < MOST_FALSE; i++)
        count += peer->false_alarms_ms[i] && now_ms - peer->false_alarms_ms[i] < QUIET_MS;
    return count;
}

static void note_false_alarm(weir_peer *peer, int64_t now_ms)
{
    memmove(peer->false_alarms_ms + 1, peer->false_alarms_ms,
            sizeof(peer->false_alarms_ms) - sizeof(peer->false_alarms_ms[0]));
    peer->false_alarms_ms[0] = now_ms;
}

/* How many of those who live stand before us in the order of the group's member ids. */
static int64_t rank(const weir_herder *h)
{
    int64_t before = 0;

    WEIR_MAP_EACH (entry, &h->config.workers) {
        const weir_presence *presence = entry->value;
        const char *member = weir_json_str(presence->body, "member");

        before += member && strcmp(member, h->member) < 0 && weir_is_live(h, presence) &&
                  !weir_same(weir_json_str(presence->body, "state"), "leaving");
    }
    return before;
}

void weir_watching_take_over(weir_herder *h, const char *why)
{
    if (h->role != WEIR_FOLLOWER || h->leaving || !h->in_group || h->suspended)
        return;
    weir_leadership_candidate(h, why, rank(h) * RANK_MS);
    h->reclaims = h->accuses = true;
}

static void accuse(weir_herder *h, weir_peer *peer, const weir_news *news, int64_t now_ms)
{
    bool leads = weir_same(h->config.leader.worker, news->worker) &&
                 weir_same(h->config.leader.instance, news->instance);

    weir_log(WEIR_WARN, "a worker is dead", "worker", news->worker, "instance", news->instance,
             "because", news->text, NULL);
    peer->dead = h->dirty = h->urgent = true;
    /* It is alive after all if it carries out what is decided from now on. Of a leader that is
     * what another one decides. */
    peer->alarm_term = h->role == WEIR_LEADER ? h->term : h->config.leader.term;
    peer->alarm_seq = h->role == WEIR_LEADER ? h->seq : INT64_MAX;
    peer->probe_at_ms = now_ms + PROBE_MS;
    if (leads)
        weir_watching_take_over(h, "the leader is dead: its host says so");
}

static void alarm_heard(weir_herder *h, weir_peer *peer, const weir_news *news, int64_t now_ms)
{
    if (peer->dead) {
        peer->probe_at_ms = now_ms + PROBE_MS;
        return;
    }
    if (false_alarms(peer, now_ms) >= MOST_FALSE) {
        if (now_ms >= peer->ignored_until_ms)
            weir_log(WEIR_WARN,
                     "alarms about this worker have been false too often; for five minutes only "
                     "the group's session timeout counts",
                     "worker", news->worker, "alarm", news->text, NULL);
        peer->ignored_until_ms = peer->probe_at_ms = now_ms + QUIET_MS;
        return;
    }
    accuse(h, peer, news, now_ms);
}

static void take_back(weir_herder *h, weir_peer *peer, const char *worker, const char *how)
{
    if (!peer->dead)
        return;
    weir_log(WEIR_WARN, "a worker that was taken for dead is alive", "worker", worker, "because",
             how, NULL);
    note_false_alarm(peer, weir_now_ms());
    peer->dead = false;
    peer->probe_at_ms = 0;
    h->dirty = true;
    if (h->accuses && weir_same(h->config.leader.worker, worker) && h->role == WEIR_FOLLOWER) {
        h->accuses = h->reclaims = false;
        h->candidate_at_ms = 0;
    }
}

/* ---- News --------------------------------------------------------------------------------------
 */

/* [watch] */
static void report(void *ctx, const weir_watch_news *from)
{
    weir_mail *mail = weir_mail_new(WEIR_MAIL_WATCH);
    weir_news *news = weir_new(weir_news);

    news->change = from->change;
    news->worker = weir_strdup(from->worker);
    news->instance = weir_strdup(from->instance);
    news->text = weir_strdup(from->text);
    news->item = weir_strdup(from->item);
    news->signal = from->signal;
    news->ran_ms = from->ran_ms;
    mail->news = news;
    weir_post(ctx, mail);
}

void weir_news_free(weir_news *news)
{
    if (!news)
        return;
    free(news->worker);
    free(news->instance);
    free(news->text);
    free(news->item);
    free(news);
}

void weir_watching_begin(weir_herder *h)
{
    if (h->settings->watch && !h->watch)
        h->watch = weir_watch_start(report, h);
}

void weir_watching_news(weir_herder *h, const weir_news *news)
{
    const weir_presence *presence = weir_map_get(&h->config.workers, news->worker);
    int64_t now_ms = weir_now_ms();
    weir_peer *peer;

    if (news->change == WEIR_WATCH_CRASHED) {
        weir_suspects_crashed(h, news);
        return;
    }
    if (!presence || !weir_same(weir_json_str(presence->body, "instance"), news->instance))
        return; /* of a process that has a successor */
    peer = peer_of(h, news->worker, news->instance);
    peer->heard = true;
    peer->last = news->change;
    peer->heard_ms = now_ms;
    weir_replace(&peer->text, news->text);
    switch (news->change) {
    case WEIR_WATCH_ALIVE:
        peer->proven = true;
        h->dirty = true; /* the next leader is to know that it can be watched */
        take_back(h, peer, news->worker, "it answers its watch");
        break;
    case WEIR_WATCH_DEAD:
        alarm_heard(h, peer, news, now_ms);
        break;
    case WEIR_WATCH_STRANGER:
        weir_log(WEIR_WARN,
                 "this worker cannot be watched at the URL it advertises: should it die, its tasks "
                 "wait for the group's session timeout",
                 "worker", news->worker, "url", weir_json_str(presence->body, "url"), "because",
                 news->text, NULL);
        break;
    case WEIR_WATCH_UNKNOWN:
        weir_log(WEIR_INFO, "a worker does not answer its watch; whether it lives is not known",
                 "worker", news->worker, "because", news->text, NULL);
        break;
    case WEIR_WATCH_BYE:
    case WEIR_WATCH_CRASHED:
        break;
    }
}

/* Only what it has done after the alarm proves anything: presence may have been on its way. */
static void look_for_life(weir_herder *h, weir_peer *peer, const weir_presence *presence)
{
    const json_t *ack = json_object_get(presence->body, "ack");
    int64_t term = weir_json_int(ack, "term", -1);

    if (term > peer->alarm_term ||
        (term == peer->alarm_term && weir_json_int(ack, "seq", -1) > peer->alarm_seq))
        take_back(h, peer, presence->worker, "it has carried out a later assignment");
}

void weir_watching_presence(weir_herder *h, const char *worker)
{
    const weir_presence *presence = weir_map_get(&h->config.workers, worker);
    weir_peer *peer = weir_map_get(&h->peers, worker);

    if (!peer || !presence)
        return;
    if (!weir_same(peer->instance, weir_json_str(presence->body, "instance"))) {
        /* A namesake of one who lives: that one is about to say so. */
        if (peer->heard && peer->last == WEIR_WATCH_ALIVE && !peer->dead)
            h->contested_until_ms = weir_now_ms() + CONTEST_MS;
    } else if (peer->dead) {
        look_for_life(h, peer, presence);
    }
}

/* ---- From leader to leader ---------------------------------------------------------------------
 */

json_t *weir_watching_record(const weir_herder *h)
{
    json_t *record = json_object();

    WEIR_MAP_EACH (entry, &h->peers) {
        const weir_peer *peer = entry->value;
        const weir_presence *presence = weir_map_get(&h->config.workers, entry->key);

        /* Of an older generation the next leader finds nothing that looks alive. */
        if (peer->dead && presence &&
            weir_json_int(presence->body, "generation", -1) >= h->generation)
            json_object_set_new_nocheck(record, entry->key, json_string(peer->instance));
    }
    return record;
}

void weir_watching_inherit(weir_herder *h)
{
    const json_t *instance;
    const char *worker;

    json_object_foreach (json_object_get(h->config.assignment, "dead"), worker, instance) {
        weir_peer *peer;

        if (!json_is_string(instance) || weir_same(worker, h->settings->worker_id))
            continue;
        peer = peer_of(h, worker, json_string_value(instance));
        if (peer->dead)
            continue;
        peer->dead = true;
        peer->alarm_term = weir_json_int(h->config.assignment, "term", -1);
        peer->alarm_seq = weir_json_int(h->config.assignment, "seq", -1);
        weir_watching_presence(h, worker); /* it may have spoken since */
    }
}

/* ---- What is told of it ------------------------------------------------------------------------
 */

json_t *weir_watching_answer(const weir_herder *h, const char *worker, const char *instance)
{
    static const char *const words[] = {
        [WEIR_WATCH_ALIVE] = "alive",       [WEIR_WATCH_BYE] = "gone",
        [WEIR_WATCH_DEAD] = "dead",         [WEIR_WATCH_UNKNOWN] = "unknown",
        [WEIR_WATCH_STRANGER] = "stranger", [WEIR_WATCH_CRASHED] = "dead"};
    const weir_peer *peer = weir_map_get(&h->peers, worker);

    if (!h->watch || !peer || !peer->heard || !weir_same(peer->instance, instance))
        return NULL;
    return json_pack("{s:s, s:s, s:b, s:i}", "state", words[peer->last], "text",
                     peer->text ? peer->text : "", "ignored",
                     weir_now_ms() < peer->ignored_until_ms, "false_alarms",
                     (int)false_alarms(peer, weir_now_ms()));
}
