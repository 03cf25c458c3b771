/* provider.h - what providers.c and the kinds of providers share. */
#ifndef WEIR_CONFIG_PROVIDER_H
#define WEIR_CONFIG_PROVIDER_H

#include "base/err.h"
#include "base/props.h"

#include <stdbool.h>

/* The largest file that is taken for a value, and the largest property file. */
#define WEIR_PROVIDER_MAX (1024 * 1024)

typedef struct weir_provider {
    char *name;
    const struct weir_provider_kind *kind;
    weir_props environment; /* env: what it may give out */
    char **allowed_paths;   /* file, dir: normalised, NULL at the end; NULL: everything */
} weir_provider;

/* What one resolution has read of one path. */
typedef struct weir_source_cache {
    const weir_provider *provider;
    char *path;
    bool complete; /* a key that is not in `values` does not exist */
    weir_props values;
} weir_source_cache;

typedef struct weir_provider_kind {
    const char *class_name;
    const char *const *params; /* NULL at the end */
    /* Takes in the parameters (without their prefix). WEIR_INVALID names the bare parameter. */
    weir_code (*configure)(weir_provider *provider, const weir_props *params,
                           const char *const *environment, weir_err *err);
    /* Reads `key`, or more, into cache->values. Without it: WEIR_NOT_FOUND, the path or its key is
     * not there or not allowed; WEIR_FAILED, it cannot be known. `err` says why, in words. */
    weir_code (*read)(const weir_provider *provider, weir_source_cache *cache, const char *key,
                      weir_err *err);
} weir_provider_kind;

extern const weir_provider_kind weir_provider_env, weir_provider_file, weir_provider_directory;

/* "/a/./b/../c" -> "/a/c", by its letters alone as Java's Path.normalize(); the caller's. */
char *weir_path_normalise(const char *path);

#endif
