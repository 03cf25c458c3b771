/* estate.c - see estate.h.
 *
 *     IDLE ─▶ DOUBTING ─▶ LEAVING, PARTING: all sessions ─▶ EMPTYING, ENDING: one ─▶ IDLE
 *
 * DOUBTING: that their filters may be subscribed or not is kept first, as whoever is given such a
 * session for its own must not count on them. LEAVING: unsubscribed, all of them before the first
 * is emptied, for what is published until then comes twice. The broker's answer is behind what it
 * has sent before, so that is taken, too. PARTING: nothing more is, and what was is acknowledged.
 *
 * Each step has a connection of its own, made of a copy of the task's setup: one broker, nothing to
 * subscribe, no will; for ENDING a clean session, whose orderly end is the end of the session.
 */
#include "estate.h"

#include "connection.h"
#include "kept.h"
#include "visit.h"
#include "whereabouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS      1000  /* are all others ready? */
#define LOOK_LATE_MS 30000 /* … or is there something that was kept late */
#define QUIET_MS     2000  /* nothing for so long on an open connection: there is nothing */
#define AGAIN_MS     30000 /* after a failure */

/* Tokens of the link use the rest. */
#define NUMBER_AT   48
#define NUMBER_MASK UINT64_C(0x7fff)

typedef enum step { IDLE, DOUBTING, LEAVING, PARTING, EMPTYING, ENDING } step;

struct mqtt_estate {
    const weir_host *host;
    const mqtt_setup *setup;
    mqtt_link_user user;
    mqtt_visit visit;
    step step;
    mqtt_orphan *orphans;
    size_t count;
    size_t at;       /* the one at hand */
    size_t endpoint; /* … and where */
    mqtt_connection *connection;
    uint64_t number; /* of the connection, 1 and up: it is in its tokens */
    int64_t look_ms; /* IDLE: when to look again */
    int64_t quiet_since_ms;
    uint64_t taken_before; /* this connection */
    bool draining, failed;
};

mqtt_estate *mqtt_estate_new(const weir_host *host, const mqtt_setup *setup,
                             const mqtt_link_user *user)
{
    mqtt_estate *e = mqtt_alloc(1, sizeof(*e));

    e->host = host;
    e->setup = setup;
    e->user = *user;
    return e;
}

static void hang_up(mqtt_estate *e)
{
    mqtt_connection_free(e->connection);
    e->connection = NULL;
    mqtt_visit_end(&e->visit);
}

void mqtt_estate_free(mqtt_estate *e)
{
    if (!e)
        return;
    hang_up(e);
    mqtt_orphans_free(e->orphans, e->count);
    free(e);
}

bool mqtt_estate_busy(const mqtt_estate *e)
{
    return e->step != IDLE;
}

const char *mqtt_estate_session(const mqtt_estate *e)
{
    return e->connection ? e->orphans[e->at].client_id : NULL;
}

/* ---- Messages -----------------------------------------------------------------------------------
 */

bool mqtt_estate_owns(uint64_t token)
{
    return (token >> NUMBER_AT & NUMBER_MASK) != 0;
}

static mqtt_verdict on_message(void *ctx, const mqtt_message *message)
{
    mqtt_estate *e = ctx;
    mqtt_message marked = *message;
    mqtt_verdict verdict;

    if (e->step != LEAVING && e->step != EMPTYING)
        return MQTT_FULL;
    marked.token |= e->number << NUMBER_AT;
    verdict = e->user.message(e->user.ctx, &marked);
    e->orphans[e->at].taken += verdict == MQTT_TAKEN;
    e->failed = e->failed || verdict == MQTT_FAILED;
    e->quiet_since_ms = e->host->now_ms(e->host);
    return verdict;
}

void mqtt_estate_settle(mqtt_estate *e, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    uint64_t some[256];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        /* What is of an earlier connection was not acknowledged, and comes again. */
        if (e->connection && (tokens[i] >> NUMBER_AT & NUMBER_MASK) == e->number)
            some[n++] = tokens[i] & ~(NUMBER_MASK << NUMBER_AT);
        if (n == sizeof(some) / sizeof(some[0]) || (n && i + 1 == count)) {
            mqtt_connection_settle(e->connection, some, n, outcome);
            n = 0;
        }
    }
}

void mqtt_estate_drain(mqtt_estate *e)
{
    e->draining = true;
    if (e->connection && e->step != ENDING)
        mqtt_connection_drain(e->connection);
    else
        hang_up(e);
}

/* ---- From step to step --------------------------------------------------------------------------
 */

static bool is_known_at(const mqtt_estate *e, size_t endpoint)
{
    mqtt_kept kept;
    bool known;

    mqtt_kept_load(&kept, e->host, e->orphans[e->at].client_id, &e->setup->endpoints[endpoint]);
    known = kept.known;
    mqtt_kept_clear(&kept);
    return known;
}

/* Is a session of the orphan at hand known at that broker of ours, or if at none, possible? */
static bool may_be_at(const mqtt_estate *e, size_t endpoint)
{
    bool known = false;

    if (is_known_at(e, endpoint))
        return true;
    for (size_t i = 0; i < e->setup->endpoint_count; i++)
        known = known || is_known_at(e, i);
    return !known && mqtt_orphan_is_at(&e->orphans[e->at], &e->setup->endpoints[endpoint]);
}

static void wait(mqtt_estate *e, int64_t ms)
{
    e->step = IDLE;
    e->look_ms = e->host->now_ms(e->host) + ms;
}

static void connect_to(mqtt_estate *e, step what)
{
    e->step = what;
    e->number = e->number % NUMBER_MASK + 1;
    e->quiet_since_ms = e->host->now_ms(e->host);
    e->taken_before = e->orphans[e->at].taken;
    mqtt_visit_begin(&e->visit, e->host, e->setup, e->orphans[e->at].client_id, e->endpoint,
                     what == ENDING);
    e->connection = mqtt_connection_new(&e->visit.host, &e->visit.setup,
                                        &(mqtt_link_user){.ctx = e, .message = on_message});
    if (e->connection)
        return;
    mqtt_visit_end(&e->visit);
    wait(e, AGAIN_MS);
}

/* Nothing of the session at hand is left anywhere that we could get to: is there another one? */
static void session_is_over(mqtt_estate *e)
{
    e->host->keep_offset(e->host, e->orphans[e->at].partition, NULL);
    wait(e, 0);
}

/* From this broker on, the next one where the session at hand is. */
static bool find_broker(mqtt_estate *e)
{
    while (e->endpoint < e->setup->endpoint_count && !may_be_at(e, e->endpoint))
        e->endpoint++;
    return e->endpoint < e->setup->endpoint_count;
}

static void empty_next(mqtt_estate *e)
{
    if (find_broker(e))
        connect_to(e, EMPTYING);
    else
        session_is_over(e);
}

/* All at all brokers, then the first one is emptied. */
static void leave_next(mqtt_estate *e)
{
    while (e->at < e->count && !find_broker(e)) {
        e->at++;
        e->endpoint = 0;
    }
    if (e->at < e->count) {
        connect_to(e, LEAVING);
        return;
    }
    e->at = e->endpoint = 0;
    empty_next(e);
}

/* Puts the filters of the session at hand in doubt. False: it is where no broker of ours is. */
static bool doubt(mqtt_estate *e)
{
    bool any = false;

    for (size_t i = 0; i < e->setup->endpoint_count; i++) {
        mqtt_kept kept;

        any = any || may_be_at(e, i);
        mqtt_kept_load(&kept, e->host, e->orphans[e->at].client_id, &e->setup->endpoints[i]);
        if (kept.known)
            mqtt_kept_store(&kept, e->host, true, NULL, 0);
        mqtt_kept_clear(&kept);
    }
    if (!any)
        e->host->log(e->host, WEIR_WARN,
                     "the session '%s' is left at %s, with its subscriptions and what is queued in "
                     "it: its task is gone, and mqtt.server.uri names another broker",
                     e->orphans[e->at].client_id, e->orphans[e->at].brokers);
    return any;
}

static void doubt_all(mqtt_estate *e)
{
    for (e->at = 0; e->at < e->count && doubt(e);)
        e->at++;
    if (e->at < e->count) {
        session_is_over(e);
        return;
    }
    e->at = e->endpoint = 0;
    e->step = DOUBTING;
}

/* Has every task of the plan what is its own? Clean sessions say nothing: they may lose. */
static bool all_settled(mqtt_estate *e)
{
    const weir_host *host = e->host;

    return WEIR_HAS(host, tasks) && WEIR_HAS(host, plan) && WEIR_HAS(host, all_kept) &&
           (e->setup->settings->clean ||
            mqtt_whereabouts_others_settled(mqtt_visit_nobody(&e->visit, host)));
}

static void look(mqtt_estate *e)
{
    if (!all_settled(e)) {
        wait(e, LOOK_MS);
        return;
    }
    mqtt_orphans_free(e->orphans, e->count);
    e->orphans = mqtt_orphans_find(e->host, e->host->tasks, e->setup->client_id, &e->count);
    e->at = 0;
    if (e->count)
        doubt_all(e);
    else
        wait(e, LOOK_LATE_MS);
}

/* Everything that was in it is in Kafka, and nothing can come any more. */
static bool is_empty(const mqtt_estate *e)
{
    mqtt_connection_facts facts = mqtt_connection_look(e->connection);

    return !mqtt_slots_count(mqtt_link_slots(facts.link)).used &&
           !mqtt_link_look(facts.link)->loose && facts.paused_since_ms < 0 &&
           e->host->now_ms(e->host) - e->quiet_since_ms >= QUIET_MS;
}

static void part(mqtt_estate *e)
{
    mqtt_connection_drain(e->connection);
    e->step = PARTING;
}

static void parted(mqtt_estate *e)
{
    hang_up(e);
    e->endpoint++;
    leave_next(e);
}

/* Silence may be the network's. So it counts on a connection that has brought nothing at all: there
 * the broker has answered to CONNECT and UNSUBSCRIBE, and begins with what it has. */
static void emptied(mqtt_estate *e)
{
    mqtt_kept kept;

    hang_up(e);
    if (e->orphans[e->at].taken != e->taken_before) {
        connect_to(e, EMPTYING);
        return;
    }
    mqtt_kept_load(&kept, e->host, e->orphans[e->at].client_id, &e->setup->endpoints[e->endpoint]);
    e->host->log(e->host, WEIR_INFO,
                 "the session '%s' at %s, whose task is gone, is empty: %llu messages were in it%s",
                 e->orphans[e->at].client_id, e->setup->endpoints[e->endpoint].uri,
                 (unsigned long long)e->orphans[e->at].taken,
                 e->setup->settings->cleanup ? "" : "; mqtt.session.cleanup.on.delete leaves it");
    if (e->setup->settings->cleanup) {
        connect_to(e, ENDING);
    } else {
        mqtt_kept_forget(&kept, e->host);
        e->endpoint++;
        empty_next(e);
    }
    mqtt_kept_clear(&kept);
}

static void ended(mqtt_estate *e)
{
    mqtt_kept kept;

    hang_up(e); /* its DISCONNECT ends the session */
    mqtt_kept_load(&kept, e->host, e->orphans[e->at].client_id, &e->setup->endpoints[e->endpoint]);
    mqtt_kept_forget(&kept, e->host);
    mqtt_kept_clear(&kept);
    e->host->log(e->host, WEIR_INFO, "the session '%s' at %s is ended", e->orphans[e->at].client_id,
                 e->setup->endpoints[e->endpoint].uri);
    e->endpoint++;
    empty_next(e);
}

/* The connection cannot go on. What it has not acknowledged the next one gets. */
static void failed(mqtt_estate *e)
{
    e->host->log(e->host, WEIR_WARN, "the session '%s', whose task is gone, is tried again: %s",
                 e->orphans[e->at].client_id, e->visit.why);
    hang_up(e);
    wait(e, AGAIN_MS);
}

static void next_step(mqtt_estate *e)
{
    mqtt_connection_facts facts = mqtt_connection_look(e->connection);
    bool connected = strcmp(facts.state, "connected") == 0; /* and everything is unsubscribed */

    if (e->step == PARTING && !mqtt_slots_count(mqtt_link_slots(facts.link)).used)
        parted(e);
    else if (e->step == PARTING)
        ; /* Kafka is to answer first */
    else if (!connected)
        e->quiet_since_ms = e->host->now_ms(e->host);
    else if (e->step == LEAVING)
        part(e);
    else if (e->step == ENDING)
        ended(e);
    else if (is_empty(e))
        emptied(e);
}

weir_status mqtt_estate_poll(mqtt_estate *e, int64_t deadline_ms, bool (*enough)(void *ctx),
                             void *ctx)
{
    weir_status status;

    if (e->step == IDLE && !e->draining && e->host->now_ms(e->host) >= e->look_ms)
        look(e);
    if (e->step == DOUBTING && !e->draining && e->host->all_kept(e->host))
        leave_next(e);
    if (!e->connection)
        return WEIR_DONE;
    status = mqtt_connection_poll(e->connection, deadline_ms, enough, ctx);
    if (e->failed)
        return WEIR_FATAL; /* because of a message: the worker knows */
    if (e->draining)
        return WEIR_DONE;
    if (status != WEIR_DONE && status != WEIR_AGAIN)
        failed(e);
    else
        next_step(e);
    return WEIR_DONE;
}
