/* provider_files.c - files: keys of a property file, or files of a directory.
 *
 * allowed.paths is held against the path as it is written, '.' and '..' taken out, as in Kafka: a
 * link that somebody has put into an allowed directory is followed, wherever it leads, because a
 * mounted secret is such a link.
 */
#include "config/provider.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "config/options.h"
#include "config/properties.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALLOWED "allowed.paths"

/* ---- Paths ----------------------------------------------------------------------------------- */

char *weir_path_normalise(const char *path)
{
    weir_buf out = WEIR_BUF;
    bool absolute = *path == '/';

    while (*path) {
        size_t size = strcspn(path, "/");
        bool up = size == 2 && memcmp(path, "..", 2) == 0;
        const char *last = memrchr(weir_buf_text(&out), '/', out.size);
        const char *name = last ? last + 1 : weir_buf_text(&out);

        if (up && out.size > 0 && strcmp(name, "..") != 0) {
            out.size = last ? (size_t)(last - out.data) : 0;
            out.data[out.size] = '\0';
        } else if (size > 0 && !(size == 1 && *path == '.') && !(up && absolute)) {
            if (absolute || out.size > 0)
                weir_buf_char(&out, '/');
            weir_buf_add(&out, path, size);
        }
        path += size + (path[size] == '/');
    }
    if (absolute && out.size == 0)
        weir_buf_char(&out, '/');
    return weir_buf_take(&out);
}

static bool is_within(const char *path, const char *folder)
{
    size_t size = strlen(folder);

    if (strcmp(folder, "/") == 0)
        return *path == '/';
    return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* The path to open, the caller's; NULL: it is not allowed. */
static char *allowed_path(const weir_provider *provider, const char *path)
{
    char *normalised;

    if (!provider->allowed_paths)
        return weir_strdup(path);
    normalised = weir_path_normalise(path);
    for (char **folder = provider->allowed_paths; *folder; folder++)
        if (is_within(normalised, *folder))
            return normalised;
    free(normalised);
    return NULL;
}

static weir_code add_allowed(weir_provider *provider, const char *path, size_t count, weir_err *err)
{
    char *normalised = weir_path_normalise(path);

    provider->allowed_paths =
        weir_realloc(provider->allowed_paths, count + 2, sizeof(*provider->allowed_paths));
    provider->allowed_paths[count] = normalised;
    provider->allowed_paths[count + 1] = NULL;
    if (*normalised != '/')
        return weir_fail(err, WEIR_INVALID, ALLOWED ": Path %s is not absolute", normalised);
    if (access(normalised, F_OK) != 0)
        return weir_fail(err, WEIR_INVALID, ALLOWED ": Path %s does not exist", normalised);
    return WEIR_OK;
}

static weir_code configure(weir_provider *provider, const weir_props *params,
                           const char *const *environment, weir_err *err)
{
    const char *at = weir_props_get(params, ALLOWED);
    size_t count = 0;
    weir_code rc = WEIR_OK;

    (void)environment;
    for (char *path = at ? weir_list_take(&at) : NULL; path; path = weir_list_take(&at)) {
        if (rc == WEIR_OK)
            rc = add_allowed(provider, path, count++, err);
        free(path);
    }
    return rc;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static weir_code read_open(int fd, weir_buf *text, weir_err *err)
{
    ssize_t got;

    do {
        got = read(fd, weir_buf_reserve(text, 8192), 8192);
        if (got > 0)
            text->size += (size_t)got;
    } while ((got > 0 && text->size <= WEIR_PROVIDER_MAX) || (got < 0 && errno == EINTR));
    if (got < 0)
        return weir_fail(err, WEIR_FAILED, "%s", strerror(errno));
    if (text->size > WEIR_PROVIDER_MAX)
        return weir_fail(err, WEIR_FAILED, "larger than %d bytes", WEIR_PROVIDER_MAX);
    weir_buf_char(text, '\0'); /* what was read into it has none behind it */
    text->size--;
    return WEIR_OK;
}

/* Of a regular file alone: a pipe would keep whoever asks waiting. WEIR_NOT_FOUND: it is not there,
 * or no such file. */
static weir_code read_file(const char *path, weir_buf *text, weir_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    weir_code rc;

    if (fd < 0)
        return weir_fail(err, errno == ENOENT || errno == ENOTDIR ? WEIR_NOT_FOUND : WEIR_FAILED,
                         "%s", strerror(errno));
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        rc = weir_fail(err, WEIR_NOT_FOUND, "not a regular file");
    else
        rc = read_open(fd, text, err);
    close(fd);
    return rc;
}

static void wipe(weir_buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->room);
    weir_buf_free(text);
}

static weir_code not_allowed(const char *path, weir_err *err)
{
    return weir_fail(err, WEIR_NOT_FOUND, "its " ALLOWED " do not contain '%s'", path);
}

static weir_code load(const char *path, weir_source_cache *cache, weir_err *err)
{
    weir_buf text = WEIR_BUF;
    weir_err why;
    weir_code rc = read_file(path, &text, &why);

    if (rc == WEIR_OK)
        rc = weir_properties_parse(weir_buf_text(&text), text.size, &cache->values, &why);
    wipe(&text);
    if (rc != WEIR_OK)
        return weir_fail(err, WEIR_FAILED, "Could not read properties from file %s: %s",
                         cache->path, why.msg);
    cache->complete = true;
    return WEIR_OK;
}

static weir_code look_in_file(const weir_provider *provider, weir_source_cache *cache,
                              const char *key, weir_err *err)
{
    char *path;
    weir_code rc;

    if (!*cache->path)
        return weir_fail(err, WEIR_NOT_FOUND, "it needs the path of a file");
    path = allowed_path(provider, cache->path);
    rc = path ? load(path, cache, err) : not_allowed(cache->path, err);
    free(path);
    if (rc == WEIR_OK && !weir_props_get(&cache->values, key))
        rc = weir_fail(err, WEIR_NOT_FOUND, "there is no key '%s' in '%s'", key, cache->path);
    return rc;
}

/* A value goes into JSON and into C strings. */
static weir_code check_text(const weir_buf *text, weir_err *err)
{
    json_t *json = json_stringn(weir_buf_text(text), text->size);
    bool is_text = json != NULL;

    json_decref(json);
    if (!is_text)
        return weir_fail(err, WEIR_FAILED, "it is not UTF-8");
    if (memchr(weir_buf_text(text), '\0', text->size))
        return weir_fail(err, WEIR_FAILED, "a NUL byte in it");
    return WEIR_OK;
}

static weir_code read_entry(const char *folder, weir_source_cache *cache, const char *key,
                            weir_err *err)
{
    char *path = weir_format("%s/%s", folder, key);
    weir_buf text = WEIR_BUF;
    weir_err why;
    weir_code rc = read_file(path, &text, &why);

    if (rc == WEIR_OK)
        rc = check_text(&text, &why);
    if (rc == WEIR_OK)
        weir_props_set(&cache->values, key, weir_buf_text(&text));
    else if (rc == WEIR_NOT_FOUND)
        weir_fail(err, rc, "there is no file '%s' in '%s'", key, cache->path);
    else
        weir_fail(err, rc, "Could not read file %s for property %s: %s", path, key, why.msg);
    wipe(&text);
    free(path);
    return rc;
}

static weir_code look_in_directory(const weir_provider *provider, weir_source_cache *cache,
                                   const char *key, weir_err *err)
{
    char *path = *cache->path ? allowed_path(provider, cache->path) : NULL;
    struct stat about;
    weir_code rc;

    if (!*cache->path)
        rc = weir_fail(err, WEIR_NOT_FOUND, "it needs the path of a directory");
    else if (!path)
        rc = not_allowed(cache->path, err);
    else if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode))
        rc = weir_fail(err, WEIR_NOT_FOUND, "'%s' is not a directory", cache->path);
    else if (!*key || strchr(key, '/') || strcmp(key, ".") == 0 || strcmp(key, "..") == 0)
        rc = weir_fail(err, WEIR_NOT_FOUND, "'%s' is no name of a file", key);
    else
        rc = read_entry(path, cache, key, err);
    free(path);
    return rc;
}

static const char *const params[] = {ALLOWED, NULL};

const weir_provider_kind weir_provider_file = {
    .class_name = "org.apache.kafka.common.config.provider.FileConfigProvider",
    .params = params,
    .configure = configure,
    .read = look_in_file,
};
const weir_provider_kind weir_provider_directory = {
    .class_name = "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    .params = params,
    .configure = configure,
    .read = look_in_directory,
};
