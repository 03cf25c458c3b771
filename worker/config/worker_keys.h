/* worker_keys.h - the names on a worker's property file: which are weir's, which have no effect.
 *
 * Whatever is neither is a Kafka client's (client_names.h) or unknown.
 */
#ifndef WEIR_CONFIG_WORKER_KEYS_H
#define WEIR_CONFIG_WORKER_KEYS_H

#include "weir_plugin.h"

#include <stdbool.h>

/* A key of Kafka Connect's that weir knows and has no use for. */
typedef struct weir_idle_key {
    const char *name;
    weir_level level;     /* how loudly to say so; WEIR_ERROR: the worker must not start */
    const char *harmless; /* a value that asks for what weir does anyway: nothing to say; or NULL */
    const char *why;
} weir_idle_key;

/* NULL: not one of them. */
const weir_idle_key *weir_idle_key_find(const char *name);

/* Is this a key of a Connect worker, known, idle or by its prefix (producer., key.converter., …),
 * so that no Kafka client must see it? bootstrap.servers is one, too. */
bool weir_worker_key_is_ours(const char *name);

#endif
