/* watch.c - what a connection is watched for while it is there, beyond being there. See
 * connection_internal.h.
 */
#include "connection_internal.h"
#include "reasons.h"

#include <inttypes.h>

static weir_status watch_pause(mqtt_connection *c, int64_t now_ms)
{
    int64_t limit_ms = c->setup->settings->full_timeout_ms;
    const mqtt_link_facts *facts = mqtt_link_look(c->link);
    uint64_t received = facts->received[0] + facts->received[1] + facts->received[2];

    if (!facts->paused || c->held || received != c->received) /* slow is not stopped */
        c->paused_since_ms = -1;
    c->received = received;
    if (!facts->paused || c->held)
        return WEIR_DONE;
    if (c->paused_since_ms < 0) {
        c->paused_since_ms = now_ms;
        c->pause_said = false;
    }
    if (!limit_ms || c->pause_said || now_ms - c->paused_since_ms < limit_ms)
        return WEIR_DONE;
    c->pause_said = true;
    if (c->setup->fail_when_full)
        return c->host->fail(c->host, WEIR_FATAL,
                             "Kafka has taken nothing for %" PRId64
                             " ms, and records.buffer.queue.full.policy is fail",
                             now_ms - c->paused_since_ms);
    c->host->log(c->host, WEIR_WARN,
                 "reading from MQTT is paused since %" PRId64 " ms: Kafka takes nothing",
                 now_ms - c->paused_since_ms);
    return WEIR_DONE;
}

static void watch_window(mqtt_connection *c)
{
    if (c->window_said || !mqtt_link_look(c->link)->window_exceeded)
        return;
    c->window_said = true;
    c->host->log(c->host, WEIR_WARN,
                 "%s sends more messages at once than mqtt.receive.maximum (%u) allows, as "
                 "mosquitto before 2.0.13 does; it is borne",
                 c->setup->endpoints[c->endpoint].uri, c->setup->receive_maximum);
}

/* The one thing we publish, and the broker does not take it (MQTT 5; 3.1.1 has no word for it). */
static void watch_birth(mqtt_connection *c)
{
    const mqtt_link_facts *facts = mqtt_link_look(c->link);

    if (!facts->publish_refused || !c->born || c->birth_said)
        return;
    c->birth_said = true;
    c->host->log(c->host, WEIR_WARN, "%s takes nothing on '%s' (code 0x%02x): %s",
                 c->setup->endpoints[c->endpoint].uri, c->setup->will.topic, facts->publish_refused,
                 mqtt_reason_text(facts->publish_refused));
}

weir_status mqtt_watch(mqtt_connection *c, int64_t now_ms)
{
    watch_window(c);
    watch_birth(c);
    return watch_pause(c, now_ms);
}
