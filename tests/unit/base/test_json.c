/* test_json.c - JSON is read strictly, prepared with care, and written as Jackson writes it. */
#include "base/json.h"
#include "base/mem.h"
#include "tests/support/unit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- Writing -------------------------------------------------------------------------------- */

/* The awkward status record of a JVM worker (connect-internals.md 1.9). */
static const char golden[] =
    "7b227374617465223a224641494c4544222c227472616365223a22615c6e5c7461742062285c22635c222920c3a920"
    "2f205c75303030317fe280a8205c75443833445c75444530305c6e222c22776f726b65725f6964223a22773a31222c"
    "2267656e65726174696f6e223a337d";

START_TEST(a_jvm_workers_status_is_written_byte_for_byte)
{
    const char *trace = "a\n\tat b(\"c\") \xC3\xA9 / \x01\x7F\xE2\x80\xA8 \xF0\x9F\x98\x80\n";
    json_t *json = json_object();
    weir_buf hex = WEIR_BUF;
    char *text;

    weir_json_set_str(json, "state", "FAILED");
    weir_json_set_str(json, "trace", trace);
    weir_json_set_str(json, "worker_id", "w:1");
    json_object_set_new(json, "generation", json_integer(3));
    text = weir_json_dump(json);
    for (const char *c = text; *c; c++)
        weir_buf_format(&hex, "%02x", (unsigned char)*c);
    ck_assert_str_eq(hex.data, golden);
    free(text);
    weir_buf_free(&hex);
    json_decref(json);
}
END_TEST

static const struct {
    const char *text;
    size_t size;
    const char *written;
} strings[] = {
#define TEXT(text) text, sizeof(text) - 1
    {TEXT(""), "\"\""},
    {TEXT("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""},
    {TEXT("\x1f\x0b"), "\"\\u001F\\u000B\""},
    {TEXT("a\0b"), "\"a\\u0000b\""},
    {TEXT("\"\\/"), "\"\\\"\\\\/\""},
    {TEXT("\xEF\xBF\xBD"), "\"\xEF\xBF\xBD\""},
    {TEXT("\xF0\x90\x80\x80"), "\"\\uD800\\uDC00\""},
    {TEXT("\xF4\x8F\xBF\xBF."), "\"\\uDBFF\\uDFFF.\""},
#undef TEXT
};

START_TEST(a_string_is_escaped_as_jackson_does)
{
    weir_buf buf = WEIR_BUF;

    weir_json_text(&buf, strings[_i].text, strings[_i].size);
    ck_assert_str_eq(weir_buf_text(&buf), strings[_i].written);
    weir_buf_free(&buf);
}
END_TEST

static const struct {
    const char *text, *written; /* NULL: as it was */
} round_trips[] = {
    {"null", NULL},
    {"true", NULL},
    {" [ 1 , \"a\" , { } , [ ] , false ] ", "[1,\"a\",{},[],false]"},
    {"{\"z\":1,\"a\":{\"y\":null,\"b\":[[]]}}", NULL}, /* members keep their order */
    {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
    {"9223372036854775807", NULL},
    {"-9223372036854775808", NULL},
    {"0.1", NULL},
    {"1.0", NULL},
    {"-2.5", NULL},
    {"0.30000000000000004", NULL},
    {"\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\"\xC3\xA9\xE2\x82\xAC\\uD83D\\uDE00\""},
    {"{\"\\n\":\"\\u0000\"}", NULL},
};

START_TEST(what_is_read_is_written_again)
{
    const char *expected = round_trips[_i].written ? round_trips[_i].written : round_trips[_i].text;
    json_t *json = NULL;
    weir_err err = {0};
    char *written;

    ck_assert_msg(weir_json_read(round_trips[_i].text, strlen(round_trips[_i].text), &json, &err) ==
                      WEIR_OK,
                  "%s", err.msg);
    written = weir_json_dump(json);
    ck_assert_str_eq(written, expected);
    free(written);
    json_decref(json);
}
END_TEST

/* ---- Reading -------------------------------------------------------------------------------- */

static const struct {
    const char *text, *says;
} refused[] = {
    {"", "line 1, column 0: "},
    {"{", "line 1, column 1: "},
    {"{\"a\":1}\n  x", "line 2, column 3: end of file expected"},
    {"{\"a\":\n 1,}", "line 2, "},
    {"[1,]", "line 1, "},
    {"{a:1}", "line 1, "},
    {"'a'", "line 1, "},
    {"01", "line 1, "},
    {"NaN", "line 1, "},
    {"// c\n1", "line 1, "},
    {"9223372036854775808", "too big integer"},
    {"-9223372036854775809", "too big negative integer"},
    {"1e999", "real number overflow"},
    {"\"\xC3\"", "line 1, "},
    {"\"\\ud800\"", "line 1, "},
    {"\"a\nb\"", "line 1, "},
    {"\"open", "line 1, "},
};

START_TEST(what_is_no_json_is_refused_with_its_place)
{
    json_t *json = NULL;
    weir_err err = {0};

    ck_assert_int_eq(weir_json_read(refused[_i].text, strlen(refused[_i].text), &json, &err),
                     WEIR_INVALID);
    ck_assert_ptr_null(json);
    ck_assert_msg(strstr(err.msg, refused[_i].says), "got: %s", err.msg);
}
END_TEST

START_TEST(a_nul_is_no_json_anywhere)
{
    static const char *const texts[] = {"1@", "[1@,2]", "@", "{}@", "\"a@b\"", "[@]"};

    for (size_t i = 0; i < WEIR_COUNT(texts); i++) {
        char *text = weir_strdup(texts[i]), *at = strchr(text, '@');
        size_t size = strlen(text);
        json_t *json = NULL;
        weir_err err = {0};

        *at = '\0';
        ck_assert_int_eq(weir_json_read(text, size, &json, &err), WEIR_INVALID);
        ck_assert_ptr_nonnull(strstr(err.msg, " is a NUL"));
        free(text);
    }
}
END_TEST

static char *nested(int depth, char open, char close)
{
    char *text = weir_calloc(1, (size_t)depth * 2 + 1);

    memset(text, open, (size_t)depth);
    memset(text + depth, close, (size_t)depth);
    return text;
}

START_TEST(nesting_has_a_limit)
{
    char *deepest = nested(WEIR_JSON_DEPTH, '[', ']');
    char *deeper = nested(WEIR_JSON_DEPTH + 1, '[', ']');
    char *far_too_deep = nested(200000, '{', '}');
    json_t *json = NULL;
    weir_err err = {0};

    ck_assert_int_eq(weir_json_read(deepest, strlen(deepest), &json, &err), WEIR_OK);
    json_decref(json);
    json = NULL;
    ck_assert_int_eq(weir_json_read(deeper, strlen(deeper), &json, &err), WEIR_INVALID);
    ck_assert_str_eq(err.msg, "nested deeper than 512 levels");
    ck_assert_int_eq(weir_json_read(far_too_deep, strlen(far_too_deep), &json, &err), WEIR_INVALID);
    free(deepest);
    free(deeper);
    free(far_too_deep);
}
END_TEST

START_TEST(brackets_in_strings_are_no_nesting)
{
    weir_buf text = WEIR_BUF;
    json_t *json = NULL;

    weir_buf_char(&text, '"');
    for (int i = 0; i < 2000; i++)
        weir_buf_text_add(&text, "[\\\"{");
    weir_buf_char(&text, '"');
    ck_assert_int_eq(weir_json_read(text.data, text.size, &json, NULL), WEIR_OK);
    json_decref(json);
    weir_buf_free(&text);
}
END_TEST

/* ---- Preparing ------------------------------------------------------------------------------ */

static const struct {
    bool comments, numbers;
    const char *text, *prepared; /* NULL: as it was */
} prepared[] = {
    {true, true, "", NULL},
    /* numbers keep their text */
    {false, true, "{\"a\":1.50,\"b\":-7,\"c\":1e3}", "{\"a\":\"1.50\",\"b\":\"-7\",\"c\":\"1e3\"}"},
    {false, true, "[0,-0,0.0,10,1E+2,1e-2]", "[\"0\",\"-0\",\"0.0\",\"10\",\"1E+2\",\"1e-2\"]"},
    {false, true, "9223372036854775808", "\"9223372036854775808\""},
    {false, true, "123456789012345678901234567890.0", "\"123456789012345678901234567890.0\""},
    {false, true, "1", "\"1\""},
    {false, false, "{\"a\":1.50}", NULL},
    /* what is no number stays none */
    {false, true, "[01]", NULL},
    {false, true, "[1.]", NULL},
    {false, true, "[-]", NULL},
    {false, true, "[1e]", NULL},
    {false, true, "[1e+]", NULL},
    {false, true, "-", NULL},
    {false, true, "[-01, 1.2.3, 1-2, 1e5e5]", NULL},
    {false, true, "{1:2, 3 \n: 4}", "{1:\"2\", 3 \n: \"4\"}"}, /* names of members are none */
    {true, true, "{1/**/:2}", "{1    :\"2\"}"},
    /* not within strings */
    {true, true, "{\"a 1\":\"2 // 3 /* 4 */\"}", NULL},
    {true, true, "\"\\\" 1 // \\\\\"", NULL},
    {true, true, "\"\\\\\"1", "\"\\\\\"\"1\""},
    {true, true, "\"open 1 // x", NULL},
    {true, true, "\"open \\", NULL},
    {true, true, "{\"url\":\"tcp://h:1883\"}", NULL},
    /* comments become blanks, lines stay lines */
    {true, false, "{// one\n\"a\":1}", "{      \n\"a\":1}"},
    {true, false, "/* a\nb */1", "    \n    1"},
    {true, false, "1//", "1  "},
    {true, false, "1/**/", "1    "},
    {true, false, "/***/1", "     1"},
    {true, false, "/*/1*/2", "      2"},
    {true, false, "// \"a\n1", "     \n1"},
    {true, false, "/* // */1// /*\n2", "        1     \n2"},
    {true, false, "// \xC3\xBC\n1", "     \n1"},
    {true, true, "1/*2*/3", "\"1\"     \"3\""},
    /* what is no comment stays none */
    {true, false, "/* open", NULL},
    {true, false, "/", NULL},
    {true, false, "1/2", NULL},
    {true, false, "/*/", NULL},
    {false, false, "// x", NULL},
    {false, true, "// x /* y */", NULL},
    {false, true, "#1\n", "#\"1\"\n"},
};

START_TEST(a_posted_body_is_prepared_outside_of_strings_only)
{
    const char *expected = prepared[_i].prepared ? prepared[_i].prepared : prepared[_i].text;
    weir_buf out = WEIR_BUF;

    weir_json_prepare(prepared[_i].text, strlen(prepared[_i].text), prepared[_i].comments,
                      prepared[_i].numbers, &out);
    ck_assert_str_eq(weir_buf_text(&out), expected);
    weir_buf_free(&out);
}
END_TEST

START_TEST(a_commented_config_is_read_with_its_numbers_as_text)
{
    static const char body[] = "{ // mqtt\n  \"tasks.max\": 1, /* one */ \"ratio\": 1.50,\n"
                               "  \"url\": \"tcp://h:1883\", \"flag\": true, \"gone\": null }";
    static const weir_pair expected[] = {{"tasks.max", "1"},
                                         {"ratio", "1.50"},
                                         {"url", "tcp://h:1883"},
                                         {"flag", "true"},
                                         {"gone", NULL}};
    weir_props props = WEIR_PROPS;
    weir_buf out = WEIR_BUF;
    json_t *json = NULL;
    weir_err err = {0};

    weir_json_prepare(body, sizeof(body) - 1, true, true, &out);
    ck_assert_msg(weir_json_read(out.data, out.size, &json, &err) == WEIR_OK, "%s", err.msg);
    ck_assert_int_eq(weir_json_to_props(json, &props, &err), WEIR_OK);
    ck_assert_uint_eq(props.count, WEIR_COUNT(expected));
    for (size_t i = 0; i < WEIR_COUNT(expected); i++) {
        ck_assert_str_eq(props.pairs[i].key, expected[i].key);
        ck_assert(weir_same(props.pairs[i].value, expected[i].value));
    }
    json_decref(json);
    weir_buf_free(&out);
    weir_props_clear(&props);
}
END_TEST

/* ---- Props and members ---------------------------------------------------------------------- */

START_TEST(props_become_an_object_and_come_back)
{
    weir_props props = WEIR_PROPS, back = WEIR_PROPS;
    json_t *json;
    char *text;

    weir_props_set(&props, "b", "1");
    weir_props_set(&props, "a", NULL);
    weir_props_set(&props, "", "\xE2\x82\xAC\"");
    json = weir_json_from_props(&props);
    text = weir_json_dump(json);
    ck_assert_str_eq(text, "{\"b\":\"1\",\"a\":null,\"\":\"\xE2\x82\xAC\\\"\"}");
    ck_assert_int_eq(weir_json_to_props(json, &back, NULL), WEIR_OK);
    ck_assert(weir_props_equal(&props, &back));
    free(text);
    json_decref(json);
    weir_props_clear(&props);
    weir_props_clear(&back);
}
END_TEST

static const struct {
    const char *text, *says;
} no_props[] = {
    {"{\"a\":{}}", "the value of 'a' is an object, not text"},
    {"{\"a\":\"1\",\"b\":[1]}", "the value of 'b' is an array, not text"},
    {"[]", "not a JSON object"},
    {"\"a\"", "not a JSON object"},
    {"null", "not a JSON object"},
};

START_TEST(only_a_flat_object_is_props)
{
    weir_props props = WEIR_PROPS;
    json_t *json = NULL;
    weir_err err = {0};

    ck_assert_int_eq(weir_json_read(no_props[_i].text, strlen(no_props[_i].text), &json, NULL),
                     WEIR_OK);
    ck_assert_int_eq(weir_json_to_props(json, &props, &err), WEIR_INVALID);
    ck_assert_str_eq(err.msg, no_props[_i].says);
    json_decref(json);
    weir_props_clear(&props);
}
END_TEST

START_TEST(a_member_of_another_type_is_missing)
{
    json_t *json = NULL;
    const char *text = "{\"s\":\"x\",\"i\":7,\"n\":null,\"r\":1.5}";

    ck_assert_int_eq(weir_json_read(text, strlen(text), &json, NULL), WEIR_OK);
    ck_assert_str_eq(weir_json_str(json, "s"), "x");
    ck_assert_ptr_null(weir_json_str(json, "i"));
    ck_assert_ptr_null(weir_json_str(json, "n"));
    ck_assert_ptr_null(weir_json_str(json, "none"));
    ck_assert_ptr_null(weir_json_str(NULL, "s"));
    ck_assert_int_eq(weir_json_int(json, "i", -1), 7);
    ck_assert_int_eq(weir_json_int(json, "s", -1), -1);
    ck_assert_int_eq(weir_json_int(json, "r", -1), -1);
    ck_assert_int_eq(weir_json_int(NULL, "i", -1), -1);
    weir_json_set_str(json, "s", NULL);
    ck_assert(json_is_null(json_object_get(json, "s")));
    json_decref(json);
}
END_TEST

WEIR_UNIT_MAIN(
    "json", tcase_add_test(tests, a_jvm_workers_status_is_written_byte_for_byte);
    tcase_add_loop_test(tests, a_string_is_escaped_as_jackson_does, 0, WEIR_COUNT(strings));
    tcase_add_loop_test(tests, what_is_read_is_written_again, 0, WEIR_COUNT(round_trips));
    tcase_add_loop_test(tests, what_is_no_json_is_refused_with_its_place, 0, WEIR_COUNT(refused));
    tcase_add_test(tests, a_nul_is_no_json_anywhere); tcase_add_test(tests, nesting_has_a_limit);
    tcase_add_test(tests, brackets_in_strings_are_no_nesting);
    tcase_add_loop_test(tests, a_posted_body_is_prepared_outside_of_strings_only, 0,
                        WEIR_COUNT(prepared));
    tcase_add_test(tests, a_commented_config_is_read_with_its_numbers_as_text);
    tcase_add_test(tests, props_become_an_object_and_come_back);
    tcase_add_loop_test(tests, only_a_flat_object_is_props, 0, WEIR_COUNT(no_props));
    tcase_add_test(tests, a_member_of_another_type_is_missing);)
