/* whereabouts.h - under which id, and at which brokers, a task's session is.
 *
 * Kept as a source offset:
 *
 *     {"task": 0}  →  {"version": 1, "client.id": "orders-0", "brokers": "host:1883,other:1883",
 *                      "plan": 4711}
 *
 * so that a task whose client id or brokers were changed can say what it left behind. That is
 * named, not ended: nobody knows whose id it is by now. Another connector may have it, and to
 * connect under it would throw that one out and wipe its queue.
 *
 * "plan" is host->plan once all filters that this planning gives the task are granted: that is what
 * the others wait for before they let go of a filter that was theirs. Where a task will not come
 * back, because there are fewer, another one finds its session here (estate.h).
 *
 * When there was one task and is more, or the other way round, an id without ${task} gets or loses
 * "-0". Such a session is the connector's own for certain, and is left to the estate as well:
 *
 *     {"session": "orders"}  →  {"version": 1, "client.id": "orders", "brokers": …}
 *
 * Threads  The task's.
 */
#ifndef MQTT_WHEREABOUTS_H
#define MQTT_WHEREABOUTS_H

#include "settings.h"

/* A session was begun or resumed: keeps where, and warns of one that was left elsewhere. */
void mqtt_whereabouts_note(const weir_host *host, const mqtt_setup *setup);
/* All that is to be subscribed is: the others may let go of it. */
void mqtt_whereabouts_settled(const weir_host *host, const mqtt_setup *setup);
/* Has every other task of this plan said so? Where nobody knows of plans: true. A host whose `task`
 * is negative asks about all of them. */
bool mqtt_whereabouts_others_settled(const weir_host *host);
/* There is none any more. */
void mqtt_whereabouts_forget(const weir_host *host);

/* A session without a task. */
typedef struct mqtt_orphan {
    char *partition; /* of its whereabouts: JSON */
    char *client_id, *brokers;
    int64_t task;   /* that it was; -1: task 0, under another id */
    uint64_t taken; /* messages from its session, so far: the estate's */
} mqtt_orphan;

/* Those that this task has to see to, where the connector has `tasks` tasks: each has one heir.
 * `own_id` is the task's. The list is the caller's. */
mqtt_orphan *mqtt_orphans_find(const weir_host *host, int32_t tasks, const char *own_id,
                               size_t *ret_count);
void mqtt_orphans_free(mqtt_orphan *orphans, size_t count);
/* Is this broker among those? */
bool mqtt_orphan_is_at(const mqtt_orphan *orphan, const mqtt_endpoint *broker);

#endif
