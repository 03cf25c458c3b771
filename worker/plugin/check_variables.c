/* check_variables.c - ${provider:path:key} in a config under examination.
 *
 * Everything is examined with the values in place, as in Kafka. What goes out has the variables
 * again: Kafka puts the raw text back for each key of the posted config. A plugin of ours may have
 * said it in another key (normalise) or made something else of it (plan), so there is more to do. A
 * mark in the place of each variable goes through normalise(), too; when the values in the place of
 * the marks make up what it made of the values, it is known where they came from. Where a plan
 * has built something around a value, the value is looked for in it.
 */
#include "plugin/check_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/variables.h"

#include <stdlib.h>
#include <string.h>

#define MARK "weir7variable" /* letters and digits, so that nothing takes it apart */

/* ---- Before ---------------------------------------------------------------------------------- */

static void resolve_neighbours(weir_examination *x)
{
    const weir_check_request *request = x->request;

    if (request->neighbour_count == 0)
        return;
    x->neighbours = weir_new_array(weir_check_neighbour, request->neighbour_count);
    x->neighbour_configs = weir_new_array(weir_props, request->neighbour_count);
    for (size_t i = 0; i < request->neighbour_count; i++) {
        const weir_props *written = request->neighbours[i].config;
        weir_resolution resolution = {.props = WEIR_PROPS};
        weir_err unheard; /* it is the other's trouble */

        if (weir_providers_resolve(request->providers, written, &resolution, &unheard) == WEIR_OK)
            weir_props_merge(&x->neighbour_configs[i], &resolution.props);
        else
            weir_props_merge(&x->neighbour_configs[i], written);
        weir_secrets_merge(&x->secrets, &resolution.secrets);
        x->neighbours[i] = request->neighbours[i];
        x->neighbours[i].config = &x->neighbour_configs[i];
        weir_resolution_clear(&resolution);
    }
}

weir_code weir_check_resolve(weir_examination *x, weir_err *err)
{
    const weir_check_request *request = x->request;
    weir_code rc = weir_providers_resolve(request->providers, request->config, &x->resolution, err);

    x->config = &x->resolution.props;
    weir_secrets_merge(&x->secrets, &x->resolution.secrets);
    if (rc == WEIR_OK)
        resolve_neighbours(x);
    return rc;
}

void weir_check_resolved_clear(weir_examination *x)
{
    for (size_t i = 0; x->neighbour_configs && i < x->request->neighbour_count; i++)
        weir_props_clear(&x->neighbour_configs[i]);
    free(x->neighbour_configs);
    free(x->neighbours);
    weir_resolution_clear(&x->resolution);
    weir_props_clear(&x->written);
    weir_props_clear(&x->written_resolved);
}

/* A variable that stays in a password would be sent out as one; anywhere else it may be meant, and
 * Kafka takes it as it is. */
void weir_check_unresolved(weir_examination *x)
{
    for (size_t i = 0; i < x->resolution.unresolved_count; i++) {
        const weir_unresolved *left = &x->resolution.unresolved[i];
        char *text;

        if (weir_connector_key_is_secret(x->desc, left->key)) {
            weir_find(x, left->key, "Invalid value %s for configuration %s: %s", left->text,
                      left->key, left->why);
            continue;
        }
        text = weir_format("%s stays as it is written: %s", left->text, left->why);
        weir_check_note(x, WEIR_WARN, left->key, text);
        free(text);
    }
}

/* ---- Where it came from
 * ----------------------------------------------------------------------------------- */

/* The number of the variable whose mark begins here; `count`: none's. */
static size_t mark_at(const char *text, size_t count, size_t *ret_size)
{
    size_t number;
    char *end;

    if (strncmp(text, MARK, strlen(MARK)) != 0)
        return count;
    number = strtoul(text + strlen(MARK), &end, 10);
    if (*end != 'x' || number >= count)
        return count;
    *ret_size = (size_t)(end + 1 - text);
    return number;
}

/* With a mark for each variable that was resolved. */
static char *marked(const char *text, const weir_props *found)
{
    weir_buf out = WEIR_BUF;
    weir_variable variable;

    while (weir_variable_find(text, &variable)) {
        char *whole = weir_memdup(variable.whole.at, variable.whole.size);
        size_t i = 0;

        weir_buf_add(&out, text, (size_t)(variable.whole.at - text));
        while (i < found->count && strcmp(found->pairs[i].key, whole) != 0)
            i++;
        if (i < found->count)
            weir_buf_format(&out, MARK "%zux", i);
        else
            weir_buf_text_add(&out, whole);
        text = variable.whole.at + variable.whole.size;
        free(whole);
    }
    weir_buf_text_add(&out, text);
    return weir_buf_take(&out);
}

/* With variables in the place of marks, or what they stand for. */
static char *unmarked(const char *text, const weir_props *found, bool values)
{
    weir_buf out = WEIR_BUF;

    while (*text) {
        size_t size = 0, i = mark_at(text, found->count, &size);

        if (i < found->count)
            weir_buf_text_add(&out, values ? found->pairs[i].value : found->pairs[i].key);
        else
            weir_buf_char(&out, *text++);
        text += size;
    }
    return weir_buf_take(&out);
}

static bool same_trimmed(const char *a, const char *b)
{
    char *left = weir_trimmed(a), *right = weir_trimmed(b);
    bool same = left && weir_same(left, right);

    free(left);
    free(right);
    return same;
}

/* How the key's value was written, with its variables; NULL: not known, or it is another value. */
static const char *written_as(const weir_examination *x, const char *key, const char *value)
{
    if (same_trimmed(value, weir_props_get(&x->written_resolved, key)))
        return weir_props_get(&x->written, key);
    if (same_trimmed(value, weir_props_get(x->config, key)))
        return weir_props_get(x->request->config, key);
    return NULL;
}

/* Names that are looked up as they are stored. */
static bool is_name(const char *key)
{
    return strcmp(key, "name") == 0 || strcmp(key, "connector.class") == 0 ||
           strcmp(key, "task.class") == 0;
}

/* The caller's; NULL: as it is. */
static char *restored(const weir_examination *x, const char *key, const char *value)
{
    const char *written = written_as(x, key, value);
    char *built;

    if (written)
        return weir_strdup(written);
    if (!value || is_name(key))
        return NULL;
    built = weir_secrets_hide(&x->resolution.secrets, value);
    if (built || !weir_connector_key_is_secret(x->desc, key))
        return built;
    /* Whatever became of it: Kafka's rule. */
    written = weir_props_get(x->request->config, key);
    return weir_providers_know(x->request->providers, written) ? weir_strdup(written) : NULL;
}

static bool was_posted(const weir_examination *x, const char *value)
{
    WEIR_PROPS_EACH (pair, x->request->config)
        if (pair->value && strstr(pair->value, value))
            return true;
    return false;
}

/* A secret that came out of a variable, and has no variable of its own. */
static void refuse_lost(weir_examination *x)
{
    WEIR_PROPS_EACH (pair, &x->normalised) {
        char *value;

        if (!pair->value || !weir_connector_key_is_secret(x->desc, pair->key) ||
            was_posted(x, pair->value))
            continue;
        value = restored(x, pair->key, pair->value);
        if (!value)
            weir_find(x, pair->key,
                      "Invalid value " WEIR_HIDDEN " for configuration %s: it is a part of what a "
                      "variable stands for, and would have to be stored; give it a variable of its "
                      "own",
                      pair->key);
        free(value);
    }
}

void weir_check_write(weir_examination *x)
{
    const weir_props *found = &x->resolution.found;
    weir_props marks = WEIR_PROPS, normalised = WEIR_PROPS;

    if (found->count == 0)
        return;
    WEIR_PROPS_EACH (pair, x->request->config) {
        char *text = pair->value ? marked(pair->value, found) : NULL;

        weir_props_set(&marks, pair->key, text);
        free(text);
    }
    weir_check_normalise_quietly(x, &marks, &normalised);
    WEIR_PROPS_EACH (pair, &normalised) {
        char *text = pair->value ? unmarked(pair->value, found, false) : NULL;
        char *value = pair->value ? unmarked(pair->value, found, true) : NULL;

        weir_props_set(&x->written, pair->key, text);
        weir_props_set(&x->written_resolved, pair->key, value);
        free(text);
        free(value);
    }
    weir_props_clear(&marks);
    weir_props_clear(&normalised);
    refuse_lost(x);
}

void weir_check_restore(weir_examination *x)
{
    if (x->resolution.found.count == 0)
        return;
    for (size_t i = 0; i < x->task_count; i++)
        for (size_t pair = 0; pair < x->tasks[i].count; pair++) {
            const char *key = x->tasks[i].pairs[pair].key;
            char *value = restored(x, key, x->tasks[i].pairs[pair].value);

            if (value)
                weir_props_set(&x->tasks[i], key, value);
            free(value);
        }
}

char *weir_check_safe_value(const weir_examination *x, const char *key, const char *value)
{
    const char *written;
    char *clean;

    if (!value || strcmp(value, WEIR_HIDDEN) == 0 || x->resolution.found.count == 0)
        return weir_strdup(value);
    written = written_as(x, key, value);
    if (!weir_providers_know(x->request->providers, written))
        written = weir_props_get(x->request->config, key);
    if (weir_providers_know(x->request->providers, written))
        return weir_strdup(written);
    clean = weir_secrets_hide(&x->resolution.secrets, value);
    return clean ? clean : weir_strdup(value);
}
