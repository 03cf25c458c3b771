/* retells.c - not broken: says its config in other words. normalise() makes user and password of
 * Retells.login ("user:password"), plan() a task for each of retells.items, with an id of its own,
 * a text around the password, and what else it was told in retells.change. */
#include "idle_source.h"

#include <stdio.h>
#include <string.h>

typedef struct settings {
    const char *user, *password, *items, *id, *change, *note;
    int64_t number;
} settings;

static const weir_option options[] = {
    {"retells.user", WEIR_FIELD(settings, user), .fallback = WEIR_UNSET},
    {"retells.password", WEIR_FIELD(settings, password), .fallback = WEIR_UNSET, .secret = true},
    {"retells.items", WEIR_FIELD(settings, items), .fallback = "one", .list = true},
    {"retells.id", WEIR_FIELD(settings, id), .fallback = "id"},
    {"retells.change", WEIR_FIELD(settings, change), .fallback = ""},
    {"retells.note", WEIR_FIELD(settings, note), .fallback = ""},
    {"retells.number", WEIR_FIELD(settings, number), .fallback = "1", .min = 1, .max = 9},
    {0},
};

static weir_status normalise(const weir_config_host *host, const weir_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *colon = pairs[i].value ? strrchr(pairs[i].value, ':') : NULL;
        char user[256];

        if (strcmp(pairs[i].key, "Retells.login") != 0) {
            host->set(host, pairs[i].key, pairs[i].value);
            continue;
        }
        if (!colon)
            return WEIR_FATAL;
        snprintf(user, sizeof(user), "%.*s", (int)(colon - pairs[i].value), pairs[i].value);
        host->set(host, "retells.user", user);
        host->set(host, "retells.password", colon + 1);
    }
    return WEIR_DONE;
}

static weir_status validate(const weir_config_host *host, const void *self)
{
    const settings *s = self;

    if (*s->note)
        host->note(host, strcmp(s->note, "error") == 0 ? WEIR_ERROR : WEIR_WARN, NULL,
                   "I was told %s, %s, %s and %s", s->user, s->password, s->items, s->id);
    return WEIR_DONE;
}

static weir_status plan(const weir_config_host *host, const void *self, int32_t max_tasks)
{
    const settings *s = self;
    char items[256], *rest = items;
    int number = 0;

    (void)max_tasks;
    for (size_t i = 0; i < host->neighbour_count; i++)
        for (size_t pair = 0; pair < host->neighbours[i].count; pair++)
            if (strcmp(host->neighbours[i].pairs[pair].key, "retells.id") == 0)
                host->note(host, WEIR_WARN, "retells.id", "%s has id %s",
                           host->neighbours[i].connector, host->neighbours[i].pairs[pair].value);
    snprintf(items, sizeof(items), "%s", s->items);
    for (char *item = strsep(&rest, ","); item; item = strsep(&rest, ","), number++) {
        char id[64], built[128];
        const weir_pair pairs[] = {{"retells.items", item},
                                   {"retells.id", id},
                                   {"built", built},
                                   {"retells.password", s->change}};

        snprintf(id, sizeof(id), "%s-%d", s->id, number);
        snprintf(built, sizeof(built), "login %s with %s", s->user, s->password);
        host->task(host, pairs, *s->change ? 4 : 3);
    }
    return WEIR_DONE;
}

static const weir_source source = {IDLE_SOURCE};
static const char *const neighbour_keys[] = {"retells.id", NULL};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "retells",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
    .normalise = normalise,
    .validate = validate,
    .plan = plan,
    .neighbour_keys = neighbour_keys,
};
