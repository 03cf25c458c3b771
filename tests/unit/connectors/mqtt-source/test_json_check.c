/* test_json_check.c - one JSON text, or none. */
#include "json_check.h"

#include "tests/support/unit.h"

#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const char *const good[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1.5e+3",
    "1E9",
    "\"\"",
    "\"a\\n\\u00e9\\\"\"",
    "[]",
    "{}",
    " [ ] ",
    "\t{ \"a\" : [ 1 , { \"b\" : null } ] , \"c\":{}}\r\n",
    "[[[[]]]]",
    "[1,2,3]",
    "{\"a\":{\"a\":{\"a\":0}}}",
    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "[{},[],\"\",0]",
    "{\"\":0}",
};

static const char *const bad[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "+1",
    "0x1",
    "NaN",
    "\"",
    "\"a",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\\u12\"",
    "\"\t\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "[1}",
    "{\"a\":1]",
    "1 2",
    "{} {}",
    "'a'",
    "// x\n1",
    "\xef\xbb\xbf{}",
    "\"\xc0\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xff\"",
    "\"\xe2\x82\"",
    "\xc3\xa9",
};

START_TEST(json_is_accepted)
{
    ck_assert_msg(mqtt_is_json(good[_i], strlen(good[_i])), "%s", good[_i]);
}
END_TEST

START_TEST(anything_else_is_refused)
{
    ck_assert_msg(!mqtt_is_json(bad[_i], strlen(bad[_i])), "%s", bad[_i]);
}
END_TEST

START_TEST(no_beginning_of_a_text_in_brackets_is_a_text)
{
    static const char text[] = "{\"a\":[1,\"\\u00e9\xc3\xa9\",{\"b\":null}],\"c\":-1.5e3}";

    for (size_t size = 0; size < sizeof(text) - 1; size++) {
        char *copy = malloc(size + 1); /* so that a sanitizer sees a byte too many */

        memcpy(copy, text, size);
        ck_assert(!mqtt_is_json(copy, size));
        free(copy);
    }
    ck_assert(mqtt_is_json(text, sizeof(text) - 1));
}
END_TEST

START_TEST(depth_has_a_limit_and_no_other_effect)
{
    char text[2 * (MQTT_JSON_DEPTH + 2)];

    for (size_t depth = MQTT_JSON_DEPTH; depth <= MQTT_JSON_DEPTH + 2; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        /* The innermost pair is empty and takes no room. */
        ck_assert_int_eq(mqtt_is_json(text, 2 * depth), depth <= MQTT_JSON_DEPTH + 1);
    }
}
END_TEST

START_TEST(a_nul_is_no_end)
{
    ck_assert(!mqtt_is_json("1\0", 2));
    ck_assert(!mqtt_is_json("\"\\\0\"", 4));
    ck_assert(mqtt_is_utf8("a\0b", 3));
}
END_TEST

START_TEST(utf8_is_checked_beyond_eight_bytes)
{
    ck_assert(mqtt_is_utf8("01234567\xc3\xa9", 10));
    ck_assert(!mqtt_is_utf8("01234567\xc3", 9));
    ck_assert(!mqtt_is_utf8("0123456\xc3(89", 11));
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source json check",
               tcase_add_loop_test(tests, json_is_accepted, 0, ROWS(good));
               tcase_add_loop_test(tests, anything_else_is_refused, 0, ROWS(bad));
               tcase_add_test(tests, no_beginning_of_a_text_in_brackets_is_a_text);
               tcase_add_test(tests, depth_has_a_limit_and_no_other_effect);
               tcase_add_test(tests, a_nul_is_no_end);
               tcase_add_test(tests, utf8_is_checked_beyond_eight_bytes);)
