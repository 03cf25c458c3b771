/* ws_internal.h - what ws.c and ws_handshake.c share. */
#ifndef MQTT_WS_INTERNAL_H
#define MQTT_WS_INTERNAL_H

#include "bytes.h"
#include "ws.h"

#define WS_TEXT        512
#define WS_CONTROL_MAX 125   /* bytes in a control frame */
#define WS_HEAD_MAX    16384 /* bytes of the broker's answer, up to the empty line */
#define WS_FRAME_MAX   16384 /* bytes of MQTT in a frame of ours */
#define WS_ACCEPT_SIZE 28    /* base64 of a SHA-1 */
#define WS_NO_REASON   1005  /* stands for a Close without a code */

struct mqtt_ws {
    /* The handshake. */
    char *path;                        /* that is asked for, without its query */
    char expected[WS_ACCEPT_SIZE + 1]; /* Sec-WebSocket-Accept */
    mqtt_bytes in;                     /* the broker's answer; then what came with it */
    bool shaken;
    /* The frame that comes in. */
    uint8_t head[14];
    size_t head_size;
    bool in_payload, in_message; /* of a frame; between a message's first and last frame */
    uint8_t opcode;
    uint64_t left; /* of its payload */
    uint8_t control[WS_CONTROL_MAX];
    size_t control_size;
    /* What goes out: whole frames. */
    mqtt_bytes out;
    bool pong_due, close_due, close_put;
    uint8_t pong[WS_CONTROL_MAX];
    size_t pong_size;
    unsigned close_code;
    uint8_t random[256]; /* for masks */
    size_t random_left;
    /* The end. */
    bool over, failed;
    char why[WS_TEXT]; /* empty: there was no reason */
};

/* Fills them with what nobody can guess. False: the kernel cannot yet. */
bool mqtt_ws_random(void *to, size_t size);
/* Nothing of the request, or of anything else that was written, stays in memory. */
void mqtt_ws_wipe(mqtt_ws *ws);
/* `text` with everything but printable ASCII replaced, for people's eyes. */
void mqtt_ws_printable(const char *text, size_t size, char *to, size_t room);

#endif
