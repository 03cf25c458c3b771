/* queue.h - a bounded mailbox between threads: many put, the owner takes.
 *
 * put() takes the message when it returns WEIR_OK and leaves it with you otherwise; take() gives
 * it to you. A message is handed over, never shared, so locks guard queues and little else.
 * Whatever is left inside when the queue is freed goes to `drop`. Timeouts: 0 never waits, a
 * negative one waits for ever.
 */
#ifndef WEIR_BASE_QUEUE_H
#define WEIR_BASE_QUEUE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct weir_queue weir_queue;

weir_queue *weir_queue_new(size_t capacity, void (*drop)(void *msg)); /* drop may be NULL */
void weir_queue_free(weir_queue *queue);

/* [any] WEIR_FULL after the timeout, WEIR_CLOSED after weir_queue_close(). */
WEIR_MUST_CHECK weir_code weir_queue_put(weir_queue *queue, void *msg, int64_t timeout_ms);
/* [owner] NULL: timeout, or closed and empty. */
void *weir_queue_take(weir_queue *queue, int64_t timeout_ms);
/* [any] Puts fail from now on, takers drain what is left. Idempotent. */
void weir_queue_close(weir_queue *queue);
size_t weir_queue_size(weir_queue *queue); /* [any] for logs and health */

#endif
