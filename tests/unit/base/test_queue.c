/* test_queue.c - a mailbox hands each message over exactly once, and never blocks for ever. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "tests/support/unit.h"

#include <stdatomic.h>
#include <unistd.h>

#define PRODUCERS 4
#define EACH      2000

static int messages[PRODUCERS * EACH];

START_TEST(messages_come_out_in_the_order_they_went_in)
{
    weir_queue *queue = weir_queue_new(3, NULL);

    for (int round = 0; round < 5; round++) { /* several times round the ring */
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(weir_queue_put(queue, &messages[i], 0), WEIR_OK);
        ck_assert_uint_eq(weir_queue_size(queue), 2);
        for (int i = 0; i < 2; i++)
            ck_assert_ptr_eq(weir_queue_take(queue, 0), &messages[i]);
    }
    ck_assert_ptr_null(weir_queue_take(queue, 0));
    weir_queue_free(queue);
}
END_TEST

START_TEST(a_full_queue_refuses_and_keeps_what_it_has)
{
    weir_queue *queue = weir_queue_new(1, NULL);

    ck_assert_int_eq(weir_queue_put(queue, &messages[0], 0), WEIR_OK);
    ck_assert_int_eq(weir_queue_put(queue, &messages[1], 0), WEIR_FULL);
    ck_assert_ptr_eq(weir_queue_take(queue, 0), &messages[0]);
    ck_assert_int_eq(weir_queue_put(queue, &messages[1], 0), WEIR_OK);
    weir_queue_free(queue);
}
END_TEST

START_TEST(waiting_ends_with_the_timeout)
{
    weir_queue *queue = weir_queue_new(1, NULL);
    int64_t begin_ms = weir_now_ms();

    ck_assert_ptr_null(weir_queue_take(queue, 40));
    ck_assert_int_ge(weir_now_ms() - begin_ms, 40);
    ck_assert_int_eq(weir_queue_put(queue, &messages[0], 0), WEIR_OK);
    begin_ms = weir_now_ms();
    ck_assert_int_eq(weir_queue_put(queue, &messages[1], 40), WEIR_FULL);
    ck_assert_int_ge(weir_now_ms() - begin_ms, 40);
    weir_queue_free(queue);
}
END_TEST

START_TEST(a_closed_queue_takes_nothing_and_gives_what_is_left)
{
    weir_queue *queue = weir_queue_new(2, NULL);

    ck_assert_int_eq(weir_queue_put(queue, &messages[0], 0), WEIR_OK);
    weir_queue_close(queue);
    weir_queue_close(queue);
    ck_assert_int_eq(weir_queue_put(queue, &messages[1], 0), WEIR_CLOSED);
    ck_assert_int_eq(weir_queue_put(queue, &messages[1], -1), WEIR_CLOSED);
    ck_assert_ptr_eq(weir_queue_take(queue, -1), &messages[0]);
    ck_assert_ptr_null(weir_queue_take(queue, -1)); /* does not wait for what cannot come */
    weir_queue_free(queue);
}
END_TEST

static int dropped;

static void drop(void *msg)
{
    dropped += *(int *)msg;
}

START_TEST(what_is_left_is_dropped_with_the_queue)
{
    weir_queue *queue = weir_queue_new(3, drop);

    dropped = 0;
    for (int i = 0; i < 3; i++)
        messages[i] = 1 << i;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weir_queue_put(queue, &messages[i], 0), WEIR_OK);
    ck_assert_ptr_eq(weir_queue_take(queue, 0), &messages[0]);
    weir_queue_free(queue);
    ck_assert_int_eq(dropped, 2 + 4);
    weir_queue_free(NULL);
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------- */

static weir_queue *shared;
static atomic_int taken[PRODUCERS * EACH];

static void *produce(void *arg)
{
    int *first = arg;

    for (int i = 0; i < EACH; i++)
        if (weir_queue_put(shared, &first[i], -1) != WEIR_OK)
            return NULL;
    return arg;
}

static void *consume(void *arg)
{
    int *message;

    while ((message = weir_queue_take(shared, -1)) != NULL)
        atomic_fetch_add(&taken[message - messages], 1);
    return arg;
}

START_TEST(many_threads_hand_over_each_message_once)
{
    pthread_t producers[PRODUCERS], consumers[2];

    shared = weir_queue_new(7, NULL);
    for (int i = 0; i < 2; i++)
        consumers[i] = weir_thread_start("consumer", consume, NULL);
    for (int i = 0; i < PRODUCERS; i++)
        producers[i] = weir_thread_start("producer", produce, &messages[i * EACH]);
    for (int i = 0; i < PRODUCERS; i++) {
        void *whole = NULL;

        pthread_join(producers[i], &whole);
        ck_assert_ptr_nonnull(whole);
    }
    weir_queue_close(shared);
    for (int i = 0; i < 2; i++)
        pthread_join(consumers[i], NULL);
    for (int i = 0; i < PRODUCERS * EACH; i++)
        ck_assert_int_eq(atomic_load(&taken[i]), 1);
    weir_queue_free(shared);
}
END_TEST

static void *wait_to_take(void *arg)
{
    (void)arg;
    return weir_queue_take(shared, -1);
}

static void *wait_to_put(void *arg)
{
    return weir_queue_put(shared, arg, -1) == WEIR_CLOSED ? arg : NULL;
}

START_TEST(closing_wakes_everyone_who_waits)
{
    pthread_t takers[3], putter;
    void *result = &result;

    shared = weir_queue_new(1, NULL);
    for (int i = 0; i < 3; i++)
        takers[i] = weir_thread_start("taker", wait_to_take, NULL);
    usleep(20000);
    weir_queue_close(shared);
    for (int i = 0; i < 3; i++) {
        pthread_join(takers[i], &result);
        ck_assert_ptr_null(result);
    }
    weir_queue_free(shared);

    shared = weir_queue_new(1, NULL);
    ck_assert_int_eq(weir_queue_put(shared, &messages[0], 0), WEIR_OK);
    putter = weir_thread_start("putter", wait_to_put, &messages[1]);
    usleep(20000);
    weir_queue_close(shared);
    pthread_join(putter, &result);
    ck_assert_ptr_eq(result, &messages[1]);
    weir_queue_free(shared);
}
END_TEST

START_TEST(a_message_wakes_the_one_who_waits)
{
    pthread_t taker;
    void *result = NULL;

    shared = weir_queue_new(1, NULL);
    taker = weir_thread_start("taker", wait_to_take, NULL);
    usleep(20000);
    ck_assert_int_eq(weir_queue_put(shared, &messages[0], 0), WEIR_OK);
    pthread_join(taker, &result);
    ck_assert_ptr_eq(result, &messages[0]);
    weir_queue_free(shared);
}
END_TEST

WEIR_UNIT_MAIN("queue", tcase_add_test(tests, messages_come_out_in_the_order_they_went_in);
               tcase_add_test(tests, a_full_queue_refuses_and_keeps_what_it_has);
               tcase_add_test(tests, waiting_ends_with_the_timeout);
               tcase_add_test(tests, a_closed_queue_takes_nothing_and_gives_what_is_left);
               tcase_add_test(tests, what_is_left_is_dropped_with_the_queue);
               tcase_add_test(tests, many_threads_hand_over_each_message_once);
               tcase_add_test(tests, closing_wakes_everyone_who_waits);
               tcase_add_test(tests, a_message_wakes_the_one_who_waits);)
