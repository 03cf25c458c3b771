/* server.c - see server.h. The life of a call between libmicrohttpd and its handler.
 *
 * Threads. One thread of libmicrohttpd's moves all bytes with epoll and never waits for anything
 * else: a client that dribbles, or sends nothing, costs memory and its place among the
 * connections. Once a request is complete and routed, its connection is suspended and a thread of
 * its own runs the handler, which may wait for the herder or another worker for as long as the
 * request's deadline is away; resuming the connection sends the answer. So a waiting request costs
 * a thread only while it waits, an idle connection never, and no pool can be used up by requests
 * that wait for a Kafka that is away. The limit of connections bounds the threads as well; clients
 * that use up the connections themselves make room for others (connections.h).
 *
 *     receive (MHD thread) → route → suspend → handle (own thread) → resume → send (MHD thread)
 *
 * A watch (watch.h) is the exception: its answer is begun at once and has no end; nobody handles
 * it.
 *
 * A `job` is a call and its place in this. It is shared by MHD's connection and the handler's
 * thread; the server's lock guards who has it.
 */
#include "rest-api/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "rest-api/call.h"
#include "rest-api/connections.h"
#include "rest-api/listener.h"
#include "rest-api/routes.h"
#include "rest-api/watch.h"

#include <assert.h>
#include <curl/curl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_SECONDS     75    /* a connection on which nothing moves is closed */
#define RECEIVE_MS       60000 /* a body takes at most this long */
#define CONNECTION_BYTES 32768 /* of libmicrohttpd's, for headers */
#define OVERSIZE_FACTOR  4     /* so much of a body too large is read so that its 413 is heard */
#define FINISH_MS        2000  /* stopping: for what is being answered */
#define LAST_WORDS_MS    200   /* stopping: for the 503 to those who still wait */

typedef struct job {
    weir_call *call;
    weir_server *server;
    struct MHD_Connection *connection;
    struct job *next, *previous; /* among server->handled */
    bool connected;              /* MHD still knows it */
    bool handled;                /* its thread runs */
    bool seen;                   /* headers were looked at */
    size_t received;             /* bytes of the body, kept or not */
} job;

struct weir_server {
    weir_server_options options;
    struct MHD_Daemon *daemon;
    int fd;
    uint16_t port;
    weir_connections connections; /* libmicrohttpd's thread alone */
    weir_watchers *watchers;

    pthread_mutex_t lock; /* guards all below, and who has a job */
    pthread_cond_t changed;
    job *handled;   /* jobs whose thread runs */
    int connected;  /* requests that libmicrohttpd has begun and not completed */
    int references; /* the owner's, and one for each running thread */
    bool stopping;
};

/* ---- Ownership --------------------------------------------------------------------------- */

static void server_free(weir_server *server)
{
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* Lock held; gives it up. */
static void server_release(weir_server *server)
{
    bool last = --server->references == 0;

    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    if (last)
        server_free(server);
}

/* Lock held. Frees the job once nobody has it. */
static void job_release(job *j)
{
    if (j->connected || j->handled)
        return;
    weir_call_free(j->call);
    free(j);
}

/* ---- Handling ---------------------------------------------------------------------------- */

static void *handle(void *arg)
{
    job *j = arg;
    weir_server *server = j->server;

    j->call->route->handle(j->call);
    assert(j->call->status || atomic_load(&j->call->abandoned));
    pthread_mutex_lock(&server->lock);
    if (j->previous)
        j->previous->next = j->next;
    else
        server->handled = j->next;
    if (j->next)
        j->next->previous = j->previous;
    j->handled = false;
    if (!atomic_load(&j->call->abandoned)) /* else it was resumed then */
        MHD_resume_connection(j->connection);
    job_release(j);
    server_release(server);
    return NULL;
}

static enum MHD_Result send_answer(job *j)
{
    weir_call *call = j->call;
    size_t size = call->answer.size;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, weir_buf_take(&call->answer), MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    if (call->location)
        MHD_add_response_header(response, "Location", call->location);
    if (call->allow)
        MHD_add_response_header(response, "Allow", call->allow);
    if (call->answer_type)
        MHD_add_response_header(response, "Content-Type", call->answer_type);
    if (call->close)
        MHD_add_response_header(response, "Connection", "close");
    result = MHD_queue_response(j->connection, (unsigned int)call->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The handler's thread may be writing its answer: leave that alone. */
static enum MHD_Result send_farewell(job *j)
{
    static char text[] = "{\"error_code\":503,\"message\":\"Worker is shutting down\"}";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof(text) - 1, text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Connection", "close");
    result = MHD_queue_response(j->connection, 503, response);
    MHD_destroy_response(response);
    return result;
}

static weir_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static enum MHD_Result be_watched(job *j)
{
    weir_call *call = j->call;
    const weir_server_options *options = &j->server->options;
    struct MHD_Response *response;
    enum MHD_Result result;

    if (strcmp(call->method, "HEAD") == 0) { /* libmicrohttpd would chunk the body it has not */
        weir_call_empty(call, call->route->success);
        return send_answer(j);
    }
    response =
        weir_watchers_answer(j->server->watchers, j->connection, options->settings->worker_id,
                             weir_herder_instance(options->herder), call->http11);
    if (!response) {
        weir_call_error(call, 503, "As many as can be watch this worker already");
        return send_answer(j);
    }
    call->status = call->route->success;
    result = MHD_queue_response(j->connection, (unsigned int)call->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The request is there: whoever answers it gets it. */
static enum MHD_Result dispatch(job *j)
{
    weir_server *server = j->server;
    bool stopping;

    if (!weir_route_call(j->call))
        return send_answer(j);
    if (!j->call->route->handle)
        return be_watched(j);
    pthread_mutex_lock(&server->lock);
    stopping = server->stopping;
    if (!stopping) {
        MHD_suspend_connection(j->connection);
        j->handled = true;
        j->next = server->handled;
        if (j->next)
            j->next->previous = j;
        server->handled = j;
        server->references++;
        pthread_detach(weir_thread_start("rest-call", handle, j));
    }
    pthread_mutex_unlock(&server->lock);
    return stopping ? send_farewell(j) : MHD_YES;
}

/* ---- Receiving --------------------------------------------------------------------------- */

static char *joined(char *before, const char *value)
{
    char *both = before ? weir_format("%s, %s", before, value) : weir_strdup(value);

    free(before);
    return both;
}

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    weir_call *call = arg;

    (void)kind;
    if (!value)
        value = "";
    call->header_bytes += strlen(name) + strlen(value) + 4;
    if (strcasecmp(name, "Host") == 0) {
        weir_replace(&call->host, value);
    } else if (strcasecmp(name, "Accept") == 0) {
        call->accept = joined(call->accept, value);
    } else if (strcasecmp(name, "Authorization") == 0) {
        weir_replace(&call->authorization, value);
    } else if (strcasecmp(name, "Content-Type") == 0) {
        weir_replace(&call->content_type, value);
        call->content_types++;
    }
    return MHD_YES;
}

static size_t body_limit(const job *j)
{
    return (size_t)j->server->options.settings->rest_max_body_bytes;
}

/* Headers are there, the body is not. An answer given now ends the connection after it. */
static enum MHD_Result begin(job *j, const char *method, const char *version)
{
    weir_call *call = j->call;
    const char *length =
        MHD_lookup_connection_value(j->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    call->method = weir_strdup(method);
    call->http11 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    MHD_get_connection_values(j->connection, MHD_HEADER_KIND, take_header, call);
    if (length && strtoull(length, NULL, 10) > body_limit(j)) {
        weir_call_route_error(call, 413);
        call->close = true;
        return send_answer(j);
    }
    return MHD_YES;
}

static enum MHD_Result receive(job *j, const char *bytes, size_t size)
{
    j->received += size;
    if (weir_now_ms() - j->call->begun_ms > RECEIVE_MS)
        return MHD_NO;
    if (j->received <= body_limit(j)) {
        weir_buf_add(&j->call->body, bytes, size);
        return MHD_YES;
    }
    weir_buf_free(&j->call->body);
    return j->received / OVERSIZE_FACTOR <= body_limit(j) ? MHD_YES : MHD_NO;
}

/* Called by libmicrohttpd for a new request, for its body in pieces, at its end, and again when it
 * was resumed. */
static enum MHD_Result access_request(void *cls, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_size, void **request)
{
    weir_server *server = cls;
    job *j = *request;
    bool abandoned;

    (void)url; /* decoded; we read the raw one */
    j->connection = connection;
    if (!j->seen) {
        j->seen = true;
        return begin(j, method, version);
    }
    if (*upload_size > 0) {
        size_t size = *upload_size;

        *upload_size = 0;
        return receive(j, upload, size);
    }
    weir_connection_busy(connection_of(connection));
    pthread_mutex_lock(&server->lock);
    abandoned = atomic_load(&j->call->abandoned);
    pthread_mutex_unlock(&server->lock);
    if (abandoned)
        return send_farewell(j);
    if (j->call->status)
        return send_answer(j);
    if (j->received > body_limit(j)) {
        weir_call_route_error(j->call, 413);
        return send_answer(j);
    }
    return dispatch(j);
}

/* A request line was read. */
static void *begin_request(void *cls, const char *target, struct MHD_Connection *connection)
{
    weir_server *server = cls;
    job *j = weir_new(job);

    j->server = server;
    j->connection = connection;
    j->connected = true;
    j->call = weir_call_new(&server->options, target);
    pthread_mutex_lock(&server->lock);
    server->connected++;
    pthread_mutex_unlock(&server->lock);
    return j;
}

static void log_access(const job *j)
{
    const weir_call *call = j->call;
    char status[16], ms[24];

    if (!weir_log_wants(WEIR_DEBUG))
        return;
    snprintf(status, sizeof(status), "%d", call->status);
    snprintf(ms, sizeof(ms), "%lld", (long long)(weir_now_ms() - call->begun_ms));
    weir_log(WEIR_DEBUG, "request", "method", call->method, "target", call->target, "status",
             status, "ms", ms, NULL);
}

static void end_request(void *cls, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode why)
{
    weir_server *server = cls;
    job *j = *request;

    (void)why;
    if (!j)
        return;
    *request = NULL;
    weir_connection_answered(&server->connections, connection_of(connection));
    pthread_mutex_lock(&server->lock);
    if (!j->handled)
        log_access(j);
    j->connected = false;
    server->connected--;
    job_release(j);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void note_connection(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode what)
{
    weir_server *server = cls;
    const union MHD_ConnectionInfo *info;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = weir_connection_opened(&server->connections, info->connect_fd);
    } else {
        weir_connection_closed(&server->connections, *context);
        *context = NULL;
    }
}

/* ---- Start and stop ---------------------------------------------------------------------- */

/* What libmicrohttpd has to say is about clients that do not speak HTTP. */
static void log_mhd(void *cls, const char *fmt, va_list args) WEIR_FORMAT(2, 0);
static void log_mhd(void *cls, const char *fmt, va_list args)
{
    (void)cls;
    weir_vlogf(WEIR_DEBUG, fmt, args);
}

/* Escapes stay: path.c decides what they may stand for. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls, (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(weir_server *server)
{
    struct MHD_Daemon *daemon;
    sigset_t before;

    weir_thread_block_signals(&before);
    daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        access_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_LISTEN_SOCKET,
        server->fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)server->options.settings->rest_max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned int)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, begin_request, server, MHD_OPTION_NOTIFY_COMPLETED,
        end_request, server, MHD_OPTION_NOTIFY_CONNECTION, note_connection, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

weir_code weir_server_start(const weir_server_options *options, weir_server **ret_server,
                            weir_err *err)
{
    weir_server *server = weir_new(weir_server);
    const weir_worker_settings *settings = options->settings;
    pthread_condattr_t monotonic;
    weir_code rc;

    server->options = *options;
    server->references = 1;
    server->connections.limit = (size_t)settings->rest_max_connections;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);

    rc = weir_listen(settings->listen_host, settings->listen_port, &server->fd, &server->port, err);
    if (rc != WEIR_OK)
        goto out;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    server->watchers = weir_watchers_start(server->connections.limit);
    server->daemon = start_daemon(server);
    if (!server->daemon) {
        weir_watchers_stop(server->watchers);
        close(server->fd);
        rc = weir_fail(err, WEIR_FAILED, "the HTTP server does not start on '%s:%u'",
                       settings->listen_host, (unsigned)server->port);
        goto out;
    }
    *ret_server = server;
    server = NULL;
out:
    if (server)
        server_free(server);
    return rc;
}

uint16_t weir_server_port(const weir_server *server)
{
    return server->port;
}

/* Lock held. Waits until no request is under way and no thread runs; false: not in time. */
static bool wait_until_idle(weir_server *server, int64_t within_ms)
{
    int64_t deadline_ms = weir_now_ms() + within_ms;
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};

    while (server->connected > 0 || server->handled)
        if (pthread_cond_timedwait(&server->changed, &server->lock, &until) != 0)
            return false;
    return true;
}

void weir_server_stop(weir_server *server)
{
    if (!server)
        return;
    /* Before anybody can take our end for a death. */
    weir_watchers_bye(server->watchers);
    /* From now on the port refuses: a load balancer notices at once. */
    MHD_quiesce_daemon(server->daemon);
    shutdown(server->fd, SHUT_RDWR);

    pthread_mutex_lock(&server->lock);
    if (!wait_until_idle(server, FINISH_MS)) {
        server->stopping = true;
        for (job *j = server->handled; j; j = j->next) {
            atomic_store(&j->call->abandoned, true);
            MHD_resume_connection(j->connection);
        }
        wait_until_idle(server, LAST_WORDS_MS);
    }
    server->stopping = true;
    pthread_mutex_unlock(&server->lock);

    MHD_stop_daemon(server->daemon);
    weir_watchers_stop(server->watchers);
    close(server->fd);
    pthread_mutex_lock(&server->lock);
    server_release(server);
}
