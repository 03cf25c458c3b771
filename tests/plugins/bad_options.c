/* bad_options.c - broken: an option table that would make the worker write where it must not, or
 * say what cannot be. Which way is chosen at load by the environment variable BAD_OPTION; without
 * it the table is good. */
#include "idle_source.h"

#include <string.h>

typedef struct settings {
    const char *text;
    int64_t number;
    bool truth;
    const weir_pair *pairs;
} settings;

static const char *const allowed[] = {"a", "b", NULL};

static weir_option options[1200] = {
    {"text", WEIR_FIELD(settings, text), .fallback = "a", .allowed = allowed},
    {"number", WEIR_FIELD(settings, number), .fallback = "1", .min = 1, .max = 9},
    {"truth", WEIR_FIELD(settings, truth), .fallback = "false"},
    {"pairs.", WEIR_FIELD(settings, pairs), .fallback = ""},
    {0},
};

static void make_endless(void)
{
    for (size_t i = 4; i < sizeof(options) / sizeof(options[0]); i++)
        options[i] = options[2];
}

__attribute__((constructor)) static void break_it(void)
{
    const char *how = getenv("BAD_OPTION");

    if (!how)
        return;
    if (strcmp(how, "twice") == 0)
        options[2].name = "text";
    else if (strcmp(how, "blank") == 0)
        options[1].name = "num ber";
    else if (strcmp(how, "outside") == 0)
        options[1].offset = sizeof(settings);
    else if (strcmp(how, "far outside") == 0)
        options[1].offset = SIZE_MAX - 7;
    else if (strcmp(how, "across") == 0)
        options[1].offset = 4;
    else if (strcmp(how, "shared") == 0)
        options[1].offset = 0;
    else if (strcmp(how, "type") == 0)
        options[1].type = (weir_option_type)77;
    else if (strcmp(how, "importance") == 0)
        options[1].importance = (weir_importance)77;
    else if (strcmp(how, "limits") == 0)
        options[1].min = 10;
    else if (strcmp(how, "default") == 0)
        options[1].fallback = "10";
    else if (strcmp(how, "unset") == 0)
        options[1].fallback = WEIR_UNSET;
    else if (strcmp(how, "pairs without a dot") == 0)
        options[3].name = "pairs";
    else if (strcmp(how, "pairs with a default") == 0)
        options[3].fallback = "x";
    else if (strcmp(how, "a dot without pairs") == 0)
        options[1].name = "number.";
    else if (strcmp(how, "endless") == 0)
        make_endless();
}

static const weir_source source = {IDLE_SOURCE};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "bad-options",
    .version = "1.0.0",
    .options = options,
    .settings_size = sizeof(settings),
    .source = &source,
};
