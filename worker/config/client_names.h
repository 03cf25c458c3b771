/* client_names.h - names of Kafka client properties, Java's and librdkafka's.
 *
 * A vocabulary, not a gate: a name that is not in it may be one of a newer librdkafka.
 */
#ifndef WEIR_CONFIG_CLIENT_NAMES_H
#define WEIR_CONFIG_CLIENT_NAMES_H

#include <stdbool.h>

typedef enum weir_client_scope {
    WEIR_SCOPE_ANY, /* of every client: connections, security */
    WEIR_SCOPE_PRODUCER,
    WEIR_SCOPE_CONSUMER,
} weir_client_scope;

typedef struct weir_client_name {
    const char *name;
    weir_client_scope scope;
    const char *as;   /* what we call it; NULL: by its own name */
    const char *idle; /* why it has no effect in librdkafka; NULL: it has one */
} weir_client_name;

/* NULL: not in the vocabulary. */
const weir_client_name *weir_client_name_find(const char *name);
/* In the vocabulary, or of a family (ssl., sasl., …) whose members all are client properties. */
bool weir_client_name_is_known(const char *name);

#endif
