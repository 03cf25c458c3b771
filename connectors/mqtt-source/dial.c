/* dial.c - see dial.h. */
#include "dial.h"

#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOKUP_STACK (256u * 1024)
#define TEXT_ROOM    480

/* Shared by the dial and its thread; the last of the two frees it. */
typedef struct lookup {
    char *host, *port;
    int done_fd; /* an eventfd: readable when the rest is filled in */
    atomic_bool done;
    atomic_int owners;
    int error;        /* of getaddrinfo() */
    int system_error; /* its errno */
    struct addrinfo *found;
} lookup;

struct mqtt_dial {
    const mqtt_endpoint *broker;
    const mqtt_ws_settings *ws;
    lookup *lookup;
    struct addrinfo *next; /* to try; inside lookup->found */
    int fd;                /* being connected; -1: none */
    int last_errno;
    mqtt_transport ready; /* once fd is connected it is in here; .tls is there before, .ws last */
    bool secure;          /* hands were shaken as far as TLS is concerned */
    char tls_trouble[TEXT_ROOM]; /* why there cannot be TLS; empty: no such reason */
};

static void lookup_unref(lookup *l)
{
    if (atomic_fetch_sub(&l->owners, 1) > 1)
        return;
    if (l->found)
        freeaddrinfo(l->found);
    if (l->done_fd >= 0)
        close(l->done_fd);
    free(l->host);
    free(l->port);
    free(l);
}

static int resolve(lookup *l, int flags)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};

    return getaddrinfo(l->host, l->port, &hints, &l->found);
}

static void *lookup_run(void *arg)
{
    lookup *l = arg;

    l->error = resolve(l, AI_ADDRCONFIG);
    l->system_error = errno;
    atomic_store(&l->done, true);
    eventfd_write(l->done_fd, 1);
    lookup_unref(l);
    return NULL;
}

static void lookup_start(lookup *l)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, LOOKUP_STACK);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&l->owners, 1);
    if (l->done_fd < 0 || pthread_create(&thread, &attributes, lookup_run, l) != 0) {
        l->error = EAI_AGAIN;
        atomic_store(&l->done, true);
        atomic_fetch_sub(&l->owners, 1);
    }
    pthread_attr_destroy(&attributes);
}

mqtt_dial *mqtt_dial_start(const mqtt_endpoint *broker, const mqtt_tls_settings *tls,
                           const mqtt_ws_settings *ws)
{
    mqtt_dial *dial = mqtt_alloc(1, sizeof(*dial));
    lookup *l = mqtt_alloc(1, sizeof(*l));

    l->host = mqtt_strndup(broker->host, strlen(broker->host));
    l->port = mqtt_strndup(broker->port, strlen(broker->port));
    l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&l->owners, 1);
    dial->broker = broker;
    dial->ws = ws;
    dial->lookup = l;
    dial->fd = -1;
    dial->ready = MQTT_NO_TRANSPORT;
    if (broker->tls)
        dial->ready.tls =
            mqtt_tls_new(tls, broker->host, dial->tls_trouble, sizeof(dial->tls_trouble));
    if (dial->tls_trouble[0])
        return dial;                     /* nobody is called in vain */
    if (resolve(l, AI_NUMERICHOST) == 0) /* an address needs no thread */
        atomic_store(&l->done, true);
    else
        lookup_start(l);
    return dial;
}

void mqtt_dial_free(mqtt_dial *dial)
{
    if (!dial)
        return;
    if (dial->fd >= 0)
        close(dial->fd);
    mqtt_transport_close(&dial->ready);
    lookup_unref(dial->lookup);
    free(dial);
}

static bool in_progress(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    return poll(&wait, 1, 0) == 0;
}

/* Starts connecting to the next address. False: there is none left. */
static bool try_next(mqtt_dial *dial)
{
    int one = 1;

    while (dial->next) {
        const struct addrinfo *to = dial->next;
        int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        dial->next = to->ai_next;
        if (fd >= 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS) {
                dial->fd = fd;
                return true;
            }
        }
        dial->last_errno = errno;
        if (fd >= 0)
            close(fd);
    }
    return false;
}

/* MQTT_DIALLED: dial->fd is connected. */
static mqtt_dial_state connect_step(mqtt_dial *dial, char *why, size_t room)
{
    lookup *l = dial->lookup;
    socklen_t size = sizeof(dial->last_errno);

    if (!atomic_load(&l->done))
        return MQTT_DIALLING;
    if (l->error) {
        snprintf(why, room, "cannot look up '%s': %s", l->host,
                 l->error == EAI_SYSTEM ? strerror(l->system_error) : gai_strerror(l->error));
        return MQTT_DIAL_FAILED;
    }
    if (dial->fd < 0 && !dial->last_errno)
        dial->next = l->found;
    for (;;) {
        if (dial->fd < 0 && !try_next(dial)) {
            snprintf(why, room, "cannot connect to %s port %s: %s", l->host, l->port,
                     strerror(dial->last_errno));
            return MQTT_DIAL_FAILED;
        }
        if (in_progress(dial->fd))
            return MQTT_DIALLING;
        if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &dial->last_errno, &size) == 0 &&
            !dial->last_errno)
            return MQTT_DIALLED;
        close(dial->fd);
        dial->fd = -1;
    }
}

static mqtt_dial_state state_of(mqtt_io io)
{
    return io == MQTT_IO_DONE    ? MQTT_DIALLED
           : io == MQTT_IO_AGAIN ? MQTT_DIALLING
                                 : MQTT_DIAL_FAILED;
}

static mqtt_dial_state secure_step(mqtt_dial *dial, char *why, size_t room)
{
    mqtt_dial_state state = MQTT_DIALLED;

    if (dial->ready.tls && !dial->secure)
        state = state_of(mqtt_tls_handshake(dial->ready.tls));
    if (state == MQTT_DIAL_FAILED)
        snprintf(why, room, "%s", mqtt_tls_why(dial->ready.tls));
    dial->secure = state == MQTT_DIALLED;
    return state;
}

static mqtt_dial_state upgrade_step(mqtt_dial *dial, char *why, size_t room)
{
    mqtt_dial_state state = MQTT_DIALLED;

    if (!dial->broker->ws)
        return state;
    if (!dial->ready.ws)
        dial->ready.ws = mqtt_ws_new(dial->ws, dial->broker);
    if (!dial->ready.ws) {
        snprintf(why, room, "the kernel has no random numbers yet");
        return MQTT_DIAL_FAILED;
    }
    state = state_of(mqtt_transport_shake(&dial->ready));
    if (state == MQTT_DIAL_FAILED)
        snprintf(why, room, "%s", mqtt_ws_why(dial->ready.ws));
    return state;
}

mqtt_dial_state mqtt_dial_step(mqtt_dial *dial, mqtt_transport *ret_transport, char *why,
                               size_t room)
{
    mqtt_dial_state state = MQTT_DIALLED;

    if (dial->tls_trouble[0]) {
        snprintf(why, room, "%s", dial->tls_trouble);
        return MQTT_DIAL_FAILED;
    }
    if (dial->ready.fd < 0) {
        state = connect_step(dial, why, room);
        if (state != MQTT_DIALLED)
            return state;
        dial->ready.fd = dial->fd;
        dial->fd = -1;
        if (dial->ready.tls)
            mqtt_tls_attach(dial->ready.tls, dial->ready.fd);
    }
    state = secure_step(dial, why, room);
    if (state == MQTT_DIALLED)
        state = upgrade_step(dial, why, room);
    if (state == MQTT_DIALLED) {
        *ret_transport = dial->ready;
        dial->ready = MQTT_NO_TRANSPORT;
    }
    return state;
}

struct pollfd mqtt_dial_waits(const mqtt_dial *dial)
{
    if (dial->ready.fd >= 0)
        return (struct pollfd){.fd = dial->ready.fd,
                               .events = mqtt_transport_waits(&dial->ready, true, !dial->secure)};
    if (dial->fd >= 0)
        return (struct pollfd){.fd = dial->fd, .events = POLLOUT};
    return (struct pollfd){.fd = dial->lookup->done_fd, .events = POLLIN};
}

void mqtt_dial_doing(const mqtt_dial *dial, char *text, size_t room)
{
    const lookup *l = dial->lookup;

    const char *doing = "connecting to";

    if (!atomic_load(&l->done)) {
        snprintf(text, room, "looking up '%s'", l->host);
        return;
    }
    if (dial->ready.fd >= 0)
        doing = dial->secure ? "the WebSocket handshake with" : "the TLS handshake with";
    snprintf(text, room, "%s %s port %s", doing, l->host, l->port);
}
