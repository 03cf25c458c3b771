/* task_host.c - what the worker lends to a plugin, emit() above all, and what becomes of records.
 *
 * A record that cannot be converted, that the producer refuses for good or that Kafka refuses
 * meets one policy (errors.tolerance); everything else is a question of when.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DROP_LOG_MS 10000 /* at most one line about dropped records in this time */

static weir_source_task *task_of(const weir_host *host)
{
    return host->ctx;
}

/* ---- Small calls -------------------------------------------------------------------------- */

WEIR_FORMAT(3, 4)
static void host_log(const weir_host *host, weir_level level, const char *fmt, ...)
{
    weir_source_task *task = task_of(host);
    va_list args;

    weir_log_context(task->context); /* a thread of the plugin's may serve several tasks */
    va_start(args, fmt);
    weir_vlogf(level, fmt, args);
    va_end(args);
}

WEIR_FORMAT(3, 4)
static weir_status host_fail(const weir_host *host, weir_status how, const char *fmt, ...)
{
    weir_source_task *task = task_of(host);
    weir_err err;
    va_list args;

    va_start(args, fmt);
    weir_vfail(&err, WEIR_FAILED, fmt, args);
    va_end(args);
    weir_replace(&task->said, err.msg);
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

/* ---- The error policy --------------------------------------------------------------------- */

static void log_failed(weir_source_task *task, const char *stage, const char *class_name,
                       const char *topic, const char *why)
{
    int64_t now_ms = weir_now_ms();

    if (task->config.log_each)
        weir_logf(WEIR_ERROR,
                  "Error encountered in task %s-%d. Executing stage '%s' with class '%s', where "
                  "topic = '%s': %s",
                  task->connector, task->number, stage, class_name, topic, why);
    if (!task->config.tolerate)
        return;
    task->drop_unlogged++;
    if (now_ms < task->drop_log_ms)
        return;
    weir_logf(WEIR_WARN,
              "%" PRIu64 " records dropped because of errors.tolerance=all; the last one for topic "
              "'%s' at %s: %s",
              task->drop_unlogged, topic, stage, why);
    task->drop_unlogged = 0;
    task->drop_log_ms = now_ms + DROP_LOG_MS;
}

bool weir_task_record_failed(weir_source_task *task, const char *stage, const char *class_name,
                             const char *topic, const char *why)
{
    log_failed(task, stage, class_name, topic, why);
    if (task->config.tolerate) {
        task->dropped++;
        weir_task_note(task, why);
        return true;
    }
    weir_task_fail(task,
                   "Tolerance exceeded in error handler: a record for topic '%s' failed at stage "
                   "'%s' with class '%s': %s",
                   topic, stage, class_name, why);
    return false;
}

void weir_task_answered(void *ctx, void *opaque, rd_kafka_resp_err_t error, const char *topic,
                        const char *why)
{
    weir_source_task *task = ctx;
    weir_outcome outcome = WEIR_ABANDONED;

    task->answered_ms = weir_now_ms();
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        task->delivered++;
        outcome = WEIR_DELIVERED;
        if (task->waiting_topic) /* perhaps another one, but something flows */
            weir_replace(&task->waiting_topic, NULL);
    } else if (weir_task_producer_is_missing_topic(error)) {
        weir_replace(&task->waiting_topic, topic);
        weir_task_restart(task, "topic '%s' does not exist", topic);
    } else if (error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
               error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
               weir_task_producer_broken(task->producer)) {
        weir_task_restart(task, "the producer is broken: %s", why);
    } else if (weir_task_record_failed(task, "KAFKA_PRODUCE",
                                       "org.apache.kafka.clients.producer.KafkaProducer", topic,
                                       why)) {
        outcome = WEIR_DROPPED;
    }
    if (outcome == WEIR_ABANDONED)
        task->abandoned_records++;
    weir_inflight_answer(&task->inflight, opaque, outcome);
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

/* The record is taken all the same when the user said that it may be dropped. */
static weir_status refuse(weir_source_task *task, const weir_record *record, const char *stage,
                          const char *class_name, const char *why)
{
    if (!weir_task_record_failed(task, stage, class_name, record->topic ? record->topic : "", why))
        return WEIR_FATAL;
    task->emitted++;
    if (task->inflight.answered == 0)
        weir_task_wake(task); /* so that poll returns and settled() can tell */
    weir_inflight_answer_token(&task->inflight, record->token, WEIR_DROPPED);
    return WEIR_DONE;
}

static weir_status produce(weir_source_task *task, const weir_record *record, weir_outgoing *out)
{
    weir_slot *slot = weir_inflight_send(&task->inflight, record->token);
    weir_err err;
    weir_code rc;

    out->opaque = slot;
    rc = weir_task_producer_send(task->producer, out, &err);
    if (rc == WEIR_OK) {
        if (task->inflight.sent == 1)
            task->answered_ms = weir_now_ms();
        task->emitted++;
        return WEIR_DONE;
    }
    weir_inflight_unsend(&task->inflight, slot);
    if (rc == WEIR_INVALID)
        return refuse(task, record, "KAFKA_PRODUCE",
                      "org.apache.kafka.clients.producer.KafkaProducer", err.msg);
    if (rc == WEIR_FENCED)
        weir_task_restart(task, "the producer is broken: %s", err.msg);
    else if (rc == WEIR_UNAVAILABLE)
        weir_replace(&task->waiting_topic, record->topic);
    task->refused = true;
    return WEIR_AGAIN;
}

static weir_status emit(const weir_host *host, const weir_record *record)
{
    static const char connector[] = "the connector's record";
    weir_source_task *task = task_of(host);
    weir_outgoing out;
    weir_converter_use use;
    const char *stage;
    weir_err err;

    if (atomic_load(&task->abandoned))
        return WEIR_FATAL;
    if (!task->in_poll) {
        weir_task_fail(task, "the plugin called emit() outside of poll()");
        return WEIR_FATAL;
    }
    if (record->size < offsetof(weir_record, token) + sizeof(record->token)) {
        weir_task_fail(task, "the plugin gave emit() a weir_record of size %u", record->size);
        return WEIR_FATAL;
    }
    if (task->failure)
        return WEIR_FATAL;
    if (!task->may_emit || atomic_load(&task->suspend) || task->restart ||
        weir_inflight_full(&task->inflight)) {
        task->refused = true;
        return WEIR_AGAIN;
    }
    if (check_record(record, &err) != WEIR_OK)
        return refuse(task, record, "TASK_POLL", connector, err.msg);
    out.topic = record->topic;
    out.partition = record->partition;
    out.timestamp_ms = record->timestamp_ms;
    if (convert(task, record, &out, &stage, &use, &err) != WEIR_OK)
        return refuse(task, record, stage, task->config.classes[use], err.msg);
    return produce(task, record, &out);
}

/* The record's source offset is tracked before anything can become of the record. */
static weir_status host_emit(const weir_host *host, const weir_record *record)
{
    weir_source_task *task = task_of(host);
    weir_tracked *tracked;
    weir_status status;
    weir_err err;

    if (weir_task_offsets_track(task, record, &tracked, &err) != WEIR_OK) {
        weir_task_fail(task, "%s", err.msg);
        return WEIR_FATAL;
    }
    task->inflight.load = tracked;
    status = emit(host, record);
    task->inflight.load = NULL;
    if (status != WEIR_DONE)
        weir_task_offsets_untrack(tracked);
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
        .offset = weir_task_host_offset,
        .keep_offset = weir_task_host_keep_offset,
    };
}
