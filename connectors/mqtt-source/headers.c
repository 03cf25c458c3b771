/* headers.c - see headers.h. Which of the fixed names are wanted is found out once. */
#include "headers.h"

#include "address.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER "mqtt.user."

typedef enum header_id {
    TOPIC,
    MESSAGE_ID,
    QOS,
    RETAINED,
    DUPLICATE,
    CONTENT_TYPE,
    CORRELATION,
    RESPONSE,
    PAYLOAD,
    EXPIRY,
    CAMEL_TOPIC,
    CAMEL_QOS,
    HEADERS,
} header_id;

static const char *const names[HEADERS] = {
    [TOPIC] = "mqtt.topic",
    [MESSAGE_ID] = "mqtt.message.id",
    [QOS] = "mqtt.qos",
    [RETAINED] = "mqtt.retained",
    [DUPLICATE] = "mqtt.duplicate",
    [CONTENT_TYPE] = "mqtt.content.type",
    [CORRELATION] = "mqtt.correlation.data",
    [RESPONSE] = "mqtt.response.topic",
    [PAYLOAD] = "mqtt.payload.format",
    [EXPIRY] = "mqtt.message.expiry",
    [CAMEL_TOPIC] = "CamelHeader.CamelMqttTopic",
    [CAMEL_QOS] = "CamelHeader.CamelMqttQoS",
};

struct mqtt_headers {
    const mqtt_header_choice *choice;
    bool wanted[HEADERS];
    weir_header *list;
    size_t count, room;
    mqtt_bytes user_names; /* NUL-terminated, one behind the other */
    char id[8], qos[2], payload[12], expiry[12];
};

/* ---- Which ----------------------------------------------------------------------------------- */

/* '*' stands for any characters. */
static bool fits(const char *pattern, const char *name)
{
    const char *star = NULL, *again = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            again = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool in_list(char *const *patterns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (fits(patterns[i], name))
            return true;
    return false;
}

static bool is_wanted(const mqtt_header_choice *choice, const char *name)
{
    return in_list(choice->include, choice->include_count, name) &&
           !in_list(choice->exclude, choice->exclude_count, name);
}

bool mqtt_header_exists(const char *pattern)
{
    size_t same = strcspn(pattern, "*");

    for (int id = 0; id < HEADERS; id++)
        if (fits(pattern, names[id]))
            return true;
    /* Names of user properties are not known: could one be meant? */
    if (same > strlen(USER) || !pattern[same])
        return strncmp(pattern, USER, strlen(USER)) == 0 && pattern[strlen(USER)];
    return strncmp(pattern, USER, same) == 0;
}

mqtt_headers *mqtt_headers_new(const mqtt_header_choice *choice)
{
    mqtt_headers *headers = mqtt_alloc(1, sizeof(*headers));

    headers->choice = choice;
    headers->room = HEADERS;
    for (const weir_pair *pair = choice->fixed; pair && pair->key; pair++)
        headers->room++;
    headers->list = mqtt_alloc(headers->room, sizeof(*headers->list));
    for (int id = 0; id < HEADERS; id++)
        headers->wanted[id] =
            (id < CAMEL_TOPIC ? choice->mqtt : choice->camel) && is_wanted(choice, names[id]);
    return headers;
}

void mqtt_headers_free(mqtt_headers *headers)
{
    if (!headers)
        return;
    mqtt_bytes_free(&headers->user_names);
    free(headers->list);
    free(headers);
}

/* ---- One message ------------------------------------------------------------------------------
 */

static void add(mqtt_headers *headers, const char *name, weir_kind kind, const void *bytes,
                size_t size)
{
    if (headers->count == headers->room) { /* user properties come in any number */
        headers->room *= 2;
        headers->list = mqtt_realloc(headers->list, headers->room, sizeof(*headers->list));
    }
    headers->list[headers->count++] = (weir_header){name, {kind, bytes, size}};
}

static void put(mqtt_headers *headers, header_id id, weir_kind kind, const void *bytes, size_t size)
{
    if (headers->wanted[id])
        add(headers, names[id], kind, bytes, size);
}

static void put_bool(mqtt_headers *headers, header_id id, bool value)
{
    put(headers, id, WEIR_JSON, value ? "true" : "false", value ? 4 : 5);
}

/* Room for all their names first, so that none moves. */
static void reserve_user_names(mqtt_headers *headers, const mqtt_properties *properties)
{
    mqtt_property property;
    size_t at = 0, size = 0;

    while (mqtt_properties_next(properties, &at, &property))
        if (property.id == MQTT_USER_PROPERTY)
            size += strlen(USER) + property.name.size + 1;
    mqtt_bytes_clear(&headers->user_names);
    mqtt_bytes_reserve(&headers->user_names, size);
}

static void put_user(mqtt_headers *headers, const mqtt_property *property)
{
    const char *name = (const char *)mqtt_bytes_reserve(&headers->user_names, 0);

    mqtt_bytes_append(&headers->user_names, USER, strlen(USER));
    mqtt_bytes_append(&headers->user_names, property->name.bytes, property->name.size);
    mqtt_bytes_append(&headers->user_names, "", 1);
    if (is_wanted(headers->choice, name))
        add(headers, name, WEIR_TEXT, property->value.bytes, property->value.size);
}

static void put_number(mqtt_headers *headers, header_id id, uint32_t number, char text[12])
{
    int size = snprintf(text, 12, "%" PRIu32, number);

    put(headers, id, WEIR_JSON, text, (size_t)size);
}

static void put_property(mqtt_headers *headers, const mqtt_property *p)
{
    switch (p->id) {
    case MQTT_CONTENT_TYPE:
        put(headers, CONTENT_TYPE, WEIR_TEXT, p->value.bytes, p->value.size);
        break;
    case MQTT_CORRELATION_DATA:
        put(headers, CORRELATION, WEIR_BYTES, p->value.bytes, p->value.size);
        break;
    case MQTT_RESPONSE_TOPIC:
        put(headers, RESPONSE, WEIR_TEXT, p->value.bytes, p->value.size);
        break;
    case MQTT_PAYLOAD_FORMAT:
        put_number(headers, PAYLOAD, p->number, headers->payload);
        break;
    case MQTT_MESSAGE_EXPIRY:
        put_number(headers, EXPIRY, p->number, headers->expiry);
        break;
    case MQTT_USER_PROPERTY:
        put_user(headers, p);
        break;
    default: /* a subscription identifier, which nobody asked for */
        break;
    }
}

static bool is_text(mqtt_text text)
{
    return !text.size || mqtt_is_text(text.bytes, text.size);
}

/* What MQTT 5 says about the message, in the order of the wire. False: text that is none. */
static bool put_properties(mqtt_headers *headers, const mqtt_properties *properties, char *why,
                           size_t room)
{
    mqtt_property p;

    reserve_user_names(headers, properties);
    for (size_t at = 0; mqtt_properties_next(properties, &at, &p);) {
        if (!is_text(p.name) || (p.id != MQTT_CORRELATION_DATA && !is_text(p.value))) {
            snprintf(why, room, "its property %d is not UTF-8", (int)p.id);
            return false;
        }
        put_property(headers, &p);
    }
    return true;
}

/* A packet id without snprintf(), which costs as much as the rest of a record. */
static size_t write_id(char *to, unsigned id)
{
    char digits[5];
    size_t size = 0;

    do
        digits[size++] = (char)('0' + id % 10);
    while (id /= 10);
    for (size_t i = 0; i < size; i++)
        to[i] = digits[size - 1 - i];
    return size;
}

bool mqtt_headers_make(mqtt_headers *headers, const mqtt_publish *publish, weir_kind topic,
                       weir_record *record, char *why, size_t room)
{
    bool good = true;

    headers->count = 0;
    headers->qos[0] = (char)('0' + publish->qos);
    if (headers->choice->mqtt) {
        put(headers, TOPIC, topic, publish->topic, publish->topic_size);
        put(headers, MESSAGE_ID, WEIR_JSON, headers->id, write_id(headers->id, publish->id));
        put(headers, QOS, WEIR_JSON, headers->qos, 1);
        put_bool(headers, RETAINED, publish->retain);
        put_bool(headers, DUPLICATE, publish->dup);
        if (publish->properties.size)
            good = put_properties(headers, &publish->properties, why, room);
    }
    if (headers->choice->camel) {
        put(headers, CAMEL_TOPIC, topic, publish->topic, publish->topic_size);
        put(headers, CAMEL_QOS, WEIR_JSON, headers->qos, 1);
    }
    for (const weir_pair *pair = headers->choice->fixed; pair && pair->key; pair++)
        add(headers, pair->key, WEIR_TEXT, pair->value, strlen(pair->value));
    record->headers = headers->list;
    record->header_count = headers->count;
    return good;
}
