/* path.c - see path.h. */
#include "rest-api/path.h"

#include "base/buf.h"
#include "base/mem.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "%XY" at `text` stands for; -1: it is no escape. */
static int escaped(const char *text)
{
    int high = text[0] == '%' ? hex(text[1]) : -1;
    int low = high >= 0 ? hex(text[2]) : -1;

    return low >= 0 ? high << 4 | low : -1;
}

static bool is_utf8(const char *text)
{
    json_t *json = json_string(text);
    bool valid = json != NULL;

    json_decref(json);
    return valid;
}

/* Decodes text[0..size) into *out. */
static weir_code decode_segment(const char *text, size_t size, weir_buf *out, weir_err *err)
{
    for (size_t i = 0; i < size; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            c = escaped(text + i); /* never looks past the NUL */
            i += 2;
            if (c <= 0)
                return weir_fail(err, WEIR_INVALID, "Bad URI escape");
            if (c == '/')
                return weir_fail(err, WEIR_INVALID, "Ambiguous URI path separator");
            if (c == '%')
                return weir_fail(err, WEIR_INVALID, "Ambiguous URI path encoding");
        }
        if (c < 0x20 || c == 0x7F || c == '\\')
            return weir_fail(err, WEIR_INVALID, "Suspicious Path Character");
        weir_buf_char(out, (char)c);
    }
    if (strcmp(weir_buf_text(out), ".") == 0 || strcmp(weir_buf_text(out), "..") == 0)
        return weir_fail(err, WEIR_INVALID, "Ambiguous URI path segment");
    if (out->size == 0)
        return weir_fail(err, WEIR_INVALID, "Ambiguous URI empty segment");
    if (!is_utf8(weir_buf_text(out)))
        return weir_fail(err, WEIR_INVALID, "Bad UTF-8 encoding");
    return WEIR_OK;
}

static weir_code parse_segments(weir_path *path, weir_err *err)
{
    const char *at = path->raw + 1;
    weir_code rc = WEIR_OK;

    while (*at && rc == WEIR_OK) {
        size_t size = strcspn(at, "/");
        weir_buf segment = WEIR_BUF;

        rc = decode_segment(at, strcspn(at, "/;"), &segment, err);
        path->segments = weir_realloc(path->segments, path->count + 1, sizeof(path->segments[0]));
        path->segments[path->count++] = weir_buf_take(&segment);
        at += size + (at[size] == '/');
    }
    return rc;
}

/* Forms are forgiving: what is no escape stands for itself. */
static char *decode_form(const char *text, size_t size)
{
    weir_buf out = WEIR_BUF;

    for (size_t i = 0; i < size; i++) {
        int c = i + 2 < size ? escaped(text + i) : -1;

        if (c > 0)
            i += 2;
        else
            c = text[i] == '+' ? ' ' : text[i];
        weir_buf_char(&out, (char)c);
    }
    return weir_buf_take(&out);
}

static void parse_query(weir_path *path)
{
    const char *at = path->query;

    while (at && *at) {
        size_t size = strcspn(at, "&");
        size_t name = strcspn(at, "&=");
        weir_param *param;

        path->params = weir_realloc(path->params, path->param_count + 1, sizeof(path->params[0]));
        param = &path->params[path->param_count++];
        param->name = decode_form(at, name);
        param->value = name < size ? decode_form(at + name + 1, size - name - 1) : weir_strdup("");
        at += size + (at[size] == '&');
    }
}

/* "http://host:1/connectors" (what a client says to a proxy) names the same as "/connectors". */
static const char *skip_authority(const char *target)
{
    const char *at = strstr(target, "://");

    if (strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0)
        return target;
    at += 3;
    return at + strcspn(at, "/?");
}

weir_code weir_path_parse(const char *target, weir_path *path, weir_err *err)
{
    const char *at = skip_authority(target);
    size_t size = strcspn(at, "?");

    if (at[0] != '/' && !(at != target && size == 0))
        return weir_fail(err, WEIR_INVALID, "Bad URI");
    path->raw = size ? weir_memdup(at, size) : weir_strdup("/");
    if (at[size] == '?')
        path->query = weir_strdup(at + size + 1);
    parse_query(path);
    return parse_segments(path, err);
}

void weir_path_clear(weir_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        free(path->segments[i]);
    for (size_t i = 0; i < path->param_count; i++) {
        free(path->params[i].name);
        free(path->params[i].value);
    }
    free(path->segments);
    free(path->params);
    free(path->raw);
    free(path->query);
    *path = (weir_path){0};
}

const char *weir_path_param(const weir_path *path, const char *name)
{
    for (size_t i = 0; i < path->param_count; i++)
        if (strcmp(path->params[i].name, name) == 0)
            return path->params[i].value;
    return NULL;
}

bool weir_path_flag(const weir_path *path, const char *name, bool fallback)
{
    const char *value = weir_path_param(path, name);

    return value ? strcasecmp(value, "true") == 0 : fallback;
}
