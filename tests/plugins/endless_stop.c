/* endless_stop.c - broken: stop() never comes back. */
#include "idle_source.h"

#include <unistd.h>

static const weir_option options[] = {{0}};

static void endless(void *self)
{
    (void)self;
    for (;;)
        pause();
}

static const weir_source source = {
    .size = sizeof(weir_source),
    .start = idle_start,
    .poll = idle_poll,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = endless,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "endless-stop",
    .version = "1.0.0",
    .options = options,
    .source = &source,
};
