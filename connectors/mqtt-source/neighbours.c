/* neighbours.c - see neighbours.h. */
#include "neighbours.h"

#include "setup_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define URI       "mqtt.server.uri"
#define CLIENT_ID "mqtt.client.id"

const char *const mqtt_neighbour_keys[] = {URI, CLIENT_ID, NULL};

static const char *value_of(const weir_neighbour *other, const char *key)
{
    for (size_t i = 0; i < other->count; i++)
        if (strcmp(other->pairs[i].key, key) == 0)
            return other->pairs[i].value;
    return NULL;
}

/* To be freed. */
static char *expand(const char *text, const char *connector, int task)
{
    return mqtt_expand(&(mqtt_making){.connector = connector, .task = task}, text);
}

static bool is_endpoint(const mqtt_setup *setup, const char *uri)
{
    mqtt_endpoint endpoint;
    char why[192];
    bool found = false;

    if (!mqtt_endpoint_parse(uri, &endpoint, why, sizeof(why)))
        return false;
    for (size_t i = 0; i < setup->endpoint_count; i++)
        found = found || (strcasecmp(setup->endpoints[i].host, endpoint.host) == 0 &&
                          strcmp(setup->endpoints[i].port, endpoint.port) == 0);
    mqtt_endpoint_clear(&endpoint);
    return found;
}

/* Do they have a broker in common? */
static bool meet(const mqtt_setup *setup, const weir_neighbour *other)
{
    const char *uris = value_of(other, URI);
    size_t count;
    char **list = uris ? mqtt_list_split(uris, &count) : NULL;
    bool found = false;

    for (size_t i = 0; list && i < count; i++)
        found = found || is_endpoint(setup, list[i]);
    if (list)
        mqtt_list_free(list, count);
    return found;
}

/* Says so, and true, when one of ours has that id. */
static bool is_taken(const weir_config_host *host, const mqtt_setup *setup, char *const *ours,
                     size_t tasks, const weir_neighbour *other)
{
    const char *said = value_of(other, CLIENT_ID);
    char *id = expand(said ? said : "${connector}-${task}", other->connector, other->task);
    bool taken = false;

    for (size_t i = 0; i < tasks && !taken; i++)
        taken = strcmp(ours[i], id) == 0 && meet(setup, other);
    if (taken)
        host->note(host, WEIR_ERROR, CLIENT_ID,
                   "connector '%s' is '%s' at this broker already: the two would throw each other "
                   "out",
                   other->connector, id);
    free(id);
    return taken;
}

void mqtt_check_neighbours(const weir_config_host *host, const mqtt_setup *setup,
                           const char *client_id, size_t tasks)
{
    bool taken = false;
    char **ours;

    if (!WEIR_HAS(host, neighbours))
        return;
    ours = mqtt_alloc(tasks, sizeof(*ours));
    for (size_t i = 0; i < tasks; i++)
        ours[i] = expand(client_id, host->connector, (int)i);
    for (size_t i = 0; i < host->neighbour_count && !taken; i++)
        taken = is_taken(host, setup, ours, tasks, &host->neighbours[i]);
    mqtt_list_free(ours, tasks);
}
