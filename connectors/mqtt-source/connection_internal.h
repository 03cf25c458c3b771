/* connection_internal.h - what connection.c and socket.c share. */
#ifndef MQTT_CONNECTION_INTERNAL_H
#define MQTT_CONNECTION_INTERNAL_H

#include "brokers.h"
#include "connection.h"
#include "dial.h"
#include "loopback.h"
#include "nudge.h"
#include "session.h"
#include "subscription.h"
#include "takeover.h"

#include <stdio.h>

#define TEXT_ROOM 512

typedef enum connection_phase { WAITING, DIALLING, JOINING, GREETING, UP } connection_phase;

struct mqtt_connection {
    const weir_host *host;
    const mqtt_setup *setup;
    mqtt_link_user user;
    mqtt_link *link;
    connection_phase phase;

    mqtt_dial *dial;         /* while DIALLING */
    mqtt_loopback *loopback; /* while JOINING */
    mqtt_session *session;   /* from the first attempt on */
    mqtt_transport broker;   /* from JOINING on */
    mqtt_transport client;   /* paho's end of the loopback; from GREETING on */
    int wake_fd;             /* an eventfd: paho's callbacks, other tasks' nudges */
    mqtt_nudge nudge;        /* listed from GREETING on */
    int64_t nudge_at_ms;     /* while JOINING: the others are asked again; -1: nobody is there */

    int64_t wait_until_ms;   /* WAITING ends */
    int64_t deadline_ms;     /* of the attempt */
    int64_t idle_by_ms;      /* paho should have noticed the end of the last; -1: it has */
    int64_t cool_until_ms;   /* the broker is not read before: reads coalesce */
    int64_t outage_since_ms; /* -1: up */
    int64_t up_since_ms, connected_since_unix_ms, gap_unix_ms, paused_since_ms;
    mqtt_brokers *brokers;
    size_t endpoint;    /* the broker at hand */
    size_t accepted_by; /* the last one that accepted a connection */
    unsigned attempt;
    mqtt_takeover takeover;
    uint64_t connects, losses, sessions_lost;
    uint64_t received; /* when last looked at: is anything moving? */
    bool draining, held, not_owned, pause_said;
    bool born;        /* 'online' was said on this connection */
    bool birth_said;  /* that the broker does not take it */
    bool window_said; /* that the broker sends more at once than it may */
    mqtt_subscription *subscription;
    char last_error[TEXT_ROOM], said[TEXT_ROOM];
    int64_t say_again_ms;
};

/* One turn of the state machine. */
weir_status mqtt_connection_advance(mqtt_connection *c, int64_t now_ms);
/* The end of this attempt or connection; `slow`: trying again soon will not help. */
weir_status mqtt_connection_fail(mqtt_connection *c, const char *why, bool slow);
mqtt_verdict mqtt_connection_message(void *ctx, const mqtt_message *message);
/* Closes everything; the next attempt is due when wait_until_ms says so. */
void mqtt_connection_hang_up(mqtt_connection *c);
/* Writes what can be written to the broker at once. False: errno says why nothing can. */
bool mqtt_connection_flush(mqtt_connection *c);
/* Writes what is left, then waits for the broker to hang up. */
void mqtt_connection_say_goodbye(mqtt_connection *c, int64_t deadline_ms);

/* watch.c: is anything moving, is what was agreed kept? WEIR_FATAL: host->fail() knows. */
weir_status mqtt_watch(mqtt_connection *c, int64_t now_ms);

/* ---- greeting.c: what the broker says about itself ---- */

/* It does not want MQTT 5; whether it said so, or hung up without a word. True: the next attempt,
 * in 3.1.1, is due at once. */
bool mqtt_greeting_fall_back(mqtt_connection *c, bool said_so, const char *why);
/* CONNACK said no. */
weir_status mqtt_greeting_refused(mqtt_connection *c);
/* CONNACK said yes: can it do what is asked for? WEIR_FATAL: it cannot, host->fail() knows. */
weir_status mqtt_greeting_accepted(mqtt_connection *c);
/* Says 'online' where there is a will, as soon as paho is in. */
void mqtt_greeting_birth(mqtt_connection *c);
/* The last words, and what the will would have said otherwise. */
void mqtt_greeting_goodbye(mqtt_connection *c);

#endif
