/* call.h - one request and its answer.
 *
 * server.c fills in the request, routes.c finds its route, one handler per route writes the
 * answer. A handler runs on a thread of its own and may wait.
 *
 * Threads  Belongs to one thread at a time: libmicrohttpd's while it is received and sent, the
 *          handler's in between. `abandoned` alone is set from outside.
 */
#ifndef WEIR_REST_CALL_H
#define WEIR_REST_CALL_H

#include "base/buf.h"
#include "base/json.h"
#include "rest-api/path.h"
#include "rest-api/server.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct weir_call weir_call;
typedef struct weir_route weir_route;

struct weir_route {
    const char *method;
    const char *path;                /* "*" stands for one segment */
    void (*handle)(weir_call *call); /* NULL: the answer is a watch (watch.h) */
    weir_ask ask;                    /* what the herder is asked, if it is */
    int success;                     /* the status when it goes well */
    bool reads_body;                 /* a body that is there must be JSON by its Content-Type */
    bool any_content;                /* no look at Content-Type at all */
    bool any_accept;                 /* nor at Accept */
};

struct weir_call {
    const weir_server_options *options;
    atomic_bool abandoned; /* nobody waits any more: end, touch nothing of `options` */

    /* ---- the request ------------------------------------------------------------------------- */
    char *method, *target;               /* as received */
    char *host, *accept, *authorization; /* NULL: not sent */
    char *content_type;                  /* the last one */
    int content_types;                   /* how many were sent */
    size_t header_bytes;                 /* all names and values */
    bool http11;
    weir_buf body;
    int64_t begun_ms, deadline_ms;

    /* ---- as routed --------------------------------------------------------------------------- */
    weir_path path;
    const weir_route *route;
    const char *args[2];   /* what the pattern's stars stand for */
    char *accepted_suffix; /* of the media type asked for: ";charset=utf-8"; NULL: none */

    /* ---- the answer -------------------------------------------------------------------------- */
    int status; /* 0: none yet */
    weir_buf answer;
    char *answer_type; /* Content-Type; NULL: none */
    char *location, *allow;
    bool close; /* the connection, afterwards */
};

weir_call *weir_call_new(const weir_server_options *options, const char *target);
void weir_call_free(weir_call *call);

/* Answers; a later answer replaces an earlier one. */
void weir_call_json(weir_call *call, int status, const json_t *body);
void weir_call_empty(weir_call *call, int status);
/* {"error_code":status,"message":message} from a handler, */
void weir_call_error(weir_call *call, int status, const char *message);
/* the same before there is one: without Content-Type and with the status' own text, */
void weir_call_route_error(weir_call *call, int status);
/* and a page for people, of a request that is not fit to be routed; the connection closes. */
void weir_call_page(weir_call *call, int status, const char *title);

#endif
