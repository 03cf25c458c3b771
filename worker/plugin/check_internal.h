/* check_internal.h - what the files of one examination share; private to worker/plugin.
 *
 *   connector_check.c    the order of events, the verdict
 *   check_job.c          the same on the foreign thread
 *   connector_options.c, connector_rules.c  Kafka's own connector keys: the table, the rules
 *   check_plugin.c       calls into the plugin: normalise, options, validate, plan, probe
 *   check_unknown.c      keys that nobody knows
 *   check_overrides.c, check_converters.c   what a connector changes about clients, converters
 *   check_errors.c       records that fail: dead-letter topic, tolerance
 *   check_variables.c    ${provider:path:key}: resolved before, put back into tasks
 *   check_secrets.c      takes secrets out of what a plugin says
 *   check_report.c       the body of the validation call
 */
#ifndef WEIR_PLUGIN_CHECK_INTERNAL_H
#define WEIR_PLUGIN_CHECK_INTERNAL_H

#include "plugin/connector_check.h"

/* Beyond these a plugin is out of its mind, not busy. */
#define WEIR_CHECK_MAX_TASKS 10000
#define WEIR_CHECK_MAX_PAIRS 10000
#define WEIR_CHECK_MAX_NOTES 1000

#define WEIR_NULL_VALUE "Null value can not be supplied as the configuration value."

/* One thing wrong with one key. */
typedef struct weir_finding {
    char *key, *text;
} weir_finding;

typedef struct weir_examination {
    const weir_check_request *request;
    weir_resolution resolution;
    const weir_props *config;         /* as posted, with values in place of variables */
    weir_check_neighbour *neighbours; /* the request's, likewise; NULL: there are none */
    weir_props *neighbour_configs;    /* what they point to */
    weir_secrets secrets;             /* values of variables, and of secret keys */
    const weir_plugin *plugin;
    const weir_plugin_desc *desc;
    char *connector;  /* the name, trimmed; "" when there is none */
    char *class_said; /* connector.class as posted, trimmed */
    weir_finding *findings;
    size_t finding_count, finding_room;
    json_t *notes;
    weir_props normalised;
    weir_props written, written_resolved; /* normalised, with variables, and what they stand for;
                                           * empty without variables */
    weir_props *tasks;
    size_t task_count;
    int64_t tasks_max;
    weir_err failure; /* the plugin's own failure, code WEIR_FAILED; code WEIR_OK: none */
} weir_examination;

/* ---- Findings ----------------------------------------------------------------------------- */

void weir_find(weir_examination *x, const char *key, const char *fmt, ...) WEIR_FORMAT(3, 4);
size_t weir_findings_of(const weir_examination *x, const char *key);
void weir_examination_clear(weir_examination *x);
void weir_check_note(weir_examination *x, weir_level level, const char *key, const char *text);

/* The value that counts: as posted or, for a key that was not, as the plugin's normalise() put it.
 */
const char *weir_examined(const weir_examination *x, const char *key);
/* Posted as JSON null. */
bool weir_posted_null(const weir_examination *x, const char *key);

/* ---- Kafka's own keys --------------------------------------------------------------------- */

/* What Kafka says about a key beyond its option; row i belongs to weir_connector_options[i]. */
typedef struct weir_connector_key {
    const char *name;
    const char *type; /* NULL: the option's */
    int order;        /* within its group */
    const char *width, *display;
    void (*rule)(weir_examination *x, const weir_option *option, const char *value, bool null);
} weir_connector_key;

extern const weir_connector_key weir_connector_keys[];
size_t weir_connector_key_count(void);

void weir_check_common(weir_examination *x);
/* The keys of the dead-letter topic (check_errors.c). */
void weir_rule_dead_letters(weir_examination *x, const weir_option *option, const char *value,
                            bool null);
void weir_rule_dead_letter_replication(weir_examination *x, const weir_option *option,
                                       const char *value, bool null);
bool weir_has_dead_letters(const weir_examination *x);
/* What errors.tolerance means without one. */
void weir_check_errors(weir_examination *x);
/* Keys of the normalised config that are nobody's: null is an error, anything else a note, or an
 * error too where the user wants that. */
void weir_check_unknown(weir_examination *x);
void weir_check_overrides(weir_examination *x);

/* ---- Converters --------------------------------------------------------------------------- */

/* A class under any of its names -> the full one; NULL: not ours. */
const char *weir_converter_class(const char *name);
/* May it stand at this key (key.converter, value.converter, header.converter)? */
bool weir_converter_serves(const char *class_name, const char *key);
/* The full names of those that may. */
json_t *weir_converter_classes_for(const char *key);
/* The options of the class that this connector names at the key; no row: it names none of ours. */
const weir_option *weir_converter_options(const weir_examination *x, const char *key);
void weir_check_converters(weir_examination *x);
/* What counts for `key`: the connector's value; for a converter's key, where the connector names
 * no class of its own, the worker's. A class comes under its full name. NULL: none. */
const char *weir_converter_key(const weir_examination *x, const char *key);

/* ---- Values ------------------------------------------------------------------------------- */

/* Calls `each` for every trimmed item of a comma-separated list; an empty text has none. */
void weir_each_item(const char *list, void (*each)(void *ctx, const char *item), void *ctx);
/* A copy without blanks around it; NULL in, NULL out. */
char *weir_trimmed(const char *text);
/* A value as the REST API shows it: parsed and printed again, a secret hidden; NULL when there is
 * none or it cannot be parsed. The caller's to free(). */
char *weir_shown_value(const weir_option *option, const char *value);

/* ---- The plugin --------------------------------------------------------------------------- */

/* False: the result is not complete, there is nothing in it to look at. */
bool weir_check_normalise(weir_examination *x);
void weir_check_plugin_options(weir_examination *x);
void weir_check_validate(weir_examination *x);
void weir_check_plan(weir_examination *x);
/* Is the task of a neighbour one of this plugin's? */
bool weir_is_neighbour(const weir_plugin_desc *desc, const weir_props *config);
/* Asks the plugin to try the config against the world. */
void weir_check_probe(weir_examination *x);
/* Takes the values of secret options out of whatever a plugin has said. */
void weir_check_hide_secrets(weir_examination *x);

/* ---- Variables ---------------------------------------------------------------------------- */

/* Before anything else: fills in x->config and the neighbours. */
weir_code weir_check_resolve(weir_examination *x, weir_err *err);
/* Once the config is normalised: where its variables are in the plugin's own keys. A secret that
 * came out of one and cannot be said with one is refused. */
void weir_check_write(weir_examination *x);
/* What to say about variables that stay as they are written. */
void weir_check_unresolved(weir_examination *x);
/* Puts variables back into the tasks. */
void weir_check_restore(weir_examination *x);
void weir_check_resolved_clear(weir_examination *x);
/* What the REST API shows as the value of a key that is `value`: never what a variable stands
 * for. The caller's to free(). */
char *weir_check_safe_value(const weir_examination *x, const char *key, const char *value);
/* Runs normalise() on another config than the one examined; what it says is not heard. False: it
 * did not like it, and `result` may be anything. */
bool weir_check_normalise_quietly(weir_examination *x, const weir_props *config,
                                  weir_props *result);

/* ---- The report --------------------------------------------------------------------------- */

json_t *weir_check_report(const weir_examination *x, const weir_props *worker);

#endif
