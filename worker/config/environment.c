/* environment.c - see environment.h. Runs of underscores are read by their length, which is
 * unambiguous and what the common container images arrive at. */
#include "config/environment.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

static const char prefix[] = "CONNECT_";

/* Settings of an image's own start script, without the prefix: never properties of a worker. */
static bool is_of_the_image(const char *name, size_t size)
{
    static const char log4j[] = "LOG4J_";

    return size >= sizeof(log4j) - 1 && strncmp(name, log4j, sizeof(log4j) - 1) == 0;
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
    weir_buf key = WEIR_BUF;
    const char *port = NULL;

    for (; environment && *environment; environment++) {
        const char *name = *environment + sizeof(prefix) - 1;
        const char *equals = strchr(*environment, '=');
        size_t size;

        if (strncmp(*environment, prefix, sizeof(prefix) - 1) != 0 || !equals || equals < name)
            continue;
        size = (size_t)(equals - name);
        if (is_of_the_image(name, size))
            continue;
        if (!to_key(name, size, &key))
            weir_logf(WEIR_WARN, "environment variable '%.*s' is no property: ignored",
                      (int)(equals - *environment), *environment);
        else if (strcmp(weir_buf_text(&key), "rest.port") == 0)
            port = equals + 1;
        else
            weir_props_set(props, weir_buf_text(&key), equals + 1);
    }
    if (port && !weir_props_has(props, "listeners")) {
        char *listener = weir_format("http://:%s", port);

        weir_props_set(props, "listeners", listener);
        free(listener);
    }
    weir_buf_free(&key);
}
