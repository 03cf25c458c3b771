/* test_leader.c - the right to decide on real brokers: who claims it takes it from whoever had it,
 * and every answer is true.
 *
 * The diary: 'w' what a claim or write came to (who: which log, a: token * 100 + code, b: offset,
 * text: why), 'r' a record read (a: offset, text: key), 'b' a barrier.
 */
#include "layer.h"

#include "kafka/compacted_log.h"
#include "kafka/leader_log.h"

#define SOON_MS 20000

static weir_props props;
static diary said;
static size_t at;
static char *topic;
static int first = 1, second = 2;

static void on_report(void *ctx, uint64_t token, weir_code code, int64_t offset,
                      const weir_err *err)
{
    diary_note(&said, 'w', *(int *)ctx, (int64_t)token * 100 + code, offset, err ? err->msg : NULL);
}

static void on_record(void *ctx, const weir_log_record *record)
{
    (void)ctx;
    diary_note(&said, 'r', 0, record->offset, 0, record->key);
}

static void on_reached(void *ctx, uint64_t barrier)
{
    (void)ctx;
    diary_note(&said, 'b', 0, (int64_t)barrier, 0, NULL);
}

static void setup(void)
{
    set_up_props(&props);
    diary_open(&said);
    at = 0;
    topic = new_topic("lead", 1);
}

static void teardown(void)
{
    weir_props_clear(&props);
    diary_close(&said);
    free(topic);
}

static weir_leader_log *open_leader(int *who)
{
    weir_leader_log *log = NULL;
    weir_err err;

    ck_assert_msg(weir_leader_log_open(&props, topic, topic, on_report, who, &log, &err) == WEIR_OK,
                  "%s", err.msg);
    return log;
}

static weir_batch *batch_of(const char *key, const char *value)
{
    weir_batch *batch = weir_batch_new();

    weir_batch_add(batch, key, value);
    return batch;
}

static entry answer(int who, uint64_t token, weir_code code)
{
    entry e = diary_wait(&said, &at, 'w', who, SOON_MS);

    ck_assert_int_eq(e.a / 100, (int64_t)token);
    ck_assert_msg(e.a % 100 == code, "token %d: %s, %s", (int)token,
                  weir_code_text((weir_code)(e.a % 100)), e.text);
    return e;
}

START_TEST(a_claim_leads_and_its_writes_say_where_they_are)
{
    const weir_log_listener listener = {NULL, on_record, on_reached};
    weir_leader_log *leader = open_leader(&first);
    weir_compacted_log *log = NULL;
    weir_batch *batch = weir_batch_new();
    int64_t claimed, written, since_ms;
    weir_err err;

    weir_leader_log_write(leader, batch_of("early", "v"), 1);
    ck_assert_int_eq(answer(1, 1, WEIR_CLOSED).b, -1);
    weir_leader_log_claim(leader, batch_of("leader", "v"), 2);
    claimed = answer(1, 2, WEIR_OK).b;
    weir_batch_add(batch, "one", "v");
    weir_batch_add(batch, "two", NULL);
    weir_batch_add(batch, "three", "");
    ck_assert_uint_eq(weir_batch_size(batch), 3);
    weir_leader_log_write(leader, batch, 3);
    written = answer(1, 3, WEIR_OK).b;
    ck_assert_int_eq(written, claimed + 1 + 3); /* behind the claim's marker, the third record */
    weir_leader_log_write(leader, weir_batch_new(), 4);
    ck_assert_int_eq(answer(1, 4, WEIR_OK).b, -1); /* nothing, nowhere */

    ck_assert_int_eq(weir_compacted_log_open(&props, topic, &listener, &log, &err), WEIR_OK);
    diary_wait(&said, &at, 'b', -1, SOON_MS);
    ck_assert_uint_eq(diary_count(&said, 'r'), 4);
    at = 0;
    ck_assert_int_eq(diary_wait(&said, &at, 'r', -1, SOON_MS).a, claimed);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(diary_wait(&said, &at, 'r', -1, SOON_MS).a, written - 2 + i);
    weir_compacted_log_close(log);

    weir_leader_log_release(leader);
    weir_leader_log_write(leader, batch_of("late", "v"), 5);
    answer(1, 5, WEIR_CLOSED);
    since_ms = weir_now_ms();
    weir_leader_log_close(leader);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(2500));
}
END_TEST

START_TEST(the_second_claim_fences_the_first)
{
    weir_leader_log *one = open_leader(&first), *two = open_leader(&second);

    weir_leader_log_claim(one, batch_of("leader", "one"), 1);
    answer(1, 1, WEIR_OK);
    weir_leader_log_claim(two, batch_of("leader", "two"), 2);
    answer(2, 2, WEIR_OK);
    weir_leader_log_write(one, batch_of("assignment", "stale"), 3);
    weir_leader_log_write(one, batch_of("assignment", "staler"), 4);
    ck_assert_msg(strstr(answer(1, 3, WEIR_FENCED).text, "another leader"), "no reason");
    answer(1, 4, WEIR_CLOSED); /* the handle is gone */
    weir_leader_log_write(two, batch_of("assignment", "valid"), 5);
    answer(2, 5, WEIR_OK);

    weir_leader_log_claim(one, batch_of("leader", "one"), 6); /* and back */
    answer(1, 6, WEIR_OK);
    weir_leader_log_write(two, batch_of("assignment", "stale"), 7);
    answer(2, 7, WEIR_FENCED);
    weir_leader_log_close(one);
    weir_leader_log_close(two);
}
END_TEST

START_TEST(a_claim_while_leading_is_a_new_term)
{
    weir_leader_log *leader = open_leader(&first);
    int64_t term, claimed_ms, since_ms;
    entry e;

    weir_leader_log_claim(leader, batch_of("leader", "v"), 1);
    weir_leader_log_claim(leader, batch_of("leader", "v"), 2);
    weir_leader_log_write(leader, batch_of("k", "v"), 3);
    e = answer(1, 1, WEIR_OK);
    term = e.b;
    since_ms = e.at_ms;
    e = answer(1, 2, WEIR_OK);
    ck_assert_int_gt(e.b, term);
    claimed_ms = e.at_ms - since_ms;
    since_ms = e.at_ms;
    e = answer(1, 3, WEIR_OK);
    printf("claim %lld ms, write %lld ms\n", (long long)claimed_ms,
           (long long)(e.at_ms - since_ms));
    /* Half a second of it when the broker is still busy with the transaction just committed. */
    ck_assert_int_lt(claimed_ms, scaled(1500));
    weir_leader_log_close(leader);
}
END_TEST

START_TEST(a_record_too_large_harms_nobody_else)
{
    weir_leader_log *leader = open_leader(&first);
    weir_batch *batch = weir_batch_new();
    char *large = weir_calloc(1, 3000001);
    int64_t before;

    memset(large, 'x', 3000000);
    weir_leader_log_claim(leader, batch_of("leader", "v"), 1);
    before = answer(1, 1, WEIR_OK).b;
    weir_batch_add(batch, "small", "v");
    weir_batch_add(batch, "large", large);
    weir_leader_log_write(leader, batch, 2);
    ck_assert_msg(strstr(answer(1, 2, WEIR_FAILED).text, "large"), "not named");
    weir_leader_log_write(leader, batch_of("k", "v"), 3);
    ck_assert_int_gt(answer(1, 3, WEIR_OK).b, before);
    free(large);
    weir_leader_log_close(leader);
}
END_TEST

/* Reads the log to its end; is the key there? */
static bool is_written(const char *key)
{
    const weir_log_listener listener = {NULL, on_record, on_reached};
    weir_compacted_log *log = NULL;
    bool found = false;
    weir_err err;

    ck_assert_int_eq(weir_compacted_log_open(&props, topic, &listener, &log, &err), WEIR_OK);
    at = said.count;
    diary_wait(&said, &at, 'b', -1, SOON_MS);
    weir_compacted_log_close(log);
    for (size_t i = 0; i < said.count; i++)
        found = found || (said.entries[i].what == 'r' && strcmp(said.entries[i].text, key) == 0);
    return found;
}

START_TEST(a_write_while_kafka_is_away_is_answered_in_time_and_truthfully)
{
    weir_leader_log *leader = open_leader(&first);
    int64_t since_ms;
    entry e;

    weir_leader_log_claim(leader, batch_of("leader", "v"), 1);
    answer(1, 1, WEIR_OK);
    broker("kill 1 2 3");
    since_ms = weir_now_ms();
    weir_leader_log_write(leader, batch_of("lost", "v"), 2);
    e = diary_wait(&said, &at, 'w', 1, 60000);
    printf("without brokers a write was answered '%s' after %lld ms: %s\n",
           weir_code_text((weir_code)(e.a % 100)), (long long)(weir_now_ms() - since_ms), e.text);
    ck_assert(e.a == 200 + WEIR_TIMED_OUT || e.a == 200 + WEIR_FENCED);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(40000));
    broker("start 1 2 3");
    weir_leader_log_claim(leader, batch_of("leader", "again"), 3);
    answer(1, 3, WEIR_OK);
    ck_assert(!is_written("lost")); /* no broker was there to commit it */
    weir_leader_log_close(leader);
}
END_TEST

START_TEST(closing_does_not_wait_for_a_commit_that_hangs)
{
    weir_leader_log *leader = open_leader(&first);
    int64_t since_ms;

    weir_leader_log_claim(leader, batch_of("leader", "v"), 1);
    answer(1, 1, WEIR_OK);
    broker("kill 1 2 3");
    weir_leader_log_write(leader, batch_of("lost", "v"), 2);
    since_ms = weir_now_ms();
    weir_leader_log_close(leader);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(3000));
    broker("start 1 2 3");
}
END_TEST

START_TEST(without_kafka_a_claim_ends_with_its_time)
{
    weir_leader_log *leader;
    int64_t since_ms;

    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    leader = open_leader(&first);
    since_ms = weir_now_ms();
    weir_leader_log_claim(leader, batch_of("leader", "v"), 1);
    weir_leader_log_write(leader, batch_of("k", "v"), 2);
    answer(1, 1, WEIR_TIMED_OUT);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(18000));
    answer(1, 2, WEIR_CLOSED);
    weir_leader_log_close(leader);
}
END_TEST

START_TEST(closing_answers_what_is_left)
{
    weir_leader_log *leader;
    int64_t since_ms;

    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    leader = open_leader(&first);
    weir_leader_log_claim(leader, batch_of("leader", "v"), 1);
    weir_leader_log_write(leader, batch_of("k", "v"), 2);
    since_ms = weir_now_ms();
    weir_leader_log_close(leader);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(3000));
    ck_assert_uint_eq(diary_count(&said, 'w'), 2);
}
END_TEST

WEIR_UNIT_MAIN("leader_log", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, a_claim_leads_and_its_writes_say_where_they_are);
               tcase_add_test(tests, the_second_claim_fences_the_first);
               tcase_add_test(tests, a_claim_while_leading_is_a_new_term);
               tcase_add_test(tests, a_record_too_large_harms_nobody_else);
               tcase_set_timeout(tests, (double)scaled(150000) / 1000);
               tcase_add_test(tests,
                              a_write_while_kafka_is_away_is_answered_in_time_and_truthfully);
               tcase_add_test(tests, closing_does_not_wait_for_a_commit_that_hangs);
               tcase_add_test(tests, without_kafka_a_claim_ends_with_its_time);
               tcase_add_test(tests, closing_answers_what_is_left);)
