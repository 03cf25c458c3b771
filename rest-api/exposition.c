/* exposition.c - see exposition.h. Samples by the ten thousand: no printf for a whole number. */
#include "rest-api/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {"counter", "gauge", "summary", "untyped"};

/* ---- Text ---------------------------------------------------------------------------------- */

/* How many bytes the UTF-8 character at `at` has; 0: it is none. */
static size_t character(const unsigned char *at)
{
    static const struct {
        unsigned char mask, lead, size;
        unsigned low; /* shorter would have done below that */
    } kinds[] = {{0x80, 0x00, 1, 0},
                 {0xe0, 0xc0, 2, 0x80},
                 {0xf0, 0xe0, 3, 0x800},
                 {0xf8, 0xf0, 4, 0x10000}};

    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        unsigned code = at[0] & (unsigned char)~kinds[kind].mask;

        if ((at[0] & kinds[kind].mask) != kinds[kind].lead)
            continue;
        for (size_t i = 1; i < kinds[kind].size; i++) {
            if ((at[i] & 0xc0) != 0x80) /* the NUL at the end as well */
                return 0;
            code = code << 6 | (at[i] & 0x3f);
        }
        if (code < kinds[kind].low || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        return kinds[kind].size;
    }
    return 0;
}

/* The format's escapes: \\ and \n everywhere, \" in labels only. */
static void add_escaped(weir_buf *out, const char *text, bool quotes)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        size_t size = character(at);

        if (size == 0) {
            weir_buf_text_add(out, "\xef\xbf\xbd");
            size = 1;
        } else if (*at == '\n') {
            weir_buf_text_add(out, "\\n");
        } else if (*at == '\\' || (*at == '"' && quotes)) {
            weir_buf_char(out, '\\');
            weir_buf_char(out, (char)*at);
        } else {
            weir_buf_add(out, at, size);
        }
        at += size;
    }
}

void weir_exposition_label(weir_buf *labels, const char *name, const char *value)
{
    if (labels->size > 0)
        weir_buf_char(labels, ',');
    weir_buf_text_add(labels, name);
    weir_buf_text_add(labels, "=\"");
    add_escaped(labels, value, true);
    weir_buf_char(labels, '"');
}

/* ---- Numbers ------------------------------------------------------------------------------- */

static void add_count(weir_buf *out, uint64_t value)
{
    char digits[20], *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    weir_buf_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

/* As short as it can be and still be the same number. */
static void add_value(weir_buf *out, double value)
{
    char text[40];

    if (isnan(value)) {
        weir_buf_text_add(out, "NaN");
    } else if (isinf(value)) {
        weir_buf_text_add(out, value > 0 ? "+Inf" : "-Inf");
    } else if (value >= 0 && value < 9e15 && value == floor(value)) {
        add_count(out, (uint64_t)value);
    } else {
        snprintf(text, sizeof(text), "%.15g", value);
        if (strtod(text, NULL) != value)
            snprintf(text, sizeof(text), "%.17g", value);
        weir_buf_text_add(out, text);
    }
}

/* ---- The page ------------------------------------------------------------------------------ */

void weir_exposition_family(weir_exposition *page, const char *name, weir_family_type type,
                            const char *help)
{
    page->name = name;
    page->type = type;
    page->help = help;
    page->announced = false;
}

static void announce(weir_exposition *page)
{
    page->announced = true;
    page->left_out = weir_map_get(&page->announced_names, page->name) != NULL;
    if (page->left_out)
        return;
    weir_map_set(&page->announced_names, page->name, page);
    weir_buf_text_add(page->out, "# HELP ");
    weir_buf_text_add(page->out, page->name);
    weir_buf_char(page->out, ' ');
    add_escaped(page->out, page->help, false);
    weir_buf_text_add(page->out, "\n# TYPE ");
    weir_buf_text_add(page->out, page->name);
    weir_buf_char(page->out, ' ');
    weir_buf_text_add(page->out, types[page->type]);
    weir_buf_char(page->out, '\n');
}

void weir_exposition_end(weir_exposition *page)
{
    weir_map_clear(&page->announced_names);
}

/* All of a sample that comes before its value. False: it is left out. */
static bool begin(weir_exposition *page, const char *suffix, const char *labels)
{
    if (!page->announced)
        announce(page);
    if (page->left_out)
        return false;
    weir_buf_text_add(page->out, page->name);
    weir_buf_text_add(page->out, suffix);
    if (labels[0]) {
        weir_buf_char(page->out, '{');
        weir_buf_text_add(page->out, labels);
        weir_buf_char(page->out, '}');
    }
    weir_buf_char(page->out, ' ');
    return true;
}

static void sample_count(weir_exposition *page, const char *suffix, const char *labels,
                         uint64_t value)
{
    if (!begin(page, suffix, labels))
        return;
    add_count(page->out, value);
    weir_buf_char(page->out, '\n');
}

static void sample_value(weir_exposition *page, const char *suffix, const char *labels,
                         double value)
{
    if (!begin(page, suffix, labels))
        return;
    add_value(page->out, value);
    weir_buf_char(page->out, '\n');
}

void weir_exposition_count(weir_exposition *page, const char *labels, uint64_t value)
{
    sample_count(page, "", labels, value);
}

void weir_exposition_value(weir_exposition *page, const char *labels, double value)
{
    sample_value(page, "", labels, value);
}

void weir_exposition_summary(weir_exposition *page, const char *labels, double sum, uint64_t count)
{
    sample_value(page, "_sum", labels, sum);
    sample_count(page, "_count", labels, count);
}
