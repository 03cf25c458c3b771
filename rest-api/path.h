/* path.h - from a request target to decoded segments and query parameters.
 *
 * Strict where two servers could read one path in two ways: what Connect's own server refuses
 * (connect-rest-api.md 0, 2.5) is refused here. A pure function.
 */
#ifndef WEIR_REST_PATH_H
#define WEIR_REST_PATH_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct weir_param {
    char *name, *value; /* decoded; "" without "=" */
} weir_param;

typedef struct weir_path { /* zero it before; weir_path_clear() after */
    char **segments;       /* decoded, without matrix parameters; none for "/" */
    size_t count;
    weir_param *params; /* in the order given, repeats included */
    size_t param_count;
    char *raw;   /* the path as received, for passing on; begins with "/" */
    char *query; /* the query as received, without "?"; NULL: none */
} weir_path;

/* WEIR_INVALID: err says in a few words what is wrong with the path. */
WEIR_MUST_CHECK weir_code weir_path_parse(const char *target, weir_path *path, weir_err *err);
void weir_path_clear(weir_path *path);

/* The value of the first parameter of that name; NULL: there is none. */
const char *weir_path_param(const weir_path *path, const char *name);
/* Java's Boolean.valueOf: "true" in any case is true, all else false; `fallback` when missing. */
bool weir_path_flag(const weir_path *path, const char *name, bool fallback);

#endif
