/* bad_plan.c - broken: plan() breaks its side of the contract, in the way that the key `bad.plan`
 * says; `bad.normalise` does the same for normalise(), `bad.validate` for validate(), `bad.probe`
 * for probe(). */
#include "idle_source.h"

#include <string.h>

typedef struct settings {
    const char *plan, *normalise, *validate, *probe, *secret, *unknown;
    int64_t number;
    const weir_pair *family, *hidden;
} settings;

static const weir_option options[] = {
    {"bad.plan", WEIR_FIELD(settings, plan), .fallback = ""},
    {"bad.normalise", WEIR_FIELD(settings, normalise), .fallback = ""},
    {"bad.validate", WEIR_FIELD(settings, validate), .fallback = ""},
    {"bad.probe", WEIR_FIELD(settings, probe), .fallback = ""},
    {"config.unknown.keys", WEIR_FIELD(settings, unknown), .fallback = "warn"},
    {"bad.family.", WEIR_FIELD(settings, family), .fallback = ""},
    {"bad.hidden.", WEIR_FIELD(settings, hidden), .fallback = "", .secret = true},
    {"bad.secret", WEIR_FIELD(settings, secret), .fallback = WEIR_UNSET, .secret = true},
    {"bad.number", WEIR_FIELD(settings, number), .fallback = "1", .min = 1, .max = 9},
    {0},
};

static const char *find(const weir_pair *pairs, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].key, key) == 0 && pairs[i].value)
            return pairs[i].value;
    return "";
}

static weir_status normalise(const weir_config_host *host, const weir_pair *pairs, size_t count)
{
    const char *how = find(pairs, count, "bad.normalise");

    if (strcmp(how, "silent") == 0)
        return WEIR_FATAL;
    if (strcmp(how, "null key") == 0)
        host->set(host, NULL, "1");
    if (strcmp(how, "not utf-8") == 0)
        host->set(host, "bad.plan", "\xff");
    if (strcmp(how, "endless") == 0)
        for (;;)
            host->note(host, WEIR_WARN, NULL, "and another thing");
    if (strcmp(how, "contradict") == 0)
        host->note(host, WEIR_ERROR, "Alias.Password", "contradicts another key");
    if (strcmp(how, "task") == 0)
        host->task(host, NULL, 0);
    for (size_t i = 0; i < count; i++)
        host->set(host, strcmp(pairs[i].key, "Alias.number") == 0 ? "bad.number" : pairs[i].key,
                  pairs[i].value);
    return WEIR_DONE;
}

static weir_status validate(const weir_config_host *host, const void *self)
{
    const settings *s = self;

    if (strcmp(s->validate, "refuse") == 0)
        host->note(host, WEIR_ERROR, "bad.number", "number %d does not go with it", 1);
    for (const weir_pair *pair = s->family; pair->key; pair++)
        if (strcmp(pair->value, "wrong") == 0)
            host->note(host, WEIR_ERROR, "bad.family.odd", "'%s' is no member", pair->key);
    for (const weir_pair *pair = s->hidden; pair->key; pair++)
        host->note(host, WEIR_ERROR, "bad.hidden.odd", "'%s' is no good member", pair->value);
    if (strcmp(s->validate, "refuse all") == 0)
        host->note(host, WEIR_ERROR, NULL, "nothing goes with it");
    if (strcmp(s->validate, "leak") == 0) {
        host->note(host, WEIR_ERROR, "bad.secret", "'%s' is no good secret", s->secret);
        host->note(host, WEIR_WARN, "bad.secret", "did you say %s, really %s?", s->secret,
                   s->secret);
    }
    if (strncmp(s->validate, "get ", 4) == 0) {
        const char *value = host->get(host, s->validate + 4);

        host->note(host, WEIR_WARN, "bad.validate", "%s", value ? value : "(none)");
    }
    if (strcmp(s->validate, "warn") == 0)
        host->note(host, WEIR_WARN, "bad.number", "number is small");
    return strcmp(s->validate, "retry") == 0 ? WEIR_RETRY : WEIR_DONE;
}

static weir_status probe(const weir_config_host *host, const void *self)
{
    const settings *s = self;

    if (strcmp(s->probe, "refuse") == 0)
        host->note(host, WEIR_ERROR, "bad.number", "nobody answers at this number");
    else if (strcmp(s->probe, "plan") == 0)
        host->task(host, NULL, 0);
    else if (strcmp(s->probe, "silent") == 0)
        return WEIR_FATAL;
    else
        host->note(host, WEIR_INFO, "bad.number", "somebody answers");
    return WEIR_DONE;
}

static void many(const weir_config_host *host, size_t count)
{
    for (size_t i = 0; i < count; i++)
        host->task(host, NULL, 0);
}

static void name_neighbours(const weir_config_host *host)
{
    for (size_t i = 0; i < host->neighbour_count; i++) {
        const weir_neighbour *other = &host->neighbours[i];

        host->note(host, WEIR_INFO, NULL, "%s/%d has share=%s", other->connector, (int)other->task,
                   find(other->pairs, other->count, "share"));
        if (*find(other->pairs, other->count, "bad.number"))
            host->note(host, WEIR_ERROR, NULL, "that is none of my business");
    }
}

static weir_status plan(const weir_config_host *host, const void *self, int32_t max_tasks)
{
    const settings *s = self;
    const weir_pair null_key[] = {{NULL, "1"}}, null_value[] = {{"a", NULL}},
                    garbage[] = {{"a", "\xc3\x28"}}, fine[] = {{"share", "1"}},
                    bad[] = {{"bad.number", "10"}};

    if (strcmp(s->plan, "no task") == 0)
        return WEIR_DONE;
    if (strcmp(s->plan, "one too many") == 0)
        many(host, (size_t)max_tasks + 1);
    else if (strcmp(s->plan, "absurd") == 0)
        many(host, 1000000);
    else if (strcmp(s->plan, "null key") == 0)
        host->task(host, null_key, 1);
    else if (strcmp(s->plan, "null value") == 0)
        host->task(host, null_value, 1);
    else if (strcmp(s->plan, "null pairs") == 0)
        host->task(host, NULL, 3);
    else if (strcmp(s->plan, "endless pairs") == 0)
        host->task(host, fine, SIZE_MAX);
    else if (strcmp(s->plan, "not utf-8") == 0)
        host->task(host, garbage, 1);
    else if (strcmp(s->plan, "bad value") == 0)
        host->task(host, bad, 1);
    else if (strcmp(s->plan, "after error") == 0)
        host->note(host, WEIR_ERROR, "bad.number", "no plan for this number"), many(host, 1);
    else if (strcmp(s->plan, "neighbours") == 0)
        name_neighbours(host), many(host, 1);
    else if (strcmp(s->plan, "silent") == 0)
        return WEIR_FATAL;
    else if (strcmp(s->plan, "no status") == 0)
        return (weir_status)99;
    else if (strcmp(s->plan, "set") == 0)
        host->set(host, "a", "b"), many(host, 1);
    else
        host->task(host, fine, 1);
    return WEIR_DONE;
}

static const weir_source source = {IDLE_SOURCE};
static const char *const neighbour_keys[] = {"share", NULL};
static const char *const aliases[] = {"BadPlan", "com.example.BadPlanConnector", NULL};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "bad-plan",
    .version = "1.0.0",
    .aliases = aliases,
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
    .normalise = normalise,
    .validate = validate,
    .plan = plan,
    .probe = probe,
    .neighbour_keys = neighbour_keys,
};
