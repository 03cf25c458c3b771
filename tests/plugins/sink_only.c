/* sink_only.c - broken for this worker, which has no contract for sinks yet. */
#include "weir_plugin.h"

static const weir_option options[] = {{0}};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "sink-only",
    .version = "1.0.0",
    .options = options,
    .sink = (const struct weir_sink *)options,
};
