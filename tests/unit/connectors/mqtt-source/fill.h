/* fill.h - an mqtt_settings from the option table, as the worker would make it. */
#ifndef TEST_FILL_H
#define TEST_FILL_H

#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static inline void fill_field(mqtt_settings *settings, const weir_option *option, const char *text)
{
    void *field = (char *)settings + option->offset;

    switch (option->type) {
    case WEIR_STRING:
        *(const char **)field = strcmp(text, WEIR_UNSET) ? text : NULL;
        break;
    case WEIR_INT:
        *(int64_t *)field = strtoll(text, NULL, 10);
        break;
    case WEIR_DOUBLE:
        *(double *)field = strtod(text, NULL);
        break;
    case WEIR_BOOL:
        *(bool *)field = strcasecmp(text, "true") == 0;
        break;
    case WEIR_PAIRS:
        break; /* fill_family() */
    }
}

/* Key, value, key, value, …, NULL. */
static inline void fill(mqtt_settings *settings, const char *const *pairs)
{
    memset(settings, 0, sizeof(*settings));
    for (const weir_option *option = mqtt_options; option->name; option++) {
        const char *text = option->fallback;

        for (const char *const *pair = pairs; *pair; pair += 2)
            if (strcmp(pair[0], option->name) == 0)
                text = pair[1];
        if (text)
            fill_field(settings, option, text);
    }
}

#endif
