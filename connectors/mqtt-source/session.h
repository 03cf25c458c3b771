/* session.h - paho.mqtt.c, which believes that the link is its broker.
 *
 * paho speaks CONNECT, SUBSCRIBE, PINGREQ; no message ever reaches it. Its callbacks, on paho's own
 * threads, note what happened and make `wake_fd` readable; the task asks afterwards.
 *
 * Threads  The task's, but for the callbacks. paho is one per process: making and unmaking handles
 *          is serialised in here.
 */
#ifndef MQTT_SESSION_H
#define MQTT_SESSION_H

#include "packet.h"
#include "settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mqtt_session mqtt_session;

/* Speaks this version for all its life. `wake_fd` is an eventfd of the caller's. NULL: paho
 * refused; *ret_code is its code. */
mqtt_session *mqtt_session_new(mqtt_level level, const char *client_id, int wake_fd, int *ret_code);
mqtt_level mqtt_session_level(const mqtt_session *session);
/* After the loopback socket was closed, or paho says goodbye through it. NULL is fine. */
void mqtt_session_free(mqtt_session *session);

typedef struct mqtt_session_connect {
    const char *uri;    /* the loopback's */
    const char *secret; /* … and its one-time user name */
    bool clean;
    int keepalive_s;
    int timeout_s;         /* later than anyone else's */
    const mqtt_will *will; /* NULL, or without a topic: none */
    /* MQTT 5 alone: */
    uint32_t session_expiry_s; /* 0: the session ends with the connection */
    uint16_t receive_maximum;  /* 0: not said */
    uint32_t maximum_packet;   /* 0: not said */
} mqtt_session_connect;

/* 0, or paho's code. Only while mqtt_session_idle(). */
int mqtt_session_open(mqtt_session *session, const mqtt_session_connect *how);
/* One SUBSCRIBE; its answer is the link's to read. `retain` is heeded in MQTT 5 only. 0, or paho's
 * code. */
int mqtt_session_subscribe(mqtt_session *session, char *const *filters, const int *qos,
                           size_t count, mqtt_retain retain);
/* One UNSUBSCRIBE, likewise. */
int mqtt_session_unsubscribe(mqtt_session *session, char *const *filters, size_t count);
/* A message of our own, printable ASCII. 0, or paho's code. */
int mqtt_session_publish(mqtt_session *session, const char *topic, const char *payload, int qos,
                         bool retained);

/* No connection, and none under way: a new attempt may start. */
bool mqtt_session_idle(const mqtt_session *session);
/* paho has taken note of CONNACK since mqtt_session_open(). */
bool mqtt_session_joined(const mqtt_session *session);

#endif
