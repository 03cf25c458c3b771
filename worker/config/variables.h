/* variables.h - ${provider:[path:]key} in the value of a property, found as Kafka finds it
 * (connect-internals.md 2.9).
 *
 * A variable goes to the first '}' and has a ':' before that; what has none is text. There is no
 * escape and no nesting. The path ends at the first ':' after the provider's; it may be missing or
 * empty, which is the same.
 */
#ifndef WEIR_CONFIG_VARIABLES_H
#define WEIR_CONFIG_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct weir_piece { /* of the text that was searched */
    const char *at;
    size_t size;
} weir_piece;

typedef struct weir_variable {
    weir_piece whole; /* "${" to "}" */
    weir_piece provider, path, key;
} weir_variable;

/* The first variable in `text`; search on behind its `whole`. False: there is none. */
bool weir_variable_find(const char *text, weir_variable *ret_variable);

#endif
