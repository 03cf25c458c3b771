/* mem.c - see mem.h. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory) {
        fputs("weir: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *weir_calloc(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *weir_realloc(void *memory, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return must(NULL);
    return must(realloc(memory, size && count ? count * size : 1));
}

char *weir_strdup(const char *text)
{
    return text ? must(strdup(text)) : NULL;
}

void *weir_memdup(const void *bytes, size_t size)
{
    char *copy;

    if (!bytes)
        return NULL;
    copy = must(malloc(size + 1));
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

char *weir_format(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    int length;

    va_start(args, fmt);
    length = vasprintf(&text, fmt, args);
    va_end(args);
    return must(length < 0 ? NULL : text);
}

void weir_replace(char **field, const char *text)
{
    char *copy = weir_strdup(text);

    free(*field);
    *field = copy;
}

int weir_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
