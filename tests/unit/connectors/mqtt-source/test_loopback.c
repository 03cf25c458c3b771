/* test_loopback.c - paho comes in, nobody else does (R21). */
#include "loopback.h"
#include "packet.h"

#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int visit(const mqtt_loopback *loopback)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)strtoul(strrchr(mqtt_loopback_uri(loopback), ':') + 1, NULL, 10));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void knock(int fd, const char *user)
{
    uint8_t packet[128] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x80, 0, 60, 0, 2, 'i', 'd', 0};
    size_t size = strlen(user);

    packet[1] = (uint8_t)(16 + size);
    packet[17] = (uint8_t)size;
    memcpy(packet + 18, user, size);
    ck_assert_int_eq(send(fd, packet, 18 + size, MSG_NOSIGNAL), (ssize_t)(18 + size));
}

/* Steps until there is nothing more to hear. */
static int step(mqtt_loopback *loopback, int64_t now_ms, const char *user, const char *password,
                mqtt_bytes *connect)
{
    struct pollfd wait = {.events = POLLIN};
    int fd;

    do {
        fd = mqtt_loopback_step(loopback, now_ms, user, password, connect);
        wait.fd = mqtt_loopback_fd(loopback);
    } while (fd < 0 && poll(&wait, 1, 100) > 0);
    return fd;
}

static bool hung_up(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char bytes[16];

    for (;;) {
        ssize_t got;

        if (poll(&wait, 1, 2000) <= 0)
            return false;
        got = recv(fd, bytes, sizeof(bytes), 0);
        if (got <= 0)
            return true; /* what comes before is the knock that wakes paho */
    }
}

/* R21 */
START_TEST(whoever_shows_the_secret_is_let_in_and_the_real_credentials_take_its_place)
{
    static const struct {
        const char *user, *password;
        uint8_t want[24];
        size_t size;
    } cases[] = {
        {NULL, NULL, {0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 60, 0, 2, 'i', 'd'}, 16},
        {"me",
         NULL,
         {0x10, 18, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x80, 0, 60, 0, 2, 'i', 'd', 0, 2, 'm', 'e'},
         20},
        {"me",
         "pw",
         {0x10, 22, 0,   4,   'M', 'Q', 'T', 'T', 4, 0xC0, 0,   60,
          0,    2,  'i', 'd', 0,   2,   'm', 'e', 0, 2,    'p', 'w'},
         24},
    };
    mqtt_loopback *loopback = mqtt_loopback_open();
    mqtt_bytes connect = {0};
    int visitor, fd;

    visitor = visit(loopback);
    knock(visitor, mqtt_loopback_secret(loopback));
    fd = step(loopback, 0, cases[_i].user, cases[_i].password, &connect);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_eq(mqtt_bytes_size(&connect), cases[_i].size);
    ck_assert_mem_eq(connect.data, cases[_i].want, cases[_i].size);
    close(fd);
    close(visitor);
    mqtt_bytes_free(&connect);
    mqtt_loopback_close(loopback);
}
END_TEST

/* MQTT 5: properties of CONNECT and of the will stay, the secret goes. */
START_TEST(the_connect_of_mqtt_5_is_passed_on_with_all_its_properties)
{
    static const uint8_t start[] = {0, 4, 'M', 'Q', 'T', 'T', 5,   0xAC, 0,   60, 5, 17,
                                    0, 0, 1,   0,   0,   2,   'i', 'd',  5,   24, 0, 0,
                                    0, 5, 0,   1,   'w', 0,   3,   'o',  'f', 'f'};
    static const struct {
        const char *user, *password;
        uint8_t flags, end[8];
        size_t size;
    } cases[] = {
        {NULL, NULL, 0x2C, {0}, 0},
        {"me", NULL, 0xAC, {0, 2, 'm', 'e'}, 4},
        {NULL, "pw", 0x6C, {0, 2, 'p', 'w'}, 4}, /* which 3.1.1 does not have */
        {"me", "pw", 0xEC, {0, 2, 'm', 'e', 0, 2, 'p', 'w'}, 8},
    };
    mqtt_loopback *loopback = mqtt_loopback_open();
    const char *secret = mqtt_loopback_secret(loopback);
    uint8_t packet[2 + sizeof(start) + 2 + 32] = {0x10, sizeof(packet) - 2};
    mqtt_bytes connect = {0};
    int visitor, fd;

    memcpy(packet + 2, start, sizeof(start));
    packet[2 + sizeof(start) + 1] = 32;
    memcpy(packet + 2 + sizeof(start) + 2, secret, 32);
    visitor = visit(loopback);
    ck_assert_int_eq(send(visitor, packet, sizeof(packet), MSG_NOSIGNAL), sizeof(packet));
    fd = step(loopback, 0, cases[_i].user, cases[_i].password, &connect);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_eq(mqtt_bytes_size(&connect), 2 + sizeof(start) + cases[_i].size);
    ck_assert_uint_eq(connect.data[1], sizeof(start) + cases[_i].size);
    ck_assert_uint_eq(connect.data[9], cases[_i].flags);
    connect.data[9] = start[7];
    ck_assert_mem_eq(connect.data + 2, start, sizeof(start));
    ck_assert_mem_eq(connect.data + 2 + sizeof(start), cases[_i].end, cases[_i].size);
    close(fd);
    close(visitor);
    mqtt_bytes_free(&connect);
    mqtt_loopback_close(loopback);
}
END_TEST

static const char *const strangers[] = {
    "GET / HTTP/1.1\r\n\r\n",
    "\x10\x04\x00\x04MQ",
    "\x10\xff\xff\xff\xff\x01",
    "\x30\x03\x01\x01t",
};

/* R21 */
START_TEST(a_stranger_is_dropped_at_once_and_the_wait_goes_on)
{
    mqtt_loopback *loopback = mqtt_loopback_open();
    mqtt_bytes connect = {0};
    int stranger = visit(loopback), paho, fd;
    /* Zero bytes in the middle: the sizes are written down. */
    size_t sizes[] = {18, 6, 6, 5};

    send(stranger, strangers[_i], sizes[_i], MSG_NOSIGNAL);
    ck_assert_int_lt(step(loopback, 0, NULL, NULL, &connect), 0);
    ck_assert(hung_up(stranger));
    paho = visit(loopback);
    knock(paho, mqtt_loopback_secret(loopback));
    fd = step(loopback, 0, NULL, NULL, &connect);
    ck_assert_int_ge(fd, 0);
    close(fd);
    close(paho);
    close(stranger);
    mqtt_bytes_free(&connect);
    mqtt_loopback_close(loopback);
}
END_TEST

/* R21 */
START_TEST(a_wrong_secret_opens_nothing)
{
    static const char *const wrong[] = {"", "00000000000000000000000000000000", "short"};
    mqtt_loopback *loopback = mqtt_loopback_open();
    mqtt_bytes connect = {0};
    int stranger = visit(loopback);

    knock(stranger, wrong[_i]);
    ck_assert_int_lt(step(loopback, 0, NULL, NULL, &connect), 0);
    ck_assert(hung_up(stranger));
    ck_assert_uint_eq(mqtt_bytes_size(&connect), 0);
    close(stranger);
    mqtt_loopback_close(loopback);
}
END_TEST

/* R21 */
START_TEST(a_silent_stranger_is_dropped_in_time)
{
    mqtt_loopback *loopback = mqtt_loopback_open();
    mqtt_bytes connect = {0};
    int stranger = visit(loopback), paho = visit(loopback), fd;

    knock(paho, mqtt_loopback_secret(loopback)); /* it waits behind the stranger */
    ck_assert_int_lt(step(loopback, 1000, NULL, NULL, &connect), 0);
    ck_assert_int_eq(mqtt_loopback_next_ms(loopback), 4000);
    ck_assert_int_lt(step(loopback, 3999, NULL, NULL, &connect), 0);
    fd = step(loopback, 4000, NULL, NULL, &connect);
    ck_assert(hung_up(stranger));
    ck_assert_int_ge(fd, 0);
    close(fd);
    close(stranger);
    close(paho);
    mqtt_bytes_free(&connect);
    mqtt_loopback_close(loopback);
}
END_TEST

/* R21 */
START_TEST(a_secret_serves_once)
{
    mqtt_loopback *one = mqtt_loopback_open(), *two = mqtt_loopback_open();
    mqtt_bytes connect = {0};
    int replay = visit(two);

    ck_assert_str_ne(mqtt_loopback_secret(one), mqtt_loopback_secret(two));
    knock(replay, mqtt_loopback_secret(one));
    ck_assert_int_lt(step(two, 0, NULL, NULL, &connect), 0);
    ck_assert(hung_up(replay));
    close(replay);
    mqtt_loopback_close(one);
    mqtt_loopback_close(two);
}
END_TEST

/* R16, R21 */
START_TEST(a_connect_cut_at_every_byte_is_waited_for)
{
    uint8_t packet[128] = {0x10, 48, 0,  4, 'M', 'Q', 'T', 'T', 4,
                           0x80, 0,  60, 0, 2,   'i', 'd', 0,   32};

    for (ssize_t cut = 1; cut < 50; cut++) {
        mqtt_loopback *loopback = mqtt_loopback_open();
        mqtt_bytes connect = {0};
        int paho = visit(loopback), fd;
        struct pollfd wait;

        memcpy(packet + 18, mqtt_loopback_secret(loopback), 32);
        ck_assert_int_eq(send(paho, packet, (size_t)cut, MSG_NOSIGNAL), cut);
        while (mqtt_loopback_next_ms(loopback) < 0)
            ck_assert_int_lt(mqtt_loopback_step(loopback, 0, NULL, NULL, &connect), 0);
        ck_assert_int_lt(mqtt_loopback_step(loopback, 0, NULL, NULL, &connect), 0);
        ck_assert_int_eq(send(paho, packet + cut, (size_t)(50 - cut), MSG_NOSIGNAL), 50 - cut);
        wait = (struct pollfd){.fd = mqtt_loopback_fd(loopback), .events = POLLIN};
        ck_assert_int_eq(poll(&wait, 1, 2000), 1);
        fd = mqtt_loopback_step(loopback, 0, NULL, NULL, &connect);
        ck_assert_int_ge(fd, 0);
        close(fd);
        close(paho);
        mqtt_bytes_free(&connect);
        mqtt_loopback_close(loopback);
    }
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source loopback",
    tcase_add_loop_test(tests,
                        whoever_shows_the_secret_is_let_in_and_the_real_credentials_take_its_place,
                        0, 3);
    tcase_add_loop_test(tests, the_connect_of_mqtt_5_is_passed_on_with_all_its_properties, 0, 4);
    tcase_add_loop_test(tests, a_stranger_is_dropped_at_once_and_the_wait_goes_on, 0, 4);
    tcase_add_loop_test(tests, a_wrong_secret_opens_nothing, 0, 3);
    tcase_add_test(tests, a_silent_stranger_is_dropped_in_time);
    tcase_add_test(tests, a_secret_serves_once);
    tcase_add_test(tests, a_connect_cut_at_every_byte_is_waited_for);)
