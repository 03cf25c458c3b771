/* common.c - see common.h. */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(BENCH_BROKEN);
}

/* ---- Options -------------------------------------------------------------------------------- */

const char *bench_option(int argc, char **argv, const char *name, const char *fallback)
{
    size_t size = strlen(name);

    for (int i = argc - 1; i > 0; i--)
        if (strncmp(argv[i], name, size) == 0 && argv[i][size] == '=')
            return argv[i] + size + 1;
    if (!fallback)
        bench_die("%s: %s=... is missing", argv[0], name);
    return fallback;
}

long bench_number(int argc, char **argv, const char *name, const char *fallback)
{
    const char *text = bench_option(argc, argv, name, fallback);
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 0)
        bench_die("%s: %s=%s is no number", argv[0], name, text);
    return number;
}

/* ---- Clocks --------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t bench_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

/* ---- TCP ------------------------------------------------------------------------------------ */

void bench_prepare_socket(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int bench_connect(long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        bench_die("port %ld: %s", port, strerror(errno));
    bench_prepare_socket(fd);
    return fd;
}

int bench_listen(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        bench_die("cannot listen: %s", strerror(errno));
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static long moved(ssize_t size, bool end)
{
    if (size > 0)
        return size;
    if (size == 0)
        return end ? -1 : 0;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

long bench_read(int fd, void *to, size_t room)
{
    return moved(recv(fd, to, room, MSG_DONTWAIT), true);
}

long bench_write(int fd, const void *bytes, size_t size)
{
    return moved(send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL), false);
}

/* ---- MQTT ----------------------------------------------------------------------------------- */

size_t bench_read_length(const uint8_t *bytes, size_t have, size_t *ret_length)
{
    size_t length = 0;

    for (size_t i = 0; i < 4 && i < have; i++) {
        length |= (size_t)(bytes[i] & 0x7f) << 7 * i;
        if (!(bytes[i] & 0x80)) {
            *ret_length = length;
            return i + 1;
        }
    }
    if (have >= 4)
        bench_die("a length of more than four bytes");
    return 0;
}

size_t bench_write_length(uint8_t *to, size_t length)
{
    size_t size = 0;

    do {
        to[size] = (uint8_t)(length & 0x7f);
        length >>= 7;
        if (length)
            to[size] |= 0x80;
        size++;
    } while (length);
    return size;
}

bool bench_take_packet(const uint8_t *bytes, size_t have, bench_packet *ret_packet)
{
    size_t body = 0, head = have > 1 ? bench_read_length(bytes + 1, have - 1, &body) : 0;

    if (!head || have < 1 + head + body)
        return false;
    *ret_packet = (bench_packet){.type = bytes[0] >> 4,
                                 .flags = bytes[0] & 15u,
                                 .body = bytes + 1 + head,
                                 .size = body,
                                 .whole = 1 + head + body};
    return true;
}

uint16_t bench_read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

void bench_write_u16(uint8_t *to, unsigned number)
{
    to[0] = (uint8_t)(number >> 8);
    to[1] = (uint8_t)number;
}

uint8_t *bench_put_text(uint8_t *to, const char *text)
{
    size_t size = strlen(text);

    bench_write_u16(to, (unsigned)size);
    memcpy(to + 2, text, size);
    return to + 2 + size;
}

uint8_t *bench_put_puback(uint8_t *to, uint16_t id)
{
    to[0] = BENCH_PUBACK << 4;
    to[1] = 2;
    bench_write_u16(to + 2, id);
    return to + 4;
}

/* ---- A load --------------------------------------------------------------------------------- */

/* {"t":1700000000000000000,"device":    42,"seq":         7,"text":"xxx"} */
enum {
    TIME_AT = 5,
    TIME = 19,
    DEVICE_AT = 34,
    DEVICE = 6,
    NUMBER_AT = 47,
    NUMBER = 10,
    TEXT_AT = 66
};
enum { TOPIC_DIGITS = 5 };

static const char before_time[] = "{\"t\":", before_device[] = ",\"device\":",
                  before_number[] = ",\"seq\":", before_text[] = ",\"text\":\"";

/* Right-aligned, with `fill` in front. */
static void write_number(uint8_t *to, size_t width, char fill, int64_t number)
{
    size_t at = width;

    do
        to[--at] = (uint8_t)('0' + number % 10);
    while ((number /= 10) && at);
    memset(to, fill, at);
}

static bool read_number(const uint8_t *from, size_t width, int64_t *ret_number)
{
    int64_t number = 0;
    size_t at = 0;

    while (at < width && from[at] == ' ')
        at++;
    if (at == width)
        return false;
    for (; at < width; at++) {
        if (from[at] < '0' || from[at] > '9')
            return false;
        number = number * 10 + (from[at] - '0');
    }
    *ret_number = number;
    return true;
}

static void put(uint8_t *to, const char *text)
{
    memcpy(to, text, strlen(text));
}

void bench_load_open(bench_load *load, int argc, char **argv, int level)
{
    uint8_t length[4];
    size_t topic, body, head;

    load->messages = bench_number(argc, argv, "messages", "1000000");
    load->devices = bench_number(argc, argv, "devices", "1000");
    load->payload_size = (size_t)bench_number(argc, argv, "size", "200");
    load->prefix = bench_option(argc, argv, "prefix", "site/bench/device");
    if (load->devices < 1 || load->devices > 99999)
        bench_die("devices: 1 to 99999");
    topic = strlen(load->prefix) + 1 + TOPIC_DIGITS;
    body = 2 + topic + 2 + (level == 5) + load->payload_size;
    if (load->payload_size < BENCH_PAYLOAD_MIN || body > BENCH_PACKET_MAX - 8)
        bench_die("size: %d to about 65000", BENCH_PAYLOAD_MIN);
    head = 1 + bench_write_length(length, body);
    load->packet_size = head + body;
    load->packet = calloc(1, load->packet_size);
    if (!load->packet)
        abort();
    load->packet[0] = BENCH_PUBLISH << 4 | 1 << 1;
    memcpy(load->packet + 1, length, head - 1);
    bench_write_u16(load->packet + head, (unsigned)topic);
    memcpy(load->packet + head + 2, load->prefix, strlen(load->prefix));
    load->packet[head + 2 + strlen(load->prefix)] = '/';
    load->topic_at = head + 2 + topic - TOPIC_DIGITS;
    load->id_at = head + 2 + topic;
    load->payload_at = load->packet_size - load->payload_size;
    memset(load->packet + load->payload_at, 'x', load->payload_size);
    put(load->packet + load->payload_at, before_time);
    put(load->packet + load->payload_at + TIME_AT + TIME, before_device);
    put(load->packet + load->payload_at + DEVICE_AT + DEVICE, before_number);
    put(load->packet + load->payload_at + NUMBER_AT + NUMBER, before_text);
    put(load->packet + load->packet_size - 2, "\"}");
}

void bench_load_close(bench_load *load)
{
    free(load->packet);
    load->packet = NULL;
}

void bench_put_message(const bench_load *load, uint8_t *to, long n, uint16_t id, int64_t wall_ns)
{
    uint8_t *payload = to + load->payload_at;
    long device = n % load->devices;

    memcpy(to, load->packet, load->packet_size);
    write_number(to + load->topic_at, TOPIC_DIGITS, '0', device);
    bench_write_u16(to + load->id_at, id);
    write_number(payload + TIME_AT, TIME, '0', wall_ns);
    write_number(payload + DEVICE_AT, DEVICE, ' ', device);
    write_number(payload + NUMBER_AT, NUMBER, ' ', n / load->devices);
}

bool bench_read_message(const uint8_t *payload, size_t size, bench_message *ret_message)
{
    int64_t device, number;

    if (size < BENCH_PAYLOAD_MIN || memcmp(payload, before_time, TIME_AT) != 0 ||
        memcmp(payload + TEXT_AT - strlen(before_text), before_text, strlen(before_text)) != 0 ||
        !read_number(payload + TIME_AT, TIME, &ret_message->wall_ns) ||
        !read_number(payload + DEVICE_AT, DEVICE, &device) ||
        !read_number(payload + NUMBER_AT, NUMBER, &number))
        return false;
    ret_message->device = (long)device;
    ret_message->number = (long)number;
    return true;
}

/* ---- Figures -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void bench_print_percentiles(const char *name, int64_t *values, size_t count, double unit)
{
    static const struct {
        const char *name;
        double share;
    } wanted[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};

    if (!count)
        return;
    qsort(values, count, sizeof(*values), by_size);
    printf(",\"%s\":{", name);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        size_t at = (size_t)(wanted[i].share * (double)count);

        printf("%s\"%s\":%.3f", i ? "," : "", wanted[i].name,
               (double)values[at < count ? at : count - 1] / unit);
    }
    printf("}");
}
