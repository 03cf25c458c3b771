/* log.c - see log.h. */
#include "base/log.h"

#include "base/buf.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONTEXT 200

static atomic_int least_level = WEIR_INFO;
static atomic_int line_format = WEIR_LOG_LOGFMT;
static atomic_int target_fd = STDOUT_FILENO;
static _Thread_local char thread_context[MAX_CONTEXT + 1];

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error"};

void weir_log_setup(weir_level least, weir_log_format format)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&line_format, (int)format);
}

void weir_log_to(int fd)
{
    atomic_store(&target_fd, fd);
}

bool weir_log_wants(weir_level level)
{
    return (int)level >= atomic_load(&least_level);
}

bool weir_level_parse(const char *text, weir_level *ret_level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
        if (strcasecmp(text, level_names[i]) == 0) {
            *ret_level = (weir_level)i;
            return true;
        }
    return false;
}

const char *weir_level_text(weir_level level)
{
    return level_names[level];
}

void weir_log_context(const char *context)
{
    snprintf(thread_context, sizeof(thread_context), "%s", context ? context : "");
}

/* Within double quotes, for logfmt and JSON alike. */
static void add_quoted(weir_buf *line, const char *text)
{
    weir_buf_char(line, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            weir_buf_format(line, "\\%c", *p);
        else if (*p == '\n')
            weir_buf_text_add(line, "\\n");
        else if (*p == '\t')
            weir_buf_text_add(line, "\\t");
        else if (*p < 0x20)
            weir_buf_format(line, "\\u%04x", *p);
        else
            weir_buf_char(line, (char)*p);
    }
    weir_buf_char(line, '"');
}

static bool is_bare(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == '"' || *text == '=' || *text == '\\')
            return false;
    return true;
}

static void add_pair(weir_buf *line, const char *key, const char *value)
{
    bool json = atomic_load(&line_format) == WEIR_LOG_JSON;

    if (json) {
        weir_buf_text_add(line, line->size ? "," : "{");
        add_quoted(line, key);
        weir_buf_char(line, ':');
        add_quoted(line, value);
        return;
    }
    if (line->size)
        weir_buf_char(line, ' ');
    weir_buf_format(line, "%s=", key);
    if (is_bare(value))
        weir_buf_text_add(line, value);
    else
        add_quoted(line, value);
}

static void begin(weir_buf *line, weir_level level, const char *msg)
{
    char stamp[40];
    struct timespec now;
    struct tm utc;
    size_t length;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    length = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + length, sizeof(stamp) - length, ".%03dZ", (int)(now.tv_nsec / 1000000));
    add_pair(line, "ts", stamp);
    add_pair(line, "level", level_names[level]);
    if (thread_context[0]) {
        char shown[MAX_CONTEXT + 3];

        snprintf(shown, sizeof(shown), "[%s]", thread_context);
        add_pair(line, "ctx", shown);
    }
    add_pair(line, "msg", msg);
}

static void finish(weir_buf *line)
{
    size_t done = 0;

    weir_buf_text_add(line, atomic_load(&line_format) == WEIR_LOG_JSON ? "}\n" : "\n");
    while (done < line->size) {
        ssize_t n = write(atomic_load(&target_fd), line->data + done, line->size - done);

        if (n <= 0)
            break; /* nobody to tell */
        done += (size_t)n;
    }
    weir_buf_free(line);
}

void weir_log(weir_level level, const char *msg, ...)
{
    weir_buf line = WEIR_BUF;
    const char *key;
    va_list args;

    if (!weir_log_wants(level))
        return;
    begin(&line, level, msg);
    va_start(args, msg);
    while ((key = va_arg(args, const char *)) != NULL) {
        const char *value = va_arg(args, const char *);

        if (value)
            add_pair(&line, key, value);
    }
    va_end(args);
    finish(&line);
}

void weir_vlogf(weir_level level, const char *fmt, va_list args)
{
    weir_buf line = WEIR_BUF;
    char text[2048];

    if (!weir_log_wants(level))
        return;
    vsnprintf(text, sizeof(text), fmt, args);
    begin(&line, level, text);
    finish(&line);
}

void weir_logf(weir_level level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    weir_vlogf(level, fmt, args);
    va_end(args);
}
