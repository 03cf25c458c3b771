/* probe.h - the worker's own share of a probe: Kafka, as the connector's records would meet it.
 *
 * Threads  The call's: it waits for Kafka, five seconds at most.
 */
#ifndef WEIR_REST_PROBE_H
#define WEIR_REST_PROBE_H

#include "plugin/connector_check.h"
#include "plugin/registry.h"

/* Looks for the topics that the plugin's `topic_keys` name, with the connection of the connector's
 * producer (`config` has values in place of variables), and adds to check->report and check->notes
 * what it finds, without check->secrets. */
void weir_probe_topics(const weir_registry *registry, const weir_props *worker,
                       const weir_props *config, weir_check *check);

#endif
