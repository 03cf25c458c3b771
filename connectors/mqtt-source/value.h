/* value.h - mqtt.payload.format: from a payload to a record's value, and what converters make of
 * it.
 *
 *            ByteArray  String  Json, schemas off             Json, schemas on
 *   bytes    as is      as is   "base64"                      {"schema":bytes,"payload":"base64"}
 *   string   as is      as is   "text"                        {"schema":string,"payload":"text"}
 *   json     as is      as is   as is                         refused: there is no schema
 *   auto     as is      as is   JSON as is, else "text",      like bytes
 *                               else "base64"
 *   envelope {"topic":…,"qos":…,"retain":…,"ts":…,"payload":…} from every one of them
 *
 * What is no UTF-8 (string) or no JSON (json) is an error. An empty payload is empty bytes, not
 * null.
 */
#ifndef MQTT_VALUE_H
#define MQTT_VALUE_H

#include "mapping.h"

/* Points into the payload, or into *scratch. False: this payload is not of that format. */
bool mqtt_value_make(mqtt_format format, mqtt_view *view, int64_t received_ms, mqtt_bytes *scratch,
                     weir_data *ret_value, char *why, size_t room);

/* [plan] Says what the connector's value.converter does to the format; WEIR_ERROR: nothing good. */
void mqtt_check_converter(const weir_config_host *host, const char *format);

#define MQTT_CONVERTER_PAIRS 2
/* [plan] What a task's config needs for the right-hand column of the table. Returns how many. */
size_t mqtt_converter_pairs(const weir_config_host *host, const char *format,
                            weir_pair ret_pairs[MQTT_CONVERTER_PAIRS]);

#endif
