/* ws_handshake.c - the HTTP request that makes a connection a WebSocket, and the answer to it; see
 * ws.h. RFC 6455, chapter 4.
 *
 * Nothing is negotiated but MQTT: the answer has to name it [MQTT-6.0.0-4], and extensions that
 * nobody asked for make the answer an error.
 */
#include "ws_internal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

/* ---- The request -------------------------------------------------------------------------------
 */

static void add(mqtt_ws *ws, const char *text)
{
    mqtt_bytes_append(&ws->out, text, strlen(text));
}

/* Brackets around IPv6, without its zone; the port unless everybody knows it. */
static void add_host(mqtt_ws *ws, const mqtt_endpoint *broker)
{
    bool address = strchr(broker->host, ':');

    add(ws, "\r\nHost: ");
    add(ws, address ? "[" : "");
    mqtt_bytes_append(&ws->out, broker->host,
                      address ? strcspn(broker->host, "%") : strlen(broker->host));
    add(ws, address ? "]" : "");
    if (strcmp(broker->port, broker->tls ? "443" : "80") == 0)
        return;
    add(ws, ":");
    add(ws, broker->port);
}

static bool add_key(mqtt_ws *ws)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char nonce[16], text[24 + sizeof(GUID)];
    unsigned size;

    if (!mqtt_ws_random(nonce, sizeof(nonce)))
        return false;
    EVP_EncodeBlock((unsigned char *)text, (unsigned char *)nonce, sizeof(nonce));
    add(ws, text);
    memcpy(text + 24, GUID, sizeof(GUID));
    if (EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(), NULL) != 1)
        abort(); /* no memory */
    EVP_EncodeBlock((unsigned char *)ws->expected, digest, (int)size);
    return true;
}

static size_t request_room(const mqtt_ws_settings *settings, const mqtt_endpoint *broker,
                           const char *path)
{
    size_t room = 512 + strlen(path) + strlen(broker->host);

    for (const weir_pair *header = settings->headers; header->key; header++)
        room += strlen(header->key) + strlen(header->value) + 4;
    return room;
}

mqtt_ws *mqtt_ws_new(const mqtt_ws_settings *settings, const mqtt_endpoint *broker)
{
    mqtt_ws *ws = mqtt_alloc(1, sizeof(*ws));
    const char *path = broker->path ? broker->path : settings->path;

    ws->path = mqtt_strndup(path, strcspn(path, "?"));
    mqtt_bytes_reserve(&ws->out,
                       request_room(settings, broker, path)); /* it never moves: no copy */
    add(ws, "GET ");
    add(ws, path);
    add(ws, " HTTP/1.1");
    add_host(ws, broker);
    add(ws, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: ");
    if (!add_key(ws)) {
        mqtt_ws_free(ws);
        return NULL;
    }
    for (const weir_pair *header = settings->headers; header->key; header++) {
        add(ws, "\r\n");
        add(ws, header->key);
        add(ws, ": ");
        add(ws, header->value);
    }
    add(ws, "\r\n\r\n");
    return ws;
}

void mqtt_ws_wipe(mqtt_ws *ws)
{
    if (ws->out.data)
        explicit_bzero(ws->out.data, ws->out.room);
}

/* ---- The answer --------------------------------------------------------------------------------
 */

/* A part of what came: neither ended by NUL nor free of it. */
typedef struct span {
    const char *text;
    size_t size;
} span;

typedef struct answer {
    unsigned code;
    span version, reason, location, extensions, protocol;
    bool upgrade, connection, accepted;
    unsigned accepts, protocols;
} answer;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static span trim(const char *text, size_t size)
{
    while (size && is_blank(*text)) {
        text++;
        size--;
    }
    while (size && is_blank(text[size - 1]))
        size--;
    return (span){text, size};
}

static bool is(span part, const char *word)
{
    return part.size == strlen(word) && strncasecmp(part.text, word, part.size) == 0;
}

/* Is the word among those between commas? */
static bool lists(span value, const char *word)
{
    const char *at = value.text, *end = value.text + value.size;

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t size = (size_t)((comma ? comma : end) - at);

        if (is(trim(at, size), word))
            return true;
        at += size + 1;
    }
    return false;
}

/* "HTTP/1.1 101 Switching Protocols"; the reason may be missing. */
static bool read_status(answer *a, span line)
{
    const char *text = line.text;

    if (line.size < 12 || text[8] != ' ' || (line.size > 12 && text[12] != ' '))
        return false;
    for (int i = 9; i < 12; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        a->code = a->code * 10 + (unsigned)(text[i] - '0');
    }
    a->version = (span){text, 8};
    a->reason = trim(text + 12, line.size - 12);
    return true;
}

static bool read_header(const mqtt_ws *ws, answer *a, span line)
{
    const char *colon = memchr(line.text, ':', line.size);
    span name, value;

    if (!colon || colon == line.text || is_blank(*line.text) || is_blank(colon[-1]))
        return false;
    name = (span){line.text, (size_t)(colon - line.text)};
    value = trim(colon + 1, line.size - name.size - 1);
    if (is(name, "Upgrade"))
        a->upgrade |= lists(value, "websocket");
    else if (is(name, "Connection"))
        a->connection |= lists(value, "upgrade");
    else if (is(name, "Location"))
        a->location = value;
    else if (is(name, "Sec-WebSocket-Extensions") && value.size)
        a->extensions = value;
    else if (is(name, "Sec-WebSocket-Protocol") && ++a->protocols)
        a->protocol = value;
    else if (is(name, "Sec-WebSocket-Accept") && ++a->accepts)
        a->accepted =
            value.size == strlen(ws->expected) && memcmp(value.text, ws->expected, value.size) == 0;
    return true;
}

/* `size`: up to the empty line. */
static bool read_answer(const mqtt_ws *ws, answer *a, const char *text, size_t size)
{
    bool first = true;

    for (const char *at = text, *end = text + size, *next; at < end; at = next + 2) {
        span line;

        next = memmem(at, (size_t)(end - at), "\r\n", 2);
        next = next ? next : end;
        line = (span){at, (size_t)(next - at)};
        for (size_t i = 0; i < line.size; i++)
            if (((unsigned char)at[i] < ' ' && at[i] != '\t') || at[i] == 0x7f)
                return false;
        if (first ? !read_status(a, line) : !read_header(ws, a, line))
            return false;
        first = false;
    }
    return true;
}

/* ---- In words ----------------------------------------------------------------------------------
 */

static mqtt_io refuse(mqtt_ws *ws, const char *why)
{
    ws->over = ws->failed = true;
    snprintf(ws->why, sizeof(ws->why), "%s", why);
    return MQTT_IO_OVER;
}

static mqtt_io explain_code(mqtt_ws *ws, const answer *a)
{
    char reason[64], place[160], path[160], more[sizeof(place) + sizeof(path)] = "";

    mqtt_ws_printable(a->reason.text, a->reason.size, reason, sizeof(reason));
    mqtt_ws_printable(a->location.text, a->location.size, place, sizeof(place));
    mqtt_ws_printable(ws->path, strlen(ws->path), path, sizeof(path));
    if (a->code == 404 || a->code == 405 || a->code == 410 || a->code == 200)
        snprintf(more, sizeof(more), ": is the path '%s' right?", path);
    else if (a->code == 401 || a->code == 407)
        snprintf(more, sizeof(more),
                 ": it wants to know who asks, which mqtt.ws.headers.Authorization can say");
    else if (a->code == 403)
        snprintf(more, sizeof(more), ": it does not let this client in at the path '%s'", path);
    else if (a->code == 400 || a->code == 426)
        snprintf(more, sizeof(more), ": is WebSocket spoken there, at the path '%s'?", path);
    else if (a->code / 100 == 3)
        snprintf(more, sizeof(more), ": it points to '%s', which has to be in mqtt.server.uri",
                 place);
    ws->over = ws->failed = true;
    snprintf(ws->why, sizeof(ws->why), "the broker answers HTTP %u%s%s%s%s", a->code,
             *reason ? " (" : "", reason, *reason ? ")" : "", more);
    return MQTT_IO_OVER;
}

static mqtt_io judge(mqtt_ws *ws, const answer *a)
{
    char said[64], text[160];

    if (a->code != 101)
        return explain_code(ws, a);
    if (!is(a->version, "HTTP/1.1"))
        return refuse(ws, "the broker begins a WebSocket in another version of HTTP than 1.1");
    if (!a->upgrade || !a->connection)
        return refuse(ws, "the broker switches to something else than WebSocket");
    if (a->accepts != 1 || !a->accepted)
        return refuse(ws, "the broker's Sec-WebSocket-Accept is not the answer to our key: what "
                          "answers there has not read the request");
    if (!a->protocols)
        return refuse(ws, "the broker's WebSocket is not for the sub-protocol mqtt: it names none; "
                          "is the path right?");
    if (a->protocols > 1 || a->protocol.size != 4 || memcmp(a->protocol.text, "mqtt", 4) != 0) {
        mqtt_ws_printable(a->protocol.text, a->protocol.size, said, sizeof(said));
        snprintf(text, sizeof(text),
                 "the broker's WebSocket is for the sub-protocol '%s' instead of mqtt", said);
        return refuse(ws, text);
    }
    if (a->extensions.size)
        return refuse(ws, "the broker uses an extension of WebSocket that it was not asked for");
    return MQTT_IO_DONE;
}

/* ---- Taking it --------------------------------------------------------------------------------
 */

mqtt_io mqtt_ws_shake(mqtt_ws *ws, const void *bytes, size_t size)
{
    size_t had = mqtt_bytes_size(&ws->in), head, begun;
    const char *text, *end;
    answer a = {0};
    mqtt_io io;

    mqtt_bytes_append(&ws->in, bytes, size);
    text = (const char *)ws->in.data + ws->in.start;
    begun = had + size < 7 ? had + size : 7;
    if (begun && memcmp(text, "HTTP/1.", begun) != 0)
        return refuse(ws, "what answers there is no HTTP/1.1: is this its port for WebSockets?");
    had = had < 3 ? 0 : had - 3;
    end = size ? memmem(text + had, mqtt_bytes_size(&ws->in) - had, "\r\n\r\n", 4) : NULL;
    head = end ? (size_t)(end - text) + 4 : mqtt_bytes_size(&ws->in);
    if (head > WS_HEAD_MAX)
        return refuse(ws, "the broker answers the WebSocket handshake with more than 16 KiB");
    if (!end)
        return MQTT_IO_AGAIN;
    if (!read_answer(ws, &a, text, head - 4))
        return refuse(ws, "the broker answers the WebSocket handshake with malformed HTTP");
    io = judge(ws, &a);
    if (io != MQTT_IO_DONE)
        return io;
    if (!mqtt_bytes_size(&ws->out))
        mqtt_ws_wipe(ws);
    ws->shaken = true;
    mqtt_bytes_consume(&ws->in, head);
    return MQTT_IO_DONE;
}

void mqtt_ws_unanswered(mqtt_ws *ws, const char *why)
{
    bool begun = mqtt_bytes_size(&ws->in);
    char text[WS_TEXT];

    if (ws->over)
        return;
    snprintf(text, sizeof(text), "%s %s the WebSocket handshake%s",
             why ? why : "the broker closed the connection", begun ? "in the middle of" : "in",
             why || begun ? "" : ": is this its port for WebSockets?");
    refuse(ws, text);
}

bool mqtt_ws_has_early(const mqtt_ws *ws)
{
    return ws->shaken && mqtt_bytes_size(&ws->in);
}

size_t mqtt_ws_early(mqtt_ws *ws, void *to, size_t room)
{
    size_t size = mqtt_bytes_size(&ws->in);

    if (!ws->shaken || !size)
        return 0;
    size = size < room ? size : room;
    memcpy(to, ws->in.data + ws->in.start, size);
    mqtt_bytes_consume(&ws->in, size);
    if (!mqtt_bytes_size(&ws->in))
        mqtt_bytes_free(&ws->in);
    return size;
}
