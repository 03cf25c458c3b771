/* mosquitto.h - a real broker of the test's own, on a port of its own, gone with the test. With
 * RUN_TLS 1 it has a second port, for TLS, and a world of certificates (tls_peer.h). With RUN_WS 1
 * WebSocket is spoken at the second port, through TLS or without.
 */
#ifndef TEST_MOSQUITTO_H
#define TEST_MOSQUITTO_H

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int dial_port(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Below the range that the kernel lends to clients, so that a broker that was stopped can have its
 * port back; another program begins its search elsewhere. */
static inline int free_port(void)
{
    static unsigned tried;
    struct sockaddr_in at = {.sin_family = AF_INET};
    int one = 1, bound;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    do {
        unsigned port = 12000 + ((unsigned)getpid() * 61 + tried++) % 8000;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        ck_assert_uint_lt(tried, 8000);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        at.sin_port = htons((uint16_t)port);
        bound = bind(fd, (struct sockaddr *)&at, sizeof(at));
        close(fd);
    } while (bound != 0);
    return ntohs(at.sin_port);
}

#ifndef RUN_TLS
#define RUN_TLS 0
#endif
#ifndef RUN_WS
#define RUN_WS 0
#endif
#define WS_LISTENER (RUN_WS ? "protocol websockets" : "")
#if RUN_TLS
#include "tls_peer.h"
#endif

typedef struct broker {
    int port;
    pid_t pid;
    char folder[64];
    int ws_port;         /* with RUN_WS, and without RUN_TLS */
    int tls_port;        /* all of these with RUN_TLS */
    struct world *world; /* ca.pem and client.pem are in its folder */
    const void *shows;   /* a minted; NULL: world->broker */
    const char *tls_extra;
} broker;

#if RUN_TLS
static inline void broker_listen_tls(broker *b, FILE *config)
{
    const minted *own;

    if (!b->world) {
        b->world = world_new();
        b->tls_port = free_port();
    }
    own = b->shows ? b->shows : &b->world->broker;
    safe_certificate(b->world->safe, "broker.pem", own, NULL);
    safe_key(b->world->safe, "broker.key", own, NULL);
    fprintf(config, "listener %d 127.0.0.1\n%s\ncafile %s\ncertfile %s\nkeyfile %s\n%s\n",
            b->tls_port, WS_LISTENER, safe_path(b->world->safe, "ca.pem"),
            safe_path(b->world->safe, "broker.pem"), safe_path(b->world->safe, "broker.key"),
            b->tls_extra ? b->tls_extra : "");
}
#elif RUN_WS
static inline void broker_listen_ws(broker *b, FILE *config)
{
    if (!b->ws_port)
        b->ws_port = free_port();
    fprintf(config, "listener %d 127.0.0.1\n%s\n", b->ws_port, WS_LISTENER);
}
#endif

/* Runs mosquitto in the broker's folder, where its sessions stay. */
static inline void broker_start(broker *b, const char *extra)
{
    char file[96];
    int64_t until = clock_ms() + 10000;
    int fd;
    FILE *config;

    if (!b->folder[0]) {
        snprintf(b->folder, sizeof(b->folder), "/tmp/weir-mosquitto-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(b->folder));
    }
    if (!b->port)
        b->port = free_port();
    snprintf(file, sizeof(file), "%s/conf", b->folder);
    config = fopen(file, "w");
    ck_assert_ptr_nonnull(config);
#if RUN_TLS
    broker_listen_tls(b, config); /* first: who can connect to the other port finds this open too */
#elif RUN_WS
    broker_listen_ws(b, config);
#endif
    fprintf(config,
            "listener %d 127.0.0.1\nmax_queued_messages 0\nmax_inflight_messages 1000\n"
            "persistence true\npersistence_location %s/\nuser root\n%s\n",
            b->port, b->folder, extra);
    fclose(config);
    b->pid = fork();
    ck_assert_int_ge(b->pid, 0);
    if (b->pid == 0) {
        int null = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 1);
        dup2(null, 2);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", file, (char *)NULL);
        execlp("mosquitto", "mosquitto", "-c", file, (char *)NULL);
        _exit(127);
    }
    while ((fd = dial_port(b->port)) < 0) {
        ck_assert_msg(waitpid(b->pid, NULL, WNOHANG) == 0 && clock_ms() < until,
                      "mosquitto does not start");
        poll(NULL, 0, 5);
    }
    close(fd);
}

/* The port that tasks use. */
static inline int task_port(const broker *b)
{
    return b->tls_port ? b->tls_port : b->ws_port ? b->ws_port : b->port;
}

/* It saves its sessions. mosquitto listens before its main loop begins, and the loop's beginning
 * wipes out a signal that came until then: so it is asked again until it is gone. */
static inline void broker_stop(broker *b)
{
    int64_t until = clock_ms() + 20000;

    do {
        ck_assert_msg(clock_ms() < until, "mosquitto does not end");
        kill(b->pid, SIGTERM);
        poll(NULL, 0, 20);
    } while (waitpid(b->pid, NULL, WNOHANG) == 0);
    b->pid = 0;
}

static inline void broker_remove(broker *b)
{
    char file[96];

    if (b->pid)
        broker_stop(b);
#if RUN_TLS
    world_free(b->world);
#endif
    snprintf(file, sizeof(file), "%s/conf", b->folder);
    unlink(file);
    snprintf(file, sizeof(file), "%s/mosquitto.db", b->folder);
    unlink(file);
    rmdir(b->folder);
}

/* Publishes "0", "1", … to one topic; back when the broker has acknowledged them all. */
static inline void publish(const broker *b, const char *topic, int qos, int from, int to)
{
    char command[256];
    FILE *pipe;

    snprintf(command, sizeof(command),
             "mosquitto_pub -h 127.0.0.1 -p %d -q %d -t '%s' -l 2>/dev/null", b->port, qos, topic);
    pipe = popen(command, "w");
    ck_assert_ptr_nonnull(pipe);
    for (int i = from; i < to; i++)
        fprintf(pipe, "%d\n", i);
    ck_assert_int_eq(pclose(pipe), 0);
}

/* A connection in 3.1.1 under this client id, whose session stays as it is; *ret_present: there was
 * one. Whoever uses the id is thrown out. */
static inline int connect_as(const broker *b, const char *client_id, bool *ret_present)
{
    uint8_t packet[64] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 60, 0, 0}, answer[4];
    size_t size = strlen(client_id);
    int fd = dial_port(b->port);

    ck_assert_int_ge(fd, 0);
    packet[1] = (uint8_t)(12 + size);
    packet[13] = (uint8_t)size;
    memcpy(packet + 14, client_id, size);
    ck_assert_int_eq(send(fd, packet, 14 + size, MSG_NOSIGNAL), (ssize_t)(14 + size));
    ck_assert_int_eq(recv(fd, answer, 4, MSG_WAITALL), 4);
    ck_assert_int_eq(answer[3], 0);
    *ret_present = answer[2];
    return fd;
}

static inline void take_over(const broker *b, const char *client_id)
{
    bool present;

    close(connect_as(b, client_id, &present));
}

static inline bool has_session(const broker *b, const char *client_id)
{
    bool present;
    int fd = connect_as(b, client_id, &present);

    send(fd, "\xe0\x00", 2, MSG_NOSIGNAL);
    close(fd);
    return present;
}

#endif
