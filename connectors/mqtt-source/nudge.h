/* nudge.h - how the tasks of a process help each other past paho's one receive thread.
 *
 * That thread sleeps for up to a second on the sockets it had when it fell asleep, so a connect
 * made meanwhile is seen that late. Any byte on one of the older sockets ends its sleep: a task
 * whose paho is to come in asks those that are connected to let one fall.
 *
 * Threads  [any]; a nudge is asked for in one task and taken in another.
 */
#ifndef MQTT_NUDGE_H
#define MQTT_NUDGE_H

#include <stdatomic.h>
#include <stdbool.h>

typedef struct mqtt_nudge { /* zeroed: not in the list */
    int wake_fd;
    atomic_bool wanted;
    bool listed;
    struct mqtt_nudge *next;
} mqtt_nudge;

/* From here on this task may be asked; `wake_fd`, an eventfd, becomes readable then. It stays
 * where it is until mqtt_nudge_leave(), which is idempotent. */
void mqtt_nudge_join(mqtt_nudge *nudge, int wake_fd);
void mqtt_nudge_leave(mqtt_nudge *nudge);
/* Asks some of those that are in the list. False: nobody is. */
bool mqtt_nudge_ask(void);
/* True once after this task was asked. */
bool mqtt_nudge_taken(mqtt_nudge *nudge);

#endif
