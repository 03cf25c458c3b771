/* task_meaning.c - what a task's config means, whoever's words it was posted in.
 *
 * The worker that planned the task has put its notes into the task's config (WEIR_NOTES_KEY); here
 * they are logged, once for each start, and kept for the details. So is the config itself: keys of
 * the plugin's own, with their defaults, and of the worker's where they were given. A key that is
 * neither may hold anything, and is not shown; the notes have named it.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "plugin/connector_check.h"
#include "task/task_internal.h"

#include <string.h>

#define OVERRIDE "producer.override."

static void log_notes(const weir_source_task *task, const json_t *notes)
{
    const json_t *note;
    size_t i;

    json_array_foreach (notes, i, note) {
        const char *text = weir_json_str(note, "text");

        if (text)
            weir_log(weir_same(weir_json_str(note, "level"), "WARN") ? WEIR_WARN : WEIR_INFO, text,
                     "connector", task->connector, "key", weir_json_str(note, "key"), NULL);
    }
}

static void take_notes(weir_source_task *task)
{
    const char *text = weir_props_get(&task->task_config, WEIR_NOTES_KEY);
    json_t *notes = NULL;

    if (!text || weir_json_read(text, strlen(text), &notes, NULL) != WEIR_OK)
        return;
    if (json_is_array(notes)) {
        log_notes(task, notes);
        task->notes_json = weir_json_dump(notes);
    }
    json_decref(notes);
}

static void show(json_t *config, const char *key, const char *value, bool secret)
{
    if (value)
        weir_json_set_str(config, key, secret && *value ? "[hidden]" : value);
}

static void show_own(json_t *config, const weir_source_task *task)
{
    const weir_option *option = task->config.plugin->options;

    for (; option->name; option++) {
        const char *value = weir_props_get(&task->task_config, option->name);

        show(config, option->name, value ? value : weir_option_default(option), option->secret);
    }
}

static void show_workers(json_t *config, const weir_source_task *task)
{
    WEIR_PROPS_EACH (pair, &task->task_config) {
        const weir_option *option = weir_option_find(weir_connector_options, pair->key);

        if (weir_option_find(task->config.plugin->options, pair->key))
            continue;
        if (option)
            show(config, pair->key, pair->value, option->secret);
        else if (strncmp(pair->key, OVERRIDE, strlen(OVERRIDE)) == 0)
            show(config, pair->key, pair->value,
                 weir_client_property_is_secret(pair->key + strlen(OVERRIDE)));
    }
}

void weir_task_tell_meaning(weir_source_task *task)
{
    json_t *config;

    take_notes(task);
    if (!task->config.plugin)
        return;
    config = json_object();
    show_own(config, task);
    show_workers(config, task);
    task->config_json = weir_json_dump(config);
    json_decref(config);
}
