/* status.h - "why is nothing flowing?", answered in one JSON object. Secrets are not in it. */
#ifndef MQTT_STATUS_H
#define MQTT_STATUS_H

#include "connection.h"
#include "record.h"
#include "settings.h"

typedef struct mqtt_task_facts {
    uint64_t delivered, dead_lettered, dropped, abandoned; /* what the worker said */
    uint64_t rejected;                                     /* no record could be made of them */
    uint64_t duplicates;                                   /* dedupe.mode=content */
    int64_t last_message_ms;                               /* -1: none yet */
    mqtt_record_facts records;
    const char *inherited; /* client id of a session that is being emptied; NULL: none */
} mqtt_task_facts;

/* weir_source's status(): the length, or 0 when there is no room. */
size_t mqtt_status_write(const mqtt_setup *setup, const mqtt_connection_facts *connection,
                         const mqtt_task_facts *task, int64_t now_ms, char *json, size_t room);

#endif
