/* endless_plan.c - broken: plan() never comes back. */
#include "idle_source.h"

#include <unistd.h>

static const weir_option options[] = {{0}};

static weir_status plan(const weir_config_host *host, const void *settings, int32_t max_tasks)
{
    (void)host, (void)settings, (void)max_tasks;
    for (;;)
        pause();
    return WEIR_DONE;
}

static const weir_source source = {IDLE_SOURCE};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "endless-plan",
    .version = "1.0.0",
    .options = options,
    .source = &source,
    .plan = plan,
};
