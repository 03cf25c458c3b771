/* visit.c - see visit.h. */
#include "visit.h"

#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const weir_host *worker_of(const weir_host *host)
{
    const mqtt_visit *visit = host->ctx;

    return visit->worker;
}

static void WEIR_PRINTF(3, 4) pass_on(const weir_host *host, weir_level level, const char *fmt, ...)
{
    const weir_host *worker = worker_of(host);
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    worker->log(worker, level, "%s", text);
}

static weir_status WEIR_PRINTF(3, 4)
    note_failure(const weir_host *host, weir_status how, const char *fmt, ...)
{
    mqtt_visit *visit = host->ctx;
    va_list args;

    va_start(args, fmt);
    vsnprintf(visit->why, sizeof(visit->why), fmt, args);
    va_end(args);
    return how;
}

static bool is_owned(const weir_host *host)
{
    return worker_of(host)->owned(worker_of(host));
}

static int64_t now_ms(const weir_host *host)
{
    return worker_of(host)->now_ms(worker_of(host));
}

static const char *offset(const weir_host *host, const char *partition_json)
{
    return worker_of(host)->offset(worker_of(host), partition_json);
}

static weir_status keep_offset(const weir_host *host, const char *partition_json,
                               const char *offset_json)
{
    return worker_of(host)->keep_offset(worker_of(host), partition_json, offset_json);
}

const weir_host *mqtt_visit_nobody(mqtt_visit *visit, const weir_host *worker)
{
    visit->worker = worker;
    visit->host = (weir_host){
        .size = sizeof(weir_host),
        .ctx = visit,
        .connector = worker->connector,
        .task = -1,
        .wakeup_fd = worker->wakeup_fd,
        .log = pass_on,
        .fail = note_failure,
        .owned = is_owned,
        .now_ms = now_ms,
        .offset = WEIR_HAS(worker, offset) ? offset : NULL,
        .keep_offset = WEIR_HAS(worker, keep_offset) ? keep_offset : NULL,
        .tasks = WEIR_HAS(worker, tasks) ? worker->tasks : 0,
        .plan = WEIR_HAS(worker, plan) ? worker->plan : 0,
    };
    return &visit->host;
}

void mqtt_visit_begin(mqtt_visit *visit, const weir_host *worker, const mqtt_setup *setup,
                      const char *client_id, size_t endpoint, bool clean)
{
    mqtt_visit_nobody(visit, worker);
    visit->why[0] = '\0';
    visit->settings = *setup->settings;
    visit->settings.clean = clean;
    visit->settings.max_retry_ms = -1;
    visit->setup = *setup;
    visit->setup.settings = &visit->settings;
    visit->setup.first_failure_is_fatal = false;
    visit->setup.will = (mqtt_will){.topic = NULL};
    visit->setup.filter_count = 0;
    visit->setup.endpoints = &setup->endpoints[endpoint];
    visit->setup.endpoint_count = 1;
    visit->client_id = mqtt_strndup(client_id, strlen(client_id));
    visit->setup.client_id = visit->client_id;
}

void mqtt_visit_end(mqtt_visit *visit)
{
    free(visit->client_id);
    visit->client_id = NULL;
}
