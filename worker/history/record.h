/* record.h - one record of the config topic, understood far enough to be told.
 *
 * The formats are those of kafka/config_store.h. What is not understood is a record too: it is of
 * kind OTHER and says what is wrong with it. Configs of connectors and tasks, and whatever is
 * OTHER, may hold secrets: only the names of their members are ever shown.
 *
 * Ownership: a decoded record owns its members; weir_history_record_clear() frees them.
 */
#ifndef WEIR_HISTORY_RECORD_H
#define WEIR_HISTORY_RECORD_H

#include "base/json.h"
#include "kafka/compacted_log.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_history_kind {
    WEIR_HISTORY_LEADER,
    WEIR_HISTORY_ASSIGNMENT,
    WEIR_HISTORY_PRESENCE,
    WEIR_HISTORY_CONNECTOR,
    WEIR_HISTORY_TASKS, /* the config of one task */
    WEIR_HISTORY_COMMIT,
    WEIR_HISTORY_TARGET,
    WEIR_HISTORY_RESTART,
    WEIR_HISTORY_OTHER,
} weir_history_kind;

typedef struct weir_history_record {
    weir_history_kind kind;
    int64_t offset;
    int64_t time_ms; /* since 1970 UTC; -1: unknown */
    char *key;       /* UTF-8 in any case: bytes that are none stand there as \xNN */
    char *name;      /* the connector or worker, "fleet/3" of a task; NULL: it is about nobody */
    json_t *value;   /* NULL: a tombstone, or nothing that could be read */
    char *problem;   /* NULL: none. Never quotes the value */
} weir_history_record;

void weir_history_decode(const weir_log_record *from, weir_history_record *ret_record);
void weir_history_record_clear(weir_history_record *record);

const char *weir_history_kind_text(weir_history_kind kind); /* "leader" */
/* May the value be shown only as the names of its members? */
bool weir_history_is_private(weir_history_kind kind);
/* What a config holds: its "properties", or the value itself where it has none; NULL: nothing with
 * members. Borrowed. */
const json_t *weir_history_members(const weir_history_record *record);

/* Appends {"offset":…,"time":…,"kind":…,"key":…,"name":…,"value":…}, without a line end. `value` is
 * {"keys":[…]} for what is private; `name` and `problem` are there when the record has them. */
void weir_history_json(const weir_history_record *record, weir_buf *out);

#endif
