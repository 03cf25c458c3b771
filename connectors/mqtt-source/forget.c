/* forget.c - see forget.h.
 *
 * An mqtt_connection does it, whatever it takes to get in: TLS, credentials, the version. It gets a
 * setup with one broker, a clean session, nothing to subscribe and no will.
 */
#include "forget.h"

#include "connection.h"
#include "kept.h"
#include "visit.h"
#include "whereabouts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_MS    4400 /* to get in; the goodbye takes half a second more at most */
#define BACKOFF_MS 200

typedef struct visit {
    weir_host host; /* the worker's, without a voice of its own */
    const weir_host *worker;
    const mqtt_setup *setup;
    const char *client_id;
    int64_t until_ms;
    char why[512];
} visit;

static void WEIR_PRINTF(3, 4)
    say_nothing(const weir_host *host, weir_level level, const char *fmt, ...)
{
    (void)host;
    (void)level;
    (void)fmt;
}

static weir_status WEIR_PRINTF(3, 4)
    note_failure(const weir_host *host, weir_status how, const char *fmt, ...)
{
    visit *v = host->ctx;
    va_list args;

    va_start(args, fmt);
    vsnprintf(v->why, sizeof(v->why), fmt, args);
    va_end(args);
    return how;
}

static bool is_owned(const weir_host *host)
{
    (void)host;
    return true; /* nobody else has this task, and nobody will */
}

static int64_t now_ms(const weir_host *host)
{
    const visit *v = host->ctx;

    return v->worker->now_ms(v->worker);
}

static mqtt_verdict take_nothing(void *ctx, const mqtt_message *message)
{
    (void)ctx;
    (void)message;
    return MQTT_FULL;
}

static bool is_in(void *ctx)
{
    return strcmp(mqtt_connection_look(*(mqtt_connection **)ctx).state, "connected") == 0;
}

/* Comes and goes once. False: v->why says why not. */
static bool end_session(visit *v, size_t endpoint)
{
    mqtt_connection *connection;
    weir_status status = WEIR_DONE;
    mqtt_visit alone;
    bool in = false;

    snprintf(v->why, sizeof(v->why), "there was no time left to ask");
    mqtt_visit_begin(&alone, v->worker, v->setup, v->client_id, endpoint, true);
    alone.settings.backoff_ms = alone.settings.backoff_max_ms = BACKOFF_MS;
    connection = mqtt_connection_new(&v->host, &alone.setup,
                                     &(mqtt_link_user){.ctx = v, .message = take_nothing});
    if (!connection)
        snprintf(v->why, sizeof(v->why), "no file descriptor is left");
    while (connection && !in && status != WEIR_FATAL && now_ms(&v->host) < v->until_ms) {
        status = mqtt_connection_poll(connection, v->until_ms, is_in, &connection);
        in = is_in(&connection);
    }
    if (connection && !in && status != WEIR_FATAL && *mqtt_connection_look(connection).last_error)
        snprintf(v->why, sizeof(v->why), "%s", mqtt_connection_look(connection).last_error);
    mqtt_connection_free(connection); /* its DISCONNECT ends the session */
    mqtt_visit_end(&alone);
    return in;
}

static bool end_session_at(visit *v, size_t endpoint, mqtt_kept *kept)
{
    const weir_host *worker = v->worker;
    const mqtt_endpoint *broker = &v->setup->endpoints[endpoint];

    if (end_session(v, endpoint)) {
        worker->log(worker, WEIR_INFO, "the session '%s' at %s is ended", v->client_id,
                    broker->uri);
        mqtt_kept_forget(kept, worker);
        return true;
    }
    worker->log(worker, WEIR_WARN,
                "the session '%s' is left at %s, which goes on queueing for it: %s. It ends when "
                "the broker lets it expire, or when a client of that id connects with a clean "
                "session and leaves",
                v->client_id, broker->uri, v->why);
    return false;
}

/* Wherever it was kept that there is one; if nowhere, at the first broker that answers. */
static bool end_sessions(visit *v)
{
    size_t count = v->setup->endpoint_count, known = 0;
    mqtt_kept *kept = mqtt_alloc(count, sizeof(*kept));
    bool ended = true, one = false;

    for (size_t i = 0; i < count; i++) {
        mqtt_kept_load(&kept[i], v->worker, v->client_id, &v->setup->endpoints[i]);
        known += kept[i].known;
    }
    for (size_t i = 0; i < count; i++)
        if (kept[i].known)
            ended &= end_session_at(v, i, &kept[i]);
    for (size_t i = 0; !known && i < count && !one; i++)
        ended = one = end_session_at(v, i, &kept[i]);
    for (size_t i = 0; i < count; i++)
        mqtt_kept_clear(&kept[i]);
    free(kept);
    return ended;
}

/* What this task was to empty when it was deleted itself. */
static void end_inherited(visit *v)
{
    const weir_host *host = v->worker;
    size_t count = 0;
    mqtt_orphan *orphans = WEIR_HAS(host, tasks)
                               ? mqtt_orphans_find(host, host->tasks, v->setup->client_id, &count)
                               : NULL;

    for (size_t i = 0; i < count; i++) {
        v->client_id = orphans[i].client_id;
        if (end_sessions(v))
            host->keep_offset(host, orphans[i].partition, NULL);
    }
    mqtt_orphans_free(orphans, count);
}

static void to_nobody(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    (void)level;
    (void)key;
    (void)text;
}

void mqtt_forget(const weir_host *host, const void *settings)
{
    const mqtt_settings *s = settings;
    mqtt_findings findings = {.note = to_nobody};
    mqtt_setup *setup = mqtt_setup_new(s, host->connector, host->task, &findings);
    visit v = {.worker = host, .setup = setup};
    bool stays = WEIR_HAS(host, tasks_left) && WEIR_HAS(host, each_offset);

    if (!setup) {
        host->log(host, WEIR_WARN,
                  "the session '%s' is left at %s: the configuration is not valid any more",
                  s->client_id, s->uris);
        return;
    }
    v.host = (weir_host){
        .size = sizeof(weir_host),
        .ctx = &v,
        .connector = host->connector,
        .task = host->task,
        .wakeup_fd = -1,
        .log = say_nothing,
        .fail = note_failure,
        .owned = is_owned,
        .now_ms = now_ms,
    };
    v.until_ms = host->now_ms(host) + TIME_MS;
    v.client_id = setup->client_id;
    if (stays && !s->clean)
        host->log(host, WEIR_INFO, "the session '%s' stays until another task has emptied it",
                  setup->client_id);
    else if (!s->clean && !s->cleanup)
        host->log(host, WEIR_INFO,
                  "the session '%s' stays at the broker: mqtt.session.cleanup.on.delete is false",
                  setup->client_id);
    else if (s->clean || end_sessions(&v))
        mqtt_whereabouts_forget(host);
    if (!stays && s->cleanup)
        end_inherited(&v);
    mqtt_setup_free(setup);
}
