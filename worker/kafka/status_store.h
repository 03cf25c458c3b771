/* status_store.h - the status topic as a state (connect-internals.md 1.5).
 *
 * Like config_store.h: a state machine without threads, owned and fed by the herder. The record's
 * `generation` is our leader's term (cluster.md 3).
 */
#ifndef WEIR_KAFKA_STATUS_STORE_H
#define WEIR_KAFKA_STATUS_STORE_H

#include "base/buf.h"
#include "base/map.h"
#include "kafka/compacted_log.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_state {
    WEIR_STATE_UNASSIGNED,
    WEIR_STATE_RUNNING,
    WEIR_STATE_PAUSED,
    WEIR_STATE_FAILED,
    WEIR_STATE_RESTARTING,
    WEIR_STATE_STOPPED,
} weir_state;

typedef struct weir_item_status {
    weir_state state;
    char *trace; /* NULL unless FAILED */
    char *worker_id;
    char *version; /* of the plugin; NULL when the record has none */
    int64_t generation;
    bool overwritten; /* in the topic, by the late word of an earlier owner: not believed, but the
                       * topic should be put right */
} weir_item_status;

#define WEIR_CONNECTOR_ITEM (-1) /* the connector itself, where a task number is asked */

typedef struct weir_status_store {
    weir_map items; /* status topic key → weir_item_status* */
} weir_status_store;

void weir_status_store_init(weir_status_store *store);
void weir_status_store_clear(weir_status_store *store);
void weir_status_store_apply(weir_status_store *store, const weir_log_record *record);
/* NULL: none known. Valid until the next apply. */
const weir_item_status *weir_status_store_get(const weir_status_store *store, const char *connector,
                                              int32_t task);
/* May a worker write this "safely" (putSafe): nothing known, or the last word is its own, or of a
 * generation not newer. */
bool weir_status_safe(const weir_item_status *known, const char *worker_id, int64_t generation);

void weir_status_key(weir_buf *out, const char *connector, int32_t task);
void weir_status_value(weir_buf *out,
                       const weir_item_status *status); /* version left out when NULL */
const char *weir_state_text(weir_state state);          /* "RUNNING" */

#endif
