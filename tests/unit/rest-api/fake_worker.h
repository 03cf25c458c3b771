/* fake_worker.h - the real REST server in front of a herder, a registry and a connector check that
 * say what a test tells them to; and a client that shows every byte.
 *
 * It defines the functions of those modules that rest-api calls, so that the linker does not look
 * for them in the archives. One program, one inclusion.
 */
#ifndef WEIR_TESTS_REST_FAKE_WORKER_H
#define WEIR_TESTS_REST_FAKE_WORKER_H

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "herder/herder.h"
#include "plugin/connector_check.h"
#include "plugin/registry.h"
#include "rest-api/server.h"
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAKE_INSTANCE "0a1b2c3d-0000-4000-8000-000000000000"
#define ASKS          (WEIR_ASK_RESTART_TASK + 1)

typedef struct fake_reply {
    weir_code code;
    const char *message, *body; /* body: JSON; NULL: none */
    const char *forward_to;     /* NULL: answered here */
    bool created, accepted, stall;
} fake_reply;

struct weir_herder {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    fake_reply replies[ASKS];
    const char *owners[4];          /* URL of the worker of task i; "": this one; NULL: none */
    weir_metrics *(*metrics)(void); /* what WEIR_ASK_METRICS is answered with; NULL: nothing */
    bool released;                  /* stalled asks may go on */
    int waiting;                    /* stalled asks */

    int asked;         /* how often */
    weir_request last; /* what was asked last; its pointers are dead, the copies below are not */
    char *connector, *config, *target, *offsets;
};

typedef struct fake_worker {
    weir_herder herder;
    weir_worker_settings settings;
    weir_server *server;
    uint16_t port;
    char url[64];
} fake_worker;

/* ---- The herder ----------------------------------------------------------------------------- */

static void fake_remember(weir_herder *h, const weir_request *request)
{
    json_t *config = request->config ? weir_json_from_props(request->config) : NULL;

    h->asked++;
    h->last = *request;
    weir_replace(&h->connector, request->connector);
    weir_replace(&h->target, request->target);
    weir_replace(&h->offsets, request->offsets);
    free(h->config);
    h->config = config ? weir_json_dump(config) : NULL;
    json_decref(config);
}

/* Lock held. False: the deadline came first. */
static bool fake_stall(weir_herder *h, int64_t deadline_ms)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    int late = 0;

    h->waiting++;
    pthread_cond_broadcast(&h->changed);
    while (!h->released && !late)
        late = pthread_cond_timedwait(&h->changed, &h->lock, &until);
    h->waiting--;
    pthread_cond_broadcast(&h->changed);
    return !late;
}

static void fake_owners(const weir_herder *h, weir_reply *reply)
{
    reply->owners = weir_new_array(weir_owner, 4);
    for (int32_t task = 0; task < 4; task++)
        if (h->owners[task]) {
            weir_owner *owner = &reply->owners[reply->owner_count++];

            owner->task = task;
            owner->url = h->owners[task][0] ? weir_strdup(h->owners[task]) : NULL;
        }
}

void weir_herder_ask(weir_herder *h, const weir_request *request, int64_t deadline_ms,
                     weir_reply *reply)
{
    const fake_reply *say = &h->replies[request->what];

    *reply = (weir_reply){.code = WEIR_OK};
    pthread_mutex_lock(&h->lock);
    fake_remember(h, request);
    if (say->stall && !fake_stall(h, deadline_ms)) {
        reply->code = weir_fail(&reply->err, WEIR_TIMED_OUT,
                                "Request timed out. The worker is currently polling, which began "
                                "at 2026-11-21T01:33:14.954Z.");
    } else {
        reply->code = say->code;
        if (say->code != WEIR_OK)
            weir_fail(&reply->err, say->code, "%s", say->message ? say->message : "");
        if (say->message && strlen(say->message) >= sizeof(reply->err.msg))
            reply->message = weir_strdup(say->message);
        if (say->body)
            ck_assert_int_eq(weir_json_read(say->body, strlen(say->body), &reply->body, NULL),
                             WEIR_OK);
        reply->created = say->created;
        reply->accepted = say->accepted;
        reply->forward_to = weir_strdup(say->forward_to);
        if (request->what == WEIR_ASK_METRICS && h->metrics)
            reply->metrics = h->metrics();
        if (request->what == WEIR_ASK_STATUS || request->what == WEIR_ASK_TASK_STATUS)
            fake_owners(h, reply);
    }
    pthread_mutex_unlock(&h->lock);
}

const char *weir_herder_instance(const weir_herder *h)
{
    (void)h;
    return FAKE_INSTANCE;
}

void weir_reply_clear(weir_reply *reply)
{
    json_decref(reply->body);
    free(reply->message);
    free(reply->forward_to);
    for (size_t i = 0; i < reply->owner_count; i++)
        free(reply->owners[i].url);
    free(reply->owners);
    weir_metrics_free(reply->metrics);
    *reply = (weir_reply){.code = WEIR_OK};
}

/* ---- Plugins: a sink, a source, and a check that says what `fake_check` holds -----------------
 */

struct weir_plugin {
    weir_plugin_desc desc;
    bool source;
};

static const weir_plugin fake_plugins[] = {
    {{.name = "file-source", .version = "1.2.0"}, true},
    {{.name = "log-sink", .version = "0.9.0"}, false},
};
static struct {
    weir_code code;
    const char *message, *report;
    const char *notes;
    bool probe; /* what was asked for */
} fake_check;

size_t weir_registry_count(const weir_registry *registry)
{
    (void)registry;
    return WEIR_COUNT(fake_plugins);
}

const weir_plugin *weir_registry_at(const weir_registry *registry, size_t index)
{
    (void)registry;
    return &fake_plugins[index];
}

const weir_plugin *weir_registry_find(const weir_registry *registry, const char *class_name)
{
    (void)registry;
    for (size_t i = 0; i < WEIR_COUNT(fake_plugins); i++)
        if (strcmp(fake_plugins[i].desc.name, class_name) == 0)
            return &fake_plugins[i];
    return NULL;
}

const weir_plugin_desc *weir_plugin_desc_of(const weir_plugin *plugin)
{
    return &plugin->desc;
}

bool weir_plugin_is_source(const weir_plugin *plugin)
{
    return plugin->source;
}

weir_code weir_check_on(weir_foreign *foreign, const weir_check_request *request, weir_check *check)
{
    (void)foreign;
    ck_assert_ptr_nonnull(request->class_in_path);
    fake_check.probe = request->probe;
    *check = (weir_check){.code = fake_check.code};
    if (fake_check.notes)
        ck_assert_int_eq(
            weir_json_read(fake_check.notes, strlen(fake_check.notes), &check->notes, NULL),
            WEIR_OK);
    if (fake_check.message)
        weir_fail(&check->err, fake_check.code, "%s", fake_check.message);
    check->message = weir_strdup(fake_check.message);
    if (fake_check.report)
        ck_assert_int_eq(
            weir_json_read(fake_check.report, strlen(fake_check.report), &check->report, NULL),
            WEIR_OK);
    return check->code;
}

void weir_check_clear(weir_check *check)
{
    json_decref(check->report);
    json_decref(check->notes);
    free(check->message);
    *check = (weir_check){.code = WEIR_OK};
}

json_t *weir_check_definitions(const weir_plugin *plugin)
{
    return json_pack("[{s:s}]", "name", plugin->desc.name);
}

/* ---- The worker ----------------------------------------------------------------------------- */

static void fake_init(fake_worker *worker)
{
    pthread_condattr_t monotonic;

    memset(worker, 0, sizeof(*worker));
    pthread_mutex_init(&worker->herder.lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->herder.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    strcpy(worker->settings.listen_host, "127.0.0.1");
    worker->settings.rest_request_timeout_ms = 20000;
    worker->settings.rest_max_body_bytes = 1 << 20;
    worker->settings.rest_max_connections = 32;
    worker->settings.rest_status_details = true;
}

static void fake_serve(fake_worker *worker)
{
    weir_server_options options = {.settings = &worker->settings, .herder = &worker->herder};
    weir_err err;

    ck_assert_msg(weir_server_start(&options, &worker->server, &err) == WEIR_OK, "%s", err.msg);
    worker->port = weir_server_port(worker->server);
    snprintf(worker->url, sizeof(worker->url), "http://127.0.0.1:%u/", worker->port);
    snprintf(worker->settings.worker_id, sizeof(worker->settings.worker_id), "127.0.0.1:%u",
             worker->port);
}

static void fake_start(fake_worker *worker)
{
    fake_init(worker);
    fake_serve(worker);
}

/* Lets stalled asks go, now and later. */
static void fake_release(fake_worker *worker)
{
    pthread_mutex_lock(&worker->herder.lock);
    worker->herder.released = true;
    pthread_cond_broadcast(&worker->herder.changed);
    pthread_mutex_unlock(&worker->herder.lock);
}

/* Until `count` asks are stalled; the test's own time limit is the deadline. */
static void fake_wait_stalled(fake_worker *worker, int count)
{
    pthread_mutex_lock(&worker->herder.lock);
    while (worker->herder.waiting != count)
        pthread_cond_wait(&worker->herder.changed, &worker->herder.lock);
    pthread_mutex_unlock(&worker->herder.lock);
}

static void fake_stop(fake_worker *worker)
{
    fake_release(worker);
    weir_server_stop(worker->server);
    pthread_mutex_lock(&worker->herder.lock);
    while (worker->herder.waiting > 0)
        pthread_cond_wait(&worker->herder.changed, &worker->herder.lock);
    pthread_mutex_unlock(&worker->herder.lock);
    free(worker->herder.connector);
    free(worker->herder.config);
    free(worker->herder.target);
    free(worker->herder.offsets);
    pthread_cond_destroy(&worker->herder.changed);
    pthread_mutex_destroy(&worker->herder.lock);
}

/* ---- The client ----------------------------------------------------------------------------- */

typedef struct answer {
    weir_buf raw;
    int status;       /* 0: nothing that looks like an answer */
    const char *body; /* behind the head; "" */
} answer;

static int dial(const fake_worker *worker)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(worker->port)};
    struct timeval limit = {.tv_sec = 15};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* the other side has heard enough; what it says shows why */
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* The value of a header in the answer, the caller's; NULL: it is not there. */
static char *header(const answer *a, const char *name)
{
    const char *at = strstr(weir_buf_text(&a->raw), "\r\n");
    const char *end = strstr(weir_buf_text(&a->raw), "\r\n\r\n");

    for (; at && at < end; at = strstr(at + 2, "\r\n")) {
        size_t size = strlen(name);

        if (strncasecmp(at + 2, name, size) == 0 && at[2 + size] == ':') {
            const char *value = at + 2 + size + 1 + strspn(at + 2 + size + 1, " ");

            return weir_memdup(value, strcspn(value, "\r"));
        }
    }
    return NULL;
}

static void look_into(answer *a)
{
    const char *end = strstr(weir_buf_text(&a->raw), "\r\n\r\n");

    a->body = end ? end + 4 : "";
    a->status = 0;
    sscanf(weir_buf_text(&a->raw), "HTTP/1.1 %d", &a->status);
}

/* Everything until the server closes. */
static answer hear_all(int fd)
{
    answer a = {.raw = WEIR_BUF};
    ssize_t got;

    while ((got = recv(fd, weir_buf_reserve(&a.raw, 65536), 65536, 0)) > 0)
        a.raw.size += (size_t)got;
    weir_buf_add(&a.raw, "", 0);
    close(fd);
    look_into(&a);
    return a;
}

/* One answer with a Content-Length; the connection stays. */
static answer hear_one(int fd)
{
    answer a = {.raw = WEIR_BUF};
    size_t whole = 0;

    while (whole == 0 || a.raw.size < whole) {
        if (recv(fd, weir_buf_reserve(&a.raw, 1), 1, 0) != 1)
            break;
        a.raw.size++;
        weir_buf_add(&a.raw, "", 0);
        look_into(&a);
        if (whole == 0 && strstr(weir_buf_text(&a.raw), "\r\n\r\n")) {
            char *length = header(&a, "Content-Length");

            whole = a.raw.size + (length ? strtoul(length, NULL, 10) : 0);
            free(length);
        }
    }
    look_into(&a);
    return a;
}

static void forget(answer *a)
{
    weir_buf_free(&a->raw);
}

/* What is said, said as it is; the answer up to the end of the connection. */
static answer ask_raw(const fake_worker *worker, const char *bytes)
{
    int fd = dial(worker);

    say(fd, bytes, strlen(bytes));
    shutdown(fd, SHUT_WR);
    return hear_all(fd);
}

/* `headers`: whole lines, each with its \r\n; `body` NULL: none. */
static answer ask(const fake_worker *worker, const char *method, const char *target,
                  const char *headers, const char *body)
{
    weir_buf request = WEIR_BUF;
    int fd = dial(worker);

    weir_buf_format(&request, "%s %s HTTP/1.1\r\nHost: weir.example:8083\r\nConnection: close\r\n",
                    method, target);
    weir_buf_text_add(&request, headers);
    if (body)
        weir_buf_format(&request, "Content-Length: %zu\r\n", strlen(body));
    weir_buf_text_add(&request, "\r\n");
    weir_buf_text_add(&request, body ? body : "");
    say(fd, weir_buf_text(&request), request.size);
    weir_buf_free(&request);
    return hear_all(fd);
}

#define JSON "Content-Type: application/json\r\n"

static answer get(const fake_worker *worker, const char *target)
{
    return ask(worker, "GET", target, "", NULL);
}

/* A test uses what it needs. */
static void __attribute__((unused)) fake_all_used(void)
{
    (void)fake_start;
    (void)fake_wait_stalled;
    (void)hear_one;
    (void)ask_raw;
    (void)get;
    (void)forget;
    (void)header;
}

#endif
