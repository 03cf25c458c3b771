/* source.h - the source that plugin.c offers to the worker. */
#ifndef MQTT_SOURCE_H
#define MQTT_SOURCE_H

#include "weir_plugin.h"

extern const weir_source mqtt_source;

#endif
