/* config_host.h - a worker that listens: what normalise(), validate() and plan() say. */
#ifndef TEST_CONFIG_HOST_H
#define TEST_CONFIG_HOST_H

#include "fill.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>

typedef struct listener {
    weir_config_host host;
    char keys[64][64], values[64][256]; /* the result of normalise() */
    size_t pairs;
    char notes[64][512]; /* "WARN key: text" */
    size_t note_count, errors;
    char tasks[16][512]; /* "key=value key=value" */
    size_t task_count;
} listener;

static inline void listener_set(const weir_config_host *host, const char *key, const char *value)
{
    listener *l = host->ctx;
    size_t i = 0;

    while (i < l->pairs && strcmp(l->keys[i], key) != 0)
        i++;
    if (i == l->pairs)
        l->pairs++;
    ck_assert_uint_lt(l->pairs, 64);
    snprintf(l->keys[i], sizeof(l->keys[i]), "%s", key);
    snprintf(l->values[i], sizeof(l->values[i]), "%s", value);
}

static inline void listener_task(const weir_config_host *host, const weir_pair *pairs, size_t count)
{
    listener *l = host->ctx;
    char *to = l->tasks[l->task_count++];

    for (size_t i = 0; i < count; i++)
        snprintf(to + strlen(to), 512 - strlen(to), "%s%s=%s", i ? " " : "", pairs[i].key,
                 pairs[i].value);
}

static inline void WEIR_PRINTF(4, 5) listener_note(const weir_config_host *host, weir_level level,
                                                   const char *key, const char *fmt, ...)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
    listener *l = host->ctx;
    char *to = l->notes[l->note_count++];
    va_list args;
    int size;

    ck_assert_uint_lt(l->note_count, 64);
    l->errors += level == WEIR_ERROR;
    size = snprintf(to, 512, "%s %s: ", names[level], key ? key : "-");
    va_start(args, fmt);
    vsnprintf(to + size, 512 - (size_t)size, fmt, args);
    va_end(args);
}

static inline listener *listener_new(const char *class)
{
    listener *l = calloc(1, sizeof(*l));

    l->host = (weir_config_host){
        .size = sizeof(weir_config_host),
        .ctx = l,
        .connector = "conn",
        .class_as_said = class,
        .set = listener_set,
        .task = listener_task,
        .note = listener_note,
    };
    return l;
}

/* Is there a note that begins so and contains that? */
static inline bool noted(const listener *l, const char *level_and_key, const char *text)
{
    for (size_t i = 0; i < l->note_count; i++)
        if (strncmp(l->notes[i], level_and_key, strlen(level_and_key)) == 0 &&
            strstr(l->notes[i], text))
            return true;
    return false;
}

static inline const char *all_notes(const listener *l)
{
    static char text[8192];

    text[0] = '\0';
    for (size_t i = 0; i < l->note_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "\n  %s", l->notes[i]);
    return text;
}

static inline const char *result(const listener *l, const char *key)
{
    for (size_t i = 0; i < l->pairs; i++)
        if (strcmp(l->keys[i], key) == 0)
            return l->values[i];
    return NULL;
}

#endif
