/* packet.c - see packet.h. */
#include "packet.h"

#include <string.h>

enum { FLAG_RETAIN = 1, FLAG_DUP = 8 }; /* of PUBLISH */
enum { CONNECT_WILL = 4, CONNECT_PASSWORD = 64, CONNECT_USER = 128 };

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

mqtt_scan mqtt_scan_head(const uint8_t *bytes, size_t size, mqtt_head *ret_head)
{
    uint32_t length;
    int digits;

    if (!size)
        return MQTT_MORE;
    digits = mqtt_read_varint(bytes + 1, size - 1, &length);
    if (digits <= 0)
        return digits ? MQTT_BAD : MQTT_MORE;
    *ret_head = (mqtt_head){.type = bytes[0] >> 4,
                            .flags = bytes[0] & 0x0f,
                            .head_size = 1 + (size_t)digits,
                            .body_size = length};
    return MQTT_SCANNED;
}

static mqtt_scan bad(mqtt_fault *fault, uint8_t reason, const char *why)
{
    *fault = (mqtt_fault){reason, why};
    return MQTT_BAD;
}

/* The properties at `at`, with their length in front; sets *ret_end behind them. */
static mqtt_scan scan_properties(const mqtt_head *head, const uint8_t *body, size_t have, size_t at,
                                 size_t max_size, mqtt_properties *ret_properties, size_t *ret_end,
                                 mqtt_fault *ret_fault)
{
    uint32_t size;
    int digits = mqtt_read_varint(body + at, have - at, &size);

    if (digits < 0 || (!digits && have == head->body_size))
        return bad(ret_fault, MQTT_MALFORMED, "properties without a length");
    if (!digits)
        return MQTT_MORE;
    at += (size_t)digits;
    if (size > head->body_size - at)
        return bad(ret_fault, MQTT_MALFORMED, "properties that are longer than their packet");
    *ret_end = at + size;
    *ret_properties = (mqtt_properties){0};
    if (size > max_size)
        return MQTT_SCANNED;
    if (have < at + size)
        return MQTT_MORE;
    return mqtt_check_properties(MQTT_IN(head->type), body + at, size, ret_properties, ret_fault)
               ? MQTT_SCANNED
               : MQTT_BAD;
}

mqtt_scan mqtt_scan_publish(mqtt_level level, const mqtt_head *head, const uint8_t *body,
                            size_t have, size_t max_properties, mqtt_publish *ret_publish,
                            mqtt_fault *ret_fault)
{
    uint8_t qos = head->flags >> 1 & 3;
    size_t id_size = qos ? 2 : 0, topic_size, at;
    mqtt_properties properties = {0};
    mqtt_scan scanned;
    uint16_t id;

    have = have < head->body_size ? have : head->body_size;
    if (qos == 3)
        return bad(ret_fault, MQTT_MALFORMED, "a PUBLISH with QoS 3");
    if (head->body_size < 2 + id_size)
        return bad(ret_fault, MQTT_MALFORMED, "a PUBLISH that is too short");
    if (have < 2)
        return MQTT_MORE;
    topic_size = read_u16(body);
    at = 2 + topic_size + id_size;
    if (topic_size == 0)
        return bad(ret_fault, MQTT_PROTOCOL_ERROR, "a PUBLISH without a topic");
    if (at > head->body_size)
        return bad(ret_fault, MQTT_MALFORMED, "a PUBLISH whose topic is longer than the packet");
    if (have < at)
        return MQTT_MORE;
    id = qos ? read_u16(body + 2 + topic_size) : 0;
    if (qos && !id)
        return bad(ret_fault, MQTT_PROTOCOL_ERROR, "a PUBLISH with packet id 0");
    if (level == MQTT_5) {
        scanned =
            scan_properties(head, body, have, at, max_properties, &properties, &at, ret_fault);
        if (scanned != MQTT_SCANNED)
            return scanned;
    }
    *ret_publish = (mqtt_publish){
        .dup = head->flags & FLAG_DUP,
        .retain = head->flags & FLAG_RETAIN,
        .qos = qos,
        .id = id,
        .topic = (const char *)body + 2,
        .topic_size = topic_size,
        .properties = properties,
        .payload = body + at,
        .payload_size = head->body_size - at,
    };
    return MQTT_SCANNED;
}

static bool fault(mqtt_fault *ret_fault, const char *why)
{
    *ret_fault = (mqtt_fault){MQTT_MALFORMED, why};
    return false;
}

/* The properties of a packet that is whole, at *at, which moves behind them. */
static bool read_properties(const mqtt_head *head, const uint8_t *body, size_t *at,
                            mqtt_properties *ret_properties, mqtt_fault *ret_fault)
{
    return scan_properties(head, body, head->body_size, *at, SIZE_MAX, ret_properties, at,
                           ret_fault) == MQTT_SCANNED;
}

bool mqtt_scan_connack(mqtt_level level, const mqtt_head *head, const uint8_t *body,
                       mqtt_connack *ret_connack, mqtt_fault *ret_fault)
{
    mqtt_connack connack = {0};
    size_t at = 2;

    if (head->body_size < 2 || (level != MQTT_5 && head->body_size != 2))
        return fault(ret_fault, "a CONNACK of the wrong size");
    connack.session_present = body[0] & 1;
    connack.code = body[1];
    connack.old = head->body_size == 2;
    if (!connack.old && !read_properties(head, body, &at, &connack.properties, ret_fault))
        return false;
    if (at != head->body_size)
        return fault(ret_fault, "a CONNACK with something behind it");
    *ret_connack = connack;
    return true;
}

bool mqtt_scan_answer(mqtt_level level, const mqtt_head *head, const uint8_t *body,
                      mqtt_answer *ret_answer, mqtt_fault *ret_fault)
{
    bool lists = head->type == MQTT_TYPE_SUBACK || head->type == MQTT_TYPE_UNSUBACK;
    mqtt_answer answer = {0};
    size_t at = 2;

    if (head->body_size < 2 || !read_u16(body))
        return fault(ret_fault, head->type == MQTT_TYPE_PUBREL ? "a malformed PUBREL"
                                                               : "an answer without a packet id");
    answer.id = read_u16(body);
    if (level == MQTT_5 && !lists && head->body_size > at)
        answer.reason = body[at++];
    if (level == MQTT_5 && (lists || head->body_size > at) &&
        !read_properties(head, body, &at, &answer.properties, ret_fault))
        return false;
    if (lists) {
        answer.codes = body + at;
        answer.code_count = head->body_size - at;
        if (!answer.code_count && (level == MQTT_5 || head->type == MQTT_TYPE_SUBACK))
            return fault(ret_fault, head->type == MQTT_TYPE_SUBACK
                                        ? "a SUBACK without an answer"
                                        : "an UNSUBACK without an answer");
    }
    *ret_answer = answer;
    return true;
}

bool mqtt_scan_notice(const mqtt_head *head, const uint8_t *body, mqtt_notice *ret_notice,
                      mqtt_fault *ret_fault)
{
    mqtt_notice notice = {0};
    size_t at = 0;

    if (head->body_size > at)
        notice.reason = body[at++];
    if (head->body_size > at && !read_properties(head, body, &at, &notice.properties, ret_fault))
        return false;
    *ret_notice = notice;
    return true;
}

void mqtt_put_ack(mqtt_bytes *out, mqtt_type type, uint16_t id)
{
    uint8_t *to = mqtt_bytes_reserve(out, 4);

    to[0] = (uint8_t)(type << 4);
    to[1] = 2;
    to[2] = (uint8_t)(id >> 8);
    to[3] = (uint8_t)id;
    out->end += 4;
}

void mqtt_put_ack_because(mqtt_bytes *out, mqtt_type type, uint16_t id, uint8_t reason)
{
    const uint8_t packet[] = {(uint8_t)(type << 4), 3, (uint8_t)(id >> 8), (uint8_t)id, reason};

    mqtt_bytes_append(out, packet, sizeof(packet));
}

void mqtt_put_disconnect(mqtt_bytes *out, uint8_t reason)
{
    const uint8_t packet[] = {MQTT_TYPE_DISCONNECT << 4, 1, reason};

    mqtt_bytes_append(out, packet, sizeof(packet));
}

void mqtt_put_empty(mqtt_bytes *out, mqtt_type type)
{
    uint8_t packet[2] = {(uint8_t)(type << 4), 0};

    mqtt_bytes_append(out, packet, sizeof(packet));
}

/* A string of the protocol at *at, which moves behind it. NULL: it does not fit the body. */
static const uint8_t *read_string(const uint8_t *body, size_t size, size_t *at, size_t *ret_size)
{
    const uint8_t *text;

    if (size - *at < 2)
        return NULL;
    *ret_size = read_u16(body + *at);
    if (size - *at - 2 < *ret_size)
        return NULL;
    text = body + *at + 2;
    *at += 2 + *ret_size;
    return text;
}

/* Properties at *at, which moves behind them; what they say is not looked at. */
static bool pass_properties(const uint8_t *body, size_t size, size_t *at)
{
    uint32_t length;
    int digits = mqtt_read_varint(body + *at, size - *at, &length);

    if (digits <= 0 || length > size - *at - (size_t)digits)
        return false;
    *at += (size_t)digits + length;
    return true;
}

static bool pass_will(mqtt_level level, const uint8_t *body, size_t size, size_t *at)
{
    size_t length;

    if (level == MQTT_5 && !pass_properties(body, size, at))
        return false;
    return read_string(body, size, at, &length) && read_string(body, size, at, &length);
}

bool mqtt_scan_connect(const mqtt_head *head, const uint8_t *body, mqtt_connect *ret_connect)
{
    static const uint8_t start[] = {0, 4, 'M', 'Q', 'T', 'T'};
    mqtt_connect connect = {0};
    size_t at = 10; /* name, level, flags, keep-alive */
    size_t size;

    if (head->type != MQTT_TYPE_CONNECT || head->body_size < at ||
        memcmp(body, start, sizeof(start)) != 0 || (body[6] != MQTT_3_1_1 && body[6] != MQTT_5))
        return false;
    connect.level = (mqtt_level)body[6];
    connect.flags = body[7];
    connect.keepalive_s = read_u16(body + 8);
    if (connect.level == MQTT_5 && !pass_properties(body, head->body_size, &at))
        return false;
    if (!read_string(body, head->body_size, &at, &size)) /* the client id */
        return false;
    if (connect.flags & CONNECT_WILL && !pass_will(connect.level, body, head->body_size, &at))
        return false;
    connect.kept_size = at;
    if (connect.flags & CONNECT_USER) {
        connect.user = (const char *)read_string(body, head->body_size, &at, &connect.user_size);
        if (!connect.user)
            return false;
    }
    *ret_connect = connect;
    return true;
}

static void put_string(mqtt_bytes *out, const char *text)
{
    size_t size = strlen(text);
    uint8_t prefix[2] = {(uint8_t)(size >> 8), (uint8_t)size};

    mqtt_bytes_append(out, prefix, 2);
    mqtt_bytes_append(out, text, size);
}

static void put_head(mqtt_bytes *out, uint8_t first, size_t body_size)
{
    mqtt_bytes_append(out, &first, 1);
    for (;;) {
        uint8_t digit = body_size & 0x7f;

        body_size >>= 7;
        if (body_size)
            digit |= 0x80;
        mqtt_bytes_append(out, &digit, 1);
        if (!body_size)
            break;
    }
}

void mqtt_put_publish(mqtt_bytes *out, mqtt_level level, const char *topic, const char *payload,
                      bool retain)
{
    size_t size = 2 + strlen(topic) + (level == MQTT_5) + strlen(payload);

    put_head(out, (uint8_t)(MQTT_TYPE_PUBLISH << 4 | (retain ? FLAG_RETAIN : 0)), size);
    put_string(out, topic);
    if (level == MQTT_5)
        mqtt_bytes_append(out, "", 1); /* no properties */
    mqtt_bytes_append(out, payload, strlen(payload));
}

void mqtt_put_connect(mqtt_bytes *out, const mqtt_connect *connect, const uint8_t *body,
                      const char *user, const char *password)
{
    bool with_password = password && (user || connect->level == MQTT_5);
    size_t size = connect->kept_size + (user ? 2 + strlen(user) : 0) +
                  (with_password ? 2 + strlen(password) : 0);
    uint8_t flags = connect->flags & (uint8_t) ~(CONNECT_USER | CONNECT_PASSWORD);

    if (user)
        flags |= CONNECT_USER;
    if (with_password)
        flags |= CONNECT_PASSWORD;
    put_head(out, MQTT_TYPE_CONNECT << 4, size);
    mqtt_bytes_append(out, body, 7);
    mqtt_bytes_append(out, &flags, 1);
    mqtt_bytes_append(out, body + 8, connect->kept_size - 8);
    if (user)
        put_string(out, user);
    if (with_password)
        put_string(out, password);
}
