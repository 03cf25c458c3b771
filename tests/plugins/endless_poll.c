/* endless_poll.c - broken: the first poll() never comes back. */
#include "idle_source.h"

#include <unistd.h>

static const weir_option options[] = {{0}};

static weir_status endless(void *self, int64_t deadline_ms)
{
    (void)self, (void)deadline_ms;
    for (;;)
        pause();
    return WEIR_DONE;
}

static const weir_source source = {
    .size = sizeof(weir_source),
    .start = idle_start,
    .poll = endless,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = idle_stop,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "endless-poll",
    .version = "1.0.0",
    .options = options,
    .source = &source,
};
