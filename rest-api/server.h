/* server.h - the REST API of Kafka Connect over libmicrohttpd.
 *
 * Answers from the moment it is started, whatever the herder is doing. Limits: body size,
 * connections, time-outs; a slow client costs its own connection and blocks nobody.
 */
#ifndef WEIR_REST_SERVER_H
#define WEIR_REST_SERVER_H

#include "base/err.h"
#include "config/worker_settings.h"
#include "herder/herder.h"
#include "plugin/foreign.h"
#include "plugin/registry.h"

#include <stdint.h>

typedef struct weir_server weir_server;

typedef struct weir_server_options { /* all outlive the server */
    const weir_worker_settings *settings;
    const weir_registry *registry;
    weir_foreign *foreign;
    weir_herder *herder;
} weir_server_options;

/* Binds the listener. WEIR_INVALID: the address is in use or not ours; the text names it. */
WEIR_MUST_CHECK weir_code weir_server_start(const weir_server_options *options,
                                            weir_server **ret_server, weir_err *err);
/* Where it listens; the system's choice when the settings say port 0. */
uint16_t weir_server_port(const weir_server *server);
/* Says farewell to those who watch, takes no new connection, finishes what is being answered (at
 * most two seconds), ends. What then still waits is answered 503; its thread ends when it hears
 * what it waits for. A herder that was stopped before has nobody waiting. NULL is fine. */
void weir_server_stop(weir_server *server);

#endif
