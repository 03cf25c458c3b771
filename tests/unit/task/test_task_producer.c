/* test_task_producer.c - what a task hears from its producer when the handle is not to be trusted.
 */
#include "task/task_producer.h"

#include "base/clock.h"
#include "task/positions.h"

#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PRODUCE          0 /* ApiKeys */
#define INIT_PRODUCER_ID 22
#define LIMIT_MS         10000

static struct {
    rd_kafka_t *handle; /* the mock's */
    rd_kafka_mock_cluster_t *mock;
    int wakeup_fd;
    weir_props props;
    weir_task_producer *producer;
    weir_err err;
} bench;

static const weir_outgoing record = {
    .topic = "t", .partition = 0, .timestamp_ms = -1, .value = {"v", 1}, .opaque = NULL};

static void bench_up_with(const char *name, const char *value, weir_task_answer *answer, void *ctx,
                          rd_kafka_resp_err_t first_error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, NULL);
    bench.handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    bench.mock = rd_kafka_mock_cluster_new(bench.handle, 1);
    if (first_error)
        rd_kafka_mock_push_request_errors(bench.mock, INIT_PRODUCER_ID, 1, first_error);
    bench.wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bench.props = (weir_props)WEIR_PROPS;
    weir_props_set(&bench.props, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(bench.mock));
    weir_props_set(&bench.props, "enable.idempotence", "true");
    weir_props_set(&bench.props, name, value);
    ck_assert_int_eq(weir_task_producer_open(&bench.props, bench.wakeup_fd, answer, ctx,
                                             &bench.producer, &bench.err),
                     WEIR_OK);
}

static void bench_up(weir_task_answer *answer, void *ctx, rd_kafka_resp_err_t first_error)
{
    bench_up_with("linger.ms", "5", answer, ctx, first_error);
}

static void bench_down(void)
{
    weir_task_producer_close(bench.producer);
    weir_props_clear(&bench.props);
    rd_kafka_mock_cluster_destroy(bench.mock);
    rd_kafka_destroy(bench.handle);
    close(bench.wakeup_fd);
}

static void not_asked(void *ctx, const rd_kafka_message_t *message, const char *why)
{
    (void)ctx;
    (void)message;
    ck_abort_msg("nobody has polled: %s", why ? why : "delivered");
}

/* librdkafka refuses a record under the error that broke the handle, and that may be before the
 * event that tells of it was polled: no fault of the record's. */
START_TEST(a_handle_that_broke_unheard_refuses_no_record)
{
    int64_t deadline_ms = weir_now_ms() + LIMIT_MS;
    weir_code rc;

    bench_up(not_asked, NULL, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    while ((rc = weir_task_producer_send(bench.producer, &record, &bench.err)) == WEIR_OK) {
        ck_assert_int_lt(weir_now_ms(), deadline_ms);
        poll(NULL, 0, 1);
    }
    ck_assert_msg(rc == WEIR_FENCED, "%d: %s", rc, bench.err.msg);
    ck_assert_msg(strstr(bench.err.msg, "Cluster authorization failed"), "%s", bench.err.msg);
    ck_assert_str_eq(weir_task_producer_broken(bench.producer), bench.err.msg);
    bench_down();
}
END_TEST

typedef struct heard {
    int delivered, doubted;
    char why[512];
    weir_positions *positions; /* of the topic */
} heard;

static void hear(void *ctx, const rd_kafka_message_t *message, const char *why)
{
    heard *h = ctx;

    ck_assert_int_eq(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    h->positions = rd_kafka_topic_opaque(message->rkt);
    h->delivered += !why;
    h->doubted += why != NULL;
    if (why)
        snprintf(h->why, sizeof(h->why), "%s", why);
}

static void send_and_hear(heard *h, int delivered, int doubted)
{
    ck_assert_int_eq(weir_task_producer_send(bench.producer, &record, &bench.err), WEIR_OK);
    ck_assert(weir_task_producer_flush(bench.producer, LIMIT_MS));
    ck_assert_int_eq(h->delivered, delivered);
    ck_assert_int_eq(h->doubted, doubted);
}

/* The third is told to be where, as far as is known, another one is. */
START_TEST(a_record_where_another_one_is_does_not_count_as_written)
{
    heard h = {0};

    bench_up(hear, &h, RD_KAFKA_RESP_ERR_NO_ERROR);
    send_and_hear(&h, 1, 0);
    send_and_hear(&h, 2, 0);
    ck_assert_ptr_null(weir_task_producer_broken(bench.producer));
    ck_assert(weir_positions_note(h.positions, 0, 2));
    send_and_hear(&h, 2, 1);
    ck_assert_str_eq(h.why, "Kafka has put a record of topic 't' where another one is (partition "
                            "0, offset 2): it may not be there");
    ck_assert_str_eq(weir_task_producer_broken(bench.producer), h.why);
    bench_down();
}
END_TEST

static void send_two_of_which_the_first_is_refused(void)
{
    rd_kafka_mock_broker_set_rtt(bench.mock, 1, 1000); /* both are on their way at once */
    rd_kafka_mock_push_request_errors(bench.mock, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weir_task_producer_send(bench.producer, &record, &bench.err), WEIR_OK);
}

/* The broker takes the second batch without the first, as a real one does that becomes the leader
 * in between and knows nothing of this producer. librdkafka then calls the first one delivered. */
START_TEST(a_record_that_is_nowhere_does_not_count_as_written)
{
    heard h = {0};

    bench_up_with("batch.num.messages", "1", hear, &h, RD_KAFKA_RESP_ERR_NO_ERROR);
    send_and_hear(&h, 1, 0);
    send_two_of_which_the_first_is_refused();
    ck_assert(weir_task_producer_flush(bench.producer, LIMIT_MS));
    ck_assert_int_eq(h.doubted, 1);
    ck_assert_str_eq(h.why, "librdkafka calls a record of topic 't' delivered (partition 0), but "
                            "Kafka has not said where: it may not be there");
    ck_assert_str_eq(weir_task_producer_broken(bench.producer), h.why);
    bench_down();
}
END_TEST

/* acks=0 is the user's policy: what is sent counts. */
START_TEST(without_acknowledgements_there_is_no_place_to_know)
{
    heard h = {0};

    bench_up_with("enable.idempotence", "false", hear, &h, RD_KAFKA_RESP_ERR_NO_ERROR);
    weir_task_producer_close(bench.producer);
    weir_props_set(&bench.props, "acks", "0");
    ck_assert_int_eq(weir_task_producer_open(&bench.props, bench.wakeup_fd, hear, &h,
                                             &bench.producer, &bench.err),
                     WEIR_OK);
    send_and_hear(&h, 1, 0);
    send_and_hear(&h, 2, 0);
    ck_assert_ptr_null(weir_task_producer_broken(bench.producer));
    bench_down();
}
END_TEST

WEIR_UNIT_MAIN("task_producer",
               tcase_add_test(tests, a_handle_that_broke_unheard_refuses_no_record);
               tcase_add_test(tests, a_record_that_is_nowhere_does_not_count_as_written);
               tcase_add_test(tests, without_acknowledgements_there_is_no_place_to_know);
               tcase_add_test(tests, a_record_where_another_one_is_does_not_count_as_written);)
