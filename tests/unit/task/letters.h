/* letters.h - reads what a task wrote to its dead-letter topic on the rig's mock Kafka. */
#ifndef WEIR_TESTS_TASK_LETTERS_H
#define WEIR_TESTS_TASK_LETTERS_H

#include "tests/unit/task/rig.h"

#define LETTERS_TOPIC "dead"

static rd_kafka_t *letters_reader;

static inline void letters_up(void)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    rd_kafka_mock_topic_create(rig.mock, LETTERS_TOPIC, 1, 1);
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(rig.mock), why,
                      sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "letters", why, sizeof(why));
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "20", why, sizeof(why));
    letters_reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    ck_assert_ptr_nonnull(letters_reader);
    rd_kafka_topic_partition_list_add(list, LETTERS_TOPIC, 0)->offset = 0;
    ck_assert_int_eq(rd_kafka_assign(letters_reader, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    weir_props_set(&rig.connector, "errors.deadletterqueue.topic.name", LETTERS_TOPIC);
    weir_props_set(&rig.connector, "errors.deadletterqueue.topic.replication.factor", "1");
    weir_props_set(&rig.connector, "errors.deadletterqueue.context.headers.enable", "true");
}

static inline void letters_down(void)
{
    rd_kafka_destroy(letters_reader);
}

/* The next one; destroy it. */
static inline rd_kafka_message_t *letters_next(void)
{
    int64_t until_ms = weir_now_ms() + RIG_LIMIT_MS;

    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(letters_reader, 100);

        if (message && !message->err)
            return message;
        if (message)
            rd_kafka_message_destroy(message);
        ck_assert_msg(weir_now_ms() < until_ms, "no dead letter came");
    }
}

/* A header as text: "(none)" when it is not there, "(null)" when it is null. */
static inline const char *letters_header(const rd_kafka_message_t *message, const char *name)
{
    static char text[2048];
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return "(none)";
    if (!value)
        return "(null)";
    snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)value);
    return text;
}

/* The names of all headers, in their order, a blank between. */
static inline char *letters_names(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    weir_buf names = WEIR_BUF;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             i++)
            weir_buf_format(&names, "%s%s", i ? " " : "", name);
    return weir_buf_take(&names);
}

#endif
