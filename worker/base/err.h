/* err.h - how a function says that it failed: a code to branch on, a text to show.
 *
 * A weir_err lives on the caller's stack and owns nothing. It is written only when the code
 * returned is not WEIR_OK; NULL is fine where nobody will read it. Whoever acts on an error logs
 * it, once; everyone below returns it. The text names the thing: "connector 'orders': no plugin
 * 'mqtt'".
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <stdarg.h>

#define WEIR_MUST_CHECK         __attribute__((warn_unused_result))
#define WEIR_FORMAT(fmt, first) __attribute__((format(printf, fmt, first)))

#define WEIR_CODES(X)                                                                              \
    X(WEIR_OK, "ok")                                                                               \
    X(WEIR_INVALID, "invalid") /* what was given is wrong: the giver must change it */             \
    X(WEIR_NOT_FOUND, "not found")                                                                 \
    X(WEIR_EXISTS, "exists")             /* a thing of that name is there already */               \
    X(WEIR_CONFLICT, "conflict")         /* not in this moment: the cluster is changing */         \
    X(WEIR_FULL, "full")                 /* no room, nothing was taken */                          \
    X(WEIR_CLOSED, "closed")             /* the other side has ended */                            \
    X(WEIR_TIMED_OUT, "timed out")       /* not within the deadline; it may still happen */        \
    X(WEIR_UNAVAILABLE, "unavailable")   /* something outside is away; try again later */          \
    X(WEIR_INCOMPATIBLE, "incompatible") /* made for another version of us */                      \
    X(WEIR_FENCED, "fenced")             /* somebody newer has taken over */                       \
    X(WEIR_DENIED, "denied")             /* not authorised */                                      \
    X(WEIR_FAILED, "failed")             /* anything else; the text says what */

typedef enum weir_code {
#define X(code, text) code,
    WEIR_CODES(X)
#undef X
} weir_code;

typedef struct weir_err {
    weir_code code;
    char msg[1024]; /* cut at a whole UTF-8 character, ends with "..." then */
} weir_err;

/* "not found" for WEIR_NOT_FOUND. */
const char *weir_code_text(weir_code code);

/* Fills *err (when there is one) and returns `code`, so that a failure is one statement. */
weir_code weir_fail(weir_err *err, weir_code code, const char *fmt, ...) WEIR_FORMAT(3, 4);
weir_code weir_vfail(weir_err *err, weir_code code, const char *fmt, va_list args)
    WEIR_FORMAT(3, 0);

/* Puts "<text>: " in front of what *err says; returns its code. */
weir_code weir_fail_in(weir_err *err, const char *fmt, ...) WEIR_FORMAT(2, 3);

#endif
