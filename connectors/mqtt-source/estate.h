/* estate.h - sessions of tasks that will not come back: emptied, then ended.
 *
 * When a connector gets fewer tasks, what the broker has queued for those that go is not lost: one
 * of the others is heir to each such session. It finds it in the offsets (whereabouts.h), so it
 * does not matter who died when. When every task of the plan has subscribed what is its own now,
 * the heir connects under the old client id, beside its own connection, and unsubscribes all that
 * is subscribed there. What was queued becomes records like any other, acknowledged when Kafka has
 * them. When nothing more comes the session is ended, and its offsets are let go.
 *
 * Killed in between, whoever has the task next begins anew with what the broker still has. Another
 * plan in between may make another task the heir, or give the session a task of its own again.
 *
 * Threads  The task's.
 */
#ifndef MQTT_ESTATE_H
#define MQTT_ESTATE_H

#include "link.h"
#include "settings.h"

typedef struct mqtt_estate mqtt_estate;

/* All arguments outlive it. Messages come to user->message, with tokens that mqtt_estate_owns(). */
mqtt_estate *mqtt_estate_new(const weir_host *host, const mqtt_setup *setup,
                             const mqtt_link_user *user);
/* Leaves as mqtt_connection_free() does. */
void mqtt_estate_free(mqtt_estate *estate);

/* Is it connected, or about to be? Then mqtt_estate_poll() is to be called again and again. */
bool mqtt_estate_busy(const mqtt_estate *estate);
/* As mqtt_connection_poll(). Returns at once where there is nothing to do. */
weir_status mqtt_estate_poll(mqtt_estate *estate, int64_t deadline_ms, bool (*enough)(void *ctx),
                             void *ctx);
bool mqtt_estate_owns(uint64_t token);
void mqtt_estate_settle(mqtt_estate *estate, const uint64_t *tokens, size_t count,
                        weir_outcome outcome);
/* Takes nothing new, and acknowledges what becomes of the rest. */
void mqtt_estate_drain(mqtt_estate *estate);

/* The client id of the session at hand; NULL: there is none. */
const char *mqtt_estate_session(const mqtt_estate *estate);

#endif
