/* exposition.h - a page in Prometheus' text format, version 0.0.4, family by family.
 *
 *     weir_exposition page = {.out = &body};
 *     weir_exposition_family(&page, "weir_task_errors_total", WEIR_FAMILY_COUNTER, "Records …");
 *     weir_exposition_count(&page, "connector=\"a\",task=\"0\"", 12);
 *
 * A family is announced with its first sample, so one without samples is not on the page. One that
 * is on the page already is left out. Whoever writes sees to it that a sample comes once.
 */
#ifndef WEIR_REST_EXPOSITION_H
#define WEIR_REST_EXPOSITION_H

#include "base/buf.h"
#include "base/map.h"

#include <stdbool.h>
#include <stdint.h>

#define WEIR_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef enum weir_family_type {
    WEIR_FAMILY_COUNTER,
    WEIR_FAMILY_GAUGE,
    WEIR_FAMILY_SUMMARY, /* samples by weir_exposition_summary() */
    WEIR_FAMILY_UNTYPED,
} weir_family_type;

typedef struct weir_exposition {
    weir_buf *out;
    const char *name, *help; /* of the family at hand */
    weir_family_type type;
    bool announced, left_out;
    weir_map announced_names; /* weir_exposition_end() empties it */
} weir_exposition;

/* `name` and `help` live until the next family. Without characters that need escaping: name. */
void weir_exposition_family(weir_exposition *page, const char *name, weir_family_type type,
                            const char *help);
/* One sample. `labels`: as weir_exposition_label() makes them; "" for none. */
void weir_exposition_count(weir_exposition *page, const char *labels, uint64_t value);
void weir_exposition_value(weir_exposition *page, const char *labels, double value);
/* A summary without quantiles: how much, and of how many. */
void weir_exposition_summary(weir_exposition *page, const char *labels, double sum, uint64_t count);

void weir_exposition_end(weir_exposition *page);

/* Adds name="value" to `labels`, after a comma where there are some already. The value may be any
 * text; what is no UTF-8 becomes U+FFFD. */
void weir_exposition_label(weir_buf *labels, const char *name, const char *value);

#endif
