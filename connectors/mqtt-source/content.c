/* content.c - see content.h.
 *
 * A ring of entries in the order in which they were noted, each hanging in a bucket's chain.
 */
#include "content.h"

#include "bytes.h"
#include "slots.h"
#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD "${payload}"
#define NONE    UINT32_MAX

typedef struct entry {
    uint64_t hash;
    int64_t noted_ms;
    uint32_t next; /* in its chain */
} entry;

struct mqtt_content {
    mqtt_template **parts; /* the payload stands between them */
    size_t part_count;
    bool payload_alone; /* is the key */
    int64_t window_ms;
    entry *entries; /* a ring */
    size_t room, oldest, count;
    uint32_t *buckets; /* a power of two of them */
    size_t bucket_mask;
    mqtt_bytes text;    /* of the message at hand */
    uint64_t last_hash; /* … and its hash */
};

/* ---- Life --------------------------------------------------------------------------------------
 */

static bool take_apart(mqtt_content *content, const char *key, char *why, size_t room)
{
    for (const char *end; key; key = end ? end + strlen(PAYLOAD) : NULL) {
        mqtt_template *part;
        char *text;

        end = strstr(key, PAYLOAD);
        text = mqtt_strndup(key, end ? (size_t)(end - key) : strlen(key));
        part = mqtt_template_new(text, why, room);
        free(text);
        if (!part)
            return false;
        content->parts =
            mqtt_realloc(content->parts, content->part_count + 1, sizeof(*content->parts));
        content->parts[content->part_count++] = part;
    }
    return true;
}

mqtt_content *mqtt_content_new(const char *key, size_t window_size, int64_t window_ms, char *why,
                               size_t room)
{
    mqtt_content *content = mqtt_alloc(1, sizeof(*content));
    size_t buckets = 16;

    if (!take_apart(content, key, why, room)) {
        mqtt_content_free(content);
        return NULL;
    }
    while (buckets < window_size)
        buckets *= 2;
    content->payload_alone = strcmp(key, PAYLOAD) == 0;
    content->window_ms = window_ms;
    content->room = window_size;
    content->entries = mqtt_alloc(window_size, sizeof(*content->entries));
    content->buckets = mqtt_alloc(buckets, sizeof(*content->buckets));
    content->bucket_mask = buckets - 1;
    mqtt_content_clear(content);
    return content;
}

void mqtt_content_free(mqtt_content *content)
{
    if (!content)
        return;
    for (size_t i = 0; i < content->part_count; i++)
        mqtt_template_free(content->parts[i]);
    free(content->parts);
    free(content->entries);
    free(content->buckets);
    mqtt_bytes_free(&content->text);
    free(content);
}

void mqtt_content_clear(mqtt_content *content)
{
    content->oldest = content->count = 0;
    for (size_t i = 0; i <= content->bucket_mask; i++)
        content->buckets[i] = NONE;
}

/* ---- The window --------------------------------------------------------------------------------
 */

static uint32_t *bucket_of(const mqtt_content *content, uint64_t hash)
{
    return &content->buckets[(hash ^ hash >> 32) & content->bucket_mask];
}

static void drop_oldest(mqtt_content *content)
{
    uint32_t index = (uint32_t)content->oldest;
    uint32_t *link = bucket_of(content, content->entries[index].hash);

    while (*link != index)
        link = &content->entries[*link].next;
    *link = content->entries[index].next;
    content->oldest = (content->oldest + 1) % content->room;
    content->count--;
}

static uint64_t hash_of(mqtt_content *content, const mqtt_publish *publish)
{
    mqtt_bytes *text = &content->text;

    if (content->payload_alone)
        return mqtt_hash("", 0, publish->payload, publish->payload_size);
    mqtt_bytes_clear(text);
    for (size_t i = 0; i < content->part_count; i++) {
        if (i)
            mqtt_bytes_append(text, publish->payload, publish->payload_size);
        mqtt_template_render(content->parts[i], publish->topic, publish->topic_size, publish->qos,
                             text);
    }
    return mqtt_hash("", 0, text->data + text->start, mqtt_bytes_size(text));
}

bool mqtt_content_knows(mqtt_content *content, const mqtt_publish *publish, int64_t now_ms)
{
    uint64_t hash = hash_of(content, publish);

    content->last_hash = hash;
    while (content->count &&
           now_ms - content->entries[content->oldest].noted_ms >= content->window_ms)
        drop_oldest(content);
    for (uint32_t i = *bucket_of(content, hash); i != NONE; i = content->entries[i].next)
        if (content->entries[i].hash == hash)
            return true;
    return false;
}

void mqtt_content_note(mqtt_content *content, int64_t now_ms)
{
    uint32_t *bucket = bucket_of(content, content->last_hash);
    size_t index;

    if (content->count == content->room)
        drop_oldest(content);
    index = (content->oldest + content->count++) % content->room;
    content->entries[index] = (entry){content->last_hash, now_ms, *bucket};
    *bucket = (uint32_t)index;
}
