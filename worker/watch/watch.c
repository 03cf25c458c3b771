/* watch.c - see watch.h.
 *
 * Each peer has at most one request under way and at most one time at which it is asked again. The
 * thread does what is due, lets curl move bytes, judges the requests that ended, and sleeps in
 * curl_multi_poll() until a socket, the next due time or a new set wakes it.
 *
 * The kernel of a dying process may still accept for a moment what the process never answers, so
 * the first repetitions come quickly: a killed process is known to be dead within milliseconds.
 */
#include "watch/watch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "watch/watch_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SLEEP_MS 60000 /* with nothing due */

static const weir_watch_limits usual = {
    .connect_ms = 1000, .first_line_ms = 2000, .stranger_ms = 5000, .steady_ms = 2000};

static const int64_t delays_ms[] = {0, 10, 20, 50, 100, 200, 400, 800, 1600, 2000};

typedef struct peer {
    weir_watch *watch;
    char *worker, *instance, *url;
    bool proven;
    char *address;  /* where it was heard; NULL: it was not yet */
    bool unknown;   /* as reported last */
    bool over;      /* nothing more to say */
    size_t tries;   /* in vain, since it was last heard */
    size_t passing; /* watches in a row that did not hold */
    int64_t begun_ms;
    int64_t heard_ms; /* of the watch under way; 0: none is */
    int64_t due_ms;   /* when it is asked again, while there is no probe */
    weir_probe *probe;
    struct peer *next;
} peer;

struct weir_watch {
    weir_watch_report *report;
    void *ctx;
    weir_watch_limits limits;
    CURLM *multi;
    pthread_t thread;

    pthread_mutex_t lock; /* guards these four */
    peer *wanted;         /* the new set, not looked at yet */
    weir_buf named;       /* who was named last, as text */
    bool changed, stop;

    peer *peers; /* [watch] */
};

static void free_peers(peer *p)
{
    while (p) {
        peer *next = p->next;

        weir_probe_free(p->probe);
        free(p->worker);
        free(p->instance);
        free(p->url);
        free(p->address);
        free(p);
        p = next;
    }
}

/* ---- What is said ------------------------------------------------------------------------- */

static void tell(const peer *p, weir_watch_change change, const char *text)
{
    p->watch->report(p->watch->ctx, &(weir_watch_news){.change = change,
                                                       .worker = p->worker,
                                                       .instance = p->instance,
                                                       .text = text});
}

static void hear_alive(void *ctx)
{
    peer *p = ctx;

    p->heard_ms = weir_now_ms();
    p->tries = 0;
    p->unknown = false;
    if (!p->address)
        p->address = weir_probe_address(p->probe);
    tell(p, WEIR_WATCH_ALIVE, "it answers");
}

static void hear_crashed(void *ctx, const char *item, int signal, int64_t ran_ms)
{
    const peer *p = ctx;
    char text[64];

    snprintf(text, sizeof(text), "it crashed with signal %d", signal);
    p->watch->report(p->watch->ctx, &(weir_watch_news){.change = WEIR_WATCH_CRASHED,
                                                       .worker = p->worker,
                                                       .instance = p->instance,
                                                       .text = text,
                                                       .item = item,
                                                       .signal = signal,
                                                       .ran_ms = ran_ms});
}

/* ---- What an end means -------------------------------------------------------------------- */

static int64_t delay_ms(size_t tries)
{
    return delays_ms[tries < WEIR_COUNT(delays_ms) ? tries : WEIR_COUNT(delays_ms) - 1];
}

static void end(peer *p, weir_watch_change change, const char *text)
{
    p->over = true;
    tell(p, change, text);
}

/* A watch that was heard has ended: ask again at once, but not on and on when none of them
 * holds. */
static void ask_again(peer *p)
{
    int64_t now_ms = weir_now_ms();

    if (now_ms - p->heard_ms >= p->watch->limits.steady_ms)
        p->passing = 0;
    p->due_ms = now_ms + delay_ms(p->passing++);
    p->heard_ms = 0;
}

static void judge(peer *p, weir_probe_end how, const char *text)
{
    bool known = p->proven || p->address;

    p->due_ms = weir_now_ms() + delay_ms(++p->tries);
    if (!known) {
        if (how == WEIR_PROBE_NOT_FOUND || p->due_ms - p->begun_ms > p->watch->limits.stranger_ms)
            end(p, WEIR_WATCH_STRANGER, text);
    } else if (how == WEIR_PROBE_REFUSED || how == WEIR_PROBE_ANOTHER) {
        end(p, WEIR_WATCH_DEAD, text);
    } else if (!p->unknown) {
        p->unknown = true;
        tell(p, WEIR_WATCH_UNKNOWN, text);
    }
}

static void conclude(peer *p, weir_probe_end how, const char *text)
{
    weir_probe_free(p->probe);
    p->probe = NULL;
    if (how == WEIR_PROBE_BYE)
        end(p, WEIR_WATCH_BYE, text);
    else if (p->heard_ms)
        ask_again(p);
    else
        judge(p, how, text);
}

/* ---- The thread --------------------------------------------------------------------------- */

static peer *find(peer *p, const peer *like)
{
    for (; p; p = p->next)
        if (strcmp(p->worker, like->worker) == 0 && strcmp(p->instance, like->instance) == 0 &&
            strcmp(p->url, like->url) == 0)
            return p;
    return NULL;
}

/* The new set: with what is known about those who were in the old one. */
static void adopt(weir_watch *watch, peer *wanted)
{
    for (peer **at = &wanted; *at; at = &(*at)->next) {
        peer *fresh = *at, *known = find(watch->peers, fresh);
        peer **link = &watch->peers;

        if (!known)
            continue;
        while (*link != known)
            link = &(*link)->next;
        *link = known->next;
        known->proven = known->proven || fresh->proven;
        known->next = fresh->next;
        *at = known;
        fresh->next = NULL;
        free_peers(fresh);
    }
    free_peers(watch->peers);
    watch->peers = wanted;
}

/* False: it is time to stop. */
static bool hear_wishes(weir_watch *watch)
{
    peer *wanted = NULL;
    bool changed, stop;

    pthread_mutex_lock(&watch->lock);
    changed = watch->changed;
    stop = watch->stop;
    if (changed && !stop) {
        wanted = watch->wanted;
        watch->wanted = NULL;
        watch->changed = false;
    }
    pthread_mutex_unlock(&watch->lock);
    if (changed && !stop)
        adopt(watch, wanted);
    return !stop;
}

static void begin(peer *p)
{
    weir_probe_hearer hearer = {.alive = hear_alive, .crashed = hear_crashed, .ctx = p};

    p->probe = weir_probe_begin(p->watch->multi, p->url, p->address, p->worker, p->instance,
                                &p->watch->limits, &hearer);
}

/* When this peer needs us next if nothing comes from it; INT64_MAX: never. */
static int64_t next_ms(const peer *p)
{
    int64_t deadline_ms = p->probe ? weir_probe_deadline_ms(p->probe) : p->due_ms;

    return p->over || (p->probe && deadline_ms == 0) ? INT64_MAX : deadline_ms;
}

static void do_what_is_due(weir_watch *watch)
{
    for (peer *p = watch->peers; p; p = p->next) {
        char text[64];

        if (next_ms(p) > weir_now_ms())
            continue;
        if (!p->probe) {
            begin(p);
            continue;
        }
        snprintf(text, sizeof(text), "no answer within %lld ms",
                 (long long)watch->limits.first_line_ms);
        conclude(p, WEIR_PROBE_NOTHING, text);
    }
}

static void hear_ends(weir_watch *watch)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(watch->multi, &left)) != NULL) {
        weir_probe *probe = weir_probe_of(message->easy_handle);
        CURLcode code = message->data.result;
        weir_probe_end how;
        char text[CURL_ERROR_SIZE];

        how = weir_probe_ended(probe, code, text, sizeof(text));
        conclude(weir_probe_ctx(probe), how, text);
    }
}

static int sleep_ms(const weir_watch *watch)
{
    int64_t now_ms = weir_now_ms(), until_ms = now_ms + SLEEP_MS;

    for (const peer *p = watch->peers; p; p = p->next)
        if (next_ms(p) < until_ms)
            until_ms = next_ms(p);
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

static void *run(void *arg)
{
    weir_watch *watch = arg;

    while (hear_wishes(watch)) {
        int running;

        do_what_is_due(watch);
        curl_multi_perform(watch->multi, &running);
        hear_ends(watch);
        curl_multi_poll(watch->multi, NULL, 0, sleep_ms(watch), NULL);
    }
    return NULL;
}

/* ---- From outside ------------------------------------------------------------------------- */

weir_watch *weir_watch_start_with(weir_watch_report *report, void *ctx,
                                  const weir_watch_limits *limits)
{
    weir_watch *watch = weir_new(weir_watch);

    assert(report);
    watch->report = report;
    watch->ctx = ctx;
    watch->limits = *limits;
    pthread_mutex_init(&watch->lock, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    watch->multi = curl_multi_init();
    if (!watch->multi)
        abort(); /* memory is out, see base/mem.h */
    watch->thread = weir_thread_start("watch", run, watch);
    return watch;
}

weir_watch *weir_watch_start(weir_watch_report *report, void *ctx)
{
    return weir_watch_start_with(report, ctx, &usual);
}

static void add_name(weir_buf *names, const weir_watch_peer *named)
{
    weir_buf_format(names, "%s\n%s\n%s\n%d\n", named->worker, named->instance, named->url,
                    named->proven);
}

/* Callers name their peers often, and seldom others: the thread is not woken for the same ones. */
static bool is_news(weir_watch *watch, const weir_watch_peer *peers, size_t count)
{
    weir_buf names = WEIR_BUF;
    bool news;

    for (size_t i = 0; i < count; i++)
        add_name(&names, &peers[i]);
    pthread_mutex_lock(&watch->lock);
    news = !weir_same(weir_buf_text(&names), weir_buf_text(&watch->named));
    if (news) {
        weir_buf_free(&watch->named);
        watch->named = names;
        names = (weir_buf)WEIR_BUF;
    }
    pthread_mutex_unlock(&watch->lock);
    weir_buf_free(&names);
    return news;
}

void weir_watch_peers(weir_watch *watch, const weir_watch_peer *peers, size_t count)
{
    peer *all = NULL, *before;

    if (!is_news(watch, peers, count))
        return;

    for (size_t i = count; i-- > 0;) {
        peer *p = weir_new(peer);

        p->watch = watch;
        p->worker = weir_strdup(peers[i].worker);
        p->instance = weir_strdup(peers[i].instance);
        p->url = weir_strdup(peers[i].url);
        p->proven = peers[i].proven;
        p->begun_ms = p->due_ms = weir_now_ms();
        p->next = all;
        all = p;
    }
    pthread_mutex_lock(&watch->lock);
    before = watch->wanted;
    watch->wanted = all;
    watch->changed = true;
    pthread_mutex_unlock(&watch->lock);
    free_peers(before);
    curl_multi_wakeup(watch->multi);
}

void weir_watch_stop(weir_watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    pthread_mutex_unlock(&watch->lock);
    curl_multi_wakeup(watch->multi);
    pthread_join(watch->thread, NULL);
    free_peers(watch->peers);
    free_peers(watch->wanted);
    weir_buf_free(&watch->named);
    curl_multi_cleanup(watch->multi);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}
