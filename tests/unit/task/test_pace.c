/* test_pace.c - a source is asked in bursts; nothing waits longer than it has to. */
#include "task/pace.h"
#include "tests/support/unit.h"

#define MS        INT64_C(1000)
#define BEGUN     (7000 * MS)
#define LINGER_MS 5

static weir_pace pace;
static int64_t left_us;

/* At so many milliseconds after the first record. */
static weir_pace_step next_at(double ms)
{
    left_us = -1;
    return weir_pace_next(&pace, BEGUN + (int64_t)(ms * (double)MS), &left_us);
}

/* A burst of two polls that bring something, and one that brings nothing. */
static void burst(double linger_ms)
{
    pace = weir_pace_of(linger_ms);
    ck_assert_int_eq(next_at(-1), WEIR_PACE_WAIT);
    weir_pace_polled(&pace, 3, BEGUN);
    ck_assert_int_eq(next_at(0), WEIR_PACE_LOOK);
    weir_pace_polled(&pace, 2, BEGUN + 100);
    ck_assert_int_eq(next_at(0.1), WEIR_PACE_LOOK);
    weir_pace_polled(&pace, 0, BEGUN + 200);
}

START_TEST(while_nothing_comes_it_is_idle)
{
    pace = weir_pace_of(LINGER_MS);
    for (int i = 0; i < 3; i++) {
        weir_pace_polled(&pace, 0, BEGUN);
        ck_assert_int_eq(next_at(i), WEIR_PACE_WAIT);
    }
}
END_TEST

START_TEST(a_burst_is_flushed_until_kafka_has_answered)
{
    burst(LINGER_MS);
    ck_assert_int_eq(next_at(1), WEIR_PACE_FLUSH);
    ck_assert_int_eq(next_at(30), WEIR_PACE_FLUSH);
    ck_assert_int_eq(left_us, (WEIR_PACE_ANSWER_MS - 30) * MS);
    weir_pace_answered(&pace);
    ck_assert_int_eq(next_at(31), WEIR_PACE_WAIT); /* linger.ms is long over */
    weir_pace_polled(&pace, 0, BEGUN + 32 * MS);
    ck_assert_int_eq(next_at(33), WEIR_PACE_WAIT);
}
END_TEST

START_TEST(what_kafkas_answer_leaves_of_linger_it_rests)
{
    burst(LINGER_MS);
    ck_assert_int_eq(next_at(0.5), WEIR_PACE_FLUSH);
    weir_pace_answered(&pace);
    ck_assert_int_eq(next_at(2), WEIR_PACE_REST);
    ck_assert_int_eq(left_us, 3 * MS);
    ck_assert_int_eq(next_at(4.5), WEIR_PACE_REST);
    ck_assert_int_eq(left_us, MS / 2);
    ck_assert_int_eq(next_at(5), WEIR_PACE_WAIT);
}
END_TEST

START_TEST(every_burst_is_answered_for_itself)
{
    burst(LINGER_MS);
    weir_pace_answered(&pace);
    ck_assert_int_eq(next_at(5), WEIR_PACE_WAIT);
    weir_pace_polled(&pace, 1, BEGUN + 6 * MS);
    weir_pace_polled(&pace, 0, BEGUN + 6 * MS);
    ck_assert_int_eq(next_at(7), WEIR_PACE_FLUSH);
}
END_TEST

START_TEST(a_kafka_that_does_not_answer_is_not_waited_for_for_ever)
{
    burst(LINGER_MS);
    ck_assert_int_eq(next_at(WEIR_PACE_ANSWER_MS - 1), WEIR_PACE_FLUSH);
    ck_assert_int_eq(next_at(WEIR_PACE_ANSWER_MS), WEIR_PACE_WAIT);
}
END_TEST

START_TEST(no_source_waits_for_a_linger_of_a_minute)
{
    burst(60000);
    weir_pace_answered(&pace);
    ck_assert_int_eq(next_at(1), WEIR_PACE_REST);
    ck_assert_int_eq(left_us, (WEIR_PACE_LINGER_MS - 1) * MS);
    ck_assert_int_eq(next_at(WEIR_PACE_LINGER_MS), WEIR_PACE_WAIT);
}
END_TEST

START_TEST(a_source_that_is_never_dry_never_rests)
{
    pace = weir_pace_of(LINGER_MS);
    for (int i = 0; i < 1000; i++) {
        weir_pace_polled(&pace, 1, BEGUN + i * MS);
        ck_assert_int_eq(next_at(i), WEIR_PACE_LOOK);
    }
    weir_pace_polled(&pace, 0, BEGUN + 1000 * MS);
    ck_assert_int_eq(next_at(1000), WEIR_PACE_WAIT);
}
END_TEST

START_TEST(whoever_wants_no_linger_waits_for_kafka_alone)
{
    burst(0);
    ck_assert_int_eq(next_at(0.5), WEIR_PACE_FLUSH);
    weir_pace_answered(&pace);
    ck_assert_int_eq(next_at(0.6), WEIR_PACE_WAIT);
}
END_TEST

WEIR_UNIT_MAIN("pace", tcase_add_test(tests, while_nothing_comes_it_is_idle);
               tcase_add_test(tests, a_burst_is_flushed_until_kafka_has_answered);
               tcase_add_test(tests, what_kafkas_answer_leaves_of_linger_it_rests);
               tcase_add_test(tests, every_burst_is_answered_for_itself);
               tcase_add_test(tests, a_kafka_that_does_not_answer_is_not_waited_for_for_ever);
               tcase_add_test(tests, no_source_waits_for_a_linger_of_a_minute);
               tcase_add_test(tests, a_source_that_is_never_dry_never_rests);
               tcase_add_test(tests, whoever_wants_no_linger_waits_for_kafka_alone);)
