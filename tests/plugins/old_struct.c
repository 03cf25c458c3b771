/* old_struct.c - broken: written when the source struct ended before stop(), so that what lies
 * where stop() would be is somebody else's memory. */
#include "idle_source.h"

static const weir_option options[] = {{0}};
static const weir_source source = {
    .size = offsetof(weir_source, stop),
    .start = idle_start,
    .poll = idle_poll,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = idle_stop,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "old-struct",
    .version = "1.0.0",
    .options = options,
    .source = &source,
};
