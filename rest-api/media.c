/* media.c - see media.h. */
#include "rest-api/media.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* One media range inside a header: "type/subtype" and what follows the first ";". */
typedef struct range {
    const char *type, *subtype, *params;
    size_t type_size, subtype_size, params_size;
} range;

static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !(text[i] && strchr("!#$%&'*+-.^_`|~", text[i])))
            return false;
    return size > 0;
}

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && ((*text)[0] == ' ' || (*text)[0] == '\t')) {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\t'))
        (*size)--;
}

static bool parse(const char *text, size_t size, range *r)
{
    const char *semicolon = memchr(text, ';', size);
    size_t whole = semicolon ? (size_t)(semicolon - text) : size;
    const char *slash;

    *r = (range){.params = semicolon ? semicolon + 1 : text + size};
    r->params_size = (size_t)(text + size - r->params);
    trim(&text, &whole);
    if (whole == 1 && text[0] == '*') { /* what java.net sends */
        r->type = r->subtype = text;
        r->type_size = r->subtype_size = 1;
        return true;
    }
    slash = memchr(text, '/', whole);
    if (!slash)
        return false;
    r->type = text;
    r->type_size = (size_t)(slash - text);
    r->subtype = slash + 1;
    r->subtype_size = whole - r->type_size - 1;
    return is_token(r->type, r->type_size) && is_token(r->subtype, r->subtype_size);
}

static bool is(const char *text, size_t size, const char *word)
{
    return size == strlen(word) && strncasecmp(text, word, size) == 0;
}

static bool covers(const range *r, const char *type, const char *subtype)
{
    if (is(r->type, r->type_size, "*"))
        return is(r->subtype, r->subtype_size, "*");
    return is(r->type, r->type_size, type) &&
           (is(r->subtype, r->subtype_size, subtype) || is(r->subtype, r->subtype_size, "*"));
}

weir_content weir_media_content(const char *content_type)
{
    range r;

    if (!parse(content_type, strlen(content_type), &r))
        return WEIR_CONTENT_MALFORMED;
    if (!covers(&r, "application", "json"))
        return WEIR_CONTENT_OTHER;
    return is(r.subtype, r.subtype_size, "*") ? WEIR_CONTENT_WILDCARD : WEIR_CONTENT_JSON;
}

/* The parameters but for the quality, which is about choosing and not about the answer. */
static char *suffix(const range *r)
{
    const char *at = r->params, *end = r->params + r->params_size;
    weir_buf out = WEIR_BUF;

    while (at < end) {
        const char *semicolon = memchr(at, ';', (size_t)(end - at));
        size_t size = (size_t)((semicolon ? semicolon : end) - at);
        const char *text = at;

        at += size + 1;
        trim(&text, &size);
        if (size == 0 || strncasecmp(text, "q=", 2) == 0)
            continue;
        weir_buf_char(&out, ';');
        weir_buf_add(&out, text, size);
    }
    if (out.size > 0)
        return weir_buf_take(&out);
    weir_buf_free(&out);
    return NULL;
}

/* The first range of the list that covers the type; false: none does, or one is no range. */
static bool find(const char *accept, const char *type, const char *subtype, range *ret_range)
{
    bool found = false;

    for (const char *at = accept; *at;) {
        size_t size = strcspn(at, ",");
        range r;

        if (!parse(at, size, &r))
            return false;
        if (!found && covers(&r, type, subtype)) {
            *ret_range = r;
            found = true;
        }
        at += size + (at[size] == ',');
    }
    return found;
}

bool weir_media_accepts_json(const char *accept, char **ret_suffix)
{
    range r;

    *ret_suffix = NULL;
    if (!accept || !*accept)
        return true;
    if (!find(accept, "application", "json", &r))
        return false;
    if (is(r.subtype, r.subtype_size, "json"))
        *ret_suffix = suffix(&r);
    return true;
}

bool weir_media_accepts_text(const char *accept)
{
    range r;

    return !accept || !*accept || find(accept, "text", "plain", &r);
}
