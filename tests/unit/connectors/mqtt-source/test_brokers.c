/* test_brokers.c - the order of brokers, their versions, and what their reasons ask for. */
#include "brokers.h"
#include "fill.h"
#include "reasons.h"

#include "tests/support/unit.h"

#define LIST "tcp://a,tcp://b,tcp://c,tcp://d,tcp://e"

static void ignore(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    ck_assert_msg(level != WEIR_ERROR, "%s: %s", key, text);
}

typedef struct world {
    mqtt_settings settings;
    mqtt_setup *setup;
    mqtt_brokers *brokers;
} world;

static void begin(world *w, const char *version, const char *failover)
{
    const char *pairs[] = {
        "mqtt.server.uri",      LIST,     "mqtt.topics", "t", "mqtt.version", version,
        "mqtt.server.failover", failover, NULL};
    mqtt_findings findings = {.note = ignore};

    fill(&w->settings, pairs);
    w->setup = mqtt_setup_new(&w->settings, "conn", 0, &findings);
    w->brokers = mqtt_brokers_new(w->setup);
}

static void end(world *w)
{
    mqtt_brokers_free(w->brokers);
    mqtt_setup_free(w->setup);
}

START_TEST(brokers_are_tried_in_the_order_of_the_list)
{
    size_t at;
    world w;

    begin(&w, "auto", "ordered");
    at = mqtt_brokers_first(w.brokers);
    for (size_t i = 0; i < 12; i++) {
        ck_assert_uint_eq(at, i % 5);
        at = mqtt_brokers_after(w.brokers, at);
    }
    end(&w);
}
END_TEST

/* Each once, in an order of its own: of 64 tasks not all begin with the same broker. */
START_TEST(brokers_are_tried_in_a_drawn_order)
{
    bool began[5] = {false};
    int beginnings = 0;

    for (int task = 0; task < 64; task++) {
        bool seen[5] = {false};
        size_t at;
        world w;

        begin(&w, "auto", "random");
        at = mqtt_brokers_first(w.brokers);
        beginnings += !began[at];
        began[at] = true;
        for (size_t i = 0; i < 5; i++) {
            ck_assert(!seen[at]);
            seen[at] = true;
            at = mqtt_brokers_after(w.brokers, at);
        }
        ck_assert_uint_eq(at, mqtt_brokers_first(w.brokers));
        end(&w);
    }
    ck_assert_int_gt(beginnings, 1);
}
END_TEST

START_TEST(a_version_that_was_chosen_stays)
{
    mqtt_level level = _i ? MQTT_5 : MQTT_3_1_1;
    world w;

    begin(&w, _i ? "5" : "3.1.1", "ordered");
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 0), level);
    ck_assert(!mqtt_brokers_fall_back(w.brokers, 0, true));
    ck_assert(!mqtt_brokers_fall_back(w.brokers, 0, false));
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 0), level);
    end(&w);
}
END_TEST

START_TEST(a_broker_that_refuses_5_is_remembered_and_no_other)
{
    world w;

    begin(&w, "auto", "ordered");
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 1), MQTT_5);
    ck_assert(mqtt_brokers_fall_back(w.brokers, 1, true));
    ck_assert(!mqtt_brokers_fall_back(w.brokers, 1, true)); /* there is nothing older */
    mqtt_brokers_failed(w.brokers, 1);
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 1), MQTT_3_1_1);
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 0), MQTT_5);
    end(&w);
}
END_TEST

START_TEST(a_broker_that_hangs_up_has_to_answer_the_older_version_to_be_remembered)
{
    world w;

    begin(&w, "auto", "ordered");
    ck_assert(mqtt_brokers_fall_back(w.brokers, 0, false));
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 0), MQTT_3_1_1);
    mqtt_brokers_failed(w.brokers, 0);
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 0), MQTT_5);
    ck_assert(mqtt_brokers_fall_back(w.brokers, 0, false));
    mqtt_brokers_answered(w.brokers, 0);
    mqtt_brokers_failed(w.brokers, 0);
    ck_assert_int_eq(mqtt_brokers_level(w.brokers, 0), MQTT_3_1_1);
    end(&w);
}
END_TEST

START_TEST(every_code_has_words_of_its_own)
{
    const char *unknown = mqtt_reason_text(0xFF);

    for (unsigned code = 0x80; code <= 0xA2; code++)
        ck_assert_msg(strcmp(mqtt_reason_text((uint8_t)code), unknown) != 0, "0x%02x", code);
    for (unsigned code = 0; code <= 5; code++)
        ck_assert_msg(strcmp(mqtt_reason_text((uint8_t)code), unknown) != 0, "%u", code);
    ck_assert_str_eq(mqtt_reason_text(6), unknown);
    ck_assert_int_eq(mqtt_reason_remedy(0xFF), MQTT_TRY_LATER);
}
END_TEST

/* What 3.1.1's five codes ask for is what the reasons ask for that they stand for. */
START_TEST(old_codes_and_new_reasons_agree)
{
    for (uint8_t code = 1; code <= 5; code++)
        ck_assert_int_eq(mqtt_reason_remedy(code), mqtt_reason_remedy(mqtt_reason_of_old(code)));
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source brokers", tcase_add_test(tests, brokers_are_tried_in_the_order_of_the_list);
    tcase_add_test(tests, brokers_are_tried_in_a_drawn_order);
    tcase_add_loop_test(tests, a_version_that_was_chosen_stays, 0, 2);
    tcase_add_test(tests, a_broker_that_refuses_5_is_remembered_and_no_other);
    tcase_add_test(tests, a_broker_that_hangs_up_has_to_answer_the_older_version_to_be_remembered);
    tcase_add_test(tests, every_code_has_words_of_its_own);
    tcase_add_test(tests, old_codes_and_new_reasons_agree);)
