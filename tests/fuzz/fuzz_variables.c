/* fuzz_variables.c - whatever stands in a value, variables are whole and in order, text around them
 * stays, and what came in place of one is not in what is shown.
 *
 * Two parts, divided by 0x1e: a value, and the content of environment variable A.
 */
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/providers.h"
#include "config/variables.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>

FUZZ_WITHOUT_LOG

static bool lies_in(const weir_piece *piece, const weir_piece *whole)
{
    return piece->at >= whole->at && piece->at + piece->size < whole->at + whole->size;
}

/* A variable is "${", provider, ":", perhaps a path and ":", key, "}". */
static void check_variable(const weir_variable *v)
{
    const char *end = v->whole.at + v->whole.size - 1;

    require(strncmp(v->whole.at, "${", 2) == 0 && *end == '}');
    require(memchr(v->whole.at, '}', v->whole.size) == end);
    require(v->provider.at == v->whole.at + 2 && v->provider.at[v->provider.size] == ':');
    require(v->key.at + v->key.size == end);
    require(lies_in(&v->provider, &v->whole) && lies_in(&v->path, &v->whole));
    require(!memchr(v->provider.at, ':', v->provider.size));
    require(!memchr(v->path.at, ':', v->path.size));
}

/* The variables and what is between them make up the text again. */
static void check_variables(const char *text)
{
    weir_buf again = WEIR_BUF;
    weir_variable v;
    const char *at = text;

    while (weir_variable_find(at, &v)) {
        check_variable(&v);
        require(v.whole.at >= at);
        weir_buf_add(&again, at, (size_t)(v.whole.at - at));
        weir_buf_add(&again, v.whole.at, v.whole.size);
        at = v.whole.at + v.whole.size;
    }
    weir_buf_text_add(&again, at);
    require(strcmp(weir_buf_text(&again), text) == 0);
    weir_buf_free(&again);
}

static void check_hidden(const weir_resolution *resolution, const char *shown)
{
    char *clean = weir_secrets_hide(&resolution->secrets, shown);

    for (size_t i = 0; i < resolution->secrets.count; i++) {
        const char *secret = resolution->secrets.list[i].text;

        require(strlen(secret) >= WEIR_SECRET_SHORTEST);
        /* Only a piece of a variable, or one with its first or last sign, may be made up by what is
         * shown in its place. */
        require(strpbrk(secret, "$}") || strstr(resolution->secrets.list[i].shown, secret) ||
                !strstr(clean ? clean : shown, secret));
    }
    free(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = weir_memdup(size ? bytes : (const uint8_t *)"", size);
    char *cut = strchr(text, 0x1e), *variable;
    const char *environment[] = {NULL, NULL};
    weir_props worker = WEIR_PROPS, raw = WEIR_PROPS;
    weir_resolution resolution = {.props = WEIR_PROPS};
    weir_providers *providers = NULL;
    weir_err err = {.msg = ""};

    if (cut)
        *cut++ = '\0';
    variable = weir_format("A=%s", cut ? cut : "");
    environment[0] = variable;
    check_variables(text);

    weir_props_set(&worker, "config.providers", "env");
    weir_props_set(&worker, "config.providers.env.class",
                   "org.apache.kafka.common.config.provider.EnvVarConfigProvider");
    require(weir_providers_new(&worker, environment, &providers, &err) == WEIR_OK);
    weir_props_set(&raw, "k", text);
    if (weir_providers_resolve(providers, &raw, &resolution, &err) == WEIR_OK) {
        require(weir_providers_know(providers, text) || weir_props_equal(&raw, &resolution.props));
        check_hidden(&resolution, weir_props_get(&resolution.props, "k"));
    } else {
        require(strncmp(err.msg, "k: ${env:", 9) == 0);
    }
    weir_resolution_clear(&resolution);
    weir_props_clear(&raw);
    weir_props_clear(&worker);
    weir_providers_free(providers);
    free(variable);
    free(text);
    return 0;
}
