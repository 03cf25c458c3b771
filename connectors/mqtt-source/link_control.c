/* link_control.c - packets other than the broker's PUBLISH: what passes, what is answered here,
 * what is swallowed. See link.h.
 */
#include "link_internal.h"

#include "reasons.h"

#include <stdio.h>
#include <string.h>

/* ---- Control packets of the broker ---------------------------------------------------------- */

static void relay(mqtt_link *link, mqtt_side from, const mqtt_head *head)
{
    const mqtt_bytes *in = &link->in[from];
    mqtt_side to = from == MQTT_BROKER ? MQTT_CLIENT : MQTT_BROKER;

    mqtt_bytes_append(&link->out[to], in->data + in->start, head->head_size + head->body_size);
}

/* Text of the broker's, behind what is there already: printable, and shortened. */
static void add_said(mqtt_link *link, const char *before, mqtt_text text, const char *after)
{
    size_t used = strlen(link->facts.said), room = sizeof(link->facts.said) - used;
    char clean[121];
    size_t size = text.size < sizeof(clean) - 1 ? text.size : sizeof(clean) - 1;

    for (size_t i = 0; i < size; i++)
        clean[i] = text.bytes[i] < 0x20 || text.bytes[i] > 0x7e ? '?' : text.bytes[i];
    clean[size] = '\0';
    snprintf(link->facts.said + used, room, "%s%s%s", before, clean, after);
}

/* Reason String and Server Reference, for people. */
static void note_said(mqtt_link *link, const mqtt_properties *properties)
{
    mqtt_property property;

    link->facts.said[0] = '\0';
    if (mqtt_properties_find(properties, MQTT_REASON_STRING, &property) && property.value.size)
        add_said(link, "; it says: '", property.value, "'");
    if (mqtt_properties_find(properties, MQTT_SERVER_REFERENCE, &property) && property.value.size)
        add_said(link, "; it names '", property.value, "'");
}

static void note_server(mqtt_link *link, const mqtt_connack *connack)
{
    const mqtt_properties *p = &connack->properties;
    uint32_t keepalive_s = mqtt_properties_number(p, MQTT_SERVER_KEEP_ALIVE, 0);

    link->facts.server = (mqtt_server){
        .old = connack->old,
        .keepalive_given = p->there >> MQTT_SERVER_KEEP_ALIVE & 1,
        .keepalive_s = (uint16_t)keepalive_s,
        .session_expiry_given = p->there >> MQTT_SESSION_EXPIRY & 1,
        .session_expiry_s = mqtt_properties_number(p, MQTT_SESSION_EXPIRY, 0),
        .receive_maximum = (uint16_t)mqtt_properties_number(p, MQTT_RECEIVE_MAXIMUM, 65535),
        .maximum_qos = (uint8_t)mqtt_properties_number(p, MQTT_MAXIMUM_QOS, 2),
        .retain = mqtt_properties_number(p, MQTT_RETAIN_AVAILABLE, 1),
        .wildcards = mqtt_properties_number(p, MQTT_WILDCARD_AVAILABLE, 1),
        .shared = mqtt_properties_number(p, MQTT_SHARED_AVAILABLE, 1),
    };
    /* paho goes on pinging at the pace it was told. */
    if (keepalive_s && (!link->keepalive_s || keepalive_s < link->keepalive_s))
        link->ping_every_ms = (int64_t)keepalive_s * 750;
}

static void note_session(mqtt_link *link, bool resumed)
{
    link->untouched = true;
    if (!resumed) {
        mqtt_slots_session_lost(link->slots);
        link->facts.sessions++;
    }
    if (link->receipts)
        mqtt_receipts_connected(link->receipts, resumed);
}

static link_step on_connack(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    mqtt_connack connack;
    mqtt_fault fault;

    if (link->facts.answered)
        return mqtt_link_broken(link, MQTT_PROTOCOL_ERROR, "a second CONNACK");
    if (!mqtt_scan_connack(link->facts.level, head, body, &connack, &fault))
        return mqtt_link_broken(link, fault.reason, fault.why);
    link->facts.answered = true;
    link->facts.refused = connack.code;
    note_server(link, &connack);
    note_said(link, &connack.properties);
    /* Whoever answers MQTT 5 in the form of 3.1.1 does not speak it, not even when it says yes. */
    if (connack.old && link->facts.level == MQTT_5)
        link->facts.refused =
            connack.code ? mqtt_reason_of_old(connack.code) : MQTT_VERSION_REFUSED;
    link->facts.connected = !link->facts.refused;
    if (link->facts.connected) {
        link->facts.session_present = connack.session_present;
        note_session(link, connack.session_present && !link->elsewhere);
    }
    relay(link, MQTT_BROKER, head);
    return LINK_NEXT;
}

static link_step on_pubrel(mqtt_link *link, const mqtt_head *head, const mqtt_answer *answer)
{
    bool known;

    if (head->flags != 2)
        return mqtt_link_broken(link, MQTT_MALFORMED, "a malformed PUBREL");
    if (mqtt_bytes_size(&link->out[MQTT_BROKER]) >= LINK_OUT_SOFT)
        return LINK_FULL;
    known = mqtt_slots_forget(link->slots, answer->id);
    if (known || link->facts.level != MQTT_5)
        mqtt_put_ack(&link->out[MQTT_BROKER], MQTT_TYPE_PUBCOMP, answer->id);
    else /* a session that resumes in a new process: no error, says the specification */
        mqtt_put_ack_because(&link->out[MQTT_BROKER], MQTT_TYPE_PUBCOMP, answer->id,
                             MQTT_ID_NOT_FOUND);
    return LINK_NEXT;
}

static link_step on_answer(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    mqtt_answer answer;
    mqtt_fault fault;

    if (!mqtt_scan_answer(link->facts.level, head, body, &answer, &fault))
        return mqtt_link_broken(link, fault.reason, fault.why);
    if (head->type == MQTT_TYPE_PUBREL)
        return on_pubrel(link, head, &answer);
    if (answer.reason >= 0x80) /* only PUBACK, PUBREC and PUBCOMP are left to say so */
        link->facts.publish_refused = answer.reason;
    if (head->type == MQTT_TYPE_SUBACK)
        link->user.granted(link->user.ctx, answer.codes, answer.code_count);
    if (head->type == MQTT_TYPE_UNSUBACK && link->user.unsubscribed)
        link->user.unsubscribed(link->user.ctx);
    relay(link, MQTT_BROKER, head);
    return LINK_NEXT;
}

static link_step on_pingresp(mqtt_link *link, const mqtt_head *head)
{
    if (link->pings_swallowed) {
        link->pings_swallowed--;
        return LINK_NEXT;
    }
    if (link->pings_relayed)
        link->pings_relayed--;
    relay(link, MQTT_BROKER, head);
    return LINK_NEXT;
}

/* DISCONNECT and AUTH of MQTT 5. */
static link_step on_notice(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    mqtt_notice notice;
    mqtt_fault fault;

    if (!mqtt_scan_notice(head, body, &notice, &fault))
        return mqtt_link_broken(link, fault.reason, fault.why);
    relay(link, MQTT_BROKER, head);
    if (head->type == MQTT_TYPE_AUTH)
        return LINK_NEXT;
    link->facts.left = true;
    link->facts.left_reason = notice.reason;
    note_said(link, &notice.properties);
    snprintf(link->why, sizeof(link->why), "the broker disconnects: %s (0x%02x)%s",
             mqtt_reason_text(notice.reason), notice.reason, link->facts.said);
    return LINK_BROKEN;
}

link_step mqtt_link_on_control(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    char what[64];

    switch (head->type) {
    case MQTT_TYPE_CONNACK:
        return on_connack(link, head, body);
    case MQTT_TYPE_PINGRESP:
        return on_pingresp(link, head);
    case MQTT_TYPE_PUBACK:
    case MQTT_TYPE_PUBREC:
    case MQTT_TYPE_PUBREL:
    case MQTT_TYPE_PUBCOMP:
    case MQTT_TYPE_SUBACK:
    case MQTT_TYPE_UNSUBACK:
        return on_answer(link, head, body);
    case MQTT_TYPE_DISCONNECT:
    case MQTT_TYPE_AUTH:
        if (link->facts.level == MQTT_5)
            return on_notice(link, head, body);
        break;
    default:
        break;
    }
    snprintf(what, sizeof(what), "a packet of type %u, which is not a broker's", head->type);
    return mqtt_link_broken(link, MQTT_PROTOCOL_ERROR, what);
}

/* ---- Control packets of paho ---------------------------------------------------------------- */

static void ask_broker(mqtt_link *link)
{
    mqtt_put_empty(&link->out[MQTT_BROKER], MQTT_TYPE_PINGREQ);
    if (link->ping_ms < 0)
        link->ping_ms = link->now_ms;
}

void mqtt_link_keep_alive(mqtt_link *link)
{
    if (!link->facts.connected || !link->ping_every_ms ||
        link->now_ms - link->sent_ms < link->ping_every_ms)
        return;
    ask_broker(link);
    link->pings_swallowed++; /* paho does not know of it */
    link->sent_ms = link->now_ms;
}

void mqtt_link_answer_pings(mqtt_link *link)
{
    for (; link->pings_relayed; link->pings_relayed--) {
        mqtt_put_empty(&link->out[MQTT_CLIENT], MQTT_TYPE_PINGRESP);
        link->pings_swallowed++;
    }
}

link_step mqtt_link_on_client(mqtt_link *link, const mqtt_head *head)
{
    switch (head->type) {
    case MQTT_TYPE_PUBACK:
    case MQTT_TYPE_PUBREC:
    case MQTT_TYPE_PUBCOMP:
        link->facts.paho_acks++;
        return LINK_NEXT;
    case MQTT_TYPE_PINGREQ:
        link->pings_relayed++;
        ask_broker(link);
        if (!mqtt_link_reads_broker(link))
            mqtt_link_answer_pings(link);
        return LINK_NEXT;
    case MQTT_TYPE_DISCONNECT:
        mqtt_link_release_acks(link);
        relay(link, MQTT_CLIENT, head);
        return LINK_NEXT;
    case MQTT_TYPE_SUBSCRIBE:
    case MQTT_TYPE_UNSUBSCRIBE:
    case MQTT_TYPE_PUBLISH:
    case MQTT_TYPE_PUBREL:
    case MQTT_TYPE_AUTH:
        relay(link, MQTT_CLIENT, head);
        return LINK_NEXT;
    default:
        snprintf(link->why, sizeof(link->why), "paho sent a packet of type %u", head->type);
        return LINK_BROKEN;
    }
}
