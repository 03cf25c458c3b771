/* plugin.c - the one symbol that mqtt-source exports. */
#include "metrics.h"
#include "neighbours.h"
#include "probe.h"
#include "settings.h"
#include "source.h"

static const char *const topic_keys[] = {"kafka.topic", NULL};

WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {
    .size = sizeof(weir_plugin_desc),
    .abi_major = WEIR_ABI_MAJOR,
    .name = "mqtt-source",
    .version = "1.0.0",
    .aliases = mqtt_class_aliases,
    .options = mqtt_options,
    .settings_size = sizeof(mqtt_settings),
    .source = &mqtt_source,
    .normalise = mqtt_normalise,
    .validate = mqtt_validate,
    .plan = mqtt_plan,
    .probe = mqtt_probe,
    .neighbour_keys = mqtt_neighbour_keys,
    .topic_keys = topic_keys,
    .metrics = mqtt_metrics,
};
