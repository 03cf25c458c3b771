/* metrics.h - which words of the status are metrics. */
#ifndef MQTT_METRICS_H
#define MQTT_METRICS_H

#include "weir_plugin.h"

extern const weir_metric mqtt_metrics[];

#endif
