/* producer_checks.c - keys of the worker's beside ours. Only normalise() sees both. */
#include "aliases.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINGER_MS    5  /* ours, and about what an acknowledgement should wait */
#define ROUND_MS     2  /* Kafka and the MQTT broker together, at their best */
#define SMALL_WINDOW 20 /* messages: what brokers come with */

static const char * override(const mqtt_config *c, const char *name, const char *java_name)
{
    const char *value = mqtt_meant(c, name);

    return value || !java_name ? value : mqtt_meant(c, java_name);
}

/* A broker sends a window of messages and waits for acknowledgements; none leaves before the
 * producer has stopped lingering. */
static void check_linger(const mqtt_config *c)
{
    const char *linger =
        override(c, "producer.override.linger.ms", "producer.override.queue.buffering.max.ms");
    const char *window = mqtt_meant(c, "max.unacked.records");
    int64_t linger_ms, records, cycle_ms;

    if (!linger || !mqtt_whole(linger, 0, INT32_MAX, &linger_ms) || linger_ms <= LINGER_MS)
        return;
    if (!window || !mqtt_whole(window, 1, 65000, &records))
        records = 1024;
    cycle_ms = linger_ms + ROUND_MS;
    MQTT_NOTE(c, WEIR_WARN, "producer.override.linger.ms",
              "each acknowledgement waits %" PRId64 " ms, so %" PRId64
              " messages on their way make %" PRId64 " a second at most, and %" PRId64
              " where the broker's window is %d",
              linger_ms, records, records * 1000 / cycle_ms,
              (int64_t)SMALL_WINDOW * 1000 / cycle_ms, SMALL_WINDOW);
}

static void check_acks(const mqtt_config *c)
{
    const char *acks =
        override(c, "producer.override.acks", "producer.override.request.required.acks");

    if (acks && !mqtt_is(acks, "all") && strcmp(acks, "-1") != 0)
        MQTT_NOTE(c, WEIR_WARN, "producer.override.acks",
                  "with %s the MQTT broker is told of records that Kafka may still lose; all waits "
                  "for every replica in sync",
                  acks);
}

/* A dead letter that lands where the living go is read as one of them. */
static void check_dead_letters(const mqtt_config *c)
{
    const char *dead = mqtt_meant(c, "errors.deadletterqueue.topic.name");
    const char *topic = mqtt_meant(c, "kafka.topic");

    if (dead && *dead && strcmp(dead, topic ? topic : "mqtt") == 0)
        MQTT_NOTE(c, WEIR_ERROR, "errors.deadletterqueue.topic.name",
                  "'%s' is kafka.topic too: dead letters need a topic of their own", dead);
}

void mqtt_check_producer(const mqtt_config *c)
{
    if (!mqtt_is(mqtt_meant(c, "ack.mode"), "receive")) {
        check_linger(c);
        check_acks(c);
    }
    check_dead_letters(c);
}
