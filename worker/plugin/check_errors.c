/* check_errors.c - what becomes of records that fail: the keys of the dead-letter topic, and what
 * errors.tolerance means without one. In Kafka these keys are a sink's; here sources have them. */
#include "plugin/check_internal.h"

#include <stdlib.h>
#include <string.h>

#define DEAD_LETTERS "errors.deadletterqueue.topic.name"
/* Under this key connectors of ours have their topic. One that makes it from a template may still
 * name the dead-letter topic at times. */
#define TARGET    "kafka.topic"
#define TOPIC_MAX 249

static bool is_topic_name(const char *name)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);

    return length <= TOPIC_MAX && strspn(name, legal) == length && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

void weir_rule_dead_letters(weir_examination *x, const weir_option *option, const char *value,
                            bool null)
{
    const char *target = weir_examined(x, TARGET);

    if (null || !value || !*value)
        return;
    if (!is_topic_name(value))
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: a topic's name is made of up to 249 "
                  "letters, digits, '.', '_' and '-'",
                  value, option->name);
    else if (target && strcmp(target, value) == 0)
        weir_find(x, option->name,
                  "The dead-letter topic '%s' is the topic that the connector writes to (" TARGET
                  "). Let it be another one.",
                  value);
}

void weir_rule_dead_letter_replication(weir_examination *x, const weir_option *option,
                                       const char *value, bool null)
{
    long long number;
    char *end;

    if (null || !value)
        return;
    number = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || number < INT16_MIN || number > INT16_MAX)
        weir_find(x, option->name,
                  "Invalid value %s for configuration %s: Not a number of type SHORT", value,
                  option->name);
    else if (number < 1 && number != -1)
        weir_find(x, option->name,
                  "Invalid value %lld for configuration %s: a topic has at least one replica; -1 "
                  "is the broker's default",
                  number, option->name);
}

bool weir_has_dead_letters(const weir_examination *x)
{
    const char *topic = weir_examined(x, DEAD_LETTERS);

    return topic && *topic;
}

void weir_check_errors(weir_examination *x)
{
    const char *tolerance = weir_examined(x, "errors.tolerance");

    if (tolerance && strcmp(tolerance, "all") == 0 && !weir_has_dead_letters(x))
        weir_check_note(x, WEIR_WARN, "errors.tolerance",
                        "records that fail are dropped, counted and logged: there is no "
                        "" DEAD_LETTERS " to keep them");
}
