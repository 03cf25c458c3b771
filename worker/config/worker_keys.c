/* worker_keys.c - see worker_keys.h. The option table itself is here as well: one place to look up
 * what a worker understands. */
#include "config/worker_keys.h"

#include "base/mem.h"
#include "config/worker_settings.h"

#include <string.h>

#define CLUSTER "Cluster"
#define TOPICS  "Internal topics"
#define REST    "REST API"
#define WORK    "Connectors"
#define LOG     "Log"

#define FIELD(name) WEIR_FIELD(weir_worker_settings, name)

static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};
static const char *const formats[] = {"logfmt", "json", NULL};

/* clang-format off: a table of sentences reads better with its own line ends. */
const weir_option weir_worker_options[] = {
    {"bootstrap.servers", FIELD(bootstrap_servers), .list = true, .group = CLUSTER,
     .doc = "Kafka brokers to start from, host:port, comma-separated."},
    {"group.id", FIELD(group_id), .group = CLUSTER,
     .doc = "Name of the cluster: workers with the same one share the work."},
    {"client.id", FIELD(client_id), .fallback = WEIR_UNSET, .importance = WEIR_LOW,
     .group = CLUSTER, .doc = "Becomes part of the client ids that brokers see."},
    {"session.timeout.ms", FIELD(session_timeout_ms), .fallback = "6000", .min = 2000,
     .max = 3600000, .group = CLUSTER,
     .doc = "Milliseconds without a heartbeat after which a worker counts as dead; brokers have "
            "limits of their own (group.min.session.timeout.ms)."},
    {"heartbeat.interval.ms", FIELD(heartbeat_interval_ms), .fallback = "500", .min = 1,
     .max = 3600000, .group = CLUSTER,
     .doc = "Milliseconds between heartbeats; less than a third of session.timeout.ms is wise."},
    {"rebalance.timeout.ms", FIELD(rebalance_timeout_ms), .fallback = "60000", .min = 1,
     .max = 86400000, .group = CLUSTER,
     .doc = "Milliseconds that workers have to join a new round of the group."},
    {"scheduled.rebalance.max.delay.ms", FIELD(rebalance_delay_ms), .fallback = "0",
     .max = INT32_MAX, .importance = WEIR_LOW, .group = CLUSTER,
     .doc = "Milliseconds to keep a lost worker's tasks for its return before others get them."},
    {"worker.watch", FIELD(watch), .fallback = "true", .importance = WEIR_LOW, .group = CLUSTER,
     .doc = "Workers hold an HTTP connection to each other's REST ports, and a dead one is noticed "
            "within milliseconds; false: only by the group's session timeout."},

    {"config.storage.topic", FIELD(config_topic), .group = TOPICS,
     .doc = "Compacted topic of connector configurations; the same on all workers of a cluster."},
    {"config.storage.replication.factor", FIELD(config_replication), .fallback = "3", .min = -1,
     .max = INT16_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Replicas of the config topic when it is created; -1: the broker's default."},
    {"offset.storage.topic", FIELD(offset_topic), .group = TOPICS,
     .doc = "Compacted topic of source offsets; the same on all workers of a cluster."},
    {"offset.storage.partitions", FIELD(offset_partitions), .fallback = "25", .min = -1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Partitions of the offset topic when it is created; -1: the broker's default."},
    {"offset.storage.replication.factor", FIELD(offset_replication), .fallback = "3", .min = -1,
     .max = INT16_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Replicas of the offset topic when it is created; -1: the broker's default."},
    {"offset.flush.interval.ms", FIELD(offset_flush_interval_ms), .fallback = "60000", .min = 1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Milliseconds between two commits of the source offsets that a task's records carry."},
    {"offset.flush.timeout.ms", FIELD(offset_flush_timeout_ms), .fallback = "5000", .min = 1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Milliseconds that a task which ends waits for Kafka to have its source offsets."},
    {"status.storage.topic", FIELD(status_topic), .group = TOPICS,
     .doc = "Compacted topic of connector and task states; the same on all workers of a cluster."},
    {"status.storage.partitions", FIELD(status_partitions), .fallback = "5", .min = -1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Partitions of the status topic when it is created; -1: the broker's default."},
    {"status.storage.replication.factor", FIELD(status_replication), .fallback = "3", .min = -1,
     .max = INT16_MAX, .importance = WEIR_LOW, .group = TOPICS,
     .doc = "Replicas of the status topic when it is created; -1: the broker's default."},

    {"plugin.path", FIELD(plugin_path), .fallback = WEIR_UNSET, .list = true, .group = WORK,
     .doc = "Directories and .so files to load connectors from, comma-separated."},
    {"key.converter", FIELD(key_converter), .group = WORK,
     .doc = "Converter of record keys (Java's class name) unless a connector names its own; its "
            "options follow key.converter."},
    {"value.converter", FIELD(value_converter), .group = WORK,
     .doc = "Converter of record values unless a connector names its own; its options follow "
            "value.converter."},
    {"header.converter", FIELD(header_converter), .importance = WEIR_LOW, .group = WORK,
     .fallback = "org.apache.kafka.connect.storage.SimpleHeaderConverter",
     .doc = "Converter of header values unless a connector names its own; its options follow "
            "header.converter."},
    {"task.shutdown.graceful.timeout.ms", FIELD(graceful_shutdown_ms), .fallback = "5000",
     .max = INT64_MAX, .importance = WEIR_LOW, .group = WORK,
     .doc = "Milliseconds that all tasks being stopped together have to end in order."},
    {"connector.client.config.override.policy", FIELD(override_policy), .fallback = "All",
     .importance = WEIR_MEDIUM, .group = WORK,
     .doc = "Which client properties connectors may override: All, None or Principal."},
    {"config.providers", FIELD(provider_names), .fallback = "", .list = true,
     .importance = WEIR_LOW, .group = WORK,
     .doc = "Names of config providers, for ${NAME:path:key} in the values of worker and "
            "connectors. config.providers.NAME.class is EnvVarConfigProvider, FileConfigProvider "
            "or DirectoryConfigProvider, with org.apache.kafka.common.config.provider. in front; "
            "config.providers.NAME.param.allowlist.pattern and .allowed.paths restrict them."},

    {"listeners", FIELD(listeners), .fallback = "http://:8083", .list = true,
     .importance = WEIR_LOW, .group = REST,
     .doc = "Where the REST API listens, http://host:port; without a host on every interface."},
    {"rest.advertised.host.name", FIELD(advertised_host), .fallback = WEIR_UNSET,
     .importance = WEIR_LOW, .group = REST,
     .doc = "Host name under which other workers reach this one; unset: the listener's host, else "
            "this machine's name."},
    {"rest.advertised.port", FIELD(advertised_port), .fallback = "0", .max = UINT16_MAX,
     .importance = WEIR_LOW, .group = REST,
     .doc = "Port under which other workers reach this one; 0: the listener's."},
    {"rest.request.timeout.ms", FIELD(rest_request_timeout_ms), .fallback = "90000", .min = 1,
     .max = INT32_MAX, .importance = WEIR_LOW, .group = REST,
     .doc = "Milliseconds after which a request is answered with a time-out."},
    {"rest.max.body.bytes", FIELD(rest_max_body_bytes), .fallback = "1048576", .min = 1024,
     .max = 1 << 30, .importance = WEIR_LOW, .group = REST,
     .doc = "Largest request body accepted, bytes."},
    {"rest.max.connections", FIELD(rest_max_connections), .fallback = "256", .min = 8, .max = 65536,
     .importance = WEIR_LOW, .group = REST, .doc = "Most connections served at once."},
    {"rest.json.comments", FIELD(rest_comments), .fallback = "false", .importance = WEIR_LOW,
     .group = REST, .doc = "Accept // and /* */ comments in posted JSON."},
    {"rest.status.details", FIELD(rest_status_details), .fallback = "true", .importance = WEIR_LOW,
     .group = REST,
     .doc =
         "Show what a running task reports as `details` in its status, and `notes` in the answer "
         "to a validation; false for clients that refuse unknown fields."},

    {"log.level", FIELD(log_level), .fallback = "info", .allowed = levels, .importance = WEIR_LOW,
     .group = LOG, .doc = "Least important lines that are written."},
    {"log.format", FIELD(log_format), .fallback = "logfmt", .allowed = formats,
     .importance = WEIR_LOW, .group = LOG, .doc = "One line an event, as logfmt or as JSON."},
    {0},
};

/* ---- Keys without effect --------------------------------------------------------------------- */

#define NO_SIGNING "workers take orders from the leader through Kafka, not by signed requests"
#define NO_JMX     "there is no JMX: GET /metrics is a page for Prometheus"
#define NO_TLS     "the REST API is plain HTTP: put a TLS proxy in front of it"
#define NO_CORS    "no CORS headers are sent: add them in a proxy"
#define REMOVED    "Kafka Connect 3.0 removed it"

static const weir_idle_key idle_keys[] = {
    {"access.control.allow.methods", WEIR_WARN, "", NO_CORS},
    {"access.control.allow.origin", WEIR_WARN, "", NO_CORS},
    {"admin.listeners", WEIR_WARN, NULL, "admin resources are served on the listener itself"},
    {"auto.include.jmx.reporter", WEIR_INFO, NULL, NO_JMX},
    {"config.storage.partitions", WEIR_INFO, "1", "the config topic always has one partition"},
    {"connect.protocol", WEIR_INFO, NULL, "weir's workers have one protocol of their own"},
    {"exactly.once.source.support", WEIR_WARN, "disabled", "delivery is at least once"},
    {"inter.worker.key.generation.algorithm", WEIR_INFO, NULL, NO_SIGNING},
    {"inter.worker.key.size", WEIR_INFO, NULL, NO_SIGNING},
    {"inter.worker.key.ttl.ms", WEIR_INFO, NULL, NO_SIGNING},
    {"inter.worker.signature.algorithm", WEIR_INFO, NULL, NO_SIGNING},
    {"inter.worker.verification.algorithms", WEIR_INFO, NULL, NO_SIGNING},
    {"internal.key.converter", WEIR_INFO, NULL, REMOVED},
    {"internal.value.converter", WEIR_INFO, NULL, REMOVED},
    {"metric.reporters", WEIR_INFO, "", NO_JMX},
    {"metrics.num.samples", WEIR_INFO, NULL, NO_JMX},
    {"metrics.recording.level", WEIR_INFO, NULL, NO_JMX},
    {"metrics.sample.window.ms", WEIR_INFO, NULL, NO_JMX},
    {"offset.storage.file.filename", WEIR_INFO, NULL, "offsets are kept in Kafka"},
    {"plugin.discovery", WEIR_INFO, NULL, "it is about Java class paths"},
    {"response.http.headers.config", WEIR_WARN, "",
     "no extra headers are sent: add them in a proxy"},
    {"rest.advertised.listener", WEIR_INFO, "http", NO_TLS},
    /* An API that was guarded must not open because its guard is written in Java. */
    {"rest.extension.classes", WEIR_ERROR, "",
     "Java classes cannot be loaded; remove the key and guard the REST API with a proxy"},
    {"rest.host.name", WEIR_WARN, NULL, REMOVED ": write listeners=http://host:port"},
    {"rest.port", WEIR_WARN, NULL, REMOVED ": write listeners=http://:port"},
    {"ssl.client.auth", WEIR_INFO, "none", NO_TLS},
    {"topic.creation.enable", WEIR_INFO, NULL, "topics of connectors are the brokers' to create"},
    {"topic.tracking.allow.reset", WEIR_INFO, NULL, "tracking of active topics has no switch"},
    {"topic.tracking.enable", WEIR_INFO, NULL, "tracking of active topics has no switch"},
    {"worker.sync.timeout.ms", WEIR_INFO, NULL, "workers follow the config topic continuously"},
    {"worker.unsync.backoff.ms", WEIR_INFO, NULL, "workers follow the config topic continuously"},
};
/* clang-format on */

const weir_idle_key *weir_idle_key_find(const char *name)
{
    for (size_t i = 0; i < WEIR_COUNT(idle_keys); i++)
        if (strcmp(idle_keys[i].name, name) == 0)
            return &idle_keys[i];
    return NULL;
}

bool weir_worker_key_is_ours(const char *name)
{
    static const char *const prefixes[] = {
        "producer.",
        "consumer.",
        "admin.",
        "key.converter.",
        "value.converter.",
        "header.converter.",
        "config.storage.",
        "offset.storage.",
        "status.storage.",
        "config.providers.",
        "listeners.https.",
        "admin.listeners.https.",
        "metrics.context.",
        "internal.key.converter.",
        "internal.value.converter.",
    };

    for (size_t i = 0; i < WEIR_COUNT(prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return weir_option_find(weir_worker_options, name) || weir_idle_key_find(name);
}
