/* plan.c - validate() and plan(): which task reads which filter, under which client id. */
#include "neighbours.h"
#include "settings.h"
#include "slots.h"
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

static bool has_task(const char *client_id)
{
    return strstr(client_id, "${task}");
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

static void add_task(const weir_config_host *host, const mqtt_setup *setup, char *const *filters,
                     const int *qos, size_t count, const char *client_id)
{
    char *topics = mqtt_list_join(filters, count);
    char *levels = mqtt_alloc(2 * count + 1, 1);
    weir_pair pairs[3 + MQTT_CONVERTER_PAIRS] = {
        {"mqtt.topics", topics}, {"mqtt.qos", levels}, {"mqtt.client.id", client_id}};
    size_t pair_count = 3;

    for (size_t i = 0; i < count; i++)
        snprintf(levels + 2 * i, 3, "%d%s", qos[i], i + 1 < count ? "," : "");
    pair_count += mqtt_converter_pairs(host, setup->settings->format, pairs + pair_count);
    host->task(host, pairs, pair_count);
    free(topics);
    free(levels);
}

/* ---- topics: the filters are dealt out --------------------------------------------------------
 */

typedef struct card {
    uint64_t hash;
    size_t filter;
} card;

static int by_hash(const void *a, const void *b)
{
    const card *left = a, *right = b;

    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return left->filter < right->filter ? -1 : 1;
}

/* In the order of their hashes, so that it does not matter in which order they were written. */
static void deal(const weir_config_host *host, const mqtt_setup *setup, size_t tasks,
                 const char *client_id)
{
    card *cards = mqtt_alloc(setup->filter_count, sizeof(*cards));
    char **filters = mqtt_alloc(setup->filter_count, sizeof(*filters));
    int *qos = mqtt_alloc(setup->filter_count, sizeof(*qos));

    for (size_t i = 0; i < setup->filter_count; i++)
        cards[i] = (card){mqtt_hash(setup->filters[i], strlen(setup->filters[i]), "", 0), i};
    if (tasks > 1) /* one task keeps the order as written */
        qsort(cards, setup->filter_count, sizeof(*cards), by_hash);
    for (size_t task = 0; task < tasks; task++) {
        size_t count = 0;

        for (size_t i = task; i < setup->filter_count; i += tasks, count++) {
            filters[count] = setup->filters[cards[i].filter];
            qos[count] = setup->qos[cards[i].filter];
        }
        add_task(host, setup, filters, qos, count, client_id);
    }
    free(cards);
    free(filters);
    free(qos);
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
        add_task(host, setup, filters, setup->qos, setup->filter_count, client_id);
    mqtt_list_free(filters, setup->filter_count);
}

weir_status mqtt_plan(const weir_config_host *host, const void *settings, int32_t max_tasks)
{
    mqtt_findings findings = {.note = to_nobody}; /* validate() has said it all */
    mqtt_setup *setup = mqtt_setup_new(settings, host->connector, -1, &findings);
    size_t tasks = max_tasks > 0 ? (size_t)max_tasks : 1;
    char *client_id;

    if (!setup) {
        host->note(host, WEIR_ERROR, NULL, "the configuration is not valid");
        return WEIR_FATAL;
    }
    if (!setup->shared && tasks > setup->filter_count) {
        host->note(host, WEIR_WARN, "tasks.max",
                   "%zu task%s will run: there %s %zu topic filter%s, and mqtt.task.assignment is "
                   "topics",
                   setup->filter_count, setup->filter_count == 1 ? "" : "s",
                   setup->filter_count == 1 ? "is" : "are", setup->filter_count,
                   setup->filter_count == 1 ? "" : "s");
        tasks = setup->filter_count;
    }
    client_id = client_id_of(settings, tasks);
    if (tasks > 1 && !has_task(((const mqtt_settings *)settings)->client_id))
        host->note(host, WEIR_WARN, "mqtt.client.id",
                   "%zu tasks cannot share one client id: '-${task}' is appended", tasks);
    mqtt_check_neighbours(host, setup, client_id, tasks);
    if (setup->shared)
        share(host, setup, tasks, client_id);
    else
        deal(host, setup, tasks, client_id);
    free(client_id);
    mqtt_setup_free(setup);
    return WEIR_DONE;
}
