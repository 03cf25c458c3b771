/* test_connector_check.c - a config is judged as Kafka Connect judges it, in Kafka's words. */
#include "tests/unit/plugin/examine.h"

#include "tests/support/unit.h"

#define GOOD "name=c1|connector.class=good|good.topic=t"

/* ---- Which plugin ------------------------------------------------------------------------- */

static const struct {
    const char *config, *path, *says;
    weir_code code;
} classes[] = {
    {"name=x", NULL, "Connector config {name} contains no connector type", WEIR_INVALID},
    {"", NULL, "Connector config {} contains no connector type", WEIR_INVALID},
    {"name=x|connector.class", NULL, "contains no connector type", WEIR_INVALID},
    {"connector.class=Nope", NULL,
     "Failed to find any class that implements Connector and which name matches Nope, available "
     "connectors are: ",
     WEIR_NOT_FOUND},
    {"connector.class=Nope", NULL, "good (or GoodSource, GoodSourceConnector, ", WEIR_NOT_FOUND},
    {"connector.class=", NULL, "which name matches , available", WEIR_NOT_FOUND},
    {"connector.class=good", "Other",
     "Included connector type good does not match request type "
     "Other",
     WEIR_INVALID},
    {"connector.class=GoodSource", "com.example.GoodSourceConnector", "does not match request type",
     WEIR_INVALID},
};

START_TEST(a_config_without_a_plugin_is_refused_without_a_report)
{
    weir_check_request more = {.class_in_path = classes[_i].path};
    weir_check check;

    examine_as("", classes[_i].config, &more, &check);
    ck_assert_int_eq(check.code, classes[_i].code);
    ck_assert_int_eq(check.err.code, classes[_i].code);
    ck_assert_msg(strstr(check.err.msg, classes[_i].says), "got: %s", check.err.msg);
    ck_assert_msg(strstr(check.message, classes[_i].says), "got: %s", check.message);
    ck_assert_ptr_null(check.report);
    ck_assert_uint_eq(check.task_count, 0);
    weir_check_clear(&check);
}
END_TEST

static const struct {
    const char *class_name, *path;
} fitting[] = {
    {"good", "good"},
    {"GoodSource", "GoodSource"},
    {"GoodSource", "Source"},
    {"GoodSource", "GoodSourceConnector"},
    {"com.example.GoodSourceConnector", "GoodSource"},
    {" good ", "good"},
};

START_TEST(the_class_must_end_with_what_the_path_says)
{
    weir_check_request more = {.class_in_path = fitting[_i].path};
    char *config = weir_format("name=c1|good.topic=t|connector.class=%s", fitting[_i].class_name);
    weir_check check;

    examine_as("", config, &more, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(a_missing_class_never_shows_values_for_they_may_be_secret)
{
    weir_check check;

    examine("name=x|mqtt.password=geheim", &check);
    ck_assert_msg(!strstr(check.message, "geheim"), "%s", check.message);
    ck_assert(strstr(check.message, "mqtt.password"));
    weir_check_clear(&check);
}
END_TEST

/* ---- One key ------------------------------------------------------------------------------ */

#define NULL_TEXT "Null value can not be supplied as the configuration value."

static const struct {
    const char *more, *key, *errors;
    int count;
} keys[] = {
    {"name=", "name", "Invalid value  for configuration name: String may not be empty", 1},
    {"name=   ", "name", "Invalid value  for configuration name: String may not be empty", 1},
    {"name=a\nb", "name",
     "Invalid value a\nb for configuration name: String may not contain control sequences but had "
     "the following ASCII chars: 10",
     1},
    {"name=a\nb\xc2\x85", "name",
     "Invalid value a\nb\xc2\x85 for configuration name: String may not contain control sequences "
     "but had the following ASCII chars: 10, 133",
     1},
    {"name", "name", NULL_TEXT, 1},
    {"tasks.max=0", "tasks.max",
     "Invalid value 0 for configuration tasks.max: Value must be at least 1", 1},
    {"tasks.max=-7", "tasks.max",
     "Invalid value -7 for configuration tasks.max: Value must be at least 1", 1},
    {"tasks.max=x", "tasks.max",
     "Invalid value x for configuration tasks.max: Not a number of type INT / Invalid value null "
     "for configuration tasks.max: Value must be non-null",
     2},
    {"tasks.max=3000000000", "tasks.max",
     "Invalid value 3000000000 for configuration tasks.max: Not a number of type INT / Invalid "
     "value null for configuration tasks.max: Value must be non-null",
     2},
    {"tasks.max", "tasks.max",
     "Invalid value null for configuration tasks.max: Value must be non-null / " NULL_TEXT, 2},
    {"tasks.max.enforce=yes", "tasks.max.enforce",
     "Invalid value yes for configuration tasks.max.enforce: Expected value to be either true or "
     "false",
     1},
    {"errors.log.enable=1", "errors.log.enable",
     "Invalid value 1 for configuration errors.log.enable: Expected value to be either true or "
     "false",
     1},
    {"errors.retry.timeout=soon", "errors.retry.timeout",
     "Invalid value soon for configuration errors.retry.timeout: Not a number of type LONG", 1},
    {"errors.tolerance=ALL", "errors.tolerance",
     "Invalid value ALL for configuration errors.tolerance: String must be one of: none, all", 1},
    {"errors.tolerance", "errors.tolerance",
     "Invalid value null for configuration errors.tolerance: String must be one of: none, all "
     "/ " NULL_TEXT,
     2},
    {"config.action.reload=Restart", "config.action.reload",
     "Invalid value Restart for configuration config.action.reload: String must be one of: none, "
     "restart",
     1},
    {"key.converter=my.Converter", "key.converter",
     "Invalid value my.Converter for configuration key.converter: Class my.Converter could not be "
     "found.",
     1},
    {"value.converter=SimpleHeaderConverter", "value.converter",
     "Class class org.apache.kafka.connect.storage.SimpleHeaderConverter does not implement the "
     "Converter interface",
     1},
    {"key.converter", "key.converter", NULL_TEXT, 1},
    {"header.converter=Nope", "header.converter",
     "Invalid value Nope for configuration header.converter: Class Nope could not be found.", 1},
    {"value.converter=JsonConverter|value.converter.schemas.enable=no",
     "value.converter.schemas.enable",
     "Invalid value no for configuration schemas.enable: Expected value to be either true or false",
     1},
    {"key.converter=String|key.converter.converter.encoding=latin1",
     "key.converter.converter.encoding",
     "Invalid value latin1 for configuration converter.encoding: String must be one of: UTF8, "
     "UTF-8",
     1},
    {"transforms=a", "transforms.a.type",
     "Missing required configuration \"transforms.a.type\" which has no default value.", 1},
    {"transforms=a|transforms.a.type=my.Smt", "transforms.a.type",
     "Invalid value my.Smt for configuration transforms.a.type: Class my.Smt could not be found.",
     1},
    {"transforms=a, |transforms.a.type=", "transforms..type",
     "Missing required configuration \"transforms..type\" which has no default value.", 2},
    {"transforms", "transforms",
     "Invalid value null for configuration transforms: entry must be non null / " NULL_TEXT, 2},
    {"topic.creation.groups=a, b, a", "topic.creation.groups",
     "Invalid value [a, b, a] for configuration topic.creation.groups: Duplicate alias provided.",
     1},
    {"exactly.once.support=required", "exactly.once.support",
     "This worker does not have exactly-once source support enabled.", 1},
    {"exactly.once.support=maybe", "exactly.once.support",
     "Invalid value maybe for configuration exactly.once.support: String must be one of (case "
     "insensitive): REQUIRED, REQUESTED",
     1},
    {"transaction.boundary.interval.ms=-1", "transaction.boundary.interval.ms",
     "Invalid value -1 for configuration transaction.boundary.interval.ms: Value must be at least "
     "0",
     1},
    {"offsets.storage.topic=", "offsets.storage.topic",
     "Invalid value  for configuration offsets.storage.topic: String must be non-empty", 1},
    {"errors.deadletterqueue.topic.name=dead letters", "errors.deadletterqueue.topic.name",
     "Invalid value dead letters for configuration errors.deadletterqueue.topic.name: a topic's "
     "name is made of up to 249 letters, digits, '.', '_' and '-'",
     1},
    {"errors.deadletterqueue.topic.name=..", "errors.deadletterqueue.topic.name",
     "Invalid value .. for configuration errors.deadletterqueue.topic.name: a topic's name is made "
     "of up to 249 letters, digits, '.', '_' and '-'",
     1},
    {"errors.deadletterqueue.topic.name=same|kafka.topic=same", "errors.deadletterqueue.topic.name",
     "The dead-letter topic 'same' is the topic that the connector writes to (kafka.topic). Let it "
     "be another one.",
     1},
    {"errors.deadletterqueue.topic.replication.factor=0",
     "errors.deadletterqueue.topic.replication.factor",
     "Invalid value 0 for configuration errors.deadletterqueue.topic.replication.factor: a topic "
     "has at least one replica; -1 is the broker's default",
     1},
    {"errors.deadletterqueue.topic.replication.factor=40000",
     "errors.deadletterqueue.topic.replication.factor",
     "Invalid value 40000 for configuration errors.deadletterqueue.topic.replication.factor: Not a "
     "number of type SHORT",
     1},
    {"errors.deadletterqueue.context.headers.enable=yes",
     "errors.deadletterqueue.context.headers.enable",
     "Invalid value yes for configuration errors.deadletterqueue.context.headers.enable: Expected "
     "value to be either true or false",
     1},
    {"connector.plugin.version=0.0.9", "connector.plugin.version",
     "Plugin good not found that matches the version range [0.0.9,0.0.9], available versions: "
     "[1.2.3]",
     2},
    {"connector.plugin.version=0.0.9", "connector.class",
     "Plugin good not found that matches the version range [0.0.9,0.0.9], available versions: "
     "[1.2.3]",
     2},
    {"nobody.knows", "nobody.knows", NULL_TEXT, 1},
    {"good.kind=xml", "good.kind",
     "Invalid value xml for configuration good.kind: String must be one of: text, bytes, json, "
     "null",
     1},
    {"good.rate=-1", "good.rate",
     "Invalid value -1 for configuration good.rate: Value must be at least 0", 1},
    {"good.topic", "good.topic",
     "Missing required configuration \"good.topic\" which has no default value.", 1},
};

START_TEST(a_wrong_key_gets_kafkas_words_under_its_name)
{
    char *config = weir_format(GOOD "|%s", keys[_i].more), *errors;
    weir_check check;

    examine(config, &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    errors = errors_at(&check, keys[_i].key);
    ck_assert_str_eq(errors, keys[_i].errors);
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), keys[_i].count);
    ck_assert_uint_eq(check.task_count, 0);
    ck_assert_ptr_null(check.tasks);
    weir_check_clear(&check);
    free(errors);
    free(config);
}
END_TEST

static const char *const fine[] = {
    "",
    "tasks.max= 3 ",
    "tasks.max.enforce=FALSE",
    "errors.log.enable=TRUE",
    "errors.tolerance=all",
    "key.converter=JsonConverter|value.converter=ByteArray|header.converter=StringConverter",
    "key.converter=org.apache.kafka.connect.storage.StringConverter",
    "value.converter=JsonConverter|value.converter.schemas.enable=False",
    "value.converter.schemas.enable=no", /* the worker's class has the worker's options */
    "transforms=|predicates= ",
    "exactly.once.support=REQUESTED|transaction.boundary=Poll",
    "connector.plugin.version=1.2.3",
    "connector.plugin.version=[1.2.3]",
    "nobody.knows=me",
    "topic.creation.default.partitions=none",
    "good.password",
    "good.size",
    "errors.deadletterqueue.topic.name=",
    ("errors.deadletterqueue.topic.name=dead|errors.deadletterqueue.topic.replication.factor=-1|"
     "admin.override.socket.timeout.ms=5000"),
    "producer.override.linger.ms=20",
    "consumer.override.anything=goes",
    "admin.override.plugin.library.paths=/tmp", /* nobody uses it without a dead-letter topic */
};

START_TEST(what_kafka_takes_is_taken)
{
    char *config = weir_format(GOOD "|%s", fine[_i]);
    weir_check check;

    examine(config, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s: %s", fine[_i], check.err.msg);
    ck_assert_ptr_null(check.message);
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), 0);
    ck_assert_uint_ge(check.task_count, 1);
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(the_admin_client_of_a_dead_letter_topic_is_looked_at)
{
    weir_check check;
    char *errors;

    examine(GOOD "|errors.deadletterqueue.topic.name=dead|admin.override.plugin.library.paths=/tmp",
            &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    errors = errors_at(&check, "admin.override.plugin.library.paths");
    ck_assert_msg(strstr(errors, "only the worker's own properties may set it"), "%s", errors);
    free(errors);
    weir_check_clear(&check);
}
END_TEST

static const struct {
    const char *more;
    bool warned;
} tolerating[] = {
    {"errors.tolerance=all", true},
    {"errors.tolerance=all|errors.deadletterqueue.topic.name=", true},
    {"errors.tolerance=all|errors.deadletterqueue.topic.name=dead", false},
    {"errors.tolerance=none", false},
    {"", false},
};

START_TEST(whoever_lets_records_be_dropped_is_told)
{
    char *config = weir_format(GOOD "|%s", tolerating[_i].more), *notes;
    weir_check check;

    examine(config, &check);
    ck_assert_int_eq(check.code, WEIR_OK);
    notes = weir_json_dump(check.notes);
    ck_assert_int_eq(strstr(notes, "{\"level\":\"WARN\",\"key\":\"errors.tolerance\",\"text\":"
                                   "\"records that fail are dropped") != NULL,
                     tolerating[_i].warned);
    free(notes);
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(the_name_may_come_from_the_url_alone)
{
    weir_check_request more = {.connector = "from-url"};
    weir_check check;

    examine_as("", "connector.class=good|good.topic=t", &more, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_str_eq(weir_props_get(&check.normalised, "name"), "from-url");
    weir_check_clear(&check);

    examine("connector.class=good|good.topic=t", &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    ck_assert(strstr(check.err.msg,
                     "\nMissing required configuration \"name\" which has no default value.\n"));
    weir_check_clear(&check);
}
END_TEST

START_TEST(unknown_keys_are_told_and_known_ones_are_not)
{
    weir_check check;
    const json_t *note;

    examine(GOOD "|nobody.knows=me|key.converter.x=1|transforms.a.b=1|admin.override.x=1", &check);
    ck_assert_uint_eq(json_array_size(check.notes), 1);
    note = json_array_get(check.notes, 0);
    ck_assert_str_eq(weir_json_str(note, "level"), "WARN");
    ck_assert_str_eq(weir_json_str(note, "key"), "nobody.knows");
    ck_assert_str_eq(weir_json_str(note, "text"), "key 'nobody.knows' is not known to good");
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_topic_for_offsets_that_is_not_used_is_told)
{
    weir_check check;

    examine(GOOD "|offsets.storage.topic=mine", &check);
    ck_assert_uint_eq(json_array_size(check.notes), 1);
    ck_assert_str_eq(weir_json_str(json_array_get(check.notes, 0), "key"), "offsets.storage.topic");
    weir_check_clear(&check);
}
END_TEST

static const struct {
    const char *key, *meant; /* NULL: nobody can tell */
} slips[] = {
    {"good.topc", "good.topic"},
    {"good.tpoic", "good.topic"},
    {"GOOD.TOPICS", "good.topic"},
    {"topic", "good.topic"},
    {"task.max", "tasks.max"},
    {"value.convertor", "value.converter"},
    {"errors.tolerence", "errors.tolerance"},
    {"something.else.altogether", NULL},
    {"x", NULL},
    {"a.key.so.long.that.nobody.would.ever.have.meant.it.to.be.a.key.of.anything.that.there.is.in."
     "the.world",
     NULL},
};

START_TEST(a_slip_of_the_pen_is_told_what_was_meant)
{
    char *config = weir_format(GOOD "|%s=1", slips[_i].key);
    char *meant = weir_format("was '%s' meant?", slips[_i].meant);
    const char *text;
    weir_check check;

    examine(config, &check);
    ck_assert_uint_eq(json_array_size(check.notes), 1);
    text = weir_json_str(json_array_get(check.notes, 0), "text");
    if (slips[_i].meant)
        ck_assert_msg(strstr(text, meant), "%s", text);
    else
        ck_assert_msg(!strstr(text, "was '"), "%s", text);
    weir_check_clear(&check);
    free(meant);
    free(config);
}
END_TEST

START_TEST(unknown_keys_refuse_the_config_where_the_user_wants_that)
{
    weir_check check;
    char *errors;

    examine("name=c1|connector.class=bad-plan|nobody.knows=1|config.unknown.keys=error", &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    errors = errors_at(&check, "nobody.knows");
    ck_assert_str_eq(errors, "key 'nobody.knows' is not known to bad-plan");
    free(errors);
    weir_check_clear(&check);
    examine("name=c1|connector.class=bad-plan|nobody.knows=1", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    weir_check_clear(&check);
    /* A plugin that has no such option leaves no choice. */
    examine(GOOD "|nobody.knows=1|config.unknown.keys=error", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(json_array_size(check.notes), 2);
    weir_check_clear(&check);
}
END_TEST

/* ---- The text of POST and PUT ------------------------------------------------------------- */

#define TAIL                                                                                       \
    "\nYou can also find the above list of errors at the endpoint "                                \
    "`/connector-plugins/{connectorType}/config/validate`"

START_TEST(errors_are_listed_one_a_line_between_kafkas_sentences)
{
    weir_check check;

    examine("name=c1|connector.class=good|tasks.max=0|nobody.knows", &check);
    ck_assert_str_eq(
        check.message,
        "Connector configuration is invalid and contains the following 3 error(s):\n" NULL_TEXT
        "\nInvalid value 0 for configuration tasks.max: Value must be at least 1\n"
        "Missing required configuration \"good.topic\" which has no default value." TAIL);
    ck_assert_str_eq(check.err.msg, check.message);
    weir_check_clear(&check);
}
END_TEST

START_TEST(when_there_is_no_room_whole_lines_are_left_out_and_the_end_stays)
{
    weir_buf config = WEIR_BUF;
    weir_check check;
    size_t length;

    weir_buf_text_add(&config, GOOD);
    for (int i = 0; i < 40; i++)
        weir_buf_format(&config, "|unknown.key.%d", i);
    examine(weir_buf_text(&config), &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    length = strlen(check.err.msg);
    ck_assert_str_eq(check.err.msg + length - strlen("\n..." TAIL), "\n..." TAIL);
    ck_assert(strstr(check.err.msg, "following 40 error(s):\n" NULL_TEXT "\n"));
    ck_assert_uint_gt(strlen(check.message), 40 * strlen(NULL_TEXT));
    weir_check_clear(&check);
    weir_buf_free(&config);
}
END_TEST

/* ---- Client overrides --------------------------------------------------------------------- */

static const struct {
    const char *policy, *override, *key, *says; /* NULL: allowed */
} policies[] = {
    {"All", "producer.override.linger.ms=9", NULL, NULL},
    {"None", "consumer.override.linger.ms=9", NULL, NULL},
    {"None", "producer.override.linger.ms=9", "producer.override.linger.ms",
     "The 'None' policy does not allow 'linger.ms' to be overridden in the connector "
     "configuration."},
    {"Principal", "producer.override.linger.ms=9", "producer.override.linger.ms",
     "The 'Principal' policy does not allow 'linger.ms' to be overridden"},
    {"All",
     "producer.override.ssl.truststore.type=JKS|producer.override.ssl.truststore.location=/t",
     "producer.override.ssl.truststore", ""},
};

START_TEST(overrides_obey_the_policy_of_the_worker)
{
    char *worker = weir_format(
        "bootstrap.servers=k:9092|connector.client.config.override.policy=%s", policies[_i].policy);
    char *config = weir_format(GOOD "|%s", policies[_i].override);
    weir_check check;

    examine_as(worker, config, NULL, &check);
    if (!policies[_i].says) {
        ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    } else {
        ck_assert_int_eq(check.code, WEIR_INVALID);
        ck_assert_msg(strstr(check.err.msg, policies[_i].says), "got: %s", check.err.msg);
        ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), 1);
    }
    weir_check_clear(&check);
    free(config);
    free(worker);
}
END_TEST

/* ---- Tasks -------------------------------------------------------------------------------- */

START_TEST(a_task_has_the_connectors_config_and_its_class)
{
    weir_check check;

    examine(GOOD "|tasks.max=2|good.size|x=y", &check);
    ck_assert_uint_eq(check.task_count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(weir_props_get(&check.tasks[i], "name"), "c1");
        ck_assert_str_eq(weir_props_get(&check.tasks[i], "connector.class"), "good");
        ck_assert_str_eq(weir_props_get(&check.tasks[i], "good.topic"), "t");
        ck_assert_str_eq(weir_props_get(&check.tasks[i], "x"), "y");
        ck_assert_str_eq(weir_props_get(&check.tasks[i], "task.class"), "good");
        ck_assert(!weir_props_has(&check.tasks[i], "good.size"));
    }
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_plugin_without_plan_has_one_task)
{
    weir_check check;

    examine("name=c|connector.class=ticker|ticker.topic=t|tasks.max=5", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(check.task_count, 1);
    weir_check_clear(&check);
}
END_TEST

START_TEST(nothing_is_planned_when_nobody_asks)
{
    weir_check_request more = {.plan = false};
    weir_check check;

    examine_as("", GOOD, &more, &check);
    ck_assert_int_eq(check.code, WEIR_OK);
    ck_assert_uint_eq(check.task_count, 0);
    ck_assert_ptr_nonnull(check.report);
    weir_check_clear(&check);
}
END_TEST

WEIR_UNIT_MAIN(
    "connector_check", tcase_add_unchecked_fixture(tests, load_registry, unload_registry);
    tcase_add_loop_test(tests, a_config_without_a_plugin_is_refused_without_a_report, 0,
                        WEIR_COUNT(classes));
    tcase_add_loop_test(tests, the_class_must_end_with_what_the_path_says, 0, WEIR_COUNT(fitting));
    tcase_add_test(tests, a_missing_class_never_shows_values_for_they_may_be_secret);
    tcase_add_loop_test(tests, a_wrong_key_gets_kafkas_words_under_its_name, 0, WEIR_COUNT(keys));
    tcase_add_loop_test(tests, what_kafka_takes_is_taken, 0, WEIR_COUNT(fine));
    tcase_add_test(tests, the_admin_client_of_a_dead_letter_topic_is_looked_at);
    tcase_add_loop_test(tests, whoever_lets_records_be_dropped_is_told, 0, WEIR_COUNT(tolerating));
    tcase_add_test(tests, the_name_may_come_from_the_url_alone);
    tcase_add_test(tests, unknown_keys_are_told_and_known_ones_are_not);
    tcase_add_test(tests, a_topic_for_offsets_that_is_not_used_is_told);
    tcase_add_loop_test(tests, a_slip_of_the_pen_is_told_what_was_meant, 0, WEIR_COUNT(slips));
    tcase_add_test(tests, unknown_keys_refuse_the_config_where_the_user_wants_that);
    tcase_add_test(tests, errors_are_listed_one_a_line_between_kafkas_sentences);
    tcase_add_test(tests, when_there_is_no_room_whole_lines_are_left_out_and_the_end_stays);
    tcase_add_loop_test(tests, overrides_obey_the_policy_of_the_worker, 0, WEIR_COUNT(policies));
    tcase_add_test(tests, a_task_has_the_connectors_config_and_its_class);
    tcase_add_test(tests, a_plugin_without_plan_has_one_task);
    tcase_add_test(tests, nothing_is_planned_when_nobody_asks);)
