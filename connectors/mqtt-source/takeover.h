/* takeover.h - is somebody else using our client id?
 *
 * A broker has one client of an id: whoever connects throws the other out. Two that both come back
 * at once would do so for ever. MQTT 5 says it (0x8E); in 3.1.1 the connection just ends, soon
 * after it began.
 *
 * Threads  The task's.
 */
#ifndef MQTT_TAKEOVER_H
#define MQTT_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mqtt_takeover { /* zeroed: nothing has happened yet */
    uint64_t count;            /* said by a broker */
    int64_t last_ms;           /* … and when, while the task was ours; 0: never */
    unsigned quick;            /* connections in a row that ended within seconds */
} mqtt_takeover;

/* A broker said that another client has taken over. True: it is the second time within a minute,
 * and the task is ours (`owned`): two fight over the id. When the task is not ours, the other one
 * is its new owner, and that is as it should be. */
bool mqtt_takeover_noted(mqtt_takeover *takeover, int64_t now_ms, bool owned);

/* A connection was lost, so many milliseconds after CONNACK. Returns how long to wait at least
 * before the next: the other one may be the task's new owner, of whom we have not heard yet. */
int64_t mqtt_takeover_lost(mqtt_takeover *takeover, int64_t lived_ms, bool taken_over);
/* Three times running within seconds: worth a question to the user. */
bool mqtt_takeover_suspected(const mqtt_takeover *takeover);

#endif
