/* template.c - see template.h. */
#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum part_kind { TEXT, TOPIC, LEVELS, QOS } part_kind;

typedef struct part {
    part_kind kind;
    char *text;       /* of TEXT */
    long first, last; /* of LEVELS; last 0: the first alone */
} part;

struct mqtt_template {
    part *parts;
    size_t count;
};

static void add(mqtt_template *made, part p)
{
    made->parts = mqtt_realloc(made->parts, made->count + 1, sizeof(*made->parts));
    made->parts[made->count++] = p;
}

/* "[1]", "[-1]" or "[1..3]", all of it. */
static bool parse_levels(const char *text, size_t size, part *ret_part)
{
    char copy[32], *end;
    part p = {.kind = LEVELS};

    if (size < 3 || size >= sizeof(copy) || text[0] != '[' || text[size - 1] != ']')
        return false;
    memcpy(copy, text + 1, size - 2);
    copy[size - 2] = '\0';
    p.first = strtol(copy, &end, 10);
    if (strncmp(end, "..", 2) == 0) {
        p.last = strtol(end + 2, &end, 10);
        if (!p.last)
            return false;
    }
    if (*end || !p.first)
        return false;
    *ret_part = p;
    return true;
}

static bool parse_place(const char *name, size_t size, part *ret_part)
{
    if (size == 5 && memcmp(name, "topic", 5) == 0)
        *ret_part = (part){.kind = TOPIC};
    else if (size == 3 && memcmp(name, "qos", 3) == 0)
        *ret_part = (part){.kind = QOS};
    else
        return size > 5 && memcmp(name, "topic", 5) == 0 &&
               parse_levels(name + 5, size - 5, ret_part);
    return true;
}

mqtt_template *mqtt_template_new(const char *text, char *why, size_t room)
{
    mqtt_template *made = mqtt_alloc(1, sizeof(*made));

    while (*text) {
        const char *place = strstr(text, "${");
        const char *end = place ? strchr(place, '}') : NULL;
        size_t size = place ? (size_t)(place - text) : strlen(text);
        part p;

        if (size)
            add(made, (part){.kind = TEXT, .text = mqtt_strndup(text, size)});
        text += size;
        if (!place)
            continue;
        if (!end || !parse_place(place + 2, (size_t)(end - place - 2), &p)) {
            snprintf(why, room,
                     "'%.*s' is not known; ${topic}, ${topic[1]}, ${topic[-1]}, ${topic[1..3]} and "
                     "${qos} are",
                     end ? (int)(end - place + 1) : 40, place);
            mqtt_template_free(made);
            return NULL;
        }
        add(made, p);
        text = end + 1;
    }
    return made;
}

void mqtt_template_free(mqtt_template *made)
{
    if (!made)
        return;
    for (size_t i = 0; i < made->count; i++)
        free(made->parts[i].text);
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

void mqtt_template_render(const mqtt_template *made, const char *topic, size_t topic_size, int qos,
                          mqtt_bytes *out)
{
    char digit = (char)('0' + qos);

    for (size_t i = 0; i < made->count; i++) {
        const part *p = &made->parts[i];

        switch (p->kind) {
        case TEXT:
            mqtt_bytes_append(out, p->text, strlen(p->text));
            break;
        case TOPIC:
            mqtt_bytes_append(out, topic, topic_size);
            break;
        case LEVELS:
            render_levels(p, topic, topic_size, out);
            break;
        case QOS:
            mqtt_bytes_append(out, &digit, 1);
            break;
        }
    }
}
