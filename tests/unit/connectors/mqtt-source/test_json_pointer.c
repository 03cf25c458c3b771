/* test_json_pointer.c - RFC 6901 on texts, without a tree. */
#include "json_check.h"
#include "json_pointer.h"
#include "tests/support/unit.h"

#include <check.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* The example of RFC 6901, section 5. */
static const char example[] =
    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4, "
    "\"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";

static const struct {
    const char *pointer, *json, *text; /* `text` NULL: nothing there */
    mqtt_json_kind kind;
} found[] = {
    {"/foo", example, "[\"bar\", \"baz\"]", MQTT_JSON_ARRAY},
    {"/foo/0", example, "bar", MQTT_JSON_STRING},
    {"/foo/1", example, "baz", MQTT_JSON_STRING},
    {"/", example, "0", MQTT_JSON_NUMBER},
    {"/a~1b", example, "1", MQTT_JSON_NUMBER},
    {"/c%d", example, "2", MQTT_JSON_NUMBER},
    {"/e^f", example, "3", MQTT_JSON_NUMBER},
    {"/g|h", example, "4", MQTT_JSON_NUMBER},
    {"/i\\j", example, "5", MQTT_JSON_NUMBER},
    {"/k\"l", example, "6", MQTT_JSON_NUMBER},
    {"/ ", example, "7", MQTT_JSON_NUMBER},
    {"/m~0n", example, "8", MQTT_JSON_NUMBER},
    {"", example, example, MQTT_JSON_OBJECT},
    {"/~01", "{\"~1\":1,\"/\":2}", "1", MQTT_JSON_NUMBER},
    /* Arrays. */
    {"/foo/2", example, NULL, 0},
    {"/foo/-", example, NULL, 0},
    {"/foo/00", example, NULL, 0},
    {"/foo/01", example, NULL, 0},
    {"/foo/+1", example, NULL, 0},
    {"/foo/", example, NULL, 0},
    {"/foo/99999999999999999999", example, NULL, 0},
    {"/0", "[]", NULL, 0},
    {"/1/0", "[ [1] , [ 2 ] ]", "2", MQTT_JSON_NUMBER},
    {"/10", "[0,1,2,3,4,5,6,7,8,9,\"x\"]", "x", MQTT_JSON_STRING},
    {"/2", "[\"],[\",{\"]\":[]},true]", "true", MQTT_JSON_WORD},
    /* Objects. */
    {"/0", "{\"0\":\"a name\"}", "a name", MQTT_JSON_STRING},
    {"/b", "{\"a\":{\"b\":1},\"b\":2}", "2", MQTT_JSON_NUMBER},
    {"/b", "{\"a\":{\"b\":1}}", NULL, 0},
    {"/a", "{}", NULL, 0},
    {"/a", "{ \"x\" : \"\\\"a\\\":\" , \"a\" : null }", "null", MQTT_JSON_WORD},
    {"/a/b", "{\"a\":1}", NULL, 0},
    {"/a", "\"a\"", NULL, 0},
    {"/ab", "{\"a\":1,\"abc\":2}", NULL, 0},
    {"/a", "{\"a\":1,\"b\":2,\"a\":3}", NULL, 0},
    {"/a/x", "{\"a\":{\"x\":1},\"a\":{}}", NULL, 0},
    {"/b", "{\"a\":1,\"b\":2,\"a\":3}", "2", MQTT_JSON_NUMBER},
    {"/a", "{\"\\u0061\":1}", "1", MQTT_JSON_NUMBER},
    {"/a", "{\"\\u0061\":1,\"a\":2}", NULL, 0},
    {"/\xf0\x9f\x98\x80", "{\"\\ud83d\\ude00\":1}", "1", MQTT_JSON_NUMBER},
    /* Numbers as they were written. */
    {"/0", "[-0.0]", "-0.0", MQTT_JSON_NUMBER},
    {"/0", "[1E+400]", "1E+400", MQTT_JSON_NUMBER},
    {"/0", "[12345678901234567890]", "12345678901234567890", MQTT_JSON_NUMBER},
    {"", "\t21.50\r\n", "21.50", MQTT_JSON_NUMBER},
    /* Strings without their escapes. */
    {"/0", "[\"\"]", "", MQTT_JSON_STRING},
    {"/0", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "\"\\/\b\f\n\r\t", MQTT_JSON_STRING},
    {"/0", "[\"a\\u00e9b\\u20acc\"]",
     "a\xc3\xa9"
     "b\xe2\x82\xac"
     "c",
     MQTT_JSON_STRING},
    {"/0", "[\"\\uD83D\\uDE00\"]", "\xf0\x9f\x98\x80", MQTT_JSON_STRING},
    {"/0", "[\"\\ud83d\"]", "\xef\xbf\xbd", MQTT_JSON_STRING},
    {"/0", "[\"\\ud83dx\"]", "\xef\xbf\xbdx", MQTT_JSON_STRING},
    {"/0", "[\"\\ud83d\\u0041\"]",
     "\xef\xbf\xbd"
     "A",
     MQTT_JSON_STRING},
    {"/0", "[\"\\ude00\\ud83d\"]", "\xef\xbf\xbd\xef\xbf\xbd", MQTT_JSON_STRING},
    {"/0", "[\"caf\xc3\xa9\"]", "caf\xc3\xa9", MQTT_JSON_STRING},
};

START_TEST(a_pointer_finds_what_the_rfc_says)
{
    const char *json = found[_i].json;
    char why[160] = "";
    mqtt_pointer *pointer =
        mqtt_pointer_new(found[_i].pointer, strlen(found[_i].pointer), why, sizeof(why));
    mqtt_json_value value;
    mqtt_bytes out = {0};
    /* Memory of exactly that size: a sanitizer sees a step too far. */
    char *exact = malloc(strlen(json));

    memcpy(exact, json, strlen(json));
    ck_assert_msg(pointer != NULL, "%s", why);
    ck_assert_str_eq(mqtt_pointer_text(pointer), found[_i].pointer);
    ck_assert(mqtt_is_json(exact, strlen(json)));
    if (mqtt_pointer_find(pointer, exact, strlen(json), &value, why, sizeof(why))) {
        mqtt_json_append(&value, &out);
        mqtt_bytes_append(&out, "", 1);
        ck_assert_pstr_eq((char *)out.data, found[_i].text);
        ck_assert_int_eq(value.kind, found[_i].kind);
    } else {
        ck_assert_msg(!found[_i].text, "%s", why);
        ck_assert_msg(strstr(why, found[_i].pointer), "%s", why);
    }
    free(exact);
    mqtt_bytes_free(&out);
    mqtt_pointer_free(pointer);
}
END_TEST

START_TEST(a_string_may_hold_nul)
{
    mqtt_json_value value = {MQTT_JSON_STRING, "\"a\\u0000b\"", 10};
    mqtt_bytes out = {0};

    mqtt_json_append(&value, &out);
    ck_assert_uint_eq(mqtt_bytes_size(&out), 3);
    ck_assert_mem_eq(out.data, "a\0b", 3);
    mqtt_bytes_free(&out);
}
END_TEST

START_TEST(depth_costs_no_stack)
{
    char json[2 * MQTT_JSON_DEPTH + 1], path[2 * MQTT_JSON_DEPTH], why[160];
    mqtt_pointer *pointer;
    mqtt_json_value value;

    memset(json, '[', MQTT_JSON_DEPTH);
    json[MQTT_JSON_DEPTH] = '7';
    memset(json + MQTT_JSON_DEPTH + 1, ']', MQTT_JSON_DEPTH);
    ck_assert(mqtt_is_json(json, sizeof(json)));
    for (size_t i = 0; i < sizeof(path); i += 2)
        memcpy(path + i, "/0", 2);
    pointer = mqtt_pointer_new(path, sizeof(path), why, sizeof(why));
    ck_assert(mqtt_pointer_find(pointer, json, sizeof(json), &value, why, sizeof(why)));
    ck_assert_int_eq(*value.text, '7');
    mqtt_pointer_free(pointer);
    pointer = mqtt_pointer_new("/1", 2, why, sizeof(why));
    ck_assert(!mqtt_pointer_find(pointer, json, sizeof(json), &value, why, sizeof(why)));
    mqtt_pointer_free(pointer);
}
END_TEST

START_TEST(what_is_no_pointer_is_refused)
{
    static const char *const wrong[] = {"a", "a/b", "/~", "/~2", "/a/~x/b", "#/a", " /a"};
    char why[160];

    for (size_t i = 0; i < ROWS(wrong); i++) {
        why[0] = '\0';
        ck_assert_ptr_null(mqtt_pointer_new(wrong[i], strlen(wrong[i]), why, sizeof(why)));
        ck_assert_msg(strstr(why, "JSON pointer"), "%s: %s", wrong[i], why);
    }
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source JSON pointer",
               tcase_add_loop_test(tests, a_pointer_finds_what_the_rfc_says, 0, ROWS(found));
               tcase_add_test(tests, a_string_may_hold_nul);
               tcase_add_test(tests, depth_costs_no_stack);
               tcase_add_test(tests, what_is_no_pointer_is_refused);)
