/* plugin.c - see plugin.h. All our distrust of what a file declares lives here.
 *
 * Everything that is read later without a second look is looked at once: pointers that must be
 * there, the tables of options and metrics row by row, names. Pointers that lead nowhere cannot be
 * told from good ones; what a plugin *does* when called is check_plugin.c's and the task's concern.
 */
#include "plugin/plugin.h"

#include "base/mem.h"
#include "base/props.h"
#include "config/options.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* More rows or aliases than this, and the list has no end row. */
#define MAX_OPTIONS 1000
#define MAX_ALIASES 100
#define MAX_METRICS 200
#define MAX_STATES  50
/* A `size` beyond this was not written by sizeof. */
#define MAX_STRUCT    65536
#define MAX_SETTINGS  (1024 * 1024)
#define MAX_NAME_SIZE 255

struct weir_plugin {
    void *handle;                 /* from dlopen(); NULL while half opened */
    const weir_plugin_desc *desc; /* inside the mapped file */
    char *path;
};

/* ---- The option table --------------------------------------------------------------------- */

static const struct {
    size_t size;
    size_t align;
} fields[] = {
    [WEIR_STRING] = {sizeof(const char *), _Alignof(const char *)},
    [WEIR_INT] = {sizeof(int64_t), _Alignof(int64_t)},
    [WEIR_DOUBLE] = {sizeof(double), _Alignof(double)},
    [WEIR_BOOL] = {sizeof(bool), _Alignof(bool)},
    [WEIR_PAIRS] = {sizeof(const weir_pair *), _Alignof(const weir_pair *)},
};

/* Printable, no blanks: a key or class that can be written in a config and read in a log. */
static bool is_name(const char *name)
{
    size_t length = strnlen(name, MAX_NAME_SIZE + 1);

    if (length == 0 || length > MAX_NAME_SIZE)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] <= ' ' || (unsigned char)name[i] >= 0x7F)
            return false;
    return true;
}

static weir_code check_default(const weir_option *option, const char *path, weir_err *err)
{
    weir_err why;

    if (!option->fallback)
        return WEIR_OK;
    if (strcmp(option->fallback, WEIR_UNSET) == 0) {
        if (option->type != WEIR_STRING)
            return weir_fail(err, WEIR_INCOMPATIBLE,
                             "'%s': option '%s' may be unset, which only a string can be", path,
                             option->name);
        return WEIR_OK;
    }
    if (weir_option_check(option, option->fallback, &why) != WEIR_OK)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': option '%s' refuses its own default: %s",
                         path, option->name, option->secret ? "(secret)" : why.msg);
    return WEIR_OK;
}

static weir_code check_option(const weir_plugin_desc *desc, size_t index, const char *path,
                              weir_err *err)
{
    const weir_option *option = &desc->options[index];
    size_t end;

    if (!is_name(option->name))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': option %zu has a name no config can hold",
                         path, index);
    if ((unsigned)option->type >= WEIR_COUNT(fields))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': option '%s' is of unknown type %u", path,
                         option->name, (unsigned)option->type);
    if (option->offset % fields[option->type].align != 0 || option->offset > desc->settings_size ||
        desc->settings_size - option->offset < fields[option->type].size)
        return weir_fail(err, WEIR_INCOMPATIBLE,
                         "'%s': option '%s' lies at offset %zu, outside of its settings of %zu "
                         "bytes or across a boundary",
                         path, option->name, option->offset, desc->settings_size);
    if ((unsigned)option->importance > WEIR_LOW)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': option '%s' is of unknown importance %u",
                         path, option->name, (unsigned)option->importance);
    if (option->min > option->max || (option->allowed && option->type != WEIR_STRING))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': option '%s' allows no value at all", path,
                         option->name);
    if ((option->type == WEIR_PAIRS) != (option->name[strlen(option->name) - 1] == '.') ||
        (option->type == WEIR_PAIRS && (!option->fallback || *option->fallback)))
        return weir_fail(err, WEIR_INCOMPATIBLE,
                         "'%s': option '%s': pairs, and only they, have a name that ends with '.', "
                         "and an empty default",
                         path, option->name);
    end = option->offset + fields[option->type].size;
    for (const weir_option *other = desc->options; other < option; other++) {
        if (strcmp(other->name, option->name) == 0)
            return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': option '%s' is declared twice", path,
                             option->name);
        if (option->offset < other->offset + fields[other->type].size && other->offset < end)
            return weir_fail(err, WEIR_INCOMPATIBLE,
                             "'%s': options '%s' and '%s' share memory in the settings", path,
                             other->name, option->name);
    }
    return check_default(option, path, err);
}

static weir_code check_options(const weir_plugin_desc *desc, const char *path, weir_err *err)
{
    if (!WEIR_HAS(desc, options))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s' has no option table", path);
    if (desc->settings_size > MAX_SETTINGS)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s' asks for settings of %zu bytes", path,
                         desc->settings_size);
    for (size_t i = 0; desc->options[i].name; i++) {
        weir_code rc;

        if (i == MAX_OPTIONS)
            return weir_fail(err, WEIR_INCOMPATIBLE,
                             "'%s': the option table does not end within %d rows", path,
                             MAX_OPTIONS);
        rc = check_option(desc, i, path, err);
        if (rc != WEIR_OK)
            return rc;
    }
    return WEIR_OK;
}

/* ---- The table of metrics ----------------------------------------------------------------- */

/* Lower case, digits, '_': what Prometheus takes without quotes. */
static bool is_metric_word(const char *word)
{
    size_t length = strnlen(word, MAX_NAME_SIZE + 1);

    if (length == 0 || length > MAX_NAME_SIZE || (word[0] >= '0' && word[0] <= '9'))
        return false;
    return strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);

    return length >= size && strcmp(text + length - size, end) == 0;
}

static bool states_are_good(const weir_metric *metric)
{
    size_t count = 0;

    if (metric->type != WEIR_STATE)
        return !metric->states;
    if (!metric->states || metric->label)
        return false;
    for (; metric->states[count]; count++)
        if (count == MAX_STATES || !is_name(metric->states[count]))
            return false;
    return count > 0;
}

/* What is wrong with it; NULL: nothing. */
static const char *fault_of(const weir_plugin_desc *desc, const weir_metric *metric)
{
    if (!is_metric_word(metric->name))
        return "has a name that is not made of a-z, 0-9 and '_'";
    if ((unsigned)metric->type > WEIR_STATE)
        return "is of unknown type";
    if ((metric->type == WEIR_COUNTER) != ends_with(metric->name, "_total"))
        return "is misnamed: counters, and only they, end with '_total'";
    if (!metric->path || !metric->path[0] || !metric->help || !metric->help[0])
        return "has no path or no help";
    if (metric->label &&
        (!is_metric_word(metric->label) || strcmp(metric->label, "connector") == 0 ||
         strcmp(metric->label, "task") == 0))
        return "has a label that cannot be one";
    if (!states_are_good(metric))
        return "has states and should have none, or should have and has not";
    for (const weir_metric *other = desc->metrics; other < metric; other++)
        if (strcmp(other->name, metric->name) == 0)
            return "is declared twice";
    return NULL;
}

static weir_code check_metrics(const weir_plugin_desc *desc, const char *path, weir_err *err)
{
    if (!WEIR_HAS(desc, metrics))
        return WEIR_OK;
    for (size_t i = 0; desc->metrics[i].name; i++) {
        const char *fault = i < MAX_METRICS ? fault_of(desc, &desc->metrics[i])
                                            : "is one too many: the table does not end";

        if (fault)
            return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': metric %zu %s", path, i, fault);
    }
    return WEIR_OK;
}

/* ---- Names and calls ---------------------------------------------------------------------- */

static weir_code check_names(const weir_plugin_desc *desc, const char *path, weir_err *err)
{
    if (!WEIR_HAS(desc, name) || !WEIR_HAS(desc, version))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s' has no name or no version", path);
    if (!is_name(desc->name) || !is_name(desc->version))
        return weir_fail(
            err, WEIR_INCOMPATIBLE,
            "'%s' has a name or a version with blanks, control or non-ASCII characters", path);
    if (!WEIR_HAS(desc, aliases))
        return WEIR_OK;
    for (size_t i = 0; desc->aliases[i]; i++) {
        if (i == MAX_ALIASES)
            return weir_fail(err, WEIR_INCOMPATIBLE,
                             "'%s': the list of aliases does not end within %d names", path,
                             MAX_ALIASES);
        if (!is_name(desc->aliases[i]))
            return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': alias %zu is no class name", path, i);
    }
    return WEIR_OK;
}

static weir_code check_source(const weir_source *source, const char *path, weir_err *err)
{
    const char *missing = NULL;

    if (source->size > MAX_STRUCT)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': its source struct has %u bytes", path,
                         source->size);
    if (!WEIR_HAS(source, start))
        missing = "start";
    else if (!WEIR_HAS(source, poll))
        missing = "poll";
    else if (!WEIR_HAS(source, settled))
        missing = "settled";
    else if (!WEIR_HAS(source, drain))
        missing = "drain";
    else if (!WEIR_HAS(source, stop))
        missing = "stop";
    if (missing)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': the source has no %s()", path, missing);
    return WEIR_OK;
}

static weir_code check(const weir_plugin_desc *desc, const char *path, weir_err *err)
{
    weir_code rc;

    /* Major first: on a mismatch no other field can be trusted to be there. */
    if (desc->abi_major != WEIR_ABI_MAJOR)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s' speaks ABI %u, this worker speaks %u", path,
                         desc->abi_major, WEIR_ABI_MAJOR);
    if (desc->size > MAX_STRUCT)
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s': its descriptor has %u bytes", path,
                         desc->size);
    rc = check_names(desc, path, err);
    if (rc == WEIR_OK)
        rc = check_options(desc, path, err);
    if (rc == WEIR_OK)
        rc = check_metrics(desc, path, err);
    if (rc != WEIR_OK)
        return rc;
    if (WEIR_HAS(desc, source) && WEIR_HAS(desc, sink))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s' is both a source and a sink", path);
    if (WEIR_HAS(desc, sink))
        return weir_fail(err, WEIR_INCOMPATIBLE,
                         "'%s' is a sink, and this worker knows sources only", path);
    if (!WEIR_HAS(desc, source))
        return weir_fail(err, WEIR_INCOMPATIBLE, "'%s' is neither a source nor a sink", path);
    return check_source(desc->source, path, err);
}

/* ---- Open and close ----------------------------------------------------------------------- */

weir_code weir_plugin_open(const char *path, weir_plugin **ret_plugin, weir_err *err)
{
    weir_plugin *plugin;
    weir_code rc;

    assert(path);
    assert(ret_plugin);

    plugin = weir_new(weir_plugin);
    /* With a slash, or dlopen() would go looking for it in the system's library folders. */
    plugin->path = weir_format("%s%s", strchr(path, '/') ? "" : "./", path);
    /* NOW: a missing symbol should fail here, not in the middle of a poll.
     * LOCAL: two connectors may carry different versions of the same library. */
    plugin->handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->handle) {
        rc = weir_fail(err, WEIR_NOT_FOUND, "cannot load '%s': %s", path, dlerror());
        goto out;
    }
    plugin->desc = dlsym(plugin->handle, "weir_plugin_entry");
    if (!plugin->desc) {
        rc = weir_fail(err, WEIR_INCOMPATIBLE, "'%s' exports no weir_plugin_entry", path);
        goto out;
    }
    rc = check(plugin->desc, path, err);
    if (rc != WEIR_OK)
        goto out;

    *ret_plugin = plugin;
    plugin = NULL; /* the caller's now */
out:
    weir_plugin_close(plugin);
    return rc;
}

void weir_plugin_close(weir_plugin *plugin)
{
    if (!plugin)
        return;
    if (plugin->handle)
        dlclose(plugin->handle);
    free(plugin->path);
    free(plugin);
}

const weir_plugin_desc *weir_plugin_desc_of(const weir_plugin *plugin)
{
    return plugin->desc;
}

const char *weir_plugin_path(const weir_plugin *plugin)
{
    return plugin->path;
}

bool weir_plugin_is_source(const weir_plugin *plugin)
{
    return plugin->desc->source != NULL;
}
