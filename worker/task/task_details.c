/* task_details.c - what a task says about itself: "why is nothing flowing?" first of all.
 *
 * One flat JSON object, told when it changed and at most once a second:
 *   doing        starting, polling, backing off, draining, paused, forgetting, ended
 *   waiting_for  null while records flow; else in words what the task waits for
 *   emitted, delivered, dropped, abandoned   counters of this run
 *   in_flight    with Kafka, not answered; unsettled includes what the plugin is to hear
 *   restarts     instances that were started again
 *   last_error, last_error_at   of the task or its plugin; null when there was none
 *   errors       records that could not get to Kafka: total, by_kind, dead_lettered, dropped,
 *                retries, and what was wrong with the last one
 *   producer     {"last_error", "last_error_at"}: what librdkafka complained about since the last
 *                record was delivered
 *   notes        [{"level", "key", "text"}]: what was said about the config when it was planned
 *   config       the config as it is understood: the plugin's own keys, defaults included; secrets
 *                are hidden
 *   plugin       the plugin's own words
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define EVERY_MS    1000
#define SILENT_MS   3000 /* Kafka has not answered for so long: worth saying */
#define STATUS_ROOM 16384

static const char *const doing_texts[] = {"starting", "polling",    "backing off", "draining",
                                          "paused",   "forgetting", "ended"};

/* ---- Pieces ------------------------------------------------------------------------------- */

static void add_text(weir_buf *json, const char *key, const char *text)
{
    weir_buf_format(json, "\"%s\":", key);
    if (text)
        weir_json_text(json, text, strlen(text));
    else
        weir_buf_text_add(json, "null");
}

void weir_task_add_error(weir_buf *json, const char *text, int64_t at_ms)
{
    time_t seconds = (time_t)(at_ms / 1000);
    char stamp[40];
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
    add_text(json, "last_error", text);
    weir_buf_char(json, ',');
    add_text(json, "last_error_at", text ? stamp : NULL);
}

static void add_number(weir_buf *json, const char *key, uint64_t number)
{
    weir_buf_format(json, "\"%s\":%" PRIu64 ",", key, number);
}

/* What librdkafka says, without secrets. */
static void add_trouble(const weir_source_task *task, weir_buf *words, const char *trouble)
{
    char *clean = weir_secrets_hide(&task->config.secrets, trouble);

    weir_buf_text_add(words, clean ? clean : trouble);
    free(clean);
}

static void silence(weir_source_task *task, int64_t silent_ms, weir_buf *words)
{
    const char *trouble;
    int64_t at_ms;

    trouble = weir_task_producer_trouble(task->producer, &at_ms);
    weir_buf_format(words, "Kafka: no answer for %" PRId64 " s", silent_ms / 1000);
    if (trouble[0]) {
        weir_buf_text_add(words, ": ");
        add_trouble(task, words, trouble);
    }
}

/* What the task waits for, the weightiest first; nothing when records flow. */
static void waiting_for(weir_source_task *task, weir_buf *words)
{
    int64_t silent_ms = task->inflight.sent > 0 ? weir_now_ms() - task->answered_ms : 0;

    if (task->doing == WEIR_DOING_PAUSED || task->doing == WEIR_DOING_ENDED)
        return;
    if (atomic_load(&task->suspend))
        weir_buf_text_add(words, "the worker to be back in its group (suspended)");
    else if (!weir_task_offsets_ready(task))
        weir_buf_text_add(words, "the offset topic to be read to its end");
    else if (task->started && !task->may_emit)
        weir_buf_text_add(words, "the worker's lease to be renewed");
    else if (task->waiting_topic)
        weir_buf_format(words, "topic '%s' to exist", task->waiting_topic);
    else if (task->producer && silent_ms >= SILENT_MS)
        silence(task, silent_ms, words);
    else if (task->errors.dead_topic_why)
        weir_buf_text_add(words, task->errors.dead_topic_why);
    else if (task->errors.hold_until_ms)
        weir_buf_text_add(words, task->errors.hold_why);
    else if (task->doing == WEIR_DOING_BACKING_OFF)
        weir_buf_text_add(words, "the next attempt, see last_error");
    else if (task->refused && weir_inflight_full(&task->inflight))
        weir_buf_format(words, "Kafka to answer some of %zu records on their way",
                        task->inflight.sent);
    else if (task->refused)
        weir_buf_text_add(words, "room in the producer's queue");
}

/* In all its texts; numbers, truths and the names of members are no secrets. */
static void hide_in(json_t *json, const weir_secrets *secrets)
{
    const char *name;
    json_t *member;
    size_t i;

    json_object_foreach (json, name, member) {
        char *clean = weir_secrets_hide(secrets, json_string_value(member));

        if (clean)
            json_object_set_new(json, name, json_string(clean));
        else
            hide_in(member, secrets);
        free(clean);
    }
    json_array_foreach (json, i, member) {
        char *clean = weir_secrets_hide(secrets, json_string_value(member));

        if (clean)
            json_array_set_new(json, i, json_string(clean));
        else
            hide_in(member, secrets);
        free(clean);
    }
}

/* The plugin's own words, when they are a JSON object. */
static const char *ask_plugin(weir_source_task *task)
{
    const weir_source *source = task->started ? task->config.plugin->source : NULL;
    json_t *json = NULL;
    size_t length;
    char *room;

    if (!source || !WEIR_HAS(source, status))
        return NULL;
    weir_buf_clear(&task->plugin_status);
    room = weir_buf_reserve(&task->plugin_status, STATUS_ROOM);
    atomic_store(&task->call, "status");
    atomic_store(&task->call_due_ms, weir_now_ms());
    length = source->status(task->self, room, STATUS_ROOM);
    atomic_store(&task->call_due_ms, 0);
    if (length == 0 || length >= STATUS_ROOM)
        return NULL;
    room[length] = '\0';
    task->plugin_status.size = length;
    if (strcmp(weir_buf_text(&task->plugin_json), room) == 0)
        return weir_buf_text(&task->plugin_shown); /* as last time, and that was good */
    weir_buf_clear(&task->plugin_json);
    weir_buf_clear(&task->plugin_shown);
    if (weir_json_read(room, length, &json, NULL) != WEIR_OK || !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    weir_buf_add(&task->plugin_json, room, length);
    if (task->config.secrets.count > 0) {
        hide_in(json, &task->config.secrets);
        weir_json_write(&task->plugin_shown, json);
    } else {
        weir_buf_add(&task->plugin_shown, room, length);
    }
    weir_plugin_metrics_read(&task->plugin_metrics, json);
    json_decref(json);
    return weir_buf_text(&task->plugin_shown);
}

/* ---- All of it ---------------------------------------------------------------------------- */

static void write_details(weir_source_task *task, weir_buf *json)
{
    const char *trouble = "", *plugin = ask_plugin(task);
    weir_buf words = WEIR_BUF, told = WEIR_BUF;
    int64_t at_ms = 0;

    waiting_for(task, &words);
    weir_buf_char(json, '{');
    add_text(json, "doing", doing_texts[task->doing]);
    weir_buf_char(json, ',');
    add_text(json, "waiting_for", words.size ? weir_buf_text(&words) : NULL);
    weir_buf_char(json, ',');
    add_number(json, "emitted", task->emitted);
    add_number(json, "delivered", task->delivered);
    add_number(json, "dropped", task->dropped);
    add_number(json, "abandoned", task->abandoned_records);
    add_number(json, "in_flight", task->inflight.sent);
    add_number(json, "unsettled", weir_inflight_unsettled(&task->inflight));
    add_number(json, "restarts", task->restarts);
    weir_task_add_error(json, task->trouble.text, task->trouble.at_ms);
    weir_buf_char(json, ',');
    weir_task_errors_json(task, json);
    weir_buf_text_add(json, ",\"producer\":{");
    if (task->producer)
        trouble = weir_task_producer_trouble(task->producer, &at_ms);
    add_trouble(task, &told, trouble);
    weir_task_add_error(json, told.size ? weir_buf_text(&told) : NULL, at_ms);
    weir_buf_char(json, '}');
    if (task->notes_json)
        weir_buf_format(json, ",\"notes\":%s", task->notes_json);
    if (task->config_json)
        weir_buf_format(json, ",\"config\":%s", task->config_json);
    if (plugin) {
        weir_buf_text_add(json, ",\"plugin\":");
        weir_buf_text_add(json, plugin);
    }
    weir_buf_char(json, '}');
    weir_buf_free(&words);
    weir_buf_free(&told);
}

/* ---- The same in figures ------------------------------------------------------------------ */

static weir_task_figures figures_of(const weir_source_task *task)
{
    const weir_task_errors *errors = &task->errors;

    return (weir_task_figures){
        .emitted = task->emitted,
        .emitted_bytes = task->emitted_bytes,
        .delivered = task->delivered,
        .delivered_bytes = task->delivered_bytes,
        .delivery_us = task->delivery_us,
        .dead_lettered = errors->dead_lettered,
        .dropped = task->dropped,
        .abandoned = task->abandoned_records,
        .errors = errors->total,
        .skipped = errors->skipped,
        .retries = errors->retries,
        .logged = errors->logged,
        .letters = errors->letters,
        .letters_failed = errors->letters_failed,
        .restarts = task->restarts,
        .last_error_ms = errors->last.at_ms,
        .in_flight = task->inflight.sent,
        .unsettled = weir_inflight_unsettled(&task->inflight),
        .oldest_ms = weir_inflight_oldest_ms(&task->inflight),
    };
}

static weir_task_metrics *metrics_of(const weir_source_task *task)
{
    const weir_map *by_kind = &task->errors.by_kind;
    weir_task_metrics *metrics = weir_task_metrics_new();

    metrics->figures = task->figures;
    metrics->kinds = by_kind->count ? weir_calloc(by_kind->count, sizeof(*metrics->kinds)) : NULL;
    WEIR_MAP_EACH (entry, by_kind) {
        metrics->kinds[metrics->kind_count].name = weir_strdup(entry->key);
        metrics->kinds[metrics->kind_count++].count = *(const uint64_t *)entry->value;
    }
    if (task->config.plugin) {
        metrics->plugin = task->config.plugin->name;
        metrics->table = task->plugin_metrics.table;
        metrics->samples = weir_plugin_metrics_list(&task->plugin_metrics, &metrics->sample_count);
    }
    return metrics;
}

void weir_task_details_last(weir_source_task *task)
{
    if (!atomic_load(&task->abandoned))
        ask_plugin(task);
    weir_plugin_metrics_over(&task->plugin_metrics);
    weir_buf_clear(&task->plugin_json); /* the next instance may say the very same */
}

void weir_task_details(weir_source_task *task, bool now)
{
    int64_t now_ms = weir_now_ms();
    weir_buf json = WEIR_BUF;
    weir_task_figures figures;
    bool changed;

    if (!now && task->details && now_ms - task->details_ms < EVERY_MS)
        return;
    task->details_ms = now_ms;
    write_details(task, &json);
    figures = figures_of(task);
    changed = !weir_same(task->details, weir_buf_text(&json));
    if (changed || memcmp(&figures, &task->figures, sizeof(figures)) != 0) {
        task->figures = figures;
        if (changed) {
            free(task->details);
            task->details = weir_buf_take(&json);
        }
        weir_task_report_details(task, changed ? task->details : NULL, metrics_of(task));
    }
    weir_buf_free(&json);
}
