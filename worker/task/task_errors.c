/* task_errors.c - the one way of every record that cannot get to Kafka.
 *
 * Three gates, in this order (connect-internals.md 4.4):
 *   another try   what may heal, within errors.retry.timeout. Nobody keeps the record for that: the
 *                 source still holds it, unacknowledged. The task takes nothing new while it waits
 *                 (the plugin goes on with its pings) and then starts its instance again, so that
 *                 the source hands everything unacknowledged over anew, in order. A topic whose
 *                 time is over gets no more of it until a record has got there.
 *   reporters     log line and dead letter, whatever errors.tolerance says.
 *   tolerance     none: the task fails, and the record stays unacknowledged, also when there is a
 *                 dead letter of it. all: it is acknowledged, when the dead-letter topic has it or,
 *                 without one, at once: dropped, counted and logged.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_EVERY_MS 10000 /* one line about dropped or dead records in this time */
#define KIND_MAX     100   /* bytes of one */
#define KINDS_MAX    30    /* counted apart; a plugin with more words gets "other" */
#define SHOWN        200   /* bytes of a key or value in the log */

/* What has been tried for a topic. */
typedef struct weir_task_try {
    int64_t since_ms; /* the first failure */
    unsigned tries;
    bool over; /* errors.retry.timeout is */
} weir_task_try;

/* ---- Counting ------------------------------------------------------------------------------ */

/* Fit to be a member's name and a label's value. */
static bool is_word(const char *kind)
{
    for (const char *at = kind; *at; at++)
        if (*at < ' ' || *at > '~' || at - kind == KIND_MAX)
            return false;
    return *kind;
}

static void count(weir_source_task *task, const weir_failure *failure)
{
    weir_task_errors *errors = &task->errors;
    const char *kind = is_word(failure->kind) ? failure->kind : "other";
    uint64_t *number = weir_map_get(&errors->by_kind, kind);

    if (!number && errors->by_kind.count >= KINDS_MAX) {
        kind = "other";
        number = weir_map_get(&errors->by_kind, kind);
    }
    if (!number) {
        errors->by_kind.drop = free;
        number = weir_new(uint64_t);
        weir_map_set(&errors->by_kind, kind, number);
    }
    ++*number;
    errors->total++;
    weir_replace(&errors->last.text, failure->why);
    errors->last.at_ms = weir_wall_clock_ms();
}

void weir_task_errors_json(const weir_source_task *task, weir_buf *json)
{
    const weir_task_errors *errors = &task->errors;
    bool first = true;

    weir_buf_format(json, "\"errors\":{\"total\":%" PRIu64 ",\"by_kind\":{", errors->total);
    WEIR_MAP_EACH (entry, &errors->by_kind) {
        if (!first)
            weir_buf_char(json, ',');
        first = false;
        weir_json_text(json, entry->key, strlen(entry->key));
        weir_buf_format(json, ":%" PRIu64, *(const uint64_t *)entry->value);
    }
    weir_buf_format(
        json, "},\"dead_lettered\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"retries\":%" PRIu64 ",",
        errors->dead_lettered, task->dropped, errors->retries);
    weir_task_add_error(json, errors->last.text, errors->last.at_ms);
    weir_buf_char(json, '}');
}

void weir_task_errors_clear(weir_task_errors *errors)
{
    weir_task_letters_drop(errors);
    weir_map_clear(&errors->by_kind);
    weir_map_clear(&errors->tries);
    free(errors->last.text);
    free(errors->hold_why);
    free(errors->dead_topic_why);
    *errors = (weir_task_errors){0};
}

/* ---- Logging ------------------------------------------------------------------------------- */

static void show_bytes(weir_buf *text, const char *name, const weir_bytes *bytes)
{
    const unsigned char *at = bytes->data;

    if (!at) {
        weir_buf_format(text, ", %s=null", name);
        return;
    }
    weir_buf_format(text, ", %s='", name);
    for (size_t i = 0; i < bytes->size && i < SHOWN; i++)
        weir_buf_char(text, (char)(at[i] < 0x20 || at[i] > 0x7e ? '.' : at[i]));
    weir_buf_format(text, "'%s", bytes->size > SHOWN ? "..." : "");
}

/* Connect's line, and the reason that Java has in its stack trace. */
static void log_this(weir_source_task *task, const weir_failure *failure)
{
    weir_buf text = WEIR_BUF;

    if (!task->config.errors.log_each)
        return;
    task->errors.logged++;
    weir_buf_format(
        &text, "Error encountered in task %s-%" PRId32 ". Executing stage '%s' with class '%s'",
        task->connector, task->number, failure->stage, failure->class_name);
    if (task->config.errors.log_records) {
        weir_buf_format(&text, ", where source record is = SourceRecord{topic='%s'",
                        failure->topic ? failure->topic : "null");
        if (failure->partition >= 0)
            weir_buf_format(&text, ", kafkaPartition=%" PRId32, failure->partition);
        show_bytes(&text, "key", &failure->key);
        show_bytes(&text, "value", &failure->value);
        weir_buf_format(&text, ", timestamp=%" PRId64 "}", failure->timestamp_ms);
    }
    weir_buf_char(&text, '.');
    weir_log(WEIR_ERROR, weir_buf_text(&text), "error", failure->why, NULL);
    weir_buf_free(&text);
}

static void log_now_and_then(weir_source_task *task, const weir_failure *failure)
{
    const weir_error_policy *policy = &task->config.errors;
    weir_task_errors *errors = &task->errors;
    int64_t now_ms = weir_now_ms();

    errors->unlogged++;
    if (now_ms < errors->log_ms)
        return;
    if (policy->dead_letters)
        weir_logf(WEIR_WARN,
                  "%" PRIu64 " records on their way to the dead-letter topic '%s'; the last one "
                  "failed at %s: %s",
                  errors->unlogged, policy->dead_letters, failure->stage, failure->why);
    else
        weir_logf(WEIR_WARN,
                  "%" PRIu64 " records dropped because of errors.tolerance=all; the last one "
                  "failed at %s: %s",
                  errors->unlogged, failure->stage, failure->why);
    errors->unlogged = 0;
    errors->log_ms = now_ms + LOG_EVERY_MS;
}

/* There is no way on for it: counted and told. */
static void note(weir_source_task *task, const weir_failure *failure)
{
    count(task, failure);
    weir_task_note(task, failure->why);
    log_this(task, failure);
    if (!task->config.errors.tolerate)
        return;
    task->errors.skipped++;
    log_now_and_then(task, failure);
}

static void fail_with(weir_source_task *task, const weir_failure *failure)
{
    const char *letters = task->config.errors.dead_letters;
    char *where = failure->topic ? weir_format(" for topic '%s'", failure->topic) : NULL;
    char *dead = letters
                     ? weir_format(" (it went to the dead-letter topic '%s' as well, but is not "
                                   "acknowledged to the source)",
                                   letters)
                     : NULL;

    weir_task_fail(
        task,
        "Tolerance exceeded in error handler: a record%s failed at stage '%s' with class "
        "'%s': %s%s",
        where ? where : "", failure->stage, failure->class_name, failure->why, dead ? dead : "");
    free(where);
    free(dead);
}

/* ---- Another try --------------------------------------------------------------------------- */

void weir_task_kind_of(rd_kafka_resp_err_t error, weir_failure *failure)
{
    failure->kind = "kafka";
    failure->may_heal = false;
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
        failure->kind = "too-large";
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        failure->kind = "not-authorized";
        failure->may_heal = true;
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        failure->kind = "topic";
        break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        failure->kind = "partition";
        break;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        failure->kind = "timeout";
        failure->may_heal = true;
        break;
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
        failure->may_heal = true;
        break;
    default:
        break;
    }
}

/* True: it is held until the next try, or until the one that another record waits for. */
static bool try_again(weir_source_task *task, const weir_failure *failure)
{
    const weir_error_policy *policy = &task->config.errors;
    weir_task_errors *errors = &task->errors;
    int64_t now_ms = weir_now_ms(), delay_ms;
    unsigned seed = (unsigned)now_ms ^ (unsigned)(uintptr_t)task;
    weir_task_try *try;

    if (!failure->may_heal || !failure->topic || policy->retry_timeout_ms == 0)
        return false;
    try = weir_map_get(&errors->tries, failure->topic);
    if (!try) {
        errors->tries.drop = free;
        try = weir_new(weir_task_try);
        try->since_ms = now_ms;
        weir_map_set(&errors->tries, failure->topic, try);
    }
    if (try->over)
        return false;
    if (errors->hold_until_ms)
        return true; /* records that failed in one try are one failure */
    delay_ms = weir_error_policy_delay_ms(policy, try->tries, now_ms - try->since_ms, &seed);
    try->over = delay_ms < 0;
    if (try->over)
        return false;
    try->tries++;
    errors->retries++;
    errors->hold_until_ms = now_ms + delay_ms;
    free(errors->hold_why);
    errors->hold_why =
        weir_format("topic '%s': %s; try %u", failure->topic, failure->why, try->tries + 1);
    weir_task_note(task, errors->hold_why);
    weir_logf(WEIR_WARN, "%s in %" PRId64 " ms (errors.retry.timeout)", errors->hold_why, delay_ms);
    weir_task_wake(task); /* poll() has a deadline beyond that */
    return true;
}

void weir_task_end_hold(weir_source_task *task)
{
    weir_task_errors *errors = &task->errors;

    if (errors->hold_until_ms && weir_now_ms() >= errors->hold_until_ms)
        weir_task_restart(task, "%s", errors->hold_why);
}

void weir_task_forgive(weir_source_task *task, const char *topic)
{
    weir_map *tries = &task->errors.tries;

    if (tries->count > 0 && weir_map_get(tries, topic))
        weir_map_remove(tries, topic);
}

/* ---- Records that the plugin hands over ---------------------------------------------------- */

static weir_status drop(weir_source_task *task, const weir_record *record)
{
    task->emitted++;
    task->dropped++;
    if (task->inflight.answered == 0)
        weir_task_wake(task); /* so that poll returns and settled() can tell */
    weir_inflight_answer_token(&task->inflight, record->token, WEIR_DROPPED);
    return WEIR_DONE;
}

/* The letter has the record's slot, unless the task fails: then the record is not taken. */
static weir_code post(weir_source_task *task, const weir_record *record,
                      const weir_failure *failure)
{
    weir_letter *letter = weir_task_letter_of(task, record, failure);
    weir_slot *slot = NULL;
    weir_code rc;

    if (task->config.errors.tolerate)
        slot = weir_inflight_send(&task->inflight, record->token, weir_now_ms());
    letter->slot = slot;
    rc = weir_task_post(task, letter);
    if (rc == WEIR_OK && task->inflight.sent == 1)
        task->answered_ms = weir_now_ms();
    if (rc != WEIR_OK) {
        if (slot)
            weir_inflight_unsend(&task->inflight, slot);
        weir_letter_free(letter);
    }
    return rc;
}

weir_status weir_task_refuse(weir_source_task *task, const weir_record *record,
                             const weir_failure *failure)
{
    const weir_error_policy *policy = &task->config.errors;

    if (try_again(task, failure)) {
        task->refused = true;
        return WEIR_AGAIN;
    }
    if (policy->dead_letters) {
        weir_code rc = post(task, record, failure);

        if (rc == WEIR_FULL || rc == WEIR_FENCED) {
            task->refused = true;
            return WEIR_AGAIN;
        }
        if (rc != WEIR_OK) {
            note(task, failure);
            return WEIR_FATAL;
        }
    }
    note(task, failure);
    if (!policy->tolerate) {
        fail_with(task, failure);
        return WEIR_FATAL;
    }
    if (!policy->dead_letters)
        return drop(task, record);
    task->emitted++;
    return WEIR_DONE;
}

/* ---- Records that Kafka refused ------------------------------------------------------------ */

static weir_failure failure_of(const rd_kafka_message_t *message, const char *why)
{
    const weir_kept *kept = weir_inflight_kept(message->_private);
    weir_failure failure = {
        .stage = "KAFKA_PRODUCE",
        .class_name = WEIR_TASK_PRODUCER_CLASS,
        .why = why,
        .topic = rd_kafka_topic_name(message->rkt),
        .partition = message->partition,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };

    weir_task_kind_of(message->err, &failure);
    if (kept)
        weir_kept_restore(kept, &failure);
    return failure;
}

void weir_task_refused(weir_source_task *task, const rd_kafka_message_t *message, const char *why)
{
    const weir_error_policy *policy = &task->config.errors;
    weir_failure failure = failure_of(message, why);
    weir_slot *slot = message->_private;
    weir_outcome outcome = WEIR_ABANDONED;
    weir_letter *letter = NULL;
    bool posted = false;

    if (task->failure || try_again(task, &failure))
        goto out; /* the source still has it */
    note(task, &failure);
    if (policy->dead_letters) {
        letter = weir_task_letter_of_message(task, message, &failure);
        letter->slot = policy->tolerate ? slot : NULL;
        posted = weir_task_post_or_wait(task, letter) && policy->tolerate;
    } else if (policy->tolerate) {
        task->dropped++;
        outcome = WEIR_DROPPED;
    }
    if (!policy->tolerate)
        fail_with(task, &failure);
out:
    if (!posted)
        weir_inflight_answer(&task->inflight, slot, outcome);
    if (!posted && outcome == WEIR_ABANDONED)
        task->abandoned_records++;
}
