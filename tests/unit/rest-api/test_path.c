/* test_path.c - one path has one meaning, or is refused. */
#include "base/buf.h"
#include "base/mem.h"
#include "rest-api/path.h"
#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *target, *segments; /* joined by | */
} read_as[] = {
    {"/", ""},
    {"/connectors", "connectors"},
    {"/connectors/", "connectors"},
    {"/connectors/a%20b/config", "connectors|a b|config"},
    {"/connectors/a+b", "connectors|a+b"},
    {"/connectors/a%3Bb", "connectors|a;b"},
    {"/connectors/a%3Fb", "connectors|a?b"},
    {"/connectors/%C3%A9", "connectors|\xC3\xA9"},
    {"/connectors/c1;a=b/status", "connectors|c1|status"},
    {"/connectors;a=b", "connectors"},
    {"/connectors?expand=status", "connectors"},
    {"http://host:8083/connectors/a?x", "connectors|a"},
    {"HTTP://host", ""},
    {"http://host?x=1", ""},
    {"/.../..a", "...|..a"},
};

static const struct {
    const char *target, *says;
} refused[] = {
    {"/connectors/a%2Fb", "Ambiguous URI path separator"},
    {"/connectors/a%2fb", "Ambiguous URI path separator"},
    {"/connectors/a%25b", "Ambiguous URI path encoding"},
    {"/connectors/a%5Cb", "Suspicious Path Character"},
    {"/connectors/a\\b", "Suspicious Path Character"},
    {"/connectors/a%0Ab", "Suspicious Path Character"},
    {"/connectors/a%7F", "Suspicious Path Character"},
    {"/connectors/%00", "Bad URI escape"},
    {"/connectors/%zz", "Bad URI escape"},
    {"/connectors/%", "Bad URI escape"},
    {"/connectors/%4", "Bad URI escape"},
    {"/connectors/%4/x", "Bad URI escape"},
    {"/connectors/%E9", "Bad UTF-8 encoding"},
    {"/connectors/\xE9", "Bad UTF-8 encoding"},
    {"/connectors/%2e%2e/x", "Ambiguous URI path segment"},
    {"/connectors/../x", "Ambiguous URI path segment"},
    {"/./connectors", "Ambiguous URI path segment"},
    {"//connectors", "Ambiguous URI empty segment"},
    {"/connectors//", "Ambiguous URI empty segment"},
    {"/connectors/;a=b", "Ambiguous URI empty segment"},
    {"connectors", "Bad URI"},
    {"ftp://host/x", "Bad URI"},
    {"", "Bad URI"},
    {"?x", "Bad URI"},
};

START_TEST(a_sound_path_is_decoded_into_segments)
{
    weir_path path = {0};
    weir_buf joined = WEIR_BUF;
    weir_err err;

    ck_assert_int_eq(weir_path_parse(read_as[_i].target, &path, &err), WEIR_OK);
    for (size_t i = 0; i < path.count; i++)
        weir_buf_format(&joined, "%s%s", i ? "|" : "", path.segments[i]);
    ck_assert_str_eq(weir_buf_text(&joined), read_as[_i].segments);
    weir_buf_free(&joined);
    weir_path_clear(&path);
}
END_TEST

START_TEST(an_ambiguous_path_is_refused)
{
    weir_path path = {0};
    weir_err err;

    ck_assert_msg(weir_path_parse(refused[_i].target, &path, &err) == WEIR_INVALID, "%s",
                  refused[_i].target);
    ck_assert_str_eq(err.msg, refused[_i].says);
    weir_path_clear(&path);
}
END_TEST

START_TEST(a_query_is_read_as_a_form)
{
    weir_path path = {0};
    weir_err err;

    ck_assert_int_eq(
        weir_path_parse("/c?expand=info&expand=a+b%26c&&flag&bad=%zz%&x=1=2&=v", &path, &err),
        WEIR_OK);
    ck_assert_uint_eq(path.param_count, 7); /* the empty one between && counts for nothing */
    ck_assert_str_eq(weir_path_param(&path, "expand"), "info");
    ck_assert_str_eq(path.params[1].value, "a b&c");
    ck_assert_str_eq(weir_path_param(&path, "flag"), "");
    ck_assert_str_eq(weir_path_param(&path, "bad"), "%zz%");
    ck_assert_str_eq(weir_path_param(&path, "x"), "1=2");
    ck_assert_ptr_null(weir_path_param(&path, "nope"));
    ck_assert_str_eq(path.raw, "/c");
    weir_path_clear(&path);
}
END_TEST

static const struct {
    const char *target;
    bool value;
} flags[] = {
    {"/?f=true", true},   {"/?f=TRUE", true}, {"/?f=tRue&f=false", true},
    {"/?f=false", false}, {"/?f=1", false},   {"/?f=yes", false},
    {"/?f=", false},      {"/?f", false},     {"/?f=true ", false},
    {"/?F=true", false},
};

START_TEST(only_true_is_true)
{
    weir_path path = {0};
    weir_err err;

    ck_assert_int_eq(weir_path_parse(flags[_i].target, &path, &err), WEIR_OK);
    ck_assert_int_eq(weir_path_flag(&path, "f", false), flags[_i].value);
    ck_assert(weir_path_flag(&path, "missing", true));
    weir_path_clear(&path);
}
END_TEST

WEIR_UNIT_MAIN("path", tcase_add_loop_test(tests, a_sound_path_is_decoded_into_segments, 0,
                                           WEIR_COUNT(read_as));
               tcase_add_loop_test(tests, an_ambiguous_path_is_refused, 0, WEIR_COUNT(refused));
               tcase_add_test(tests, a_query_is_read_as_a_form);
               tcase_add_loop_test(tests, only_true_is_true, 0, WEIR_COUNT(flags));)
