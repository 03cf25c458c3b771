/* bytes.c - see bytes.h. */
#include "bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *mqtt_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        abort();
    return memory;
}

void *mqtt_realloc(void *memory, size_t count, size_t size)
{
    memory = reallocarray(memory, count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

char *mqtt_strndup(const char *text, size_t size)
{
    char *copy = mqtt_alloc(size + 1, 1);

    if (size)
        memcpy(copy, text, size);
    return copy;
}

uint8_t *mqtt_bytes_reserve(mqtt_bytes *bytes, size_t size)
{
    size_t used = mqtt_bytes_size(bytes);

    assert(bytes->data || !bytes->start);
    if (bytes->room - bytes->end >= size && bytes->data)
        return bytes->data + bytes->end;
    if (bytes->start) { /* move before growing: it costs what is left inside */
        memmove(bytes->data, bytes->data + bytes->start, used);
        bytes->start = 0;
        bytes->end = used;
    }
    if (bytes->room - used < size || !bytes->data) {
        size_t room = bytes->room ? bytes->room : 256;

        while (room - used < size)
            room *= 2;
        bytes->data = mqtt_realloc(bytes->data, room, 1);
        bytes->room = room;
    }
    return bytes->data + bytes->end;
}

void mqtt_bytes_append(mqtt_bytes *bytes, const void *data, size_t size)
{
    if (!size)
        return;
    memcpy(mqtt_bytes_reserve(bytes, size), data, size);
    bytes->end += size;
}

void mqtt_bytes_consume(mqtt_bytes *bytes, size_t size)
{
    assert(size <= mqtt_bytes_size(bytes));
    bytes->start += size;
    if (bytes->start == bytes->end)
        bytes->start = bytes->end = 0;
}

void mqtt_bytes_clear(mqtt_bytes *bytes)
{
    bytes->start = bytes->end = 0;
}

void mqtt_bytes_free(mqtt_bytes *bytes)
{
    free(bytes->data);
    *bytes = (mqtt_bytes){0};
}
