/* task.h - one run of the plugin's task against a real broker, with the test as its worker. */
#ifndef TEST_TASK_H
#define TEST_TASK_H

#include "fill.h"
#include "mosquitto.h"
#include "offsets.h"
#include "weir_plugin.h"

#include <stdarg.h>
#include <sys/eventfd.h>

#define RECORDS 4096

/* What a run asks for unless its test says otherwise, and what comes of it. */
#ifndef VERSION
#define VERSION "auto"
#define SPOKEN  "5"
#endif

/* A worker that remembers, and answers when the test says so. */
typedef struct fake {
    weir_host host;
    char topics[RECORDS][32], values[RECORDS][16], keys[RECORDS][32];
    weir_kind kinds[RECORDS];
    size_t last_size; /* of a value */
    uint32_t last_sum;
    char headers[512]; /* of the last: "name=value;" … */
    uint64_t tokens[RECORDS];
    size_t count, settled;
    bool full;       /* emit() answers AGAIN */
    bool settle_now; /* everything is delivered at once */
    bool not_owned;
    bool tolerant; /* reject() takes what is rejected */
    size_t rejected;
    uint64_t rejected_token;
    char kind[16], why[256], rejected_value[16], rejected_from[32];
    char failed[512], logged[16384];
} fake;

static inline void WEIR_PRINTF(3, 4)
    fake_log(const weir_host *host, weir_level level, const char *fmt, ...)
{
    fake *f = host->ctx;
    size_t used = strlen(f->logged);
    va_list args;

    (void)level;
    va_start(args, fmt);
    vsnprintf(f->logged + used, sizeof(f->logged) - used, fmt, args);
    va_end(args);
}

static inline weir_status WEIR_PRINTF(3, 4)
    fake_fail(const weir_host *host, weir_status how, const char *fmt, ...)
{
    fake *f = host->ctx;
    va_list args;

    va_start(args, fmt);
    vsnprintf(f->failed, sizeof(f->failed), fmt, args);
    va_end(args);
    return how;
}

/* Adler's, near enough: another order makes another sum. */
static inline uint32_t sum(const void *bytes, size_t size)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < size; i++) {
        a = (a + ((const uint8_t *)bytes)[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static inline weir_status fake_emit(const weir_host *host, const weir_record *record)
{
    fake *f = host->ctx;
    size_t i = f->count;

    if (f->full || i == RECORDS)
        return WEIR_AGAIN;
    snprintf(f->topics[i], sizeof(f->topics[i]), "%s", record->topic);
    snprintf(f->values[i], sizeof(f->values[i]), "%.*s", (int)record->value.size,
             (const char *)record->value.bytes);
    snprintf(f->keys[i], sizeof(f->keys[i]), "%.*s", (int)record->key.size,
             (const char *)record->key.bytes);
    f->kinds[i] = record->value.kind;
    f->last_size = record->value.size;
    f->last_sum = sum(record->value.bytes, record->value.size);
    f->headers[0] = '\0';
    for (size_t h = 0; h < record->header_count; h++) {
        const weir_header *header = &record->headers[h];
        size_t used = strlen(f->headers);

        snprintf(f->headers + used, sizeof(f->headers) - used, "%s=%.*s;", header->name,
                 (int)header->value.size, (const char *)header->value.bytes);
    }
    f->tokens[i] = record->token;
    f->count++;
    return WEIR_DONE;
}

static inline weir_status fake_reject(const weir_host *host, const weir_record *record,
                                      const char *kind, const char *why)
{
    fake *f = host->ctx;

    snprintf(f->kind, sizeof(f->kind), "%s", kind);
    snprintf(f->why, sizeof(f->why), "%s", why);
    snprintf(f->rejected_value, sizeof(f->rejected_value), "%.*s", (int)record->value.size,
             (const char *)record->value.bytes);
    ck_assert_str_eq(record->headers[0].name, "mqtt.topic");
    snprintf(f->rejected_from, sizeof(f->rejected_from), "%.*s", (int)record->headers[0].value.size,
             (const char *)record->headers[0].value.bytes);
    if (!f->tolerant)
        return WEIR_FATAL;
    f->rejected++;
    f->rejected_token = record->token;
    return WEIR_DONE;
}

static inline bool fake_owned(const weir_host *host)
{
    return !((fake *)host->ctx)->not_owned;
}

static inline int64_t fake_now(const weir_host *host)
{
    (void)host;
    return clock_ms();
}

/* One run of the task. */
typedef struct run {
    fake *f;
    mqtt_settings settings;
    char uri[64], ca[128];
    void *self;
    weir_status last;
} run;

static inline const weir_source *source(void)
{
    return weir_plugin_entry.source;
}

/* Ready to be started, or forgotten. */
static inline run *run_make(const broker *b, const char *const *more)
{
    const char *pairs[32] = {"mqtt.server.uri",           NULL, "mqtt.topics",  "t/#",
                             "mqtt.reconnect.backoff.ms", "20", "mqtt.version", VERSION};
    run *r = calloc(1, sizeof(*r));
    size_t n = 8;

    snprintf(r->uri, sizeof(r->uri), "%s://127.0.0.1:%d",
             b->tls_port  ? (RUN_WS ? "wss" : "ssl")
             : b->ws_port ? "ws"
                          : "tcp",
             task_port(b));
    pairs[1] = r->uri;
#if RUN_TLS
    if (b->tls_port) {
        snprintf(r->ca, sizeof(r->ca), "%s/ca.pem", b->world->safe->folder);
        pairs[n++] = "mqtt.ssl.ca.location";
        pairs[n++] = r->ca;
    }
#endif
    for (; *more; more += 2, n += 2) {
        pairs[n] = more[0];
        pairs[n + 1] = more[1];
    }
    r->f = calloc(1, sizeof(*r->f));
    r->f->host = (weir_host){
        .size = sizeof(weir_host),
        .ctx = r->f,
        .connector = "unit",
        .wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
        .log = fake_log,
        .fail = fake_fail,
        .emit = fake_emit,
        .owned = fake_owned,
        .now_ms = fake_now,
        .reject = fake_reject,
    };
    /* Later pairs win in fill(), so what a test says beats what stands here. */
    fill(&r->settings, pairs);
    return r;
}

static inline run *run_start(const broker *b, const char *const *more)
{
    run *r = run_make(b, more);

    ck_assert_int_eq(source()->start(&r->f->host, &r->settings, &r->self), WEIR_DONE);
    return r;
}

static inline void settle(run *r, size_t from, size_t to)
{
    source()->settled(r->self, r->f->tokens + from, to - from, WEIR_DELIVERED);
    r->f->settled += to - from;
}

static inline void turn(run *r, int ms)
{
    fake *f = r->f;
    size_t before = f->count;

    r->last = source()->poll(r->self, clock_ms() + ms);
    if (f->settle_now && f->count > before)
        settle(r, before, f->count);
}

static inline void until_records(run *r, size_t count)
{
    int64_t deadline = clock_ms() + 15000;

    while (r->f->count < count) {
        turn(r, 50);
        ck_assert_msg(clock_ms() < deadline && r->last != WEIR_FATAL,
                      "%zu of %zu records; failed: %s; log: %s", r->f->count, count, r->f->failed,
                      r->f->logged);
    }
    ck_assert_uint_eq(r->f->count, count);
}

static inline const char *status(run *r)
{
    static char json[4096];

    ck_assert_uint_gt(source()->status(r->self, json, sizeof(json)), 0);
    return json;
}

static inline void until_status(run *r, const char *text)
{
    int64_t deadline = clock_ms() + 15000;

    while (!strstr(status(r), text)) {
        turn(r, 20);
        ck_assert_msg(clock_ms() < deadline, "no %s in %s; failed: %s; log: %s", text, status(r),
                      r->f->failed, r->f->logged);
    }
}

static inline void until_connected(run *r)
{
    until_status(r, "\"state\":\"connected\"");
    if (strcmp(r->settings.version, VERSION) == 0)
        ck_assert_ptr_nonnull(strstr(status(r), "\"mqtt_version\":\"" SPOKEN "\""));
}

static inline void run_stop(run *r)
{
    int64_t began = clock_ms();

    if (r->self)
        source()->stop(r->self);
    ck_assert_int_lt(clock_ms() - began, 3000);
    close(r->f->host.wakeup_fd);
    free(r->f);
    free(r);
}

/* A clean end: everything is acknowledged, the session stays. */
static inline void die(run *r)
{
    until_status(r, "\"unacked\":0");
    source()->drain(r->self);
    run_stop(r);
}

/* A broker and a worker that remember nothing yet. */
static inline void open_broker(broker *b)
{
    offsets_clear();
    *b = (broker){0};
    broker_start(b, "allow_anonymous true");
}

/* For a while nothing comes that should not. */
static inline void nothing_comes(run *r, int ms)
{
    size_t before = r->f->count;

    until_connected(r);
    for (int64_t end = clock_ms() + ms; clock_ms() < end;)
        turn(r, 20);
    ck_assert_uint_eq(r->f->count, before);
}

#endif
