/* aliases_confluent.c - Confluent's MQTT source, self-managed and in its cloud.
 *
 * Most of its keys are ours as well (mqtt.server.uri, records.buffer.queue.size, …). What is left
 * are stores of Java's, its licence, and defaults that differ.
 */
#include "aliases.h"

#include <string.h>

#define CLOUD "has no effect: the worker's own connection to Kafka counts"

/* Confluent writes "none" as an empty text. Whether a store is PEM, PKCS#12 or only Java's own is
 * seen when the file is read. */
static void on_store(mqtt_config *c, const char *key, const char *value)
{
    static const struct {
        const char *key, *canonical;
    } stores[] = {
        {"mqtt.ssl.trust.store.path", "mqtt.ssl.ca.location"},
        {"mqtt.ssl.trust.store.password", "mqtt.ssl.ca.password"},
        {"mqtt.ssl.key.store.path", "mqtt.ssl.keystore.location"},
        {"mqtt.ssl.key.store.password", "mqtt.ssl.keystore.password"},
    };

    for (size_t i = 0; *value && i < sizeof(stores) / sizeof(stores[0]); i++)
        if (strcmp(stores[i].key, key) == 0)
            mqtt_mean_alias(c, key, stores[i].canonical, value);
}

static void on_credential(mqtt_config *c, const char *key, const char *value)
{
    if (*value || !c->confluent)
        mqtt_mean(c, key, value);
}

const mqtt_alias mqtt_confluent_aliases[] = {
    {"mqtt.username", NULL, on_credential, NULL, WEIR_INFO},
    {"mqtt.password", NULL, on_credential, NULL, WEIR_INFO},
    {"mqtt.ssl.key.password", NULL, on_credential, NULL, WEIR_INFO},
    {"mqtt.ssl.trust.store.path", NULL, on_store, NULL, WEIR_INFO},
    {"mqtt.ssl.trust.store.password", NULL, on_store, NULL, WEIR_INFO},
    {"mqtt.ssl.key.store.path", NULL, on_store, NULL, WEIR_INFO},
    {"mqtt.ssl.key.store.password", NULL, on_store, NULL, WEIR_INFO},
    {"confluent.", NULL, NULL, "has no effect: there is no licence to check", WEIR_INFO},
    {"kafka.auth.mode", NULL, NULL, CLOUD, WEIR_INFO},
    {"kafka.api.key", NULL, NULL, CLOUD, WEIR_INFO},
    {"kafka.api.secret", NULL, NULL, CLOUD, WEIR_INFO},
    {"kafka.service.account.id", NULL, NULL, CLOUD, WEIR_INFO},
    {"output.data.format", NULL, NULL,
     "has no effect: value.converter and mqtt.payload.format decide", WEIR_WARN},
    {0},
};

void mqtt_confluent_defaults(mqtt_config *c)
{
    static const struct {
        const char *key, *text;
    } differences[] = {
        {"mqtt.qos", "1 unless given, not 0"},
        {"mqtt.clean.session.enabled", "false unless given, not true: messages sent while the task "
                                       "is away are kept by the broker"},
        {"max.retry.time.ms", "-1 unless given, not 30000: an outage of the broker is waited out"},
    };

    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
        if (!mqtt_meant(c, differences[i].key))
            MQTT_NOTE(c, WEIR_INFO, differences[i].key, "%s", differences[i].text);
}
