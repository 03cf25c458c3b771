/* check_unknown.c - keys that are nobody's, and what was probably meant.
 *
 * A plugin that rewrites configs has taken what it left out; what is left must be somebody's. A
 * plugin with an option "config.unknown.keys" leaves it to the user whether such a key is a warning
 * or, with the value "error", refuses the config.
 */
#include "plugin/check_internal.h"

#include "base/mem.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define POLICY  "config.unknown.keys"
#define LONGEST 96 /* longer keys are not compared */

static bool is_known(const char *key)
{
    static const char *const prefixes[] = {
        "producer.override.", "consumer.override.", "admin.override.",
        "key.converter.",     "value.converter.",   "header.converter.",
        "transforms.",        "predicates.",        "topic.creation.",
    };

    for (size_t i = 0; i < WEIR_COUNT(prefixes); i++)
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return weir_option_find(weir_connector_options, key) != NULL;
}

/* ---- What was meant? ---------------------------------------------------------------------- */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

/* Letters to put in, take out or exchange until the one is the other; neither is too long. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1], length = strlen(b);

    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[length];
}

/* "topics" for "mqtt.topics". */
static bool is_tail(const char *key, const char *of)
{
    size_t length = strlen(key), whole = strlen(of);

    return whole > length + 1 && of[whole - length - 1] == '.' &&
           strcasecmp(of + whole - length, key) == 0;
}

typedef struct search {
    const char *key;
    size_t best;
    const char *found, *tail;
} search;

static void look_through(search *s, const weir_option *options)
{
    for (const weir_option *option = options; option->name; option++) {
        size_t far;

        if (strlen(option->name) > LONGEST)
            continue;
        if (!s->tail && is_tail(s->key, option->name))
            s->tail = option->name;
        far = distance(s->key, option->name);
        if (far < s->best) {
            s->best = far;
            s->found = option->name;
        }
    }
}

/* A known key a few letters away, or one that ends like this; NULL: none. */
static const char *nearest(const weir_examination *x, const char *key)
{
    size_t length = strlen(key);
    search s = {.key = key, .best = length / 5 + 1};

    if (length > LONGEST)
        return NULL;
    look_through(&s, x->desc->options);
    look_through(&s, weir_connector_options);
    return s.found ? s.found : s.tail;
}

/* ---- All of them -------------------------------------------------------------------------- */

static bool is_refused(const weir_examination *x)
{
    const weir_option *option = weir_option_find(x->desc->options, POLICY);
    const char *policy = option ? weir_props_get(&x->normalised, POLICY) : NULL;

    if (option && !policy)
        policy = weir_option_default(option);
    return policy && strcasecmp(policy, "error") == 0;
}

static void tell(weir_examination *x, const char *key, bool refused)
{
    const char *meant = nearest(x, key);
    char *text = meant ? weir_format("key '%s' is not known to %s: was '%s' meant?", key,
                                     x->desc->name, meant)
                       : weir_format("key '%s' is not known to %s", key, x->desc->name);

    if (refused)
        weir_find(x, key, "%s", text);
    else
        weir_check_note(x, WEIR_WARN, key, text);
    free(text);
}

void weir_check_unknown(weir_examination *x)
{
    bool refused = is_refused(x);

    if (weir_props_has(&x->normalised, "offsets.storage.topic"))
        weir_check_note(x, WEIR_WARN, "offsets.storage.topic",
                        "has no effect: source offsets are kept in the worker's "
                        "offset.storage.topic");

    WEIR_PROPS_EACH (pair, &x->normalised) {
        if (weir_option_find(x->desc->options, pair->key))
            continue;
        if (!pair->value && !weir_option_find(weir_connector_options, pair->key))
            weir_find(x, pair->key, "%s", WEIR_NULL_VALUE);
        else if (!is_known(pair->key))
            tell(x, pair->key, refused);
    }
}
