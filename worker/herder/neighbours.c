/* neighbours.c - whom a new config might get into the way of. */
#include "herder/state.h"

#include "base/mem.h"

#include <string.h>

weir_check_neighbour *weir_neighbours_of(const weir_herder *h, const char *connector,
                                         size_t *ret_count)
{
    weir_check_neighbour *list = NULL;
    size_t count = 0;

    WEIR_MAP_EACH (row, &h->config.connectors) {
        const weir_connector_entry *entry = row->value;

        if (!entry->exists || entry->task_count == 0 || strcmp(entry->name, connector) == 0)
            continue;
        list = weir_realloc(list, count + (size_t)entry->task_count, sizeof(*list));
        for (int32_t task = 0; task < entry->task_count; task++)
            list[count++] = (weir_check_neighbour){entry->name, task, &entry->tasks[task]};
    }
    *ret_count = count;
    return list;
}
