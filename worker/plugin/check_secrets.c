/* check_secrets.c - what a plugin says is shown to people; what it must not say is taken out. */
#include "plugin/check_internal.h"

#include "base/mem.h"
#include "config/client_config.h"

#include <string.h>

/* A key in words that only normalise() understands, or a slip of the pen: by its name. */
static bool sounds_secret(const char *key)
{
    static const char *const words[] = {"password", "passwd", "secret", "jaas"};

    for (size_t i = 0; i < WEIR_COUNT(words); i++)
        if (strcasestr(key, words[i]))
            return true;
    return false;
}

bool weir_connector_key_is_secret(const weir_plugin_desc *desc, const char *key)
{
    const weir_option *option = weir_option_find(desc->options, key);
    const char *dot = strstr(key, ".override.");

    if (option && (option->secret || option->type != WEIR_PAIRS))
        return option->secret;
    if (!weir_option_find(weir_connector_options, key) && sounds_secret(key))
        return true;
    return dot && weir_client_property_is_secret(dot + strlen(".override."));
}

/* A variable that nobody resolved is no secret, but what the user has to see. */
static void collect(weir_examination *x, const weir_props *props)
{
    WEIR_PROPS_EACH (pair, props)
        if (!weir_providers_know(x->request->providers, pair->value) &&
            weir_connector_key_is_secret(x->desc, pair->key))
            weir_secrets_add(&x->secrets, pair->value, WEIR_HIDDEN);
}

/* Replaces the text by a clean one. */
static void hide_in(const weir_secrets *secrets, char **text)
{
    char *clean = weir_secrets_hide(secrets, *text);

    if (!clean)
        return;
    free(*text);
    *text = clean;
}

/* A value too short to be looked for: Kafka's form says where it stands. */
static void hide_short(weir_examination *x, weir_finding *finding)
{
    const char *written = weir_props_get(x->request->config, finding->key);
    char *value = weir_trimmed(weir_props_get(x->config, finding->key));
    char *form = value ? weir_format("Invalid value %s for configuration ", value) : NULL;

    if (form && strncmp(finding->text, form, strlen(form)) == 0 &&
        weir_providers_know(x->request->providers, written)) {
        char *clean = weir_format("Invalid value %s for configuration %s", written,
                                  finding->text + strlen(form));

        free(finding->text);
        finding->text = clean;
    }
    free(form);
    free(value);
}

void weir_check_hide_secrets(weir_examination *x)
{
    size_t index;
    json_t *note;
    char *clean;

    collect(x, x->config);
    collect(x, &x->normalised);
    for (size_t i = 0; i < x->task_count; i++)
        collect(x, &x->tasks[i]);
    for (size_t i = 0; i < x->finding_count; i++) {
        hide_short(x, &x->findings[i]);
        hide_in(&x->secrets, &x->findings[i].text);
    }
    json_array_foreach (x->notes, index, note) {
        clean = weir_secrets_hide(&x->secrets, weir_json_str(note, "text"));
        if (clean)
            weir_json_set_str(note, "text", clean);
        free(clean);
    }
    clean = weir_secrets_hide(&x->secrets, x->failure.msg);
    if (clean)
        weir_fail(&x->failure, x->failure.code, "%s", clean);
    free(clean);
}
