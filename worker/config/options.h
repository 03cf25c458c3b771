/* options.h - an option table (weir_plugin.h) at work: text in, a filled struct out.
 *
 * One table parses, fills in defaults, checks ranges, answers the REST validation call, masks
 * secrets and prints the docs. Error texts follow Kafka's ConfigDef (connect-rest-api.md 4.2):
 * "Invalid value abc for configuration tasks.max: Not a number of type INT".
 */
#ifndef WEIR_CONFIG_OPTIONS_H
#define WEIR_CONFIG_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/props.h"
#include "weir_plugin.h"

/* A filled struct and the strings it points to. */
typedef struct weir_settings weir_settings;

/* Fills a zeroed struct of `size` bytes from `props`; keys that the table does not name are
 * ignored. WEIR_INVALID names the first bad key, its value (never a secret's) and what is allowed,
 * or the required key that is missing. */
WEIR_MUST_CHECK weir_code weir_settings_new(const weir_option *options, size_t size,
                                            const weir_props *props, weir_settings **ret_settings,
                                            weir_err *err);
/* The struct; valid until weir_settings_free(). */
const void *weir_settings_get(const weir_settings *settings);
void weir_settings_free(weir_settings *settings);

/* The row named `name`, or the WEIR_PAIRS row that takes it; NULL: none. */
const weir_option *weir_option_find(const weir_option *options, const char *name);
/* Is this text a value of this option? `value` NULL: absent (WEIR_INVALID when required). */
WEIR_MUST_CHECK weir_code weir_option_check(const weir_option *option, const char *value,
                                            weir_err *err);
/* Kafka's name of the type: STRING, INT, LONG, DOUBLE, BOOLEAN, LIST, PASSWORD. INT when the
 * limits fit 32 bits, else LONG. */
const char *weir_option_type_text(const weir_option *option);
/* The default as shown: NULL when required or unset. */
const char *weir_option_default(const weir_option *option);
/* Takes the next element of a comma-separated list at *at, trimmed; empty ones are skipped. The
 * caller's to free(); NULL at the end. */
char *weir_list_take(const char **at);
/* The keys of a table for people, group by group: aligned text, or Markdown tables. */
void weir_options_print(const weir_option *options, bool markdown, weir_buf *out);

#endif
