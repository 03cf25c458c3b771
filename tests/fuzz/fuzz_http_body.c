/* fuzz_http_body.c - whatever a client sends, as a body, a path or a media type, is judged and
 * nothing else happens.
 *
 * The first byte says what the rest is. The REST API is no part of the fuzzers' common objects, so
 * its pure functions are compiled in here.
 */
#include "rest-api/body.c"
#include "rest-api/media.c"
#include "rest-api/path.c"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_create(const weir_buf *body, bool allow_comments)
{
    weir_create create = {0};
    weir_err err;

    if (weir_body_create(body, allow_comments, &create, &err) == WEIR_OK) {
        assert(create.name);
        assert(weir_same(weir_props_get(&create.config, "name"), create.name));
    } else {
        assert(err.msg[0]);
    }
    weir_create_clear(&create);
}

static void fuzz_config(const weir_buf *body, bool allow_comments)
{
    weir_props config = WEIR_PROPS;
    weir_err err;

    if (weir_body_config(body, allow_comments, &config, &err) != WEIR_OK)
        assert(err.code == WEIR_FAILED && err.msg[0]);
    weir_props_clear(&config);
}

static void fuzz_offsets(const weir_buf *body, bool allow_comments)
{
    char *offsets = NULL;
    json_t *json = NULL;
    weir_err err;

    if (weir_body_offsets(body, allow_comments, &offsets, &err) != WEIR_OK) {
        assert(err.msg[0] && !offsets);
        return;
    }
    assert(weir_json_read(offsets, strlen(offsets), &json, &err) == WEIR_OK);
    assert(json_array_size(json) > 0);
    json_decref(json);
    free(offsets);
}

static void fuzz_path(const char *target)
{
    weir_path path = {0};
    weir_err err;

    if (weir_path_parse(target, &path, &err) == WEIR_OK) {
        assert(path.raw[0] == '/');
        for (size_t i = 0; i < path.count; i++) /* one meaning each: see path.h */
            assert(path.segments[i][0] && !strpbrk(path.segments[i], "/\\%\n"));
    }
    weir_path_flag(&path, "forward", false);
    weir_path_clear(&path);
}

static void fuzz_media(const char *value)
{
    char *suffix = NULL;

    weir_media_content(value);
    weir_media_accepts_text(value);
    assert(weir_media_accepts_json(value, &suffix) || !suffix);
    free(suffix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_buf text = WEIR_BUF;
    unsigned kind = size > 0 ? data[0] % 6 : 0;

    if (size > 1)
        weir_buf_add(&text, data + 1, size - 1);
    switch (kind) {
    case 0:
    case 1:
        fuzz_create(&text, kind == 1);
        break;
    case 2:
    case 3:
        fuzz_config(&text, kind == 3);
        fuzz_offsets(&text, kind == 3);
        break;
    case 4:
        fuzz_path(weir_buf_text(&text));
        break;
    default:
        fuzz_media(weir_buf_text(&text));
    }
    weir_buf_free(&text);
    return 0;
}
