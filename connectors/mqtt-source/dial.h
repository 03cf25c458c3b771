/* dial.h - from a host name to a transport, TLS included, without ever waiting.
 *
 * Threads  The task's; the name is looked up on a thread of its own, which touches nothing of the
 *          task's and outlives an abandoned dial as long as the resolver takes.
 */
#ifndef MQTT_DIAL_H
#define MQTT_DIAL_H

#include "tls.h"
#include "transport.h"

#include <poll.h>

typedef struct mqtt_dial mqtt_dial;

/* `host` and `port` are copied. `tls` outlives the dial and what it makes; NULL: without. Its files
 * are read here and now; what is wrong with them, the first step says. */
mqtt_dial *mqtt_dial_start(const char *host, const char *port, const mqtt_tls_settings *tls);
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
