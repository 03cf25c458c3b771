/* converter.c - see converter.h.
 *
 * Where Java's converter would print an object's address (a byte array given to StringConverter)
 * or refuse what has an obvious meaning (text given to ByteArrayConverter), the bytes go through
 * as they are: nobody can have relied on the former, and connectors here say what their data is
 * instead of which Java class holds it. Everything else is byte for byte what Java writes.
 */
#include "record/converter.h"

#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

typedef enum family { BYTE_ARRAY, STRING, JSON, SIMPLE_HEADER } family;

struct weir_converter {
    family family;
    bool schemas; /* of JSON: wrap into {"schema":…,"payload":…} */
};

/* Connect finds a class by its full name, its simple name, and that without the suffix. */
static const struct {
    const char *full, *simple, *pruned;
    family family;
} classes[] = {
    {"org.apache.kafka.connect.converters.ByteArrayConverter", "ByteArrayConverter", "ByteArray",
     BYTE_ARRAY},
    {"org.apache.kafka.connect.storage.StringConverter", "StringConverter", "String", STRING},
    {"org.apache.kafka.connect.json.JsonConverter", "JsonConverter", "Json", JSON},
    {"org.apache.kafka.connect.storage.SimpleHeaderConverter", "SimpleHeaderConverter", "Simple",
     SIMPLE_HEADER},
};

#define OURS                                                                                       \
    "org.apache.kafka.connect.converters.ByteArrayConverter, "                                     \
    "org.apache.kafka.connect.storage.StringConverter, "                                           \
    "org.apache.kafka.connect.json.JsonConverter, "                                                \
    "org.apache.kafka.connect.storage.SimpleHeaderConverter (headers only)"

/* ---- Making one --------------------------------------------------------------------------- */

static bool find(const char *class_name, family *ret_family)
{
    for (size_t i = 0; class_name && i < WEIR_COUNT(classes); i++)
        if (strcmp(class_name, classes[i].full) == 0 ||
            strcmp(class_name, classes[i].simple) == 0 ||
            strcmp(class_name, classes[i].pruned) == 0) {
            *ret_family = classes[i].family;
            return true;
        }
    return false;
}

static weir_code read_schemas(const weir_props *props, bool *ret_schemas, weir_err *err)
{
    const char *text = props ? weir_props_get(props, "schemas.enable") : NULL;

    if (!text || strcasecmp(text, "true") == 0)
        *ret_schemas = true;
    else if (strcasecmp(text, "false") == 0)
        *ret_schemas = false;
    else
        return weir_fail(err, WEIR_INVALID,
                         "Invalid value %s for configuration schemas.enable: Expected value to be "
                         "either true or false",
                         text);
    return WEIR_OK;
}

static weir_code check_encoding(const weir_props *props, weir_err *err)
{
    const char *text = props ? weir_props_get(props, "converter.encoding") : NULL;

    if (text && strcasecmp(text, "UTF-8") != 0 && strcasecmp(text, "UTF8") != 0)
        return weir_fail(err, WEIR_INVALID,
                         "Invalid value %s for configuration converter.encoding: only UTF-8 is "
                         "supported",
                         text);
    return WEIR_OK;
}

weir_code weir_converter_new(const char *class_name, weir_converter_use use,
                             const weir_props *props, weir_converter **ret_converter, weir_err *err)
{
    weir_converter converter = {.family = BYTE_ARRAY, .schemas = true};
    weir_code rc = WEIR_OK;

    assert(ret_converter);

    if (!find(class_name, &converter.family))
        return weir_fail(err, WEIR_INVALID, "no converter '%s'; there are: %s",
                         class_name ? class_name : "", OURS);
    if (converter.family == SIMPLE_HEADER && use != WEIR_HEADER)
        return weir_fail(err, WEIR_INVALID, "'%s' converts headers only; for keys and values: %s",
                         class_name, OURS);
    if (converter.family == JSON)
        rc = read_schemas(props, &converter.schemas, err);
    else if (converter.family == STRING)
        rc = check_encoding(props, err);
    if (rc != WEIR_OK)
        return rc;
    *ret_converter = weir_new(weir_converter);
    **ret_converter = converter;
    return WEIR_OK;
}

void weir_converter_free(weir_converter *converter)
{
    free(converter);
}

bool weir_converter_known(const char *class_name)
{
    family ignored;

    return find(class_name, &ignored);
}

/* ---- Converting --------------------------------------------------------------------------- */

static void add_base64(weir_buf *buf, const unsigned char *bytes, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = weir_buf_reserve(buf, (size + 2) / 3 * 4);
    char *start = to;
    size_t i = 0;

    for (; i + 3 <= size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];

        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = alphabet[group >> 6 & 63];
        *to++ = alphabet[group & 63];
    }
    if (i < size) {
        uint32_t group =
            (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0);

        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = i + 1 < size ? alphabet[group >> 6 & 63] : '=';
        *to++ = '=';
    }
    *to = '\0';
    buf->size += (size_t)(to - start);
}

/* Length of the UTF-8 character at p, 0 when it is none: too long for its value, a surrogate,
 * beyond U+10FFFF or cut off. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

    if (length == 0 || length > left || p[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return length;
}

static weir_code check_utf8(const weir_data *data, weir_err *err)
{
    const unsigned char *bytes = data->bytes;

    for (size_t i = 0; i < data->size;) {
        size_t length = utf8_length(bytes + i, data->size - i);

        if (!length)
            return weir_fail(err, WEIR_INVALID,
                             "text is not valid UTF-8 at byte %zu: JsonConverter cannot carry it",
                             i);
        i += length;
    }
    return WEIR_OK;
}

static weir_bytes as_is(const weir_data *data)
{
    return (weir_bytes){data->bytes ? data->bytes : "", data->size};
}

static weir_bytes all_of(const weir_buf *buf)
{
    return (weir_bytes){weir_buf_text(buf), buf->size};
}

static weir_code to_json(bool schemas, const weir_data *data, weir_buf *scratch,
                         weir_bytes *ret_bytes, weir_err *err)
{
    weir_bytes bytes = as_is(data);
    const char *schema = "null";

    if (data->kind == WEIR_TEXT && check_utf8(data, err) != WEIR_OK)
        return WEIR_INVALID;
    if (data->kind == WEIR_JSON && bytes.size == 0)
        return weir_fail(err, WEIR_INVALID, "empty text is not JSON");
    if (data->kind == WEIR_JSON && !schemas) {
        *ret_bytes = bytes;
        return WEIR_OK;
    }
    weir_buf_clear(scratch);
    if (data->kind == WEIR_BYTES)
        schema = "{\"type\":\"bytes\",\"optional\":false}";
    else if (data->kind == WEIR_TEXT)
        schema = "{\"type\":\"string\",\"optional\":false}";
    if (schemas) {
        weir_buf_text_add(scratch, "{\"schema\":");
        weir_buf_text_add(scratch, schema);
        weir_buf_text_add(scratch, ",\"payload\":");
    }
    if (data->kind == WEIR_BYTES) {
        weir_buf_char(scratch, '"');
        add_base64(scratch, bytes.data, bytes.size);
        weir_buf_char(scratch, '"');
    } else if (data->kind == WEIR_TEXT) {
        weir_json_text(scratch, bytes.data, bytes.size);
    } else {
        weir_buf_add(scratch, bytes.data, bytes.size);
    }
    if (schemas)
        weir_buf_char(scratch, '}');
    *ret_bytes = all_of(scratch);
    return WEIR_OK;
}

weir_code weir_convert(const weir_converter *converter, const weir_data *data, weir_buf *scratch,
                       weir_bytes *ret_bytes, weir_err *err)
{
    if ((int)data->kind < WEIR_NULL || data->kind > WEIR_JSON)
        return weir_fail(err, WEIR_INVALID, "data is of the unknown kind %d", (int)data->kind);
    if (data->size > 0 && !data->bytes && data->kind != WEIR_NULL)
        return weir_fail(err, WEIR_INVALID, "%zu bytes of data at no address", data->size);
    if (data->kind == WEIR_NULL) { /* schemaless null: a tombstone from every converter */
        *ret_bytes = (weir_bytes){NULL, 0};
        return WEIR_OK;
    }
    if (converter->family == JSON)
        return to_json(converter->schemas, data, scratch, ret_bytes, err);
    if (converter->family == SIMPLE_HEADER && data->kind == WEIR_BYTES) {
        weir_buf_clear(scratch);
        add_base64(scratch, data->bytes, data->size);
        *ret_bytes = all_of(scratch);
        return WEIR_OK;
    }
    *ret_bytes = as_is(data);
    return WEIR_OK;
}
