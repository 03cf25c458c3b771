/* no_poll.c - broken: a source without poll(). */
#include "idle_source.h"

static const weir_option options[] = {{0}};
static const weir_source source = {
    .size = sizeof(weir_source),
    .start = idle_start,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = idle_stop,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "no-poll",
    .version = "1.0.0",
    .options = options,
    .source = &source,
};
