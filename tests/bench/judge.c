/* judge.c - what of a load has come to Kafka: all of it, once, in order, how late?
 *
 *     judge bootstrap=host:9092 topic=name messages=N [devices=1000] [patience=10] [follow=0]
 *           [unhurried=0]
 *
 * Reads the topic from its beginning until every message of the load is there, and without
 * `follow` also up to its end, or until nothing new has come for `patience` seconds; prints one
 * line of JSON:
 *
 *   records, lost, duplicates   messages that are not there; records that repeat one
 *   disorder                    messages that come for the first time after a later one of their
 *                               device's
 *   strange                     records that are none of the load's, or whose key is not that of
 *                               their device
 *   headers, bytes              of the first record: how many; key, value and headers together
 *   seconds                     from the first to the last append
 *   latency_ms                  p50, p99, p99.9, the longest: from the time that the device wrote
 *                               into the message.
 *                               follow=0: to the append in the leader's log (the topic has to have
 *                               LogAppendTime; Kafka cuts it to whole milliseconds: half of one is
 *                               added).
 *                               follow=1: to when this consumer has the record, after all in-sync
 *                               replicas have it: fetching is part of it. Start it before the load
 *   missing                     the first of those that are lost, in the order of publication
 *   skipped, in_kafka           whether it is the consumer's fault: offsets that it was not given;
 *                               how many Kafka had when it was last asked
 *
 * `unhurried`: so many messages at the beginning do not count for the latency: the bridge's
 * producer gets to know the topic meanwhile.
 *
 * Says "reading" on a line of its own once it has a place in every partition. Exit code 1: lost,
 * disorder or strange is not 0; 2: could not run.
 */
#include "common.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 10000
#define SHOWN 20 /* of the missing */

typedef struct judge {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    const char *topic;
    int32_t partitions, unread; /* those whose beginning has not been reached */
    long messages, devices, per_device;
    bool follow;
    uint8_t *seen;         /* bits: device × number */
    long *highest;         /* [devices], the next number at least */
    int64_t *delays;       /* [messages] */
    long unhurried, timed; /* the first messages are not timed; those that are */
    long records, found, duplicates, disorder, strange;
    long skipped;  /* offsets: nobody but the load writes, so none is missing */
    int64_t *next; /* [partitions], offsets */
    size_t headers, bytes;
    int64_t first_ms, last_ms; /* appends */
} judge;

/* ---- Reading --------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        bench_die("%s=%s: %s", name, value, why);
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        abort();
    return memory;
}

static void assign(judge *j)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(j->rk, j->topic, NULL);
    const struct rd_kafka_metadata *found;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

    if (rd_kafka_metadata(j->rk, 0, topic, &found, 20000) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        found->topic_cnt != 1 || found->topics[0].partition_cnt < 1)
        bench_die("topic '%s' cannot be had", j->topic);
    j->partitions = j->unread = found->topics[0].partition_cnt;
    j->next = room((size_t)j->partitions, sizeof(*j->next));
    for (int32_t i = 0; i < j->partitions; i++)
        rd_kafka_topic_partition_list_add(list, j->topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(j->rk, list))
        bench_die("topic '%s' cannot be read", j->topic);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(topic);
}

static void open_kafka(judge *j, int argc, char **argv)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    set(conf, "bootstrap.servers", bench_option(argc, argv, "bootstrap", NULL));
    set(conf, "group.id", "judge");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "socket.nagle.disable", "true");
    set(conf, "fetch.error.backoff.ms", "5");
    set(conf, "log_level", "3");
    j->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!j->rk)
        bench_die("%s", why);
    rd_kafka_poll_set_consumer(j->rk);
    j->queue = rd_kafka_queue_get_consumer(j->rk);
    assign(j);
}

/* ---- Judging --------------------------------------------------------------------------------- */

static bool is_key_of(const rd_kafka_message_t *record, long device)
{
    const char *key = record->key;
    size_t size = record->key_len;
    long number = 0;

    if (!key || size < 6 || key[size - 6] != '/')
        return false;
    for (size_t i = size - 5; i < size; i++)
        number = number * 10 + (key[i] - '0');
    return number == device;
}

static void measure(judge *j, const rd_kafka_message_t *record)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;

    j->bytes = record->key_len + record->len;
    if (rd_kafka_message_headers(record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    while (rd_kafka_header_get_all(headers, j->headers, &name, &value, &size) ==
           RD_KAFKA_RESP_ERR_NO_ERROR) {
        j->bytes += strlen(name) + size;
        j->headers++;
    }
}

static void note_time(judge *j, const bench_message *message, int64_t appended_ms)
{
    int64_t there_ns = j->follow ? bench_wall_ns() : appended_ms * 1000000 + 500000;

    j->found++;
    if (message->number * j->devices + message->device >= j->unhurried)
        j->delays[j->timed++] = there_ns - message->wall_ns;
    if (!j->first_ms || appended_ms < j->first_ms)
        j->first_ms = appended_ms;
    if (appended_ms > j->last_ms)
        j->last_ms = appended_ms;
}

static void on_record(judge *j, const rd_kafka_message_t *record)
{
    rd_kafka_timestamp_type_t type;
    int64_t appended_ms = rd_kafka_message_timestamp(record, &type);
    bench_message message;
    size_t bit;

    if (!j->records++)
        measure(j, record);
    j->skipped += record->offset - j->next[record->partition];
    j->next[record->partition] = record->offset + 1;
    if (!bench_read_message(record->payload, record->len, &message) ||
        message.device >= j->devices || message.number >= j->per_device ||
        message.number * j->devices + message.device >= j->messages ||
        !is_key_of(record, message.device)) {
        j->strange++;
        return;
    }
    bit = (size_t)(message.number * j->devices + message.device);
    if (j->seen[bit / 8] & 1u << bit % 8) {
        j->duplicates++;
        return;
    }
    j->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
    j->disorder += message.number < j->highest[message.device];
    if (message.number >= j->highest[message.device])
        j->highest[message.device] = message.number + 1;
    note_time(j, &message, type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? appended_ms : 0);
}

/* True while there may be something to wait for. */
static bool read_some(judge *j, rd_kafka_message_t **batch, int64_t *quiet_since_ns)
{
    ssize_t count = rd_kafka_consume_batch_queue(j->queue, j->follow ? 1 : 100, batch, BATCH);

    for (ssize_t i = 0; i < count; i++) {
        if (!batch[i]->err) {
            on_record(j, batch[i]);
            *quiet_since_ns = bench_monotonic_ns();
        } else if (batch[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            if (j->unread && --j->unread == 0) {
                printf("reading\n");
                fflush(stdout);
                *quiet_since_ns = bench_monotonic_ns();
            }
        }
        rd_kafka_message_destroy(batch[i]);
    }
    return j->found < j->messages || (!j->follow && j->unread);
}

/* ---- The verdict ----------------------------------------------------------------------------- */

static void tell_missing(judge *j)
{
    int64_t low, high, all = 0;

    printf(",\"missing\":[");
    for (long bit = 0, shown = 0; bit < j->messages && shown < SHOWN; bit++)
        if (!(j->seen[bit / 8] & 1u << bit % 8))
            printf("%s%ld", shown++ ? "," : "", bit);
    for (int32_t i = 0; i < j->partitions; i++)
        if (!rd_kafka_get_watermark_offsets(j->rk, j->topic, i, &low, &high) && high > 0)
            all += high;
    printf("],\"skipped\":%ld,\"in_kafka\":%lld", j->skipped, (long long)all);
}

static int tell(judge *j)
{
    long lost = j->messages - j->found;

    printf("{\"records\":%ld,\"lost\":%ld,\"duplicates\":%ld,\"disorder\":%ld,\"strange\":%ld,"
           "\"headers\":%zu,\"bytes\":%zu,\"seconds\":%.3f",
           j->records, lost, j->duplicates, j->disorder, j->strange, j->headers, j->bytes,
           (double)(j->last_ms - j->first_ms) / 1e3);
    bench_print_percentiles("latency_ms", j->delays, (size_t)j->timed, 1e6);
    if (lost)
        tell_missing(j);
    printf("}\n");
    return lost || j->disorder || j->strange ? BENCH_FAILED : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    judge j = {.topic = bench_option(argc, argv, "topic", NULL)};
    int64_t patience_ns = bench_number(argc, argv, "patience", "10") * 1000000000, quiet_since_ns;
    rd_kafka_message_t **batch = room(BATCH, sizeof(rd_kafka_message_t *));
    int code;

    j.messages = bench_number(argc, argv, "messages", NULL);
    j.devices = bench_number(argc, argv, "devices", "1000");
    j.follow = bench_number(argc, argv, "follow", "0");
    j.unhurried = bench_number(argc, argv, "unhurried", "0");
    if (j.messages < 1 || j.devices < 1)
        bench_die("messages and devices have to be 1 at least");
    j.per_device = (j.messages + j.devices - 1) / j.devices;
    j.seen = room((size_t)(j.per_device * j.devices) / 8 + 1, 1);
    j.highest = room((size_t)j.devices, sizeof(*j.highest));
    j.delays = room((size_t)j.messages, sizeof(*j.delays));
    open_kafka(&j, argc, argv);
    quiet_since_ns = bench_monotonic_ns();
    while (read_some(&j, batch, &quiet_since_ns) &&
           bench_monotonic_ns() - quiet_since_ns < patience_ns)
        ;
    code = tell(&j);
    rd_kafka_consumer_close(j.rk);
    rd_kafka_queue_destroy(j.queue);
    rd_kafka_destroy(j.rk);
    free(batch);
    free(j.seen);
    free(j.next);
    free(j.highest);
    free(j.delays);
    return code;
}
