/* plan.c - validate() and plan(): which task reads which filter, under which client id. */
#include "deal.h"
#include "neighbours.h"
#include "settings.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void to_host(void *ctx, weir_level level, const char *key, const char *text)
{
    const weir_config_host *host = ctx;

    host->note(host, level, key, "%s", text);
}

static void to_nobody(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    (void)level;
    (void)key;
    (void)text;
}

weir_status mqtt_validate(const weir_config_host *host, const void *settings)
{
    mqtt_findings findings = {.ctx = (void *)host, .note = to_host};

    /* What it finds at WEIR_ERROR refuses the config; the call itself went well. */
    mqtt_setup_free(mqtt_setup_new(settings, host->connector, -1, &findings));
    mqtt_check_converter(host, ((const mqtt_settings *)settings)->format);
    return WEIR_DONE;
}

/* ---- One task -------------------------------------------------------------------------------- */

static bool has_task(const char *text)
{
    return strstr(text, "${task}");
}

/* The client id with ${task}, whatever was written, when there are several. To be freed. */
static char *client_id_of(const mqtt_settings *settings, size_t tasks)
{
    mqtt_bytes id = {0};

    mqtt_bytes_append(&id, settings->client_id, strlen(settings->client_id));
    if (tasks > 1 && !has_task(settings->client_id))
        mqtt_bytes_append(&id, "-${task}", 8);
    mqtt_bytes_append(&id, "", 1);
    return (char *)id.data;
}

typedef struct share_of {
    char *const *filters;
    const int *qos;
    size_t count;
} share_of;

static void add_task(const weir_config_host *host, const mqtt_setup *setup, const share_of *its,
                     const char *client_id)
{
    char *topics = mqtt_list_join(its->filters, its->count), *all = NULL;
    char *levels = mqtt_alloc(2 * its->count + 1, 1);
    weir_pair pairs[4 + MQTT_CONVERTER_PAIRS] = {
        {"mqtt.topics", topics}, {"mqtt.qos", levels}, {"mqtt.client.id", client_id}};
    size_t pair_count = 3;

    for (size_t i = 0; i < its->count; i++)
        snprintf(levels + 2 * i, 3, "%d%s", its->qos[i], i + 1 < its->count ? "," : "");
    if (its->count < setup->filter_count) { /* ${filter} looks through all */
        all = mqtt_list_join(setup->filters, setup->filter_count);
        pairs[pair_count++] = (weir_pair){"mqtt.connector.topics", all};
    }
    pair_count += mqtt_converter_pairs(host, setup->settings->format, pairs + pair_count);
    host->task(host, pairs, pair_count);
    free(all);
    free(topics);
    free(levels);
}

/* ---- topics: the filters are dealt out --------------------------------------------------------
 */

static void deal(const weir_config_host *host, const mqtt_setup *setup, const size_t *task_of,
                 size_t tasks, const char *client_id)
{
    size_t all = setup->filter_count;
    char **filters = mqtt_alloc(all, sizeof(*filters));
    int *qos = mqtt_alloc(all, sizeof(*qos));

    for (size_t task = 0; task < tasks; task++) {
        size_t count = 0;

        for (size_t i = 0; i < all; i++)
            if (task_of[i] == task) {
                filters[count] = setup->filters[i];
                qos[count++] = setup->qos[i];
            }
        add_task(host, setup, &(share_of){filters, qos, count}, client_id);
    }
    free(filters);
    free(qos);
}

static void say_how_many(const weir_config_host *host, const mqtt_setup *setup, size_t tasks)
{
    bool together = tasks < setup->filter_count;

    host->note(host, WEIR_WARN, "tasks.max",
               "%zu task%s will run: there %s %zu topic filter%s%s, and mqtt.task.assignment is "
               "topics. For more, name narrower filters, or let tasks share them (shared)",
               tasks, tasks == 1 ? "" : "s", setup->filter_count == 1 ? "is" : "are",
               setup->filter_count, setup->filter_count == 1 ? "" : "s",
               together ? ", those that overlap stay together" : "");
}

/* ---- shared: every task subscribes to all of them together ------------------------------------
 */

static void share(const weir_config_host *host, const mqtt_setup *setup, size_t tasks,
                  const char *client_id)
{
    char **filters = mqtt_alloc(setup->filter_count, sizeof(*filters));

    for (size_t i = 0; i < setup->filter_count; i++) {
        const char *filter = setup->filters[i];
        size_t room = strlen("$share//") + strlen(setup->share_group) + strlen(filter) + 1;

        filters[i] = mqtt_alloc(room, 1);
        if (strncmp(filter, "$share/", 7) == 0)
            snprintf(filters[i], room, "%s", filter);
        else
            snprintf(filters[i], room, "$share/%s/%s", setup->share_group, filter);
    }
    for (size_t task = 0; task < tasks; task++)
        add_task(host, setup, &(share_of){filters, setup->qos, setup->filter_count}, client_id);
    mqtt_list_free(filters, setup->filter_count);
}

/* What several tasks cannot have in common. */
static void check_several(const weir_config_host *host, const mqtt_setup *setup, size_t tasks)
{
    const mqtt_settings *s = setup->settings;

    if (tasks > 1 && !has_task(s->client_id))
        host->note(host, WEIR_WARN, "mqtt.client.id",
                   "%zu tasks cannot share one client id: '-${task}' is appended", tasks);
    if (tasks > 1 && setup->will.topic && !has_task(s->will_topic))
        host->note(host, WEIR_WARN, "mqtt.will.topic",
                   "%zu tasks say on one topic whether they are there: put ${task} in", tasks);
}

weir_status mqtt_plan(const weir_config_host *host, const void *settings, int32_t max_tasks)
{
    mqtt_findings findings = {.note = to_nobody}; /* validate() has said it all */
    mqtt_setup *setup = mqtt_setup_new(settings, host->connector, -1, &findings);
    size_t tasks = max_tasks > 0 ? (size_t)max_tasks : 1, *task_of;
    char *client_id;

    if (!setup) {
        host->note(host, WEIR_ERROR, NULL, "the configuration is not valid");
        return WEIR_FATAL;
    }
    task_of = mqtt_alloc(setup->filter_count, sizeof(*task_of));
    if (!setup->shared) {
        size_t wanted = tasks;

        tasks = mqtt_deal(setup->filters, setup->filter_count, wanted, task_of);
        if (tasks < wanted)
            say_how_many(host, setup, tasks);
    }
    check_several(host, setup, tasks);
    client_id = client_id_of(setup->settings, tasks);
    mqtt_check_neighbours(host, setup, client_id, tasks);
    if (setup->shared)
        share(host, setup, tasks, client_id);
    else
        deal(host, setup, task_of, tasks, client_id);
    free(task_of);
    free(client_id);
    mqtt_setup_free(setup);
    return WEIR_DONE;
}
