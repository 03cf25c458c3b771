/* test_connection_rules.c - what test_connection.c leaves open of R15, R21 and R25. */
#include "stage.h"

#include <ctype.h>

static const char *const credentials[] = {"mqtt.username", "someone", "mqtt.password",
                                          "open-sesame-17", NULL};
static const char *const none[] = {NULL};

/* CONNECT with so many bytes of credentials, CONNACK, SUBSCRIBE, SUBACK. */
static void until_up(stage *s, uint8_t *connect, size_t size)
{
    uint8_t subscribe[8];

    broker_reads(s, connect, size);
    broker_says(s, "\x20\x02\x00\x00", 4);
    broker_reads(s, subscribe, sizeof(subscribe));
    s->now_ms++;
    broker_says(s, "\x90\x03\x00\x01\x01", 5);
    until_status(s, "\"state\":\"connected\"");
    s->now_ms += 10;
}

/* ---- R15 --------------------------------------------------------------------------------------
 */

/* The plugin's end of the connection to the broker. */
static int plugins_socket(const stage *s)
{
    struct sockaddr_in mine, theirs;
    socklen_t size = sizeof(mine);

    ck_assert_int_eq(getpeername(s->broker, (struct sockaddr *)&theirs, &size), 0);
    for (int fd = 3; fd < 256; fd++) {
        size = sizeof(mine);
        if (getsockname(fd, (struct sockaddr *)&mine, &size) == 0 && mine.sin_family == AF_INET &&
            mine.sin_port == theirs.sin_port)
            return fd;
    }
    return -1;
}

/* R15: while nothing is read, the kernel watches whether what is written arrives. */
START_TEST(output_that_nobody_takes_ends_the_connection_in_bounded_time)
{
    stage *s = stage_new(NULL, none);
    uint8_t connect[20];
    unsigned timeout_ms = 0;
    socklen_t size = sizeof(timeout_ms);

    until_up(s, connect, sizeof(connect));
    ck_assert_int_eq(
        getsockopt(plugins_socket(s), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &size), 0);
    ck_assert_uint_ge(timeout_ms, 10000);
    ck_assert_uint_le(timeout_ms, 60000);
    stage_free(s);
}
END_TEST

/* ---- R21 --------------------------------------------------------------------------------------
 */

/* As long as the one-time secret, and written like it. */
static bool holds_a_secret(const char *text, size_t size)
{
    size_t run = 0;

    for (size_t i = 0; i < size; i++) {
        run = isxdigit((unsigned char)text[i]) ? run + 1 : 0;
        if (run == 32)
            return true;
    }
    return false;
}

static void expect_no_secret(const char *where, const char *text, size_t size)
{
    ck_assert_msg(!memmem(text, size, credentials[3], strlen(credentials[3])),
                  "the password is in the %s", where);
    ck_assert_msg(!holds_a_secret(text, size), "the secret is in the %s", where);
}

/* R21: the broker gets the real credentials; nobody else gets them, and nobody the secret, even if
 * paho was asked by its environment to tell all it does. */
START_TEST(neither_password_nor_secret_is_in_log_status_or_trace)
{
    stage *s;
    uint8_t connect[20 + 2 + 7 + 2 + 14];
    char folder[] = "/tmp/weir-trace-XXXXXX", path[64], *trace = calloc(1, 1 << 20);
    size_t size = 0;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/trace", folder);
    setenv("MQTT_C_CLIENT_TRACE", path, 1);
    setenv("MQTT_C_CLIENT_TRACE_LEVEL", "MAXIMUM", 1);
    s = stage_new(NULL, credentials);
    until_up(s, connect, sizeof(connect));
    ck_assert_mem_eq(connect + 20, "\0\7someone\0\16open-sesame-17", 2 + 7 + 2 + 14);
    expect_no_secret("log", s->logged, strlen(s->logged));
    expect_no_secret("status", status(s), strlen(status(s)));
    close(s->broker);
    s->broker = -1;
    until_status(s, "closed the connection");
    expect_no_secret("log", s->logged, strlen(s->logged));
    stage_free(s);
    file = fopen(path, "r");
    if (file) {
        size = fread(trace, 1, 1 << 20, file);
        fclose(file);
        unlink(path);
    }
    expect_no_secret("trace", trace, size);
    rmdir(folder);
    free(trace);
}
END_TEST

/* ---- R25 --------------------------------------------------------------------------------------
 */

/* R25: nothing that comes after drain() is taken, and reports still become acknowledgements. */
START_TEST(a_draining_task_takes_nothing_and_acknowledges)
{
    stage *s = stage_new(NULL, none);
    uint8_t connect[20], ack[4];

    until_up(s, connect, sizeof(connect));
    broker_says(s, (const uint8_t[]){0x32, 6, 0, 1, 't', 0, 1, 'x'}, 8);
    turn(s);
    ck_assert_uint_eq(s->taken, 1);
    weir_plugin_entry.source->drain(s->self);
    broker_says(s, (const uint8_t[]){0x32, 6, 0, 1, 't', 0, 2, 'y'}, 8);
    s->now_ms += 10;
    turn(s);
    turn(s);
    ck_assert_uint_eq(s->taken, 1);
    weir_plugin_entry.source->settled(s->self, s->tokens, 1, WEIR_DELIVERED);
    broker_reads(s, ack, sizeof(ack));
    ck_assert_mem_eq(ack, "\x40\x02\x00\x01", 4);
    shutdown(s->broker, SHUT_WR);
    stage_free(s);
}
END_TEST

/* R25: a broker that neither reads nor hangs up holds the end up for a moment only. */
START_TEST(a_broker_that_is_deaf_does_not_hold_up_the_end)
{
    stage *s = stage_new(NULL, none);
    uint8_t connect[20];
    int64_t began;

    until_up(s, connect, sizeof(connect));
    began = clock_ms();
    weir_plugin_entry.source->drain(s->self);
    weir_plugin_entry.source->stop(s->self);
    ck_assert_int_lt(clock_ms() - began, 10000); /* against "for ever", not against the clock */
    close(s->broker);
    close(s->listener);
    close(s->host.wakeup_fd);
    free(s);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source connection: rules",
               tcase_add_test(tests, output_that_nobody_takes_ends_the_connection_in_bounded_time);
               tcase_add_test(tests, neither_password_nor_secret_is_in_log_status_or_trace);
               tcase_add_test(tests, a_draining_task_takes_nothing_and_acknowledges);
               tcase_add_test(tests, a_broker_that_is_deaf_does_not_hold_up_the_end);)
