/* json_pointer.c - see json_pointer.h. A scanner over a text that is known to be JSON; loops, no
 * recursion. */
#include "json_pointer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct token {
    char *name; /* '~' escapes undone */
    size_t size;
    bool is_index;
    size_t index;
} token;

struct mqtt_pointer {
    char *text;
    token *tokens;
    size_t count;
};

/* ---- Compiling ------------------------------------------------------------------------------- */

/* Digits without leading zeros; an array has no more elements than a size_t counts. */
static bool read_index(const token *t, size_t *ret_index)
{
    size_t index = 0;

    if (!t->size || t->size > 18 || (t->size > 1 && t->name[0] == '0'))
        return false;
    for (size_t i = 0; i < t->size; i++) {
        if (t->name[i] < '0' || t->name[i] > '9')
            return false;
        index = index * 10 + (size_t)(t->name[i] - '0');
    }
    *ret_index = index;
    return true;
}

/* One reference token, up to '/' or `end`. False: a '~' that is no escape. */
static bool add_token(mqtt_pointer *pointer, const char *from, const char *end)
{
    token t = {.name = mqtt_alloc((size_t)(end - from) + 1, 1)};
    bool good = true;

    for (; from < end; from++) {
        if (*from == '~' && (from + 1 == end || (from[1] != '0' && from[1] != '1')))
            good = false;
        else if (*from == '~')
            t.name[t.size++] = *++from == '0' ? '~' : '/';
        else
            t.name[t.size++] = *from;
    }
    t.is_index = read_index(&t, &t.index);
    pointer->tokens = mqtt_realloc(pointer->tokens, pointer->count + 1, sizeof(t));
    pointer->tokens[pointer->count++] = t;
    return good;
}

mqtt_pointer *mqtt_pointer_new(const char *text, size_t size, char *why, size_t room)
{
    mqtt_pointer *pointer = mqtt_alloc(1, sizeof(*pointer));
    const char *end = text + size;
    bool good = true;

    pointer->text = mqtt_strndup(text, size);
    if (size && *text != '/') {
        snprintf(why, room, "a JSON pointer is empty or begins with '/'");
        goto refused;
    }
    while (text < end && good) {
        const char *next = memchr(text + 1, '/', (size_t)(end - text - 1));

        next = next ? next : end;
        good = add_token(pointer, text + 1, next);
        text = next;
    }
    if (good)
        return pointer;
    snprintf(why, room, "in a JSON pointer '~' is written \"~0\", and '/' in a name \"~1\"");
refused:
    mqtt_pointer_free(pointer);
    return NULL;
}

void mqtt_pointer_free(mqtt_pointer *pointer)
{
    if (!pointer)
        return;
    for (size_t i = 0; i < pointer->count; i++)
        free(pointer->tokens[i].name);
    free(pointer->tokens);
    free(pointer->text);
    free(pointer);
}

const char *mqtt_pointer_text(const mqtt_pointer *pointer)
{
    return pointer->text;
}

/* ---- Characters of a string ------------------------------------------------------------------ */

static unsigned hex4(const char *at)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        char c = at[i];

        value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Behind "\u"; two such escapes may be one character. */
static size_t take_utf16(const char **at, char *to)
{
    uint32_t c = hex4(*at);

    *at += 4;
    if (c >= 0xd800 && c <= 0xdbff && (*at)[0] == '\\' && (*at)[1] == 'u') {
        uint32_t low = hex4(*at + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return put_utf8(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), to);
        }
    }
    return put_utf8(c >= 0xd800 && c <= 0xdfff ? 0xfffd : c, to);
}

/* The next byte of the string at *at, or all bytes of an escaped character. The closing quote is
 * still ahead, so looking past an escape is safe. */
static size_t take_char(const char **at, char *to)
{
    static const char names[] = "bfnrt", bytes[] = "\b\f\n\r\t";
    const char *name;

    if (**at != '\\') {
        *to = *(*at)++;
        return 1;
    }
    *at += 2;
    if ((*at)[-1] == 'u')
        return take_utf16(at, to);
    name = strchr(names, (*at)[-1]);
    *to = name ? bytes[name - names] : (*at)[-1];
    return 1;
}

/* ---- Going through a text -------------------------------------------------------------------- */

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

static void skip_string(cursor *c)
{
    for (c->at++; *c->at != '"'; c->at++)
        if (*c->at == '\\')
            c->at++;
    c->at++;
}

static void skip_brackets(cursor *c)
{
    size_t depth = 0;

    do {
        if (*c->at == '"') {
            skip_string(c);
            continue;
        }
        if (*c->at == '{' || *c->at == '[')
            depth++;
        else if (*c->at == '}' || *c->at == ']')
            depth--;
        c->at++;
    } while (depth);
}

static void skip_value(cursor *c)
{
    if (*c->at == '"')
        skip_string(c);
    else if (*c->at == '{' || *c->at == '[')
        skip_brackets(c);
    else
        while (c->at < c->end && !memchr(",]} \t\r\n", *c->at, 7))
            c->at++;
}

/* Is the string that starts at `at` this name? */
static bool is_name(const char *at, const token *t)
{
    size_t matched = 0;

    for (at++; *at != '"';) {
        char bytes[4];
        size_t size = take_char(&at, bytes);

        if (size > t->size - matched || memcmp(t->name + matched, bytes, size) != 0)
            return false;
        matched += size;
    }
    return matched == t->size;
}

typedef enum step { STEPPED, NOTHING, TWICE } step;

/* From an object to its member; all of it is looked at, for the name may come again. */
static step enter_object(cursor *c, const token *t)
{
    const char *found = NULL;

    for (c->at++;;) {
        bool is_it;

        skip_blanks(c);
        if (*c->at == '}')
            break;
        is_it = is_name(c->at, t);
        skip_string(c);
        skip_blanks(c);
        c->at++; /* ':' */
        skip_blanks(c);
        if (is_it && found)
            return TWICE;
        if (is_it)
            found = c->at;
        skip_value(c);
        skip_blanks(c);
        if (*c->at == ',')
            c->at++;
    }
    c->at = found;
    return found ? STEPPED : NOTHING;
}

static step enter_array(cursor *c, const token *t)
{
    if (!t->is_index)
        return NOTHING;
    c->at++;
    for (size_t i = 0;; i++) {
        skip_blanks(c);
        if (*c->at == ']')
            return NOTHING;
        if (i == t->index)
            return STEPPED;
        skip_value(c);
        skip_blanks(c);
        if (*c->at == ',')
            c->at++;
    }
}

static mqtt_json_kind kind_of(char first)
{
    switch (first) {
    case '"':
        return MQTT_JSON_STRING;
    case '{':
        return MQTT_JSON_OBJECT;
    case '[':
        return MQTT_JSON_ARRAY;
    case 't':
    case 'f':
    case 'n':
        return MQTT_JSON_WORD;
    default:
        return MQTT_JSON_NUMBER;
    }
}

bool mqtt_pointer_find(const mqtt_pointer *pointer, const void *json, size_t size,
                       mqtt_json_value *ret_value, char *why, size_t room)
{
    cursor c = {json, (const char *)json + size};
    const char *from;

    skip_blanks(&c);
    for (size_t i = 0; i < pointer->count; i++) {
        step result = NOTHING;

        if (*c.at == '{')
            result = enter_object(&c, &pointer->tokens[i]);
        else if (*c.at == '[')
            result = enter_array(&c, &pointer->tokens[i]);
        if (result == STEPPED)
            continue;
        snprintf(why, room,
                 result == TWICE ? "its payload has a name on the way to '%.80s' twice"
                                 : "its payload has nothing at '%.80s'",
                 pointer->text);
        return false;
    }
    from = c.at;
    skip_value(&c);
    *ret_value = (mqtt_json_value){kind_of(*from), from, (size_t)(c.at - from)};
    return true;
}

void mqtt_json_append(const mqtt_json_value *value, mqtt_bytes *out)
{
    const char *at = value->text + 1, *end = value->text + value->size - 1;

    if (value->kind != MQTT_JSON_STRING) {
        mqtt_bytes_append(out, value->text, value->size);
        return;
    }
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        char bytes[4];

        if (escape != at) {
            mqtt_bytes_append(out, at, (size_t)((escape ? escape : end) - at));
            at = escape ? escape : end;
        } else {
            size_t size = take_char(&at, bytes);

            mqtt_bytes_append(out, bytes, size);
        }
    }
}
