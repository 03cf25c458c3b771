/* mqtt_publisher.c - many devices on one connection, publishing at a steady pace.
 *
 *     mqtt_publisher port=1883 [messages=1000000] [devices=1000] [size=200]
 *                    [prefix=site/bench/device] [rate=0] [window=20000]
 *
 * QoS 1, MQTT 3.1.1. `rate`: messages a second over all devices, evenly spread: each goes out when
 * it is due, alone, as devices do it; 0: as fast as the window of unacknowledged messages allows.
 * A message carries the time at which it was handed to the socket. Ends when the broker has
 * acknowledged all, with a line of JSON: messages, seconds, messages a second, and times the pace
 * had to wait because the window was full or the socket did not take more.
 */
#include "common.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_ROOM (256u * 1024)
#define IN_ROOM  (64u * 1024)
#define IDS      65535

typedef struct publisher {
    bench_load load;
    long window, rate, sent, acked, waits;
    bool waiting;
    int fd;
    int64_t begun_ns;
    uint8_t in[IN_ROOM], out[OUT_ROOM];
    size_t in_size, out_at, out_size;
} publisher;

static void say_hello(publisher *p)
{
    static const uint8_t connack[] = {BENCH_CONNACK << 4, 2, 0, 0};
    char id[64];
    uint8_t hello[128] = {BENCH_CONNECT << 4}, *at = bench_put_text(hello + 2, "MQTT");
    uint8_t heard[sizeof(connack)];
    size_t have = 0;
    struct pollfd fd = {.fd = p->fd, .events = POLLIN};
    long size;

    snprintf(id, sizeof(id), "publisher-%lld", (long long)bench_wall_ns());
    *at++ = 4;
    *at++ = 2; /* clean session */
    *at++ = 0; /* no keep-alive */
    *at++ = 0;
    at = bench_put_text(at, id);
    hello[1] = (uint8_t)(at - hello - 2);
    if (bench_write(p->fd, hello, (size_t)(at - hello)) != at - hello)
        bench_die("the broker does not take a CONNECT");
    while (have < sizeof(connack) && poll(&fd, 1, 10000) > 0) {
        size = bench_read(p->fd, heard + have, sizeof(connack) - have);
        if (size < 0)
            break;
        have += (size_t)size;
    }
    if (have < sizeof(connack) || memcmp(heard, connack, sizeof(connack)) != 0)
        bench_die("the broker does not let us in");
}

static void hear(publisher *p)
{
    long size = bench_read(p->fd, p->in + p->in_size, IN_ROOM - p->in_size);
    bench_packet packet;
    size_t at = 0;

    if (size < 0)
        bench_die("the broker hung up: %ld sent, %ld acknowledged", p->sent, p->acked);
    p->in_size += (size_t)size;
    while (bench_take_packet(p->in + at, p->in_size - at, &packet)) {
        if (packet.type != BENCH_PUBACK)
            bench_die("a packet of type %u", packet.type);
        p->acked++;
        at += packet.whole;
    }
    memmove(p->in, p->in + at, p->in_size - at);
    p->in_size -= at;
}

static bool may_send(const publisher *p)
{
    return p->sent < p->load.messages && p->sent - p->acked < p->window;
}

static int64_t due_ns(const publisher *p)
{
    return p->begun_ns + (int64_t)((double)p->sent * 1e9 / (double)p->rate);
}

static bool is_due(const publisher *p)
{
    return !p->rate || due_ns(p) <= bench_monotonic_ns();
}

static void fill(publisher *p)
{
    int64_t wall_ns = bench_wall_ns();

    p->out_at = p->out_size = 0;
    while (may_send(p) && OUT_ROOM - p->out_size >= p->load.packet_size && is_due(p)) {
        bench_put_message(&p->load, p->out + p->out_size, p->sent, (uint16_t)(1 + p->sent % IDS),
                          wall_ns);
        p->out_size += p->load.packet_size;
        p->sent++;
    }
}

static void flush(publisher *p)
{
    long size = bench_write(p->fd, p->out + p->out_at, p->out_size - p->out_at);

    if (size < 0)
        bench_die("the broker hung up: %ld sent, %ld acknowledged", p->sent, p->acked);
    p->out_at += (size_t)size;
}

/* Counts when it begins. */
static void note_wait(publisher *p)
{
    bool waits = p->out_at < p->out_size || (p->sent < p->load.messages && !may_send(p));

    p->waits += waits && !p->waiting;
    p->waiting = waits;
}

static void wait_for_news(publisher *p)
{
    struct pollfd fd = {.fd = p->fd, .events = POLLIN};
    struct timespec left = {0}, *until = NULL;
    int64_t left_ns;

    if (p->out_at < p->out_size || (!p->rate && may_send(p))) {
        fd.events |= POLLOUT;
    } else if (may_send(p)) {
        left_ns = due_ns(p) - bench_monotonic_ns();
        if (left_ns > 0)
            left = (struct timespec){left_ns / 1000000000, left_ns % 1000000000};
        until = &left;
    }
    if (ppoll(&fd, 1, until, NULL) < 0 && errno != EINTR)
        bench_die("poll: %s", strerror(errno));
    if (fd.revents & (POLLIN | POLLHUP | POLLERR))
        hear(p);
}

int main(int argc, char **argv)
{
    publisher *p = calloc(1, sizeof(*p));
    double seconds;

    if (!p)
        abort();
    p->window = bench_number(argc, argv, "window", "20000");
    p->rate = bench_number(argc, argv, "rate", "0");
    if (p->window < 1 || p->window > IDS)
        bench_die("window: 1 to %d", IDS);
    bench_load_open(&p->load, argc, argv, 4);
    p->fd = bench_connect(bench_number(argc, argv, "port", NULL));
    say_hello(p);
    p->begun_ns = bench_monotonic_ns();
    while (p->acked < p->load.messages) {
        if (p->out_at == p->out_size)
            fill(p);
        if (p->out_at < p->out_size)
            flush(p);
        note_wait(p);
        wait_for_news(p);
    }
    seconds = (double)(bench_monotonic_ns() - p->begun_ns) / 1e9;
    printf("{\"messages\":%ld,\"seconds\":%.4f,\"per_second\":%.0f,\"waits\":%ld}\n", p->acked,
           seconds, (double)p->acked / seconds, p->waits);
    bench_load_close(&p->load);
    free(p);
    return EXIT_SUCCESS;
}
