/* test_tls.c - every way in which TLS fails has words of its own, and certificates come in the
 * forms that people have (section 6). */
#include "tls_pair.h"

#include "tests/support/unit.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- What goes wrong ---------------------------------------------------------------------------
 */

enum { BROKER, EXPIRED, EARLY, WRONG, STRANGER, ALONE };

static const struct {
    int certificate; /* of the broker */
    int version;
    const char *ciphers, *alpn;                         /* the broker's */
    const char *ca, *protocols, *suites, *offer, *name; /* ours; NULL: as usual */
    const char *says[3];
} refusals[] = {
    {.certificate = EXPIRED, .says = {"broker's certificate 'CN=broker' has expired on 2"}},
    {.certificate = EARLY, .says = {"broker's certificate 'CN=broker' is not valid before 2"}},
    {.certificate = WRONG,
     .says = {"not for 'localhost'", "DNS:elsewhere.example, IP:10.9.8.7", "server.name"}},
    {.certificate = WRONG, .name = "127.0.0.1", .says = {"not for '127.0.0.1'", "IP:10.9.8.7"}},
    {.certificate = ALONE, .says = {"'CN=alone' is self-signed", "/ca.pem"}},
    {.certificate = STRANGER, .says = {"signed by 'CN=Another CA'", "not among the CAs", "ca.pem"}},
    {.ca = "other.pem", .says = {"signed by 'CN=Weir test CA'", "other.pem"}},
    {.version = TLS1_2_VERSION, .protocols = "TLSv1.3", .says = {"TLSv1.3", "mqtt.ssl.protocols"}},
    {.version = TLS1_3_VERSION, .protocols = "TLSv1.2", .says = {"TLSv1.2", "mqtt.ssl.protocols"}},
    {.version = TLS1_2_VERSION,
     .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384",
     .suites = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
     .says = {"no cipher suite in common", "mqtt.ssl.cipher.suites"}},
    {.alpn = "mqtt", .offer = "x-amzn-mqtt-ca", .says = {"mqtt.ssl.alpn"}},
};

START_TEST(a_handshake_that_fails_says_why)
{
    tls_pair *p = pair_new();
    const minted *certificates[] = {&p->world->broker, &p->world->expired,  &p->world->early,
                                    &p->world->wrong,  &p->world->stranger, &p->world->alone};

    if (refusals[_i].ca) {
        free((char *)p->settings.ca);
        p->settings.ca = strdup(safe_path(p->world->safe, refusals[_i].ca));
    }
    if (refusals[_i].protocols)
        p->settings.protocols = refusals[_i].protocols;
    p->settings.ciphers = refusals[_i].suites;
    p->settings.alpn = refusals[_i].offer;
    p->settings.server_name = refusals[_i].name;
    pair_open(p, &(peer_settings){.own = certificates[refusals[_i].certificate],
                                  .version = refusals[_i].version,
                                  .ciphers = refusals[_i].ciphers,
                                  .alpn = refusals[_i].alpn});
    ck_assert_int_eq(shake(p), MQTT_IO_OVER);
    for (size_t i = 0; i < 3 && refusals[_i].says[i]; i++)
        ck_assert_msg(strstr(mqtt_tls_why(p->client.tls), refusals[_i].says[i]), "%s",
                      mqtt_tls_why(p->client.tls));
    ck_assert(mqtt_tls_failed(p->client.tls));
    ck_assert_int_eq(mqtt_tls_handshake(p->client.tls), MQTT_IO_OVER);
    pair_free(p);
}
END_TEST

START_TEST(any_name_will_do_only_when_it_was_said)
{
    tls_pair *p = pair_new();

    p->settings.identification = "none";
    up(p, &(peer_settings){.own = &p->world->wrong});
    pair_close(p);
    pair_open(p, &(peer_settings){.own = &p->world->stranger}); /* the CA still counts */
    ck_assert_int_eq(shake(p), MQTT_IO_OVER);
    pair_free(p);
}
END_TEST

START_TEST(the_expected_name_goes_out_as_sni_and_an_address_does_not)
{
    static const char *const names[] = {NULL, "elsewhere.example.", "10.9.8.7"};
    static const char *const sni[] = {"localhost", "elsewhere.example", NULL};
    tls_pair *p = pair_new();
    const char *heard;

    p->settings.server_name = names[_i];
    up(p, &(peer_settings){.own = _i ? &p->world->wrong : &p->world->broker});
    heard = SSL_get_servername(p->server, TLSEXT_NAMETYPE_host_name);
    if (sni[_i])
        ck_assert_pstr_eq(heard, sni[_i]);
    else
        ck_assert_ptr_null(heard);
    pair_free(p);
}
END_TEST

START_TEST(a_protocol_is_agreed_on_by_alpn)
{
    tls_pair *p = pair_new();
    const unsigned char *chosen;
    unsigned size;

    p->settings.alpn = "x-amzn-mqtt-ca, mqtt";
    up(p, &(peer_settings){.own = &p->world->broker, .alpn = "mqtt"});
    SSL_get0_alpn_selected(p->server, &chosen, &size);
    ck_assert_uint_eq(size, 4);
    ck_assert_mem_eq(chosen, "mqtt", 4);
    pair_free(p);
}
END_TEST

static const struct {
    const char *answer; /* NULL: hangs up without one */
    const char *says;
} strangers[] = {
    {"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"},
    {"\x20\x02\x00\x01", "does not speak TLS"},
    {"220 mail.example ESMTP\r\n", "does not speak TLS"},
    {NULL, "closed the connection during the TLS handshake"},
};

START_TEST(a_port_without_tls_is_recognised)
{
    tls_pair *p = pair_new();

    pair_open(p, NULL);
    mqtt_tls_handshake(p->client.tls);
    if (strangers[_i].answer)
        ck_assert_int_ge(write(p->far, strangers[_i].answer, strlen(strangers[_i].answer)), 0);
    hang_up(p);
    ck_assert_int_eq(shake(p), MQTT_IO_OVER);
    ck_assert_msg(strstr(mqtt_tls_why(p->client.tls), strangers[_i].says), "%s",
                  mqtt_tls_why(p->client.tls));
    pair_free(p);
}
END_TEST

/* ---- Client certificates -----------------------------------------------------------------------
 */

enum { NOBODY, CLIENT, OLD, STRANGE };

static const struct {
    int who, version;
    const char *says; /* NULL: let in */
} visitors[] = {
    {CLIENT, TLS1_2_VERSION, NULL},
    {CLIENT, TLS1_3_VERSION, NULL},
    {NOBODY, TLS1_2_VERSION, "requires a client certificate, and none is configured"},
    {NOBODY, TLS1_3_VERSION, "requires a client certificate, and none is configured"},
    {OLD, TLS1_2_VERSION, "visitor.pem', valid until 2"},
    {OLD, TLS1_3_VERSION, "it has expired"},
    {STRANGE, TLS1_2_VERSION, "does not know its CA"},
    {STRANGE, TLS1_3_VERSION, "refuses the client certificate in '"},
};

START_TEST(a_broker_that_wants_to_know_who_we_are)
{
    tls_pair *p = pair_new();
    const minted *who[] = {NULL, &p->world->client, &p->world->old_client,
                           &p->world->strange_client};
    char got[16];

    if (who[visitors[_i].who])
        show(p, who[visitors[_i].who]);
    pair_open(p, &(peer_settings){.own = &p->world->broker,
                                  .client_ca = &p->world->ca,
                                  .version = visitors[_i].version});
    /* In TLS 1.3 the client is done before the broker has looked at its certificate. */
    if (shake(p) == MQTT_IO_DONE) {
        if (peer_shake(p->server) > 0)
            ck_assert_int_eq(peer_write(p->server, "in", 2), 2);
        ck_assert_uint_eq(client_reads(p, got, sizeof(got)), visitors[_i].says ? 0 : 2);
    }
    if (visitors[_i].says) {
        ck_assert(mqtt_transport_why(&p->client) != NULL);
        ck_assert_msg(strstr(mqtt_transport_why(&p->client), visitors[_i].says), "%s",
                      mqtt_transport_why(&p->client));
        ck_assert(!mqtt_transport_hung_up(&p->client));
    }
    pair_free(p);
}
END_TEST

START_TEST(a_refusal_is_heard_although_writing_fails_first)
{
    tls_pair *p = pair_new();
    mqtt_io io = MQTT_IO_DONE;

    pair_open(p, &(peer_settings){.own = &p->world->broker,
                                  .client_ca = &p->world->ca,
                                  .version = TLS1_3_VERSION});
    ck_assert_int_eq(shake(p), MQTT_IO_DONE);
    ck_assert_int_eq(peer_shake(p->server), -1);
    hang_up(p);
    for (int i = 0; i < 100 && io != MQTT_IO_OVER; i++) {
        size_t sent;

        io = mqtt_transport_write(&p->client, "connect", 7, &sent);
    }
    ck_assert_int_eq(io, MQTT_IO_OVER);
    ck_assert_msg(strstr(mqtt_transport_why(&p->client), "requires a client certificate"), "%s",
                  mqtt_transport_why(&p->client));
    pair_free(p);
}
END_TEST

static void use_key_store(tls_pair *p, const char *name, const char *password)
{
    p->settings.keystore = safe_path(p->world->safe, name);
    p->settings.keystore_password = password;
}

/* Every form in which people have certificates. */
static void take_form(tls_pair *p, int form)
{
    const world *w = p->world;
    FILE *file;

    switch (form) {
    case 0: /* PEM, key encrypted */
        safe_key(w->safe, "locked.key", &w->client, "pass word");
        p->settings.certificate = safe_path(w->safe, "client.pem");
        p->settings.key = safe_path(w->safe, "locked.key");
        p->settings.key_password = "pass word";
        break;
    case 1: /* PKCS#12 with the CA */
        safe_pkcs12(w->safe, "client.p12", &w->client, &w->ca, "secret");
        use_key_store(p, "client.p12", "secret");
        break;
    case 2: /* PKCS#12 without a password */
        safe_pkcs12(w->safe, "client.p12", &w->client, NULL, "");
        use_key_store(p, "client.p12", NULL);
        break;
    case 3: /* both in one PEM file */
        file = safe_open(w->safe, "both.pem");
        PEM_write_PrivateKey(file, w->client.key, NULL, NULL, 0, NULL, NULL);
        PEM_write_X509(file, w->client.certificate);
        fclose(file);
        use_key_store(p, "both.pem", NULL);
        break;
    default: /* certificate and key files the same */
        take_form(p, 3);
        p->settings.certificate = p->settings.key = p->settings.keystore;
        p->settings.keystore = NULL;
    }
}

START_TEST(a_certificate_may_come_in_any_form)
{
    tls_pair *p = pair_new();

    take_form(p, _i);
    up(p, &(peer_settings){.own = &p->world->broker, .client_ca = &p->world->ca});
    pair_free(p);
}
END_TEST

static void trust_form(tls_pair *p, int form)
{
    const world *w = p->world;
    char name[32], folder[128];

    free((char *)p->settings.ca);
    snprintf(folder, sizeof(folder), "%s", w->safe->folder);
    switch (form) {
    case 0: /* a directory as it is */
        p->settings.ca = strdup(folder);
        break;
    case 1: /* a directory with hashed names */
        snprintf(name, sizeof(name), "%08lx.0", X509_subject_name_hash(w->ca.certificate));
        safe_certificate(w->safe, name, &w->ca, NULL);
        unlink(safe_path(w->safe, "ca.pem"));
        p->settings.ca = strdup(folder);
        break;
    case 2: /* PKCS#12 */
        safe_pkcs12(w->safe, "trust.p12", NULL, &w->ca, "secret");
        p->settings.ca = strdup(safe_path(w->safe, "trust.p12"));
        p->settings.ca_password = "secret";
        break;
    case 3: /* several in one file */
        safe_certificate(w->safe, "bundle.pem", &w->other_ca, &w->ca);
        p->settings.ca = strdup(safe_path(w->safe, "bundle.pem"));
        break;
    default: /* the broker's own certificate, and nothing above it */
        safe_certificate(w->safe, "pinned.pem", &w->broker, NULL);
        p->settings.ca = strdup(safe_path(w->safe, "pinned.pem"));
    }
}

START_TEST(trust_may_come_in_any_form)
{
    tls_pair *p = pair_new();

    trust_form(p, _i);
    up(p, &(peer_settings){.own = &p->world->broker});
    pair_free(p);
}
END_TEST

START_TEST(files_are_read_again_for_each_connection)
{
    tls_pair *p = pair_new();
    const world *w = p->world;

    up(p, &(peer_settings){.own = &w->broker});
    pair_close(p);
    safe_certificate(w->safe, "ca.pem", &w->other_ca, NULL);
    up(p, &(peer_settings){.own = &w->stranger});
    pair_close(p);
    unlink(safe_path(w->safe, "ca.pem"));
    ck_assert_ptr_null(mqtt_tls_new(&p->settings, "localhost", p->why, sizeof(p->why)));
    ck_assert_msg(strstr(p->why, "mqtt.ssl.ca.location: cannot read '") &&
                      strstr(p->why, "ca.pem': No such file"),
                  "%s", p->why);
    pair_free(p);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source tls",
               tcase_add_loop_test(tests, a_handshake_that_fails_says_why, 0, ROWS(refusals));
               tcase_add_test(tests, any_name_will_do_only_when_it_was_said);
               tcase_add_loop_test(tests, the_expected_name_goes_out_as_sni_and_an_address_does_not,
                                   0, 3);
               tcase_add_test(tests, a_protocol_is_agreed_on_by_alpn);
               tcase_add_loop_test(tests, a_port_without_tls_is_recognised, 0, ROWS(strangers));
               tcase_add_loop_test(tests, a_broker_that_wants_to_know_who_we_are, 0,
                                   ROWS(visitors));
               tcase_add_test(tests, a_refusal_is_heard_although_writing_fails_first);
               tcase_add_loop_test(tests, a_certificate_may_come_in_any_form, 0, 5);
               tcase_add_loop_test(tests, trust_may_come_in_any_form, 0, 5);
               tcase_add_test(tests, files_are_read_again_for_each_connection);)
