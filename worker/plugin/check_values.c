/* check_values.c - values and lists, as Kafka reads and shows them. */
#include "plugin/check_internal.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Java's String.trim(): everything up to and including the blank goes. */
char *weir_trimmed(const char *text)
{
    size_t length;

    if (!text)
        return NULL;
    while (*text && (unsigned char)*text <= ' ')
        text++;
    length = strlen(text);
    while (length > 0 && (unsigned char)text[length - 1] <= ' ')
        length--;
    return weir_memdup(text, length);
}

void weir_each_item(const char *list, void (*each)(void *ctx, const char *item), void *ctx)
{
    char *whole = weir_trimmed(list);
    char *at = whole;

    while (whole && *whole) {
        char *comma = strchr(at, ',');
        char *item;

        if (comma)
            *comma = '\0';
        item = weir_trimmed(at);
        each(ctx, item);
        free(item);
        if (!comma)
            break;
        at = comma + 1;
    }
    free(whole);
}

static void join(void *ctx, const char *item)
{
    weir_buf *joined = ctx;

    weir_buf_format(joined, "%s%s", joined->size ? "," : "", item);
}

char *weir_shown_value(const weir_option *option, const char *value)
{
    weir_buf joined = WEIR_BUF;
    char *text, *end;

    if (!value)
        return NULL;
    if (option->secret)
        return weir_strdup("[hidden]");
    if (option->list) {
        weir_each_item(value, join, &joined);
        return weir_buf_take(&joined);
    }
    text = weir_trimmed(value);
    errno = 0;
    switch (option->type) {
    case WEIR_STRING:
        return text;
    case WEIR_INT: {
        long long number = strtoll(text, &end, 10);

        if (errno == 0 && end != text && *end == '\0')
            weir_buf_format(&joined, "%lld", number);
        break;
    }
    case WEIR_DOUBLE:
        strtod(text, &end);
        if (end != text && *end == '\0')
            weir_buf_text_add(&joined, text);
        break;
    case WEIR_BOOL:
        if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
            weir_buf_text_add(&joined, strcasecmp(text, "true") == 0 ? "true" : "false");
        break;
    case WEIR_PAIRS:
        break;
    }
    free(text);
    return joined.size ? weir_buf_take(&joined) : NULL;
}
