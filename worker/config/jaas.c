/* jaas.c - see jaas.h. The grammar: module flag {name=value} ';', with Java's comments, and quotes
 * of both kinds in which a backslash escapes. */
#include "config/jaas.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
    for (;;) {
        const char *end;

        at += strspn(at, " \t\r\n\f");
        if (at[0] == '/' && at[1] == '/')
            end = at + strcspn(at, "\n");
        else if (at[0] == '/' && at[1] == '*' && strstr(at + 2, "*/"))
            end = strstr(at + 2, "*/") + 2;
        else
            return at;
        at = end;
    }
}

static char unescaped(char c)
{
    static const char names[] = "abfnrtv", meanings[] = "\a\b\f\n\r\t\v";
    const char *name = strchr(names, c);

    return name ? meanings[name - names] : c;
}

/* Takes a word or a quoted text. False: there is none, or its quote is never closed. */
static bool take(const char **at, weir_buf *word)
{
    char quote;

    weir_buf_clear(word);
    *at = skip_blanks(*at);
    quote = **at;
    if (quote != '"' && quote != '\'') {
        size_t size = strcspn(*at, " \t\r\n\f=;\"'");

        weir_buf_add(word, *at, size);
        *at += size;
        return size > 0;
    }
    for (++*at; **at && **at != quote; ++*at) {
        if (**at == '\\' && (*at)[1])
            weir_buf_char(word, unescaped(*++*at));
        else
            weir_buf_char(word, **at);
    }
    if (!**at)
        return false;
    ++*at;
    return true;
}

static bool is_flag(const char *word)
{
    static const char *const flags[] = {"required", "requisite", "sufficient", "optional"};

    for (size_t i = 0; i < WEIR_COUNT(flags); i++)
        if (strcasecmp(word, flags[i]) == 0)
            return true;
    return false;
}

static weir_code take_options(const char **at, weir_jaas *jaas, weir_err *err)
{
    weir_buf name = WEIR_BUF, value = WEIR_BUF;
    weir_code rc = WEIR_OK;

    for (*at = skip_blanks(*at); **at != ';' && rc == WEIR_OK; *at = skip_blanks(*at)) {
        if (!**at) {
            rc = weir_fail(err, WEIR_INVALID, "the entry must end with ';'");
        } else if (!take(at, &name)) {
            rc = weir_fail(err, WEIR_INVALID, "expected name=\"value\" or ';'");
        } else {
            *at = skip_blanks(*at);
            if (**at != '=')
                rc = weir_fail(err, WEIR_INVALID, "expected '=' behind the name of an option");
            else if (++*at, !take(at, &value))
                rc = weir_fail(err, WEIR_INVALID, "an option has no value, or its quote is open");
            else
                weir_props_set(&jaas->options, weir_buf_text(&name), weir_buf_text(&value));
        }
    }
    weir_buf_free(&name);
    weir_buf_free(&value);
    return rc;
}

weir_code weir_jaas_parse(const char *text, weir_jaas *jaas, weir_err *err)
{
    const char *at = text;
    weir_buf word = WEIR_BUF;
    weir_code rc = WEIR_OK;

    if (!take(&at, &word))
        rc = weir_fail(err, WEIR_INVALID, "it names no login module");
    jaas->module = weir_strdup(weir_buf_text(&word));
    if (rc == WEIR_OK && (!take(&at, &word) || !is_flag(weir_buf_text(&word))))
        rc = weir_fail(err, WEIR_INVALID, "the login module must be followed by 'required'");
    if (rc == WEIR_OK)
        rc = take_options(&at, jaas, err);
    if (rc == WEIR_OK && *skip_blanks(at + 1))
        rc = weir_fail(err, WEIR_INVALID, "only one entry is expected, but more follows the ';'");
    weir_buf_free(&word);
    return rc;
}

void weir_jaas_clear(weir_jaas *jaas)
{
    free(jaas->module);
    weir_props_clear(&jaas->options);
    *jaas = (weir_jaas){0};
}
