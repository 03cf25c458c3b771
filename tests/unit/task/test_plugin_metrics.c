/* test_plugin_metrics.c - what a plugin says about itself becomes numbers, one instance after
 * another. */
#include "task/plugin_metrics.h"

#include "base/mem.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {"waiting", "connected", NULL};

static const weir_metric table[] = {
    {"received_total", WEIR_COUNTER, "received", .label = "qos", .help = "Messages."},
    {"connected", WEIR_GAUGE, "link.up", .help = "Is it there?"},
    {"age_seconds", WEIR_GAUGE, "link.age", .help = "For so long."},
    {"state", WEIR_STATE, "link.state", .states = words, .help = "What it is at."},
    {"acks_total", WEIR_COUNTER, "acks", .help = "Acks."},
    {0},
};

/* "row member=value " for each sample. */
static const char *list(const weir_plugin_metrics *metrics)
{
    static char text[1024];
    size_t count, size = 0;
    weir_plugin_sample *samples = weir_plugin_metrics_list(metrics, &count);

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        size +=
            (size_t)snprintf(text + size, sizeof(text) - size, "%s%s %s%s%g", i ? ", " : "",
                             table[samples[i].row].name, samples[i].member ? samples[i].member : "",
                             samples[i].member ? "=" : "", samples[i].value);
    weir_plugin_samples_free(samples, count);
    return text;
}

static void say(weir_plugin_metrics *metrics, const char *status)
{
    json_t *json = NULL;

    ck_assert_int_eq(weir_json_read(status, strlen(status), &json, NULL), WEIR_OK);
    weir_plugin_metrics_read(metrics, json);
    json_decref(json);
}

static const struct {
    const char *status, *samples;
} cases[] = {
    {"{\"received\":{\"qos0\":1,\"qos1\":2},\"link\":{\"up\":true,\"age\":1.5,"
     "\"state\":\"connected\"},\"acks\":7}",
     "received_total qos0=1, received_total qos1=2, connected 1, age_seconds 1.5, state 1, "
     "acks_total 7"},
    {"{\"link\":{\"up\":false,\"age\":null,\"state\":\"waiting\"}}", "connected 0, state 0"},
    {"{\"link\":{\"state\":\"nobody has declared this\"}}", "state -1"},
    {"{}", "state -1"},
    /* of the wrong kind, in the wrong place */
    {"{\"link\":[1,2],\"acks\":\"7\",\"received\":12}", "state -1"},
    {"{\"link\":{\"up\":{},\"age\":\"old\",\"state\":1},\"received\":{\"a\":{},\"b\":null}}",
     "state -1"},
    {"{\"received\":{\"\":1,\"\\u00e4 \\\"x\\\"\":2},\"link\":{\"state\":null}}",
     "received_total =1, received_total ä \"x\"=2, state -1"},
};

START_TEST(what_is_declared_is_found_and_nothing_else)
{
    weir_plugin_metrics metrics = {.table = table};

    say(&metrics, cases[_i].status);
    ck_assert_str_eq(list(&metrics), cases[_i].samples);
    weir_plugin_metrics_clear(&metrics);
}
END_TEST

START_TEST(the_last_words_count)
{
    weir_plugin_metrics metrics = {.table = table};

    ck_assert_str_eq(list(&metrics), "");
    say(&metrics, "{\"acks\":3,\"link\":{\"age\":1}}");
    say(&metrics, "{\"acks\":5}");
    ck_assert_str_eq(list(&metrics), "state -1, acks_total 5");
    weir_plugin_metrics_clear(&metrics);
    ck_assert_str_eq(list(&metrics), "");
}
END_TEST

START_TEST(counters_of_one_instance_after_another_are_added_up)
{
    weir_plugin_metrics metrics = {.table = table};

    say(&metrics, "{\"received\":{\"qos0\":4,\"qos2\":1},\"acks\":3,"
                  "\"link\":{\"up\":true,\"age\":9,\"state\":\"connected\"}}");
    weir_plugin_metrics_over(&metrics);
    ck_assert_str_eq(list(&metrics), "received_total qos0=4, received_total qos2=1, connected 0, "
                                     "state -1, acks_total 3");
    weir_plugin_metrics_over(&metrics); /* another one that has not said a word */
    say(&metrics, "{\"received\":{\"qos0\":1,\"qos1\":1},\"acks\":0,"
                  "\"link\":{\"up\":true,\"age\":0,\"state\":\"waiting\"}}");
    ck_assert_str_eq(list(&metrics),
                     "received_total qos0=5, received_total qos1=1, received_total qos2=1, "
                     "connected 1, age_seconds 0, state 0, acks_total 3");
    weir_plugin_metrics_over(&metrics);
    say(&metrics, "{\"acks\":1}");
    ck_assert_str_eq(list(&metrics), "received_total qos0=5, received_total qos1=1, "
                                     "received_total qos2=1, state -1, acks_total 4");
    weir_plugin_metrics_clear(&metrics);
}
END_TEST

START_TEST(without_a_table_there_is_nothing)
{
    weir_plugin_metrics metrics = {0};

    say(&metrics, cases[0].status);
    weir_plugin_metrics_over(&metrics);
    ck_assert_str_eq(list(&metrics), "");
    weir_plugin_metrics_clear(&metrics);
}
END_TEST

WEIR_UNIT_MAIN("plugin_metrics",
               tcase_add_loop_test(tests, what_is_declared_is_found_and_nothing_else, 0,
                                   WEIR_COUNT(cases));
               tcase_add_test(tests, the_last_words_count);
               tcase_add_test(tests, counters_of_one_instance_after_another_are_added_up);
               tcase_add_test(tests, without_a_table_there_is_nothing);)
