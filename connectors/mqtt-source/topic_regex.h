/* topic_regex.h - a user's regular expression over topics: POSIX extended, by libtre.
 *
 *     .  [a-z]  [[:digit:]]  \d \w \s and their opposites  (groups)  a|b  * + ? {2} {2,} {2,5}  ^ $
 *
 * Linear in the topic: what would need backtracking (back-references) or blow up when compiled
 * (repetitions of repetitions) is refused, as is whatever else the library knows. Matching
 * allocates inside of the library, as the only part of making a record that does.
 *
 * Threads  A compiled one is read-only: any.
 */
#ifndef MQTT_TOPIC_REGEX_H
#define MQTT_TOPIC_REGEX_H

#include "properties.h" /* mqtt_text */

#include <stdbool.h>
#include <stddef.h>

#define MQTT_REGEX_GROUPS 20

typedef struct mqtt_regex mqtt_regex;

/* NULL: `why` says what is wrong. */
mqtt_regex *mqtt_regex_new(const char *pattern, char *why, size_t room);
void mqtt_regex_free(mqtt_regex *regex);
size_t mqtt_regex_groups(const mqtt_regex *regex);

/* Does it match the topic from end to end? Then the first mqtt_regex_groups() of ret_groups say
 * what each group took, leftmost and longest; size 0 when it took no part. */
bool mqtt_regex_match(const mqtt_regex *regex, const char *topic, size_t topic_size,
                      mqtt_text ret_groups[MQTT_REGEX_GROUPS]);

#endif
