/* aliases_simple.c - small connectors of single authors: mqtt.broker, mqtt.client_id, …, each under
 * one of the spellings they use. */
#include "aliases.h"

#define RENAMED(key, canonical)                                                                    \
    {                                                                                              \
        key, canonical, NULL, NULL, WEIR_INFO                                                      \
    }

const mqtt_alias mqtt_simple_aliases[] = {
    RENAMED("mqtt.server_uris", "mqtt.server.uri"),
    RENAMED("mqtt.broker", "mqtt.server.uri"),
    RENAMED("mqtt.topic", "mqtt.topics"),
    RENAMED("mqtt.client_id", "mqtt.client.id"),
    RENAMED("mqtt.clientID", "mqtt.client.id"),
    RENAMED("mqtt.user", "mqtt.username"),
    RENAMED("mqtt.userName", "mqtt.username"),
    RENAMED("mqtt.clean_session", "mqtt.clean.session.enabled"),
    RENAMED("mqtt.cleanSession", "mqtt.clean.session.enabled"),
    RENAMED("mqtt.connection_timeout", "mqtt.connect.timeout.seconds"),
    RENAMED("mqtt.connectionTimeout", "mqtt.connect.timeout.seconds"),
    RENAMED("mqtt.keep_alive_interval", "mqtt.keepalive.interval.seconds"),
    RENAMED("mqtt.keepAlive", "mqtt.keepalive.interval.seconds"),
    {"mqtt.automaticReconnect", NULL, NULL,
     "has no effect: a lost connection is always made again, see mqtt.reconnect.backoff.ms",
     WEIR_INFO},
    {"message_processor_class", NULL, NULL,
     "needs a JVM, and there is none: value.converter and mqtt.payload.format decide", WEIR_WARN},
    {0},
};
