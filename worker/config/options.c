/* options.c - see options.h. What fills a struct and what checks a single value is one function,
 * so that the REST validation call and a start can never disagree. */
#include "config/options.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A default longer than this stands out of its column: it must not push all the others away. */
#define WIDEST_DEFAULT 20

struct weir_settings {
    void *data;   /* the caller's struct */
    void **owned; /* what it points to: strings, arrays */
    size_t owned_count;
};

typedef union value {
    const char *text;
    int64_t integer;
    double real;
    bool truth;
    const weir_pair *pairs;
} value;

/* ---- One value ------------------------------------------------------------------------------- */

/* Java's String.trim(): everything up to and including the blank goes. */
static char *trimmed(const char *text, size_t size)
{
    while (size > 0 && (unsigned char)*text <= ' ') {
        text++;
        size--;
    }
    while (size > 0 && (unsigned char)text[size - 1] <= ' ')
        size--;
    return weir_memdup(text, size);
}

char *weir_list_take(const char **at)
{
    while (**at) {
        size_t size = strcspn(*at, ",");
        char *element = trimmed(*at, size);

        *at += size + ((*at)[size] == ',');
        if (*element)
            return element;
        free(element);
    }
    return NULL;
}

static weir_code refuse(const weir_option *option, const char *text, weir_err *err, const char *fmt,
                        ...) WEIR_FORMAT(4, 5);

static weir_code refuse(const weir_option *option, const char *text, weir_err *err, const char *fmt,
                        ...)
{
    char why[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    return weir_fail(err, WEIR_INVALID, "Invalid value %s for configuration %s: %s",
                     option->secret ? "[hidden]" : text, option->name, why);
}

static bool is_limited(const weir_option *option)
{
    return option->min != 0 || option->max != 0;
}

static bool is_32_bits(const weir_option *option)
{
    return is_limited(option) && option->min >= INT32_MIN && option->max <= INT32_MAX;
}

static weir_code parse_int(const weir_option *option, const char *text, value *ret, weir_err *err)
{
    const char *digits = text + (*text == '-' || *text == '+');
    bool is_number = *digits && strspn(digits, "0123456789") == strlen(digits);

    errno = 0;
    ret->integer = is_number ? strtoll(text, NULL, 10) : 0;
    if (!is_number || errno == ERANGE ||
        (is_32_bits(option) && (ret->integer < INT32_MIN || ret->integer > INT32_MAX)))
        return refuse(option, text, err, "Not a number of type %s", weir_option_type_text(option));
    if (is_limited(option) && ret->integer < option->min)
        return refuse(option, text, err, "Value must be at least %lld", (long long)option->min);
    if (is_limited(option) && ret->integer > option->max)
        return refuse(option, text, err, "Value must be no more than %lld", (long long)option->max);
    return WEIR_OK;
}

static weir_code parse_double(const weir_option *option, const char *text, value *ret,
                              weir_err *err)
{
    char *end = NULL;

    /* strtod() alone would also take "inf", "nan" and hexadecimal. */
    if (*text && strspn(text, "+-.0123456789eE") == strlen(text))
        ret->real = strtod(text, &end);
    if (!end || *end)
        return refuse(option, text, err, "Not a number of type DOUBLE");
    return WEIR_OK;
}

static weir_code parse_bool(const weir_option *option, const char *text, value *ret, weir_err *err)
{
    ret->truth = strcasecmp(text, "true") == 0;
    if (!ret->truth && strcasecmp(text, "false") != 0)
        return refuse(option, text, err, "Expected value to be either true or false");
    return WEIR_OK;
}

static void add_allowed(const weir_option *option, weir_buf *out)
{
    for (const char *const *allowed = option->allowed; *allowed; allowed++)
        weir_buf_format(out, "%s%s", allowed == option->allowed ? "" : ", ", *allowed);
}

static weir_code parse_string(const weir_option *option, const char *text, value *ret,
                              weir_err *err)
{
    weir_buf choice = WEIR_BUF;

    ret->text = text;
    if (!option->allowed)
        return WEIR_OK;
    for (const char *const *allowed = option->allowed; *allowed; allowed++)
        if (strcasecmp(text, *allowed) == 0)
            return WEIR_OK;
    add_allowed(option, &choice);
    refuse(option, text, err, "String must be one of: %s", weir_buf_text(&choice));
    weir_buf_free(&choice);
    return WEIR_INVALID;
}

/* `text` is trimmed; a string value points into it. */
static weir_code parse(const weir_option *option, const char *text, value *ret, weir_err *err)
{
    switch (option->type) {
    case WEIR_STRING:
        return parse_string(option, text, ret, err);
    case WEIR_INT:
        return parse_int(option, text, ret, err);
    case WEIR_DOUBLE:
        return parse_double(option, text, ret, err);
    case WEIR_BOOL:
        return parse_bool(option, text, ret, err);
    case WEIR_PAIRS:
        return WEIR_OK;
    }
    return weir_fail(err, WEIR_INCOMPATIBLE, "option '%s' has a type that does not exist",
                     option->name);
}

static bool is_unset(const weir_option *option)
{
    return option->fallback && strcmp(option->fallback, WEIR_UNSET) == 0;
}

weir_code weir_option_check(const weir_option *option, const char *text, weir_err *err)
{
    value ignored;
    char *copy;
    weir_code rc;

    if (!text && !option->fallback)
        return weir_fail(err, WEIR_INVALID,
                         "Missing required configuration \"%s\" which has no default value.",
                         option->name);
    if (!text)
        return WEIR_OK;
    copy = trimmed(text, strlen(text));
    rc = parse(option, copy, &ignored, err);
    free(copy);
    return rc;
}

/* ---- The struct ------------------------------------------------------------------------------ */

static size_t width(weir_option_type type)
{
    switch (type) {
    case WEIR_STRING:
        return sizeof(const char *);
    case WEIR_INT:
        return sizeof(int64_t);
    case WEIR_DOUBLE:
        return sizeof(double);
    case WEIR_BOOL:
        return sizeof(bool);
    case WEIR_PAIRS:
        return sizeof(const weir_pair *);
    }
    return 0;
}

static void store(const weir_option *option, const value *from, void *data)
{
    char *field = (char *)data + option->offset;

    switch (option->type) {
    case WEIR_STRING:
        memcpy(field, &from->text, sizeof(from->text));
        break;
    case WEIR_INT:
        memcpy(field, &from->integer, sizeof(from->integer));
        break;
    case WEIR_DOUBLE:
        memcpy(field, &from->real, sizeof(from->real));
        break;
    case WEIR_BOOL:
        memcpy(field, &from->truth, sizeof(from->truth));
        break;
    case WEIR_PAIRS:
        memcpy(field, &from->pairs, sizeof(from->pairs));
        break;
    }
}

/* Keeps it until the settings go. */
static void *keep(weir_settings *settings, void *memory)
{
    settings->owned = weir_realloc(settings->owned, settings->owned_count + 1, sizeof(void *));
    settings->owned[settings->owned_count++] = memory;
    return memory;
}

static const weir_pair *pairs_of(weir_settings *settings, const weir_option *options,
                                 const weir_option *option, const weir_props *props)
{
    weir_pair *pairs = keep(settings, weir_calloc(props->count + 1, sizeof(*pairs)));
    size_t prefix = strlen(option->name), count = 0;

    WEIR_PROPS_EACH (pair, props) {
        if (!pair->value || weir_option_find(options, pair->key) != option)
            continue;
        pairs[count++] = (weir_pair){keep(settings, weir_strdup(pair->key + prefix)),
                                     keep(settings, trimmed(pair->value, strlen(pair->value)))};
    }
    return pairs;
}

static weir_code fill(weir_settings *settings, size_t size, const weir_option *options,
                      const weir_option *option, const weir_props *props, weir_err *err)
{
    const char *text = weir_props_get(props, option->name);
    char *copy;
    value parsed = {0};
    weir_code rc;

    if (option->offset > size || size - option->offset < width(option->type))
        return weir_fail(err, WEIR_INCOMPATIBLE, "option '%s' lies outside of its settings",
                         option->name);
    if (option->type == WEIR_PAIRS) {
        parsed.pairs = pairs_of(settings, options, option, props);
        store(option, &parsed, settings->data);
        return WEIR_OK;
    }
    if (!text) {
        rc = weir_option_check(option, NULL, err);
        if (rc != WEIR_OK || is_unset(option))
            return rc; /* the struct is zeroed: NULL */
        text = option->fallback;
    }
    copy = keep(settings, trimmed(text, strlen(text)));
    rc = parse(option, copy, &parsed, err);
    if (rc == WEIR_OK)
        store(option, &parsed, settings->data);
    return rc;
}

weir_code weir_settings_new(const weir_option *options, size_t size, const weir_props *props,
                            weir_settings **ret_settings, weir_err *err)
{
    weir_settings *settings = weir_new(weir_settings);
    weir_code rc = WEIR_OK;

    assert(ret_settings);

    settings->data = weir_calloc(1, size);
    for (const weir_option *option = options; option->name && rc == WEIR_OK; option++)
        rc = fill(settings, size, options, option, props, err);
    if (rc == WEIR_OK) {
        *ret_settings = settings;
        settings = NULL; /* the caller's now */
    }
    weir_settings_free(settings);
    return rc;
}

const void *weir_settings_get(const weir_settings *settings)
{
    return settings->data;
}

void weir_settings_free(weir_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->owned_count; i++)
        free(settings->owned[i]);
    free(settings->owned);
    free(settings->data);
    free(settings);
}

/* ---- The table, for people and for REST ------------------------------------------------------ */

const weir_option *weir_option_find(const weir_option *options, const char *name)
{
    const weir_option *found = NULL;

    for (; options->name; options++) {
        size_t size = strlen(options->name);

        if (strcmp(options->name, name) == 0)
            return options;
        if (options->type == WEIR_PAIRS && strncmp(name, options->name, size) == 0)
            found = options;
    }
    return found;
}

const char *weir_option_type_text(const weir_option *option)
{
    switch (option->type) {
    case WEIR_STRING:
        return option->secret ? "PASSWORD" : option->list ? "LIST" : "STRING";
    case WEIR_INT:
        return is_32_bits(option) ? "INT" : "LONG";
    case WEIR_DOUBLE:
        return "DOUBLE";
    case WEIR_BOOL:
        return "BOOLEAN";
    case WEIR_PAIRS:
        break;
    }
    return "STRING";
}

const char *weir_option_default(const weir_option *option)
{
    return is_unset(option) ? NULL : option->fallback;
}

/* "required", "unset", "empty" or the default itself. */
static const char *default_shown(const weir_option *option)
{
    if (!option->fallback)
        return "required";
    if (option->type == WEIR_PAIRS)
        return "none";
    if (is_unset(option))
        return "unset";
    return *option->fallback ? option->fallback : "empty";
}

/* "at least 1", "1 to 65535", "logfmt, json"; nothing when everything goes. */
static void add_limits(const weir_option *option, weir_buf *out)
{
    bool has_end = option->max < INT32_MAX;

    if (option->type == WEIR_STRING && option->allowed)
        add_allowed(option, out);
    else if (option->type == WEIR_INT && is_limited(option) && has_end)
        weir_buf_format(out, "%lld to %lld", (long long)option->min, (long long)option->max);
    else if (option->type == WEIR_INT && is_limited(option))
        weir_buf_format(out, "at least %lld", (long long)option->min);
}

/* What stands for the rest of a key. */
static const char *ending(const weir_option *option)
{
    return option->type == WEIR_PAIRS ? "*" : "";
}

/* A cell of a Markdown table must not hold a bar. */
static void add_cell(weir_buf *out, const char *text)
{
    for (; *text; text++)
        weir_buf_format(out, *text == '|' ? "\\%c" : "%c", *text);
    weir_buf_text_add(out, " | ");
}

static void print_markdown(const weir_option *option, bool first, weir_buf *out)
{
    static const char *const importance[] = {"high", "medium", "low"};
    weir_buf limits = WEIR_BUF;

    if (first)
        weir_buf_text_add(out, "| Key | Type | Default | Allowed | Importance | Meaning |\n"
                               "|---|---|---|---|---|---|\n");
    add_limits(option, &limits);
    weir_buf_format(out, "| `%s%s` | %s | ", option->name, ending(option),
                    weir_option_type_text(option));
    if (weir_option_default(option) && *option->fallback)
        weir_buf_format(out, "`%s` | ", option->fallback);
    else
        weir_buf_format(out, "%s | ", default_shown(option));
    add_cell(out, weir_buf_text(&limits));
    add_cell(out, importance[option->importance]);
    add_cell(out, option->doc ? option->doc : "");
    out->data[out->size - 1] = '\n'; /* in place of the last blank */
    weir_buf_free(&limits);
}

static void print_text(const weir_option *option, const int widths[2], weir_buf *out)
{
    weir_buf limits = WEIR_BUF;

    add_limits(option, &limits);
    weir_buf_format(out, "  %s%-*s  %-8s  %-*s  %s", option->name,
                    widths[0] - (int)strlen(option->name), ending(option),
                    weir_option_type_text(option), widths[1], default_shown(option),
                    option->doc ? option->doc : "");
    if (limits.size)
        weir_buf_format(out, " (%s)", weir_buf_text(&limits));
    weir_buf_char(out, '\n');
    weir_buf_free(&limits);
}

/* Did a row before this one have its group? Then it was printed with that one. */
static bool printed_before(const weir_option *options, const weir_option *option)
{
    for (const weir_option *other = options; other < option; other++)
        if (weir_same(other->group, option->group))
            return true;
    return false;
}

static void print_group(const weir_option *first, const int widths[2], bool markdown, weir_buf *out)
{
    for (const weir_option *option = first; option->name; option++) {
        if (!weir_same(option->group, first->group))
            continue;
        if (markdown)
            print_markdown(option, option == first, out);
        else
            print_text(option, widths, out);
    }
}

void weir_options_print(const weir_option *options, bool markdown, weir_buf *out)
{
    int widths[2] = {0, 0};

    for (const weir_option *option = options; option->name; option++) {
        int name = (int)(strlen(option->name) + strlen(ending(option)));
        int fallback = (int)strlen(default_shown(option));

        widths[0] = name > widths[0] ? name : widths[0];
        if (fallback <= WIDEST_DEFAULT && fallback > widths[1])
            widths[1] = fallback;
    }
    for (const weir_option *option = options; option->name; option++) {
        if (printed_before(options, option))
            continue;
        if (option != options)
            weir_buf_char(out, '\n');
        if (option->group)
            weir_buf_format(out, markdown ? "### %s\n\n" : "%s\n", option->group);
        print_group(option, widths, markdown, out);
    }
}
