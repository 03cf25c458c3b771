/* test_task_producer.c - what a task hears from its producer when the handle breaks. */
#include "task/task_producer.h"

#include "base/clock.h"

#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define INIT_PRODUCER_ID 22

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
    weir_outgoing record = {
        .topic = "t", .partition = -1, .timestamp_ms = -1, .value = {"v", 1}, .opaque = NULL};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int64_t deadline_ms = weir_now_ms() + 10000;
    int wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    weir_props props = WEIR_PROPS;
    weir_task_producer *producer;
    rd_kafka_mock_cluster_t *mock;
    rd_kafka_t *handle;
    weir_code rc;
    weir_err err;

    rd_kafka_conf_set_log_cb(conf, NULL);
    handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    mock = rd_kafka_mock_cluster_new(handle, 1);
    rd_kafka_mock_push_request_errors(mock, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    weir_props_set(&props, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock));
    weir_props_set(&props, "enable.idempotence", "true");
    ck_assert_int_eq(weir_task_producer_open(&props, wakeup_fd, not_asked, NULL, &producer, &err),
                     WEIR_OK);
    while ((rc = weir_task_producer_send(producer, &record, &err)) == WEIR_OK) {
        ck_assert_int_lt(weir_now_ms(), deadline_ms);
        poll(NULL, 0, 1);
    }
    ck_assert_msg(rc == WEIR_FENCED, "%d: %s", rc, err.msg);
    ck_assert_msg(strstr(err.msg, "Cluster authorization failed"), "%s", err.msg);
    ck_assert_str_eq(weir_task_producer_broken(producer), err.msg);
    weir_task_producer_close(producer);
    weir_props_clear(&props);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(handle);
    close(wakeup_fd);
}
END_TEST

WEIR_UNIT_MAIN("task_producer",
               tcase_add_test(tests, a_handle_that_broke_unheard_refuses_no_record);)
