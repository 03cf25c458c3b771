/* test_producer.c - what is sent is written, in order, over the end of a handle too. librdkafka's
 * mock cluster answers with the errors that a real one gives once in a blue moon. */
#include "kafka/producer.h"

#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/compacted_log.h"
#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TOPIC      "status"
#define PRODUCE    0 /* ApiKey */
#define SOON_MS    20000
#define MAX_TOKENS 2000

static rd_kafka_t *host; /* of the mock cluster */
static rd_kafka_mock_cluster_t *mock;
static weir_props props;
static atomic_int answered;
static _Atomic int codes[MAX_TOKENS]; /* by token: code + 1 */

static void on_report(void *ctx, uint64_t token, weir_code code, int32_t partition, int64_t offset)
{
    (void)ctx;
    ck_assert_uint_lt(token, MAX_TOKENS);
    ck_assert_int_eq(atomic_exchange(&codes[token], (int)code + 1), 0); /* once each */
    ck_assert(code != WEIR_OK || (partition >= 0 && offset >= 0));
    atomic_fetch_add(&answered, 1);
}

static bool wait_answers(int count)
{
    int64_t until_ms = weir_now_ms() + SOON_MS;

    while (atomic_load(&answered) < count && weir_now_ms() < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return atomic_load(&answered) == count;
}

static void setup(void)
{
    weir_err err;

    props = (weir_props)WEIR_PROPS;
    ck_assert_int_eq(weir_kafka_client_new(RD_KAFKA_PRODUCER, &props, NULL, NULL, &host, &err),
                     WEIR_OK);
    mock = rd_kafka_mock_cluster_new(host, 1);
    rd_kafka_mock_topic_create(mock, TOPIC, 1, 1);
    weir_props_set(&props, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock));
    atomic_store(&answered, 0);
    for (int i = 0; i < MAX_TOKENS; i++)
        atomic_store(&codes[i], 0);
}

static void teardown(void)
{
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(host);
    weir_props_clear(&props);
}

static weir_producer *open_producer(void)
{
    weir_producer *producer = NULL;
    weir_err err;

    ck_assert_int_eq(weir_producer_open(&props, on_report, NULL, &producer, &err), WEIR_OK);
    return producer;
}

static void send_numbers(weir_producer *producer, int from, int count)
{
    char value[16];

    for (int i = from; i < from + count; i++) {
        snprintf(value, sizeof(value), "%d", i);
        ck_assert_int_eq(weir_producer_send(producer, TOPIC, "k", value, (uint64_t)i + 1), WEIR_OK);
    }
}

/* ---- What arrived -------------------------------------------------------------------------- */

static struct {
    atomic_bool done;
    int count, numbers[4 * MAX_TOKENS];
} arrived;

static void on_record(void *ctx, const weir_log_record *record)
{
    (void)ctx;
    ck_assert_int_lt(arrived.count, 4 * MAX_TOKENS);
    arrived.numbers[arrived.count++] = record->value ? atoi(record->value) : -1;
}

static void on_reached(void *ctx, uint64_t barrier)
{
    (void)ctx;
    (void)barrier;
    atomic_store(&arrived.done, true);
}

static void read_all(void)
{
    const weir_log_listener listener = {NULL, on_record, on_reached};
    int64_t until_ms = weir_now_ms() + SOON_MS;
    weir_compacted_log *log = NULL;
    weir_err err;

    arrived.count = 0;
    atomic_store(&arrived.done, false);
    ck_assert_int_eq(weir_compacted_log_open(&props, TOPIC, &listener, &log, &err), WEIR_OK);
    while (!atomic_load(&arrived.done) && weir_now_ms() < until_ms)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    weir_compacted_log_close(log);
    ck_assert(atomic_load(&arrived.done));
}

/* ---- Tests --------------------------------------------------------------------------------- */

START_TEST(writes_arrive_in_order_and_are_reported_once)
{
    weir_producer *producer = open_producer();

    send_numbers(producer, 0, 1000);
    ck_assert_int_eq(weir_producer_send(producer, TOPIC, "k", NULL, 0), WEIR_OK); /* unreported */
    ck_assert(wait_answers(1000));
    weir_producer_close(producer, SOON_MS);
    ck_assert_int_eq(atomic_load(&answered), 1000);
    read_all();
    ck_assert_int_eq(arrived.count, 1001);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(arrived.numbers[i], i);
    ck_assert_int_eq(arrived.numbers[1000], -1);
}
END_TEST

/* A broker that has refused a batch refuses what was sent behind it too: a number is missing in its
 * sequence. The mock does not count, and would write the rest before the batch comes again. So here
 * all waits for the broker and becomes one batch, and nothing is behind it. */
START_TEST(a_fatal_error_loses_nothing_and_keeps_the_order)
{
    weir_producer *producer;
    int next = 0;

    weir_props_set(&props, "max.in.flight.requests.per.connection", "1");
    producer = open_producer();
    send_numbers(producer, 0, 10);
    ck_assert(wait_answers(10));
    rd_kafka_mock_push_request_errors(mock, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    rd_kafka_mock_broker_set_down(mock, 1);
    send_numbers(producer, 10, 500);
    rd_kafka_mock_broker_set_up(mock, 1);
    ck_assert(wait_answers(510));
    send_numbers(producer, 510, 10);
    weir_producer_close(producer, SOON_MS);
    ck_assert_int_eq(atomic_load(&answered), 520);
    for (int i = 1; i <= 520; i++)
        ck_assert_int_eq(atomic_load(&codes[i]), WEIR_OK + 1);

    read_all();
    for (int i = 0; i < arrived.count; i++) { /* repeated perhaps, but never skipped */
        ck_assert_msg(arrived.numbers[i] <= next, "%d before %d", arrived.numbers[i], next);
        if (arrived.numbers[i] == next)
            next++;
    }
    ck_assert_int_eq(next, 520);
}
END_TEST

/* The broker refuses the first batch and takes the second, as a real one does that becomes the
 * leader in between and has never heard of this producer: librdkafka then calls the first delivered
 * (decision 11). Both are on their way at once: an answer takes longer than sending. */
START_TEST(what_is_delivered_nobody_knows_where_is_sent_again)
{
    weir_producer *producer;
    const int as_written[] = {0, 2, 1, 2}; /* first and last as they have to be */

    weir_props_set(&props, "batch.num.messages", "1");
    producer = open_producer();
    send_numbers(producer, 0, 1);
    ck_assert(wait_answers(1));
    rd_kafka_mock_broker_set_rtt(mock, 1, 1000);
    rd_kafka_mock_push_request_errors(mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    send_numbers(producer, 1, 2);
    ck_assert(wait_answers(3));
    weir_producer_close(producer, SOON_MS);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(atomic_load(&codes[i]), WEIR_OK + 1);

    rd_kafka_mock_broker_set_rtt(mock, 1, 0);
    read_all();
    ck_assert_int_eq(arrived.count, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(arrived.numbers[i], as_written[i]);
}
END_TEST

START_TEST(one_bad_record_does_not_stop_the_others)
{
    weir_producer *producer;
    char *large = calloc(1, 3000);

    memset(large, 'x', 2999);
    weir_props_set(&props, "message.max.bytes", "2000");
    producer = open_producer();
    send_numbers(producer, 0, 1);
    ck_assert_int_eq(weir_producer_send(producer, TOPIC, "k", large, 2), WEIR_OK);
    send_numbers(producer, 2, 1);
    ck_assert(wait_answers(3));
    ck_assert_int_eq(atomic_load(&codes[1]), WEIR_OK + 1);
    ck_assert_int_eq(atomic_load(&codes[2]), WEIR_FAILED + 1);
    ck_assert_int_eq(atomic_load(&codes[3]), WEIR_OK + 1);
    weir_producer_close(producer, SOON_MS);
    free(large);
}
END_TEST

START_TEST(a_full_library_queue_only_delays)
{
    weir_producer *producer;

    weir_props_set(&props, "queue.buffering.max.messages", "10");
    producer = open_producer();
    send_numbers(producer, 0, 1000);
    ck_assert(wait_answers(1000));
    weir_producer_close(producer, SOON_MS);
    read_all();
    ck_assert_int_eq(arrived.count, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(arrived.numbers[i], i);
}
END_TEST

START_TEST(closing_reports_what_was_not_written)
{
    weir_producer *producer;
    int64_t since_ms;

    rd_kafka_mock_broker_set_down(mock, 1);
    producer = open_producer();
    send_numbers(producer, 0, 100);
    since_ms = weir_now_ms();
    weir_producer_close(producer, 300);
    ck_assert_int_lt(weir_now_ms() - since_ms, 3000);
    ck_assert_int_eq(atomic_load(&answered), 100);
    for (int i = 1; i <= 100; i++)
        ck_assert_int_eq(atomic_load(&codes[i]), WEIR_CLOSED + 1);
}
END_TEST

START_TEST(too_many_outstanding_writes_are_turned_away)
{
    weir_producer *producer;
    weir_code rc = WEIR_OK;
    int taken = 0;

    rd_kafka_mock_broker_set_down(mock, 1);
    producer = open_producer();
    while (taken <= 100000 && (rc = weir_producer_send(producer, TOPIC, "k", "v", 0)) == WEIR_OK)
        taken++;
    ck_assert_int_eq(rc, WEIR_FULL);
    ck_assert_int_eq(taken, 100000);
    weir_producer_close(producer, 0);
}
END_TEST

WEIR_UNIT_MAIN("producer", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, writes_arrive_in_order_and_are_reported_once);
               tcase_add_test(tests, a_fatal_error_loses_nothing_and_keeps_the_order);
               tcase_add_test(tests, what_is_delivered_nobody_knows_where_is_sent_again);
               tcase_add_test(tests, one_bad_record_does_not_stop_the_others);
               tcase_add_test(tests, a_full_library_queue_only_delays);
               tcase_add_test(tests, closing_reports_what_was_not_written);
               tcase_add_test(tests, too_many_outstanding_writes_are_turned_away);)
