/* environment.h - CONNECT_* variables become properties (connect-internals.md 9.1):
 * CONNECT_GROUP_ID → group.id; `_` → `.`, `__` → `_`, `___` → `-`, lower case.
 */
#ifndef WEIR_CONFIG_ENVIRONMENT_H
#define WEIR_CONFIG_ENVIRONMENT_H

#include "base/props.h"

/* Sets a property for each CONNECT_* variable of a NULL-terminated environment (NULL: none), but
 * for the names that container images use for themselves (9.1): CONNECT_LOG4J_* is skipped, and
 * CONNECT_REST_PORT becomes the listener unless there is one. */
void weir_environment_apply(const char *const *environment, weir_props *props);

#endif
