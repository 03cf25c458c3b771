/* client_config.h - which properties a Kafka client gets, in librdkafka's words.
 *
 * Layers (connect-internals.md 2.10), names and values translated from Java's
 * (kafka-client.md 8.2). Knows librdkafka's vocabulary, not the library.
 */
#ifndef WEIR_CONFIG_CLIENT_CONFIG_H
#define WEIR_CONFIG_CLIENT_CONFIG_H

#include "base/err.h"
#include "base/props.h"

typedef enum weir_client_kind {
    WEIR_CLIENT_WORKER,   /* stores, group, leader, presence: top-level properties */
    WEIR_CLIENT_ADMIN,    /* top-level, then admin.* */
    WEIR_CLIENT_PRODUCER, /* of a source task: producer.*, then producer.override.* */
    WEIR_CLIENT_CONSUMER, /* of a sink task: consumer.*, then consumer.override.* */
} weir_client_kind;

/* Builds the properties of one client: `worker` are the worker's, `connector` the connector's
 * (NULL: none). Only what the layers say, translated; defaults of a role (acks, linger) are
 * the caller's to set first. Java-only properties without effect are warned about once a process.
 * WEIR_INVALID names the property and says what to write instead (a JKS trust store, a JAAS
 * module that is not PLAIN or SCRAM, …). */
WEIR_MUST_CHECK weir_code weir_client_config_build(weir_client_kind kind, const weir_props *worker,
                                                   const weir_props *connector, weir_props *out,
                                                   weir_err *err);

/* Does connector.client.config.override.policy allow this key (without its prefix)? The error is
 * Kafka's: "The 'None' policy does not allow 'acks' to be overridden …". Keys that would make
 * librdkafka load code or run a command are the operator's alone, under every policy. `key` NULL
 * asks whether there is such a policy at all. */
WEIR_MUST_CHECK weir_code weir_client_override_check(const char *policy, const char *key,
                                                     weir_err *err);

/* Must the value of this property stay out of logs? */
bool weir_client_property_is_secret(const char *name);

#endif
