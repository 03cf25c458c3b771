/* status_store.c - see status_store.h.
 *
 * Entries are kept under the topic's own keys: one look-up serves records and questions alike.
 * Two keys never name the same item, because a task number is only taken in the form in which it
 * is written.
 */
#include "kafka/status_store.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

#define CONNECTOR_PREFIX "status-connector-"
#define TASK_PREFIX      "status-task-"
#define TOPIC_PREFIX     "status-topic-"

static const char *const state_names[] = {"UNASSIGNED", "RUNNING",    "PAUSED",
                                          "FAILED",     "RESTARTING", "STOPPED"};

const char *weir_state_text(weir_state state)
{
    return state_names[state];
}

static void drop_status(void *value)
{
    weir_item_status *status = value;

    free(status->trace);
    free(status->worker_id);
    free(status->version);
    free(status);
}

void weir_status_store_init(weir_status_store *store)
{
    store->items = (weir_map)WEIR_MAP(drop_status);
}

void weir_status_store_clear(weir_status_store *store)
{
    weir_map_clear(&store->items);
}

/* ---- Keys ---------------------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A task number as we and Java write it: digits, no leading zero, within 32 bits. */
static bool is_task_number(const char *text)
{
    size_t length = strspn(text, "0123456789");

    return length > 0 && text[length] == '\0' && (length == 1 || text[0] != '0') &&
           (length < 10 || (length == 10 && strcmp(text, "2147483647") <= 0));
}

static bool is_connector_key(const char *key)
{
    return begins_with(key, CONNECTOR_PREFIX) && key[strlen(CONNECTOR_PREFIX)];
}

/* status-task-<conn>-<N>; the name may hold dashes itself. */
static bool is_task_key(const char *key)
{
    const char *name = key + strlen(TASK_PREFIX), *dash;

    if (!begins_with(key, TASK_PREFIX))
        return false;
    dash = strrchr(name, '-');
    return dash && dash > name && is_task_number(dash + 1);
}

void weir_status_key(weir_buf *out, const char *connector, int32_t task)
{
    if (task == WEIR_CONNECTOR_ITEM)
        weir_buf_format(out, CONNECTOR_PREFIX "%s", connector);
    else
        weir_buf_format(out, TASK_PREFIX "%s-%d", connector, (int)task);
}

/* ---- Values -------------------------------------------------------------------------------- */

void weir_status_value(weir_buf *out, const weir_item_status *status)
{
    weir_buf_format(out, "{\"state\":\"%s\",\"trace\":", weir_state_text(status->state));
    if (status->trace)
        weir_json_text(out, status->trace, strlen(status->trace));
    else
        weir_buf_text_add(out, "null");
    weir_buf_text_add(out, ",\"worker_id\":");
    weir_json_text(out, status->worker_id, strlen(status->worker_id));
    weir_buf_format(out, ",\"generation\":%lld", (long long)status->generation);
    if (status->version) {
        weir_buf_text_add(out, ",\"version\":");
        weir_json_text(out, status->version, strlen(status->version));
    }
    weir_buf_char(out, '}');
}

static bool parse_state(const char *text, weir_state *ret_state)
{
    for (size_t i = 0; text && i < WEIR_COUNT(state_names); i++)
        if (strcmp(text, state_names[i]) == 0) {
            *ret_state = (weir_state)i;
            return true;
        }
    return false;
}

/* NULL: no status, and said so. */
static weir_item_status *decode(const weir_log_record *record)
{
    weir_item_status *status = NULL;
    json_t *body = NULL;
    weir_state state;
    const char *worker;
    weir_err err;

    if (weir_json_read(record->value, record->value_size, &body, &err) != WEIR_OK) {
        weir_logf(WEIR_ERROR, "status record '%s' at offset %lld is skipped: %s", record->key,
                  (long long)record->offset, err.msg);
        return NULL;
    }
    if (!parse_state(weir_json_str(body, "state"), &state) ||
        !json_is_integer(json_object_get(body, "generation"))) {
        weir_logf(WEIR_ERROR,
                  "status record '%s' at offset %lld is skipped: it has no known state or no "
                  "generation",
                  record->key, (long long)record->offset);
        goto out;
    }
    worker = weir_json_str(body, "worker_id");
    status = weir_new(weir_item_status);
    status->state = state;
    status->trace = weir_strdup(weir_json_str(body, "trace"));
    status->worker_id = weir_strdup(worker ? worker : "");
    status->version = weir_strdup(weir_json_str(body, "version"));
    status->generation = weir_json_int(body, "generation", 0);
out:
    json_decref(body);
    return status;
}

/* ---- Applying ------------------------------------------------------------------------------ */

/* A deleted connector takes the statuses of its tasks along. */
static void remove_tasks(weir_status_store *store, const char *connector)
{
    char *prefix = weir_format(TASK_PREFIX "%s-", connector);
    size_t length = strlen(prefix);

    for (size_t i = store->items.count; i > 0; i--) {
        const char *key = store->items.entries[i - 1].key;

        if (strncmp(key, prefix, length) == 0 && is_task_number(key + length))
            weir_map_remove(&store->items, key);
    }
    free(prefix);
}

static void remove_item(weir_status_store *store, const char *key)
{
    weir_map_remove(&store->items, key);
    if (is_connector_key(key))
        remove_tasks(store, key + strlen(CONNECTOR_PREFIX));
}

/* The last word of an owner that has lost the task must not hide that its successor runs it. */
static bool is_outdated(const weir_item_status *known, const weir_item_status *status)
{
    return known && known->state == WEIR_STATE_RUNNING && status->state == WEIR_STATE_UNASSIGNED &&
           known->generation >= status->generation;
}

void weir_status_store_apply(weir_status_store *store, const weir_log_record *record)
{
    weir_item_status *status, *known;

    if (strlen(record->key) != record->key_size || begins_with(record->key, TOPIC_PREFIX))
        return; /* which topics a connector uses is no state of an item */
    if (!is_connector_key(record->key) && !is_task_key(record->key)) {
        weir_logf(WEIR_DEBUG, "status record with unknown key '%s' at offset %lld is skipped",
                  record->key, (long long)record->offset);
        return;
    }
    if (!record->value) {
        remove_item(store, record->key);
        return;
    }
    status = decode(record);
    if (!status)
        return;
    known = weir_map_get(&store->items, record->key);
    if (is_task_key(record->key) && is_outdated(known, status)) {
        known->overwritten = true;
        drop_status(status);
    } else {
        weir_map_set(&store->items, record->key, status);
    }
}

const weir_item_status *weir_status_store_get(const weir_status_store *store, const char *connector,
                                              int32_t task)
{
    weir_buf key = WEIR_BUF;
    const weir_item_status *status;

    weir_status_key(&key, connector, task);
    status = weir_map_get(&store->items, weir_buf_text(&key));
    weir_buf_free(&key);
    return status;
}

bool weir_status_safe(const weir_item_status *known, const char *worker_id, int64_t generation)
{
    return !known || weir_same(known->worker_id, worker_id) || known->generation <= generation;
}
