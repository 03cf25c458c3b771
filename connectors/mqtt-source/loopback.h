/* loopback.h - the door through which paho, and nobody else, comes in.
 *
 * A listener on 127.0.0.1 for one attempt. paho's CONNECT carries a one-time random user name; a
 * peer with anything else as its first packet, or with none within three seconds, is dropped and
 * the wait goes on. The real credentials are put in here and never cross the loopback.
 *
 * Threads  The task's.
 */
#ifndef MQTT_LOOPBACK_H
#define MQTT_LOOPBACK_H

#include "bytes.h"

#include <stdint.h>

typedef struct mqtt_loopback mqtt_loopback;

/* NULL: errno says why. */
mqtt_loopback *mqtt_loopback_open(void);
void mqtt_loopback_close(mqtt_loopback *loopback);

const char *mqtt_loopback_uri(const mqtt_loopback *loopback);    /* tcp://127.0.0.1:port */
const char *mqtt_loopback_secret(const mqtt_loopback *loopback); /* never log it */

/* Readable when mqtt_loopback_step() has something to do. */
int mqtt_loopback_fd(const mqtt_loopback *loopback);
/* When to step even so; -1: no need. */
int64_t mqtt_loopback_next_ms(const mqtt_loopback *loopback);

/* Lets in whoever shows the secret: returns the socket, the caller's now, and appends the CONNECT
 * for the broker, with `user` and `password` (NULL: none) in place of the secret. -1: not yet. */
int mqtt_loopback_step(mqtt_loopback *loopback, int64_t now_ms, const char *user,
                       const char *password, mqtt_bytes *ret_connect);

#endif
