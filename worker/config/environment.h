/* environment.h - CONNECT_* variables become properties (connect-internals.md 9.1):
 * CONNECT_GROUP_ID → group.id; `_` → `.`, `__` → `_`, `___` → `-`, lower case.
 */
#ifndef WEIR_CONFIG_ENVIRONMENT_H
#define WEIR_CONFIG_ENVIRONMENT_H

#include "base/props.h"

/* Sets a property for each CONNECT_* variable of a NULL-terminated environment (NULL: none), but
 * for the names that container images use for themselves (9.1): CONNECT_REST_PORT becomes the
 * listener unless there is one, CONNECT_LOG4J_ROOT_LOGLEVEL the log's level likewise; for the rest
 * of CONNECT_LOG4J_* one line in the log says that they do nothing.
 *
 * WEIR_PLUGIN_PATH, which images set for the plugins they bring, comes before `plugin.path`: who
 * mounts plugins of his own, or has a CONNECT_PLUGIN_PATH for a JVM, does not lose those. */
void weir_environment_apply(const char *const *environment, weir_props *props);

#endif
