/* buf.h - text and bytes that grow.
 *
 *     weir_buf line = WEIR_BUF;
 *     weir_buf_format(&line, "task %d", task);
 *     puts(weir_buf_text(&line));
 *     weir_buf_free(&line);
 *
 * A zeroed weir_buf is empty and valid. Content may hold NULs; a NUL always follows it.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "base/err.h"

#include <stddef.h>

typedef struct weir_buf {
    char *data; /* NULL while nothing was ever added */
    size_t size;
    size_t room;
} weir_buf;

#define WEIR_BUF                                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

void weir_buf_add(weir_buf *buf, const void *bytes, size_t size);
void weir_buf_text_add(weir_buf *buf, const char *text);
void weir_buf_char(weir_buf *buf, char c);
void weir_buf_format(weir_buf *buf, const char *fmt, ...) WEIR_FORMAT(2, 3);
/* Room for `size` more bytes: the place to write them. Follow with `buf->size += written`. */
char *weir_buf_reserve(weir_buf *buf, size_t size);
/* Forgets the content, keeps the memory. */
void weir_buf_clear(weir_buf *buf);
/* The content, NUL-terminated, "" when empty; valid until the next change. */
const char *weir_buf_text(const weir_buf *buf);
/* The content, the caller's to free(); the buffer is empty afterwards. Never NULL. */
char *weir_buf_take(weir_buf *buf);
void weir_buf_free(weir_buf *buf);

#endif
