/* queue.c - see queue.h. A ring under one mutex; the conditions run on CLOCK_MONOTONIC. */
#include "base/queue.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct weir_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    void (*drop)(void *msg);
    size_t capacity, first, count;
    bool closed;
    void *ring[];
};

weir_queue *weir_queue_new(size_t capacity, void (*drop)(void *msg))
{
    weir_queue *queue = weir_calloc(1, sizeof(*queue) + capacity * sizeof(queue->ring[0]));
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->not_empty, &monotonic);
    pthread_cond_init(&queue->not_full, &monotonic);
    pthread_condattr_destroy(&monotonic);
    queue->capacity = capacity;
    queue->drop = drop;
    return queue;
}

void weir_queue_free(weir_queue *queue)
{
    if (!queue)
        return;
    for (; queue->count > 0; queue->count--) {
        if (queue->drop)
            queue->drop(queue->ring[queue->first]);
        queue->first = (queue->first + 1) % queue->capacity;
    }
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->not_full);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* Waits on `cond`, lock held. False once the deadline has passed. */
static bool wait_until(weir_queue *queue, pthread_cond_t *cond, int64_t deadline_ms)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};

    if (deadline_ms < 0) {
        pthread_cond_wait(cond, &queue->lock);
        return true;
    }
    return pthread_cond_timedwait(cond, &queue->lock, &until) == 0;
}

static int64_t deadline(int64_t timeout_ms)
{
    return timeout_ms < 0 ? -1 : weir_now_ms() + timeout_ms;
}

weir_code weir_queue_put(weir_queue *queue, void *msg, int64_t timeout_ms)
{
    int64_t until_ms = deadline(timeout_ms);
    weir_code rc = WEIR_OK;

    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->count == queue->capacity)
        if (timeout_ms == 0 || !wait_until(queue, &queue->not_full, until_ms))
            break;
    if (queue->closed)
        rc = WEIR_CLOSED;
    else if (queue->count == queue->capacity)
        rc = WEIR_FULL;
    else
        queue->ring[(queue->first + queue->count++) % queue->capacity] = msg;
    if (rc == WEIR_OK)
        pthread_cond_signal(&queue->not_empty);
    pthread_mutex_unlock(&queue->lock);
    return rc;
}

void *weir_queue_take(weir_queue *queue, int64_t timeout_ms)
{
    int64_t until_ms = deadline(timeout_ms);
    void *msg = NULL;

    pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->count == 0)
        if (timeout_ms == 0 || !wait_until(queue, &queue->not_empty, until_ms))
            break;
    if (queue->count > 0) {
        msg = queue->ring[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
        pthread_cond_signal(&queue->not_full);
    }
    pthread_mutex_unlock(&queue->lock);
    return msg;
}

void weir_queue_close(weir_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->not_empty);
    pthread_cond_broadcast(&queue->not_full);
    pthread_mutex_unlock(&queue->lock);
}

size_t weir_queue_size(weir_queue *queue)
{
    size_t count;

    pthread_mutex_lock(&queue->lock);
    count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}
