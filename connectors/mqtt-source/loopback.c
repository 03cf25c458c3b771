/* loopback.c - see loopback.h. */
#include "loopback.h"

#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECRET_SIZE 32u           /* 128 bits in hex */
#define PATIENCE_MS 3000          /* with a peer that says nothing; paho may need one second */
#define CONNECT_MAX (256u * 1024) /* four strings of 64 KiB */

struct mqtt_loopback {
    int listen_fd;
    int peer_fd; /* who is being looked at; -1: nobody */
    int64_t peer_until_ms;
    mqtt_bytes in;
    char uri[64];
    char secret[SECRET_SIZE + 1];
};

static bool make_secret(char *secret)
{
    uint8_t random[SECRET_SIZE / 2];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(secret + 2 * i, 3, "%02x", random[i]);
    return true;
}

mqtt_loopback *mqtt_loopback_open(void)
{
    mqtt_loopback *loopback = mqtt_alloc(1, sizeof(*loopback));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int error;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    loopback->peer_fd = -1;
    loopback->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (loopback->listen_fd < 0 ||
        bind(loopback->listen_fd, (struct sockaddr *)&address, size) != 0 ||
        listen(loopback->listen_fd, 1) != 0 ||
        getsockname(loopback->listen_fd, (struct sockaddr *)&address, &size) != 0 ||
        !make_secret(loopback->secret)) {
        error = errno;
        mqtt_loopback_close(loopback);
        errno = error;
        return NULL;
    }
    snprintf(loopback->uri, sizeof(loopback->uri), "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    return loopback;
}

static void drop_peer(mqtt_loopback *loopback)
{
    if (loopback->peer_fd >= 0)
        close(loopback->peer_fd);
    loopback->peer_fd = -1;
    mqtt_bytes_free(&loopback->in);
}

void mqtt_loopback_close(mqtt_loopback *loopback)
{
    if (!loopback)
        return;
    drop_peer(loopback);
    if (loopback->listen_fd >= 0)
        close(loopback->listen_fd);
    explicit_bzero(loopback->secret, sizeof(loopback->secret));
    free(loopback);
}

const char *mqtt_loopback_uri(const mqtt_loopback *loopback)
{
    return loopback->uri;
}

const char *mqtt_loopback_secret(const mqtt_loopback *loopback)
{
    return loopback->secret;
}

int mqtt_loopback_fd(const mqtt_loopback *loopback)
{
    return loopback->peer_fd >= 0 ? loopback->peer_fd : loopback->listen_fd;
}

int64_t mqtt_loopback_next_ms(const mqtt_loopback *loopback)
{
    return loopback->peer_fd >= 0 ? loopback->peer_until_ms : -1;
}

static void accept_peer(mqtt_loopback *loopback, int64_t now_ms)
{
    static const uint8_t pingresp[] = {MQTT_TYPE_PINGRESP << 4, 0};
    int one = 1;

    loopback->peer_fd = accept4(loopback->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (loopback->peer_fd < 0)
        return;
    setsockopt(loopback->peer_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    loopback->peer_until_ms = now_ms + PATIENCE_MS;
    /* paho sees that its connect has succeeded only when it next waits for input, a second later
     * perhaps. Something to read ends that wait; an answer to no ping is nothing to it. */
    send(loopback->peer_fd, pingresp, sizeof(pingresp), MSG_NOSIGNAL);
}

/* In a time that does not depend on where two secrets differ. */
static bool is_secret(const mqtt_loopback *loopback, const mqtt_connect *connect)
{
    unsigned char differs = 0;

    if (!connect->user || connect->user_size != SECRET_SIZE)
        return false;
    for (size_t i = 0; i < SECRET_SIZE; i++)
        differs |= (unsigned char)(connect->user[i] ^ loopback->secret[i]);
    return !differs;
}

typedef enum opinion { UNDECIDED, PAHO, STRANGER } opinion;

static opinion judge_peer(const mqtt_loopback *loopback, mqtt_head *head, mqtt_connect *connect)
{
    const uint8_t *bytes = loopback->in.data + loopback->in.start;
    size_t have = mqtt_bytes_size(&loopback->in);

    if (have && bytes[0] != MQTT_TYPE_CONNECT << 4)
        return STRANGER;
    switch (mqtt_scan_head(bytes, have, head)) {
    case MQTT_BAD:
        return STRANGER;
    case MQTT_MORE:
        return UNDECIDED;
    case MQTT_SCANNED:
        break;
    }
    if (head->body_size > CONNECT_MAX)
        return STRANGER;
    if (have < head->head_size + head->body_size)
        return UNDECIDED;
    /* Nothing may follow before CONNACK, and paho sends nothing. */
    return have == head->head_size + head->body_size &&
                   mqtt_scan_connect(head, bytes + head->head_size, connect) &&
                   is_secret(loopback, connect)
               ? PAHO
               : STRANGER;
}

/* Reads what the peer says. False: it is gone. */
static bool hear_peer(mqtt_loopback *loopback)
{
    uint8_t *to = mqtt_bytes_reserve(&loopback->in, 4096);
    ssize_t size = recv(loopback->peer_fd, to, 4096, 0);

    if (size > 0)
        loopback->in.end += (size_t)size;
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

int mqtt_loopback_step(mqtt_loopback *loopback, int64_t now_ms, const char *user,
                       const char *password, mqtt_bytes *ret_connect)
{
    mqtt_connect connect;
    mqtt_head head;
    int fd;

    for (;;) {
        if (loopback->peer_fd < 0)
            accept_peer(loopback, now_ms);
        if (loopback->peer_fd < 0)
            return -1;
        if (!hear_peer(loopback) || now_ms >= loopback->peer_until_ms) {
            drop_peer(loopback);
            continue;
        }
        switch (judge_peer(loopback, &head, &connect)) {
        case UNDECIDED:
            return -1;
        case STRANGER:
            drop_peer(loopback);
            continue;
        case PAHO:
            break;
        }
        mqtt_put_connect(ret_connect, &connect,
                         loopback->in.data + loopback->in.start + head.head_size, user, password);
        fd = loopback->peer_fd;
        loopback->peer_fd = -1;
        mqtt_bytes_free(&loopback->in);
        return fd;
    }
}
