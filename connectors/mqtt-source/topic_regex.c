/* topic_regex.c - see topic_regex.h. */
#include "topic_regex.h"

#include "bytes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tre/tre.h>

#define PATTERN_MAX 1024
#define BOUND_MAX   255
#define COPIES_MAX  1000 /* that all "{n}" together may make of one character */

struct mqtt_regex {
    regex_t compiled; /* ^(pattern)$: its group 1 is the whole */
    size_t groups;
};

/* ---- The subset ------------------------------------------------------------------------------ */

/* libtre takes much more than POSIX says, some of it not linear, and does not always find the end
 * of what is malformed: only what has been understood here goes to it. */
typedef struct reader {
    const char *at;
    size_t depth, groups;
    long copies;     /* the bounds of all repetitions, multiplied as if all were nested */
    bool repeatable; /* what stands before `at` is something that can be repeated */
    const char *why;
} reader;

static bool refuse(reader *r, const char *why)
{
    r->why = why;
    return false;
}

/* At '\\'. */
static bool read_escape(reader *r)
{
    char c = r->at[1];

    if (c >= '1' && c <= '9')
        return refuse(r, "a back-reference takes more than linear time");
    if (!c || !(ispunct((unsigned char)c) || strchr("dDwWsS", c)) || c == '<' || c == '>')
        return refuse(r, "behind '\\' stands a punctuation mark, or one of d, D, w, W, s, S");
    r->at += 2;
    r->repeatable = true;
    return true;
}

/* At '['; a ']' that comes first is a member. */
static bool read_bracket(reader *r)
{
    const char *at = r->at + 1;

    at += *at == '^';
    at += *at == ']';
    for (; *at && *at != ']'; at++) {
        const char *class_end = at[0] == '[' && at[1] == ':' ? strstr(at + 2, ":]") : NULL;

        if (at[0] == '[' && (at[1] == '.' || at[1] == '=' || (at[1] == ':' && !class_end)))
            return refuse(r, "in brackets '[' begins a class such as [:alpha:]");
        at = class_end ? class_end + 1 : at;
    }
    if (!*at)
        return refuse(r, "a '[' has no ']'");
    r->at = at + 1;
    r->repeatable = true;
    return true;
}

/* At '{': {2}, {2,} or {2,5}. */
static bool read_bound(reader *r)
{
    const char *at = r->at + 1;
    long least = -1, most = 0;

    if (*at >= '0' && *at <= '9')
        least = most = strtol(at, (char **)&at, 10);
    if (*at == ',' && *++at >= '0' && *at <= '9')
        most = strtol(at, (char **)&at, 10);
    if (least < 0 || *at != '}' || least > BOUND_MAX || most > BOUND_MAX || most < 1 ||
        (at[-1] != ',' && most < least))
        return refuse(r, "a repetition is written {2}, {2,} or {2,5}, 255 at most; '{' is \\{");
    if (most > COPIES_MAX / r->copies)
        return refuse(r, "its repetitions multiply to more than 1000");
    r->copies *= most;
    r->at = at + 1;
    return true;
}

static bool read_repetition(reader *r)
{
    if (!r->repeatable)
        return refuse(r, "there is nothing to repeat, or it is repeated already");
    r->repeatable = false;
    if (*r->at == '{')
        return read_bound(r);
    r->at++;
    return true;
}

static bool read_one(reader *r)
{
    switch (*r->at) {
    case '\\':
        return read_escape(r);
    case '[':
        return read_bracket(r);
    case '*':
    case '+':
    case '?':
    case '{':
        return read_repetition(r);
    case '(':
        r->depth++;
        r->groups++;
        r->repeatable = false;
        break;
    case ')':
        if (!r->depth--)
            return refuse(r, "a ')' has no '('");
        r->repeatable = true;
        break;
    case '|':
    case '^':
    case '$':
        r->repeatable = false;
        break;
    default:
        r->repeatable = true;
        break;
    }
    r->at++;
    return true;
}

static bool check(const char *pattern, size_t *ret_groups, char *why, size_t room)
{
    reader r = {.at = pattern, .copies = 1};
    bool good = *pattern && strlen(pattern) <= PATTERN_MAX;

    if (!good) {
        snprintf(why, room, "a regex has 1 to %d bytes", PATTERN_MAX);
        return false;
    }
    while (good && *r.at)
        good = read_one(&r);
    if (good && r.depth)
        good = refuse(&r, "a '(' has no ')'");
    if (good && r.groups > MQTT_REGEX_GROUPS)
        good = refuse(&r, "it has more than 20 groups");
    if (!good && *r.at)
        snprintf(why, room, "'%.40s' at character %zu: %s", r.at, (size_t)(r.at - pattern) + 1,
                 r.why);
    else if (!good)
        snprintf(why, room, "at its end: %s", r.why);
    *ret_groups = r.groups;
    return good;
}

/* ---- The library ----------------------------------------------------------------------------- */

mqtt_regex *mqtt_regex_new(const char *pattern, char *why, size_t room)
{
    mqtt_regex *regex;
    size_t groups, size;
    char *whole, reason[96];
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
    tre_regerror(code, &regex->compiled, reason, sizeof(reason));
    snprintf(why, room, "it is no regular expression: %s", reason);
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
