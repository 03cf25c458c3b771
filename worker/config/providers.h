/* providers.h - config providers: what ${provider:[path:]key} in a value stands for.
 *
 * Declared in the worker's properties under Kafka's names (config.providers,
 * config.providers.x.class, config.providers.x.param.y), of Kafka's classes: EnvVarConfigProvider
 * (the environment as it was at the start), FileConfigProvider (a property file, a key in it),
 * DirectoryConfigProvider (a directory, a file in it: its whole content). Files are read anew at
 * each resolution, each once.
 *
 * As in Kafka, a variable of a provider that is not declared, and one whose key its provider does
 * not have, stays as it is written, and a file that cannot be read is an error. Which of the former
 * are mistakes is the caller's to say: they are listed.
 *
 * Threads  Immutable once made; any thread may resolve. It reads files: not for the herder.
 * Errors   `err` must be given.
 */
#ifndef WEIR_CONFIG_PROVIDERS_H
#define WEIR_CONFIG_PROVIDERS_H

#include "base/err.h"
#include "base/props.h"
#include "config/secrets.h"

#include <stdbool.h>

typedef struct weir_providers weir_providers;

/* Those that the worker's properties declare, none being fine, too. `environment`: "NAME=value",
 * NULL-terminated, copied; NULL: empty. WEIR_INVALID: a class that is none of the three, or a
 * parameter that makes no sense; the text names the key and what there is. Parameters that a
 * provider does not know are logged as warnings. */
WEIR_MUST_CHECK weir_code weir_providers_new(const weir_props *worker,
                                             const char *const *environment,
                                             weir_providers **ret_providers, weir_err *err);
void weir_providers_free(weir_providers *providers);

/* A variable that stays as it is written although its provider is there. */
typedef struct weir_unresolved {
    char *key;  /* of the property whose value holds it */
    char *text; /* "${env:X}" */
    char *why;  /* "provider 'env': there is no environment variable 'X'" */
} weir_unresolved;

typedef struct weir_resolution { /* zero it before; weir_resolution_clear() after */
    weir_props props;            /* the same keys in the same order, with values in place */
    weir_props found;     /* the variables that were resolved, "${env:X}", and their values */
    weir_secrets secrets; /* the same values, to be shown as the variable */
    weir_unresolved *unresolved;
    size_t unresolved_count;
} weir_resolution;

/* Resolves the values of `raw`. `providers` NULL: none. WEIR_FAILED: a file or directory cannot be
 * read; the text names key, variable and provider, never content. */
WEIR_MUST_CHECK weir_code weir_providers_resolve(const weir_providers *providers,
                                                 const weir_props *raw, weir_resolution *resolution,
                                                 weir_err *err);
void weir_resolution_clear(weir_resolution *resolution);

/* Does this text hold a variable of a provider that is declared? NULL: no. */
bool weir_providers_know(const weir_providers *providers, const char *value);

#endif
