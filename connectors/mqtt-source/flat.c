/* flat.c - see flat.h. */
#include "flat.h"

#include "json_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading: the text is known to be JSON, so no step can run past its end ---------------------
 */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static void put_utf8(mqtt_bytes *out, uint32_t code)
{
    uint8_t bytes[4];
    size_t size;

    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        size = 1;
    } else if (code < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | code >> 6);
        size = 2;
    } else if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | code >> 12);
        size = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | code >> 18);
        size = 4;
    }
    for (size_t i = 1; i < size; i++)
        bytes[i] = (uint8_t)(0x80 | (code >> 6 * (size - 1 - i) & 0x3f));
    mqtt_bytes_append(out, bytes, size);
}

static uint32_t hex4(const char *at)
{
    char digits[5] = {at[0], at[1], at[2], at[3], '\0'};

    return (uint32_t)strtoul(digits, NULL, 16);
}

/* The character after a backslash; *at moves behind it. */
static void put_escaped(mqtt_bytes *out, const char **at)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *known = strchr(from, **at);
    uint32_t code;

    if (**at != 'u') {
        mqtt_bytes_append(out, known ? &to[known - from] : *at, 1);
        *at += 1;
        return;
    }
    code = hex4(*at + 1);
    *at += 5;
    if (code >= 0xd800 && code < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(*at + 2) - 0xdc00);
        *at += 6;
    }
    put_utf8(out, code);
}

/* From the opening quote to behind the closing one; a NUL ends what is appended. */
static const char *read_text(const char *at, mqtt_bytes *out)
{
    mqtt_bytes_clear(out);
    for (at++; *at != '"';) {
        if (*at != '\\') {
            mqtt_bytes_append(out, at++, 1);
            continue;
        }
        at++;
        put_escaped(out, &at);
    }
    mqtt_bytes_append(out, "", 1);
    return at + 1;
}

/* NULL: a value that is not for us. */
static const char *read_value(const char *at, mqtt_bytes *scratch, mqtt_flat_pair *pair)
{
    char *end;

    if (*at == '"') {
        at = read_text(at, scratch);
        pair->kind = MQTT_FLAT_TEXT;
        pair->text = (const char *)scratch->data + scratch->start;
        return at;
    }
    if (strncmp(at, "null", 4) == 0) {
        pair->kind = MQTT_FLAT_NULL;
        return at + 4;
    }
    if (*at != '-' && (*at < '0' || *at > '9'))
        return NULL;
    pair->kind = MQTT_FLAT_NUMBER;
    pair->number = strtoll(at, &end, 10);
    return strchr(".eE", *end) && *end ? NULL : end;
}

bool mqtt_flat_read(const char *json, void (*pair)(void *ctx, const mqtt_flat_pair *pair),
                    void *ctx)
{
    mqtt_bytes key = {0}, value = {0};
    const char *at = skip_blanks(json);
    bool good = *at == '{' && mqtt_is_json(json, strlen(json));

    if (good)
        at = skip_blanks(at + 1);
    while (good && *at != '}') {
        mqtt_flat_pair found = {0};

        at = skip_blanks(read_text(at, &key));
        at = read_value(skip_blanks(at + 1), &value, &found);
        good = at;
        if (!good)
            break;
        found.key = (const char *)key.data + key.start;
        pair(ctx, &found);
        at = skip_blanks(at);
        if (*at == ',')
            at = skip_blanks(at + 1);
    }
    mqtt_bytes_free(&key);
    mqtt_bytes_free(&value);
    return good;
}

/* ---- Writing ------------------------------------------------------------------------------------
 */

static void put(mqtt_bytes *out, const char *text)
{
    mqtt_bytes_append(out, text, strlen(text));
}

static void put_inside(mqtt_bytes *out, const char *text)
{
    char escape[8];

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            snprintf(escape, sizeof(escape), "\\%c", c);
        else if (c < 0x20)
            snprintf(escape, sizeof(escape), "\\u%04x", c);
        else
            snprintf(escape, sizeof(escape), "%c", c);
        put(out, escape);
    }
}

static void put_key(mqtt_bytes *out, const char *prefix, const char *key)
{
    put(out, out->data[out->end - 1] == '{' ? "\"" : ",\"");
    put_inside(out, prefix);
    put_inside(out, key);
    put(out, "\":");
}

void mqtt_flat_open(mqtt_bytes *out)
{
    put(out, "{");
}

void mqtt_flat_put_text(mqtt_bytes *out, const char *prefix, const char *key, const char *text)
{
    put_key(out, prefix, key);
    put(out, "\"");
    put_inside(out, text);
    put(out, "\"");
}

void mqtt_flat_put_number(mqtt_bytes *out, const char *prefix, const char *key, int64_t number)
{
    char digits[24];

    put_key(out, prefix, key);
    snprintf(digits, sizeof(digits), "%" PRId64, number);
    put(out, digits);
}

void mqtt_flat_put_null(mqtt_bytes *out, const char *prefix, const char *key)
{
    put_key(out, prefix, key);
    put(out, "null");
}

void mqtt_flat_close(mqtt_bytes *out)
{
    mqtt_bytes_append(out, "}", 2);
}
