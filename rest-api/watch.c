/* watch.c - see watch.h.
 *
 * libmicrohttpd asks a watcher's reader for bytes. With nothing to say the reader suspends the
 * connection; whoever changes that (a farewell, the watcher's own end) resumes it, and the reader
 * is asked again. All of it happens under one lock, so nobody is resumed who was not suspended.
 *
 * The socket of a silent watcher is registered for last words: from the moment the reader is asked
 * with nothing left to send, until it is resumed. In between nobody else writes to it.
 */
#include "rest-api/watch.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/last_words.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES 1024

/* A host that vanished without a word is noticed after about this many seconds: 10 + 3 * 5. */
#define ALIVE_IDLE_SECONDS  10
#define ALIVE_EVERY_SECONDS 5
#define ALIVE_TRIES         3

_Static_assert(WEIR_WATCHERS <= WEIR_LAST_WORDS_HEARERS, "all of them hear last words");

typedef struct watcher {
    weir_watchers *all;
    struct MHD_Connection *connection;
    int fd;
    bool chunked;
    weir_buf text;  /* to be sent */
    size_t sent;    /* of it */
    bool silent;    /* suspended */
    bool gone;      /* hung up, or its host is gone */
    bool dismissed; /* the farewell is part of `text` */
    struct watcher *next, *previous;
} watcher;

struct weir_watchers {
    int epoll, wakeup; /* hears who hangs up; ends the thread */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below, and every watcher */
    watcher *first;
    size_t count, limit;
    bool ending;
};

/* ---- One watcher; the lock is held ---------------------------------------------------------- */

static void speak(watcher *w)
{
    if (!w->silent)
        return;
    w->silent = false;
    weir_last_words_unregister(w->fd);
    MHD_resume_connection(w->connection);
}

static void fall_silent(watcher *w)
{
    w->silent = true;
    if (w->chunked && !weir_last_words_register(w->fd))
        weir_logf(WEIR_WARN, "a watcher will not hear last words: there are too many");
    MHD_suspend_connection(w->connection);
}

static void dismiss(watcher *w)
{
    if (w->dismissed)
        return;
    w->dismissed = true;
    weir_buf_text_add(&w->text, "{\"bye\":true}\n");
    speak(w);
}

/* [libmicrohttpd] The next bytes of the body. */
static ssize_t read_text(void *arg, uint64_t position, char *out, size_t room)
{
    watcher *w = arg;
    ssize_t result = 0;

    (void)position;
    pthread_mutex_lock(&w->all->lock);
    if (w->gone) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (w->sent < w->text.size) {
        size_t size = w->text.size - w->sent;

        size = size < room ? size : room;
        memcpy(out, w->text.data + w->sent, size);
        w->sent += size;
        result = (ssize_t)size;
    } else if (w->dismissed) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        fall_silent(w);
    }
    pthread_mutex_unlock(&w->all->lock);
    return result;
}

/* [libmicrohttpd] Before the socket is closed. */
static void forget(void *arg)
{
    watcher *w = arg;
    weir_watchers *all = w->all;

    pthread_mutex_lock(&all->lock);
    epoll_ctl(all->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    weir_last_words_unregister(w->fd);
    *(w->previous ? &w->previous->next : &all->first) = w->next;
    if (w->next)
        w->next->previous = w->previous;
    all->count--;
    pthread_mutex_unlock(&all->lock);
    weir_buf_free(&w->text);
    free(w);
}

/* ---- Those who come ------------------------------------------------------------------------- */

static void look_after(const weir_watchers *all, watcher *w)
{
    static const struct {
        int level, option, value;
    } wanted[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                  {IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE_SECONDS},
                  {IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_EVERY_SECONDS},
                  {IPPROTO_TCP, TCP_KEEPCNT, ALIVE_TRIES}};
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.fd = w->fd};

    for (size_t i = 0; i < WEIR_COUNT(wanted); i++)
        setsockopt(w->fd, wanted[i].level, wanted[i].option, &wanted[i].value,
                   sizeof(wanted[i].value));
    epoll_ctl(all->epoll, EPOLL_CTL_ADD, w->fd, &event);
}

static void write_name(weir_buf *out, const char *worker, const char *instance)
{
    weir_buf_text_add(out, "{\"worker\":");
    weir_json_text(out, worker, strlen(worker));
    weir_buf_text_add(out, ",\"instance\":");
    weir_json_text(out, instance, strlen(instance));
    weir_buf_text_add(out, "}\n");
}

struct MHD_Response *weir_watchers_answer(weir_watchers *watchers,
                                          struct MHD_Connection *connection, const char *worker,
                                          const char *instance, bool chunked)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct MHD_Response *response = NULL;
    watcher *w;

    pthread_mutex_lock(&watchers->lock);
    if (watchers->count == watchers->limit)
        goto out;
    w = weir_new(watcher);
    w->all = watchers;
    w->connection = connection;
    w->fd = info->connect_fd;
    w->chunked = chunked;
    write_name(&w->text, worker, instance);
    if (watchers->ending)
        dismiss(w);
    response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_text, w, forget);
    if (!response)
        abort(); /* memory is out, see base/mem.h */
    MHD_add_response_header(response, "Content-Type", "application/x-ndjson");
    w->next = watchers->first;
    if (w->next)
        w->next->previous = w;
    watchers->first = w;
    watchers->count++;
    look_after(watchers, w);
out:
    pthread_mutex_unlock(&watchers->lock);
    return response;
}

/* ---- Those who go ---------------------------------------------------------------------------- */

/* If another watcher has that number by now, he is sent away for nothing, and comes again. */
static void note_gone(weir_watchers *all, int fd)
{
    pthread_mutex_lock(&all->lock);
    for (watcher *w = all->first; w; w = w->next)
        if (w->fd == fd) {
            w->gone = true;
            speak(w);
        }
    pthread_mutex_unlock(&all->lock);
}

static void *look(void *arg)
{
    weir_watchers *all = arg;
    struct epoll_event event;

    for (;;) {
        if (epoll_wait(all->epoll, &event, 1, -1) != 1)
            continue; /* a debugger */
        if (event.data.fd == all->wakeup)
            return NULL;
        note_gone(all, event.data.fd);
    }
}

void weir_watchers_bye(weir_watchers *watchers)
{
    pthread_mutex_lock(&watchers->lock);
    watchers->ending = true;
    for (watcher *w = watchers->first; w; w = w->next)
        dismiss(w);
    pthread_mutex_unlock(&watchers->lock);
}

/* ---- Start and stop -------------------------------------------------------------------------- */

weir_watchers *weir_watchers_start(size_t connections)
{
    weir_watchers *all = weir_new(weir_watchers);
    struct epoll_event event = {.events = EPOLLIN};

    all->limit = connections / 2 < WEIR_WATCHERS ? connections / 2 : WEIR_WATCHERS;
    pthread_mutex_init(&all->lock, NULL);
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    all->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    event.data.fd = all->wakeup;
    if (all->epoll < 0 || all->wakeup < 0 ||
        epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wakeup, &event) != 0) {
        /* as with memory and threads: the cluster goes on without us */
        weir_logf(WEIR_ERROR, "cannot make an epoll or an eventfd: %s", strerror(errno));
        abort();
    }
    all->thread = weir_thread_start("watchers", look, all);
    return all;
}

void weir_watchers_stop(weir_watchers *watchers)
{
    uint64_t one = 1;

    if (!watchers)
        return;
    assert(!watchers->first);
    if (write(watchers->wakeup, &one, sizeof(one)) == (ssize_t)sizeof(one))
        pthread_join(watchers->thread, NULL);
    close(watchers->epoll);
    close(watchers->wakeup);
    pthread_mutex_destroy(&watchers->lock);
    free(watchers);
}
