/* test_record.c - what a message looks like in Kafka, and which cannot be there. */
#include "fill.h"
#include "record.h"

#include "tests/support/unit.h"

#include <check.h>
#include <stdio.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void ignore(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    ck_assert_msg(level != WEIR_ERROR, "%s: %s", key, text);
}

/* One message through one configuration; the record's pointers outlive it in `m`. */
typedef struct making {
    mqtt_settings settings;
    mqtt_setup *setup;
    mqtt_records *records;
    weir_record record;
    char why[256];
    bool made;
} making;

static void make(making *m, const char *const *more, const char *topic, size_t topic_size,
                 const char *payload, size_t size)
{
    const char *pairs[16] = {"mqtt.server.uri", "tcp://h", "mqtt.topics", "#"};
    mqtt_findings findings = {.note = ignore};
    mqtt_message message = {.publish = {.dup = true,
                                        .qos = 1,
                                        .id = 515,
                                        .topic = topic,
                                        .topic_size = topic_size,
                                        .payload = (const uint8_t *)payload,
                                        .payload_size = size},
                            .token = 99,
                            .too_large = !payload};

    for (size_t n = 0; more[n]; n++)
        pairs[4 + n] = more[n];
    fill(&m->settings, pairs);
    m->setup = mqtt_setup_new(&m->settings, "conn", 0, &findings);
    m->records = mqtt_records_new(m->setup);
    m->why[0] = '\0';
    m->made = mqtt_record_make(m->records, &message, &m->record, m->why, sizeof(m->why));
}

static void unmake(making *m)
{
    mqtt_records_free(m->records);
    mqtt_setup_free(m->setup);
}

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
        ck_assert_msg(!m.made && strstr(m.why, "kafka.topic") &&
                          strcmp(mqtt_record_fault(m.records), "topic") == 0,
                      "%s", m.why);
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
    char text[512] = "";
    making m;

    make(&m, (const char *const[]){"kafka.headers.style", headers[_i].style, NULL}, "a/b", 3, "x",
         1);
    for (size_t i = 0; i < m.record.header_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%.*s ",
                 m.record.headers[i].name, (int)m.record.headers[i].value.size,
                 (const char *)m.record.headers[i].value.bytes);
    ck_assert_str_eq(text, headers[_i].headers);
    unmake(&m);
}
END_TEST

static const struct {
    const char *topic;
    size_t size;
    const char *payload, *says;
} refused[] = {
    {"\xff", 1, "x", "not UTF-8"},
    {"a\0b", 3, "x", "not UTF-8"},
    {"t", 1, NULL, "mqtt.maximum.packet.size"},
};

START_TEST(what_cannot_be_a_record_says_why)
{
    making m;

    make(&m, (const char *const[]){NULL}, refused[_i].topic, refused[_i].size, refused[_i].payload,
         1);
    ck_assert(!m.made);
    ck_assert_msg(strstr(m.why, refused[_i].says), "%s", m.why);
    unmake(&m);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source record",
               tcase_add_loop_test(tests, a_payload_goes_out_as_what_it_is, 0, ROWS(values));
               tcase_add_loop_test(tests, the_kafka_topic_is_a_legal_one, 0, ROWS(topics));
               tcase_add_test(tests, a_topic_of_250_characters_is_too_long);
               tcase_add_loop_test(tests, the_key_follows_its_template, 0, ROWS(keys));
               tcase_add_loop_test(tests, headers_come_in_the_style_asked_for, 0, ROWS(headers));
               tcase_add_loop_test(tests, what_cannot_be_a_record_says_why, 0, ROWS(refused));)
