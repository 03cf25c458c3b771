/* aliases.h - keys of other connectors, family by family, and what becomes of them here.
 *
 *   normalise.c           the order of events; keys of ours that have no effect (yet)
 *   aliases.c             the config being made, and how a table is applied to it
 *   aliases_camel.c       camel.*, and `topics` under Camel's classes
 *   aliases_confluent.c   what Confluent has and we have not: stores of Java's, confluent.*
 *   aliases_lenses.c      connect.mqtt.*, KCQL included
 *   aliases_simple.c      mqtt.broker, mqtt.client_id and their like
 *   producer_checks.c     keys of the worker's that say something about ours
 *
 * Each family is a table: a row renames a key, hands it to a rule, or says why it does nothing. A
 * key that is in no table is ours, the worker's or nobody's, and passes through; the worker
 * reports what is nobody's. docs/coming-from.md tells users the same; test_aliases.c compares.
 *
 * Threads  None of its own. State: all in mqtt_config.
 */
#ifndef MQTT_ALIASES_H
#define MQTT_ALIASES_H

#include "settings.h"

#define MQTT_CAMEL_CLASS "org.apache.camel.kafkaconnector.mqttsource.CamelMqttsourceSourceConnector"
#define MQTT_CAMEL5_CLASS                                                                          \
    "org.apache.camel.kafkaconnector.mqtt5source.CamelMqtt5sourceSourceConnector"
#define MQTT_CONFLUENT_CLASS "io.confluent.connect.mqtt.MqttSourceConnector"
#define MQTT_LENSES_CLASS    "io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector"
#define MQTT_OLD_LENSES_CLASS                                                                      \
    "com.datamountaineer.streamreactor.connect.mqtt.source.MqttSourceConnector"

/* One pair of the result. */
typedef struct mqtt_meaning {
    char *key, *value;
    const char *origin; /* the posted key it comes from; NULL: nobody posted it, a default */
} mqtt_meaning;

/* A config on its way from what was posted to what it means. */
typedef struct mqtt_config {
    const weir_config_host *host;
    const weir_pair *pairs; /* as posted */
    size_t count;
    mqtt_meaning *meant;
    size_t meant_count, meant_room;
    bool camel, camel5, confluent, lenses; /* by connector.class */
    bool aggregation_said;
} mqtt_config;

/* The posted value, the last of several; NULL: absent, or null. */
const char *mqtt_posted(const mqtt_config *config, const char *key);
/* What the result says so far, and under which posted key; NULL: nothing. */
const char *mqtt_meant(const mqtt_config *config, const char *key);

/* A key that keeps its name. */
void mqtt_mean(mqtt_config *config, const char *key, const char *value);
/* An alias gives way to the canonical key; when both were posted, or two aliases, and differ, that
 * is an error that names both. */
void mqtt_mean_alias(mqtt_config *config, const char *alias, const char *canonical,
                     const char *value);
/* What nobody has said under any name, once all pairs were looked at. `whose` is told as INFO. */
void mqtt_mean_default(mqtt_config *config, const char *key, const char *value, const char *whose);
void mqtt_config_clear(mqtt_config *config);

#define MQTT_NOTE(config, level, key, ...)                                                         \
    ((config)->host->note((config)->host, level, key, __VA_ARGS__))

/* One key of another connector's. Of canonical, rule and says one is there; a row with none of
 * them takes the key in silence. */
typedef struct mqtt_alias {
    const char *key;       /* ends with a dot: whatever begins with it */
    const char *canonical; /* its name here */
    void (*rule)(mqtt_config *config, const char *key, const char *value);
    const char *says; /* why it has no effect, or whose effect it has */
    weir_level level; /* … and how loud */
} mqtt_alias;

extern const mqtt_alias mqtt_camel_aliases[], mqtt_confluent_aliases[], mqtt_lenses_aliases[],
    mqtt_simple_aliases[];

/* camel.kamelet.mqtt-source.<key>: the keys without their prefix. */
extern const mqtt_alias mqtt_kamelet_aliases[];

/* Does a row's key (or prefix) fit? */
bool mqtt_key_fits(const char *key, const char *row);
/* True: the table had a row for it, and what it says was done. */
bool mqtt_alias_apply(mqtt_config *config, const mqtt_alias *table, const char *key,
                      const char *value);

/* Families that need more than their table. True: the key is dealt with. */
bool mqtt_camel_take(mqtt_config *config, const char *key, const char *value);
void mqtt_camel_defaults(mqtt_config *config);
void mqtt_confluent_defaults(mqtt_config *config);
void mqtt_lenses_defaults(mqtt_config *config);

/* Keys of the worker's beside ours: what they make of throughput and of promises. */
void mqtt_check_producer(const mqtt_config *config);

/* ---- Words ---------------------------------------------------------------------------------- */

bool mqtt_is(const char *value, const char *word); /* any case; false for NULL */
bool mqtt_starts(const char *text, const char *prefix);
/* A whole number from `low` to `high`. */
bool mqtt_whole(const char *text, int64_t low, int64_t high, int64_t *ret_number);

#endif
