/* test_environment.c - CONNECT_* variables of a container become the properties they stand for. */
#include "base/mem.h"
#include "config/environment.h"
#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *variable, *key, *value;
} becomes[] = {
    {"CONNECT_GROUP_ID=g", "group.id", "g"},
    {"CONNECT_BOOTSTRAP_SERVERS=a:9092,b:9092", "bootstrap.servers", "a:9092,b:9092"},
    {"CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR=1", "config.storage.replication.factor", "1"},
    {"CONNECT_PRODUCER_MAX_REQUEST_SIZE=7", "producer.max.request.size", "7"},
    {"CONNECT_CONFIG_PROVIDERS_MY__PROV_CLASS=x", "config.providers.my_prov.class", "x"},
    {"CONNECT_A_B___C=1", "a.b-c", "1"},
    {"CONNECT_A_B_C=1", "a.b.c", "1"},
    {"CONNECT_A__B___C_D=1", "a_b-c.d", "1"},
    {"CONNECT_mixed_Case=1", "mixed.case", "1"},
    {"CONNECT_X=", "x", ""},
    {"CONNECT_X=a=b", "x", "a=b"},
    {"CONNECT_X= kept as it is ", "x", " kept as it is "},
    {"CONNECT_SASL_JAAS_CONFIG=org.x.PlainLoginModule required username=\"u\";", "sasl.jaas.config",
     "org.x.PlainLoginModule required username=\"u\";"},
};

START_TEST(a_variable_becomes_its_property)
{
    const char *const environment[] = {"PATH=/bin", becomes[_i].variable, "HOME=/", NULL};
    weir_props props = WEIR_PROPS;

    weir_environment_apply(environment, &props);
    ck_assert_uint_eq(props.count, 1);
    ck_assert_str_eq(props.pairs[0].key, becomes[_i].key);
    ck_assert_str_eq(props.pairs[0].value, becomes[_i].value);
    weir_props_clear(&props);
}
END_TEST

static const char *const ignored[] = {
    "GROUP_ID=g",
    "KAFKA_GROUP_ID=g",
    "connect_group_id=g",
    "XCONNECT_GROUP_ID=g",
    "CONNECT=x",
    "CONNECT_",
    "CONNECT_=x",
    "CONNECT_NO_VALUE",
    "CONNECT_FOUR____UNDERSCORES=x",
    "CONNECT_LOG4J_LOGGERS=a=WARN",
    "CONNECT_LOG4J_ROOT_LOGLEVEL=OFF",
    "CONNECT_LOG4J_ROOT_LOGLEVEL_X=DEBUG",
    "WEIR_PLUGIN_PATH",
    "WEIR_PLUGIN_PATH=",
    "",
    "=C",
};

START_TEST(a_variable_of_something_else_is_ignored)
{
    const char *const environment[] = {ignored[_i], NULL};
    weir_props props = WEIR_PROPS;

    weir_environment_apply(environment, &props);
    ck_assert_uint_eq(props.count, 0);
}
END_TEST

START_TEST(the_environment_is_on_top_of_the_file)
{
    const char *const environment[] = {"CONNECT_GROUP_ID=of the environment", NULL};
    weir_props props = WEIR_PROPS;

    weir_props_set(&props, "group.id", "of the file");
    weir_props_set(&props, "client.id", "untouched");
    weir_environment_apply(environment, &props);
    ck_assert_str_eq(weir_props_get(&props, "group.id"), "of the environment");
    ck_assert_str_eq(weir_props_get(&props, "client.id"), "untouched");
    weir_props_clear(&props);
}
END_TEST

START_TEST(a_rest_port_is_a_listener_unless_there_is_one)
{
    const char *const port[] = {"CONNECT_REST_PORT=8084", NULL};
    const char *const both[] = {"CONNECT_REST_PORT=8084", "CONNECT_LISTENERS=http://:1", NULL};
    weir_props props = WEIR_PROPS;

    weir_environment_apply(port, &props);
    ck_assert_str_eq(weir_props_get(&props, "listeners"), "http://:8084");
    weir_props_clear(&props);
    weir_environment_apply(both, &props);
    ck_assert_str_eq(weir_props_get(&props, "listeners"), "http://:1");
    ck_assert(!weir_props_has(&props, "rest.port"));
    weir_props_clear(&props);
}
END_TEST

START_TEST(the_level_of_log4j_is_ours_unless_there_is_one)
{
    const char *const level[] = {"CONNECT_LOG4J_ROOT_LOGLEVEL=WARN", NULL};
    const char *const both[] = {"CONNECT_LOG4J_ROOT_LOGLEVEL=WARN", "CONNECT_LOG_LEVEL=debug",
                                NULL};
    weir_props props = WEIR_PROPS;

    weir_environment_apply(level, &props);
    ck_assert_uint_eq(props.count, 1);
    ck_assert_str_eq(weir_props_get(&props, "log.level"), "warn");
    weir_props_clear(&props);
    weir_environment_apply(both, &props);
    ck_assert_uint_eq(props.count, 1);
    ck_assert_str_eq(weir_props_get(&props, "log.level"), "debug");
    weir_props_clear(&props);
}
END_TEST

static const struct {
    const char *variable, *file, *path;
} plugins[] = {
    {NULL, NULL, "/image"},
    {NULL, "", "/image"},
    {NULL, "/file", "/image,/file"},
    {"CONNECT_PLUGIN_PATH=/usr/share/java,/mine", NULL, "/image,/usr/share/java,/mine"},
    {"CONNECT_PLUGIN_PATH=/mine", "/file", "/image,/mine"},
};

START_TEST(the_plugins_of_the_image_come_before_all_others)
{
    const char *const environment[] = {"WEIR_PLUGIN_PATH=/image", plugins[_i].variable, NULL};
    weir_props props = WEIR_PROPS;

    if (plugins[_i].file)
        weir_props_set(&props, "plugin.path", plugins[_i].file);
    weir_environment_apply(environment, &props);
    ck_assert_uint_eq(props.count, 1);
    ck_assert_str_eq(weir_props_get(&props, "plugin.path"), plugins[_i].path);
    weir_props_clear(&props);
}
END_TEST

START_TEST(no_environment_is_an_empty_one)
{
    weir_props props = WEIR_PROPS;

    weir_environment_apply(NULL, &props);
    ck_assert_uint_eq(props.count, 0);
}
END_TEST

WEIR_UNIT_MAIN("environment",
               tcase_add_loop_test(tests, a_variable_becomes_its_property, 0, WEIR_COUNT(becomes));
               tcase_add_loop_test(tests, a_variable_of_something_else_is_ignored, 0,
                                   WEIR_COUNT(ignored));
               tcase_add_test(tests, the_environment_is_on_top_of_the_file);
               tcase_add_test(tests, a_rest_port_is_a_listener_unless_there_is_one);
               tcase_add_test(tests, the_level_of_log4j_is_ours_unless_there_is_one);
               tcase_add_loop_test(tests, the_plugins_of_the_image_come_before_all_others, 0,
                                   WEIR_COUNT(plugins));
               tcase_add_test(tests, no_environment_is_an_empty_one);)
