/* transport.c - see transport.h. */
#include "transport.h"

#include "tls.h"
#include "ws.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WS_LAST_READS 128
#define WS_READS      16 /* that may bring nothing but control frames, one after the other */

static mqtt_io stopped(mqtt_transport *t)
{
    if (errno == EAGAIN || errno == EINTR)
        return MQTT_IO_AGAIN;
    t->error = errno;
    return MQTT_IO_OVER;
}

/* ---- The socket, and TLS ----------------------------------------------------------------------
 */

static mqtt_io read_below(mqtt_transport *t, void *to, size_t room, size_t *ret_size)
{
    ssize_t got;

    if (t->tls)
        return mqtt_tls_read(t->tls, to, room, ret_size);
    got = recv(t->fd, to, room, 0);
    if (got < 0)
        return stopped(t);
    t->error = 0;
    *ret_size = (size_t)got;
    return got ? MQTT_IO_DONE : MQTT_IO_OVER;
}

static mqtt_io write_below(mqtt_transport *t, const void *bytes, size_t size, size_t *ret_size)
{
    ssize_t sent;

    if (t->tls)
        return mqtt_tls_write(t->tls, bytes, size, ret_size);
    do
        sent = send(t->fd, bytes, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return stopped(t);
    *ret_size = (size_t)sent;
    return MQTT_IO_DONE;
}

static const char *why_below(const mqtt_transport *t)
{
    if (t->tls && mqtt_tls_why(t->tls))
        return mqtt_tls_why(t->tls);
    return t->error ? strerror(t->error) : NULL;
}

/* ---- WebSocket ---------------------------------------------------------------------------------
 */

mqtt_io mqtt_transport_flush(mqtt_transport *t)
{
    mqtt_io io = MQTT_IO_DONE;
    const void *bytes;
    size_t size, sent;

    while (t->ws && io == MQTT_IO_DONE && (bytes = mqtt_ws_output(t->ws, &size))) {
        io = write_below(t, bytes, size, &sent);
        if (io == MQTT_IO_DONE)
            mqtt_ws_sent(t->ws, sent);
    }
    return io;
}

mqtt_io mqtt_transport_shake(mqtt_transport *t)
{
    mqtt_io written = mqtt_transport_flush(t), io;
    char bytes[2048];
    size_t size;

    /* A broker that refuses may do so, and hang up, before it has read everything. */
    for (;;) {
        io = read_below(t, bytes, sizeof(bytes), &size);
        if (io == MQTT_IO_DONE)
            io = mqtt_ws_shake(t->ws, bytes, size);
        else if (io == MQTT_IO_AGAIN && written != MQTT_IO_OVER)
            return MQTT_IO_AGAIN;
        else
            io = MQTT_IO_OVER;
        if (io == MQTT_IO_OVER)
            mqtt_ws_unanswered(t->ws, why_below(t)); /* unless it was answered */
        if (io != MQTT_IO_AGAIN)
            return io;
    }
}

static mqtt_io read_frames(mqtt_transport *t, void *to, size_t room, size_t *ret_size)
{
    mqtt_io io;
    size_t size;

    for (int i = 0; i < WS_READS; i++) {
        t->more = false;
        if (mqtt_ws_over(t->ws))
            return MQTT_IO_OVER;
        size = mqtt_ws_early(t->ws, to, room);
        io = size ? MQTT_IO_DONE : read_below(t, to, room, &size);
        if (io != MQTT_IO_DONE)
            return io;
        *ret_size = mqtt_ws_take(t->ws, to, size);
        t->more = mqtt_ws_over(t->ws); /* that is still to be told */
        mqtt_transport_flush(t);       /* its failure is the next read's, with the reason perhaps */
        if (*ret_size)
            return MQTT_IO_DONE;
    }
    t->more = true;
    return MQTT_IO_AGAIN;
}

/* A broker that closes says why before it hangs up; that may still be unread when writing fails. */
static mqtt_io hear_last_words(mqtt_transport *t)
{
    int error = t->error;
    char nothing[512];
    mqtt_io io = MQTT_IO_DONE;
    size_t size;

    for (int i = 0; i < WS_LAST_READS && io == MQTT_IO_DONE && !mqtt_ws_over(t->ws); i++) {
        size = mqtt_ws_early(t->ws, nothing, sizeof(nothing));
        io = size ? MQTT_IO_DONE : read_below(t, nothing, sizeof(nothing), &size);
        if (io == MQTT_IO_DONE)
            mqtt_ws_take(t->ws, nothing, size);
    }
    t->error = error;
    return MQTT_IO_OVER;
}

/* A frame that is made is as good as sent: it goes before everything that comes later. */
static mqtt_io write_frames(mqtt_transport *t, const void *bytes, size_t size, size_t *ret_size)
{
    mqtt_io io = mqtt_transport_flush(t);

    if (io == MQTT_IO_DONE) {
        *ret_size = mqtt_ws_put(t->ws, bytes, size);
        if (!*ret_size)
            return MQTT_IO_OVER;
        io = mqtt_transport_flush(t) == MQTT_IO_OVER ? MQTT_IO_OVER : MQTT_IO_DONE;
    }
    return io == MQTT_IO_OVER ? hear_last_words(t) : io;
}

/* ---- Whatever there is -------------------------------------------------------------------------
 */

mqtt_io mqtt_transport_read(mqtt_transport *t, void *to, size_t room, size_t *ret_size)
{
    return t->ws ? read_frames(t, to, room, ret_size) : read_below(t, to, room, ret_size);
}

mqtt_io mqtt_transport_write(mqtt_transport *t, const void *bytes, size_t size, size_t *ret_size)
{
    return t->ws ? write_frames(t, bytes, size, ret_size) : write_below(t, bytes, size, ret_size);
}

short mqtt_transport_waits(const mqtt_transport *t, bool to_read, bool to_write)
{
    size_t size;

    if (t->ws && mqtt_ws_output(t->ws, &size))
        to_write = true;
    if (t->tls)
        return mqtt_tls_waits(t->tls, to_read, to_write);
    return (short)((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0));
}

bool mqtt_transport_pending(const mqtt_transport *t)
{
    if (t->ws && (t->more || mqtt_ws_has_early(t->ws)))
        return true;
    return t->tls && mqtt_tls_pending(t->tls);
}

const char *mqtt_transport_why(const mqtt_transport *t)
{
    return t->ws && mqtt_ws_why(t->ws) ? mqtt_ws_why(t->ws) : why_below(t);
}

bool mqtt_transport_hung_up(const mqtt_transport *t)
{
    return !(t->ws && mqtt_ws_failed(t->ws)) && !(t->tls && mqtt_tls_failed(t->tls));
}

/* A WebSocket is closed by the broker, when it has read that we are done. */
bool mqtt_transport_end(mqtt_transport *t)
{
    if (t->ws) {
        mqtt_ws_end(t->ws);
        return mqtt_transport_flush(t) != MQTT_IO_AGAIN;
    }
    if (t->tls && !mqtt_tls_end(t->tls))
        return false;
    shutdown(t->fd, SHUT_WR);
    return true;
}

void mqtt_transport_close(mqtt_transport *t)
{
    if (t->ws) {
        mqtt_ws_end(t->ws);
        mqtt_transport_flush(t);
    }
    mqtt_ws_free(t->ws);
    if (t->tls)
        mqtt_tls_end(t->tls);
    mqtt_tls_free(t->tls);
    if (t->fd >= 0)
        close(t->fd);
    *t = MQTT_NO_TRANSPORT;
}
