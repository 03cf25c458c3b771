/* media.h - what a client sends and what it accepts (connect-rest-api.md 2.5). Pure functions. */
#ifndef WEIR_REST_MEDIA_H
#define WEIR_REST_MEDIA_H

#include <stdbool.h>

typedef enum weir_content {
    WEIR_CONTENT_JSON,
    WEIR_CONTENT_WILDCARD, /* "*" "/" "*" or application/ *: no type of a body, fine without one */
    WEIR_CONTENT_OTHER,
    WEIR_CONTENT_MALFORMED, /* no media type at all */
} weir_content;

weir_content weir_media_content(const char *content_type);

/* Does an Accept header (NULL: none) let application/json through? *ret_suffix is then the
 * parameters asked for (";charset=utf-8", the caller's) or NULL. */
bool weir_media_accepts_json(const char *accept, char **ret_suffix);
bool weir_media_accepts_text(const char *accept); /* text/plain */

#endif
