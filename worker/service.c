/* service.c - see service.h. */
#include "service.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notify.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define LOOK_MS   2000 /* how old what the manager shows may be */
#define ANSWER_MS 1000 /* for a question to the herder; a signal waits as long */
/* weir_herder_stop() promises graceful_shutdown_ms + 8 s; the REST server, a hanging plugin and a
 * busy machine get as much again. */
#define STOP_MS       16000
#define MOST_TASKS_MS 86400000

typedef struct service {
    weir_herder *herder;
    weir_buf told; /* the last status */
    bool deaf;     /* the manager could not be reached: said once */
} service;

static void check(service *s, weir_code code, const weir_err *err)
{
    if (code == WEIR_OK || code == WEIR_NOT_FOUND) {
        s->deaf = false;
    } else if (!s->deaf) {
        s->deaf = true;
        weir_logf(WEIR_WARN, "the service manager does not hear this worker: %s", err->msg);
    }
}

static void tell(service *s, const char *lines)
{
    weir_err err;

    check(s, weir_notify(lines, &err), &err);
}

/* ---- How things are -------------------------------------------------------------------------- */

static size_t owned_tasks(const json_t *cluster)
{
    const char *own = weir_json_str(cluster, "worker_id"), *connector;
    const json_t *worker, *items, *item;
    size_t n = 0, i, k;

    json_array_foreach (json_object_get(cluster, "workers"), i, worker) {
        if (!own || strcmp(weir_json_str(worker, "worker_id"), own) != 0)
            continue;
        json_object_foreach (json_object_get(worker, "owned"), connector, items)
            json_array_foreach (items, k, item)
                n += json_is_integer(item); /* what is none is the connector itself */
    }
    return n;
}

/* A member in good health: its place in the group. */
static void describe(const json_t *cluster, weir_buf *out)
{
    const char *own = weir_json_str(cluster, "worker_id"), *group = weir_json_str(cluster, "group");
    const char *leader = weir_json_str(json_object_get(cluster, "leader"), "worker_id");
    size_t tasks = owned_tasks(cluster), workers;

    workers = json_array_size(json_object_get(cluster, "workers"));
    if (leader && own && strcmp(leader, own) == 0)
        weir_buf_format(out, "leads group '%s' of %zu worker%s", group, workers,
                        workers == 1 ? "" : "s");
    else if (leader)
        weir_buf_format(out, "in group '%s', led by %s", group, leader);
    else
        weir_buf_format(out, "in group '%s', which has no leader", group);
    weir_buf_format(out, "; has %zu task%s", tasks, tasks == 1 ? "" : "s");
}

/* False: the herder did not answer. */
static bool ask(weir_herder *herder, weir_ask what, weir_reply *reply)
{
    weir_request request = {.what = what};

    memset(reply, 0, sizeof(*reply));
    weir_herder_ask(herder, &request, weir_now_ms() + ANSWER_MS, reply);
    return reply->body != NULL;
}

static bool look(service *s, weir_buf *out)
{
    weir_reply health, cluster;
    bool answered = ask(s->herder, WEIR_ASK_HEALTH, &health);

    if (answered && health.code != WEIR_OK) {
        weir_buf_text_add(out, health.err.msg);
    } else if (answered) {
        answered = ask(s->herder, WEIR_ASK_CLUSTER, &cluster);
        if (answered)
            describe(cluster.body, out);
        weir_reply_clear(&cluster);
    }
    weir_reply_clear(&health);
    return answered;
}

/* Whatever does not answer gets no WATCHDOG=1: that is the watchdog's whole point. */
static void look_and_tell(service *s)
{
    weir_buf now = WEIR_BUF;
    weir_err err;

    if (look(s, &now)) {
        tell(s, "WATCHDOG=1");
        if (strcmp(weir_buf_text(&now), weir_buf_text(&s->told)) != 0)
            check(s, weir_notify_status(weir_buf_text(&now), &err), &err);
        weir_buf_free(&s->told);
        s->told = now;
    } else {
        weir_buf_free(&now);
    }
}

/* ---- From start to stop ---------------------------------------------------------------------- */

/* The watchdog hears from us four times as often as it wants to. */
static struct timespec pace(void)
{
    int64_t limit_ms = weir_notify_watchdog_ms(), ms = LOOK_MS;

    if (limit_ms > 0 && limit_ms / 4 < ms)
        ms = limit_ms / 4 > 0 ? limit_ms / 4 : 1;
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

int weir_service_wait(const sigset_t *stops, weir_herder *herder)
{
    service s = {.herder = herder, .told = WEIR_BUF};
    struct timespec pause = pace();
    int number = 0;

    if (!weir_notify_wanted()) {
        sigwait(stops, &number);
        return number;
    }
    tell(&s, "READY=1");
    do {
        look_and_tell(&s);
        number = sigtimedwait(stops, NULL, &pause);
    } while (number < 0);
    weir_buf_free(&s.told);
    return number;
}

void weir_service_stopping(const weir_worker_settings *settings, const char *why)
{
    int64_t tasks_ms = settings->graceful_shutdown_ms;
    weir_buf lines = WEIR_BUF;

    if (tasks_ms > MOST_TASKS_MS)
        tasks_ms = MOST_TASKS_MS;
    weir_buf_format(&lines, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
                    (long long)(STOP_MS + tasks_ms) * 1000);
    weir_notify(weir_buf_text(&lines), NULL);
    weir_notify_status(why, NULL);
    weir_buf_free(&lines);
}
