/* link_publish.c - messages, and the acknowledgements owed for them. See link.h. */
#include "link_internal.h"

#define LOOSE (UINT64_C(1) << 63) /* a token without a slot: the low half is the size */

/* ---- Acknowledgements ---------------------------------------------------------------------- */

/* A message that is still being skipped is the last of the ring: it is not all there yet. */
static bool may_release(const mqtt_link *link)
{
    return !link->skip_left || !link->skip_qos || mqtt_slots_count(link->slots).ringed > 1;
}

void mqtt_link_release_acks(mqtt_link *link)
{
    mqtt_mark mark;

    while (may_release(link) && mqtt_slots_release(link->slots, &mark)) {
        mqtt_put_ack(&link->out[MQTT_BROKER], mark.qos == 2 ? MQTT_TYPE_PUBREC : MQTT_TYPE_PUBACK,
                     mark.id);
        if (mark.qos == 2)
            mqtt_slots_remember(link->slots, mark.id, mark.hash);
        else if (link->receipts)
            mqtt_receipts_acked(link->receipts, mark.id, mark.hash, link->now_ms);
        link->facts.acks++;
    }
}

void mqtt_link_finish(mqtt_link *link, uint16_t slot)
{
    mqtt_slots_done(link->slots, mqtt_slots_token(link->slots, slot));
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
    mqtt_link_release_acks(link);
}

/* ---- PUBLISH ------------------------------------------------------------------------------- */

/* More than it may send at once (R20): it is borne, and noted. */
static void watch_window(mqtt_link *link, const mqtt_publish *publish)
{
    if (link->facts.level == MQTT_5 && link->settings.receive_maximum && publish->qos &&
        !publish->dup && mqtt_slots_count(link->slots).ringed >= link->settings.receive_maximum)
        link->facts.window_exceeded = true;
}

/* Bytes that are held until the message is settled. */
static size_t held_size(const mqtt_message *message)
{
    return message->too_large ? 0 : message->publish.payload_size;
}

static bool room_for(mqtt_link *link, const mqtt_message *message)
{
    const mqtt_link_settings *limit = &link->settings;
    const mqtt_publish *publish = &message->publish;
    bool loose = !publish->qos || limit->ack_on_receive;

    if (mqtt_bytes_size(&link->out[MQTT_BROKER]) >= LINK_OUT_SOFT)
        return false;
    if (link->facts.unsettled_bytes &&
        link->facts.unsettled_bytes + held_size(message) > limit->max_unacked_bytes)
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

static link_step hand_over_qos0(mqtt_link *link, mqtt_message *message)
{
    message->token = LOOSE | (uint32_t)held_size(message);
    switch (link->user.message(link->user.ctx, message)) {
    case MQTT_FULL:
        return LINK_FULL;
    case MQTT_FAILED:
        return LINK_FAILED;
    case MQTT_TAKEN:
        note_loose(link, held_size(message));
        break;
    case MQTT_SKIPPED:
        break;
    }
    return LINK_NEXT;
}

static link_step hand_over_slot(mqtt_link *link, mqtt_message *message, const mqtt_mark *mark)
{
    uint16_t slot = mqtt_slots_take(link->slots, mark, link->now_ms);

    message->token =
        link->settings.ack_on_receive ? LOOSE | mark->size : mqtt_slots_token(link->slots, slot);
    switch (link->user.message(link->user.ctx, message)) {
    case MQTT_FULL:
        mqtt_slots_untake(link->slots, slot);
        return LINK_FULL;
    case MQTT_FAILED:
        mqtt_slots_untake(link->slots, slot);
        return LINK_FAILED;
    case MQTT_TAKEN:
        if (link->settings.ack_on_receive) {
            note_loose(link, mark->size);
            mqtt_link_finish(link, slot);
        } else {
            link->facts.unsettled_bytes += mark->size;
        }
        break;
    case MQTT_SKIPPED:
        mqtt_link_finish(link, slot);
        break;
    }
    return LINK_NEXT;
}

/* There is nothing to do for it, but it gets its acknowledgement, in line. */
static void acknowledge_only(mqtt_link *link, const mqtt_mark *mark)
{
    mqtt_link_finish(link, mqtt_slots_take(link->slots, mark, link->now_ms));
}

static bool has_receipt(const mqtt_link *link, const mqtt_message *message, const mqtt_mark *mark)
{
    return link->receipts && message->publish.dup && mark->qos == 1 && !message->too_large &&
           mqtt_receipts_know(link->receipts, mark->id, mark->hash);
}

/* It was produced, now or before its redelivery. */
static void note_passed(mqtt_link *link, const mqtt_publish *publish, mqtt_known known)
{
    if (link->receipts && known != MQTT_RINGED)
        mqtt_receipts_passed(link->receipts, publish->id, known == MQTT_NEW && !publish->dup,
                             link->now_ms);
}

/* RabbitMQ counts its ids from 1 on every connection, also for what it sends again: an id says
 * nothing then about what it stood for on another one, and a message that was never seen could be
 * taken for one of the same content. So whoever begins with 1, though that is not the oldest we owe
 * an acknowledgement for, is not believed. Elsewhere that is rare, and costs repeats. */
static void look_at_first(mqtt_link *link, uint16_t id)
{
    bool anew = link->untouched && id == 1 && mqtt_slots_oldest_orphan(link->slots) != 1;

    link->untouched = false;
    if (!anew)
        return;
    mqtt_slots_give_up(link->slots);
    if (link->receipts)
        mqtt_receipts_connected(link->receipts, false);
}

/* QoS 1 and 2: do we know it already? If not, the task gets it. */
static link_step take_acknowledged(mqtt_link *link, mqtt_message *message)
{
    const mqtt_publish *publish = &message->publish;
    mqtt_mark mark = {.size = (uint32_t)held_size(message), .id = publish->id, .qos = publish->qos};
    uint32_t size = (uint32_t)publish->payload_size; /* stands for a payload that nobody has seen */
    mqtt_known known;
    link_step done = LINK_NEXT;

    mark.hash = message->too_large
                    ? mqtt_hash(publish->topic, publish->topic_size, &size, sizeof(size))
                    : mqtt_hash(publish->topic, publish->topic_size, publish->payload,
                                publish->payload_size);
    if (publish->qos == 2 && mqtt_slots_remembers(link->slots, mark.id, mark.hash)) {
        acknowledge_only(link, &mark); /* its PUBREC goes out again */
        link->facts.dup_known++;
        return LINK_NEXT;
    }
    look_at_first(link, mark.id);
    known = mqtt_slots_recognise(link->slots, &mark, publish->dup, link->facts.session_present);
    if (known == MQTT_NEW && has_receipt(link, message, &mark)) {
        acknowledge_only(link, &mark);
        link->facts.dup_known++;
        link->facts.dup_acked++;
        return LINK_NEXT;
    }
    if (known != MQTT_NEW) {
        link->facts.dup_known++;
    } else if (publish->retain && link->settings.skip_retained) {
        acknowledge_only(link, &mark);
        link->facts.retained_skipped++;
    } else {
        done = hand_over_slot(link, message, &mark);
    }
    if (done == LINK_NEXT)
        note_passed(link, publish, known);
    return done;
}

static link_step take_publish(mqtt_link *link, mqtt_message *message)
{
    if (message->publish.qos)
        return take_acknowledged(link, message);
    if (message->publish.retain && link->settings.skip_retained) {
        link->facts.retained_skipped++;
        return LINK_NEXT;
    }
    return hand_over_qos0(link, message);
}

link_step mqtt_link_on_publish(mqtt_link *link, const mqtt_head *head, const uint8_t *body,
                               size_t have)
{
    size_t total = head->head_size + head->body_size;
    mqtt_message message = {.too_large = total > link->settings.max_packet};
    mqtt_fault fault;
    link_step done;

    switch (mqtt_scan_publish(link->facts.level, head, body, have,
                              message.too_large ? LINK_SKIMMED_MAX : SIZE_MAX, &message.publish,
                              &fault)) {
    case MQTT_BAD:
        return mqtt_link_broken(link, fault.reason, fault.why);
    case MQTT_MORE:
        return LINK_MORE;
    case MQTT_SCANNED:
        break;
    }
    if (message.too_large)
        message.publish.payload = NULL;
    else if (have < head->body_size)
        return LINK_MORE;
    watch_window(link, &message.publish);
    if (!room_for(link, &message))
        return LINK_FULL;
    done = take_publish(link, &message);
    if (done != LINK_NEXT)
        return done;
    link->facts.received[message.publish.qos]++;
    link->facts.received_bytes += message.publish.payload_size;
    link->facts.dup_flagged += message.publish.dup;
    link->facts.too_large += message.too_large;
    if (message.too_large) {
        link->skip_left = total;
        link->skip_qos = message.publish.qos;
    }
    return LINK_NEXT;
}
