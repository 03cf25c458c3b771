/* record.c - see record.h. */
#include "record.h"

#include "json_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USER_PREFIX     "mqtt.user."
#define KAFKA_TOPIC_MAX 249u

struct mqtt_records {
    const mqtt_setup *setup;
    mqtt_bytes topic, key; /* of the record at hand; a fixed topic stays */
    weir_header *headers;  /* [header_room]; grows with the message that has most */
    size_t header_count, header_room;
    mqtt_bytes names; /* of user properties as headers, each with its NUL */
    char id[8], qos[2], payload_format[2], expiry[12];
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
    mqtt_bytes_free(&records->names);
    free(records->headers);
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
    if (records->header_count == records->header_room) {
        records->header_room = records->header_room ? 2 * records->header_room : 16;
        records->headers =
            mqtt_realloc(records->headers, records->header_room, sizeof(*records->headers));
    }
    records->headers[records->header_count++] = (weir_header){name, {kind, text, size}};
}

static void add_bool(mqtt_records *records, const char *name, bool value)
{
    add_header(records, name, WEIR_JSON, value ? "true" : "false", value ? 4 : 5);
}

/* Room for all names first: the headers point into it, so it must not move under them. */
static void reserve_names(mqtt_records *records, const mqtt_properties *properties)
{
    mqtt_property property;
    size_t size = 0;

    for (size_t at = 0; mqtt_properties_next(properties, &at, &property);)
        if (property.id == MQTT_USER_PROPERTY)
            size += sizeof(USER_PREFIX) + property.name.size;
    mqtt_bytes_clear(&records->names);
    mqtt_bytes_reserve(&records->names, size);
}

static void add_user(mqtt_records *records, const mqtt_property *property)
{
    size_t start = records->names.end;

    mqtt_bytes_append(&records->names, USER_PREFIX, strlen(USER_PREFIX));
    mqtt_bytes_append(&records->names, property->name.bytes, property->name.size);
    mqtt_bytes_append(&records->names, "", 1);
    add_header(records, (const char *)records->names.data + start, WEIR_TEXT, property->value.bytes,
               property->value.size);
}

static bool is_text(mqtt_text text)
{
    return !text.size || mqtt_is_text(text.bytes, text.size);
}

static void add_number(mqtt_records *records, const char *name, char *text, size_t room,
                       uint32_t number)
{
    int size = snprintf(text, room, "%u", number);

    add_header(records, name, WEIR_JSON, text, (size_t)size);
}

/* What MQTT 5 says about the message, in the order of the wire. False: text that is none. */
static bool add_properties(mqtt_records *records, const mqtt_properties *properties, char *why,
                           size_t room)
{
    mqtt_property p;

    reserve_names(records, properties);
    for (size_t at = 0; mqtt_properties_next(properties, &at, &p);) {
        if (!is_text(p.name) || (p.id != MQTT_CORRELATION_DATA && !is_text(p.value))) {
            snprintf(why, room, "its property %d is not UTF-8", (int)p.id);
            return false;
        }
        switch (p.id) {
        case MQTT_PAYLOAD_FORMAT:
            add_number(records, "mqtt.payload.format", records->payload_format,
                       sizeof(records->payload_format), p.number);
            break;
        case MQTT_MESSAGE_EXPIRY:
            add_number(records, "mqtt.message.expiry", records->expiry, sizeof(records->expiry),
                       p.number);
            break;
        case MQTT_CONTENT_TYPE:
            add_header(records, "mqtt.content.type", WEIR_TEXT, p.value.bytes, p.value.size);
            break;
        case MQTT_RESPONSE_TOPIC:
            add_header(records, "mqtt.response.topic", WEIR_TEXT, p.value.bytes, p.value.size);
            break;
        case MQTT_CORRELATION_DATA:
            add_header(records, "mqtt.correlation.data", WEIR_BYTES, p.value.bytes, p.value.size);
            break;
        case MQTT_USER_PROPERTY:
            add_user(records, &p);
            break;
        default: /* a subscription identifier, which nobody asked for */
            break;
        }
    }
    return true;
}

static bool make_headers(mqtt_records *records, const mqtt_publish *publish, char *why, size_t room)
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
        if (!add_properties(records, &publish->properties, why, room))
            return false;
    }
    if (records->setup->mapping.camel_headers) {
        add_header(records, "CamelHeader.CamelMqttTopic", WEIR_TEXT, publish->topic,
                   publish->topic_size);
        add_header(records, "CamelHeader.CamelMqttQoS", WEIR_JSON, records->qos, 1);
    }
    return true;
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
    if (!make_headers(records, publish, why, room))
        return false;
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
