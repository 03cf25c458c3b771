/* check_plugin.c - the calls into a plugin that make tasks out of a config.
 *
 * Whatever it says, sets or plans is looked at before it is believed: text must be UTF-8, counts
 * must be sane, and every failure ends in words that name connector and plugin.
 */
#include "plugin/check_internal.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One call's host: the first thing wrong with what the plugin does ends it. */
typedef struct call {
    weir_config_host host; /* first: the plugin's pointer is ours */
    weir_examination *x;
    const char *name; /* "plan()" */
    weir_props *set;  /* where set() goes; NULL: not now */
    bool planning;
    bool quiet; /* a rehearsal: what it notes was said before */
    bool refused;
    size_t set_count, note_count;
} call;

static call *call_of(const weir_config_host *host)
{
    return host->ctx;
}

/* The plugin's own failure; the first one stands. */
static void fail(call *c, const char *fmt, ...) WEIR_FORMAT(2, 3);
static void fail(call *c, const char *fmt, ...)
{
    weir_err *failure = &c->x->failure;
    va_list args;

    c->refused = true;
    if (c->quiet || failure->code != WEIR_OK)
        return;
    va_start(args, fmt);
    weir_vfail(failure, WEIR_FAILED, fmt, args);
    va_end(args);
    weir_fail_in(failure, "connector '%s': %s of plugin '%s'", c->x->connector, c->name,
                 c->x->desc->name);
}

static bool is_utf8(const char *text)
{
    json_t *json = json_string(text);

    json_decref(json);
    return json != NULL;
}

static bool is_good_pair(call *c, const char *what, const char *key, const char *value)
{
    if (!key || *key == '\0')
        fail(c, "%s has a key that is %s", what, key ? "empty" : "NULL");
    else if (!is_utf8(key))
        fail(c, "%s has a key that is not UTF-8", what);
    else if (value && !is_utf8(value))
        fail(c, "%s: the value of '%s' is not UTF-8", what, key);
    else
        return true;
    return false;
}

/* ---- What the host lends ------------------------------------------------------------------ */

static void host_set(const weir_config_host *host, const char *key, const char *value)
{
    call *c = call_of(host);

    if (!c->set)
        fail(c, "called host->set(), which belongs to normalise()");
    else if (c->set_count++ >= WEIR_CHECK_MAX_PAIRS)
        fail(c, "set more than %d keys", WEIR_CHECK_MAX_PAIRS);
    else if (!c->refused && is_good_pair(c, "its result", key, value))
        weir_props_set(c->set, key, value);
}

/* An error of the plugin's, in Kafka's form: it names the key and the value, unless the plugin has
 * named the key itself. */
static void find_at(weir_examination *x, const char *key, const char *text)
{
    const weir_option *option = key ? weir_option_find(x->desc->options, key) : NULL;
    const char *value = key ? weir_examined(x, key) : NULL;
    char *shown = option ? weir_shown_value(option, value) : weir_strdup(value);

    if (key && shown && !strstr(text, key))
        weir_find(x, key, "Invalid value %s for configuration %s: %s", shown, key, text);
    else
        weir_find(x, key ? key : "connector.class", "%s", text);
    free(shown);
}

static void host_note(const weir_config_host *host, weir_level level, const char *key,
                      const char *fmt, ...) WEIR_FORMAT(4, 5);
static void host_note(const weir_config_host *host, weir_level level, const char *key,
                      const char *fmt, ...)
{
    call *c = call_of(host);
    weir_err text;
    va_list args;

    if (c->note_count++ >= WEIR_CHECK_MAX_NOTES)
        fail(c, "had more than %d things to say", WEIR_CHECK_MAX_NOTES);
    c->refused = c->refused || level >= WEIR_ERROR;
    if (c->quiet || c->note_count > WEIR_CHECK_MAX_NOTES)
        return;
    va_start(args, fmt);
    weir_vfail(&text, WEIR_INVALID, fmt ? fmt : "(no text)", args);
    va_end(args);
    if (!is_utf8(text.msg))
        weir_fail(&text, WEIR_INVALID, "(text that is not UTF-8)");
    if (key && (!is_utf8(key) || *key == '\0'))
        key = NULL;
    if (level >= WEIR_ERROR)
        find_at(c->x, key, text.msg);
    else
        weir_check_note(c->x, level, key, text.msg);
}

static void add_task(call *c, const weir_pair *pairs, size_t count)
{
    weir_examination *x = c->x;
    weir_props *task;

    x->tasks = weir_realloc(x->tasks, x->task_count + 1, sizeof(*x->tasks));
    task = &x->tasks[x->task_count++];
    *task = (weir_props)WEIR_PROPS;
    WEIR_PROPS_EACH (pair, &x->normalised)
        if (pair->value)
            weir_props_set(task, pair->key, pair->value);
    for (size_t i = 0; i < count; i++)
        weir_props_set(task, pairs[i].key, pairs[i].value);
    weir_props_set(task, "task.class", x->desc->name);
}

/* What a task could not start with is better known now. */
static bool are_good_pairs(call *c, const char *what, const weir_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const weir_option *option;
        weir_err err;

        if (!is_good_pair(c, what, pairs[i].key, pairs[i].value))
            return false;
        if (!pairs[i].value) {
            fail(c, "%s: key '%s' has no value", what, pairs[i].key);
            return false;
        }
        option = weir_option_find(c->x->desc->options, pairs[i].key);
        if (option && weir_option_check(option, pairs[i].value, &err) != WEIR_OK) {
            fail(c, "%s: %s", what, err.msg);
            return false;
        }
    }
    return true;
}

static void host_task(const weir_config_host *host, const weir_pair *pairs, size_t count)
{
    call *c = call_of(host);
    char what[32];

    if (!c->planning) {
        fail(c, "called host->task(), which belongs to plan()");
        return;
    }
    if (c->refused)
        return; /* whatever comes after an error is not believed */
    snprintf(what, sizeof(what), "task %zu", c->x->task_count);
    if (c->x->task_count >= WEIR_CHECK_MAX_TASKS) {
        fail(c, "made more than %d tasks", WEIR_CHECK_MAX_TASKS);
        return;
    }
    if (count > WEIR_CHECK_MAX_PAIRS || (count > 0 && !pairs)) {
        fail(c, "%s has %zu keys and %s to them", what, count, pairs ? "too many" : "no pointer");
        return;
    }
    if (!are_good_pairs(c, what, pairs, count))
        return;
    add_task(c, pairs, count);
}

static const char *host_get(const weir_config_host *host, const char *key)
{
    const weir_examination *x = call_of(host)->x;

    return weir_converter_key(x, key);
}

static call new_call(weir_examination *x, const char *name)
{
    return (call){
        .host = {.size = sizeof(weir_config_host),
                 .connector = x->connector,
                 .class_as_said = x->class_said,
                 .set = host_set,
                 .task = host_task,
                 .note = host_note,
                 .get = host_get},
        .x = x,
        .name = name,
    };
}

/* A plugin that refuses has to say why. */
static void conclude(call *c, weir_status status)
{
    if (status == WEIR_DONE || c->refused)
        return;
    if ((unsigned)status > WEIR_FATAL)
        fail(c, "returned %d, which is no status", (int)status);
    else
        fail(c, "failed without giving a reason");
}

/* ---- Normalise ---------------------------------------------------------------------------- */

static weir_status normalise(call *c, const weir_props *config, weir_props *result)
{
    c->host.ctx = c;
    c->set = result;
    return c->x->desc->normalise(&c->host, config->pairs, config->count);
}

bool weir_check_normalise_quietly(weir_examination *x, const weir_props *config, weir_props *result)
{
    call c = new_call(x, "normalise()");

    c.quiet = true;
    if (WEIR_HAS(x->desc, normalise))
        return normalise(&c, config, result) == WEIR_DONE;
    weir_props_merge(result, config);
    return true;
}

bool weir_check_normalise(weir_examination *x)
{
    call c = new_call(x, "normalise()");
    weir_status status = WEIR_DONE;

    if (!WEIR_HAS(x->desc, normalise))
        weir_props_merge(&x->normalised, x->config);
    else
        status = normalise(&c, x->config, &x->normalised);
    conclude(&c, status);
    /* Who it is must survive any rewriting. */
    if (*x->connector)
        weir_props_set(&x->normalised, "name", x->connector);
    if (!weir_props_get(&x->normalised, "connector.class"))
        weir_props_set(&x->normalised, "connector.class", x->class_said);
    return status == WEIR_DONE && x->failure.code == WEIR_OK;
}

/* ---- Options ------------------------------------------------------------------------------ */

/* Which posted key does the value of `key` come from? normalise() is a pure function, so it is the
 * one without which the value is another. NULL: from itself, or nobody's. */
static const char *posted_as(weir_examination *x, const char *key)
{
    const char *origin = NULL;

    if (!WEIR_HAS(x->desc, normalise) || weir_props_has(x->config, key))
        return NULL;
    WEIR_PROPS_EACH (pair, x->config) {
        weir_props without = WEIR_PROPS, result = WEIR_PROPS;

        if (origin || strcmp(pair->key, "connector.class") == 0)
            continue;
        weir_props_merge(&without, x->config);
        weir_props_remove(&without, pair->key);
        if (weir_check_normalise_quietly(x, &without, &result) &&
            !weir_same(weir_props_get(&result, key), weir_props_get(&x->normalised, key)))
            origin = pair->key;
        weir_props_clear(&without);
        weir_props_clear(&result);
    }
    return origin;
}

void weir_check_plugin_options(weir_examination *x)
{
    for (const weir_option *option = x->desc->options; option->name; option++) {
        const char *value = weir_props_get(&x->normalised, option->name);
        weir_option as_posted = *option;
        const char *origin = NULL;
        weir_err err;

        if (weir_findings_of(x, option->name) > 0 ||
            weir_option_check(option, value, &err) == WEIR_OK)
            continue;
        if (value)
            origin = posted_as(x, option->name);
        if (origin && weir_findings_of(x, origin) > 0)
            continue; /* the plugin has said something better about it */
        if (origin)
            as_posted.name = origin;
        if (weir_option_check(&as_posted, value, &err) != WEIR_OK)
            weir_find(x, as_posted.name, "%s", err.msg);
    }
}

/* ---- Validate and plan -------------------------------------------------------------------- */

static weir_settings *settings_of(weir_examination *x, call *c)
{
    weir_settings *settings = NULL;
    weir_err err;

    if (weir_settings_new(x->desc->options, x->desc->settings_size, &x->normalised, &settings,
                          &err) != WEIR_OK)
        fail(c, "has no settings: %s", err.msg);
    return settings;
}

void weir_check_validate(weir_examination *x)
{
    call c = new_call(x, "validate()");
    weir_settings *settings;

    if (!WEIR_HAS(x->desc, validate))
        return;
    c.host.ctx = &c;
    settings = settings_of(x, &c);
    if (settings)
        conclude(&c, x->desc->validate(&c.host, weir_settings_get(settings)));
    weir_settings_free(settings);
}

static void judge_count(weir_examination *x, call *c)
{
    const char *enforce = weir_examined(x, "tasks.max.enforce");
    char *text;

    if (c->refused)
        return;
    if (x->task_count == 0) {
        fail(c, "made no task");
        return;
    }
    if ((int64_t)x->task_count <= x->tasks_max)
        return;
    text = weir_format("made %zu tasks, more than tasks.max, which is %lld", x->task_count,
                       (long long)x->tasks_max);
    if (!enforce || strcasecmp(enforce, "false") != 0)
        fail(c, "%s", text);
    else
        weir_check_note(x, WEIR_WARN, "tasks.max", text);
    free(text);
}

bool weir_is_neighbour(const weir_plugin_desc *desc, const weir_props *config)
{
    return WEIR_HAS(desc, neighbour_keys) &&
           weir_same(weir_props_get(config, "task.class"), desc->name);
}

/* Those of the plugin's; the caller's to free(). */
static weir_neighbour *find_neighbours(const weir_examination *x, size_t *ret_count)
{
    size_t all = x->request->neighbour_count, count = 0;
    weir_neighbour *found = weir_new_array(weir_neighbour, all);

    for (size_t i = 0; i < all; i++) {
        const weir_check_neighbour *other = &x->neighbours[i];

        if (weir_is_neighbour(x->desc, other->config))
            found[count++] = (weir_neighbour){.connector = other->connector,
                                              .task = other->task,
                                              .pairs = other->config->pairs,
                                              .count = other->config->count};
    }
    *ret_count = count;
    return found;
}

void weir_check_plan(weir_examination *x)
{
    call c = new_call(x, "plan()");
    weir_settings *settings;
    weir_neighbour *neighbours;

    if (!WEIR_HAS(x->desc, plan)) {
        add_task(&c, NULL, 0);
        return;
    }
    c.host.ctx = &c;
    c.planning = true;
    neighbours = find_neighbours(x, &c.host.neighbour_count);
    c.host.neighbours = c.host.neighbour_count ? neighbours : NULL;
    settings = settings_of(x, &c);
    if (settings) {
        conclude(&c, x->desc->plan(&c.host, weir_settings_get(settings), (int32_t)x->tasks_max));
        judge_count(x, &c);
    }
    weir_settings_free(settings);
    free(neighbours);
}

/* ---- Probe -------------------------------------------------------------------------------- */

void weir_check_probe(weir_examination *x)
{
    call c = new_call(x, "probe()");
    weir_settings *settings;

    if (!WEIR_HAS(x->desc, probe)) {
        char *text =
            weir_format("%s cannot be probed: only its config was looked at", x->desc->name);

        weir_check_note(x, WEIR_INFO, NULL, text);
        free(text);
        return;
    }
    c.host.ctx = &c;
    settings = settings_of(x, &c);
    if (settings)
        conclude(&c, x->desc->probe(&c.host, weir_settings_get(settings)));
    weir_settings_free(settings);
}
