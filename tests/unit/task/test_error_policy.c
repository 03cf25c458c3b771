/* test_error_policy.c - the keys errors.* say what they say in Kafka Connect. */
#include "task/error_policy.h"

#include "base/mem.h"
#include "tests/support/unit.h"

#include <string.h>

static weir_props worker, config;
static weir_error_policy policy;

static void set_up(void)
{
    weir_props_set(&worker, "bootstrap.servers", "kafka:9092");
    weir_props_set(&worker, "security.protocol", "SSL");
    weir_props_set(&worker, "producer.linger.ms", "7");
    weir_props_set(&worker, "admin.socket.keepalive.enable", "true");
}

static void tear_down(void)
{
    weir_error_policy_clear(&policy);
    weir_props_clear(&worker);
    weir_props_clear(&config);
}

static weir_code read_policy(weir_err *err)
{
    weir_error_policy_source source = {
        .connector = "fleet", .task = 3, .config = &config, .worker = &worker};

    return weir_error_policy_read(&source, &policy, err);
}

static void must_read(void)
{
    weir_err err = {0};

    ck_assert_msg(read_policy(&err) == WEIR_OK, "%s", err.msg);
}

START_TEST(nothing_said_means_fail_at_once_and_log_nothing_apart)
{
    must_read();
    ck_assert(!policy.tolerate && !policy.log_each && !policy.log_records);
    ck_assert_int_eq(policy.retry_timeout_ms, 0);
    ck_assert_int_eq(policy.retry_delay_max_ms, 60000);
    ck_assert_ptr_null(policy.dead_letters);
    ck_assert_uint_eq(policy.admin.count, 0);
}
END_TEST

static const struct {
    const char *value;
    bool tolerate;
} tolerances[] = {{"none", false}, {"all", true}, {"ALL", true}};

START_TEST(tolerance_is_none_or_all)
{
    weir_props_set(&config, "errors.tolerance", tolerances[_i].value);
    must_read();
    ck_assert_int_eq(policy.tolerate, tolerances[_i].tolerate);
}
END_TEST

START_TEST(logging_is_asked_for_and_so_are_records_in_it)
{
    weir_props_set(&config, "errors.log.enable", "true");
    weir_props_set(&config, "errors.log.include.messages", "true");
    must_read();
    ck_assert(policy.log_each && policy.log_records);
}
END_TEST

START_TEST(a_dead_letter_topic_brings_an_admin_client_with_its_layers)
{
    weir_props_set(&config, "errors.deadletterqueue.topic.name", "dead");
    weir_props_set(&config, "errors.deadletterqueue.topic.replication.factor", "2");
    weir_props_set(&config, "errors.deadletterqueue.context.headers.enable", "true");
    weir_props_set(&config, "admin.override.socket.timeout.ms", "4321");
    weir_props_set(&config, "producer.override.linger.ms", "9");
    must_read();
    ck_assert_str_eq(policy.dead_letters, "dead");
    ck_assert_int_eq(policy.dead_letter_replication, 2);
    ck_assert(policy.dead_letter_headers);
    ck_assert_str_eq(weir_props_get(&policy.admin, "client.id"),
                     "connector-dlq-adminclient-fleet-3");
    ck_assert_str_eq(weir_props_get(&policy.admin, "bootstrap.servers"), "kafka:9092");
    ck_assert_str_eq(weir_props_get(&policy.admin, "security.protocol"), "SSL");
    ck_assert_str_eq(weir_props_get(&policy.admin, "socket.keepalive.enable"), "true");
    ck_assert_str_eq(weir_props_get(&policy.admin, "socket.timeout.ms"), "4321");
    ck_assert_ptr_null(weir_props_get(&policy.admin, "linger.ms"));
}
END_TEST

START_TEST(an_empty_name_is_no_dead_letter_topic)
{
    weir_props_set(&config, "errors.deadletterqueue.topic.name", "");
    must_read();
    ck_assert_ptr_null(policy.dead_letters);
}
END_TEST

static const struct {
    const char *key, *value;
} wrong[] = {
    {"errors.retry.timeout", "soon"},
    {"errors.retry.delay.max.ms", "1 s"},
    {"errors.deadletterqueue.topic.replication.factor", "0"},
    {"errors.deadletterqueue.topic.replication.factor", "-2"},
    {"errors.deadletterqueue.topic.replication.factor", "many"},
    {"errors.deadletterqueue.topic.replication.factor", "40000"},
};

START_TEST(what_is_no_number_is_named)
{
    weir_err err = {0};

    weir_props_set(&config, "errors.deadletterqueue.topic.name", "dead");
    weir_props_set(&config, wrong[_i].key, wrong[_i].value);
    ck_assert_int_eq(read_policy(&err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, wrong[_i].key), "%s", err.msg);
}
END_TEST

static const struct {
    int64_t timeout_ms, max_ms;
    unsigned tries;
    int64_t since_ms, least_ms, most_ms;
} delays[] = {
    {-1, 60000, 0, 0, 300, 300},
    {-1, 60000, 1, 300, 600, 600},
    {-1, 60000, 5, 1, 9600, 9600},
    {-1, 60000, 7, 1, 38400, 38400},
    {-1, 60000, 8, 1, 0, 59999}, /* beyond the longest pause: by chance */
    {-1, 60000, 4000000, INT64_MAX / 2, 0, 59999},
    {-1, 0, 0, 0, 0, 0},
    {1000, 60000, 0, 0, 300, 300},
    {1000, 60000, 1, 300, 600, 600},
    {1000, 60000, 2, 900, 100, 100}, /* no further than the end */
    {1000, 60000, 3, 1000, -1, -1},
    {1000, 60000, 3, 5000, -1, -1},
    {0, 60000, 0, 0, -1, -1},
};

START_TEST(pauses_double_up_to_a_limit_and_end_with_the_time)
{
    unsigned seed = 1;

    policy.retry_timeout_ms = delays[_i].timeout_ms;
    policy.retry_delay_max_ms = delays[_i].max_ms;
    for (int i = 0; i < 100; i++) {
        int64_t ms =
            weir_error_policy_delay_ms(&policy, delays[_i].tries, delays[_i].since_ms, &seed);

        ck_assert_int_ge(ms, delays[_i].least_ms);
        ck_assert_int_le(ms, delays[_i].most_ms);
    }
}
END_TEST

WEIR_UNIT_MAIN("error_policy", tcase_add_checked_fixture(tests, set_up, tear_down);
               tcase_add_test(tests, nothing_said_means_fail_at_once_and_log_nothing_apart);
               tcase_add_loop_test(tests, tolerance_is_none_or_all, 0, (int)WEIR_COUNT(tolerances));
               tcase_add_test(tests, logging_is_asked_for_and_so_are_records_in_it);
               tcase_add_test(tests, a_dead_letter_topic_brings_an_admin_client_with_its_layers);
               tcase_add_test(tests, an_empty_name_is_no_dead_letter_topic);
               tcase_add_loop_test(tests, what_is_no_number_is_named, 0, (int)WEIR_COUNT(wrong));
               tcase_add_loop_test(tests, pauses_double_up_to_a_limit_and_end_with_the_time, 0,
                                   (int)WEIR_COUNT(delays));)
