/* dial.h - from a broker's address to a transport, TLS and WebSocket included, without ever
 * waiting.
 *
 * Threads  The task's; the name is looked up on a thread of its own, which touches nothing of the
 *          task's and outlives an abandoned dial as long as the resolver takes.
 */
#ifndef MQTT_DIAL_H
#define MQTT_DIAL_H

#include "tls.h"
#include "ws.h"

#include <poll.h>

typedef struct mqtt_dial mqtt_dial;

/* All three outlive the dial, and `tls` what it makes; `broker` says which of them count. The files
 * of `tls` are read here and now; what is wrong with them, the first step says. */
mqtt_dial *mqtt_dial_start(const mqtt_endpoint *broker, const mqtt_tls_settings *tls,
                           const mqtt_ws_settings *ws);
void mqtt_dial_free(mqtt_dial *dial);

typedef enum mqtt_dial_state { MQTT_DIALLING, MQTT_DIALLED, MQTT_DIAL_FAILED } mqtt_dial_state;

/* Goes as far as it can. MQTT_DIALLED sets *ret_transport, which is the caller's now,
 * without Nagle. MQTT_DIAL_FAILED writes why, in words. Every address found is tried. */
mqtt_dial_state mqtt_dial_step(mqtt_dial *dial, mqtt_transport *ret_transport, char *why,
                               size_t room);

/* What to wait for before the next step. */
struct pollfd mqtt_dial_waits(const mqtt_dial *dial);
/* What it is doing, for "… took longer than": "looking up 'host'" */
void mqtt_dial_doing(const mqtt_dial *dial, char *text, size_t room);

#endif
