/* test_mapping.c - the mapping keys together: what validation says about them, rules, time,
 * headers, and formats against converters. */
#include "config_host.h"
#include "json_check.h"
#include "record_maker.h"
#include "value.h"

#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define JSON_CLASS  "org.apache.kafka.connect.json.JsonConverter"

/* ---- Validation ------------------------------------------------------------------------------ */

static const struct {
    const char *pairs[10];
    const char *note, *says; /* `says` NULL: nothing is said about that key */
} findings[] = {
    {{"kafka.topic", "a/b"}, "ERROR kafka.topic", "no name"},
    {{"kafka.topic", ""}, "ERROR kafka.topic", "empty"},
    {{"kafka.topic", ".."}, "ERROR kafka.topic", "no name"},
    {{"kafka.topic", "${topic[0]}"}, "ERROR kafka.topic", "count from 1"},
    {{"kafka.topic", "${topic"}, "ERROR kafka.topic", "no '}'"},
    {{"kafka.topic.replacement", "/"}, "ERROR kafka.topic.replacement", "either"},
    {{"kafka.key", "none"}, "INFO kafka.key", "no order per device"},
    {{"kafka.key", "${nothing}"}, "ERROR kafka.key", "not known"},
    {{"kafka.topic", "x${json:a}"}, "ERROR kafka.topic", "'${json:a}' at character 2"},
    {{"kafka.topic", "${re:1}"}, "ERROR kafka.topic", "belongs into a rule"},
    {{"kafka.topic", "${payload}"}, "ERROR kafka.topic", "does not belong here"},
    {{"kafka.key", "${payload}"}, "ERROR kafka.key", "does not belong here"},
    {{"kafka.key", "${user:x}", "mqtt.version", "3.1.1"}, "ERROR kafka.key", "no user properties"},
    {{"kafka.key", "${user:x}"}, "INFO kafka.key", "no user properties"},
    {{"kafka.key", "${user:x}", "mqtt.version", "5"}, "INFO kafka.key", NULL},
    {{"kafka.timestamp", "user:t", "mqtt.version", "3.1.1"},
     "ERROR kafka.timestamp",
     "no user properties"},
    {{"kafka.timestamp", "now"}, "ERROR kafka.timestamp", "none of receive, none, json:/pointer"},
    {{"kafka.timestamp", "user:"}, "ERROR kafka.timestamp", "user:name"},
    {{"kafka.timestamp", "json:t"}, "ERROR kafka.timestamp", "begins with '/'"},
    {{"kafka.timestamp", "json:/t:h"}, "ERROR kafka.timestamp", NULL}, /* a name with a colon */
    {{"kafka.timestamp", "json:/~:s"}, "ERROR kafka.timestamp", "~0"},
    {{"kafka.headers.include", "mqtt.topik"}, "WARN kafka.headers.include", "'mqtt.topik'"},
    {{"kafka.headers.exclude", "mqtt.user.x, Camel*, *"}, "WARN kafka.headers.exclude", NULL},
    {{"kafka.headers.exclude", "mqtt.us*, mqtt.user.*"}, "WARN kafka.headers.exclude", NULL},
    {{"kafka.headers.exclude", "mqtt.user."}, "WARN kafka.headers.exclude", "'mqtt.user.'"},
    {{"kafka.headers.static.", "x"}, "ERROR kafka.headers.static.", "name is missing"},
    {{"kafka.topic.rules", "a"}, "ERROR kafka.topic.rules.a.match", "neither match nor regex"},
    {{"kafka.topic.rules", "a,a", "kafka.topic.rules.a.match", "#"},
     "ERROR kafka.topic.rules",
     "'a' is named twice"},
    {{"kafka.topic.rules.b.match", "#"}, "ERROR kafka.topic.rules.b.match", "belongs to no rule"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.match", "#", "kafka.topic.rules.a.mach", "#"},
     "ERROR kafka.topic.rules.a.mach",
     "belongs to no rule"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.match", "#", "kafka.topic.rules.a", "#"},
     "ERROR kafka.topic.rules.a",
     "belongs to no rule"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.match", "a/#/b"},
     "ERROR kafka.topic.rules.a.match",
     "no topic filter"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.regex", "("},
     "ERROR kafka.topic.rules.a.regex",
     "a '(' has no ')'"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.regex", "(a)", "kafka.topic.rules.a.topic",
      "${re:2}"},
     "ERROR kafka.topic.rules.a.topic",
     "not so many groups"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.match", "#", "kafka.topic.rules.a.topic",
      "${re:1}"},
     "ERROR kafka.topic.rules.a.topic",
     "belongs into a rule that has a regex"},
    {{"kafka.topic.rules", "a", "kafka.topic.rules.a.match", "#", "kafka.topic.rules.a.topic",
      "a/b"},
     "ERROR kafka.topic.rules.a.topic",
     "no name"},
    {{"kafka.topic.rules", "a.b", "kafka.topic.rules.a.b.match", "#"},
     "ERROR kafka.topic.rules",
     NULL},
};

START_TEST(a_finding_names_its_key)
{
    const char *pairs[16] = {"mqtt.server.uri", "tcp://broker", "mqtt.topics", "a/b"};
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    for (size_t n = 0; findings[_i].pairs[n]; n++)
        pairs[4 + n] = findings[_i].pairs[n];
    fill(&settings, pairs);
    ck_assert_int_eq(mqtt_validate(&l->host, &settings), WEIR_DONE);
    if (findings[_i].says) {
        ck_assert_msg(noted(l, findings[_i].note, findings[_i].says), "no %s in:%s",
                      findings[_i].note, all_notes(l));
        ck_assert_msg((l->errors > 0) == (findings[_i].note[0] == 'E'), "%s", all_notes(l));
    } else {
        ck_assert_msg(!noted(l, findings[_i].note, ""), "%s in:%s", findings[_i].note,
                      all_notes(l));
        ck_assert_msg(!l->errors, "%s", all_notes(l));
    }
    free(l);
}
END_TEST

START_TEST(a_template_with_more_fixed_text_than_a_name_holds_is_refused)
{
    char text[300] = "${qos}";
    const char *pairs[] = {"mqtt.server.uri", "tcp://h", "mqtt.topics", "a",
                           "kafka.topic",     text,      NULL};
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    memset(text + 6, 'a', 250);
    fill(&settings, pairs);
    mqtt_validate(&l->host, &settings);
    ck_assert_msg(noted(l, "ERROR kafka.topic", "longer than 249"), "%s", all_notes(l));
    free(l);
}
END_TEST

/* ---- Rules ----------------------------------------------------------------------------------- */

#define RULE "kafka.topic.rules."

static const char *const rules[] = {
    "kafka.topic.rules",
    "alarm, plant,both, quiet",
    "kafka.topic",
    "rest",
    RULE "alarm.match",
    "+/+/alarm",
    RULE "alarm.topic",
    "alarms",
    RULE "plant.regex",
    "plant/([^/]+)/(.*)",
    RULE "plant.topic",
    "plant-${re:1}",
    RULE "plant.key",
    "${re:2}",
    RULE "both.match",
    "a/#",
    RULE "both.regex",
    ".*/x",
    RULE "both.key",
    "${filter}",
    RULE "quiet.match",
    "q",
    RULE "quiet.key",
    "none",
    NULL,
};

static const struct {
    const char *mqtt, *topic, *key; /* `key` NULL: none */
} ruled[] = {
    {"plant/3/alarm", "alarms", "plant/3/alarm"}, /* the first that matches */
    {"plant/3/temp/1", "plant-3", "temp/1"},
    {"plant/a b/c", "plant-a_b", "c"},
    {"a/x", "rest", "#"},
    {"a/y", "rest", "a/y"}, /* its filter matches, its regex does not */
    {"b/x", "rest", "b/x"},
    {"q", "rest", NULL},
    {"elsewhere", "rest", "elsewhere"},
};

static void check_key(const making *m, const char *key)
{
    ck_assert_msg(m->made, "%s", m->why);
    ck_assert_int_eq(m->record.key.kind, key ? WEIR_TEXT : WEIR_NULL);
    if (key) {
        ck_assert_uint_eq(m->record.key.size, strlen(key));
        ck_assert_mem_eq(m->record.key.bytes, key, strlen(key));
    }
}

START_TEST(the_first_rule_that_matches_says_topic_and_key)
{
    making m;

    prepare(&m, rules);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ROWS(ruled); i++) {
            make_one(&m, ruled[i].mqtt, strlen(ruled[i].mqtt), "x", 1);
            check_key(&m, ruled[i].key);
            ck_assert_str_eq(m.record.topic, ruled[i].topic);
        }
    ck_assert_uint_eq(mqtt_records_look(m.records).topics, 2); /* fixed ones do not count */
    unmake(&m);
}
END_TEST

START_TEST(one_topic_too_many_is_an_error_and_the_known_ones_go_on)
{
    const char *const more[] = {"kafka.topic", "t-${topic}", "kafka.topic.max.distinct", "2", NULL};
    making m;

    prepare(&m, more);
    for (int round = 0; round < 3; round++) {
        make_one(&m, "a", 1, "x", 1);
        ck_assert(m.made);
        make_one(&m, "b", 1, "x", 1);
        ck_assert(m.made);
        make_one(&m, "c", 1, "x", 1);
        ck_assert(!m.made);
        ck_assert_str_eq(m.kind, "topic");
        ck_assert_msg(strstr(m.why, "'t-c', one more than kafka.topic.max.distinct (2)"), "%s",
                      m.why);
    }
    ck_assert_uint_eq(mqtt_records_look(m.records).topics, 2);
    unmake(&m);
}
END_TEST

START_TEST(an_empty_key_is_a_key)
{
    making m;

    make(&m, (const char *const[]){"kafka.key", "${topic[9]}", NULL}, "a", 1, "x", 1);
    check_key(&m, "");
    unmake(&m);
}
END_TEST

START_TEST(a_key_comes_out_of_the_payload)
{
    static const char payload[] = "{\"device\":{\"id\":\"\\u00fc-7\"}}";
    making m;

    make(&m, (const char *const[]){"kafka.key", "${json:/device/id}", NULL}, "a", 1, payload,
         strlen(payload));
    check_key(&m, "\xc3\xbc-7");
    unmake(&m);
}
END_TEST

/* ---- Time ------------------------------------------------------------------------------------ */

static const struct {
    const char *timestamp, *payload;
    int64_t ms; /* -2: the time of receipt, and it counts; -3: it does not */
} stamps[] = {
    {"receive", "{\"t\":1700000000000}", -3},
    {"none", "{\"t\":1700000000000}", -1},
    {"json:/t", "{\"t\":1700000000123}", 1700000000123},
    {"json:/t", "{\"t\":\"1700000000123\"}", 1700000000123},
    {"json:/t", "{\"t\":\"2023-11-14T23:13:20+01:00\"}", 1700000000000},
    {"json:/t:s", "{\"t\":1700000000.5}", 1700000000500},
    {"json:/t:ms", "{\"t\":1700000000123}", 1700000000123},
    {"json:/t:us", "{\"t\":1700000000123456}", 1700000000123},
    {"json:/t:iso", "{\"t\":\"2023-11-14T22:13:20Z\"}", 1700000000000},
    {"json:/a/1:s", "{\"a\":[0,1700000000]}", 1700000000000},
    {"json:/t:h", "{\"t:h\":1700000000123}", 1700000000123},
    {"json:", "1700000000123", 1700000000123},
    {"json::s", "1700000000", 1700000000000},
    {"json:/t:s", "{\"t\":1700000000000}", -2}, /* milliseconds: the year 55840 */
    {"json:/t", "{\"t\":1700000000}", -2},      /* seconds: January 1970 */
    {"json:/t", "{\"t\":-5}", -2},
    {"json:/t:iso", "{\"t\":1700000000123}", -2},
    {"json:/t", "{\"t\":null}", -2},
    {"json:/t", "{\"t\":true}", -2},
    {"json:/t", "{\"t\":{}}", -2},
    {"json:/t", "{\"t\":\"soon\"}", -2},
    {"json:/t", "{\"u\":1700000000123}", -2},
    {"json:/t", "{\"t\":1700000000123,\"t\":1}", -2},
    {"json:/t", "no JSON", -2},
    {"json:/t", "", -2},
    {"user:t", "{}", -2},
    {"user:at", "{}", 1700000000123},
};

START_TEST(a_record_has_the_time_that_was_asked_for)
{
    static const uint8_t user[] = "\x26\0\2at\0\x0d"
                                  "1700000000123";
    int64_t before = (int64_t)time(NULL) * 1000;
    mqtt_fault fault;
    making m;

    prepare(&m, (const char *const[]){"kafka.timestamp", stamps[_i].timestamp, NULL});
    ck_assert(mqtt_check_properties(MQTT_IN(MQTT_TYPE_PUBLISH), user, sizeof(user) - 1,
                                    &m.message.publish.properties, &fault));
    make_one(&m, "a", 1, stamps[_i].payload, strlen(stamps[_i].payload));
    ck_assert_msg(m.made, "%s", m.why);
    if (stamps[_i].ms > -2)
        ck_assert_int_eq(m.record.timestamp_ms, stamps[_i].ms);
    else
        ck_assert_int_ge(m.record.timestamp_ms, before);
    ck_assert_uint_eq(mqtt_records_look(m.records).timestamps_replaced, 0); /* not yet taken */
    make_one(&m, "a", 1, stamps[_i].payload, strlen(stamps[_i].payload));
    mqtt_record_taken(m.records);
    ck_assert_uint_eq(mqtt_records_look(m.records).timestamps_replaced, stamps[_i].ms == -2);
    unmake(&m);
}
END_TEST

/* ---- Headers --------------------------------------------------------------------------------- */

static const struct {
    const char *pairs[9], *headers;
} chosen[] = {
    {{"kafka.headers.include", "mqtt.topic,mqtt.user.a"}, "mqtt.topic=t mqtt.user.a=1 "},
    {{"kafka.headers.include", ""}, ""},
    {{"kafka.headers.exclude", "mqtt.user.*"},
     "mqtt.topic=t mqtt.message.id=515 mqtt.qos=1 mqtt.retained=false mqtt.duplicate=true "
     "mqtt.content.type=c "},
    {{"kafka.headers.include", "*e*", "kafka.headers.exclude", "mqtt.re*,mqtt.user.*"},
     "mqtt.message.id=515 mqtt.duplicate=true mqtt.content.type=c "},
    {{"kafka.headers.style", "both", "kafka.headers.exclude", "mqtt.*"},
     "CamelHeader.CamelMqttTopic=t CamelHeader.CamelMqttQoS=1 "},
    {{"kafka.headers.style", "camel", "kafka.headers.include", "*QoS"},
     "CamelHeader.CamelMqttQoS=1 "},
    {{"kafka.headers.style", "none", "kafka.headers.static.b", "2", "kafka.headers.static.a", "1"},
     "b=2 a=1 "},
    {{"kafka.headers.include", "mqtt.qos", "kafka.headers.static.site.name", "north",
      "kafka.headers.exclude", "site.name"},
     "mqtt.qos=1 site.name=north "},
};

START_TEST(headers_are_chosen_by_name_and_keep_their_order)
{
    static const uint8_t properties[] = "\x26\0\1a\0\1"
                                        "1"
                                        "\x03\0\1c"
                                        "\x26\0\2xe\0\1"
                                        "2";
    mqtt_fault fault;
    making m;

    prepare(&m, chosen[_i].pairs);
    ck_assert(mqtt_check_properties(MQTT_IN(MQTT_TYPE_PUBLISH), properties, sizeof(properties) - 1,
                                    &m.message.publish.properties, &fault));
    make_one(&m, "t", 1, "x", 1);
    ck_assert_msg(m.made, "%s", m.why);
    ck_assert_str_eq(headers_of(&m), chosen[_i].headers);
    unmake(&m);
}
END_TEST

/* ---- Formats and converters ------------------------------------------------------------------ */

static const struct {
    const char *topic, *payload;
    size_t size;
    const char *json; /* behind "ts" */
} envelopes[] = {
    {"a/b", "{\"x\": 1}", 8, "\"payload\":{\"x\": 1}}"},
    {"a/b", "21.5", 4, "\"payload\":21.5}"},
    {"a/b", "on \"it\"\n\\\x01", 10, "\"payload\":\"on \\\"it\\\"\\u000a\\\\\\u0001\"}"},
    {"a/b", "", 0, "\"payload\":\"\"}"},
    {"a/b", "\xff", 1, "\"payload_b64\":\"/w==\"}"},
    {"a/b", "\xff\xfe", 2, "\"payload_b64\":\"//4=\"}"},
    {"a/b", "\xff\xfe\xfd", 3, "\"payload_b64\":\"//79\"}"},
    {"a/b", "\xff\xfe\xfd\0", 4, "\"payload_b64\":\"//79AA==\"}"},
};

START_TEST(an_envelope_holds_topic_qos_retain_time_and_payload)
{
    static const char head[] = "{\"topic\":\"a/b\",\"qos\":1,\"retain\":false,\"ts\":";
    making m;
    const char *rest;
    long long ts;

    make(&m, (const char *const[]){"mqtt.payload.format", "envelope", NULL}, envelopes[_i].topic,
         strlen(envelopes[_i].topic), envelopes[_i].payload, envelopes[_i].size);
    ck_assert_msg(m.made, "%s", m.why);
    ck_assert_int_eq(m.record.value.kind, WEIR_JSON);
    ck_assert(mqtt_is_json(m.record.value.bytes, m.record.value.size));
    ck_assert_mem_eq(m.record.value.bytes, head, strlen(head));
    ts = strtoll((const char *)m.record.value.bytes + strlen(head), (char **)&rest, 10);
    ck_assert_int_eq(ts, m.record.timestamp_ms);
    ck_assert_int_eq(*rest, ',');
    ck_assert_mem_eq(rest + 1, envelopes[_i].json, strlen(envelopes[_i].json));
    ck_assert_uint_eq((size_t)(rest + 1 - (const char *)m.record.value.bytes) +
                          strlen(envelopes[_i].json),
                      m.record.value.size);
    /* The dead-letter topic gets what arrived. */
    ck_assert_ptr_nonnull(m.record.original);
    ck_assert_ptr_eq(m.record.original->bytes, envelopes[_i].payload);
    ck_assert_uint_eq(m.record.original->size, envelopes[_i].size);
    unmake(&m);
}
END_TEST

START_TEST(only_what_is_not_the_payload_itself_has_an_original)
{
    static const char *const formats[] = {"bytes", "string", "json", "auto"};
    making m;

    for (size_t i = 0; i < ROWS(formats); i++) {
        make(&m, (const char *const[]){"mqtt.payload.format", formats[i], NULL}, "a", 1, "1", 1);
        ck_assert(m.made);
        ck_assert_ptr_null(m.record.original);
        unmake(&m);
    }
}
END_TEST

static const char *converter, *schemas;

static const char *get(const weir_config_host *host, const char *key)
{
    (void)host;
    if (strcmp(key, "value.converter") == 0)
        return converter;
    return strcmp(key, "value.converter.schemas.enable") == 0 ? schemas : NULL;
}

static const struct {
    const char *format, *converter, *schemas;
    const char *note; /* NULL: nothing is said */
    const char *task; /* what plan() adds */
} table[] = {
    {"bytes", "org.apache.kafka.connect.converters.ByteArrayConverter", NULL, NULL, ""},
    {"auto", "org.apache.kafka.connect.converters.ByteArrayConverter", NULL, NULL, ""},
    {"json", "org.apache.kafka.connect.storage.StringConverter", "true", NULL, ""},
    {"envelope", "org.apache.kafka.connect.storage.StringConverter", NULL, NULL, ""},
    {"bytes", JSON_CLASS, "false", NULL, ""},
    {"string", JSON_CLASS, "false", NULL, ""},
    {"json", JSON_CLASS, "false", NULL, ""},
    {"json", JSON_CLASS, "False", NULL, ""},
    {"auto", JSON_CLASS, "false", NULL, ""},
    {"envelope", JSON_CLASS, "false", NULL, ""},
    {"bytes", JSON_CLASS, "true", NULL, ""},
    {"string", JSON_CLASS, "true", NULL, ""},
    {"json", JSON_CLASS, "true", "ERROR mqtt.payload.format", NULL},
    {"json", JSON_CLASS, NULL, "ERROR mqtt.payload.format", NULL}, /* so it is by default */
    {"JSON", JSON_CLASS, NULL, "ERROR mqtt.payload.format", NULL},
    {"auto", JSON_CLASS, "true", "WARN mqtt.payload.format", " mqtt.payload.format=bytes"},
    {"auto", JSON_CLASS, NULL, "WARN mqtt.payload.format", " mqtt.payload.format=bytes"},
    {"envelope", JSON_CLASS, "true", "INFO mqtt.payload.format",
     " value.converter=" JSON_CLASS " value.converter.schemas.enable=false"},
    {"json", NULL, NULL, NULL, ""},
};

START_TEST(a_format_is_held_against_the_converter)
{
    const char *pairs[] = {"mqtt.server.uri",     "tcp://h",        "mqtt.topics", "a",
                           "mqtt.payload.format", table[_i].format, NULL};
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    l->host.get = get;
    converter = table[_i].converter;
    schemas = table[_i].schemas;
    fill(&settings, pairs);
    ck_assert_int_eq(mqtt_validate(&l->host, &settings), WEIR_DONE);
    if (table[_i].note)
        ck_assert_msg(noted(l, table[_i].note, "chema"), "%s", all_notes(l));
    else
        ck_assert_msg(!strstr(all_notes(l), "chema"), "%s", all_notes(l));
    ck_assert_int_eq(l->errors > 0, !table[_i].task);
    if (table[_i].task) {
        const char *added;

        ck_assert_int_eq(mqtt_plan(&l->host, &settings, 1), WEIR_DONE);
        ck_assert_uint_eq(l->task_count, 1);
        added = strstr(l->tasks[0], "mqtt.client.id=${connector}-${task}");
        ck_assert_ptr_nonnull(added);
        ck_assert_str_eq(added + strlen("mqtt.client.id=${connector}-${task}"), table[_i].task);
    }
    free(l);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source mapping", tcase_add_loop_test(tests, a_finding_names_its_key, 0, ROWS(findings));
    tcase_add_test(tests, a_template_with_more_fixed_text_than_a_name_holds_is_refused);
    tcase_add_test(tests, the_first_rule_that_matches_says_topic_and_key);
    tcase_add_test(tests, one_topic_too_many_is_an_error_and_the_known_ones_go_on);
    tcase_add_test(tests, an_empty_key_is_a_key);
    tcase_add_test(tests, a_key_comes_out_of_the_payload);
    tcase_add_loop_test(tests, a_record_has_the_time_that_was_asked_for, 0, ROWS(stamps));
    tcase_add_loop_test(tests, headers_are_chosen_by_name_and_keep_their_order, 0, ROWS(chosen));
    tcase_add_loop_test(tests, an_envelope_holds_topic_qos_retain_time_and_payload, 0,
                        ROWS(envelopes));
    tcase_add_test(tests, only_what_is_not_the_payload_itself_has_an_original);
    tcase_add_loop_test(tests, a_format_is_held_against_the_converter, 0, ROWS(table));)
