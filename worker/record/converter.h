/* converter.h - from a plugin's data to bytes in Kafka (connect-internals.md 5).
 *
 * Java's class names, full or short, weir's work. A converter is immutable: any thread may use it.
 *
 *                          bytes      text      JSON
 *   ByteArrayConverter     as is      as is     as is      (Java refuses the last two)
 *   StringConverter        as is      as is     as is      (Java prints addresses for the first)
 *   JsonConverter          "base64"   "quoted"  as is      schemas off
 *   JsonConverter          the same in {"schema":…,"payload":…}; JSON has the schema null
 *   SimpleHeaderConverter  base64     as is     as is      headers only
 *
 * Null is Kafka's null from all of them, as Java does it for data without a schema.
 */
#ifndef WEIR_RECORD_CONVERTER_H
#define WEIR_RECORD_CONVERTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/props.h"
#include "weir_plugin.h"

typedef struct weir_converter weir_converter;

typedef enum weir_converter_use { WEIR_KEY, WEIR_VALUE, WEIR_HEADER } weir_converter_use;

/* `props`: settings below "key.converter." and so on, prefix taken off. WEIR_INVALID: no such
 * class (the text lists ours) or a bad setting. */
WEIR_MUST_CHECK weir_code weir_converter_new(const char *class_name, weir_converter_use use,
                                             const weir_props *props,
                                             weir_converter **ret_converter, weir_err *err);
void weir_converter_free(weir_converter *converter);
/* Would this class name do? */
bool weir_converter_known(const char *class_name);

typedef struct weir_bytes {
    const void *data; /* NULL: Kafka's null */
    size_t size;
} weir_bytes;

/* The bytes for Kafka: `data` itself where nothing has to change (no copy), else built in
 * *scratch, which is cleared first. WEIR_INVALID: this converter cannot carry this data. */
WEIR_MUST_CHECK weir_code weir_convert(const weir_converter *converter, const weir_data *data,
                                       weir_buf *scratch, weir_bytes *ret_bytes, weir_err *err);

#endif
