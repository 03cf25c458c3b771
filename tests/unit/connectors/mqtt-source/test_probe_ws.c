/* test_probe_ws.c - the probe through WebSocket, with TLS and without, and at ports for something
 * else. */
#define RUN_TLS 1
#define RUN_WS  1

#include "config_host.h"
#include "mosquitto.h"
#include "probe.h"

#include "tests/support/unit.h"

static listener *probe(const char *uri, const char *ca)
{
    const char *pairs[] = {"mqtt.server.uri",
                           uri,
                           "mqtt.topics",
                           "a/b",
                           "mqtt.ssl.ca.location",
                           ca,
                           "mqtt.connect.timeout.seconds",
                           "5",
                           NULL};
    listener *l = listener_new("mqtt-source");
    mqtt_settings settings;

    fill(&settings, pairs);
    ck_assert_int_eq(mqtt_probe(&l->host, &settings), WEIR_DONE);
    return l;
}

static const struct {
    const char *scheme;
    bool tls_port;
    const char *note, *says;
} cases[] = {
    {"wss", true, "INFO mqtt.server.uri", "accepts the connection, in MQTT 5"},
    {"wss", false, "ERROR mqtt.server.uri", "TLS"},
    {"ws", false, "ERROR mqtt.server.uri", "in the WebSocket handshake"},
    {"tcp", false, "INFO mqtt.server.uri", "accepts the connection, in MQTT 5"},
};

START_TEST(the_probe_speaks_to_the_port_it_is_for_and_says_what_is_odd_at_others)
{
    broker b = {0};
    char uri[64], ca[128];
    listener *l;

    broker_start(&b, "allow_anonymous true");
    snprintf(uri, sizeof(uri), "%s://127.0.0.1:%d", cases[_i].scheme,
             cases[_i].tls_port ? b.tls_port : b.port);
    snprintf(ca, sizeof(ca), "%s/ca.pem", b.world->safe->folder);
    l = probe(uri, ca);
    broker_remove(&b);
    ck_assert_msg(noted(l, cases[_i].note, cases[_i].says), "no %s in:%s", cases[_i].says,
                  all_notes(l));
    ck_assert_msg(noted(l, cases[_i].note, uri), "%s", all_notes(l));
    ck_assert_uint_eq(l->errors > 0, cases[_i].note[0] == 'E');
    free(l);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source probe ws",
               tcase_add_loop_test(
                   tests, the_probe_speaks_to_the_port_it_is_for_and_says_what_is_odd_at_others, 0,
                   sizeof(cases) / sizeof(cases[0]));)
