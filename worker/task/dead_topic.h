/* dead_topic.h - the topic for dead letters: found, or created with one partition
 * (connect-internals.md 4.5).
 *
 * A client of its own, with the settings of an admin client, asks until it knows. Each step takes
 * half a second at most; answers make `wakeup_fd` readable. [task] throughout.
 */
#ifndef WEIR_TASK_DEAD_TOPIC_H
#define WEIR_TASK_DEAD_TOPIC_H

#include "base/err.h"
#include "base/props.h"

#include <stdint.h>

typedef struct weir_dead_topic weir_dead_topic;

typedef struct weir_dead_topic_wish { /* strings outlive the thing */
    const char *name;
    int replication; /* when it is created; -1: the broker's default */
    const weir_props *admin;
    int wakeup_fd; /* a non-blocking eventfd */
} weir_dead_topic_wish;

WEIR_MUST_CHECK weir_code weir_dead_topic_open(const weir_dead_topic_wish *wish,
                                               weir_dead_topic **ret_topic, weir_err *err);
void weir_dead_topic_close(weir_dead_topic *topic);

/* WEIR_OK: it is there. WEIR_UNAVAILABLE: not yet, for the reason told; call again when wakeup_fd
 * is readable or *ret_again_ms (monotonic) is reached. WEIR_INVALID: it cannot be had; the text
 * says what to change. */
WEIR_MUST_CHECK weir_code weir_dead_topic_step(weir_dead_topic *topic, int64_t *ret_again_ms,
                                               weir_err *err);

#endif
