/* tls_check.c - what can be said about mqtt.ssl.* before anybody connects. */
#include "bytes.h"
#include "tls_internal.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SOON_DAYS 30

static void tell(mqtt_tls_note *note, void *ctx, const mqtt_tls_trouble *trouble)
{
    note(ctx, WEIR_ERROR, trouble->key, trouble->text);
}

static void check_dates(const mqtt_identity *identity, const char *key, mqtt_tls_note *note,
                        void *ctx)
{
    const ASN1_TIME *from = X509_get0_notBefore(identity->certificate);
    const ASN1_TIME *until = X509_get0_notAfter(identity->certificate);
    int days = mqtt_days_until(until);
    char when[32], text[400];

    mqtt_format_asn1_time(until, when, sizeof(when));
    if (days < 0) {
        snprintf(text, sizeof(text), "the certificate in '%s' has expired on %s", identity->file,
                 when);
        note(ctx, WEIR_ERROR, key, text);
    } else if (days < SOON_DAYS) {
        snprintf(text, sizeof(text), "the certificate in '%s' expires in %d days, on %s",
                 identity->file, days, when);
        note(ctx, WEIR_WARN, key, text);
    }
    if (mqtt_days_until(from) >= 0) {
        mqtt_format_asn1_time(from, when, sizeof(when));
        snprintf(text, sizeof(text), "the certificate in '%s' is valid from %s on, not before",
                 identity->file, when);
        note(ctx, WEIR_WARN, key, text);
    }
}

static void check_identity(const mqtt_tls_settings *s, mqtt_tls_note *note, void *ctx)
{
    const char *key = s->keystore ? "mqtt.ssl.keystore.location" : "mqtt.ssl.certificate.location";
    mqtt_identity identity = {0};
    mqtt_tls_trouble trouble;

    if (!mqtt_identity_load(s, &identity, &trouble)) {
        tell(note, ctx, &trouble);
        return;
    }
    if (identity.certificate)
        check_dates(&identity, key, note, ctx);
    if (identity.password_idle)
        note(ctx, WEIR_WARN, s->keystore ? "mqtt.ssl.keystore.password" : "mqtt.ssl.key.password",
             "has no effect: the key is not encrypted");
    mqtt_identity_clear(&identity);
}

static void check_trust(const mqtt_tls_settings *s, mqtt_tls_note *note, void *ctx)
{
    X509_STORE *store = X509_STORE_new();
    mqtt_tls_trouble trouble;
    char text[400];

    if (!mqtt_trust_load(s, store, &trouble)) {
        tell(note, ctx, &trouble);
    } else if (s->ca && mqtt_trust_expired(store)) {
        snprintf(text, sizeof(text), "every CA in '%s' has expired", s->ca);
        note(ctx, WEIR_WARN, "mqtt.ssl.ca.location", text);
    }
    X509_STORE_free(store);
}

static void check_values(const mqtt_tls_settings *s, mqtt_tls_note *note, void *ctx)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    mqtt_tls_trouble trouble;

    if (context && !mqtt_tls_choose(context, s, &trouble))
        tell(note, ctx, &trouble);
    SSL_CTX_free(context);
    ERR_clear_error();
    if (strcasecmp(s->identification, "none") == 0)
        note(ctx, WEIR_WARN, "mqtt.ssl.endpoint.identification.algorithm",
             "none accepts the certificate of any host that the CAs have signed, whatever its "
             "name");
    if (s->server_name && !*s->server_name)
        note(ctx, WEIR_ERROR, "mqtt.ssl.server.name", "is empty");
    if (s->ca_password && !s->ca)
        note(ctx, WEIR_WARN, "mqtt.ssl.ca.password", "has no effect without mqtt.ssl.ca.location");
    if (s->key_password && !s->key)
        note(ctx, WEIR_WARN, "mqtt.ssl.key.password",
             "has no effect without mqtt.ssl.key.location");
    if (s->keystore_password && !s->keystore)
        note(ctx, WEIR_WARN, "mqtt.ssl.keystore.password",
             "has no effect without mqtt.ssl.keystore.location");
}

void mqtt_tls_check(const mqtt_tls_settings *s, bool files, mqtt_tls_note *note, void *ctx)
{
    check_values(s, note, ctx);
    if (!files)
        return;
    check_trust(s, note, ctx);
    check_identity(s, note, ctx);
}

void mqtt_tls_check_unused(const mqtt_tls_settings *s, mqtt_tls_note *note, void *ctx)
{
    const struct {
        const char *key, *value;
    } keys[] = {
        {"mqtt.ssl.ca.location", s->ca},
        {"mqtt.ssl.ca.password", s->ca_password},
        {"mqtt.ssl.certificate.location", s->certificate},
        {"mqtt.ssl.key.location", s->key},
        {"mqtt.ssl.key.password", s->key_password},
        {"mqtt.ssl.keystore.location", s->keystore},
        {"mqtt.ssl.keystore.password", s->keystore_password},
        {"mqtt.ssl.cipher.suites", s->ciphers},
        {"mqtt.ssl.server.name", s->server_name},
        {"mqtt.ssl.alpn", s->alpn},
        {"mqtt.ssl.endpoint.identification.algorithm",
         strcasecmp(s->identification, "https") == 0 ? NULL : s->identification},
        {"mqtt.ssl.protocols",
         strcasecmp(s->protocols, MQTT_TLS_PROTOCOLS) == 0 ? NULL : s->protocols},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (keys[i].value)
            note(
                ctx, WEIR_WARN, keys[i].key,
                "has no effect: no address in mqtt.server.uri begins with ssl://, tls://, mqtts:// "
                "or wss://");
}
