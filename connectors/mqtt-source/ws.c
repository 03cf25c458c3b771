/* ws.c - frames; see ws.h. RFC 6455, chapters 5 and 7.
 *
 * Output is whole frames, and a control frame is only made when there is none: so none can stand
 * inside another, and one that is due waits for the rest of a single data frame at most.
 */
#include "ws_internal.h"

#include "json_check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { CONTINUATION, TEXT, BINARY, CLOSE = 8, PING, PONG };

#define FINAL              0x80
#define RESERVED           0x70
#define MASKED             0x80
#define IS_CONTROL(opcode) ((opcode)&8)

/* Codes of a Close. */
enum {
    NORMAL = 1000,
    PROTOCOL_ERROR = 1002,
    NOT_BINARY = 1003,
    NOT_UTF8 = 1007,
};

bool mqtt_ws_random(void *to, size_t size)
{
    return getrandom(to, size, GRND_NONBLOCK) == (ssize_t)size;
}

void mqtt_ws_printable(const char *text, size_t size, char *to, size_t room)
{
    size_t used = 0;

    for (size_t i = 0; i < size && used + 1 < room; i++)
        to[used++] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    to[used] = '\0';
}

void mqtt_ws_free(mqtt_ws *ws)
{
    if (!ws)
        return;
    mqtt_ws_wipe(ws);
    mqtt_bytes_free(&ws->in);
    mqtt_bytes_free(&ws->out);
    free(ws->path);
    free(ws);
}

bool mqtt_ws_over(const mqtt_ws *ws)
{
    return ws->over;
}

bool mqtt_ws_failed(const mqtt_ws *ws)
{
    return ws->failed;
}

const char *mqtt_ws_why(const mqtt_ws *ws)
{
    return ws->why[0] ? ws->why : NULL;
}

/* ---- Out ---------------------------------------------------------------------------------------
 */

static bool next_mask(mqtt_ws *ws, uint8_t mask[4])
{
    if (ws->random_left < 4) {
        if (!mqtt_ws_random(ws->random, sizeof(ws->random)))
            return false;
        ws->random_left = sizeof(ws->random);
    }
    ws->random_left -= 4;
    memcpy(mask, ws->random + ws->random_left, 4);
    explicit_bzero(ws->random + ws->random_left, 4);
    return true;
}

static void copy_masked(uint8_t *to, const uint8_t *from, size_t size, const uint8_t mask[4])
{
    uint64_t both, part;
    size_t i = 0;

    memcpy(&both, mask, 4);
    memcpy((uint8_t *)&both + 4, mask, 4);
    for (; i + 8 <= size; i += 8) {
        memcpy(&part, from + i, 8);
        part ^= both;
        memcpy(to + i, &part, 8);
    }
    for (; i < size; i++)
        to[i] = from[i] ^ mask[i & 3];
}

/* Behind what is in ws->out. False: there is no mask, and that is the end. */
static bool put_frame(mqtt_ws *ws, uint8_t opcode, const void *payload, size_t size)
{
    uint8_t mask[4], *to;

    assert(size <= UINT16_MAX);
    if (!next_mask(ws, mask)) {
        ws->over = ws->failed = true;
        snprintf(ws->why, sizeof(ws->why), "the kernel has no random numbers yet");
        return false;
    }
    to = mqtt_bytes_reserve(&ws->out, size + 8);
    *to++ = FINAL | opcode;
    if (size < 126) {
        *to++ = (uint8_t)(MASKED | size);
    } else {
        *to++ = MASKED | 126;
        *to++ = (uint8_t)(size >> 8);
        *to++ = (uint8_t)size;
    }
    memcpy(to, mask, 4);
    copy_masked(to + 4, payload, size, mask);
    ws->out.end += (size < 126 ? 6 : 8) + size;
    return true;
}

/* The control frames that are due, when they cannot get into the middle of another one. */
static void put_due(mqtt_ws *ws)
{
    uint8_t code[2] = {(uint8_t)(ws->close_code >> 8), (uint8_t)ws->close_code};

    if (ws->pong_due && !ws->close_put) {
        ws->pong_due = false;
        put_frame(ws, PONG, ws->pong, ws->pong_size);
    }
    if (ws->close_due && !ws->close_put) {
        ws->close_put = true;
        put_frame(ws, CLOSE, code, ws->close_code == WS_NO_REASON ? 0 : 2);
    }
}

const void *mqtt_ws_output(mqtt_ws *ws, size_t *ret_size)
{
    if (!mqtt_bytes_size(&ws->out) && (ws->pong_due || ws->close_due))
        put_due(ws);
    *ret_size = mqtt_bytes_size(&ws->out);
    return *ret_size ? ws->out.data + ws->out.start : NULL;
}

void mqtt_ws_sent(mqtt_ws *ws, size_t size)
{
    mqtt_bytes_consume(&ws->out, size);
}

size_t mqtt_ws_put(mqtt_ws *ws, const void *bytes, size_t size)
{
    size_t left;

    if (ws->over || ws->close_due || mqtt_ws_output(ws, &left))
        return 0;
    if (size > WS_FRAME_MAX)
        size = WS_FRAME_MAX;
    return put_frame(ws, BINARY, bytes, size) ? size : 0;
}

static void close_with(mqtt_ws *ws, unsigned code)
{
    if (!ws->close_due)
        ws->close_code = code;
    ws->close_due = true;
}

void mqtt_ws_end(mqtt_ws *ws)
{
    if (ws->shaken && !ws->over)
        close_with(ws, NORMAL);
}

/* ---- In ----------------------------------------------------------------------------------------
 */

static bool broken(mqtt_ws *ws, unsigned code, const char *what)
{
    ws->over = ws->failed = true;
    snprintf(ws->why, sizeof(ws->why), "the broker breaks the WebSocket protocol: it sent %s",
             what);
    close_with(ws, code);
    return false;
}

/* The first two bytes. */
static bool check_head(mqtt_ws *ws)
{
    uint8_t opcode = ws->head[0] & 15, length = ws->head[1] & 0x7f;

    if (ws->head[0] & RESERVED)
        return broken(ws, PROTOCOL_ERROR, "a frame with a reserved bit set");
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE))
        return broken(ws, PROTOCOL_ERROR, "a frame with a reserved opcode");
    if (ws->head[1] & MASKED)
        return broken(ws, PROTOCOL_ERROR, "a masked frame");
    if (IS_CONTROL(opcode) && !(ws->head[0] & FINAL))
        return broken(ws, PROTOCOL_ERROR, "a control frame in parts");
    if (IS_CONTROL(opcode) && length > WS_CONTROL_MAX)
        return broken(ws, PROTOCOL_ERROR, "a control frame of more than 125 bytes");
    if (opcode == CONTINUATION && !ws->in_message)
        return broken(ws, PROTOCOL_ERROR, "the rest of a message that has not begun");
    if (opcode == TEXT)
        return broken(ws, NOT_BINARY, "a text frame, and MQTT is in binary frames only");
    if (opcode == BINARY && ws->in_message)
        return broken(ws, PROTOCOL_ERROR, "a message inside another");
    return true;
}

static size_t head_wanted(const mqtt_ws *ws)
{
    uint8_t length = ws->head_size < 2 ? 0 : ws->head[1] & 0x7f;

    return length == 127 ? 10 : length == 126 ? 4 : 2;
}

/* It is whole. */
static bool begin_frame(mqtt_ws *ws)
{
    uint8_t length = ws->head[1] & 0x7f;
    uint64_t size = length;

    if (length >= 126) {
        size = 0;
        for (size_t i = 2; i < ws->head_size; i++)
            size = size << 8 | ws->head[i];
        if (size >> 63)
            return broken(ws, PROTOCOL_ERROR, "a frame that is longer than any can be");
        if (size < (length == 126 ? 126u : 65536u))
            return broken(ws, PROTOCOL_ERROR, "a length in more bytes than it needs");
    }
    ws->opcode = ws->head[0] & 15;
    ws->left = size;
    ws->control_size = 0;
    ws->in_payload = true;
    if (!IS_CONTROL(ws->opcode))
        ws->in_message = !(ws->head[0] & FINAL);
    return true;
}

static bool take_head(mqtt_ws *ws, uint8_t byte)
{
    ws->head[ws->head_size++] = byte;
    if (ws->head_size == 2 && !check_head(ws))
        return false;
    if (ws->head_size < 2 || ws->head_size < head_wanted(ws))
        return true;
    if (!begin_frame(ws))
        return false;
    ws->head_size = 0;
    return true;
}

static const char *meaning(unsigned code)
{
    static const char *const texts[] = {"done",
                                        "it is going away",
                                        "it was sent what breaks the protocol",
                                        "it was sent data of a kind that it does not take",
                                        NULL,
                                        NULL,
                                        NULL,
                                        "it was sent data that does not fit its kind",
                                        "against its rules",
                                        "too large",
                                        "an extension is missing",
                                        "an error of its own",
                                        "it restarts",
                                        "try again later",
                                        "what stands behind it answers wrongly"};

    code -= NORMAL;
    return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : NULL;
}

static bool may_be_sent(unsigned code)
{
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}

/* Its Close is answered with its own code. */
static bool take_close(mqtt_ws *ws)
{
    const char *text = (const char *)ws->control + 2, *means;
    size_t size = ws->control_size < 2 ? 0 : ws->control_size - 2;
    unsigned code = WS_NO_REASON;
    char shown[WS_CONTROL_MAX];

    if (ws->control_size == 1)
        return broken(ws, PROTOCOL_ERROR, "a Close with half a code");
    if (ws->control_size)
        code = (unsigned)(ws->control[0] << 8 | ws->control[1]);
    if (ws->control_size && !may_be_sent(code))
        return broken(ws, PROTOCOL_ERROR, "a Close with a code that must not be sent");
    if (!mqtt_is_utf8(text, size))
        return broken(ws, NOT_UTF8, "a Close with a reason that is not UTF-8");
    ws->over = true;
    close_with(ws, code);
    mqtt_ws_printable(text, size, shown, sizeof(shown));
    means = meaning(code);
    if (ws->control_size)
        snprintf(ws->why, sizeof(ws->why), "the broker closed the WebSocket: code %u%s%s%s%s%s%s",
                 code, means ? " (" : "", means ? means : "", means ? ")" : "", size ? ": '" : "",
                 shown, size ? "'" : "");
    return false;
}

/* The frame's payload is all there. False: nothing behind it counts. */
static bool end_frame(mqtt_ws *ws)
{
    ws->in_payload = false;
    if (ws->opcode == CLOSE)
        return take_close(ws);
    if (ws->opcode == PING) {
        memcpy(ws->pong, ws->control, ws->control_size);
        ws->pong_size = ws->control_size;
        ws->pong_due = true;
    }
    return true;
}

size_t mqtt_ws_take(mqtt_ws *ws, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    const uint8_t *from = bytes, *end = from + size;

    while (!ws->over && (from < end || (ws->in_payload && !ws->left))) {
        size_t part = (size_t)(end - from);

        if (!ws->in_payload) {
            if (!take_head(ws, *from++))
                break;
            continue;
        }
        part = ws->left < part ? (size_t)ws->left : part;
        if (IS_CONTROL(ws->opcode)) {
            memcpy(ws->control + ws->control_size, from, part);
            ws->control_size += part;
        } else {
            if (part && to != from)
                memmove(to, from, part);
            to += part;
        }
        from += part;
        ws->left -= part;
        if (!ws->left && !end_frame(ws))
            break;
    }
    return (size_t)(to - (uint8_t *)bytes);
}
