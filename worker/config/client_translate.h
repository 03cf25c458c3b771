/* client_translate.h - one Java client property in librdkafka's words (kafka-client.md 8.2).
 *
 * What has no counterpart is either harmless, and said once, or an error that names what to write
 * instead.
 */
#ifndef WEIR_CONFIG_CLIENT_TRANSLATE_H
#define WEIR_CONFIG_CLIENT_TRANSLATE_H

#include "base/err.h"
#include "base/props.h"
#include "config/client_config.h"

typedef struct weir_client_job {
    weir_client_kind kind;
    weir_props said;   /* all layers, merged, values trimmed: a pair may depend on another */
    weir_props origin; /* name → the whole key it came from, for errors */
    weir_props *out;
} weir_client_job;

/* Sets in job->out what this pair of job->said means. */
WEIR_MUST_CHECK weir_code weir_client_translate(const weir_client_job *job, const weir_pair *pair,
                                                weir_err *err);

/* [any] Warns that a key has no effect, once a process: clients are made again and again. Only for
 * keys of the vocabulary, which bounds the memory of what was said. */
void weir_client_note_once(const char *key, const char *why);
/* [any] Nobody has asked this about `name` before in this process: what there is to say about a
 * property that a client does not know, be it said by its settings or by the client, is said once.
 */
bool weir_client_is_news(const char *name);

/* Does the text end so, in any case of letters? */
bool weir_ends_with(const char *text, const char *end);

#endif
