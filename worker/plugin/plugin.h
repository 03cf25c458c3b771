/* plugin.h - a loaded connector that has kept its side of the contract.
 *
 * A weir_plugin is a shared object opened with dlopen() whose descriptor has been checked, once,
 * here: ABI, name, version, option table, exactly one of source and sink with every call that is
 * not optional. Code downstream relies on it without checking again.
 *
 * Ownership  Give back what weir_plugin_open() gave you with weir_plugin_close(), after every task
 *            made from it has stopped: closing unmaps its code.
 * Threads    Immutable while open, so any thread may read it.
 */
#ifndef WEIR_PLUGIN_PLUGIN_H
#define WEIR_PLUGIN_PLUGIN_H

#include "base/err.h"
#include "weir_plugin.h"

typedef struct weir_plugin weir_plugin;

/* Loads the shared object at `path`. On success sets *ret_plugin; otherwise leaves it alone:
 *   WEIR_NOT_FOUND     the file is missing or the linker will not have it;
 *   WEIR_INCOMPATIBLE  it is no connector, or one made for another ABI. */
WEIR_MUST_CHECK weir_code weir_plugin_open(const char *path, weir_plugin **ret_plugin,
                                           weir_err *err);
/* Unloads it. NULL is fine, and so is a plugin that was only half opened. */
void weir_plugin_close(weir_plugin *plugin);

const weir_plugin_desc *weir_plugin_desc_of(const weir_plugin *plugin);
const char *weir_plugin_path(const weir_plugin *plugin);
bool weir_plugin_is_source(const weir_plugin *plugin);

#endif
