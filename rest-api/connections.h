/* connections.h - who makes room when too many are connected.
 *
 * libmicrohttpd takes no new connection beyond its limit, so clients that keep theirs without ever
 * finishing a request could shut everybody else out. When an eighth of the places is left, the
 * connection that has gone longest without a whole request gives up its own, if that was long;
 * when the last one is taken, however long it was. One whose request is on its way in or being
 * answered never does.
 *
 * Threads  libmicrohttpd's alone.
 */
#ifndef WEIR_REST_CONNECTIONS_H
#define WEIR_REST_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct weir_connection weir_connection;

typedef struct weir_connections {  /* zeroed but for `enough` */
    weir_connection *first, *last; /* the longest without a whole request comes first */
    size_t count;
    size_t limit; /* libmicrohttpd's */
} weir_connections;

/* Room is made at once if need be; the socket stays the caller's. */
weir_connection *weir_connection_opened(weir_connections *all, int fd);
/* Its request is whole, and being answered until weir_connection_answered(). */
void weir_connection_busy(weir_connection *connection);
void weir_connection_answered(weir_connections *all, weir_connection *connection);
/* Frees it; call this before the socket is closed. */
void weir_connection_closed(weir_connections *all, weir_connection *connection);

#endif
