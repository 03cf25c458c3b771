/* json_check.h - is this one JSON text (RFC 8259)? Is it UTF-8?
 *
 * Looks only; allocates nothing, whatever the input. More than MQTT_JSON_DEPTH open brackets are
 * refused, as is anything that is not UTF-8 (a byte order mark included).
 */
#ifndef MQTT_JSON_CHECK_H
#define MQTT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define MQTT_JSON_DEPTH 1024

bool mqtt_is_json(const void *text, size_t size);
bool mqtt_is_utf8(const void *text, size_t size);

#endif
