/* connection.h - one broker after another, until one is there; then its sockets.
 *
 * Owns the link and everything it is wired to: the dial, the loopback, paho's session, both
 * sockets, and every timer (back-off, deadlines, read coalescing). Nothing in here waits but the
 * one poll(2) inside mqtt_connection_poll().
 *
 * Threads  The task's.
 */
#ifndef MQTT_CONNECTION_H
#define MQTT_CONNECTION_H

#include "link.h"
#include "settings.h"

typedef struct mqtt_connection mqtt_connection;

/* All arguments outlive it. user->granted is not used: the connection hears that itself. NULL: no
 * descriptors are left. */
mqtt_connection *mqtt_connection_new(const weir_host *host, const mqtt_setup *setup,
                                     const mqtt_link_user *user);
/* Says goodbye, waits for the broker to have heard it (half a second at most), frees. */
void mqtt_connection_free(mqtt_connection *connection);

/* Does all there is to do until the deadline, until wakeup_fd is readable, or until `enough`
 * (asked after each turn) says so. WEIR_FATAL: host->fail() has the reason. */
weir_status mqtt_connection_poll(mqtt_connection *connection, int64_t deadline_ms,
                                 bool (*enough)(void *ctx), void *ctx);
void mqtt_connection_settle(mqtt_connection *connection, const uint64_t *tokens, size_t count,
                            weir_outcome outcome);
void mqtt_connection_drain(mqtt_connection *connection);
/* message() says MQTT_FULL because the user wants it so: nothing is wrong with that. */
void mqtt_connection_hold(mqtt_connection *connection, bool held);

typedef struct mqtt_connection_facts {
    const char *state; /* "connected", "connecting", "waiting", … */
    const char *word;  /* the same in one: one of metrics.c's */
    const char *broker;
    const char *version; /* of MQTT, that it is asked in */
    const mqtt_link *link;
    int64_t connected_since_unix_ms; /* -1: not connected */
    int64_t paused_since_ms;         /* -1: reading */
    int64_t gap_unix_ms;             /* since when messages may be missing; -1: no such time */
    unsigned attempt;                /* since the last success */
    uint64_t connects, losses, sessions_lost, takeovers;
    const int *granted;    /* per filter; -1: unknown */
    size_t lingers;        /* filters that are still to be unsubscribed */
    int64_t session_epoch; /* sessions this task has had at the broker, in all its lives */
    const char *last_error;
} mqtt_connection_facts;

/* How many sessions this connection has begun: nothing in one is a redelivery from another. */
uint64_t mqtt_connection_sessions(const mqtt_connection *connection);
mqtt_connection_facts mqtt_connection_look(const mqtt_connection *connection);

/* "2026-01-31T12:00:00.000Z" */
void mqtt_format_time(int64_t unix_ms, char *text, size_t room);

#endif
