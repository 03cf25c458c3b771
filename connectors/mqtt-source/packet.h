/* packet.h - MQTT 3.1.1 and 5 on the wire: what a packet says, and nothing about what to do with
 * it.
 *
 * Everything points into the bytes that were handed in; nothing is copied or kept.
 */
#ifndef MQTT_PACKET_H
#define MQTT_PACKET_H

#include "bytes.h"
#include "properties.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQTT_REMAINING_MAX 268435455u /* four length bytes hold no more */
#define MQTT_NAME_MAX      65535u     /* a string of the protocol */

typedef enum mqtt_type {
    MQTT_TYPE_CONNECT = 1,
    MQTT_TYPE_CONNACK,
    MQTT_TYPE_PUBLISH,
    MQTT_TYPE_PUBACK,
    MQTT_TYPE_PUBREC,
    MQTT_TYPE_PUBREL,
    MQTT_TYPE_PUBCOMP,
    MQTT_TYPE_SUBSCRIBE,
    MQTT_TYPE_SUBACK,
    MQTT_TYPE_UNSUBSCRIBE,
    MQTT_TYPE_UNSUBACK,
    MQTT_TYPE_PINGREQ,
    MQTT_TYPE_PINGRESP,
    MQTT_TYPE_DISCONNECT,
    MQTT_TYPE_AUTH, /* MQTT 5 */
} mqtt_type;

/* The protocol's version, as CONNECT says it. */
typedef enum mqtt_level { MQTT_3_1_1 = 4, MQTT_5 = 5 } mqtt_level;

typedef enum mqtt_scan {
    MQTT_SCANNED,
    MQTT_MORE, /* cut off: come back with more bytes */
    MQTT_BAD,  /* no MQTT: no byte that follows can help */
} mqtt_scan;

typedef struct mqtt_head {
    uint8_t type;  /* an mqtt_type, or 0, which is none */
    uint8_t flags; /* the low half of the first byte */
    size_t head_size;
    size_t body_size;
} mqtt_head;

/* The fixed header at the start of `bytes`. */
mqtt_scan mqtt_scan_head(const uint8_t *bytes, size_t size, mqtt_head *ret_head);

typedef struct mqtt_publish {
    bool dup, retain;
    uint8_t qos;
    uint16_t id; /* 0 for QoS 0 */
    const char *topic;
    size_t topic_size;
    mqtt_properties properties; /* none in 3.1.1 */
    const uint8_t *payload;
    size_t payload_size;
} mqtt_publish;

/* A PUBLISH whose body starts at `body`, of which `have` bytes are there. MQTT_SCANNED as soon as
 * topic, id and properties are known: `payload` may still be arriving. Properties of more than
 * `max_properties` bytes are not waited for: they are left out. On MQTT_BAD sets *ret_fault. */
mqtt_scan mqtt_scan_publish(mqtt_level level, const mqtt_head *head, const uint8_t *body,
                            size_t have, size_t max_properties, mqtt_publish *ret_publish,
                            mqtt_fault *ret_fault);

/* The packet id that PUBACK, PUBREC, PUBREL, PUBCOMP and SUBACK start with; 0: bad. */
uint16_t mqtt_scan_id(const mqtt_head *head, const uint8_t *body);

/* Four bytes: PUBACK, PUBREC or PUBCOMP. */
void mqtt_put_ack(mqtt_bytes *out, mqtt_type type, uint16_t id);
/* Two bytes: PINGREQ, PINGRESP or DISCONNECT. */
void mqtt_put_empty(mqtt_bytes *out, mqtt_type type);

typedef struct mqtt_connect {
    uint8_t level;
    uint8_t flags;
    uint16_t keepalive_s;
    const char *user; /* NULL: none */
    size_t user_size;
    size_t kept_size; /* of the body: everything before user name and password */
} mqtt_connect;

/* False: no CONNECT of MQTT 3.1.1. */
bool mqtt_scan_connect(const mqtt_head *head, const uint8_t *body, mqtt_connect *ret_connect);

/* Appends the same CONNECT with other credentials. NULL: none. */
void mqtt_put_connect(mqtt_bytes *out, const mqtt_connect *connect, const uint8_t *body,
                      const char *user, const char *password);

/* What a CONNACK refuses with, in words. */
const char *mqtt_refusal_text(uint8_t code);

#endif
