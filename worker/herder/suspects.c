/* suspects.c - tasks that take their worker with them.
 *
 * A worker that crashes names, over the watches that are open, what its crashing thread ran. A
 * task that was named by two workers, each within seconds of its start, is not given to a third: it
 * is FAILED until somebody restarts it or its config changes. A death without a name is held
 * against nobody. The leader keeps the list in its assignments, so its successor knows it too.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS   10000       /* a crash so long after its start is laid at the task's door */
#define FORGET_MS (5 * 60000) /* a first crash that nothing followed */
#define MOST      2

static void drop_suspect(void *value)
{
    weir_suspect *suspect = value;

    free(suspect->worker);
    free(suspect->instance);
    free(suspect);
}

void weir_suspects_init(weir_herder *h)
{
    h->suspects = (weir_map)WEIR_MAP(drop_suspect);
}

static weir_suspect *suspect_of(weir_herder *h, const char *item)
{
    weir_suspect *suspect = weir_map_get(&h->suspects, item);

    if (!suspect) {
        suspect = weir_new(weir_suspect);
        weir_map_set(&h->suspects, item, suspect);
    }
    return suspect;
}

static void set(weir_suspect *suspect, int64_t count, const char *worker, const char *instance,
                int64_t signal_number, int64_t at_ms)
{
    suspect->count = count;
    suspect->signal = (int)signal_number;
    suspect->at_ms = at_ms;
    weir_replace(&suspect->worker, worker);
    weir_replace(&suspect->instance, instance);
}

void weir_suspects_crashed(weir_herder *h, const weir_news *news)
{
    int64_t now_ms = weir_wall_clock_ms();
    weir_suspect *suspect;

    weir_logf(WEIR_WARN, "worker %s dies of signal %d (%s) in task %s, %lld ms after its start",
              news->worker, news->signal, strsignal(news->signal), news->item,
              (long long)news->ran_ms);
    if (news->ran_ms >= SOON_MS)
        return;
    suspect = suspect_of(h, news->item);
    if (weir_same(suspect->instance, news->instance))
        return; /* it has been read in an assignment already */
    set(suspect, now_ms - suspect->at_ms < FORGET_MS ? suspect->count + 1 : 1, news->worker,
        news->instance, news->signal, now_ms);
    suspect->heard_ms = weir_now_ms();
    h->dirty = true;
}

bool weir_suspect_is_barred(const weir_suspect *suspect)
{
    return suspect->count >= MOST;
}

bool weir_is_barred(const weir_herder *h, const char *connector, int32_t task)
{
    const weir_suspect *suspect;
    char name[1024];

    if (h->suspects.count == 0)
        return false;
    weir_item_text(&(weir_item){connector, task}, name, sizeof(name));
    suspect = weir_map_get(&h->suspects, name);
    return suspect && weir_suspect_is_barred(suspect);
}

bool weir_was_barred(const weir_herder *h, const char *connector, int32_t task)
{
    const json_t *crashes = json_object_get(h->config.assignment, "crashes");
    char name[1024];

    weir_item_text(&(weir_item){connector, task}, name, sizeof(name));
    return weir_json_int(json_object_get(crashes, name), "count", 0) >= MOST;
}

void weir_suspects_say(const weir_suspect *suspect, char *text, size_t room)
{
    snprintf(text, room,
             "its thread has crashed %d workers within seconds of its start, the last one %s with "
             "signal %d (%s); it is not run again until it is restarted",
             (int)suspect->count, suspect->worker, suspect->signal, strsignal(suspect->signal));
}

/* ---- In assignments ---------------------------------------------------------------------------
 */

json_t *weir_suspects_record(const weir_herder *h)
{
    json_t *record = json_object();

    WEIR_MAP_EACH (entry, &h->suspects) {
        const weir_suspect *s = entry->value;

        json_object_set_new_nocheck(record, entry->key,
                                    json_pack("{s:I, s:s, s:s, s:i, s:I}", "count",
                                              (json_int_t)s->count, "worker", s->worker, "instance",
                                              s->instance, "signal", s->signal, "at",
                                              (json_int_t)s->at_ms));
    }
    return record;
}

/* The leader's list counts, and what was heard here too short a time ago to be in it. */
void weir_suspects_read(weir_herder *h)
{
    const json_t *record = json_object_get(h->config.assignment, "crashes"), *entry;
    int64_t now_ms = weir_now_ms();
    const char *item;

    if (h->role == WEIR_LEADER) /* ours: what was cleared since then would be back */
        return;
    for (size_t i = h->suspects.count; i-- > 0;) {
        const weir_suspect *suspect = h->suspects.entries[i].value;

        if (!json_object_get(record, h->suspects.entries[i].key) &&
            now_ms - suspect->heard_ms > SOON_MS)
            weir_map_remove(&h->suspects, h->suspects.entries[i].key);
    }
    json_object_foreach ((json_t *)(uintptr_t)record, item, entry) {
        weir_suspect *suspect = suspect_of(h, item);
        int64_t count = weir_json_int(entry, "count", 0);

        if (count >= suspect->count)
            set(suspect, count, weir_json_str(entry, "worker"), weir_json_str(entry, "instance"),
                weir_json_int(entry, "signal", 0), weir_json_int(entry, "at", 0));
    }
}

/* ---- Another chance ---------------------------------------------------------------------------
 */

void weir_suspects_clear(weir_herder *h, const char *connector, int32_t task)
{
    size_t length = strlen(connector);

    for (size_t i = h->suspects.count; i-- > 0;) {
        const char *item = h->suspects.entries[i].key, *slash = strrchr(item, '/');

        if (!slash || (size_t)(slash - item) != length || strncmp(item, connector, length) != 0 ||
            (task != WEIR_ITEM_CONNECTOR && strtol(slash + 1, NULL, 10) != task))
            continue;
        weir_map_remove(&h->suspects, item);
        h->dirty = true;
    }
}
