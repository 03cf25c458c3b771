/* address.c - see address.h. */
#include "address.h"

#include "bytes.h"
#include "json_check.h"
#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Brokers -------------------------------------------------------------------------------- */

typedef struct scheme {
    const char *name, *port;
    bool tls, ws;
} scheme;

/* NULL: `why` says it. */
static const scheme *find_scheme(const char *uri, size_t size, char *why, size_t room)
{
    static const scheme schemes[] = {
        {"tcp", "1883", false, false}, {"mqtt", "1883", false, false}, {"ssl", "8883", true, false},
        {"tls", "8883", true, false},  {"mqtts", "8883", true, false}, {"ws", "80", false, true},
        {"wss", "443", true, true},
    };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strlen(schemes[i].name) == size && strncasecmp(uri, schemes[i].name, size) == 0)
            return &schemes[i];
    snprintf(
        why, room,
        "the scheme '%.*s' is unknown; tcp://, mqtt:// and, with TLS, ssl://, tls://, mqtts:// "
        "are supported, and over WebSocket ws:// and wss://",
        (int)size, uri);
    return NULL;
}

static bool check_port(const char *port, char *why, size_t room)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);

    if (port[0] >= '0' && port[0] <= '9' && !*end && number > 0 && number <= 65535)
        return true;
    snprintf(why, room, "'%s' is no port (1 to 65535)", port);
    return false;
}

/* What follows host and port. One slash at the end does no harm; of ws it is a path. */
static bool check_rest(const char *rest, bool ws, char *why, size_t room)
{
    if (!ws && *rest && strcmp(rest, "/") != 0)
        snprintf(why, room, "nothing may follow host and port");
    else if (ws && *rest && !mqtt_ws_path_check(rest))
        snprintf(why, room,
                 "what follows host and port has to begin with '/' and to be ASCII without blanks "
                 "and without '#'");
    else
        return true;
    return false;
}

/* "host", "host:port" or "[address]:port", which ends at `rest`. */
static bool read_host(const char *at, const char *rest, mqtt_endpoint *to, char *why, size_t room)
{
    const char *host = *at == '[' ? at + 1 : at, *end = host, *port;
    char number[8] = "";

    while (end < rest && *end != (*at == '[' ? ']' : ':'))
        end++;
    port = *at == '[' && end < rest ? end + 1 : end;
    if (end == host || (*at == '[' && *end != ']') || (port < rest && *port != ':')) {
        snprintf(why, room, "there is no host in it");
        return false;
    }
    if (port < rest) {
        snprintf(number, sizeof(number), "%.*s", (int)(rest - port - 1), port + 1);
        if (!check_port(number, why, room))
            return false;
        to->port = mqtt_strndup(number, strlen(number));
    }
    to->host = mqtt_strndup(host, (size_t)(end - host));
    return true;
}

bool mqtt_endpoint_parse(const char *uri, mqtt_endpoint *ret_endpoint, char *why, size_t room)
{
    const char *host = strstr(uri, "://"), *rest;
    mqtt_endpoint made = {0};
    const scheme *found;

    if (!host || host == uri) {
        snprintf(why, room, "write it as tcp://host:1883");
        return false;
    }
    found = find_scheme(uri, (size_t)(host - uri), why, room);
    if (!found)
        return false;
    host += 3;
    rest = host + strcspn(host, "/?#");
    if (memchr(host, '@', (size_t)(rest - host)) || (!found->ws && strchr(rest, '@'))) {
        snprintf(why, room, "user and password belong into mqtt.username and mqtt.password");
        return false;
    }
    if (!check_rest(rest, found->ws, why, room) || !read_host(host, rest, &made, why, room))
        return false;
    if (!made.port)
        made.port = mqtt_strndup(found->port, strlen(found->port));
    made.tls = found->tls;
    made.ws = found->ws;
    made.uri = mqtt_strndup(uri, found->ws ? strcspn(uri, "?") : strlen(uri));
    made.path = found->ws && *rest ? mqtt_strndup(rest, strlen(rest)) : NULL;
    *ret_endpoint = made;
    return true;
}

void mqtt_endpoint_clear(mqtt_endpoint *endpoint)
{
    free(endpoint->uri);
    free(endpoint->host);
    free(endpoint->port);
    free(endpoint->path);
    *endpoint = (mqtt_endpoint){0};
}

bool mqtt_endpoint_is_local(const mqtt_endpoint *endpoint)
{
    return strcasecmp(endpoint->host, "localhost") == 0 ||
           strncmp(endpoint->host, "127.", 4) == 0 || strcmp(endpoint->host, "::1") == 0;
}

/* ---- Lists ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One part, trimmed, "\," undone; *at moves behind its comma. To be freed. */
static char *next_part(const char **at)
{
    const char *from = *at;
    char *part = mqtt_alloc(strlen(from) + 1, 1);
    size_t size = 0;

    while (is_blank(*from))
        from++;
    for (; *from && *from != ','; from++) {
        if (from[0] == '\\' && from[1] == ',')
            from++;
        part[size++] = *from;
    }
    while (size && is_blank(part[size - 1]))
        size--;
    part[size] = '\0';
    *at = *from ? from + 1 : from;
    return part;
}

char **mqtt_list_split(const char *text, size_t *ret_count)
{
    char **list = NULL;
    size_t count = 0;

    for (const char *at = text; *at;) {
        char *part = next_part(&at);

        if (!*part) {
            free(part);
            continue;
        }
        list = mqtt_realloc(list, count + 1, sizeof(*list));
        list[count++] = part;
    }
    *ret_count = count;
    return list;
}

void mqtt_list_free(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

char *mqtt_list_join(char *const *list, size_t count)
{
    mqtt_bytes joined = {0};

    for (size_t i = 0; i < count; i++) {
        if (i)
            mqtt_bytes_append(&joined, ",", 1);
        for (const char *at = list[i]; *at; at++) {
            if (*at == ',')
                mqtt_bytes_append(&joined, "\\", 1);
            mqtt_bytes_append(&joined, at, 1);
        }
    }
    mqtt_bytes_append(&joined, "", 1);
    return (char *)joined.data;
}

/* ---- Filters -------------------------------------------------------------------------------- */

bool mqtt_is_text(const char *text, size_t size)
{
    return mqtt_is_utf8(text, size) && !memchr(text, '\0', size);
}

static bool check_levels(const char *filter, char *why, size_t room)
{
    for (const char *level = filter;;) {
        size_t size = strcspn(level, "/");

        if (memchr(level, '#', size) && (size != 1 || level[size])) {
            snprintf(why, room, "'#' may only be the last level, and all of it");
            return false;
        }
        if (memchr(level, '+', size) && size != 1) {
            snprintf(why, room, "'+' must be a whole level");
            return false;
        }
        if (!level[size])
            return true;
        level += size + 1;
    }
}

bool mqtt_filter_check(const char *filter, char *why, size_t room)
{
    if (!*filter) {
        snprintf(why, room, "it is empty");
        return false;
    }
    if (strlen(filter) > 65535 || !mqtt_is_text(filter, strlen(filter))) {
        snprintf(why, room, "it must be UTF-8 of at most 65535 bytes");
        return false;
    }
    if (strncmp(filter, "$share/", 7) == 0) {
        size_t group = strcspn(filter + 7, "/");

        if (!group || memchr(filter + 7, '+', group) || memchr(filter + 7, '#', group) ||
            !filter[7 + group] || !filter[8 + group]) {
            snprintf(why, room, "a shared subscription is $share/<group>/<filter>");
            return false;
        }
        filter += 8 + group;
    }
    return check_levels(filter, why, room);
}

bool mqtt_filters_overlap(const char *a, const char *b)
{
    for (;;) {
        size_t in_a = strcspn(a, "/"), in_b = strcspn(b, "/");

        if (*a == '#' || *b == '#')
            return true;
        if (*a != '+' && *b != '+' && (in_a != in_b || strncmp(a, b, in_a) != 0))
            return false;
        if (!a[in_a] || !b[in_b]) /* "a/#" matches "a" too */
            return a[in_a] == b[in_b] || strcmp(a + in_a, "/#") == 0 || strcmp(b + in_b, "/#") == 0;
        a += in_a + 1;
        b += in_b + 1;
    }
}
