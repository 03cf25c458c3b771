/* buf.c - see buf.h. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *weir_buf_reserve(weir_buf *buf, size_t size)
{
    size_t need = buf->size + size + 1;

    if (need > buf->room) {
        size_t room = buf->room ? buf->room : 64;

        while (room < need)
            room *= 2;
        buf->data = weir_realloc(buf->data, room, 1);
        buf->room = room;
    }
    return buf->data + buf->size;
}

void weir_buf_add(weir_buf *buf, const void *bytes, size_t size)
{
    char *place = weir_buf_reserve(buf, size);

    if (size)
        memcpy(place, bytes, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void weir_buf_text_add(weir_buf *buf, const char *text)
{
    weir_buf_add(buf, text, strlen(text));
}

void weir_buf_char(weir_buf *buf, char c)
{
    weir_buf_add(buf, &c, 1);
}

void weir_buf_format(weir_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    int length;

    va_start(args, fmt);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length > 0) {
        vsnprintf(weir_buf_reserve(buf, (size_t)length), (size_t)length + 1, fmt, again);
        buf->size += (size_t)length;
    }
    va_end(again);
}

void weir_buf_clear(weir_buf *buf)
{
    buf->size = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

const char *weir_buf_text(const weir_buf *buf)
{
    return buf->size ? buf->data : "";
}

char *weir_buf_take(weir_buf *buf)
{
    char *text = buf->size ? buf->data : weir_strdup("");

    if (!buf->size)
        free(buf->data);
    *buf = (weir_buf)WEIR_BUF;
    return text;
}

void weir_buf_free(weir_buf *buf)
{
    free(buf->data);
    *buf = (weir_buf)WEIR_BUF;
}
