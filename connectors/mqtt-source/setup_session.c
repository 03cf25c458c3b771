/* setup_session.c - what CONNECT says: version, session, limits, will. See settings.h. */
#include "setup_internal.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_DEFAULT (1024 * 1024)
#define PACKET_LEAST   1024

static void read_version(mqtt_making *m)
{
    const char *version = m->settings->version;

    m->setup->version = mqtt_says(version, "5")       ? MQTT_VERSION_5
                        : mqtt_says(version, "3.1.1") ? MQTT_VERSION_3_1_1
                                                      : MQTT_VERSION_AUTO;
    m->setup->random_failover = mqtt_says(m->settings->failover, "random");
}

static void read_limits(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    mqtt_setup *setup = m->setup;

    setup->max_packet = s->max_packet ? (size_t)s->max_packet : PACKET_DEFAULT;
    if (s->max_packet && s->max_packet < PACKET_LEAST)
        mqtt_note(m, WEIR_ERROR, "mqtt.maximum.packet.size", "must be %d at least", PACKET_LEAST);
    setup->receive_maximum = (uint16_t)(s->receive_maximum ? s->receive_maximum : s->max_unacked);
    if (s->receive_maximum > s->max_unacked)
        mqtt_note(m, WEIR_ERROR, "mqtt.receive.maximum",
                  "the broker may not send more at once (%lld) than max.unacked.records takes "
                  "(%lld)",
                  (long long)s->receive_maximum, (long long)s->max_unacked);
    if (!s->session_expiry_s && !s->clean)
        mqtt_note(m, WEIR_ERROR, "mqtt.session.expiry.interval.seconds",
                  "0 ends the session with each connection, and "
                  "mqtt.clean.session.enabled is false: messages would be lost");
}

/* ---- The will ---------------------------------------------------------------------------------
 */

static bool is_printable(const char *text)
{
    while (*text >= 0x20 && *text <= 0x7e)
        text++;
    return !*text;
}

static void read_will(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    mqtt_will *will = &m->setup->will;

    if (!s->will_enabled) {
        if (s->will_topic)
            mqtt_note(m, WEIR_WARN, "mqtt.will.topic", "has no effect: mqtt.will.enabled is false");
        return;
    }
    if (!s->will_topic || !*s->will_topic) {
        mqtt_note(m, WEIR_ERROR, "mqtt.will.topic", "is needed when mqtt.will.enabled is true");
        return;
    }
    will->topic = mqtt_expand(m, s->will_topic);
    will->payload = mqtt_expand(m, s->will_payload);
    will->qos = (int)s->will_qos;
    will->retained = s->will_retained;
    will->delay_s = (uint32_t)s->will_delay_s;
    if (strpbrk(will->topic, "+#") || strlen(will->topic) > 65535 ||
        !mqtt_is_text(will->topic, strlen(will->topic)))
        mqtt_note(m, WEIR_ERROR, "mqtt.will.topic",
                  "'%s' is no topic: UTF-8 of 65535 bytes at most, without '+' and '#'",
                  will->topic);
    if (!is_printable(will->payload) || strlen(will->payload) > 65535)
        mqtt_note(m, WEIR_ERROR, "mqtt.will.payload",
                  "must be printable ASCII, 65535 bytes at most");
    if (will->delay_s && m->setup->version == MQTT_VERSION_3_1_1)
        mqtt_note(m, WEIR_WARN, "mqtt.will.delay.seconds",
                  "has no effect: MQTT 3.1.1 knows no delay of a will");
}

void mqtt_read_session(mqtt_making *m)
{
    read_version(m);
    read_limits(m);
    read_will(m);
    if (m->settings->password && !m->settings->username && m->setup->version != MQTT_VERSION_5)
        mqtt_note(m, WEIR_ERROR, "mqtt.password",
                  "MQTT 3.1.1 has no password without mqtt.username");
}
