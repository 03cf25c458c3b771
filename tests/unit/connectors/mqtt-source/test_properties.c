/* test_properties.c - every property, in every packet, cut anywhere. */
#include "packet.h"

#include "tests/support/unit.h"

#include <string.h>

#define CONNECT   MQTT_IN(1)
#define CONNACK   MQTT_IN(2)
#define PUBLISH   MQTT_IN(3)
#define SUBSCRIBE MQTT_IN(8)
#define LEAVE     MQTT_IN(14)
#define AUTH      MQTT_IN(15)
#define WILL      MQTT_IN_WILL
#define REPLIES                                                                                    \
    (MQTT_IN(4) | MQTT_IN(5) | MQTT_IN(6) | MQTT_IN(7) | MQTT_IN(9) | MQTT_IN(11) | LEAVE | AUTH | \
     CONNACK)

/* Table 2-4 of the specification, with a good value each. Ids are numbers here on purpose. */
static const struct {
    uint8_t bytes[12];
    size_t size;
    unsigned carriers;
    uint32_t number;
    const char *text;
} all[] = {
    {{1, 1}, 2, PUBLISH | WILL, 1, NULL},
    {{2, 0, 0, 1, 2}, 5, PUBLISH | WILL, 258, NULL},
    {{3, 0, 2, 'c', 't'}, 5, PUBLISH | WILL, 0, "ct"},
    {{8, 0, 1, 'r'}, 4, PUBLISH | WILL, 0, "r"},
    {{9, 0, 3, 'c', 'o', 'r'}, 6, PUBLISH | WILL, 0, "cor"},
    {{11, 0x80, 1}, 3, PUBLISH | SUBSCRIBE, 128, NULL},
    {{17, 0, 0, 0, 9}, 5, CONNECT | CONNACK | LEAVE, 9, NULL},
    {{18, 0, 2, 'i', 'd'}, 5, CONNACK, 0, "id"},
    {{19, 1, 0}, 3, CONNACK, 256, NULL},
    {{21, 0, 1, 'm'}, 4, CONNECT | CONNACK | AUTH, 0, "m"},
    {{22, 0, 1, 'd'}, 4, CONNECT | CONNACK | AUTH, 0, "d"},
    {{23, 1}, 2, CONNECT, 1, NULL},
    {{24, 0, 0, 0, 1}, 5, WILL, 1, NULL},
    {{25, 0}, 2, CONNECT, 0, NULL},
    {{26, 0, 1, 'i'}, 4, CONNACK, 0, "i"},
    {{28, 0, 1, 's'}, 4, CONNACK | LEAVE, 0, "s"},
    {{31, 0, 1, 'w'}, 4, REPLIES, 0, "w"},
    {{33, 0, 7}, 3, CONNECT | CONNACK, 7, NULL},
    {{34, 0, 0}, 3, CONNECT | CONNACK, 0, NULL},
    {{36, 1}, 2, CONNACK, 1, NULL},
    {{37, 0}, 2, CONNACK, 0, NULL},
    {{38, 0, 1, 'n', 0, 1, 'v'}, 7, ~0u, 0, "v"},
    {{39, 0, 0, 1, 0}, 5, CONNECT | CONNACK, 256, NULL},
    {{40, 1}, 2, CONNACK, 1, NULL},
    {{41, 1}, 2, CONNACK, 1, NULL},
    {{42, 0}, 2, CONNACK, 0, NULL},
};

#define ALL ((int)(sizeof(all) / sizeof(all[0])))

/* Which packets have properties at all: 0 is the will. */
static const unsigned carriers[] = {WILL,        CONNECT,     CONNACK,    PUBLISH,   MQTT_IN(4),
                                    MQTT_IN(5),  MQTT_IN(6),  MQTT_IN(7), SUBSCRIBE, MQTT_IN(9),
                                    MQTT_IN(10), MQTT_IN(11), LEAVE,      AUTH};

static bool check(unsigned carrier, const uint8_t *bytes, size_t size, uint8_t *ret_reason)
{
    mqtt_properties properties;
    mqtt_fault fault = {0};
    /* On the heap and of exactly that size: a sanitizer sees every byte too many. */
    uint8_t *copy = mqtt_alloc(size + 1, 1);
    bool good;

    memcpy(copy + 1, bytes, size);
    good = mqtt_check_properties(carrier, copy + 1, size, &properties, &fault);
    free(copy);
    *ret_reason = fault.reason;
    ck_assert(good == !fault.why);
    return good;
}

START_TEST(a_property_is_taken_where_it_belongs_and_nowhere_else)
{
    for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
        bool belongs = all[_i].carriers & carriers[i];
        uint8_t reason;

        ck_assert_msg(check(carriers[i], all[_i].bytes, all[_i].size, &reason) == belongs,
                      "property %u in packet %zu", all[_i].bytes[0], i);
        ck_assert_uint_eq(reason, belongs ? 0 : 0x82);
    }
}
END_TEST

static unsigned some_carrier(int which)
{
    for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++)
        if (all[which].carriers & carriers[i])
            return carriers[i];
    return 0;
}

START_TEST(a_property_says_what_it_said_on_the_wire)
{
    mqtt_properties properties;
    mqtt_property found;
    mqtt_fault fault;

    ck_assert(
        mqtt_check_properties(some_carrier(_i), all[_i].bytes, all[_i].size, &properties, &fault));
    ck_assert(mqtt_properties_find(&properties, (mqtt_property_id)all[_i].bytes[0], &found));
    ck_assert_uint_eq(found.number, all[_i].number);
    if (all[_i].text) {
        ck_assert_uint_eq(found.value.size, strlen(all[_i].text));
        ck_assert_mem_eq(found.value.bytes, all[_i].text, found.value.size);
    }
    for (int other = 0; other < ALL; other++)
        if (other != _i)
            ck_assert(
                !mqtt_properties_find(&properties, (mqtt_property_id)all[other].bytes[0], &found));
}
END_TEST

START_TEST(a_property_that_is_cut_off_is_malformed)
{
    uint8_t reason;

    for (size_t size = 1; size < all[_i].size; size++) {
        ck_assert(!check(some_carrier(_i), all[_i].bytes, size, &reason));
        ck_assert_uint_eq(reason, 0x81);
    }
}
END_TEST

START_TEST(only_two_properties_may_come_twice)
{
    uint8_t twice[24], reason, id = all[_i].bytes[0];
    unsigned carrier = id == 11 ? PUBLISH : some_carrier(_i);
    bool may = id == 38 || id == 11;

    memcpy(twice, all[_i].bytes, all[_i].size);
    memcpy(twice + all[_i].size, all[_i].bytes, all[_i].size);
    ck_assert(check(carrier, twice, 2 * all[_i].size, &reason) == may);
    ck_assert_uint_eq(reason, may ? 0 : 0x82);
    if (id == 11) /* … but a SUBSCRIBE has one identifier */
        ck_assert(!check(SUBSCRIBE, twice, 2 * all[_i].size, &reason));
}
END_TEST

START_TEST(an_id_that_does_not_exist_is_malformed)
{
    for (unsigned id = 0; id < 256; id++) {
        uint8_t bytes[] = {(uint8_t)id, 0, 0, 0, 0}, reason;
        bool exists = false;

        for (int i = 0; i < ALL; i++)
            exists = exists || all[i].bytes[0] == id;
        if (exists || id == 35) /* the topic alias, which is never allowed */
            continue;
        ck_assert(!check(PUBLISH, bytes, sizeof(bytes), &reason));
        ck_assert_uint_eq(reason, 0x81);
    }
}
END_TEST

static const struct {
    unsigned carrier;
    uint8_t bytes[6];
    size_t size;
} wrong_values[] = {
    {PUBLISH, {1, 2}, 2},           {PUBLISH, {11, 0}, 2},         {PUBLISH, {35, 0, 1}, 3},
    {CONNACK, {33, 0, 0}, 3},       {CONNACK, {36, 2}, 2},         {CONNACK, {37, 2}, 2},
    {CONNACK, {39, 0, 0, 0, 0}, 5}, {CONNACK, {40, 2}, 2},         {CONNACK, {41, 255}, 2},
    {CONNACK, {42, 2}, 2},          {SUBSCRIBE, {11, 0x80, 0}, 3},
};

START_TEST(a_value_that_must_not_be_is_a_protocol_error)
{
    uint8_t reason;

    ck_assert(
        !check(wrong_values[_i].carrier, wrong_values[_i].bytes, wrong_values[_i].size, &reason));
    ck_assert_uint_eq(reason, 0x82);
}
END_TEST

START_TEST(properties_are_walked_in_order_with_repeats)
{
    static const uint8_t bytes[] = {38, 0,   1,  'a', 0, 1,   '1', 1, 0,   38, 0, 1, 'b', 0,
                                    1,  '2', 38, 0,   1, 'a', 0,   1, '3', 3,  0, 1, 'c'};
    static const char *const order[] = {"a1", NULL, "b2", "a3", NULL};
    mqtt_properties properties;
    mqtt_property property;
    mqtt_fault fault;
    mqtt_text value;
    size_t at = 0, n = 0;

    ck_assert(mqtt_check_properties(PUBLISH, bytes, sizeof(bytes), &properties, &fault));
    for (; mqtt_properties_next(&properties, &at, &property); n++) {
        ck_assert_uint_lt(n, 5);
        ck_assert((property.id == MQTT_USER_PROPERTY) == (order[n] != NULL));
        if (order[n]) {
            ck_assert_int_eq(property.name.bytes[0], order[n][0]);
            ck_assert_int_eq(property.value.bytes[0], order[n][1]);
        }
    }
    ck_assert_uint_eq(n, 5);
    ck_assert(mqtt_properties_user(&properties, "a", 1, &value)); /* the first of its name */
    ck_assert_int_eq(value.bytes[0], '1');
    ck_assert(!mqtt_properties_user(&properties, "c", 1, &value));
    ck_assert_uint_eq(mqtt_properties_number(&properties, MQTT_PAYLOAD_FORMAT, 7), 0);
    ck_assert_uint_eq(mqtt_properties_number(&properties, MQTT_MESSAGE_EXPIRY, 7), 7);
}
END_TEST

START_TEST(no_properties_are_none)
{
    mqtt_properties none = {0};
    mqtt_property property;
    mqtt_text value;
    size_t at = 0;

    ck_assert(!mqtt_properties_next(&none, &at, &property));
    ck_assert(!mqtt_properties_find(&none, MQTT_USER_PROPERTY, &property));
    ck_assert(!mqtt_properties_user(&none, "", 0, &value));
}
END_TEST

START_TEST(a_variable_byte_integer_has_four_bytes_at_most)
{
    static const struct {
        uint8_t bytes[5];
        size_t size;
        int used;
        uint32_t value;
    } cases[] = {
        {{0}, 1, 1, 0},
        {{0x7f}, 1, 1, 127},
        {{0x80, 1}, 2, 2, 128},
        {{0xff, 0xff, 0xff, 0x7f}, 4, 4, 268435455},
        {{0xff, 0xff, 0xff}, 3, 0, 0},
        {{0xff, 0xff, 0xff, 0xff}, 4, -1, 0},
        {{0}, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t value = 0;

        ck_assert_int_eq(mqtt_read_varint(cases[i].bytes, cases[i].size, &value), cases[i].used);
        ck_assert_uint_eq(value, cases[i].value);
    }
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source properties",
               tcase_add_loop_test(tests, a_property_is_taken_where_it_belongs_and_nowhere_else, 0,
                                   ALL);
               tcase_add_loop_test(tests, a_property_says_what_it_said_on_the_wire, 0, ALL);
               tcase_add_loop_test(tests, a_property_that_is_cut_off_is_malformed, 0, ALL);
               tcase_add_loop_test(tests, only_two_properties_may_come_twice, 0, ALL);
               tcase_add_test(tests, an_id_that_does_not_exist_is_malformed);
               tcase_add_loop_test(tests, a_value_that_must_not_be_is_a_protocol_error, 0,
                                   (int)(sizeof(wrong_values) / sizeof(wrong_values[0])));
               tcase_add_test(tests, properties_are_walked_in_order_with_repeats);
               tcase_add_test(tests, no_properties_are_none);
               tcase_add_test(tests, a_variable_byte_integer_has_four_bytes_at_most);)
