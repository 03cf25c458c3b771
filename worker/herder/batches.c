/* batches.c - what commands and upkeep put into one transaction (connect-internals.md 1.4). */
#include "herder/state.h"

void weir_batch_add_target(weir_batch *batch, const char *connector, weir_target target)
{
    weir_buf key = WEIR_BUF, value = WEIR_BUF;

    weir_config_target_key(&key, connector);
    weir_config_target_value(&value, target);
    weir_batch_add(batch, weir_buf_text(&key), weir_buf_text(&value));
    weir_buf_free(&key);
    weir_buf_free(&value);
}

void weir_batch_add_config(weir_batch *batch, const char *connector, const weir_props *config)
{
    weir_buf key = WEIR_BUF, value = WEIR_BUF;

    weir_config_connector_key(&key, connector);
    weir_config_properties_value(&value, config);
    weir_batch_add(batch, weir_buf_text(&key), weir_buf_text(&value));
    weir_buf_free(&key);
    weir_buf_free(&value);
}

void weir_batch_add_tasks(weir_batch *batch, const char *connector, const weir_props *tasks,
                          size_t count)
{
    weir_buf key = WEIR_BUF, value = WEIR_BUF;

    for (size_t i = 0; i < count; i++) {
        weir_buf_clear(&key);
        weir_buf_clear(&value);
        weir_config_task_key(&key, connector, (int32_t)i);
        weir_config_properties_value(&value, &tasks[i]);
        weir_batch_add(batch, weir_buf_text(&key), weir_buf_text(&value));
    }
    weir_buf_clear(&key);
    weir_buf_clear(&value);
    weir_config_commit_key(&key, connector);
    weir_config_commit_value(&value, (int32_t)count);
    weir_batch_add(batch, weir_buf_text(&key), weir_buf_text(&value));
    weir_buf_free(&key);
    weir_buf_free(&value);
}

bool weir_same_tasks(const weir_connector_entry *entry, const weir_check *check)
{
    if (entry->inconsistent || entry->tasks_offset < 0 ||
        (size_t)entry->task_count != check->task_count)
        return false;
    for (int32_t i = 0; i < entry->task_count; i++)
        if (!weir_props_equal(&entry->tasks[i], &check->tasks[i]))
            return false;
    /* Apache restarts the tasks after any edit of the config, even one that leaves them equal. */
    return entry->tasks_offset >= entry->config_offset;
}
