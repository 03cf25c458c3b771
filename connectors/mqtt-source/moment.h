/* moment.h - points in time as devices write them, in milliseconds since 1970, UTC. */
#ifndef MQTT_MOMENT_H
#define MQTT_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mqtt_unit {
    MQTT_UNIT_GUESS, /* a number is milliseconds, anything else ISO 8601 */
    MQTT_UNIT_S,
    MQTT_UNIT_MS,
    MQTT_UNIT_US,
    MQTT_UNIT_ISO,
} mqtt_unit;

/* The wall clock's, now. */
int64_t mqtt_unix_ms(void);

/* A number as JSON writes it, or "2026-11-21T13:05:06.25+01:00": the time of day may be missing,
 * 'T' may be a blank, a time without a zone is UTC. False: it is none. */
bool mqtt_moment_read(const char *text, size_t size, mqtt_unit unit, int64_t *ret_ms);

/* Before 2000, as numbers in the wrong unit and clocks that were never set are, or more than an
 * hour after `now_ms`, which Kafka refuses unless told otherwise
 * (log.message.timestamp.after.max.ms). */
bool mqtt_moment_is_absurd(int64_t ms, int64_t now_ms);

#endif
