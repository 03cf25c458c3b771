/* props.h - an ordered list of keys and values: a connector's config, a worker's properties.
 *
 * Keeps the order in which keys first came. A value may be NULL (JSON null in a posted config).
 * Look-ups are linear: configs have tens of keys.
 */
#ifndef WEIR_BASE_PROPS_H
#define WEIR_BASE_PROPS_H

#include "weir_plugin.h" /* weir_pair */

#include <stdbool.h>
#include <stddef.h>

typedef struct weir_props {
    weir_pair *pairs; /* keys and values owned here */
    size_t count;
    size_t room;
} weir_props;

#define WEIR_PROPS                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

/* for (const weir_pair *pair …) over all pairs, in order. */
#define WEIR_PROPS_EACH(pair, props)                                                               \
    for (const weir_pair *pair = (props)->pairs; pair && pair < (props)->pairs + (props)->count;   \
         pair++)

/* Adds the pair, or replaces the key's value where it stands. Copies both. */
void weir_props_set(weir_props *props, const char *key, const char *value);
/* The value; NULL when the key is missing or its value is NULL. */
const char *weir_props_get(const weir_props *props, const char *key);
bool weir_props_has(const weir_props *props, const char *key);
void weir_props_remove(weir_props *props, const char *key);
/* Sets every pair of `from` in `to`. */
void weir_props_merge(weir_props *to, const weir_props *from);
/* The same with only the keys that begin with `prefix`, which is taken off. */
void weir_props_merge_prefixed(weir_props *to, const weir_props *from, const char *prefix);
/* Same keys with the same values, in any order. */
bool weir_props_equal(const weir_props *a, const weir_props *b);
void weir_props_clear(weir_props *props); /* frees everything; empty and valid afterwards */

#endif
