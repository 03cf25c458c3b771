/* task_config.h - everything one source task is configured with, read once when it starts.
 *
 * Three levels meet here (connect-internals.md 2.10, 5): the worker's settings, the connector's
 * posted config, the task's own config. Variables (config/providers.h) are resolved here, so a
 * value that has changed counts from the next start on. Immutable once read.
 */
#ifndef WEIR_TASK_TASK_CONFIG_H
#define WEIR_TASK_TASK_CONFIG_H

#include "base/err.h"
#include "base/props.h"
#include "config/options.h"
#include "config/secrets.h"
#include "config/worker_settings.h"
#include "plugin/registry.h"
#include "record/converter.h"
#include "task/error_policy.h"

/* Records on their way and not yet settled, per task; a smaller queue.buffering.max.messages of
 * the user's is honoured. */
#define WEIR_TASK_IN_FLIGHT 50000

typedef struct weir_task_config {
    const weir_plugin_desc *plugin;
    weir_settings *settings; /* the plugin's */
    weir_converter *converters[WEIR_HEADER + 1];
    char *classes[WEIR_HEADER + 1]; /* the converters', as configured */
    weir_error_policy errors;
    weir_props producer;  /* librdkafka properties */
    size_t in_flight;     /* bound */
    double linger_ms;     /* as the user has it; `producer` may have more (pace.h) */
    weir_secrets secrets; /* passwords, and what came in place of variables */
} weir_task_config;

typedef struct weir_task_config_source {
    const char *connector;
    int32_t task;
    const weir_registry *registry;
    const weir_plugin_desc *plugin; /* NULL: found in the registry by connector.class */
    const weir_worker_settings *worker;
    const weir_props *connector_config, *task_config; /* with variables */
} weir_task_config_source;

/* Fills a zeroed *config. Whatever it returns, weir_task_config_clear() belongs after it.
 *   WEIR_NOT_FOUND  no such plugin: names the class and the plugins there are;
 *   WEIR_INVALID    a converter, a plugin's key or a producer property is wrong, or a password is a
 *                   variable that stands for nothing here;
 *   WEIR_FAILED     a variable's file cannot be read.
 * The text holds none of config->secrets. */
WEIR_MUST_CHECK weir_code weir_task_config_read(const weir_task_config_source *source,
                                                weir_task_config *config, weir_err *err);
void weir_task_config_clear(weir_task_config *config);

#endif
