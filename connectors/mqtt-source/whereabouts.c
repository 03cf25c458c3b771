/* whereabouts.c - see whereabouts.h. */
#include "whereabouts.h"

#include "flat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

typedef struct whereabouts {
    char *client_id, *brokers;
    bool version;
} whereabouts;

static void partition_of(const weir_host *host, char *text, size_t room)
{
    snprintf(text, room, "{\"task\":%d}", (int)host->task);
}

static void on_pair(void *ctx, const mqtt_flat_pair *pair)
{
    whereabouts *w = ctx;
    char **to = strcmp(pair->key, "client.id") == 0 ? &w->client_id
                : strcmp(pair->key, "brokers") == 0 ? &w->brokers
                                                    : NULL;

    if (strcmp(pair->key, "version") == 0)
        w->version = pair->kind == MQTT_FLAT_NUMBER && pair->number == VERSION;
    if (!to || pair->kind != MQTT_FLAT_TEXT)
        return;
    free(*to);
    *to = mqtt_strndup(pair->text, strlen(pair->text));
}

/* "host:port,host:port"; to be freed. */
static char *brokers_of(const mqtt_setup *setup)
{
    mqtt_bytes text = {0};

    for (size_t i = 0; i < setup->endpoint_count; i++) {
        const mqtt_endpoint *broker = &setup->endpoints[i];

        if (i)
            mqtt_bytes_append(&text, ",", 1);
        mqtt_bytes_append(&text, broker->host, strlen(broker->host));
        mqtt_bytes_append(&text, ":", 1);
        mqtt_bytes_append(&text, broker->port, strlen(broker->port));
    }
    mqtt_bytes_append(&text, "", 1);
    return (char *)text.data;
}

static bool lists(const char *brokers, const char *broker, size_t size)
{
    for (const char *at = brokers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, broker, size) == 0 && (at[size] == ',' || !at[size]))
            return true;
    }
    return false;
}

/* Those of `old` that are not in `now`; to be freed. */
static char *gone(const char *old, const char *now)
{
    mqtt_bytes text = {0};

    for (const char *at = old; *at;) {
        size_t size = strcspn(at, ",");

        if (!lists(now, at, size)) {
            if (mqtt_bytes_size(&text))
                mqtt_bytes_append(&text, ", ", 2);
            mqtt_bytes_append(&text, at, size);
        }
        at += size + (at[size] == ',');
    }
    mqtt_bytes_append(&text, "", 1);
    return (char *)text.data;
}

static void warn(const weir_host *host, const whereabouts *old, const mqtt_setup *setup,
                 const char *brokers)
{
    bool other_id = strcmp(old->client_id, setup->client_id) != 0;
    char *left =
        other_id ? mqtt_strndup(old->brokers, strlen(old->brokers)) : gone(old->brokers, brokers);

    if (*left)
        host->log(host, WEIR_WARN,
                  "the session '%s' is left at %s, with its subscriptions and what is queued in "
                  "it, because %s changed. To end it, connect once under that id with a clean "
                  "session; to read its queue, change back",
                  old->client_id, left, other_id ? "mqtt.client.id" : "mqtt.server.uri");
    free(left);
}

void mqtt_whereabouts_note(const weir_host *host, const mqtt_setup *setup)
{
    const char *json;
    whereabouts old = {0};
    mqtt_bytes text = {0};
    char partition[32], *brokers;

    if (!WEIR_HAS(host, offset) || !WEIR_HAS(host, keep_offset))
        return;
    brokers = brokers_of(setup);
    partition_of(host, partition, sizeof(partition));
    json = host->offset(host, partition);
    if (json && mqtt_flat_read(json, on_pair, &old) && old.version && old.client_id && old.brokers)
        warn(host, &old, setup, brokers);
    mqtt_flat_open(&text);
    mqtt_flat_put_number(&text, "", "version", VERSION);
    mqtt_flat_put_text(&text, "", "client.id", setup->client_id);
    mqtt_flat_put_text(&text, "", "brokers", brokers);
    mqtt_flat_close(&text);
    if (setup->settings->clean)
        mqtt_whereabouts_forget(host); /* nothing of this one stays anywhere */
    else if (!old.client_id || !old.brokers || strcmp(old.client_id, setup->client_id) != 0 ||
             strcmp(old.brokers, brokers) != 0)
        host->keep_offset(host, partition, (const char *)text.data);
    mqtt_bytes_free(&text);
    free(brokers);
    free(old.client_id);
    free(old.brokers);
}

void mqtt_whereabouts_forget(const weir_host *host)
{
    char partition[32];

    partition_of(host, partition, sizeof(partition));
    if (WEIR_HAS(host, offset) && WEIR_HAS(host, keep_offset) && host->offset(host, partition))
        host->keep_offset(host, partition, NULL);
}
