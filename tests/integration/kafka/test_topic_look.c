/* test_topic_look.c - a look at a topic on real brokers tells what is there and leaves no trace. */
#include "layer.h"

#include "kafka/topic_look.h"

static weir_props props;

static void setup(void)
{
    set_up_props(&props);
    /* A producer's: what a consumer's handle does not understand is left out. */
    weir_props_set(&props, "linger.ms", "5");
    weir_props_set(&props, "acks", "all");
}

static void teardown(void)
{
    weir_props_clear(&props);
}

static weir_code look(const char *topic, weir_topic_view *view, weir_err *err)
{
    return weir_topic_look(&props, topic, scaled(10000), view, err);
}

START_TEST(a_topic_that_is_missing_stays_missing)
{
    char *topic = unique("look");
    weir_topic_view view = {.exists = true};
    weir_err err;

    for (int i = 0; i < 2; i++) {
        ck_assert_msg(look(topic, &view, &err) == WEIR_OK, "%s", err.msg);
        ck_assert(!view.exists);
        ck_assert_int_eq(view.brokers, 3);
        ck_assert_int_eq(view.creates, WEIR_YES); /* as weir-dev sets its brokers */
        ck_assert_int_ge(view.default_replication, 1);
    }
    free(topic);
}
END_TEST

START_TEST(a_topic_that_is_there_shows_its_partitions)
{
    char *topic = unique("look");
    weir_topic_wish wish = {
        .topic = topic, .property = "x", .purpose = "test", .partitions = 4, .replication = 1};
    weir_topic_view view = {.exists = false};
    weir_err err;

    ck_assert_msg(weir_topics_ensure(&props, &wish, 1, scaled(30000), &err) == WEIR_OK, "%s",
                  err.msg);
    ck_assert_msg(look(topic, &view, &err) == WEIR_OK, "%s", err.msg);
    ck_assert(view.exists);
    ck_assert_int_eq(view.partitions, 4);
    free(topic);
}
END_TEST

START_TEST(a_name_that_kafka_does_not_have_is_said_to_be_none)
{
    weir_topic_view view;
    weir_err err;

    ck_assert_int_eq(look("no/topic", &view, &err), WEIR_INVALID);
    ck_assert(strstr(err.msg, "no/topic"));
}
END_TEST

START_TEST(nobody_there_is_said_in_time)
{
    weir_topic_view view;
    weir_err err;

    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    ck_assert_int_eq(weir_topic_look(&props, "t", 1000, &view, &err), WEIR_UNAVAILABLE);
    ck_assert_msg(strstr(err.msg, "127.0.0.1:1"), "%s", err.msg);
}
END_TEST

WEIR_UNIT_MAIN("topic_look", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, a_topic_that_is_missing_stays_missing);
               tcase_add_test(tests, a_topic_that_is_there_shows_its_partitions);
               tcase_add_test(tests, a_name_that_kafka_does_not_have_is_said_to_be_none);
               tcase_add_test(tests, nobody_there_is_said_in_time);)
