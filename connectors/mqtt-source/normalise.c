/* normalise.c - JSON written for Camel's and Confluent's MQTT sources, in our own keys.
 *
 * A table says what becomes of each foreign key; what is in no table passes through. A pure
 * function: it runs again wherever the config is used.
 */
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CAMEL_CLASS     "org.apache.camel.kafkaconnector.mqttsource.CamelMqttsourceSourceConnector"
#define CAMEL5_CLASS    "org.apache.camel.kafkaconnector.mqtt5source.CamelMqtt5sourceSourceConnector"
#define CONFLUENT_CLASS "io.confluent.connect.mqtt.MqttSourceConnector"

const char *const mqtt_class_aliases[] = {
    "MqttSource", "MqttSourceConnector", CONFLUENT_CLASS, CAMEL_CLASS, CAMEL5_CLASS, NULL,
};

typedef struct input {
    const weir_config_host *host;
    const weir_pair *pairs;
    size_t count;
    bool camel, camel5, confluent;
    bool aggregation_said;
} input;

/* The posted value; NULL: absent, or null. */
static const char *posted(const input *in, const char *key)
{
    const char *value = NULL;

    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->pairs[i].key, key) == 0)
            value = in->pairs[i].value;
    return value;
}

static bool is(const char *value, const char *word)
{
    return value && strcasecmp(value, word) == 0;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void info(const input *in, const char *key, const char *text)
{
    in->host->note(in->host, WEIR_INFO, key, "%s", text);
}

static void set(const input *in, const char *key, const char *value)
{
    in->host->set(in->host, key, value);
}

/* An alias gives way to the canonical key; when both are there, they must agree. */
static void set_alias(const input *in, const char *alias, const char *canonical, const char *value)
{
    const char *given = posted(in, canonical);

    if (!given)
        set(in, canonical, value);
    else if (strcmp(given, value) != 0)
        in->host->note(in->host, WEIR_ERROR, alias, "contradicts %s: give one of the two",
                       canonical);
}

/* What nobody posted, under that name or another. */
static void set_default(const input *in, const char *key, const char *value)
{
    if (!posted(in, key))
        set(in, key, value);
}

/* ---- Keys with one meaning ---------------------------------------------------------------------
 */

typedef struct rename {
    const char *alias, *canonical;
} rename_row;

static const rename_row kamelet[] = {
    {"brokerUrl", "mqtt.server.uri"},
    {"clientId", "mqtt.client.id"},
    {"topic", "mqtt.topics"},
    {"username", "mqtt.username"},
    {"password", "mqtt.password"},
    {"qos", "mqtt.qos"},
    {"clean.session.enabled", "mqtt.clean.session.enabled"},
    {"connect.timeout.seconds", "mqtt.connect.timeout.seconds"},
    {"keepalive.interval.seconds", "mqtt.keepalive.interval.seconds"},
    {NULL, NULL},
};

static const rename_row renames[] = {
    {"camel.kamelet.max.retry.time.ms", "max.retry.time.ms"},
    {"camel.source.contentLogLevel", "log.payload.level"},
    {"camel.source.maxBatchPollSize", "records.buffer.queue.max.batch.size"},
    {"camel.source.maxNotCommittedRecords", "max.unacked.records"},
    {"camel.source.pollingConsumerQueueSize", "records.buffer.queue.size"},
    {"camel.source.pollingConsumerBlockTimeout", "records.buffer.queue.full.timeout"},
    {"camel.error.handler.redelivery.delay", "errors.retry.delay.max.ms"},
    {NULL, NULL},
};

/* Keys of ours that wait for a later version. Their default may be written down; anything else
 * is an error where going on without would weaken delivery or security. */
static const struct later {
    const char *key;      /* ends with a dot: what begins with it */
    const char *fallback; /* NULL: no value is harmless */
    weir_level level;
} laters[] = {
    {"mqtt.server.failover", "ordered", WEIR_WARN},
    {"mqtt.session.cleanup.on.delete", NULL, WEIR_WARN},
    {"mqtt.pause.behavior", "disconnect", WEIR_WARN},
    {"mqtt.ws.", NULL, WEIR_ERROR},
    {"mqtt.proxy.uri", NULL, WEIR_ERROR},
    {"mqtt.will.enabled", "false", WEIR_WARN},
    {"mqtt.will.", NULL, WEIR_WARN},
    {"kafka.topic.rules", NULL, WEIR_ERROR},
    {"kafka.topic.max.distinct", "100", WEIR_WARN},
    {"kafka.headers.include", NULL, WEIR_WARN},
    {"kafka.headers.exclude", "", WEIR_WARN},
    {"kafka.headers.static.", NULL, WEIR_WARN},
    {"kafka.timestamp", "receive", WEIR_WARN},
    {"dedupe.key", NULL, WEIR_WARN},
    {"dedupe.window.", NULL, WEIR_WARN},
    {"config.unknown.keys", "warn", WEIR_ERROR},
    {NULL, NULL, WEIR_INFO},
};

/* Keys that MQTT 3.1.1 or weir's way of polling leave nothing to do. */
static const struct idle {
    const char *key, *why;
} idles[] = {
    {"mqtt.session.expiry.interval.seconds", "MQTT 3.1.1 has no such thing: the broker decides"},
    {"mqtt.receive.maximum", "MQTT 3.1.1 has no such thing: the broker's window counts"},
    {"records.buffer.queue.empty.timeout", "no effect: a poll ends when something happens"},
    {"poll.max.duration.ms", "no effect: a poll ends when something happens"},
    {"camel.source.maxPollDuration", "no effect: a poll ends when something happens"},
    {"camel.map.headers", "headers are mapped: kafka.headers.style"},
    {"camel.map.properties", "an MQTT message has no exchange properties"},
    {NULL, NULL},
};

static bool key_fits(const char *key, const char *row)
{
    size_t size = strlen(row);

    return row[size - 1] == '.' ? strncmp(key, row, size) == 0
                                : strcmp(key, row) == 0 || (strcmp(row, "kafka.topic.rules") == 0 &&
                                                            starts(key, "kafka.topic.rules."));
}

static bool is_later(const input *in, const char *key, const char *value)
{
    for (const struct later *row = laters; row->key; row++) {
        if (!key_fits(key, row->key))
            continue;
        if (!row->fallback || strcasecmp(value, row->fallback) != 0)
            in->host->note(in->host, row->level, key, "is not yet supported");
        return true;
    }
    for (const struct idle *row = idles; row->key; row++) {
        if (strcmp(key, row->key) != 0)
            continue;
        info(in, key, row->why);
        return true;
    }
    return false;
}

static bool is_rename(const input *in, const char *key, const char *value)
{
    for (const rename_row *row = renames; row->alias; row++) {
        if (strcmp(key, row->alias) != 0)
            continue;
        set_alias(in, key, row->canonical, value);
        return true;
    }
    return false;
}

/* camel.kamelet.mqtt-source.<key>, also as people write it: …mqtt.<key> */
static bool is_kamelet(const input *in, const char *key, const char *value)
{
    const char *rest = starts(key, "camel.kamelet.mqtt-source.")    ? key + 26
                       : starts(key, "camel.kamelet.mqtt5-source.") ? key + 27
                                                                    : NULL;

    if (!rest)
        return false;
    if (starts(rest, "mqtt."))
        rest += 5;
    for (const rename_row *row = kamelet; row->alias; row++) {
        if (strcmp(rest, row->alias) != 0)
            continue;
        set_alias(in, key, row->canonical, value);
        return true;
    }
    in->host->note(in->host, WEIR_WARN, key,
                   "is unknown, to Camel's kamelet too, and has no effect");
    return true;
}

/* ---- Camel's keys that need a sentence
 * ----------------------------------------------------------- */

static void on_topics(input *in, const char *key, const char *value)
{
    if (strchr(value, ','))
        in->host->note(in->host, WEIR_ERROR, key,
                       "Camel copies each record to each of several topics; that is not yet "
                       "supported: give one");
    else
        set_alias(in, key, "kafka.topic", value);
}

static void on_aggregation(input *in, const char *key, const char *value)
{
    (void)value;
    if (!in->aggregation_said)
        in->host->note(in->host, WEIR_WARN, key,
                       "has no effect without an aggregation bean; records are never merged");
    in->aggregation_said = true;
}

static void on_bean(input *in, const char *key, const char *value)
{
    in->host->note(in->host, WEIR_ERROR, key, "'%s' needs a JVM, and there is none", value);
}

static void on_error_handler(input *in, const char *key, const char *value)
{
    if (!is(value, "default") && !is(value, "no"))
        in->host->note(in->host, WEIR_ERROR, key, "'%s' is none of default, no", value);
}

/* A Java int. */
static bool whole(const char *text, int64_t *ret_number)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < INT32_MIN || number > INT32_MAX)
        return false;
    *ret_number = number;
    return true;
}

static void on_redeliveries(input *in, const char *key, const char *value)
{
    const char *delay = posted(in, "camel.error.handler.redelivery.delay");
    int64_t times, delay_ms;
    char text[24];

    if (!whole(value, &times)) {
        in->host->note(in->host, WEIR_ERROR, key, "'%s' is no whole number, -1 for ever", value);
        return;
    }
    /* A bad delay is refused under its own key. */
    if (!delay || !whole(delay, &delay_ms) || delay_ms < 0)
        delay_ms = 1000;
    snprintf(text, sizeof(text), "%lld", (long long)(times < 0 ? -1 : times * delay_ms));
    set_alias(in, key, "errors.retry.timeout", text);
}

static void on_idempotency(input *in, const char *key, const char *value)
{
    if (is(value, "true"))
        in->host->note(in->host, WEIR_WARN, key,
                       "is not yet supported: equal messages are all produced");
    else
        info(in, key, "idempotency is inactive");
}

static void on_repository(input *in, const char *key, const char *value)
{
    if (is(value, "kafka"))
        in->host->note(in->host, WEIR_ERROR, key, "kafka is not supported; memory is accepted");
}

static void on_unused(input *in, const char *key, const char *value)
{
    (void)in;
    (void)key;
    (void)value;
}

static void on_remove_headers(input *in, const char *key, const char *value)
{
    (void)value;
    in->host->note(in->host, WEIR_WARN, key, "is not yet supported: no header is removed");
}

static void on_header_key(input *in, const char *key, const char *value)
{
    if (is(value, "CamelMqttTopic") || is(value, "CamelHeader.CamelMqttTopic"))
        set_alias(in, key, "kafka.key", "${topic}");
    else
        in->host->note(in->host, WEIR_ERROR, key, "'%s' is none of null, CamelMqttTopic", value);
}

static void on_marshal(input *in, const char *key, const char *value)
{
    if (is(value, "json"))
        set_alias(in, key, "mqtt.payload.format", "json");
    else
        in->host->note(in->host, WEIR_ERROR, key, "'%s' is none of null, json", value);
}

static void on_block_when_full(input *in, const char *key, const char *value)
{
    if (!is(value, "true"))
        in->host->note(in->host, WEIR_WARN, key,
                       "a full queue always blocks: dropping messages is not supported");
    set_alias(in, key, "records.buffer.queue.full.policy", "block");
}

static const struct rule {
    const char *key; /* ends with '.': what begins with it */
    void (*apply)(input *in, const char *key, const char *value);
} rules[] = {
    {"camel.aggregation.size", on_aggregation},
    {"camel.aggregation.timeout", on_aggregation},
    {"camel.beans.aggregate", on_bean},
    {"camel.error.handler", on_error_handler},
    {"camel.error.handler.max.redeliveries", on_redeliveries},
    {"camel.idempotency.enabled", on_idempotency},
    {"camel.idempotency.repository.type", on_repository},
    {"camel.idempotency.", on_unused},
    {"camel.remove.headers.pattern", on_remove_headers},
    {"camel.source.camelMessageHeaderKey", on_header_key},
    {"camel.source.component", on_bean},
    {"camel.source.url", on_bean},
    {"camel.source.marshal", on_marshal},
    {"camel.source.unmarshal", on_marshal},
    {"camel.source.pollingConsumerBlockWhenFull", on_block_when_full},
    {NULL, NULL},
};

static bool is_rule(input *in, const char *key, const char *value)
{
    if (in->camel && strcmp(key, "topics") == 0) {
        on_topics(in, key, value);
        return true;
    }
    for (const struct rule *row = rules; row->key; row++) {
        if (!key_fits(key, row->key))
            continue;
        row->apply(in, key, value);
        return true;
    }
    return false;
}

/* ---- All of it ----------------------------------------------------------------------------------
 */

static void take_pair(input *in, const char *key, const char *value)
{
    if (strcmp(key, "connector.class") == 0)
        set(in, key, "mqtt-source");
    else if (is_rule(in, key, value) || is_rename(in, key, value) || is_kamelet(in, key, value) ||
             is_later(in, key, value))
        return;
    else if (starts(key, "camel."))
        in->host->note(in->host, WEIR_WARN, key, "is unknown here and has no effect");
    else if (in->confluent && starts(key, "confluent."))
        info(in, key, "has no effect");
    else
        set(in, key, value);
}

static bool posted_kamelet(const input *in, const char *name)
{
    static const char *const forms[] = {
        "camel.kamelet.mqtt-source.%s", "camel.kamelet.mqtt-source.mqtt.%s",
        "camel.kamelet.mqtt5-source.%s", "camel.kamelet.mqtt5-source.mqtt.%s"};
    char key[96];

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t stem = strlen(forms[i]) - 2;

        snprintf(key, sizeof(key), "%.*s%s", (int)stem, forms[i], name);
        if (posted(in, key))
            return true;
    }
    return false;
}

static void camel_defaults(const input *in)
{
    const char *converter = posted(in, "value.converter");

    if (!posted_kamelet(in, "clientId"))
        set_default(in, "mqtt.client.id", "mqtt-source");
    if (!posted(in, "camel.source.camelMessageHeaderKey"))
        set_default(in, "kafka.key", "none");
    set_default(in, "kafka.headers.style", "both");
    if (!posted(in, "camel.source.marshal") && !posted(in, "camel.source.unmarshal"))
        set_default(in, "mqtt.payload.format", "auto");
    if (converter && strstr(converter, "JsonConverter"))
        info(in, "value.converter",
             "a JSON payload is passed on verbatim; Camel would write it as base64 text");
    if (!posted_kamelet(in, "qos") && !posted(in, "mqtt.qos"))
        info(in, "mqtt.qos", "QoS 1 unless given; Camel's default is 2");
    if (!posted_kamelet(in, "clean.session.enabled") && !posted(in, "mqtt.clean.session.enabled"))
        info(in, "mqtt.clean.session.enabled",
             "the session is kept unless told otherwise; Camel starts a clean one");
    if (in->camel5)
        set_default(in, "mqtt.version", "5");
}

static void confluent_defaults(const input *in)
{
    static const struct {
        const char *key, *text;
    } differences[] = {
        {"mqtt.qos", "1 unless given, not 0"},
        {"mqtt.clean.session.enabled", "false unless given, not true: messages sent while the task "
                                       "is away are kept by the broker"},
        {"max.retry.time.ms", "-1 unless given, not 30000: an outage of the broker is waited out"},
    };

    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
        if (!posted(in, differences[i].key))
            info(in, differences[i].key, differences[i].text);
}

weir_status mqtt_normalise(const weir_config_host *host, const weir_pair *pairs, size_t count)
{
    const char *class = host->class_as_said;
    input in = {
        .host = host,
        .pairs = pairs,
        .count = count,
        .camel = is(class, CAMEL_CLASS) || is(class, CAMEL5_CLASS),
        .camel5 = is(class, CAMEL5_CLASS),
        .confluent = is(class, CONFLUENT_CLASS),
    };
    const char *tolerance = posted(&in, "errors.tolerance");

    for (size_t i = 0; i < count; i++)
        if (pairs[i].value && posted(&in, pairs[i].key) == pairs[i].value)
            take_pair(&in, pairs[i].key, pairs[i].value);
    if (tolerance)
        set_default(&in, "mqtt.errors.tolerance", tolerance);
    if (in.camel)
        camel_defaults(&in);
    if (in.confluent)
        confluent_defaults(&in);
    return WEIR_DONE;
}
