/* fails_poll.c - broken: every poll() fails, for good or, with fails.how=retry, asking for another
 * try; with fails.how=silent it gives no reason. */
#include "idle_source.h"

#include <string.h>

typedef struct settings {
    const char *how;
} settings;

typedef struct source_state {
    const weir_host *host;
    const settings *settings;
} source_state;

static const char *const ways[] = {"fatal", "retry", "silent", NULL};
static const weir_option options[] = {
    {"fails.how", WEIR_FIELD(settings, how), .fallback = "fatal", .allowed = ways},
    {0},
};

static weir_status start(const weir_host *host, const void *settings_, void **self)
{
    source_state *state = malloc(sizeof(source_state));

    *state = (source_state){host, settings_};
    *self = state;
    return WEIR_DONE;
}

static weir_status fail(void *self, int64_t deadline_ms)
{
    const source_state *state = self;
    const char *how = state->settings->how;

    (void)deadline_ms;
    if (strcmp(how, "silent") == 0)
        return WEIR_FATAL;
    return state->host->fail(state->host, strcmp(how, "retry") == 0 ? WEIR_RETRY : WEIR_FATAL,
                             "cannot poll, as meant");
}

static const weir_source source = {
    .size = sizeof(weir_source),
    .start = start,
    .poll = fail,
    .settled = idle_settled,
    .drain = idle_drain,
    .stop = idle_stop,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "fails-poll",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
};
