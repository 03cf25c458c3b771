/* test_deal.c - topic filters are dealt to tasks: all of them, evenly, overlapping ones together,
 * and as few as possible change hands when something changes. */
#include "address.h"
#include "deal.h"

#include "tests/support/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 60

typedef struct hand {
    char text[MOST][32];
    char *filters[MOST];
    size_t count, task_of[MOST], tasks;
} hand;

/* plant/<from>/#, plant/<from + 1>/# … */
static void make(hand *h, int from, size_t count)
{
    h->count = count;
    for (size_t i = 0; i < count; i++) {
        snprintf(h->text[i], sizeof(h->text[i]), "plant/%d/#", from + (int)i);
        h->filters[i] = h->text[i];
    }
}

static void deal(hand *h, size_t tasks)
{
    h->tasks = mqtt_deal(h->filters, h->count, tasks, h->task_of);
}

static size_t moved(const hand *before, const hand *after)
{
    size_t n = 0;

    for (size_t i = 0; i < before->count; i++)
        for (size_t j = 0; j < after->count; j++)
            if (strcmp(before->filters[i], after->filters[j]) == 0)
                n += before->task_of[i] != after->task_of[j];
    return n;
}

static void expect_even(const hand *h)
{
    size_t load[MOST] = {0};

    for (size_t i = 0; i < h->count; i++) {
        ck_assert_uint_lt(h->task_of[i], h->tasks);
        load[h->task_of[i]]++;
    }
    for (size_t task = 0; task < h->tasks; task++) {
        ck_assert_uint_ge(load[task], h->count / h->tasks);
        ck_assert_uint_le(load[task], h->count / h->tasks + 1);
    }
}

START_TEST(every_filter_has_a_task_and_every_task_as_much_to_do)
{
    hand h;

    for (size_t count = 1; count <= 24; count++)
        for (size_t tasks = 1; tasks <= 9; tasks++) {
            make(&h, _i * 100, count);
            deal(&h, tasks);
            ck_assert_uint_eq(h.tasks, tasks < count ? tasks : count);
            expect_even(&h);
        }
}
END_TEST

START_TEST(the_order_of_writing_and_other_processes_make_no_difference)
{
    hand one, other;

    make(&one, _i * 100, 20);
    deal(&one, 4);
    make(&other, _i * 100, 20);
    for (size_t i = 0; i < 20; i++)
        other.filters[i] = one.filters[(i * 7 + 3) % 20];
    deal(&other, 4);
    ck_assert_uint_eq(moved(&one, &other), 0);
}
END_TEST

START_TEST(a_filter_that_comes_or_goes_leaves_the_others_where_they_are)
{
    size_t n = 0, worst = 0;
    hand before, after;

    for (int from = 0; from < 100; from++) {
        make(&before, from * 1000, 20);
        deal(&before, 4);
        make(&after, from * 1000, 21);
        deal(&after, 4);
        n += moved(&before, &after);
        worst = moved(&before, &after) > worst ? moved(&before, &after) : worst;
    }
    ck_assert_uint_le(n, 200); /* two of twenty on average */
    ck_assert_uint_le(worst, 8);
}
END_TEST

/* No more than what has to move, and a fifth of the filters. */
START_TEST(another_number_of_tasks_moves_what_it_has_to)
{
    static const size_t changes[][2] = {{4, 2}, {2, 4}, {4, 5}, {1, 4}, {4, 1}, {3, 8}};
    size_t from = changes[_i][0], to = changes[_i][1];
    size_t least = 20 * (from < to ? to - from : from - to) / (from < to ? to : from), n = 0;
    hand before, after, back;

    for (int seed = 0; seed < 100; seed++) {
        make(&before, seed * 1000, 20);
        deal(&before, from);
        make(&after, seed * 1000, 20);
        deal(&after, to);
        n += moved(&before, &after);
        make(&back, seed * 1000, 20);
        deal(&back, from);
        ck_assert_uint_eq(moved(&before, &back), 0);
    }
    ck_assert_uint_le(n, 100 * (least + 4));
}
END_TEST

START_TEST(filters_that_one_topic_can_match_stay_together)
{
    char *filters[] = {"a/+/x", "b/1",          "a/1/#", "c/#", "a/1/y",
                       "d",     "$share/g/d/#", "e/+",   "f",   "$share/g/f"};
    size_t count = sizeof(filters) / sizeof(filters[0]), task_of[MOST], tasks;

    for (size_t max = 1; max < 8; max++) {
        tasks = mqtt_deal(filters, count, max, task_of);
        ck_assert_uint_eq(tasks, max < 6 ? max : 6);
        ck_assert_uint_eq(task_of[0], task_of[2]); /* a/1/x */
        ck_assert_uint_eq(task_of[2], task_of[4]); /* a/1/y; a/+/x by way of it */
        ck_assert_uint_eq(task_of[5], task_of[6]); /* d */
        ck_assert_uint_eq(task_of[8], task_of[9]);
    }
    ck_assert_uint_eq(mqtt_deal((char *[]){"#", "a/b", "c"}, 3, 4, task_of), 1);
    ck_assert_uint_eq(mqtt_deal((char *[]){"a", "a", "a"}, 3, 4, task_of), 1);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source deal",
    tcase_add_loop_test(tests, every_filter_has_a_task_and_every_task_as_much_to_do, 0, 5);
    tcase_add_loop_test(tests, the_order_of_writing_and_other_processes_make_no_difference, 0, 5);
    tcase_add_test(tests, a_filter_that_comes_or_goes_leaves_the_others_where_they_are);
    tcase_add_loop_test(tests, another_number_of_tasks_moves_what_it_has_to, 0, 6);
    tcase_add_test(tests, filters_that_one_topic_can_match_stay_together);)
