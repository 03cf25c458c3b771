/* task_trouble.c - why an instance ends, what is remembered of it, and how long before the next
 * one. */
#include "base/clock.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <stdarg.h>
#include <stdlib.h>

/* librdkafka's words are among them. */
static void hide_secrets(const weir_source_task *task, weir_err *err)
{
    char *clean = weir_secrets_hide(&task->config.secrets, err->msg);

    if (clean)
        weir_fail(err, err->code, "%s", clean);
    free(clean);
}

void weir_task_note(weir_source_task *task, const char *text)
{
    weir_replace(&task->trouble.text, text);
    task->trouble.at_ms = weir_wall_clock_ms();
}

void weir_task_fail(weir_source_task *task, const char *fmt, ...)
{
    const weir_plugin_desc *plugin = task->config.plugin;
    weir_err err;
    va_list args;

    if (task->failure)
        return;
    va_start(args, fmt);
    weir_vfail(&err, WEIR_FAILED, fmt, args);
    va_end(args);
    hide_secrets(task, &err);
    task->failure =
        plugin
            ? weir_format("%s\n\tat plugin %s %s, connector %s, task %d", err.msg, plugin->name,
                          plugin->version, task->connector, task->number)
            : weir_format("%s\n\tat connector %s, task %d", err.msg, task->connector, task->number);
    weir_task_note(task, err.msg);
}

void weir_task_restart(weir_source_task *task, const char *fmt, ...)
{
    weir_err err;
    va_list args;

    if (task->restart)
        return;
    va_start(args, fmt);
    weir_vfail(&err, WEIR_FAILED, fmt, args);
    va_end(args);
    hide_secrets(task, &err);
    task->restart = weir_strdup(err.msg);
    weir_task_note(task, err.msg);
}

int64_t weir_task_next_delay(weir_source_task *task, weir_task_backoff *backoff)
{
    int64_t now_ms = weir_now_ms();
    unsigned seed = (unsigned)now_ms ^ (unsigned)(uintptr_t)task;
    bool again = backoff->delay_ms > 0 && backoff->delivered == task->delivered &&
                 now_ms - backoff->failed_ms < 2 * WEIR_TASK_BACKOFF_MAX_MS;

    backoff->delay_ms = again ? 2 * backoff->delay_ms : WEIR_TASK_BACKOFF_MS;
    if (backoff->delay_ms > WEIR_TASK_BACKOFF_MAX_MS)
        backoff->delay_ms = WEIR_TASK_BACKOFF_MAX_MS;
    backoff->failed_ms = now_ms;
    backoff->delivered = task->delivered;
    return backoff->delay_ms + rand_r(&seed) % (backoff->delay_ms / 5); /* not all at once */
}
