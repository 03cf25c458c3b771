/* ws.h - WebSocket (RFC 6455) between a transport and its bytes, as a client, for MQTT.
 *
 * One mqtt_ws is one connection, and has no socket: what came goes in, MQTT's bytes and what has to
 * be written come out. First the handshake (ws_handshake.c), then frames (ws.c). Frames and MQTT
 * packets need not align. What the broker sends is unwrapped where it was read; a frame's length,
 * whatever it is, makes nobody allocate. What the broker is sent is masked on its way into the one
 * buffer that is written from.
 *
 * A ping is answered ahead of all frames that have not begun, the latest one of several. Reading
 * stopped means that pings, too, stay where they are.
 *
 * Threads  The task's.
 * Secrets  Header values are in no text that is made here.
 */
#ifndef MQTT_WS_H
#define MQTT_WS_H

#include "address.h"
#include "transport.h"
#include "weir_plugin.h"

/* The keys mqtt.ws.*, as written. */
typedef struct mqtt_ws_settings {
    const char *path;         /* for addresses that have none */
    const weir_pair *headers; /* ends with a NULL key */
} mqtt_ws_settings;

#define MQTT_WS_PATH "/mqtt" /* unless given */

/* ---- Without a network ------------------------------------------------------------------------
 */

/* Can it stand in a request, query included? It begins with '/', and is ASCII without blanks and
 * without '#'. */
bool mqtt_ws_path_check(const char *path);

typedef void mqtt_ws_note(void *ctx, weir_level level, const char *key, const char *text);

/* Hears what is wrong with the values, and which have no effect with these brokers. */
void mqtt_ws_check(const mqtt_ws_settings *settings, const mqtt_endpoint *brokers, size_t count,
                   mqtt_ws_note *note, void *ctx);

/* ---- A connection -----------------------------------------------------------------------------
 */

typedef struct mqtt_ws mqtt_ws;

/* The request for the broker is its first output. NULL: there are no random numbers. */
mqtt_ws *mqtt_ws_new(const mqtt_ws_settings *settings, const mqtt_endpoint *broker);
void mqtt_ws_free(mqtt_ws *ws);

/* What is to be written as it is; mqtt_ws_sent() takes it off. NULL: nothing. */
const void *mqtt_ws_output(mqtt_ws *ws, size_t *ret_size);
void mqtt_ws_sent(mqtt_ws *ws, size_t size);

/* Takes what came of the broker's answer to the request. MQTT_IO_AGAIN: it goes on.
 * MQTT_IO_DONE: hands were shaken, and bytes behind the answer are kept for mqtt_ws_early().
 * MQTT_IO_OVER: mqtt_ws_why(). */
mqtt_io mqtt_ws_shake(mqtt_ws *ws, const void *bytes, size_t size);
/* The connection ended instead; `why`: NULL when in good order. mqtt_ws_why() is in words then. */
void mqtt_ws_unanswered(mqtt_ws *ws, const char *why);
/* Moves up to `room` bytes that came with the answer: what was read first. */
size_t mqtt_ws_early(mqtt_ws *ws, void *to, size_t room);
bool mqtt_ws_has_early(const mqtt_ws *ws);

/* Unwraps `size` bytes as they came: MQTT's are moved together at the start. Returns how many.
 * There may be output afterwards. */
size_t mqtt_ws_take(mqtt_ws *ws, void *bytes, size_t size);
/* Makes a frame of the first of these bytes, which becomes output. Returns how many were taken: 0
 * as long as output is left, or when it is over. */
size_t mqtt_ws_put(mqtt_ws *ws, const void *bytes, size_t size);

/* Says that nothing more will be written: puts a Close behind the output, once. */
void mqtt_ws_end(mqtt_ws *ws);

/* Did either side end it? Nothing can be taken or put any more, but output may be left. */
bool mqtt_ws_over(const mqtt_ws *ws);
/* Why, in words; NULL: nobody gave a reason. */
const char *mqtt_ws_why(const mqtt_ws *ws);
/* Did WebSocket itself fail, rather than the connection below or the broker's wish to go on? */
bool mqtt_ws_failed(const mqtt_ws *ws);

#endif
