/* layer.h - what the programs that try the kafka layer on real brokers share.
 *
 * BOOTSTRAP names the brokers, BROKER is a command that kills and starts them. WEIR_TEST_SLOWNESS
 * stretches deadlines. Everything that happens goes through a diary: threads of the layer write,
 * the test waits for what it expects.
 */
#ifndef WEIR_TESTS_LAYER_H
#define WEIR_TESTS_LAYER_H

#include "base/clock.h"
#include "base/mem.h"
#include "base/props.h"
#include "kafka/topics.h"
#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline int64_t scaled(int64_t ms)
{
    const char *slowness = getenv("WEIR_TEST_SLOWNESS");

    return slowness ? (int64_t)((double)ms * strtod(slowness, NULL)) : ms;
}

static inline void set_up_props(weir_props *props)
{
    const char *bootstrap = getenv("BOOTSTRAP");

    ck_assert_msg(bootstrap, "BOOTSTRAP is not set");
    *props = (weir_props)WEIR_PROPS;
    weir_props_set(props, "bootstrap.servers", bootstrap);
}

/* A name nobody else uses, the caller's to free(). */
static inline char *unique(const char *what)
{
    static int count;

    return weir_format("layer-%s-%d-%lld-%d", what, (int)getpid(), (long long)weir_wall_clock_ms(),
                       count++);
}

/* A compacted topic, the caller's to free(). */
static inline char *new_topic(const char *what, int partitions)
{
    weir_props props;
    char *name = unique(what);
    weir_topic_wish wish = {.topic = name,
                            .property = "config.storage.topic",
                            .purpose = "tests",
                            .partitions = partitions,
                            .replication = 3};
    weir_err err;

    set_up_props(&props);
    ck_assert_msg(weir_topics_ensure(&props, &wish, 1, scaled(20000), &err) == WEIR_OK, "%s",
                  err.msg);
    weir_props_clear(&props);
    return name;
}

/* broker("kill 2"), broker("start 1 2 3"): BROKER is the command that does it. */
static inline void broker(const char *what)
{
    const char *command = getenv("BROKER");
    char *line;

    ck_assert_msg(command, "BROKER is not set");
    line = weir_format("%s %s >/dev/null", command, what);
    ck_assert_int_eq(system(line), 0);
    free(line);
}

/* ---- The diary ----------------------------------------------------------------------------- */

typedef struct entry {
    char what; /* the test's own letter */
    int who;
    int64_t a, b;
    char text[256]; /* cut */
    int64_t at_ms;
} entry;

typedef struct diary {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    entry *entries;
    size_t count, room;
} diary;

static inline void diary_open(diary *d)
{
    pthread_condattr_t monotonic;

    *d = (diary){0};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static inline void diary_close(diary *d)
{
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->changed);
    free(d->entries);
}

static inline void diary_note(diary *d, char what, int who, int64_t a, int64_t b, const char *text)
{
    entry e = {.what = what, .who = who, .a = a, .b = b, .at_ms = weir_now_ms()};

    snprintf(e.text, sizeof(e.text), "%.255s", text ? text : "");
    pthread_mutex_lock(&d->lock);
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 64;
        d->entries = weir_realloc(d->entries, d->room, sizeof(*d->entries));
    }
    d->entries[d->count++] = e;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static inline size_t diary_count(diary *d, char what)
{
    size_t count = 0;

    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->count; i++)
        count += d->entries[i].what == what;
    pthread_mutex_unlock(&d->lock);
    return count;
}

/* Waits for the next entry from `*at` on with this letter (and this writer, -1: any); *at moves
 * behind it. Fails the test past the deadline. */
static inline entry diary_wait(diary *d, size_t *at, char what, int who, int64_t timeout_ms)
{
    int64_t until_ms = weir_now_ms() + scaled(timeout_ms);
    const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    entry found = {0};
    bool late = false;

    pthread_mutex_lock(&d->lock);
    for (;;) {
        while (*at < d->count && !found.what) {
            const entry *e = &d->entries[(*at)++];

            if (e->what == what && (who < 0 || e->who == who))
                found = *e;
        }
        if (found.what || late)
            break;
        late = pthread_cond_timedwait(&d->changed, &d->lock, &until) != 0;
    }
    pthread_mutex_unlock(&d->lock);
    ck_assert_msg(found.what == what, "waited %lld ms for '%c' of %d", (long long)timeout_ms, what,
                  who);
    return found;
}

#endif
