/* places.c - see places.h. */
#include "history/places.h"

#include "base/mem.h"

typedef struct reading {
    weir_places *places;
    weir_places_complaint *complain;
    void *ctx;
} reading;

static void complain(const reading *r, char *text) /* takes `text` */
{
    if (r->complain)
        r->complain(r->ctx, text);
    free(text);
}

static void add(const reading *r, const char *item, weir_place place)
{
    const weir_place *there = weir_places_get(r->places, item);

    if (!there) {
        weir_map_set(&r->places->items, item, weir_memdup(&place, sizeof(place)));
        return;
    }
    if (!there->worker)
        complain(r, weir_format("%s is unassigned twice", item));
    else if (place.worker)
        complain(r, weir_format("%s is on %s and on %s", item, there->worker, place.worker));
    else
        complain(r, weir_format("%s is on %s and unassigned", item, there->worker));
}

static void read_list(const reading *r, const char *worker, const char *connector,
                      const json_t *list)
{
    const json_t *task;
    size_t i;

    if (!json_is_array(list))
        complain(r, weir_format("what %s has of %s is no list", worker, connector));
    json_array_foreach (list, i, task) {
        char *item = NULL;

        if (json_is_integer(task) && json_integer_value(task) >= 0)
            item = weir_format("%s/%lld", connector, (long long)json_integer_value(task));
        else if (weir_same(json_string_value(task), "c"))
            item = weir_format("%s/c", connector);
        if (item)
            add(r, item,
                (weir_place){.worker = worker,
                             .instance = weir_places_instance(r->places, worker),
                             .term = -1,
                             .seq = -1});
        else
            complain(r, weir_format("%s has something of %s that is no task", worker, connector));
        free(item);
    }
}

static void read_map(const reading *r)
{
    const json_t *map = json_object_get(r->places->assignment, "map"), *connectors, *list;
    const char *worker, *connector;

    json_object_foreach ((json_t *)(uintptr_t)map, worker, connectors) {
        if (!weir_places_instance(r->places, worker))
            complain(r, weir_format("%s is given work and is not among the workers", worker));
        if (!json_is_object(connectors))
            complain(r, weir_format("what %s has is no object", worker));
        json_object_foreach ((json_t *)(uintptr_t)connectors, connector, list)
            read_list(r, worker, connector, list);
    }
}

static void read_unassigned(const reading *r)
{
    const json_t *unassigned = json_object_get(r->places->assignment, "unassigned"), *entry;
    const char *item;

    json_object_foreach ((json_t *)(uintptr_t)unassigned, item, entry) {
        if (!weir_json_str(entry, "reason"))
            complain(r, weir_format("%s is unassigned and nobody says why", item));
        add(r, item,
            (weir_place){.from = weir_json_str(entry, "from"),
                         .instance = weir_json_str(entry, "instance"),
                         .term = weir_json_int(entry, "term", -1),
                         .seq = weir_json_int(entry, "seq", -1),
                         .entry = entry});
    }
}

void weir_places_read(weir_places *places, json_t *assignment, weir_places_complaint *complaint,
                      void *ctx)
{
    const reading r = {.places = places, .complain = complaint, .ctx = ctx};

    weir_places_clear(places);
    places->assignment = json_incref(assignment);
    read_map(&r);
    read_unassigned(&r);
}

void weir_places_clear(weir_places *places)
{
    weir_map_clear(&places->items);
    json_decref(places->assignment);
    places->assignment = NULL;
}

weir_place *weir_places_get(const weir_places *places, const char *item)
{
    return weir_map_get(&places->items, item);
}

const char *weir_places_instance(const weir_places *places, const char *worker)
{
    return weir_json_str(json_object_get(places->assignment, "workers"), worker);
}
