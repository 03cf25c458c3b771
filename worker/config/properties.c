/* properties.c - see properties.h. Three steps for each pair, as Java's own reader takes them: join
 * natural lines to a logical one, split it at the first unescaped separator, then unescape. */
#include "config/properties.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
    const char *at, *end;
    size_t line; /* of `at`, from 1 */
} reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Takes one natural line, without its end (\n, \r or \r\n). */
static void take_line(reader *in, const char **ret_line, size_t *ret_size)
{
    const char *start = in->at;

    while (in->at < in->end && *in->at != '\n' && *in->at != '\r')
        in->at++;
    *ret_line = start;
    *ret_size = (size_t)(in->at - start);
    if (in->at < in->end) {
        in->at += in->at + 1 < in->end && in->at[0] == '\r' && in->at[1] == '\n' ? 2 : 1;
        in->line++;
    }
}

static void skip_blanks(const char **line, size_t *size)
{
    while (*size > 0 && is_blank(**line)) {
        ++*line;
        --*size;
    }
}

/* An odd number of backslashes at its end: the line goes on in the next one. */
static bool goes_on(const char *line, size_t size)
{
    size_t backslashes = 0;

    while (backslashes < size && line[size - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* Takes the next logical line that is neither empty nor a comment; false: there is none. */
static bool take_logical_line(reader *in, weir_buf *logical, size_t *ret_number)
{
    const char *line;
    size_t size;

    weir_buf_clear(logical);
    while (in->at < in->end) {
        *ret_number = in->line;
        take_line(in, &line, &size);
        skip_blanks(&line, &size);
        if (size == 0 || *line == '#' || *line == '!')
            continue;
        while (goes_on(line, size)) {
            weir_buf_add(logical, line, size - 1);
            line = NULL;
            size = 0;
            if (in->at >= in->end)
                break;
            take_line(in, &line, &size);
            skip_blanks(&line, &size);
        }
        if (size)
            weir_buf_add(logical, line, size);
        return true;
    }
    return false;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* The end of the key and the start of the value within a logical line. */
static void split(const weir_buf *logical, size_t *ret_key_end, size_t *ret_value)
{
    const char *text = weir_buf_text(logical);
    size_t i = 0;

    while (i < logical->size && !is_blank(text[i]) && text[i] != '=' && text[i] != ':')
        i += text[i] == '\\' && i + 1 < logical->size ? 2 : 1;
    *ret_key_end = i;
    while (i < logical->size && is_blank(text[i]))
        i++;
    if (i < logical->size && (text[i] == '=' || text[i] == ':'))
        i++;
    while (i < logical->size && is_blank(text[i]))
        i++;
    *ret_value = i;
}

/* The code unit of four hexadecimal digits; -1: they are not. */
static int32_t hex4(const char *text, size_t size)
{
    int32_t unit = 0;

    if (size < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = text[i];

        if (c >= '0' && c <= '9')
            unit = unit * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            unit = unit * 16 + ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

static void add_utf8(weir_buf *out, uint32_t c)
{
    if (c < 0x80) {
        weir_buf_char(out, (char)c);
        return;
    }
    if (c < 0x800) {
        weir_buf_char(out, (char)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            weir_buf_char(out, (char)(0xE0 | c >> 12));
        } else {
            weir_buf_char(out, (char)(0xF0 | c >> 18));
            weir_buf_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        }
        weir_buf_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    weir_buf_char(out, (char)(0x80 | (c & 0x3F)));
}

/* The \uXXXX whose digits start at text[0], with its second half when it is a surrogate. Returns
 * the bytes used behind the "\u", 0 on failure. */
static size_t unescape_unicode(const char *text, size_t size, weir_buf *out, weir_err *err)
{
    int32_t unit = hex4(text, size), low;

    if (unit < 0) {
        weir_fail(err, WEIR_INVALID, "\\u is not followed by four hexadecimal digits");
        return 0;
    }
    if (unit == 0) {
        weir_fail(err, WEIR_INVALID, "\\u0000 cannot be part of a key or value");
        return 0;
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        add_utf8(out, (uint32_t)unit);
        return 4;
    }
    low = size >= 10 && text[4] == '\\' && text[5] == 'u' ? hex4(text + 6, size - 6) : -1;
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
        weir_fail(err, WEIR_INVALID, "\\u%04X is half of a character", (unsigned)unit);
        return 0;
    }
    add_utf8(out, 0x10000u + (((uint32_t)unit & 0x3FF) << 10 | ((uint32_t)low & 0x3FF)));
    return 10;
}

static weir_code unescape(const char *text, size_t size, weir_buf *out, weir_err *err)
{
    static const char names[] = "tnrf", meanings[] = "\t\n\r\f";

    weir_buf_clear(out);
    for (size_t i = 0; i < size; i++) {
        const char *name;

        if (text[i] != '\\' || i + 1 == size) {
            weir_buf_char(out, text[i]);
            continue;
        }
        i++;
        name = strchr(names, text[i]);
        if (text[i] == 'u') {
            size_t used = unescape_unicode(text + i + 1, size - i - 1, out, err);

            if (!used)
                return WEIR_INVALID;
            i += used;
        } else {
            weir_buf_char(out, name ? meanings[name - names] : text[i]);
        }
    }
    return WEIR_OK;
}

/* ---- Text and file --------------------------------------------------------------------------- */

/* Bytes of the well-formed UTF-8 character at p (RFC 3629); 0: it is none. */
static size_t character(const unsigned char *p, size_t size)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

    if (length == 0 || length > size || p[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return length;
}

/* Values go into JSON and into logs: what cannot get there is refused where it can be named. */
static weir_code check_text(const char *text, size_t size, weir_err *err)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t line = 1;

    for (size_t i = 0; i < size;) {
        size_t length = character(bytes + i, size - i);

        if (bytes[i] == '\0')
            return weir_fail(err, WEIR_INVALID, "line %zu: a NUL byte", line);
        if (length == 0)
            return weir_fail(err, WEIR_INVALID,
                             "line %zu: byte 0x%02X is not UTF-8; save the file as UTF-8 or write "
                             "the character as \\uXXXX",
                             line, bytes[i]);
        line += bytes[i] == '\n';
        i += length;
    }
    return WEIR_OK;
}

weir_code weir_properties_parse(const char *text, size_t size, weir_props *props, weir_err *err)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    weir_buf logical = WEIR_BUF, key = WEIR_BUF, value = WEIR_BUF;
    reader in = {text, text + size, 1};
    weir_code rc = check_text(text, size, err);
    size_t line;

    if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0)
        in.at += 3;
    while (rc == WEIR_OK && take_logical_line(&in, &logical, &line)) {
        const char *pair = weir_buf_text(&logical);
        size_t key_end, value_start;

        split(&logical, &key_end, &value_start);
        rc = unescape(pair, key_end, &key, err);
        if (rc == WEIR_OK)
            rc = unescape(pair + value_start, logical.size - value_start, &value, err);
        if (rc == WEIR_OK)
            weir_props_set(props, weir_buf_text(&key), weir_buf_text(&value));
        else
            weir_fail_in(err, "line %zu", line);
    }
    weir_buf_free(&logical);
    weir_buf_free(&key);
    weir_buf_free(&value);
    return rc;
}

static weir_code read_all(FILE *file, weir_buf *text, weir_err *err)
{
    size_t got;

    do {
        got = fread(weir_buf_reserve(text, 8192), 1, 8192, file);
        text->size += got;
    } while (got > 0 && text->size <= WEIR_PROPERTIES_MAX);
    if (ferror(file))
        return weir_fail(err, WEIR_INVALID, "cannot be read: %s", strerror(errno));
    if (text->size > WEIR_PROPERTIES_MAX)
        return weir_fail(err, WEIR_INVALID, "larger than %d bytes", WEIR_PROPERTIES_MAX);
    return WEIR_OK;
}

weir_code weir_properties_load(const char *path, weir_props *props, weir_err *err)
{
    weir_buf text = WEIR_BUF;
    FILE *file = fopen(path, "re");
    weir_code rc;

    if (!file)
        return weir_fail(err, errno == ENOENT ? WEIR_NOT_FOUND : WEIR_INVALID,
                         "cannot open '%s': %s", path, strerror(errno));
    rc = read_all(file, &text, err);
    if (rc == WEIR_OK)
        rc = weir_properties_parse(weir_buf_text(&text), text.size, props, err);
    if (rc != WEIR_OK)
        weir_fail_in(err, "'%s'", path);
    fclose(file);
    weir_buf_free(&text);
    return rc;
}
