/* link_control.c - packets other than the broker's PUBLISH: what passes, what is answered here,
 * what is swallowed. See link.h.
 */
#include "link_internal.h"

#include <stdio.h>

/* ---- Control packets of the broker ---------------------------------------------------------- */

static void relay(mqtt_link *link, mqtt_side from, const mqtt_head *head)
{
    const mqtt_bytes *in = &link->in[from];
    mqtt_side to = from == MQTT_BROKER ? MQTT_CLIENT : MQTT_BROKER;

    mqtt_bytes_append(&link->out[to], in->data + in->start, head->head_size + head->body_size);
}

static link_step on_connack(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    if (link->facts.answered)
        return mqtt_link_broken(link, "a second CONNACK");
    if (head->body_size != 2)
        return mqtt_link_broken(link, "a CONNACK of the wrong size");
    link->facts.answered = true;
    link->facts.refused = body[1];
    link->facts.connected = !body[1];
    if (link->facts.connected) {
        link->facts.session_present = body[0] & 1;
        if (!link->facts.session_present)
            mqtt_slots_session_lost(link->slots);
    }
    relay(link, MQTT_BROKER, head);
    return LINK_NEXT;
}

static link_step on_pubrel(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
{
    uint16_t id = mqtt_scan_id(head, body);

    if (!id || head->flags != 2)
        return mqtt_link_broken(link, "a malformed PUBREL");
    if (mqtt_bytes_size(&link->out[MQTT_BROKER]) >= LINK_OUT_SOFT)
        return LINK_FULL;
    mqtt_slots_forget(link->slots, id);
    mqtt_put_ack(&link->out[MQTT_BROKER], MQTT_TYPE_PUBCOMP, id);
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

link_step mqtt_link_on_control(mqtt_link *link, const mqtt_head *head, const uint8_t *body)
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
            return mqtt_link_broken(link, "a SUBACK without an answer");
        link->user.granted(link->user.ctx, body + 2, head->body_size - 2);
        relay(link, MQTT_BROKER, head);
        return LINK_NEXT;
    case MQTT_TYPE_PUBACK:
    case MQTT_TYPE_PUBREC:
    case MQTT_TYPE_PUBCOMP:
    case MQTT_TYPE_UNSUBACK:
        relay(link, MQTT_BROKER, head);
        return LINK_NEXT;
    default:
        snprintf(what, sizeof(what), "a packet of type %u, which is not a broker's", head->type);
        return mqtt_link_broken(link, what);
    }
}

/* ---- Control packets of paho ---------------------------------------------------------------- */

static void ask_broker(mqtt_link *link)
{
    mqtt_put_empty(&link->out[MQTT_BROKER], MQTT_TYPE_PINGREQ);
    if (link->ping_ms < 0)
        link->ping_ms = link->now_ms;
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
        relay(link, MQTT_CLIENT, head);
        return LINK_NEXT;
    default:
        snprintf(link->why, sizeof(link->why), "paho sent a packet of type %u", head->type);
        return LINK_BROKEN;
    }
}
