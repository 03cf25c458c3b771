/* fuzz_converter.c - whatever a plugin emits, a converter refuses it or makes well-formed output.
 *
 * First byte: converter and kind of data; the rest: the data. What JsonConverter makes of bytes and
 * of text must be JSON, and read back as the text it was made from.
 */
#include "base/json.h"
#include "base/mem.h"
#include "record/converter.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct {
    const char *class_name, *schemas;
} made[] = {
    {"ByteArray", NULL}, {"String", NULL}, {"Simple", NULL}, {"Json", "true"}, {"Json", "false"}};

static weir_converter *make(size_t which)
{
    static weir_converter *converters[WEIR_COUNT(made)];
    weir_props props = WEIR_PROPS;

    if (converters[which])
        return converters[which];
    if (made[which].schemas)
        weir_props_set(&props, "schemas.enable", made[which].schemas);
    if (weir_converter_new(made[which].class_name, WEIR_HEADER, &props, &converters[which], NULL) !=
        WEIR_OK)
        abort();
    weir_props_clear(&props);
    return converters[which];
}

static void check_json(const weir_bytes *out, const weir_data *data, bool schemas)
{
    json_t *json = NULL, *payload;

    if (weir_json_read(out->data, out->size, &json, NULL) != WEIR_OK)
        abort();
    payload = schemas ? json_object_get(json, "payload") : json;
    if (!json_is_string(payload))
        abort();
    if (data->kind == WEIR_TEXT &&
        (json_string_length(payload) != data->size ||
         (data->size && memcmp(json_string_value(payload), data->bytes, data->size) != 0)))
        abort();
    if (data->kind == WEIR_BYTES && json_string_length(payload) != (data->size + 2) / 3 * 4)
        abort();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static weir_buf scratch;
    weir_bytes out = {0};
    weir_data data;
    size_t which;
    weir_err err;

    if (size < 1)
        return 0;
    which = bytes[0] % WEIR_COUNT(made);
    data = (weir_data){(weir_kind)(bytes[0] / WEIR_COUNT(made) % 5), bytes + 1, size - 1};
    if (weir_convert(make(which), &data, &scratch, &out, &err) != WEIR_OK) {
        if (!err.msg[0])
            abort();
        return 0;
    }
    if ((out.data == NULL) != (data.kind == WEIR_NULL))
        abort();
    if (made[which].schemas && (data.kind == WEIR_TEXT || data.kind == WEIR_BYTES))
        check_json(&out, &data, strcmp(made[which].schemas, "true") == 0);
    return 0;
}
