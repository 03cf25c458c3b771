/* test_template.c - every place of a template, what is wrong with one and where, what a message may
 * lack; and the filters one of them names. */
#include "filter.h"
#include "template.h"
#include "tests/support/unit.h"

#include <check.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static char *const filters[] = {"$share/g/plant/#", "a/+", "#"};

/* A user property on the wire: 38, then two texts with their lengths. */
static const uint8_t user[] = "\x26\0\4site\0\5north\x26\0\1x\0\1\xff\x26\0\4site\0\5south";

static const mqtt_text groups[] = {{"one", 3}, {"", 0}};

/* "…" or NULL with `why`. */
static char *render(const char *text, const char *topic, const char *payload, char *why,
                    size_t room)
{
    mqtt_publish publish = {.qos = 1,
                            .topic = topic,
                            .topic_size = strlen(topic),
                            .payload = (const uint8_t *)payload,
                            .payload_size = strlen(payload)};
    mqtt_view view = {.publish = &publish, .filters = filters, .filter_count = 3, .groups = groups};
    mqtt_template *made =
        mqtt_template_new(text, &(mqtt_places){.payload = true, .groups = 2}, why, room);
    mqtt_bytes out = {0};
    mqtt_fault fault;
    bool good;

    ck_assert(mqtt_check_properties(MQTT_IN(MQTT_TYPE_PUBLISH), user, sizeof(user) - 1,
                                    &publish.properties, &fault));
    ck_assert_msg(made != NULL, "%s", why);
    good = mqtt_template_render(made, &view, &out, why, room);
    mqtt_bytes_append(&out, "", 1);
    mqtt_template_free(made);
    if (good)
        return (char *)out.data;
    mqtt_bytes_free(&out);
    return NULL;
}

static const struct {
    const char *made, *topic, *payload, *becomes;
} rendered[] = {
    {"", "a", "", ""},
    {"fixed", "a/b", "", "fixed"},
    {"a $ is a $", "a/b", "", "a $ is a $"},
    {"${topic}", "a/b", "", "a/b"},
    {"x.${topic[1]}.${topic[-1]}", "a/b/c", "", "x.a.c"},
    {"${topic[2..3]}", "a/b/c/d", "", "b/c"},
    {"${topic[2..-1]}", "a/b/c/d", "", "b/c/d"},
    {"${topic[-2..-1]}", "a/b/c/d", "", "c/d"},
    {"${topic[3..2]}", "a/b/c/d", "", ""},
    {"${topic[9]}", "a/b", "", ""},
    {"${topic[-9]}", "a/b", "", ""},
    {"${topic[1]}", "/a", "", ""},
    {"${topic[-1]}", "a/", "", ""},
    {"${topic[2]}", "a//b", "", ""},
    {"q${qos}", "a", "", "q1"},
    {"${filter}", "plant/3/x", "", "plant/#"},
    {"${filter}", "a/b", "", "a/+"},
    {"${filter}", "b", "", "#"},
    {"${user:site}", "a", "", "north"},
    {"${re:1}${re:2}!", "a", "", "one!"},
    {"${payload}", "a", "raw \x01", "raw \x01"},
    {"${json:/a/b}-${json:/n}", "a", "{\"a\":{\"b\":\"x\\ny\"},\"n\":-1.50e2}", "x\ny--1.50e2"},
    {"${json:/0}${json:/1}${json:/2}", "a", "[true,false,null]", "truefalsenull"},
    {"${json:}", "a", " \"whole\" ", "whole"},
    {"${json:/}", "a", "{\"\":\"empty name\"}", "empty name"},
};

START_TEST(a_template_takes_parts_of_a_message)
{
    char why[256], *text = render(rendered[_i].made, rendered[_i].topic, rendered[_i].payload, why,
                                  sizeof(why));

    ck_assert_pstr_eq(text, rendered[_i].becomes);
    free(text);
}
END_TEST

static const struct {
    const char *made, *topic, *payload, *says;
} lacking[] = {
    {"a${json:/a}", "t", "{\"b\":1}", "its payload has nothing at '/a'"},
    {"${json:/a}", "t", "{\"a\":{}}", "its payload has an object at '/a'"},
    {"${json:/a}", "t", "{\"a\":[1]}", "its payload has an array at '/a'"},
    {"${json:/a}", "t", "{\"a\":1,\"a\":2}", "a name on the way to '/a' twice"},
    {"${json:/a}", "t", "secret", "its payload of 6 bytes is not JSON, so there is no '/a' in it"},
    {"${json:/a}", "t", "", "its payload of 0 bytes is not JSON"},
    {"${user:none}", "t", "", "it has no user property 'none'"},
    {"${user:x}", "t", "", "its user property 'x' is not UTF-8"},
    {"${filter}", "$SYS/x", "", "it matches no filter of mqtt.topics"},
};

START_TEST(what_a_message_lacks_is_said_without_its_payload)
{
    char why[256];

    ck_assert_ptr_null(
        render(lacking[_i].made, lacking[_i].topic, lacking[_i].payload, why, sizeof(why)));
    ck_assert_msg(strstr(why, lacking[_i].says), "%s", why);
    ck_assert_ptr_null(strstr(why, "secret"));
}
END_TEST

static const struct {
    const char *made, *says;
} wrong[] = {
    {"${topic", "'${topic' at character 1: has no '}'"},
    {"abc${nothing}", "'${nothing}' at character 4: is not known"},
    {"${}", "'${}' at character 1: is not known"},
    {"${Topic}", "is not known"},
    {"${topic}${topic[0]}", "'${topic[0]}' at character 9: levels are written"},
    {"${topic[}", "levels are written"},
    {"${topic[]}", "levels are written"},
    {"${topic[1}", "levels are written"},
    {"${topic[1..]}", "levels are written"},
    {"${topic[1..0]}", "levels are written"},
    {"${topic[+1]}", "levels are written"},
    {"${topic[ 1]}", "levels are written"},
    {"${topic[1]x}", "levels are written"},
    {"${topic[1.2]}", "levels are written"},
    {"${topic[9999999]}", "levels are written"},
    {"${user:}", "the name of the user property is missing"},
    {"${json:a}", "'${json:a}' at character 1: a JSON pointer is empty or begins with '/'"},
    {"${json:/~2}", "'~' is written \"~0\""},
    {"${json:/~}", "'~' is written \"~0\""},
    {"${re:0}", "a group is written ${re:1}"},
    {"${re:x}", "a group is written ${re:1}"},
    {"${re:-1}", "a group is written ${re:1}"},
    {"${re:1x}", "a group is written ${re:1}"},
    {"${re:3}", "has not so many groups"},
    {"a\xc3\xa9${x}", "'${x}' at character 4: is not known"},
    {"${aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg}", "fffff…' at"},
};

START_TEST(a_bad_place_is_pointed_at)
{
    char why[256] = "";
    mqtt_template *made = mqtt_template_new(
        wrong[_i].made, &(mqtt_places){.payload = true, .groups = 2}, why, sizeof(why));

    ck_assert_ptr_null(made);
    ck_assert_msg(strstr(why, wrong[_i].says), "%s", why);
}
END_TEST

START_TEST(some_places_belong_to_some_keys_only)
{
    char why[256];

    ck_assert_ptr_null(mqtt_template_new("${payload}", NULL, why, sizeof(why)));
    ck_assert_msg(strstr(why, "the payload does not belong here"), "%s", why);
    ck_assert_ptr_null(mqtt_template_new("${re:1}", NULL, why, sizeof(why)));
    ck_assert_msg(strstr(why, "belongs into a rule that has a regex with groups"), "%s", why);
}
END_TEST

START_TEST(a_template_knows_what_it_is)
{
    static const struct {
        const char *made;
        bool fixed, topic, v5;
        size_t least;
    } kinds[] = {
        {"", true, false, false, 0},          {"abc", true, false, false, 3},
        {"${topic}", false, true, false, 0},  {"a${topic}bc", false, false, false, 3},
        {"${user:x}", false, false, true, 0}, {"${topic}${topic}", false, false, false, 0},
    };
    char why[256];

    for (size_t i = 0; i < ROWS(kinds); i++) {
        mqtt_template *made = mqtt_template_new(kinds[i].made, NULL, why, sizeof(why));

        ck_assert_int_eq(mqtt_template_is_fixed(made), kinds[i].fixed);
        ck_assert_int_eq(mqtt_template_is_topic(made), kinds[i].topic);
        ck_assert_int_eq(mqtt_template_needs_v5(made), kinds[i].v5);
        ck_assert_uint_eq(mqtt_template_least(made), kinds[i].least);
        mqtt_template_free(made);
    }
}
END_TEST

/* ---- Filters --------------------------------------------------------------------------------- */

static const struct {
    const char *filter, *topic;
    bool matches;
} matched[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a", "ab", false},
    {"ab", "a", false},
    {"a/b", "a/b", true},
    {"a/b", "a", false},
    {"a", "a/b", false},
    {"a/", "a/", true},
    {"a/", "a", false},
    {"a", "a/", false},
    {"/", "/", true},
    {"/a", "/a", true},
    {"/a", "a", false},
    {"+", "a", true},
    {"+", "a/b", false},
    {"+/+", "/a", true},
    {"+", "/a", false},
    {"/+", "/a", true},
    {"a/+", "a/", true},
    {"a/+", "a", false},
    {"a/+/c", "a/b/c", true},
    {"a/+/c", "a//c", true},
    {"a/+/c", "a/b/d", false},
    {"#", "a/b/c", true},
    {"#", "/", true},
    {"a/#", "a", true},
    {"a/#", "a/", true},
    {"a/#", "a/b/c", true},
    {"a/#", "ab", false},
    {"a/#", "b/a", false},
    {"+/#", "a", true},
    {"#", "$SYS/a", false},
    {"+/a", "$SYS/a", false},
    {"$SYS/#", "$SYS", true},
    {"$SYS/+", "$SYS/a", true},
    {"$share/g/a/#", "a/b", true},
    {"$share/g/#", "$SYS/a", false},
    {"$share/g/a", "$share/g/a", false},
};

START_TEST(a_filter_matches_as_the_protocol_says)
{
    ck_assert_int_eq(
        mqtt_filter_matches(matched[_i].filter, matched[_i].topic, strlen(matched[_i].topic)),
        matched[_i].matches);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source template",
               tcase_add_loop_test(tests, a_template_takes_parts_of_a_message, 0, ROWS(rendered));
               tcase_add_loop_test(tests, what_a_message_lacks_is_said_without_its_payload, 0,
                                   ROWS(lacking));
               tcase_add_loop_test(tests, a_bad_place_is_pointed_at, 0, ROWS(wrong));
               tcase_add_test(tests, some_places_belong_to_some_keys_only);
               tcase_add_test(tests, a_template_knows_what_it_is);
               tcase_add_loop_test(tests, a_filter_matches_as_the_protocol_says, 0, ROWS(matched));)
