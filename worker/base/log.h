/* log.h - what the worker tells its operator: one line an event, on standard output.
 *
 *     weir_log(WEIR_INFO, "joined group", "group", "connect-cluster", "generation", "4", NULL);
 *     weir_logf(WEIR_WARN, "unknown key '%s' ignored", key);
 *
 *     ts=2026-11-21T06:40:01.123Z level=info ctx=[fleet|task-0] msg="joined group" generation=4
 *
 * logfmt by default, one JSON object a line with WEIR_LOG_JSON. A line is written with one
 * write(), so lines of several threads never mix. Newlines inside values are escaped.
 * Secrets never get here: whoever has one masks it.
 * Threads: every function may be called from any thread; set-up functions before others start.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/err.h"
#include "weir_plugin.h" /* weir_level */

#include <stdarg.h>
#include <stdbool.h>

typedef enum weir_log_format { WEIR_LOG_LOGFMT, WEIR_LOG_JSON } weir_log_format;

void weir_log_setup(weir_level least, weir_log_format format);
/* Lines go to this descriptor instead of standard output. */
void weir_log_to(int fd);
bool weir_log_wants(weir_level level);
/* "debug", any case (also Java's WARN, FATAL, OFF is not one). False: no such level. */
bool weir_level_parse(const char *text, weir_level *ret_level);
const char *weir_level_text(weir_level level);

/* The context of this thread's lines, "fleet|task-0" (shown in brackets); NULL: none. Copied,
 * cut at 200 bytes. */
void weir_log_context(const char *context);

/* `msg` and then pairs of strings, ended by NULL; a pair whose value is NULL is left out. */
void weir_log(weir_level level, const char *msg, ...) __attribute__((sentinel));
void weir_logf(weir_level level, const char *fmt, ...) WEIR_FORMAT(2, 3);
void weir_vlogf(weir_level level, const char *fmt, va_list args) WEIR_FORMAT(2, 0);

#endif
