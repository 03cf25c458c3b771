/* body.h - posted JSON: what Connect accepts, and what it says about the rest.
 *
 * Comments (`//`, and C's) count as blanks when the worker allows them (rest.json.comments).
 * Config values keep the text they were written in: 1.50 becomes "1.50" (connect-rest-api.md
 * 1.1). Pure functions; everything a client may send comes through here first.
 *
 * Codes, both with their text: WEIR_FAILED for what is not JSON of the right shape (Connect
 * answers 500), WEIR_INVALID for a name that contradicts itself, or offsets that are none (400).
 */
#ifndef WEIR_REST_BODY_H
#define WEIR_REST_BODY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/props.h"

#include <stdbool.h>

typedef struct weir_create { /* zero it before; weir_create_clear() after */
    char *name;              /* blanks at its ends taken off; "" when missing */
    weir_props config;       /* "name" included */
    const char *target;      /* "RUNNING", "PAUSED", "STOPPED"; NULL: not said */
} weir_create;

/* The body of POST /connectors. */
WEIR_MUST_CHECK weir_code weir_body_create(const weir_buf *body, bool comments, weir_create *create,
                                           weir_err *err);
void weir_create_clear(weir_create *create);

/* A flat map of strings, as PUT and PATCH send it. */
WEIR_MUST_CHECK weir_code weir_body_config(const weir_buf *body, bool comments, weir_props *config,
                                           weir_err *err);
/* `config.name` must say what the path says; missing or null, it is put there. */
WEIR_MUST_CHECK weir_code weir_body_agree(weir_props *config, const char *name, weir_err *err);

/* The body of PATCH …/offsets: sets *ret_offsets to a JSON array of {"partition":{…} or null,
 * "offset":{…} or null}, the caller's to free(). Numbers stay numbers. */
WEIR_MUST_CHECK weir_code weir_body_offsets(const weir_buf *body, bool comments, char **ret_offsets,
                                            weir_err *err);

#endif
