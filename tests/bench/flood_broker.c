/* flood_broker.c - an MQTT broker that is never in the way: it sends messages as fast as they are
 * taken, or so many a second, and watches how they are acknowledged.
 *
 *     flood_broker [messages=1000000] [size=200] [devices=1000] [prefix=site/bench/device]
 *                  [window=0] [rate=0]
 *
 * One client at a time, MQTT 3.1.1 or 5; what it subscribes to is granted with QoS 1 and begins the
 * flood, whatever the filter. All messages are there from the start, as if stored. `window`: how
 * many may be unacknowledged; 0: what an MQTT 5 client asks for, else 65535, all the packet ids
 * there are. `rate`: messages a second, evenly spread; 0: no limit.
 *
 * Prints "port N" first, so that a client can be pointed at it. When the last message is
 * acknowledged, one line of JSON: messages, seconds from the first byte to the last PUBACK,
 * messages a second, the most that were unacknowledged, bursts that had to wait for the window;
 * with a rate also milliseconds from PUBLISH to PUBACK. Then it waits for the client to leave.
 *
 * Every message has to be acknowledged once, in the order in which they were sent
 * [MQTT-4.6.0-2]. Exit code 1: it was not so, or the client left too early; 2: could not run.
 */
#include "common.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDS      65535
#define OUT_ROOM (256u * 1024)
#define IN_ROOM  (64u * 1024)

typedef struct broker {
    int argc;
    char **argv;
    long window, rate;
    bench_load load;
    int fd, level;
    bool flooding, gone, told;
    long sent, acked, most, waits; /* messages */
    bool waiting;                  /* for the window */
    int64_t begun_ns;
    int64_t sent_ns[IDS + 1]; /* by packet id; only with a rate */
    int64_t *delays;          /* [messages], only with a rate */
    uint8_t in[IN_ROOM], out[OUT_ROOM];
    size_t in_size, out_at, out_size;
} broker;

static int violated(const broker *b, const char *what, long id)
{
    fprintf(stderr, "PUBACK %ld: %s (%ld sent, %ld acknowledged)\n", id, what, b->sent, b->acked);
    exit(BENCH_FAILED);
}

/* ---- The client ------------------------------------------------------------------------------ */

/* Small answers; the flood leaves room for them. */
static uint8_t *answer(broker *b, size_t size)
{
    if (b->out_at == b->out_size)
        b->out_at = b->out_size = 0;
    if (b->out_size + size > OUT_ROOM)
        bench_die("the client asks faster than it reads");
    b->out_size += size;
    return b->out + b->out_size - size;
}

/* Receive Maximum, the one property that matters here: the others are skipped by their type. */
static long receive_maximum(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        switch (*at) {
        case 0x21: /* Receive Maximum */
            return end - at >= 3 ? bench_read_u16(at + 1) : IDS;
        case 0x11: /* Session Expiry Interval */
        case 0x27: /* Maximum Packet Size */
            at += 5;
            break;
        case 0x22: /* Topic Alias Maximum */
            at += 3;
            break;
        case 0x17: /* Request Problem Information */
        case 0x19: /* Request Response Information */
            at += 2;
            break;
        default:
            return IDS;
        }
    }
    return IDS;
}

static void on_connect(broker *b, const bench_packet *packet)
{
    size_t size = 0, skip;
    uint8_t *to;

    if (packet->size < 10 || memcmp(packet->body, "\0\4MQTT", 6) != 0)
        bench_die("a CONNECT that is neither MQTT 3.1.1 nor 5");
    b->level = packet->body[6];
    if (b->level == 5 && b->window == 0) {
        skip = bench_read_length(packet->body + 10, packet->size - 10, &size);
        if (skip && 10 + skip + size <= packet->size)
            b->window = receive_maximum(packet->body + 10 + skip, packet->body + 10 + skip + size);
    }
    if (b->window == 0 || b->window > IDS)
        b->window = IDS;
    bench_load_close(&b->load);
    bench_load_open(&b->load, b->argc, b->argv, b->level);
    to = answer(b, b->level == 5 ? 5 : 4);
    to[0] = BENCH_CONNACK << 4;
    to[1] = b->level == 5 ? 3 : 2;
    memset(to + 2, 0, to[1]); /* no session, accepted, no properties */
}

/* One grant for each filter. */
static void on_subscribe(broker *b, const bench_packet *packet)
{
    size_t at = 2, properties = 0, filters = 0;
    uint8_t *to;

    if (b->level == 5)
        at += bench_read_length(packet->body + 2, packet->size - 2, &properties) + properties;
    while (at + 2 < packet->size) {
        at += 2 + (size_t)bench_read_u16(packet->body + at) + 1;
        filters++;
    }
    if (filters > 100)
        bench_die("a SUBSCRIBE with %zu filters", filters);
    to = answer(b, 4 + (b->level == 5) + filters);
    to[0] = BENCH_SUBACK << 4;
    to[1] = (uint8_t)(2 + (b->level == 5) + filters);
    memcpy(to + 2, packet->body, 2);
    to[4] = 0;
    memset(to + 4 + (b->level == 5), 1, filters);
    if (!b->flooding) {
        b->flooding = true;
        b->begun_ns = bench_monotonic_ns();
    }
}

static void tell(broker *b)
{
    double seconds = (double)(bench_monotonic_ns() - b->begun_ns) / 1e9;

    printf("{\"messages\":%ld,\"seconds\":%.4f,\"per_second\":%.0f,\"window\":%ld,"
           "\"most_unacknowledged\":%ld,\"waits\":%ld",
           b->acked, seconds, (double)b->acked / seconds, b->window, b->most, b->waits);
    if (b->rate)
        bench_print_percentiles("ack_ms", b->delays, (size_t)b->acked, 1e6);
    printf("}\n");
    fflush(stdout);
    b->told = true;
}

static void on_puback(broker *b, const bench_packet *packet)
{
    long expected = 1 + b->acked % IDS, id = packet->size >= 2 ? bench_read_u16(packet->body) : 0;

    if (b->acked == b->sent)
        violated(b, "nothing is unacknowledged", id);
    if (id != expected)
        violated(b, "is not the oldest", id);
    if (packet->size > 2 && packet->body[2] >= 0x80)
        violated(b, "refuses the message", id);
    if (b->rate)
        b->delays[b->acked] = bench_monotonic_ns() - b->sent_ns[id];
    b->acked++;
    if (b->acked == b->load.messages)
        tell(b);
}

static void on_packet(broker *b, const bench_packet *packet)
{
    uint8_t *to;

    switch (packet->type) {
    case BENCH_CONNECT:
        on_connect(b, packet);
        break;
    case BENCH_SUBSCRIBE:
        on_subscribe(b, packet);
        break;
    case BENCH_PUBACK:
        on_puback(b, packet);
        break;
    case BENCH_PINGREQ:
        to = answer(b, 2);
        to[0] = BENCH_PINGRESP << 4;
        to[1] = 0;
        break;
    case BENCH_DISCONNECT:
        b->gone = true;
        break;
    default:
        bench_die("a packet of type %u", packet->type);
    }
}

static void hear(broker *b)
{
    long size = bench_read(b->fd, b->in + b->in_size, IN_ROOM - b->in_size);
    size_t at = 0;
    bench_packet packet;

    if (size < 0) {
        b->gone = true;
        return;
    }
    b->in_size += (size_t)size;
    while (bench_take_packet(b->in + at, b->in_size - at, &packet)) {
        on_packet(b, &packet);
        at += packet.whole;
    }
    memmove(b->in, b->in + at, b->in_size - at);
    b->in_size -= at;
}

/* ---- The flood ------------------------------------------------------------------------------- */

/* How many may go out now. */
static long due(broker *b)
{
    long left = b->load.messages - b->sent, open = b->window - (b->sent - b->acked);
    long room = (long)((OUT_ROOM - 1024 - b->out_size) / b->load.packet_size);

    if (b->rate) {
        double since = (double)(bench_monotonic_ns() - b->begun_ns) / 1e9;
        long by_now = 1 + (long)(since * (double)b->rate) - b->sent;

        left = by_now < left ? by_now : left;
    }
    if (left > 0 && open <= 0 && !b->waiting)
        b->waits++;
    b->waiting = left > 0 && open <= 0;
    left = open < left ? open : left;
    return room < left ? room : left;
}

static void fill(broker *b)
{
    int64_t wall_ns = bench_wall_ns(), now_ns = bench_monotonic_ns();

    if (b->out_at != b->out_size)
        return;
    b->out_at = b->out_size = 0;
    for (long left = due(b); left > 0; left--) {
        long id = 1 + b->sent % IDS;

        bench_put_message(&b->load, b->out + b->out_size, b->sent, (uint16_t)id, wall_ns);
        b->out_size += b->load.packet_size;
        b->sent_ns[id] = now_ns;
        b->sent++;
    }
    if (b->sent - b->acked > b->most)
        b->most = b->sent - b->acked;
}

static void flush(broker *b)
{
    long size = bench_write(b->fd, b->out + b->out_at, b->out_size - b->out_at);

    if (size < 0)
        b->gone = true;
    else
        b->out_at += (size_t)size;
}

static bool may_send(const broker *b)
{
    return b->flooding && b->sent < b->load.messages && b->sent - b->acked < b->window;
}

/* Until the next message is due; for ever when something else has to happen first. */
static struct timespec *patience(const broker *b, struct timespec *room)
{
    int64_t at_ns, left_ns;

    if (!b->rate || !may_send(b))
        return NULL;
    at_ns = b->begun_ns + (int64_t)((double)b->sent * 1e9 / (double)b->rate);
    left_ns = at_ns - bench_monotonic_ns();
    *room = (struct timespec){.tv_nsec = left_ns < 0 ? 0 : left_ns};
    if (room->tv_nsec >= 1000000000)
        *room = (struct timespec){.tv_sec = 1};
    return room;
}

static void serve(broker *b)
{
    struct timespec wait;

    b->gone = false;
    b->in_size = b->out_at = b->out_size = 0;
    while (!b->gone) {
        struct pollfd fd = {.fd = b->fd, .events = POLLIN};

        if (b->flooding)
            fill(b);
        if (b->out_at < b->out_size)
            flush(b);
        if (b->out_at < b->out_size || (!b->rate && may_send(b)))
            fd.events |= POLLOUT;
        if (ppoll(&fd, 1, patience(b, &wait), NULL) < 0 && errno != EINTR)
            bench_die("poll: %s", strerror(errno));
        if (fd.revents & (POLLIN | POLLHUP | POLLERR))
            hear(b);
    }
    close(b->fd);
}

int main(int argc, char **argv)
{
    broker *b = calloc(1, sizeof(*b));
    int port, listener = bench_listen(&port);

    if (!b)
        abort();
    b->argc = argc;
    b->argv = argv;
    b->window = bench_number(argc, argv, "window", "0");
    b->rate = bench_number(argc, argv, "rate", "0");
    bench_load_open(&b->load, argc, argv, 4);
    b->delays = calloc((size_t)b->load.messages, sizeof(*b->delays));
    printf("port %d\n", port);
    fflush(stdout);
    while (!b->flooding) { /* who leaves before subscribing only looked in */
        b->fd = accept(listener, NULL, NULL);
        if (b->fd < 0)
            bench_die("accept: %s", strerror(errno));
        bench_prepare_socket(b->fd);
        serve(b);
    }
    if (!b->told)
        fprintf(stderr, "the client left: %ld sent, %ld acknowledged\n", b->sent, b->acked);
    bench_load_close(&b->load);
    free(b->delays);
    port = b->told ? EXIT_SUCCESS : BENCH_FAILED;
    free(b);
    return port;
}
