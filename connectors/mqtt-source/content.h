/* content.h - which messages are the same: dedupe.mode=content.
 *
 * Two messages are the same when dedupe.key makes the same text of them. The second, within
 * dedupe.window.ms of the first and with fewer than dedupe.window.size others between them, is a
 * duplicate: to be counted and acknowledged, not produced. Texts are compared by 64 bits of hash.
 *
 * Memory   Fixed by the size of the window; nothing is allocated per message.
 * Threads  The task's.
 */
#ifndef MQTT_CONTENT_H
#define MQTT_CONTENT_H

#include "packet.h"

typedef struct mqtt_content mqtt_content;

/* `key` is a template which may also contain ${payload}. NULL: `why` says what is wrong with it. */
mqtt_content *mqtt_content_new(const char *key, size_t window_size, int64_t window_ms, char *why,
                               size_t room);
void mqtt_content_free(mqtt_content *content);

/* Has one like it been noted? */
bool mqtt_content_knows(mqtt_content *content, const mqtt_publish *publish, int64_t now_ms);
/* The message that was asked about last has been handed over. */
void mqtt_content_note(mqtt_content *content, int64_t now_ms);
/* Forgets everything: what comes now may be the only copy of what was on its way. */
void mqtt_content_clear(mqtt_content *content);

#endif
