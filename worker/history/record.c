/* record.c - see record.h. Each kind is a row of a table: how its key begins, what its value must
 * have. */
#include "history/record.h"

#include "base/mem.h"
#include "kafka/config_store.h"

#include <string.h>

static const char *const kind_names[] = {"leader", "assignment", "presence", "connector", "tasks",
                                         "commit", "target",     "restart",  "other"};

const char *weir_history_kind_text(weir_history_kind kind)
{
    return kind_names[kind];
}

bool weir_history_is_private(weir_history_kind kind)
{
    return kind == WEIR_HISTORY_CONNECTOR || kind == WEIR_HISTORY_TASKS ||
           kind == WEIR_HISTORY_OTHER;
}

/* ---- What a value must have: NULL, or what is wrong with it ------------------------------------
 */

static const char *judge_leader(const json_t *value)
{
    if (!weir_json_str(value, "worker") || !weir_json_str(value, "instance"))
        return "it names no leader";
    return NULL;
}

static const char *judge_assignment(const json_t *value)
{
    if (weir_json_int(value, "term", -1) < 0 || weir_json_int(value, "seq", -1) < 0)
        return "it has no term and number";
    if (!json_is_object(json_object_get(value, "workers")) ||
        !json_is_object(json_object_get(value, "map")) ||
        !json_is_object(json_object_get(value, "unassigned")))
        return "it has no workers, map and unassigned";
    return NULL;
}

static const char *judge_presence(const json_t *value)
{
    return weir_json_str(value, "instance") ? NULL : "it names no instance";
}

static const char *judge_config(const json_t *value)
{
    return json_is_object(json_object_get(value, "properties")) ? NULL : "it has no properties";
}

static const char *judge_commit(const json_t *value)
{
    return json_is_number(json_object_get(value, "tasks")) ? NULL : "it has no number of tasks";
}

static const char *judge_target(const json_t *value)
{
    if (!weir_json_str(value, "state") && !weir_json_str(value, "state.v2"))
        return "it names no state";
    return NULL;
}

static const char *judge_restart(const json_t *value)
{
    return json_is_object(value) ? NULL : "it asks for nothing";
}

static const struct {
    const char *prefix;
    weir_history_kind kind;
    const char *(*judge)(const json_t *value);
    bool whole;     /* the prefix is all of the key */
    bool removable; /* a tombstone has a meaning */
} kinds[] = {
    {"target-state-", WEIR_HISTORY_TARGET, judge_target, false, true},
    {"connector-", WEIR_HISTORY_CONNECTOR, judge_config, false, true},
    {"task-", WEIR_HISTORY_TASKS, judge_config, false, false},
    {"commit-", WEIR_HISTORY_COMMIT, judge_commit, false, false},
    {"restart-connector-", WEIR_HISTORY_RESTART, judge_restart, false, false},
    {"worker/", WEIR_HISTORY_PRESENCE, judge_presence, false, true},
    {WEIR_CONFIG_LEADER_KEY, WEIR_HISTORY_LEADER, judge_leader, true, false},
    {WEIR_CONFIG_ASSIGNMENT_KEY, WEIR_HISTORY_ASSIGNMENT, judge_assignment, true, false},
};

/* ---- Decoding ----------------------------------------------------------------------------------
 */

static bool is_plain_text(const char *text, size_t size)
{
    json_t *json = strlen(text) == size ? json_stringn(text, size) : NULL;
    bool plain = json != NULL;

    json_decref(json);
    return plain;
}

static char *escaped(const char *bytes, size_t size)
{
    weir_buf out = WEIR_BUF;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c >= 0x20 && c < 0x7F)
            weir_buf_char(&out, bytes[i]);
        else
            weir_buf_format(&out, "\\x%02X", (unsigned)c);
    }
    return weir_buf_take(&out);
}

/* "fleet-3" of a key → "fleet/3", as assignments name it. NULL: it names no task. */
static char *task_name(const char *text)
{
    const char *dash = strrchr(text, '-');

    if (!dash || dash == text || !dash[1] || dash[1 + strspn(dash + 1, "0123456789")])
        return NULL;
    return weir_format("%.*s/%s", (int)(dash - text), text, dash + 1);
}

static void fail(weir_history_record *record, const char *why)
{
    record->kind = WEIR_HISTORY_OTHER;
    weir_replace(&record->problem, why);
}

static void understand(weir_history_record *record, size_t row, bool tombstone)
{
    const char *rest = record->key + strlen(kinds[row].prefix);
    const char *problem = NULL;

    record->kind = kinds[row].kind;
    if (record->kind == WEIR_HISTORY_TASKS)
        record->name = task_name(rest);
    else if (!kinds[row].whole)
        record->name = weir_strdup(rest);
    if (!kinds[row].whole && (!record->name || !record->name[0]))
        problem = "its key names nobody";
    else if (!tombstone)
        problem = kinds[row].judge(record->value);
    else if (!kinds[row].removable)
        problem = "such a record is never removed";
    if (problem)
        fail(record, problem);
}

void weir_history_decode(const weir_log_record *from, weir_history_record *ret_record)
{
    bool plain = is_plain_text(from->key, from->key_size);

    *ret_record = (weir_history_record){.kind = WEIR_HISTORY_OTHER,
                                        .offset = from->offset,
                                        .time_ms = from->timestamp_ms,
                                        .key = plain ? weir_strdup(from->key)
                                                     : escaped(from->key, from->key_size)};
    /* What the parser says may quote the text, and the text may be a secret. */
    if (from->value &&
        weir_json_read(from->value, from->value_size, &ret_record->value, NULL) != WEIR_OK) {
        fail(ret_record, "its value is no JSON");
        return;
    }
    if (!plain) {
        fail(ret_record, "its key is no text");
        return;
    }
    for (size_t i = 0; i < WEIR_COUNT(kinds); i++) {
        size_t length = strlen(kinds[i].prefix);

        if (strncmp(from->key, kinds[i].prefix, length) != 0 ||
            (kinds[i].whole && from->key[length]))
            continue;
        understand(ret_record, i, !from->value);
        return;
    }
}

void weir_history_record_clear(weir_history_record *record)
{
    free(record->key);
    free(record->name);
    free(record->problem);
    json_decref(record->value);
    *record = (weir_history_record){.kind = WEIR_HISTORY_OTHER};
}

const json_t *weir_history_members(const weir_history_record *record)
{
    const json_t *properties = json_object_get(record->value, "properties");

    if (json_is_object(properties))
        return properties;
    return json_is_object(record->value) ? record->value : NULL;
}

/* ---- As JSON -----------------------------------------------------------------------------------
 */

static json_t *member_names(const weir_history_record *record)
{
    json_t *names = json_array(), *member;
    const char *name;

    json_object_foreach ((json_t *)(uintptr_t)weir_history_members(record), name, member)
        json_array_append_new(names, json_string_nocheck(name));
    return json_pack("{s:o}", "keys", names);
}

void weir_history_json(const weir_history_record *record, weir_buf *out)
{
    json_t *line =
        json_pack("{s:I, s:I, s:s}", "offset", (json_int_t)record->offset, "time",
                  (json_int_t)record->time_ms, "kind", weir_history_kind_text(record->kind));
    json_t *value = json_null();

    if (record->value)
        value = weir_history_is_private(record->kind) ? member_names(record)
                                                      : json_incref(record->value);
    weir_json_set_str(line, "key", record->key);
    if (record->name)
        weir_json_set_str(line, "name", record->name);
    json_object_set_new_nocheck(line, "value", value);
    if (record->problem)
        weir_json_set_str(line, "problem", record->problem);
    weir_json_write(out, line);
    json_decref(line);
}
