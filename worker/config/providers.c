/* providers.c - see providers.h. */
#include "config/providers.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/options.h"
#include "config/provider.h"
#include "config/variables.h"

#include <string.h>

#define PROVIDERS "config.providers"

struct weir_providers {
    weir_provider *list;
    size_t count;
};

static const weir_provider_kind *const kinds[] = {&weir_provider_env, &weir_provider_file,
                                                  &weir_provider_directory};

/* ---- Declarations ---------------------------------------------------------------------------- */

static const weir_provider_kind *kind_named(const char *class_name)
{
    for (size_t i = 0; i < WEIR_COUNT(kinds); i++)
        if (strcmp(kinds[i]->class_name, class_name) == 0)
            return kinds[i];
    return NULL;
}

static weir_code refuse_class(const char *key, const char *class_name, weir_err *err)
{
    weir_buf known = WEIR_BUF;
    weir_code rc;

    for (size_t i = 0; i < WEIR_COUNT(kinds); i++)
        weir_buf_format(&known, "%s%s", i ? ", " : "", kinds[i]->class_name);
    if (class_name)
        rc = weir_fail(err, WEIR_INVALID,
                       "Invalid value %s for configuration %s: there is no such config provider; "
                       "there are: %s",
                       class_name, key, weir_buf_text(&known));
    else
        rc = weir_fail(err, WEIR_INVALID,
                       "Missing required configuration \"%s\" which has no default value; there "
                       "are: %s",
                       key, weir_buf_text(&known));
    weir_buf_free(&known);
    return rc;
}

static void say_unknown_params(const weir_provider *provider, const weir_props *params)
{
    WEIR_PROPS_EACH (pair, params) {
        const char *const *known = provider->kind->params;

        while (*known && strcmp(*known, pair->key) != 0)
            known++;
        if (!*known)
            weir_log(WEIR_WARN, "config provider has no such parameter", "provider", provider->name,
                     "param", pair->key, NULL);
    }
}

static weir_code configure(weir_provider *provider, const weir_props *worker,
                           const char *const *environment, weir_err *err)
{
    char *key = weir_format(PROVIDERS ".%s.class", provider->name);
    char *prefix = weir_format(PROVIDERS ".%s.param.", provider->name);
    const char *at = weir_props_get(worker, key);
    char *class_name = at ? weir_list_take(&at) : NULL; /* trimmed */
    weir_props params = WEIR_PROPS;
    weir_code rc = WEIR_OK;

    provider->kind = class_name ? kind_named(class_name) : NULL;
    if (!provider->kind) {
        rc = refuse_class(key, class_name, err);
    } else {
        weir_props_merge_prefixed(&params, worker, prefix);
        say_unknown_params(provider, &params);
        rc = provider->kind->configure(provider, &params, environment, err);
        if (rc != WEIR_OK)
            weir_fail_in(err, PROVIDERS ".%s.param", provider->name);
    }
    weir_props_clear(&params);
    free(class_name);
    free(prefix);
    free(key);
    return rc;
}

static const weir_provider *find(const weir_providers *providers, const char *name, size_t size)
{
    for (size_t i = 0; providers && i < providers->count; i++)
        if (strlen(providers->list[i].name) == size &&
            memcmp(providers->list[i].name, name, size) == 0)
            return &providers->list[i];
    return NULL;
}

weir_code weir_providers_new(const weir_props *worker, const char *const *environment,
                             weir_providers **ret_providers, weir_err *err)
{
    weir_providers *providers = weir_new(weir_providers);
    const char *at = weir_props_get(worker, PROVIDERS);
    weir_code rc = WEIR_OK;

    for (char *name = at ? weir_list_take(&at) : NULL; name; name = weir_list_take(&at)) {
        if (rc != WEIR_OK || find(providers, name, strlen(name))) {
            free(name);
            continue;
        }
        providers->list =
            weir_realloc(providers->list, providers->count + 1, sizeof(*providers->list));
        providers->list[providers->count] = (weir_provider){.name = name};
        rc = configure(&providers->list[providers->count++], worker, environment, err);
    }
    if (rc == WEIR_OK) {
        *ret_providers = providers;
        providers = NULL; /* the caller's now */
    }
    weir_providers_free(providers);
    return rc;
}

void weir_providers_free(weir_providers *providers)
{
    if (!providers)
        return;
    for (size_t i = 0; i < providers->count; i++) {
        weir_provider *provider = &providers->list[i];

        for (char **path = provider->allowed_paths; path && *path; path++)
            free(*path);
        free(provider->allowed_paths);
        weir_props_clear(&provider->environment);
        free(provider->name);
    }
    free(providers->list);
    free(providers);
}

bool weir_providers_know(const weir_providers *providers, const char *value)
{
    weir_variable variable;

    while (value && weir_variable_find(value, &variable)) {
        if (find(providers, variable.provider.at, variable.provider.size))
            return true;
        value = variable.whole.at + variable.whole.size;
    }
    return false;
}

/* ---- One resolution -------------------------------------------------------------------------- */

typedef struct resolving {
    const weir_providers *providers;
    weir_resolution *resolution;
    weir_source_cache *caches; /* so that all keys of a file are of one moment */
    size_t count;
} resolving;

static char *copy(const weir_piece *piece)
{
    return weir_memdup(piece->at, piece->size);
}

static weir_source_cache *cache_of(resolving *r, const weir_provider *provider,
                                   const weir_piece *path)
{
    weir_source_cache *cache;

    for (size_t i = 0; i < r->count; i++)
        if (r->caches[i].provider == provider && strlen(r->caches[i].path) == path->size &&
            memcmp(r->caches[i].path, path->at, path->size) == 0)
            return &r->caches[i];
    r->caches = weir_realloc(r->caches, r->count + 1, sizeof(*r->caches));
    cache = &r->caches[r->count++];
    *cache = (weir_source_cache){.provider = provider, .path = copy(path)};
    return cache;
}

static void clear_caches(resolving *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->caches[i].path);
        weir_props_clear(&r->caches[i].values);
    }
    free(r->caches);
}

static weir_code look(const weir_provider *provider, weir_source_cache *cache, const char *key,
                      const char **ret_value, weir_err *err)
{
    weir_code rc = WEIR_OK;

    if (!weir_props_has(&cache->values, key))
        rc = cache->complete
                 ? weir_fail(err, WEIR_NOT_FOUND, "there is no key '%s' in '%s'", key, cache->path)
                 : provider->kind->read(provider, cache, key, err);
    *ret_value = rc == WEIR_OK ? weir_props_get(&cache->values, key) : NULL;
    return rc;
}

static void leave(resolving *r, const char *key, const weir_variable *variable,
                  const weir_provider *provider, const weir_err *why)
{
    weir_resolution *to = r->resolution;

    to->unresolved =
        weir_realloc(to->unresolved, to->unresolved_count + 1, sizeof(*to->unresolved));
    to->unresolved[to->unresolved_count++] = (weir_unresolved){
        .key = weir_strdup(key),
        .text = copy(&variable->whole),
        .why = weir_format("provider '%s': %s", provider->name, why->msg),
    };
}

/* Adds to `out` what the variable stands for, or the variable itself. */
static weir_code put(resolving *r, const char *key, const weir_variable *variable, weir_buf *out,
                     weir_err *err)
{
    const weir_provider *provider =
        find(r->providers, variable->provider.at, variable->provider.size);
    char *name = copy(&variable->key), *text = copy(&variable->whole);
    const char *value = NULL;
    weir_code rc = WEIR_OK;

    if (provider)
        rc = look(provider, cache_of(r, provider, &variable->path), name, &value, err);
    if (rc == WEIR_NOT_FOUND) {
        leave(r, key, variable, provider, err);
        rc = WEIR_OK;
    }
    if (rc != WEIR_OK) {
        weir_fail_in(err, "%s: %s: provider '%s'", key, text, provider->name);
    } else {
        weir_buf_text_add(out, value ? value : text);
        weir_secrets_add(&r->resolution->secrets, value, text);
        if (value)
            weir_props_set(&r->resolution->found, text, value);
    }
    free(name);
    free(text);
    return rc;
}

static weir_code resolve_value(resolving *r, const weir_pair *pair, weir_err *err)
{
    const char *at = pair->value;
    weir_buf value = WEIR_BUF;
    weir_variable variable;
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK && at && weir_variable_find(at, &variable)) {
        weir_buf_add(&value, at, (size_t)(variable.whole.at - at));
        rc = put(r, pair->key, &variable, &value, err);
        at = variable.whole.at + variable.whole.size;
    }
    if (at)
        weir_buf_text_add(&value, at);
    if (rc == WEIR_OK)
        weir_props_set(&r->resolution->props, pair->key, at ? weir_buf_text(&value) : NULL);
    weir_buf_free(&value);
    return rc;
}

weir_code weir_providers_resolve(const weir_providers *providers, const weir_props *raw,
                                 weir_resolution *resolution, weir_err *err)
{
    resolving r = {.providers = providers, .resolution = resolution};
    weir_code rc = WEIR_OK;

    WEIR_PROPS_EACH (pair, raw)
        if (rc == WEIR_OK)
            rc = resolve_value(&r, pair, err);
    clear_caches(&r);
    return rc;
}

void weir_resolution_clear(weir_resolution *resolution)
{
    for (size_t i = 0; i < resolution->unresolved_count; i++) {
        free(resolution->unresolved[i].key);
        free(resolution->unresolved[i].text);
        free(resolution->unresolved[i].why);
    }
    free(resolution->unresolved);
    weir_props_clear(&resolution->props);
    weir_props_clear(&resolution->found);
    weir_secrets_clear(&resolution->secrets);
    *resolution = (weir_resolution){0};
}
