/* test_body.c - what may be posted, and what is said about the rest. */
#include "base/json.h"
#include "base/mem.h"
#include "rest-api/body.h"
#include "tests/support/unit.h"

#include <string.h>

static weir_buf body_of(const char *text)
{
    weir_buf body = WEIR_BUF;

    weir_buf_text_add(&body, text);
    return body;
}

static const struct {
    const char *body, *name, *config, *target;
    bool comments;
} created[] = {
    {"{\"name\":\"c\",\"config\":{\"a\":\"b\"}}", "c", "{\"a\":\"b\",\"name\":\"c\"}", NULL, false},
    {"{\"config\":{\"name\":\"c\",\"a\":\"b\"},\"name\":\" c\\t\"}", "c",
     "{\"name\":\"c\",\"a\":\"b\"}", NULL, false},
    {"{\"name\":5,\"config\":{}}", "5", "{\"name\":\"5\"}", NULL, false},
    {"{\"name\":true,\"config\":{}}", "true", "{\"name\":\"true\"}", NULL, false},
    {"{\"config\":{}}", "", "{\"name\":\"\"}", NULL, false},
    {"{\"name\":null,\"config\":{}}", "", "{\"name\":\"\"}", NULL, false},
    {"{\"name\":\"c\",\"config\":{\"name\":null}}", "c", "{\"name\":\"c\"}", NULL, false},
    {"{\"name\":\"c\",\"config\":{},\"initial_state\":\"stopped\"}", "c", "{\"name\":\"c\"}",
     "STOPPED", false},
    {"{\"name\":\"c\",\"config\":{},\"initial_state\":null} \n\t", "c", "{\"name\":\"c\"}", NULL,
     false},
    {"{\"name\":\"c\",\"config\":{\"i\":5,\"r\":1.50,\"e\":1e3,\"b\":true,\"n\":null,"
     "\"big\":12345678901234567890}}",
     "c",
     "{\"i\":\"5\",\"r\":\"1.50\",\"e\":\"1e3\",\"b\":\"true\",\"n\":null,"
     "\"big\":\"12345678901234567890\",\"name\":\"c\"}",
     NULL, false},
    {"{\"name\":\"a\",\"name\":\"c\",\"config\":{\"k\":\"1\",\"k\":\"2\"}}", "c",
     "{\"k\":\"2\",\"name\":\"c\"}", NULL, false},
    {"// from a blog\n{\"name\":\"c\", /* the \"name\" */ \"config\":{\"u\":\"tcp://h/*x*/\"}}//",
     "c", "{\"u\":\"tcp://h/*x*/\",\"name\":\"c\"}", NULL, true},
    {"{\"name\":\"\\u00e9 x\",\"config\":{}}", "\xC3\xA9 x", "{\"name\":\"\xC3\xA9 x\"}", NULL,
     false},
};

START_TEST(create_reads_name_config_and_state)
{
    weir_buf body = body_of(created[_i].body);
    weir_create create = {0};
    weir_err err = {.msg = ""};
    json_t *config;
    char *text;

    ck_assert_msg(weir_body_create(&body, created[_i].comments, &create, &err) == WEIR_OK, "%s: %s",
                  created[_i].body, err.msg);
    config = weir_json_from_props(&create.config);
    text = weir_json_dump(config);
    ck_assert_str_eq(create.name, created[_i].name);
    ck_assert_str_eq(text, created[_i].config);
    ck_assert_pstr_eq(create.target, created[_i].target);
    free(text);
    json_decref(config);
    weir_create_clear(&create);
    weir_buf_free(&body);
}
END_TEST

static const struct {
    const char *body, *says;
    weir_code code;
} refused[] = {
    {"", "has no body", WEIR_FAILED},
    {" \n", "has no body", WEIR_FAILED},
    {"null", "has no body", WEIR_FAILED},
    {"{", "Unexpected end-of-input", WEIR_FAILED},
    {"{\"name\":\"c", "Unexpected", WEIR_FAILED},
    {"x", "Unrecognized token", WEIR_FAILED},
    {"{\"name\":x}", "Unrecognized token", WEIR_FAILED},
    {"{'name':1}", "Un", WEIR_FAILED},
    {"{\"name\":\"c\",}", "Unexpected", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{}} x", "Trailing token", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{}} {}", "Trailing token", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{}}]", "Trailing token", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{}} 1", "Trailing token", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{}} // x", "rest.json.comments=true", WEIR_FAILED},
    {"{\"name\":\"c\" /* x */,\"config\":{}}", "rest.json.comments=true", WEIR_FAILED},
    {"[]", "Cannot deserialize value", WEIR_FAILED},
    {"\"x\"", "Cannot deserialize value", WEIR_FAILED},
    {"5", "Cannot deserialize value", WEIR_FAILED},
    {"true", "Cannot deserialize value", WEIR_FAILED},
    {"{\"name\":{},\"config\":{}}", "Cannot deserialize value", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":[]}", "Cannot deserialize value", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":\"x\"}", "Cannot deserialize value", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":{}}}", "Cannot deserialize value", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":[1]}}", "Cannot deserialize value", WEIR_FAILED},
    {"{\"name\":\"c\"}", "has no \"config\"", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":null}", "has no \"config\"", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{},\"foo\":1}", "Unrecognized field \"foo\"", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{},\"initial_state\":\"bogus\"}", "Cannot construct instance",
     WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{},\"initial_state\":\"\"}", "Cannot construct instance",
     WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{},\"initial_state\":1}", "Cannot construct instance",
     WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{},\"initial_state\":[]}", "Cannot construct instance",
     WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":\"x\\u0000y\"}}", "code 0", WEIR_FAILED},
    {"{\"name\":\"c\\u0000\",\"config\":{}}", "code 0", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\\u0000\":\"x\"}}", "NUL", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":\"\xE9\"}}", "Unexpected", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":\"\\ud800\"}}", "Unexpected", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":01}}", "Un", WEIR_FAILED},
    {"{\"name\":\"c\",\"config\":{\"a\":NaN}}", "Unrecognized token", WEIR_FAILED},
    {"{\"name\":\"x\",\"config\":{\"name\":\"y\"}}",
     "Connector name configuration (y) doesn't match connector name in the URL (x)", WEIR_INVALID},
    {"{\"name\":\" x\",\"config\":{\"name\":\" x\"}}",
     "Connector name configuration ( x) doesn't match connector name in the URL (x)", WEIR_INVALID},
};

START_TEST(create_refuses_and_says_why)
{
    weir_buf body = body_of(refused[_i].body);
    weir_create create = {0};
    weir_err err = {.msg = ""};

    ck_assert_msg(weir_body_create(&body, false, &create, &err) == refused[_i].code, "%s: %s",
                  refused[_i].body, err.msg);
    ck_assert_msg(strstr(err.msg, refused[_i].says), "%s: %s", refused[_i].body, err.msg);
    weir_create_clear(&create);
    weir_buf_free(&body);
}
END_TEST

START_TEST(nesting_without_end_is_refused)
{
    weir_buf body = WEIR_BUF;
    weir_create create = {0};
    weir_err err;

    for (int i = 0; i < 200000; i++)
        weir_buf_text_add(&body, _i ? "{\"a\":" : "[");
    ck_assert_int_eq(weir_body_create(&body, true, &create, &err), WEIR_FAILED);
    ck_assert_msg(strstr(err.msg, "nested deeper"), "%s", err.msg);
    weir_create_clear(&create);
    weir_buf_free(&body);
}
END_TEST

START_TEST(a_config_is_a_flat_map)
{
    weir_buf good = body_of("{\"b\":1,\"a\":null}"), empty = body_of(""), list = body_of("[1]");
    weir_props config = WEIR_PROPS;
    weir_err err;

    ck_assert_int_eq(weir_body_config(&good, false, &config, &err), WEIR_OK);
    ck_assert_str_eq(weir_props_get(&config, "b"), "1");
    ck_assert(weir_props_has(&config, "a"));
    ck_assert_int_eq(weir_body_config(&empty, false, &config, &err), WEIR_FAILED);
    ck_assert_int_eq(weir_body_config(&list, false, &config, &err), WEIR_FAILED);
    weir_props_clear(&config);
    weir_buf_free(&good);
    weir_buf_free(&empty);
    weir_buf_free(&list);
}
END_TEST

static const struct {
    const char *body, *says; /* NULL: it is taken; then as what */
    weir_code code;
} altered[] = {
    {"{\"offsets\":[{\"partition\":{\"p\":9007199254740993},\"offset\":{\"d\":1.0}}]}",
     "[{\"partition\":{\"p\":9007199254740993},\"offset\":{\"d\":1.0}}]", WEIR_OK},
    {"{\"offsets\":[{\"partition\":null},{\"offset\":null,\"partition\":{}}]}",
     "[{\"partition\":null},{\"offset\":null,\"partition\":{}}]", WEIR_OK},
    {"{}", "Partitions / offsets need to be provided for an alter offsets request", WEIR_INVALID},
    {"{\"offsets\":null}", "Partitions / offsets need to be provided", WEIR_INVALID},
    {"{\"offsets\":[]}", "Partitions / offsets need to be provided", WEIR_INVALID},
    {"", "no body", WEIR_FAILED},
    {"null", "no body", WEIR_FAILED},
    {"{", "Unexpected", WEIR_FAILED},
    {"[]", "Cannot deserialize", WEIR_FAILED},
    {"{\"offsets\":{}}", "Cannot deserialize", WEIR_FAILED},
    {"{\"offsets\":[1]}", "Cannot deserialize", WEIR_FAILED},
    {"{\"offsets\":[null]}", "Cannot deserialize", WEIR_FAILED},
    {"{\"offsets\":[{\"partition\":\"p\"}]}", "in partition", WEIR_FAILED},
    {"{\"offsets\":[{\"partition\":{},\"offset\":[]}]}", "in offset", WEIR_FAILED},
    {"{\"offsets\":[{\"partition\":{},\"x\":1}]}", "Unrecognized field \"x\"", WEIR_FAILED},
    {"{\"offsets\":[],\"y\":1}", "Unrecognized field \"y\"", WEIR_FAILED},
};

START_TEST(offsets_are_a_list_of_partitions_and_their_numbers_stay_numbers)
{
    weir_buf body = body_of(altered[_i].body);
    weir_err err = {.msg = ""};
    char *offsets = NULL;

    ck_assert_msg(weir_body_offsets(&body, false, &offsets, &err) == altered[_i].code, "%s: %s",
                  altered[_i].body, err.msg);
    if (altered[_i].code == WEIR_OK)
        ck_assert_str_eq(offsets, altered[_i].says);
    else
        ck_assert_msg(strstr(err.msg, altered[_i].says), "%s: %s", altered[_i].body, err.msg);
    free(offsets);
    weir_buf_free(&body);
}
END_TEST

WEIR_UNIT_MAIN("body", tcase_add_loop_test(tests, create_reads_name_config_and_state, 0,
                                           WEIR_COUNT(created));
               tcase_add_loop_test(tests, create_refuses_and_says_why, 0, WEIR_COUNT(refused));
               tcase_add_loop_test(tests, nesting_without_end_is_refused, 0, 2);
               tcase_add_test(tests, a_config_is_a_flat_map);
               tcase_add_loop_test(tests,
                                   offsets_are_a_list_of_partitions_and_their_numbers_stay_numbers,
                                   0, WEIR_COUNT(altered));)
