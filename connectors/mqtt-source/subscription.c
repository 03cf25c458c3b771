/* subscription.c - see subscription.h. */
#include "subscription.h"

#include "reasons.h"

#include <stdio.h>
#include <stdlib.h>

struct mqtt_subscription {
    const weir_host *host;
    const mqtt_setup *setup;
    bool done;     /* by this task, in the session that the broker has */
    bool asked;    /* SUBSCRIBE is on its way, or not needed */
    size_t grants; /* codes in a SUBACK not yet looked at */
    int *granted;  /* per filter; -1: unknown */
};

mqtt_subscription *mqtt_subscription_new(const weir_host *host, const mqtt_setup *setup)
{
    mqtt_subscription *s = mqtt_alloc(1, sizeof(*s));

    s->host = host;
    s->setup = setup;
    s->granted = mqtt_alloc(setup->filter_count, sizeof(*s->granted));
    for (size_t i = 0; i < setup->filter_count; i++)
        s->granted[i] = -1;
    return s;
}

void mqtt_subscription_free(mqtt_subscription *s)
{
    if (!s)
        return;
    free(s->granted);
    free(s);
}

void mqtt_subscription_connected(mqtt_subscription *s, bool session_present)
{
    /* A filter set that an earlier process subscribed to may be another: the first connection of
     * this task subscribes, session or not. */
    if (!session_present || s->setup->retain == MQTT_RETAIN_SEND)
        s->done = false;
    s->asked = s->done;
    s->grants = 0;
}

bool mqtt_subscription_done(const mqtt_subscription *s)
{
    return s->done;
}

void mqtt_subscription_on_suback(mqtt_subscription *s, const uint8_t *codes, size_t count)
{
    s->grants = count;
    for (size_t i = 0; i < count && i < s->setup->filter_count; i++)
        s->granted[i] = codes[i];
}

static mqtt_grant ask(mqtt_subscription *s, mqtt_session *session, char *why, size_t room)
{
    int code;

    if (s->asked || !mqtt_session_joined(session))
        return MQTT_GRANT_GOES_ON;
    code = mqtt_session_subscribe(session, s->setup->filters, s->setup->qos, s->setup->filter_count,
                                  s->setup->retain);
    s->asked = true;
    if (!code)
        return MQTT_GRANT_GOES_ON;
    snprintf(why, room, "paho does not subscribe: code %d", code);
    return MQTT_GRANT_BROKEN;
}

static mqtt_grant judge(mqtt_subscription *s, const char *broker, char *why, size_t room)
{
    const mqtt_setup *setup = s->setup;

    if (s->grants != setup->filter_count) {
        snprintf(why, room, "the broker answered for another number of filters");
        return MQTT_GRANT_BROKEN;
    }
    s->grants = 0;
    for (size_t i = 0; i < setup->filter_count; i++) {
        int granted = s->granted[i];

        if (granted > 2) {
            s->host->fail(s->host, WEIR_FATAL,
                          "%s refuses the subscription to '%s' (code 0x%02x): %s", broker,
                          setup->filters[i], (unsigned)granted, mqtt_reason_text((uint8_t)granted));
            return MQTT_GRANT_REFUSED;
        }
        if (granted < setup->qos[i])
            s->host->log(s->host, WEIR_WARN, "'%s': QoS %d granted, %d asked for%s",
                         setup->filters[i], granted, setup->qos[i],
                         granted ? "" : "; at-least-once does not hold for this filter");
    }
    s->done = true;
    return MQTT_GRANT_GOES_ON;
}

mqtt_grant mqtt_subscription_step(mqtt_subscription *s, mqtt_session *session, const char *broker,
                                  char *why, size_t room)
{
    mqtt_grant grant = ask(s, session, why, room);

    if (grant == MQTT_GRANT_GOES_ON && s->grants)
        grant = judge(s, broker, why, room);
    return grant;
}

const int *mqtt_subscription_granted(const mqtt_subscription *s)
{
    return s->granted;
}
