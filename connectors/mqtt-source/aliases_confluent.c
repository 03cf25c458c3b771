/* aliases_confluent.c - Confluent's MQTT source, self-managed and in its cloud.
 *
 * Most of its keys are ours as well (mqtt.server.uri, records.buffer.queue.size, …). What is left
 * are stores of Java's, its licence, and defaults that differ.
 */
#include "aliases.h"

#include <string.h>
#include <strings.h>

#define CLOUD "has no effect: the worker's own connection to Kafka counts"

static bool ends(const char *text, const char *suffix)
{
    size_t size = strlen(text), end = strlen(suffix);

    return size >= end && strcasecmp(text + size - end, suffix) == 0;
}

static bool is_pkcs12(const char *path)
{
    return ends(path, ".p12") || ends(path, ".pfx") || ends(path, ".pkcs12");
}

/* By its name: a pure function opens no file. */
static bool is_java(mqtt_config *c, const char *key, const char *path)
{
    if (!ends(path, ".jks") && !ends(path, ".jceks"))
        return false;
    MQTT_NOTE(c, WEIR_ERROR, key,
              "'%s' is a store that only Java reads. Convert it: keytool -importkeystore "
              "-srckeystore %s -destkeystore store.p12 -deststoretype PKCS12",
              path, path);
    return true;
}

static void on_trust_store(mqtt_config *c, const char *key, const char *value)
{
    if (*value && !is_java(c, key, value))
        mqtt_mean_alias(c, key, "mqtt.ssl.ca.location", value);
}

static void on_key_store(mqtt_config *c, const char *key, const char *value)
{
    if (!*value || is_java(c, key, value))
        return;
    if (is_pkcs12(value)) {
        mqtt_mean_alias(c, key, "mqtt.ssl.keystore.location", value);
    } else { /* PEM: certificate and key, one behind the other */
        mqtt_mean_alias(c, key, "mqtt.ssl.certificate.location", value);
        mqtt_mean_alias(c, key, "mqtt.ssl.key.location", value);
    }
}

static void on_key_store_password(mqtt_config *c, const char *key, const char *value)
{
    const char *path = mqtt_posted(c, "mqtt.ssl.key.store.path");

    if (*value)
        mqtt_mean_alias(c, key,
                        path && is_pkcs12(path) ? "mqtt.ssl.keystore.password"
                                                : "mqtt.ssl.key.password",
                        value);
}

static void on_trust_store_password(mqtt_config *c, const char *key, const char *value)
{
    const char *path = mqtt_posted(c, "mqtt.ssl.trust.store.path");

    if (*value && path && is_pkcs12(path))
        mqtt_mean_alias(c, key, "mqtt.ssl.ca.password", value);
    else if (*value)
        MQTT_NOTE(c, WEIR_INFO, key,
                  "has no effect: certificates are no secret and are read "
                  "without a password");
}

/* Confluent writes "none" as an empty text. */
static void on_credential(mqtt_config *c, const char *key, const char *value)
{
    if (*value || !c->confluent)
        mqtt_mean(c, key, value);
}

const mqtt_alias mqtt_confluent_aliases[] = {
    {"mqtt.username", NULL, on_credential, NULL, WEIR_INFO},
    {"mqtt.password", NULL, on_credential, NULL, WEIR_INFO},
    {"mqtt.ssl.key.password", NULL, on_credential, NULL, WEIR_INFO},
    {"mqtt.ssl.trust.store.path", NULL, on_trust_store, NULL, WEIR_INFO},
    {"mqtt.ssl.trust.store.password", NULL, on_trust_store_password, NULL, WEIR_INFO},
    {"mqtt.ssl.key.store.path", NULL, on_key_store, NULL, WEIR_INFO},
    {"mqtt.ssl.key.store.password", NULL, on_key_store_password, NULL, WEIR_INFO},
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
