/* record_maker.h - one message through one configuration. */
#ifndef TEST_RECORD_MAKER_H
#define TEST_RECORD_MAKER_H

#include "fill.h"
#include "record.h"

#include <check.h>
#include <stdio.h>

static inline void no_error(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    ck_assert_msg(level != WEIR_ERROR, "%s: %s", key, text);
}

/* The record's pointers live until unmake(). */
typedef struct making {
    mqtt_settings settings;
    mqtt_setup *setup;
    mqtt_records *records;
    mqtt_message message;
    weir_record record;
    const char *kind;
    char why[256];
    bool made;
} making;

/* Key, value, …, NULL on top of what every configuration needs. */
static inline void prepare(making *m, const char *const *more)
{
    const char *pairs[48] = {"mqtt.server.uri", "tcp://h", "mqtt.topics", "#"};
    mqtt_findings findings = {.note = no_error};

    for (size_t n = 0; more[n]; n++) {
        ck_assert_uint_lt(4 + n, 47);
        pairs[4 + n] = more[n];
    }
    fill(&m->settings, pairs);
    m->setup = mqtt_setup_new(&m->settings, "conn", 0, &findings);
    m->records = mqtt_records_new(m->setup);
    m->message = (mqtt_message){.publish = {.dup = true, .qos = 1, .id = 515}, .token = 99};
}

/* `payload` NULL: too large. */
static inline void make_one(making *m, const char *topic, size_t topic_size, const char *payload,
                            size_t size)
{
    m->message.publish.topic = topic;
    m->message.publish.topic_size = topic_size;
    m->message.publish.payload = (const uint8_t *)payload;
    m->message.publish.payload_size = size;
    m->message.too_large = !payload;
    m->why[0] = '\0';
    m->kind = NULL;
    m->made = mqtt_record_make(m->records, &m->message, mqtt_unix_ms(), &m->record, &m->kind,
                               m->why, sizeof(m->why));
}

static inline void make(making *m, const char *const *more, const char *topic, size_t topic_size,
                        const char *payload, size_t size)
{
    prepare(m, more);
    make_one(m, topic, topic_size, payload, size);
}

static inline void unmake(making *m)
{
    mqtt_records_free(m->records);
    mqtt_setup_free(m->setup);
}

/* "name=value name=value " */
static inline const char *headers_of(const making *m)
{
    static char text[2048];

    text[0] = '\0';
    for (size_t i = 0; i < m->record.header_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%.*s ",
                 m->record.headers[i].name, (int)m->record.headers[i].value.size,
                 (const char *)m->record.headers[i].value.bytes);
    return text;
}

#endif
