/* no_name.c - broken: a plugin that cannot be asked for. */
#include "idle_source.h"

static const weir_option options[] = {{0}};
static const weir_source source = {IDLE_SOURCE};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .version = "1.0.0",
    .options = options,
    .source = &source,
};
