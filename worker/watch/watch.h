/* watch.h - who of the other workers is still alive, known within milliseconds (cluster.md 4).
 *
 * A watch is `GET /internal/watch` on a worker's REST port: an answer that names the worker and
 * the life of its process (the instance), and then does not end before the process does. When it
 * ends without a farewell, the same address is asked again at once: who answers there, or that the
 * host refuses, tells a dead process from a broken connection.
 *
 * Here is no judgement: what was seen is told, the herder decides what it means. What a peer
 * sends is not trusted, and bounded.
 *
 * Threads  One of its own, with libcurl; it never waits for a single peer. The calls are for any
 *          thread but never two at a time for weir_watch_stop().
 */
#ifndef WEIR_WATCH_WATCH_H
#define WEIR_WATCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_watch weir_watch;

typedef enum weir_watch_change {
    /* It answers as the instance it should be: the first time, and each time it was asked again. */
    WEIR_WATCH_ALIVE,
    /* It said that it ends. Not looked at again. */
    WEIR_WATCH_BYE,
    /* The watch ended without farewell, or the peer is `proven`; and the host refuses connections,
     * or another instance answers. That process is gone. Not looked at again. */
    WEIR_WATCH_DEAD,
    /* The watch ended, or could not begin, and nobody answers in a way that tells. Said once, and
     * asked again until something else can be said. */
    WEIR_WATCH_UNKNOWN,
    /* It never answered as the instance it should be, and is not `proven`. Not looked at again. */
    WEIR_WATCH_STRANGER,
    /* Last words: `item`, `signal`, `ran_ms`. DEAD or UNKNOWN follows. */
    WEIR_WATCH_CRASHED,
} weir_watch_change;

typedef struct weir_watch_news { /* borrowed for the call */
    weir_watch_change change;
    const char *worker, *instance; /* whom it is about */
    const char *text;              /* in words, never NULL: "connection refused" */
    const char *item; /* CRASHED, else NULL: "<connector>/<task>" as the peer wrote it */
    int signal;
    int64_t ran_ms;
} weir_watch_news;

typedef struct weir_watch_peer {
    const char *worker, *instance;
    const char *url; /* "http://host:port/" */
    bool proven;     /* that URL has answered as this instance before, no matter to whom */
} weir_watch_peer;

/* [watch] May call weir_watch_peers(). */
typedef void weir_watch_report(void *ctx, const weir_watch_news *news);

weir_watch *weir_watch_start(weir_watch_report *report, void *ctx);

/* [any] The whole set from now on; copied. Who is in it already (same worker, instance and url)
 * goes on undisturbed, also when there was nothing more to say about it; who is not any more is
 * let go of. A report that is under way may still come after the call. */
void weir_watch_peers(weir_watch *watch, const weir_watch_peer *peers, size_t count);

/* No report after it has returned; a report must not call it. NULL is fine. */
void weir_watch_stop(weir_watch *watch);

#endif
