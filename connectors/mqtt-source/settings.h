/* settings.h - the keys of mqtt-source, and what they mean when read together.
 *
 * mqtt_options fills an mqtt_settings, field by field. mqtt_setup is the same taken apart: brokers,
 * filters, QoS, templates. Making one is the cross-field check: validate(), plan() and start() all
 * go through it, so none accepts what another refuses.
 */
#ifndef MQTT_SETTINGS_H
#define MQTT_SETTINGS_H

#include "address.h"
#include "mapping.h"
#include "tls.h"
#include "weir_plugin.h"
#include "ws.h"

typedef struct mqtt_settings {
    const char *uris, *failover, *version, *client_id, *username, *password;
    mqtt_tls_settings ssl;
    mqtt_ws_settings ws;
    int64_t connect_timeout_s, keepalive_s, ping_timeout_ms;
    int64_t backoff_ms, backoff_max_ms, max_retry_ms;
    const char *startup_error;
    const char *topics, *connector_topics, *qos;
    bool clean;
    int64_t session_expiry_s, receive_maximum, max_packet;
    bool will_enabled, will_retained;
    const char *will_topic, *will_payload;
    int64_t will_qos, will_delay_s;
    const char *retain, *assignment, *share_group;
    const char *kafka_topic, *rules, *replacement, *kafka_key, *timestamp, *headers, *format;
    const weir_pair *rule_keys;
    int64_t max_topics;
    const char *header_include, *header_exclude;
    const weir_pair *header_static;
    const char *ack_mode;
    int64_t max_unacked, max_unacked_bytes, queue_size, batch_size, full_timeout_ms;
    const char *full_policy, *payload_level, *dedupe;
    const char *dedupe_key;
    int64_t dedupe_size, dedupe_ms;
    bool cleanup;
    const char *pause;
    const char *unknown_keys; /* read by the worker */
} mqtt_settings;

extern const weir_option mqtt_options[];

typedef enum mqtt_retain { MQTT_RETAIN_IF_NEW, MQTT_RETAIN_SEND, MQTT_RETAIN_NEVER } mqtt_retain;

typedef enum mqtt_dedupe {
    MQTT_DEDUPE_NONE,
    MQTT_DEDUPE_REDELIVERY,
    MQTT_DEDUPE_CONTENT, /* redeliveries too */
} mqtt_dedupe;

typedef enum mqtt_version {
    MQTT_VERSION_AUTO, /* 5, and 3.1.1 where a broker does not want it */
    MQTT_VERSION_3_1_1,
    MQTT_VERSION_5,
} mqtt_version;

/* What the broker publishes when the task is gone without a word, and what the task says itself
 * when it goes in order. All of it printable ASCII. */
typedef struct mqtt_will {
    char *topic; /* NULL: there is no will */
    char *payload;
    int qos;
    bool retained;
    uint32_t delay_s; /* MQTT 5 */
} mqtt_will;

typedef struct mqtt_setup {
    const mqtt_settings *settings; /* the caller's; outlives this */
    mqtt_endpoint *endpoints;
    size_t endpoint_count;
    mqtt_version version;
    uint16_t receive_maximum; /* MQTT 5 */
    size_t max_packet;        /* bytes */
    mqtt_will will;
    bool random_failover;
    char **filters;
    int *qos; /* one per filter */
    size_t filter_count;
    char **all_filters; /* … of the connector, for ${filter} */
    size_t all_count;
    char *client_id, *share_group; /* ${connector} put in; ${task} too when task >= 0 */
    mqtt_mapping mapping;
    mqtt_retain retain;
    mqtt_dedupe dedupe;
    bool shared, ack_on_receive, fail_when_full, first_failure_is_fatal, hold_when_paused;
    int payload_level; /* a weir_level; -1: payloads are not logged */
} mqtt_setup;

/* Hears what is found: WEIR_ERROR means there will be no setup. */
typedef struct mqtt_findings {
    void *ctx;
    void (*note)(void *ctx, weir_level level, const char *key, const char *text);
} mqtt_findings;

/* NULL when anything was found at WEIR_ERROR. `task` -1: for all of them, and the files of
 * mqtt.ssl.* are looked at; a task on its way finds out when it connects, and tries again. */
mqtt_setup *mqtt_setup_new(const mqtt_settings *settings, const char *connector, int task,
                           const mqtt_findings *findings);
void mqtt_setup_free(mqtt_setup *setup);

/* weir_plugin_desc's validate and plan. */
weir_status mqtt_validate(const weir_config_host *host, const void *settings);
weir_status mqtt_plan(const weir_config_host *host, const void *settings, int32_t max_tasks);
/* … and normalise (normalise.c). */
weir_status mqtt_normalise(const weir_config_host *host, const weir_pair *pairs, size_t count);
extern const char *const mqtt_class_aliases[];

#endif
