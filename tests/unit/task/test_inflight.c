/* test_inflight.c - every record taken gets one outcome, and answers keep their order. */
#include "base/buf.h"
#include "base/mem.h"
#include "task/inflight.h"
#include "tests/support/unit.h"

#include <inttypes.h>

/* Writes "D:1,2 A:3 " for what is settled. */
static void note(void *ctx, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    static const char letters[] = "DLPA"; /* delivered, dead letter, policy, abandoned */
    weir_buf *text = ctx;

    weir_buf_char(text, letters[outcome]);
    for (size_t i = 0; i < count; i++)
        weir_buf_format(text, "%c%" PRIu64, i ? ',' : ':', tokens[i]);
    weir_buf_char(text, ' ');
}

START_TEST(answers_come_in_order_tokens_of_one_outcome_together)
{
    weir_inflight inflight = {.bound = 10};
    weir_buf text = WEIR_BUF;
    weir_slot *slots[5];

    for (uint64_t i = 0; i < 5; i++)
        slots[i] = weir_inflight_send(&inflight, i, 0);
    weir_inflight_answer(&inflight, slots[3], WEIR_DELIVERED);
    weir_inflight_answer(&inflight, slots[0], WEIR_DELIVERED);
    weir_inflight_answer_token(&inflight, 77, WEIR_DROPPED);
    weir_inflight_answer(&inflight, slots[4], WEIR_DROPPED);
    weir_inflight_answer(&inflight, slots[1], WEIR_DELIVERED);
    ck_assert_uint_eq(weir_inflight_unsettled(&inflight), 6);
    weir_inflight_settle(&inflight, note, &text);
    ck_assert_str_eq(weir_buf_text(&text), "D:3,0 P:77,4 D:1 ");
    ck_assert_uint_eq(weir_inflight_unsettled(&inflight), 1);

    weir_inflight_settle(&inflight, note, &text); /* nothing is told twice */
    ck_assert_str_eq(weir_buf_text(&text), "D:3,0 P:77,4 D:1 ");
    weir_buf_free(&text);
    weir_inflight_free(&inflight);
}
END_TEST

START_TEST(answers_that_nobody_has_heard_take_room_too)
{
    weir_inflight inflight = {.bound = 2};
    weir_buf text = WEIR_BUF;
    weir_slot *slot;

    ck_assert(!weir_inflight_full(&inflight));
    weir_inflight_answer_token(&inflight, 1, WEIR_DROPPED);
    slot = weir_inflight_send(&inflight, 2, 0);
    ck_assert(weir_inflight_full(&inflight));
    weir_inflight_answer(&inflight, slot, WEIR_DELIVERED);
    ck_assert(weir_inflight_full(&inflight));
    weir_inflight_settle(&inflight, note, &text);
    ck_assert(!weir_inflight_full(&inflight));
    weir_buf_free(&text);
    weir_inflight_free(&inflight);
}
END_TEST

START_TEST(a_record_that_was_not_sent_leaves_no_trace)
{
    weir_inflight inflight = {.bound = 1};
    weir_buf text = WEIR_BUF;

    weir_inflight_unsend(&inflight, weir_inflight_send(&inflight, 1, 0));
    ck_assert_uint_eq(weir_inflight_abandon(&inflight), 0);
    weir_inflight_settle(&inflight, note, &text);
    ck_assert_str_eq(weir_buf_text(&text), "");
    weir_inflight_free(&inflight);
}
END_TEST

START_TEST(what_got_no_answer_is_abandoned_once)
{
    weir_inflight inflight = {.bound = 10};
    weir_buf text = WEIR_BUF;
    weir_slot *slot;

    weir_inflight_send(&inflight, 1, 0);
    slot = weir_inflight_send(&inflight, 2, 0);
    weir_inflight_send(&inflight, 3, 0);
    weir_inflight_answer(&inflight, slot, WEIR_DELIVERED);
    ck_assert_uint_eq(weir_inflight_abandon(&inflight), 2);
    ck_assert_uint_eq(weir_inflight_abandon(&inflight), 0);
    weir_inflight_settle(&inflight, note, &text);
    ck_assert_str_eq(weir_buf_text(&text), "D:2 A:1,3 ");
    weir_buf_free(&text);
    weir_inflight_free(&inflight);
}
END_TEST

static size_t heard;
static bool seen[20000];

static void count_once(void *ctx, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    (void)ctx;
    (void)outcome;
    for (size_t i = 0; i < count; i++) {
        ck_assert(!seen[tokens[i]]);
        seen[tokens[i]] = true;
    }
    heard += count;
}

START_TEST(many_rounds_use_the_same_slots_again)
{
    weir_inflight inflight = {.bound = 5000};
    weir_slot *slots[5000];
    size_t chunks = 0;

    for (uint64_t round = 0; round < 4; round++) {
        for (uint64_t i = 0; i < 5000; i++)
            slots[i] = weir_inflight_send(&inflight, round * 5000 + i, 0);
        ck_assert(weir_inflight_full(&inflight));
        for (size_t i = 0; i < 5000; i++)
            if (i % 3)
                weir_inflight_answer(&inflight, slots[i], WEIR_DELIVERED);
        ck_assert_uint_eq(weir_inflight_abandon(&inflight), 1667);
        weir_inflight_settle(&inflight, count_once, NULL);
        ck_assert_uint_eq(weir_inflight_unsettled(&inflight), 0);
        if (round == 0)
            chunks = inflight.chunk_count;
        ck_assert_uint_eq(inflight.chunk_count, chunks);
    }
    ck_assert_uint_eq(heard, WEIR_COUNT(seen));
    weir_inflight_free(&inflight);
}
END_TEST

START_TEST(the_oldest_on_its_way_is_known_whatever_the_order_of_the_answers)
{
    weir_inflight inflight = {.bound = 10};
    weir_slot *slots[4];

    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), -1);
    for (int i = 0; i < 4; i++)
        slots[i] = weir_inflight_send(&inflight, (uint64_t)i, 100 + i);
    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), 100);
    weir_inflight_answer(&inflight, slots[1], WEIR_DELIVERED);
    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), 100);
    weir_inflight_answer(&inflight, slots[0], WEIR_DELIVERED);
    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), 102);
    weir_inflight_unsend(&inflight, slots[3]);
    slots[3] = weir_inflight_send(&inflight, 4, 200);
    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), 102);
    weir_inflight_answer(&inflight, slots[2], WEIR_DELIVERED);
    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), 200);
    weir_inflight_abandon(&inflight);
    ck_assert_int_eq(weir_inflight_oldest_ms(&inflight), -1);
    weir_inflight_free(&inflight);
}
END_TEST

WEIR_UNIT_MAIN("inflight",
               tcase_add_test(tests, answers_come_in_order_tokens_of_one_outcome_together);
               tcase_add_test(tests, answers_that_nobody_has_heard_take_room_too);
               tcase_add_test(tests, a_record_that_was_not_sent_leaves_no_trace);
               tcase_add_test(tests, what_got_no_answer_is_abandoned_once);
               tcase_add_test(tests, many_rounds_use_the_same_slots_again);
               tcase_add_test(tests,
                              the_oldest_on_its_way_is_known_whatever_the_order_of_the_answers);)
