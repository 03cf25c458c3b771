/* status.c - see status.h. */
#include "status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A JSON object being written; once it does not fit, it stays too long. */
typedef struct writer {
    char *to;
    size_t room, size;
    bool comma;
} writer;

static void put(writer *w, const char *text, size_t size)
{
    if (w->size + size < w->room)
        memcpy(w->to + w->size, text, size);
    w->size += size;
}

static void WEIR_PRINTF(2, 3) putf(writer *w, const char *fmt, ...)
{
    char text[64];
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    put(w, text, size > 0 ? (size_t)size : 0);
}

static void put_string(writer *w, const char *text)
{
    put(w, "\"", 1);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            putf(w, "\\%c", *at);
        else if (*at < 0x20)
            putf(w, "\\u%04x", *at);
        else
            put(w, (const char *)at, 1);
    }
    put(w, "\"", 1);
}

static void name(writer *w, const char *key)
{
    if (w->comma)
        put(w, ",", 1);
    put_string(w, key);
    put(w, ":", 1);
    w->comma = true;
}

static void open_object(writer *w, const char *key)
{
    if (key)
        name(w, key);
    put(w, "{", 1);
    w->comma = false;
}

static void close_object(writer *w)
{
    put(w, "}", 1);
    w->comma = true;
}

static void text(writer *w, const char *key, const char *value)
{
    name(w, key);
    if (value && *value)
        put_string(w, value);
    else
        put(w, "null", 4);
}

static void number(writer *w, const char *key, uint64_t value)
{
    name(w, key);
    putf(w, "%" PRIu64, value);
}

static void moment(writer *w, const char *key, int64_t unix_ms)
{
    char when[32] = "";

    if (unix_ms >= 0)
        mqtt_format_time(unix_ms, when, sizeof(when));
    text(w, key, when);
}

/* Seconds since a moment of the monotonic clock, or null. */
static void age(writer *w, const char *key, int64_t since_ms, int64_t now_ms)
{
    name(w, key);
    if (since_ms < 0)
        put(w, "null", 4);
    else
        putf(w, "%" PRId64 ".%03d", (now_ms - since_ms) / 1000, (int)((now_ms - since_ms) % 1000));
}

static void yes_or_no(writer *w, const char *key, bool value)
{
    name(w, key);
    putf(w, "%s", value ? "true" : "false");
}

/* ---- What is told ------------------------------------------------------------------------------
 */

/* How many filters got less than was asked for. */
static uint64_t below_asked(const mqtt_setup *setup, const mqtt_connection_facts *c)
{
    uint64_t count = 0;

    for (size_t i = 0; i < setup->filter_count; i++)
        count += c->granted[i] >= 0 && c->granted[i] < setup->qos[i];
    return count;
}

static void tell_connection(writer *w, const mqtt_setup *setup, const mqtt_connection_facts *c)
{
    const mqtt_link_facts *link = mqtt_link_look(c->link);

    text(w, "state", c->state);
    text(w, "link", c->word);
    yes_or_no(w, "connected", link->connected);
    text(w, "broker", c->broker);
    text(w, "mqtt_version", c->version);
    text(w, "client_id", setup->client_id);
    moment(w, "connected_since", c->connected_since_unix_ms);
    number(w, "attempt", c->attempt);
    yes_or_no(w, "session_present", link->connected && link->session_present);
    number(w, "session_epoch", (uint64_t)c->session_epoch);
    moment(w, "possible_gap_since", c->gap_unix_ms);
    open_object(w, "granted_qos");
    for (size_t i = 0; i < setup->filter_count; i++) {
        name(w, setup->filters[i]);
        if (c->granted[i] < 0)
            put(w, "null", 4);
        else
            putf(w, "%d", c->granted[i]);
    }
    close_object(w);
    number(w, "unsubscribe_waits", c->lingers);
    number(w, "filters_below_asked_qos", below_asked(setup, c));
    text(w, "last_error", c->last_error);
}

static void tell_counters(writer *w, const mqtt_connection_facts *c, const mqtt_task_facts *task)
{
    const mqtt_link_facts *link = mqtt_link_look(c->link);

    number(w, "connects", c->connects);
    number(w, "disconnects", c->losses);
    number(w, "sessions_lost", c->sessions_lost);
    number(w, "takeovers", c->takeovers);
    open_object(w, "received");
    number(w, "qos0", link->received[0]);
    number(w, "qos1", link->received[1]);
    number(w, "qos2", link->received[2]);
    close_object(w);
    number(w, "received_bytes", link->received_bytes);
    number(w, "dup_flagged", link->dup_flagged);
    number(w, "dup_suppressed", link->dup_known);
    open_object(w, "dedupe");
    yes_or_no(w, "armed", mqtt_link_dedupes(c->link));
    number(w, "redeliveries", link->dup_acked);
    number(w, "content", task->duplicates);
    close_object(w);
    number(w, "retained_skipped", link->retained_skipped);
    number(w, "too_large", link->too_large);
    number(w, "kafka_acked", task->delivered);
    number(w, "pubacks", link->acks);
    number(w, "rejected", task->rejected);
    number(w, "dlq", task->dead_lettered);
    open_object(w, "dropped");
    number(w, "errors", task->dropped);
    close_object(w);
    number(w, "timestamps_replaced", task->records.timestamps_replaced);
    number(w, "kafka_topics_made", task->records.topics);
}

size_t mqtt_status_write(const mqtt_setup *setup, const mqtt_connection_facts *connection,
                         const mqtt_task_facts *task, int64_t now_ms, char *json, size_t room)
{
    const mqtt_slots *slots = mqtt_link_slots(connection->link);
    const mqtt_link_facts *link = mqtt_link_look(connection->link);
    writer w = {.to = json, .room = room};

    open_object(&w, NULL);
    tell_connection(&w, setup, connection);
    tell_counters(&w, connection, task);
    number(&w, "unacked", mqtt_slots_count(slots).used);
    age(&w, "unacked_oldest_seconds", mqtt_slots_oldest_ms(slots), now_ms);
    number(&w, "unsettled_qos0", link->loose);
    number(&w, "unsettled_bytes", link->unsettled_bytes);
    age(&w, "paused_by_kafka_seconds", connection->paused_since_ms, now_ms);
    text(&w, "emptying_session", task->inherited);
    age(&w, "last_message_seconds", task->last_message_ms, now_ms);
    close_object(&w);
    if (w.size >= room)
        return 0;
    json[w.size] = '\0';
    return w.size;
}
