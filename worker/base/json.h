/* json.h - JSON of the control plane: Jansson reads and holds it, this module writes it.
 *
 * Writing follows Jackson's UTF-8 generator byte for byte, as a JVM worker would write the same
 * tree (connect-internals.md 1.9): no spaces, only `"`, `\` and control characters escaped
 * (upper-case hex), "/" raw, characters outside the BMP as a pair of \uXXXX.
 * The data path does not come through here except for weir_json_text().
 */
#ifndef WEIR_BASE_JSON_H
#define WEIR_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/props.h"

#include <jansson.h>
#include <stdbool.h>

/* Deepest nesting accepted from outside (Jackson's is 1000; Jansson's own limit is 2048). */
#define WEIR_JSON_DEPTH 512

/* Parses one JSON value that fills the text but for blanks. WEIR_INVALID: "line 3, column 7: …".
 * Integers beyond int64 are refused. The caller's reference. */
WEIR_MUST_CHECK weir_code weir_json_read(const char *text, size_t size, json_t **ret_json,
                                         weir_err *err);

/* Before parsing a posted body: comments of both kinds become blanks when `comments`; number
 * tokens become strings when `numbers`, so that a config value 1.50 stays "1.50". Works outside
 * of strings only, keeps positions of errors but for the quotes. Never fails: what is no JSON
 * stays none. */
void weir_json_prepare(const char *text, size_t size, bool comments, bool numbers, weir_buf *out);

void weir_json_write(weir_buf *buf, const json_t *json);
/* The same as a string, the caller's to free(). */
char *weir_json_dump(const json_t *json);
/* One quoted string; `size` bytes of UTF-8. */
void weir_json_text(weir_buf *buf, const char *text, size_t size);

/* {"a":"1","b":null}, in the order of the props. */
json_t *weir_json_from_props(const weir_props *props);
/* The reverse: members must be strings, null, numbers or booleans; others are WEIR_INVALID. */
WEIR_MUST_CHECK weir_code weir_json_to_props(const json_t *json, weir_props *props, weir_err *err);

/* Members, with what to do when they are missing or of another type. */
const char *weir_json_str(const json_t *json, const char *key); /* NULL */
int64_t weir_json_int(const json_t *json, const char *key, int64_t fallback);
/* Sets a member to a string, or to null for NULL. */
void weir_json_set_str(json_t *json, const char *key, const char *value);

#endif
