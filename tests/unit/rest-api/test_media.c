/* test_media.c - Content-Type and Accept as Jersey judges them. */
#include "base/mem.h"
#include "rest-api/media.h"
#include "tests/support/unit.h"

#include <stdlib.h>

static const struct {
    const char *value;
    weir_content content;
} contents[] = {
    {"application/json", WEIR_CONTENT_JSON},
    {"Application/JSON", WEIR_CONTENT_JSON},
    {"application/json; charset=utf-8", WEIR_CONTENT_JSON},
    {" application/json ;x", WEIR_CONTENT_JSON},
    {"*/*", WEIR_CONTENT_WILDCARD},
    {"application/*", WEIR_CONTENT_WILDCARD},
    {"text/plain", WEIR_CONTENT_OTHER},
    {"text/json", WEIR_CONTENT_OTHER},
    {"application/vnd.x+json", WEIR_CONTENT_OTHER},
    {"application/x-www-form-urlencoded", WEIR_CONTENT_OTHER},
    {"*/json", WEIR_CONTENT_OTHER},
    {"", WEIR_CONTENT_MALFORMED},
    {"foo", WEIR_CONTENT_MALFORMED},
    {"/json", WEIR_CONTENT_MALFORMED},
    {"application/", WEIR_CONTENT_MALFORMED},
    {"appli cation/json", WEIR_CONTENT_MALFORMED},
    {";", WEIR_CONTENT_MALFORMED},
};

START_TEST(a_content_type_is_json_a_wildcard_another_or_none)
{
    ck_assert_msg(weir_media_content(contents[_i].value) == contents[_i].content, "'%s'",
                  contents[_i].value);
}
END_TEST

static const struct {
    const char *value;
    bool json;
    const char *suffix;
} accepts[] = {
    {NULL, true, NULL},
    {"", true, NULL},
    {"*/*", true, NULL},
    {"*", true, NULL},
    {"application/*", true, NULL},
    {"application/json", true, NULL},
    {"application/json;q=0.5, text/html", true, NULL},
    {"application/json;q=0", true, NULL},
    {"text/html, */*;q=0.1", true, NULL},
    {"application/json; charset=utf-8", true, ";charset=utf-8"},
    {"application/json; charset=utf-8; q=0.3 ; x=y", true, ";charset=utf-8;x=y"},
    {"text/html", false, NULL},
    {"foo", false, NULL},
    {"application/json, foo", false, NULL},
    {",", false, NULL},
    {"*/json", false, NULL},
};

START_TEST(an_accept_header_lets_json_through_or_not)
{
    char *suffix = NULL;

    ck_assert_msg(weir_media_accepts_json(accepts[_i].value, &suffix) == accepts[_i].json, "'%s'",
                  accepts[_i].value ? accepts[_i].value : "(none)");
    ck_assert_pstr_eq(suffix, accepts[_i].suffix);
    free(suffix);
}
END_TEST

WEIR_UNIT_MAIN("media",
               tcase_add_loop_test(tests, a_content_type_is_json_a_wildcard_another_or_none, 0,
                                   WEIR_COUNT(contents));
               tcase_add_loop_test(tests, an_accept_header_lets_json_through_or_not, 0,
                                   WEIR_COUNT(accepts));)
