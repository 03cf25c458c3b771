/* fails_start.c - broken: start() fails, for good or, with fails.how=retry, asking for another try.
 */
#include "idle_source.h"

#include <string.h>

typedef struct settings {
    const char *how;
} settings;

static const char *const ways[] = {"fatal", "retry", NULL};
static const weir_option options[] = {
    {"fails.how", WEIR_FIELD(settings, how), .fallback = "fatal", .allowed = ways},
    {0},
};

static weir_status start(const weir_host *host, const void *settings_, void **self)
{
    const settings *s = settings_;

    (void)self;
    return host->fail(host, strcmp(s->how, "retry") == 0 ? WEIR_RETRY : WEIR_FATAL,
                      "cannot start, as meant");
}

static const weir_source source = {
    .size = sizeof(weir_source),
    .start = start,
    .poll = idle_poll,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = idle_stop,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "fails-start",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
};
