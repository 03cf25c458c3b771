/* test_converter.c - what arrives in Kafka, for every converter and every kind of data.
 *
 * The JSON texts are what Java's JsonConverter writes for the same data (connect-internals.md 5.2,
 * 1.9).
 */
#include "base/mem.h"
#include "record/converter.h"
#include "tests/support/unit.h"

#include <string.h>

#define BYTE_ARRAY "org.apache.kafka.connect.converters.ByteArrayConverter"
#define STRING     "org.apache.kafka.connect.storage.StringConverter"
#define JSON       "org.apache.kafka.connect.json.JsonConverter"
#define SIMPLE     "org.apache.kafka.connect.storage.SimpleHeaderConverter"

#define DATA(text)    (text), sizeof(text) - 1
#define NOTHING       NULL, 0
#define BYTES_SCHEMA  "{\"schema\":{\"type\":\"bytes\",\"optional\":false},\"payload\":"
#define STRING_SCHEMA "{\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":"
#define NO_SCHEMA     "{\"schema\":null,\"payload\":"
#define JSON_OFF      JSON, "false"
#define JSON_ON       JSON, "true"

static weir_converter *make(const char *class_name, const char *schemas)
{
    weir_props props = WEIR_PROPS;
    weir_converter *converter = NULL;
    weir_err err;

    if (schemas)
        weir_props_set(&props, "schemas.enable", schemas);
    ck_assert_msg(weir_converter_new(class_name, WEIR_HEADER, &props, &converter, &err) == WEIR_OK,
                  "%s", err.msg);
    weir_props_clear(&props);
    return converter;
}

static const struct {
    const char *class_name, *schemas;
    weir_kind kind;
    const char *in;
    size_t in_size;
    const char *out;
    size_t out_size;
} converted[] = {
    {BYTE_ARRAY, NULL, WEIR_NULL, NOTHING, NOTHING},
    {BYTE_ARRAY, NULL, WEIR_BYTES, DATA("\0\xff raw"), DATA("\0\xff raw")},
    {BYTE_ARRAY, NULL, WEIR_BYTES, NOTHING, DATA("")}, /* empty is not null */
    {BYTE_ARRAY, NULL, WEIR_TEXT, DATA("h\xc3\xa9"), DATA("h\xc3\xa9")},
    {BYTE_ARRAY, NULL, WEIR_JSON, DATA("{ \"a\": 1 }"), DATA("{ \"a\": 1 }")},

    {STRING, NULL, WEIR_NULL, NOTHING, NOTHING},
    {STRING, NULL, WEIR_TEXT, DATA("text \"quoted\""), DATA("text \"quoted\"")},
    {STRING, NULL, WEIR_TEXT, DATA(""), DATA("")},
    {STRING, NULL, WEIR_BYTES, DATA("\xff\0z"), DATA("\xff\0z")},
    {STRING, NULL, WEIR_JSON, DATA("[1,\"a\"]"), DATA("[1,\"a\"]")},

    {JSON_OFF, WEIR_NULL, NOTHING, NOTHING}, /* a tombstone, not the text null */
    {JSON_OFF, WEIR_BYTES, DATA(""), DATA("\"\"")},
    {JSON_OFF, WEIR_BYTES, DATA("f"), DATA("\"Zg==\"")},
    {JSON_OFF, WEIR_BYTES, DATA("fo"), DATA("\"Zm8=\"")},
    {JSON_OFF, WEIR_BYTES, DATA("foo"), DATA("\"Zm9v\"")},
    {JSON_OFF, WEIR_BYTES, DATA("\xfb\xff\xbf\x00"), DATA("\"+/+/AA==\"")},
    {JSON_OFF, WEIR_TEXT, DATA(""), DATA("\"\"")},
    {JSON_OFF, WEIR_TEXT, DATA("a\"b\\c/d"), DATA("\"a\\\"b\\\\c/d\"")},
    {JSON_OFF, WEIR_TEXT, DATA("\n\t\x01\x7f"), DATA("\"\\n\\t\\u0001\x7f\"")},
    {JSON_OFF, WEIR_TEXT, DATA("\xc3\xa9\xe2\x80\xa8"), DATA("\"\xc3\xa9\xe2\x80\xa8\"")},
    {JSON_OFF, WEIR_TEXT, DATA("\xf0\x9f\x98\x80"), DATA("\"\\uD83D\\uDE00\"")},
    {JSON_OFF, WEIR_TEXT, DATA("a\0b"), DATA("\"a\\u0000b\"")},
    {JSON_OFF, WEIR_JSON, DATA("{\"a\": 1.50, \"a\":9007199254740993}"),
     DATA("{\"a\": 1.50, \"a\":9007199254740993}")}, /* verbatim: nothing is lost */

    {JSON_ON, WEIR_NULL, NOTHING, NOTHING},
    {JSON_ON, WEIR_BYTES, DATA("foo"), DATA(BYTES_SCHEMA "\"Zm9v\"}")},
    {JSON_ON, WEIR_BYTES, NOTHING, DATA(BYTES_SCHEMA "\"\"}")},
    {JSON_ON, WEIR_TEXT, DATA("x"), DATA(STRING_SCHEMA "\"x\"}")},
    {JSON_ON, WEIR_JSON, DATA("{\"a\":[]}"), DATA(NO_SCHEMA "{\"a\":[]}}")},
    {JSON, NULL, WEIR_TEXT, DATA("default"), DATA(STRING_SCHEMA "\"default\"}")},
    {JSON, "TRUE", WEIR_TEXT, DATA("x"), DATA(STRING_SCHEMA "\"x\"}")},

    {SIMPLE, NULL, WEIR_NULL, NOTHING, NOTHING},
    {SIMPLE, NULL, WEIR_TEXT, DATA("raw, no quotes"), DATA("raw, no quotes")},
    {SIMPLE, NULL, WEIR_TEXT, DATA(""), DATA("")},
    {SIMPLE, NULL, WEIR_BYTES, DATA("\x00\x01"), DATA("AAE=")},
    {SIMPLE, NULL, WEIR_BYTES, NOTHING, DATA("")},
    {SIMPLE, NULL, WEIR_JSON, DATA("[\"a\",1,null]"), DATA("[\"a\",1,null]")},
};

START_TEST(every_kind_becomes_what_java_writes)
{
    weir_converter *converter = make(converted[_i].class_name, converted[_i].schemas);
    weir_data data = {converted[_i].kind, converted[_i].in, converted[_i].in_size};
    weir_buf scratch = WEIR_BUF;
    weir_bytes bytes = {0};
    weir_err err;

    for (int again = 0; again < 2; again++) { /* the second time on used scratch */
        ck_assert_msg(weir_convert(converter, &data, &scratch, &bytes, &err) == WEIR_OK, "%s",
                      err.msg);
        ck_assert_int_eq(bytes.data == NULL, converted[_i].out == NULL);
        ck_assert_uint_eq(bytes.size, converted[_i].out_size);
        if (bytes.size)
            ck_assert_mem_eq(bytes.data, converted[_i].out, bytes.size);
    }
    weir_buf_free(&scratch);
    weir_converter_free(converter);
}
END_TEST

static const struct {
    const char *class_name, *schemas;
    int kind;
    const char *in;
    size_t in_size;
    const char *says;
} refused[] = {
    {JSON_OFF, WEIR_TEXT, DATA("ok\xff"), "not valid UTF-8 at byte 2"},
    {JSON_OFF, WEIR_TEXT, DATA("\xc0\x80"), "not valid UTF-8 at byte 0"},         /* overlong */
    {JSON_OFF, WEIR_TEXT, DATA("\xed\xa0\x80"), "not valid UTF-8 at byte 0"},     /* surrogate */
    {JSON_OFF, WEIR_TEXT, DATA("\xf4\x90\x80\x80"), "not valid UTF-8 at byte 0"}, /* too high */
    {JSON_OFF, WEIR_TEXT, DATA("\xe0\x9f\xbf"), "not valid UTF-8 at byte 0"},
    {JSON_OFF, WEIR_TEXT, DATA("\xf0\x8f\xbf\xbf"), "not valid UTF-8 at byte 0"},
    {JSON_OFF, WEIR_TEXT, DATA("a\xf0\x9f\x98"), "not valid UTF-8 at byte 1"}, /* cut off */
    {JSON_ON, WEIR_TEXT, DATA("\x80"), "not valid UTF-8"},
    {JSON_OFF, WEIR_JSON, DATA(""), "empty text is not JSON"},
    {JSON_ON, WEIR_JSON, NOTHING, "empty text is not JSON"},
    {BYTE_ARRAY, NULL, 7, DATA("x"), "unknown kind 7"},
    {STRING, NULL, -1, DATA("x"), "unknown kind -1"},
    {STRING, NULL, WEIR_TEXT, NULL, 5, "5 bytes of data at no address"},
};

START_TEST(what_cannot_be_carried_is_refused_with_words)
{
    weir_converter *converter = make(refused[_i].class_name, refused[_i].schemas);
    weir_data data = {(weir_kind)refused[_i].kind, refused[_i].in, refused[_i].in_size};
    weir_buf scratch = WEIR_BUF;
    weir_bytes bytes;
    weir_err err;

    ck_assert_int_eq(weir_convert(converter, &data, &scratch, &bytes, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, refused[_i].says), "got: %s", err.msg);
    weir_buf_free(&scratch);
    weir_converter_free(converter);
}
END_TEST

static const char *const known[] = {
    BYTE_ARRAY, "ByteArrayConverter", "ByteArray", STRING, "StringConverter",       "String",
    JSON,       "JsonConverter",      "Json",      SIMPLE, "SimpleHeaderConverter", "Simple",
};

START_TEST(full_and_short_names_are_known)
{
    weir_converter *converter = NULL;
    weir_err err;

    ck_assert(weir_converter_known(known[_i]));
    ck_assert_int_eq(weir_converter_new(known[_i], WEIR_HEADER, NULL, &converter, &err), WEIR_OK);
    weir_converter_free(converter);
}
END_TEST

static const struct {
    const char *class_name;
    weir_converter_use use;
    const char *key, *value, *says;
} not_made[] = {
    {"io.confluent.connect.avro.AvroConverter", WEIR_VALUE, NULL, NULL,
     "no converter 'io.confluent.connect.avro.AvroConverter'; there are: "
     "org.apache.kafka.connect.converters.ByteArrayConverter, "},
    {"json", WEIR_VALUE, NULL, NULL, "no converter 'json'"},
    {"", WEIR_VALUE, NULL, NULL, "no converter ''"},
    {SIMPLE, WEIR_KEY, NULL, NULL, "converts headers only"},
    {SIMPLE, WEIR_VALUE, NULL, NULL, "converts headers only"},
    {JSON, WEIR_VALUE, "schemas.enable", "yes",
     "Invalid value yes for configuration schemas.enable: Expected value to be either true or "
     "false"},
    {STRING, WEIR_KEY, "converter.encoding", "UTF-16", "only UTF-8 is supported"},
};

START_TEST(a_wrong_class_or_setting_is_named)
{
    weir_props props = WEIR_PROPS;
    weir_converter *converter = NULL;
    weir_err err;

    if (not_made[_i].key)
        weir_props_set(&props, not_made[_i].key, not_made[_i].value);
    ck_assert_int_eq(
        weir_converter_new(not_made[_i].class_name, not_made[_i].use, &props, &converter, &err),
        WEIR_INVALID);
    ck_assert_ptr_null(converter);
    ck_assert_msg(strstr(err.msg, not_made[_i].says), "got: %s", err.msg);
    weir_props_clear(&props);
}
END_TEST

START_TEST(settings_of_other_converters_do_no_harm)
{
    weir_props props = WEIR_PROPS;
    weir_converter *converter = NULL;
    weir_err err;

    weir_props_set(&props, "schemas.enable", "perhaps");
    weir_props_set(&props, "schemas.cache.size", "10");
    weir_props_set(&props, "converter.encoding", "utf8");
    ck_assert_int_eq(weir_converter_new(STRING, WEIR_VALUE, &props, &converter, &err), WEIR_OK);
    weir_converter_free(converter);
    weir_props_clear(&props);
    ck_assert(!weir_converter_known(NULL));
    ck_assert(!weir_converter_known("JsonConverter2"));
}
END_TEST

START_TEST(what_need_not_change_is_not_copied)
{
    static const char text[] = "{\"a\":1}";
    weir_converter *converter = make(JSON_OFF);
    weir_data data = {WEIR_JSON, text, sizeof(text) - 1};
    weir_buf scratch = WEIR_BUF;
    weir_bytes bytes;

    ck_assert_int_eq(weir_convert(converter, &data, &scratch, &bytes, NULL), WEIR_OK);
    ck_assert_ptr_eq(bytes.data, text);
    weir_buf_free(&scratch);
    weir_converter_free(converter);
}
END_TEST

START_TEST(nothing_is_allocated_once_the_scratch_is_warm)
{
    weir_converter *converter = make(JSON_ON);
    weir_data data = {WEIR_TEXT, DATA("\xf0\x9f\x98\x80 and some more text\n")};
    weir_buf scratch = WEIR_BUF;
    weir_bytes bytes;
    const char *warm;

    ck_assert_int_eq(weir_convert(converter, &data, &scratch, &bytes, NULL), WEIR_OK);
    warm = scratch.data;
    for (int i = 0; i < 1000; i++) {
        data.kind = i % 2 ? WEIR_TEXT : WEIR_JSON;
        ck_assert_int_eq(weir_convert(converter, &data, &scratch, &bytes, NULL), WEIR_OK);
        ck_assert_ptr_eq(scratch.data, warm);
    }
    weir_buf_free(&scratch);
    weir_converter_free(converter);
}
END_TEST

WEIR_UNIT_MAIN(
    "converter",
    tcase_add_loop_test(tests, every_kind_becomes_what_java_writes, 0, (int)WEIR_COUNT(converted));
    tcase_add_loop_test(tests, what_cannot_be_carried_is_refused_with_words, 0,
                        (int)WEIR_COUNT(refused));
    tcase_add_loop_test(tests, full_and_short_names_are_known, 0, (int)WEIR_COUNT(known));
    tcase_add_loop_test(tests, a_wrong_class_or_setting_is_named, 0, (int)WEIR_COUNT(not_made));
    tcase_add_test(tests, settings_of_other_converters_do_no_harm);
    tcase_add_test(tests, what_need_not_change_is_not_copied);
    tcase_add_test(tests, nothing_is_allocated_once_the_scratch_is_warm);)
