/* common.h - what the programs of bench-mqtt share: options, clocks, TCP, a little of MQTT's wire
 * format, and the messages that devices publish.
 *
 * A message says when it was published, by which device, and as which of that device's, so whoever
 * meets it later can tell how old it is and what is missing. Message n of a load is number
 * n / devices of device n % devices; its payload is JSON of a fixed layout.
 *
 * Errors end the program: bench_die() with 2, "could not run"; 1 is left to mean "ran, and found
 * that something is wrong". Threads: each program has one that calls these.
 */
#ifndef WEIR_TESTS_BENCH_COMMON_H
#define WEIR_TESTS_BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_FAILED 1
#define BENCH_BROKEN 2

#define BENCH_PAYLOAD_MIN 80 /* bytes: the layout below without any padding */
#define BENCH_PACKET_MAX  65536

void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* ---- Options: words of the form name=value ------------------------------------------------- */

/* The value of the last `name=…`; `fallback` without one, and NULL ends the program. */
const char *bench_option(int argc, char **argv, const char *name, const char *fallback);
long bench_number(int argc, char **argv, const char *name, const char *fallback);

/* ---- Clocks: nanoseconds ------------------------------------------------------------------- */

int64_t bench_monotonic_ns(void);
int64_t bench_wall_ns(void);

/* ---- TCP on 127.0.0.1: non-blocking, without Nagle ------------------------------------------ */

int bench_connect(long port);
/* *ret_port says which port the kernel chose. */
int bench_listen(int *ret_port);
void bench_prepare_socket(int fd);
/* Bytes read; 0: nothing there now; -1: the peer is gone. */
long bench_read(int fd, void *to, size_t room);
/* Bytes written; 0: no room now; -1: the peer is gone. */
long bench_write(int fd, const void *bytes, size_t size);

/* ---- MQTT ---------------------------------------------------------------------------------- */

enum {
    BENCH_CONNECT = 1,
    BENCH_CONNACK,
    BENCH_PUBLISH,
    BENCH_PUBACK,
    BENCH_SUBSCRIBE = 8,
    BENCH_SUBACK,
    BENCH_PINGREQ = 12,
    BENCH_PINGRESP,
    BENCH_DISCONNECT,
};

typedef struct bench_packet {
    unsigned type, flags;
    const uint8_t *body;
    size_t size;  /* of the body */
    size_t whole; /* head and body */
} bench_packet;

/* False: it is not all there yet. */
bool bench_take_packet(const uint8_t *bytes, size_t have, bench_packet *ret_packet);
/* A variable byte integer; returns its size, 0: it is not all there, or is none. */
size_t bench_read_length(const uint8_t *bytes, size_t have, size_t *ret_length);
size_t bench_write_length(uint8_t *to, size_t length);
uint16_t bench_read_u16(const uint8_t *bytes);
void bench_write_u16(uint8_t *to, unsigned number);
/* Length and text; returns what follows. */
uint8_t *bench_put_text(uint8_t *to, const char *text);
uint8_t *bench_put_puback(uint8_t *to, uint16_t id);

/* ---- A load -------------------------------------------------------------------------------- */

typedef struct bench_load {
    long messages, devices;
    size_t payload_size;
    const char *prefix; /* of the topics: "<prefix>/00042" */
    size_t packet_size; /* all packets are alike */
    uint8_t *packet;
    size_t topic_at, id_at, payload_at;
} bench_load;

/* From the options messages, devices, size and prefix. `level`: 4, or 5 for MQTT 5. */
void bench_load_open(bench_load *load, int argc, char **argv, int level);
void bench_load_close(bench_load *load);
/* Writes message `n` as a PUBLISH of QoS 1, packet_size bytes. */
void bench_put_message(const bench_load *load, uint8_t *to, long n, uint16_t id, int64_t wall_ns);

typedef struct bench_message {
    int64_t wall_ns; /* when it was published */
    long device, number;
} bench_message;

/* False: the payload is not one of ours. */
bool bench_read_message(const uint8_t *payload, size_t size, bench_message *ret_message);

/* ---- Figures ------------------------------------------------------------------------------- */

/* Sorts `values` and prints ,"<name>":{"p50":…,"p99":…,"p999":…,"max":…}, divided by `unit`. */
void bench_print_percentiles(const char *name, int64_t *values, size_t count, double unit);

#endif
