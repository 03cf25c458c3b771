/* watch_internal.h - what the files that make up the watch share; tests set the limits.
 *
 *   watch.c   the thread, the set of peers, when somebody is asked and what the answer means
 *   probe.c   one request: from the connection to its end, bytes to facts
 */
#ifndef WEIR_WATCH_WATCH_INTERNAL_H
#define WEIR_WATCH_WATCH_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "watch/watch.h"

#include <curl/curl.h>

#define WEIR_WATCH_LINE_BYTES 4096 /* a longer one ends the watch */

typedef struct weir_watch_limits {
    int64_t connect_ms, first_line_ms; /* both since the request was begun */
    int64_t stranger_ms;               /* an unproven peer is asked for so long */
    int64_t steady_ms;                 /* a watch that held so long was no passing one */
} weir_watch_limits;

weir_watch *weir_watch_start_with(weir_watch_report *report, void *ctx,
                                  const weir_watch_limits *limits);

/* ---- probe.c ----------------------------------------------------------------------------- */

/* How a request ended. */
typedef enum weir_probe_end {
    WEIR_PROBE_NOTHING, /* in no way that tells: time-out, reset, no answer of ours */
    WEIR_PROBE_BYE,
    WEIR_PROBE_REFUSED,   /* by the host */
    WEIR_PROBE_ANOTHER,   /* another worker or instance answers */
    WEIR_PROBE_NOT_FOUND, /* 404: whoever it is has no watch to offer */
} weir_probe_end;

typedef struct weir_probe weir_probe;

/* [watch] What a probe hears while it goes on; nothing of curl's may be freed in these. */
typedef struct weir_probe_hearer {
    void (*alive)(void *ctx); /* its first line was the right one */
    void (*crashed)(void *ctx, const char *item, int signal, int64_t ran_ms);
    void *ctx;
} weir_probe_hearer;

/* Begins a request to url + "internal/watch"; `address` (NULL: look the name up) says where to
 * connect to, as weir_probe_address() gave it. Everything given outlives the probe. */
weir_probe *weir_probe_begin(CURLM *multi, const char *url, const char *address, const char *worker,
                             const char *instance, const weir_watch_limits *limits,
                             const weir_probe_hearer *hearer);
/* By when its first line has to be there; 0: it is. */
int64_t weir_probe_deadline_ms(const weir_probe *probe);
/* The address that answered, the caller's to free(); valid from `alive` on. */
char *weir_probe_address(const weir_probe *probe);
/* Curl is done with it: what that means; text[] says it in words. */
weir_probe_end weir_probe_ended(weir_probe *probe, CURLcode code, char *text, size_t room);
/* NULL is fine. */
void weir_probe_free(weir_probe *probe);
/* Whose handle this is. */
weir_probe *weir_probe_of(CURL *easy);
void *weir_probe_ctx(const weir_probe *probe);

#endif
