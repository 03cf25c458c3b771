/* aliases_camel.c - Camel's mqtt-source and mqtt5-source Kamelets in Kafka Connect.
 *
 * Camel knows five keys of its Kamelet and ignores the rest in silence; those that people write
 * there all the same are taken for what their author meant.
 */
#include "aliases.h"

#include <stdio.h>
#include <string.h>

#define ERROR_HANDLER "camel.error.handler"
#define IDEMPOTENCY   "camel.idempotency."
#define NO_POLL_LIMIT "has no effect: a poll ends when something happens"

const mqtt_alias mqtt_kamelet_aliases[] = {
    {"brokerUrl", "mqtt.server.uri", NULL, NULL, WEIR_INFO},
    {"clientId", "mqtt.client.id", NULL, NULL, WEIR_INFO},
    {"topic", "mqtt.topics", NULL, NULL, WEIR_INFO},
    {"username", "mqtt.username", NULL, NULL, WEIR_INFO},
    {"password", "mqtt.password", NULL, NULL, WEIR_INFO},
    {"qos", "mqtt.qos", NULL, NULL, WEIR_INFO},
    {"clean.session.enabled", "mqtt.clean.session.enabled", NULL, NULL, WEIR_INFO},
    {"connect.timeout.seconds", "mqtt.connect.timeout.seconds", NULL, NULL, WEIR_INFO},
    {"keepalive.interval.seconds", "mqtt.keepalive.interval.seconds", NULL, NULL, WEIR_INFO},
    {0},
};

/* ---- Keys that need a sentence --------------------------------------------------------------- */

static void on_topics(mqtt_config *c, const char *key, const char *value)
{
    if (strchr(value, ','))
        MQTT_NOTE(c, WEIR_ERROR, key,
                  "Camel copies each record to each of several topics; that is not yet "
                  "supported: give one");
    else
        mqtt_mean_alias(c, key, "kafka.topic", value);
}

static void on_aggregation(mqtt_config *c, const char *key, const char *value)
{
    (void)value;
    if (!c->aggregation_said)
        MQTT_NOTE(c, WEIR_WARN, key,
                  "has no effect without an aggregation bean; records are never merged");
    c->aggregation_said = true;
}

static void on_bean(mqtt_config *c, const char *key, const char *value)
{
    MQTT_NOTE(c, WEIR_ERROR, key, "'%s' needs a JVM, and there is none", value);
}

static void on_map_headers(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "false"))
        mqtt_mean_alias(c, key, "kafka.headers.style", "none");
    else
        MQTT_NOTE(c, WEIR_INFO, key, "headers are mapped: kafka.headers.style");
}

/* Names that kafka.headers.exclude can hold; a regular expression is none. */
static void on_remove_headers(mqtt_config *c, const char *key, const char *value)
{
    if (strpbrk(value, "*+?()[]{}^$\\|"))
        MQTT_NOTE(c, WEIR_WARN, key,
                  "'%s' is a pattern, and no header is removed by one: name them in "
                  "kafka.headers.exclude",
                  value);
    else
        mqtt_mean_alias(c, key, "kafka.headers.exclude", value);
}

static void on_header_key(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "CamelMqttTopic") || mqtt_is(value, "CamelHeader.CamelMqttTopic"))
        mqtt_mean_alias(c, key, "kafka.key", "${topic}");
    else
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is none of null, CamelMqttTopic", value);
}

static void on_marshal(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "json"))
        mqtt_mean_alias(c, key, "mqtt.payload.format", "json");
    else
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is none of null, json", value);
}

static void on_block_when_full(mqtt_config *c, const char *key, const char *value)
{
    if (!mqtt_is(value, "true"))
        MQTT_NOTE(c, WEIR_WARN, key,
                  "a full queue always blocks: dropping messages is not supported");
    mqtt_mean_alias(c, key, "records.buffer.queue.full.policy", "block");
}

/* ---- Errors: default retries, no does not ---------------------------------------------------- */

static void on_error_handler(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "no"))
        mqtt_mean_alias(c, key, "errors.retry.timeout", "0");
    else if (!mqtt_is(value, "default"))
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is none of default, no", value);
}

static bool no_handler(mqtt_config *c, const char *key)
{
    if (!mqtt_is(mqtt_posted(c, ERROR_HANDLER), "no"))
        return false;
    MQTT_NOTE(c, WEIR_INFO, key, "has no effect with " ERROR_HANDLER "=no");
    return true;
}

/* Java ints, both of them. */
static void on_redeliveries(mqtt_config *c, const char *key, const char *value)
{
    const char *delay = mqtt_posted(c, ERROR_HANDLER ".redelivery.delay");
    int64_t times, delay_ms;
    char text[24];

    if (!mqtt_whole(value, INT32_MIN, INT32_MAX, &times)) {
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is no whole number, -1 for ever", value);
        return;
    }
    if (no_handler(c, key))
        return;
    /* A bad delay is refused under its own key. */
    if (!delay || !mqtt_whole(delay, 0, INT32_MAX, &delay_ms))
        delay_ms = 1000;
    snprintf(text, sizeof(text), "%lld", (long long)(times < 0 ? -1 : times * delay_ms));
    mqtt_mean_alias(c, key, "errors.retry.timeout", text);
}

static void on_delay(mqtt_config *c, const char *key, const char *value)
{
    int64_t delay_ms;

    if (!mqtt_whole(value, 0, INT32_MAX, &delay_ms))
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is no number of milliseconds", value);
    else if (!no_handler(c, key))
        mqtt_mean_alias(c, key, "errors.retry.delay.max.ms", value);
}

/* ---- Idempotency: one switch, and keys that speak only when it is on ------------------------- */

static bool idempotent(const mqtt_config *c)
{
    return mqtt_is(mqtt_posted(c, IDEMPOTENCY "enabled"), "true");
}

static void key_by_header(mqtt_config *c)
{
    const char *header = mqtt_posted(c, IDEMPOTENCY "expression.header");

    if (mqtt_is(header, "CamelMqttTopic") || mqtt_is(header, "CamelHeader.CamelMqttTopic"))
        mqtt_mean_alias(c, IDEMPOTENCY "expression.header", "dedupe.key", "${topic}");
    else
        MQTT_NOTE(c, WEIR_ERROR, IDEMPOTENCY "expression.header",
                  "'%s' is not CamelMqttTopic, the one header that tells messages apart; "
                  "dedupe.key can do more",
                  header ? header : "");
}

static void on_idempotency(mqtt_config *c, const char *key, const char *value)
{
    const char *by = mqtt_posted(c, IDEMPOTENCY "expression.type");

    if (!mqtt_is(value, "true")) {
        MQTT_NOTE(c, WEIR_INFO, key, "idempotency is inactive");
        return;
    }
    mqtt_mean_alias(c, key, "dedupe.mode", "content");
    if (mqtt_is(by, "header")) {
        key_by_header(c);
    } else if (!by || mqtt_is(by, "body")) {
        mqtt_mean_alias(c, by ? IDEMPOTENCY "expression.type" : key, "dedupe.key", "${payload}");
        MQTT_NOTE(c, WEIR_WARN, key,
                  "the body tells messages apart: of equal readings only the first is produced");
    } else {
        MQTT_NOTE(c, WEIR_ERROR, IDEMPOTENCY "expression.type", "'%s' is none of body, header", by);
    }
}

static void on_repository(mqtt_config *c, const char *key, const char *value)
{
    if (!mqtt_is(value, "memory"))
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is not supported: memory is", value);
}

static void on_dimension(mqtt_config *c, const char *key, const char *value)
{
    if (idempotent(c))
        mqtt_mean_alias(c, key, "dedupe.window.size", value);
}

/* ---- All of it ------------------------------------------------------------------------------- */

const mqtt_alias mqtt_camel_aliases[] = {
    {"camel.kamelet.max.retry.time.ms", "max.retry.time.ms", NULL, NULL, WEIR_INFO},
    {"camel.aggregation.size", NULL, on_aggregation, NULL, WEIR_INFO},
    {"camel.aggregation.timeout", NULL, on_aggregation, NULL, WEIR_INFO},
    {"camel.beans.aggregate", NULL, on_bean, NULL, WEIR_INFO},
    {"camel.error.handler", NULL, on_error_handler, NULL, WEIR_INFO},
    {"camel.error.handler.max.redeliveries", NULL, on_redeliveries, NULL, WEIR_INFO},
    {"camel.error.handler.redelivery.delay", NULL, on_delay, NULL, WEIR_INFO},
    {"camel.idempotency.enabled", NULL, on_idempotency, NULL, WEIR_INFO},
    {"camel.idempotency.repository.type", NULL, on_repository, NULL, WEIR_INFO},
    {"camel.idempotency.memory.dimension", NULL, on_dimension, NULL, WEIR_INFO},
    {"camel.idempotency.expression.", NULL, NULL, NULL, WEIR_INFO}, /* on_idempotency() */
    {"camel.idempotency.kafka.", NULL, NULL, NULL, WEIR_INFO},      /* on_repository() */
    {"camel.map.headers", NULL, on_map_headers, NULL, WEIR_INFO},
    {"camel.map.properties", NULL, NULL,
     "has no effect: an MQTT message has no exchange properties", WEIR_INFO},
    {"camel.remove.headers.pattern", NULL, on_remove_headers, NULL, WEIR_INFO},
    {"camel.source.camelMessageHeaderKey", NULL, on_header_key, NULL, WEIR_INFO},
    {"camel.source.component", NULL, on_bean, NULL, WEIR_INFO},
    {"camel.source.url", NULL, on_bean, NULL, WEIR_INFO},
    {"camel.source.marshal", NULL, on_marshal, NULL, WEIR_INFO},
    {"camel.source.unmarshal", NULL, on_marshal, NULL, WEIR_INFO},
    {"camel.source.contentLogLevel", "log.payload.level", NULL, NULL, WEIR_INFO},
    {"camel.source.maxBatchPollSize", "records.buffer.queue.max.batch.size", NULL, NULL, WEIR_INFO},
    {"camel.source.maxNotCommittedRecords", "max.unacked.records", NULL, NULL, WEIR_INFO},
    {"camel.source.maxPollDuration", NULL, NULL, NO_POLL_LIMIT, WEIR_INFO},
    {"camel.source.pollingConsumerQueueSize", "records.buffer.queue.size", NULL, NULL, WEIR_INFO},
    {"camel.source.pollingConsumerBlockWhenFull", NULL, on_block_when_full, NULL, WEIR_INFO},
    {"camel.source.pollingConsumerBlockTimeout", "records.buffer.queue.full.timeout", NULL, NULL,
     WEIR_INFO},
    {0},
};

/* camel.kamelet.mqtt-source.<key>, also as people write it: …mqtt.<key>. */
static bool is_kamelet_key(const char *key, const char **ret_name)
{
    static const char *const prefixes[] = {"camel.kamelet.mqtt-source.",
                                           "camel.kamelet.mqtt5-source."};

    for (size_t i = 0; i < 2; i++)
        if (mqtt_starts(key, prefixes[i])) {
            *ret_name = key + strlen(prefixes[i]);
            if (mqtt_starts(*ret_name, "mqtt."))
                *ret_name += 5;
            return true;
        }
    return false;
}

static void take_kamelet(mqtt_config *c, const char *key, const char *name, const char *value)
{
    for (const mqtt_alias *row = mqtt_kamelet_aliases; row->key; row++)
        if (strcmp(row->key, name) == 0) {
            mqtt_mean_alias(c, key, row->canonical, value);
            return;
        }
    MQTT_NOTE(c, WEIR_WARN, key, "is unknown, to Camel's kamelet too, and has no effect");
}

bool mqtt_camel_take(mqtt_config *c, const char *key, const char *value)
{
    const char *name;

    if (is_kamelet_key(key, &name))
        take_kamelet(c, key, name, value);
    else if (c->camel && strcmp(key, "topics") == 0)
        on_topics(c, key, value);
    else if (mqtt_alias_apply(c, mqtt_camel_aliases, key, value))
        return true;
    else if (mqtt_starts(key, "camel."))
        MQTT_NOTE(c, WEIR_WARN, key, "is unknown here and has no effect");
    else
        return false;
    return true;
}

void mqtt_camel_defaults(mqtt_config *c)
{
    const char *converter = mqtt_posted(c, "value.converter");

    mqtt_mean_default(c, "mqtt.client.id", "mqtt-source", "Camel's default");
    mqtt_mean_default(c, "kafka.key", "none", "as Camel has it");
    mqtt_mean_default(c, "kafka.headers.style", "both", "Camel's headers and ours");
    mqtt_mean_default(c, "mqtt.payload.format", "auto", "what the payload is found to be");
    if (c->camel5)
        mqtt_mean_default(c, "mqtt.version", "5", "by the class");
    if (converter && strstr(converter, "JsonConverter"))
        MQTT_NOTE(c, WEIR_INFO, "value.converter",
                  "a JSON payload is passed on verbatim; Camel would write it as base64 text");
    if (!mqtt_meant(c, "mqtt.qos"))
        MQTT_NOTE(c, WEIR_INFO, "mqtt.qos", "QoS 1 unless given; Camel's default is 2");
    if (!mqtt_meant(c, "mqtt.clean.session.enabled"))
        MQTT_NOTE(c, WEIR_INFO, "mqtt.clean.session.enabled",
                  "the session is kept unless told otherwise; Camel starts a clean one");
}
