/* history.h - the config topic from its beginning to its end, for whoever only looks on.
 *
 * Committed records only, in order. Not a member of the group: nothing is joined, committed or
 * written.
 */
#ifndef WEIR_HISTORY_HISTORY_H
#define WEIR_HISTORY_HISTORY_H

#include "base/err.h"
#include "base/props.h"
#include "kafka/compacted_log.h"

#include <stdbool.h>

typedef struct weir_history_reader {
    /* [log] Each record. False: enough, nobody listens any more. */
    bool (*record)(void *ctx, const weir_log_record *record);
    void *ctx;
} weir_history_reader;

/* Reads `topic` up to its end as it was when it began, or, when `follow`, until SIGINT or SIGTERM,
 * which the caller has blocked in all threads. `client`: librdkafka properties.
 *   WEIR_UNAVAILABLE  no broker answered for 10 s; or nothing came for 30 s before the end
 *   WEIR_NOT_FOUND    the brokers know no such topic
 *   WEIR_INVALID      it is no config topic, having more than one partition
 *   WEIR_CLOSED       interrupted before the end */
WEIR_MUST_CHECK weir_code weir_history_read(const weir_props *client, const char *topic,
                                            bool follow, const weir_history_reader *reader,
                                            weir_err *err);

#endif
