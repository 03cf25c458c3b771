/* connection.c - see connection.h.
 *
 *     WAITING ─▶ DIALLING ─▶ JOINING ─▶ GREETING ─▶ UP
 *        ▲     name, TCP,  paho comes   CONNACK,     │
 *        │     TLS, ws     in           SUBACK       │
 *        └───────────── any failure ─────────────────┘
 *
 * Bytes move in socket.c; here is what they mean for the life of the connection.
 */
#include "connection_internal.h"

#include "moment.h"
#include "reasons.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEALTHY_MS      60000  /* after which a connection has proved itself */
#define OWNED_AGAIN_MS  1000   /* until the next question whether the task is still ours */
#define PAHO_IDLE_MS    3000   /* for paho to notice that its broker is gone */
#define SAY_AGAIN_MS    600000 /* the same words in the log */
#define GOODBYE_MS      500
#define NUDGE_MS        5     /* until paho is in */
#define USER_TIMEOUT_MS 20000 /* unacknowledged TCP output, at least */

/* ---- Failing --------------------------------------------------------------------------------- */

/* In status always; in the log when it is news. */
static void complain(mqtt_connection *c, weir_level level, const char *text)
{
    int64_t now_ms = c->host->now_ms(c->host);

    snprintf(c->last_error, sizeof(c->last_error), "%s", text);
    if (strcmp(c->said, text) == 0 && now_ms < c->say_again_ms)
        return;
    snprintf(c->said, sizeof(c->said), "%s", text);
    c->say_again_ms = now_ms + SAY_AGAIN_MS;
    c->host->log(c->host, level, "%s", text);
}

void mqtt_connection_hang_up(mqtt_connection *c)
{
    mqtt_dial_free(c->dial);
    c->dial = NULL;
    mqtt_loopback_close(c->loopback);
    c->loopback = NULL;
    mqtt_link_close(c->link);
    mqtt_nudge_leave(&c->nudge);
    mqtt_transport_close(&c->broker);
    mqtt_transport_close(&c->client);
    c->paused_since_ms = -1;
    c->phase = WAITING;
}

static int64_t back_off_ms(mqtt_connection *c, bool slow)
{
    const mqtt_settings *s = c->setup->settings;
    int64_t limit = s->backoff_ms;
    uint32_t random = 0;

    if (slow)
        return s->backoff_max_ms;
    for (unsigned i = 1; i < c->attempt && limit < s->backoff_max_ms; i++)
        limit *= 2;
    if (limit > s->backoff_max_ms)
        limit = s->backoff_max_ms;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        random = UINT32_MAX / 2;
    return (int64_t)((uint64_t)limit * random / UINT32_MAX);
}

static weir_status give_up_or_wait(mqtt_connection *c, bool slow)
{
    const mqtt_settings *s = c->setup->settings;
    int64_t now_ms = c->host->now_ms(c->host);

    if (c->outage_since_ms < 0)
        c->outage_since_ms = now_ms;
    if (!c->connects && c->setup->first_failure_is_fatal)
        return c->host->fail(c->host, WEIR_FATAL, "%s (startup.error.behavior is error)",
                             c->last_error);
    if (s->max_retry_ms >= 0 && now_ms - c->outage_since_ms >= s->max_retry_ms)
        return c->host->fail(c->host, WEIR_FATAL,
                             "%s; no connection for %" PRId64
                             " ms, and max.retry.time.ms is %" PRId64,
                             c->last_error, now_ms - c->outage_since_ms, s->max_retry_ms);
    c->wait_until_ms = now_ms + back_off_ms(c, slow);
    return WEIR_DONE;
}

/* This attempt came to nothing: the next broker's turn. */
static weir_status attempt_failed(mqtt_connection *c, const char *why, bool slow)
{
    const mqtt_endpoint *broker = &c->setup->endpoints[c->endpoint];
    char text[TEXT_ROOM];

    snprintf(text, sizeof(text), "%s: %s%s", broker->uri, why,
             mqtt_endpoint_is_local(broker) && strstr(why, "cannot connect")
                 ? " (inside a container, localhost is the container itself)"
                 : "");
    mqtt_connection_hang_up(c);
    complain(c, WEIR_WARN, text);
    mqtt_brokers_failed(c->brokers, c->endpoint);
    c->endpoint = mqtt_brokers_after(c->brokers, c->endpoint);
    return give_up_or_wait(c, slow);
}

/* Two clients that both come back at once would throw each other out for ever. */
static weir_status end_the_war(mqtt_connection *c)
{
    return c->host->fail(
        c->host, WEIR_FATAL,
        "another client uses id '%s' at %s: twice within a minute it has taken the "
        "session over. Two connectors, or a connector and another program, must "
        "not share an id: give one of them another mqtt.client.id, then restart "
        "this task",
        c->setup->client_id, c->setup->endpoints[c->endpoint].uri);
}

/* A connection that was up is gone: the same broker first, unless it names another. */
static weir_status connection_lost(mqtt_connection *c, const char *why)
{
    int64_t now_ms = c->host->now_ms(c->host), lived_ms = now_ms - c->up_since_ms, pause_ms;
    const mqtt_link_facts *link = mqtt_link_look(c->link);
    uint8_t reason = link->left ? link->left_reason : 0;
    char text[TEXT_ROOM];
    weir_status status;
    bool suspected;

    pause_ms = mqtt_takeover_lost(&c->takeover, lived_ms, reason == MQTT_TAKEN_OVER);
    suspected = mqtt_takeover_suspected(&c->takeover);
    if (lived_ms >= HEALTHY_MS && !link->malformed)
        c->attempt = 1;
    snprintf(text, sizeof(text), "connection to %s lost: %s%s%s%s",
             c->setup->endpoints[c->endpoint].uri, why,
             suspected ? "; three times within seconds: is client id '" : "",
             suspected ? c->setup->client_id : "", suspected ? "' in use elsewhere?" : "");
    c->losses++;
    mqtt_subscription_seen(c->subscription, mqtt_unix_ms(), false);
    c->connected_since_unix_ms = -1;
    mqtt_connection_hang_up(c);
    complain(c, reason == MQTT_WINDOW_EXCEEDED ? WEIR_ERROR : WEIR_WARN, text);
    if (reason == MQTT_TAKEN_OVER &&
        mqtt_takeover_noted(&c->takeover, now_ms, c->host->owned(c->host)))
        return end_the_war(c);
    if (mqtt_reason_remedy(reason) == MQTT_TRY_ELSEWHERE)
        c->endpoint = mqtt_brokers_after(c->brokers, c->endpoint);
    status = give_up_or_wait(c, mqtt_reason_remedy(reason) == MQTT_TRY_LATER);
    if (c->wait_until_ms < now_ms + pause_ms)
        c->wait_until_ms = now_ms + pause_ms;
    return status;
}

weir_status mqtt_connection_fail(mqtt_connection *c, const char *why, bool slow)
{
    return c->connected_since_unix_ms >= 0 ? connection_lost(c, why) : attempt_failed(c, why, slow);
}

/* ---- WAITING, DIALLING, JOINING ---------------------------------------------------------------
 */

/* paho must have forgotten the last connection; when it does not, or when this broker is to be
 * asked in another version, it gets a new handle. */
static bool paho_is_ready(mqtt_connection *c, int64_t now_ms, int *ret_code)
{
    mqtt_level level = mqtt_brokers_level(c->brokers, c->endpoint);
    bool idle = c->session && mqtt_session_idle(c->session);

    *ret_code = 0;
    if (idle && mqtt_session_level(c->session) == level) {
        c->idle_by_ms = -1;
        return true;
    }
    if (c->session && !idle && c->idle_by_ms < 0)
        c->idle_by_ms = now_ms + PAHO_IDLE_MS;
    if (c->session && !idle && now_ms < c->idle_by_ms) {
        c->wait_until_ms = c->idle_by_ms; /* or sooner: its callback makes wake_fd readable */
        return false;
    }
    mqtt_session_free(c->session);
    c->idle_by_ms = -1;
    c->session = mqtt_session_new(level, c->setup->client_id, c->wake_fd, ret_code);
    return c->session;
}

static weir_status begin(mqtt_connection *c, int64_t now_ms)
{
    const mqtt_endpoint *broker = &c->setup->endpoints[c->endpoint];
    char why[64];
    int code;

    if (c->outage_since_ms < 0)
        c->outage_since_ms = now_ms;
    if (!c->host->owned(c->host)) {
        c->not_owned = true;
        c->wait_until_ms = now_ms + OWNED_AGAIN_MS;
        return WEIR_DONE;
    }
    c->not_owned = false;
    if (!paho_is_ready(c, now_ms, &code)) {
        if (!code)
            return WEIR_DONE;
        snprintf(why, sizeof(why), "paho makes no handle: code %d", code);
        return attempt_failed(c, why, false);
    }
    c->attempt++;
    c->deadline_ms = now_ms + c->setup->settings->connect_timeout_s * 1000;
    c->dial = mqtt_dial_start(broker, &c->setup->settings->ssl, &c->setup->settings->ws);
    c->phase = DIALLING;
    return WEIR_DONE;
}

static void keep_watch(mqtt_connection *c)
{
    unsigned timeout_ms = USER_TIMEOUT_MS;

    if (c->setup->settings->ping_timeout_ms > USER_TIMEOUT_MS)
        timeout_ms = (unsigned)c->setup->settings->ping_timeout_ms;
    setsockopt(c->broker.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

/* TCP stands; now paho is asked in. */
static weir_status invite_paho(mqtt_connection *c)
{
    const mqtt_settings *s = c->setup->settings;
    mqtt_session_connect how = {
        .clean = s->clean,
        .keepalive_s = (int)s->keepalive_s,
        .timeout_s = (int)s->connect_timeout_s + 1,
        .will = &c->setup->will,
        .session_expiry_s = s->clean ? 0 : (uint32_t)s->session_expiry_s,
        .receive_maximum = c->setup->receive_maximum,
        .maximum_packet = (uint32_t)s->max_packet, /* 0 unless the user gave one */
    };
    char why[128];
    int code;

    mqtt_dial_free(c->dial);
    c->dial = NULL;
    keep_watch(c);
    c->born = false;
    c->loopback = mqtt_loopback_open();
    if (!c->loopback) {
        snprintf(why, sizeof(why), "cannot listen on 127.0.0.1 for paho: %s", strerror(errno));
        return attempt_failed(c, why, false);
    }
    how.uri = mqtt_loopback_uri(c->loopback);
    how.secret = mqtt_loopback_secret(c->loopback);
    code = mqtt_session_open(c->session, &how);
    if (code) {
        snprintf(why, sizeof(why), "paho does not connect: code %d", code);
        return attempt_failed(c, why, false);
    }
    c->phase = JOINING;
    c->nudge_at_ms = 0;
    return WEIR_DONE;
}

static weir_status dial(mqtt_connection *c)
{
    char why[TEXT_ROOM];

    switch (mqtt_dial_step(c->dial, &c->broker, why, sizeof(why))) {
    case MQTT_DIALLING:
        return WEIR_DONE;
    case MQTT_DIAL_FAILED:
        return attempt_failed(c, why, false);
    case MQTT_DIALLED:
        break;
    }
    return invite_paho(c);
}

static weir_status join(mqtt_connection *c, int64_t now_ms)
{
    const mqtt_settings *s = c->setup->settings;
    mqtt_bytes connect = {0};

    c->client.fd = mqtt_loopback_step(c->loopback, now_ms, s->username, s->password, &connect);
    if (c->client.fd >= 0) {
        mqtt_loopback_close(c->loopback);
        c->loopback = NULL;
        mqtt_subscription_connecting(c->subscription, c->endpoint);
        mqtt_link_elsewhere(c->link, c->connects && c->endpoint != c->accepted_by);
        mqtt_link_open(c->link, connect.data, mqtt_bytes_size(&connect), now_ms);
        explicit_bzero(connect.data, connect.room);
        c->cool_until_ms = now_ms;
        c->phase = GREETING;
        mqtt_nudge_join(&c->nudge, c->wake_fd);
    } else if (c->nudge_at_ms >= 0 && now_ms >= c->nudge_at_ms) {
        c->nudge_at_ms = mqtt_nudge_ask() ? now_ms + NUDGE_MS : -1;
    }
    mqtt_bytes_free(&connect);
    if (c->phase == JOINING && mqtt_session_idle(c->session))
        return attempt_failed(c, "paho gave up before it was let in", false);
    return WEIR_DONE;
}

/* ---- GREETING: CONNACK and SUBACK --------------------------------------------------------------
 */

static weir_status accepted(mqtt_connection *c, int64_t now_ms)
{
    bool present = mqtt_link_look(c->link)->session_present;
    char text[32] = "its end";
    int64_t since;

    c->up_since_ms = now_ms;
    c->connected_since_unix_ms = mqtt_unix_ms();
    c->deadline_ms = now_ms + c->setup->settings->connect_timeout_s * 1000;
    c->host->log(c->host, WEIR_INFO, "connected to %s as '%s', MQTT %s, session %s",
                 c->setup->endpoints[c->endpoint].uri, c->setup->client_id,
                 mqtt_link_look(c->link)->level == MQTT_5 ? "5" : "3.1.1",
                 present ? "present" : "new");
    c->connects++;
    c->accepted_by = c->endpoint;
    if (mqtt_subscription_connected(c->subscription, present, c->connected_since_unix_ms, &since)) {
        if (since >= 0)
            mqtt_format_time(since, text, sizeof(text));
        c->gap_unix_ms = since >= 0 ? since : c->connected_since_unix_ms;
        c->sessions_lost++;
        c->host->log(c->host, WEIR_WARN,
                     "%s has lost the session: messages published since %s may be missing",
                     c->setup->endpoints[c->endpoint].uri, text);
    }
    return mqtt_greeting_accepted(c);
}

/* The link heard SUBACK. */
static void on_granted(void *ctx, const uint8_t *codes, size_t count)
{
    mqtt_connection *c = ctx;

    mqtt_subscription_on_suback(c->subscription, codes, count);
}

static void on_unsubscribed(void *ctx)
{
    mqtt_connection *c = ctx;

    mqtt_subscription_on_unsuback(c->subscription);
}

static weir_status subscribe(mqtt_connection *c)
{
    char why[128];

    switch (mqtt_subscription_step(c->subscription, c->session,
                                   c->setup->endpoints[c->endpoint].uri, why, sizeof(why))) {
    case MQTT_GRANT_GOES_ON:
        break;
    case MQTT_GRANT_BROKEN:
        return mqtt_connection_fail(c, why, false);
    case MQTT_GRANT_REFUSED:
        return WEIR_FATAL;
    }
    return WEIR_DONE;
}

static weir_status greet(mqtt_connection *c, int64_t now_ms)
{
    const mqtt_link_facts *facts = mqtt_link_look(c->link);
    weir_status status = WEIR_DONE;

    if (!facts->answered)
        return WEIR_DONE;
    mqtt_brokers_answered(c->brokers, c->endpoint);
    if (facts->refused)
        return mqtt_greeting_refused(c);
    if (c->connected_since_unix_ms < 0)
        status = accepted(c, now_ms);
    if (status == WEIR_DONE)
        status = subscribe(c);
    if (status != WEIR_DONE || c->phase != GREETING)
        return status;
    if (mqtt_subscription_done(c->subscription)) {
        c->phase = UP;
        c->outage_since_ms = -1;
        if (!mqtt_takeover_suspected(&c->takeover))
            c->said[0] = '\0'; /* the next failure is news, even in the same words */
    }
    return WEIR_DONE;
}

/* ---- Every turn --------------------------------------------------------------------------------
 */

static weir_status late(mqtt_connection *c)
{
    char doing[128] = "the broker's answer to CONNECT", why[192];

    if (c->phase == DIALLING)
        mqtt_dial_doing(c->dial, doing, sizeof(doing));
    else if (c->phase == JOINING)
        snprintf(doing, sizeof(doing), "paho's way in");
    else if (c->connected_since_unix_ms >= 0)
        snprintf(doing, sizeof(doing), "the broker's answer to SUBSCRIBE");
    snprintf(why, sizeof(why), "%s took longer than %" PRId64 " s", doing,
             c->setup->settings->connect_timeout_s);
    return mqtt_connection_fail(c, why, false);
}

static weir_status work(mqtt_connection *c, int64_t now_ms)
{
    if (mqtt_nudge_taken(&c->nudge))
        mqtt_link_nudge(c->link);
    switch (mqtt_link_work(c->link, now_ms)) {
    case MQTT_LINK_RUNS:
        break;
    case MQTT_LINK_BROKEN:
        mqtt_connection_flush(c); /* a broker that talks nonsense is told so */
        return mqtt_connection_fail(c, mqtt_link_why(c->link), false);
    case MQTT_LINK_FAILED:
        return WEIR_FATAL; /* whoever refused the message has called host->fail() */
    }
    if (c->phase == GREETING) {
        weir_status status = greet(c, now_ms);

        if (status != WEIR_DONE || c->phase == WAITING)
            return status;
    }
    if (c->phase == UP && mqtt_subscription_lingers(c->subscription)) {
        weir_status status = subscribe(c);

        if (status != WEIR_DONE || c->phase != UP)
            return status;
    }
    mqtt_greeting_birth(c);
    return mqtt_watch(c, now_ms);
}

weir_status mqtt_connection_advance(mqtt_connection *c, int64_t now_ms)
{
    weir_status status = WEIR_DONE;

    if (c->phase == WAITING && c->session && c->idle_by_ms >= 0 && mqtt_session_idle(c->session))
        c->wait_until_ms = now_ms;
    if (c->phase == WAITING && !c->draining && now_ms >= c->wait_until_ms)
        status = begin(c, now_ms);
    if (status == WEIR_DONE && c->phase == DIALLING)
        status = dial(c);
    if (status == WEIR_DONE && c->phase == JOINING)
        status = join(c, now_ms);
    if (status == WEIR_DONE && c->phase >= GREETING)
        status = work(c, now_ms);
    if (status == WEIR_DONE && c->phase > WAITING && c->phase < UP && now_ms >= c->deadline_ms)
        status = late(c);
    return status;
}

/* ---- Life -------------------------------------------------------------------------------------
 */

mqtt_connection *mqtt_connection_new(const weir_host *host, const mqtt_setup *setup,
                                     const mqtt_link_user *user)
{
    mqtt_connection *c = mqtt_alloc(1, sizeof(*c));
    const mqtt_settings *s = setup->settings;
    mqtt_link_settings limits = {
        .max_packet = setup->max_packet,
        .max_unacked = (size_t)s->max_unacked,
        .max_unacked_bytes = (uint64_t)s->max_unacked_bytes,
        .max_loose = (size_t)s->queue_size,
        .ack_on_receive = setup->ack_on_receive,
        .skip_retained = setup->retain == MQTT_RETAIN_NEVER,
        .ping_timeout_ms = s->ping_timeout_ms,
        .remember_acked = setup->dedupe != MQTT_DEDUPE_NONE,
        .receive_maximum = setup->receive_maximum,
    };

    c->host = host;
    c->setup = setup;
    c->user = *user;
    c->link = mqtt_link_new(&limits, &(mqtt_link_user){.ctx = c,
                                                       .message = mqtt_connection_message,
                                                       .granted = on_granted,
                                                       .unsubscribed = on_unsubscribed});
    c->brokers = mqtt_brokers_new(setup);
    c->endpoint = mqtt_brokers_first(c->brokers);
    c->broker = c->client = MQTT_NO_TRANSPORT;
    c->idle_by_ms = c->outage_since_ms = c->paused_since_ms = -1;
    c->connected_since_unix_ms = c->gap_unix_ms = -1;
    c->subscription = mqtt_subscription_new(host, setup);
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->wake_fd >= 0)
        return c;
    mqtt_connection_free(c);
    return NULL;
}

mqtt_verdict mqtt_connection_message(void *ctx, const mqtt_message *message)
{
    mqtt_connection *c = ctx;

    return c->user.message(c->user.ctx, message);
}

void mqtt_connection_free(mqtt_connection *c)
{
    if (!c)
        return;
    if (c->phase >= GREETING) {
        mqtt_greeting_goodbye(c);
        mqtt_connection_say_goodbye(c, c->host->now_ms(c->host) + GOODBYE_MS);
    }
    mqtt_connection_hang_up(c);
    mqtt_session_free(c->session);
    mqtt_link_free(c->link);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    mqtt_subscription_free(c->subscription);
    mqtt_brokers_free(c->brokers);
    free(c);
}

void mqtt_connection_drain(mqtt_connection *c)
{
    c->draining = true;
    if (c->connected_since_unix_ms >= 0)
        mqtt_subscription_seen(c->subscription, mqtt_unix_ms(), true);
    mqtt_link_drain(c->link);
    if (!mqtt_link_look(c->link)->connected)
        mqtt_connection_hang_up(
            c); /* nothing has been taken on it, so there is nothing to acknowledge */
}

uint64_t mqtt_connection_sessions(const mqtt_connection *c)
{
    return mqtt_link_look(c->link)->sessions;
}

void mqtt_connection_hold(mqtt_connection *c, bool held)
{
    c->held = held;
}

mqtt_connection_facts mqtt_connection_look(const mqtt_connection *c)
{
    static const char *const states[] = {"waiting", "connecting", "connecting", "connecting",
                                         "connected"};

    return (mqtt_connection_facts){
        .state = c->draining                 ? "draining"
                 : c->not_owned              ? "waiting for the worker's lease"
                 : c->held && c->phase == UP ? "connected, held while the task is paused"
                                             : states[c->phase],
        .word = c->draining                 ? "draining"
                : c->not_owned              ? "not_owned"
                : c->held && c->phase == UP ? "held"
                                            : states[c->phase],
        .broker = c->setup->endpoints[c->endpoint].uri,
        .version = mqtt_brokers_level(c->brokers, c->endpoint) == MQTT_5 ? "5" : "3.1.1",
        .link = c->link,
        .connected_since_unix_ms = c->connected_since_unix_ms,
        .paused_since_ms = c->paused_since_ms,
        .gap_unix_ms = c->gap_unix_ms,
        .attempt = c->phase == UP ? 0 : c->attempt,
        .connects = c->connects,
        .losses = c->losses,
        .sessions_lost = c->sessions_lost,
        .takeovers = c->takeover.count,
        .granted = mqtt_subscription_granted(c->subscription),
        .lingers = mqtt_subscription_lingers(c->subscription),
        .session_epoch = mqtt_subscription_epoch(c->subscription),
        .last_error = c->last_error,
    };
}
