/* test_tls_check.c - what is said about mqtt.ssl.* when a connector is created, without a network.
 */
#include "config_host.h"
#include "tls_peer.h"

#include "tests/support/unit.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define CA         "mqtt.ssl.ca.location"
#define CERT       "mqtt.ssl.certificate.location"
#define KEY        "mqtt.ssl.key.location"
#define PASSWORD   "mqtt.ssl.key.password"
#define STORE      "mqtt.ssl.keystore.location"
#define STORE_PASS "mqtt.ssl.keystore.password"
#define SUITES     "mqtt.ssl.cipher.suites"
#define NAMES      "mqtt.ssl.endpoint.identification.algorithm"

/* "@x" is file x of the folder. */
static const struct {
    const char *pairs[9];
    const char *note, *says; /* NULL: nothing is wrong */
} cases[] = {
    {{CA, "@ca.pem", CERT, "@client.pem", KEY, "@client.key"}, NULL, NULL},
    {{CA, "@ca.pem"}, NULL, NULL},
    {{NULL}, NULL, NULL},
    {{CA, "@"}, NULL, NULL}, /* a directory */
    {{CA, "@ca.p12", "mqtt.ssl.ca.password", "right"}, NULL, NULL},
    {{STORE, "@client.p12", STORE_PASS, "right"}, NULL, NULL},
    {{CERT, "@client.pem", KEY, "@locked.key", PASSWORD, "right"}, NULL, NULL},
    {{SUITES, "TLS_AES_128_GCM_SHA256,ECDHE-RSA-AES128-GCM-SHA256"}, NULL, NULL},
    {{SUITES, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,!aNULL"}, NULL, NULL},

    {{CA, "@none"}, "ERROR " CA, "/none': No such file"},
    {{CA, "@client.key"}, "ERROR " CA, "no certificate in PEM form in '"},
    {{CA, "@empty"}, "ERROR " CA, "no certificate in PEM form"},
    {{CA, "@damaged.pem"}, "ERROR " CA, "certificate 1 in '"},
    {{CA, "@store.jks"}, "ERROR " CA, "-deststoretype PKCS12 -srckeystore /tmp/"},
    {{CA, "@ca.p12"}, "ERROR mqtt.ssl.ca.password", "is missing for '"},
    {{CA, "@old-ca.pem"}, "WARN " CA, "has expired"},
    {{"mqtt.ssl.ca.password", "x"}, "WARN mqtt.ssl.ca.password", "no effect"},

    {{CERT, "@client.pem"}, "ERROR " CERT, "no use without mqtt.ssl.key.location"},
    {{KEY, "@client.key"}, "ERROR " KEY, "no use without mqtt.ssl.certificate.location"},
    {{CERT, "@none", KEY, "@client.key"}, "ERROR " CERT, "No such file"},
    {{CERT, "@client.pem", KEY, "@none"}, "ERROR " KEY, "No such file"},
    {{CERT, "@", KEY, "@client.key"}, "ERROR " CERT, "is a directory"},
    {{CERT, "@client.pem", KEY, "@client.pem"}, "ERROR " KEY, "no private key in PEM form"},
    {{CERT, "@client.pem", KEY, "@strange.key"}, "ERROR " KEY, "is not the one of the certificate"},
    {{CERT, "@client.pem", KEY, "@locked.key"}, "ERROR " KEY, "mqtt.ssl.key.password is missing"},
    {{CERT, "@client.pem", KEY, "@locked.key", PASSWORD, "wrong"},
     "ERROR " PASSWORD,
     "is not the password of the key in '"},
    {{CERT, "@client.pem", KEY, "@client.key", PASSWORD, "idle"},
     "WARN " PASSWORD,
     "not encrypted"},
    {{PASSWORD, "idle"}, "WARN " PASSWORD, "without mqtt.ssl.key.location"},
    {{CERT, "@old.pem", KEY, "@old.key"}, "ERROR " CERT, "has expired on 2"},
    {{CERT, "@soon.pem", KEY, "@soon.key"}, "WARN " CERT, "expires in 10 days, on 2"},
    {{CERT, "@early.pem", KEY, "@early.key"}, "WARN " CERT, "valid from 2"},
    {{CERT, "@store.jks", KEY, "@client.key"}, "ERROR " CERT, "-deststoretype PKCS12"},

    {{STORE, "@client.p12", STORE_PASS, "wrong"}, "ERROR " STORE_PASS, "not the password of '"},
    {{STORE, "@client.p12"}, "ERROR " STORE_PASS, "is missing for '"},
    {{STORE, "@store.jks"}, "ERROR " STORE, "-deststoretype PKCS12"},
    {{STORE, "@store.jceks"}, "ERROR " STORE, "-deststoretype PKCS12"},
    {{STORE, "@garbage"}, "ERROR " STORE, "neither PEM nor PKCS#12"},
    {{STORE, "@ca.p12", STORE_PASS, "right"}, "ERROR " STORE, "no key with a certificate"},
    {{STORE, "@old.p12", STORE_PASS, "right"}, "ERROR " STORE, "has expired"},
    {{STORE, "@client.p12", STORE_PASS, "right", CERT, "@client.pem"}, "ERROR " STORE, "either"},
    {{STORE_PASS, "idle"}, "WARN " STORE_PASS, "no effect"},

    {{NAMES, "none"}, "WARN " NAMES, "whatever its name"},
    {{"mqtt.ssl.protocols", "TLSv1.1"}, "ERROR mqtt.ssl.protocols", "none of TLSv1.2, TLSv1.3"},
    {{"mqtt.ssl.protocols", ""}, "ERROR mqtt.ssl.protocols", "is empty"},
    {{SUITES, "TLS_MADE_UP"}, "ERROR " SUITES, "'TLS_MADE_UP' is no cipher suite"},
    {{SUITES, "TLS_AES_128_GCM_SHA256", "mqtt.ssl.protocols", "TLSv1.2"},
     "ERROR " SUITES,
     "none of the suites fits"},
    {{"mqtt.ssl.server.name", ""}, "ERROR mqtt.ssl.server.name", "empty"},
};

static void put(const world *w, const char *name, const mint *what)
{
    minted made = mint_one(what);
    char file[64];

    snprintf(file, sizeof(file), "%s.pem", name);
    safe_certificate(w->safe, file, &made, NULL);
    snprintf(file, sizeof(file), "%s.key", name);
    safe_key(w->safe, file, &made, NULL);
    mint_free(&made);
}

static world *furnished(void)
{
    static const char damaged[] = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
    world *w = world_new();

    put(w, "old", &(mint){.name = "old", .from_s = -9 * DAY, .until_s = -60, .issuer = &w->ca});
    put(w, "soon",
        &(mint){.name = "s", .from_s = -DAY, .until_s = 10 * DAY + 3600, .issuer = &w->ca});
    put(w, "early", &(mint){.name = "e", .from_s = DAY, .until_s = 99 * DAY, .issuer = &w->ca});
    put(w, "old-ca", &(mint){.name = "ca", .from_s = -9 * DAY, .until_s = -DAY, .ca = true});
    safe_key(w->safe, "strange.key", &w->strange_client, NULL);
    safe_key(w->safe, "locked.key", &w->client, "right");
    safe_pkcs12(w->safe, "client.p12", &w->client, &w->ca, "right");
    safe_pkcs12(w->safe, "old.p12", &w->old_client, NULL, "right");
    safe_pkcs12(w->safe, "ca.p12", NULL, &w->ca, "right");
    safe_write(w->safe, "store.jks", "\xfe\xed\xfe\xed\0\0\0\2", 8);
    safe_write(w->safe, "store.jceks", "\xce\xce\xce\xce\0\0\0\2", 8);
    safe_write(w->safe, "garbage", "\x30\x03xyz", 5);
    safe_write(w->safe, "empty", "", 0);
    safe_write(w->safe, "damaged.pem", damaged, strlen(damaged));
    return w;
}

typedef struct posted {
    mqtt_settings settings;
    char paths[4][128];
} posted;

static void post(posted *p, const world *w, const char *const *more)
{
    const char *pairs[16] = {"mqtt.server.uri", "ssl://broker", "mqtt.topics", "t"};
    size_t n = 4, paths = 0;

    for (; *more; more += 2, n += 2) {
        pairs[n] = more[0];
        pairs[n + 1] = more[1];
        if (more[1][0] != '@')
            continue;
        snprintf(p->paths[paths], sizeof(p->paths[0]), "%s%s%s", w->safe->folder,
                 more[1][1] ? "/" : "", more[1] + 1);
        pairs[n + 1] = p->paths[paths++];
    }
    fill(&p->settings, pairs);
}

START_TEST(what_is_wrong_with_a_file_or_value_is_said_at_its_key)
{
    listener *l = listener_new("mqtt-source");
    world *w = furnished();
    posted p;

    post(&p, w, cases[_i].pairs);
    ck_assert_int_eq(mqtt_validate(&l->host, &p.settings), WEIR_DONE);
    if (cases[_i].note)
        ck_assert_msg(noted(l, cases[_i].note, cases[_i].says), "no %s in:%s", cases[_i].note,
                      all_notes(l));
    else
        ck_assert_msg(!strstr(all_notes(l), "mqtt.ssl"), "%s", all_notes(l));
    ck_assert_uint_eq(l->errors > 0, cases[_i].note && cases[_i].note[0] == 'E');
    ck_assert_ptr_null(strstr(all_notes(l), "wrong")); /* passwords are not repeated */
    free(l);
    world_free(w);
}
END_TEST

static void hear_nothing_bad(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    ck_assert_msg(level < WEIR_ERROR, "%s: %s", key, text);
}

/* The files may be gone for a moment when a task moves; connecting finds out, again and again. */
START_TEST(a_task_starts_although_a_file_is_missing)
{
    mqtt_findings findings = {.note = hear_nothing_bad};
    world *w = world_new();
    mqtt_setup *setup;
    posted p;

    post(&p, w, (const char *const[]){CA, "@none", CERT, "@none", KEY, "@none", NULL});
    setup = mqtt_setup_new(&p.settings, "unit", 0, &findings);
    ck_assert_ptr_nonnull(setup);
    mqtt_setup_free(setup);
    world_free(w);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source tls check",
               tcase_add_loop_test(tests, what_is_wrong_with_a_file_or_value_is_said_at_its_key, 0,
                                   ROWS(cases));
               tcase_add_test(tests, a_task_starts_although_a_file_is_missing);)
