/* test_record.c - what a message looks like in Kafka, and which cannot be there. */
#include "record_maker.h"

#include "tests/support/unit.h"

#include <check.h>
#include <string.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *format, *payload;
    size_t size;
    bool made;
    weir_kind kind;
} values[] = {
    {"bytes", "\xff\x00", 2, true, WEIR_BYTES},    {"bytes", "", 0, true, WEIR_BYTES},
    {"string", "caf\xc3\xa9", 5, true, WEIR_TEXT}, {"string", "", 0, true, WEIR_TEXT},
    {"string", "\xff", 1, false, WEIR_NULL},       {"json", "{\"a\":1}", 7, true, WEIR_JSON},
    {"json", "{\"a\":1", 6, false, WEIR_NULL},     {"json", "", 0, false, WEIR_NULL},
    {"auto", " 21.5 ", 6, true, WEIR_JSON},        {"auto", "on", 2, true, WEIR_TEXT},
    {"auto", "\xff\xfe", 2, true, WEIR_BYTES},     {"auto", "", 0, true, WEIR_BYTES},
};

START_TEST(a_payload_goes_out_as_what_it_is)
{
    making m;

    make(&m, (const char *const[]){"mqtt.payload.format", values[_i].format, NULL}, "t", 1,
         values[_i].payload, values[_i].size);
    ck_assert_int_eq(m.made, values[_i].made);
    if (m.made) {
        ck_assert_int_eq(m.record.value.kind, values[_i].kind);
        ck_assert_ptr_eq(m.record.value.bytes, values[_i].payload); /* no copy */
        ck_assert_uint_eq(m.record.value.size, values[_i].size);
    } else {
        ck_assert_msg(strstr(m.why, values[_i].format), "%s", m.why);
    }
    unmake(&m);
}
END_TEST

static const struct {
    const char *made, *topic, *becomes; /* NULL: an error */
} topics[] = {
    {"mqtt", "a/b", "mqtt"},
    {"${topic}", "a/b", "a_b"},
    {"x.${topic[1]}", "plant/3", "x.plant"},
    {"${topic}", "caf\xc3\xa9", "caf_"},
    {"${topic[9]}", "a", NULL},
    {"${topic}", ".", NULL},
    {"${topic}", "..", NULL},
};

START_TEST(the_kafka_topic_is_a_legal_one)
{
    making m;

    make(&m, (const char *const[]){"kafka.topic", topics[_i].made, NULL}, topics[_i].topic,
         strlen(topics[_i].topic), "x", 1);
    if (topics[_i].becomes)
        ck_assert_str_eq(m.record.topic, topics[_i].becomes);
    else
        ck_assert_msg(!m.made && strstr(m.why, "kafka.topic") && strcmp(m.kind, "topic") == 0, "%s",
                      m.why);
    unmake(&m);
}
END_TEST

START_TEST(a_topic_of_250_characters_is_too_long)
{
    char topic[250];
    making m;

    memset(topic, 'a', sizeof(topic));
    for (size_t size = 249; size <= 250; size++) {
        make(&m, (const char *const[]){"kafka.topic", "${topic}", NULL}, topic, size, "x", 1);
        ck_assert_int_eq(m.made, size == 249);
        unmake(&m);
    }
}
END_TEST

static const struct {
    const char *made, *key; /* NULL: none */
} keys[] = {
    {"${topic}", "a/b"}, {"${topic[2]}", "b"}, {"all", "all"}, {"none", NULL}, {"NONE", NULL},
};

START_TEST(the_key_follows_its_template)
{
    making m;

    make(&m, (const char *const[]){"kafka.key", keys[_i].made, NULL}, "a/b", 3, "x", 1);
    if (keys[_i].key) {
        ck_assert_int_eq(m.record.key.kind, WEIR_TEXT);
        ck_assert_uint_eq(m.record.key.size, strlen(keys[_i].key));
        ck_assert_mem_eq(m.record.key.bytes, keys[_i].key, m.record.key.size);
    } else {
        ck_assert_int_eq(m.record.key.kind, WEIR_NULL);
    }
    unmake(&m);
}
END_TEST

static const struct {
    const char *style, *headers;
} headers[] = {
    {"none", ""},
    {"mqtt", "mqtt.topic=a/b mqtt.message.id=515 mqtt.qos=1 mqtt.retained=false "
             "mqtt.duplicate=true "},
    {"camel", "CamelHeader.CamelMqttTopic=a/b CamelHeader.CamelMqttQoS=1 "},
    {"both", "mqtt.topic=a/b mqtt.message.id=515 mqtt.qos=1 mqtt.retained=false "
             "mqtt.duplicate=true CamelHeader.CamelMqttTopic=a/b CamelHeader.CamelMqttQoS=1 "},
};

START_TEST(headers_come_in_the_style_asked_for)
{
    making m;

    make(&m, (const char *const[]){"kafka.headers.style", headers[_i].style, NULL}, "a/b", 3, "x",
         1);
    ck_assert_str_eq(headers_of(&m), headers[_i].headers);
    unmake(&m);
}
END_TEST

static const struct {
    const char *topic;
    size_t size;
    const char *payload, *kind, *says;
} refused[] = {
    {"\xff", 1, "x", "mapping", "not UTF-8"},
    {"a\0b", 3, "x", "mapping", "not UTF-8"},
    {"t", 1, NULL, "too-large", "mqtt.maximum.packet.size"},
    {"..", 2, "1", "topic", "no name of a Kafka topic"},
    {"t", 1, "{}", "mapping", "nothing at '/id'"},
    {"t", 1, "\xff", "mapping", "is not JSON"},
    {"t", 1, "{\"id\":1}", NULL, ""},
};

START_TEST(what_cannot_be_a_record_says_why)
{
    making m;

    make(&m,
         (const char *const[]){"kafka.topic", "${topic}", "kafka.key", "${json:/id}",
                               "mqtt.payload.format", "json", NULL},
         refused[_i].topic, refused[_i].size, refused[_i].payload,
         refused[_i].payload ? strlen(refused[_i].payload) : 3000000);
    ck_assert_int_eq(m.made, !refused[_i].kind);
    if (m.made) {
        unmake(&m);
        return;
    }
    ck_assert_str_eq(m.kind, refused[_i].kind);
    ck_assert_msg(strstr(m.why, refused[_i].says), "%s", m.why);
    /* What there is of it, for the dead-letter topic. */
    ck_assert_ptr_null(m.record.topic);
    ck_assert_int_eq(m.record.key.kind, WEIR_NULL);
    ck_assert_int_eq(m.record.value.kind, refused[_i].payload ? WEIR_BYTES : WEIR_NULL);
    ck_assert_ptr_eq(m.record.value.bytes, refused[_i].payload);
    ck_assert_uint_eq(m.record.token, 99);
    ck_assert_uint_eq(m.record.header_count, 5);
    ck_assert_int_eq(m.record.headers[0].value.kind,
                     mqtt_is_text(refused[_i].topic, refused[_i].size) ? WEIR_TEXT : WEIR_BYTES);
    unmake(&m);
}
END_TEST

START_TEST(a_bad_payload_is_a_conversion_error_with_the_payload_as_it_came)
{
    making m;

    make(&m, (const char *const[]){"mqtt.payload.format", "json", NULL}, "t", 1, "{", 1);
    ck_assert(!m.made);
    ck_assert_str_eq(m.kind, "conversion");
    ck_assert_int_eq(m.record.value.kind, WEIR_BYTES);
    ck_assert_uint_eq(m.record.value.size, 1);
    ck_assert_int_eq(m.record.key.kind, WEIR_NULL);
    unmake(&m);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source record",
               tcase_add_loop_test(tests, a_payload_goes_out_as_what_it_is, 0, ROWS(values));
               tcase_add_loop_test(tests, the_kafka_topic_is_a_legal_one, 0, ROWS(topics));
               tcase_add_test(tests, a_topic_of_250_characters_is_too_long);
               tcase_add_loop_test(tests, the_key_follows_its_template, 0, ROWS(keys));
               tcase_add_loop_test(tests, headers_come_in_the_style_asked_for, 0, ROWS(headers));
               tcase_add_loop_test(tests, what_cannot_be_a_record_says_why, 0, ROWS(refused));
               tcase_add_test(tests,
                              a_bad_payload_is_a_conversion_error_with_the_payload_as_it_came);)
