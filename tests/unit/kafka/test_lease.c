/* test_lease.c - for how long the group still counts on us. */
#include "kafka/lease.h"
#include "tests/support/unit.h"

#define SESSION_MS   6000
#define HEARTBEAT_MS 1000
#define ROUND_MS     60000

static int64_t now_ms;
static weir_lease *lease;

static int64_t moved_now_ms(const weir_clock *clock)
{
    (void)clock;
    return now_ms;
}

static const weir_clock moved = {moved_now_ms};

static void set_up(void)
{
    now_ms = 1000000;
    lease = weir_lease_new(&moved, SESSION_MS, HEARTBEAT_MS, ROUND_MS);
}

static void tear_down(void)
{
    weir_lease_free(lease);
}

static void join(void)
{
    weir_lease_asked(lease, WEIR_LEASE_JOIN);
    weir_lease_answered(lease, WEIR_LEASE_JOIN, 5);
    weir_lease_asked(lease, WEIR_LEASE_SYNC);
    weir_lease_answered(lease, WEIR_LEASE_SYNC, 5);
}

START_TEST(there_is_none_before_the_first_answer)
{
    ck_assert(!weir_lease_runs(lease));
    weir_lease_asked(lease, WEIR_LEASE_JOIN);
    ck_assert(!weir_lease_runs(lease));
    weir_lease_answered(lease, WEIR_LEASE_JOIN, -1);
    ck_assert(!weir_lease_runs(lease));
    weir_lease_asked(lease, WEIR_LEASE_JOIN); /* the first answer only gives a member id */
    weir_lease_answered(lease, WEIR_LEASE_JOIN, 5);
    ck_assert(!weir_lease_runs(lease));
    join();
    ck_assert(weir_lease_runs(lease));
}
END_TEST

START_TEST(it_counts_from_when_the_heartbeat_was_sent)
{
    join();
    now_ms += 1000;
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 200);
    now_ms += SESSION_MS - 1000 - 200 - 1;
    ck_assert(weir_lease_runs(lease));
    now_ms += 1;
    ck_assert(!weir_lease_runs(lease));
}
END_TEST

START_TEST(an_answer_read_after_a_freeze_extends_nothing)
{
    join();
    now_ms += 1000;
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 1);
    now_ms += 15000;
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 14500);
    ck_assert(!weir_lease_runs(lease));
}
END_TEST

START_TEST(a_heartbeat_that_fails_or_comes_late_takes_nothing_away)
{
    join();
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 0);
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 4000);
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, -1);
    now_ms += SESSION_MS - 1000 - 1;
    ck_assert(weir_lease_runs(lease));
}
END_TEST

START_TEST(a_join_round_holds_it_open_and_not_for_ever)
{
    join();
    weir_lease_asked(lease, WEIR_LEASE_JOIN);
    now_ms += SESSION_MS + 1000 - 1;
    ck_assert(weir_lease_runs(lease));
    weir_lease_asked(lease, WEIR_LEASE_JOIN); /* sent again: the same round */
    now_ms += 1;
    ck_assert(!weir_lease_runs(lease));
}
END_TEST

START_TEST(a_round_that_fails_leaves_what_the_heartbeats_gave)
{
    join();
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 0);
    weir_lease_asked(lease, WEIR_LEASE_JOIN);
    now_ms += 1000;
    weir_lease_answered(lease, WEIR_LEASE_JOIN, -1);
    ck_assert(weir_lease_runs(lease));
    now_ms += SESSION_MS - 2000;
    ck_assert(!weir_lease_runs(lease));
}
END_TEST

START_TEST(what_is_lost_is_over_and_a_round_does_not_bring_it_back)
{
    join();
    weir_lease_asked(lease, WEIR_LEASE_JOIN);
    weir_lease_end(lease);
    ck_assert(!weir_lease_runs(lease));
    weir_lease_asked(lease, WEIR_LEASE_JOIN);
    ck_assert(!weir_lease_runs(lease));
    weir_lease_answered(lease, WEIR_LEASE_JOIN, 5);
    ck_assert(!weir_lease_runs(lease));
    join();
    ck_assert(weir_lease_runs(lease));
}
END_TEST

START_TEST(the_first_heartbeat_after_its_end_may_have_been_refused)
{
    join();
    now_ms += 20000;
    ck_assert(!weir_lease_runs(lease));
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 2);
    ck_assert(!weir_lease_runs(lease));
    now_ms += HEARTBEAT_MS;
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 2);
    ck_assert(weir_lease_runs(lease)); /* it was not */

    now_ms += 20000;
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 2);
    weir_lease_asked(lease, WEIR_LEASE_JOIN); /* it was */
    weir_lease_answered(lease, WEIR_LEASE_JOIN, 2);
    ck_assert(!weir_lease_runs(lease));
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 2);
    ck_assert(!weir_lease_runs(lease));
}
END_TEST

START_TEST(what_is_left_of_it_runs_out)
{
    ck_assert_int_eq(weir_lease_left_ms(lease), 0);
    join();
    weir_lease_answered(lease, WEIR_LEASE_HEARTBEAT, 200);
    ck_assert_int_eq(weir_lease_left_ms(lease), SESSION_MS - 1000 - 200);
    now_ms += 4000;
    ck_assert_int_eq(weir_lease_left_ms(lease), SESSION_MS - 1000 - 200 - 4000);
    weir_lease_asked(lease, WEIR_LEASE_JOIN); /* a round holds it open */
    ck_assert_int_eq(weir_lease_left_ms(lease), SESSION_MS + 1000);
    weir_lease_end(lease);
    ck_assert_int_eq(weir_lease_left_ms(lease), 0);
}
END_TEST

WEIR_UNIT_MAIN("lease", tcase_add_checked_fixture(tests, set_up, tear_down);
               tcase_add_test(tests, there_is_none_before_the_first_answer);
               tcase_add_test(tests, it_counts_from_when_the_heartbeat_was_sent);
               tcase_add_test(tests, what_is_left_of_it_runs_out);
               tcase_add_test(tests, an_answer_read_after_a_freeze_extends_nothing);
               tcase_add_test(tests, a_heartbeat_that_fails_or_comes_late_takes_nothing_away);
               tcase_add_test(tests, a_join_round_holds_it_open_and_not_for_ever);
               tcase_add_test(tests, a_round_that_fails_leaves_what_the_heartbeats_gave);
               tcase_add_test(tests, what_is_lost_is_over_and_a_round_does_not_bring_it_back);
               tcase_add_test(tests, the_first_heartbeat_after_its_end_may_have_been_refused);)
