/* positions.c - see positions.h. */
#include "task/positions.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void make_room(weir_positions *positions, size_t count)
{
    size_t room = positions->room ? positions->room : 16;

    while (room < count)
        room *= 2;
    positions->next = weir_realloc(positions->next, room, sizeof(*positions->next));
    memset(positions->next + positions->room, 0,
           (room - positions->room) * sizeof(*positions->next));
    positions->room = room;
}

bool weir_positions_note(weir_positions *positions, int32_t partition, int64_t offset)
{
    size_t index = (size_t)partition;

    if (offset < 0 || partition < 0)
        return true;
    if (index >= positions->room)
        make_room(positions, index + 1);
    if (offset < positions->next[index])
        return false;
    positions->next[index] = offset + 1;
    return true;
}

void weir_positions_clear(weir_positions *positions)
{
    free(positions->next);
    *positions = (weir_positions){0};
}
