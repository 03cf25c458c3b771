/* forgets.c - not broken: a source that keeps offsets and has something to give up. It writes what
 * happens to it into a file, a line each:
 *
 *   start 0 5 40     task 0 started; it was kept that it had been so 5 times; record 40 is in Kafka
 *   stop 0
 *   forget 0 5       and lets what was kept go
 */
#include "weir_plugin.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTITION_ROOM 64
#define PAUSE_MS       20

typedef struct settings {
    const char *file, *topic;
    int64_t tasks, task;
} settings;

static const weir_option options[] = {
    {"forgets.file", WEIR_FIELD(settings, file), .doc = "Where to write what happens."},
    {"forgets.topic", WEIR_FIELD(settings, topic), .fallback = WEIR_UNSET,
     .doc = "Kafka topic of numbered records; unset: none."},
    {"forgets.tasks", WEIR_FIELD(settings, tasks), .fallback = "1", .min = 1, .max = 100,
     .doc = "Tasks to make."},
    {"forgets.task", WEIR_FIELD(settings, task), .fallback = "0", .doc = "Set by the plan."},
    {0},
};

typedef struct source {
    const weir_host *host;
    const settings *settings;
    int64_t starts, next, next_ms;
    bool drains;
} source;

/* One write, so that lines of several workers do not mix. */
static void note(const settings *s, const char *line)
{
    int fd = open(s->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        return;
    if (write(fd, line, strlen(line)) < 0)
        perror(s->file);
    close(fd);
}

static const char *partition(const char *what, int64_t task, char room[PARTITION_ROOM])
{
    snprintf(room, PARTITION_ROOM, "{\"%s\":%" PRId64 "}", what, task);
    return room;
}

/* {"n":5}; 0: nothing was kept. */
static int64_t kept(const weir_host *host, const char *what, int64_t task)
{
    char room[PARTITION_ROOM];
    const char *offset = host->offset(host, partition(what, task, room));
    const char *colon = offset ? strchr(offset, ':') : NULL;

    return colon ? strtoll(colon + 1, NULL, 10) : 0;
}

static weir_status start(const weir_host *host, const void *given, void **self)
{
    source *s = calloc(1, sizeof(source));
    char line[100], offset[40], room[PARTITION_ROOM];

    s->host = host;
    s->settings = given;
    s->starts = kept(host, "starts", host->task);
    s->next = kept(host, "records", host->task) + 1;
    snprintf(line, sizeof(line), "start %d %" PRId64 " %" PRId64 "\n", (int)host->task, s->starts,
             s->next - 1);
    note(s->settings, line);
    snprintf(offset, sizeof(offset), "{\"n\":%" PRId64 "}", s->starts + 1);
    *self = s;
    return host->keep_offset(host, partition("starts", host->task, room), offset);
}

static weir_status poll_once(void *self, int64_t deadline_ms)
{
    source *s = self;
    int64_t now_ms = s->host->now_ms(s->host), left_ms = deadline_ms - now_ms;
    struct pollfd wakeup = {.fd = s->host->wakeup_fd, .events = POLLIN};
    char value[40], offset[40], room[PARTITION_ROOM];
    weir_record record = {.size = sizeof(record),
                          .topic = s->settings->topic,
                          .partition = -1,
                          .timestamp_ms = -1,
                          .token = (uint64_t)s->next};

    if (s->settings->topic && !s->drains && now_ms >= s->next_ms) {
        snprintf(value, sizeof(value), "%" PRId64, s->next);
        snprintf(offset, sizeof(offset), "{\"n\":%" PRId64 "}", s->next);
        record.value = (weir_data){WEIR_TEXT, value, strlen(value)};
        record.source_partition_json = partition("records", s->host->task, room);
        record.source_offset_json = offset;
        switch (s->host->emit(s->host, &record)) {
        case WEIR_DONE:
            s->next++;
            s->next_ms = now_ms + PAUSE_MS;
            break;
        case WEIR_AGAIN:
            break;
        default:
            return WEIR_FATAL;
        }
    }
    if (s->settings->topic && !s->drains)
        left_ms = left_ms < PAUSE_MS ? left_ms : PAUSE_MS;
    poll(&wakeup, 1, left_ms > 0 ? (int)left_ms : 0);
    return WEIR_DONE;
}

static void settled(void *self, const uint64_t *tokens, size_t count, weir_outcome outcome)
{
    (void)self, (void)tokens, (void)count, (void)outcome;
}

static void drain(void *self)
{
    ((source *)self)->drains = true;
}

static void stop(void *self)
{
    source *s = self;
    char line[40];

    snprintf(line, sizeof(line), "stop %d\n", (int)s->host->task);
    note(s->settings, line);
    free(s);
}

static void forget(const weir_host *host, const void *given)
{
    char line[60], room[PARTITION_ROOM];

    snprintf(line, sizeof(line), "forget %d %" PRId64 "\n", (int)host->task,
             kept(host, "starts", host->task));
    note(given, line);
    host->keep_offset(host, partition("starts", host->task, room), NULL);
}

static weir_status plan(const weir_config_host *host, const void *given, int32_t max_tasks)
{
    const settings *s = given;

    for (int64_t i = 0; i < s->tasks && i < max_tasks; i++) {
        char number[24];

        snprintf(number, sizeof(number), "%" PRId64, i);
        host->task(host, &(weir_pair){"forgets.task", number}, 1);
    }
    return WEIR_DONE;
}

static const weir_source calls = {
    .size = sizeof(weir_source),
    .start = start,
    .poll = poll_once,
    .settled = settled,
    .drain = drain,
    .stop = stop,
    .forget = forget,
};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "forgets",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &calls,
    .plan = plan,
};
