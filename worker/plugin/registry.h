/* registry.h - every plugin this worker has, found by class name.
 *
 * Filled once at start from `plugin.path`; a broken file is skipped with an error naming it, and
 * the worker starts without it. Immutable afterwards: any thread may read it.
 */
#ifndef WEIR_PLUGIN_REGISTRY_H
#define WEIR_PLUGIN_REGISTRY_H

#include "plugin/plugin.h"

#include <stddef.h>

typedef struct weir_registry weir_registry;

/* `plugin_path`: directories (their *.so) and .so files, comma-separated; a directory that is
 * missing is a warning. NULL or "": the plugins beside the program (../lib/weir/plugins,
 * ./plugins). */
weir_registry *weir_registry_load(const char *plugin_path);
void weir_registry_free(weir_registry *registry);

size_t weir_registry_count(const weir_registry *registry);
const weir_plugin *weir_registry_at(const weir_registry *registry, size_t index); /* by name */
/* By name or alias, the whole class name; NULL: none. Of two with one name the one found first
 * serves, and the other is warned about at load. */
const weir_plugin *weir_registry_find(const weir_registry *registry, const char *class_name);

#endif
