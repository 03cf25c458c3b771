/* props.c - see props.h. */
#include "base/props.h"

#include "base/mem.h"

#include <string.h>

static weir_pair *find(const weir_props *props, const char *key)
{
    for (size_t i = 0; i < props->count; i++)
        if (strcmp(props->pairs[i].key, key) == 0)
            return &props->pairs[i];
    return NULL;
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void weir_props_set(weir_props *props, const char *key, const char *value)
{
    weir_pair *pair = find(props, key);
    char *copy = weir_strdup(value);

    if (pair) {
        free_text(pair->value);
        pair->value = copy;
        return;
    }
    if (props->count == props->room) {
        props->room = props->room ? props->room * 2 : 16;
        props->pairs = weir_realloc(props->pairs, props->room, sizeof(*props->pairs));
    }
    props->pairs[props->count++] = (weir_pair){weir_strdup(key), copy};
}

const char *weir_props_get(const weir_props *props, const char *key)
{
    const weir_pair *pair = find(props, key);

    return pair ? pair->value : NULL;
}

bool weir_props_has(const weir_props *props, const char *key)
{
    return find(props, key) != NULL;
}

void weir_props_remove(weir_props *props, const char *key)
{
    weir_pair *pair = find(props, key);

    if (!pair)
        return;
    free_text(pair->key);
    free_text(pair->value);
    props->count--;
    memmove(pair, pair + 1, (size_t)(props->pairs + props->count - pair) * sizeof(*pair));
}

void weir_props_merge(weir_props *to, const weir_props *from)
{
    weir_props_merge_prefixed(to, from, "");
}

void weir_props_merge_prefixed(weir_props *to, const weir_props *from, const char *prefix)
{
    size_t length = strlen(prefix);

    WEIR_PROPS_EACH (pair, from)
        if (strncmp(pair->key, prefix, length) == 0)
            weir_props_set(to, pair->key + length, pair->value);
}

bool weir_props_equal(const weir_props *a, const weir_props *b)
{
    if (a->count != b->count)
        return false;
    WEIR_PROPS_EACH (pair, a) {
        const weir_pair *other = find(b, pair->key);

        if (!other || !weir_same(pair->value, other->value))
            return false;
    }
    return true;
}

void weir_props_clear(weir_props *props)
{
    WEIR_PROPS_EACH (pair, props) {
        free_text(pair->key);
        free_text(pair->value);
    }
    free(props->pairs);
    *props = (weir_props)WEIR_PROPS;
}
