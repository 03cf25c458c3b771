/* properties.h - the properties of MQTT 5: which there are, who may carry them, what they say.
 *
 * A block of properties is checked as a whole and once, by mqtt_check_properties(). Afterwards it
 * is walked in order, or asked for one of them, with no further check, no copy and no allocation:
 * everything points into the packet.
 */
#ifndef MQTT_PROPERTIES_H
#define MQTT_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mqtt_property_id {
    MQTT_PAYLOAD_FORMAT = 1, /* number: 1 says that the payload is UTF-8 */
    MQTT_MESSAGE_EXPIRY = 2, /* number: seconds left */
    MQTT_CONTENT_TYPE = 3,
    MQTT_RESPONSE_TOPIC = 8,
    MQTT_CORRELATION_DATA = 9, /* bytes */
    MQTT_SUBSCRIPTION_ID = 11, /* number */
    MQTT_SESSION_EXPIRY = 17,  /* number: seconds */
    MQTT_ASSIGNED_CLIENT_ID = 18,
    MQTT_SERVER_KEEP_ALIVE = 19, /* number: seconds */
    MQTT_AUTH_METHOD = 21,
    MQTT_AUTH_DATA = 22,       /* bytes */
    MQTT_REQUEST_PROBLEM = 23, /* number: 0 or 1 */
    MQTT_WILL_DELAY = 24,      /* number: seconds */
    MQTT_REQUEST_RESPONSE = 25,
    MQTT_RESPONSE_INFO = 26,
    MQTT_SERVER_REFERENCE = 28,
    MQTT_REASON_STRING = 31,
    MQTT_RECEIVE_MAXIMUM = 33,     /* number */
    MQTT_TOPIC_ALIAS_MAXIMUM = 34, /* number */
    MQTT_TOPIC_ALIAS = 35,         /* number; we never allow one */
    MQTT_MAXIMUM_QOS = 36,         /* number: 0 or 1 */
    MQTT_RETAIN_AVAILABLE = 37,    /* number: 0 or 1, like the three of its kind below */
    MQTT_USER_PROPERTY = 38,       /* a name and a value; may come often */
    MQTT_MAXIMUM_PACKET = 39,      /* number: bytes */
    MQTT_WILDCARD_AVAILABLE = 40,
    MQTT_SUBSCRIPTION_IDS_AVAILABLE = 41,
    MQTT_SHARED_AVAILABLE = 42,
} mqtt_property_id;

/* Who carries a block: packets by 1 << mqtt_type, and the will inside CONNECT. */
#define MQTT_IN(type) (1u << (type))
#define MQTT_IN_WILL  1u

/* What makes a packet bad: the v5 reason to disconnect with, and words that follow "the broker
 * sent". */
typedef struct mqtt_fault {
    uint8_t reason; /* 0x81 malformed packet, 0x82 protocol error */
    const char *why;
} mqtt_fault;

#define MQTT_MALFORMED      0x81
#define MQTT_PROTOCOL_ERROR 0x82

/* Not NUL-terminated. Text of the protocol is said to be UTF-8 without NUL; that is not checked. */
typedef struct mqtt_text {
    const char *bytes;
    size_t size;
} mqtt_text;

/* A checked block. All zero: none, as in MQTT 3.1.1. */
typedef struct mqtt_properties {
    const uint8_t *bytes; /* behind their length */
    size_t size;
    uint64_t there; /* bit n: property n is in it */
} mqtt_properties;

typedef struct mqtt_property {
    mqtt_property_id id;
    uint32_t number; /* of the numeric ones */
    mqtt_text name;  /* MQTT_USER_PROPERTY's */
    mqtt_text value; /* of the others */
} mqtt_property;

/* The whole block, `size` bytes behind its length, as `carrier` (one MQTT_IN) may have it. */
bool mqtt_check_properties(unsigned carrier, const uint8_t *bytes, size_t size,
                           mqtt_properties *ret_properties, mqtt_fault *ret_fault);

/* The next one in order of the wire; *at is 0 at first. False: that was all. */
bool mqtt_properties_next(const mqtt_properties *properties, size_t *at,
                          mqtt_property *ret_property);
/* The first with that id. */
bool mqtt_properties_find(const mqtt_properties *properties, mqtt_property_id id,
                          mqtt_property *ret_property);
/* Its number, or `fallback`. */
uint32_t mqtt_properties_number(const mqtt_properties *properties, mqtt_property_id id,
                                uint32_t fallback);
/* The value of the first user property of that name. */
bool mqtt_properties_user(const mqtt_properties *properties, const char *name, size_t name_size,
                          mqtt_text *ret_value);

/* A variable byte integer: how many bytes it takes (1 to 4), 0 when it is cut off, -1 when a fifth
 * byte would be needed. */
int mqtt_read_varint(const uint8_t *bytes, size_t size, uint32_t *ret_value);

#endif
