/* rejected.c - see rejected.h. */
#include "rejected.h"

#include <stdio.h>
#include <string.h>

static weir_data json(const char *text)
{
    return (weir_data){WEIR_JSON, text, strlen(text)};
}

void mqtt_rejected_fill(mqtt_rejected *rejected, const mqtt_message *message)
{
    const mqtt_publish *publish = &message->publish;

    snprintf(rejected->id, sizeof(rejected->id), "%u", publish->id);
    snprintf(rejected->qos, sizeof(rejected->qos), "%u", publish->qos % 10u);
    rejected->headers[0] =
        (weir_header){"mqtt.topic", {WEIR_TEXT, publish->topic, publish->topic_size}};
    rejected->headers[1] = (weir_header){"mqtt.message.id", json(rejected->id)};
    rejected->headers[2] = (weir_header){"mqtt.qos", json(rejected->qos)};
    rejected->headers[3] = (weir_header){"mqtt.retained", json(publish->retain ? "true" : "false")};
    rejected->headers[4] = (weir_header){"mqtt.duplicate", json(publish->dup ? "true" : "false")};
    rejected->record = (weir_record){
        .size = sizeof(rejected->record),
        .partition = -1,
        .timestamp_ms = -1,
        .value = {WEIR_BYTES, publish->payload, publish->payload_size},
        .headers = rejected->headers,
        .header_count = MQTT_REJECTED_HEADERS,
        .token = message->token,
    };
}
