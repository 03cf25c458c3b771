/* value.c - see value.h. */
#include "value.h"

#include "json_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define JSON_CONVERTER "org.apache.kafka.connect.json.JsonConverter"

/* ---- The envelope ---------------------------------------------------------------------------- */

static void put(mqtt_bytes *out, const char *text)
{
    mqtt_bytes_append(out, text, strlen(text));
}

/* UTF-8 as a JSON string. */
static void put_string(mqtt_bytes *out, const uint8_t *text, size_t size)
{
    size_t from = 0;

    put(out, "\"");
    for (size_t i = 0; i < size; i++) {
        char escape[8];

        if (text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
            continue;
        mqtt_bytes_append(out, text + from, i - from);
        if (text[i] < 0x20)
            snprintf(escape, sizeof(escape), "\\u%04x", text[i]);
        else
            snprintf(escape, sizeof(escape), "\\%c", text[i]);
        put(out, escape);
        from = i + 1;
    }
    mqtt_bytes_append(out, text + from, size - from);
    put(out, "\"");
}

static void put_base64(mqtt_bytes *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    put(out, "\"");
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0u);
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
                        left > 1 ? digits[group >> 6 & 63] : '=',
                        left > 2 ? digits[group & 63] : '='};

        mqtt_bytes_append(out, four, sizeof(four));
    }
    put(out, "\"");
}

static weir_data envelope(mqtt_view *view, int64_t received_ms, mqtt_bytes *out)
{
    const mqtt_publish *publish = view->publish;
    char text[96];

    mqtt_bytes_clear(out);
    put(out, "{\"topic\":");
    put_string(out, (const uint8_t *)publish->topic, publish->topic_size);
    snprintf(text, sizeof(text), ",\"qos\":%u,\"retain\":%s,\"ts\":%" PRId64, publish->qos,
             publish->retain ? "true" : "false", received_ms);
    put(out, text);
    if (mqtt_view_is_json(view)) {
        put(out, ",\"payload\":");
        mqtt_bytes_append(out, publish->payload, publish->payload_size);
    } else if (mqtt_is_utf8(publish->payload, publish->payload_size)) {
        put(out, ",\"payload\":");
        put_string(out, publish->payload, publish->payload_size);
    } else {
        put(out, ",\"payload_b64\":");
        put_base64(out, publish->payload, publish->payload_size);
    }
    put(out, "}");
    return (weir_data){WEIR_JSON, out->data + out->start, mqtt_bytes_size(out)};
}

/* ---- The formats ----------------------------------------------------------------------------- */

static bool refuse(const mqtt_view *view, const char *is_not, const char *format, char *why,
                   size_t room)
{
    snprintf(why, room, "its payload of %zu bytes is not %s, and mqtt.payload.format is %s",
             view->publish->payload_size, is_not, format);
    return false;
}

bool mqtt_value_make(mqtt_format format, mqtt_view *view, int64_t received_ms, mqtt_bytes *scratch,
                     weir_data *ret_value, char *why, size_t room)
{
    const void *bytes = view->publish->payload;
    size_t size = view->publish->payload_size;
    weir_data value = {WEIR_BYTES, bytes, size};

    switch (format) {
    case MQTT_AS_BYTES:
        break;
    case MQTT_AS_STRING:
        if (!mqtt_is_utf8(bytes, size))
            return refuse(view, "UTF-8", "string", why, room);
        value.kind = WEIR_TEXT;
        break;
    case MQTT_AS_JSON:
        if (!mqtt_view_is_json(view))
            return refuse(view, "JSON", "json", why, room);
        value.kind = WEIR_JSON;
        break;
    case MQTT_AS_FOUND:
        if (mqtt_view_is_json(view))
            value.kind = WEIR_JSON;
        else if (size && mqtt_is_utf8(bytes, size))
            value.kind = WEIR_TEXT;
        break;
    case MQTT_AS_ENVELOPE:
        value = envelope(view, received_ms, scratch);
        break;
    }
    *ret_value = value;
    return true;
}

/* ---- The converter --------------------------------------------------------------------------- */

/* Will the records' values be in {"schema":…,"payload":…}? So it is unless told otherwise. */
static bool has_schemas(const weir_config_host *host)
{
    const char *class, *schemas;

    if (!WEIR_HAS(host, get))
        return false;
    class = host->get(host, "value.converter");
    if (!class || strcmp(class, JSON_CONVERTER) != 0)
        return false;
    schemas = host->get(host, "value.converter.schemas.enable");
    return !schemas || strcasecmp(schemas, "false") != 0;
}

void mqtt_check_converter(const weir_config_host *host, const char *format)
{
    if (!has_schemas(host))
        return;
    switch (mqtt_format_of(format)) {
    case MQTT_AS_JSON:
        host->note(host, WEIR_ERROR, "mqtt.payload.format",
                   "json has no schema, and the JsonConverter is to write one: set "
                   "value.converter.schemas.enable=false, or the format to string, bytes or "
                   "envelope");
        break;
    case MQTT_AS_FOUND:
        host->note(host, WEIR_WARN, "mqtt.payload.format",
                   "auto is like bytes, base64, where the JsonConverter is to write a schema: "
                   "value.converter.schemas.enable=false passes JSON on as it is");
        break;
    case MQTT_AS_ENVELOPE:
        host->note(host, WEIR_INFO, "mqtt.payload.format",
                   "envelope is written without a schema around it, whatever "
                   "value.converter.schemas.enable says");
        break;
    case MQTT_AS_BYTES:
    case MQTT_AS_STRING:
        break;
    }
}

size_t mqtt_converter_pairs(const weir_config_host *host, const char *format,
                            weir_pair ret_pairs[MQTT_CONVERTER_PAIRS])
{
    mqtt_format made = mqtt_format_of(format);

    if ((made != MQTT_AS_FOUND && made != MQTT_AS_ENVELOPE) || !has_schemas(host))
        return 0;
    if (made == MQTT_AS_FOUND) {
        ret_pairs[0] = (weir_pair){"mqtt.payload.format", "bytes"};
        return 1;
    }
    /* The level that names the class supplies its keys. */
    ret_pairs[0] = (weir_pair){"value.converter", JSON_CONVERTER};
    ret_pairs[1] = (weir_pair){"value.converter.schemas.enable", "false"};
    return 2;
}
