/* fuzz_stores.c - whatever lies in the config, status and offset topics, a worker that reads it
 * lives on, and what it then believes is whole.
 *
 * The input is a log: each line a record, "key<TAB>value" or "key" alone, a tombstone. All stores
 * read every record; the first byte of a line that is '!' is the group's metadata instead.
 */
#include "fuzz.h"

#include "base/log.h"
#include "base/mem.h"
#include "kafka/config_store.h"
#include "kafka/group.h"
#include "kafka/offset_store.h"
#include "kafka/status_store.h"

#include <fcntl.h>
#include <string.h>

FUZZ_WITHOUT_LOG

static void check_config(const weir_config_store *store)
{
    WEIR_MAP_EACH (slot, &store->connectors) {
        const weir_connector_entry *entry = slot->value;

        require(strcmp(slot->key, entry->name) == 0 && entry->name[0]);
        require(entry->task_count >= 0 && (entry->tasks != NULL) == (entry->task_count > 0));
        require(!entry->inconsistent || entry->task_count == 0);
        require(entry->exists || (entry->task_count == 0 && entry->config.count == 0));
        require(entry->exists || entry->target_known || entry->deferred.count > 0);
    }
    WEIR_MAP_EACH (slot, &store->workers) {
        const weir_presence *presence = slot->value;

        require(strcmp(slot->key, presence->worker) == 0 && json_is_object(presence->body));
    }
    require((store->leader.term >= 0) == (store->leader.worker && store->leader.instance));
    require(!store->assignment ||
            weir_json_int(store->assignment, "term", -1) < store->assignment_offset);
}

static void check_status(const weir_status_store *store)
{
    WEIR_MAP_EACH (slot, &store->items) {
        const weir_item_status *status = slot->value;
        weir_buf value = WEIR_BUF;
        json_t *json = NULL;

        require(weir_state_text(status->state) && status->worker_id);
        weir_status_value(&value, status); /* must be valid JSON again */
        require(weir_json_read(value.data, value.size, &json, NULL) == WEIR_OK);
        json_decref(json);
        weir_buf_free(&value);
    }
}

/* A key that is written again must be read again, as the same partition. */
static void check_key(void *ctx, const char *key, bool is_first)
{
    json_t *json = NULL;

    (void)ctx;
    require(is_first);
    require(weir_json_read(key, strlen(key), &json, NULL) == WEIR_OK && json_array_size(json) == 2);
    json_decref(json);
}

static void check_offsets(const weir_offset_store *store)
{
    WEIR_MAP_EACH (slot, &store->connectors) {
        json_t *list = weir_offset_store_list(store, slot->key), *one;
        size_t i;

        json_array_foreach (list, i, one) {
            char *partition = weir_json_dump(json_object_get(one, "partition"));
            char *canonical = NULL;

            require(weir_offset_canonical(partition, &canonical, NULL) == WEIR_OK);
            require(weir_offset_store_get(store, slot->key, canonical) != NULL);
            require(json_is_object(json_object_get(one, "offset")));
            free(canonical);
            free(partition);
        }
        weir_offset_store_all_keys(store, slot->key, check_key, NULL);
        json_decref(list);
    }
}

static void feed(weir_config_store *config, weir_status_store *status, weir_offset_store *offsets,
                 char *line, size_t size, int64_t offset)
{
    char *tab = memchr(line, '\t', size);
    size_t key_size = tab ? (size_t)(tab - line) : size;
    weir_log_record record = {.key = line,
                              .key_size = key_size,
                              .value = tab ? tab + 1 : NULL,
                              .value_size = tab ? size - key_size - 1 : 0,
                              .offset = offset,
                              .timestamp_ms = -1};
    weir_config_change change;

    line[key_size] = line[size] = '\0';
    change = weir_config_store_apply(config, &record);
    if (change.kind == WEIR_CONFIG_CONNECTOR || change.kind == WEIR_CONFIG_TASKS)
        require(weir_config_store_find(config, change.name) != NULL);
    if (change.kind == WEIR_CONFIG_REMOVED)
        require(weir_config_store_find(config, change.name) == NULL);
    weir_status_store_apply(status, &record);
    weir_offset_store_apply(offsets, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    weir_config_store config;
    weir_status_store status;
    weir_offset_store offsets;
    int64_t offset = 0;

    weir_config_store_init(&config);
    weir_status_store_init(&status);
    weir_offset_store_init(&offsets);
    while (size > 0) {
        const uint8_t *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        char *line = weir_memdup(bytes, length);

        if (length > 0 && line[0] == '!') {
            int32_t generation;
            const char *member;

            if (weir_group_metadata_parse(line + 1, length - 1, &generation, &member))
                require(strlen(member) < length);
        } else {
            feed(&config, &status, &offsets, line, length, offset++);
        }
        free(line);
        bytes += length + (newline ? 1 : 0);
        size -= length + (newline ? 1 : 0);
    }
    check_config(&config);
    check_status(&status);
    check_offsets(&offsets);
    weir_config_store_clear(&config);
    weir_status_store_clear(&status);
    weir_offset_store_clear(&offsets);
    return 0;
}
