/* places.h - an assignment, item by item.
 *
 * The record lists items by worker (map) and by item (unassigned); here each item, "fleet/3" or
 * "fleet/c", has one place. Strings point into the record, which is kept for as long.
 */
#ifndef WEIR_HISTORY_PLACES_H
#define WEIR_HISTORY_PLACES_H

#include "base/json.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_place {
    const char *worker;   /* who runs it; NULL: nobody */
    const char *from;     /* unassigned: who still has to let it go; NULL: nobody */
    const char *instance; /* of `worker`, or of `from`; NULL: not said */
    int64_t term, seq;    /* unassigned: the decision that took it; -1 */
    const json_t *entry;  /* unassigned: the record's own words; NULL: placed */
    bool let_go;          /* for the checker: whoever had it has it no more */
} weir_place;

typedef struct weir_places {
    json_t *assignment; /* NULL: none read yet */
    weir_map items;     /* → weir_place*, by item */
} weir_places;

#define WEIR_PLACES                                                                                \
    {                                                                                              \
        .items = WEIR_MAP(free)                                                                    \
    }

/* Told of each thing that should not be in an assignment: "fleet/3 is on a and on b". */
typedef void weir_places_complaint(void *ctx, const char *text);

/* Reads `assignment`, which holds objects "workers", "map" and "unassigned" (record.c sees to it).
 * An item that is there twice keeps its first place. `complain` NULL: nobody wants to know. */
void weir_places_read(weir_places *places, json_t *assignment, weir_places_complaint *complain,
                      void *ctx);
void weir_places_clear(weir_places *places);
weir_place *weir_places_get(const weir_places *places, const char *item);
/* The instance under which the assignment lists a worker; NULL: it does not. */
const char *weir_places_instance(const weir_places *places, const char *worker);

#endif
