/* test_moment.c - what devices call a time. */
#include "moment.h"
#include "tests/support/unit.h"

#include <check.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define NONE        INT64_MIN

static const struct {
    const char *text;
    mqtt_unit unit;
    int64_t ms; /* NONE: it is no time */
} moments[] = {
    {"1700000000", MQTT_UNIT_S, 1700000000000},
    {"1700000000.123", MQTT_UNIT_S, 1700000000123},
    {"1.7e9", MQTT_UNIT_S, 1700000000000},
    {"-1", MQTT_UNIT_S, -1000},
    {"1700000000123", MQTT_UNIT_MS, 1700000000123},
    {"1700000000123.6", MQTT_UNIT_MS, 1700000000124},
    {"1700000000123456", MQTT_UNIT_US, 1700000000123},
    {"1700000000123", MQTT_UNIT_GUESS, 1700000000123},
    {"2023-11-14T22:13:20Z", MQTT_UNIT_GUESS, 1700000000000},
    {"", MQTT_UNIT_GUESS, NONE},
    {"now", MQTT_UNIT_GUESS, NONE},
    {"", MQTT_UNIT_MS, NONE},
    {"nan", MQTT_UNIT_MS, NONE},
    {"inf", MQTT_UNIT_MS, NONE},
    {"0x10", MQTT_UNIT_MS, NONE},
    {"1e400", MQTT_UNIT_MS, NONE},
    {"1e17", MQTT_UNIT_S, NONE},
    {"1 ", MQTT_UNIT_MS, NONE},
    {" 1", MQTT_UNIT_MS, NONE},
    {"1-2", MQTT_UNIT_MS, NONE},
    {"-", MQTT_UNIT_MS, NONE},
    {"11111111111111111111111111111111111111111", MQTT_UNIT_MS, NONE},
    {"2023-11-14T22:13:20Z", MQTT_UNIT_MS, NONE},
    {"1700000000", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20Z", MQTT_UNIT_ISO, 1700000000000},
    {"2023-11-14t22:13:20z", MQTT_UNIT_ISO, 1700000000000},
    {"2023-11-14 22:13:20", MQTT_UNIT_ISO, 1700000000000},
    {"2023-11-14T22:13:20.5Z", MQTT_UNIT_ISO, 1700000000500},
    {"2023-11-14T22:13:20,123456789Z", MQTT_UNIT_ISO, 1700000000123},
    {"2023-11-14T23:13:20+01:00", MQTT_UNIT_ISO, 1700000000000},
    {"2023-11-15T03:43:20+0530", MQTT_UNIT_ISO, 1700000000000},
    {"2023-11-14T14:13:20-08", MQTT_UNIT_ISO, 1700000000000},
    {"2023-11-14T22:13Z", MQTT_UNIT_ISO, 1699999980000},
    {"2023-11-14", MQTT_UNIT_ISO, 1699920000000},
    {"1970-01-01T00:00:00Z", MQTT_UNIT_ISO, 0},
    {"1969-12-31T23:59:59Z", MQTT_UNIT_ISO, -1000},
    {"2000-02-29T00:00:00Z", MQTT_UNIT_ISO, 951782400000},
    {"2024-02-29T00:00:00Z", MQTT_UNIT_ISO, 1709164800000},
    {"2016-12-31T23:59:60Z", MQTT_UNIT_ISO, 1483228800000},
    {"0000-03-01", MQTT_UNIT_ISO, -62162035200000},
    {"2023-02-29", MQTT_UNIT_ISO, NONE},
    {"1900-02-29", MQTT_UNIT_ISO, NONE},
    {"2023-13-01", MQTT_UNIT_ISO, NONE},
    {"2023-00-01", MQTT_UNIT_ISO, NONE},
    {"2023-04-31", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T24:00:00Z", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:60:00Z", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:61Z", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20.Z", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20+1", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20+01:60", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20+01:", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20 UTC", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T22:13:20Zx", MQTT_UNIT_ISO, NONE},
    {"2023-11-14T", MQTT_UNIT_ISO, NONE},
    {"2023-11-14x", MQTT_UNIT_ISO, NONE},
    {"2023-1-14", MQTT_UNIT_ISO, NONE},
    {"20231114", MQTT_UNIT_ISO, NONE},
};

START_TEST(a_moment_is_read_or_refused)
{
    int64_t ms = NONE;
    bool good = mqtt_moment_read(moments[_i].text, strlen(moments[_i].text), moments[_i].unit, &ms);

    ck_assert_msg(good == (moments[_i].ms != NONE), "'%s'", moments[_i].text);
    if (good)
        ck_assert_int_eq(ms, moments[_i].ms);
}
END_TEST

START_TEST(absurd_is_before_2000_or_an_hour_ahead)
{
    const int64_t now = 1700000000000, hour = 3600000;

    ck_assert(!mqtt_moment_is_absurd(now, now));
    ck_assert(!mqtt_moment_is_absurd(now + hour, now));
    ck_assert(mqtt_moment_is_absurd(now + hour + 1, now));
    ck_assert(!mqtt_moment_is_absurd(946684800000, now));
    ck_assert(mqtt_moment_is_absurd(946684799999, now));
    ck_assert(mqtt_moment_is_absurd(1700000000, now)); /* seconds, taken for milliseconds */
    ck_assert(mqtt_moment_is_absurd(now * 1000, now)); /* microseconds */
    ck_assert(mqtt_moment_is_absurd(-1, now));
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source moment",
               tcase_add_loop_test(tests, a_moment_is_read_or_refused, 0, ROWS(moments));
               tcase_add_test(tests, absurd_is_before_2000_or_an_hour_ahead);)
