/* test_topic_names.c - names of Kafka topics, and regular expressions over those of MQTT. */
#include "tests/support/unit.h"
#include "topic_names.h"
#include "topic_regex.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

START_TEST(a_name_is_what_kafka_allows)
{
    char long_one[251];

    memset(long_one, 'a', sizeof(long_one));
    ck_assert(mqtt_is_topic_name("a-Z_0.9", 7));
    ck_assert(mqtt_is_topic_name("...", 3));
    ck_assert(mqtt_is_topic_name(".a", 2));
    ck_assert(mqtt_is_topic_name(long_one, 249));
    ck_assert(!mqtt_is_topic_name(long_one, 250));
    ck_assert(!mqtt_is_topic_name("", 0));
    ck_assert(!mqtt_is_topic_name(".", 1));
    ck_assert(!mqtt_is_topic_name("..", 2));
    ck_assert(!mqtt_is_topic_name("a/b", 3));
    ck_assert(!mqtt_is_topic_name("a\0b", 3));
}
END_TEST

static const struct {
    const char *text, *replacement, *name;
} replaced[] = {
    {"a/b", "_", "a_b"},     {"a b+c", "-", "a-b-c"}, {"caf\xc3\xa9/x", "_", "caf__x"},
    {"a/b", "", "ab"},       {"a/b", "..", "a..b"},   {"\xf0\x9f\x98\x80", "_", "_"},
    {"plain", "_", "plain"},
};

START_TEST(each_character_that_is_none_of_a_name_is_replaced_once)
{
    mqtt_bytes out = {0};

    mqtt_put_topic_name(&out, (const uint8_t *)replaced[_i].text, strlen(replaced[_i].text),
                        replaced[_i].replacement);
    mqtt_bytes_append(&out, "", 1);
    ck_assert_str_eq((char *)out.data, replaced[_i].name);
    mqtt_bytes_free(&out);
}
END_TEST

START_TEST(a_set_takes_so_many_names_and_knows_them_again)
{
    mqtt_name_set *set = mqtt_name_set_new(1000);
    char name[16];

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            int size = snprintf(name, sizeof(name), "name-%d", i);

            ck_assert(mqtt_name_set_admit(set, name, (size_t)size));
        }
    ck_assert_uint_eq(mqtt_name_set_count(set), 1000);
    ck_assert(!mqtt_name_set_admit(set, "one-more", 8));
    ck_assert(!mqtt_name_set_admit(set, "name-9", 5)); /* "name-" is none of them */
    ck_assert(mqtt_name_set_admit(set, "name-999", 8));
    mqtt_name_set_free(set);
}
END_TEST

static const struct {
    const char *pattern, *topic;
    const char *groups[3]; /* NULL first: no match */
} matches[] = {
    {"a/(.*)", "a/b/c", {"b/c"}},
    {"plant/([^/]+)/([^/]+)", "plant/3/temp", {"3", "temp"}},
    {"plant/([^/]+)", "plant/3/temp", {NULL}},
    {"(a)|(b)", "b", {"", "b"}},
    {"(b|bc)(c?)", "bc", {"bc", ""}}, /* leftmost, longest */
    {"([a-z]{2,3})/x", "abc/x", {"abc"}},
    {"(\\$SYS)/.*", "$SYS/a", {"$SYS"}},
    {"^(a)$", "a", {"a"}},
    {"(a)", "xa", {NULL}},
    {"(a)", "ax", {NULL}},
    {"(caf\xc3\xa9)/.*", "caf\xc3\xa9/1", {"caf\xc3\xa9"}},
    {"(x)*(y)", "y", {"", "y"}},
    {"(\\d+)-(\\w{2,})", "12-ab", {"12", "ab"}},
    {"([]a]+)([^]]*)", "]ax", {"]a", "x"}},
    {"([[:digit:]]{2})\\.(a|)", "12.", {"12", ""}},
};

START_TEST(a_regex_is_held_against_the_whole_topic)
{
    mqtt_text groups[MQTT_REGEX_GROUPS];
    char why[256] = "";
    mqtt_regex *regex = mqtt_regex_new(matches[_i].pattern, why, sizeof(why));
    bool fits;

    ck_assert_msg(regex != NULL, "%s", why);
    fits = mqtt_regex_match(regex, matches[_i].topic, strlen(matches[_i].topic), groups);
    ck_assert_int_eq(fits, matches[_i].groups[0] != NULL);
    for (size_t i = 0; fits && i < mqtt_regex_groups(regex); i++) {
        ck_assert_uint_eq(groups[i].size, strlen(matches[_i].groups[i]));
        ck_assert_mem_eq(groups[i].bytes, matches[_i].groups[i], groups[i].size);
    }
    mqtt_regex_free(regex);
}
END_TEST

static const struct {
    const char *pattern, *says;
} bad[] = {
    {"", "1 to 1024 bytes"},
    {"a(", "at its end: a '(' has no ')'"},
    {"a)(b", "')(b' at character 2: a ')' has no '('"},
    {"a)", "a ')' has no '('"},
    {"\\\\\\\\)", "a ')' has no '('"},
    {"[a", "a '[' has no ']'"},
    {"[]", "a '[' has no ']'"},
    {"[^]", "a '[' has no ']'"},
    {"[[:alpha:]", "a '[' has no ']'"},
    {"[[:alpha]", "begins a class"},
    {"[[.a.]]", "begins a class"},
    {"[[:none:]]", "no regular expression"},
    {"[b-a]", "no regular expression"},
    {"a\\", "behind '\\'"},
    {"a\\q", "behind '\\'"},
    {"a\\x{41}", "behind '\\'"},
    {"a\\<", "behind '\\'"},
    {"a{2,1}", "a repetition is written"},
    {"a{,3}", "a repetition is written"},
    {"a{}", "a repetition is written"},
    {"a{2", "a repetition is written"},
    {"a{0}", "a repetition is written"},
    {"a{256}", "a repetition is written"},
    {"a{99999999999999999999}", "a repetition is written"},
    {"a{-1}", "a repetition is written"},
    {"(a)\\1", "'\\1' at character 4: a back-reference"},
    {"a{~1}b", "a repetition is written"},
    {"*a", "nothing to repeat"},
    {"a|*", "nothing to repeat"},
    {"(?:a)", "nothing to repeat"},
    {"a**", "repeated already"},
    {"a+?", "repeated already"},
    {"((a{100}){100}){100}", "multiply to more than 1000"},
    {"(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)", "more than 20 groups"},
};

START_TEST(a_regex_that_is_none_or_would_not_be_linear_is_refused)
{
    char why[256] = "";

    ck_assert_ptr_null(mqtt_regex_new(bad[_i].pattern, why, sizeof(why)));
    ck_assert_msg(strstr(why, bad[_i].says), "%s: %s", bad[_i].pattern, why);
}
END_TEST

/* 2^30 ways to divide it: backtracking would not come back. */
START_TEST(a_regex_does_not_try_one_way_after_the_other)
{
    mqtt_text groups[MQTT_REGEX_GROUPS];
    char why[256], topic[60000];
    mqtt_regex *regex = mqtt_regex_new("((a|aa)*)*b", why, sizeof(why));

    memset(topic, 'a', sizeof(topic));
    ck_assert(!mqtt_regex_match(regex, topic, sizeof(topic), groups));
    topic[sizeof(topic) - 1] = 'b';
    ck_assert(mqtt_regex_match(regex, topic, sizeof(topic), groups));
    mqtt_regex_free(regex);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source topic names", tcase_add_test(tests, a_name_is_what_kafka_allows);
               tcase_add_loop_test(tests, each_character_that_is_none_of_a_name_is_replaced_once, 0,
                                   ROWS(replaced));
               tcase_add_test(tests, a_set_takes_so_many_names_and_knows_them_again);
               tcase_add_loop_test(tests, a_regex_is_held_against_the_whole_topic, 0,
                                   ROWS(matches));
               tcase_add_loop_test(tests, a_regex_that_is_none_or_would_not_be_linear_is_refused, 0,
                                   ROWS(bad));
               tcase_add_test(tests, a_regex_does_not_try_one_way_after_the_other);)
