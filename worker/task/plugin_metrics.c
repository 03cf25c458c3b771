/* plugin_metrics.c - see plugin_metrics.h.
 *
 * `past` is kept in the order of the table too, so that the list is a merge. Within a row members
 * come as status() names them; of one that is named no more, the count stays.
 */
#include "task/plugin_metrics.h"

#include "base/mem.h"

#include <string.h>

#define CHUNK       32
#define MEMBERS_MAX 1000 /* of one row; status() has no room for more that say anything */

/* A copy of it, at the end of the list. */
static void add(weir_plugin_sample **list, size_t *count, size_t row,
                const weir_plugin_sample *from)
{
    if (*count % CHUNK == 0)
        *list = weir_realloc(*list, *count + CHUNK, sizeof(**list));
    (*list)[(*count)++] = (weir_plugin_sample){.row = row,
                                               .member = weir_strdup(from->member),
                                               .value = from->value,
                                               .truth = from->truth};
}

void weir_plugin_samples_free(weir_plugin_sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(samples[i].member);
    free(samples);
}

void weir_plugin_metrics_clear(weir_plugin_metrics *metrics)
{
    weir_plugin_samples_free(metrics->now, metrics->now_count);
    weir_plugin_samples_free(metrics->past, metrics->past_count);
    *metrics = (weir_plugin_metrics){.table = metrics->table};
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* "dropped.errors". NULL: it is not there. */
static const json_t *find(const json_t *value, const char *path)
{
    for (size_t size; value && *path; path += size + (path[size] == '.')) {
        char *key;

        size = strcspn(path, ".");
        key = weir_memdup(path, size);
        value = json_object_get(value, key);
        free(key);
    }
    return value;
}

static double state_of(const weir_metric *metric, const json_t *value)
{
    const char *word = json_string_value(value);

    for (size_t i = 0; word && metric->states[i]; i++)
        if (strcmp(metric->states[i], word) == 0)
            return (double)i;
    return -1;
}

/* False: there is none. */
static bool number_of(const json_t *value, weir_plugin_sample *sample)
{
    sample->truth = json_is_boolean(value);
    if (sample->truth)
        sample->value = json_is_true(value) ? 1 : 0;
    else if (json_is_number(value))
        sample->value = json_number_value(value);
    else
        return false;
    return true;
}

static void read_members(weir_plugin_metrics *metrics, size_t row, const json_t *object)
{
    const char *member;
    const json_t *value;
    size_t count = 0;

    json_object_foreach ((json_t *)(uintptr_t)object, member, value) {
        weir_plugin_sample sample = {.member = (char *)(uintptr_t)member};

        if (count < MEMBERS_MAX && number_of(value, &sample)) {
            add(&metrics->now, &metrics->now_count, row, &sample);
            count++;
        }
    }
}

void weir_plugin_metrics_read(weir_plugin_metrics *metrics, const json_t *status)
{
    weir_plugin_samples_free(metrics->now, metrics->now_count);
    metrics->now = NULL;
    metrics->now_count = 0;
    for (size_t row = 0; metrics->table && metrics->table[row].name; row++) {
        const weir_metric *metric = &metrics->table[row];
        const json_t *value = find(status, metric->path);
        weir_plugin_sample sample = {0};

        if (metric->label) {
            read_members(metrics, row, value);
        } else if (metric->type == WEIR_STATE) {
            sample.value = state_of(metric, value);
            add(&metrics->now, &metrics->now_count, row, &sample);
        } else if (number_of(value, &sample)) {
            add(&metrics->now, &metrics->now_count, row, &sample);
        }
    }
}

/* ---- One instance after another ------------------------------------------------------------- */

static const weir_plugin_sample *same_in(const weir_plugin_sample *list, size_t count,
                                         const weir_plugin_sample *sample)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].row == sample->row && weir_same(list[i].member, sample->member))
            return &list[i];
    return NULL;
}

static bool counts(const weir_plugin_metrics *metrics, const weir_plugin_sample *sample)
{
    return metrics->table[sample->row].type == WEIR_COUNTER;
}

weir_plugin_sample *weir_plugin_metrics_list(const weir_plugin_metrics *metrics, size_t *ret_count)
{
    const weir_plugin_sample *now = metrics->now, *past = metrics->past;
    const weir_plugin_sample *now_end = now + metrics->now_count;
    const weir_plugin_sample *past_end = past + metrics->past_count;
    weir_plugin_sample *list = NULL;
    size_t count = 0;

    while (now < now_end || past < past_end) {
        if (now < now_end && (past == past_end || now->row <= past->row)) {
            const weir_plugin_sample *before =
                counts(metrics, now) ? same_in(metrics->past, metrics->past_count, now) : NULL;

            add(&list, &count, now->row, now);
            list[count - 1].value += before ? before->value : 0;
            now++;
        } else {
            if (!same_in(metrics->now, metrics->now_count, past))
                add(&list, &count, past->row, past);
            past++;
        }
    }
    *ret_count = count;
    return list;
}

void weir_plugin_metrics_over(weir_plugin_metrics *metrics)
{
    size_t all_count, now_count = 0, past_count = 0;
    weir_plugin_sample *all = weir_plugin_metrics_list(metrics, &all_count);
    weir_plugin_sample *now = NULL, *past = NULL;

    for (size_t i = 0; i < all_count; i++) {
        weir_plugin_sample *sample = &all[i];
        bool is_state = metrics->table[sample->row].type == WEIR_STATE;

        if (counts(metrics, sample)) {
            add(&past, &past_count, sample->row, sample);
        } else if (is_state || sample->truth) {
            sample->value = is_state ? -1 : 0;
            add(&now, &now_count, sample->row, sample);
        }
    }
    weir_plugin_samples_free(all, all_count);
    weir_plugin_metrics_clear(metrics);
    metrics->now = now;
    metrics->now_count = now_count;
    metrics->past = past;
    metrics->past_count = past_count;
}
