/* greeting.c - what a broker says about itself when it answers CONNECT, and what follows from it;
 * what is said to it first and last. See connection_internal.h.
 */
#include "connection_internal.h"
#include "reasons.h"

#include <string.h>

#define ONLINE "online" /* the will's opposite */

bool mqtt_greeting_fall_back(mqtt_connection *c, bool said_so, const char *why)
{
    if (!mqtt_brokers_fall_back(c->brokers, c->endpoint, said_so))
        return false;
    c->host->log(c->host, WEIR_INFO, "%s: %s; trying MQTT 3.1.1",
                 c->setup->endpoints[c->endpoint].uri, why);
    mqtt_connection_hang_up(c);
    c->attempt--; /* this was none: it only found out how to ask */
    c->wait_until_ms = c->host->now_ms(c->host);
    return true;
}

weir_status mqtt_greeting_refused(mqtt_connection *c)
{
    const mqtt_link_facts *facts = mqtt_link_look(c->link);
    mqtt_remedy remedy = mqtt_reason_remedy(facts->refused);
    char why[TEXT_ROOM];

    snprintf(why, sizeof(why), "the broker refuses the connection: %s%s",
             mqtt_reason_text(facts->refused), facts->said);
    mqtt_subscription_refused(c->subscription);
    switch (remedy) {
    case MQTT_TRY_OLDER_MQTT:
        if (facts->level == MQTT_5 && mqtt_greeting_fall_back(c, true, why))
            return WEIR_DONE;
        return mqtt_connection_fail(c, why, true);
    case MQTT_GIVE_UP:
        mqtt_connection_hang_up(c);
        return c->host->fail(c->host, WEIR_FATAL, "%s: %s ('%s')",
                             c->setup->endpoints[c->endpoint].uri, why, c->setup->client_id);
    case MQTT_TRY_AGAIN:
    case MQTT_TRY_ELSEWHERE: /* as after every attempt that came to nothing */
    case MQTT_TRY_LATER:
        break;
    }
    return mqtt_connection_fail(c, why, remedy == MQTT_TRY_LATER);
}

/* The first filter that needs what this broker does not have; NULL: none. */
static const char *beyond(const mqtt_setup *setup, const mqtt_server *server, const char **ret_what)
{
    for (size_t i = 0; i < setup->filter_count; i++) {
        const char *filter = setup->filters[i];

        *ret_what = "shared subscriptions";
        if (!server->shared && strncmp(filter, "$share/", 7) == 0)
            return filter;
        *ret_what = "wildcards in subscriptions";
        if (!server->wildcards && strpbrk(filter, "+#"))
            return filter;
    }
    return NULL;
}

weir_status mqtt_greeting_accepted(mqtt_connection *c)
{
    const mqtt_server *server = &mqtt_link_look(c->link)->server;
    const mqtt_settings *s = c->setup->settings;
    const char *uri = c->setup->endpoints[c->endpoint].uri, *what, *filter;

    filter = beyond(c->setup, server, &what);
    if (filter)
        return c->host->fail(c->host, WEIR_FATAL, "%s has no %s, and a filter is '%s'", uri, what,
                             filter);
    if (server->keepalive_given && server->keepalive_s != s->keepalive_s)
        c->host->log(c->host, WEIR_INFO, "%s wants a keep-alive of %u s, which counts", uri,
                     server->keepalive_s);
    if (server->session_expiry_given && !s->clean && server->session_expiry_s < s->session_expiry_s)
        c->host->log(c->host, WEIR_WARN,
                     "%s keeps the session for %u s only after the task is gone; "
                     "mqtt.session.expiry.interval.seconds asks for %lld",
                     uri, server->session_expiry_s, (long long)s->session_expiry_s);
    return WEIR_DONE;
}

void mqtt_greeting_birth(mqtt_connection *c)
{
    const mqtt_server *server = &mqtt_link_look(c->link)->server;
    const mqtt_will *will = &c->setup->will;
    int qos = will->qos < server->maximum_qos ? will->qos : server->maximum_qos;
    int code;

    if (!will->topic || c->born || !mqtt_session_joined(c->session))
        return;
    c->born = true;
    code = mqtt_session_publish(c->session, will->topic, ONLINE, qos,
                                will->retained && server->retain);
    if (code)
        c->host->log(c->host, WEIR_WARN, "paho does not publish '%s' on '%s': code %d", ONLINE,
                     will->topic, code);
}

void mqtt_greeting_goodbye(mqtt_connection *c)
{
    const mqtt_will *will = &c->setup->will;

    if (c->born) /* else the broker would go on telling everybody that the task is there */
        mqtt_link_say(c->link, will->topic, will->payload,
                      will->retained && mqtt_link_look(c->link)->server.retain);
    mqtt_link_goodbye(c->link);
}
