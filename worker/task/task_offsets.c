/* task_offsets.c - see task_offsets.h.
 *
 * Each source partition has a queue of the records that are on their way, in the order in which
 * they were emitted. Answers mark them; what is at the head and marked leaves, and the last one
 * that left is how far the partition has come.
 */
#include "task/task_offsets.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/offset_store.h"
#include "task/task_internal.h"

#include <inttypes.h>
#include <string.h>

#define KEPT_EVERY_MS 1000

typedef struct partition {
    struct weir_task_offsets *offsets;
    char *canonical, *text; /* `text`: as the plugin has written it first */
    char *offset;           /* what counts; NULL: none */
    bool said;              /* `offset` is of this task; else the topic says what there is */
    bool due;               /* it has to be written */
    bool carried;           /* it came with a record: nobody has looked at it yet */
    weir_tracked *first, *last;
} partition;

struct weir_tracked {
    weir_tracked *next, *prev;
    partition *of;
    char *offset;
    bool done;
};

/* ---- Partitions ---------------------------------------------------------------------------- */

static void free_tracked(weir_tracked *tracked)
{
    free(tracked->offset);
    free(tracked);
}

static void drop_all_tracked(partition *p)
{
    for (weir_tracked *t = p->first, *next; t; t = next) {
        next = t->next;
        free_tracked(t);
    }
    p->first = p->last = NULL;
}

static void drop_partition(void *value)
{
    partition *p = value;

    drop_all_tracked(p);
    free(p->canonical);
    free(p->text);
    free(p->offset);
    free(p);
}

/* NULL: that is no partition, err says why. */
static partition *find(weir_task_offsets *offsets, const char *text, weir_err *err)
{
    partition *p = weir_map_get(&offsets->spelled, text);
    char *canonical = NULL;

    if (p)
        return p;
    if (weir_offset_canonical(text, &canonical, err) != WEIR_OK) {
        weir_fail_in(err, "source partition '%.200s'", text);
        return NULL;
    }
    p = weir_map_get(&offsets->partitions, canonical);
    if (!p) {
        p = weir_new(partition);
        p->offsets = offsets;
        p->canonical = weir_strdup(canonical);
        p->text = weir_strdup(text);
        offsets->partitions.drop = drop_partition;
        weir_map_set(&offsets->partitions, canonical, p);
    }
    weir_map_set(&offsets->spelled, text, p);
    free(canonical);
    return p;
}

static void make_due(partition *p)
{
    if (!p->due)
        p->offsets->due++;
    p->due = true;
}

static void make_written(partition *p)
{
    if (p->due)
        p->offsets->due--;
    p->due = false;
}

/* ---- Records on their way ------------------------------------------------------------------ */

weir_code weir_task_offsets_track(weir_source_task *task, const weir_record *record,
                                  weir_tracked **ret_tracked, weir_err *err)
{
    size_t needed = offsetof(weir_record, source_offset_json) + sizeof(record->source_offset_json);
    weir_tracked *tracked;
    partition *p;

    *ret_tracked = NULL;
    if (record->size < needed || (!record->source_partition_json && !record->source_offset_json))
        return WEIR_OK;
    if (!record->source_partition_json || !record->source_offset_json)
        return weir_fail(err, WEIR_INVALID, "a record has a source %s, but no source %s",
                         record->source_offset_json ? "offset" : "partition",
                         record->source_offset_json ? "partition" : "offset");
    p = find(&task->offsets, record->source_partition_json, err);
    if (!p)
        return WEIR_INVALID;
    tracked = weir_new(weir_tracked);
    tracked->of = p;
    tracked->offset = weir_strdup(record->source_offset_json);
    tracked->prev = p->last;
    if (p->last)
        p->last->next = tracked;
    else
        p->first = tracked;
    p->last = tracked;
    *ret_tracked = tracked;
    return WEIR_OK;
}

void weir_task_offsets_untrack(weir_tracked *tracked)
{
    partition *p = tracked ? tracked->of : NULL;

    if (!p)
        return;
    p->last = tracked->prev;
    if (p->last)
        p->last->next = NULL;
    else
        p->first = NULL;
    free_tracked(tracked);
}

void weir_task_offsets_settled(void *ctx, void *carried, weir_outcome outcome)
{
    weir_source_task *task = ctx;
    weir_tracked *tracked = carried, *head;
    partition *p = tracked->of;

    if (outcome == WEIR_ABANDONED)
        return; /* what comes after it in this instance will never count */
    tracked->done = true;
    while ((head = p->first) != NULL && head->done) {
        p->first = head->next;
        if (p->first)
            p->first->prev = NULL;
        else
            p->last = NULL;
        free(p->offset);
        p->offset = head->offset;
        head->offset = NULL;
        p->said = p->carried = true;
        make_due(p);
        free_tracked(head);
    }
    if (task->offsets.due > 0 && !task->offsets.flush_at_ms)
        task->offsets.flush_at_ms = weir_now_ms() + task->worker->offset_flush_interval_ms;
}

void weir_task_offsets_forget_tracked(weir_source_task *task)
{
    WEIR_MAP_EACH (entry, &task->offsets.partitions)
        drop_all_tracked(entry->value);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* An offset that came with a record was not looked at then. */
static bool is_good(weir_source_task *task, partition *p)
{
    json_t *json = NULL;
    weir_err err;
    weir_code rc;

    if (!p->carried)
        return true;
    rc = weir_json_read(p->offset, strlen(p->offset), &json, &err);
    if (rc == WEIR_OK && !json_is_object(json))
        rc = weir_fail(&err, WEIR_INVALID, "not a JSON object");
    json_decref(json);
    p->carried = rc != WEIR_OK;
    if (p->carried)
        weir_task_fail(task, "the plugin gave a record an offset that is none, '%.200s': %s",
                       p->offset, err.msg);
    return !p->carried;
}

/* Nothing of an abandoned task's goes out: it is looked at with the lock that abandoning takes. */
static weir_code put(weir_source_task *task, const partition *p)
{
    weir_code rc = WEIR_CLOSED;

    pthread_mutex_lock(&task->hearing);
    if (!atomic_load(&task->abandoned))
        rc = weir_offset_client_put(task->offsets.client, p->canonical, p->text, p->offset);
    pthread_mutex_unlock(&task->hearing);
    return rc;
}

static void put_what_failed_again(weir_source_task *task)
{
    size_t failures = weir_offset_client_failures(task->offsets.client);

    if (failures == 0)
        return;
    weir_logf(WEIR_WARN, "%zu source offsets were not written; all are written again", failures);
    weir_task_note(task, "source offsets were not written");
    WEIR_MAP_EACH (entry, &task->offsets.partitions)
        if (((partition *)entry->value)->said)
            make_due(entry->value);
    if (!task->offsets.flush_at_ms)
        task->offsets.flush_at_ms = weir_now_ms() + task->worker->offset_flush_interval_ms;
}

void weir_task_offsets_flush(weir_source_task *task, bool now)
{
    weir_task_offsets *offsets = &task->offsets;

    if (!offsets->client)
        return;
    put_what_failed_again(task);
    if (offsets->due == 0 || (!now && weir_now_ms() < offsets->flush_at_ms) ||
        atomic_load(&task->suspend) || !weir_task_lease_runs(task))
        return;
    offsets->flush_at_ms = 0;
    offsets->written_ms = weir_now_ms();
    WEIR_MAP_EACH (entry, &offsets->partitions) {
        partition *p = entry->value;

        if (!p->due || !is_good(task, p))
            continue;
        if (put(task, p) != WEIR_OK) { /* no room: with the next turn, and from here on */
            offsets->flush_at_ms = offsets->written_ms + KEPT_EVERY_MS;
            return;
        }
        make_written(p);
    }
}

bool weir_task_offsets_written(weir_source_task *task)
{
    return !task->offsets.client || weir_offset_client_unwritten(task->offsets.client) == 0;
}

/* ---- What the plugin may call -------------------------------------------------------------- */

const char *weir_task_host_offset(const weir_host *host, const char *partition_json)
{
    weir_source_task *task = host->ctx;
    weir_task_offsets *offsets = &task->offsets;
    partition *p;
    weir_err err;

    free(offsets->answer);
    offsets->answer = NULL;
    if (atomic_load(&task->abandoned))
        return NULL;
    p = find(offsets, partition_json, &err);
    if (!p)
        weir_task_fail(task, "the plugin asked for an offset: %s", err.msg);
    else if (p->said)
        offsets->answer = weir_strdup(p->offset);
    else if (offsets->client)
        offsets->answer = weir_offset_client_get(offsets->client, p->canonical);
    return offsets->answer;
}

static weir_code check_offset(const char *offset_json, weir_err *err)
{
    json_t *json = NULL;
    weir_code rc = weir_json_read(offset_json, strlen(offset_json), &json, err);

    if (rc == WEIR_OK && !json_is_object(json))
        rc = weir_fail(err, WEIR_INVALID, "not a JSON object");
    json_decref(json);
    return rc == WEIR_OK ? rc : weir_fail_in(err, "offset '%.200s'", offset_json);
}

weir_status weir_task_host_keep_offset(const weir_host *host, const char *partition_json,
                                       const char *offset_json)
{
    weir_source_task *task = host->ctx;
    weir_task_offsets *offsets = &task->offsets;
    int64_t due_ms;
    partition *p;
    weir_err err;

    if (atomic_load(&task->abandoned))
        return WEIR_FATAL;
    p = find(offsets, partition_json, &err);
    if (!p || (offset_json && check_offset(offset_json, &err) != WEIR_OK)) {
        weir_task_fail(task, "the plugin keeps an offset: %s", err.msg);
        return WEIR_FATAL;
    }
    weir_replace(&p->offset, offset_json);
    p->said = true;
    p->carried = false;
    make_due(p);
    due_ms = offsets->written_ms + KEPT_EVERY_MS;
    if (!offsets->flush_at_ms || due_ms < offsets->flush_at_ms)
        offsets->flush_at_ms = due_ms;
    return WEIR_DONE;
}

bool weir_task_host_all_kept(const weir_host *host)
{
    weir_source_task *task = host->ctx;

    return !atomic_load(&task->abandoned) && task->offsets.client && task->offsets.due == 0 &&
           weir_task_offsets_written(task) && !weir_offset_client_failed(task->offsets.client);
}

void weir_task_host_each_offset(const weir_host *host,
                                void (*each)(void *ctx, const char *partition_json,
                                             const char *offset_json),
                                void *ctx)
{
    weir_source_task *task = host->ctx;
    json_t *list, *entry;
    size_t i;

    if (atomic_load(&task->abandoned) || !task->offsets.client)
        return;
    list = weir_offset_client_list(task->offsets.client);
    json_array_foreach (list, i, entry) {
        char *of = weir_json_dump(json_object_get(entry, "partition"));
        char *offset = weir_json_dump(json_object_get(entry, "offset"));

        each(ctx, of, offset);
        free(of);
        free(offset);
    }
    json_decref(list);
}

/* ---- Opening and closing ------------------------------------------------------------------- */

void weir_task_offsets_open(weir_source_task *task)
{
    if (task->offsets.client || !task->offset_topic)
        return;
    pthread_mutex_lock(&task->hearing);
    if (!atomic_load(&task->abandoned))
        task->offsets.client =
            weir_offset_client_new(task->offset_topic, task->connector, task->wakeup_fd);
    pthread_mutex_unlock(&task->hearing);
    if (task->offsets.client)
        weir_offset_client_read(task->offsets.client);
}

bool weir_task_offsets_ready(weir_source_task *task)
{
    return !task->offsets.client || weir_offset_client_is_read(task->offsets.client);
}

void weir_task_offsets_close(weir_source_task *task)
{
    weir_offset_client_free(task->offsets.client);
    weir_map_clear(&task->offsets.spelled);
    weir_map_clear(&task->offsets.partitions);
    free(task->offsets.answer);
    task->offsets = (weir_task_offsets){.client = NULL};
}
