/* letter.c - see letter.h. */
#include "task/letter.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONTEXT "__connect.errors."

static void drop_bytes(weir_bytes *bytes)
{
    free((void *)(uintptr_t)bytes->data);
    *bytes = (weir_bytes){0};
}

static void set_bytes(weir_bytes *bytes, const void *data, size_t size)
{
    drop_bytes(bytes);
    if (data)
        *bytes = (weir_bytes){weir_memdup(data, size), size};
}

weir_letter *weir_letter_new(const weir_failure *failure)
{
    weir_letter *letter = weir_new(weir_letter);

    letter->timestamp_ms = failure->timestamp_ms;
    set_bytes(&letter->key, failure->key.data, failure->key.size);
    set_bytes(&letter->value, failure->value.data, failure->value.size);
    if (!failure->value.data && failure->value.size > 0)
        weir_letter_leave_out_payload(letter, failure->value.size, "it was never stored");
    return letter;
}

void weir_letter_free(weir_letter *letter)
{
    if (!letter)
        return;
    drop_bytes(&letter->key);
    drop_bytes(&letter->value);
    for (size_t i = 0; i < letter->header_count; i++) {
        free((void *)(uintptr_t)letter->headers[i].name);
        drop_bytes(&letter->headers[i].value);
    }
    free(letter->headers);
    free(letter);
}

void weir_letter_free_all(weir_letter *first)
{
    while (first) {
        weir_letter *next = first->next;

        weir_letter_free(first);
        first = next;
    }
}

void weir_letter_add_header(weir_letter *letter, const char *name, const void *data, size_t size)
{
    weir_outgoing_header *header;

    if (letter->header_count == letter->header_room) {
        letter->header_room = letter->header_room ? letter->header_room * 2 : 16;
        letter->headers =
            weir_realloc(letter->headers, letter->header_room, sizeof(*letter->headers));
    }
    header = &letter->headers[letter->header_count++];
    *header = (weir_outgoing_header){.name = weir_strdup(name)};
    set_bytes(&header->value, data, size);
}

void weir_letter_add_headers_of(weir_letter *letter, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return; /* it has none */
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        weir_letter_add_header(letter, name, value, size);
}

/* ---- What is kept -------------------------------------------------------------------------- */

struct weir_kept {
    int64_t timestamp_ms;
    bool has_key, has_value; /* else the message has them */
    weir_bytes key, value;   /* into `bytes`; data NULL: null */
    char bytes[];
};

static bool is_same(const weir_bytes *a, const weir_bytes *b)
{
    return a->data == b->data && (a->size == b->size || !a->data);
}

static char *keep(weir_bytes *kept, const weir_bytes *bytes, char *room)
{
    if (!bytes->data)
        return room;
    memcpy(room, bytes->data, bytes->size);
    *kept = (weir_bytes){room, bytes->size};
    return room + bytes->size;
}

weir_kept *weir_kept_new(const weir_outgoing *sent, const weir_bytes *key, const weir_bytes *value)
{
    bool has_key = !is_same(&sent->key, key), has_value = !is_same(&sent->value, value);
    size_t size = (has_key ? key->size : 0) + (has_value ? value->size : 0);
    weir_kept *kept = weir_calloc(1, sizeof(*kept) + size);
    char *room = kept->bytes;

    kept->timestamp_ms = sent->timestamp_ms;
    kept->has_key = has_key;
    kept->has_value = has_value;
    if (has_key)
        room = keep(&kept->key, key, room);
    if (has_value)
        keep(&kept->value, value, room);
    return kept;
}

void weir_kept_restore(const weir_kept *kept, weir_failure *failure)
{
    failure->timestamp_ms = kept->timestamp_ms;
    if (kept->has_key)
        failure->key = kept->key;
    if (kept->has_value)
        failure->value = kept->value;
}

/* ---- Context ------------------------------------------------------------------------------- */

const char *weir_failure_exception(const weir_failure *failure)
{
    static const struct {
        const char *kind, *name;
    } names[] = {
        {"conversion", "org.apache.kafka.connect.errors.DataException"},
        {"mapping", "org.apache.kafka.connect.errors.DataException"},
        {"too-large", "org.apache.kafka.common.errors.RecordTooLargeException"},
        {"not-authorized", "org.apache.kafka.common.errors.TopicAuthorizationException"},
        {"topic", "org.apache.kafka.common.errors.InvalidTopicException"},
        {"timeout", "org.apache.kafka.common.errors.TimeoutException"},
    };

    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        if (strcmp(names[i].kind, failure->kind) == 0)
            return names[i].name;
    return "org.apache.kafka.connect.errors.ConnectException";
}

static void add_text(weir_letter *letter, const char *name, const char *text)
{
    weir_letter_add_header(letter, name, text, text ? strlen(text) : 0);
}

void weir_letter_add_context(weir_letter *letter, const weir_failure *failure,
                             const weir_letter_sender *sender)
{
    const char *exception = weir_failure_exception(failure);
    char partition[16], task[16];
    char *trace = weir_format("%s: %s\n\tat plugin %s %s, connector %s, task %" PRId32, exception,
                              failure->why, sender->plugin, sender->plugin_version,
                              sender->connector, sender->task);

    snprintf(partition, sizeof(partition), "%" PRId32, failure->partition);
    snprintf(task, sizeof(task), "%" PRId32, sender->task);
    add_text(letter, CONTEXT "topic", failure->topic);
    add_text(letter, CONTEXT "partition", failure->partition >= 0 ? partition : NULL);
    add_text(letter, CONTEXT "offset", NULL); /* it never had any */
    add_text(letter, CONTEXT "connector.name", sender->connector);
    add_text(letter, CONTEXT "task.id", task);
    add_text(letter, CONTEXT "stage", failure->stage);
    add_text(letter, CONTEXT "class.name", failure->class_name);
    add_text(letter, CONTEXT "exception.class.name", exception);
    add_text(letter, CONTEXT "exception.message", failure->why);
    add_text(letter, CONTEXT "exception.stacktrace", trace);
    free(trace);
}

void weir_letter_leave_out_payload(weir_letter *letter, size_t size, const char *why)
{
    char *text = weir_format("%zu bytes: %s", size, why);

    drop_bytes(&letter->value);
    add_text(letter, WEIR_LETTER_NO_PAYLOAD, text);
    free(text);
}

weir_outgoing weir_letter_outgoing(const weir_letter *letter, const char *topic)
{
    return (weir_outgoing){
        .topic = topic,
        .partition = -1,
        .timestamp_ms = letter->timestamp_ms,
        .key = letter->key,
        .value = letter->value,
        .headers = letter->headers,
        .header_count = letter->header_count,
        .opaque = letter->slot,
    };
}
