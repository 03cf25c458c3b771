/* kept.h - what a task remembers about its session at one broker, also across processes.
 *
 * Kept as a source offset:
 *
 *     {"broker": "host:1883", "client.id": "orders-0"}  →
 *     {"version": 1, "epoch": 2, "seen": 1767225600000, "filter:a/#": 1, "granted:a/#": 0,
 *      "filter:b": null}
 *
 * A filter has the QoS that was asked for, and under "granted:" the one that was given when that is
 * another. null: it may be subscribed or not. `epoch` counts the sessions there have been, `seen`
 * is when the last one was last known to be there. What is not understood counts as not kept.
 *
 * Threads  The task's.
 */
#ifndef MQTT_KEPT_H
#define MQTT_KEPT_H

#include "bytes.h"
#include "settings.h"

typedef struct mqtt_kept_filter {
    char *name;
    int asked;   /* QoS; -1: in doubt */
    int granted; /* QoS; -1: unknown */
} mqtt_kept_filter;

typedef struct mqtt_kept {
    char *partition;      /* JSON */
    bool known;           /* something is remembered */
    int64_t epoch;        /* sessions there have been; 0: perhaps none yet */
    int64_t seen_unix_ms; /* -1: unknown */
    mqtt_kept_filter *filters;
    size_t count;
    mqtt_bytes stored; /* what the host was last given: nothing is kept twice */
} mqtt_kept;

/* Fills *ret_kept with what was kept, or with nothing known. The caller clears it. */
void mqtt_kept_load(mqtt_kept *ret_kept, const weir_host *host, const char *client_id,
                    const mqtt_endpoint *broker);
void mqtt_kept_clear(mqtt_kept *kept);

/* NULL: it is not subscribed, as far as is known. */
mqtt_kept_filter *mqtt_kept_find(const mqtt_kept *kept, const char *filter);
void mqtt_kept_set(mqtt_kept *kept, const char *filter, int asked, int granted);
void mqtt_kept_remove(mqtt_kept *kept, const char *filter);
/* Everything in it, and each of these, may be subscribed or not. */
void mqtt_kept_doubt(mqtt_kept *kept, char *const *filters, size_t count);
/* The session is gone, and with it the filters. */
void mqtt_kept_empty(mqtt_kept *kept);

/* Gives it to the host, if that keeps offsets. `in_doubt`: as mqtt_kept_doubt() would leave it. */
void mqtt_kept_store(mqtt_kept *kept, const weir_host *host, bool in_doubt, char *const *filters,
                     size_t count);
/* There is nothing to remember any more, here and at the host. */
void mqtt_kept_forget(mqtt_kept *kept, const weir_host *host);

#endif
