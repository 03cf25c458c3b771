/* leader_log.c - see leader_log.h.
 *
 * One thread owns the transactional handle and makes every blocking call on it. A handle lives
 * from a claim to the first answer that casts doubt on it: a producer that may have lost its right
 * is not repaired but thrown away, and the right is claimed anew.
 * Those calls are made in short steps, which librdkafka resumes: in 2.0.2 a time-out of -1 waits
 * for ever, whatever the transaction's own is.
 * Which error means what is asked of librdkafka's predicates, in the order of kafka-client.md 5.1.
 */
#include "kafka/leader_log.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define TRANSACTION_TEXT "10000" /* readers stand still that long behind a leader that died */
#define CLAIM_MS         15000   /* for init_transactions */
#define STEP_MS          500     /* of any call that blocks; called again, it goes on */
#define COMMIT_MS        15000   /* after that long an unfinished commit is given up ... */
#define ABORT_MS         5000    /* ... or an abort, which Kafka does by itself then */
#define ROOM_MS          2000    /* for the producer's queue to make room */
#define SETTLE_FIRST_MS  2000    /* for what was sent before an abort */
#define CLOSE_MS         2000

/* ---- Batches ------------------------------------------------------------------------------- */

typedef struct batch_record {
    char *key, *value;
} batch_record;

struct weir_batch {
    batch_record *records;
    size_t count, room;
};

weir_batch *weir_batch_new(void)
{
    return weir_new(weir_batch);
}

void weir_batch_free(weir_batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->records[i].key);
        free(batch->records[i].value);
    }
    free(batch->records);
    free(batch);
}

void weir_batch_add(weir_batch *batch, const char *key, const char *value)
{
    if (batch->count == batch->room) {
        batch->room = batch->room ? batch->room * 2 : 8;
        batch->records = weir_realloc(batch->records, batch->room, sizeof(*batch->records));
    }
    batch->records[batch->count++] = (batch_record){weir_strdup(key), weir_strdup(value)};
}

size_t weir_batch_size(const weir_batch *batch)
{
    return batch->count;
}

/* ---- L ------------------------------------------------------------------------------------- */

typedef enum command_kind { CLAIM, WRITE, RELEASE } command_kind;

typedef struct command {
    struct command *next;
    command_kind kind;
    weir_batch *batch;
    uint64_t token;
} command;

struct weir_leader_log {
    weir_props props;
    char *topic, *transactional_id;
    weir_leader_report *report;
    void *ctx;
    pthread_t thread;

    /* Every command is answered, so none is turned away: a list instead of a bounded queue. Its
     * length is that of the herder's own list of unanswered writes. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    command *first, **last;
    bool closing, ended;
    bool reporting; /* written by L only; close() waits for a report that has begun */
    bool abandoned; /* closed while librdkafka would not return: the thread frees everything */

    /* [L] */
    rd_kafka_t *rk; /* NULL: not leading */
    rd_kafka_topic_t *rkt;
    int64_t offset;              /* the highest one reported of this transaction; -1: none */
    size_t delivered, written;   /* written: Kafka has said where (client.h) */
    rd_kafka_resp_err_t refused; /* why a record of this transaction was not delivered */
};

static bool is_closing(weir_leader_log *log)
{
    bool closing;

    pthread_mutex_lock(&log->lock);
    closing = log->closing;
    pthread_mutex_unlock(&log->lock);
    return closing;
}

static void drop_handle(weir_leader_log *log)
{
    if (!log->rk)
        return;
    if (log->rkt)
        rd_kafka_topic_destroy(log->rkt);
    rd_kafka_destroy(log->rk);
    log->rk = NULL;
    log->rkt = NULL;
}

/* [L] from inside commit, abort and poll */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    weir_leader_log *log = opaque;

    (void)rk;
    if (message->err) {
        bool purged = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                      message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;

        if (!log->refused && !purged) /* purged ones follow from an abort, they cause none */
            log->refused = message->err;
        return;
    }
    log->delivered++;
    log->written += weir_kafka_is_written(message);
    if (message->offset > log->offset)
        log->offset = message->offset;
}

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

static weir_code make_handle(weir_leader_log *log, weir_err *err)
{
    weir_code rc =
        weir_kafka_client_new(RD_KAFKA_PRODUCER, &log->props, prepare, log, &log->rk, err);

    if (rc != WEIR_OK)
        return rc;
    log->rkt = rd_kafka_topic_new(log->rk, log->topic, NULL);
    if (log->rkt)
        return WEIR_OK;
    rc = weir_fail(err, WEIR_FAILED, "topic '%s': %s", log->topic,
                   rd_kafka_err2str(rd_kafka_last_error()));
    drop_handle(log);
    return rc;
}

/* ---- Errors -------------------------------------------------------------------------------- */

typedef enum verdict { DONE, REPEAT, ABORT, DEAD } verdict;

/* Frees `error`; what it says goes to *err, its code to *ret_cause. */
static verdict judge(rd_kafka_error_t *error, const char *doing, rd_kafka_resp_err_t *ret_cause,
                     weir_err *err)
{
    verdict v = DEAD;

    if (!error)
        return DONE;
    if (rd_kafka_error_is_fatal(error))
        v = DEAD;
    else if (rd_kafka_error_txn_requires_abort(error))
        v = ABORT;
    else if (rd_kafka_error_is_retriable(error))
        v = REPEAT;
    *ret_cause = rd_kafka_error_code(error);
    weir_fail(err, weir_kafka_code(*ret_cause), "%s: %s", doing, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return v;
}

/* The handle goes; what that is called depends on why. */
static weir_code die(weir_leader_log *log, rd_kafka_resp_err_t cause, weir_err *err)
{
    drop_handle(log);
    if (cause == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        return weir_fail(err, WEIR_DENIED,
                         "not authorised to lead: the worker's Kafka user needs WRITE and DESCRIBE "
                         "on TransactionalId '%s'",
                         log->transactional_id);
    if (cause == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return weir_fail(err, WEIR_DENIED,
                         "not authorised to lead: the worker's Kafka user needs WRITE and DESCRIBE "
                         "on Topic '%s'",
                         log->topic);
    if (weir_kafka_code(cause) == WEIR_DENIED)
        return weir_fail_in(err, "not authorised to lead");
    err->code = WEIR_FENCED;
    return weir_fail_in(err, "another leader has taken over, or Kafka has timed the transaction "
                             "out");
}

/* ---- Transactions -------------------------------------------------------------------------- */

/* Ends the transaction without its records. `outcome` is what to say when that has worked. */
static weir_code abort_transaction(weir_leader_log *log, weir_code outcome, weir_err *err)
{
    int64_t until_ms = weir_now_ms() + ABORT_MS;
    rd_kafka_resp_err_t cause = RD_KAFKA_RESP_ERR_NO_ERROR;
    weir_err trouble;
    verdict v;

    do
        v = judge(rd_kafka_abort_transaction(log->rk, STEP_MS), "abort", &cause, &trouble);
    while (v == REPEAT && weir_now_ms() < until_ms && !is_closing(log));
    if (v == DONE) {
        err->code = outcome;
        return outcome;
    }
    *err = trouble;
    return die(log, cause, err);
}

static rd_kafka_resp_err_t produce(weir_leader_log *log, const batch_record *record)
{
    int64_t until_ms = weir_now_ms() + ROOM_MS;
    rd_kafka_resp_err_t error;

    for (;;) {
        error = rd_kafka_producev(
            log->rk, RD_KAFKA_V_RKT(log->rkt), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(record->key, strlen(record->key)),
            RD_KAFKA_V_VALUE(record->value, record->value ? strlen(record->value) : 0),
            RD_KAFKA_V_END);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || weir_now_ms() >= until_ms)
            return error;
        rd_kafka_poll(log->rk, 10);
    }
}

/* All records were handed over: makes them valid. */
static weir_code commit_transaction(weir_leader_log *log, size_t count, int64_t *ret_offset,
                                    weir_err *err)
{
    int64_t until_ms = weir_now_ms() + COMMIT_MS;
    rd_kafka_resp_err_t cause = RD_KAFKA_RESP_ERR_NO_ERROR;
    verdict v;

    do
        v = judge(rd_kafka_commit_transaction(log->rk, STEP_MS), "commit", &cause, err);
    while (v == REPEAT && weir_now_ms() < until_ms && !is_closing(log));
    if (v == DONE && log->written == count) {
        *ret_offset = log->offset;
        return WEIR_OK;
    }
    if (v == DONE) { /* whether all of it is there will be read */
        weir_fail(err, WEIR_FENCED, "committed, but Kafka did not say where");
        drop_handle(log);
        return WEIR_FENCED;
    }
    if (v == REPEAT) {
        drop_handle(log);
        err->code = WEIR_FENCED;
        return weir_fail_in(err, "given up, and whether the commit took place is not known");
    }
    if (v == DEAD)
        return die(log, cause, err);
    /* A record that was not delivered proves that nothing was committed. */
    if (log->refused || log->delivered < count) {
        weir_code code = weir_kafka_code(log->refused);

        if (log->refused)
            weir_fail(err, code, "not written: %s", rd_kafka_err2str(log->refused));
        return abort_transaction(
            log, code == WEIR_FAILED || code == WEIR_DENIED ? WEIR_FAILED : WEIR_TIMED_OUT, err);
    }
    abort_transaction(log, WEIR_TIMED_OUT, err);
    drop_handle(log);
    err->code = WEIR_FENCED;
    return weir_fail_in(err, "whether the commit took place is not known");
}

static weir_code transact(weir_leader_log *log, const weir_batch *batch, int64_t *ret_offset,
                          weir_err *err)
{
    rd_kafka_resp_err_t cause = RD_KAFKA_RESP_ERR_NO_ERROR;

    log->offset = -1;
    log->delivered = log->written = 0;
    log->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (judge(rd_kafka_begin_transaction(log->rk), "begin", &cause, err) != DONE)
        return die(log, cause, err);
    for (size_t i = 0; i < batch->count; i++) {
        rd_kafka_resp_err_t error = produce(log, &batch->records[i]);
        weir_code outcome = error == RD_KAFKA_RESP_ERR__QUEUE_FULL ? WEIR_TIMED_OUT : WEIR_FAILED;

        if (!error)
            continue;
        weir_fail(err, outcome, "record '%s' not written: %s", batch->records[i].key,
                  rd_kafka_err2str(error));
        if (error == RD_KAFKA_RESP_ERR__FATAL) {
            char why[512] = "";

            cause = rd_kafka_fatal_error(log->rk, why, sizeof(why));
            weir_fail(err, WEIR_FENCED, "%s", why);
            return die(log, cause, err);
        }
        /* An abort that overtakes the transaction's first record is an invalid one to the broker.
         */
        rd_kafka_flush(log->rk, SETTLE_FIRST_MS);
        return abort_transaction(log, outcome, err);
    }
    return commit_transaction(log, batch->count, ret_offset, err);
}

/* Or the first record would wait up to a second for its leader to be known. */
static void prime(weir_leader_log *log)
{
    const rd_kafka_metadata_t *metadata;

    if (rd_kafka_metadata(log->rk, 0, log->rkt, &metadata, STEP_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

/* init_transactions fences whoever led before and ends what he left open. */
static weir_code claim(weir_leader_log *log, const weir_batch *batch, int64_t *ret_offset,
                       weir_err *err)
{
    int64_t until_ms = weir_now_ms() + CLAIM_MS;
    rd_kafka_resp_err_t cause = RD_KAFKA_RESP_ERR_NO_ERROR;
    weir_code rc;
    verdict v;

    drop_handle(log);
    rc = make_handle(log, err);
    if (rc != WEIR_OK)
        return rc;
    prime(log);
    do
        v = judge(rd_kafka_init_transactions(log->rk, 2 * STEP_MS), "claim", &cause, err);
    while (v == REPEAT && weir_now_ms() < until_ms && !is_closing(log));
    if (v == REPEAT) {
        drop_handle(log);
        err->code = WEIR_TIMED_OUT;
        return WEIR_TIMED_OUT;
    }
    if (v != DONE)
        return die(log, cause, err);
    rc = transact(log, batch, ret_offset, err);
    if (rc != WEIR_OK)
        drop_handle(log); /* a lead that nobody can read of is none */
    return rc;
}

/* ---- The thread ---------------------------------------------------------------------------- */

static command *next_command(weir_leader_log *log)
{
    command *c;

    pthread_mutex_lock(&log->lock);
    while (!log->first && !log->closing)
        pthread_cond_wait(&log->changed, &log->lock);
    c = log->first;
    if (c) {
        log->first = c->next;
        if (!log->first)
            log->last = &log->first;
    }
    pthread_mutex_unlock(&log->lock);
    return c;
}

static void answer(weir_leader_log *log, const command *c, weir_code code, int64_t offset,
                   const weir_err *err)
{
    pthread_mutex_lock(&log->lock);
    log->reporting = !log->abandoned;
    pthread_mutex_unlock(&log->lock);
    if (!log->reporting)
        return;
    /* Without the lock: whoever listens may be giving the next command. */
    log->report(log->ctx, c->token, code, offset, code == WEIR_OK ? NULL : err);
    pthread_mutex_lock(&log->lock);
    log->reporting = false;
    pthread_cond_broadcast(&log->changed);
    pthread_mutex_unlock(&log->lock);
}

static void execute(weir_leader_log *log, const command *c)
{
    int64_t offset = -1;
    weir_code rc;
    weir_err err = {.code = WEIR_OK};

    if (c->kind == RELEASE) {
        drop_handle(log);
        return;
    }
    if (is_closing(log))
        rc = weir_fail(&err, WEIR_CLOSED, "the worker stops");
    else if (c->kind == CLAIM)
        rc = claim(log, c->batch, &offset, &err);
    else if (!log->rk)
        rc = weir_fail(&err, WEIR_CLOSED, "this worker does not lead");
    else
        rc = transact(log, c->batch, &offset, &err);
    answer(log, c, rc, rc == WEIR_OK ? offset : -1, &err);
}

static void free_log(weir_leader_log *log)
{
    weir_props_clear(&log->props);
    pthread_mutex_destroy(&log->lock);
    pthread_cond_destroy(&log->changed);
    free(log->topic);
    free(log->transactional_id);
    free(log);
}

static void *run(void *arg)
{
    weir_leader_log *log = arg;
    command *c;
    bool abandoned;

    while ((c = next_command(log)) != NULL) {
        execute(log, c);
        weir_batch_free(c->batch);
        free(c);
    }
    drop_handle(log);
    pthread_mutex_lock(&log->lock);
    log->ended = true;
    abandoned = log->abandoned;
    pthread_cond_broadcast(&log->changed);
    pthread_mutex_unlock(&log->lock);
    if (abandoned)
        free_log(log);
    return NULL;
}

/* ---- Opening, closing, commands ------------------------------------------------------------ */

static void choose_properties(weir_leader_log *log, const weir_props *props)
{
    weir_props_merge(&log->props, props);
    /* librdkafka fits these to the transaction timeout, unless they are set. */
    weir_props_remove(&log->props, "message.timeout.ms");
    weir_props_remove(&log->props, "delivery.timeout.ms");
    weir_props_remove(&log->props, "socket.timeout.ms");
    weir_kafka_reconnect_soon(&log->props);
    weir_props_set(&log->props, "transactional.id", log->transactional_id);
    weir_props_set(&log->props, "transaction.timeout.ms", TRANSACTION_TEXT);
    weir_props_set(&log->props, "enable.idempotence", "true");
    weir_props_set(&log->props, "acks", "all");
    weir_props_set(&log->props, "linger.ms", "0");
    weir_props_set(&log->props, "partitioner", "murmur2_random");
}

weir_code weir_leader_log_open(const weir_props *props, const char *topic, const char *group_id,
                               weir_leader_report *report, void *ctx, weir_leader_log **ret_log,
                               weir_err *err)
{
    weir_leader_log *log = weir_new(weir_leader_log);
    pthread_condattr_t monotonic;
    weir_code rc;

    log->topic = weir_strdup(topic);
    log->transactional_id = weir_format("connect-cluster-%s", group_id);
    log->report = report;
    log->ctx = ctx;
    log->last = &log->first;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    choose_properties(log, props);
    rc = weir_kafka_client_check(RD_KAFKA_PRODUCER, &log->props, err);
    if (rc != WEIR_OK) {
        free_log(log);
        return rc;
    }
    log->thread = weir_thread_start("leader-log", run, log);
    *ret_log = log;
    return WEIR_OK;
}

void weir_leader_log_close(weir_leader_log *log)
{
    int64_t until_ms = weir_now_ms() + CLOSE_MS;
    const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    pthread_t thread;
    bool ended;

    if (!log)
        return;
    thread = log->thread;
    pthread_mutex_lock(&log->lock);
    log->closing = true;
    pthread_cond_broadcast(&log->changed);
    while (!log->ended && pthread_cond_timedwait(&log->changed, &log->lock, &until) == 0)
        ;
    while (log->reporting)
        pthread_cond_wait(&log->changed, &log->lock);
    ended = log->ended;
    log->abandoned = !ended;
    pthread_mutex_unlock(&log->lock);
    if (ended) {
        pthread_join(thread, NULL);
        free_log(log);
        return;
    }
    weir_logf(WEIR_WARN, "a transaction does not end: the leader's producer is left to itself");
    pthread_detach(thread);
}

static void order(weir_leader_log *log, command_kind kind, weir_batch *batch, uint64_t token)
{
    command *c = weir_new(command);

    c->kind = kind;
    c->batch = batch;
    c->token = token;
    pthread_mutex_lock(&log->lock);
    *log->last = c;
    log->last = &c->next;
    pthread_cond_signal(&log->changed);
    pthread_mutex_unlock(&log->lock);
}

void weir_leader_log_claim(weir_leader_log *log, weir_batch *batch, uint64_t token)
{
    order(log, CLAIM, batch, token);
}

void weir_leader_log_write(weir_leader_log *log, weir_batch *batch, uint64_t token)
{
    order(log, WRITE, batch, token);
}

void weir_leader_log_release(weir_leader_log *log)
{
    order(log, RELEASE, NULL, 0);
}
