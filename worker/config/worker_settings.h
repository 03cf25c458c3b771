/* worker_settings.h - everything an operator can set on a worker, read and checked once.
 *
 * The option table holds the worker keys of connect-internals.md 7.1 that weir honours; every
 * other property stays available to the Kafka clients (client_config.h).
 * Threads: immutable once read; any thread may read it.
 */
#ifndef WEIR_CONFIG_WORKER_SETTINGS_H
#define WEIR_CONFIG_WORKER_SETTINGS_H

#include "base/err.h"
#include "base/log.h"
#include "base/props.h"
#include "config/options.h"
#include "config/providers.h"

typedef struct weir_worker_settings {
    /* ---- as in the table ---- */
    const char *bootstrap_servers, *group_id;
    const char *client_id; /* NULL: none */
    const char *config_topic, *offset_topic, *status_topic;
    int64_t config_replication, offset_replication, status_replication; /* -1: the broker's */
    int64_t offset_partitions, status_partitions;                       /* -1: the broker's */
    int64_t offset_flush_interval_ms, offset_flush_timeout_ms;
    const char *listeners;       /* "http://host:8083"; only the first is bound */
    const char *advertised_host; /* NULL: the listener's, else this machine's name */
    int64_t advertised_port;     /* 0: the listener's */
    const char *plugin_path;     /* directories and .so files, comma-separated */
    const char *key_converter, *value_converter, *header_converter; /* Java class names */
    int64_t session_timeout_ms, heartbeat_interval_ms, rebalance_timeout_ms;
    bool watch;                   /* worker.watch: peers are watched over HTTP */
    int64_t rebalance_delay_ms;   /* scheduled.rebalance.max.delay.ms: 0 here */
    int64_t graceful_shutdown_ms; /* task.shutdown.graceful.timeout.ms */
    int64_t rest_request_timeout_ms, rest_max_body_bytes, rest_max_connections;
    bool rest_comments;          /* rest.json.comments: comments in posted JSON */
    bool rest_status_details;    /* rest.status.details: `details` of tasks in status */
    const char *override_policy; /* connector.client.config.override.policy */
    const char *provider_names;  /* config.providers */
    const char *log_level, *log_format;

    /* ---- derived ---- */
    char listen_host[256]; /* "" = every interface */
    uint16_t listen_port;
    char worker_id[256]; /* advertised host:port, as status records name this worker */
    char url[272];       /* "http://<worker_id>/": where peers forward to */

    weir_props props; /* every property, with values in place of variables */
    weir_providers *providers;
    weir_settings *strings;
} weir_worker_settings;

/* Reads a property file (NULL: none), puts CONNECT_* of `environment` on top (NULL: none), resolves
 * variables, checks. Sets up the log as the settings ask for, then logs unknown keys as warnings
 * and says which keys have no effect. WEIR_INVALID names key, value (as it is written, not what a
 * variable stands for) and what is allowed; WEIR_FAILED: a provider cannot read its file. */
WEIR_MUST_CHECK weir_code weir_worker_settings_read(const char *path,
                                                    const char *const *environment,
                                                    weir_worker_settings **ret_settings,
                                                    weir_err *err);
void weir_worker_settings_free(weir_worker_settings *settings);

/* The table, for `weir config`. */
extern const weir_option weir_worker_options[];

#endif
