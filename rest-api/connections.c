/* connections.c - see connections.h. */
#include "rest-api/connections.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#define LONG_MS 1000 /* without a whole request */

struct weir_connection {
    int fd;
    int64_t since_ms; /* opened, or answered last */
    bool busy;
    bool dismissed; /* shut down already; libmicrohttpd is about to notice */
    weir_connection *next, *previous;
};

static void append(weir_connections *all, weir_connection *c)
{
    c->since_ms = weir_now_ms();
    c->next = NULL;
    c->previous = all->last;
    *(all->last ? &all->last->next : &all->first) = c;
    all->last = c;
}

static void take_out(weir_connections *all, weir_connection *c)
{
    *(c->previous ? &c->previous->next : &all->first) = c->next;
    *(c->next ? &c->next->previous : &all->last) = c->previous;
}

/* Something has arrived that libmicrohttpd had no time to read yet. */
static bool is_sending(const weir_connection *c)
{
    int unread = 0;

    return ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* The socket is shut down and not closed: its number must not be given away while libmicrohttpd
 * still uses it. */
static void make_room(weir_connections *all)
{
    bool last_place = all->count + 1 >= all->limit;

    for (weir_connection *c = all->first; c; c = c->next) {
        if (!last_place && weir_now_ms() - c->since_ms < LONG_MS)
            return; /* those behind it are younger still */
        if (c->busy || c->dismissed || is_sending(c))
            continue;
        c->dismissed = true;
        shutdown(c->fd, SHUT_RDWR);
        weir_logf(WEIR_DEBUG, "closing the connection that was idle longest: %zu are open",
                  all->count);
        return;
    }
}

weir_connection *weir_connection_opened(weir_connections *all, int fd)
{
    weir_connection *c = weir_new(weir_connection);

    if (all->count >= all->limit - (all->limit + 7) / 8)
        make_room(all);
    c->fd = fd;
    append(all, c);
    all->count++;
    return c;
}

void weir_connection_busy(weir_connection *connection)
{
    connection->busy = true;
}

void weir_connection_answered(weir_connections *all, weir_connection *connection)
{
    connection->busy = false;
    take_out(all, connection);
    append(all, connection);
}

void weir_connection_closed(weir_connections *all, weir_connection *connection)
{
    take_out(all, connection);
    all->count--;
    free(connection);
}
