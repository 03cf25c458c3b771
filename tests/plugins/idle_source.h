/* idle_source.h - a source that does nothing, for plugins that are broken somewhere else. */
#ifndef WEIR_TESTS_IDLE_SOURCE_H
#define WEIR_TESTS_IDLE_SOURCE_H

#include "weir_plugin.h"

#include <poll.h>
#include <stdlib.h>

static inline weir_status idle_start(const weir_host *host, const void *settings, void **self)
{
    const weir_host **kept = malloc(sizeof(const weir_host *));

    (void)settings;
    *kept = host;
    *self = kept;
    return WEIR_DONE;
}

static inline weir_status idle_poll(void *self, int64_t deadline_ms)
{
    const weir_host *host = *(const weir_host **)self;
    int64_t left_ms = deadline_ms - host->now_ms(host);
    struct pollfd wakeup = {.fd = host->wakeup_fd, .events = POLLIN};

    poll(&wakeup, 1, left_ms > 0 ? (int)left_ms : 0);
    return WEIR_DONE;
}

static inline void idle_settled(void *self, const uint64_t *tokens, size_t count,
                                weir_outcome outcome)
{
    (void)self, (void)tokens, (void)count, (void)outcome;
}

static inline void idle_drain(void *self)
{
    (void)self;
}

static inline void idle_stop(void *self)
{
    free(self);
}

#define IDLE_SOURCE                                                                                \
    .size = sizeof(weir_source), .start = idle_start, .poll = idle_poll, .settled = idle_settled,  \
    .drain = idle_drain, .stop = idle_stop

#endif
