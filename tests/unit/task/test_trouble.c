/* test_trouble.c - what goes wrong in a task is retried, dropped by policy or told with words, and
 * never acknowledged when it is not in Kafka.
 */
#include "tests/unit/task/rig.h"

#define PRODUCE          0 /* Kafka's api keys */
#define INIT_PRODUCER_ID 22

static const struct trouble {
    const char *what;
    weir_kind key_kind, value_kind;
    const char *value;
    size_t value_size;
    int64_t timestamp_ms;
    int32_t partition;
    const char *topic;
    rd_kafka_resp_err_t broker_says;
    const char *stage, *says;
} unfit[] = {
    {.what = "a value that does not convert",
     .value_kind = WEIR_TEXT,
     .value = "\xff",
     .value_size = 1,
     .timestamp_ms = -1,
     .stage = "VALUE_CONVERTER",
     .says = "with class 'org.apache.kafka.connect.json.JsonConverter': text is not valid UTF-8"},
    {.what = "a key of no kind",
     .key_kind = (weir_kind)9,
     .value_kind = WEIR_NULL,
     .timestamp_ms = -1,
     .stage = "KEY_CONVERTER",
     .says = "unknown kind 9"},
    {.what = "a record beyond message.max.bytes",
     .value_kind = WEIR_BYTES,
     .value_size = 4000,
     .timestamp_ms = -1,
     .stage = "KAFKA_PRODUCE",
     .says = "Message size too large"},
    {.what = "a record that the broker finds too large",
     .value_kind = WEIR_BYTES,
     .value_size = 10,
     .timestamp_ms = -1,
     .broker_says = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
     .stage = "KAFKA_PRODUCE",
     .says = "Message size too large"},
    {.what = "a time before 1970",
     .value_kind = WEIR_BYTES,
     .value_size = 10,
     .timestamp_ms = -2,
     .stage = "TASK_POLL",
     .says = "before 1970"},
    {.what = "a partition that cannot be",
     .value_kind = WEIR_BYTES,
     .value_size = 10,
     .timestamp_ms = -1,
     .partition = -7,
     .stage = "TASK_POLL",
     .says = "partition -7"},
    {.what = "a partition that the topic has not",
     .value_kind = WEIR_BYTES,
     .value_size = 10,
     .timestamp_ms = -1,
     .partition = 99,
     .stage = "KAFKA_PRODUCE",
     .says = "Unknown partition"},
    {.what = "no topic",
     .value_kind = WEIR_BYTES,
     .value_size = 10,
     .timestamp_ms = -1,
     .topic = "",
     .stage = "TASK_POLL",
     .says = "has no topic"},
};

/* A good record first, so that the topic's partitions are known; then the unfit one. */
static void emit_unfit(const struct trouble *unfit_record)
{
    static const char zeros[4096];

    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    if (unfit_record->broker_says)
        rd_kafka_mock_push_request_errors(rig.mock, PRODUCE, 1, unfit_record->broker_says);
    WITH_RIG(rig.emit = 1; rig.record.key.kind = unfit_record->key_kind;
             rig.record.value.kind = unfit_record->value_kind;
             rig.record.value.bytes = unfit_record->value ? unfit_record->value : zeros;
             rig.record.value.size = unfit_record->value_size;
             rig.record.timestamp_ms = unfit_record->timestamp_ms;
             if (unfit_record->partition) rig.record.partition = unfit_record->partition;
             if (unfit_record->topic) rig.record.topic = unfit_record->topic;);
}

START_TEST(an_unfit_record_fails_the_task_unless_the_user_tolerates_it)
{
    rig_up();
    rig_override("message.max.bytes", "2000");
    rig_task_up();
    emit_unfit(&unfit[_i]);
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(strstr(rig_trace(), "Tolerance exceeded in error handler: a record for topic '"),
                  "%s: %s", unfit[_i].what, rig_trace());
    ck_assert_msg(strstr(rig_trace(), unfit[_i].stage), "%s: %s", unfit[_i].what, rig_trace());
    ck_assert_msg(strstr(rig_trace(), unfit[_i].says), "%s: %s", unfit[_i].what, rig_trace());
    ck_assert_msg(strstr(rig_trace(), "\n\tat plugin rig 1.2.3, connector fleet, task 3"), "%s",
                  rig_trace());
    ck_assert_uint_eq(rig.counts[WEIR_DELIVERED], 1);
    ck_assert_uint_eq(rig.counts[WEIR_DROPPED], 0);
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], (size_t)rig.took - 1); /* never acknowledged */
    ck_assert_int_eq(rig.stops, 1);
    rig_down();
}
END_TEST

START_TEST(an_unfit_record_is_dropped_counted_and_settled_when_tolerated)
{
    weir_record good;

    rig_up();
    rig_override("message.max.bytes", "2000");
    weir_props_set(&rig.connector, "errors.tolerance", "all");
    weir_props_set(&rig.connector, "errors.log.enable", "true");
    good = rig.record;
    rig_task_up();
    emit_unfit(&unfit[_i]);
    WAIT_FOR(rig.counts[WEIR_DROPPED] == 1);
    WITH_RIG(rig.record = good; rig.emit = 10);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 11);
    WAIT_FOR(rig_told("\"dropped\":1,"));
    ck_assert_msg(rig_told(unfit[_i].says) || unfit[_i].stage[0] != 'K', "%s", rig.details);
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RE");
    ck_assert_uint_eq(rig.counts[WEIR_ABANDONED], 0);
    rig_down();
}
END_TEST

START_TEST(poll_that_may_be_retried_is_polled_again_later_each_time)
{
    rig_up();
    rig.poll_says = WEIR_RETRY;
    rig.fails_with = "broker tcp://nowhere:1883: refused";
    rig.poll_fails = 4;
    rig_task_up();
    WAIT_FOR(rig_told("broker tcp://nowhere:1883: refused") && rig_told("backing off"));
    WAIT_FOR(rig.poll_fails == 0 && rig.polls >= 5);
    for (int i = 1; i < 4; i++)
        ck_assert_int_ge(rig.poll_at_ms[i] - rig.poll_at_ms[i - 1], 250 << (i - 1));
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 1);
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "RE");
    ck_assert_int_eq(rig.starts, 1);
    rig_down();
}
END_TEST

START_TEST(what_is_on_its_way_is_settled_while_the_next_poll_has_to_wait)
{
    rig_up();
    rd_kafka_mock_broker_set_rtt(rig.mock, 1, 300);
    rig.poll_says = WEIR_RETRY;
    rig.emit = 3;
    rig.poll_fails = 100;
    rig_task_up();
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 3 && rig.poll_fails > 90);
    WAIT_FOR(rig_told("poll() failed and did not say why"));
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(start_that_may_be_retried_is_tried_until_it_works)
{
    rig_up();
    rig.start_fails = 2;
    rig.start_says = WEIR_RETRY;
    rig.fails_with = "not yet";
    rig_task_up();
    WAIT_FOR(rig_told("not yet"));
    WAIT_FOR(rig_heard("R"));
    ck_assert_int_eq(rig.starts, 3);
    rig_stop_task();
    ck_assert_int_eq(rig.stops, 1);
    rig_down();
}
END_TEST

START_TEST(a_task_that_waits_for_its_start_can_be_paused_and_stopped)
{
    rig_up();
    rig.start_fails = 1000;
    rig.start_says = WEIR_RETRY;
    rig_task_up();
    WAIT_FOR(rig.starts >= 2);
    weir_source_task_pause(rig.task, true);
    WAIT_FOR(rig_heard("P"));
    weir_source_task_pause(rig.task, false);
    WAIT_FOR(rig.starts >= 3);
    rig_stop_task();
    ck_assert_str_eq(rig_states(), "PE");
    ck_assert_int_eq(rig.stops, 0); /* nothing was started */
    rig_down();
}
END_TEST

static const struct {
    bool in_start;
    weir_status how;
    const char *words, *trace;
} fatal[] = {
    {true, WEIR_FATAL, "no such queue", "no such queue\n\tat plugin rig 1.2.3, connector fleet"},
    {true, WEIR_FATAL, NULL, "start() failed and did not say why"},
    {false, WEIR_FATAL, "another client uses this id", "another client uses this id\n\tat plugin"},
    {false, WEIR_FATAL, NULL, "poll() failed and did not say why"},
    {false, (weir_status)17, NULL, "poll() answered 17, which means nothing"},
};

START_TEST(what_is_fatal_fails_the_task_in_the_plugins_words)
{
    rig_up();
    rig.start_says = rig.poll_says = fatal[_i].how;
    rig.start_fails = fatal[_i].in_start;
    rig.poll_fails = !fatal[_i].in_start;
    rig.fails_with = fatal[_i].words;
    rig_task_up();
    WAIT_FOR(rig_heard(fatal[_i].in_start ? "F" : "RF"));
    ck_assert_msg(strstr(rig_trace(), fatal[_i].trace) == rig_trace(), "%s", rig_trace());
    ck_assert_int_eq(rig.stops, fatal[_i].in_start ? 0 : 1);
    rig_down();
}
END_TEST

START_TEST(a_broken_producer_starts_the_instance_again)
{
    rig_up();
    rd_kafka_mock_push_request_errors(rig.mock, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    rig.emit = 5;
    rig_task_up();
    WAIT_FOR(rig.stops == 1);
    ck_assert_uint_eq(rig.counts[WEIR_DELIVERED], 0);
    WAIT_FOR(rig_told("the producer is broken"));
    WAIT_FOR(rig.starts == 2);
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] >= 5);
    WAIT_FOR(rig_told("\"restarts\":1,"));
    ck_assert_str_eq(rig_states(), "R"); /* running all the time, for the herder */
    rig_stop_task();
    ck_assert_uint_eq(rig.settled, (size_t)rig.took);
    rig_down();
}
END_TEST

START_TEST(a_topic_that_is_missing_is_waited_for_and_nothing_dropped)
{
    rig_up();
    rig_override("topic.metadata.propagation.max.ms", "300");
    weir_props_set(&rig.connector, "errors.tolerance", "all");
    rd_kafka_mock_topic_set_error(rig.mock, "later", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rig.record.topic = "later";
    rig.emit = 5;
    rig_task_up();
    WAIT_FOR(rig.counts[WEIR_ABANDONED] == 5); /* the source still has them */
    WAIT_FOR(rig_told("topic 'later' to exist"));
    rd_kafka_mock_topic_set_error(rig.mock, "later", RD_KAFKA_RESP_ERR_NO_ERROR);
    WAIT_FOR(rig.alive == 1);
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] + rig.counts[WEIR_ABANDONED] >= 10);
    while (rig.counts[WEIR_DELIVERED] == 0) {
        WITH_RIG(rig.emit = 1);
        WAIT_FOR(rig.settled == (size_t)rig.took && rig.emit == 0);
    }
    WAIT_FOR(rig_told("\"waiting_for\":null"));
    ck_assert_uint_eq(rig.counts[WEIR_DROPPED], 0);
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(emit_outside_of_poll_fails_the_task)
{
    rig_up();
    rig.emit_in_settled = true;
    rig.emit = 1;
    rig_task_up();
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(strstr(rig_trace(), "emit() outside of poll()"), "%s", rig_trace());
    rig_down();
}
END_TEST

START_TEST(a_failure_while_stopping_is_still_an_end)
{
    rig_up();
    rd_kafka_mock_broker_set_rtt(rig.mock, 1, 500);
    rig_task_up();
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(rig.took == 5);
    WITH_RIG(rig.hang = true; rig.polls = 0);
    WAIT_FOR(rig.polls > 0);
    weir_source_task_stop(rig.task);
    WITH_RIG(rig.hang = false; rig.polls = 100);
    WAIT_FOR(rig.drains == 1);
    WITH_RIG(rig.poll_says = WEIR_FATAL; rig.poll_fails = 1);
    WAIT_FOR(rig_heard("RE"));
    ck_assert_uint_eq(rig.counts[WEIR_DELIVERED], 5);
    rig_down();
}
END_TEST

START_TEST(kafka_away_is_said_and_nothing_is_lost)
{
    rig_up();
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    rig.emit = 5;
    rig_task_up();
    WAIT_FOR(rig_told("Kafka: no answer for"));
    WAIT_FOR(rig_told("\"producer\":{\"last_error\":\""));
    rd_kafka_mock_broker_set_up(rig.mock, 1);
    WAIT_FOR(rig.counts[WEIR_DELIVERED] == 5);
    WAIT_FOR(rig_told("\"waiting_for\":null") && rig_told("\"producer\":{\"last_error\":null"));
    rig_stop_task();
    rig_down();
}
END_TEST

WEIR_UNIT_MAIN("trouble",
               tcase_add_loop_test(tests,
                                   an_unfit_record_fails_the_task_unless_the_user_tolerates_it, 0,
                                   (int)WEIR_COUNT(unfit));
               tcase_add_loop_test(tests,
                                   an_unfit_record_is_dropped_counted_and_settled_when_tolerated, 0,
                                   (int)WEIR_COUNT(unfit));
               tcase_add_test(tests, poll_that_may_be_retried_is_polled_again_later_each_time);
               tcase_add_test(tests, what_is_on_its_way_is_settled_while_the_next_poll_has_to_wait);
               tcase_add_test(tests, start_that_may_be_retried_is_tried_until_it_works);
               tcase_add_test(tests, a_task_that_waits_for_its_start_can_be_paused_and_stopped);
               tcase_add_loop_test(tests, what_is_fatal_fails_the_task_in_the_plugins_words, 0,
                                   (int)WEIR_COUNT(fatal));
               tcase_add_test(tests, a_broken_producer_starts_the_instance_again);
               tcase_add_test(tests, a_topic_that_is_missing_is_waited_for_and_nothing_dropped);
               tcase_add_test(tests, emit_outside_of_poll_fails_the_task);
               tcase_add_test(tests, a_failure_while_stopping_is_still_an_end);
               tcase_add_test(tests, kafka_away_is_said_and_nothing_is_lost);)
