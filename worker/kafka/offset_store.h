/* offset_store.h - the offset topic as a state: how far sources have come (connect-internals.md
 * 1.6).
 *
 * Like config_store.h: a state machine without threads, fed with every record of the log; who owns
 * it sees to locking (offsets.h). A record's key is `["<connector>",{partition}]`, its value an
 * object, or nothing: forgotten. A JVM worker finds offsets by the bytes of their keys, so what it
 * has written is updated and forgotten under its own bytes; here partitions are the same when
 * their JSON is, in whatever order their members come.
 */
#ifndef WEIR_KAFKA_OFFSET_STORE_H
#define WEIR_KAFKA_OFFSET_STORE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "kafka/compacted_log.h"

typedef struct weir_offset_store {
    weir_map connectors; /* name → weir_map*: canonical partition → what is known of it */
} weir_offset_store;

void weir_offset_store_init(weir_offset_store *store);
void weir_offset_store_clear(weir_offset_store *store);
/* Applies one record. What is no offset is skipped, and said so; nothing is ever removed from the
 * topic for that. */
void weir_offset_store_apply(weir_offset_store *store, const weir_log_record *record);

/* What tells partitions apart: the same text for the same JSON object. The caller's to free().
 * WEIR_INVALID: no JSON object. */
WEIR_MUST_CHECK weir_code weir_offset_canonical(const char *partition_json, char **ret_canonical,
                                                weir_err *err);
/* The offset of a partition, as it was written; NULL: none. Valid until the next change. */
const char *weir_offset_store_get(const weir_offset_store *store, const char *connector,
                                  const char *canonical);
/* [{"partition":{…},"offset":{…}}, …] in a lasting order. The caller's reference. */
json_t *weir_offset_store_list(const weir_offset_store *store, const char *connector);

/* Calls `each` with the key of every record that has to be written for this partition to have an
 * offset, or none. The first is the one that takes the offset; others, of the same partition
 * written differently, become tombstones. One that is not known gets a new key, made of
 * `partition_json` with its members in their order. */
typedef void weir_offset_key_use(void *ctx, const char *key, bool is_first);
void weir_offset_store_keys(const weir_offset_store *store, const char *connector,
                            const char *canonical, const char *partition_json,
                            weir_offset_key_use *each, void *ctx);
/* The same with every key of a connector that has an offset, each as if it were the first. */
void weir_offset_store_all_keys(const weir_offset_store *store, const char *connector,
                                weir_offset_key_use *each, void *ctx);

#endif
