/* examine.h - one examination of a config written as "key=value|key=value"; a key without "=" was
 * posted as JSON null. The worker is a plain one unless a test says otherwise. */
#ifndef WEIR_TESTS_PLUGIN_EXAMINE_H
#define WEIR_TESTS_PLUGIN_EXAMINE_H

#include "plugin/connector_check.h"

#include "base/log.h"
#include "base/mem.h"
#include "tests/unit/plugin/fixture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BYTE_ARRAY "org.apache.kafka.connect.converters.ByteArrayConverter"

static weir_registry *registry;

static inline void load_registry(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    weir_log_to(null); /* the broken ones are test_registry.c's */
    registry = weir_registry_load(fixture(""));
    weir_log_to(STDOUT_FILENO);
    close(null);
}

static inline void unload_registry(void)
{
    weir_registry_free(registry);
}

static inline void parse_props(const char *text, weir_props *props)
{
    char *copy = weir_strdup(text), *rest = copy;

    for (char *pair = strsep(&rest, "|"); pair; pair = strsep(&rest, "|")) {
        char *value = strchr(pair, '=');

        if (value)
            *value++ = '\0';
        if (*pair)
            weir_props_set(props, pair, value);
    }
    free(copy);
}

static inline void examine_as(const char *worker_text, const char *config_text,
                              const weir_check_request *more, weir_check *check)
{
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS;
    weir_check_request request = {.plan = true};

    if (more)
        request = *more;
    parse_props(worker_text, &worker);
    parse_props(config_text, &config);
    request.registry = registry;
    request.worker = &worker;
    request.config = &config;
    *check = (weir_check){.code = WEIR_OK};
    weir_check_run(&request, check);
    weir_props_clear(&worker);
    weir_props_clear(&config);
}

static inline void examine(const char *config_text, weir_check *check)
{
    examine_as("bootstrap.servers=kafka:9092|key.converter=" BYTE_ARRAY
               "|value.converter=" BYTE_ARRAY,
               config_text, NULL, check);
}

/* The entry of `key` in the report; NULL: none. */
static inline const json_t *entry_of(const weir_check *check, const char *key)
{
    const json_t *configs = json_object_get(check->report, "configs");

    for (size_t i = 0; i < json_array_size(configs); i++) {
        const json_t *entry = json_array_get(configs, i);

        if (strcmp(weir_json_str(json_object_get(entry, "value"), "name"), key) == 0)
            return entry;
    }
    return NULL;
}

/* The errors of `key`, joined by " / "; "" when there are none. The caller's to free(). */
static inline char *errors_at(const weir_check *check, const char *key)
{
    const json_t *errors =
        json_object_get(json_object_get(entry_of(check, key), "value"), "errors");
    weir_buf text = WEIR_BUF;

    for (size_t i = 0; i < json_array_size(errors); i++)
        weir_buf_format(&text, "%s%s", i ? " / " : "",
                        json_string_value(json_array_get(errors, i)));
    return weir_buf_take(&text);
}

#endif
