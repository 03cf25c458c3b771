/* link.c - see link.h.
 *
 * Nothing of a PUBLISH is acted upon before there is room for all that may follow from it, so a
 * message that does not fit leaves no trace and is simply looked at again later.
 */
#include "link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_ROOM     (128u * 1024)  /* holds the longest topic, so that it can be named */
#define CONTROL_MAX (1024u * 1024) /* of packets other than PUBLISH */
#define OUT_SOFT    (512u * 1024)  /* above it nothing is read that asks for an answer */
#define CLIENT_READ 4096u
#define LOOSE       (UINT64_C(1) << 63) /* a token without a slot: the low half is the size */

typedef enum step { NEXT, MORE, FULL, BROKEN, FAILED } step;

struct mqtt_link {
    mqtt_link_settings settings;
    mqtt_link_user user;
    mqtt_slots *slots;
    mqtt_bytes in[2], out[2];
    mqtt_link_facts facts;
    size_t packet_size; /* of the packet at the head of in[MQTT_BROKER], once known */
    size_t skip_left;   /* of a PUBLISH that is too large */
    uint16_t skip_slot; /* acknowledged when all of it has been skipped; 0: none */
    bool open, draining;
    unsigned pings_relayed;   /* paho waits for the answer */
    unsigned pings_swallowed; /* paho has its answer already; these come before relayed ones */
    int64_t ping_ms;          /* when the broker was asked for a sign of life; -1: it is not */
    int64_t now_ms;
    char why[128];
};

mqtt_link *mqtt_link_new(const mqtt_link_settings *settings, const mqtt_link_user *user)
{
    mqtt_link *link = mqtt_alloc(1, sizeof(*link));

    link->settings = *settings;
    link->user = *user;
    link->slots = mqtt_slots_new(MQTT_SLOTS_MAX);
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
    free(link);
}

void mqtt_link_open(mqtt_link *link, const void *connect, size_t size, int64_t now_ms)
{
    mqtt_link_close(link);
    link->open = true;
    link->now_ms = now_ms;
    link->facts.answered = false;
    link->facts.refused = 0;
    mqtt_bytes_append(&link->out[MQTT_BROKER], connect, size);
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

/* ---- Bytes in and out ---------------------------------------------------------------------- */

static bool reads_broker(const mqtt_link *link)
{
    return link->open && !link->draining && !link->facts.paused;
}

bool mqtt_link_wants(const mqtt_link *link, mqtt_side from)
{
    if (from == MQTT_BROKER)
        return reads_broker(link);
    return link->open && mqtt_bytes_size(&link->out[MQTT_BROKER]) < OUT_SOFT;
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
    bool was_full = mqtt_bytes_size(&link->out[to]) >= OUT_SOFT;

    mqtt_bytes_consume(&link->out[to], size);
    if (was_full && mqtt_bytes_size(&link->out[to]) < OUT_SOFT)
        mqtt_link_retry(link);
}

/* ---- Acknowledgements ---------------------------------------------------------------------- */

static void release_acks(mqtt_link *link)
{
    mqtt_mark mark;

    while (mqtt_slots_release(link->slots, &mark)) {
        mqtt_put_ack(&link->out[MQTT_BROKER], mark.qos == 2 ? MQTT_TYPE_PUBREC : MQTT_TYPE_PUBACK,
                     mark.id);
        if (mark.qos == 2)
            mqtt_slots_remember(link->slots, mark.id, mark.hash);
        link->facts.acks++;
    }
}

void mqtt_link_settle(mqtt_link *link, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    for (size_t i = 0; i < count; i++) {
        int64_t size;

        if (tokens[i] & LOOSE) {
            link->facts.loose--;
            link->facts.unsettled_bytes -= (uint32_t)tokens[i];
            continue;
        }
        if (outcome == WEIR_ABANDONED)
            continue; /* it stays unacknowledged, and comes again */
        size = mqtt_slots_done(link->slots, tokens[i]);
        if (size > 0)
            link->facts.unsettled_bytes -= (uint64_t)size;
    }
    release_acks(link);
}

/* ---- PUBLISH ------------------------------------------------------------------------------- */

static step broken(mqtt_link *link, const char *what)
{
    snprintf(link->why, sizeof(link->why), "the broker sent %s", what);
    return BROKEN;
}

static bool room_for(mqtt_link *link, const mqtt_publish *publish)
{
    const mqtt_link_settings *limit = &link->settings;
    bool loose = !publish->qos || limit->ack_on_receive;

    if (mqtt_bytes_size(&link->out[MQTT_BROKER]) >= OUT_SOFT)
        return false;
    if (link->facts.unsettled_bytes &&
        link->facts.unsettled_bytes + publish->payload_size > limit->max_unacked_bytes)
        return false;
    if (loose && link->facts.loose >= limit->max_loose)
        return false;
    if (!publish->qos)
        return true;
    return mqtt_slots_count(link->slots).pending < limit->max_unacked &&
           mqtt_slots_room(link->slots);
}

static void note_loose(mqtt_link *link, size_t size)
{
    link->facts.loose++;
    link->facts.unsettled_bytes += size;
}

static step hand_over_qos0(mqtt_link *link, mqtt_message *message)
{
    message->token = LOOSE | (uint32_t)message->publish.payload_size;
    switch (link->user.message(link->user.ctx, message)) {
    case MQTT_FULL:
        return FULL;
    case MQTT_FAILED:
        return FAILED;
    case MQTT_TAKEN:
        note_loose(link, message->publish.payload_size);
        break;
    case MQTT_SKIPPED:
        break;
    }
    return NEXT;
}

static void finish(mqtt_link *link, uint16_t slot)
{
    mqtt_slots_done(link->slots, mqtt_slots_token(link->slots, slot));
}

static step hand_over_slot(mqtt_link *link, mqtt_message *message, const mqtt_mark *mark)
{
    uint16_t slot = mqtt_slots_take(link->slots, mark, link->now_ms);

    message->token =
        link->settings.ack_on_receive ? LOOSE | mark->size : mqtt_slots_token(link->slots, slot);
    switch (link->user.message(link->user.ctx, message)) {
    case MQTT_FULL:
        mqtt_slots_untake(link->slots, slot);
        return FULL;
    case MQTT_FAILED:
        mqtt_slots_untake(link->slots, slot);
        return FAILED;
    case MQTT_TAKEN:
        assert(!message->too_large);
        if (link->settings.ack_on_receive) {
            note_loose(link, mark->size);
            finish(link, slot);
        } else {
            link->facts.unsettled_bytes += mark->size;
        }
        break;
    case MQTT_SKIPPED:
        if (message->too_large)
            link->skip_slot = slot;
        else
            finish(link, slot);
        break;
    }
    return NEXT;
}

/* QoS 1 and 2: do we know it already? If not, the task gets it. */
static step take_acknowledged(mqtt_link *link, mqtt_message *message)
{
    const mqtt_publish *publish = &message->publish;
    mqtt_mark mark = {
        .size = (uint32_t)publish->payload_size, .id = publish->id, .qos = publish->qos};
    uint16_t slot;

    mark.hash = message->too_large
                    ? mqtt_hash(publish->topic, publish->topic_size, &mark.size, sizeof(mark.size))
                    : mqtt_hash(publish->topic, publish->topic_size, publish->payload,
                                publish->payload_size);
    if (publish->qos == 2 && mqtt_slots_remembers(link->slots, mark.id, mark.hash)) {
        slot = mqtt_slots_take(link->slots, &mark, link->now_ms);
        finish(link, slot); /* its PUBREC goes out again, in line */
        link->facts.dup_known++;
        return NEXT;
    }
    if (mqtt_slots_recognise(link->slots, &mark, publish->dup, link->facts.session_present) !=
        MQTT_NEW) {
        link->facts.dup_known++;
        return NEXT;
    }
    if (publish->retain && link->settings.skip_retained) {
        slot = mqtt_slots_take(link->slots, &mark, link->now_ms);
        finish(link, slot);
        link->facts.retained_skipped++;
        return NEXT;
    }
    return hand_over_slot(link, message, &mark);
}

static step take_publish(mqtt_link *link, mqtt_message *message)
{
    if (message->publish.qos)
        return take_acknowledged(link, message);
    if (message->publish.retain && link->settings.skip_retained) {
        link->facts.retained_skipped++;
        return NEXT;
    }
    return hand_over_qos0(link, message);
}

static step on_publish(mqtt_link *link, const mqtt_head *head, const uint8_t *body, size_t have)
{
    size_t total = head->head_size + head->body_size;
    mqtt_message message = {.too_large = total > link->settings.max_packet};
    const char *why;
    step done;

    switch (mqtt_scan_publish(head, body, have, &message.publish, &why)) {
    case MQTT_BAD:
        return broken(link, why);
    case MQTT_MORE:
        return MORE;
    case MQTT_SCANNED:
        break;
    }
    if (message.too_large)
        message.publish.payload = NULL;
    else if (have < head->body_size)
        return MORE;
    if (!room_for(link, &message.publish))
        return FULL;
    done = take_publish(link, &message);
    if (done != NEXT)
        return done;
    link->facts.received[message.publish.qos]++;
    link->facts.received_bytes += message.publish.payload_size;
    link->facts.dup_flagged += message.publish.dup;
    link->facts.too_large += message.too_large;
    if (message.too_large)
        link->skip_left = total;
    return NEXT;
}

/* ---- Control packets of the broker ---------------------------------------------------------- */

static void relay(mqtt_link *link, mqtt_side from, const mqtt_head *head)
{
    const mqtt_bytes *in = &link->in[from];
    mqtt_side to = from == MQTT_BROKER ? MQTT_CLIENT : MQTT_BROKER;

    mqtt_bytes_append(&link->out[to], in->data + in->start, head->head_size + head->body_size);
}

static step on_connack(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    if (link->facts.answered)
        return broken(link, "a second CONNACK");
    if (head->body_size != 2)
        return broken(link, "a CONNACK of the wrong size");
    link->facts.answered = true;
    link->facts.refused = body[1];
    link->facts.connected = !body[1];
    if (link->facts.connected) {
        link->facts.session_present = body[0] & 1;
        if (!link->facts.session_present)
            mqtt_slots_session_lost(link->slots);
    }
    relay(link, MQTT_BROKER, head);
    return NEXT;
}

static step on_pubrel(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    uint16_t id = mqtt_scan_id(head, body);

    if (!id || head->flags != 2)
        return broken(link, "a malformed PUBREL");
    if (mqtt_bytes_size(&link->out[MQTT_BROKER]) >= OUT_SOFT)
        return FULL;
    mqtt_slots_forget(link->slots, id);
    mqtt_put_ack(&link->out[MQTT_BROKER], MQTT_TYPE_PUBCOMP, id);
    return NEXT;
}

static step on_pingresp(mqtt_link *link, const mqtt_head *head)
{
    if (link->pings_swallowed) {
        link->pings_swallowed--;
        return NEXT;
    }
    if (link->pings_relayed)
        link->pings_relayed--;
    relay(link, MQTT_BROKER, head);
    return NEXT;
}

static step on_control(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    char what[64];

    switch (head->type) {
    case MQTT_TYPE_CONNACK:
        return on_connack(link, head, body);
    case MQTT_TYPE_PUBREL:
        return on_pubrel(link, head, body);
    case MQTT_TYPE_PINGRESP:
        return on_pingresp(link, head);
    case MQTT_TYPE_SUBACK:
        if (head->body_size < 3)
            return broken(link, "a SUBACK without an answer");
        link->user.granted(link->user.ctx, body + 2, head->body_size - 2);
        relay(link, MQTT_BROKER, head);
        return NEXT;
    case MQTT_TYPE_UNSUBACK:
        if (link->user.unsubscribed)
            link->user.unsubscribed(link->user.ctx);
        relay(link, MQTT_BROKER, head);
        return NEXT;
    case MQTT_TYPE_PUBACK:
    case MQTT_TYPE_PUBREC:
    case MQTT_TYPE_PUBCOMP:
        relay(link, MQTT_BROKER, head);
        return NEXT;
    default:
        snprintf(what, sizeof(what), "a packet of type %u, which is not a broker's", head->type);
        return broken(link, what);
    }
}

/* ---- Taking apart -------------------------------------------------------------------------- */

static step skip(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_BROKER];
    size_t part = mqtt_bytes_size(in) < link->skip_left ? mqtt_bytes_size(in) : link->skip_left;

    mqtt_bytes_consume(in, part);
    link->skip_left -= part;
    if (link->skip_left)
        return MORE;
    if (link->skip_slot)
        finish(link, link->skip_slot);
    link->skip_slot = 0;
    return NEXT;
}

static step next_from_broker(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_BROKER];
    size_t have = mqtt_bytes_size(in), total;
    const uint8_t *bytes;
    mqtt_head head;
    step done;

    if (!have)
        return MORE;
    if (link->skip_left)
        return skip(link);
    bytes = in->data + in->start;
    switch (mqtt_scan_head(bytes, have, &head)) {
    case MQTT_BAD:
        return broken(link, "a packet with a fifth length byte");
    case MQTT_MORE:
        return MORE;
    case MQTT_SCANNED:
        break;
    }
    total = head.head_size + head.body_size;
    if (!link->facts.connected && (head.type != MQTT_TYPE_CONNACK || link->facts.answered))
        return broken(link, "something else than a CONNACK first");
    if (head.type == MQTT_TYPE_PUBLISH) {
        done = on_publish(link, &head, bytes + head.head_size, have - head.head_size);
        link->packet_size = done == MORE && total <= link->settings.max_packet ? total : 0;
        if (done != NEXT || link->skip_left)
            return done;
    } else {
        if (head.body_size > CONTROL_MAX)
            return broken(link, "a control packet of more than 1 MiB");
        link->packet_size = total;
        if (have < total)
            return MORE;
        done = on_control(link, &head, bytes + head.head_size);
        link->packet_size = 0;
        if (done != NEXT)
            return done;
    }
    mqtt_bytes_consume(in, total);
    return NEXT;
}

static void ask_broker(mqtt_link *link)
{
    mqtt_put_empty(&link->out[MQTT_BROKER], MQTT_TYPE_PINGREQ);
    if (link->ping_ms < 0)
        link->ping_ms = link->now_ms;
}

/* Reading stops: the broker's answers lie behind what is not read, so paho gets ours. */
static void answer_pings(mqtt_link *link)
{
    for (; link->pings_relayed; link->pings_relayed--) {
        mqtt_put_empty(&link->out[MQTT_CLIENT], MQTT_TYPE_PINGRESP);
        link->pings_swallowed++;
    }
}

static step on_client(mqtt_link *link, const mqtt_head *head)
{
    switch (head->type) {
    case MQTT_TYPE_PUBACK:
    case MQTT_TYPE_PUBREC:
    case MQTT_TYPE_PUBCOMP:
        link->facts.paho_acks++;
        return NEXT;
    case MQTT_TYPE_PINGREQ:
        link->pings_relayed++;
        ask_broker(link);
        if (!reads_broker(link))
            answer_pings(link);
        return NEXT;
    case MQTT_TYPE_DISCONNECT:
        release_acks(link);
        relay(link, MQTT_CLIENT, head);
        return NEXT;
    case MQTT_TYPE_SUBSCRIBE:
    case MQTT_TYPE_UNSUBSCRIBE:
    case MQTT_TYPE_PUBLISH:
    case MQTT_TYPE_PUBREL:
        relay(link, MQTT_CLIENT, head);
        return NEXT;
    default:
        snprintf(link->why, sizeof(link->why), "paho sent a packet of type %u", head->type);
        return BROKEN;
    }
}

static step next_from_client(mqtt_link *link)
{
    mqtt_bytes *in = &link->in[MQTT_CLIENT];
    mqtt_head head;
    step done;

    if (!mqtt_bytes_size(in) || mqtt_bytes_size(&link->out[MQTT_BROKER]) >= OUT_SOFT)
        return MORE;
    switch (mqtt_scan_head(in->data + in->start, mqtt_bytes_size(in), &head)) {
    case MQTT_BAD:
        snprintf(link->why, sizeof(link->why), "paho sent a malformed packet");
        return BROKEN;
    case MQTT_MORE:
        return MORE;
    case MQTT_SCANNED:
        break;
    }
    if (head.body_size > CONTROL_MAX) {
        snprintf(link->why, sizeof(link->why), "paho sent a packet of more than 1 MiB");
        return BROKEN;
    }
    if (mqtt_bytes_size(in) < head.head_size + head.body_size)
        return MORE;
    done = on_client(link, &head);
    mqtt_bytes_consume(in, head.head_size + head.body_size);
    return done;
}

static bool broker_is_silent(mqtt_link *link)
{
    if (link->ping_ms < 0 || !reads_broker(link) ||
        link->now_ms - link->ping_ms < link->settings.ping_timeout_ms)
        return false;
    snprintf(link->why, sizeof(link->why), "the broker did not answer a ping within %lld ms",
             (long long)link->settings.ping_timeout_ms);
    return true;
}

mqtt_link_state mqtt_link_work(mqtt_link *link, int64_t now_ms)
{
    step client, done = MORE;

    link->now_ms = now_ms;
    if (!link->open)
        return MQTT_LINK_RUNS;
    do
        client = next_from_client(link);
    while (client == NEXT);
    if (client == BROKEN)
        return MQTT_LINK_BROKEN;
    if (reads_broker(link)) {
        do
            done = next_from_broker(link);
        while (done == NEXT);
    }
    if (done == FULL) {
        link->facts.paused = true;
        answer_pings(link);
    }
    release_acks(link);
    if (done == FAILED)
        return MQTT_LINK_FAILED;
    return done == BROKEN || broker_is_silent(link) ? MQTT_LINK_BROKEN : MQTT_LINK_RUNS;
}

const char *mqtt_link_why(const mqtt_link *link)
{
    return link->why;
}

int64_t mqtt_link_next_ms(const mqtt_link *link)
{
    if (link->ping_ms < 0 || !reads_broker(link))
        return -1;
    return link->ping_ms + link->settings.ping_timeout_ms;
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
    answer_pings(link);
}

void mqtt_link_goodbye(mqtt_link *link)
{
    if (!link->facts.connected)
        return;
    release_acks(link);
    mqtt_put_empty(&link->out[MQTT_BROKER], MQTT_TYPE_DISCONNECT);
}

const mqtt_link_facts *mqtt_link_look(const mqtt_link *link)
{
    return &link->facts;
}

const mqtt_slots *mqtt_link_slots(const mqtt_link *link)
{
    return link->slots;
}
