/* template.c - see template.h. */
#include "template.h"

#include "filter.h"
#include "json_check.h"
#include "json_pointer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum part_kind { TEXT, TOPIC, LEVELS, FILTER, QOS, USER, JSON, GROUP, PAYLOAD } part_kind;

typedef struct part {
    part_kind kind;
    char *text; /* of TEXT, and the name of USER */
    size_t size;
    long first, last; /* of LEVELS; last 0: the first alone. The number of GROUP is `first` */
    mqtt_pointer *pointer;
} part;

struct mqtt_template {
    part *parts;
    size_t count;
};

/* ---- Compiling ------------------------------------------------------------------------------- */

/* A place being read: what stands between "${" and "}". */
typedef struct place {
    const char *text;
    size_t size;
    const mqtt_places *allowed;
    char *why; /* what is wrong with it */
    size_t room;
} place;

static bool refuse(const place *at, const char *why)
{
    snprintf(at->why, at->room, "%s", why);
    return false;
}

/* A number of at most six digits that is not 0, signed when `minus`; NULL: none is there. */
static const char *read_number(const char *at, const char *end, bool minus, long *ret_number)
{
    bool negative = minus && at < end && *at == '-';
    const char *from = at += negative;
    long number = 0;

    for (; at < end && *at >= '0' && *at <= '9' && at - from < 6; at++)
        number = number * 10 + (*at - '0');
    if (!number)
        return NULL;
    *ret_number = negative ? -number : number;
    return at;
}

/* "[1]", "[-1]" or "[1..3]", all of it. */
static bool parse_levels(const place *p, part *ret_part)
{
    const char *at = p->text + 5, *end = p->text + p->size - 1;
    part made = {.kind = LEVELS};

    if (end <= at || *at != '[' || *end != ']')
        return refuse(p, "levels are written [1], [-1] or [1..3]");
    at = read_number(at + 1, end, true, &made.first);
    if (at && end - at > 2 && at[0] == '.' && at[1] == '.')
        at = read_number(at + 2, end, true, &made.last);
    if (at != end)
        return refuse(p, "levels are written [1], [-1] or [1..3], and count from 1");
    *ret_part = made;
    return true;
}

static bool parse_group(const place *p, part *ret_part)
{
    const char *end = p->text + p->size;
    part made = {.kind = GROUP};

    if (!p->allowed->groups)
        return refuse(p, "belongs into a rule that has a regex with groups");
    if (read_number(p->text + 3, end, false, &made.first) != end)
        return refuse(p, "a group is written ${re:1}, and they count from 1");
    if ((size_t)made.first > p->allowed->groups)
        return refuse(p, "the rule's regex has not so many groups");
    *ret_part = made;
    return true;
}

static bool parse_user(const place *p, part *ret_part)
{
    if (p->size == 5)
        return refuse(p, "the name of the user property is missing");
    *ret_part =
        (part){.kind = USER, .text = mqtt_strndup(p->text + 5, p->size - 5), .size = p->size - 5};
    return true;
}

static bool parse_json(const place *p, part *ret_part)
{
    part made = {.kind = JSON};

    made.pointer = mqtt_pointer_new(p->text + 5, p->size - 5, p->why, p->room);
    *ret_part = made;
    return made.pointer;
}

static bool begins(const place *p, const char *word)
{
    size_t size = strlen(word);

    return p->size >= size && memcmp(p->text, word, size) == 0;
}

static bool is(const place *p, const char *word)
{
    return p->size == strlen(word) && begins(p, word);
}

static bool parse_place(const place *p, part *ret_part)
{
    if (is(p, "topic"))
        *ret_part = (part){.kind = TOPIC};
    else if (begins(p, "topic["))
        return parse_levels(p, ret_part);
    else if (is(p, "filter"))
        *ret_part = (part){.kind = FILTER};
    else if (is(p, "qos"))
        *ret_part = (part){.kind = QOS};
    else if (begins(p, "user:"))
        return parse_user(p, ret_part);
    else if (begins(p, "json:"))
        return parse_json(p, ret_part);
    else if (begins(p, "re:"))
        return parse_group(p, ret_part);
    else if (is(p, "payload") && p->allowed->payload)
        *ret_part = (part){.kind = PAYLOAD};
    else if (is(p, "payload"))
        return refuse(p, "the payload does not belong here");
    else
        return refuse(p, "is not known; ${topic}, ${topic[1]}, ${topic[-1]}, ${topic[1..3]}, "
                         "${filter}, ${qos}, ${user:name}, ${json:/pointer} and, in rules, "
                         "${re:1} are");
    return true;
}

static void add(mqtt_template *made, part p)
{
    made->parts = mqtt_realloc(made->parts, made->count + 1, sizeof(*made->parts));
    made->parts[made->count++] = p;
}

/* Text and places in turn; `at` is where the trouble is when it returns false. */
static bool compile(mqtt_template *made, const char **at, place *p)
{
    while (**at) {
        const char *open = strstr(*at, "${");
        size_t size = open ? (size_t)(open - *at) : strlen(*at);
        const char *close;
        part next;

        if (size)
            add(made, (part){.kind = TEXT, .text = mqtt_strndup(*at, size), .size = size});
        *at += size;
        if (!open)
            return true;
        close = strchr(open, '}');
        p->text = open + 2;
        p->size = close ? (size_t)(close - open - 2) : strlen(open + 2);
        if (!close)
            return refuse(p, "has no '}'");
        if (!parse_place(p, &next))
            return false;
        add(made, next);
        *at = close + 1;
    }
    return true;
}

mqtt_template *mqtt_template_new(const char *text, const mqtt_places *places, char *why,
                                 size_t room)
{
    static const mqtt_places none = {0};
    mqtt_template *made = mqtt_alloc(1, sizeof(*made));
    const char *at = text;
    char wrong[256];
    place p = {.allowed = places ? places : &none, .why = wrong, .room = sizeof(wrong)};

    if (compile(made, &at, &p))
        return made;
    snprintf(why, room, "'%.*s%s' at character %zu: %s", p.size > 60 ? 62 : (int)p.size + 2, at,
             p.size > 60      ? "…"
             : p.text[p.size] ? "}"
                              : "",
             (size_t)(at - text) + 1, wrong);
    mqtt_template_free(made);
    return NULL;
}

void mqtt_template_free(mqtt_template *made)
{
    if (!made)
        return;
    for (size_t i = 0; i < made->count; i++) {
        free(made->parts[i].text);
        mqtt_pointer_free(made->parts[i].pointer);
    }
    free(made->parts);
    free(made);
}

bool mqtt_template_is_fixed(const mqtt_template *made)
{
    return made->count == 0 || (made->count == 1 && made->parts[0].kind == TEXT);
}

bool mqtt_template_is_topic(const mqtt_template *made)
{
    return made->count == 1 && made->parts[0].kind == TOPIC;
}

bool mqtt_template_needs_v5(const mqtt_template *made)
{
    for (size_t i = 0; i < made->count; i++)
        if (made->parts[i].kind == USER)
            return true;
    return false;
}

size_t mqtt_template_least(const mqtt_template *made)
{
    size_t least = 0;

    for (size_t i = 0; i < made->count; i++)
        least += made->parts[i].kind == TEXT ? made->parts[i].size : 0;
    return least;
}

/* ---- Rendering ------------------------------------------------------------------------------- */

bool mqtt_view_is_json(mqtt_view *view)
{
    if (!view->is_json)
        view->is_json = mqtt_is_json(view->publish->payload, view->publish->payload_size) ? 1 : -1;
    return view->is_json > 0;
}

static void render_levels(const part *p, const char *topic, size_t size, mqtt_bytes *out)
{
    long count = 1, first = p->first, last = p->last ? p->last : p->first, level = 1;
    const char *from = NULL, *to = NULL, *start = topic;

    for (size_t i = 0; i < size; i++)
        count += topic[i] == '/';
    first = first < 0 ? count + 1 + first : first;
    last = last < 0 ? count + 1 + last : last;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && topic[i] != '/')
            continue;
        if (level >= first && level <= last) {
            from = from ? from : start;
            to = topic + i;
        }
        start = topic + i + 1 <= topic + size ? topic + i + 1 : start;
        level++;
    }
    if (from)
        mqtt_bytes_append(out, from, (size_t)(to - from));
}

static bool render_filter(const mqtt_view *view, mqtt_bytes *out, char *why, size_t room)
{
    for (size_t i = 0; i < view->filter_count; i++) {
        const char *plain = mqtt_filter_plain(view->filters[i]);

        if (!mqtt_filter_matches(plain, view->publish->topic, view->publish->topic_size))
            continue;
        mqtt_bytes_append(out, plain, strlen(plain));
        return true;
    }
    snprintf(why, room, "it matches no filter of mqtt.topics: it comes from an older subscription");
    return false;
}

static bool render_user(const part *p, const mqtt_view *view, mqtt_bytes *out, char *why,
                        size_t room)
{
    mqtt_text value;

    if (!mqtt_properties_user(&view->publish->properties, p->text, p->size, &value)) {
        snprintf(why, room, "it has no user property '%.80s'", p->text);
        return false;
    }
    if (!mqtt_is_utf8(value.bytes, value.size)) {
        snprintf(why, room, "its user property '%.80s' is not UTF-8", p->text);
        return false;
    }
    mqtt_bytes_append(out, value.bytes, value.size);
    return true;
}

static bool render_json(const part *p, mqtt_view *view, mqtt_bytes *out, char *why, size_t room)
{
    mqtt_json_value value;

    if (!mqtt_view_is_json(view)) {
        snprintf(why, room, "its payload of %zu bytes is not JSON, so there is no '%.80s' in it",
                 view->publish->payload_size, mqtt_pointer_text(p->pointer));
        return false;
    }
    if (!mqtt_pointer_find(p->pointer, view->publish->payload, view->publish->payload_size, &value,
                           why, room))
        return false;
    if (value.kind == MQTT_JSON_OBJECT || value.kind == MQTT_JSON_ARRAY) {
        snprintf(why, room, "its payload has %s at '%.80s', not a text, number or word",
                 value.kind == MQTT_JSON_OBJECT ? "an object" : "an array",
                 mqtt_pointer_text(p->pointer));
        return false;
    }
    mqtt_json_append(&value, out);
    return true;
}

static bool render_part(const part *p, mqtt_view *view, mqtt_bytes *out, char *why, size_t room)
{
    const mqtt_publish *publish = view->publish;
    char digit = (char)('0' + publish->qos);
    const mqtt_text *group;

    switch (p->kind) {
    case TEXT:
        mqtt_bytes_append(out, p->text, p->size);
        break;
    case TOPIC:
        mqtt_bytes_append(out, publish->topic, publish->topic_size);
        break;
    case LEVELS:
        render_levels(p, publish->topic, publish->topic_size, out);
        break;
    case FILTER:
        return render_filter(view, out, why, room);
    case QOS:
        mqtt_bytes_append(out, &digit, 1);
        break;
    case USER:
        return render_user(p, view, out, why, room);
    case JSON:
        return render_json(p, view, out, why, room);
    case GROUP:
        group = &view->groups[p->first - 1];
        mqtt_bytes_append(out, group->bytes, group->size);
        break;
    case PAYLOAD:
        mqtt_bytes_append(out, publish->payload, publish->payload_size);
        break;
    }
    return true;
}

bool mqtt_template_render(const mqtt_template *made, mqtt_view *view, mqtt_bytes *out, char *why,
                          size_t room)
{
    for (size_t i = 0; i < made->count; i++)
        if (!render_part(&made->parts[i], view, out, why, room))
            return false;
    return true;
}
