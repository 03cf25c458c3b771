/* socket.c - the bytes of a connection, and the one place where its task sleeps.
 *
 * After a small read the broker's socket is left alone for a millisecond: brokers write one packet
 * at a time, and a wake-up for each costs more than the work. Everything else goes on meanwhile,
 * and the first message after silence is not held back.
 */
#include "connection_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COALESCE_BELOW 16384 /* bytes: a larger read leaves the socket armed */
#define COALESCE_MS    1

enum { WAKEUP, PAHO, WAY, BROKER, CLIENT, WAITS };

void mqtt_format_time(int64_t unix_ms, char *text, size_t room)
{
    time_t seconds = unix_ms / 1000;
    struct tm parts;
    size_t size;

    gmtime_r(&seconds, &parts);
    size = strftime(text, room, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + size, room - size, ".%03dZ", (int)(unix_ms % 1000));
}

/* ---- Read and write ----------------------------------------------------------------------------
 */

static mqtt_transport *transport(mqtt_connection *c, mqtt_side side)
{
    return side == MQTT_BROKER ? &c->broker : &c->client;
}

/* Writes what the link has for one side. False: that side is over. */
static bool flush(mqtt_connection *c, mqtt_side to)
{
    mqtt_transport *t = transport(c, to);
    const void *bytes;
    size_t size, sent;

    if (t->fd < 0)
        return true;
    if (mqtt_transport_flush(t) == MQTT_IO_OVER)
        return false;
    while ((bytes = mqtt_link_output(c->link, to, &size))) {
        switch (mqtt_transport_write(t, bytes, size, &sent)) {
        case MQTT_IO_DONE:
            mqtt_link_sent(c->link, to, sent);
            break;
        case MQTT_IO_AGAIN:
            return true;
        case MQTT_IO_OVER:
            return false;
        }
    }
    return true;
}

bool mqtt_connection_flush(mqtt_connection *c)
{
    return flush(c, MQTT_BROKER);
}

/* False: that side is over. */
static bool hear(mqtt_connection *c, mqtt_side from, int64_t now_ms)
{
    size_t room, size;
    void *to = mqtt_link_room(c->link, from, &room);

    switch (mqtt_transport_read(transport(c, from), to, room, &size)) {
    case MQTT_IO_AGAIN:
        return true;
    case MQTT_IO_OVER:
        return false;
    case MQTT_IO_DONE:
        break;
    }
    mqtt_link_got(c->link, from, size, now_ms);
    if (from == MQTT_BROKER && size < COALESCE_BELOW)
        c->cool_until_ms = now_ms + COALESCE_MS;
    return true;
}

static weir_status broker_gone(mqtt_connection *c)
{
    const char *why = mqtt_transport_why(&c->broker);

    if (!why)
        why = c->connected_since_unix_ms < 0
                  ? "the broker closed the connection instead of answering CONNECT"
                  : "the broker closed the connection";
    /* Some that know no MQTT 5 hang up at the sight of it. */
    if (c->phase == GREETING && !mqtt_link_look(c->link)->answered &&
        mqtt_transport_hung_up(&c->broker) && mqtt_greeting_fall_back(c, false, why))
        return WEIR_DONE;
    return mqtt_connection_fail(c, why, false);
}

static weir_status broker_ready(mqtt_connection *c, short ready, int64_t now_ms)
{
    socklen_t size = sizeof(c->broker.error);

    if (c->broker.fd < 0)
        return WEIR_DONE;
    ready &= mqtt_transport_waits(&c->broker, true, false) | POLLIN | POLLERR | POLLHUP;
    if (!ready)
        return WEIR_DONE;
    if (c->phase >= GREETING && mqtt_link_wants(c->link, MQTT_BROKER)) {
        if (!hear(c, MQTT_BROKER, now_ms))
            return broker_gone(c);
    } else if (ready & (POLLERR | POLLHUP)) {
        getsockopt(c->broker.fd, SOL_SOCKET, SO_ERROR, &c->broker.error, &size);
        return broker_gone(c);
    }
    return WEIR_DONE;
}

static weir_status client_ready(mqtt_connection *c, short ready, int64_t now_ms)
{
    if (!(ready & (POLLIN | POLLERR | POLLHUP)) || c->client.fd < 0)
        return WEIR_DONE;
    if (!hear(c, MQTT_CLIENT, now_ms))
        return mqtt_connection_fail(c, "paho hung up", false);
    return WEIR_DONE;
}

/* ---- Waiting ------------------------------------------------------------------------------------
 */

static bool reads_broker(const mqtt_connection *c, int64_t now_ms)
{
    return c->phase >= GREETING && mqtt_link_wants(c->link, MQTT_BROKER) &&
           now_ms >= c->cool_until_ms;
}

static void fill(mqtt_connection *c, struct pollfd *waits, int64_t now_ms)
{
    size_t size;

    for (int i = 0; i < WAITS; i++)
        waits[i] = (struct pollfd){.fd = -1};
    waits[WAKEUP] = (struct pollfd){.fd = c->host->wakeup_fd, .events = POLLIN};
    waits[PAHO] = (struct pollfd){.fd = c->wake_fd, .events = POLLIN};
    if (c->phase == DIALLING)
        waits[WAY] = mqtt_dial_waits(c->dial);
    if (c->phase == JOINING)
        waits[WAY] = (struct pollfd){.fd = mqtt_loopback_fd(c->loopback), .events = POLLIN};
    if (c->phase < GREETING)
        return;
    waits[BROKER].fd = c->broker.fd;
    waits[BROKER].events = mqtt_transport_waits(&c->broker, reads_broker(c, now_ms),
                                                mqtt_link_output(c->link, MQTT_BROKER, &size));
    waits[CLIENT].fd = c->client.fd;
    waits[CLIENT].events = mqtt_transport_waits(&c->client, mqtt_link_wants(c->link, MQTT_CLIENT),
                                                mqtt_link_output(c->link, MQTT_CLIENT, &size));
}

static void sooner(int64_t *until_ms, int64_t when_ms)
{
    if (when_ms >= 0 && when_ms < *until_ms)
        *until_ms = when_ms;
}

static int timeout(const mqtt_connection *c, int64_t deadline_ms, int64_t now_ms)
{
    int64_t until_ms = deadline_ms;

    if (c->phase == WAITING && !c->draining)
        sooner(&until_ms, c->wait_until_ms);
    if (c->phase > WAITING && c->phase < UP)
        sooner(&until_ms, c->deadline_ms);
    if (c->phase == JOINING) {
        sooner(&until_ms, mqtt_loopback_next_ms(c->loopback));
        sooner(&until_ms, c->nudge_at_ms);
    }
    if (c->phase >= GREETING) {
        sooner(&until_ms, mqtt_link_next_ms(c->link));
        if (now_ms < c->cool_until_ms)
            sooner(&until_ms, c->cool_until_ms);
    }
    if (until_ms <= now_ms)
        return 0;
    return until_ms - now_ms > 60000 ? 60000 : (int)(until_ms - now_ms);
}

/* Sleeps, then moves bytes. Sets *ret_woken when the worker wants the task back. */
static weir_status sleep_and_move(mqtt_connection *c, int64_t deadline_ms, bool *ret_woken)
{
    struct pollfd waits[WAITS];
    int64_t now_ms = c->host->now_ms(c->host);
    bool pending = reads_broker(c, now_ms) && mqtt_transport_pending(&c->broker);
    eventfd_t events;
    weir_status status;

    fill(c, waits, now_ms);
    if (poll(waits, WAITS, pending ? 0 : timeout(c, deadline_ms, now_ms)) <= 0 && !pending)
        return WEIR_DONE;
    now_ms = c->host->now_ms(c->host);
    *ret_woken = waits[WAKEUP].revents;
    if (waits[PAHO].revents)
        eventfd_read(c->wake_fd, &events);
    status = broker_ready(c, pending ? POLLIN : waits[BROKER].revents, now_ms);
    if (status == WEIR_DONE)
        status = client_ready(c, waits[CLIENT].revents, now_ms);
    return status;
}

static weir_status flush_both(mqtt_connection *c)
{
    if (c->phase < GREETING)
        return WEIR_DONE;
    if (!flush(c, MQTT_BROKER))
        return broker_gone(c);
    if (!flush(c, MQTT_CLIENT))
        return mqtt_connection_fail(c, "paho hung up", false);
    return WEIR_DONE;
}

weir_status mqtt_connection_poll(mqtt_connection *c, int64_t deadline_ms, bool (*enough)(void *ctx),
                                 void *ctx)
{
    weir_status status;
    bool woken = false;

    mqtt_link_retry(c->link);
    status = mqtt_connection_advance(c, c->host->now_ms(c->host));
    while (status == WEIR_DONE) {
        status = flush_both(c);
        if (status != WEIR_DONE || woken || enough(ctx))
            break;
        status = sleep_and_move(c, deadline_ms, &woken);
        if (status == WEIR_DONE)
            status = mqtt_connection_advance(c, c->host->now_ms(c->host));
        if (status == WEIR_DONE && c->host->now_ms(c->host) >= deadline_ms)
            woken = true;
    }
    return status;
}

void mqtt_connection_settle(mqtt_connection *c, const uint64_t *tokens, size_t count,
                            weir_outcome outcome)
{
    mqtt_link_settle(c->link, tokens, count, outcome);
    flush(c, MQTT_BROKER); /* a socket that is gone is the next poll()'s business */
}

void mqtt_connection_say_goodbye(mqtt_connection *c, int64_t deadline_ms)
{
    struct pollfd broker = {.fd = c->broker.fd};
    bool ended = false;
    char rest[4096];
    size_t size;

    do {
        int64_t left_ms = deadline_ms - c->host->now_ms(c->host);

        if (!flush(c, MQTT_BROKER) || left_ms <= 0)
            return;
        if (!mqtt_link_output(c->link, MQTT_BROKER, &size) && !ended)
            ended = mqtt_transport_end(&c->broker);
        /* Closing with unread bytes would reset the connection, and what the broker has not yet
         * read with it: so they are read. */
        broker.events = mqtt_transport_waits(&c->broker, true, !ended);
        if (poll(&broker, 1, (int)left_ms) <= 0)
            return;
    } while (mqtt_transport_read(&c->broker, rest, sizeof(rest), &size) != MQTT_IO_OVER);
}
