/* filter.h - which topics a topic filter matches (MQTT 4.7).
 *
 * Filters are legal ones: mqtt_filter_check() in address.h says which are.
 */
#ifndef MQTT_FILTER_H
#define MQTT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* The filter itself, behind `$share/group/`. */
const char *mqtt_filter_plain(const char *filter);
/* Does it match this topic? `$share/group/` in front of it does not matter. A wildcard in the first
 * level matches no topic that begins with '$'. */
bool mqtt_filter_matches(const char *filter, const char *topic, size_t topic_size);

#endif
