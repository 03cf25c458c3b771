/* test_task_config.c - three levels of configuration become one task, or words about what is wrong.
 */
#include "task/task_config.h"

#include "base/mem.h"
#include "tests/support/c11_threads.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define JSON_ON  "{\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":\"x\"}"
#define JSON_OFF "\"x\""

typedef struct fake_settings {
    const char *url, *password;
} fake_settings;

static const weir_option options[] = {
    {"url", WEIR_FIELD(fake_settings, url)},
    {"password", WEIR_FIELD(fake_settings, password), .fallback = WEIR_UNSET, .secret = true},
    {0},
};
static const weir_source source; /* never called here */
static const weir_plugin_desc plugin = {.size = sizeof(plugin),
                                        .abi_major = WEIR_ABI_MAJOR,
                                        .name = "fake",
                                        .version = "1",
                                        .options = options,
                                        .settings_size = sizeof(fake_settings),
                                        .source = &source};

static weir_worker_settings worker;
static weir_props connector, task;
static weir_task_config config;

static void set_up(void)
{
    worker = (weir_worker_settings){.key_converter = "StringConverter",
                                    .value_converter = "JsonConverter",
                                    .header_converter = "SimpleHeaderConverter"};
    weir_props_set(&worker.props, "bootstrap.servers", "localhost:1");
    weir_props_set(&task, "url", "tcp://somewhere");
}

static void tear_down(void)
{
    weir_task_config_clear(&config);
    weir_providers_free(worker.providers);
    weir_props_clear(&worker.props);
    weir_props_clear(&connector);
    weir_props_clear(&task);
}

static weir_code read_config(const weir_plugin_desc *given, weir_err *err)
{
    weir_task_config_source from = {.connector = "fleet",
                                    .task = 7,
                                    .plugin = given,
                                    .worker = &worker,
                                    .connector_config = &connector,
                                    .task_config = &task};

    weir_task_config_clear(&config);
    return weir_task_config_read(&from, &config, err);
}

static void must_read(void)
{
    weir_err err;

    ck_assert_msg(read_config(&plugin, &err) == WEIR_OK, "%s", err.msg);
}

static const char *value_of_x(void)
{
    static weir_buf scratch;
    static char text[256];
    weir_data data = {WEIR_TEXT, "x", 1};
    weir_bytes bytes;

    ck_assert_int_eq(weir_convert(config.converters[WEIR_VALUE], &data, &scratch, &bytes, NULL),
                     WEIR_OK);
    snprintf(text, sizeof(text), "%.*s", (int)bytes.size, (const char *)bytes.data);
    weir_buf_free(&scratch);
    return text;
}

static const struct {
    const char *pairs[3][2]; /* "w:": the worker's */
    const char *written;
} levels[] = {
    {{{NULL, NULL}}, JSON_ON},
    {{{"w:value.converter.schemas.enable", "false"}}, JSON_OFF},
    /* the connector's options count only beside a class of its own … */
    {{{"value.converter.schemas.enable", "false"}}, JSON_ON},
    {{{"value.converter", "org.apache.kafka.connect.json.JsonConverter"},
      {"value.converter.schemas.enable", "false"}},
     JSON_OFF},
    /* … and then the worker's do not */
    {{{"w:value.converter.schemas.enable", "false"},
      {"value.converter", "org.apache.kafka.connect.json.JsonConverter"}},
     JSON_ON},
    {{{"value.converter", "StringConverter"}}, "x"},
};

START_TEST(the_level_that_names_a_converter_supplies_its_options)
{
    for (size_t i = 0; i < 3 && levels[_i].pairs[i][0]; i++) {
        const char *key = levels[_i].pairs[i][0];
        bool workers = strncmp(key, "w:", 2) == 0;

        weir_props_set(workers ? &worker.props : &connector, workers ? key + 2 : key,
                       levels[_i].pairs[i][1]);
    }
    must_read();
    ck_assert_str_eq(value_of_x(), levels[_i].written);
}
END_TEST

static const struct {
    const char *key, *value; /* of producer.override.* */
    const char *name, *gets; /* of librdkafka's */
} producer[] = {
    {NULL, NULL, "acks", "all"},
    {NULL, NULL, "enable.idempotence", "true"},
    {NULL, NULL, "linger.ms", "5"},
    {NULL, NULL, "message.timeout.ms", "0"},
    {NULL, NULL, "partitioner", "murmur2_random"},
    {NULL, NULL, "client.id", "connector-producer-fleet-7"},
    {NULL, NULL, "bootstrap.servers", "localhost:1"},
    {"linger.ms", "20", "linger.ms", "20"},
    {"linger.ms", "0", "linger.ms", "5"},   /* see a_short_linger_is_the_tasks_own */
    {"linger.ms", "-1", "linger.ms", "-1"}, /* refused by librdkafka, and not before */
    {"linger.ms", "soon", "linger.ms", "soon"},
    {"linger.ms", NULL, "linger.ms", "5"}, /* null is nobody's value */
    {"client.id", "mine", "client.id", "mine"},
    {"acks", "1", "enable.idempotence", "false"},
    {"acks", "-1", "enable.idempotence", "true"},
    {"retries", "0", "enable.idempotence", "false"},
    {"max.in.flight.requests.per.connection", "6", "enable.idempotence", "false"},
    {"max.in.flight.requests.per.connection", "5", "enable.idempotence", "true"},
};

START_TEST(the_producer_has_our_defaults_and_the_users_last_word)
{
    if (producer[_i].key) {
        char name[128];

        snprintf(name, sizeof(name), "producer.override.%s", producer[_i].key);
        weir_props_set(&connector, name, producer[_i].value);
    }
    must_read();
    ck_assert_pstr_eq(weir_props_get(&config.producer, producer[_i].name), producer[_i].gets);
}
END_TEST

static const struct {
    const char *queue;
    size_t bound;
} bounds[] = {{NULL, WEIR_TASK_IN_FLIGHT}, {"10", 10}, {"1000000", WEIR_TASK_IN_FLIGHT}};

START_TEST(a_short_linger_is_the_tasks_own)
{
    weir_props_set(&connector, "producer.override.linger.ms", "0");
    must_read();
    ck_assert_double_eq(config.linger_ms, 0);
}
END_TEST

START_TEST(a_smaller_queue_bounds_what_is_on_its_way)
{
    if (bounds[_i].queue)
        weir_props_set(&connector, "producer.override.queue.buffering.max.messages",
                       bounds[_i].queue);
    must_read();
    ck_assert_uint_eq(config.in_flight, bounds[_i].bound);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    weir_err err;

    weir_props_set(&connector, "connector.class", "io.example.Missing");
    ck_assert_int_eq(read_config(NULL, &err), WEIR_NOT_FOUND);
    ck_assert_msg(strstr(err.msg, "which name matches io.example.Missing"), "%s", err.msg);
    ck_assert_msg(strstr(err.msg, "(none)"), "%s", err.msg);

    weir_props_set(&connector, "key.converter", "io.example.Avro");
    ck_assert_int_eq(read_config(&plugin, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, "key.converter: no converter 'io.example.Avro'"), "%s", err.msg);

    weir_props_remove(&connector, "key.converter");
    worker.value_converter = NULL;
    ck_assert_int_eq(read_config(&plugin, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, "neither connector nor worker sets value.converter"), "%s",
                  err.msg);

    worker.value_converter = "JsonConverter";
    weir_props_remove(&task, "url");
    ck_assert_int_eq(read_config(&plugin, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, "url"), "%s", err.msg);
}
END_TEST

/* ---- Variables ---------------------------------------------------------------------------- */

static void declare_providers(void)
{
    static const char *const environment[] = {"PW=tiger", "HOST=somewhere", "LINGER=77", NULL};
    weir_err err;

    weir_props_set(&worker.props, "config.providers", "env,file");
    weir_props_set(&worker.props, "config.providers.env.class",
                   "org.apache.kafka.common.config.provider.EnvVarConfigProvider");
    weir_props_set(&worker.props, "config.providers.file.class",
                   "org.apache.kafka.common.config.provider.FileConfigProvider");
    ck_assert_msg(weir_providers_new(&worker.props, environment, &worker.providers, &err) ==
                      WEIR_OK,
                  "%s", err.msg);
}

static const fake_settings *settings(void)
{
    return weir_settings_get(config.settings);
}

START_TEST(a_task_starts_with_the_values_of_its_variables)
{
    char *clean;

    declare_providers();
    weir_props_set(&task, "url", "tcp://${env:HOST}/${topic}${vault:x}");
    weir_props_set(&task, "password", "${env:PW}");
    weir_props_set(&connector, "producer.override.linger.ms", "${env:LINGER}");
    weir_props_set(&connector, "url", "of the connector's, and not looked at");
    must_read();
    ck_assert_str_eq(settings()->url, "tcp://somewhere/${topic}${vault:x}");
    ck_assert_str_eq(settings()->password, "tiger");
    ck_assert_str_eq(weir_props_get(&config.producer, "linger.ms"), "77");
    clean = weir_secrets_hide(&config.secrets, "tiger at somewhere");
    ck_assert_str_eq(clean, "${env:PW} at ${env:HOST}");
    free(clean);
    ck_assert_str_eq(weir_props_get(&task, "password"), "${env:PW}");
}
END_TEST

START_TEST(a_plain_password_is_hidden_too)
{
    char *clean;

    weir_props_set(&task, "password", "hunter22");
    weir_props_set(&connector, "producer.override.sasl.password", "hunter33");
    must_read();
    clean = weir_secrets_hide(&config.secrets, "hunter22 and hunter33");
    ck_assert_str_eq(clean, "[hidden] and [hidden]");
    free(clean);
}
END_TEST

static const struct {
    const char *key, *value, *says;
    weir_code code;
} unresolved[] = {
    {"password", "${env:GONE}",
     "password: ${env:GONE}: provider 'env': there is no environment "
     "variable 'GONE'",
     WEIR_INVALID},
    {"producer.override.sasl.jaas.config", "${env:GONE}",
     "producer.override.sasl.jaas.config: ${env:GONE}", WEIR_INVALID},
    {"url", "${file:/nowhere:url}",
     "url: ${file:/nowhere:url}: provider 'file': Could not read properties from file /nowhere",
     WEIR_FAILED},
    {"value.converter", "${env:PW}", "${env:PW}", WEIR_INVALID},
};

START_TEST(a_task_that_cannot_have_its_values_says_which)
{
    weir_err err;

    declare_providers();
    weir_props_set(&task, unresolved[_i].key, unresolved[_i].value);
    ck_assert_int_eq(read_config(&plugin, &err), unresolved[_i].code);
    ck_assert_msg(strstr(err.msg, unresolved[_i].says), "got: %s", err.msg);
    ck_assert_msg(!strstr(err.msg, "tiger"), "got: %s", err.msg);
}
END_TEST

START_TEST(what_is_no_password_stays_as_it_is_written)
{
    declare_providers();
    weir_props_set(&task, "url", "tcp://${env:GONE}");
    must_read();
    ck_assert_str_eq(settings()->url, "tcp://${env:GONE}");
}
END_TEST

WEIR_UNIT_MAIN("task_config", tcase_add_checked_fixture(tests, set_up, tear_down);
               tcase_add_loop_test(tests, the_level_that_names_a_converter_supplies_its_options, 0,
                                   (int)WEIR_COUNT(levels));
               tcase_add_loop_test(tests, the_producer_has_our_defaults_and_the_users_last_word, 0,
                                   (int)WEIR_COUNT(producer));
               tcase_add_test(tests, a_short_linger_is_the_tasks_own);
               tcase_add_loop_test(tests, a_smaller_queue_bounds_what_is_on_its_way, 0,
                                   (int)WEIR_COUNT(bounds));
               tcase_add_test(tests, what_is_wrong_is_named);
               tcase_add_test(tests, a_task_starts_with_the_values_of_its_variables);
               tcase_add_test(tests, a_plain_password_is_hidden_too);
               tcase_add_loop_test(tests, a_task_that_cannot_have_its_values_says_which, 0,
                                   (int)WEIR_COUNT(unresolved));
               tcase_add_test(tests, what_is_no_password_stays_as_it_is_written);)
