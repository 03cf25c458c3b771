/* check_secrets.c - what a plugin says is shown to people; what it must not say is taken out. */
#include "plugin/check_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/client_config.h"

#include <string.h>

/* A shorter secret is part of ordinary words, and taking those out would tell what it is. */
#define SHORTEST 4

/* A key in words that only normalise() understands, or a slip of the pen: by its name. */
static bool sounds_secret(const char *key)
{
    static const char *const words[] = {"password", "passwd", "secret", "jaas"};

    for (size_t i = 0; i < WEIR_COUNT(words); i++)
        if (strcasestr(key, words[i]))
            return true;
    return false;
}

static bool is_secret(const weir_examination *x, const char *key)
{
    const weir_option *option = weir_option_find(x->desc->options, key);
    const char *dot = strstr(key, ".override.");

    if (option && (option->secret || option->type != WEIR_PAIRS))
        return option->secret;
    if (!weir_option_find(weir_connector_options, key) && sounds_secret(key))
        return true;
    return dot && weir_client_property_is_secret(dot + strlen(".override."));
}

/* A copy of `text` without `secret`; NULL: it is not in there. */
static char *without(const char *text, const char *secret)
{
    const char *at = strstr(text, secret);
    weir_buf clean = WEIR_BUF;

    if (!at)
        return NULL;
    for (; at; at = strstr(text, secret)) {
        weir_buf_add(&clean, text, (size_t)(at - text));
        weir_buf_text_add(&clean, "[hidden]");
        text = at + strlen(secret);
    }
    weir_buf_text_add(&clean, text);
    return weir_buf_take(&clean);
}

static void hide(weir_examination *x, const char *secret)
{
    size_t index;
    json_t *note;
    char *clean;

    for (size_t i = 0; i < x->finding_count; i++) {
        clean = without(x->findings[i].text, secret);
        if (clean) {
            free(x->findings[i].text);
            x->findings[i].text = clean;
        }
    }
    json_array_foreach (x->notes, index, note) {
        clean = without(weir_json_str(note, "text"), secret);
        if (clean)
            weir_json_set_str(note, "text", clean);
        free(clean);
    }
    clean = without(x->failure.msg, secret);
    if (clean)
        weir_fail(&x->failure, x->failure.code, "%s", clean);
    free(clean);
}

static void hide_those_of(weir_examination *x, const weir_props *props)
{
    WEIR_PROPS_EACH (pair, props)
        if (pair->value && strlen(pair->value) >= SHORTEST && is_secret(x, pair->key))
            hide(x, pair->value);
}

void weir_check_hide_secrets(weir_examination *x)
{
    hide_those_of(x, x->request->config);
    hide_those_of(x, &x->normalised);
    for (size_t i = 0; i < x->task_count; i++)
        hide_those_of(x, &x->tasks[i]);
}
