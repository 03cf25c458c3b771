/* connector_check.h - is this a connector config, and what tasks does it make?
 *
 * One examination serves POST, PUT, the validation call and starting a task: common connector keys
 * (connect-internals.md 7.3, connect-rest-api.md 4), the plugin's options under its aliases
 * (normalise), its own cross-field checks (validate), and the plan.
 */
#ifndef WEIR_PLUGIN_CONNECTOR_CHECK_H
#define WEIR_PLUGIN_CONNECTOR_CHECK_H

#include "base/json.h"
#include "base/props.h"
#include "config/options.h"
#include "config/providers.h"
#include "plugin/foreign.h"
#include "plugin/registry.h"

#include <stdbool.h>

/* The connector keys that are weir's and not the plugin's. */
typedef struct weir_connector_settings {
    const char *name, *connector_class;
    int64_t tasks_max;
    const char *key_converter, *value_converter, *header_converter; /* NULL: the worker's */
    bool tasks_max_enforce;
    const char *errors_tolerance; /* none, all */
    int64_t errors_retry_timeout_ms, errors_retry_delay_max_ms;
    bool errors_log_enable, errors_log_messages;
    const char *dead_letters; /* a topic; "": none */
    int64_t dead_letter_replication;
    bool dead_letter_headers;
    const char *config_action_reload;
    /* Known so that Kafka's configs are judged as Kafka judges them; without effect here. */
    const char *plugin_version;
    const char *key_converter_version, *value_converter_version, *header_converter_version;
    const char *transforms, *predicates, *topic_creation_groups;
    const char *exactly_once_support, *transaction_boundary, *transaction_boundary_interval;
    const char *offsets_storage_topic;
} weir_connector_settings;

extern const weir_option weir_connector_options[];

/* In each planned task: the notes as JSON text, so that whoever runs it says them again. */
#define WEIR_NOTES_KEY "weir.notes"

typedef struct weir_check { /* zero it before; weir_check_clear() after */
    /* WEIR_OK; WEIR_INVALID with Connect's words ("Connector configuration is invalid and contains
     * the following 2 error(s): …"); WEIR_NOT_FOUND: no such plugin, with its words; WEIR_FAILED:
     * the plugin's own failure, or a variable's file cannot be read; from the foreign thread also
     * WEIR_TIMED_OUT, WEIR_CLOSED. */
    weir_code code;
    weir_err err;          /* whole lines are left out where there is no room for all */
    char *message;         /* what err says, uncut; NULL when `code` is WEIR_OK */
    json_t *report;        /* body of PUT …/config/validate; NULL when no plugin was asked */
    weir_props resolved;   /* what was asked about, with values in place of variables */
    weir_props normalised; /* the same in the plugin's own keys */
    weir_secrets secrets;  /* what must not be shown of the two above */
    weir_props *tasks;     /* the plan: complete task configs, "task.class" included, with variables
                            * where the config had them */
    size_t task_count;
    json_t *notes; /* [{"level":"WARN","key":"x","text":"…"}], WARN or INFO, key may be null: of the
                    * plugin, and of keys nobody knows; no secrets. NULL when `report` is. Logging
                    * them is up to who acts on the check. */
} weir_check;

/* A planned task of another connector. */
typedef struct weir_check_neighbour {
    const char *connector;
    int32_t task;
    const weir_props *config;
} weir_check_neighbour;

typedef struct weir_check_request {
    const weir_registry *registry;
    const weir_props *worker; /* the worker's properties: default converters, override policy */
    const weir_providers
        *providers;            /* of the variables; NULL: none. Has to stay, as the registry */
    const char *connector;     /* the name; NULL: taken from the config (validation call) */
    const char *class_in_path; /* PUT /connector-plugins/{p}/…: must fit; NULL: not asked */
    const weir_props *config;  /* as posted */
    bool plan;
    bool probe; /* try it against the outside world, when nothing is wrong with it so far */
    /* For the plan: every planned task of every other connector, whatever its plugin; or none. */
    const weir_check_neighbour *neighbours;
    size_t neighbour_count;
} weir_check_request;

/* [foreign, or a test] Does it all, now; calls into the plugin. */
void weir_check_run(const weir_check_request *request, weir_check *check);
void weir_check_clear(weir_check *check);

/* [any] The same on the foreign thread, waited for: WEIR_TIMED_OUT after its limit (`check` then
 * says so in words). */
weir_code weir_check_on(weir_foreign *foreign, const weir_check_request *request,
                        weir_check *check);
/* [any] The same, not waited for: `done` hears the result exactly once, on the foreign thread, its
 * watchdog or the thread that stops them, and takes it over by copying the struct. The request's
 * strings and props are copied; the registry must stay. Not WEIR_OK: `done` will not be called. */
typedef void weir_check_done(void *ctx, weir_check *check);
WEIR_MUST_CHECK weir_code weir_check_submit(weir_foreign *foreign,
                                            const weir_check_request *request,
                                            weir_check_done *done, void *ctx);

/* Must the value of this key stay out of what is shown? By the option, or by its name. */
bool weir_connector_key_is_secret(const weir_plugin_desc *desc, const char *key);

/* GET /connector-plugins/{p}/config: the plugin's and the common keys, as Kafka describes them. */
json_t *weir_check_definitions(const weir_plugin *plugin);

#endif
