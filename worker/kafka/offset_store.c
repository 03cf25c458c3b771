/* offset_store.c - see offset_store.h.
 *
 * The same partition may lie in the topic under several keys, its members in different orders: a
 * JVM connector's map had another order in another release, say. Each key is a *spelling*, kept
 * with its own offset, and the youngest counts: their records may be in different partitions of
 * the topic, so the order in which they are read says nothing.
 */
#include "kafka/offset_store.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

typedef struct spelling {
    struct spelling *next;
    char *key, *offset; /* as they lie in the topic */
    int64_t timestamp_ms;
} spelling;

typedef struct known {
    spelling *first; /* the one that counts; never NULL between two records */
} known;

/* ---- Memory -------------------------------------------------------------------------------- */

static void free_spelling(spelling *s)
{
    free(s->key);
    free(s->offset);
    free(s);
}

static void drop_known(void *value)
{
    known *k = value;

    for (spelling *s = k->first, *next; s; s = next) {
        next = s->next;
        free_spelling(s);
    }
    free(k);
}

static void drop_partitions(void *value)
{
    weir_map_clear(value);
    free(value);
}

void weir_offset_store_init(weir_offset_store *store)
{
    store->connectors = (weir_map)WEIR_MAP(drop_partitions);
}

void weir_offset_store_clear(weir_offset_store *store)
{
    weir_map_clear(&store->connectors);
}

/* ---- Keys ---------------------------------------------------------------------------------- */

/* Members sorted, numbers in one form. 1 and 1.0 are two things, as they are in Java. */
static char *canonical_text(const json_t *partition)
{
    char *text = json_dumps(partition, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY |
                                           JSON_REAL_PRECISION(17));
    char *copy = weir_strdup(text ? text : "");

    free(text);
    return copy;
}

weir_code weir_offset_canonical(const char *partition_json, char **ret_canonical, weir_err *err)
{
    json_t *partition = NULL;
    weir_code rc = weir_json_read(partition_json, strlen(partition_json), &partition, err);

    if (rc == WEIR_OK && !json_is_object(partition))
        rc = weir_fail(err, WEIR_INVALID, "not a JSON object");
    if (rc == WEIR_OK)
        *ret_canonical = canonical_text(partition);
    json_decref(partition);
    return rc;
}

static char *new_key(const char *connector, const char *partition_json)
{
    weir_buf key = WEIR_BUF;
    json_t *partition = NULL;

    weir_buf_char(&key, '[');
    weir_json_text(&key, connector, strlen(connector));
    weir_buf_char(&key, ',');
    if (weir_json_read(partition_json, strlen(partition_json), &partition, NULL) == WEIR_OK)
        weir_json_write(&key, partition);
    weir_buf_char(&key, ']');
    json_decref(partition);
    return weir_buf_take(&key);
}

static void skip(const weir_log_record *record, const char *what, const char *why)
{
    weir_logf(WEIR_WARN,
              "offset record '%.200s' (partition %d, offset %lld) is skipped: its %s is %s",
              record->key, (int)record->partition, (long long)record->offset, what, why);
}

/* Sets *ret_connector and *ret_canonical, both the caller's. A partition may be null: it is never
 * shown, but it can be looked up. */
static bool read_key(const weir_log_record *record, char **ret_connector, char **ret_canonical)
{
    json_t *key = NULL, *name, *partition;
    weir_err err;
    bool good = false;

    if (weir_json_read(record->key, record->key_size, &key, &err) != WEIR_OK) {
        skip(record, "key", err.msg);
        return false;
    }
    name = json_array_get(key, 0);
    partition = json_array_get(key, 1);
    if (json_array_size(key) != 2 || !json_is_string(name) ||
        strlen(json_string_value(name)) != json_string_length(name) ||
        (!json_is_object(partition) && !json_is_null(partition))) {
        skip(record, "key", "not an array of a connector's name and a partition");
    } else {
        *ret_connector = weir_strdup(json_string_value(name));
        *ret_canonical = canonical_text(partition);
        good = true;
    }
    json_decref(key);
    return good;
}

/* ---- Applying ------------------------------------------------------------------------------ */

/* False: not to be applied. *ret_offset is NULL when the record forgets. */
static bool read_offset(const weir_log_record *record, char **ret_offset)
{
    json_t *value = NULL;
    weir_err err;
    bool good = true;

    *ret_offset = NULL;
    if (!record->value)
        return true;
    if (weir_json_read(record->value, record->value_size, &value, &err) != WEIR_OK) {
        skip(record, "value", err.msg);
        good = false;
    } else if (json_is_object(value)) {
        *ret_offset = weir_memdup(record->value, record->value_size);
    } else if (!json_is_null(value)) {
        skip(record, "value", "not an object");
        good = false;
    }
    json_decref(value);
    return good;
}

static void take_out(known *k, const char *key)
{
    for (spelling **at = &k->first; *at; at = &(*at)->next)
        if (strcmp((*at)->key, key) == 0) {
            spelling *found = *at;

            *at = found->next;
            free_spelling(found);
            return;
        }
}

/* Before the first one that is older; of two of the same time the one read last counts. */
static void put_in(known *k, spelling *one)
{
    spelling **at = &k->first;

    while (*at && (*at)->timestamp_ms > one->timestamp_ms)
        at = &(*at)->next;
    one->next = *at;
    *at = one;
}

/* Takes `one`; NULL: the offset under this key is forgotten. */
static void change(weir_offset_store *store, const char *connector, const char *canonical,
                   const char *key, spelling *one)
{
    weir_map *partitions = weir_map_get(&store->connectors, connector);
    known *k = partitions ? weir_map_get(partitions, canonical) : NULL;

    if (k)
        take_out(k, key);
    if (one) {
        if (!partitions) {
            partitions = weir_new(weir_map);
            partitions->drop = drop_known;
            weir_map_set(&store->connectors, connector, partitions);
        }
        if (!k) {
            k = weir_new(known);
            weir_map_set(partitions, canonical, k);
        }
        put_in(k, one);
    }
    if (k && !k->first)
        weir_map_remove(partitions, canonical);
    if (partitions && partitions->count == 0)
        weir_map_remove(&store->connectors, connector);
}

void weir_offset_store_apply(weir_offset_store *store, const weir_log_record *record)
{
    char *connector = NULL, *canonical = NULL, *offset = NULL;
    spelling *one = NULL;

    if (!read_key(record, &connector, &canonical))
        return;
    if (read_offset(record, &offset)) {
        if (offset) {
            one = weir_new(spelling);
            one->key = weir_strdup(record->key);
            one->offset = offset;
            one->timestamp_ms = record->timestamp_ms;
        }
        change(store, connector, canonical, record->key, one);
    }
    free(connector);
    free(canonical);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

static const spelling *find(const weir_offset_store *store, const char *connector,
                            const char *canonical)
{
    const weir_map *partitions = weir_map_get(&store->connectors, connector);
    const known *k = partitions ? weir_map_get(partitions, canonical) : NULL;

    return k ? k->first : NULL;
}

const char *weir_offset_store_get(const weir_offset_store *store, const char *connector,
                                  const char *canonical)
{
    const spelling *found = find(store, connector, canonical);

    return found ? found->offset : NULL;
}

json_t *weir_offset_store_list(const weir_offset_store *store, const char *connector)
{
    const weir_map *partitions = weir_map_get(&store->connectors, connector);
    json_t *list = json_array();

    if (!partitions)
        return list;
    WEIR_MAP_EACH (entry, partitions) {
        const spelling *s = ((const known *)entry->value)->first;
        json_t *key = NULL, *offset = NULL, *partition;

        if (weir_json_read(s->key, strlen(s->key), &key, NULL) != WEIR_OK)
            continue;
        partition = json_array_get(key, 1);
        if (json_is_object(partition) &&
            weir_json_read(s->offset, strlen(s->offset), &offset, NULL) == WEIR_OK)
            json_array_append_new(
                list, json_pack("{s:O, s:o}", "partition", partition, "offset", offset));
        json_decref(key);
    }
    return list;
}

void weir_offset_store_keys(const weir_offset_store *store, const char *connector,
                            const char *canonical, const char *partition_json,
                            weir_offset_key_use *each, void *ctx)
{
    const spelling *found = find(store, connector, canonical);

    if (!found) {
        char *key = new_key(connector, partition_json);

        each(ctx, key, true);
        free(key);
        return;
    }
    for (const spelling *s = found; s; s = s->next)
        each(ctx, s->key, s == found);
}

void weir_offset_store_all_keys(const weir_offset_store *store, const char *connector,
                                weir_offset_key_use *each, void *ctx)
{
    const weir_map *partitions = weir_map_get(&store->connectors, connector);

    if (!partitions)
        return;
    WEIR_MAP_EACH (entry, partitions)
        for (const spelling *s = ((const known *)entry->value)->first; s; s = s->next)
            each(ctx, s->key, true);
}
