/* ws_check.c - what can be said about mqtt.ws.* before anybody connects. */
#include "ws_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PATH_KEY    "mqtt.ws.path"
#define HEADERS_KEY "mqtt.ws.headers."
#define HEADERS_MAX 16384 /* bytes of them all: more than servers take */

bool mqtt_ws_path_check(const char *path)
{
    if (*path != '/')
        return false;
    for (; *path; path++)
        if (*path <= ' ' || *path > '~' || *path == '#')
            return false;
    return true;
}

/* RFC 9110, 5.6.2 */
static bool is_token(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "0123456789!#$%&'*+-.^_`|~";

    for (const char *at = name; *at; at++)
        if (!strchr(letters, *at) && !strchr(others, *at))
            return false;
    return *name;
}

/* A line's end in it would begin a header of its own. */
static bool is_value(const char *value)
{
    for (; *value; value++)
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    return true;
}

/* What the handshake says itself, or what would give the request a body. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"Host",    "Upgrade", "Connection", "Content-Length",
                                        "Trailer", "TE",      "Expect",     "Transfer-Encoding"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return strncasecmp(name, "Sec-WebSocket-", 14) == 0;
}

static bool is_twice(const weir_pair *headers, const weir_pair *header)
{
    for (; headers < header; headers++)
        if (strcasecmp(headers->key, header->key) == 0)
            return true;
    return false;
}

static void check_headers(const weir_pair *headers, mqtt_ws_note *note, void *ctx)
{
    size_t size = 0;
    char key[256];

    for (const weir_pair *header = headers; header->key; header++) {
        const char *why = NULL;

        if (!is_token(header->key))
            why = "is no name of an HTTP header";
        else if (is_ours(header->key))
            why = "belongs to the handshake, which says it itself";
        else if (!is_value(header->value))
            why = "has a character in its value that no HTTP header can have, such as a line's end";
        else if (is_twice(headers, header))
            why = "is given twice: the case of letters makes no difference";
        snprintf(key, sizeof(key), HEADERS_KEY "%s", header->key);
        if (why)
            note(ctx, WEIR_ERROR, key, why);
        size += strlen(header->key) + strlen(header->value) + 4;
    }
    if (size > HEADERS_MAX) /* `key` is the last one's */
        note(ctx, WEIR_ERROR, key, "is one too many: all headers together hold 16 KiB at most");
}

static void tell_idle(const weir_pair *headers, mqtt_ws_note *note, void *ctx)
{
    char key[256];

    for (; headers->key; headers++) {
        snprintf(key, sizeof(key), HEADERS_KEY "%s", headers->key);
        note(ctx, WEIR_WARN, key, "has no effect: no ws:// or wss:// in mqtt.server.uri");
    }
}

void mqtt_ws_check(const mqtt_ws_settings *settings, const mqtt_endpoint *brokers, size_t count,
                   mqtt_ws_note *note, void *ctx)
{
    size_t spoken = 0, pathless = 0;

    for (size_t i = 0; i < count; i++) {
        spoken += brokers[i].ws;
        pathless += brokers[i].ws && !brokers[i].path;
    }
    if (!mqtt_ws_path_check(settings->path))
        note(ctx, WEIR_ERROR, PATH_KEY,
             "has to begin with '/' and to be ASCII without blanks and without '#'");
    else if (count && !spoken && strcmp(settings->path, MQTT_WS_PATH) != 0)
        note(ctx, WEIR_WARN, PATH_KEY, "has no effect: no ws:// or wss:// in mqtt.server.uri");
    else if (spoken && !pathless && strcmp(settings->path, MQTT_WS_PATH) != 0)
        note(ctx, WEIR_WARN, PATH_KEY,
             "has no effect: every ws:// and wss:// in mqtt.server.uri has a path of its own");
    check_headers(settings->headers, note, ctx);
    if (count && !spoken)
        tell_idle(settings->headers, note, ctx);
}
