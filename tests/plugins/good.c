/* good.c - not broken: a source that counts. Every task emits good.records records (0: for ever)
 * at good.rate a second (0: as fast as they go), the n-th of task t with key "t" and
 *   text, bytes   "t-n", filled up with "." to good.size bytes
 *   json          {"task":t,"n":n,"fill":"..."} of about that size
 *   null          a tombstone
 * status() tells how many were emitted and what became of them. */
#include "weir_plugin.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE (1024 * 1024)

typedef struct settings {
    const char *topic, *kind, *password;
    int64_t records, rate, size;
} settings;

static const char *const kinds[] = {"text", "bytes", "json", "null", NULL};
static const weir_option options[] = {
    {"good.topic", WEIR_FIELD(settings, topic), .importance = WEIR_HIGH, .group = "Good",
     .doc = "Topic to write to."},
    {"good.kind", WEIR_FIELD(settings, kind), .fallback = "text", .allowed = kinds,
     .importance = WEIR_MEDIUM, .group = "Good", .doc = "What values are."},
    {"good.records", WEIR_FIELD(settings, records), .fallback = "0", .min = 0, .max = INT64_MAX,
     .importance = WEIR_MEDIUM, .group = "Good", .doc = "Records a task emits; 0: for ever."},
    {"good.rate", WEIR_FIELD(settings, rate), .fallback = "10", .min = 0, .max = 1000000,
     .importance = WEIR_LOW, .group = "Good", .doc = "Records a second; 0: no limit."},
    {"good.size", WEIR_FIELD(settings, size), .fallback = "0", .min = 0, .max = MAX_SIZE,
     .importance = WEIR_LOW, .doc = "Bytes of a value at least."},
    {"good.password", WEIR_FIELD(settings, password), .fallback = WEIR_UNSET, .secret = true,
     .importance = WEIR_LOW, .doc = "Not used."},
    {0},
};

typedef struct good {
    const weir_host *host;
    const settings *settings;
    int64_t began_ms;
    uint64_t emitted;
    uint64_t outcomes[WEIR_ABANDONED + 1];
    bool draining;
    char *value; /* room for one */
} good;

static weir_status start(const weir_host *host, const void *settings_, void **self)
{
    good *g = calloc(1, sizeof(good));

    g->host = host;
    g->settings = settings_;
    g->began_ms = host->now_ms(host);
    g->value = malloc((size_t)g->settings->size + 128);
    *self = g;
    return WEIR_DONE;
}

static weir_data make_value(good *g)
{
    size_t size = (size_t)g->settings->size;
    const char *kind = g->settings->kind;
    int n;

    if (strcmp(kind, "null") == 0)
        return (weir_data){.kind = WEIR_NULL};
    if (strcmp(kind, "json") == 0) {
        n = sprintf(g->value, "{\"task\":%d,\"n\":%" PRIu64 ",\"fill\":\"", g->host->task,
                    g->emitted);
        for (; (size_t)n + 2 < size; n++)
            g->value[n] = '.';
        n += sprintf(g->value + n, "\"}");
        return (weir_data){WEIR_JSON, g->value, (size_t)n};
    }
    n = sprintf(g->value, "%d-%" PRIu64, g->host->task, g->emitted);
    for (; (size_t)n < size; n++)
        g->value[n] = '.';
    return (weir_data){strcmp(kind, "text") == 0 ? WEIR_TEXT : WEIR_BYTES, g->value, (size_t)n};
}

static weir_status emit(good *g)
{
    char key[16];
    weir_record record = {
        .size = sizeof(record),
        .topic = g->settings->topic,
        .partition = -1,
        .timestamp_ms = -1,
        .key = {WEIR_TEXT, key, (size_t)sprintf(key, "%d", g->host->task)},
        .value = make_value(g),
        .token = g->emitted,
    };
    weir_status status = g->host->emit(g->host, &record);

    g->emitted += status == WEIR_DONE;
    return status;
}

/* When the next record is due; -1: never. */
static int64_t due_ms(const good *g)
{
    int64_t rate = g->settings->rate;

    if (g->draining || (g->settings->records && g->emitted >= (uint64_t)g->settings->records))
        return -1;
    return rate == 0 ? g->began_ms : g->began_ms + (int64_t)g->emitted * 1000 / rate;
}

static weir_status poll_(void *self, int64_t deadline_ms)
{
    good *g = self;
    struct pollfd wakeup = {.fd = g->host->wakeup_fd, .events = POLLIN};
    weir_status status = WEIR_DONE;
    int64_t now_ms = g->host->now_ms(g->host), due = due_ms(g);

    for (int i = 0; i < 1000 && status == WEIR_DONE && due >= 0 && due <= now_ms; i++) {
        status = emit(g);
        due = due_ms(g);
    }
    if (status == WEIR_FATAL)
        return WEIR_FATAL;
    if (status == WEIR_AGAIN || due < 0 || due > deadline_ms)
        due = deadline_ms;
    if (due > now_ms)
        poll(&wakeup, 1, (int)(due - now_ms));
    return WEIR_DONE;
}

static void settled(void *self, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    good *g = self;

    (void)tokens;
    g->outcomes[outcome] += count;
}

static void drain(void *self)
{
    ((good *)self)->draining = true;
}

static void stop(void *self)
{
    free(((good *)self)->value);
    free(self);
}

static size_t status(void *self, char *json, size_t room)
{
    const good *g = self;
    int n = snprintf(json, room,
                     "{\"emitted\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"dead_lettered\":%" PRIu64
                     ",\"dropped\":%" PRIu64 ",\"abandoned\":%" PRIu64 "}",
                     g->emitted, g->outcomes[WEIR_DELIVERED], g->outcomes[WEIR_DEAD_LETTERED],
                     g->outcomes[WEIR_DROPPED], g->outcomes[WEIR_ABANDONED]);

    return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

/* As many tasks as it may have; each counts for itself. */
static weir_status plan(const weir_config_host *host, const void *settings_, int32_t max_tasks)
{
    (void)settings_;
    for (int32_t i = 0; i < max_tasks && i < 1000; i++)
        host->task(host, NULL, 0);
    return WEIR_DONE;
}

static const weir_source source = {
    .size = sizeof(weir_source),
    .start = start,
    .poll = poll_,
    .settled = settled,
    .drain = drain,
    .stop = stop,
    .status = status,
};

static const char *const aliases[] = {"GoodSource", "GoodSourceConnector",
                                      "com.example.GoodSourceConnector", NULL};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "good",
    .version = "1.2.3",
    .aliases = aliases,
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
    .plan = plan,
};
