/* environment.c - see environment.h. Runs of underscores are read by their length, which is
 * unambiguous and what the common container images arrive at. */
#include "config/environment.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

static const char prefix[] = "CONNECT_";

/* What container images use for themselves. */
typedef struct of_the_image {
    const char *port, *level, *plugins; /* values; NULL: not there */
    bool log4j;                         /* more of it, to no effect */
} of_the_image;

/* Settings of an image's own start script, without the prefix: never properties of a worker. */
static bool is_of_the_image(const char *name, size_t size, of_the_image *image)
{
    static const char log4j[] = "LOG4J_", level[] = "LOG4J_ROOT_LOGLEVEL";

    if (size < sizeof(log4j) - 1 || strncmp(name, log4j, sizeof(log4j) - 1) != 0)
        return false;
    if (size == sizeof(level) - 1 && strncmp(name, level, size) == 0)
        image->level = name + size + 1;
    else
        image->log4j = true;
    return true;
}

static void apply_image(const of_the_image *image, weir_props *props)
{
    const char *path = weir_props_get(props, "plugin.path");
    weir_level level;
    char *value;

    if (image->port && !weir_props_has(props, "listeners")) {
        value = weir_format("http://:%s", image->port);
        weir_props_set(props, "listeners", value);
        free(value);
    }
    if (image->level && !weir_props_has(props, "log.level") &&
        weir_level_parse(image->level, &level))
        weir_props_set(props, "log.level", weir_level_text(level));
    if (image->log4j)
        weir_logf(WEIR_INFO, "CONNECT_LOG4J_* variables other than CONNECT_LOG4J_ROOT_LOGLEVEL "
                             "have no effect here");
    if (image->plugins) {
        value = weir_format("%s%s%s", image->plugins, path && *path ? "," : "", path ? path : "");
        weir_props_set(props, "plugin.path", value);
        free(value);
    }
}

/* "PRODUCER_LINGER_MS" → "producer.linger.ms". False: a run of underscores without a meaning. */
static bool to_key(const char *name, size_t size, weir_buf *key)
{
    static const char meanings[] = {'.', '_', '-'};

    weir_buf_clear(key);
    for (size_t i = 0; i < size;) {
        size_t run = 0;

        while (i + run < size && name[i + run] == '_')
            run++;
        if (run > sizeof(meanings))
            return false;
        weir_buf_char(key, run ? meanings[run - 1] : (char)tolower((unsigned char)name[i]));
        i += run ? run : 1;
    }
    return key->size > 0;
}

void weir_environment_apply(const char *const *environment, weir_props *props)
{
    static const char plugins[] = "WEIR_PLUGIN_PATH=";
    of_the_image image = {0};
    weir_buf key = WEIR_BUF;

    for (; environment && *environment; environment++) {
        const char *name = *environment + sizeof(prefix) - 1;
        const char *equals = strchr(*environment, '=');
        size_t size;

        if (strncmp(*environment, plugins, sizeof(plugins) - 1) == 0 && equals[1])
            image.plugins = equals + 1;
        if (strncmp(*environment, prefix, sizeof(prefix) - 1) != 0 || !equals || equals < name)
            continue;
        size = (size_t)(equals - name);
        if (is_of_the_image(name, size, &image))
            continue;
        if (!to_key(name, size, &key))
            weir_logf(WEIR_WARN, "environment variable '%.*s' is no property: ignored",
                      (int)(equals - *environment), *environment);
        else if (strcmp(weir_buf_text(&key), "rest.port") == 0)
            image.port = equals + 1;
        else
            weir_props_set(props, weir_buf_text(&key), equals + 1);
    }
    apply_image(&image, props);
    weir_buf_free(&key);
}
