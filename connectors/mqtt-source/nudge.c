/* nudge.c - see nudge.h. The list is global because paho's thread is. */
#include "nudge.h"

#include <pthread.h>
#include <sys/eventfd.h>

#define ENOUGH 3 /* one would do, unless its task is held up */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static mqtt_nudge *connected;

void mqtt_nudge_join(mqtt_nudge *nudge, int wake_fd)
{
    mqtt_nudge_leave(nudge);
    atomic_store(&nudge->wanted, false);
    nudge->wake_fd = wake_fd;
    nudge->listed = true;
    pthread_mutex_lock(&lock);
    nudge->next = connected;
    connected = nudge;
    pthread_mutex_unlock(&lock);
}

void mqtt_nudge_leave(mqtt_nudge *nudge)
{
    mqtt_nudge **at = &connected;

    if (!nudge->listed)
        return;
    nudge->listed = false;
    pthread_mutex_lock(&lock);
    while (*at != nudge)
        at = &(*at)->next;
    *at = nudge->next;
    pthread_mutex_unlock(&lock);
}

bool mqtt_nudge_ask(void)
{
    int asked = 0;

    pthread_mutex_lock(&lock);
    for (mqtt_nudge *n = connected; n && asked < ENOUGH; n = n->next, asked++) {
        atomic_store(&n->wanted, true);
        eventfd_write(n->wake_fd, 1);
    }
    pthread_mutex_unlock(&lock);
    return asked > 0;
}

bool mqtt_nudge_taken(mqtt_nudge *nudge)
{
    return atomic_load_explicit(&nudge->wanted, memory_order_relaxed) &&
           atomic_exchange(&nudge->wanted, false);
}
