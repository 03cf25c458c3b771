/* task_host.c - what the worker lends to a plugin, emit() above all, and what becomes of records.
 *
 * A record that the plugin rejects, that cannot be converted, that the producer refuses for good or
 * that Kafka refuses goes one way (task_errors.c); everything else is a question of when.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static weir_source_task *task_of(const weir_host *host)
{
    return host->ctx;
}

/* ---- Small calls -------------------------------------------------------------------------- */

/* What the plugin says, without secrets; the caller's. They are taken out before anything is cut
 * off.
 */
static char *formatted(const weir_source_task *task, const char *fmt, va_list args)
    WEIR_FORMAT(2, 0);
static char *formatted(const weir_source_task *task, const char *fmt, va_list args)
{
    char *text = NULL, *clean;

    if (vasprintf(&text, fmt, args) < 0)
        return weir_strdup("(words that cannot be put together)");
    clean = weir_secrets_hide(&task->config.secrets, text);
    if (clean)
        free(text);
    return clean ? clean : text;
}

WEIR_FORMAT(3, 4)
static void host_log(const weir_host *host, weir_level level, const char *fmt, ...)
{
    weir_source_task *task = task_of(host);
    char *text;
    va_list args;

    if (!weir_log_wants(level))
        return;
    weir_log_context(task->context); /* a thread of the plugin's may serve several tasks */
    va_start(args, fmt);
    text = formatted(task, fmt, args);
    va_end(args);
    weir_logf(level, "%s", text);
    free(text);
}

WEIR_FORMAT(3, 4)
static weir_status host_fail(const weir_host *host, weir_status how, const char *fmt, ...)
{
    weir_source_task *task = task_of(host);
    char *text;
    weir_err err;
    va_list args;

    va_start(args, fmt);
    text = formatted(task, fmt, args);
    va_end(args);
    weir_fail(&err, WEIR_FAILED, "%s", text); /* cut */
    weir_replace(&task->said, err.msg);
    free(text);
    return how;
}

static bool host_owned(const weir_host *host)
{
    weir_source_task *task = task_of(host);

    return !atomic_load(&task->abandoned) && !atomic_load(&task->suspend) &&
           weir_task_lease_runs(task);
}

static int64_t host_now_ms(const weir_host *host)
{
    (void)host;
    return weir_now_ms();
}

/* ---- Answers of Kafka's ------------------------------------------------------------------- */

/* Errors that are the handle's, or about the topic: no word about the record itself. */
static bool starts_again(weir_source_task *task, rd_kafka_resp_err_t error, const char *topic,
                         const char *why)
{
    if (weir_task_producer_is_missing_topic(error)) {
        weir_replace(&task->waiting_topic, topic);
        weir_task_restart(task, "topic '%s' does not exist", topic);
        return true;
    }
    if (error != RD_KAFKA_RESP_ERR__FATAL && error != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
        error != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT && !weir_task_producer_broken(task->producer))
        return false;
    weir_task_restart(task, "the producer is broken: %s", why);
    return true;
}

void weir_task_answered(void *ctx, const rd_kafka_message_t *message, const char *why)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    weir_slot *slot = message->_private;
    weir_source_task *task = ctx;

    task->answered_ms = weir_now_coarse_ms();
    if (!slot || weir_inflight_is_dead(slot)) {
        weir_task_letter_answered(task, message, why);
    } else if (!why) {
        task->delivered++;
        task->delivered_bytes += message->key_len + message->len;
        task->delivery_us += (uint64_t)rd_kafka_message_latency(message);
        if (task->waiting_topic) /* perhaps another one, but something flows */
            weir_replace(&task->waiting_topic, NULL);
        weir_task_forgive(task, topic);
        weir_inflight_answer(&task->inflight, slot, WEIR_DELIVERED);
    } else if (starts_again(task, message->err, topic, why)) {
        task->abandoned_records++;
        weir_inflight_answer(&task->inflight, slot, WEIR_ABANDONED);
    } else {
        weir_task_refused(task, message, why);
    }
}

/* ---- emit --------------------------------------------------------------------------------- */

static weir_code check_record(const weir_record *record, weir_err *err)
{
    if (!record->topic || !record->topic[0])
        return weir_fail(err, WEIR_INVALID, "the record has no topic");
    if (record->partition < -1)
        return weir_fail(err, WEIR_INVALID, "partition %d does not exist", record->partition);
    if (record->timestamp_ms < -1)
        return weir_fail(err, WEIR_INVALID, "timestamp %" PRId64 " is before 1970",
                         record->timestamp_ms);
    for (size_t i = 0; i < record->header_count; i++)
        if (!record->headers[i].name)
            return weir_fail(err, WEIR_INVALID, "header %zu has no name", i);
    return WEIR_OK;
}

static void make_header_room(weir_source_task *task, size_t count)
{
    size_t room = task->header_room ? task->header_room : 8;

    if (count <= task->header_room)
        return;
    while (room < count)
        room *= 2;
    task->headers = weir_realloc(task->headers, room, sizeof(*task->headers));
    task->header_values = weir_realloc(task->header_values, room, sizeof(*task->header_values));
    memset(task->header_values + task->header_room, 0,
           (room - task->header_room) * sizeof(*task->header_values));
    task->header_room = room;
}

static weir_code convert_headers(weir_source_task *task, const weir_record *record,
                                 weir_outgoing *out, weir_err *err)
{
    weir_code rc = WEIR_OK;

    make_header_room(task, record->header_count);
    for (size_t i = 0; rc == WEIR_OK && i < record->header_count; i++) {
        task->headers[i].name = record->headers[i].name;
        rc = weir_convert(task->config.converters[WEIR_HEADER], &record->headers[i].value,
                          &task->header_values[i], &task->headers[i].value, err);
        if (rc != WEIR_OK)
            weir_fail_in(err, "header '%s'", record->headers[i].name);
    }
    out->headers = task->headers;
    out->header_count = record->header_count;
    return rc;
}

/* Headers, key, value: Connect's order. On failure sets *ret_stage and *ret_use. */
static weir_code convert(weir_source_task *task, const weir_record *record, weir_outgoing *out,
                         const char **ret_stage, weir_converter_use *ret_use, weir_err *err)
{
    weir_code rc;

    *ret_stage = "HEADER_CONVERTER";
    *ret_use = WEIR_HEADER;
    rc = convert_headers(task, record, out, err);
    if (rc != WEIR_OK)
        return rc;
    *ret_stage = "KEY_CONVERTER";
    *ret_use = WEIR_KEY;
    rc = weir_convert(task->config.converters[WEIR_KEY], &record->key, &task->key, &out->key, err);
    if (rc != WEIR_OK)
        return rc;
    *ret_stage = "VALUE_CONVERTER";
    *ret_use = WEIR_VALUE;
    return weir_convert(task->config.converters[WEIR_VALUE], &record->value, &task->value,
                        &out->value, err);
}

/* What there is of a record, for the way that leads nowhere. */
static weir_bytes bytes_of(const weir_data *data)
{
    bool given = data->kind != WEIR_NULL && (data->bytes || data->size == 0);

    return (weir_bytes){given ? (data->bytes ? data->bytes : "") : NULL,
                        data->kind == WEIR_NULL ? 0 : data->size};
}

static weir_bytes original_of(const weir_record *record)
{
    return bytes_of(WEIR_HAS(record, original) ? record->original : &record->value);
}

static weir_failure failure_of(const weir_source_task *task, const weir_record *record,
                               const char *kind, const char *why)
{
    return (weir_failure){
        .stage = "TASK_POLL",
        .class_name = task->config.plugin->name,
        .kind = kind,
        .why = why,
        .topic = record->topic,
        .partition = record->partition,
        .timestamp_ms = record->timestamp_ms < 0 ? -1 : record->timestamp_ms,
        .key = bytes_of(&record->key),
        .value = original_of(record),
    };
}

static weir_status refuse_conversion(weir_source_task *task, const weir_record *record,
                                     const char *stage, const char *class_name, const char *why)
{
    weir_failure failure = failure_of(task, record, "conversion", why);

    failure.stage = stage;
    failure.class_name = class_name;
    return weir_task_refuse(task, record, &failure);
}

static weir_status refused_by_producer(weir_source_task *task, const weir_record *record,
                                       const char *why)
{
    weir_failure failure = failure_of(task, record, "kafka", why);

    failure.stage = "KAFKA_PRODUCE";
    failure.class_name = WEIR_TASK_PRODUCER_CLASS;
    weir_task_kind_of(weir_task_producer_refusal(task->producer), &failure);
    return weir_task_refuse(task, record, &failure);
}

static void keep_original(weir_source_task *task, const weir_record *record,
                          const weir_outgoing *out)
{
    weir_bytes key = bytes_of(&record->key), value = original_of(record);

    if (task->config.errors.dead_letters)
        weir_inflight_keep(out->opaque, weir_kept_new(out, &key, &value));
}

static weir_status produce(weir_source_task *task, const weir_record *record, weir_outgoing *out)
{
    int64_t now_ms = weir_now_coarse_ms();
    weir_slot *slot = weir_inflight_send(&task->inflight, record->token, now_ms);
    weir_err err;
    weir_code rc;

    out->opaque = slot;
    rc = weir_task_producer_send(task->producer, out, &err);
    if (rc == WEIR_OK) {
        if (task->inflight.sent == 1)
            task->answered_ms = now_ms;
        keep_original(task, record, out);
        task->emitted++;
        task->emitted_bytes += out->key.size + out->value.size;
        return WEIR_DONE;
    }
    weir_inflight_unsend(&task->inflight, slot);
    if (rc == WEIR_INVALID)
        return refused_by_producer(task, record, err.msg);
    if (rc == WEIR_FENCED)
        weir_task_restart(task, "the producer is broken: %s", err.msg);
    else if (rc == WEIR_UNAVAILABLE)
        weir_replace(&task->waiting_topic, record->topic);
    task->refused = true;
    return WEIR_AGAIN;
}

/* May the plugin hand something over by this call? WEIR_DONE: it may. */
static weir_status may_take(weir_source_task *task, const weir_record *record, const char *call)
{
    if (atomic_load(&task->abandoned))
        return WEIR_FATAL;
    if (!task->in_poll)
        weir_task_fail(task, "the plugin called %s() outside of poll()", call);
    else if (record->size < offsetof(weir_record, token) + sizeof(record->token))
        weir_task_fail(task, "the plugin gave %s() a weir_record of size %u", call, record->size);
    if (task->failure)
        return WEIR_FATAL;
    if (task->may_emit && !atomic_load(&task->suspend) && !task->restart &&
        !task->errors.hold_until_ms && !task->errors.waiting &&
        !weir_inflight_full(&task->inflight))
        return WEIR_DONE;
    task->refused = true;
    return WEIR_AGAIN;
}

static weir_status emit(weir_source_task *task, const weir_record *record)
{
    weir_status may = may_take(task, record, "emit");
    weir_outgoing out;
    weir_converter_use use;
    weir_failure failure;
    const char *stage;
    weir_err err;

    if (may != WEIR_DONE)
        return may;
    if (check_record(record, &err) != WEIR_OK) {
        failure = failure_of(task, record, "record", err.msg);
        return weir_task_refuse(task, record, &failure);
    }
    out.topic = record->topic;
    out.partition = record->partition;
    out.timestamp_ms = record->timestamp_ms;
    if (convert(task, record, &out, &stage, &use, &err) != WEIR_OK)
        return refuse_conversion(task, record, stage, task->config.classes[use], err.msg);
    return produce(task, record, &out);
}

static weir_status reject(weir_source_task *task, const weir_record *record, const char *kind,
                          const char *why)
{
    weir_status may = may_take(task, record, "reject");
    weir_failure failure;

    if (may != WEIR_DONE)
        return may;
    failure = failure_of(task, record, kind[0] ? kind : "rejected",
                         why ? why : "the connector did not say why");
    return weir_task_refuse(task, record, &failure);
}

/* The record's source offset is tracked before anything can become of the record. `kind` NULL: it
 * is emitted. */
static weir_status hand_over(weir_source_task *task, const weir_record *record, const char *kind,
                             const char *why)
{
    weir_tracked *tracked;
    weir_status status;
    weir_err err;

    if (weir_task_offsets_track(task, record, &tracked, &err) != WEIR_OK) {
        weir_task_fail(task, "%s", err.msg);
        return WEIR_FATAL;
    }
    task->inflight.load = tracked;
    status = kind ? reject(task, record, kind, why) : emit(task, record);
    task->inflight.load = NULL;
    task->taken += status == WEIR_DONE;
    if (status != WEIR_DONE)
        weir_task_offsets_untrack(tracked);
    return status;
}

static weir_status host_emit(const weir_host *host, const weir_record *record)
{
    return hand_over(task_of(host), record, NULL, NULL);
}

static weir_status host_reject(const weir_host *host, const weir_record *record, const char *kind,
                               const char *why)
{
    weir_source_task *task = task_of(host);
    char *clean = weir_secrets_hide(&task->config.secrets, why);
    weir_status status = hand_over(task, record, kind ? kind : "", clean ? clean : why);

    free(clean);
    return status;
}

void weir_task_host_init(weir_source_task *task)
{
    task->host = (weir_host){
        .size = sizeof(task->host),
        .wakeup_fd = task->wakeup_fd,
        .ctx = task,
        .connector = task->connector,
        .task = task->number,
        .log = host_log,
        .fail = host_fail,
        .emit = host_emit,
        .owned = host_owned,
        .now_ms = host_now_ms,
        .reject = host_reject,
        .offset = weir_task_host_offset,
        .keep_offset = weir_task_host_keep_offset,
        .tasks = task->tasks,
        .plan = task->plan,
        .all_kept = weir_task_host_all_kept,
        .each_offset = weir_task_host_each_offset,
    };
}
