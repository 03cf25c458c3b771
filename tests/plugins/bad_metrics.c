/* bad_metrics.c - broken: a table of metrics that no page could show. Which way is chosen at load
 * by the environment variable BAD_METRIC; without it the table is good. */
#include "idle_source.h"

#include <string.h>

typedef struct settings {
    const char *text;
} settings;

static const weir_option options[] = {
    {"text", WEIR_FIELD(settings, text), .fallback = "a"},
    {0},
};

static const char *words[64] = {"up", "down", NULL};

static weir_metric metrics[300] = {
    {"messages_total", WEIR_COUNTER, "messages", .help = "Messages."},
    {"depth", WEIR_GAUGE, "queue.depth", .label = "queue", .help = "How deep it is."},
    {"link", WEIR_STATE, "state", .states = words, .help = "What the link is at."},
    {0},
};

static void make_endless(void)
{
    static char names[300][8];

    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        memcpy(names[i], "x_000", 6);
        names[i][2] = (char)('0' + i / 100);
        names[i][3] = (char)('0' + i / 10 % 10);
        names[i][4] = (char)('0' + i % 10);
        metrics[i] = metrics[1];
        metrics[i].name = names[i];
    }
}

__attribute__((constructor)) static void break_it(void)
{
    const char *how = getenv("BAD_METRIC");

    if (!how)
        return;
    if (strcmp(how, "capital") == 0)
        metrics[1].name = "Depth";
    else if (strcmp(how, "digit") == 0)
        metrics[1].name = "1depth";
    else if (strcmp(how, "type") == 0)
        metrics[1].type = (weir_metric_type)77;
    else if (strcmp(how, "no total") == 0)
        metrics[0].name = "messages";
    else if (strcmp(how, "total gauge") == 0)
        metrics[1].name = "depth_total";
    else if (strcmp(how, "no path") == 0)
        metrics[1].path = "";
    else if (strcmp(how, "no help") == 0)
        metrics[1].help = NULL;
    else if (strcmp(how, "label") == 0)
        metrics[1].label = "task";
    else if (strcmp(how, "no states") == 0)
        metrics[2].states = NULL;
    else if (strcmp(how, "no state") == 0)
        words[0] = NULL;
    else if (strcmp(how, "states of a gauge") == 0)
        metrics[1].states = words;
    else if (strcmp(how, "twice") == 0)
        metrics[2] = metrics[1];
    else if (strcmp(how, "endless") == 0)
        make_endless();
}

static const weir_source source = {IDLE_SOURCE};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "bad-metrics",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
    .metrics = metrics,
};
