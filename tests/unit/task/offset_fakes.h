/* offset_fakes.h - an offset topic in memory, for weir_offsets as it is: its log is read when the
 * test says so, its writes are confirmed when the test says so. Everything is under one lock.
 */
#ifndef WEIR_TESTS_TASK_OFFSET_FAKES_H
#define WEIR_TESTS_TASK_OFFSET_FAKES_H

#include "base/mem.h"
#include "kafka/compacted_log.h"
#include "kafka/offsets.h"
#include "kafka/producer.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define FAKE_WRITES 1000

struct weir_compacted_log {
    weir_log_listener listener;
};

struct weir_producer {
    int unused;
};

static struct {
    pthread_mutex_t lock;
    weir_compacted_log *log;
    uint64_t barriers[FAKE_WRITES];
    size_t barrier_count;
    char *written[FAKE_WRITES]; /* "key=value", a tombstone has no value: "key=" */
    uint64_t tokens[FAKE_WRITES];
    size_t write_count, confirmed;
    bool full; /* P has no room */
    int64_t now;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

weir_code weir_compacted_log_open(const weir_props *props, const char *topic,
                                  const weir_log_listener *listener, weir_compacted_log **ret_log,
                                  weir_err *err)
{
    (void)props, (void)topic, (void)err;
    *ret_log = fake.log = weir_new(weir_compacted_log);
    fake.log->listener = *listener;
    return WEIR_OK;
}

void weir_compacted_log_close(weir_compacted_log *log)
{
    free(log);
}

void weir_compacted_log_barrier(weir_compacted_log *log, uint64_t id)
{
    (void)log;
    pthread_mutex_lock(&fake.lock);
    fake.barriers[fake.barrier_count++] = id;
    pthread_mutex_unlock(&fake.lock);
}

weir_code weir_producer_send(weir_producer *producer, const char *topic, const char *key,
                             const char *value, uint64_t token)
{
    weir_code rc = WEIR_OK;

    (void)producer;
    ck_assert_str_eq(topic, "offsets");
    pthread_mutex_lock(&fake.lock);
    if (fake.full) {
        rc = WEIR_FULL;
    } else {
        ck_assert_uint_lt(fake.write_count, FAKE_WRITES);
        fake.written[fake.write_count] = weir_format("%s=%s", key, value ? value : "");
        fake.tokens[fake.write_count++] = token;
    }
    pthread_mutex_unlock(&fake.lock);
    return rc;
}

static inline weir_offsets *fake_offsets(void)
{
    static weir_producer producer;
    weir_offsets *offsets = NULL;

    fake.barrier_count = fake.write_count = fake.confirmed = 0;
    fake.full = false;
    ck_assert_int_eq(weir_offsets_open(NULL, "offsets", &producer, &offsets, NULL), WEIR_OK);
    return offsets;
}

static inline void fake_offsets_free(weir_offsets *offsets)
{
    weir_offsets_free(offsets);
    for (size_t i = 0; i < fake.write_count; i++)
        free(fake.written[i]);
}

/* One record of the topic is read. */
static inline void fake_record(const char *key, const char *value)
{
    fake.log->listener.record(fake.log->listener.ctx,
                              &(weir_log_record){.key = key,
                                                 .key_size = strlen(key),
                                                 .value = value,
                                                 .value_size = value ? strlen(value) : 0,
                                                 .timestamp_ms = ++fake.now});
}

/* It is read to its end, as everybody has asked. */
static inline void fake_read_to_end(void)
{
    for (;;) {
        uint64_t id = 0;

        pthread_mutex_lock(&fake.lock);
        if (fake.barrier_count > 0)
            id = fake.barriers[--fake.barrier_count];
        pthread_mutex_unlock(&fake.lock);
        if (id == 0)
            return;
        fake.log->listener.reached(fake.log->listener.ctx, id);
    }
}

static inline size_t fake_barriers(void)
{
    size_t count;

    pthread_mutex_lock(&fake.lock);
    count = fake.barrier_count;
    pthread_mutex_unlock(&fake.lock);
    return count;
}

/* All that was written so far is in Kafka, or will never be. */
static inline void fake_confirm(weir_offsets *offsets, weir_code code)
{
    size_t until;

    pthread_mutex_lock(&fake.lock);
    until = fake.write_count;
    pthread_mutex_unlock(&fake.lock);
    for (; fake.confirmed < until; fake.confirmed++)
        weir_offsets_written(offsets, fake.tokens[fake.confirmed], code);
}

static inline size_t fake_written(void)
{
    size_t count;

    pthread_mutex_lock(&fake.lock);
    count = fake.write_count;
    pthread_mutex_unlock(&fake.lock);
    return count;
}

/* The write with this number, from 0; "" while there is none. */
static inline const char *fake_write_at(size_t i)
{
    const char *text;

    pthread_mutex_lock(&fake.lock);
    text = i < fake.write_count ? fake.written[i] : "";
    pthread_mutex_unlock(&fake.lock);
    return text;
}

#endif
