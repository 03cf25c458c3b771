/* properties.h - Java's .properties syntax (java.util.Properties.load): comments, continuations,
 * escapes, =, : or blank between key and value. UTF-8 is read as such, as Kafka's tools do.
 */
#ifndef WEIR_CONFIG_PROPERTIES_H
#define WEIR_CONFIG_PROPERTIES_H

#include "base/err.h"
#include "base/props.h"

/* Largest file accepted, bytes. */
#define WEIR_PROPERTIES_MAX (1024 * 1024)

/* Adds the pairs of a text to *props. WEIR_INVALID: "line 3: …" (a broken \uXXXX, a NUL). */
WEIR_MUST_CHECK weir_code weir_properties_parse(const char *text, size_t size, weir_props *props,
                                                weir_err *err);
/* The same from a file. WEIR_NOT_FOUND, WEIR_INVALID; the text names the file. */
WEIR_MUST_CHECK weir_code weir_properties_load(const char *path, weir_props *props, weir_err *err);

#endif
