/* registry.c - see registry.h. A sorted array, filled once. */
#include "plugin/registry.h"

#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct weir_registry {
    weir_plugin **plugins; /* by name; of equal names the one found first comes first */
    size_t count;
    size_t room;
    char **searched; /* canonical paths of files already looked at */
    size_t searched_count;
};

/* ---- Files -------------------------------------------------------------------------------- */

/* The same file is often reachable twice (a folder and the file in it, a link). */
static bool searched_before(weir_registry *registry, const char *path)
{
    char *real = realpath(path, NULL);

    if (!real)
        return false; /* dlopen() will say what is wrong with it */
    for (size_t i = 0; i < registry->searched_count; i++)
        if (strcmp(registry->searched[i], real) == 0) {
            free(real);
            return true;
        }
    registry->searched =
        weir_realloc(registry->searched, registry->searched_count + 1, sizeof(*registry->searched));
    registry->searched[registry->searched_count++] = real;
    return false;
}

static void load_file(weir_registry *registry, const char *path)
{
    weir_plugin *plugin = NULL;
    weir_err err;

    if (searched_before(registry, path))
        return;
    if (weir_plugin_open(path, &plugin, &err) != WEIR_OK) {
        weir_log(WEIR_ERROR, "plugin skipped", "file", path, "why", err.msg, NULL);
        return;
    }
    if (registry->count == registry->room) {
        registry->room = registry->room ? registry->room * 2 : 8;
        registry->plugins =
            weir_realloc(registry->plugins, registry->room, sizeof(*registry->plugins));
    }
    registry->plugins[registry->count++] = plugin;
}

static int is_plugin_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static void load_folder(weir_registry *registry, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_plugin_file, alphasort);

    if (count < 0) {
        weir_log(WEIR_WARN, "plugin folder cannot be read", "folder", path, "why", strerror(errno),
                 NULL);
        return;
    }
    for (int i = 0; i < count; i++) {
        char *file = weir_format("%s/%s", path, entries[i]->d_name);

        load_file(registry, file);
        free(file);
        free(entries[i]);
    }
    free(entries);
}

static void load_place(weir_registry *registry, const char *path)
{
    struct stat info;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        load_folder(registry, path);
    else if (strlen(path) > 3 && strcmp(path + strlen(path) - 3, ".so") == 0)
        load_file(registry, path);
    else
        weir_log(WEIR_WARN, "plugin.path names what is neither a folder nor a .so file", "path",
                 path, NULL);
}

/* Installed: ../lib/weir/plugins. Built: ./plugins beside the program. */
static void load_beside_program(weir_registry *registry)
{
    static const char *const places[] = {"../lib/weir/plugins", "plugins"};
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;

    if (length <= 0)
        return;
    program[length] = '\0';
    slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < WEIR_COUNT(places); i++) {
        char *path = weir_format("%s/%s", program, places[i]);

        if (access(path, F_OK) == 0)
            load_folder(registry, path);
        free(path);
    }
}

static void load_list(weir_registry *registry, const char *list)
{
    while (*list) {
        size_t length;
        char *path;

        list += strspn(list, " \t\r\n,");
        length = strcspn(list, ",");
        path = weir_memdup(list, length);
        list += length;
        while (length > 0 && strchr(" \t\r\n", path[length - 1]))
            path[--length] = '\0';
        if (length > 0)
            load_place(registry, path);
        free(path);
    }
}

/* ---- Names -------------------------------------------------------------------------------- */

static bool answers_to(const weir_plugin *plugin, const char *class_name)
{
    const weir_plugin_desc *desc = weir_plugin_desc_of(plugin);

    if (strcmp(desc->name, class_name) == 0)
        return true;
    if (!WEIR_HAS(desc, aliases))
        return false;
    for (size_t i = 0; desc->aliases[i]; i++)
        if (strcmp(desc->aliases[i], class_name) == 0)
            return true;
    return false;
}

/* Insertion sort: stable, and there are tens of plugins at most. */
static void sort(weir_registry *registry)
{
    for (size_t i = 1; i < registry->count; i++) {
        weir_plugin *plugin = registry->plugins[i];
        size_t at = i;

        while (at > 0 && strcmp(weir_plugin_desc_of(registry->plugins[at - 1])->name,
                                weir_plugin_desc_of(plugin)->name) > 0) {
            registry->plugins[at] = registry->plugins[at - 1];
            at--;
        }
        registry->plugins[at] = plugin;
    }
}

static void warn_if_shadowed(const weir_registry *registry, const weir_plugin *plugin,
                             const char *name)
{
    const weir_plugin *serves = weir_registry_find(registry, name);

    if (serves != plugin)
        weir_log(WEIR_WARN, "two plugins answer to one class name; the first found serves", "class",
                 name, "serves", weir_plugin_path(serves), "hidden", weir_plugin_path(plugin),
                 NULL);
}

/* A plugin whose name is another's too can never be reached by it: it goes. */
static void drop_duplicates(weir_registry *registry)
{
    size_t kept = 0;

    for (size_t i = 0; i < registry->count; i++) {
        weir_plugin *plugin = registry->plugins[i];
        const char *name = weir_plugin_desc_of(plugin)->name;

        if (kept > 0 && strcmp(weir_plugin_desc_of(registry->plugins[kept - 1])->name, name) == 0) {
            weir_log(WEIR_WARN, "plugin skipped: its name is taken", "class", name, "serves",
                     weir_plugin_path(registry->plugins[kept - 1]), "file",
                     weir_plugin_path(plugin), NULL);
            weir_plugin_close(plugin);
        } else {
            registry->plugins[kept++] = plugin;
        }
    }
    registry->count = kept;
}

static void warn_of_shared_aliases(const weir_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        const weir_plugin_desc *desc = weir_plugin_desc_of(registry->plugins[i]);

        for (size_t a = 0; WEIR_HAS(desc, aliases) && desc->aliases[a]; a++)
            warn_if_shadowed(registry, registry->plugins[i], desc->aliases[a]);
    }
}

/* ---- The registry ------------------------------------------------------------------------- */

weir_registry *weir_registry_load(const char *plugin_path)
{
    weir_registry *registry = weir_new(weir_registry);

    if (plugin_path && *plugin_path)
        load_list(registry, plugin_path);
    else
        load_beside_program(registry);
    sort(registry);
    drop_duplicates(registry);
    warn_of_shared_aliases(registry);
    if (registry->count == 0)
        weir_log(WEIR_WARN, "no plugin was found: no connector can run here", "plugin.path",
                 plugin_path ? plugin_path : "(unset)", NULL);
    for (size_t i = 0; i < registry->count; i++) {
        const weir_plugin_desc *desc = weir_plugin_desc_of(registry->plugins[i]);

        weir_log(WEIR_INFO, "plugin loaded", "class", desc->name, "version", desc->version, "file",
                 weir_plugin_path(registry->plugins[i]), NULL);
    }
    return registry;
}

void weir_registry_free(weir_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++)
        weir_plugin_close(registry->plugins[i]);
    for (size_t i = 0; i < registry->searched_count; i++)
        free(registry->searched[i]);
    free(registry->searched);
    free(registry->plugins);
    free(registry);
}

size_t weir_registry_count(const weir_registry *registry)
{
    return registry->count;
}

const weir_plugin *weir_registry_at(const weir_registry *registry, size_t index)
{
    return index < registry->count ? registry->plugins[index] : NULL;
}

const weir_plugin *weir_registry_find(const weir_registry *registry, const char *class_name)
{
    /* Names first: nobody's alias takes another plugin's name away. */
    for (size_t i = 0; i < registry->count; i++)
        if (strcmp(weir_plugin_desc_of(registry->plugins[i])->name, class_name) == 0)
            return registry->plugins[i];
    for (size_t i = 0; i < registry->count; i++)
        if (answers_to(registry->plugins[i], class_name))
            return registry->plugins[i];
    return NULL;
}
