/* source.c - the task's side: weir_source on top of the connection. */
#include "source.h"

#include "connection.h"
#include "content.h"
#include "estate.h"
#include "forget.h"
#include "record.h"
#include "rejected.h"
#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN    200 /* bytes of a payload in the log */
#define SLICE_MS 10  /* of a poll() with two connections, each in turn */
#define SOON_MS  50  /* when others' words are waited for */

typedef struct task {
    const weir_host *host;
    mqtt_setup *setup;
    mqtt_records *records;
    mqtt_connection *connection;
    mqtt_estate *estate;
    mqtt_content *content;        /* NULL: contents are not compared */
    uint64_t sessions;            /* when it was last asked: another session, another memory */
    size_t batch;                 /* records emitted in this poll() */
    int64_t received_ms, read_ms; /* when the first of them came, by both clocks */
    bool held;                    /* paused, but connected */
    mqtt_task_facts facts;
} task;

/* ---- A message ---------------------------------------------------------------------------------
 */

/* Bytes as text, what is not printable as dots. */
static void show(char *to, size_t room, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;

    size = size < room - 1 ? size : room - 1;
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(from[i] < 0x20 || from[i] > 0x7e ? '.' : from[i]);
    to[size] = '\0';
}

static void log_payload(const task *t, const mqtt_publish *publish)
{
    char shown[SHOWN + 1];

    show(shown, sizeof(shown), publish->payload, publish->payload_size);
    t->host->log(t->host, (weir_level)t->setup->payload_level, "'%.*s' QoS %d, %zu bytes: %s",
                 (int)publish->topic_size, publish->topic, publish->qos, publish->payload_size,
                 shown);
}

/* No record can be made of it: the worker knows what the user wants then. */
static weir_status reject(task *t, const mqtt_message *message, const char *kind, const char *why)
{
    char topic[SHOWN + 1], words[2 * SHOWN + 256];
    mqtt_rejected rejected;
    weir_status status;

    show(topic, sizeof(topic), message->publish.topic, message->publish.topic_size);
    snprintf(words, sizeof(words), "a message on '%s': %s", topic, why);
    mqtt_rejected_fill(&rejected, message);
    status = t->host->reject(t->host, &rejected.record, kind, words);
    if (status == WEIR_DONE)
        t->facts.rejected++;
    return status;
}

static bool is_duplicate(task *t, const mqtt_message *message)
{
    uint64_t sessions = mqtt_connection_sessions(t->connection);

    if (sessions != t->sessions)
        mqtt_content_clear(t->content);
    t->sessions = sessions;
    if (message->too_large ||
        !mqtt_content_knows(t->content, &message->publish, t->host->now_ms(t->host)))
        return false;
    t->facts.duplicates++;
    return true;
}

/* A clock costs as much as the rest of a small record, so those of one poll() have one time. */
static void note_time(task *t)
{
    t->received_ms = mqtt_unix_ms();
    t->read_ms = t->host->now_ms(t->host);
}

static mqtt_verdict on_message(void *ctx, const mqtt_message *message)
{
    task *t = ctx;
    weir_record record;
    const char *kind;
    weir_status status;
    char why[256];

    if (t->held)
        return MQTT_FULL;
    if (t->batch >= (size_t)t->setup->settings->batch_size)
        return MQTT_FULL;
    if (t->content && is_duplicate(t, message))
        return MQTT_SKIPPED;
    if (t->batch == 0)
        note_time(t);
    if (mqtt_record_make(t->records, message, t->received_ms, &record, &kind, why, sizeof(why)))
        status = t->host->emit(t->host, &record);
    else
        status = reject(t, message, kind, why);
    switch (status) {
    case WEIR_DONE:
        break;
    case WEIR_AGAIN:
    case WEIR_RETRY:
        return MQTT_FULL;
    case WEIR_FATAL:
        return MQTT_FAILED;
    }
    mqtt_record_taken(t->records);
    t->batch++;
    if (t->content && !message->too_large)
        mqtt_content_note(t->content, t->host->now_ms(t->host));
    t->facts.last_message_ms = t->read_ms;
    if (t->setup->payload_level >= 0 && !message->too_large)
        log_payload(t, &message->publish);
    return MQTT_TAKEN;
}

/* ---- weir_source -------------------------------------------------------------------------------
 */

static void to_worker(void *ctx, weir_level level, const char *key, const char *text)
{
    const weir_host *host = ctx;

    if (level >= WEIR_ERROR) /* the rest was said when the connector was created */
        host->fail(host, WEIR_FATAL, "%s: %s", key ? key : "configuration", text);
}

static void task_free(task *t)
{
    mqtt_estate_free(t->estate);
    mqtt_connection_free(t->connection);
    mqtt_records_free(t->records);
    mqtt_content_free(t->content);
    mqtt_setup_free(t->setup);
    free(t);
}

static weir_status start(const weir_host *host, const void *settings, void **self)
{
    mqtt_findings findings = {.ctx = (void *)host, .note = to_worker};
    mqtt_setup *setup = mqtt_setup_new(settings, host->connector, host->task, &findings);
    char why[192]; /* setup has seen that there is no reason */
    task *t;

    if (!setup)
        return WEIR_FATAL;
    t = mqtt_alloc(1, sizeof(*t));
    t->host = host;
    t->setup = setup;
    t->facts.last_message_ms = -1;
    t->records = mqtt_records_new(setup);
    if (setup->dedupe == MQTT_DEDUPE_CONTENT) {
        t->content =
            mqtt_content_new(setup->settings->dedupe_key, (size_t)setup->settings->dedupe_size,
                             setup->settings->dedupe_ms, why, sizeof(why));
        mqtt_content_filters(t->content, setup->all_filters, setup->all_count);
    }
    t->connection =
        mqtt_connection_new(host, setup, &(mqtt_link_user){.ctx = t, .message = on_message});
    if (!t->connection) {
        task_free(t);
        return host->fail(host, WEIR_RETRY, "no file descriptor is left for an eventfd");
    }
    t->estate = mqtt_estate_new(host, setup, &(mqtt_link_user){.ctx = t, .message = on_message});
    *self = t;
    return WEIR_DONE;
}

/* The worker decides when there is to be more. */
static bool enough(void *ctx)
{
    const task *t = ctx;

    return t->batch > 0;
}

static weir_status poll_once(void *self, int64_t deadline_ms)
{
    task *t = self;
    int64_t now_ms = t->host->now_ms(t->host), until_ms = deadline_ms;
    weir_status status;

    if (mqtt_estate_busy(t->estate))
        until_ms = now_ms + SLICE_MS;
    else if (mqtt_connection_look(t->connection).lingers)
        until_ms = now_ms + SOON_MS;
    t->batch = 0;
    status = mqtt_connection_poll(t->connection, until_ms < deadline_ms ? until_ms : deadline_ms,
                                  enough, t);
    if (status != WEIR_DONE && status != WEIR_AGAIN)
        return status;
    t->batch = 0;
    return mqtt_estate_poll(t->estate, t->host->now_ms(t->host) + SLICE_MS, enough, t);
}

static void settled(void *self, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    task *t = self;

    switch (outcome) {
    case WEIR_DELIVERED:
        t->facts.delivered += count;
        break;
    case WEIR_DEAD_LETTERED:
        t->facts.dead_lettered += count;
        break;
    case WEIR_DROPPED:
        t->facts.dropped += count;
        break;
    case WEIR_ABANDONED:
        t->facts.abandoned += count;
        break;
    }
    for (size_t from = 0, to; from < count; from = to) {
        bool inherited = mqtt_estate_owns(tokens[from]);

        for (to = from + 1; to < count && mqtt_estate_owns(tokens[to]) == inherited;)
            to++;
        if (inherited)
            mqtt_estate_settle(t->estate, tokens + from, to - from, outcome);
        else
            mqtt_connection_settle(t->connection, tokens + from, to - from, outcome);
    }
}

static void drain(void *self)
{
    task *t = self;

    mqtt_connection_drain(t->connection);
    mqtt_estate_drain(t->estate);
}

static bool hold(void *self, bool paused)
{
    task *t = self;

    if (!t->setup->hold_when_paused)
        return false;
    t->held = paused;
    mqtt_connection_hold(t->connection, paused);
    return true;
}

static void stop(void *self)
{
    task_free(self);
}

static size_t status(void *self, char *json, size_t room)
{
    task *t = self;
    mqtt_connection_facts connection = mqtt_connection_look(t->connection);

    t->facts.records = mqtt_records_look(t->records);
    t->facts.inherited = mqtt_estate_session(t->estate);

    return mqtt_status_write(t->setup, &connection, &t->facts, t->host->now_ms(t->host), json,
                             room);
}

const weir_source mqtt_source = {
    .size = sizeof(weir_source),
    .start = start,
    .poll = poll_once,
    .settled = settled,
    .drain = drain,
    .stop = stop,
    .pause = hold,
    .status = status,
    .forget = mqtt_forget,
};
