/* test_probe.c - what Kafka says about a topic stands at the key that names it. */
#include "rest-api/probe.h"

#include "base/mem.h"
#include "kafka/topic_look.h"
#include "tests/support/unit.h"

#include <string.h>

/* ---- Kafka, and a plugin, of our own making -------------------------------------------------- */

static struct {
    weir_code code;
    weir_topic_view view;
    char asked[64], linger[16];
    int looks;
} kafka;

weir_code weir_topic_look(const weir_props *props, const char *topic, int64_t timeout_ms,
                          weir_topic_view *ret_view, weir_err *err)
{
    const char *linger = weir_props_get(props, "linger.ms");

    ck_assert_int_le(timeout_ms, 5000);
    snprintf(kafka.asked, sizeof(kafka.asked), "%s", topic);
    snprintf(kafka.linger, sizeof(kafka.linger), "%s", linger ? linger : "");
    kafka.looks++;
    if (kafka.code != WEIR_OK)
        return weir_fail(err, kafka.code, "something about '%s'", topic);
    *ret_view = kafka.view;
    return WEIR_OK;
}

typedef struct settings {
    const char *topic;
} settings;

static const weir_option options[] = {
    {"the.topic", WEIR_FIELD(settings, topic), .fallback = "by-default"},
    {0},
};
static const char *const topic_keys[] = {"the.topic", NULL};
static weir_plugin_desc desc = {
    .size = sizeof(desc), .name = "p", .options = options, .topic_keys = topic_keys};

const weir_plugin *weir_registry_find(const weir_registry *registry, const char *class_name)
{
    (void)registry;
    return strcmp(class_name, "p") == 0 ? (const weir_plugin *)&desc : NULL;
}

const weir_plugin_desc *weir_plugin_desc_of(const weir_plugin *plugin)
{
    return (const weir_plugin_desc *)plugin;
}

/* ---- One probe ------------------------------------------------------------------------------- */

static void probe(const char *topic, weir_check *check)
{
    static const char report[] =
        "{\"error_count\":0,\"configs\":[{\"value\":{\"name\":\"name\","
        "\"errors\":[]}},{\"value\":{\"name\":\"the.topic\",\"errors\":[]}}]}";
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS;

    *check = (weir_check){.code = WEIR_OK, .notes = json_array()};
    ck_assert_int_eq(weir_json_read(report, sizeof(report) - 1, &check->report, NULL), WEIR_OK);
    weir_props_set(&check->normalised, "connector.class", "p");
    if (topic)
        weir_props_set(&check->normalised, "the.topic", topic);
    weir_props_set(&worker, "bootstrap.servers", "k:9092");
    weir_props_set(&config, "producer.override.linger.ms", "7");
    kafka.looks = 0;
    weir_probe_topics(NULL, &worker, &config, check);
    weir_props_clear(&worker);
    weir_props_clear(&config);
}

static const char *error_of(const weir_check *check)
{
    const json_t *entry = json_array_get(json_object_get(check->report, "configs"), 1);
    const json_t *errors = json_object_get(json_object_get(entry, "value"), "errors");

    return json_string_value(json_array_get(errors, 0));
}

static void forget(weir_check *check)
{
    json_decref(check->report);
    json_decref(check->notes);
    weir_props_clear(&check->normalised);
}

static const struct {
    weir_code code;
    weir_topic_view view;
    const char *level, *says; /* "ERROR": at the key */
} seen[] = {
    {WEIR_OK, {.exists = true, .partitions = 1, .brokers = 3}, "INFO", "exists, with 1 partition"},
    {WEIR_OK, {.exists = true, .partitions = 6, .brokers = 3}, "INFO", "with 6 partitions"},
    {WEIR_OK,
     {.creates = WEIR_YES, .brokers = 3, .default_replication = 3},
     "INFO",
     "at the first record"},
    {WEIR_OK,
     {.creates = WEIR_YES, .brokers = 1, .default_replication = 3},
     "ERROR",
     "default.replication.factor is 3, and there are 1 brokers"},
    {WEIR_OK, {.creates = WEIR_NO, .brokers = 3}, "WARN", "tasks would wait for it"},
    {WEIR_OK, {.creates = WEIR_UNKNOWN, .brokers = 3}, "WARN", "does not tell this user"},
    {WEIR_UNAVAILABLE, {0}, "ERROR", "Kafka: something about 't'"},
    {WEIR_DENIED, {0}, "ERROR", "Kafka: something about 't'"},
};

START_TEST(what_kafka_says_stands_at_the_key)
{
    bool error = strcmp(seen[_i].level, "ERROR") == 0;
    const json_t *note;
    weir_check check;

    kafka.code = seen[_i].code;
    kafka.view = seen[_i].view;
    probe("t", &check);
    ck_assert_str_eq(kafka.asked, "t");
    ck_assert_str_eq(kafka.linger, "7"); /* the connector's own client */
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), error);
    ck_assert_uint_eq(json_array_size(check.notes), !error);
    if (error) {
        ck_assert_msg(strstr(error_of(&check), seen[_i].says), "%s", error_of(&check));
    } else {
        note = json_array_get(check.notes, 0);
        ck_assert_str_eq(weir_json_str(note, "level"), seen[_i].level);
        ck_assert_str_eq(weir_json_str(note, "key"), "the.topic");
        ck_assert_msg(strstr(weir_json_str(note, "text"), seen[_i].says), "%s",
                      weir_json_str(note, "text"));
    }
    forget(&check);
}
END_TEST

START_TEST(a_template_is_not_looked_for_and_a_default_is)
{
    weir_check check;

    kafka.code = WEIR_OK;
    probe("a-${topic}", &check);
    ck_assert_int_eq(kafka.looks, 0);
    ck_assert(
        strstr(weir_json_str(json_array_get(check.notes, 0), "text"), "no name of one topic"));
    forget(&check);
    probe(NULL, &check);
    ck_assert_str_eq(kafka.asked, "by-default");
    forget(&check);
}
END_TEST

START_TEST(a_plugin_without_topics_asks_nobody)
{
    weir_check check;

    desc.topic_keys = NULL;
    probe("t", &check);
    desc.topic_keys = topic_keys;
    ck_assert_int_eq(kafka.looks, 0);
    ck_assert_uint_eq(json_array_size(check.notes), 0);
    forget(&check);
}
END_TEST

WEIR_UNIT_MAIN("probe",
               tcase_add_loop_test(tests, what_kafka_says_stands_at_the_key, 0, WEIR_COUNT(seen));
               tcase_add_test(tests, a_template_is_not_looked_for_and_a_default_is);
               tcase_add_test(tests, a_plugin_without_topics_asks_nobody);)
