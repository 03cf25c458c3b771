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
    mqtt_template *key;
    char *const *filters; /* of the subscription, for ${filter} */
    size_t filter_count;
    bool payload_alone; /* is the key */
    int64_t window_ms;
    entry *entries; /* a ring */
    size_t room, oldest, count;
    uint32_t *buckets; /* a power of two of them */
    size_t bucket_mask;
    mqtt_bytes text;    /* of the message at hand */
    uint64_t last_hash; /* … and its hash */
    bool comparable;    /* it had what the key asks for */
};

/* ---- Life --------------------------------------------------------------------------------------
 */

mqtt_content *mqtt_content_new(const char *key, size_t window_size, int64_t window_ms, char *why,
                               size_t room)
{
    mqtt_content *content = mqtt_alloc(1, sizeof(*content));
    size_t buckets = 16;

    content->key = mqtt_template_new(key, &(mqtt_places){.payload = true}, why, room);
    if (!content->key) {
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
    mqtt_template_free(content->key);
    free(content->entries);
    free(content->buckets);
    mqtt_bytes_free(&content->text);
    free(content);
}

void mqtt_content_filters(mqtt_content *content, char *const *filters, size_t count)
{
    content->filters = filters;
    content->filter_count = count;
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

/* False: the message has not what the key asks for. */
static bool hash_of(mqtt_content *content, const mqtt_publish *publish, uint64_t *ret_hash)
{
    mqtt_view view = {
        .publish = publish, .filters = content->filters, .filter_count = content->filter_count};
    mqtt_bytes *text = &content->text;
    char why[128];

    if (content->payload_alone) {
        *ret_hash = mqtt_hash("", 0, publish->payload, publish->payload_size);
        return true;
    }
    mqtt_bytes_clear(text);
    mqtt_bytes_reserve(text, 1);
    if (!mqtt_template_render(content->key, &view, text, why, sizeof(why)))
        return false;
    *ret_hash = mqtt_hash("", 0, text->data + text->start, mqtt_bytes_size(text));
    return true;
}

bool mqtt_content_knows(mqtt_content *content, const mqtt_publish *publish, int64_t now_ms)
{
    uint64_t hash;

    content->comparable = hash_of(content, publish, &hash);
    if (!content->comparable)
        return false;
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

    if (!content->comparable)
        return;
    if (content->count == content->room)
        drop_oldest(content);
    index = (content->oldest + content->count++) % content->room;
    content->entries[index] = (entry){content->last_hash, now_ms, *bucket};
    *bucket = (uint32_t)index;
}
