/* test_task_metrics.c - the figures of a run: what was taken, what became of it, what the plugin
 * counts; and that a failure takes nothing of them away. */
#include "tests/unit/task/letters.h"

#define INIT_PRODUCER_ID 22 /* the number of that request */

/* Rig locked. The last figures; all zero before there are any. */
static weir_task_figures figures(void)
{
    return rig.metrics ? rig.metrics->figures : (weir_task_figures){.oldest_ms = -1};
}

/* Rig locked. Of the plugin's row; -99: it is not there. */
static double sample(const char *name)
{
    for (size_t i = 0; rig.metrics && i < rig.metrics->sample_count; i++)
        if (strcmp(rig.metrics->table[rig.metrics->samples[i].row].name, name) == 0)
            return rig.metrics->samples[i].value;
    return -99;
}

static uint64_t errors_of(const char *kind)
{
    for (size_t i = 0; rig.metrics && i < rig.metrics->kind_count; i++)
        if (strcmp(rig.metrics->kinds[i].name, kind) == 0)
            return rig.metrics->kinds[i].count;
    return 0;
}

START_TEST(records_and_bytes_are_counted_when_taken_and_when_delivered)
{
    rig_up();
    rig.record.key = (weir_data){WEIR_BYTES, "key", 3};
    rig.settings.value_converter = "org.apache.kafka.connect.converters.ByteArrayConverter";
    rig_task_up();
    WITH_RIG(rig.emit = 50);
    WAIT_FOR(figures().delivered == 50 && figures().unsettled == 0);
    rig_stop_task();
    ck_assert_uint_eq(figures().emitted, 50);
    ck_assert_uint_eq(figures().emitted_bytes, 50 * (3 + 7));
    ck_assert_uint_eq(figures().delivered_bytes, 50 * (3 + 7));
    ck_assert_uint_gt(figures().delivery_us, 0);
    ck_assert_uint_eq(figures().errors, 0);
    ck_assert_int_eq(figures().last_error_ms, 0);
    ck_assert_int_eq(figures().oldest_ms, -1);
    ck_assert_str_eq(rig.metrics->plugin, "rig");
    rig_down();
}
END_TEST

START_TEST(what_kafka_does_not_answer_grows_old)
{
    int64_t begun_ms;

    rig_up();
    rig_task_up();
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(figures().delivered == 5);
    rd_kafka_mock_broker_set_down(rig.mock, 1);
    begun_ms = weir_now_coarse_ms();
    WITH_RIG(rig.emit = 3);
    WAIT_FOR(figures().in_flight == 3 && figures().unsettled == 3);
    ck_assert_int_ge(figures().oldest_ms, begun_ms);
    ck_assert_int_le(figures().oldest_ms, weir_now_ms());
    rd_kafka_mock_broker_set_up(rig.mock, 1);
    WAIT_FOR(figures().delivered == 8 && figures().oldest_ms == -1);
    rig_stop_task();
    rig_down();
}
END_TEST

START_TEST(errors_are_counted_by_kind_and_dead_letters_when_they_are_written)
{
    rig_up();
    letters_up();
    weir_props_set(&rig.connector, "errors.tolerance", "all");
    weir_props_set(&rig.connector, "errors.log.enable", "true");
    rig.reject = "mapping";
    rig.emit = 4;
    rig_task_up();
    WAIT_FOR(figures().dead_lettered == 4);
    rig_stop_task();
    ck_assert_uint_eq(figures().errors, 4);
    ck_assert_uint_eq(figures().skipped, 4);
    ck_assert_uint_eq(errors_of("mapping"), 4);
    ck_assert_uint_eq(figures().letters, 4);
    ck_assert_uint_eq(figures().letters_failed, 0);
    ck_assert_uint_eq(figures().logged, 4);
    ck_assert_uint_eq(figures().delivered, 0);
    ck_assert_int_gt(figures().last_error_ms, 0);
    letters_down();
    rig_down();
}
END_TEST

START_TEST(a_kind_that_is_no_word_is_counted_as_other)
{
    rig_up();
    weir_props_set(&rig.connector, "errors.tolerance", "all");
    rig.reject = "two\nlines";
    rig.emit = 2;
    rig_task_up();
    WAIT_FOR(figures().dropped == 2);
    WITH_RIG(rig.reject = "k\xff"; rig.emit = 1);
    WAIT_FOR(figures().dropped == 3);
    rig_stop_task();
    ck_assert_uint_eq(rig.metrics->kind_count, 1);
    ck_assert_uint_eq(errors_of("other"), 3);
    rig_down();
}
END_TEST

START_TEST(a_task_that_fails_leaves_its_figures_and_the_plugins_last_words)
{
    rig_up();
    rig.status = "{\"seen\":1,\"connected\":true,\"link\":\"up\",\"depth\":5}";
    rig_task_up();
    WITH_RIG(rig.emit = 7);
    WAIT_FOR(figures().delivered == 7 && sample("connected") == 1 && sample("link") == 0);
    ck_assert_double_eq(sample("depth"), 5);
    WITH_RIG(rig.status = "{\"seen\":9,\"connected\":true,\"link\":\"up\",\"depth\":5}";
             rig.poll_says = WEIR_FATAL; rig.poll_fails = 1; rig.fails_with = "enough");
    WAIT_FOR(rig_heard("RF"));
    ck_assert_uint_eq(figures().delivered, 7);
    ck_assert_double_eq(sample("seen_total"), 9); /* said between the failure and the end */
    ck_assert_double_eq(sample("connected"), 0);
    ck_assert_double_eq(sample("link"), -1);
    ck_assert_double_eq(sample("depth"), -99);
    rig_down();
}
END_TEST

START_TEST(instances_of_one_run_count_on)
{
    rig_up();
    rd_kafka_mock_push_request_errors(rig.mock, INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    rig.status = "{\"seen\":3,\"connected\":true}";
    rig.emit = 5;
    rig_task_up();
    WAIT_FOR(rig.starts == 2); /* whose status is the same to the letter */
    WAIT_FOR(figures().restarts == 1 && sample("seen_total") == 6 && sample("connected") == 1);
    WITH_RIG(rig.emit = 5);
    WAIT_FOR(figures().delivered >= 5);
    rig_stop_task();
    ck_assert_uint_eq(figures().emitted, (uint64_t)rig.took);
    ck_assert_uint_eq(figures().delivered + figures().abandoned, (uint64_t)rig.took);
    rig_down();
}
END_TEST

START_TEST(without_a_plugin_there_are_figures_all_the_same)
{
    weir_task_spec spec;
    weir_registry *registry = weir_registry_load("/nonexistent");

    rig_up();
    spec = rig_spec();
    spec.registry = registry;
    rig.task = weir_source_task_start_with(&spec, NULL);
    WAIT_FOR(rig_heard("F"));
    ck_assert_ptr_nonnull(rig.metrics);
    ck_assert_ptr_null(rig.metrics->plugin);
    ck_assert_uint_eq(rig.metrics->sample_count, 0);
    ck_assert_uint_eq(figures().emitted, 0);
    rig_down();
    weir_registry_free(registry);
}
END_TEST

START_TEST(the_last_reference_frees_them)
{
    weir_task_metrics *metrics = weir_task_metrics_new();

    ck_assert_ptr_eq(weir_task_metrics_ref(metrics), metrics);
    weir_task_metrics_unref(metrics);
    ck_assert_int_eq(metrics->figures.oldest_ms, -1);
    weir_task_metrics_unref(metrics);
    weir_task_metrics_unref(NULL);
    ck_assert_ptr_null(weir_task_metrics_ref(NULL));
}
END_TEST

WEIR_UNIT_MAIN("task_metrics",
               tcase_add_test(tests, records_and_bytes_are_counted_when_taken_and_when_delivered);
               tcase_add_test(tests, what_kafka_does_not_answer_grows_old);
               tcase_add_test(tests,
                              errors_are_counted_by_kind_and_dead_letters_when_they_are_written);
               tcase_add_test(tests, a_kind_that_is_no_word_is_counted_as_other);
               tcase_add_test(tests,
                              a_task_that_fails_leaves_its_figures_and_the_plugins_last_words);
               tcase_add_test(tests, instances_of_one_run_count_on);
               tcase_add_test(tests, without_a_plugin_there_are_figures_all_the_same);
               tcase_add_test(tests, the_last_reference_frees_them);)
