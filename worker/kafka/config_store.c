/* config_store.c - see config_store.h.
 *
 * Each kind of record is a row of a table: how its key begins, and what it does. The rules of
 * Apache's reader that look odd are the ones that keep a compacted topic readable: task configs
 * wait for their commit, a commit whose tasks are not all there marks the connector inconsistent,
 * and a commit of a connector without a config belongs to a deleted one.
 * A record that cannot be understood is logged and skipped: the next one must not suffer for it.
 */
#include "kafka/config_store.h"

#include "base/log.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WORKER_PREFIX "worker/"

static const char *const target_names[] = {"STARTED", "PAUSED", "STOPPED"};

const char *weir_target_text(weir_target target)
{
    return target_names[target];
}

/* ---- What the store holds ------------------------------------------------------------------ */

static void drop_props(void *value)
{
    weir_props_clear(value);
    free(value);
}

static void forget_tasks(weir_connector_entry *entry)
{
    for (int32_t i = 0; i < entry->task_count; i++)
        weir_props_clear(&entry->tasks[i]);
    free(entry->tasks);
    entry->tasks = NULL;
    entry->task_count = 0;
}

static void drop_entry(void *value)
{
    weir_connector_entry *entry = value;

    forget_tasks(entry);
    weir_map_clear(&entry->deferred);
    weir_props_clear(&entry->config);
    free(entry->name);
    free(entry);
}

static void drop_presence(void *value)
{
    weir_presence *presence = value;

    json_decref(presence->body);
    free(presence->worker);
    free(presence);
}

static void forget_leader(weir_leader_record *leader)
{
    free(leader->worker);
    free(leader->instance);
    free(leader->url);
    free(leader->reason);
}

void weir_config_store_init(weir_config_store *store)
{
    *store = (weir_config_store){.connectors = WEIR_MAP(drop_entry),
                                 .workers = WEIR_MAP(drop_presence),
                                 .leader = {.generation = -1, .term = -1},
                                 .assignment_offset = -1};
}

void weir_config_store_clear(weir_config_store *store)
{
    weir_map_clear(&store->connectors);
    weir_map_clear(&store->workers);
    forget_leader(&store->leader);
    json_decref(store->assignment);
    free(store->session_key);
    free(store->changed);
    weir_config_store_init(store);
}

weir_connector_entry *weir_config_store_find(const weir_config_store *store, const char *name)
{
    weir_connector_entry *entry = weir_map_get(&store->connectors, name);

    return entry && entry->exists ? entry : NULL;
}

static weir_connector_entry *need_entry(weir_config_store *store, const char *name)
{
    weir_connector_entry *entry = weir_map_get(&store->connectors, name);

    if (entry)
        return entry;
    entry = weir_new(weir_connector_entry);
    entry->name = weir_strdup(name);
    entry->tasks_offset = entry->config_offset = -1;
    entry->deferred = (weir_map)WEIR_MAP(drop_props);
    weir_map_set(&store->connectors, name, entry);
    return entry;
}

/* An entry that says nothing any more goes. */
static void tidy(weir_config_store *store, const weir_connector_entry *entry)
{
    if (!entry->exists && !entry->target_known && entry->deferred.count == 0)
        weir_map_remove(&store->connectors, entry->name);
}

/* ---- One record ---------------------------------------------------------------------------- */

typedef struct reading {
    weir_config_store *store;
    const weir_log_record *record;
    const char *name;   /* what follows the prefix of the key */
    const json_t *body; /* NULL: a tombstone */
    weir_config_change change;
} reading;

static void changed(reading *r, weir_config_kind kind, const char *name)
{
    weir_replace(&r->store->changed, name);
    r->change.kind = kind;
    r->change.name = r->store->changed;
}

static void skip(const reading *r, const char *why)
{
    weir_logf(WEIR_ERROR, "config record '%s' at offset %lld is skipped: %s", r->record->key,
              (long long)r->record->offset, why);
}

/* Old converters wrote whole numbers as floats. False: no number that fits 32 bits. */
static bool whole_number(const json_t *value, int32_t *ret_number)
{
    double real = json_number_value(value);

    if (!json_is_number(value) || real != floor(real) || real < 0 || real > INT32_MAX)
        return false;
    *ret_number = (int32_t)real;
    return true;
}

/* The "properties" of a connector or task record. */
static bool read_properties(const reading *r, weir_props *props)
{
    const json_t *properties = json_object_get(r->body, "properties");
    weir_err err;

    if (!json_is_object(properties)) {
        skip(r, "it has no properties");
        return false;
    }
    if (weir_json_to_props(properties, props, &err) != WEIR_OK) {
        skip(r, err.msg);
        weir_props_clear(props);
        return false;
    }
    return true;
}

static void connector_removed(reading *r)
{
    weir_connector_entry *entry = weir_map_get(&r->store->connectors, r->name);

    changed(r, WEIR_CONFIG_REMOVED, r->name);
    if (!entry)
        return;
    entry->exists = entry->inconsistent = false;
    entry->tasks_offset = entry->config_offset = -1;
    forget_tasks(entry);
    weir_map_clear(&entry->deferred);
    weir_props_clear(&entry->config);
    tidy(r->store, entry);
}

static void connector_record(reading *r)
{
    weir_props config = WEIR_PROPS;
    weir_connector_entry *entry;

    if (!r->body) {
        connector_removed(r);
        return;
    }
    if (!read_properties(r, &config))
        return;
    entry = need_entry(r->store, r->name);
    changed(r, WEIR_CONFIG_CONNECTOR, r->name);
    r->change.is_new = !entry->exists;
    weir_props_clear(&entry->config);
    entry->config = config;
    entry->config_offset = r->record->offset;
    entry->exists = true;
}

/* Leftovers of a deleted connector may name a state; nobody is told. */
static void target_removed(reading *r)
{
    weir_connector_entry *entry = weir_map_get(&r->store->connectors, r->name);

    r->change.kind = WEIR_CONFIG_OTHER;
    if (!entry)
        return;
    entry->target = WEIR_STARTED;
    entry->target_known = false;
    tidy(r->store, entry);
}

static bool parse_target(const json_t *body, weir_target *ret_target)
{
    const char *text = weir_json_str(body, "state.v2");

    if (!text)
        text = weir_json_str(body, "state");
    for (size_t i = 0; text && i < WEIR_COUNT(target_names); i++)
        if (strcmp(text, target_names[i]) == 0) {
            *ret_target = (weir_target)i;
            return true;
        }
    return false;
}

static void target_record(reading *r)
{
    weir_connector_entry *entry;
    weir_target target;

    if (!r->body) {
        target_removed(r);
        return;
    }
    if (!parse_target(r->body, &target)) {
        skip(r, "it names no known state");
        return;
    }
    entry = need_entry(r->store, r->name);
    if (entry->exists && entry->target != target)
        changed(r, WEIR_CONFIG_TARGET, r->name);
    else
        r->change.kind = WEIR_CONFIG_OTHER;
    entry->target = target;
    entry->target_known = true;
}

/* <conn>-<N>: the number as it is written, the name may hold dashes. NULL: neither. */
static char *split_task_key(const char *key, int32_t *ret_task)
{
    const char *dash = strrchr(key, '-'), *digits = dash ? dash + 1 : "";
    size_t length = strspn(digits, "0123456789");
    long long number;

    if (length == 0 || length > 10 || digits[length] || dash == key)
        return NULL;
    number = strtoll(digits, NULL, 10);
    if (number > INT32_MAX)
        return NULL;
    *ret_task = (int32_t)number;
    return weir_format("%.*s", (int)(dash - key), key);
}

static void task_record(reading *r)
{
    weir_props config = WEIR_PROPS, *deferred;
    char *name, task_text[12];
    int32_t task;

    if (!r->body) {
        skip(r, "task configs are never removed");
        return;
    }
    name = split_task_key(r->name, &task);
    if (!name) {
        skip(r, "its key names no task");
        return;
    }
    if (read_properties(r, &config)) {
        deferred = weir_new(weir_props);
        *deferred = config;
        snprintf(task_text, sizeof(task_text), "%d", (int)task);
        weir_map_set(&need_entry(r->store, name)->deferred, task_text, deferred);
        r->change.kind = WEIR_CONFIG_OTHER;
    }
    free(name);
}

static weir_props *deferred_task(const weir_connector_entry *entry, int32_t task)
{
    char task_text[12];

    snprintf(task_text, sizeof(task_text), "%d", (int)task);
    return weir_map_get(&entry->deferred, task_text);
}

static void commit_tasks(weir_connector_entry *entry, int32_t count)
{
    bool complete = true;

    forget_tasks(entry);
    for (int32_t i = 0; i < count && complete; i++)
        complete = deferred_task(entry, i) != NULL;
    entry->inconsistent = !complete;
    if (complete && count > 0) {
        entry->tasks = weir_new_array(weir_props, (size_t)count);
        entry->task_count = count;
        for (int32_t i = 0; i < count; i++) { /* the deferred ones stay behind, empty */
            weir_props *deferred = deferred_task(entry, i);

            entry->tasks[i] = *deferred;
            *deferred = (weir_props)WEIR_PROPS;
        }
    }
    weir_map_clear(&entry->deferred);
}

static void commit_record(reading *r)
{
    weir_connector_entry *entry = weir_map_get(&r->store->connectors, r->name);
    int32_t count;

    if (!entry || !entry->exists) { /* compaction has taken the connector's own tombstone */
        r->change.kind = WEIR_CONFIG_OTHER;
        if (entry) {
            weir_map_clear(&entry->deferred);
            tidy(r->store, entry);
        }
        return;
    }
    if (!whole_number(json_object_get(r->body, "tasks"), &count)) {
        skip(r, "it has no number of tasks");
        return;
    }
    commit_tasks(entry, count);
    entry->tasks_offset = r->record->offset;
    changed(r, WEIR_CONFIG_TASKS, r->name);
}

static void restart_record(reading *r)
{
    if (!json_is_object(r->body)) {
        skip(r, "it asks for nothing");
        return;
    }
    changed(r, WEIR_CONFIG_RESTART, r->name);
    r->change.include_tasks = json_is_true(json_object_get(r->body, "include-tasks"));
    r->change.only_failed = json_is_true(json_object_get(r->body, "only-failed"));
}

static void session_key_record(reading *r)
{
    const char *key = weir_json_str(r->body, "key");

    if (!key || !weir_json_str(r->body, "algorithm") ||
        !json_is_integer(json_object_get(r->body, "creation-timestamp"))) {
        skip(r, "it is no session key");
        return;
    }
    weir_replace(&r->store->session_key, key);
    r->change.kind = WEIR_CONFIG_OTHER;
}

static void other_record(reading *r)
{
    r->change.kind = WEIR_CONFIG_OTHER;
}

static void leader_record(reading *r)
{
    weir_leader_record *leader = &r->store->leader;

    if (!weir_json_str(r->body, "worker") || !weir_json_str(r->body, "instance")) {
        skip(r, "it names no leader");
        return;
    }
    forget_leader(leader);
    *leader = (weir_leader_record){.worker = weir_strdup(weir_json_str(r->body, "worker")),
                                   .instance = weir_strdup(weir_json_str(r->body, "instance")),
                                   .url = weir_strdup(weir_json_str(r->body, "url")),
                                   .reason = weir_strdup(weir_json_str(r->body, "reason")),
                                   .generation = weir_json_int(r->body, "generation", -1),
                                   .term = r->record->offset};
    changed(r, WEIR_CONFIG_LEADER, leader->worker);
}

static void presence_record(reading *r)
{
    weir_presence *presence;

    if (!r->body) {
        weir_map_remove(&r->store->workers, r->name);
        changed(r, WEIR_CONFIG_PRESENCE, r->name);
        return;
    }
    if (!json_is_object(r->body)) {
        skip(r, "it is no presence");
        return;
    }
    presence = weir_new(weir_presence);
    presence->worker = weir_strdup(r->name);
    presence->body = json_incref((json_t *)(uintptr_t)r->body);
    presence->offset = r->record->offset;
    presence->timestamp_ms = r->record->timestamp_ms;
    weir_map_set(&r->store->workers, r->name, presence);
    changed(r, WEIR_CONFIG_PRESENCE, r->name);
}

/* A deposed leader's assignment is none, and one out of turn is an old one. A term is the offset
 * of a record that came before. */
static void assignment_record(reading *r)
{
    weir_config_store *store = r->store;
    int64_t term = weir_json_int(r->body, "term", -1), seq = weir_json_int(r->body, "seq", -1);
    int64_t known_term = weir_json_int(store->assignment, "term", -1);

    if (term < 0 || seq < 0 || term >= r->record->offset) {
        skip(r, "it has no term and number that could be");
        return;
    }
    if (term < store->leader.term || term < known_term ||
        (term == known_term && seq <= weir_json_int(store->assignment, "seq", -1))) {
        weir_logf(WEIR_INFO, "assignment %lld.%lld at offset %lld is outdated and ignored",
                  (long long)term, (long long)seq, (long long)r->record->offset);
        return;
    }
    json_decref(store->assignment);
    store->assignment = json_incref((json_t *)(uintptr_t)r->body);
    store->assignment_offset = r->record->offset;
    changed(r, WEIR_CONFIG_ASSIGNMENT, NULL);
}

static const struct {
    const char *prefix;
    bool whole; /* the prefix is all of the key */
    void (*apply)(reading *r);
} kinds[] = {
    {"target-state-", false, target_record},
    {"connector-", false, connector_record},
    {"task-", false, task_record},
    {"commit-", false, commit_record},
    {"restart-connector-", false, restart_record},
    {"tasks-fencing-", false, other_record},
    {"session-key", true, session_key_record},
    {"logger-cluster-", false, other_record},
    {WORKER_PREFIX, false, presence_record},
    {WEIR_CONFIG_LEADER_KEY, true, leader_record},
    {WEIR_CONFIG_ASSIGNMENT_KEY, true, assignment_record},
};

static void dispatch(reading *r)
{
    const char *key = r->record->key;

    for (size_t i = 0; i < WEIR_COUNT(kinds); i++) {
        size_t length = strlen(kinds[i].prefix);

        if (strncmp(key, kinds[i].prefix, length) != 0 || (kinds[i].whole && key[length]))
            continue;
        r->name = key + length;
        if (!kinds[i].whole && !r->name[0])
            skip(r, "its key names nobody");
        else
            kinds[i].apply(r);
        return;
    }
    weir_logf(WEIR_WARN, "config record with unknown key '%s' at offset %lld is skipped", key,
              (long long)r->record->offset);
}

/* Names travel on as JSON text and as C strings. */
static bool is_plain_text(const char *text, size_t size)
{
    json_t *json = strlen(text) == size ? json_stringn(text, size) : NULL;
    bool plain = json != NULL;

    json_decref(json);
    return plain;
}

weir_config_change weir_config_store_apply(weir_config_store *store, const weir_log_record *record)
{
    reading r = {.store = store, .record = record};
    json_t *body = NULL;
    weir_err err;

    if (record->value &&
        weir_json_read(record->value, record->value_size, &body, &err) != WEIR_OK) {
        skip(&r, err.msg);
        return r.change;
    }
    store->offset = record->offset + 1;
    r.body = body;
    if (is_plain_text(record->key, record->key_size))
        dispatch(&r);
    else
        skip(&r, "its key is no text");
    json_decref(body);
    return r.change;
}

/* ---- Keys and values as Apache writes them ------------------------------------------------- */

void weir_config_connector_key(weir_buf *out, const char *connector)
{
    weir_buf_format(out, "connector-%s", connector);
}

void weir_config_task_key(weir_buf *out, const char *connector, int32_t task)
{
    weir_buf_format(out, "task-%s-%d", connector, (int)task);
}

void weir_config_commit_key(weir_buf *out, const char *connector)
{
    weir_buf_format(out, "commit-%s", connector);
}

void weir_config_target_key(weir_buf *out, const char *connector)
{
    weir_buf_format(out, "target-state-%s", connector);
}

void weir_config_restart_key(weir_buf *out, const char *connector)
{
    weir_buf_format(out, "restart-connector-%s", connector);
}

void weir_config_worker_key(weir_buf *out, const char *worker)
{
    weir_buf_format(out, WORKER_PREFIX "%s", worker);
}

void weir_config_properties_value(weir_buf *out, const weir_props *props)
{
    json_t *json = weir_json_from_props(props);

    weir_buf_text_add(out, "{\"properties\":");
    weir_json_write(out, json);
    weir_buf_char(out, '}');
    json_decref(json);
}

void weir_config_commit_value(weir_buf *out, int32_t tasks)
{
    weir_buf_format(out, "{\"tasks\":%d}", (int)tasks);
}

/* Workers before 3.5 know only the first field, and no STOPPED. */
void weir_config_target_value(weir_buf *out, weir_target target)
{
    weir_buf_format(out, "{\"state\":\"%s\",\"state.v2\":\"%s\"}",
                    weir_target_text(target == WEIR_STOPPED ? WEIR_PAUSED : target),
                    weir_target_text(target));
}

void weir_config_restart_value(weir_buf *out, bool include_tasks, bool only_failed)
{
    weir_buf_format(out, "{\"include-tasks\":%s,\"only-failed\":%s}",
                    include_tasks ? "true" : "false", only_failed ? "true" : "false");
}
