/* test_check_report.c - the body of the validation call is Kafka's, field by field. */
#include "tests/unit/plugin/examine.h"

#include "tests/support/unit.h"

#define GOOD "name=c1|connector.class=good|good.topic=t"

static char *names_in(const json_t *array, const char *member)
{
    weir_buf names = WEIR_BUF;

    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        const json_t *named = member ? json_object_get(item, member) : item;

        weir_buf_format(&names, "%s%s", i ? " " : "", weir_json_str(named, "name"));
    }
    return weir_buf_take(&names);
}

#define COMMON                                                                                     \
    "name connector.class connector.plugin.version tasks.max tasks.max.enforce key.converter "     \
    "key.converter.plugin.version value.converter value.converter.plugin.version "                 \
    "header.converter header.converter.plugin.version transforms predicates config.action.reload " \
    "errors.retry.timeout errors.retry.delay.max.ms errors.tolerance errors.log.enable "           \
    "errors.log.include.messages topic.creation.groups exactly.once.support "                      \
    "transaction.boundary transaction.boundary.interval.ms offsets.storage.topic "                 \
    "errors.deadletterqueue.topic.name errors.deadletterqueue.topic.replication.factor "           \
    "errors.deadletterqueue.context.headers.enable"
#define OWN "good.topic good.kind good.records good.rate good.size good.password"

START_TEST(entries_come_in_kafkas_order)
{
    weir_check check;
    char *names;

    examine(GOOD "|zzz|transforms=a|predicates=p|producer.override.linger.ms=1", &check);
    names = names_in(json_object_get(check.report, "configs"), "value");
    ck_assert_str_eq(names, "zzz " COMMON " transforms.a.type predicates.p.type " OWN
                            " producer.override.linger.ms");
    weir_check_clear(&check);
    free(names);
}
END_TEST

START_TEST(options_of_a_converter_come_last_and_only_beside_its_class)
{
    weir_check check;
    char *names;
    size_t length;

    examine(GOOD "|key.converter=StringConverter|header.converter=JsonConverter|"
                 "value.converter.schemas.enable=false",
            &check);
    names = names_in(json_object_get(check.report, "configs"), "value");
    length = strlen(COMMON " " OWN);
    ck_assert_str_eq(names + length,
                     " header.converter.schemas.enable key.converter.converter.encoding");
    weir_check_clear(&check);
    free(names);
}
END_TEST

START_TEST(definitions_put_the_plugins_own_keys_first)
{
    json_t *definitions = weir_check_definitions(weir_registry_find(registry, "good"));
    char *names = names_in(definitions, NULL);

    ck_assert_str_eq(names, OWN " " COMMON);
    free(names);
    json_decref(definitions);
}
END_TEST

static const struct {
    const char *key, *entry;
} entries[] = {
    {"tasks.max",
     "{\"definition\":{\"name\":\"tasks.max\",\"type\":\"INT\",\"required\":false,"
     "\"default_value\":\"1\",\"importance\":\"HIGH\",\"documentation\":\"How many tasks it may "
     "have at most.\",\"group\":\"Common\",\"order_in_group\":4,\"width\":\"SHORT\","
     "\"display_name\":\"Tasks max\",\"dependents\":[]},\"value\":{\"name\":\"tasks.max\","
     "\"value\":\"7\",\"recommended_values\":[],\"errors\":[],\"visible\":true}}"},
    {"good.topic",
     "{\"definition\":{\"name\":\"good.topic\",\"type\":\"STRING\",\"required\":true,"
     "\"default_value\":null,\"importance\":\"HIGH\",\"documentation\":\"Topic to write to.\","
     "\"group\":\"Good\",\"order_in_group\":1,\"width\":\"NONE\",\"display_name\":\"good.topic\","
     "\"dependents\":[]},\"value\":{\"name\":\"good.topic\",\"value\":\"t\",\"recommended_values\":"
     "[],\"errors\":[],\"visible\":true}}"},
    {"good.size",
     "{\"definition\":{\"name\":\"good.size\",\"type\":\"INT\",\"required\":false,"
     "\"default_value\":\"0\",\"importance\":\"LOW\",\"documentation\":\"Bytes of a value at "
     "least.\",\"group\":null,\"order_in_group\":-1,\"width\":\"NONE\",\"display_name\":"
     "\"good.size\",\"dependents\":[]},\"value\":{\"name\":\"good.size\",\"value\":\"0\","
     "\"recommended_values\":[],\"errors\":[],\"visible\":true}}"},
    {"unknown",
     "{\"definition\":null,\"value\":{\"name\":\"unknown\",\"value\":null,\"recommended_values\":"
     "[],\"errors\":[\"Null value can not be supplied as the configuration value.\"],\"visible\":"
     "true}}"},
};

START_TEST(an_entry_has_kafkas_fields_in_kafkas_order)
{
    weir_check check;
    char *entry;

    examine(GOOD "|tasks.max= 7 |unknown", &check);
    entry = weir_json_dump(entry_of(&check, entries[_i].key));
    ck_assert_str_eq(entry, entries[_i].entry);
    weir_check_clear(&check);
    free(entry);
}
END_TEST

static const struct {
    const char *key, *type;
} types[] = {
    {"name", "STRING"},
    {"tasks.max", "INT"},
    {"tasks.max.enforce", "BOOLEAN"},
    {"key.converter", "CLASS"},
    {"transforms", "LIST"},
    {"errors.retry.timeout", "LONG"},
    {"transaction.boundary.interval.ms", "LONG"},
    {"good.records", "LONG"},
    {"good.rate", "INT"},
    {"good.password", "PASSWORD"},
};

START_TEST(types_have_kafkas_names)
{
    weir_check check;

    examine(GOOD, &check);
    ck_assert_str_eq(
        weir_json_str(json_object_get(entry_of(&check, types[_i].key), "definition"), "type"),
        types[_i].type);
    weir_check_clear(&check);
}
END_TEST

/* NULL: JSON null. */
static const struct {
    const char *more, *key, *value;
} values[] = {
    {"", "name", "c1"},
    {"name=  c2 ", "name", "c2"},
    {"", "tasks.max", "1"},
    {"tasks.max=x", "tasks.max", NULL},
    {"tasks.max=0", "tasks.max", "0"},
    {"errors.log.enable=TRUE", "errors.log.enable", "true"},
    {"errors.log.enable=x", "errors.log.enable", NULL},
    {"transforms= a , b", "transforms", "a,b"},
    {"", "transforms", ""},
    {"", "key.converter", BYTE_ARRAY},
    {"key.converter=JsonConverter", "key.converter", "org.apache.kafka.connect.json.JsonConverter"},
    {"key.converter=Nope", "key.converter", NULL},
    {"", "header.converter", NULL},
    {"", "connector.plugin.version", "1.2.3"},
    {"", "offsets.storage.topic", NULL},
    {"good.password=open sesame", "good.password", "[hidden]"},
    {"", "good.password", NULL},
    {"", "good.kind", "text"},
    {"producer.override.linger.ms=4", "producer.override.linger.ms", "4"},
    {"producer.override.sasl.jaas.config=x", "producer.override.sasl.jaas.config", "[hidden]"},
};

START_TEST(a_value_is_shown_as_kafka_would_have_read_it)
{
    char *config = weir_format(GOOD "|%s", values[_i].more);
    const json_t *shown;
    weir_check check;

    examine(config, &check);
    shown = json_object_get(entry_of(&check, values[_i].key), "value");
    ck_assert_ptr_nonnull(shown);
    if (values[_i].value)
        ck_assert_str_eq(weir_json_str(shown, "value"), values[_i].value);
    else
        ck_assert(json_is_null(json_object_get(shown, "value")));
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(the_top_has_name_count_and_groups)
{
    weir_check check;
    char *groups;
    const char *member;
    const json_t *value;
    weir_buf members = WEIR_BUF;

    examine(GOOD "|connector.class=GoodSource|transforms=a", &check);
    ck_assert_str_eq(weir_json_str(check.report, "name"), "GoodSource");
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), 1);
    groups = weir_json_dump(json_object_get(check.report, "groups"));
    ck_assert_str_eq(groups, "[\"Common\",\"Transforms\",\"Predicates\",\"Error Handling\","
                             "\"Topic Creation\",\"Exactly Once Support\",\"offsets.topic\","
                             "\"Transforms: a\",\"Good\"]");
    json_object_foreach (check.report, member, value)
        weir_buf_format(&members, "%s ", member);
    ck_assert_str_eq(weir_buf_text(&members), "name error_count groups configs ");
    weir_buf_free(&members);
    weir_check_clear(&check);
    free(groups);
}
END_TEST

START_TEST(converters_are_recommended_by_their_full_names)
{
    weir_check check;
    char *classes;

    examine(GOOD, &check);
    classes = weir_json_dump(json_object_get(
        json_object_get(entry_of(&check, "key.converter"), "value"), "recommended_values"));
    ck_assert_str_eq(classes, "[\"org.apache.kafka.connect.converters.ByteArrayConverter\","
                              "\"org.apache.kafka.connect.json.JsonConverter\","
                              "\"org.apache.kafka.connect.storage.StringConverter\"]");
    free(classes);
    weir_check_clear(&check);
}
END_TEST

/* A row of the one table belongs to the row of the other. */
START_TEST(the_table_of_common_keys_fills_a_struct)
{
    weir_props props = WEIR_PROPS;
    weir_settings *settings = NULL;
    const weir_connector_settings *read;
    weir_err err = {0};

    parse_props("name=c|connector.class=k|tasks.max=4|errors.log.enable=true", &props);
    ck_assert_msg(weir_settings_new(weir_connector_options, sizeof(weir_connector_settings), &props,
                                    &settings, &err) == WEIR_OK,
                  "%s", err.msg);
    read = weir_settings_get(settings);
    ck_assert_str_eq(read->name, "c");
    ck_assert_int_eq(read->tasks_max, 4);
    ck_assert(read->errors_log_enable && read->tasks_max_enforce);
    ck_assert_int_eq(read->errors_retry_delay_max_ms, 60000);
    ck_assert_str_eq(read->errors_tolerance, "none");
    ck_assert_ptr_null(read->key_converter);
    weir_settings_free(settings);
    weir_props_clear(&props);
}
END_TEST

WEIR_UNIT_MAIN("check_report", tcase_add_unchecked_fixture(tests, load_registry, unload_registry);
               tcase_add_test(tests, entries_come_in_kafkas_order);
               tcase_add_test(tests, options_of_a_converter_come_last_and_only_beside_its_class);
               tcase_add_test(tests, definitions_put_the_plugins_own_keys_first);
               tcase_add_loop_test(tests, an_entry_has_kafkas_fields_in_kafkas_order, 0,
                                   WEIR_COUNT(entries));
               tcase_add_loop_test(tests, types_have_kafkas_names, 0, WEIR_COUNT(types));
               tcase_add_loop_test(tests, a_value_is_shown_as_kafka_would_have_read_it, 0,
                                   WEIR_COUNT(values));
               tcase_add_test(tests, the_top_has_name_count_and_groups);
               tcase_add_test(tests, converters_are_recommended_by_their_full_names);
               tcase_add_test(tests, the_table_of_common_keys_fills_a_struct);)
