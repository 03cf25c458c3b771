/* test_exposition.c - the page is what Prometheus reads, whatever names and numbers are in it. */
#include "rest-api/exposition.h"

#include "base/mem.h"
#include "tests/support/unit.h"

#include <math.h>
#include <string.h>

START_TEST(a_family_is_announced_once_with_its_first_sample)
{
    weir_buf out = WEIR_BUF;
    weir_exposition page = {.out = &out};

    weir_exposition_family(&page, "a_total", WEIR_FAMILY_COUNTER, "How many.");
    weir_exposition_count(&page, "", 1);
    weir_exposition_count(&page, "x=\"1\"", 2);
    weir_exposition_family(&page, "nothing", WEIR_FAMILY_GAUGE, "Nobody has one.");
    weir_exposition_family(&page, "b", WEIR_FAMILY_GAUGE, "One\nline, a \\ and a \".");
    weir_exposition_value(&page, "", 0.5);
    weir_exposition_family(&page, "c_seconds", WEIR_FAMILY_SUMMARY, "So long.");
    weir_exposition_summary(&page, "", 1.5, 3);
    weir_exposition_summary(&page, "x=\"1\"", 0, 0);
    weir_exposition_family(&page, "d", WEIR_FAMILY_UNTYPED, "A word.");
    weir_exposition_count(&page, "name=\"x\"", 1);
    ck_assert_str_eq(weir_buf_text(&out), "# HELP a_total How many.\n"
                                          "# TYPE a_total counter\n"
                                          "a_total 1\n"
                                          "a_total{x=\"1\"} 2\n"
                                          "# HELP b One\\nline, a \\\\ and a \".\n"
                                          "# TYPE b gauge\n"
                                          "b 0.5\n"
                                          "# HELP c_seconds So long.\n"
                                          "# TYPE c_seconds summary\n"
                                          "c_seconds_sum 1.5\n"
                                          "c_seconds_count 3\n"
                                          "c_seconds_sum{x=\"1\"} 0\n"
                                          "c_seconds_count{x=\"1\"} 0\n"
                                          "# HELP d A word.\n"
                                          "# TYPE d untyped\n"
                                          "d{name=\"x\"} 1\n");
    weir_exposition_end(&page);
    weir_buf_free(&out);
}
END_TEST

START_TEST(a_family_that_is_there_already_is_left_out)
{
    weir_buf out = WEIR_BUF;
    weir_exposition page = {.out = &out};

    for (int i = 0; i < 2; i++) {
        weir_exposition_family(&page, "a", WEIR_FAMILY_GAUGE, i ? "Another." : "One.");
        weir_exposition_count(&page, "", (uint64_t)i);
        weir_exposition_family(&page, i ? "c" : "b", WEIR_FAMILY_GAUGE, "Its own.");
        weir_exposition_count(&page, "", (uint64_t)i);
    }
    ck_assert_str_eq(weir_buf_text(&out), "# HELP a One.\n# TYPE a gauge\na 0\n"
                                          "# HELP b Its own.\n# TYPE b gauge\nb 0\n"
                                          "# HELP c Its own.\n# TYPE c gauge\nc 1\n");
    weir_exposition_end(&page);
    weir_buf_free(&out);
}
END_TEST

static const struct {
    const char *value, *label;
} labels[] = {
    {"plain-name.1", "plain-name.1"},
    {"", ""},
    {"a \"quoted\" one", "a \\\"quoted\\\" one"},
    {"back\\slash", "back\\\\slash"},
    {"two\nlines", "two\\nlines"},
    {"tab\tand\rreturn", "tab\tand\rreturn"},
    {"{a=\"b\"} 1 # x", "{a=\\\"b\\\"} 1 # x"},
    {"Straße Zürich \xe2\x82\xac \xf0\x9f\x9a\x97", "Straße Zürich \xe2\x82\xac \xf0\x9f\x9a\x97"},
    /* no UTF-8: alone, cut short, too long, a half of a pair, beyond the last */
    {"a\xff", "a\xef\xbf\xbd"},
    {"\x80z", "\xef\xbf\xbdz"},
    {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
};

START_TEST(any_text_can_be_a_label)
{
    weir_buf made = WEIR_BUF, wanted = WEIR_BUF;

    weir_exposition_label(&made, "connector", labels[_i].value);
    weir_exposition_label(&made, "task", "0");
    weir_buf_format(&wanted, "connector=\"%s\",task=\"0\"", labels[_i].label);
    ck_assert_str_eq(weir_buf_text(&made), weir_buf_text(&wanted));
    weir_buf_free(&made);
    weir_buf_free(&wanted);
}
END_TEST

static const struct {
    double value;
    const char *text;
} numbers[] = {
    {0, "0"},
    {1, "1"},
    {-1, "-1"},
    {-0.25, "-0.25"},
    {0.1, "0.1"},
    {1.0 / 3, "0.33333333333333331"},
    {1732600000.123, "1732600000.123"},
    {9007199254740991.0, "9007199254740991"},
    {1e300, "1e+300"},
    {NAN, "NaN"},
    {INFINITY, "+Inf"},
    {-INFINITY, "-Inf"},
};

START_TEST(numbers_are_as_go_reads_them)
{
    weir_buf out = WEIR_BUF;
    weir_exposition page = {.out = &out};
    char *wanted = weir_format("x %s\n", numbers[_i].text);

    weir_exposition_family(&page, "x", WEIR_FAMILY_GAUGE, "A number.");
    weir_exposition_value(&page, "", numbers[_i].value);
    ck_assert_str_eq(strstr(weir_buf_text(&out), "gauge\n") + 6, wanted);
    free(wanted);
    weir_exposition_end(&page);
    weir_buf_free(&out);
}
END_TEST

START_TEST(counters_lose_no_digit)
{
    weir_buf out = WEIR_BUF;
    weir_exposition page = {.out = &out};

    weir_exposition_family(&page, "x_total", WEIR_FAMILY_COUNTER, "A number.");
    weir_exposition_count(&page, "", UINT64_MAX);
    ck_assert_ptr_nonnull(strstr(weir_buf_text(&out), "\nx_total 18446744073709551615\n"));
    weir_exposition_end(&page);
    weir_buf_free(&out);
}
END_TEST

WEIR_UNIT_MAIN("exposition",
               tcase_add_test(tests, a_family_is_announced_once_with_its_first_sample);
               tcase_add_test(tests, a_family_that_is_there_already_is_left_out);
               tcase_add_loop_test(tests, any_text_can_be_a_label, 0, WEIR_COUNT(labels));
               tcase_add_loop_test(tests, numbers_are_as_go_reads_them, 0, WEIR_COUNT(numbers));
               tcase_add_test(tests, counters_lose_no_digit);)
