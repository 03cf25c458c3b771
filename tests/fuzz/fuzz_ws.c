/* fuzz_ws.c - a broker that says anything over WebSocket, in pieces of any size.
 *
 * The first byte seeds the pieces, and its lowest bit chooses. 0: the rest is frames. A decoder
 * that has them all at once, written for this, says what has to come of them: the same MQTT bytes,
 * the same code in our Close. What leaves in between is nothing but frames as a client has to make
 * them. 1: the rest is the answer to our request, where '$' stands for the accept that is expected;
 * what comes of it does not depend on the pieces, and is text that can be shown.
 */
#include "fuzz.h"

#include "bytes.h"
#include "json_check.h"
#include "ws.h"

#include <openssl/evp.h>
#include <string.h>

typedef struct play {
    uint32_t dice;
    mqtt_ws *ws;
    mqtt_bytes out;
    bool closed; /* our Close was heard */
    unsigned code;
} play;

static uint32_t roll(play *p)
{
    p->dice = p->dice * 1664525 + 1013904223;
    return p->dice >> 16;
}

/* ---- The handshake ----------------------------------------------------------------------------
 */

/* `answer` with the accept for this request in it. To be freed. */
static mqtt_bytes fit(mqtt_ws *ws, const uint8_t *answer, size_t size)
{
    static const char header[] = "Sec-WebSocket-Key: ";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[80], accept[64], *key;
    mqtt_bytes request = {0}, fitted = {0};
    const void *bytes;
    unsigned digest_size;
    size_t part;

    while ((bytes = mqtt_ws_output(ws, &part))) {
        mqtt_bytes_append(&request, bytes, part);
        mqtt_ws_sent(ws, part);
    }
    mqtt_bytes_append(&request, "", 1);
    key = strstr((char *)request.data, header);
    require(key);
    snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + strlen(header));
    require(EVP_Digest(text, strlen(text), digest, &digest_size, EVP_sha1(), NULL) == 1);
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_size);
    for (size_t i = 0; i < size; i++) {
        if (answer[i] == '$')
            mqtt_bytes_append(&fitted, accept, strlen(accept));
        else
            mqtt_bytes_append(&fitted, answer + i, 1);
    }
    mqtt_bytes_free(&request);
    return fitted;
}

static mqtt_ws *ask(void)
{
    static const weir_pair headers[] = {{"A", "b"}, {NULL, NULL}};
    mqtt_ws_settings settings = {.path = MQTT_WS_PATH, .headers = headers};
    mqtt_endpoint to = {.host = (char *)"h", .port = (char *)"80", .ws = true};
    mqtt_ws *ws = mqtt_ws_new(&settings, &to);

    require(ws);
    return ws;
}

/* Shakes hands over this answer, and moves what comes behind it to `early`. */
static mqtt_io shake(play *p, mqtt_ws *ws, const mqtt_bytes *answer, bool whole, mqtt_bytes *early)
{
    size_t size = mqtt_bytes_size(answer), part, at = 0, got;
    mqtt_io io = MQTT_IO_AGAIN;
    uint8_t piece[64];

    for (; at < size && io == MQTT_IO_AGAIN; at += part) {
        part = whole ? size : 1 + roll(p) % (size - at < 64 ? size - at : 64);
        io = mqtt_ws_shake(ws, answer->data + at, part);
    }
    while (io == MQTT_IO_DONE && (got = mqtt_ws_early(ws, piece, 1 + roll(p) % sizeof(piece))))
        mqtt_bytes_append(early, piece, got);
    if (io == MQTT_IO_DONE)
        mqtt_bytes_append(early, answer->data + at, size - at);
    return io;
}

static void play_answer(play *p, const uint8_t *bytes, size_t size)
{
    mqtt_ws *ws[2] = {ask(), ask()};
    mqtt_bytes early[2] = {{0}, {0}};
    mqtt_io io[2];
    const char *why;

    for (int i = 0; i < 2; i++) {
        mqtt_bytes answer = fit(ws[i], bytes, size);

        io[i] = shake(p, ws[i], &answer, i == 0, &early[i]);
        mqtt_bytes_free(&answer);
        why = mqtt_ws_why(ws[i]);
        require(!why == (io[i] != MQTT_IO_OVER));
        require(mqtt_ws_over(ws[i]) == (io[i] == MQTT_IO_OVER));
        for (; why && *why; why++)
            require(*why >= ' ' && *why <= '~');
    }
    require(io[0] == io[1]);
    /* Not their words: the accept may be among them. */
    require(io[0] != MQTT_IO_OVER || strlen(mqtt_ws_why(ws[0])) == strlen(mqtt_ws_why(ws[1])));
    require(io[0] != MQTT_IO_DONE || mqtt_bytes_size(&early[0]) == mqtt_bytes_size(&early[1]));
    for (int i = 0; i < 2; i++) {
        mqtt_ws_free(ws[i]);
        mqtt_bytes_free(&early[i]);
    }
}

/* ---- Frames ------------------------------------------------------------------------------------
 */

/* What has to come of them all: returns the code of our Close; 0: none. */
static unsigned decode(const uint8_t *at, size_t left, mqtt_bytes *mqtt)
{
    bool fragments = false;

    while (left >= 2) {
        unsigned opcode = at[0] & 15, final = at[0] >> 7, head = 2;
        uint64_t size = at[1] & 127, have;

        if (opcode == 1 && !(at[0] & 0x70) && !(at[1] & 0x80))
            return 1003;
        if ((at[0] & 0x70) || (at[1] & 0x80) ||
            !(opcode == 0 || opcode == 2 || (opcode >= 8 && opcode <= 10)) ||
            (opcode >= 8 && (!final || size > 125)) || (opcode == 0 && !fragments) ||
            (opcode == 2 && fragments))
            return 1002;
        if (size > 125) {
            uint64_t least = size == 126 ? 126 : 65536;

            head = size == 126 ? 4 : 10;
            if (left < head)
                return 0;
            size = 0;
            for (unsigned i = 2; i < head; i++)
                size = size * 256 + at[i];
            if (size < least || size > INT64_MAX)
                return 1002;
        }
        have = left - head < size ? left - head : size;
        if (opcode < 8) {
            fragments = !final;
            mqtt_bytes_append(mqtt, at + head, have);
        }
        if (have < size)
            return 0;
        if (opcode == 8) {
            unsigned code = size < 2 ? 1005 : (unsigned)(at[head] << 8 | at[head + 1]);

            if (size == 1 || (size && !(code >= 3000 && code <= 4999) &&
                              !(code >= 1000 && code <= 1003) && !(code >= 1007 && code <= 1014)))
                return 1002;
            return size > 2 && !mqtt_is_utf8(at + head + 2, size - 2) ? 1007 : code;
        }
        at += head + size;
        left -= head + size;
    }
    return 0;
}

/* Frames of a client, whole ones, and nothing behind a Close. */
static void hear(play *p)
{
    while (mqtt_bytes_size(&p->out) >= 6) {
        const uint8_t *at = p->out.data + p->out.start;
        size_t size = at[1] & 127, head = 6;

        require(!p->closed);
        require((at[0] & 0x70) == 0 && at[0] & 0x80 && at[1] & 0x80);
        require(at[0] == 0x82 || at[0] == 0x88 || at[0] == 0x8a);
        if (size == 126) {
            size = (size_t)(at[2] << 8 | at[3]);
            require(size >= 126);
            head = 8;
        }
        require(size < 127 || head == 8);
        if (mqtt_bytes_size(&p->out) < head + size)
            return;
        if (at[0] == 0x88) {
            require(size == 0 || size == 2);
            p->closed = true;
            p->code = size ? (unsigned)((at[6] ^ at[2]) << 8 | (at[7] ^ at[3])) : 1005;
        }
        for (size_t i = 0; at[0] == 0x82 && i < size; i++)
            require((at[head + i] ^ at[head - 4 + i % 4]) == 'm');
        mqtt_bytes_consume(&p->out, head + size);
    }
}

/* The socket takes some of what there is. */
static void send_some(play *p, bool all)
{
    const void *bytes;
    size_t size;

    while ((all || roll(p) % 4) && (bytes = mqtt_ws_output(p->ws, &size))) {
        size = all ? size : 1 + roll(p) % size;
        mqtt_bytes_append(&p->out, bytes, size);
        mqtt_ws_sent(p->ws, size);
    }
    hear(p);
}

static void play_frames(play *p, const uint8_t *bytes, size_t size)
{
    static const char answer[] = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                                 "Sec-WebSocket-Accept: $\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    char mqtt[300];
    mqtt_bytes want = {0}, got = {0}, fitted;
    unsigned code = decode(bytes, size, &want);

    memset(mqtt, 'm', sizeof(mqtt));
    p->ws = ask();
    fitted = fit(p->ws, (const uint8_t *)answer, strlen(answer));
    require(mqtt_ws_shake(p->ws, fitted.data, mqtt_bytes_size(&fitted)) == MQTT_IO_DONE);
    for (size_t at = 0, part; at < size; at += part) {
        uint8_t *piece;

        part = 1 + roll(p) % (size - at < 200 ? size - at : 200);
        piece = mqtt_alloc(part, 1);
        memcpy(piece, bytes + at, part);
        mqtt_bytes_append(&got, piece, mqtt_ws_take(p->ws, piece, part));
        free(piece);
        if (roll(p) % 4 == 0)
            mqtt_ws_put(p->ws, mqtt, roll(p) % sizeof(mqtt) + 1);
        send_some(p, false);
    }
    send_some(p, true);
    require(mqtt_ws_over(p->ws) == (code != 0) && p->closed == (code != 0));
    require(p->code == code && mqtt_bytes_size(&p->out) == 0);
    require(mqtt_bytes_size(&got) == mqtt_bytes_size(&want));
    require(!mqtt_bytes_size(&got) || memcmp(got.data, want.data, mqtt_bytes_size(&got)) == 0);
    mqtt_ws_free(p->ws);
    mqtt_bytes_free(&want);
    mqtt_bytes_free(&got);
    mqtt_bytes_free(&fitted);
    mqtt_bytes_free(&p->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    play p = {0};

    if (!size)
        return 0;
    p.dice = bytes[0];
    if (bytes[0] & 1)
        play_answer(&p, bytes + 1, size - 1);
    else
        play_frames(&p, bytes + 1, size - 1);
    return 0;
}
