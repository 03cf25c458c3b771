/* forget.h - the end of a task's session at the broker, when its connector is deleted.
 *
 * A persistent session outlives its client, and the broker goes on queueing for it. To connect once
 * more under its id, asking for a clean session, and to leave in order ends it: MQTT has no other
 * way. Where only this task goes its session stays, for another one to empty (estate.h).
 *
 * Threads  The task's, without an instance.
 */
#ifndef MQTT_FORGET_H
#define MQTT_FORGET_H

#include "weir_plugin.h"

/* weir_source's forget(): five seconds at most. What could not be ended is named in a warning. */
void mqtt_forget(const weir_host *host, const void *settings);

#endif
