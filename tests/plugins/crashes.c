/* crashes.c - broken: the second poll() crashes the process, unless the file exists that
 * `crashes.spared.by` names. */
#include "idle_source.h"

#include <unistd.h>

typedef struct settings {
    const char *file;
} settings;

static const weir_option options[] = {
    {"crashes.spared.by", WEIR_FIELD(settings, file), .doc = "A file that prevents the crash."},
    {0},
};

typedef struct source {
    const weir_host *host; /* first: idle_poll() looks for it there */
    const settings *settings;
    int polls;
} source;

static weir_status start(const weir_host *host, const void *given, void **self)
{
    source *s = calloc(1, sizeof(source));

    s->host = host;
    s->settings = given;
    *self = s;
    return WEIR_DONE;
}

static weir_status poll_then_crash(void *self, int64_t deadline_ms)
{
    source *s = self;
    volatile int *nowhere = (volatile int *)16;

    if (++s->polls >= 2 && access(s->settings->file, F_OK) != 0)
        *nowhere = 1;
    return idle_poll(self, deadline_ms);
}

static const weir_source calls = {
    .size = sizeof(weir_source),
    .start = start,
    .poll = poll_then_crash,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = idle_stop,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "crashes",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &calls,
};
