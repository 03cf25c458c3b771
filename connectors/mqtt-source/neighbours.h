/* neighbours.h - two tasks with one client id at one broker throw each other out, for ever. */
#ifndef MQTT_NEIGHBOURS_H
#define MQTT_NEIGHBOURS_H

#include "settings.h"

/* weir_plugin_desc's neighbour_keys: what tells whether tasks of two connectors meet. */
extern const char *const mqtt_neighbour_keys[];

/* Notes an error for the first task of another connector that has the client id of one of ours at
 * one of our brokers. `client_id` is as our tasks get it, ${connector} and ${task} included. */
void mqtt_check_neighbours(const weir_config_host *host, const mqtt_setup *setup,
                           const char *client_id, size_t tasks);

#endif
