/* template.h - kafka.topic, kafka.key, dedupe.key: text with places for parts of a message.
 *
 *     ${topic}  ${topic[1]}  ${topic[-1]}  ${topic[1..3]}   levels count from 1, from the end with
 * a minus; what is not there is empty
 *     ${filter}     the first subscription filter that matches, without $share/group/
 *     ${qos}        0, 1 or 2
 *     ${user:x}     the first user property x (MQTT 5)
 *     ${json:/a/b}  a scalar of a JSON payload, by JSON pointer; true, false and null are words
 *     ${re:1}       what a group of the rule's regex matched; empty when it took no part
 *     ${payload}    all of it, where the key allows that
 *
 * Compiled once. Rendering allocates nothing but the growth of `out`.
 *
 * Threads  A template is read-only: any. A view belongs to whoever made it.
 */
#ifndef MQTT_TEMPLATE_H
#define MQTT_TEMPLATE_H

#include "bytes.h"
#include "packet.h"

#include <stdbool.h>

typedef struct mqtt_template mqtt_template;

/* What a template may say beyond what every one may. */
typedef struct mqtt_places {
    bool payload;  /* ${payload} */
    size_t groups; /* ${re:1} … ${re:groups} */
} mqtt_places;

/* `places` NULL: nothing more. NULL: `why` names the place and says what is wrong with it. */
mqtt_template *mqtt_template_new(const char *text, const mqtt_places *places, char *why,
                                 size_t room);
void mqtt_template_free(mqtt_template *made);

bool mqtt_template_is_fixed(const mqtt_template *made); /* it has no places */
bool mqtt_template_is_topic(const mqtt_template *made); /* it is ${topic} and nothing else */
bool mqtt_template_needs_v5(const mqtt_template *made); /* it has a ${user:x} */
size_t mqtt_template_least(const mqtt_template *made);  /* bytes of it that are fixed */

/* One message as templates see it; everything points elsewhere. */
typedef struct mqtt_view {
    const mqtt_publish *publish;
    char *const *filters; /* of the subscription */
    size_t filter_count;
    const mqtt_text *groups; /* group 1 is groups[0] */
    int is_json;             /* is the payload? 1, -1: no, 0: nobody has looked */
} mqtt_view;

/* Looks at the payload once. */
bool mqtt_view_is_json(mqtt_view *view);

/* Appends the text for one message. False: this one has not what a place asks for; `why` says it,
 * without its payload. What was appended by then is still there. */
bool mqtt_template_render(const mqtt_template *made, mqtt_view *view, mqtt_bytes *out, char *why,
                          size_t room);

#endif
