/* fuzz_json_prepare.c - preparing a posted body keeps JSON what it was, and no JSON none.
 *
 * First byte: which of the two to do; the rest: the body. What was JSON without comments must be
 * JSON after it, the same but for numbers; what becomes JSON without help from comments must have
 * been JSON before. Whatever is read must survive being written.
 */
#include "base/json.h"
#include "base/mem.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static json_t *read_json(const char *text, size_t size)
{
    json_t *json = NULL;
    weir_err err = {.msg = ""};

    if (weir_json_read(text, size, &json, &err) != WEIR_OK && !err.msg[0])
        abort();
    return json;
}

static void check_written(const json_t *json)
{
    char *text = weir_json_dump(json);
    json_t *again = read_json(text, strlen(text));

    if (!again || !json_equal(json, again))
        abort();
    json_decref(again);
    free(text);
}

/* Numbers too large for us are JSON all the same, and become it as strings. */
static bool has_digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] >= '0' && text[i] <= '9')
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes + 1;
    weir_buf out = WEIR_BUF;
    json_t *before, *after;
    bool comments, numbers;

    if (size < 1)
        return 0;
    comments = bytes[0] & 1;
    numbers = bytes[0] & 2;
    size--;
    weir_json_prepare(text, size, comments, numbers, &out);
    before = read_json(text, size);
    after = read_json(weir_buf_text(&out), out.size);
    if (before && !after)
        abort();
    if (after && !before && !comments && !has_digits(text, size))
        abort();
    if (before && !numbers && !json_equal(before, after))
        abort();
    if (before)
        check_written(before);
    if (after)
        check_written(after);
    json_decref(before);
    json_decref(after);
    weir_buf_free(&out);
    return 0;
}
