/* transport.c - see transport.h. */
#include "transport.h"

#include "tls.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static mqtt_io stopped(mqtt_transport *t)
{
    if (errno == EAGAIN || errno == EINTR)
        return MQTT_IO_AGAIN;
    t->error = errno;
    return MQTT_IO_OVER;
}

mqtt_io mqtt_transport_read(mqtt_transport *t, void *to, size_t room, size_t *ret_size)
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

mqtt_io mqtt_transport_write(mqtt_transport *t, const void *bytes, size_t size, size_t *ret_size)
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

short mqtt_transport_waits(const mqtt_transport *t, bool to_read, bool to_write)
{
    if (t->tls)
        return mqtt_tls_waits(t->tls, to_read, to_write);
    return (short)((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0));
}

bool mqtt_transport_pending(const mqtt_transport *t)
{
    return t->tls && mqtt_tls_pending(t->tls);
}

const char *mqtt_transport_why(const mqtt_transport *t)
{
    if (t->tls && mqtt_tls_why(t->tls))
        return mqtt_tls_why(t->tls);
    return t->error ? strerror(t->error) : NULL;
}

bool mqtt_transport_hung_up(const mqtt_transport *t)
{
    return !t->tls || !mqtt_tls_failed(t->tls);
}

bool mqtt_transport_end(mqtt_transport *t)
{
    if (t->tls && !mqtt_tls_end(t->tls))
        return false;
    shutdown(t->fd, SHUT_WR);
    return true;
}

void mqtt_transport_close(mqtt_transport *t)
{
    if (t->tls)
        mqtt_tls_end(t->tls);
    mqtt_tls_free(t->tls);
    if (t->fd >= 0)
        close(t->fd);
    *t = MQTT_NO_TRANSPORT;
}
