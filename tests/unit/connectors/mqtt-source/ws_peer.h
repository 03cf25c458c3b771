/* ws_peer.h - a broker's end of a WebSocket, as bytes: what it says, what it hears. */
#ifndef TEST_WS_PEER_H
#define TEST_WS_PEER_H

#include "bytes.h"
#include "ws.h"

#include <check.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WS_MORE, WS_TEXT_FRAME, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG, WS_FINAL = 0x80 };

static inline void add_text(mqtt_bytes *to, const char *text)
{
    mqtt_bytes_append(to, text, strlen(text));
}

/* ---- Frames -----------------------------------------------------------------------------------
 */

/* `first`: opcode and flags. */
static inline void ws_say(mqtt_bytes *to, uint8_t first, const void *payload, size_t size)
{
    uint8_t head[10] = {first};
    size_t length = size < 126 ? 0 : size < 65536 ? 2 : 8;

    head[1] = (uint8_t)(length == 0 ? size : length == 2 ? 126 : 127);
    for (size_t i = 0; i < length; i++)
        head[2 + i] = (uint8_t)((uint64_t)size >> 8 * (length - 1 - i));
    mqtt_bytes_append(to, head, 2 + length);
    mqtt_bytes_append(to, payload, size);
}

/* Takes a client's frame off `from` and adds its payload, unmasked; -1: it is not all there, else
 * its opcode. What a client must not send ends the test. */
static inline int ws_hear(mqtt_bytes *from, mqtt_bytes *payload)
{
    const uint8_t *at = from->data + from->start;
    size_t have = mqtt_bytes_size(from), size, head = 6;
    uint8_t *to;

    if (have < 2)
        return -1;
    ck_assert_msg((at[0] & 0xf0) == WS_FINAL, "%#x", at[0]);
    ck_assert_msg(at[1] & 0x80, "a frame without a mask");
    size = at[1] & 0x7f;
    ck_assert_uint_ne(size, 127); /* ours are shorter */
    if (size == 126) {
        if (have < 4)
            return -1;
        size = (size_t)(at[2] << 8 | at[3]);
        ck_assert_uint_ge(size, 126);
        head = 8;
    }
    if (have < head + size)
        return -1;
    to = mqtt_bytes_reserve(payload, size + 1);
    for (size_t i = 0; i < size; i++)
        to[i] = at[head + i] ^ at[head - 4 + i % 4];
    payload->end += size;
    have = at[0] & 15;
    mqtt_bytes_consume(from, head + size);
    return (int)have;
}

/* ---- The handshake ----------------------------------------------------------------------------
 */

/* Sec-WebSocket-Accept for a key. */
static inline void ws_accept(const char *key, char accept[29])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[80];
    unsigned size;

    snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    ck_assert_int_eq(EVP_Digest(text, strlen(text), digest, &size, EVP_sha1(), NULL), 1);
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)size);
}

/* The value of a header in a request; empty: it has none. */
static inline void ws_header(const char *request, const char *name, char *value, size_t room)
{
    char line[64];
    const char *at;

    snprintf(line, sizeof(line), "\r\n%s: ", name);
    at = strstr(request, line);
    at = at ? at + strlen(line) : "\r";
    snprintf(value, room, "%.*s", (int)strcspn(at, "\r"), at);
}

/* Takes a request off `from` and answers it as a broker does. False: it is not all there. */
static inline bool ws_answer(mqtt_bytes *from, mqtt_bytes *to)
{
    const char *text = (const char *)from->data + from->start;
    size_t size = mqtt_bytes_size(from);
    const char *end = size ? memmem(text, size, "\r\n\r\n", 4) : NULL;
    char key[32], accept[29], *request;

    if (!end)
        return false;
    request = mqtt_strndup(text, (size_t)(end - text) + 2);
    ws_header(request, "Sec-WebSocket-Key", key, sizeof(key));
    ck_assert_uint_eq(strlen(key), 24);
    ws_accept(key, accept);
    add_text(to, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ");
    add_text(to, accept);
    add_text(to, "\r\n\r\n");
    mqtt_bytes_consume(from, (size_t)(end - text) + 4);
    free(request);
    return true;
}

/* ---- A client of it, without a socket ---------------------------------------------------------
 */

static const weir_pair ws_no_headers[] = {{NULL, NULL}};
static const mqtt_ws_settings ws_defaults = {.path = MQTT_WS_PATH, .headers = ws_no_headers};

/* All it has to write. */
static inline void ws_collect(mqtt_ws *ws, mqtt_bytes *to)
{
    const void *bytes;
    size_t size;

    while ((bytes = mqtt_ws_output(ws, &size))) {
        mqtt_bytes_append(to, bytes, size);
        mqtt_ws_sent(ws, size);
    }
}

static inline mqtt_ws *ws_shaken(void)
{
    mqtt_endpoint to = {.host = (char *)"h", .port = (char *)"80", .ws = true};
    mqtt_ws *ws = mqtt_ws_new(&ws_defaults, &to);
    mqtt_bytes request = {0}, answer = {0};

    ck_assert_ptr_nonnull(ws);
    ws_collect(ws, &request);
    ck_assert(ws_answer(&request, &answer));
    ck_assert_int_eq(mqtt_ws_shake(ws, answer.data, mqtt_bytes_size(&answer)), MQTT_IO_DONE);
    mqtt_bytes_free(&request);
    mqtt_bytes_free(&answer);
    return ws;
}

#endif
