/* test_health_command.c - `weir health` asks whom the settings name, and its code says the rest. */
#include "fake_worker.h"
#include "rest-api/health_command.h"

static fake_worker worker;

/* What `weir health -` returns when the listener is this one. */
static int health(const char *listener)
{
    char *listeners = weir_format("CONNECT_LISTENERS=%s", listener);
    const char *const environment[] = {
        "CONNECT_BOOTSTRAP_SERVERS=k:9092",
        "CONNECT_GROUP_ID=g",
        "CONNECT_CONFIG_STORAGE_TOPIC=c",
        "CONNECT_OFFSET_STORAGE_TOPIC=o",
        "CONNECT_STATUS_STORAGE_TOPIC=s",
        "CONNECT_KEY_CONVERTER=org.apache.kafka.connect.storage.StringConverter",
        "CONNECT_VALUE_CONVERTER=org.apache.kafka.connect.storage.StringConverter",
        listeners,
        NULL,
    };
    int code = weir_health_command("-", environment);

    free(listeners);
    return code;
}

static int health_of_worker(const char *host)
{
    char *listener = weir_format("http://%s:%u", host, worker.port);
    int code = health(listener);

    free(listener);
    return code;
}

START_TEST(a_healthy_worker_is_found_at_its_listener)
{
    fake_start(&worker);
    worker.herder.replies[WEIR_ASK_HEALTH].body = "{\"status\":\"healthy\"}";
    ck_assert_int_eq(health_of_worker("127.0.0.1"), 0);
    ck_assert_int_eq(health_of_worker(""), 0);
    ck_assert_int_eq(health_of_worker("0.0.0.0"), 0);
    ck_assert_int_eq(worker.herder.asked, 3);
    fake_stop(&worker);
}
END_TEST

START_TEST(a_worker_that_calls_itself_unhealthy_is)
{
    fake_start(&worker);
    worker.herder.replies[WEIR_ASK_HEALTH].code = WEIR_TIMED_OUT;
    worker.herder.replies[WEIR_ASK_HEALTH].message = "Request timed out.";
    ck_assert_int_eq(health_of_worker("127.0.0.1"), 1);
    ck_assert_int_eq(worker.herder.asked, 1);
    fake_stop(&worker);
}
END_TEST

START_TEST(where_nobody_listens_nobody_is_healthy)
{
    fake_start(&worker);
    fake_stop(&worker); /* its port is free now */
    ck_assert_int_eq(health_of_worker("127.0.0.1"), 1);
}
END_TEST

START_TEST(settings_that_no_worker_could_run_with_are_no_health)
{
    ck_assert_int_eq(health("nonsense"), 1);
}
END_TEST

WEIR_UNIT_MAIN("health command", tcase_add_test(tests, a_healthy_worker_is_found_at_its_listener);
               tcase_add_test(tests, a_worker_that_calls_itself_unhealthy_is);
               tcase_add_test(tests, where_nobody_listens_nobody_is_healthy);
               tcase_add_test(tests, settings_that_no_worker_could_run_with_are_no_health);)
