/* properties.c - see properties.h. */
#include "properties.h"

#include "packet.h"

#include <assert.h>
#include <string.h>

enum kind { NONE, FLAG, TWO, TWO_NOT_0, FOUR, FOUR_NOT_0, VARINT_NOT_0, TEXT, DATA, PAIR };

#define CONNECT    MQTT_IN(MQTT_TYPE_CONNECT)
#define CONNACK    MQTT_IN(MQTT_TYPE_CONNACK)
#define PUBLISH    MQTT_IN(MQTT_TYPE_PUBLISH)
#define SUBSCRIBE  MQTT_IN(MQTT_TYPE_SUBSCRIBE)
#define DISCONNECT MQTT_IN(MQTT_TYPE_DISCONNECT)
#define AUTH       MQTT_IN(MQTT_TYPE_AUTH)
#define ANSWERS                                                                                    \
    (MQTT_IN(MQTT_TYPE_PUBACK) | MQTT_IN(MQTT_TYPE_PUBREC) | MQTT_IN(MQTT_TYPE_PUBREL) |           \
     MQTT_IN(MQTT_TYPE_PUBCOMP) | MQTT_IN(MQTT_TYPE_SUBACK) | MQTT_IN(MQTT_TYPE_UNSUBACK))
#define EVERYWHERE                                                                                 \
    (CONNECT | CONNACK | PUBLISH | MQTT_IN_WILL | ANSWERS | SUBSCRIBE |                            \
     MQTT_IN(MQTT_TYPE_UNSUBSCRIBE) | DISCONNECT | AUTH)

/* Section 2.2.2.2 of the specification. */
static const struct {
    enum kind kind;
    unsigned carriers;
} known[] = {
    [MQTT_PAYLOAD_FORMAT] = {FLAG, PUBLISH | MQTT_IN_WILL},
    [MQTT_MESSAGE_EXPIRY] = {FOUR, PUBLISH | MQTT_IN_WILL},
    [MQTT_CONTENT_TYPE] = {TEXT, PUBLISH | MQTT_IN_WILL},
    [MQTT_RESPONSE_TOPIC] = {TEXT, PUBLISH | MQTT_IN_WILL},
    [MQTT_CORRELATION_DATA] = {DATA, PUBLISH | MQTT_IN_WILL},
    [MQTT_SUBSCRIPTION_ID] = {VARINT_NOT_0, PUBLISH | SUBSCRIBE},
    [MQTT_SESSION_EXPIRY] = {FOUR, CONNECT | CONNACK | DISCONNECT},
    [MQTT_ASSIGNED_CLIENT_ID] = {TEXT, CONNACK},
    [MQTT_SERVER_KEEP_ALIVE] = {TWO, CONNACK},
    [MQTT_AUTH_METHOD] = {TEXT, CONNECT | CONNACK | AUTH},
    [MQTT_AUTH_DATA] = {DATA, CONNECT | CONNACK | AUTH},
    [MQTT_REQUEST_PROBLEM] = {FLAG, CONNECT},
    [MQTT_WILL_DELAY] = {FOUR, MQTT_IN_WILL},
    [MQTT_REQUEST_RESPONSE] = {FLAG, CONNECT},
    [MQTT_RESPONSE_INFO] = {TEXT, CONNACK},
    [MQTT_SERVER_REFERENCE] = {TEXT, CONNACK | DISCONNECT},
    [MQTT_REASON_STRING] = {TEXT, CONNACK | ANSWERS | DISCONNECT | AUTH},
    [MQTT_RECEIVE_MAXIMUM] = {TWO_NOT_0, CONNECT | CONNACK},
    [MQTT_TOPIC_ALIAS_MAXIMUM] = {TWO, CONNECT | CONNACK},
    [MQTT_TOPIC_ALIAS] = {TWO, PUBLISH},
    [MQTT_MAXIMUM_QOS] = {FLAG, CONNACK},
    [MQTT_RETAIN_AVAILABLE] = {FLAG, CONNACK},
    [MQTT_USER_PROPERTY] = {PAIR, EVERYWHERE},
    [MQTT_MAXIMUM_PACKET] = {FOUR_NOT_0, CONNECT | CONNACK},
    [MQTT_WILDCARD_AVAILABLE] = {FLAG, CONNACK},
    [MQTT_SUBSCRIPTION_IDS_AVAILABLE] = {FLAG, CONNACK},
    [MQTT_SHARED_AVAILABLE] = {FLAG, CONNACK},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

int mqtt_read_varint(const uint8_t *bytes, size_t size, uint32_t *ret_value)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        if ((size_t)i >= size)
            return 0;
        value |= (uint32_t)(bytes[i] & 0x7f) << (7 * i);
        if (bytes[i] & 0x80)
            continue;
        *ret_value = value;
        return i + 1;
    }
    return -1;
}

/* Text or data at the start of `bytes`: its size with its two length bytes; 0: it does not fit. */
static size_t read_text(const uint8_t *bytes, size_t size, mqtt_text *ret_text)
{
    size_t length;

    if (size < 2)
        return 0;
    length = (size_t)bytes[0] << 8 | bytes[1];
    if (length > size - 2)
        return 0;
    *ret_text = (mqtt_text){(const char *)bytes + 2, length};
    return 2 + length;
}

static size_t read_number(const uint8_t *bytes, size_t size, size_t width, uint32_t *ret_number)
{
    uint32_t number = 0;

    if (size < width)
        return 0;
    for (size_t i = 0; i < width; i++)
        number = number << 8 | bytes[i];
    *ret_number = number;
    return width;
}

static size_t read_value(enum kind kind, const uint8_t *bytes, size_t size, mqtt_property *property)
{
    size_t used;
    int digits;

    switch (kind) {
    case FLAG:
        return read_number(bytes, size, 1, &property->number);
    case TWO:
    case TWO_NOT_0:
        return read_number(bytes, size, 2, &property->number);
    case FOUR:
    case FOUR_NOT_0:
        return read_number(bytes, size, 4, &property->number);
    case VARINT_NOT_0:
        digits = mqtt_read_varint(bytes, size, &property->number);
        return digits > 0 ? (size_t)digits : 0;
    case TEXT:
    case DATA:
        return read_text(bytes, size, &property->value);
    case PAIR:
        used = read_text(bytes, size, &property->name);
        if (used) {
            size_t rest = read_text(bytes + used, size - used, &property->value);

            used = rest ? used + rest : 0;
        }
        return used;
    case NONE:
        break;
    }
    return 0;
}

/* One property with its id, at the start of `bytes`. 0: there is no such id, or it is cut off. */
static size_t read_property(const uint8_t *bytes, size_t size, mqtt_property *ret_property)
{
    size_t used;

    /* Ids are variable byte integers; those that exist take one byte. */
    if (!size || bytes[0] >= KNOWN || known[bytes[0]].kind == NONE)
        return 0;
    *ret_property = (mqtt_property){.id = (mqtt_property_id)bytes[0]};
    used = read_value(known[bytes[0]].kind, bytes + 1, size - 1, ret_property);
    return used ? 1 + used : 0;
}

/* What the specification calls an error although it can be read. NULL: nothing. */
static const char *objection(unsigned carrier, const mqtt_property *property, uint64_t there)
{
    enum kind kind = known[property->id].kind;
    bool repeats = property->id == MQTT_USER_PROPERTY ||
                   (property->id == MQTT_SUBSCRIPTION_ID && carrier == PUBLISH);

    if (!(known[property->id].carriers & carrier))
        return "a property that its packet cannot have";
    if (!repeats && there >> property->id & 1)
        return "one property twice";
    if (kind == FLAG && property->number > 1)
        return "a property that is neither 0 nor 1";
    if ((kind == TWO_NOT_0 || kind == FOUR_NOT_0 || kind == VARINT_NOT_0) && !property->number)
        return "a property that is 0 and must not be";
    if (property->id == MQTT_TOPIC_ALIAS)
        return "a topic alias, which was not allowed";
    return NULL;
}

bool mqtt_check_properties(unsigned carrier, const uint8_t *bytes, size_t size,
                           mqtt_properties *ret_properties, mqtt_fault *ret_fault)
{
    mqtt_properties properties = {.bytes = bytes, .size = size};
    mqtt_property property;
    const char *why;
    size_t used;

    for (size_t at = 0; at < size; at += used) {
        used = read_property(bytes + at, size - at, &property);
        if (!used) {
            *ret_fault = (mqtt_fault){MQTT_MALFORMED, "a property that is unknown or cut off"};
            return false;
        }
        why = objection(carrier, &property, properties.there);
        if (why) {
            *ret_fault = (mqtt_fault){MQTT_PROTOCOL_ERROR, why};
            return false;
        }
        properties.there |= UINT64_C(1) << property.id;
    }
    *ret_properties = properties;
    return true;
}

bool mqtt_properties_next(const mqtt_properties *properties, size_t *at,
                          mqtt_property *ret_property)
{
    size_t used;

    if (*at >= properties->size)
        return false;
    used = read_property(properties->bytes + *at, properties->size - *at, ret_property);
    assert(used); /* it was checked */
    *at += used;
    return used;
}

bool mqtt_properties_find(const mqtt_properties *properties, mqtt_property_id id,
                          mqtt_property *ret_property)
{
    mqtt_property property;

    if (!(properties->there >> id & 1))
        return false;
    for (size_t at = 0; mqtt_properties_next(properties, &at, &property);) {
        if (property.id == id) {
            *ret_property = property;
            return true;
        }
    }
    return false;
}

uint32_t mqtt_properties_number(const mqtt_properties *properties, mqtt_property_id id,
                                uint32_t fallback)
{
    mqtt_property property;

    return mqtt_properties_find(properties, id, &property) ? property.number : fallback;
}

bool mqtt_properties_user(const mqtt_properties *properties, const char *name, size_t name_size,
                          mqtt_text *ret_value)
{
    mqtt_property property;

    if (!(properties->there >> MQTT_USER_PROPERTY & 1))
        return false;
    for (size_t at = 0; mqtt_properties_next(properties, &at, &property);) {
        if (property.id == MQTT_USER_PROPERTY && property.name.size == name_size &&
            property.name.bytes && memcmp(property.name.bytes, name, name_size) == 0) {
            *ret_value = property.value;
            return true;
        }
    }
    return false;
}
