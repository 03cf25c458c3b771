/* test_tls_with_mosquitto.c - what a real broker makes of certificates, and we of its. */
#define RUN_TLS 1

#include "task.h"

#include "tests/support/unit.h"

static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};

START_TEST(a_listener_that_requires_a_certificate_lets_in_who_has_one)
{
    broker b = {.tls_extra = "require_certificate true"};
    char certificate[128], key[128];
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, (const char *const[]){"mqtt.ssl.protocols", versions[_i], NULL});
    until_status(r, "requires a client certificate, and none is configured");
    run_stop(r);

    snprintf(certificate, sizeof(certificate), "%s/client.pem", b.world->safe->folder);
    snprintf(key, sizeof(key), "%s/client.key", b.world->safe->folder);
    r = run_start(&b, (const char *const[]){"mqtt.ssl.certificate.location", certificate,
                                            "mqtt.ssl.key.location", key, "mqtt.ssl.protocols",
                                            versions[_i], NULL});
    r->f->settle_now = true;
    until_connected(r);
    publish(&b, "t/1", 1, 0, 100);
    until_records(r, 100);
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_client_certificate_of_another_ca_is_refused_in_words)
{
    broker b = {.tls_extra = "require_certificate true"};
    char certificate[128], key[128];
    run *r;

    broker_start(&b, "allow_anonymous true");
    safe_certificate(b.world->safe, "strange.pem", &b.world->strange_client, NULL);
    safe_key(b.world->safe, "strange.key", &b.world->strange_client, NULL);
    snprintf(certificate, sizeof(certificate), "%s/strange.pem", b.world->safe->folder);
    snprintf(key, sizeof(key), "%s/strange.key", b.world->safe->folder);
    r = run_start(&b, (const char *const[]){"mqtt.ssl.certificate.location", certificate,
                                            "mqtt.ssl.key.location", key, "mqtt.ssl.protocols",
                                            versions[_i], NULL});
    until_status(r, "the broker refuses the client certificate in '");
    ck_assert_ptr_nonnull(strstr(status(r), "strange.pem"));
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(the_right_ca_put_into_the_file_is_enough_to_connect)
{
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    safe_certificate(b.world->safe, "ca.pem", &b.world->other_ca, NULL);
    r = run_start(&b, (const char *const[]){NULL});
    until_status(r, "the broker's CA 'CN=Weir test CA' is unknown");
    safe_certificate(b.world->safe, "ca.pem", &b.world->ca, NULL);
    until_connected(r);
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_broker_that_comes_back_with_another_certificate_is_followed_with_its_session)
{
    broker b = {0};
    run *r;

    broker_start(&b, "allow_anonymous true");
    r = run_start(&b, (const char *const[]){NULL});
    r->f->settle_now = true;
    until_connected(r);
    publish(&b, "t/1", 1, 0, 10);
    until_records(r, 10);
    broker_stop(&b);
    b.shows = &b.world->expired;
    broker_start(&b, "allow_anonymous true");
    until_status(r, "has expired on");
    publish(&b, "t/1", 1, 10, 20); /* through the other port, for the session */
    broker_stop(&b);
    b.shows = &b.world->stranger;
    safe_certificate(b.world->safe, "ca.pem", &b.world->ca, &b.world->other_ca);
    broker_start(&b, "allow_anonymous true");
    until_records(r, 20);
    ck_assert_str_eq(r->f->values[19], "19");
    run_stop(r);
    broker_remove(&b);
}
END_TEST

START_TEST(a_port_without_tls_is_recognised)
{
    broker b = {0};
    char uri[64];
    run *r;

    broker_start(&b, "allow_anonymous true");
    snprintf(uri, sizeof(uri), "ssl://127.0.0.1:%d", b.port);
    r = run_start(&b, (const char *const[]){"mqtt.server.uri", uri, NULL});
    until_status(r, "is this its port for TLS?");
    run_stop(r);
    broker_remove(&b);
}
END_TEST

WEIR_UNIT_MAIN(
    "mqtt-source tls with mosquitto",
    tcase_add_loop_test(tests, a_listener_that_requires_a_certificate_lets_in_who_has_one, 0, 2);
    tcase_add_loop_test(tests, a_client_certificate_of_another_ca_is_refused_in_words, 0, 2);
    tcase_add_test(tests, the_right_ca_put_into_the_file_is_enough_to_connect);
    tcase_add_test(tests,
                   a_broker_that_comes_back_with_another_certificate_is_followed_with_its_session);
    tcase_add_test(tests, a_port_without_tls_is_recognised);)
