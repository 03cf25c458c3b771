/* test_probe.c - a probe says what stands in the way, at the key it is about, and is back in time.
 */
#include "probe.h"

#include "config_host.h"
#include "mosquitto.h"

#include "tests/support/unit.h"

#include <pthread.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- A broker that says what a test wants ---------------------------------------------------- */

/* Bytes, and how many: they have zeros inside. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
typedef struct answer {
    const char *bytes;
    size_t size;
} answer;

typedef struct puppet {
    int listener, port;
    pthread_t thread;
    answer connack[2], suback; /* of the first connection, and of those after it; empty: hangs up */
    bool silent;
    int connections;
    uint8_t heard[4][512]; /* CONNECT, CONNECT, …, SUBSCRIBE */
    size_t packets;
} puppet;

/* One whole packet, all of them shorter than 128 bytes here. */
static bool hear_packet(puppet *p, int fd)
{
    uint8_t head[2], *body;

    if (recv(fd, head, 2, MSG_WAITALL) != 2)
        return false;
    ck_assert_uint_lt(head[1], 128);
    ck_assert_uint_lt(p->packets, 4);
    body = p->heard[p->packets++];
    body[0] = head[0];
    body[1] = head[1];
    return recv(fd, body + 2, head[1], MSG_WAITALL) == head[1];
}

static bool say(int fd, const answer *what)
{
    return what->size && send(fd, what->bytes, what->size, MSG_NOSIGNAL) == (ssize_t)what->size;
}

static void *perform(void *arg)
{
    puppet *p = arg;
    char rest[64];
    int fd;

    while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
        const answer *connack = &p->connack[p->connections ? 1 : 0];

        bool stays;

        p->connections++;
        stays = hear_packet(p, fd) &&
                (p->silent || (say(fd, connack) && hear_packet(p, fd) && say(fd, &p->suback)));
        while (stays && recv(fd, rest, sizeof(rest), 0) > 0)
            ; /* until the goodbye */
        close(fd);
    }
    return NULL;
}

static void puppet_start(puppet *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(p->listener, (struct sockaddr *)&at, size), 0);
    ck_assert_int_eq(listen(p->listener, 4), 0);
    ck_assert_int_eq(getsockname(p->listener, (struct sockaddr *)&at, &size), 0);
    p->port = ntohs(at.sin_port);
    ck_assert_int_eq(pthread_create(&p->thread, NULL, perform, p), 0);
}

static void puppet_stop(puppet *p)
{
    shutdown(p->listener, SHUT_RDWR); /* accept() ends */
    pthread_join(p->thread, NULL);
    close(p->listener);
}

/* ---- The probe ------------------------------------------------------------------------------- */

static listener *probe(const char *uri, const char *const *more)
{
    listener *l = listener_new("mqtt-source");
    const char *pairs[32] = {"mqtt.server.uri", uri, "mqtt.topics", "a/b"};
    mqtt_settings settings;
    size_t n = 4;

    for (; more && *more; more += 2, n += 2) {
        pairs[n] = more[0];
        pairs[n + 1] = more[1];
    }
    fill(&settings, pairs);
    ck_assert_int_eq(mqtt_probe(&l->host, &settings), WEIR_DONE);
    ck_assert_msg(noted(l, "INFO kafka.topic", "not looked at"), "%s", all_notes(l));
    return l;
}

static listener *probe_port(int port, const char *const *more)
{
    char uri[64];

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%d", port);
    return probe(uri, more);
}

static void expect(listener *l, const char *note, const char *says)
{
    ck_assert_msg(noted(l, note, says), "no %s … %s in:%s", note, says, all_notes(l));
    ck_assert_msg((l->errors > 0) == (strncmp(note, "ERROR", 5) == 0), "%s", all_notes(l));
    free(l);
}

static const struct {
    answer connack[2], suback;
    const char *pairs[6];
    const char *note, *says;
} said[] = {
    /* 3.1.1 */
    {{BYTES("\x20\x02\0\0")},
     BYTES("\x90\x03\0\x01\x01"),
     {"mqtt.version", "3.1.1"},
     "INFO mqtt.server.uri",
     "accepts the connection, in MQTT 3.1.1"},
    {{BYTES("\x20\x02\0\x04")},
     {0},
     {"mqtt.version", "3.1.1"},
     "ERROR mqtt.username",
     "user name or password are wrong"},
    {{BYTES("\x20\x02\0\x05")},
     {0},
     {"mqtt.version", "3.1.1", "mqtt.username", "u", "mqtt.password", "p"},
     "ERROR mqtt.password",
     "not authorised"},
    {{BYTES("\x20\x02\0\x02")},
     {0},
     {"mqtt.version", "3.1.1"},
     "WARN mqtt.client.id",
     "client id of the probe"},
    {{BYTES("\x20\x02\0\x03")},
     {0},
     {"mqtt.version", "3.1.1"},
     "ERROR mqtt.server.uri",
     "not available"},
    {{BYTES("\x20\x02\0\0")},
     BYTES("\x90\x03\0\x01\x80"),
     {"mqtt.version", "3.1.1"},
     "ERROR mqtt.topics",
     "refuses 'a/b'"},
    {{BYTES("\x20\x02\0\0")},
     BYTES("\x90\x03\0\x01\0"),
     {"mqtt.version", "3.1.1"},
     "WARN mqtt.qos",
     "grants QoS 0 for 'a/b', not 1"},
    {{BYTES("\x20\x02\0\0")},
     BYTES("\x90\x04\0\x01\x01\x01"),
     {"mqtt.version", "3.1.1"},
     "ERROR mqtt.topics",
     "answers for 2 filters, not 1"},
    {{BYTES("\x20\x02\0\0")},
     {0},
     {"mqtt.version", "3.1.1"},
     "ERROR mqtt.topics",
     "closed the connection"},
    /* 5 */
    {{BYTES("\x20\x03\0\0\0")},
     BYTES("\x90\x04\0\x01\0\x01"),
     {"mqtt.version", "5"},
     "INFO mqtt.server.uri",
     "in MQTT 5"},
    {{BYTES("\x20\x03\0\x86\0")}, {0}, {"mqtt.version", "5"}, "ERROR mqtt.username", "wrong"},
    {{BYTES("\x20\x03\0\x84\0")},
     {0},
     {"mqtt.version", "5"},
     "ERROR mqtt.version",
     "does not speak MQTT 5"},
    {{BYTES("\x20\x03\0\0\0")},
     BYTES("\x90\x04\0\x01\0\x87"),
     {"mqtt.version", "5"},
     "ERROR mqtt.topics",
     "refuses 'a/b': not authorised"},
    {{BYTES("\x20\x05\0\0\x02\x2a\0")},
     BYTES("\x90\x04\0\x01\0\x01"),
     {"mqtt.version", "5", "mqtt.topics", "$share/g/a/b"},
     "ERROR mqtt.topics",
     "has no shared subscriptions"},
    {{BYTES("\x20\x03\0\0\0")},
     BYTES("\x90\x04\0\x01\0\x01"),
     {"mqtt.version", "5", "mqtt.task.assignment", "shared"},
     "INFO mqtt.topics",
     "without $share"},
    /* either */
    {{BYTES("\x20\x03\0\x84\0"), BYTES("\x20\x02\0\0")},
     BYTES("\x90\x03\0\x01\x01"),
     {NULL},
     "INFO mqtt.server.uri",
     "in MQTT 3.1.1"},
    {{{0}, BYTES("\x20\x02\0\0")},
     BYTES("\x90\x03\0\x01\x01"),
     {NULL},
     "INFO mqtt.server.uri",
     "in MQTT 3.1.1"},
    {{{0}, {0}}, {0}, {NULL}, "ERROR mqtt.server.uri", "closed the connection"},
    /* strangers */
    {{BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")},
     {0},
     {"mqtt.version", "5"},
     "ERROR mqtt.server.uri",
     "does not speak MQTT"},
    {{BYTES("\x20\xff\xff\xff\xff\xff")},
     {0},
     {"mqtt.version", "5"},
     "ERROR mqtt.server.uri",
     "does not speak MQTT"},
    {{BYTES("\x20\xff\xff\xff\x7f")},
     {0},
     {"mqtt.version", "5"},
     "ERROR mqtt.server.uri",
     "does not speak MQTT"},
    /* what is published meanwhile is passed over */
    {{BYTES("\x20\x02\0\0")},
     BYTES("\x30\x06\0\x03"
           "a/bx\x30\x05\0\x03"
           "a/b\x90\x03\0\x01\x01"),
     {"mqtt.version", "3.1.1"},
     "INFO mqtt.server.uri",
     "accepts"},
};

START_TEST(what_a_broker_says_is_told_at_the_key_it_is_about)
{
    puppet p = {.connack = {said[_i].connack[0], said[_i].connack[1]}, .suback = said[_i].suback};
    listener *l;

    puppet_start(&p);
    l = probe_port(p.port, said[_i].pairs);
    puppet_stop(&p);
    expect(l, said[_i].note, said[_i].says);
}
END_TEST

START_TEST(the_probe_has_an_id_and_a_session_of_its_own)
{
    puppet p = {.connack = {BYTES("\x20\x02\0\0")}, .suback = BYTES("\x90\x04\0\x01\x02\x02")};
    const char *pairs[] = {"mqtt.version", "3.1.1",       "mqtt.client.id",
                           "the-task",     "mqtt.topics", "$share/g/a/b,c",
                           "mqtt.qos",     "2",           NULL};
    listener *l;

    puppet_start(&p);
    l = probe_port(p.port, pairs);
    puppet_stop(&p);
    ck_assert_msg(!l->errors, "%s", all_notes(l));
    free(l);
    ck_assert_uint_ge(p.packets, 2);
    ck_assert_int_eq(p.heard[0][9], 0x02); /* a clean session, no will, nobody's name */
    ck_assert_int_eq(memcmp(p.heard[0] + 14, "weir-probe-", 11), 0);
    ck_assert_int_eq(p.heard[0][13], 23);
    ck_assert_int_eq(memcmp(p.heard[1],
                            "\x82\x0c\0\x01\0\x03"
                            "a/b\x02\0\x01"
                            "c\x02",
                            14),
                     0);
}
END_TEST

START_TEST(a_broker_that_says_nothing_is_not_waited_for)
{
    puppet p = {.silent = true};
    listener *l;

    puppet_start(&p);
    l = probe_port(p.port, (const char *const[]){"mqtt.connect.timeout.seconds", "1", NULL});
    puppet_stop(&p);
    expect(l, "ERROR mqtt.server.uri", "the answer to CONNECT took too long");
}
END_TEST

START_TEST(nobody_there_is_an_error_and_names_the_container)
{
    char uri[64];

    snprintf(uri, sizeof(uri), "tcp://localhost:%d", free_port());
    expect(probe(uri, NULL), "ERROR mqtt.server.uri", "is the container itself");
}
END_TEST

START_TEST(one_broker_of_two_is_enough)
{
    puppet p = {.connack = {BYTES("\x20\x02\0\0")}, .suback = BYTES("\x90\x03\0\x01\x01")};
    char uris[96];
    listener *l;

    puppet_start(&p);
    snprintf(uris, sizeof(uris), "tcp://127.0.0.1:%d,tcp://127.0.0.1:%d", free_port(), p.port);
    l = probe(uris, (const char *const[]){"mqtt.version", "3.1.1", NULL});
    puppet_stop(&p);
    ck_assert_msg(noted(l, "INFO mqtt.server.uri", "accepts"), "%s", all_notes(l));
    expect(l, "WARN mqtt.server.uri", "refused");
}
END_TEST

START_TEST(mosquitto_accepts_it)
{
    broker b = {0};
    listener *l;

    broker_start(&b, "allow_anonymous true\n");
    l = probe_port(b.port, NULL);
    broker_remove(&b);
    expect(l, "INFO mqtt.server.uri", "accepts the connection, in MQTT 5");
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source probe",
               tcase_add_loop_test(tests, what_a_broker_says_is_told_at_the_key_it_is_about, 0,
                                   ROWS(said));
               tcase_add_test(tests, the_probe_has_an_id_and_a_session_of_its_own);
               tcase_add_test(tests, a_broker_that_says_nothing_is_not_waited_for);
               tcase_add_test(tests, nobody_there_is_an_error_and_names_the_container);
               tcase_add_test(tests, one_broker_of_two_is_enough);
               tcase_add_test(tests, mosquitto_accepts_it);)
