/* takeover.c - see takeover.h. */
#include "takeover.h"

#define WAR_MS   60000 /* twice in this time */
#define QUICK_MS 5000  /* a connection lost sooner was perhaps taken over */
#define QUICK    3     /* so many of them are no accident */
#define WAIT_MS  1000

bool mqtt_takeover_noted(mqtt_takeover *takeover, int64_t now_ms, bool owned)
{
    bool war = owned && takeover->last_ms && now_ms - takeover->last_ms < WAR_MS;

    takeover->count++;
    takeover->last_ms = owned ? now_ms : 0;
    return war;
}

int64_t mqtt_takeover_lost(mqtt_takeover *takeover, int64_t lived_ms, bool taken_over)
{
    bool quick = lived_ms < QUICK_MS;

    takeover->quick = quick ? takeover->quick + 1 : 0;
    return quick || taken_over ? WAIT_MS : 0;
}

bool mqtt_takeover_suspected(const mqtt_takeover *takeover)
{
    return takeover->quick >= QUICK;
}
