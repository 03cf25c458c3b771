/* test_log.c - a compacted log knows where it ends: past transaction markers, past aborted
 * records, and not before an open transaction has ended. Only real brokers write markers.
 *
 * The diary: 'r' a record (a: offset, b: partition, text: key), 'b' a barrier (a: its id).
 */
#include "layer.h"

#include "kafka/client.h"
#include "kafka/compacted_log.h"

#include <librdkafka/rdkafka.h>

#define SOON_MS 10000

static weir_props props;
static diary seen;
static size_t at;
static char *topic;

static void on_record(void *ctx, const weir_log_record *record)
{
    (void)ctx;
    ck_assert_int_eq(record->key[record->key_size], '\0');
    diary_note(&seen, 'r', record->value != NULL, record->offset, record->partition, record->key);
}

static void on_reached(void *ctx, uint64_t barrier)
{
    (void)ctx;
    diary_note(&seen, 'b', 0, (int64_t)barrier, 0, NULL);
}

static const weir_log_listener listener = {NULL, on_record, on_reached};

static void setup(void)
{
    set_up_props(&props);
    diary_open(&seen);
    at = 0;
    topic = NULL;
}

static void teardown(void)
{
    weir_props_clear(&props);
    diary_close(&seen);
    free(topic);
}

static weir_compacted_log *open_log(void)
{
    weir_compacted_log *log = NULL;
    weir_err err;

    ck_assert_msg(weir_compacted_log_open(&props, topic, &listener, &log, &err) == WEIR_OK, "%s",
                  err.msg);
    return log;
}

/* A producer with transactions when it has an id. */
static rd_kafka_t *open_producer(const char *transactional_id)
{
    weir_props own = WEIR_PROPS;
    rd_kafka_t *rk = NULL;
    weir_err err;

    weir_props_merge(&own, &props);
    weir_props_set(&own, "linger.ms", "0");
    if (transactional_id)
        weir_props_set(&own, "transactional.id", transactional_id);
    ck_assert_msg(weir_kafka_client_new(RD_KAFKA_PRODUCER, &own, NULL, NULL, &rk, &err) == WEIR_OK,
                  "%s", err.msg);
    weir_props_clear(&own);
    if (transactional_id)
        ck_assert_ptr_null(rd_kafka_init_transactions(rk, (int)scaled(20000)));
    return rk;
}

static void put(rd_kafka_t *rk, const char *key, const char *value)
{
    ck_assert_int_eq(
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(key, strlen(key)),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? strlen(value) : 0),
                          RD_KAFKA_V_END),
        0);
}

static void put_all(rd_kafka_t *rk, int count)
{
    char key[16];

    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        put(rk, key, "v");
    }
    ck_assert_int_eq(rd_kafka_flush(rk, (int)scaled(20000)), 0);
}

START_TEST(an_empty_topic_is_read_at_once)
{
    int64_t since_ms = weir_now_ms();
    weir_compacted_log *log;

    topic = new_topic("empty", 5);
    since_ms = weir_now_ms();
    log = open_log();
    ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, 0);
    printf("empty topic of 5 partitions: read in %lld ms\n", (long long)(weir_now_ms() - since_ms));
    ck_assert_uint_eq(diary_count(&seen, 'r'), 0);
    since_ms = weir_now_ms();
    weir_compacted_log_close(log);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(1500));
}
END_TEST

START_TEST(everything_comes_before_its_barrier)
{
    rd_kafka_t *rk;
    weir_compacted_log *log;
    int64_t since_ms;

    topic = new_topic("plain", 5);
    rk = open_producer(NULL);
    put_all(rk, 5000);
    put(rk, "k7", NULL);
    rd_kafka_flush(rk, (int)scaled(10000));
    since_ms = weir_now_ms();
    log = open_log();
    ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, 0);
    printf("5001 records: read in %lld ms\n", (long long)(weir_now_ms() - since_ms));
    ck_assert_uint_eq(diary_count(&seen, 'r'), 5001);

    for (uint64_t id = 1; id <= 20; id++) {
        size_t before = diary_count(&seen, 'r');

        put(rk, "again", "v");
        rd_kafka_flush(rk, (int)scaled(10000));
        weir_compacted_log_barrier(log, id);
        ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, (int64_t)id);
        ck_assert_uint_eq(diary_count(&seen, 'r'), before + 1);
    }
    rd_kafka_destroy(rk);
    weir_compacted_log_close(log);
}
END_TEST

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Who only looked now and then would be late in most of the rounds; one late round is the
 * machine's. */
START_TEST(a_commit_wakes_the_reader)
{
    enum { ROUNDS = 20 };
    int64_t record_ms[ROUNDS], barrier_ms[ROUNDS];
    rd_kafka_t *rk;
    weir_compacted_log *log;

    topic = new_topic("wake", 1);
    rk = open_producer(topic);
    log = open_log();
    diary_wait(&seen, &at, 'b', -1, SOON_MS);
    for (uint64_t id = 1; id <= ROUNDS; id++) {
        int64_t done_ms;

        ck_assert_ptr_null(rd_kafka_begin_transaction(rk));
        put(rk, "k", "v");
        ck_assert_ptr_null(rd_kafka_commit_transaction(rk, -1));
        done_ms = weir_now_ms();
        record_ms[id - 1] = diary_wait(&seen, &at, 'r', -1, SOON_MS).at_ms - done_ms;
        weir_compacted_log_barrier(log, id);
        barrier_ms[id - 1] = diary_wait(&seen, &at, 'b', -1, SOON_MS).at_ms - done_ms;
    }
    qsort(record_ms, ROUNDS, sizeof(*record_ms), by_size);
    qsort(barrier_ms, ROUNDS, sizeof(*barrier_ms), by_size);
    printf("after a commit: record within %lld ms in half of the rounds, %lld ms in all; barrier "
           "within %lld and %lld ms\n",
           (long long)record_ms[ROUNDS / 2], (long long)record_ms[ROUNDS - 1],
           (long long)barrier_ms[ROUNDS / 2], (long long)barrier_ms[ROUNDS - 1]);
    ck_assert_int_lt(record_ms[ROUNDS / 2], scaled(100));
    ck_assert_int_lt(barrier_ms[ROUNDS / 2], scaled(400));
    rd_kafka_destroy(rk);
    weir_compacted_log_close(log);
}
END_TEST

START_TEST(an_aborted_transaction_at_the_end_does_not_hold_the_barrier_up)
{
    rd_kafka_t *rk;
    weir_compacted_log *log;

    topic = new_topic("aborted", 1);
    rk = open_producer(topic);
    ck_assert_ptr_null(rd_kafka_begin_transaction(rk));
    put(rk, "valid", "v");
    ck_assert_ptr_null(rd_kafka_commit_transaction(rk, -1));
    ck_assert_ptr_null(rd_kafka_begin_transaction(rk));
    put(rk, "aborted", "v");
    rd_kafka_flush(rk, (int)scaled(10000)); /* in the log, then taken back */
    ck_assert_ptr_null(rd_kafka_abort_transaction(rk, -1));

    log = open_log(); /* replayed */
    ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, 0);
    ck_assert_uint_eq(diary_count(&seen, 'r'), 1);
    ck_assert_str_eq(seen.entries[0].text, "valid");

    ck_assert_ptr_null(rd_kafka_begin_transaction(rk)); /* and followed */
    put(rk, "aborted", "v");
    rd_kafka_flush(rk, (int)scaled(10000));
    ck_assert_ptr_null(rd_kafka_abort_transaction(rk, -1));
    weir_compacted_log_barrier(log, 1);
    ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, 1);
    ck_assert_uint_eq(diary_count(&seen, 'r'), 1);
    rd_kafka_destroy(rk);
    weir_compacted_log_close(log);
}
END_TEST

START_TEST(the_start_up_read_waits_for_an_open_transaction)
{
    rd_kafka_t *open, *successor;
    weir_compacted_log *log;
    size_t peek = 0;

    topic = new_topic("open", 1);
    open = open_producer(topic);
    ck_assert_ptr_null(rd_kafka_begin_transaction(open));
    put(open, "never", "v");
    rd_kafka_flush(open, (int)scaled(10000));
    successor = open_producer(NULL);
    put(successor, "behind", "v"); /* committed, but behind the open transaction */
    rd_kafka_flush(successor, (int)scaled(10000));
    rd_kafka_destroy(successor);

    log = open_log();
    weir_compacted_log_barrier(log, 1);
    for (int i = 0; i < 5; i++) { /* the log is read again and again, and stays incomplete */
        rd_kafka_poll(open, 200);
        ck_assert_uint_eq(diary_count(&seen, 'b'), 0);
    }
    successor = open_producer(topic); /* fences, and aborts what was open */
    ck_assert_str_eq(diary_wait(&seen, &at, 'r', -1, SOON_MS).text, "behind");
    ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, 0);
    ck_assert_int_eq(diary_wait(&seen, &at, 'b', -1, SOON_MS).a, 1);
    ck_assert_str_eq(diary_wait(&seen, &peek, 'r', -1, SOON_MS).text, "behind");
    rd_kafka_destroy(open);
    rd_kafka_destroy(successor);
    weir_compacted_log_close(log);
}
END_TEST

START_TEST(without_kafka_it_opens_waits_and_closes)
{
    weir_compacted_log *log;
    int64_t since_ms;

    topic = weir_strdup("nowhere");
    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    log = open_log();
    weir_compacted_log_barrier(log, 1);
    since_ms = weir_now_ms();
    weir_compacted_log_close(log);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(2500));
    ck_assert_uint_eq(seen.count, 0);
}
END_TEST

WEIR_UNIT_MAIN("compacted_log", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, an_empty_topic_is_read_at_once);
               tcase_add_test(tests, everything_comes_before_its_barrier);
               tcase_add_test(tests, a_commit_wakes_the_reader);
               tcase_add_test(tests,
                              an_aborted_transaction_at_the_end_does_not_hold_the_barrier_up);
               tcase_add_test(tests, the_start_up_read_waits_for_an_open_transaction);
               tcase_add_test(tests, without_kafka_it_opens_waits_and_closes);)
