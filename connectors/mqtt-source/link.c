/* link.c - see link.h.
 *
 * Nothing of a PUBLISH is acted upon before there is room for all that may follow from it, so a
 * message that does not fit leaves no trace and is simply looked at again later.
 */
#include "link_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_ROOM     (144u * 1024)  /* holds the longest topic with LINK_SKIMMED_MAX behind it */
#define CONTROL_MAX (1024u * 1024) /* of packets other than PUBLISH */
#define CLIENT_READ 4096u

mqtt_link *mqtt_link_new(const mqtt_link_settings *settings, const mqtt_link_user *user)
{
    mqtt_link *link = mqtt_alloc(1, sizeof(*link));

    link->settings = *settings;
    link->user = *user;
    link->slots = mqtt_slots_new(MQTT_SLOTS_MAX);
    link->receipts = settings->remember_acked ? mqtt_receipts_new() : NULL;
    link->ping_ms = -1;
    return link;
}

void mqtt_link_free(mqtt_link *link)
{
    if (!link)
        return;
    for (int side = 0; side < 2; side++) {
        mqtt_bytes_free(&link->in[side]);
        mqtt_bytes_free(&link->out[side]);
    }
    mqtt_slots_free(link->slots);
    mqtt_receipts_free(link->receipts);
    free(link);
}

/* What CONNECT fixes for the whole connection. */
static void note_connect(mqtt_link *link, const uint8_t *bytes, size_t size)
{
    mqtt_connect connect;
    mqtt_head head;

    link->facts.level = MQTT_3_1_1;
    link->keepalive_s = 0;
    if (mqtt_scan_head(bytes, size, &head) != MQTT_SCANNED ||
        size < head.head_size + head.body_size ||
        !mqtt_scan_connect(&head, bytes + head.head_size, &connect))
        return;
    link->facts.level = connect.level;
    link->keepalive_s = connect.keepalive_s;
}

void mqtt_link_open(mqtt_link *link, const void *connect, size_t size, int64_t now_ms)
{
    mqtt_link_close(link);
    note_connect(link, connect, size);
    link->open = true;
    link->now_ms = link->sent_ms = now_ms;
    link->ping_every_ms = 0;
    link->facts.answered = link->facts.left = link->facts.malformed = false;
    link->facts.refused = link->facts.left_reason = link->facts.publish_refused = 0;
    link->facts.said[0] = '\0';
    mqtt_bytes_append(&link->out[MQTT_BROKER], connect, size);
}

void mqtt_link_elsewhere(mqtt_link *link, bool elsewhere)
{
    link->elsewhere = elsewhere;
}

void mqtt_link_close(mqtt_link *link)
{
    if (link->skip_slot)
        mqtt_slots_untake(link->slots, link->skip_slot);
    mqtt_slots_disconnected(link->slots);
    for (int side = 0; side < 2; side++) {
        mqtt_bytes_free(&link->in[side]);
        mqtt_bytes_free(&link->out[side]);
    }
    link->packet_size = link->skip_left = 0;
    link->skip_slot = 0;
    link->pings_relayed = link->pings_swallowed = 0;
    link->ping_ms = -1;
    link->open = link->facts.connected = link->facts.paused = false;
}

link_step mqtt_link_broken(mqtt_link *link, uint8_t reason, const char *what)
{
    snprintf(link->why, sizeof(link->why), "the broker sent %s", what);
    link->facts.malformed = true;
    if (link->facts.connected && link->facts.level == MQTT_5)
        mqtt_put_disconnect(&link->out[MQTT_BROKER], reason);
    return LINK_BROKEN;
}

/* ---- Bytes in and out ---------------------------------------------------------------------- */

bool mqtt_link_reads_broker(const mqtt_link *link)
{
    return link->open && !link->draining && !link->facts.paused;
}

bool mqtt_link_wants(const mqtt_link *link, mqtt_side from)
{
    if (from == MQTT_BROKER)
        return mqtt_link_reads_broker(link);
    return link->open && mqtt_bytes_size(&link->out[MQTT_BROKER]) < LINK_OUT_SOFT;
}

/* The buffer holds IN_ROOM, or exactly the one packet that is larger. */
static void fit_input(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_BROKER];
    size_t used = mqtt_bytes_size(in);
    size_t want = link->packet_size > IN_ROOM ? link->packet_size : IN_ROOM;

    if (!used && in->room > IN_ROOM && want == IN_ROOM)
        mqtt_bytes_free(in);
    if (in->start && in->room - in->end < in->room / 2) {
        memmove(in->data, in->data + in->start, used);
        in->start = 0;
        in->end = used;
    }
    if (in->room - in->start < want) {
        if (in->start)
            memmove(in->data, in->data + in->start, used);
        in->start = 0;
        in->end = used;
        if (in->room < want)
            in->data = mqtt_realloc(in->data, want, 1);
        in->room = in->room < want ? want : in->room;
    }
}

void *mqtt_link_room(mqtt_link *link, mqtt_side from, size_t *ret_size)
{
    mqtt_bytes *in = &link->in[from];

    if (from == MQTT_BROKER)
        fit_input(link);
    else
        mqtt_bytes_reserve(in, CLIENT_READ);
    *ret_size = in->room - in->end;
    return in->data + in->end;
}

void mqtt_link_got(mqtt_link *link, mqtt_side from, size_t size, int64_t now_ms)
{
    link->in[from].end += size;
    link->now_ms = now_ms;
    if (from == MQTT_BROKER)
        link->ping_ms = -1; /* any byte is a sign of life */
}

const void *mqtt_link_output(const mqtt_link *link, mqtt_side to, size_t *ret_size)
{
    *ret_size = mqtt_bytes_size(&link->out[to]);
    return *ret_size ? link->out[to].data + link->out[to].start : NULL;
}

void mqtt_link_sent(mqtt_link *link, mqtt_side to, size_t size)
{
    bool was_full = mqtt_bytes_size(&link->out[to]) >= LINK_OUT_SOFT;

    mqtt_bytes_consume(&link->out[to], size);
    if (to == MQTT_BROKER)
        link->sent_ms = link->now_ms;
    if (was_full && mqtt_bytes_size(&link->out[to]) < LINK_OUT_SOFT)
        mqtt_link_retry(link);
}

/* ---- Taking apart -------------------------------------------------------------------------- */

static link_step skip(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_BROKER];
    size_t part = mqtt_bytes_size(in) < link->skip_left ? mqtt_bytes_size(in) : link->skip_left;

    mqtt_bytes_consume(in, part);
    link->skip_left -= part;
    if (link->skip_left)
        return LINK_MORE;
    if (link->skip_slot)
        mqtt_link_finish(link, link->skip_slot);
    link->skip_slot = 0;
    return LINK_NEXT;
}

static link_step next_from_broker(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_BROKER];
    size_t have = mqtt_bytes_size(in), total;
    const uint8_t *bytes;
    mqtt_head head;
    link_step done;

    if (!have)
        return LINK_MORE;
    if (link->skip_left)
        return skip(link);
    bytes = in->data + in->start;
    switch (mqtt_scan_head(bytes, have, &head)) {
    case MQTT_BAD:
        return mqtt_link_broken(link, MQTT_MALFORMED, "a packet with a fifth length byte");
    case MQTT_MORE:
        return LINK_MORE;
    case MQTT_SCANNED:
        break;
    }
    total = head.head_size + head.body_size;
    if (!link->facts.connected && (head.type != MQTT_TYPE_CONNACK || link->facts.answered))
        return mqtt_link_broken(link, MQTT_PROTOCOL_ERROR, "something else than a CONNACK first");
    if (head.type == MQTT_TYPE_PUBLISH) {
        done = mqtt_link_on_publish(link, &head, bytes + head.head_size, have - head.head_size);
        link->packet_size = done == LINK_MORE && total <= link->settings.max_packet ? total : 0;
        if (done != LINK_NEXT || link->skip_left)
            return done;
    } else {
        if (head.body_size > CONTROL_MAX)
            return mqtt_link_broken(link, MQTT_MALFORMED, "a control packet of more than 1 MiB");
        link->packet_size = total;
        if (have < total)
            return LINK_MORE;
        done = mqtt_link_on_control(link, &head, bytes + head.head_size);
        link->packet_size = 0;
        if (done != LINK_NEXT)
            return done;
    }
    mqtt_bytes_consume(in, total);
    return LINK_NEXT;
}

static link_step next_from_client(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_CLIENT];
    mqtt_head head;
    link_step done;

    if (!mqtt_bytes_size(in) || mqtt_bytes_size(&link->out[MQTT_BROKER]) >= LINK_OUT_SOFT)
        return LINK_MORE;
    switch (mqtt_scan_head(in->data + in->start, mqtt_bytes_size(in), &head)) {
    case MQTT_BAD:
        snprintf(link->why, sizeof(link->why), "paho sent a malformed packet");
        return LINK_BROKEN;
    case MQTT_MORE:
        return LINK_MORE;
    case MQTT_SCANNED:
        break;
    }
    if (head.body_size > CONTROL_MAX) {
        snprintf(link->why, sizeof(link->why), "paho sent a packet of more than 1 MiB");
        return LINK_BROKEN;
    }
    if (mqtt_bytes_size(in) < head.head_size + head.body_size)
        return LINK_MORE;
    done = mqtt_link_on_client(link, &head);
    mqtt_bytes_consume(in, head.head_size + head.body_size);
    return done;
}

static bool broker_is_silent(mqtt_link *link)
{
    if (link->ping_ms < 0 || !mqtt_link_reads_broker(link) ||
        link->now_ms - link->ping_ms < link->settings.ping_timeout_ms)
        return false;
    snprintf(link->why, sizeof(link->why), "the broker did not answer a ping within %lld ms",
             (long long)link->settings.ping_timeout_ms);
    return true;
}

mqtt_link_state mqtt_link_work(mqtt_link *link, int64_t now_ms)
{
    link_step client, done = LINK_MORE;

    link->now_ms = now_ms;
    if (!link->open)
        return MQTT_LINK_RUNS;
    do
        client = next_from_client(link);
    while (client == LINK_NEXT);
    if (client == LINK_BROKEN)
        return MQTT_LINK_BROKEN;
    if (mqtt_link_reads_broker(link)) {
        do
            done = next_from_broker(link);
        while (done == LINK_NEXT);
    }
    if (done == LINK_FULL) {
        link->facts.paused = true;
        mqtt_link_answer_pings(link);
    }
    mqtt_link_release_acks(link);
    mqtt_link_keep_alive(link);
    if (done == LINK_FAILED)
        return MQTT_LINK_FAILED;
    return done == LINK_BROKEN || broker_is_silent(link) ? MQTT_LINK_BROKEN : MQTT_LINK_RUNS;
}

const char *mqtt_link_why(const mqtt_link *link)
{
    return link->why;
}

int64_t mqtt_link_next_ms(const mqtt_link *link)
{
    int64_t next_ms = -1;

    if (link->ping_ms >= 0 && mqtt_link_reads_broker(link))
        next_ms = link->ping_ms + link->settings.ping_timeout_ms;
    if (link->open && link->ping_every_ms &&
        (next_ms < 0 || link->sent_ms + link->ping_every_ms < next_ms))
        next_ms = link->sent_ms + link->ping_every_ms;
    return next_ms;
}

void mqtt_link_retry(mqtt_link *link)
{
    if (link->facts.paused && link->ping_ms >= 0)
        link->ping_ms = link->now_ms; /* the answer could not be read until now */
    link->facts.paused = false;
}

void mqtt_link_nudge(mqtt_link *link)
{
    static const uint8_t pingresp[] = {MQTT_TYPE_PINGRESP << 4, 0};

    if (link->open)
        mqtt_bytes_append(&link->out[MQTT_CLIENT], pingresp, sizeof(pingresp));
}

void mqtt_link_drain(mqtt_link *link)
{
    link->draining = true;
    mqtt_link_answer_pings(link);
}

void mqtt_link_say(mqtt_link *link, const char *topic, const char *payload, bool retain)
{
    if (!link->facts.connected)
        return;
    mqtt_link_release_acks(link);
    mqtt_put_publish(&link->out[MQTT_BROKER], link->facts.level, topic, payload, retain);
}

void mqtt_link_goodbye(mqtt_link *link)
{
    if (!link->facts.connected)
        return;
    mqtt_link_release_acks(link);
    mqtt_put_empty(&link->out[MQTT_BROKER], MQTT_TYPE_DISCONNECT);
}

const mqtt_link_facts *mqtt_link_look(const mqtt_link *link)
{
    return &link->facts;
}

bool mqtt_link_dedupes(const mqtt_link *link)
{
    return link->receipts && mqtt_receipts_armed(link->receipts);
}

const mqtt_slots *mqtt_link_slots(const mqtt_link *link)
{
    return link->slots;
}
