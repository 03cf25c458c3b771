/* subscription.h - what is asked of a broker by SUBSCRIBE, and what it grants.
 *
 * Lives as long as the task; a session at the broker may outlive it, or end before it.
 *
 *     connected() ─▶ ask() ─▶ … SUBACK … on_suback() ─▶ step() ─▶ done()
 *
 * Threads  The task's.
 */
#ifndef MQTT_SUBSCRIPTION_H
#define MQTT_SUBSCRIPTION_H

#include "session.h"
#include "settings.h"

typedef struct mqtt_subscription mqtt_subscription;

/* Both arguments outlive it. */
mqtt_subscription *mqtt_subscription_new(const weir_host *host, const mqtt_setup *setup);
void mqtt_subscription_free(mqtt_subscription *subscription);

/* CONNACK said yes: what has to be asked on this connection, if anything? */
void mqtt_subscription_connected(mqtt_subscription *subscription, bool session_present);
/* Everything that is wanted is granted, in the session that the broker has. */
bool mqtt_subscription_done(const mqtt_subscription *subscription);

typedef enum mqtt_grant {
    MQTT_GRANT_GOES_ON, /* nothing to report, or not yet */
    MQTT_GRANT_BROKEN,  /* drop the connection: `why` */
    MQTT_GRANT_REFUSED, /* host->fail() has been told: the task ends */
} mqtt_grant;

/* The broker's answer, one code per filter of the question; acted upon by the next step(). */
void mqtt_subscription_on_suback(mqtt_subscription *subscription, const uint8_t *codes,
                                 size_t count);
/* Goes as far as it can: asks, as soon as paho is in, and judges the answer. `broker` is its name
 * in messages. */
mqtt_grant mqtt_subscription_step(mqtt_subscription *subscription, mqtt_session *session,
                                  const char *broker, char *why, size_t room);

/* Per filter of the setup; -1: not asked in this process. */
const int *mqtt_subscription_granted(const mqtt_subscription *subscription);

#endif
