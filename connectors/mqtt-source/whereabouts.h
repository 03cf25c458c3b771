/* whereabouts.h - under which id, and at which brokers, a task's session is.
 *
 * Kept as a source offset, so that a task whose client id or brokers were changed can say what it
 * left behind:
 *
 *     {"task": 0}  →  {"version": 1, "client.id": "orders-0", "brokers": "host:1883,other:1883"}
 *
 * What was left is named, not ended: nobody knows whose id that is by now. Another connector may
 * have it, and to connect under it would throw that one out and wipe its queue.
 *
 * Threads  The task's.
 */
#ifndef MQTT_WHEREABOUTS_H
#define MQTT_WHEREABOUTS_H

#include "settings.h"

/* A session was begun or resumed: keeps where, and warns of one that was left elsewhere. */
void mqtt_whereabouts_note(const weir_host *host, const mqtt_setup *setup);
/* There is none any more. */
void mqtt_whereabouts_forget(const weir_host *host);

#endif
