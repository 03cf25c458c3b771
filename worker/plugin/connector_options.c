/* connector_options.c - the keys every source connector has, whatever its plugin, in Kafka's order.
 * What is right for them is in connector_rules.c. */
#include "plugin/connector_check.h"

/* For docs and for reading; Kafka minds the case of the first two (connector_rules.c). */
static const char *const reload_actions[] = {"none", "restart", NULL};
static const char *const tolerances[] = {"none", "all", NULL};
static const char *const exactly_once_levels[] = {"requested", "required", NULL};
static const char *const boundaries[] = {"poll", "interval", "connector", NULL};

#define FIELD(name) WEIR_FIELD(weir_connector_settings, name)

const weir_option weir_connector_options[] = {
    {"name", FIELD(name), .importance = WEIR_HIGH, .group = "Common",
     .doc = "Name of the connector, unique in the cluster."},
    {"connector.class", FIELD(connector_class), .importance = WEIR_HIGH, .group = "Common",
     .doc = "Which plugin runs it: its name, or any other name it answers to."},
    {"connector.plugin.version", FIELD(plugin_version), .fallback = WEIR_UNSET,
     .importance = WEIR_MEDIUM, .group = "Common",
     .doc = "Version of the plugin that has to serve; unset: the one there is."},
    {"tasks.max", FIELD(tasks_max), .fallback = "1", .min = 1, .max = INT32_MAX,
     .importance = WEIR_HIGH, .group = "Common", .doc = "How many tasks it may have at most."},
    {"tasks.max.enforce", FIELD(tasks_max_enforce), .fallback = "true", .importance = WEIR_LOW,
     .group = "Common", .doc = "Whether a plugin that makes more tasks than tasks.max is refused."},
    {"key.converter", FIELD(key_converter), .fallback = WEIR_UNSET, .importance = WEIR_LOW,
     .group = "Common", .doc = "Class that turns keys into bytes; unset: the worker's."},
    {"key.converter.plugin.version", FIELD(key_converter_version), .fallback = WEIR_UNSET,
     .importance = WEIR_LOW, .group = "Common", .doc = "Version of the key converter."},
    {"value.converter", FIELD(value_converter), .fallback = WEIR_UNSET, .importance = WEIR_LOW,
     .group = "Common", .doc = "Class that turns values into bytes; unset: the worker's."},
    {"value.converter.plugin.version", FIELD(value_converter_version), .fallback = WEIR_UNSET,
     .importance = WEIR_LOW, .group = "Common", .doc = "Version of the value converter."},
    {"header.converter", FIELD(header_converter), .fallback = WEIR_UNSET, .importance = WEIR_LOW,
     .group = "Common", .doc = "Class that turns headers into bytes; unset: the worker's."},
    {"header.converter.plugin.version", FIELD(header_converter_version), .fallback = WEIR_UNSET,
     .importance = WEIR_LOW, .group = "Common", .doc = "Version of the header converter."},
    {"transforms", FIELD(transforms), .fallback = "", .list = true, .importance = WEIR_LOW,
     .group = "Transforms", .doc = "Names of transformations, applied in this order."},
    {"predicates", FIELD(predicates), .fallback = "", .list = true, .importance = WEIR_LOW,
     .group = "Predicates", .doc = "Names of predicates that transformations refer to."},
    {"config.action.reload", FIELD(config_action_reload), .fallback = "restart",
     .allowed = reload_actions, .importance = WEIR_LOW, .group = "Common",
     .doc = "What happens when a value taken from a config provider changes."},
    {"errors.retry.timeout", FIELD(errors_retry_timeout_ms), .fallback = "0",
     .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc =
         "Milliseconds for which a record is tried again that failed for a reason that may pass, "
         "such as a missing right; -1: for ever."},
    {"errors.retry.delay.max.ms", FIELD(errors_retry_delay_max_ms), .fallback = "60000",
     .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc = "Longest pause between two tries, in milliseconds."},
    {"errors.tolerance", FIELD(errors_tolerance), .fallback = "none", .allowed = tolerances,
     .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc = "none: a record that fails ends the task; all: it goes to the dead-letter topic or, "
            "without one, is dropped, counted and logged."},
    {"errors.log.enable", FIELD(errors_log_enable), .fallback = "false", .importance = WEIR_MEDIUM,
     .group = "Error Handling", .doc = "Whether every record that fails is logged."},
    {"errors.log.include.messages", FIELD(errors_log_messages), .fallback = "false",
     .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc = "Whether that log line shows the record: topic, key, the start of its value."},
    {"topic.creation.groups", FIELD(topic_creation_groups), .fallback = "", .list = true,
     .importance = WEIR_LOW, .group = "Topic Creation",
     .doc = "Names of groups of topics that are created alike."},
    {"exactly.once.support", FIELD(exactly_once_support), .fallback = "requested",
     .allowed = exactly_once_levels, .importance = WEIR_MEDIUM, .group = "Exactly Once Support",
     .doc = "Whether the connector must be refused unless it delivers exactly once."},
    {"transaction.boundary", FIELD(transaction_boundary), .fallback = "poll", .allowed = boundaries,
     .importance = WEIR_MEDIUM, .group = "Exactly Once Support",
     .doc = "What a transaction ends with, when the connector delivers exactly once."},
    {"transaction.boundary.interval.ms", FIELD(transaction_boundary_interval),
     .fallback = WEIR_UNSET, .importance = WEIR_LOW, .group = "Exactly Once Support",
     .doc = "Milliseconds a transaction lasts when the boundary is interval."},
    {"offsets.storage.topic", FIELD(offsets_storage_topic), .fallback = WEIR_UNSET,
     .importance = WEIR_LOW, .group = "offsets.topic",
     .doc = "Topic for this connector's own offsets; unset: the worker's."},
    {"errors.deadletterqueue.topic.name", FIELD(dead_letters), .fallback = "",
     .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc = "Topic for records that fail, as they came; created when it is missing. Empty: none."},
    {"errors.deadletterqueue.topic.replication.factor", FIELD(dead_letter_replication),
     .fallback = "3", .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc = "Replicas of that topic when it is created; -1: as the broker has it."},
    {"errors.deadletterqueue.context.headers.enable", FIELD(dead_letter_headers),
     .fallback = "false", .importance = WEIR_MEDIUM, .group = "Error Handling",
     .doc = "Whether those records say in headers where, why and at what they failed."},
    {0},
};
