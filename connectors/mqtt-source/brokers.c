/* brokers.c - see brokers.h. */
#include "brokers.h"

#include <stdlib.h>
#include <sys/random.h>

typedef enum speaks { UNKNOWN, PERHAPS_OLD, OLD } speaks;

struct mqtt_brokers {
    const mqtt_setup *setup;
    size_t *order; /* a permutation of the endpoints */
    speaks *speaks;
};

static void shuffle(size_t *order, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        uint32_t random = 0;
        size_t other, swapped;

        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
            return; /* the order of the list will do */
        other = random % i;
        swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
}

mqtt_brokers *mqtt_brokers_new(const mqtt_setup *setup)
{
    mqtt_brokers *brokers = mqtt_alloc(1, sizeof(*brokers));

    brokers->setup = setup;
    brokers->order = mqtt_alloc(setup->endpoint_count, sizeof(*brokers->order));
    brokers->speaks = mqtt_alloc(setup->endpoint_count, sizeof(*brokers->speaks));
    for (size_t i = 0; i < setup->endpoint_count; i++)
        brokers->order[i] = i;
    if (setup->random_failover)
        shuffle(brokers->order, setup->endpoint_count);
    return brokers;
}

void mqtt_brokers_free(mqtt_brokers *brokers)
{
    if (!brokers)
        return;
    free(brokers->order);
    free(brokers->speaks);
    free(brokers);
}

size_t mqtt_brokers_first(const mqtt_brokers *brokers)
{
    return brokers->order[0];
}

size_t mqtt_brokers_after(const mqtt_brokers *brokers, size_t broker)
{
    size_t count = brokers->setup->endpoint_count, at = 0;

    while (at < count && brokers->order[at] != broker)
        at++;
    return brokers->order[at + 1 < count ? at + 1 : 0];
}

mqtt_level mqtt_brokers_level(const mqtt_brokers *brokers, size_t broker)
{
    switch (brokers->setup->version) {
    case MQTT_VERSION_5:
        return MQTT_5;
    case MQTT_VERSION_3_1_1:
        return MQTT_3_1_1;
    case MQTT_VERSION_AUTO:
        break;
    }
    return brokers->speaks[broker] == UNKNOWN ? MQTT_5 : MQTT_3_1_1;
}

bool mqtt_brokers_fall_back(mqtt_brokers *brokers, size_t broker, bool said_so)
{
    if (brokers->setup->version != MQTT_VERSION_AUTO || brokers->speaks[broker] != UNKNOWN)
        return false;
    brokers->speaks[broker] = said_so ? OLD : PERHAPS_OLD;
    return true;
}

void mqtt_brokers_answered(mqtt_brokers *brokers, size_t broker)
{
    if (brokers->speaks[broker] == PERHAPS_OLD)
        brokers->speaks[broker] = OLD;
}

void mqtt_brokers_failed(mqtt_brokers *brokers, size_t broker)
{
    if (brokers->speaks[broker] == PERHAPS_OLD)
        brokers->speaks[broker] = UNKNOWN;
}
