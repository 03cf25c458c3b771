/* metrics.h - what the files that make the page of GET /metrics share.
 *
 *   metrics.c        the handler; worker, group and process
 *   metrics_tasks.c  connectors and tasks
 *
 * Names and types of kafka_connect_… are those that Strimzi's rules for the JMX exporter give
 * Apache's metrics (docs/metrics.md), also where Prometheus' own taste is another one.
 */
#ifndef WEIR_REST_METRICS_H
#define WEIR_REST_METRICS_H

#include "herder/metrics.h"
#include "rest-api/exposition.h"

/* A family with one sample, without labels. */
void weir_page_gauge(weir_exposition *page, const char *name, double value, const char *help);
void weir_page_counter(weir_exposition *page, const char *name, uint64_t value, const char *help);

void weir_page_connectors(weir_exposition *page, const weir_metrics *metrics);
/* `now_ms`: weir_now_ms(). */
void weir_page_tasks(weir_exposition *page, const weir_metrics *metrics, int64_t now_ms);

#endif
