/* variables.c - see variables.h. */
#include "config/variables.h"

#include <string.h>

static weir_piece piece(const char *from, const char *to)
{
    return (weir_piece){from, (size_t)(to - from)};
}

bool weir_variable_find(const char *text, weir_variable *ret_variable)
{
    for (const char *at = strstr(text, "${"); at; at = strstr(at + 2, "${")) {
        const char *name = at + 2, *end = strchr(name, '}');
        const char *colon = end ? memchr(name, ':', (size_t)(end - name)) : NULL;
        const char *second;

        if (!end)
            break;
        if (!colon)
            continue; /* another "${" may begin before this '}' */
        second = memchr(colon + 1, ':', (size_t)(end - colon - 1));
        *ret_variable = (weir_variable){
            .whole = piece(at, end + 1),
            .provider = piece(name, colon),
            .path = second ? piece(colon + 1, second) : piece(colon + 1, colon + 1),
            .key = piece(second ? second + 1 : colon + 1, end),
        };
        return true;
    }
    return false;
}
