/* bytes.h - memory that is there or ends the process, and a queue of bytes.
 *
 * Threads  None of its own; whoever owns the struct.
 */
#ifndef MQTT_BYTES_H
#define MQTT_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory for `count` things; aborts when there is none. Give back with free(). */
void *mqtt_alloc(size_t count, size_t size);
void *mqtt_realloc(void *memory, size_t count, size_t size);
char *mqtt_strndup(const char *text, size_t size);

/* Bytes are added at the end and taken from the start. All zero is empty and usable. */
typedef struct mqtt_bytes {
    uint8_t *data;
    size_t start, end; /* what is inside: data[start … end - 1] */
    size_t room;       /* of data */
} mqtt_bytes;

/* At least `size` bytes of room after the end; returns where they start. */
uint8_t *mqtt_bytes_reserve(mqtt_bytes *bytes, size_t size);
void mqtt_bytes_append(mqtt_bytes *bytes, const void *data, size_t size);
void mqtt_bytes_consume(mqtt_bytes *bytes, size_t size);
void mqtt_bytes_clear(mqtt_bytes *bytes); /* empties it, keeps the memory */
void mqtt_bytes_free(mqtt_bytes *bytes);  /* empty and usable again */

static inline size_t mqtt_bytes_size(const mqtt_bytes *bytes)
{
    return bytes->end - bytes->start;
}

#endif
