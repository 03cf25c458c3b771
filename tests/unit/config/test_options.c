/* test_options.c - one table parses, checks, describes; its error texts are Kafka's. */
#include "base/mem.h"
#include "config/options.h"
#include "tests/support/unit.h"

#include <string.h>

typedef struct sample {
    const char *name, *mode, *hosts, *secret, *maybe;
    int64_t small, from_one, wide, any;
    double ratio;
    bool flag;
} sample;

static const char *const modes[] = {"none", "all", NULL};

static const weir_option options[] = {
    {"name", WEIR_FIELD(sample, name), .group = "Main", .doc = "What it is called."},
    {"mode", WEIR_FIELD(sample, mode), .fallback = "none", .allowed = modes, .group = "Main",
     .doc = "One | the other."},
    {"hosts", WEIR_FIELD(sample, hosts), .fallback = "a,b", .list = true, .group = "Main"},
    {"secret", WEIR_FIELD(sample, secret), .fallback = "none", .secret = true, .allowed = modes},
    {"maybe", WEIR_FIELD(sample, maybe), .fallback = WEIR_UNSET},
    {"small", WEIR_FIELD(sample, small), .fallback = "1", .max = 2, .importance = WEIR_LOW},
    {"from.one", WEIR_FIELD(sample, from_one), .fallback = "1", .min = 1, .max = INT32_MAX},
    {"wide", WEIR_FIELD(sample, wide), .fallback = "0", .max = INT64_MAX},
    {"any", WEIR_FIELD(sample, any), .fallback = "-7"},
    {"ratio", WEIR_FIELD(sample, ratio), .fallback = "0.5"},
    {"flag", WEIR_FIELD(sample, flag), .fallback = "true", .group = "Main"},
    {0},
};

START_TEST(defaults_fill_what_was_not_said)
{
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    const sample *s;

    weir_props_set(&props, "name", "x");
    weir_props_set(&props, "wide", NULL); /* JSON null: not said */
    ck_assert_int_eq(weir_settings_new(options, sizeof(sample), &props, &settings, NULL), WEIR_OK);
    weir_props_clear(&props); /* the settings have their own strings */
    s = weir_settings_get(settings);
    ck_assert_str_eq(s->name, "x");
    ck_assert_str_eq(s->mode, "none");
    ck_assert_str_eq(s->hosts, "a,b");
    ck_assert_str_eq(s->secret, "none");
    ck_assert_ptr_null(s->maybe);
    ck_assert_int_eq(s->small, 1);
    ck_assert_int_eq(s->from_one, 1);
    ck_assert_int_eq(s->wide, 0);
    ck_assert_int_eq(s->any, -7);
    ck_assert(s->ratio == 0.5);
    ck_assert(s->flag);
    weir_settings_free(settings);
}
END_TEST

START_TEST(what_was_said_is_trimmed_and_stored)
{
    static const weir_pair said[] = {
        {"name", "  two words\t"},
        {"mode", " ALL "},
        {"maybe", ""},
        {"small", " 2 "},
        {"from.one", "+2147483647"},
        {"wide", "9223372036854775807"},
        {"any", "-9223372036854775808"},
        {"ratio", "-1.5e3"},
        {"flag", "False"},
        {"not.in.the.table", "ignored"},
    };
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    const sample *s;

    for (size_t i = 0; i < WEIR_COUNT(said); i++)
        weir_props_set(&props, said[i].key, said[i].value);
    ck_assert_int_eq(weir_settings_new(options, sizeof(sample), &props, &settings, NULL), WEIR_OK);
    s = weir_settings_get(settings);
    ck_assert_str_eq(s->name, "two words");
    ck_assert_str_eq(s->mode, "ALL");
    ck_assert_str_eq(s->maybe, "");
    ck_assert_int_eq(s->small, 2);
    ck_assert_int_eq(s->from_one, INT32_MAX);
    ck_assert_int_eq(s->wide, INT64_MAX);
    ck_assert_int_eq(s->any, INT64_MIN);
    ck_assert(s->ratio == -1500);
    ck_assert(!s->flag);
    weir_settings_free(settings);
    weir_props_clear(&props);
}
END_TEST

static const struct {
    const char *key, *value, *says;
} refused[] = {
    {"small", "abc", "Invalid value abc for configuration small: Not a number of type INT"},
    {"small", "", "Invalid value  for configuration small: Not a number of type INT"},
    {"small", "1.0", "Invalid value 1.0 for configuration small: Not a number of type INT"},
    {"small", "0x1", "Invalid value 0x1 for configuration small: Not a number of type INT"},
    {"small", "1 2", "Invalid value 1 2 for configuration small: Not a number of type INT"},
    {"small", "-", "Invalid value - for configuration small: Not a number of type INT"},
    {"small", "+-1", "Invalid value +-1 for configuration small: Not a number of type INT"},
    {"small", "3", "Invalid value 3 for configuration small: Value must be no more than 2"},
    {"small", "-1", "Invalid value -1 for configuration small: Value must be at least 0"},
    {"from.one", "0", "Invalid value 0 for configuration from.one: Value must be at least 1"},
    {"from.one", "2147483648",
     "Invalid value 2147483648 for configuration from.one: Not a number of type INT"},
    {"wide", "x", "Invalid value x for configuration wide: Not a number of type LONG"},
    {"wide", "9223372036854775808",
     "Invalid value 9223372036854775808 for configuration wide: Not a number of type LONG"},
    {"any", "1e3", "Invalid value 1e3 for configuration any: Not a number of type LONG"},
    {"ratio", "half", "Invalid value half for configuration ratio: Not a number of type DOUBLE"},
    {"ratio", "", "Invalid value  for configuration ratio: Not a number of type DOUBLE"},
    {"ratio", "nan", "Invalid value nan for configuration ratio: Not a number of type DOUBLE"},
    {"ratio", "1e", "Invalid value 1e for configuration ratio: Not a number of type DOUBLE"},
    {"flag", "yes",
     "Invalid value yes for configuration flag: Expected value to be either true or false"},
    {"flag", "",
     "Invalid value  for configuration flag: Expected value to be either true or false"},
    {"mode", "some", "Invalid value some for configuration mode: String must be one of: none, all"},
    {"mode", "", "Invalid value  for configuration mode: String must be one of: none, all"},
    {"secret", "hunter2",
     "Invalid value [hidden] for configuration secret: String must be one of: none, all"},
};

START_TEST(a_bad_value_is_refused_in_kafkas_words)
{
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    weir_err err = {0};

    weir_props_set(&props, "name", "x");
    weir_props_set(&props, refused[_i].key, refused[_i].value);
    ck_assert_int_eq(weir_settings_new(options, sizeof(sample), &props, &settings, &err),
                     WEIR_INVALID);
    ck_assert_ptr_null(settings);
    ck_assert_str_eq(err.msg, refused[_i].says);
    err = (weir_err){0};
    ck_assert_int_eq(
        weir_option_check(weir_option_find(options, refused[_i].key), refused[_i].value, &err),
        WEIR_INVALID);
    ck_assert_str_eq(err.msg, refused[_i].says);
    weir_props_clear(&props);
}
END_TEST

START_TEST(a_required_key_must_be_there)
{
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    weir_err err = {0};

    ck_assert_int_eq(weir_settings_new(options, sizeof(sample), &props, &settings, &err),
                     WEIR_INVALID);
    ck_assert_ptr_null(settings);
    ck_assert_str_eq(err.msg,
                     "Missing required configuration \"name\" which has no default value.");
    ck_assert_int_eq(weir_option_check(&options[0], NULL, NULL), WEIR_INVALID);
    ck_assert_int_eq(weir_option_check(&options[1], NULL, NULL), WEIR_OK);
    ck_assert_int_eq(weir_option_check(&options[0], "", NULL), WEIR_OK);
}
END_TEST

START_TEST(a_row_beyond_the_struct_is_refused)
{
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    weir_err err = {0};

    weir_props_set(&props, "name", "x");
    ck_assert_int_eq(weir_settings_new(options, offsetof(sample, ratio), &props, &settings, &err),
                     WEIR_INCOMPATIBLE);
    ck_assert_str_eq(err.msg, "option 'ratio' lies outside of its settings");
    weir_props_clear(&props);
}
END_TEST

static const struct {
    const char *name, *type, *fallback;
} described[] = {
    {"name", "STRING", NULL},       {"mode", "STRING", "none"},  {"hosts", "LIST", "a,b"},
    {"secret", "PASSWORD", "none"}, {"maybe", "STRING", NULL},   {"small", "INT", "1"},
    {"from.one", "INT", "1"},       {"wide", "LONG", "0"},       {"any", "LONG", "-7"},
    {"ratio", "DOUBLE", "0.5"},     {"flag", "BOOLEAN", "true"},
};

START_TEST(a_row_is_described_as_kafka_does)
{
    const weir_option *option = weir_option_find(options, described[_i].name);

    ck_assert_ptr_nonnull(option);
    ck_assert_str_eq(weir_option_type_text(option), described[_i].type);
    ck_assert(weir_same(weir_option_default(option), described[_i].fallback));
}
END_TEST

START_TEST(a_name_that_is_no_row_is_not_found)
{
    ck_assert_ptr_null(weir_option_find(options, "nam"));
    ck_assert_ptr_null(weir_option_find(options, ""));
}
END_TEST

START_TEST(text_for_people_is_aligned_and_grouped)
{
    weir_buf out = WEIR_BUF;

    weir_options_print(options, false, &out);
    ck_assert_ptr_eq(strstr(out.data, "Main\n  name      STRING    required  What it is called.\n"),
                     out.data);
    ck_assert_ptr_nonnull(strstr(out.data, "  mode      STRING    none      One | the other. "
                                           "(none, all)\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "  maybe     STRING    unset     \n"));
    ck_assert_ptr_nonnull(strstr(out.data, "  small     INT       1          (0 to 2)\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "  from.one  INT       1          (at least 1)\n"));
    weir_buf_free(&out);
}
END_TEST

START_TEST(markdown_is_one_table_a_group)
{
    weir_buf out = WEIR_BUF;

    weir_options_print(options, true, &out);
    ck_assert_ptr_eq(strstr(out.data, "### Main\n\n| Key | Type |"), out.data);
    ck_assert_ptr_nonnull(
        strstr(out.data, "| `name` | STRING | required |  | high | What it is called. |\n"));
    ck_assert_ptr_nonnull(
        strstr(out.data, "| `mode` | STRING | `none` | none, all | high | One \\| the other. |\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "| `secret` | PASSWORD | `none` | none, all |"));
    ck_assert_ptr_nonnull(strstr(out.data, "| `small` | INT | `1` | 0 to 2 | low |  |\n"));
    weir_buf_free(&out);
}
END_TEST

START_TEST(a_group_is_printed_once_wherever_its_rows_stand)
{
    static const bool forms[] = {false, true};
    weir_buf out = WEIR_BUF;

    weir_options_print(options, forms[_i], &out);
    ck_assert_ptr_null(strstr(out.data + strlen("### Main"), "Main\n"));
    ck_assert_msg(strstr(out.data, "flag") < strstr(out.data, "secret"), "%s", out.data);
    weir_buf_free(&out);
}
END_TEST

START_TEST(a_list_is_taken_element_by_element)
{
    const char *at = " a , b b,,c,\t, ";
    static const char *const expected[] = {"a", "b b", "c"};

    for (size_t i = 0; i < WEIR_COUNT(expected); i++) {
        char *element = weir_list_take(&at);

        ck_assert_str_eq(element, expected[i]);
        free(element);
    }
    ck_assert_ptr_null(weir_list_take(&at));
    ck_assert_ptr_null(weir_list_take(&at));
}
END_TEST

typedef struct families {
    const weir_pair *rules, *others;
    const char *rule;
} families;

static const weir_option with_pairs[] = {
    {"rule.", WEIR_FIELD(families, rules), .fallback = "", .doc = "Rules."},
    {"rule.one", WEIR_FIELD(families, rule), .fallback = WEIR_UNSET},
    {"other.", WEIR_FIELD(families, others), .fallback = ""},
    {0},
};

START_TEST(a_family_of_keys_comes_in_its_order_without_what_has_a_row_of_its_own)
{
    static const weir_pair said[] = {
        {"rule.b.topic", " t "}, {"rule.one", "1"}, {"rule.a", ""}, {"rule.null", NULL},
        {"rule", "no"},          {"rules.x", "no"}, {"rule.", "2"},
    };
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    const families *s;

    for (size_t i = 0; i < WEIR_COUNT(said); i++)
        weir_props_set(&props, said[i].key, said[i].value);
    ck_assert_int_eq(weir_settings_new(with_pairs, sizeof(families), &props, &settings, NULL),
                     WEIR_OK);
    weir_props_clear(&props);
    s = weir_settings_get(settings);
    ck_assert_str_eq(s->rules[0].key, "b.topic");
    ck_assert_str_eq(s->rules[0].value, "t");
    ck_assert_str_eq(s->rules[1].key, "a");
    ck_assert_str_eq(s->rules[1].value, "");
    ck_assert_str_eq(s->rules[2].key, "");
    ck_assert_ptr_null(s->rules[3].key);
    ck_assert_ptr_null(s->others[0].key); /* empty, never NULL */
    ck_assert_str_eq(s->rule, "1");
    weir_settings_free(settings);
}
END_TEST

START_TEST(a_key_of_a_family_is_found_and_printed_as_one)
{
    weir_buf text = WEIR_BUF;

    ck_assert_ptr_eq(weir_option_find(with_pairs, "rule.x.y"), &with_pairs[0]);
    ck_assert_ptr_eq(weir_option_find(with_pairs, "rule.one"), &with_pairs[1]);
    ck_assert_ptr_null(weir_option_find(with_pairs, "rule"));
    ck_assert_int_eq(weir_option_check(&with_pairs[0], "anything", NULL), WEIR_OK);
    weir_options_print(with_pairs, true, &text);
    ck_assert_msg(strstr(weir_buf_text(&text), "| `rule.*` | STRING | none |  | high | Rules. |"),
                  "%s", weir_buf_text(&text));
    weir_buf_clear(&text);
    weir_options_print(with_pairs, false, &text);
    ck_assert_msg(strstr(weir_buf_text(&text), "  rule.*    STRING    none "), "%s",
                  weir_buf_text(&text));
    weir_buf_free(&text);
}
END_TEST

WEIR_UNIT_MAIN(
    "options", tcase_add_test(tests, defaults_fill_what_was_not_said);
    tcase_add_test(tests, what_was_said_is_trimmed_and_stored);
    tcase_add_loop_test(tests, a_bad_value_is_refused_in_kafkas_words, 0, WEIR_COUNT(refused));
    tcase_add_test(tests, a_required_key_must_be_there);
    tcase_add_test(tests, a_row_beyond_the_struct_is_refused);
    tcase_add_loop_test(tests, a_row_is_described_as_kafka_does, 0, WEIR_COUNT(described));
    tcase_add_test(tests, a_name_that_is_no_row_is_not_found);
    tcase_add_test(tests, text_for_people_is_aligned_and_grouped);
    tcase_add_test(tests, markdown_is_one_table_a_group);
    tcase_add_loop_test(tests, a_group_is_printed_once_wherever_its_rows_stand, 0, 2);
    tcase_add_test(tests, a_family_of_keys_comes_in_its_order_without_what_has_a_row_of_its_own);
    tcase_add_test(tests, a_key_of_a_family_is_found_and_printed_as_one);
    tcase_add_test(tests, a_list_is_taken_element_by_element);)
