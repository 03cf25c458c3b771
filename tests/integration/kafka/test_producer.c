/* test_producer.c - P on real brokers, one of which dies under it.
 *
 * The diary: 'p' a write reported (a: token, b: code), 'r' a record read (a: its number, b:
 * partition), 'b' a barrier.
 */
#include "layer.h"

#include "kafka/compacted_log.h"
#include "kafka/producer.h"

#define SOON_MS 60000
#define TOTAL   6000

static weir_props props;
static diary seen;
static size_t at;
static char *topic;

static void on_report(void *ctx, uint64_t token, weir_code code, int32_t partition, int64_t offset)
{
    (void)ctx;
    (void)partition;
    (void)offset;
    diary_note(&seen, 'p', 0, (int64_t)token, code, NULL);
}

static void on_record(void *ctx, const weir_log_record *record)
{
    (void)ctx;
    diary_note(&seen, 'r', 0, atoll(record->value), record->partition, record->key);
}

static void on_reached(void *ctx, uint64_t barrier)
{
    (void)ctx;
    diary_note(&seen, 'b', 0, (int64_t)barrier, 0, NULL);
}

static void setup(void)
{
    set_up_props(&props);
    diary_open(&seen);
    at = 0;
    topic = new_topic("produce", 6);
}

static void teardown(void)
{
    weir_props_clear(&props);
    diary_close(&seen);
    free(topic);
}

static void send_numbers(weir_producer *producer, int from, int count)
{
    char key[16], value[16];

    for (int i = from; i < from + count; i++) {
        snprintf(key, sizeof(key), "key-%d", i % 50);
        snprintf(value, sizeof(value), "%d", i);
        ck_assert_int_eq(weir_producer_send(producer, topic, key, value, (uint64_t)i + 1), WEIR_OK);
    }
}

START_TEST(each_write_is_reported_before_the_next)
{
    weir_producer *producer = NULL;
    int64_t since_ms = weir_now_ms();
    weir_err err;

    ck_assert_int_eq(weir_producer_open(&props, on_report, NULL, &producer, &err), WEIR_OK);
    for (int i = 0; i < 50; i++) {
        send_numbers(producer, i, 1);
        diary_wait(&seen, &at, 'p', -1, SOON_MS);
    }
    printf("50 writes, one after the other: %lld ms\n", (long long)(weir_now_ms() - since_ms));
    weir_producer_close(producer, 1000);
}
END_TEST

START_TEST(a_killed_broker_costs_time_and_no_record)
{
    const weir_log_listener listener = {NULL, on_record, on_reached};
    int last[50], written[TOTAL] = {0};
    weir_producer *producer = NULL;
    weir_compacted_log *log = NULL;
    weir_err err;

    ck_assert_int_eq(weir_producer_open(&props, on_report, NULL, &producer, &err), WEIR_OK);
    send_numbers(producer, 0, TOTAL / 3);
    broker("kill 2"); /* some of it is on its way */
    send_numbers(producer, TOTAL / 3, TOTAL / 3);
    broker("start 2");
    send_numbers(producer, TOTAL / 3 * 2, TOTAL / 3);
    for (int i = 0; i < TOTAL; i++)
        ck_assert_int_eq(diary_wait(&seen, &at, 'p', -1, SOON_MS).b, WEIR_OK);
    weir_producer_close(producer, 1000);

    ck_assert_int_eq(weir_compacted_log_open(&props, topic, &listener, &log, &err), WEIR_OK);
    diary_wait(&seen, &at, 'b', -1, SOON_MS);
    weir_compacted_log_close(log);
    for (int i = 0; i < 50; i++)
        last[i] = -1;
    for (size_t i = 0; i < seen.count; i++) {
        const entry *e = &seen.entries[i];

        if (e->what != 'r')
            continue;
        written[e->a]++;
        ck_assert_msg(e->a > last[e->a % 50], "%lld after %d", (long long)e->a, last[e->a % 50]);
        last[e->a % 50] = (int)e->a;
    }
    for (int i = 0; i < TOTAL; i++)
        ck_assert_msg(written[i] == 1, "record %d is there %d times", i, written[i]);
}
END_TEST

WEIR_UNIT_MAIN("producer", tcase_set_timeout(tests, (double)scaled(180000) / 1000);
               tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, each_write_is_reported_before_the_next);
               tcase_add_test(tests, a_killed_broker_costs_time_and_no_record);)
