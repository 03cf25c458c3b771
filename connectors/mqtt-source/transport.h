/* transport.h - a connected socket: its bytes, what to wait for, its end. Plain or through TLS, and
 * through WebSocket on top of either.
 *
 * Nothing in here waits. A transport is a value: whoever holds it closes it, once.
 *
 * Threads  The task's.
 */
#ifndef MQTT_TRANSPORT_H
#define MQTT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mqtt_transport {
    int fd;               /* non-blocking; -1: none */
    int error;            /* errno of what failed last; 0: the other side closed in good order */
    struct mqtt_tls *tls; /* owned; NULL: plain */
    struct mqtt_ws *ws;   /* owned; NULL: without */
    bool more;            /* the last read through ws has left something */
} mqtt_transport;

#define MQTT_NO_TRANSPORT ((mqtt_transport){.fd = -1})

typedef enum mqtt_io {
    MQTT_IO_DONE,  /* *ret_size > 0 bytes were moved */
    MQTT_IO_AGAIN, /* none can be, before what mqtt_transport_waits() names has happened */
    MQTT_IO_OVER,  /* none ever will: mqtt_transport_why() */
} mqtt_io;

mqtt_io mqtt_transport_read(mqtt_transport *t, void *to, size_t room, size_t *ret_size);
/* May take less than `size`. After MQTT_IO_AGAIN the same bytes, and perhaps more behind them, have
 * to be offered again, from wherever they are by then. */
mqtt_io mqtt_transport_write(mqtt_transport *t, const void *bytes, size_t size, size_t *ret_size);

/* Writes what is between this and the socket: a WebSocket's frames are whole, and it has some of
 * its own. MQTT_IO_DONE: nothing is left there; else as mqtt_transport_write(). Before each
 * waiting. */
mqtt_io mqtt_transport_flush(mqtt_transport *t);

/* For poll(2): the events after which to read and to write again. TLS may have to write before it
 * can read, and the other way round. */
short mqtt_transport_waits(const mqtt_transport *t, bool to_read, bool to_write);
/* Is there something to read that poll(2) does not know of? Ask before waiting. */
bool mqtt_transport_pending(const mqtt_transport *t);

/* With ws: its handshake, once the socket is connected and TLS stands. As mqtt_tls_handshake(),
 * but wait for mqtt_transport_waits(t, true, false). */
mqtt_io mqtt_transport_shake(mqtt_transport *t);

/* Why it is over, in words; NULL: the other side closed it in good order. */
const char *mqtt_transport_why(const mqtt_transport *t);
/* Did it end without a word, as far as TLS and WebSocket are concerned: by closing, resetting,
 * falling silent? */
bool mqtt_transport_hung_up(const mqtt_transport *t);

/* Says that nothing more will be written. False: it has to be said again, after what
 * mqtt_transport_waits() names for writing. */
bool mqtt_transport_end(mqtt_transport *t);
/* Closes it, whatever state it is in, with every layer's farewell if the socket takes it at once;
 * *t is MQTT_NO_TRANSPORT then. Fine without one. */
void mqtt_transport_close(mqtt_transport *t);

#endif
