/* json_check.c - see json_check.h. A loop with one bit per open bracket, no recursion. */
#include "json_check.h"

#include <stdint.h>
#include <string.h>

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

/* ---- UTF-8 (RFC 3629: no surrogates, nothing overlong) --------------------------------------- */

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the character at `at`, whose first byte is not ASCII; 0: it is none. */
static size_t utf8_size(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    uint8_t first = at[0];

    if (first >= 0xc2 && first <= 0xdf)
        return left >= 2 && is_tail(at[1]) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (left < 3 || !is_tail(at[1]) || !is_tail(at[2]))
            return 0;
        return (first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (left < 4 || !is_tail(at[1]) || !is_tail(at[2]) || !is_tail(at[3]))
            return 0;
        return (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f) ? 0 : 4;
    }
    return 0;
}

bool mqtt_is_utf8(const void *text, size_t size)
{
    const uint8_t *at = text, *end = at + size;
    uint64_t eight;
    size_t step;

    while (at < end) {
        if (end - at >= 8) { /* eight ASCII characters at once */
            memcpy(&eight, at, sizeof(eight));
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += 8;
                continue;
            }
        }
        step = *at < 0x80 ? 1 : utf8_size(at, end);
        if (!step)
            return false;
        at += step;
    }
    return true;
}

/* ---- Scalars -------------------------------------------------------------------------------- */

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

static bool is_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

static bool skip_escape(cursor *c)
{
    if (++c->at == c->end)
        return false;
    if (*c->at == 'u') {
        if (c->end - c->at < 5)
            return false;
        for (int i = 1; i <= 4; i++)
            if (!is_hex(c->at[i]))
                return false;
        c->at += 5;
        return true;
    }
    return *c->at && strchr("\"\\/bfnrt", *c->at++);
}

static bool skip_string(cursor *c)
{
    size_t step;

    if (c->at == c->end || *c->at != '"')
        return false;
    for (c->at++; c->at < c->end;) {
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        if (*c->at == '\\') {
            if (!skip_escape(c))
                return false;
            continue;
        }
        if (*c->at < 0x20)
            return false;
        step = *c->at < 0x80 ? 1 : utf8_size(c->at, c->end);
        if (!step)
            return false;
        c->at += step;
    }
    return false;
}

static bool skip_digits(cursor *c)
{
    const uint8_t *from = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > from;
}

static bool skip_number(cursor *c)
{
    if (c->at < c->end && *c->at == '-')
        c->at++;
    if (c->at < c->end && *c->at == '0')
        c->at++; /* and no digit may follow */
    else if (!skip_digits(c))
        return false;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!skip_digits(c))
            return false;
    }
    if (c->at < c->end && (*c->at | 0x20) == 'e') {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
            c->at++;
        return skip_digits(c);
    }
    return true;
}

static bool skip_word(cursor *c, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0)
        return false;
    c->at += size;
    return true;
}

static bool skip_scalar(cursor *c)
{
    if (c->at == c->end)
        return false;
    switch (*c->at) {
    case '"':
        return skip_string(c);
    case 't':
        return skip_word(c, "true");
    case 'f':
        return skip_word(c, "false");
    case 'n':
        return skip_word(c, "null");
    default:
        return skip_number(c);
    }
}

/* ---- Brackets ------------------------------------------------------------------------------- */

typedef struct brackets {
    uint8_t is_object[MQTT_JSON_DEPTH / 8];
    size_t depth;
} brackets;

static bool in_object(const brackets *open)
{
    return open->is_object[(open->depth - 1) / 8] >> (open->depth - 1) % 8 & 1;
}

static bool push(brackets *open, bool object)
{
    uint8_t bit;

    if (open->depth == MQTT_JSON_DEPTH)
        return false;
    bit = (uint8_t)(1u << open->depth % 8);
    if (object)
        open->is_object[open->depth / 8] |= bit;
    else
        open->is_object[open->depth / 8] &= (uint8_t)~bit;
    open->depth++;
    return true;
}

static bool skip_name(cursor *c)
{
    skip_blanks(c);
    if (!skip_string(c))
        return false;
    skip_blanks(c);
    return c->at < c->end && *c->at++ == ':';
}

/* Opens brackets down to the first scalar or empty pair, and goes past it. */
static bool descend(cursor *c, brackets *open)
{
    for (;;) {
        bool object;

        skip_blanks(c);
        if (c->at == c->end)
            return false;
        if (*c->at != '{' && *c->at != '[')
            return skip_scalar(c);
        object = *c->at++ == '{';
        skip_blanks(c);
        if (c->at < c->end && *c->at == (object ? '}' : ']')) {
            c->at++;
            return true;
        }
        if (!push(open, object) || (object && !skip_name(c)))
            return false;
    }
}

bool mqtt_is_json(const void *text, size_t size)
{
    cursor c = {text, (const uint8_t *)text + size};
    brackets open = {.depth = 0};

    if (!size)
        return false;
    for (;;) { /* each turn: a value, then whatever closes behind it */
        if (!descend(&c, &open))
            return false;
        for (;;) {
            skip_blanks(&c);
            if (!open.depth)
                return c.at == c.end;
            if (c.at == c.end)
                return false;
            if (*c.at == ',')
                break;
            if (*c.at++ != (in_object(&open) ? '}' : ']'))
                return false;
            open.depth--;
        }
        c.at++;
        if (in_object(&open) && !skip_name(&c))
            return false;
    }
}
