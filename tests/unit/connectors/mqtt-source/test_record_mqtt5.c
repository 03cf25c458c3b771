/* test_record_mqtt5.c - properties of a message in Kafka (R19). */
#include "fill.h"
#include "record.h"

#include "tests/support/unit.h"

#include <stdio.h>

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void ignore(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    ck_assert_msg(level != WEIR_ERROR, "%s: %s", key, text);
}

typedef struct world {
    mqtt_settings settings;
    mqtt_setup *setup;
    mqtt_records *records;
    weir_record record;
    const char *kind;
    char why[256];
} world;

static void begin(world *w, const char *style)
{
    const char *pairs[] = {"mqtt.server.uri",     "tcp://h", "mqtt.topics", "#",
                           "kafka.headers.style", style,     NULL};
    mqtt_findings findings = {.note = ignore};

    fill(&w->settings, pairs);
    w->setup = mqtt_setup_new(&w->settings, "conn", 0, &findings);
    w->records = mqtt_records_new(w->setup);
}

static void end(world *w)
{
    mqtt_records_free(w->records);
    mqtt_setup_free(w->setup);
}

static bool make(world *w, const uint8_t *properties, size_t size)
{
    mqtt_message message = {
        .publish = {
            .topic = "t", .topic_size = 1, .payload = (const uint8_t *)"x", .payload_size = 1}};
    mqtt_fault fault;

    ck_assert(mqtt_check_properties(MQTT_IN(MQTT_TYPE_PUBLISH), properties, size,
                                    &message.publish.properties, &fault));
    return mqtt_record_make(w->records, &message, mqtt_unix_ms(), &w->record, &w->kind, w->why,
                            sizeof(w->why));
}

static const struct {
    uint8_t bytes[40];
    size_t size;
    const char *header, *value;
    weir_kind kind;
} rows[] = {
    {{1, 0}, 2, "mqtt.payload.format", "0", WEIR_JSON},
    {{1, 1}, 2, "mqtt.payload.format", "1", WEIR_JSON},
    {{2, 0xff, 0xff, 0xff, 0xff}, 5, "mqtt.message.expiry", "4294967295", WEIR_JSON},
    {{3, 0, 4, 'a', '/', 0xc3, 0xa9}, 7, "mqtt.content.type", "a/\xc3\xa9", WEIR_TEXT},
    {{3, 0, 0}, 3, "mqtt.content.type", "", WEIR_TEXT},
    {{8, 0, 3, 'r', '/', '1'}, 6, "mqtt.response.topic", "r/1", WEIR_TEXT},
    {{9, 0, 2, 0xff, 0xfe}, 5, "mqtt.correlation.data", "\xff\xfe", WEIR_BYTES},
    {{9, 0, 0}, 3, "mqtt.correlation.data", "", WEIR_BYTES},
    {{38, 0, 1, 'k', 0, 1, 'v'}, 7, "mqtt.user.k", "v", WEIR_TEXT},
    {{38, 0, 0, 0, 0}, 5, "mqtt.user.", "", WEIR_TEXT},
};

START_TEST(a_property_becomes_a_header)
{
    const weir_header *header;
    world w;

    begin(&w, "mqtt");
    ck_assert(make(&w, rows[_i].bytes, rows[_i].size));
    ck_assert_uint_eq(w.record.header_count, 6); /* behind the five that every message has */
    header = &w.record.headers[5];
    ck_assert_str_eq(header->name, rows[_i].header);
    ck_assert_int_eq(header->value.kind, rows[_i].kind);
    ck_assert_uint_eq(header->value.size, strlen(rows[_i].value));
    ck_assert_mem_eq(header->value.bytes, rows[_i].value, header->value.size);
    end(&w);
}
END_TEST

START_TEST(user_properties_keep_their_order_and_their_repeats)
{
    static const char *const want[] = {"mqtt.user.a=1", "mqtt.content.type=c", "mqtt.user.b=2",
                                       "mqtt.user.a=3"};
    static const uint8_t bytes[] = {38,  0, 1, 'a', 0,  1, '1', 3, 0, 1,   'c', 38, 0,  1,
                                    'b', 0, 1, '2', 11, 7, 38,  0, 1, 'a', 0,   1,  '3'};
    char text[64];
    world w;

    begin(&w, "both");
    ck_assert(make(&w, bytes, sizeof(bytes)));
    ck_assert_uint_eq(w.record.header_count, 5 + 4 + 2);
    for (size_t i = 0; i < 4; i++) {
        const weir_header *header = &w.record.headers[5 + i];

        snprintf(text, sizeof(text), "%s=%.*s", header->name, (int)header->value.size,
                 (const char *)header->value.bytes);
        ck_assert_str_eq(text, want[i]);
    }
    end(&w);
}
END_TEST

/* The names have moved when the memory for them has grown: none is left behind. */
START_TEST(a_thousand_user_properties_are_a_thousand_headers_and_the_memory_stays)
{
    static uint8_t bytes[1000 * 12];
    const weir_header *first;
    world w;

    for (size_t i = 0; i < 1000; i++) {
        char *at = (char *)bytes + 12 * i, digits[5];

        snprintf(digits, sizeof(digits), "%04zu", i);
        memcpy(at, "\x26\x00\x04----\x00\x03xyz", 12);
        memcpy(at + 3, digits, 4);
    }
    begin(&w, "mqtt");
    ck_assert(make(&w, bytes, 12)); /* small first: then it has to grow */
    for (int round = 0; round < 3; round++) {
        ck_assert(make(&w, bytes, sizeof(bytes)));
        ck_assert_uint_eq(w.record.header_count, 1005);
        for (size_t i = 0; i < 1000; i++) {
            char name[32];

            snprintf(name, sizeof(name), "mqtt.user.%04zu", i);
            ck_assert_str_eq(w.record.headers[5 + i].name, name);
        }
        if (round == 0)
            first = w.record.headers;
        ck_assert_ptr_eq(w.record.headers, first);
    }
    end(&w);
}
END_TEST

static const struct {
    uint8_t bytes[12];
    size_t size;
} no_text[] = {
    {{3, 0, 1, 0xff}, 4},
    {{8, 0, 1, 0xc3}, 4},
    {{38, 0, 1, 0xff, 0, 1, 'v'}, 7},
    {{38, 0, 1, 'k', 0, 1, 0xff}, 7},
    {{38, 0, 1, 0, 0, 1, 'v'}, 7}, /* NUL, which MQTT forbids as well */
};

/* Disconnecting would only bring it back: it takes the error path, like a topic that is no text. */
START_TEST(a_property_that_is_not_utf8_makes_no_record)
{
    world w;

    begin(&w, "mqtt");
    ck_assert(!make(&w, no_text[_i].bytes, no_text[_i].size));
    ck_assert_ptr_nonnull(strstr(w.why, "is not UTF-8"));
    end(&w);
    begin(&w, "none"); /* where nobody looks at it, it does no harm */
    ck_assert(make(&w, no_text[_i].bytes, no_text[_i].size));
    ck_assert_uint_eq(w.record.header_count, 0);
    end(&w);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source records: MQTT 5",
    tcase_add_loop_test(tests, a_property_becomes_a_header, 0, ROWS(rows));
    tcase_add_test(tests, user_properties_keep_their_order_and_their_repeats);
    tcase_add_test(tests, a_thousand_user_properties_are_a_thousand_headers_and_the_memory_stays);
    tcase_add_loop_test(tests, a_property_that_is_not_utf8_makes_no_record, 0, ROWS(no_text));)
