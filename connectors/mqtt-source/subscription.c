/* subscription.c - see subscription.h. */
#include "subscription.h"

#include "kept.h"
#include "reasons.h"
#include "whereabouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where this connection is with its two questions. */
typedef enum stage {
    UNCONNECTED,
    TO_SUBSCRIBE,
    SUBSCRIBING,
    LINGERING, /* others have to subscribe first */
    TO_UNSUBSCRIBE,
    UNSUBSCRIBING,
    DONE,
} stage;

struct mqtt_subscription {
    const weir_host *host;
    const mqtt_setup *setup;
    mqtt_kept *kept;  /* per broker of the setup */
    bool *unanswered; /* per broker: a CONNECT was sent, and nobody knows what it did */
    size_t at;        /* the broker at hand */
    stage stage;
    bool settled_in; /* a broker has accepted this task */
    bool lingers;    /* this connection has been done() with filters still to be left */
    bool answered;   /* what was asked last */
    char **coming;   /* to be subscribed: some of the setup's filters, in their order */
    int *coming_qos;
    uint8_t *codes; /* SUBACK's, one for each */
    size_t coming_count, code_count;
    char **leaving; /* to be unsubscribed; the strings are ours */
    size_t leaving_count;
    int *granted; /* per filter of the setup; -1: unknown */
};

mqtt_subscription *mqtt_subscription_new(const weir_host *host, const mqtt_setup *setup)
{
    mqtt_subscription *s = mqtt_alloc(1, sizeof(*s));
    size_t filters = setup->filter_count;

    s->host = host;
    s->setup = setup;
    s->kept = mqtt_alloc(setup->endpoint_count, sizeof(*s->kept));
    s->unanswered = mqtt_alloc(setup->endpoint_count, sizeof(*s->unanswered));
    for (size_t i = 0; i < setup->endpoint_count; i++)
        mqtt_kept_load(&s->kept[i], host, setup->client_id, &setup->endpoints[i]);
    s->coming = mqtt_alloc(filters, sizeof(*s->coming));
    s->coming_qos = mqtt_alloc(filters, sizeof(*s->coming_qos));
    s->codes = mqtt_alloc(filters, sizeof(*s->codes));
    s->granted = mqtt_alloc(filters, sizeof(*s->granted));
    for (size_t i = 0; i < filters; i++)
        s->granted[i] = -1;
    return s;
}

void mqtt_subscription_free(mqtt_subscription *s)
{
    if (!s)
        return;
    mqtt_list_free(s->leaving, s->leaving_count);
    for (size_t i = 0; i < s->setup->endpoint_count; i++)
        mqtt_kept_clear(&s->kept[i]);
    free(s->kept);
    free(s->unanswered);
    free(s->coming);
    free(s->coming_qos);
    free(s->codes);
    free(s->granted);
    free(s);
}

static mqtt_kept *at_hand(const mqtt_subscription *s)
{
    return &s->kept[s->at];
}

/* ---- CONNECT and its answer ---------------------------------------------------------------------
 */

void mqtt_subscription_connecting(mqtt_subscription *s, size_t endpoint)
{
    const mqtt_setup *setup = s->setup;

    s->at = endpoint;
    s->stage = UNCONNECTED;
    s->lingers = false;
    if (setup->settings->clean)
        return;
    if (s->unanswered[endpoint])
        mqtt_kept_doubt(at_hand(s), setup->filters, setup->filter_count);
    s->unanswered[endpoint] = true;
    mqtt_kept_store(at_hand(s), s->host, true, setup->filters, setup->filter_count);
}

void mqtt_subscription_refused(mqtt_subscription *s)
{
    s->unanswered[s->at] = false;
}

/* When the last session that this task has made, wherever, was last there. False: there was none.
 */
static bool had_session(const mqtt_subscription *s, int64_t *ret_since_unix_ms)
{
    bool had = false;

    *ret_since_unix_ms = -1;
    for (size_t i = 0; i < s->setup->endpoint_count; i++) {
        if (!s->kept[i].known || !s->kept[i].epoch)
            continue; /* at most a CONNECT without an answer */
        had = true;
        if (s->kept[i].seen_unix_ms > *ret_since_unix_ms)
            *ret_since_unix_ms = s->kept[i].seen_unix_ms;
    }
    return had;
}

/* The other brokers may hold the same session, or one of their own. */
static void doubt_elsewhere(mqtt_subscription *s, bool all)
{
    const mqtt_setup *setup = s->setup;

    for (size_t e = 0; e < setup->endpoint_count; e++) {
        mqtt_kept *kept = &s->kept[e];

        if (e == s->at || !kept->known)
            continue;
        for (size_t i = 0; i < setup->filter_count; i++) {
            const mqtt_kept_filter *there = mqtt_kept_find(kept, setup->filters[i]);

            if (!there || there->asked != setup->qos[i])
                mqtt_kept_set(kept, setup->filters[i], -1, -1);
        }
        for (size_t i = 0; i < kept->count; i++)
            if (all || !mqtt_kept_find(at_hand(s), kept->filters[i].name))
                kept->filters[i].asked = kept->filters[i].granted = -1;
        mqtt_kept_store(kept, s->host, false, NULL, 0);
    }
}

/* What is wanted and not there, or not as it should be. */
static void plan_subscribe(mqtt_subscription *s)
{
    const mqtt_setup *setup = s->setup;

    s->coming_count = 0;
    for (size_t i = 0; i < setup->filter_count; i++) {
        const mqtt_kept_filter *there = mqtt_kept_find(at_hand(s), setup->filters[i]);

        if (there && there->asked == setup->qos[i] && setup->retain != MQTT_RETAIN_SEND) {
            s->granted[i] = there->granted;
            continue;
        }
        s->granted[i] = -1;
        s->coming[s->coming_count] = setup->filters[i];
        s->coming_qos[s->coming_count++] = setup->qos[i];
    }
}

static bool is_wanted(const mqtt_setup *setup, const char *filter)
{
    for (size_t i = 0; i < setup->filter_count; i++)
        if (strcmp(setup->filters[i], filter) == 0)
            return true;
    return false;
}

/* What is there, perhaps, and not wanted. */
static void plan_unsubscribe(mqtt_subscription *s)
{
    const mqtt_kept *kept = at_hand(s);

    mqtt_list_free(s->leaving, s->leaving_count);
    s->leaving = mqtt_alloc(kept->count + 1, sizeof(*s->leaving));
    s->leaving_count = 0;
    for (size_t i = 0; i < kept->count; i++) {
        const char *name = kept->filters[i].name;

        if (!is_wanted(s->setup, name))
            s->leaving[s->leaving_count++] = mqtt_strndup(name, strlen(name));
    }
}

/* The others may let go of what is ours now, and what was ours may be theirs. */
static bool waits_for_others(const mqtt_subscription *s)
{
    const weir_host *host = s->host;

    return WEIR_HAS(host, plan) && WEIR_HAS(host, tasks) && host->tasks > 1 && host->task >= 0;
}

static void finish(mqtt_subscription *s)
{
    s->stage = DONE;
    if (s->setup->settings->clean)
        return;
    if (s->coming_count || s->leaving_count)
        doubt_elsewhere(s, false);
    mqtt_kept_store(at_hand(s), s->host, false, NULL, 0);
}

/* A process that dies between UNSUBSCRIBE and its answer must not leave word that all is as it was:
 * the filter may come back to this task, and would not be asked for. So it is in doubt from here
 * on.
 */
static void begin_to_linger(mqtt_subscription *s)
{
    for (size_t i = 0; i < s->leaving_count; i++)
        mqtt_kept_set(at_hand(s), s->leaving[i], -1, -1);
    finish(s);
    s->stage = LINGERING;
    s->lingers = true;
}

static void leave(mqtt_subscription *s)
{
    s->lingers = false;
    if (!s->leaving_count)
        finish(s);
    else if (waits_for_others(s))
        begin_to_linger(s);
    else
        s->stage = TO_UNSUBSCRIBE;
    if (s->setup->filter_count)
        mqtt_whereabouts_settled(s->host, s->setup);
}

/* Others settled, and that what leaves is in doubt is in Kafka. */
static void linger(mqtt_subscription *s)
{
    const weir_host *host = s->host;

    if (s->stage == LINGERING && mqtt_whereabouts_others_settled(host) &&
        (!WEIR_HAS(host, all_kept) || host->all_kept(host)))
        s->stage = TO_UNSUBSCRIBE;
}

bool mqtt_subscription_connected(mqtt_subscription *s, bool session_present, int64_t now_unix_ms,
                                 int64_t *ret_since_unix_ms)
{
    mqtt_kept *kept = at_hand(s);
    bool clean = s->setup->settings->clean;
    bool lost = had_session(s, ret_since_unix_ms) && !session_present && !clean;

    if (!s->settled_in && s->setup->filter_count)
        mqtt_whereabouts_note(s->host, s->setup);
    s->settled_in = true;
    s->unanswered[s->at] = false;
    if (clean)
        mqtt_kept_forget(kept, s->host); /* a clean start has ended what was there */
    if (!session_present) {
        mqtt_kept_empty(kept);
        if (!clean)
            doubt_elsewhere(s, true);
    }
    if (session_present && !clean && !kept->count && !s->setup->filter_count)
        mqtt_kept_doubt(kept, s->setup->all_filters, s->setup->all_count); /* it is to be emptied */
    kept->known = !clean;
    kept->epoch += !session_present || !kept->epoch;
    kept->seen_unix_ms = now_unix_ms;
    plan_subscribe(s);
    plan_unsubscribe(s);
    if (s->coming_count)
        s->stage = TO_SUBSCRIBE;
    else
        leave(s);
    return lost;
}

void mqtt_subscription_seen(mqtt_subscription *s, int64_t now_unix_ms, bool for_good)
{
    mqtt_kept *kept = at_hand(s);

    if (!kept->known)
        return;
    kept->seen_unix_ms = now_unix_ms;
    if (for_good && mqtt_subscription_done(s))
        mqtt_kept_store(kept, s->host, false, NULL, 0);
}

bool mqtt_subscription_done(const mqtt_subscription *s)
{
    return s->stage == DONE || s->lingers;
}

size_t mqtt_subscription_lingers(const mqtt_subscription *s)
{
    return s->lingers && s->stage != DONE ? s->leaving_count : 0;
}

/* ---- SUBSCRIBE and UNSUBSCRIBE ------------------------------------------------------------------
 */

void mqtt_subscription_on_suback(mqtt_subscription *s, const uint8_t *codes, size_t count)
{
    if (s->stage != SUBSCRIBING)
        return;
    s->answered = true;
    s->code_count = count;
    memcpy(s->codes, codes, count < s->coming_count ? count : s->coming_count);
}

void mqtt_subscription_on_unsuback(mqtt_subscription *s)
{
    if (s->stage == UNSUBSCRIBING)
        s->answered = true;
}

static mqtt_grant grant(mqtt_subscription *s, size_t i, int code, const char *broker)
{
    const char *filter = s->setup->filters[i];
    int asked = s->setup->qos[i];

    s->granted[i] = code;
    if (code > 2) {
        s->host->fail(s->host, WEIR_FATAL, "%s refuses the subscription to '%s' (code 0x%02x): %s",
                      broker, filter, (unsigned)code, mqtt_reason_text((uint8_t)code));
        return MQTT_GRANT_REFUSED;
    }
    if (code < asked)
        s->host->log(s->host, WEIR_WARN, "'%s': QoS %d granted, %d asked for%s", filter, code,
                     asked, code ? "" : "; at-least-once does not hold for this filter");
    mqtt_kept_set(at_hand(s), filter, asked, code);
    return MQTT_GRANT_GOES_ON;
}

static mqtt_grant on_granted(mqtt_subscription *s, const char *broker, char *why, size_t room)
{
    mqtt_grant verdict = MQTT_GRANT_GOES_ON;
    size_t next = 0;

    if (s->code_count != s->coming_count) {
        snprintf(why, room, "the broker answered for another number of filters");
        return MQTT_GRANT_BROKEN;
    }
    for (size_t i = 0; verdict == MQTT_GRANT_GOES_ON && next < s->coming_count; i++)
        if (s->setup->filters[i] == s->coming[next])
            verdict = grant(s, i, s->codes[next++], broker);
    if (verdict == MQTT_GRANT_GOES_ON)
        leave(s);
    return verdict;
}

static void on_left(mqtt_subscription *s)
{
    for (size_t i = 0; i < s->leaving_count; i++) {
        s->host->log(s->host, WEIR_INFO,
                     "'%s' is not subscribed any more; what the broker has queued under it still "
                     "comes",
                     s->leaving[i]);
        mqtt_kept_remove(at_hand(s), s->leaving[i]);
    }
    finish(s);
}

static mqtt_grant ask(mqtt_subscription *s, mqtt_session *session, char *why, size_t room)
{
    bool in = s->stage == TO_SUBSCRIBE;
    int code = in ? mqtt_session_subscribe(session, s->coming, s->coming_qos, s->coming_count,
                                           s->setup->retain)
                  : mqtt_session_unsubscribe(session, s->leaving, s->leaving_count);

    s->answered = false;
    s->stage = in ? SUBSCRIBING : UNSUBSCRIBING;
    if (!code)
        return MQTT_GRANT_GOES_ON;
    snprintf(why, room, "paho does not %s: code %d", in ? "subscribe" : "unsubscribe", code);
    return MQTT_GRANT_BROKEN;
}

mqtt_grant mqtt_subscription_step(mqtt_subscription *s, mqtt_session *session, const char *broker,
                                  char *why, size_t room)
{
    mqtt_grant verdict = MQTT_GRANT_GOES_ON;

    if (s->stage == SUBSCRIBING && s->answered)
        verdict = on_granted(s, broker, why, room);
    else if (s->stage == UNSUBSCRIBING && s->answered)
        on_left(s);
    linger(s);
    if (verdict == MQTT_GRANT_GOES_ON && mqtt_session_joined(session) &&
        (s->stage == TO_SUBSCRIBE || s->stage == TO_UNSUBSCRIBE))
        verdict = ask(s, session, why, room);
    return verdict;
}

const int *mqtt_subscription_granted(const mqtt_subscription *s)
{
    return s->granted;
}

int64_t mqtt_subscription_epoch(const mqtt_subscription *s)
{
    return at_hand(s)->epoch;
}
