/* fuzz_properties.c - no property file crashes a worker, and what is read is text.
 *
 * First byte: what the rest is, a property file, an entry of sasl.jaas.config, or a property file
 * whose pairs go to the Kafka clients.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "config/jaas.h"
#include "config/properties.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What is read must be able to go into JSON: UTF-8 without NULs. */
static void check_text(const weir_props *props)
{
    json_t *json = weir_json_from_props(props), *again = NULL;
    char *text = weir_json_dump(json);

    if (weir_json_read(text, strlen(text), &again, NULL) != WEIR_OK || !json_equal(json, again))
        abort();
    free(text);
    json_decref(json);
    json_decref(again);
}

static void check_clients(const weir_props *props)
{
    for (int kind = WEIR_CLIENT_WORKER; kind <= WEIR_CLIENT_CONSUMER; kind++) {
        weir_props out = WEIR_PROPS;
        weir_err err = {.msg = ""};

        if (weir_client_config_build((weir_client_kind)kind, props, props, &out, &err) != WEIR_OK &&
            !err.msg[0])
            abort();
        WEIR_PROPS_EACH (pair, &out)
            if (!pair->value)
                abort();
        weir_props_clear(&out);
    }
}

static void check_jaas(const uint8_t *bytes, size_t size)
{
    char *text = weir_memdup(bytes, size);
    weir_jaas jaas = {0};
    weir_err err = {.msg = ""};

    if (weir_jaas_parse(text, &jaas, &err) != WEIR_OK && !err.msg[0])
        abort();
    weir_jaas_clear(&jaas);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    weir_props props = WEIR_PROPS;
    weir_err err = {.msg = ""};

    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    if (size < 1)
        return 0;
    if (bytes[0] % 3 == 1) {
        check_jaas(bytes + 1, size - 1);
        return 0;
    }
    if (weir_properties_parse((const char *)bytes + 1, size - 1, &props, &err) != WEIR_OK) {
        if (strncmp(err.msg, "line ", 5) != 0)
            abort();
    } else {
        check_text(&props);
        if (bytes[0] % 3 == 2)
            check_clients(&props);
    }
    weir_props_clear(&props);
    return 0;
}
