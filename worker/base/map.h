/* map.h - things found by name, walked in the order of their names.
 *
 * A sorted array: look-ups by binary search, inserts move what is behind. Right for the thousands
 * of connectors and tasks of a cluster, and everything that walks it is deterministic.
 */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <stddef.h>

typedef struct weir_map_entry {
    char *key;
    void *value;
} weir_map_entry;

typedef struct weir_map {
    weir_map_entry *entries;
    size_t count;
    size_t room;
    void (*drop)(void *value); /* frees a value that is replaced or removed; NULL: nobody does */
} weir_map;

#define WEIR_MAP(drop_value)                                                                       \
    {                                                                                              \
        .drop = (drop_value)                                                                       \
    }

/* for (const weir_map_entry *entry …) in the order of the keys; do not change the map inside. */
#define WEIR_MAP_EACH(entry, map)                                                                  \
    for (const weir_map_entry *entry = (map)->entries;                                             \
         entry && entry < (map)->entries + (map)->count; entry++)

void weir_map_set(weir_map *map, const char *key, void *value); /* takes `value`, copies `key` */
void *weir_map_get(const weir_map *map, const char *key);       /* NULL: not there */
void *weir_map_take(weir_map *map, const char *key);            /* out of the map, the caller's */
void weir_map_remove(weir_map *map, const char *key);
void weir_map_clear(weir_map *map); /* frees everything; empty and valid afterwards */

#endif
