/* subscription.h - what is subscribed, what has to be asked for it, and what the broker grants.
 *
 * A session at the broker outlives connections, and with them the filters in it. What was granted
 * last is kept (kept.h), so that a task with other filters asks for the difference only: SUBSCRIBE
 * for what is new or has another QoS, then, when that is granted, UNSUBSCRIBE for what is not
 * wanted any more. Nothing else is asked, so the broker replays no retained message a second time.
 *
 *     connecting() ─▶ CONNACK ─▶ connected() ─▶ step() … SUBACK, UNSUBACK … step() ─▶ done()
 *
 * Where the connector has several tasks, what is not wanted here may be another's now: it is let go
 * of when all others have said that theirs is subscribed (whereabouts.h), so that the broker always
 * has a session to queue a message in. Until then the subscription is done(), but lingers().
 *
 * In doubt everything is asked for. A CONNECT makes a new and empty session when the old one is
 * gone, and if its answer never arrives, the next one says "session present": so the filters are in
 * doubt from each connecting() on, also in what is kept, until an answer has come. Brokers that are
 * one cluster share a session, others do not: a change at one puts the filter in doubt at the rest.
 *
 * Threads  The task's.
 */
#ifndef MQTT_SUBSCRIPTION_H
#define MQTT_SUBSCRIPTION_H

#include "session.h"
#include "settings.h"

typedef struct mqtt_subscription mqtt_subscription;

/* Both arguments outlive it. Looks up what was kept. */
mqtt_subscription *mqtt_subscription_new(const weir_host *host, const mqtt_setup *setup);
void mqtt_subscription_free(mqtt_subscription *subscription);

/* A CONNECT is about to be sent to this broker of the setup. */
void mqtt_subscription_connecting(mqtt_subscription *subscription, size_t endpoint);
/* CONNACK said no: this CONNECT has changed nothing. */
void mqtt_subscription_refused(mqtt_subscription *subscription);

/* CONNACK said yes. True: it should have known a session that an earlier connection, of this
 * process or another, has made; then *ret_since_unix_ms is when that was last known to be there
 * (-1: nobody knows). */
bool mqtt_subscription_connected(mqtt_subscription *subscription, bool session_present,
                                 int64_t now_unix_ms, int64_t *ret_since_unix_ms);
/* The session was there until now: the connection is lost, or is about to be closed. `for_good`:
 * no later call will keep that. */
void mqtt_subscription_seen(mqtt_subscription *subscription, int64_t now_unix_ms, bool for_good);

/* Everything that is wanted is granted; and nothing else is subscribed, unless it lingers(). */
bool mqtt_subscription_done(const mqtt_subscription *subscription);
/* How many filters are still to be unsubscribed: step() has to be called again and again. */
size_t mqtt_subscription_lingers(const mqtt_subscription *subscription);

typedef enum mqtt_grant {
    MQTT_GRANT_GOES_ON, /* nothing to report, or not yet */
    MQTT_GRANT_BROKEN,  /* drop the connection: `why` */
    MQTT_GRANT_REFUSED, /* host->fail() has been told: the task ends */
} mqtt_grant;

/* The broker's answers: to SUBSCRIBE, one code per filter of the question; to UNSUBSCRIBE. Acted
 * upon by the next step(). */
void mqtt_subscription_on_suback(mqtt_subscription *subscription, const uint8_t *codes,
                                 size_t count);
void mqtt_subscription_on_unsuback(mqtt_subscription *subscription);
/* Goes as far as it can: asks, as soon as paho is in, and judges the answers. `broker` is its name
 * in messages. */
mqtt_grant mqtt_subscription_step(mqtt_subscription *subscription, mqtt_session *session,
                                  const char *broker, char *why, size_t room);

/* Per filter of the setup; -1: unknown. */
const int *mqtt_subscription_granted(const mqtt_subscription *subscription);
/* How many sessions this task has had at the broker at hand, in all its lives. */
int64_t mqtt_subscription_epoch(const mqtt_subscription *subscription);

#endif
