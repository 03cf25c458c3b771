/* topic_look.h - a look at one topic, which leaves no trace: nothing is created by it.
 *
 * Blocking, bounded by a deadline. Threads: any.
 */
#ifndef WEIR_KAFKA_TOPIC_LOOK_H
#define WEIR_KAFKA_TOPIC_LOOK_H

#include "base/err.h"
#include "base/props.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum weir_answer3 { WEIR_UNKNOWN, WEIR_NO, WEIR_YES } weir_answer3;

typedef struct weir_topic_view {
    bool exists;
    int partitions; /* when it exists */
    int brokers;
    /* When it does not; brokers may refuse to tell. */
    weir_answer3 creates;    /* would Kafka create it at the first record? */
    int default_replication; /* … with so many replicas; 0: unknown */
} weir_topic_view;

/* `props` are librdkafka's, of any client of the user's: what concerns the connection is taken.
 *   WEIR_UNAVAILABLE  no broker answered in time, the text says why;
 *   WEIR_DENIED       this user may not see the topic;
 *   WEIR_INVALID      Kafka could have no topic of that name. */
WEIR_MUST_CHECK weir_code weir_topic_look(const weir_props *props, const char *topic,
                                          int64_t timeout_ms, weir_topic_view *ret_view,
                                          weir_err *err);

#endif
