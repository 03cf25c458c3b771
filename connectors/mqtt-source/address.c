/* address.c - see address.h. */
#include "address.h"

#include "bytes.h"
#include "json_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Brokers -------------------------------------------------------------------------------- */

static bool scheme_is(const char *uri, size_t size, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == size && strncasecmp(uri, *names, size) == 0)
            return true;
    return false;
}

static bool check_scheme(const char *uri, size_t size, bool *ret_tls, char *why, size_t room)
{
    static const char *const plain[] = {"tcp", "mqtt", NULL};
    static const char *const tls[] = {"ssl", "tls", "mqtts", NULL};
    static const char *const web[] = {"ws", "wss", NULL};

    *ret_tls = scheme_is(uri, size, tls);
    if (*ret_tls || scheme_is(uri, size, plain))
        return true;
    if (scheme_is(uri, size, web))
        snprintf(why, room, "WebSockets are not yet supported; tcp:// and ssl:// are");
    else
        snprintf(why, room,
                 "the scheme '%.*s' is unknown; tcp://, mqtt:// and, with TLS, ssl://, tls://, "
                 "mqtts:// are supported",
                 (int)size, uri);
    return false;
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

bool mqtt_endpoint_parse(const char *uri, mqtt_endpoint *ret_endpoint, char *why, size_t room)
{
    const char *rest = strstr(uri, "://"), *host, *end, *port;
    size_t size;
    bool tls;

    if (!rest || rest == uri) {
        snprintf(why, room, "write it as tcp://host:1883");
        return false;
    }
    if (!check_scheme(uri, (size_t)(rest - uri), &tls, why, room))
        return false;
    host = rest + 3;
    if (strchr(host, '@')) {
        snprintf(why, room, "user and password belong into mqtt.username and mqtt.password");
        return false;
    }
    size = strcspn(host, "/?#");
    if (host[size] && strcmp(host + size, "/") != 0) { /* one slash at the end does no harm */
        snprintf(why, room, "nothing may follow host and port");
        return false;
    }
    if (*host == '[') {
        host++;
        end = strchr(host, ']');
        port = end ? end + 1 : NULL;
    } else {
        end = host + strcspn(host, ":/");
        port = end;
    }
    if (!end || end == host || (*port && *port != ':' && *port != '/')) {
        snprintf(why, room, "there is no host in it");
        return false;
    }
    if (*port == ':') {
        char number[8] = "";

        snprintf(number, sizeof(number), "%.*s", (int)strcspn(port + 1, "/"), port + 1);
        if (!check_port(number, why, room))
            return false;
        ret_endpoint->port = mqtt_strndup(number, strlen(number));
    } else {
        ret_endpoint->port = mqtt_strndup(tls ? "8883" : "1883", 4);
    }
    ret_endpoint->tls = tls;
    ret_endpoint->uri = mqtt_strndup(uri, strlen(uri));
    ret_endpoint->host = mqtt_strndup(host, (size_t)(end - host));
    return true;
}

void mqtt_endpoint_clear(mqtt_endpoint *endpoint)
{
    free(endpoint->uri);
    free(endpoint->host);
    free(endpoint->port);
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
