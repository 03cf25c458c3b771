/* topic_names.c - see topic_names.h. The set is a table with open addressing, at most half full. */
#include "topic_names.h"

#include "slots.h" /* mqtt_hash() */

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64 /* a power of two, as every room is */

struct mqtt_name_set {
    char **names;
    size_t room, count, limit;
};

bool mqtt_is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool mqtt_is_topic_name(const char *name, size_t size)
{
    if (!size || size > MQTT_KAFKA_NAME_MAX || (size <= 2 && memcmp(name, "..", size) == 0))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!mqtt_is_name_char(name[i]))
            return false;
    return true;
}

void mqtt_put_topic_name(mqtt_bytes *out, const uint8_t *text, size_t size, const char *replacement)
{
    for (size_t i = 0; i < size; i++) {
        if (mqtt_is_name_char((char)text[i]))
            mqtt_bytes_append(out, &text[i], 1);
        else if ((text[i] & 0xc0) != 0x80) /* once for each character, not for each byte */
            mqtt_bytes_append(out, replacement, strlen(replacement));
    }
}

mqtt_name_set *mqtt_name_set_new(size_t limit)
{
    mqtt_name_set *set = mqtt_alloc(1, sizeof(*set));

    set->limit = limit;
    set->room = FIRST_ROOM;
    set->names = mqtt_alloc(set->room, sizeof(*set->names));
    return set;
}

void mqtt_name_set_free(mqtt_name_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->room; i++)
        free(set->names[i]);
    free(set->names);
    free(set);
}

/* Where the name is, or would be. */
static char **place_of(const mqtt_name_set *set, const char *name, size_t size)
{
    size_t at = (size_t)mqtt_hash(name, size, "", 0) & (set->room - 1);

    while (set->names[at] &&
           (strncmp(set->names[at], name, size) != 0 || set->names[at][size] != '\0'))
        at = (at + 1) & (set->room - 1);
    return &set->names[at];
}

static void grow(mqtt_name_set *set)
{
    mqtt_name_set larger = {.room = set->room * 2};

    larger.names = mqtt_alloc(larger.room, sizeof(*larger.names));
    for (size_t i = 0; i < set->room; i++)
        if (set->names[i])
            *place_of(&larger, set->names[i], strlen(set->names[i])) = set->names[i];
    free(set->names);
    set->names = larger.names;
    set->room = larger.room;
}

bool mqtt_name_set_admit(mqtt_name_set *set, const char *name, size_t size)
{
    char **place = place_of(set, name, size);

    if (*place)
        return true;
    if (set->count >= set->limit)
        return false;
    *place = mqtt_strndup(name, size);
    if (++set->count * 2 > set->room)
        grow(set);
    return true;
}

size_t mqtt_name_set_count(const mqtt_name_set *set)
{
    return set->count;
}
