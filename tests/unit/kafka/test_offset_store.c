/* test_offset_store.c - offsets as a JVM worker writes them are found, shown, and written again
 * under the bytes under which it would look for them. */
#include "kafka/offset_store.h"

#include "base/log.h"
#include "base/mem.h"
#include "tests/support/unit.h"

#include <string.h>

static weir_offset_store store;

static void setup(void)
{
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    weir_offset_store_init(&store);
}

static void teardown(void)
{
    weir_offset_store_clear(&store);
}

/* value NULL: a tombstone */
static void feed_at(const char *key, const char *value, int64_t timestamp_ms)
{
    weir_offset_store_apply(&store, &(weir_log_record){.key = key,
                                                       .key_size = strlen(key),
                                                       .value = value,
                                                       .value_size = value ? strlen(value) : 0,
                                                       .timestamp_ms = timestamp_ms});
}

static void feed(const char *key, const char *value)
{
    feed_at(key, value, 1);
}

static const char *offset_of(const char *connector, const char *partition)
{
    char *canonical = NULL;
    const char *offset;

    ck_assert_int_eq(weir_offset_canonical(partition, &canonical, NULL), WEIR_OK);
    offset = weir_offset_store_get(&store, connector, canonical);
    free(canonical);
    return offset ? offset : "(none)";
}

static void add_key(void *ctx, const char *key, bool is_first)
{
    weir_buf_format(ctx, "%s%s\n", is_first ? "" : "- ", key);
}

/* The keys to write, a line each; what becomes a tombstone has a dash. */
static const char *keys_of(const char *connector, const char *partition)
{
    static char text[1000];
    weir_buf lines = WEIR_BUF;
    char *canonical = NULL;

    ck_assert_int_eq(weir_offset_canonical(partition, &canonical, NULL), WEIR_OK);
    weir_offset_store_keys(&store, connector, canonical, partition, add_key, &lines);
    snprintf(text, sizeof(text), "%s", weir_buf_text(&lines));
    weir_buf_free(&lines);
    free(canonical);
    return text;
}

static const char *listed(const char *connector)
{
    static char text[1000];
    json_t *list = weir_offset_store_list(&store, connector);
    char *dump = weir_json_dump(list);

    snprintf(text, sizeof(text), "%s", dump);
    free(dump);
    json_decref(list);
    return text;
}

START_TEST(what_a_jvm_has_written_is_found)
{
    feed("[\"foo\",{\"filename\":\"/tmp/x\"}]",
         "{\"position\":12,\"d\":1.0,\"b\":true,\"bytes\":\"AQID\"}");
    feed("[\"mm\",{\"cluster\":\"c\",\"partition\":3,\"topic\":\"t\"}]",
         "{\"offset\":9223372036854775807}");
    ck_assert_str_eq(offset_of("foo", "{\"filename\" : \"\\/tmp\\/x\"}"),
                     "{\"position\":12,\"d\":1.0,\"b\":true,\"bytes\":\"AQID\"}");
    ck_assert_str_eq(offset_of("mm", "{\"topic\":\"t\",\"partition\":3,\"cluster\":\"c\"}"),
                     "{\"offset\":9223372036854775807}");
    ck_assert_str_eq(offset_of("mm", "{\"topic\":\"t\",\"partition\":3.0,\"cluster\":\"c\"}"),
                     "(none)");
    ck_assert_str_eq(offset_of("bar", "{\"filename\":\"/tmp/x\"}"), "(none)");
    ck_assert_str_eq(listed("mm"),
                     "[{\"partition\":{\"cluster\":\"c\",\"partition\":3,\"topic\":\"t\"},"
                     "\"offset\":{\"offset\":9223372036854775807}}]");
    ck_assert_str_eq(listed("nobody"), "[]");
}
END_TEST

START_TEST(the_last_one_counts_and_a_tombstone_forgets)
{
    feed("[\"foo\",{\"f\":\"x\"}]", "{\"position\":1}");
    feed("[\"foo\",{\"f\":\"y\"}]", "{\"position\":2}");
    feed("[\"foo\",{\"f\":\"x\"}]", "{\"position\":3}");
    ck_assert_str_eq(listed("foo"), "[{\"partition\":{\"f\":\"x\"},\"offset\":{\"position\":3}},"
                                    "{\"partition\":{\"f\":\"y\"},\"offset\":{\"position\":2}}]");
    feed("[\"foo\",{\"f\":\"x\"}]", NULL);
    feed("[\"foo\",{\"f\":\"z\"}]", NULL); /* was never there */
    ck_assert_str_eq(listed("foo"), "[{\"partition\":{\"f\":\"y\"},\"offset\":{\"position\":2}}]");
    feed("[\"foo\",{\"f\":\"y\"}]", "null"); /* as a converter may write it */
    ck_assert_str_eq(listed("foo"), "[]");
    ck_assert_str_eq(offset_of("foo", "{\"f\":\"x\"}"), "(none)");
}
END_TEST

START_TEST(a_known_partition_is_written_under_its_own_bytes)
{
    feed("[\"pg\", {\"server\":\"s\",\"database\":\"\\u0064\"}]", "{\"lsn\":7}");
    ck_assert_str_eq(keys_of("pg", "{\"database\":\"d\",\"server\":\"s\"}"),
                     "[\"pg\", {\"server\":\"s\",\"database\":\"\\u0064\"}]\n");
    ck_assert_str_eq(
        keys_of("pg", "{ \"server\": \"s\", \"database\": \"\\u00e9/\\ud83d\\ude00\" }"),
        "[\"pg\",{\"server\":\"s\",\"database\":\"\xc3\xa9/\\uD83D\\uDE00\"}]\n");
    ck_assert_str_eq(keys_of("a \"b\"", "{}"), "[\"a \\\"b\\\"\",{}]\n");
}
END_TEST

START_TEST(of_two_spellings_the_younger_counts_whichever_is_read_first)
{
    const char *ab = "[\"c\",{\"a\":1,\"b\":2}]", *ba = "[\"c\",{\"b\":2,\"a\":1}]";

    feed_at(_i ? ab : ba, _i ? "{\"old\":1}" : "{\"young\":1}", _i ? 10 : 20);
    feed_at(_i ? ba : ab, _i ? "{\"young\":1}" : "{\"old\":1}", _i ? 20 : 10);
    ck_assert_str_eq(offset_of("c", "{\"a\":1,\"b\":2}"), "{\"young\":1}");
    ck_assert_str_eq(keys_of("c", "{\"a\":1,\"b\":2}"),
                     "[\"c\",{\"b\":2,\"a\":1}]\n- [\"c\",{\"a\":1,\"b\":2}]\n");
    feed_at(ba, NULL, 30);
    ck_assert_str_eq(offset_of("c", "{\"a\":1,\"b\":2}"), "{\"old\":1}");
    feed_at(ab, NULL, 30);
    ck_assert_str_eq(offset_of("c", "{\"a\":1,\"b\":2}"), "(none)");
}
END_TEST

START_TEST(a_partition_that_is_null_is_kept_but_not_shown)
{
    weir_buf lines = WEIR_BUF;

    feed("[\"c\",null]", "{\"n\":1}");
    ck_assert_str_eq(listed("c"), "[]");
    ck_assert_str_eq(weir_offset_store_get(&store, "c", "null"), "{\"n\":1}");
    weir_offset_store_all_keys(&store, "c", add_key, &lines);
    ck_assert_str_eq(weir_buf_text(&lines), "[\"c\",null]\n");
    weir_buf_free(&lines);
}
END_TEST

static const struct {
    const char *key, *value;
} garbage[] = {
    {"", "{}"},
    {"foo", "{}"},
    {"{\"foo\":{}}", "{}"},
    {"[\"foo\"]", "{}"},
    {"[\"foo\",{\"f\":\"x\"},3]", "{}"},
    {"[1,{\"f\":\"x\"}]", "{}"},
    {"[\"foo\",[]]", "{}"},
    {"[\"foo\",\"x\"]", "{}"},
    {"[\"foo\\u0000bar\",{}]", "{}"},
    {"[\"foo\",{\"f\":\"x\"}] ]", "{}"},
    {"[\"foo\",{\"f\":123456789012345678901234567890}]", "{}"},
    {"[\"foo\",{\"f\":\"x\"}]", "{\"position\":"},
    {"[\"foo\",{\"f\":\"x\"}]", "12"},
    {"[\"foo\",{\"f\":\"x\"}]", "[1]"},
    {"[\"foo\",{\"f\":\"x\"}]", ""},
};

START_TEST(garbage_is_skipped_and_costs_nothing)
{
    feed("[\"foo\",{\"f\":\"x\"}]", "{\"position\":1}");
    feed(garbage[_i].key, garbage[_i].value);
    ck_assert_str_eq(listed("foo"), "[{\"partition\":{\"f\":\"x\"},\"offset\":{\"position\":1}}]");
    ck_assert_uint_eq(store.connectors.count, 1);
}
END_TEST

START_TEST(a_partition_has_to_be_an_object)
{
    static const char *const wrong[] = {"", "x", "[]", "null", "1", "{\"a\":1", "{} {}"};
    char *canonical = NULL;
    weir_err err;

    for (size_t i = 0; i < WEIR_COUNT(wrong); i++)
        ck_assert_int_eq(weir_offset_canonical(wrong[i], &canonical, &err), WEIR_INVALID);
    ck_assert_ptr_null(canonical);
}
END_TEST

WEIR_UNIT_MAIN("offset_store", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, what_a_jvm_has_written_is_found);
               tcase_add_test(tests, the_last_one_counts_and_a_tombstone_forgets);
               tcase_add_test(tests, a_known_partition_is_written_under_its_own_bytes);
               tcase_add_loop_test(tests,
                                   of_two_spellings_the_younger_counts_whichever_is_read_first, 0,
                                   2);
               tcase_add_test(tests, a_partition_that_is_null_is_kept_but_not_shown);
               tcase_add_loop_test(tests, garbage_is_skipped_and_costs_nothing, 0,
                                   (int)(sizeof(garbage) / sizeof(garbage[0])));
               tcase_add_test(tests, a_partition_has_to_be_an_object);)
