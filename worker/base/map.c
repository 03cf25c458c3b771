/* map.c - see map.h. */
#include "base/map.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/* The place of `key`, or where it would go. */
static size_t place(const weir_map *map, const char *key, bool *ret_found)
{
    size_t low = 0, high = map->count;

    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(map->entries[middle].key, key);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop(const weir_map *map, void *value)
{
    if (map->drop && value)
        map->drop(value);
}

void weir_map_set(weir_map *map, const char *key, void *value)
{
    bool found;
    size_t at = place(map, key, &found);

    if (found) {
        if (map->entries[at].value != value)
            drop(map, map->entries[at].value);
        map->entries[at].value = value;
        return;
    }
    if (map->count == map->room) {
        map->room = map->room ? map->room * 2 : 8;
        map->entries = weir_realloc(map->entries, map->room, sizeof(*map->entries));
    }
    memmove(map->entries + at + 1, map->entries + at, (map->count - at) * sizeof(*map->entries));
    map->entries[at] = (weir_map_entry){weir_strdup(key), value};
    map->count++;
}

void *weir_map_get(const weir_map *map, const char *key)
{
    bool found;
    size_t at = place(map, key, &found);

    return found ? map->entries[at].value : NULL;
}

void *weir_map_take(weir_map *map, const char *key)
{
    bool found;
    size_t at = place(map, key, &found);
    void *value;

    if (!found)
        return NULL;
    value = map->entries[at].value;
    free(map->entries[at].key);
    map->count--;
    memmove(map->entries + at, map->entries + at + 1, (map->count - at) * sizeof(*map->entries));
    return value;
}

void weir_map_remove(weir_map *map, const char *key)
{
    drop(map, weir_map_take(map, key));
}

void weir_map_clear(weir_map *map)
{
    WEIR_MAP_EACH (entry, map) {
        drop(map, entry->value);
        free(entry->key);
    }
    free(map->entries);
    map->entries = NULL;
    map->count = map->room = 0;
}
