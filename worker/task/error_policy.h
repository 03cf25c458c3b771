/* error_policy.h - what the user wants done about records that cannot get to Kafka: the keys
 * errors.* of a connector (connect-internals.md 4.4, 4.5). Immutable once read.
 */
#ifndef WEIR_TASK_ERROR_POLICY_H
#define WEIR_TASK_ERROR_POLICY_H

#include "base/err.h"
#include "base/props.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_error_policy {
    bool tolerate;              /* errors.tolerance=all */
    bool log_each, log_records; /* errors.log.enable, errors.log.include.messages */
    int64_t retry_timeout_ms;   /* errors.retry.timeout; 0: no second try; -1: for ever */
    int64_t retry_delay_max_ms;
    char *dead_letters;          /* errors.deadletterqueue.topic.name; NULL: there is none */
    int dead_letter_replication; /* of the topic, when it has to be created; -1: the broker's */
    bool dead_letter_headers;    /* errors.deadletterqueue.context.headers.enable */
    weir_props admin; /* librdkafka's, to look for the topic and create it; only with one */
} weir_error_policy;

typedef struct weir_error_policy_source {
    const char *connector;
    int32_t task;
    const weir_props *config; /* the connector's and the task's keys together */
    const weir_props *worker; /* the worker's properties: clients' settings */
} weir_error_policy_source;

/* Fills a zeroed *policy; weir_error_policy_clear() belongs after it whatever it returns.
 * WEIR_INVALID: a number is none, or a property of the admin client is wrong. */
WEIR_MUST_CHECK weir_code weir_error_policy_read(const weir_error_policy_source *source,
                                                 weir_error_policy *policy, weir_err *err);
void weir_error_policy_clear(weir_error_policy *policy);

/* How long to wait before try number `tries` + 1, `since_ms` after the first one failed: 300 ms,
 * doubled each time; where that is more than errors.retry.delay.max.ms, a part of it by chance;
 * never beyond the end of errors.retry.timeout. -1: there is no further try. */
int64_t weir_error_policy_delay_ms(const weir_error_policy *policy, unsigned tries,
                                   int64_t since_ms, unsigned *seed);

#endif
