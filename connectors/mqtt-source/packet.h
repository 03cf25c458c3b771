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

/* The packets below are whole: `body` has all of head->body_size. False: *ret_fault says why. */

typedef struct mqtt_connack {
    bool session_present;
    uint8_t code; /* 0: accepted. Else a reason of MQTT 5, or a return code of 3.1.1 */
    bool old;     /* two bytes, as before MQTT 5, whatever was asked for */
    mqtt_properties properties;
} mqtt_connack;

bool mqtt_scan_connack(mqtt_level level, const mqtt_head *head, const uint8_t *body,
                       mqtt_connack *ret_connack, mqtt_fault *ret_fault);

/* PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK. */
typedef struct mqtt_answer {
    uint16_t id;
    uint8_t reason; /* of the first four; 0: none was given */
    mqtt_properties properties;
    const uint8_t *codes; /* one per filter; UNSUBACK has them in MQTT 5 only */
    size_t code_count;
} mqtt_answer;

bool mqtt_scan_answer(mqtt_level level, const mqtt_head *head, const uint8_t *body,
                      mqtt_answer *ret_answer, mqtt_fault *ret_fault);

/* DISCONNECT and AUTH, which a broker sends in MQTT 5 only. */
typedef struct mqtt_notice {
    uint8_t reason;
    mqtt_properties properties;
} mqtt_notice;

bool mqtt_scan_notice(const mqtt_head *head, const uint8_t *body, mqtt_notice *ret_notice,
                      mqtt_fault *ret_fault);

/* Four bytes: PUBACK, PUBREC or PUBCOMP. */
void mqtt_put_ack(mqtt_bytes *out, mqtt_type type, uint16_t id);
/* … with a reason of MQTT 5: five bytes. */
void mqtt_put_ack_because(mqtt_bytes *out, mqtt_type type, uint16_t id, uint8_t reason);
/* Two bytes: PINGREQ, PINGRESP or DISCONNECT. */
void mqtt_put_empty(mqtt_bytes *out, mqtt_type type);
/* MQTT 5's DISCONNECT with a reason. */
void mqtt_put_disconnect(mqtt_bytes *out, uint8_t reason);
/* A PUBLISH with QoS 0. */
void mqtt_put_publish(mqtt_bytes *out, mqtt_level level, const char *topic, const char *payload,
                      bool retain);

typedef struct mqtt_connect {
    mqtt_level level;
    uint8_t flags;
    uint16_t keepalive_s;
    const char *user; /* NULL: none */
    size_t user_size;
    size_t kept_size; /* of the body: everything before user name and password */
} mqtt_connect;

/* False: no CONNECT of MQTT 3.1.1 or 5. */
bool mqtt_scan_connect(const mqtt_head *head, const uint8_t *body, mqtt_connect *ret_connect);

/* Appends the same CONNECT with other credentials. NULL: none; 3.1.1 has no password without a user
 * name. */
void mqtt_put_connect(mqtt_bytes *out, const mqtt_connect *connect, const uint8_t *body,
                      const char *user, const char *password);

#endif
