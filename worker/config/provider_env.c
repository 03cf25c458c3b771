/* provider_env.c - the environment, as it was when the worker started; which of its variables may
 * be given out, allowlist.pattern says. */
#include "config/provider.h"

#include "base/mem.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#define PATTERN "allowlist.pattern"

/* Java's regular expressions are a larger language than POSIX's; what both read alike will do for
 * names. What only Java reads must not silently mean something else. */
static bool is_common(const char *pattern)
{
    if (strstr(pattern, "(?"))
        return false;
    for (const char *at = pattern; *at; at++) {
        if (*at == '\\' && (isalnum((unsigned char)at[1]) || !at[1]))
            return false;
        if (*at == '\\')
            at++;
        else if (strchr("*+?}", *at) && at[1] && strchr("+?", at[1]))
            return false; /* reluctant, possessive */
    }
    return true;
}

static weir_code compile(const char *pattern, regex_t *regex, weir_err *err)
{
    char *whole = weir_format("^(%s)$", pattern), why[128];
    int code = REG_BADPAT;

    snprintf(why, sizeof(why),
             "write it without backslashes before letters or digits, without "
             "(?...) and without two quantifiers in a row");
    if (is_common(pattern)) {
        code = regcomp(regex, whole, REG_EXTENDED | REG_NOSUB);
        if (code != 0)
            regerror(code, regex, why, sizeof(why));
    }
    free(whole);
    return code == 0 ? WEIR_OK
                     : weir_fail(err, WEIR_INVALID,
                                 PATTERN ": %s: not a regular expression that "
                                         "weir reads: %s",
                                 pattern, why);
}

static weir_code configure(weir_provider *provider, const weir_props *params,
                           const char *const *environment, weir_err *err)
{
    const char *pattern = weir_props_get(params, PATTERN);
    regex_t regex;
    weir_code rc = compile(pattern ? pattern : ".*", &regex, err);

    if (rc != WEIR_OK)
        return rc;
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        char *name = equals ? weir_memdup(*environment, (size_t)(equals - *environment)) : NULL;

        if (name && regexec(&regex, name, 0, NULL, 0) == 0)
            weir_props_set(&provider->environment, name, equals + 1);
        else if (name) /* so that its absence can be explained */
            weir_props_set(&provider->environment, name, NULL);
        free(name);
    }
    regfree(&regex);
    return WEIR_OK;
}

static weir_code look(const weir_provider *provider, weir_source_cache *cache, const char *key,
                      weir_err *err)
{
    if (*cache->path)
        return weir_fail(err, WEIR_FAILED,
                         "Path is not supported for EnvVarConfigProvider, invalid value '%s'",
                         cache->path);
    if (!weir_props_has(&provider->environment, key))
        return weir_fail(err, WEIR_NOT_FOUND, "there is no environment variable '%s'", key);
    if (!weir_props_get(&provider->environment, key))
        return weir_fail(err, WEIR_NOT_FOUND, "its " PATTERN " does not let '%s' out", key);
    weir_props_set(&cache->values, key, weir_props_get(&provider->environment, key));
    return WEIR_OK;
}

static const char *const params[] = {PATTERN, NULL};

const weir_provider_kind weir_provider_env = {
    .class_name = "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
    .params = params,
    .configure = configure,
    .read = look,
};
