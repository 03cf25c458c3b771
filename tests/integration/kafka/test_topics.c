/* test_topics.c - internal topics on real brokers: made as wished, or refused with the way out. */
#include "layer.h"

#include "kafka/client.h"

#include <librdkafka/rdkafka.h>

static weir_props props;

static void setup(void)
{
    set_up_props(&props);
}

static void teardown(void)
{
    weir_props_clear(&props);
}

static weir_code ensure(const weir_topic_wish *wish, int64_t timeout_ms, weir_err *err)
{
    return weir_topics_ensure(&props, wish, 1, scaled(timeout_ms), err);
}

START_TEST(the_cluster_has_an_id)
{
    char *id = NULL, *again = NULL;
    weir_err err;

    ck_assert_msg(weir_kafka_cluster_id(&props, scaled(10000), &id, &err) == WEIR_OK, "%s",
                  err.msg);
    ck_assert_uint_gt(strlen(id), 0);
    ck_assert_int_eq(weir_kafka_cluster_id(&props, scaled(10000), &again, &err), WEIR_OK);
    ck_assert_str_eq(id, again);
    free(id);
    free(again);
}
END_TEST

START_TEST(nobody_there_is_said_with_the_address)
{
    char *id = NULL;
    int64_t since_ms = weir_now_ms();
    weir_err err;

    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    ck_assert_int_eq(weir_kafka_cluster_id(&props, 1000, &id, &err), WEIR_UNAVAILABLE);
    ck_assert_ptr_null(id);
    ck_assert_msg(strstr(err.msg, "127.0.0.1:1"), "got: %s", err.msg);
    ck_assert_msg(strstr(err.msg, "refused"), "got: %s", err.msg);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(3000));
}
END_TEST

START_TEST(a_missing_broker_makes_topics_wait_and_say_so)
{
    weir_topic_wish wish = {.topic = "t",
                            .property = "config.storage.topic",
                            .purpose = "p",
                            .partitions = 1,
                            .replication = 1};
    int64_t since_ms = weir_now_ms();
    weir_err err;

    weir_props_set(&props, "bootstrap.servers", "127.0.0.1:1");
    ck_assert_int_eq(weir_topics_ensure(&props, &wish, 1, 1000, &err), WEIR_UNAVAILABLE);
    ck_assert_msg(strstr(err.msg, "1000 ms"), "got: %s", err.msg);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(4000));
}
END_TEST

/* The broker's word on a topic's setting. */
static char *setting(const char *topic, const char *name)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_t *rk = NULL;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    const rd_kafka_ConfigResource_t **resources;
    const rd_kafka_ConfigEntry_t **entries;
    char *value = NULL;
    size_t count;
    weir_err err;

    ck_assert_int_eq(weir_kafka_client_new(RD_KAFKA_PRODUCER, &props, NULL, NULL, &rk, &err),
                     WEIR_OK);
    queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConfigs(rk, &resource, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, (int)scaled(10000));
    ck_assert_ptr_nonnull(event);
    resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    ck_assert_uint_eq(count, 1);
    entries = rd_kafka_ConfigResource_configs(resources[0], &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            value = weir_strdup(rd_kafka_ConfigEntry_value(entries[i]));
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return value;
}

START_TEST(topics_are_made_as_wished_and_found_again)
{
    char *config = unique("config"), *status = unique("status"), *value;
    weir_topic_wish wishes[] = {
        {.topic = config,
         .property = "config.storage.topic",
         .purpose = "connector configurations",
         .partitions = 1,
         .exact_partitions = 1,
         .replication = 3},
        {.topic = status,
         .property = "status.storage.topic",
         .purpose = "connector and task statuses",
         .partitions = 5,
         .replication = -1},
    };
    weir_err err;

    weir_props_set(&wishes[1].config, "segment.bytes", "1048576");
    weir_props_set(&wishes[1].config, "cleanup.policy", "delete"); /* not his to choose */
    for (int i = 0; i < 2; i++)
        ck_assert_msg(weir_topics_ensure(&props, wishes, 2, scaled(20000), &err) == WEIR_OK, "%s",
                      err.msg);
    value = setting(status, "cleanup.policy");
    ck_assert_str_eq(value, "compact");
    free(value);
    value = setting(status, "segment.bytes");
    ck_assert_str_eq(value, "1048576");
    free(value);

    wishes[1].exact_partitions = 1;
    ck_assert_int_eq(ensure(&wishes[1], 10000, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, "required to have a single partition, but it has 5"), "got: %s",
                  err.msg);
    weir_props_clear(&wishes[1].config);
    free(config);
    free(status);
}
END_TEST

static void make_topic_with(const char *name, const char *policy)
{
    char reason[512];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, 1, 1, reason, sizeof(reason));
    rd_kafka_t *rk = NULL;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    weir_err err;

    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", policy);
    ck_assert_int_eq(weir_kafka_client_new(RD_KAFKA_PRODUCER, &props, NULL, NULL, &rk, &err),
                     WEIR_OK);
    queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, (int)scaled(10000));
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static const char *const policies[] = {"delete", "compact,delete"};

START_TEST(a_topic_that_loses_records_is_refused)
{
    char *name = unique("policy");
    weir_topic_wish wish = {.topic = name,
                            .property = "config.storage.topic",
                            .purpose = "connector configurations",
                            .partitions = 1,
                            .replication = 1};
    weir_err err;

    make_topic_with(name, policies[_i]);
    ck_assert_int_eq(ensure(&wish, 10000, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, "supplied via the 'config.storage.topic' property is required to "
                                  "have 'cleanup.policy=compact'"),
                  "got: %s", err.msg);
    ck_assert_msg(strstr(err.msg, policies[_i]), "got: %s", err.msg);
    free(name);
}
END_TEST

START_TEST(more_replicas_than_brokers_is_refused_with_both_numbers)
{
    char *name = unique("replicas");
    weir_topic_wish wish = {.topic = name,
                            .property = "config.storage.topic",
                            .purpose = "connector configurations",
                            .partitions = 1,
                            .replication = 7};
    int64_t since_ms = weir_now_ms();
    weir_err err;

    ck_assert_int_eq(ensure(&wish, 1500, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, name), "got: %s", err.msg);
    ck_assert_msg(strstr(err.msg, "config.storage.replication.factor=7"), "got: %s", err.msg);
    ck_assert_msg(strstr(err.msg, "the cluster has 3 brokers"), "got: %s", err.msg);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(5000));
    free(name);
}
END_TEST

START_TEST(a_topic_setting_kafka_does_not_know_is_refused)
{
    char *name = unique("setting");
    weir_topic_wish wish = {.topic = name,
                            .property = "config.storage.topic",
                            .purpose = "p",
                            .partitions = 1,
                            .replication = 1};
    int64_t since_ms = weir_now_ms();
    weir_err err;

    weir_props_set(&wish.config, "min.insync.replicas", "many");
    ck_assert_int_eq(ensure(&wish, 10000, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, name) && strstr(err.msg, "min.insync.replicas"), "got: %s",
                  err.msg);
    ck_assert_int_lt(weir_now_ms() - since_ms, scaled(5000));
    weir_props_clear(&wish.config);
    free(name);
}
END_TEST

WEIR_UNIT_MAIN("topics", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, the_cluster_has_an_id);
               tcase_add_test(tests, nobody_there_is_said_with_the_address);
               tcase_add_test(tests, a_missing_broker_makes_topics_wait_and_say_so);
               tcase_add_test(tests, topics_are_made_as_wished_and_found_again);
               tcase_add_loop_test(tests, a_topic_that_loses_records_is_refused, 0, 2);
               tcase_add_test(tests, more_replicas_than_brokers_is_refused_with_both_numbers);
               tcase_add_test(tests, a_topic_setting_kafka_does_not_know_is_refused);)
