/* topic_regex.c - see topic_regex.h. */
#include "topic_regex.h"

#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tre/tre.h>

#define PATTERN_MAX 1024
#define COPIES_MAX  1000 /* that all "{n}" together may make of one character */

struct mqtt_regex {
    regex_t compiled; /* ^(pattern)$: its group 1 is the whole */
    size_t groups;
};

/* The numbers in braces, multiplied as if all were nested; 0: more than may be. */
static long copies_of(const char *pattern)
{
    long copies = 1;

    for (const char *at = pattern; (at = strpbrk(at, "\\{")); at++) {
        long most = 1;

        if (*at == '\\') {
            at += at[1] != '\0';
            continue;
        }
        for (at++; *at && *at != '}'; at++) {
            long number = strtol(at, NULL, 10);

            most = number > most ? number : most;
        }
        if (most > COPIES_MAX / copies)
            return 0;
        copies *= most;
        if (!*at)
            break;
    }
    return copies;
}

/* False: it is not good by itself, whatever "^(" and ")$" around it would make of it. */
static bool check(const char *pattern, size_t *ret_groups, char *why, size_t room)
{
    regex_t compiled;
    int code;
    bool good = false;

    if (!*pattern || strlen(pattern) > PATTERN_MAX) {
        snprintf(why, room, "a regex has 1 to %d bytes", PATTERN_MAX);
        return false;
    }
    if (!copies_of(pattern)) {
        snprintf(why, room, "its repetitions multiply to more than %d", COPIES_MAX);
        return false;
    }
    code = tre_regcomp(&compiled, pattern, REG_EXTENDED);
    if (code != REG_OK) {
        char text[96];

        tre_regerror(code, &compiled, text, sizeof(text));
        snprintf(why, room, "it is no regular expression: %s", text);
        return false;
    }
    if (tre_have_backrefs(&compiled))
        snprintf(why, room, "a back-reference takes more than linear time");
    else if (tre_have_approx(&compiled))
        snprintf(why, room, "approximate matching takes more than linear time");
    else if (compiled.re_nsub > MQTT_REGEX_GROUPS)
        snprintf(why, room, "it has more than %d groups", MQTT_REGEX_GROUPS);
    else
        good = true;
    *ret_groups = compiled.re_nsub;
    tre_regfree(&compiled);
    return good;
}

mqtt_regex *mqtt_regex_new(const char *pattern, char *why, size_t room)
{
    mqtt_regex *regex;
    size_t groups, size;
    char *whole;
    int code;

    if (!check(pattern, &groups, why, room))
        return NULL;
    regex = mqtt_alloc(1, sizeof(*regex));
    regex->groups = groups;
    size = strlen(pattern) + sizeof("^()$");
    whole = mqtt_alloc(size, 1);
    snprintf(whole, size, "^(%s)$", pattern);
    code = tre_regcomp(&regex->compiled, whole, REG_EXTENDED);
    free(whole);
    if (code == REG_OK)
        return regex;
    snprintf(why, room, "it cannot be made to match whole topics");
    free(regex);
    return NULL;
}

void mqtt_regex_free(mqtt_regex *regex)
{
    if (!regex)
        return;
    tre_regfree(&regex->compiled);
    free(regex);
}

size_t mqtt_regex_groups(const mqtt_regex *regex)
{
    return regex->groups;
}

bool mqtt_regex_match(const mqtt_regex *regex, const char *topic, size_t topic_size,
                      mqtt_text ret_groups[MQTT_REGEX_GROUPS])
{
    regmatch_t found[MQTT_REGEX_GROUPS + 2];

    if (tre_regnexec(&regex->compiled, topic, topic_size, regex->groups + 2, found, 0) != REG_OK)
        return false;
    for (size_t i = 0; i < regex->groups; i++) {
        const regmatch_t *group = &found[i + 2];

        ret_groups[i] = group->rm_so < 0 ? (mqtt_text){topic, 0}
                                         : (mqtt_text){topic + group->rm_so,
                                                       (size_t)(group->rm_eo - group->rm_so)};
    }
    return true;
}
