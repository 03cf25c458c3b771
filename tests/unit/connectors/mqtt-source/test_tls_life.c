/* test_tls_life.c - what TLS means for the life of a connection: the handshake is a stage of
 * dialling with its own words, a refusal is no reason to try an older MQTT, files are replaced
 * while the task runs, and secrets stay secret (R23, R24, section 6). */
#define STAGE_TLS 1

#include "stage.h"

/* The broker's end until its handshake is over, one way or the other. */
static void broker_shakes(stage *s, const peer_settings *how)
{
    int64_t deadline = clock_ms() + 10000;

    while (s->broker < 0) {
        turn(s);
        s->broker = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        ck_assert_msg(clock_ms() < deadline, "%s", status(s));
    }
    s->ssl = peer_new(how, s->broker);
    while (peer_shake(s->ssl) == 0) {
        turn(s);
        ck_assert_msg(clock_ms() < deadline, "%s", status(s));
    }
}

static void until_refused(stage *s, const peer_settings *how, const char *says)
{
    broker_shakes(s, how);
    until_status(s, says);
    ck_assert_ptr_nonnull(strstr(status(s), s->uri)); /* which broker, too */
    broker_hangs_up(s);
    s->now_ms += 60000; /* past any back-off */
}

START_TEST(a_handshake_that_is_never_answered_ends_at_the_deadline)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.connect.timeout.seconds", "7", NULL});

    while (s->broker < 0) {
        turn(s);
        s->broker = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    s->now_ms += 6990;
    turn(s);
    ck_assert_ptr_nonnull(strstr(status(s), "\"state\":\"connecting\""));
    s->now_ms += 10;
    turn(s);
    ck_assert_msg(strstr(status(s), "the TLS handshake with 127.0.0.1 port") &&
                      strstr(status(s), "took longer than 7 s"),
                  "%s", status(s));
    stage_free(s);
}
END_TEST

START_TEST(a_bad_certificate_is_in_status_and_the_next_good_one_connects)
{
    stage *s = stage_new(NULL, (const char *const[]){NULL});
    uint8_t connect[20];

    until_refused(s, &(peer_settings){.own = &s->world->expired}, "has expired on");
    until_refused(s, &(peer_settings){.own = &s->world->wrong}, "IP:10.9.8.7");
    until_refused(s, &(peer_settings){.own = &s->world->stranger}, "not among the CAs");
    ck_assert_ptr_nonnull(strstr(s->logged, "has expired on")); /* and in the log */
    broker_reads(s, connect, sizeof(connect));
    ck_assert_uint_eq(connect[0], 0x10);
    stage_free(s);
}
END_TEST

START_TEST(files_that_are_replaced_count_from_the_next_attempt_on)
{
    stage *s = stage_new(NULL, (const char *const[]){NULL});
    uint8_t connect[20];

    until_refused(s, &(peer_settings){.own = &s->world->stranger}, "not among the CAs");
    unlink(s->ca);
    until_status(s, "mqtt.ssl.ca.location: cannot read '");
    ck_assert_ptr_nonnull(strstr(status(s), "No such file"));
    ck_assert_int_lt(accept4(s->listener, NULL, NULL, 0), 0); /* nobody was called in vain */
    s->now_ms += 60000;
    safe_certificate(s->world->safe, "ca.pem", &s->world->other_ca, NULL);
    broker_shakes(s, &(peer_settings){.own = &s->world->stranger});
    broker_reads(s, connect, sizeof(connect));
    ck_assert_uint_eq(connect[0], 0x10);
    stage_free(s);
}
END_TEST

START_TEST(a_refused_certificate_is_no_reason_to_try_an_older_mqtt)
{
    stage *s = stage_new(NULL, (const char *const[]){"mqtt.version", "auto", NULL});

    until_refused(s,
                  &(peer_settings){.own = &s->world->broker,
                                   .client_ca = &s->world->ca,
                                   .version = _i ? TLS1_3_VERSION : TLS1_2_VERSION},
                  "requires a client certificate");
    ck_assert_msg(!strstr(s->logged, "trying MQTT 3.1.1"), "%s", s->logged);
    stage_free(s);
}
END_TEST

START_TEST(passwords_of_keys_are_in_no_text)
{
    char key[128], certificate[128];
    world *w = world_new();
    stage *s;

    safe_key(w->safe, "locked.key", &w->client, "0pen-sesame");
    snprintf(key, sizeof(key), "%s/locked.key", w->safe->folder);
    snprintf(certificate, sizeof(certificate), "%s/client.pem", w->safe->folder);
    s = stage_new(NULL, (const char *const[]){"mqtt.ssl.certificate.location", certificate,
                                              "mqtt.ssl.key.location", key, "mqtt.ssl.key.password",
                                              "0pen-barley", NULL});
    until_status(s, "mqtt.ssl.key.password: is not the password of the key in '");
    ck_assert_ptr_null(strstr(status(s), "0pen"));
    ck_assert_ptr_null(strstr(s->logged, "0pen"));
    stage_free(s);
    world_free(w);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source life with tls",
               tcase_add_test(tests, a_handshake_that_is_never_answered_ends_at_the_deadline);
               tcase_add_test(tests, a_bad_certificate_is_in_status_and_the_next_good_one_connects);
               tcase_add_test(tests, files_that_are_replaced_count_from_the_next_attempt_on);
               tcase_add_loop_test(tests, a_refused_certificate_is_no_reason_to_try_an_older_mqtt,
                                   0, 2);
               tcase_add_test(tests, passwords_of_keys_are_in_no_text);)
