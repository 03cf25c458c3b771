/* deal.h - which task reads which topic filter, when they are shared out.
 *
 * A filter's task is where its session is, with what the broker has queued for it. So the same
 * filters and number of tasks always make the same deal, whatever the order they are written in,
 * and a small change of either moves few filters. Filters that one topic can match stay together:
 * in two sessions each would get that message, and its device would lose its order. Otherwise the
 * tasks have equally many, give or take one.
 *
 * Threads  None of its own.
 */
#ifndef MQTT_DEAL_H
#define MQTT_DEAL_H

#include <stddef.h>

/* Sets ret_task[i] to the task of filters[i], from 0. Returns how many tasks there are, each with
 * something to do: `max_tasks`, or as many as there are filters that can be told apart. `count` and
 * `max_tasks` are 1 at least. */
size_t mqtt_deal(char *const *filters, size_t count, size_t max_tasks, size_t *ret_task);

#endif
