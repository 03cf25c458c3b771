/* json.c - see json.h. */
#include "base/json.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Reading --------------------------------------------------------------------------------- */

/* Jansson recurses; its own limit is deeper than a small thread stack should be asked to go. */
static bool too_deep(const char *text, size_t size)
{
    int depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > WEIR_JSON_DEPTH)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

weir_code weir_json_read(const char *text, size_t size, json_t **ret_json, weir_err *err)
{
    const char *nul = size ? memchr(text, '\0', size) : NULL;
    json_error_t error;
    json_t *json;

    /* Jansson overlooks one behind a number. */
    if (nul)
        return weir_fail(err, WEIR_INVALID, "byte %zu is a NUL", (size_t)(nul - text) + 1);
    if (too_deep(text, size))
        return weir_fail(err, WEIR_INVALID, "nested deeper than %d levels", WEIR_JSON_DEPTH);
    json = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json)
        return weir_fail(err, WEIR_INVALID, "line %d, column %d: %s", error.line, error.column,
                         error.text);
    *ret_json = json;
    return WEIR_OK;
}

/* Copies the string that starts at text[i]; returns the index behind it. */
static size_t copy_string(const char *text, size_t size, size_t i, weir_buf *out)
{
    size_t end = i + 1;

    while (end < size && text[end] != '"')
        end += text[end] == '\\' && end + 1 < size ? 2 : 1;
    end = end < size ? end + 1 : size;
    weir_buf_add(out, text + i, end - i);
    return end;
}

/* Blanks the comment that starts at text[i], keeping its line ends; returns the index behind it,
 * or i when there is no (whole) comment. */
static size_t blank_comment(const char *text, size_t size, size_t i, weir_buf *out)
{
    size_t end;

    if (i + 1 >= size || (text[i + 1] != '/' && text[i + 1] != '*'))
        return i;
    if (text[i + 1] == '/') {
        const char *line_end = memchr(text + i, '\n', size - i);

        end = line_end ? (size_t)(line_end - text) : size;
    } else {
        const char *close = memmem(text + i + 2, size - i - 2, "*/", 2);

        if (!close)
            return i;
        end = (size_t)(close - text) + 2;
    }
    for (size_t k = i; k < end; k++)
        weir_buf_char(out, text[k] == '\n' ? '\n' : ' ');
    return end;
}

static size_t digits(const char *text, size_t size, size_t i)
{
    while (i < size && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

/* The end of the JSON number at text[i]; i when there is none (RFC 8259 section 6). */
static size_t number_end(const char *text, size_t size, size_t i)
{
    size_t at = i + (text[i] == '-');
    size_t end = digits(text, size, at);

    if (end == at || (text[at] == '0' && end > at + 1))
        return i;
    if (end < size && text[end] == '.') {
        at = end + 1;
        end = digits(text, size, at);
        if (end == at)
            return i;
    }
    if (end < size && (text[end] == 'e' || text[end] == 'E')) {
        at = end + 1;
        if (at < size && (text[at] == '+' || text[at] == '-'))
            at++;
        end = digits(text, size, at);
        if (end == at)
            return i;
    }
    return end;
}

/* Copies the token of digits, signs and points at text[i], in quotes when it is a number and no
 * member's name (`{1:2}` must stay no JSON); returns the index behind it. */
static size_t quote_number(const char *text, size_t size, size_t i, weir_buf *out)
{
    size_t end = i, next;
    const char *quote;

    while (end < size && memchr("+-.0123456789eE", text[end], 15))
        end++;
    next = end;
    while (next < size && memchr(" \t\r\n", text[next], 4))
        next++;
    quote = number_end(text, size, i) == end && (next == size || text[next] != ':') ? "\"" : "";
    weir_buf_text_add(out, quote);
    weir_buf_add(out, text + i, end - i);
    weir_buf_text_add(out, quote);
    return end;
}

/* One of the two: comments become blanks, or numbers become strings. */
static void rewrite(const char *text, size_t size, bool numbers, weir_buf *out)
{
    for (size_t i = 0; i < size;) {
        char c = text[i];
        size_t end = i;

        if (c == '"')
            end = copy_string(text, size, i, out);
        else if (!numbers && c == '/')
            end = blank_comment(text, size, i, out);
        else if (numbers && (c == '-' || (c >= '0' && c <= '9')))
            end = quote_number(text, size, i, out);
        if (end == i) {
            weir_buf_char(out, c);
            end++;
        }
        i = end;
    }
}

void weir_json_prepare(const char *text, size_t size, bool comments, bool numbers, weir_buf *out)
{
    weir_buf blanked = WEIR_BUF;

    if (comments && numbers) {
        rewrite(text, size, false, &blanked);
        rewrite(weir_buf_text(&blanked), blanked.size, true, out);
    } else if (comments || numbers) {
        rewrite(text, size, numbers, out);
    } else {
        weir_buf_add(out, text, size);
    }
    weir_buf_free(&blanked);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void escape_control(weir_buf *buf, unsigned char c)
{
    switch (c) {
    case '\b':
        weir_buf_text_add(buf, "\\b");
        break;
    case '\t':
        weir_buf_text_add(buf, "\\t");
        break;
    case '\n':
        weir_buf_text_add(buf, "\\n");
        break;
    case '\f':
        weir_buf_text_add(buf, "\\f");
        break;
    case '\r':
        weir_buf_text_add(buf, "\\r");
        break;
    default:
        weir_buf_format(buf, "\\u%04X", c);
    }
}

/* Four bytes of UTF-8 at p: a character outside the BMP. */
static void escape_astral(weir_buf *buf, const unsigned char *p)
{
    uint32_t c =
        ((p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu)) -
        0x10000;

    weir_buf_format(buf, "\\u%04X\\u%04X", 0xD800 | c >> 10, 0xDC00 | (c & 0x3FF));
}

void weir_json_text(weir_buf *buf, const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t plain = 0; /* start of what can be copied as it is */

    weir_buf_char(buf, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = bytes[i];

        if (c >= 0x20 && c != '"' && c != '\\' && c < 0xF0)
            continue;
        weir_buf_add(buf, text + plain, i - plain);
        if (c >= 0xF0 && i + 3 < size) {
            escape_astral(buf, bytes + i);
            i += 3;
        } else if (c == '"' || c == '\\') {
            weir_buf_format(buf, "\\%c", c);
        } else if (c < 0x20) {
            escape_control(buf, c);
        }
        plain = i + 1;
    }
    weir_buf_add(buf, text + plain, size - plain);
    weir_buf_char(buf, '"');
}

/* Shortest text that reads back as the same double; always with a fraction or exponent. */
static void write_real(weir_buf *buf, double value)
{
    char text[40];

    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    weir_buf_text_add(buf, text);
    if (!strpbrk(text, ".eEn"))
        weir_buf_text_add(buf, ".0");
}

void weir_json_write(weir_buf *buf, const json_t *json)
{
    const char *key, *separator = "";
    const json_t *member;
    size_t index;

    switch (json_typeof(json)) {
    case JSON_OBJECT:
        weir_buf_char(buf, '{');
        json_object_foreach ((json_t *)(uintptr_t)json, key, member) {
            weir_buf_text_add(buf, separator);
            weir_json_text(buf, key, strlen(key));
            weir_buf_char(buf, ':');
            weir_json_write(buf, member);
            separator = ",";
        }
        weir_buf_char(buf, '}');
        break;
    case JSON_ARRAY:
        weir_buf_char(buf, '[');
        json_array_foreach (json, index, member) {
            weir_buf_text_add(buf, separator);
            weir_json_write(buf, member);
            separator = ",";
        }
        weir_buf_char(buf, ']');
        break;
    case JSON_STRING:
        weir_json_text(buf, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        weir_buf_format(buf, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        break;
    case JSON_REAL:
        write_real(buf, json_real_value(json));
        break;
    case JSON_TRUE:
        weir_buf_text_add(buf, "true");
        break;
    case JSON_FALSE:
        weir_buf_text_add(buf, "false");
        break;
    case JSON_NULL:
        weir_buf_text_add(buf, "null");
        break;
    }
}

char *weir_json_dump(const json_t *json)
{
    weir_buf buf = WEIR_BUF;

    weir_json_write(&buf, json);
    return weir_buf_take(&buf);
}

/* ---- Props and members ----------------------------------------------------------------------- */

void weir_json_set_str(json_t *json, const char *key, const char *value)
{
    json_object_set_new_nocheck(json, key, value ? json_string_nocheck(value) : json_null());
}

json_t *weir_json_from_props(const weir_props *props)
{
    json_t *json = json_object();

    WEIR_PROPS_EACH (pair, props)
        weir_json_set_str(json, pair->key, pair->value);
    return json;
}

weir_code weir_json_to_props(const json_t *json, weir_props *props, weir_err *err)
{
    const char *key;
    const json_t *value;

    if (!json_is_object(json))
        return weir_fail(err, WEIR_INVALID, "not a JSON object");
    json_object_foreach ((json_t *)(uintptr_t)json, key, value) {
        char *text;

        if (json_is_object(value) || json_is_array(value))
            return weir_fail(err, WEIR_INVALID, "the value of '%s' is %s, not text", key,
                             json_is_object(value) ? "an object" : "an array");
        if (json_is_string(value) || json_is_null(value)) {
            weir_props_set(props, key, json_string_value(value));
            continue;
        }
        text = weir_json_dump(value);
        weir_props_set(props, key, text);
        free(text);
    }
    return WEIR_OK;
}

const char *weir_json_str(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

int64_t weir_json_int(const json_t *json, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(json, key);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}
