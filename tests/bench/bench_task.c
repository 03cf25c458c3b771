/* bench_task.c - what does weir cost per record, over librdkafka alone?
 *
 *     bench_task [records] [rounds]          BOOTSTRAP=host:9092 for a real Kafka
 *
 * Sends records of 200 bytes as fast as they go, in turn with a bare loop around produceva and
 * with a source task and a plugin that does nothing but emit, both with the settings of a task's
 * producer. Each run is a process of its own, the mock Kafka another one; what is counted is the
 * CPU time of the run. Prints the median of the rounds, in CPU seconds per million records.
 */
#include "base/log.h"
#include "base/mem.h"
#include "task/task_internal.h"

#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC "bench"
#define SIZE  200
#define BURST 1000
#define KEY   "device-000000042"

static long records = 1000000;
static char bootstrap[512];
static char value[SIZE];

/* ---- The mock Kafka ------------------------------------------------------------------------ */

/* In a process of its own, so that its CPU time is not counted; ends with us. */
static void start_mock(void)
{
    int address[2], life[2];
    ssize_t length;

    if (pipe(address) != 0 || pipe(life) != 0)
        exit(EXIT_FAILURE);
    if (fork() == 0) {
        char why[256], byte;
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_t *rk;
        rd_kafka_mock_cluster_t *mock;
        const char *text;

        rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why));
        rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
        mock = rd_kafka_mock_cluster_new(rk, 3);
        text = rd_kafka_mock_cluster_bootstraps(mock);
        rd_kafka_mock_topic_create(mock, TOPIC, 12, 1);
        close(life[1]);
        if (write(address[1], text, strlen(text)) < 0 || read(life[0], &byte, 1) < 0)
            _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
    }
    close(life[0]);
    length = read(address[0], bootstrap, sizeof(bootstrap) - 1);
    if (length <= 0)
        exit(EXIT_FAILURE);
}

/* ---- librdkafka alone ----------------------------------------------------------------------- */

static long reported;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    reported += !message->err;
}

static rd_kafka_t *bare_handle(void)
{
    static const char *const settings[][2] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"linger.ms", "5"},
        {"message.timeout.ms", "0"},
        {"partitioner", "murmur2_random"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "32768"},
        {"socket.nagle.disable", "true"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *rk;

    for (size_t i = 0; i < WEIR_COUNT(settings); i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why));
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk) {
        fprintf(stderr, "%s\n", why);
        _exit(EXIT_FAILURE);
    }
    return rk;
}

static void run_bare(bool rich)
{
    rd_kafka_t *rk = bare_handle();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, TOPIC, NULL);
    rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, SIZE}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)KEY, sizeof(KEY) - 1}},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"mqtt.topic", "site/1/device/42", 16}},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"mqtt.qos", "1", 1}},
    };
    size_t count = rich ? WEIR_COUNT(fields) : 4;

    for (long sent = 0; sent < records;) {
        rd_kafka_error_t *error = rd_kafka_produceva(rk, fields, count);

        if (error) {
            rd_kafka_error_destroy(error);
            rd_kafka_poll(rk, 10);
        } else if (++sent % BURST == 0) {
            rd_kafka_poll(rk, 0);
        }
    }
    while (reported < records)
        rd_kafka_poll(rk, 100);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

/* ---- A source task -------------------------------------------------------------------------- */

static bool rich_records;
static long emitted;
static atomic_long settled;

static weir_status generator_start(const weir_host *host, const void *settings, void **self)
{
    (void)settings;
    *self = (void *)(uintptr_t)host;
    return WEIR_DONE;
}

static weir_status generator_poll(void *self, int64_t deadline_ms)
{
    static const weir_header headers[] = {{"mqtt.topic", {WEIR_TEXT, "site/1/device/42", 16}},
                                          {"mqtt.qos", {WEIR_TEXT, "1", 1}}};
    const weir_host *host = self;
    struct pollfd fd = {host->wakeup_fd, POLLIN, 0};
    int64_t left_ms = deadline_ms - host->now_ms(host);
    weir_record record = {.size = sizeof(record),
                          .topic = TOPIC,
                          .partition = -1,
                          .timestamp_ms = -1,
                          .value = {WEIR_BYTES, value, SIZE}};

    if (rich_records) {
        record.key = (weir_data){WEIR_BYTES, KEY, sizeof(KEY) - 1};
        record.headers = headers;
        record.header_count = 2;
    }
    for (int i = 0; i < BURST && emitted < records; i++) {
        record.token = (uint64_t)emitted;
        if (host->emit(host, &record) != WEIR_DONE) {
            if (left_ms > 0)
                poll(&fd, 1, (int)left_ms);
            return WEIR_DONE;
        }
        emitted++;
    }
    if (emitted == records && left_ms > 0)
        poll(&fd, 1, (int)left_ms);
    return WEIR_DONE;
}

static void generator_settled(void *self, const uint64_t *tokens, size_t count,
                              weir_outcome outcome)
{
    (void)self;
    (void)tokens;
    if (outcome == WEIR_DELIVERED)
        atomic_fetch_add(&settled, (long)count);
}

static void generator_end(void *self)
{
    (void)self;
}

static const weir_source generator_source = {
    .size = sizeof(generator_source),
    .start = generator_start,
    .poll = generator_poll,
    .settled = generator_settled,
    .drain = generator_end,
    .stop = generator_end,
};
static const weir_option no_options[] = {{0}};
static const weir_plugin_desc generator = {.size = sizeof(generator),
                                           .abi_major = WEIR_ABI_MAJOR,
                                           .name = "generator",
                                           .version = "1.0.0",
                                           .options = no_options,
                                           .settings_size = sizeof(int),
                                           .source = &generator_source};

static bool hear(void *ctx, weir_task_fact *fact)
{
    (void)ctx;
    if (!fact->is_details && fact->state == WEIR_TASK_FAILED) {
        fprintf(stderr, "%s\n", fact->trace);
        _exit(EXIT_FAILURE);
    }
    weir_task_fact_free(fact);
    return true;
}

static void run_task(bool rich)
{
    weir_worker_settings settings = {.key_converter = "ByteArrayConverter",
                                     .value_converter = "ByteArrayConverter",
                                     .header_converter = "SimpleHeaderConverter",
                                     .graceful_shutdown_ms = 5000};
    weir_props connector = WEIR_PROPS;
    weir_task_spec spec = {.connector = "bench",
                           .settings = &settings,
                           .connector_config = &connector,
                           .config = &connector,
                           .report = hear};
    weir_source_task *task;

    rich_records = rich;
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    weir_props_set(&settings.props, "bootstrap.servers", bootstrap);
    task = weir_source_task_start_with(&spec, &generator);
    while (atomic_load(&settled) < records)
        poll(NULL, 0, 10);
    weir_source_task_stop(task);
    weir_source_task_free(task);
    weir_props_clear(&settings.props);
}

/* ---- Measuring ------------------------------------------------------------------------------ */

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* CPU seconds per million records of one run, in a process of its own. */
static double measure(void (*run)(bool rich), bool rich)
{
    struct rusage used;
    int status;
    pid_t child = fork();

    if (child == 0) {
        run(rich);
        _exit(EXIT_SUCCESS);
    }
    if (wait4(child, &status, 0, &used) != child || status != 0)
        exit(EXIT_FAILURE);
    return (seconds(used.ru_utime) + seconds(used.ru_stime)) * 1e6 / (double)records;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void compare(const char *what, int rounds, bool rich)
{
    double bare[32], task[32];

    for (int i = 0; i < rounds; i++) {
        bare[i] = measure(run_bare, rich);
        task[i] = measure(run_task, rich);
    }
    qsort(bare, (size_t)rounds, sizeof(bare[0]), by_size);
    qsort(task, (size_t)rounds, sizeof(task[0]), by_size);
    printf("%-28s librdkafka %.2f  weir %.2f  overhead %+.2f CPU-s/M  (budget 0.30)\n", what,
           bare[rounds / 2], task[rounds / 2], task[rounds / 2] - bare[rounds / 2]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *real = getenv("BOOTSTRAP");
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;

    if (argc > 1)
        records = strtol(argv[1], NULL, 10);
    if (records < 1 || rounds < 1 || rounds > 32) {
        fprintf(stderr, "usage: bench_task [records] [rounds, at most 32]\n");
        return EXIT_FAILURE;
    }
    memset(value, 'x', sizeof(value));
    if (real)
        snprintf(bootstrap, sizeof(bootstrap), "%s", real);
    else
        start_mock();
    compare("200 B", rounds, false);
    compare("200 B, key, two headers", rounds, true);
    return EXIT_SUCCESS;
}
