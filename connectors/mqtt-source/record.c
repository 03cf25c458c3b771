/* record.c - see record.h. */
#include "record.h"

#include "headers.h"
#include "moment.h"
#include "topic_names.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mqtt_records {
    const mqtt_setup *setup;
    bool is_plain;              /* one topic for all: it is in `topic` for good */
    mqtt_bytes topic, key;      /* of the record at hand */
    mqtt_bytes rendered, value; /* scratch */
    mqtt_headers *headers;
    mqtt_name_set *names; /* that templates have made */
    mqtt_text groups[MQTT_REGEX_GROUPS];
    weir_data original;
    bool replaced; /* the timestamp of the record at hand */
    mqtt_record_facts facts;
};

/* What goes wrong with a message, on its way out. */
typedef struct trouble {
    const char **ret_kind;
    char *why;
    size_t room;
} trouble;

mqtt_records *mqtt_records_new(const mqtt_setup *setup)
{
    mqtt_records *records = mqtt_alloc(1, sizeof(*records));
    const mqtt_mapping *mapping = &setup->mapping;

    records->setup = setup;
    records->headers = mqtt_headers_new(&mapping->headers);
    records->names = mqtt_name_set_new((size_t)setup->settings->max_topics);
    records->is_plain = !mapping->rules.count && mqtt_template_is_fixed(mapping->topic);
    if (records->is_plain) {
        mqtt_template_render(mapping->topic, &(mqtt_view){.publish = &(mqtt_publish){0}},
                             &records->topic, NULL, 0);
        mqtt_bytes_append(&records->topic, "", 1);
    }
    return records;
}

void mqtt_records_free(mqtt_records *records)
{
    if (!records)
        return;
    mqtt_bytes_free(&records->topic);
    mqtt_bytes_free(&records->key);
    mqtt_bytes_free(&records->rendered);
    mqtt_bytes_free(&records->value);
    mqtt_headers_free(records->headers);
    mqtt_name_set_free(records->names);
    free(records);
}

mqtt_record_facts mqtt_records_look(const mqtt_records *records)
{
    mqtt_record_facts facts = records->facts;

    facts.topics = mqtt_name_set_count(records->names);
    return facts;
}

void mqtt_record_taken(mqtt_records *records)
{
    records->facts.timestamps_replaced += records->replaced;
    records->replaced = false;
}

/* ---- Topic and key --------------------------------------------------------------------------- */

static bool make_topic(mqtt_records *records, const mqtt_template *made, mqtt_view *view,
                       const trouble *t)
{
    const mqtt_settings *settings = records->setup->settings;
    mqtt_bytes *raw = &records->rendered, *topic = &records->topic;
    size_t size;

    mqtt_bytes_clear(raw);
    mqtt_bytes_clear(topic);
    *t->ret_kind = "mapping";
    if (!mqtt_template_render(made, view, raw, t->why, t->room))
        return false;
    *t->ret_kind = "topic";
    mqtt_put_topic_name(topic, raw->data + raw->start, mqtt_bytes_size(raw), settings->replacement);
    size = mqtt_bytes_size(topic);
    mqtt_bytes_append(topic, "", 1);
    if (!mqtt_is_topic_name((const char *)topic->data, size)) {
        snprintf(t->why, t->room,
                 "its Kafka topic would be '%.60s', %zu bytes, which is no name of a Kafka topic "
                 "(kafka.topic)",
                 (const char *)topic->data, size);
        return false;
    }
    if (mqtt_template_is_fixed(made) ||
        mqtt_name_set_admit(records->names, (const char *)topic->data, size))
        return true;
    snprintf(
        t->why, t->room,
        "its Kafka topic would be '%.60s', one more than kafka.topic.max.distinct (%lld) allows",
        (const char *)topic->data, (long long)settings->max_topics);
    return false;
}

/* `made` NULL: no key. */
static bool make_key(mqtt_records *records, const mqtt_template *made, mqtt_view *view,
                     weir_data *ret_key, const trouble *t)
{
    mqtt_bytes *key = &records->key;

    if (!made) {
        *ret_key = (weir_data){.kind = WEIR_NULL};
        return true;
    }
    if (mqtt_template_is_topic(made)) {
        *ret_key = (weir_data){WEIR_TEXT, view->publish->topic, view->publish->topic_size};
        return true;
    }
    mqtt_bytes_clear(key);
    mqtt_bytes_reserve(key, 1); /* an empty key is one too */
    *t->ret_kind = "mapping";
    if (!mqtt_template_render(made, view, key, t->why, t->room))
        return false;
    *ret_key = (weir_data){WEIR_TEXT, key->data + key->start, mqtt_bytes_size(key)};
    return true;
}

/* Both, by the first rule that matches, or without one. */
static bool make_names(mqtt_records *records, mqtt_view *view, weir_data *ret_key, const trouble *t)
{
    const mqtt_mapping *mapping = &records->setup->mapping;
    const mqtt_template *topic = mapping->topic, *key = mapping->key;
    const mqtt_rule *rule = mapping->rules.count
                                ? mqtt_rules_find(&mapping->rules, view->publish, records->groups)
                                : NULL;

    view->groups = records->groups;
    if (rule && rule->topic)
        topic = rule->topic;
    if (rule && (rule->key || rule->keyless))
        key = rule->key;
    return (records->is_plain || make_topic(records, topic, view, t)) &&
           make_key(records, key, view, ret_key, t);
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* The text that kafka.timestamp points at. */
static bool find_stamp(mqtt_records *records, mqtt_view *view, mqtt_text *ret_text)
{
    const mqtt_stamp *stamp = &records->setup->mapping.stamp;
    const mqtt_publish *publish = view->publish;
    mqtt_json_value value;
    char why[128];

    if (stamp->from == MQTT_STAMP_USER)
        return mqtt_properties_user(&publish->properties, stamp->user, strlen(stamp->user),
                                    ret_text);
    if (!mqtt_view_is_json(view) ||
        !mqtt_pointer_find(stamp->pointer, publish->payload, publish->payload_size, &value, why,
                           sizeof(why)) ||
        (value.kind != MQTT_JSON_STRING && value.kind != MQTT_JSON_NUMBER))
        return false;
    mqtt_bytes_clear(&records->rendered);
    mqtt_bytes_reserve(&records->rendered, 1);
    mqtt_json_append(&value, &records->rendered);
    *ret_text =
        (mqtt_text){(const char *)records->rendered.data, mqtt_bytes_size(&records->rendered)};
    return true;
}

static int64_t make_timestamp(mqtt_records *records, mqtt_view *view, int64_t now_ms)
{
    const mqtt_stamp *stamp = &records->setup->mapping.stamp;
    mqtt_text text;
    int64_t ms;

    if (stamp->from == MQTT_STAMP_RECEIVE)
        return now_ms;
    if (stamp->from == MQTT_STAMP_NONE)
        return -1;
    if (find_stamp(records, view, &text) &&
        mqtt_moment_read(text.bytes, text.size, stamp->unit, &ms) &&
        !mqtt_moment_is_absurd(ms, now_ms))
        return ms;
    records->replaced = true;
    return now_ms;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static bool is_good(const mqtt_records *records, const mqtt_message *message, weir_kind topic,
                    const trouble *t)
{
    if (message->too_large) {
        *t->ret_kind = "too-large";
        snprintf(t->why, t->room,
                 "its payload of %zu bytes is more than mqtt.maximum.packet.size (%zu) allows",
                 message->publish.payload_size, records->setup->max_packet);
        return false;
    }
    if (topic != WEIR_TEXT) {
        *t->ret_kind = "mapping";
        snprintf(t->why, t->room, "its topic is not UTF-8");
        return false;
    }
    return true;
}

bool mqtt_record_make(mqtt_records *records, const mqtt_message *message, int64_t received_ms,
                      weir_record *ret_record, const char **ret_kind, char *why, size_t room)
{
    const mqtt_publish *publish = &message->publish;
    mqtt_view view = {.publish = publish,
                      .filters = records->setup->all_filters,
                      .filter_count = records->setup->all_count};
    weir_kind topic = mqtt_is_text(publish->topic, publish->topic_size) ? WEIR_TEXT : WEIR_BYTES;
    trouble t = {ret_kind, why, room};
    bool good;

    records->replaced = false;
    records->original = (weir_data){message->too_large ? WEIR_NULL : WEIR_BYTES, publish->payload,
                                    message->too_large ? 0 : publish->payload_size};
    *ret_record = (weir_record){
        .size = sizeof(*ret_record),
        .partition = -1,
        .timestamp_ms = received_ms,
        .value = records->original,
        .token = message->token,
    };
    *ret_kind = "mapping";
    good = mqtt_headers_make(records->headers, publish, topic, ret_record, why, room);
    if (!is_good(records, message, topic, &t) || !good ||
        !make_names(records, &view, &ret_record->key, &t)) {
        ret_record->key = (weir_data){.kind = WEIR_NULL};
        return false;
    }
    *ret_kind = "conversion";
    if (!mqtt_value_make(records->setup->mapping.format, &view, received_ms, &records->value,
                         &ret_record->value, why, room)) {
        ret_record->key = (weir_data){.kind = WEIR_NULL};
        return false;
    }
    ret_record->topic = (const char *)records->topic.data;
    ret_record->timestamp_ms = make_timestamp(records, &view, received_ms);
    if (ret_record->value.bytes != records->original.bytes)
        ret_record->original = &records->original;
    return true;
}
