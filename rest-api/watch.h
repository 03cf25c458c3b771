/* watch.h - those who watch this worker: GET /internal/watch (cluster.md 4).
 *
 * The answer is a chunked body: at once one line that names the worker and its instance, then
 * nothing until the end. A clean stop says {"bye":true}; a crash names what crashed
 * (base/last_words.h); of any other death the end of the connection is the news.
 *
 * A watch costs its connection and no thread: libmicrohttpd keeps it suspended. It does not look
 * at a suspended connection at all, so one thread for all of them waits for watchers that close,
 * or whose host is gone by TCP's own probes.
 */
#ifndef WEIR_REST_WATCH_H
#define WEIR_REST_WATCH_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#define WEIR_WATCHERS 64 /* at most */

typedef struct weir_watchers weir_watchers;

/* `connections`: how many the server takes. They cannot be made to give way (connections.h), so
 * half of them is left to others. */
weir_watchers *weir_watchers_start(size_t connections);

/* [libmicrohttpd] Begins the endless answer to this request. NULL: there are too many already.
 * Queue it and destroy it; it goes with its connection. `chunked`: the client speaks HTTP/1.1;
 * another one does not hear last words. */
struct MHD_Response *weir_watchers_answer(weir_watchers *watchers,
                                          struct MHD_Connection *connection, const char *worker,
                                          const char *instance, bool chunked);

/* [any] Says farewell to all of them, and to each that still comes; no connection of theirs is
 * suspended from now on. Waits for nobody. */
void weir_watchers_bye(weir_watchers *watchers);

/* After weir_watchers_bye() and libmicrohttpd's end. NULL is fine. */
void weir_watchers_stop(weir_watchers *watchers);

#endif
