/* record.c - see record.h. */
#include "record.h"

#include "json_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADERS_MAX     8
#define KAFKA_TOPIC_MAX 249u

struct mqtt_records {
    const mqtt_setup *setup;
    mqtt_bytes topic, key; /* of the record at hand; a fixed topic stays */
    weir_header headers[HEADERS_MAX];
    size_t header_count;
    char id[8], qos[2];
};

mqtt_records *mqtt_records_new(const mqtt_setup *setup)
{
    mqtt_records *records = mqtt_alloc(1, sizeof(*records));

    records->setup = setup;
    if (mqtt_template_is_fixed(setup->mapping.topic)) {
        mqtt_template_render(setup->mapping.topic, "", 0, 0, &records->topic);
        mqtt_bytes_append(&records->topic, "", 1);
    }
    return records;
}

void mqtt_records_free(mqtt_records *records)
{
    if (!records)
        return;
    mqtt_bytes_free(&records->topic);
    mqtt_bytes_free(&records->key);
    free(records);
}

/* ---- Topic and key --------------------------------------------------------------------------- */

static bool is_topic_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* Renders the template and puts the replacement where Kafka allows no such character. */
static bool make_topic(mqtt_records *records, const mqtt_publish *publish, char *why, size_t room)
{
    const char *replacement = records->setup->settings->replacement;
    mqtt_bytes *raw = &records->key, *topic = &records->topic;
    size_t size;

    mqtt_bytes_clear(raw);
    mqtt_bytes_clear(topic);
    mqtt_template_render(records->setup->mapping.topic, publish->topic, publish->topic_size,
                         publish->qos, raw);
    for (size_t i = raw->start; i < raw->end; i++) {
        if (is_topic_char(raw->data[i]))
            mqtt_bytes_append(topic, &raw->data[i], 1);
        else if ((raw->data[i] & 0xc0) != 0x80) /* once for each character, not for each byte */
            mqtt_bytes_append(topic, replacement, strlen(replacement));
    }
    size = mqtt_bytes_size(topic);
    mqtt_bytes_append(topic, "", 1);
    if (!size || size > KAFKA_TOPIC_MAX || strcmp((char *)topic->data, ".") == 0 ||
        strcmp((char *)topic->data, "..") == 0) {
        snprintf(why, room,
                 "kafka.topic makes '%.60s' of it, %zu bytes, which is no name of a "
                 "Kafka topic",
                 (char *)topic->data, size);
        return false;
    }
    return true;
}

static weir_data make_key(mqtt_records *records, const mqtt_publish *publish)
{
    const mqtt_template *made = records->setup->mapping.key;

    if (!made)
        return (weir_data){.kind = WEIR_NULL};
    if (mqtt_template_is_topic(made))
        return (weir_data){WEIR_TEXT, publish->topic, publish->topic_size};
    mqtt_bytes_clear(&records->key);
    mqtt_template_render(made, publish->topic, publish->topic_size, publish->qos, &records->key);
    return (weir_data){WEIR_TEXT, records->key.data + records->key.start,
                       mqtt_bytes_size(&records->key)};
}

/* ---- Headers --------------------------------------------------------------------------------- */

static void add_header(mqtt_records *records, const char *name, weir_kind kind, const char *text,
                       size_t size)
{
    records->headers[records->header_count++] = (weir_header){name, {kind, text, size}};
}

static void add_bool(mqtt_records *records, const char *name, bool value)
{
    add_header(records, name, WEIR_JSON, value ? "true" : "false", value ? 4 : 5);
}

static void make_headers(mqtt_records *records, const mqtt_publish *publish)
{
    int id_size = snprintf(records->id, sizeof(records->id), "%u", publish->id);

    records->qos[0] = (char)('0' + publish->qos);
    records->header_count = 0;
    if (records->setup->mapping.mqtt_headers) {
        add_header(records, "mqtt.topic", WEIR_TEXT, publish->topic, publish->topic_size);
        add_header(records, "mqtt.message.id", WEIR_JSON, records->id, (size_t)id_size);
        add_header(records, "mqtt.qos", WEIR_JSON, records->qos, 1);
        add_bool(records, "mqtt.retained", publish->retain);
        add_bool(records, "mqtt.duplicate", publish->dup);
    }
    if (records->setup->mapping.camel_headers) {
        add_header(records, "CamelHeader.CamelMqttTopic", WEIR_TEXT, publish->topic,
                   publish->topic_size);
        add_header(records, "CamelHeader.CamelMqttQoS", WEIR_JSON, records->qos, 1);
    }
}

/* ---- Value ----------------------------------------------------------------------------------- */

static bool make_value(const mqtt_setup *setup, const mqtt_publish *publish, weir_data *ret_value,
                       char *why, size_t room)
{
    weir_data value = {WEIR_BYTES, publish->payload, publish->payload_size};
    const void *bytes = publish->payload;
    size_t size = publish->payload_size;

    switch (setup->mapping.format) {
    case MQTT_AS_BYTES:
        break;
    case MQTT_AS_STRING:
        if (!mqtt_is_utf8(bytes, size)) {
            snprintf(why, room,
                     "its payload of %zu bytes is not UTF-8, and mqtt.payload.format is "
                     "string",
                     size);
            return false;
        }
        value.kind = WEIR_TEXT;
        break;
    case MQTT_AS_JSON:
        if (!mqtt_is_json(bytes, size)) {
            snprintf(why, room,
                     "its payload of %zu bytes is not JSON, and mqtt.payload.format is "
                     "json",
                     size);
            return false;
        }
        value.kind = WEIR_JSON;
        break;
    case MQTT_AS_FOUND:
        if (mqtt_is_json(bytes, size))
            value.kind = WEIR_JSON;
        else if (size && mqtt_is_utf8(bytes, size))
            value.kind = WEIR_TEXT;
        break;
    }
    *ret_value = value;
    return true;
}

static int64_t unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool mqtt_record_make(mqtt_records *records, const mqtt_message *message, weir_record *ret_record,
                      char *why, size_t room)
{
    const mqtt_publish *publish = &message->publish;
    weir_data value;

    if (message->too_large) {
        snprintf(why, room,
                 "its payload of %zu bytes is more than mqtt.maximum.packet.size (%lld) "
                 "allows",
                 publish->payload_size, (long long)records->setup->max_packet);
        return false;
    }
    if (!mqtt_is_text(publish->topic, publish->topic_size)) {
        snprintf(why, room, "its topic is not UTF-8");
        return false;
    }
    if (!make_value(records->setup, publish, &value, why, room))
        return false;
    if (!mqtt_template_is_fixed(records->setup->mapping.topic) &&
        !make_topic(records, publish, why, room))
        return false;
    make_headers(records, publish);
    *ret_record = (weir_record){
        .size = sizeof(*ret_record),
        .topic = (const char *)records->topic.data,
        .partition = -1,
        .timestamp_ms = unix_ms(),
        .key = make_key(records, publish),
        .value = value,
        .headers = records->headers,
        .header_count = records->header_count,
        .token = message->token,
    };
    return true;
}
