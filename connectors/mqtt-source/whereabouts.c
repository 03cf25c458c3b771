/* whereabouts.c - see whereabouts.h. */
#include "whereabouts.h"

#include "flat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1

typedef struct whereabouts {
    char *client_id, *brokers;
    int64_t plan; /* 0: none */
    bool version;
} whereabouts;

static void partition_of(int64_t task, char *text, size_t room)
{
    snprintf(text, room, "{\"task\":%lld}", (long long)task);
}

static void on_pair(void *ctx, const mqtt_flat_pair *pair)
{
    whereabouts *w = ctx;
    char **to = strcmp(pair->key, "client.id") == 0 ? &w->client_id
                : strcmp(pair->key, "brokers") == 0 ? &w->brokers
                                                    : NULL;

    if (strcmp(pair->key, "version") == 0)
        w->version = pair->kind == MQTT_FLAT_NUMBER && pair->number == VERSION;
    if (strcmp(pair->key, "plan") == 0 && pair->kind == MQTT_FLAT_NUMBER)
        w->plan = pair->number;
    if (!to || pair->kind != MQTT_FLAT_TEXT)
        return;
    free(*to);
    *to = mqtt_strndup(pair->text, strlen(pair->text));
}

static void clear(whereabouts *w)
{
    free(w->client_id);
    free(w->brokers);
    *w = (whereabouts){.plan = 0};
}

/* False: it is not known. The caller clears it. */
static bool parse(const char *json, whereabouts *ret_where)
{
    *ret_where = (whereabouts){.plan = 0};
    if (json && mqtt_flat_read(json, on_pair, ret_where) && ret_where->version &&
        ret_where->client_id && ret_where->brokers)
        return true;
    clear(ret_where);
    return false;
}

static bool look(const weir_host *host, int64_t task, whereabouts *ret_where)
{
    char partition[48];

    partition_of(task, partition, sizeof(partition));
    return parse(WEIR_HAS(host, offset) ? host->offset(host, partition) : NULL, ret_where);
}

static void keep(const weir_host *host, const char *partition, const whereabouts *where)
{
    mqtt_bytes text = {0};

    mqtt_flat_open(&text);
    mqtt_flat_put_number(&text, "", "version", VERSION);
    mqtt_flat_put_text(&text, "", "client.id", where->client_id);
    mqtt_flat_put_text(&text, "", "brokers", where->brokers);
    if (where->plan)
        mqtt_flat_put_number(&text, "", "plan", where->plan);
    mqtt_flat_close(&text);
    host->keep_offset(host, partition, (const char *)text.data);
    mqtt_bytes_free(&text);
}

/* "host:port,host:port"; to be freed. */
static char *brokers_of(const mqtt_setup *setup)
{
    mqtt_bytes text = {0};

    for (size_t i = 0; i < setup->endpoint_count; i++) {
        const mqtt_endpoint *broker = &setup->endpoints[i];

        if (i)
            mqtt_bytes_append(&text, ",", 1);
        mqtt_bytes_append(&text, broker->host, strlen(broker->host));
        mqtt_bytes_append(&text, ":", 1);
        mqtt_bytes_append(&text, broker->port, strlen(broker->port));
    }
    mqtt_bytes_append(&text, "", 1);
    return (char *)text.data;
}

static bool lists(const char *brokers, const char *broker, size_t size)
{
    for (const char *at = brokers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, broker, size) == 0 && (at[size] == ',' || !at[size]))
            return true;
    }
    return false;
}

/* Those of `old` that are not in `now`; to be freed. */
static char *gone(const char *old, const char *now)
{
    mqtt_bytes text = {0};

    for (const char *at = old; *at;) {
        size_t size = strcspn(at, ",");

        if (!lists(now, at, size)) {
            if (mqtt_bytes_size(&text))
                mqtt_bytes_append(&text, ", ", 2);
            mqtt_bytes_append(&text, at, size);
        }
        at += size + (at[size] == ',');
    }
    mqtt_bytes_append(&text, "", 1);
    return (char *)text.data;
}

/* Does one end where the other does not, and in "-0"? */
static bool differ_by_task(const char *one, const char *other)
{
    size_t a = strlen(one), b = strlen(other), less = a < b ? a : b;

    return strncmp(one, other, less) == 0 && strcmp((a < b ? other : one) + less, "-0") == 0;
}

/* It is our own: what is in it is not left behind. */
static void leave_to_the_estate(const weir_host *host, const whereabouts *old)
{
    mqtt_bytes partition = {0};

    mqtt_flat_open(&partition);
    mqtt_flat_put_text(&partition, "", "session", old->client_id);
    mqtt_flat_close(&partition);
    keep(host, (const char *)partition.data, old);
    mqtt_bytes_free(&partition);
}

static void warn(const weir_host *host, const whereabouts *old, const mqtt_setup *setup,
                 const char *brokers)
{
    bool other_id = strcmp(old->client_id, setup->client_id) != 0;
    char *left =
        other_id ? mqtt_strndup(old->brokers, strlen(old->brokers)) : gone(old->brokers, brokers);

    if (*left)
        host->log(host, WEIR_WARN,
                  "the session '%s' is left at %s, with its subscriptions and what is queued in "
                  "it, because %s changed. To end it, connect once under that id with a clean "
                  "session; to read its queue, change back",
                  old->client_id, left, other_id ? "mqtt.client.id" : "mqtt.server.uri");
    free(left);
}

static bool keeps(const weir_host *host)
{
    return WEIR_HAS(host, offset) && WEIR_HAS(host, keep_offset);
}

void mqtt_whereabouts_note(const weir_host *host, const mqtt_setup *setup)
{
    whereabouts old, now = {.client_id = setup->client_id};
    char partition[48];
    bool known;

    if (!keeps(host))
        return;
    known = look(host, host->task, &old);
    now.brokers = brokers_of(setup);
    partition_of(host->task, partition, sizeof(partition));
    if (known && WEIR_HAS(host, each_offset) && host->task == 0 && !setup->settings->clean &&
        differ_by_task(old.client_id, now.client_id))
        leave_to_the_estate(host, &old);
    else if (known)
        warn(host, &old, setup, now.brokers);
    if (setup->settings->clean)
        mqtt_whereabouts_forget(host); /* nothing of this one stays anywhere */
    else if (!known || strcmp(old.client_id, now.client_id) != 0 ||
             strcmp(old.brokers, now.brokers) != 0)
        keep(host, partition, &now);
    clear(&old);
    free(now.brokers);
}

void mqtt_whereabouts_forget(const weir_host *host)
{
    char partition[48];

    partition_of(host->task, partition, sizeof(partition));
    if (keeps(host) && host->offset(host, partition))
        host->keep_offset(host, partition, NULL);
}

/* ---- The tasks of a plan ------------------------------------------------------------------------
 */

void mqtt_whereabouts_settled(const weir_host *host, const mqtt_setup *setup)
{
    whereabouts now;
    char partition[48];

    if (!WEIR_HAS(host, plan) || !keeps(host) || setup->settings->clean ||
        !look(host, host->task, &now))
        return;
    partition_of(host->task, partition, sizeof(partition));
    if (now.plan != host->plan) {
        now.plan = host->plan;
        keep(host, partition, &now);
    }
    clear(&now);
}

bool mqtt_whereabouts_others_settled(const weir_host *host)
{
    bool all = true;

    if (!WEIR_HAS(host, plan) || !WEIR_HAS(host, tasks))
        return true;
    for (int32_t task = 0; all && task < host->tasks; task++) {
        whereabouts its;

        if (task == host->task)
            continue;
        all = look(host, task, &its) && its.plan == host->plan;
        clear(&its);
    }
    return all;
}

/* ---- Orphans ------------------------------------------------------------------------------------
 */

typedef struct finding {
    const weir_host *host;
    int32_t tasks;
    mqtt_orphan *list;
    size_t count;
} finding;

static void on_partition(void *ctx, const mqtt_flat_pair *pair)
{
    int64_t *task = ctx;

    if (strcmp(pair->key, "task") == 0 && pair->kind == MQTT_FLAT_NUMBER)
        *task = pair->number;
    else if (strcmp(pair->key, "session") == 0 && pair->kind == MQTT_FLAT_TEXT)
        *task = -1;
}

static void on_offset(void *ctx, const char *partition_json, const char *offset_json)
{
    finding *f = ctx;
    int64_t task = -2; /* what is kept for a session at one broker is neither */
    whereabouts its;

    if (!mqtt_flat_read(partition_json, on_partition, &task) || task == -2 ||
        (task >= 0 && task < f->tasks) || (task < 0 ? 0 : task % f->tasks) != f->host->task)
        return;
    if (!parse(offset_json, &its))
        return;
    f->list = mqtt_realloc(f->list, f->count + 1, sizeof(*f->list));
    f->list[f->count++] =
        (mqtt_orphan){.partition = mqtt_strndup(partition_json, strlen(partition_json)),
                      .client_id = its.client_id,
                      .brokers = its.brokers,
                      .task = task};
}

static void clear_orphan(mqtt_orphan *orphan)
{
    free(orphan->partition);
    free(orphan->client_id);
    free(orphan->brokers);
}

/* Has one of the connector's tasks that id now? Then it is no orphan's any more. */
static bool is_in_use(const weir_host *host, int32_t tasks, const char *own_id,
                      const mqtt_orphan *orphan)
{
    bool used = strcmp(orphan->client_id, own_id) == 0;

    for (int32_t task = 0; !used && task < tasks; task++) {
        whereabouts its;

        used = look(host, task, &its) && strcmp(its.client_id, orphan->client_id) == 0;
        clear(&its);
    }
    return used;
}

mqtt_orphan *mqtt_orphans_find(const weir_host *host, int32_t tasks, const char *own_id,
                               size_t *ret_count)
{
    finding f = {.host = host, .tasks = tasks > 0 ? tasks : 1};
    size_t left = 0;

    if (WEIR_HAS(host, each_offset) && keeps(host))
        host->each_offset(host, on_offset, &f);
    for (size_t i = 0; i < f.count; i++) {
        /* This task may have let go of it a moment ago. */
        bool gone_by_now = !host->offset(host, f.list[i].partition);

        if (!gone_by_now && is_in_use(host, f.tasks, own_id, &f.list[i])) {
            host->keep_offset(host, f.list[i].partition, NULL);
            gone_by_now = true;
        }
        if (gone_by_now)
            clear_orphan(&f.list[i]);
        else
            f.list[left++] = f.list[i];
    }
    *ret_count = left;
    return f.list;
}

void mqtt_orphans_free(mqtt_orphan *orphans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        clear_orphan(&orphans[i]);
    free(orphans);
}

bool mqtt_orphan_is_at(const mqtt_orphan *orphan, const mqtt_endpoint *broker)
{
    mqtt_bytes name = {0};
    bool is;

    mqtt_bytes_append(&name, broker->host, strlen(broker->host));
    mqtt_bytes_append(&name, ":", 1);
    mqtt_bytes_append(&name, broker->port, strlen(broker->port));
    is = lists(orphan->brokers, (const char *)name.data, mqtt_bytes_size(&name));
    mqtt_bytes_free(&name);
    return is;
}
