/* topics.h - the internal topics: created when missing, checked when there
 * (connect-internals.md 1.2). Blocking, bounded by deadlines; runs before the worker joins.
 */
#ifndef WEIR_KAFKA_TOPICS_H
#define WEIR_KAFKA_TOPICS_H

#include "base/err.h"
#include "base/props.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_topic_wish {
    const char *topic;
    const char *property;     /* that names it: config.storage.topic */
    const char *purpose;      /* "connector configurations" */
    int32_t partitions;       /* -1: the broker's default */
    int32_t exact_partitions; /* 0: any; the config topic has exactly 1 */
    int16_t replication;      /* -1: the broker's default */
    weir_props config;        /* extra topic settings; cleanup.policy=compact is always set */
} weir_topic_wish;

/* Asks the cluster who it is: "cluster.id", the caller's to free(). WEIR_UNAVAILABLE when no
 * broker answers in time (the text says which addresses were tried). */
WEIR_MUST_CHECK weir_code weir_kafka_cluster_id(const weir_props *admin, int64_t timeout_ms,
                                                char **ret_id, weir_err *err);

/* Creates or checks each topic. WEIR_INVALID: an existing one is not compacted or has the wrong
 * partition count, or there are fewer brokers than the replication factor asks (after
 * timeout_ms); the text holds the fix. WEIR_UNAVAILABLE: Kafka is away; try again. */
WEIR_MUST_CHECK weir_code weir_topics_ensure(const weir_props *admin, const weir_topic_wish *wishes,
                                             size_t count, int64_t timeout_ms, weir_err *err);

#endif
