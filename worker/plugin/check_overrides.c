/* check_overrides.c - what a connector may change about its Kafka clients, and whether librdkafka
 * would take it. A source has a producer and, with a dead-letter topic, an admin client; other
 * prefixes are not looked at, as in Connect. */
#include "plugin/check_internal.h"

#include "base/mem.h"
#include "config/client_config.h"

#include <string.h>

/* A client that cannot be built fails its task at start; better that the user hears it now. The
 * key at fault is the one that the text names. */
static void check_build(weir_examination *x, weir_client_kind kind, const char *prefix)
{
    const char *blamed = "connector.class";
    size_t size = strlen(prefix);
    weir_props built = WEIR_PROPS;
    weir_err err;

    if (weir_client_config_build(kind, x->request->worker, x->config, &built, &err) != WEIR_OK) {
        WEIR_PROPS_EACH (pair, x->config)
            if (strncmp(pair->key, prefix, size) == 0 && strstr(err.msg, pair->key + size))
                blamed = pair->key;
        weir_find(x, blamed, "%s", err.msg);
    }
    weir_props_clear(&built);
}

static void check_client(weir_examination *x, weir_client_kind kind, const char *prefix)
{
    const char *policy =
        weir_props_get(x->request->worker, "connector.client.config.override.policy");
    size_t before = x->finding_count, size = strlen(prefix);
    weir_err err;

    WEIR_PROPS_EACH (pair, x->config) {
        if (strncmp(pair->key, prefix, size) != 0)
            continue;
        if (!pair->value)
            continue; /* found already: null is nobody's value */
        if (weir_client_override_check(policy ? policy : "All", pair->key + size, &err) != WEIR_OK)
            weir_find(x, pair->key, "%s", err.msg);
    }
    if (x->finding_count == before)
        check_build(x, kind, prefix);
}

void weir_check_overrides(weir_examination *x)
{
    check_client(x, WEIR_CLIENT_PRODUCER, "producer.override.");
    if (weir_has_dead_letters(x)) /* whose topic an admin client creates */
        check_client(x, WEIR_CLIENT_ADMIN, "admin.override.");
}
