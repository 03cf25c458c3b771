/* reasons.c - see reasons.h. */
#include "reasons.h"

#include <stddef.h>

static const struct {
    uint8_t code;
    mqtt_remedy remedy;
    const char *text;
} reasons[] = {
    {0, MQTT_TRY_AGAIN, "without a reason"},
    {1, MQTT_TRY_OLDER_MQTT, "it does not speak MQTT 3.1.1"},
    {2, MQTT_GIVE_UP, "it rejects the client id"},
    {3, MQTT_TRY_AGAIN, "it is not available"},
    {4, MQTT_TRY_LATER, "user name or password are wrong"},
    {5, MQTT_TRY_LATER, "not authorised"},
    {0x80, MQTT_TRY_LATER, "an error that it does not describe"},
    {0x81, MQTT_TRY_LATER, "it calls a packet of ours malformed"},
    {0x82, MQTT_TRY_LATER, "it calls something we sent a protocol error"},
    {0x83, MQTT_TRY_LATER, "an error of its implementation"},
    {0x84, MQTT_TRY_OLDER_MQTT, "it does not speak MQTT 5"},
    {0x85, MQTT_GIVE_UP, "it rejects the client id"},
    {0x86, MQTT_TRY_LATER, "user name or password are wrong"},
    {0x87, MQTT_TRY_LATER, "not authorised"},
    {0x88, MQTT_TRY_AGAIN, "it is not available"},
    {0x89, MQTT_TRY_AGAIN, "it is busy"},
    {0x8A, MQTT_TRY_LATER, "this client is banned"},
    {0x8B, MQTT_TRY_AGAIN, "it is shutting down"},
    {0x8C, MQTT_TRY_LATER, "it wants another method of authentication"},
    {0x8D, MQTT_TRY_AGAIN, "it has heard nothing for longer than the keep-alive allows"},
    {0x8E, MQTT_TRY_AGAIN, "another client has taken over this client id"},
    {0x8F, MQTT_TRY_LATER, "a topic filter that it does not take"},
    {0x90, MQTT_TRY_LATER, "a topic that it does not take"},
    {0x91, MQTT_TRY_AGAIN, "a packet id that is in use"},
    {0x92, MQTT_TRY_AGAIN, "a packet id that it does not know"},
    {0x93, MQTT_TRY_AGAIN, "more messages at once than its receive maximum allows"},
    {0x94, MQTT_TRY_AGAIN, "a topic alias that it does not take"},
    {0x95, MQTT_TRY_LATER, "a packet that is too large for it"},
    {0x96, MQTT_TRY_AGAIN, "messages come too fast"},
    {0x97, MQTT_TRY_AGAIN, "a quota is used up"},
    {0x98, MQTT_TRY_AGAIN, "its administrator wants it"},
    {0x99, MQTT_TRY_LATER, "a payload that is not what its format says"},
    {0x9A, MQTT_TRY_LATER, "it keeps no retained messages (mqtt.will.retained)"},
    {0x9B, MQTT_TRY_LATER, "it does not have that QoS (mqtt.will.qos)"},
    {0x9C, MQTT_TRY_ELSEWHERE, "another server is to be used for now"},
    {0x9D, MQTT_TRY_ELSEWHERE, "it has moved"},
    {0x9E, MQTT_TRY_LATER, "it has no shared subscriptions"},
    {0x9F, MQTT_TRY_AGAIN, "connections come too fast"},
    {0xA0, MQTT_TRY_AGAIN, "the longest time for a connection is over"},
    {0xA1, MQTT_TRY_LATER, "it has no subscription identifiers"},
    {0xA2, MQTT_TRY_LATER, "it has no wildcards in subscriptions"},
};

static size_t find(uint8_t code)
{
    size_t i = 0;

    while (i < sizeof(reasons) / sizeof(reasons[0]) && reasons[i].code != code)
        i++;
    return i;
}

const char *mqtt_reason_text(uint8_t code)
{
    size_t i = find(code);

    return i < sizeof(reasons) / sizeof(reasons[0]) ? reasons[i].text
                                                    : "for a reason MQTT does not name";
}

mqtt_remedy mqtt_reason_remedy(uint8_t code)
{
    size_t i = find(code);

    return i < sizeof(reasons) / sizeof(reasons[0]) ? reasons[i].remedy : MQTT_TRY_LATER;
}

uint8_t mqtt_reason_of_old(uint8_t code)
{
    static const uint8_t meant[] = {
        [1] = MQTT_VERSION_REFUSED, [2] = MQTT_CLIENT_ID_REFUSED, [3] = MQTT_UNAVAILABLE,
        [4] = MQTT_BAD_PASSWORD,    [5] = MQTT_NOT_AUTHORISED,
    };

    if (code >= 0x80) /* the new words in the old form */
        return code;
    return code && code < sizeof(meant) ? meant[code] : 0x80;
}
