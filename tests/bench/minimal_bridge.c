/* minimal_bridge.c - the least that a bridge from MQTT to Kafka has to do: what weir is measured
 * by.
 *
 *     minimal_bridge port=1883 filter=site/# client=name bootstrap=host:9092 topic=name
 *                    [window=1024] [linger=5] [compression=none]
 *
 * One thread and one connection, MQTT 5, QoS 1, a session that stays. It makes the record that
 * mqtt-source makes by default (key: the MQTT topic; time: when it was read; five headers), with
 * the settings of a weir task's producer, keeps the promise that a PUBACK follows Kafka's
 * acknowledgement, in the order of receipt, and rests a millisecond after a small read, as weir
 * does. It has no other feature: no TLS, no second attempt, no mapping, no errors but its end.
 *
 * Nothing here is slower than it need be: one read takes what fits in 256 KiB, records are made
 * from the read buffer, all acknowledgements that are due leave in one write, reports are served on
 * the producing thread. Prints "subscribed" when it is. SIGTERM ends it in order, code 0; an error
 * of Kafka's, a broken connection or a malformed packet end it with 2.
 */
#include "common.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define IN_ROOM      (256u * 1024)
#define SMALL_READ   16384 /* bytes: after less it rests */
#define REST_NS      1000000
#define RING         65536 /* > every window, and a power of two */
#define GOODBYE_MS   10000
#define PARTITIONS   64 /* whose offsets are looked at */
#define SUBSCRIPTION 1  /* our packet id; the broker's are its own */

typedef struct place { /* of a message in the order of receipt */
    uint16_t id;
    bool done;
} place;

typedef struct bridge {
    int fd, event_fd;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    int64_t rest_until_ns;
    place ring[RING];
    size_t head, tail; /* counted on and on */
    size_t window;     /* unacknowledged at most */
    uint8_t in[IN_ROOM];
    size_t in_at, in_size;
    uint8_t out[RING * 4]; /* acknowledgements: never more than places */
    size_t out_at, out_size;
} bridge;

static volatile sig_atomic_t ending;

static void on_signal(int signal)
{
    (void)signal;
    ending = 1;
}

/* ---- Kafka ----------------------------------------------------------------------------------- */

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    static int64_t next[PARTITIONS];
    place *p = message->_private;

    (void)rk;
    (void)opaque;
    if (message->err)
        bench_die("Kafka: %s", rd_kafka_err2str(message->err));
    /* Nobody else writes into the topic. -1001: librdkafka infers that the record is there, and may
     * be wrong (docs/decisions/0011): this bridge takes it at its word. */
    if (message->partition < PARTITIONS && message->offset != next[message->partition])
        fprintf(stderr, "partition %d: Kafka says %lld instead of offset %lld, after %.1f ms\n",
                message->partition, (long long)message->offset, (long long)next[message->partition],
                (double)rd_kafka_message_latency(message) / 1e3);
    if (message->partition < PARTITIONS)
        next[message->partition] = message->offset + 1;
    p->done = true;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        bench_die("%s=%s: %s", name, value, why);
}

/* As worker/task/task_config.c and worker/kafka/client.c set them. */
static void open_kafka(bridge *b, int argc, char **argv)
{
    static const uint64_t one = 1;
    static const char *const settings[][2] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"message.timeout.ms", "0"},
        {"partitioner", "murmur2_random"},
        {"topic.metadata.propagation.max.ms", "10000"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "32768"},
        {"socket.nagle.disable", "true"},
        {"log.connection.close", "false"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_queue_t *queue;
    char why[256];

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        set(conf, settings[i][0], settings[i][1]);
    set(conf, "linger.ms", bench_option(argc, argv, "linger", "5"));
    set(conf, "compression.type", bench_option(argc, argv, "compression", "none"));
    set(conf, "bootstrap.servers", bench_option(argc, argv, "bootstrap", NULL));
    set(conf, "client.id", bench_option(argc, argv, "client", NULL));
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    b->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!b->rk)
        bench_die("%s", why);
    b->topic = rd_kafka_topic_new(b->rk, bench_option(argc, argv, "topic", NULL), NULL);
    b->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    queue = rd_kafka_queue_get_main(b->rk);
    rd_kafka_queue_io_event_enable(queue, b->event_fd, &one, sizeof(one));
    rd_kafka_queue_destroy(queue);
}

static void flush(bridge *b)
{
    long size;

    if (b->out_at == b->out_size)
        return;
    size = bench_write(b->fd, b->out + b->out_at, b->out_size - b->out_at);
    if (size < 0)
        bench_die("the broker hung up");
    b->out_at += (size_t)size;
    if (b->out_at == b->out_size)
        b->out_at = b->out_size = 0;
}

/* What Kafka has, from the oldest on, in one write. */
static void acknowledge(bridge *b)
{
    size_t pending = b->out_size - b->out_at;

    while (b->head != b->tail && b->ring[b->head % RING].done) {
        if (b->out_size + 4 > sizeof(b->out)) {
            memmove(b->out, b->out + b->out_at, pending);
            b->out_at = 0;
            b->out_size = pending;
        }
        bench_put_puback(b->out + b->out_size, b->ring[b->head++ % RING].id);
        b->out_size += 4;
        pending += 4;
    }
    flush(b);
}

static void serve_reports(bridge *b)
{
    rd_kafka_poll(b->rk, 0);
    acknowledge(b);
}

/* ---- A message ------------------------------------------------------------------------------- */

static void header(rd_kafka_vu_t *field, const char *name, const char *value, size_t size)
{
    field->vtype = RD_KAFKA_VTYPE_HEADER;
    field->u.header.name = name;
    field->u.header.val = value;
    field->u.header.size = (ssize_t)size;
}

static size_t write_id(char *to, unsigned id)
{
    char digits[5];
    size_t size = 0;

    do
        digits[size++] = (char)('0' + id % 10);
    while (id /= 10);
    for (size_t i = 0; i < size; i++)
        to[i] = digits[size - 1 - i];
    return size;
}

static void produce(bridge *b, rd_kafka_vu_t *fields, size_t count)
{
    rd_kafka_error_t *error;

    while ((error = rd_kafka_produceva(b->rk, fields, count))) {
        rd_kafka_resp_err_t code = rd_kafka_error_code(error);

        rd_kafka_error_destroy(error);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            bench_die("Kafka: %s", rd_kafka_err2str(code));
        rd_kafka_poll(b->rk, 10);
        acknowledge(b);
    }
}

static void on_publish(bridge *b, const bench_packet *packet, int64_t wall_ms)
{
    uint16_t topic_size = bench_read_u16(packet->body);
    const char *topic = (const char *)packet->body + 2;
    const uint8_t *at = packet->body + 2 + topic_size, *end = packet->body + packet->size;
    uint16_t id = bench_read_u16(at);
    size_t properties = 0, skip = bench_read_length(at + 2, (size_t)(end - at - 2), &properties);
    const uint8_t *payload = at + 2 + skip + properties;
    place *p = &b->ring[b->tail++ % RING];
    char id_text[5];
    rd_kafka_vu_t fields[12] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = b->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = p},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = wall_ms},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)topic, topic_size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)payload, (size_t)(end - payload)}},
    };

    if (payload > end || (packet->flags >> 1 & 3) != 1)
        bench_die("a PUBLISH that is malformed, or not of QoS 1");
    *p = (place){.id = id};
    header(&fields[7], "mqtt.topic", topic, topic_size);
    header(&fields[8], "mqtt.message.id", id_text, write_id(id_text, id));
    header(&fields[9], "mqtt.qos", "1", 1);
    header(&fields[10], "mqtt.retained", packet->flags & 1 ? "true" : "false",
           packet->flags & 1 ? 4 : 5);
    header(&fields[11], "mqtt.duplicate", packet->flags & 8 ? "true" : "false",
           packet->flags & 8 ? 4 : 5);
    produce(b, fields, sizeof(fields) / sizeof(fields[0]));
}

/* ---- The broker ------------------------------------------------------------------------------ */

/* Fills in the two bytes of length, which are enough and always taken, behind the first. */
static void send_packet(bridge *b, uint8_t *packet, const uint8_t *end)
{
    size_t size = (size_t)(end - packet) - 3;

    packet[1] = (uint8_t)(size % 128 | 128);
    packet[2] = (uint8_t)(size / 128);
    if (bench_write(b->fd, packet, size + 3) != (long)size + 3)
        bench_die("the broker does not take what we say");
}

static void say_hello(bridge *b, int argc, char **argv)
{
    uint8_t hello[512] = {BENCH_CONNECT << 4};
    const char *client = bench_option(argc, argv, "client", NULL);
    uint8_t *at = hello + 3;

    if (strlen(client) > 200)
        bench_die("the client's name is too long");
    at = bench_put_text(at, "MQTT");
    *at++ = 5;
    *at++ = 0; /* not clean: the session goes on */
    *at++ = 0; /* no keep-alive */
    *at++ = 0;
    *at++ = 8;    /* bytes of properties */
    *at++ = 0x11; /* Session Expiry Interval: a week */
    memcpy(at, "\0\x09\x3a\x80\x21", 5);
    bench_write_u16(at + 5, (unsigned)b->window);
    at = bench_put_text(at + 7, client);
    send_packet(b, hello, at);
}

static void subscribe(bridge *b, int argc, char **argv)
{
    uint8_t words[512] = {BENCH_SUBSCRIBE << 4 | 2};
    const char *filter = bench_option(argc, argv, "filter", NULL);
    uint8_t *at = words + 3;

    if (strlen(filter) > 200)
        bench_die("the filter is too long");
    bench_write_u16(at, SUBSCRIPTION);
    at[2] = 0; /* no properties */
    at = bench_put_text(at + 3, filter);
    *at++ = 1; /* QoS */
    send_packet(b, words, at);
}

static void on_packet(bridge *b, const bench_packet *packet, int64_t wall_ms)
{
    switch (packet->type) {
    case BENCH_PUBLISH:
        on_publish(b, packet, wall_ms);
        break;
    case BENCH_CONNACK:
        if (packet->size < 2 || packet->body[1])
            bench_die("the broker refuses us");
        break;
    case BENCH_SUBACK:
        if (packet->body[packet->size - 1] != 1)
            bench_die("the broker does not grant QoS 1");
        printf("subscribed\n");
        fflush(stdout);
        break;
    default:
        bench_die("a packet of type %u", packet->type);
    }
}

static bool is_full(const bridge *b)
{
    return b->tail - b->head >= b->window;
}

/* Makes records of what was read, as far as the window allows, which not every broker keeps. */
static void take_apart(bridge *b)
{
    int64_t wall_ms = bench_wall_ns() / 1000000;
    bench_packet packet;

    while (!is_full(b) && bench_take_packet(b->in + b->in_at, b->in_size - b->in_at, &packet)) {
        on_packet(b, &packet, wall_ms);
        b->in_at += packet.whole;
    }
}

static void hear(bridge *b)
{
    long size;

    if (b->in_at) {
        memmove(b->in, b->in + b->in_at, b->in_size - b->in_at);
        b->in_size -= b->in_at;
        b->in_at = 0;
    }
    size = bench_read(b->fd, b->in + b->in_size, IN_ROOM - b->in_size);
    if (size < 0)
        bench_die("the broker hung up");
    if (size < SMALL_READ)
        b->rest_until_ns = bench_monotonic_ns() + REST_NS;
    b->in_size += (size_t)size;
    take_apart(b);
    acknowledge(b);
}

static void work(bridge *b, const sigset_t *unblocked)
{
    int64_t left_ns = b->rest_until_ns - bench_monotonic_ns();
    bool rests = left_ns > 0 && !is_full(b);
    struct timespec wait = {.tv_nsec = left_ns};
    struct pollfd fds[] = {{.fd = b->event_fd, .events = POLLIN}, {.fd = b->fd}};
    eventfd_t events;

    if (b->out_at < b->out_size)
        fds[1].events |= POLLOUT;
    if (!rests && !is_full(b))
        fds[1].events |= POLLIN;
    if (ppoll(fds, 2, rests ? &wait : NULL, unblocked) < 0 && errno != EINTR)
        bench_die("poll: %s", strerror(errno));
    if (fds[0].revents) {
        eventfd_read(b->event_fd, &events);
        serve_reports(b);
        take_apart(b);
    }
    if (fds[1].revents & POLLOUT)
        flush(b);
    if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
        hear(b);
}

static void say_goodbye(bridge *b)
{
    static const uint8_t disconnect[] = {BENCH_DISCONNECT << 4, 0};

    rd_kafka_flush(b->rk, GOODBYE_MS);
    acknowledge(b);
    if (b->out_at == b->out_size)
        bench_write(b->fd, disconnect, sizeof(disconnect));
    close(b->fd);
    rd_kafka_topic_destroy(b->topic);
    rd_kafka_destroy(b->rk);
    close(b->event_fd);
}

int main(int argc, char **argv)
{
    bridge *b = calloc(1, sizeof(*b));
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked, unblocked;

    if (!b)
        abort();
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &unblocked);
    sigaction(SIGTERM, &action, NULL);
    b->window = (size_t)bench_number(argc, argv, "window", "1024");
    if (b->window < 1 || b->window >= RING)
        bench_die("window: 1 to %d", RING - 1);
    open_kafka(b, argc, argv);
    b->fd = bench_connect(bench_number(argc, argv, "port", NULL));
    say_hello(b, argc, argv);
    subscribe(b, argc, argv);
    while (!ending)
        work(b, &unblocked);
    say_goodbye(b);
    free(b);
    return EXIT_SUCCESS;
}
