/* err.c - see err.h. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

const char *weir_code_text(weir_code code)
{
    switch (code) {
#define X(name, text)                                                                              \
    case name:                                                                                     \
        return text;
        WEIR_CODES(X)
#undef X
    }
    return "unknown";
}

/* A text that was cut keeps whole characters only and shows that something is missing. */
static void mark_cut(char *msg, size_t room)
{
    size_t end = room - sizeof("...");

    while (end > 0 && ((unsigned char)msg[end] & 0xC0) == 0x80)
        end--;
    memcpy(msg + end, "...", sizeof("..."));
}

weir_code weir_vfail(weir_err *err, weir_code code, const char *fmt, va_list args)
{
    int length;

    if (!err)
        return code;
    err->code = code;
    length = vsnprintf(err->msg, sizeof(err->msg), fmt, args);
    if (length < 0)
        err->msg[0] = '\0';
    else if ((size_t)length >= sizeof(err->msg))
        mark_cut(err->msg, sizeof(err->msg));
    return code;
}

weir_code weir_fail(weir_err *err, weir_code code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    weir_vfail(err, code, fmt, args);
    va_end(args);
    return code;
}

weir_code weir_fail_in(weir_err *err, const char *fmt, ...)
{
    char what[sizeof(err->msg)];
    char why[sizeof(err->msg)];
    va_list args;

    if (!err)
        return WEIR_FAILED;
    memcpy(why, err->msg, sizeof(why));
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return weir_fail(err, err->code, "%s: %s", what, why);
}
