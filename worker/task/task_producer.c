/* task_producer.c - see task_producer.h.
 *
 * producev's array form with a topic handle is the cheapest call that carries headers and a
 * timestamp (kafka-client.md 4.1), and a handle spares the first record the second that a name
 * costs before librdkafka 2.10.1.
 */
#include "task/task_producer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "task/positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 8 /* of produceva besides headers */

typedef struct known_topic {
    rd_kafka_topic_t *handle;
    weir_positions positions; /* the handle's opaque */
} known_topic;

struct weir_task_producer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* where reports arrive */
    weir_map topics;         /* name -> known_topic */
    const char *last_name;   /* the topic sent to last: the map's key and value */
    rd_kafka_topic_t *last_topic;
    rd_kafka_vu_t *fields; /* scratch of send */
    size_t field_room;
    weir_task_answer *answer;
    void *ctx;
    rd_kafka_resp_err_t refusal;
    bool idempotent;
    char broken[512]; /* "" while the handle works */
    char trouble[512];
    int64_t trouble_at_ms;
};

/* ---- Callbacks, from inside poll ---------------------------------------------------------- */

/* Fatal errors of the handle (idempotence lost, not authorised). Reports of the records that it
 * gives up may come before the event that tells of it, under the same error: they are no word
 * about the records. */
static void look_for_fatal(weir_task_producer *producer)
{
    rd_kafka_resp_err_t cause;

    if (producer->broken[0])
        return;
    cause = rd_kafka_fatal_error(producer->rk, producer->broken, sizeof(producer->broken));
    if (cause && !producer->broken[0])
        snprintf(producer->broken, sizeof(producer->broken), "%s", rd_kafka_err2str(cause));
}

/* Success may be one only in name, and then the handle is not to be trusted any more. NULL: the
 * record is in Kafka, at a place where no other one is. */
static const char *look_at_position(weir_task_producer *producer, const rd_kafka_message_t *message)
{
    weir_positions *positions = rd_kafka_topic_opaque(message->rkt);
    const char *topic = rd_kafka_topic_name(message->rkt);
    bool nowhere = producer->idempotent && !weir_kafka_is_written(message);

    if (!nowhere && weir_positions_note(positions, message->partition, message->offset))
        return NULL;
    if (producer->broken[0])
        return producer->broken;
    if (nowhere)
        snprintf(producer->broken, sizeof(producer->broken),
                 "librdkafka calls a record of topic '%s' delivered (partition %" PRId32
                 "), but Kafka has not said where: it may not be there",
                 topic, message->partition);
    else
        snprintf(producer->broken, sizeof(producer->broken),
                 "Kafka has put a record of topic '%s' where another one is (partition %" PRId32
                 ", offset %" PRId64 "): it may not be there",
                 topic, message->partition, message->offset);
    return producer->broken;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    weir_task_producer *producer = opaque;
    const char *why = NULL;

    (void)rk;
    if (message->err) {
        why = rd_kafka_err2str(message->err);
        look_for_fatal(producer);
    } else {
        producer->trouble[0] = '\0';
        why = look_at_position(producer, message);
    }
    producer->answer(producer->ctx, message, why);
}

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    weir_task_producer *producer = opaque;

    (void)rk;
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        look_for_fatal(producer);
        reason = producer->broken;
    }
    snprintf(producer->trouble, sizeof(producer->trouble), "%s", reason);
    producer->trouble_at_ms = weir_wall_clock_ms();
}

/* ---- Opening and closing ------------------------------------------------------------------ */

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
}

static void drop_topic(void *value)
{
    known_topic *t = value;

    rd_kafka_topic_destroy(t->handle);
    weir_positions_clear(&t->positions);
    free(t);
}

/* Takes `conf`. Not there yet. */
static known_topic *add_topic(weir_task_producer *producer, const char *name,
                              rd_kafka_topic_conf_t *conf, weir_err *err)
{
    known_topic *t = weir_new(known_topic);

    rd_kafka_topic_conf_set_opaque(conf, &t->positions);
    t->handle = rd_kafka_topic_new(producer->rk, name, conf);
    if (!t->handle) {
        free(t);
        weir_fail(err, WEIR_INVALID, "topic '%s': %s", name,
                  rd_kafka_err2str(rd_kafka_last_error()));
        return NULL;
    }
    weir_map_set(&producer->topics, name, t);
    return t;
}

/* Without, what is delivered has no offset when the user wants no acknowledgements. */
static bool is_idempotent(rd_kafka_t *rk)
{
    char value[16] = "";
    size_t size = sizeof(value);

    return rd_kafka_conf_get(rd_kafka_conf(rk), "enable.idempotence", value, &size) ==
               RD_KAFKA_CONF_OK &&
           strcmp(value, "true") == 0;
}

weir_code weir_task_producer_open(const weir_props *props, int wakeup_fd, weir_task_answer *answer,
                                  void *ctx, weir_task_producer **ret_producer, weir_err *err)
{
    static const uint64_t one = 1;
    weir_task_producer *producer = weir_new(weir_task_producer);
    weir_code rc;

    producer->topics = (weir_map)WEIR_MAP(drop_topic);
    producer->answer = answer;
    producer->ctx = ctx;
    rc = weir_kafka_client_new(RD_KAFKA_PRODUCER, props, prepare, producer, &producer->rk, err);
    if (rc != WEIR_OK)
        goto out;
    producer->idempotent = is_idempotent(producer->rk);
    producer->queue = rd_kafka_queue_get_main(producer->rk);
    rd_kafka_queue_io_event_enable(producer->queue, wakeup_fd, &one, sizeof(one));

    *ret_producer = producer;
    producer = NULL;
out:
    weir_task_producer_close(producer);
    return rc;
}

void weir_task_producer_close(weir_task_producer *producer)
{
    if (!producer)
        return;
    weir_map_clear(&producer->topics);
    if (producer->queue) {
        rd_kafka_queue_io_event_enable(producer->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(producer->queue);
    }
    if (producer->rk)
        rd_kafka_destroy(producer->rk);
    free(producer->fields);
    free(producer);
}

weir_code weir_task_producer_be_patient(weir_task_producer *producer, const char *name,
                                        weir_err *err)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(producer->rk);
    char why[256];

    if (rd_kafka_topic_conf_set(conf, "message.timeout.ms", "0", why, sizeof(why)) !=
        RD_KAFKA_CONF_OK) {
        rd_kafka_topic_conf_destroy(conf);
        return weir_fail(err, WEIR_INVALID, "topic '%s': %s", name, why);
    }
    return add_topic(producer, name, conf, err) ? WEIR_OK : WEIR_INVALID;
}

/* ---- Sending ------------------------------------------------------------------------------ */

static rd_kafka_topic_t *topic_of(weir_task_producer *producer, const char *name, weir_err *err)
{
    known_topic *t;

    if (producer->last_name && strcmp(producer->last_name, name) == 0)
        return producer->last_topic;
    t = weir_map_get(&producer->topics, name);
    if (!t)
        t = add_topic(producer, name, rd_kafka_default_topic_conf_dup(producer->rk), err);
    if (!t) {
        producer->refusal = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
        return NULL;
    }
    producer->last_name = rd_kafka_topic_name(t->handle);
    producer->last_topic = t->handle;
    return t->handle;
}

static size_t fill(weir_task_producer *producer, const weir_outgoing *record,
                   rd_kafka_topic_t *topic)
{
    size_t need = FIELDS + record->header_count, count = 0;
    rd_kafka_vu_t *field;

    if (need > producer->field_room) {
        producer->fields = weir_realloc(producer->fields, need, sizeof(*producer->fields));
        producer->field_room = need;
    }
    field = producer->fields;
    field[count].vtype = RD_KAFKA_VTYPE_RKT;
    field[count++].u.rkt = topic;
    field[count].vtype = RD_KAFKA_VTYPE_PARTITION;
    field[count++].u.i32 = record->partition < 0 ? RD_KAFKA_PARTITION_UA : record->partition;
    field[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    field[count++].u.i = RD_KAFKA_MSG_F_COPY;
    field[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    field[count++].u.ptr = record->opaque;
    if (record->timestamp_ms >= 0) {
        field[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
        field[count++].u.i64 = record->timestamp_ms;
    }
    if (record->key.data) {
        field[count].vtype = RD_KAFKA_VTYPE_KEY;
        field[count].u.mem.ptr = (void *)(uintptr_t)record->key.data;
        field[count++].u.mem.size = record->key.size;
    }
    if (record->value.data) {
        field[count].vtype = RD_KAFKA_VTYPE_VALUE;
        field[count].u.mem.ptr = (void *)(uintptr_t)record->value.data;
        field[count++].u.mem.size = record->value.size;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        field[count].vtype = RD_KAFKA_VTYPE_HEADER;
        field[count].u.header.name = record->headers[i].name;
        field[count].u.header.val = record->headers[i].value.data;
        field[count++].u.header.size = (ssize_t)record->headers[i].value.size;
    }
    return count;
}

bool weir_task_producer_is_missing_topic(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static weir_code refused(weir_task_producer *producer, const weir_outgoing *record,
                         rd_kafka_resp_err_t error, weir_err *err)
{
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return weir_fail(err, WEIR_FULL, "the producer's queue is full");
    if (weir_task_producer_is_missing_topic(error))
        return weir_fail(err, WEIR_UNAVAILABLE, "topic '%s' does not exist", record->topic);
    look_for_fatal(producer); /* it may be refused under the error that broke the handle */
    if (producer->broken[0])
        return weir_fail(err, WEIR_FENCED, "%s", producer->broken);
    producer->refusal = error;
    return weir_fail(err, WEIR_INVALID, "topic '%s': %s", record->topic, rd_kafka_err2str(error));
}

rd_kafka_resp_err_t weir_task_producer_refusal(const weir_task_producer *producer)
{
    return producer->refusal;
}

weir_code weir_task_producer_send(weir_task_producer *producer, const weir_outgoing *record,
                                  weir_err *err)
{
    rd_kafka_topic_t *topic = topic_of(producer, record->topic, err);
    rd_kafka_error_t *error;
    rd_kafka_resp_err_t code;
    size_t count;

    if (!topic)
        return WEIR_INVALID;
    count = fill(producer, record, topic); /* may move the fields */
    error = rd_kafka_produceva(producer->rk, producer->fields, count);
    if (!error)
        return WEIR_OK;
    code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return refused(producer, record, code, err);
}

void weir_task_producer_poll(weir_task_producer *producer)
{
    rd_kafka_poll(producer->rk, 0);
}

bool weir_task_producer_flush(weir_task_producer *producer, int patience_ms)
{
    return rd_kafka_flush(producer->rk, patience_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

const char *weir_task_producer_broken(const weir_task_producer *producer)
{
    return producer->broken[0] ? producer->broken : NULL;
}

const char *weir_task_producer_trouble(const weir_task_producer *producer, int64_t *ret_when_ms)
{
    *ret_when_ms = producer->trouble_at_ms;
    return producer->trouble;
}
