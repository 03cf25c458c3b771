/* kept.c - see kept.h. */
#include "kept.h"

#include "flat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION               1
#define LARGEST               (512u * 1024) /* bytes: an offset is a record, which has a size limit */
#define FILTER                "filter:"
#define GRANTED               "granted:"
#define PREFIXED(key, prefix) (strncmp((key), (prefix), sizeof(prefix) - 1) == 0)
#define BEHIND(key, prefix)   ((key) + sizeof(prefix) - 1)

/* ---- The filters --------------------------------------------------------------------------------
 */

mqtt_kept_filter *mqtt_kept_find(const mqtt_kept *kept, const char *filter)
{
    for (size_t i = 0; i < kept->count; i++)
        if (strcmp(kept->filters[i].name, filter) == 0)
            return &kept->filters[i];
    return NULL;
}

void mqtt_kept_set(mqtt_kept *kept, const char *filter, int asked, int granted)
{
    mqtt_kept_filter *found = mqtt_kept_find(kept, filter);

    if (!found) {
        kept->filters = mqtt_realloc(kept->filters, kept->count + 1, sizeof(*kept->filters));
        found = &kept->filters[kept->count++];
        found->name = mqtt_strndup(filter, strlen(filter));
    }
    found->asked = asked;
    found->granted = granted;
}

void mqtt_kept_remove(mqtt_kept *kept, const char *filter)
{
    mqtt_kept_filter *found = mqtt_kept_find(kept, filter);

    if (!found)
        return;
    free(found->name);
    *found = kept->filters[--kept->count];
}

void mqtt_kept_doubt(mqtt_kept *kept, char *const *filters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mqtt_kept_set(kept, filters[i], -1, -1);
    for (size_t i = 0; i < kept->count; i++)
        kept->filters[i].asked = kept->filters[i].granted = -1;
}

void mqtt_kept_empty(mqtt_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free(kept->filters[i].name);
    free(kept->filters);
    kept->filters = NULL;
    kept->count = 0;
}

/* ---- From and to the host -----------------------------------------------------------------------
 */

typedef struct reading {
    mqtt_kept *kept;
    bool version, strange;
} reading;

static int qos_of(const mqtt_flat_pair *pair)
{
    return pair->kind == MQTT_FLAT_NUMBER && pair->number >= 0 && pair->number <= 2
               ? (int)pair->number
               : -1;
}

static void on_filter(reading *r, const mqtt_flat_pair *pair)
{
    const char *filter = BEHIND(pair->key, FILTER);
    mqtt_kept_filter *found = mqtt_kept_find(r->kept, filter);
    int asked = qos_of(pair);

    /* "granted:" may have come before it. */
    mqtt_kept_set(r->kept, filter, asked, found && found->granted >= 0 ? found->granted : asked);
}

static void on_granted(reading *r, const mqtt_flat_pair *pair)
{
    const char *filter = BEHIND(pair->key, GRANTED);
    mqtt_kept_filter *found = mqtt_kept_find(r->kept, filter);

    mqtt_kept_set(r->kept, filter, found ? found->asked : -1, qos_of(pair));
}

static void on_pair(void *ctx, const mqtt_flat_pair *pair)
{
    reading *r = ctx;
    bool number = pair->kind == MQTT_FLAT_NUMBER;

    if (PREFIXED(pair->key, FILTER))
        on_filter(r, pair);
    else if (PREFIXED(pair->key, GRANTED))
        on_granted(r, pair);
    else if (strcmp(pair->key, "version") == 0)
        r->version = number && pair->number == VERSION;
    else if (strcmp(pair->key, "epoch") == 0 && number)
        r->kept->epoch = pair->number;
    else if (strcmp(pair->key, "seen") == 0 && number)
        r->kept->seen_unix_ms = pair->number;
    else
        r->strange = true;
}

void mqtt_kept_load(mqtt_kept *ret_kept, const weir_host *host, const char *client_id,
                    const mqtt_endpoint *broker)
{
    reading r = {.kept = ret_kept};
    mqtt_bytes partition = {0}, name = {0};
    const char *json;

    *ret_kept = (mqtt_kept){.seen_unix_ms = -1};
    mqtt_bytes_append(&name, broker->host, strlen(broker->host));
    mqtt_bytes_append(&name, ":", 1);
    mqtt_bytes_append(&name, broker->port, strlen(broker->port) + 1);
    mqtt_flat_open(&partition);
    mqtt_flat_put_text(&partition, "", "broker", (const char *)name.data);
    mqtt_flat_put_text(&partition, "", "client.id", client_id);
    mqtt_flat_close(&partition);
    mqtt_bytes_free(&name);
    ret_kept->partition = (char *)partition.data;
    json = WEIR_HAS(host, offset) ? host->offset(host, ret_kept->partition) : NULL;
    if (!json)
        return;
    ret_kept->known = mqtt_flat_read(json, on_pair, &r) && r.version && !r.strange;
    if (ret_kept->known)
        return;
    mqtt_kept_empty(ret_kept);
    ret_kept->epoch = 0;
    ret_kept->seen_unix_ms = -1;
}

void mqtt_kept_clear(mqtt_kept *kept)
{
    mqtt_kept_empty(kept);
    mqtt_bytes_free(&kept->stored);
    free(kept->partition);
    *kept = (mqtt_kept){.seen_unix_ms = -1};
}

static void write_filter(mqtt_bytes *out, const mqtt_kept_filter *filter, bool in_doubt)
{
    if (in_doubt || filter->asked < 0) {
        mqtt_flat_put_null(out, FILTER, filter->name);
        return;
    }
    mqtt_flat_put_number(out, FILTER, filter->name, filter->asked);
    if (filter->granted >= 0 && filter->granted != filter->asked)
        mqtt_flat_put_number(out, GRANTED, filter->name, filter->granted);
}

void mqtt_kept_store(mqtt_kept *kept, const weir_host *host, bool in_doubt, char *const *filters,
                     size_t count)
{
    mqtt_bytes text = {0};
    bool same;

    if (!WEIR_HAS(host, keep_offset))
        return;
    mqtt_flat_open(&text);
    mqtt_flat_put_number(&text, "", "version", VERSION);
    mqtt_flat_put_number(&text, "", "epoch", kept->epoch);
    if (kept->seen_unix_ms >= 0)
        mqtt_flat_put_number(&text, "", "seen", kept->seen_unix_ms);
    for (size_t i = 0; i < kept->count; i++)
        write_filter(&text, &kept->filters[i], in_doubt);
    for (size_t i = 0; in_doubt && i < count; i++)
        if (!mqtt_kept_find(kept, filters[i]))
            mqtt_flat_put_null(&text, FILTER, filters[i]);
    mqtt_flat_close(&text);
    same = mqtt_bytes_size(&text) == mqtt_bytes_size(&kept->stored) &&
           memcmp(text.data, kept->stored.data, mqtt_bytes_size(&text)) == 0;
    /* Without it everything is subscribed anew, and that is always right. */
    if (!same && mqtt_bytes_size(&text) > LARGEST)
        host->keep_offset(host, kept->partition, NULL);
    else if (!same)
        host->keep_offset(host, kept->partition, (const char *)text.data);
    mqtt_bytes_free(&kept->stored);
    kept->stored = text;
}

void mqtt_kept_forget(mqtt_kept *kept, const weir_host *host)
{
    bool was_known = kept->known;

    mqtt_kept_empty(kept);
    mqtt_bytes_free(&kept->stored);
    kept->known = false;
    kept->seen_unix_ms = -1;
    if (was_known && WEIR_HAS(host, keep_offset))
        host->keep_offset(host, kept->partition, NULL);
}
