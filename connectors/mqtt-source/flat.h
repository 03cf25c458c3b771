/* flat.h - JSON objects without objects in them: what the connector keeps as its offsets.
 *
 * Threads  None of its own.
 */
#ifndef MQTT_FLAT_H
#define MQTT_FLAT_H

#include "bytes.h"

#include <stdbool.h>

typedef enum mqtt_flat_kind { MQTT_FLAT_NULL, MQTT_FLAT_TEXT, MQTT_FLAT_NUMBER } mqtt_flat_kind;

typedef struct mqtt_flat_pair {
    const char *key;
    mqtt_flat_kind kind;
    const char *text; /* of MQTT_FLAT_TEXT */
    int64_t number;   /* of MQTT_FLAT_NUMBER */
} mqtt_flat_pair;

/* Calls `pair` for each pair, whose strings are valid until it returns. False: this is no flat
 * object of strings, whole numbers and nulls; some pairs may have been told by then. */
bool mqtt_flat_read(const char *json, void (*pair)(void *ctx, const mqtt_flat_pair *pair),
                    void *ctx);

/* Writing: open, any number of pairs, close; the text ends with a NUL then. `prefix` (may be empty)
 * and `key` together are the key. */
void mqtt_flat_open(mqtt_bytes *out);
void mqtt_flat_put_text(mqtt_bytes *out, const char *prefix, const char *key, const char *text);
void mqtt_flat_put_number(mqtt_bytes *out, const char *prefix, const char *key, int64_t number);
void mqtt_flat_put_null(mqtt_bytes *out, const char *prefix, const char *key);
void mqtt_flat_close(mqtt_bytes *out);

#endif
