/* task_letters.c - the way of dead letters: the topic they go to, the sending, the answers.
 *
 * They go through the task's own producer, so that their answers come in one queue with all others
 * and a stop waits for them as for any record. A letter holds the slot of its record: only when the
 * dead-letter topic has it does the plugin hear WEIR_DEAD_LETTERED. A letter that cannot be written
 * fails the task, which is stricter than Connect: its record would be nowhere.
 */
#include "base/log.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <string.h>

/* ---- The topic ----------------------------------------------------------------------------- */

bool weir_task_dead_topic_there(weir_source_task *task, weir_dead_topic **topic,
                                int64_t *ret_again_ms)
{
    const weir_error_policy *policy = &task->config.errors;
    weir_dead_topic_wish wish = {.name = policy->dead_letters,
                                 .replication = policy->dead_letter_replication,
                                 .admin = &policy->admin,
                                 .wakeup_fd = task->wakeup_fd};
    weir_task_errors *errors = &task->errors;
    weir_code rc = WEIR_OK;
    weir_err err;

    if (!policy->dead_letters || errors->dead_topic_there)
        return true;
    if (!*topic)
        rc = weir_dead_topic_open(&wish, topic, &err);
    if (rc == WEIR_OK)
        rc = weir_dead_topic_step(*topic, ret_again_ms, &err);
    errors->dead_topic_there = rc == WEIR_OK;
    weir_replace(&errors->dead_topic_why, rc == WEIR_OK ? NULL : err.msg);
    if (rc != WEIR_OK && rc != WEIR_UNAVAILABLE)
        weir_task_fail(task, "%s", err.msg);
    return rc == WEIR_OK;
}

/* ---- Writing one --------------------------------------------------------------------------- */

static void add_context(weir_source_task *task, weir_letter *letter, const weir_failure *failure)
{
    const weir_plugin_desc *plugin = task->config.plugin;
    weir_letter_sender sender = {.connector = task->connector,
                                 .task = task->number,
                                 .plugin = plugin->name,
                                 .plugin_version = plugin->version};

    if (task->config.errors.dead_letter_headers)
        weir_letter_add_context(letter, failure, &sender);
}

/* As the header converter has it; a header that this cannot convert goes as it came. */
static void add_headers(weir_source_task *task, weir_letter *letter, const weir_record *record)
{
    weir_buf scratch = WEIR_BUF;

    for (size_t i = 0; i < record->header_count; i++) {
        const weir_header *header = &record->headers[i];
        weir_bytes value;

        if (!header->name)
            continue;
        if (weir_convert(task->config.converters[WEIR_HEADER], &header->value, &scratch, &value,
                         NULL) != WEIR_OK)
            value =
                (weir_bytes){header->value.bytes ? header->value.bytes : "", header->value.size};
        weir_letter_add_header(letter, header->name, value.data, value.size);
    }
    weir_buf_free(&scratch);
}

weir_letter *weir_task_letter_of(weir_source_task *task, const weir_record *record,
                                 const weir_failure *failure)
{
    weir_letter *letter = weir_letter_new(failure);

    add_headers(task, letter, record);
    add_context(task, letter, failure);
    return letter;
}

weir_letter *weir_task_letter_of_message(weir_source_task *task, const rd_kafka_message_t *message,
                                         const weir_failure *failure)
{
    weir_letter *letter = weir_letter_new(failure);

    weir_letter_add_headers_of(letter, message);
    add_context(task, letter, failure);
    return letter;
}

/* ---- Sending ------------------------------------------------------------------------------- */

static void cannot_be_written(weir_source_task *task, const char *why)
{
    weir_task_fail(task,
                   "the dead-letter topic '%s' could not be written, so the record is not "
                   "acknowledged: %s",
                   task->config.errors.dead_letters, why);
}

static weir_code send_letter(weir_source_task *task, const weir_letter *letter, weir_err *err)
{
    weir_outgoing out = weir_letter_outgoing(letter, task->config.errors.dead_letters);

    return weir_task_producer_send(task->producer, &out, err);
}

weir_code weir_task_post(weir_source_task *task, weir_letter *letter)
{
    weir_err err;
    weir_code rc = send_letter(task, letter, &err);

    if (rc == WEIR_INVALID && letter->value.data &&
        weir_task_producer_refusal(task->producer) == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        weir_letter_leave_out_payload(letter, letter->value.size, err.msg);
        rc = send_letter(task, letter, &err);
    }
    if (rc == WEIR_OK) {
        task->errors.letters++;
        if (letter->slot)
            weir_inflight_set_dead(letter->slot);
        else
            task->errors.unheard++;
        weir_letter_free(letter);
    } else if (rc == WEIR_FENCED) {
        weir_task_restart(task, "the producer is broken: %s", err.msg);
    } else if (rc != WEIR_FULL) {
        cannot_be_written(task, err.msg);
    }
    return rc;
}

bool weir_task_post_or_wait(weir_source_task *task, weir_letter *letter)
{
    weir_task_errors *errors = &task->errors;
    weir_code rc = errors->waiting ? WEIR_FULL : weir_task_post(task, letter);

    if (rc == WEIR_FULL) {
        if (errors->waiting)
            errors->waiting_last->next = letter;
        else
            errors->waiting = letter;
        errors->waiting_last = letter;
    } else if (rc != WEIR_OK) {
        weir_letter_free(letter);
    }
    return rc == WEIR_OK || rc == WEIR_FULL;
}

void weir_task_post_waiting(weir_source_task *task)
{
    weir_task_errors *errors = &task->errors;

    while (errors->waiting && !task->failure && !task->restart) {
        weir_letter *letter = errors->waiting, *next = letter->next;
        weir_slot *slot = letter->slot;
        weir_code rc = weir_task_post(task, letter);

        if (rc == WEIR_FULL)
            return;
        errors->waiting = next;
        if (rc == WEIR_OK)
            continue;
        weir_letter_free(letter);
        if (slot)
            weir_inflight_answer(&task->inflight, slot, WEIR_ABANDONED);
    }
}

void weir_task_letters_drop(weir_task_errors *errors)
{
    weir_letter_free_all(errors->waiting);
    errors->waiting = NULL;
    errors->unheard = 0;
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* The topic's own limit is lower than the producer's: the same once more without the payload. */
static bool post_without_payload(weir_source_task *task, const rd_kafka_message_t *message,
                                 const char *why)
{
    weir_failure as_sent = {.timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                            .key = {message->key, message->key_len}};
    weir_letter *letter = weir_letter_new(&as_sent);

    weir_letter_add_headers_of(letter, message);
    weir_letter_leave_out_payload(letter, message->len, why);
    letter->slot = message->_private;
    return weir_task_post_or_wait(task, letter);
}

void weir_task_letter_answered(weir_source_task *task, const rd_kafka_message_t *message,
                               const char *why)
{
    weir_slot *slot = message->_private;
    bool written = !why;

    if (!slot && task->errors.unheard > 0)
        task->errors.unheard--;
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && message->payload &&
        post_without_payload(task, message, why))
        return;
    task->errors.letters_failed += !written;
    if (written)
        task->errors.dead_lettered++;
    else if (weir_task_producer_broken(task->producer))
        weir_task_restart(task, "the producer is broken: %s", why);
    else if (slot)
        cannot_be_written(task, why);
    else
        weir_logf(WEIR_ERROR, "the dead-letter topic '%s' could not be written: %s",
                  task->config.errors.dead_letters, why);
    if (slot)
        weir_inflight_answer(&task->inflight, slot, written ? WEIR_DEAD_LETTERED : WEIR_ABANDONED);
}
