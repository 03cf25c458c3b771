/* ticker.c - a whole connector: one record a period, {"tick":17}. See ../writing-a-connector.md. */
#include "weir_plugin.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct ticker_settings {
    const char *topic;
    int64_t period_ms;
} ticker_settings;

static const weir_option options[] = {
    {"ticker.topic", WEIR_FIELD(ticker_settings, topic), .doc = "Kafka topic to write to."},
    {"ticker.period.ms", WEIR_FIELD(ticker_settings, period_ms), .fallback = "1000", .min = 1,
     .max = 86400000, .importance = WEIR_LOW, .doc = "Milliseconds between two ticks."},
    {0},
};

typedef struct ticker {
    const weir_host *host;
    const ticker_settings *settings;
    int64_t next_ms;
    uint64_t ticks;
    bool draining;
} ticker;

static weir_status start(const weir_host *host, const void *settings, void **self)
{
    ticker *t = calloc(1, sizeof(ticker));

    if (!t)
        return host->fail(host, WEIR_FATAL, "no memory");
    t->host = host;
    t->settings = settings;
    t->next_ms = host->now_ms(host);
    *self = t;
    return WEIR_DONE;
}

static weir_status tick(ticker *t)
{
    char json[40];
    int size = snprintf(json, sizeof(json), "{\"tick\":%llu}", (unsigned long long)t->ticks);
    weir_record record = {.size = sizeof(record),
                          .topic = t->settings->topic,
                          .partition = -1,
                          .timestamp_ms = -1,
                          .token = t->ticks,
                          .value = {WEIR_JSON, json, (size_t)size}};
    weir_status status = t->host->emit(t->host, &record);

    if (status == WEIR_DONE) {
        t->ticks++;
        t->next_ms += t->settings->period_ms;
    }
    return status;
}

static weir_status poll_source(void *self, int64_t deadline_ms)
{
    ticker *t = self;
    struct pollfd wakeup = {.fd = t->host->wakeup_fd, .events = POLLIN};
    int64_t now_ms = t->host->now_ms(t->host);
    weir_status status = WEIR_DONE;

    if (!t->draining && now_ms >= t->next_ms)
        status = tick(t);
    if (status == WEIR_FATAL)
        return status;
    /* No room: the same tick again when wakeup_fd says so. Else sleep until the next one. */
    if (status == WEIR_DONE && !t->draining && t->next_ms < deadline_ms)
        deadline_ms = t->next_ms;
    poll(&wakeup, 1, deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0);
    return WEIR_DONE;
}

/* A source that acknowledges to somebody would do so here, unless `outcome` is WEIR_ABANDONED. */
static void settled(void *self, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    (void)self, (void)tokens, (void)count, (void)outcome;
}

static void drain(void *self)
{
    ((ticker *)self)->draining = true;
}

static const weir_source source = {.size = sizeof(weir_source),
                                   .start = start,
                                   .poll = poll_source,
                                   .settled = settled,
                                   .drain = drain,
                                   .stop = free};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "ticker",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(ticker_settings),
    .source = &source,
};
