/* mem.h - memory that is there or ends the process.
 *
 * As librdkafka beneath us, we abort when memory is out: the cluster moves a dead worker's tasks,
 * and error paths that nobody can test are not safety. A size from outside meets a named limit
 * before it gets here. Everything is given back with free().
 */
#ifndef WEIR_BASE_MEM_H
#define WEIR_BASE_MEM_H

#include "base/err.h"

#include <stddef.h>
#include <stdlib.h>

/* A zeroed struct of this type. */
#define weir_new(type) ((type *)weir_calloc(1, sizeof(type)))
/* A zeroed array. */
#define weir_new_array(type, count) ((type *)weir_calloc((count), sizeof(type)))

void *weir_calloc(size_t count, size_t size);
void *weir_realloc(void *memory, size_t count, size_t size);
/* NULL in, NULL out. */
char *weir_strdup(const char *text);
void *weir_memdup(const void *bytes,
                  size_t size); /* one NUL follows, uncounted; NULL in, NULL out */
char *weir_format(const char *fmt, ...) WEIR_FORMAT(1, 2);
/* Replaces the string in *field by a copy of `text`, which may point into the old one. */
void weir_replace(char **field, const char *text);
/* Equal, or both NULL. */
int weir_same(const char *a, const char *b);

#define WEIR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
