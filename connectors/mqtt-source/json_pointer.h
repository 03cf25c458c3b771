/* json_pointer.h - one value out of a JSON text, by JSON pointer (RFC 6901), without a tree.
 *
 * The text must be JSON (mqtt_is_json()): what is asked here relies on it. Nothing is allocated but
 * the compiled pointer; a value points into the text.
 *
 * As the RFC has it, a pointer through a name that its object has twice leads nowhere, and so does
 * "-", the element behind the last.
 */
#ifndef MQTT_JSON_POINTER_H
#define MQTT_JSON_POINTER_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct mqtt_pointer mqtt_pointer;

/* "" is the whole text, "/a/0" the first element of the array that the member a is; "~0" is '~',
 * "~1" is '/'. NULL: `why` says what is wrong. */
mqtt_pointer *mqtt_pointer_new(const char *text, size_t size, char *why, size_t room);
void mqtt_pointer_free(mqtt_pointer *pointer);
const char *mqtt_pointer_text(const mqtt_pointer *pointer); /* as it was written */

typedef enum mqtt_json_kind {
    MQTT_JSON_STRING,
    MQTT_JSON_NUMBER,
    MQTT_JSON_WORD, /* true, false, null */
    MQTT_JSON_OBJECT,
    MQTT_JSON_ARRAY,
} mqtt_json_kind;

typedef struct mqtt_json_value {
    mqtt_json_kind kind;
    const char *text; /* as written, quotes and brackets included; not NUL-terminated */
    size_t size;
} mqtt_json_value;

/* False: `why` says what is there instead. */
bool mqtt_pointer_find(const mqtt_pointer *pointer, const void *json, size_t size,
                       mqtt_json_value *ret_value, char *why, size_t room);
/* Appends a scalar's text: a string without quotes and escapes, in UTF-8 (half a surrogate pair
 * becomes U+FFFD), anything else as it was written. */
void mqtt_json_append(const mqtt_json_value *value, mqtt_bytes *out);

#endif
