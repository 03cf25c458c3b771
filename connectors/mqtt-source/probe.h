/* probe.h - is there a broker that would take this config? Asked on request, on the worker's thread
 * for foreign code.
 *
 * Each broker is dialled, greeted and asked for every filter, under a client id that nobody else
 * has and with a clean session: a task that runs with the same config notices nothing. A shared
 * subscription is asked for as a plain one, for a member of the group would take messages away
 * from the others. What arrives is not looked at, and not acknowledged.
 */
#ifndef MQTT_PROBE_H
#define MQTT_PROBE_H

#include "settings.h"

/* weir_plugin_desc's probe. Back within MQTT_PROBE_MS, give or take a wake-up. */
weir_status mqtt_probe(const weir_config_host *host, const void *settings);

#define MQTT_PROBE_MS 8000 /* the worker gives up after ten seconds */

#endif
