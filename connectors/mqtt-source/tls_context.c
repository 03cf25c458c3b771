/* tls_context.c - from the keys mqtt.ssl.* to an SSL_CTX. */
#include "address.h"
#include "bytes.h"
#include "tls_internal.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define READ_AHEAD 65536u /* brokers send one small record per packet: many for one system call */

#define PROTOCOLS "mqtt.ssl.protocols"
#define CIPHERS   "mqtt.ssl.cipher.suites"
#define ALPN      "mqtt.ssl.alpn"

/* ---- mqtt.ssl.protocols, mqtt.ssl.cipher.suites ------------------------------------------------
 */

/* Two versions, each of which can be wanted. */
typedef struct versions {
    bool tls12, tls13;
} versions;

static bool read_protocols(const char *text, versions *ret_wanted, mqtt_tls_trouble *trouble)
{
    size_t count;
    char **names = mqtt_list_split(text, &count);
    bool known = true;

    *ret_wanted = (versions){0};
    for (size_t i = 0; i < count && known; i++) {
        if (strcasecmp(names[i], "TLSv1.2") == 0)
            ret_wanted->tls12 = true;
        else if (strcasecmp(names[i], "TLSv1.3") == 0)
            ret_wanted->tls13 = true;
        else
            known = mqtt_tls_fail(trouble, PROTOCOLS, "'%s' is none of TLSv1.2, TLSv1.3", names[i]);
    }
    mqtt_list_free(names, count);
    if (known && !count)
        known = mqtt_tls_fail(trouble, PROTOCOLS, "is empty: give TLSv1.2, TLSv1.3 or both");
    return known;
}

/* Suites under OpenSSL's names or the registered ones (Java's). Of the two versions' lists each is
 * set by a call of its own. */
typedef struct suites {
    mqtt_bytes tls12, tls13; /* joined with colons */
} suites;

static void add_suite(mqtt_bytes *list, const char *name)
{
    if (mqtt_bytes_size(list))
        mqtt_bytes_append(list, ":", 1);
    mqtt_bytes_append(list, name, strlen(name));
}

static bool add_named(SSL_CTX *context, suites *to, const char *name, mqtt_tls_trouble *trouble)
{
    const char *registered = OPENSSL_cipher_name(name);
    bool is_known = strcmp(registered, "(NONE)") != 0;
    const char *openssl = is_known ? registered : name;

    if (strncmp(openssl, "TLS_", 4) == 0 && is_known) {
        add_suite(&to->tls13, openssl);
        return true;
    }
    /* "!aNULL", "-SHA", "@SECLEVEL=1" choose nothing by themselves. */
    if (!strchr("!-+@", *openssl) && !SSL_CTX_set_cipher_list(context, openssl)) {
        ERR_clear_error();
        return mqtt_tls_fail(trouble, CIPHERS, "'%s' is no cipher suite that %s knows", name,
                             OpenSSL_version(OPENSSL_VERSION));
    }
    add_suite(&to->tls12, openssl);
    return true;
}

/* A list is all there is: without a suite for a version, that version is not spoken. */
static bool choose_ciphers(SSL_CTX *context, const char *text, versions *wanted,
                           mqtt_tls_trouble *trouble)
{
    size_t count;
    char **names = mqtt_list_split(text, &count);
    suites chosen = {0};
    bool good = true;

    for (size_t i = 0; i < count && good; i++)
        good = add_named(context, &chosen, names[i], trouble);
    wanted->tls12 = wanted->tls12 && mqtt_bytes_size(&chosen.tls12);
    wanted->tls13 = wanted->tls13 && mqtt_bytes_size(&chosen.tls13);
    mqtt_bytes_append(&chosen.tls12, "", 1);
    mqtt_bytes_append(&chosen.tls13, "", 1);
    if (good && !wanted->tls12 && !wanted->tls13)
        good = mqtt_tls_fail(trouble, CIPHERS, "none of the suites fits " PROTOCOLS);
    if (good &&
        ((wanted->tls12 && !SSL_CTX_set_cipher_list(context, (const char *)chosen.tls12.data)) ||
         (wanted->tls13 && !SSL_CTX_set_ciphersuites(context, (const char *)chosen.tls13.data))))
        good =
            mqtt_tls_fail(trouble, CIPHERS, "%s cannot use them", OpenSSL_version(OPENSSL_VERSION));
    ERR_clear_error();
    mqtt_bytes_free(&chosen.tls12);
    mqtt_bytes_free(&chosen.tls13);
    mqtt_list_free(names, count);
    return good;
}

/* ---- mqtt.ssl.alpn -----------------------------------------------------------------------------
 */

static bool choose_alpn(SSL_CTX *context, const char *text, mqtt_tls_trouble *trouble)
{
    size_t count;
    char **names = mqtt_list_split(text, &count);
    mqtt_bytes wire = {0};
    bool good = true;

    for (size_t i = 0; i < count && good; i++) {
        size_t size = strlen(names[i]);

        if (size > 255) {
            good = mqtt_tls_fail(trouble, ALPN, "a protocol's name has 255 bytes at most");
            break;
        }
        mqtt_bytes_append(&wire, &(uint8_t){(uint8_t)size}, 1);
        mqtt_bytes_append(&wire, names[i], size);
    }
    if (good && mqtt_bytes_size(&wire) > 65535)
        good = mqtt_tls_fail(trouble, ALPN, "is too long");
    /* This one call of OpenSSL's returns 0 when it went well. */
    if (good && count &&
        SSL_CTX_set_alpn_protos(context, wire.data, (unsigned)mqtt_bytes_size(&wire)) != 0)
        good = mqtt_tls_fail(trouble, ALPN, "is refused by %s", OpenSSL_version(OPENSSL_VERSION));
    mqtt_bytes_free(&wire);
    mqtt_list_free(names, count);
    return good;
}

/* ---- Together ----------------------------------------------------------------------------------
 */

bool mqtt_tls_choose(SSL_CTX *context, const mqtt_tls_settings *s, mqtt_tls_trouble *trouble)
{
    versions wanted;

    if (!read_protocols(s->protocols, &wanted, trouble) ||
        (s->ciphers && !choose_ciphers(context, s->ciphers, &wanted, trouble)) ||
        (s->alpn && !choose_alpn(context, s->alpn, trouble)))
        return false;
    if (!SSL_CTX_set_min_proto_version(context, wanted.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) ||
        !SSL_CTX_set_max_proto_version(context, wanted.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION))
        return mqtt_tls_fail(trouble, PROTOCOLS, "%s cannot speak them",
                             OpenSSL_version(OPENSSL_VERSION));
    return true;
}

static bool show_identity(SSL_CTX *context, const mqtt_tls_settings *s, char *until, size_t room,
                          mqtt_tls_trouble *trouble)
{
    mqtt_identity identity = {0};
    bool shown = true;

    if (!mqtt_identity_load(s, &identity, trouble))
        return false;
    if (!identity.certificate)
        return true;
    mqtt_format_asn1_time(X509_get0_notAfter(identity.certificate), until, room);
    if (SSL_CTX_use_certificate(context, identity.certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, identity.key) != 1)
        shown = mqtt_tls_fail(
            trouble, s->keystore ? "mqtt.ssl.keystore.location" : "mqtt.ssl.certificate.location",
            "'%s' cannot be used: %s", identity.file, ERR_reason_error_string(ERR_peek_error()));
    for (int i = 0; shown && i < sk_X509_num(identity.chain); i++)
        SSL_CTX_add1_chain_cert(context, sk_X509_value(identity.chain, i));
    ERR_clear_error();
    mqtt_identity_clear(&identity);
    return shown;
}

SSL_CTX *mqtt_tls_context(const mqtt_tls_settings *s, char *ret_until, size_t room,
                          mqtt_tls_trouble *trouble)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ret_until[0] = '\0';
    if (!context) {
        mqtt_tls_fail(trouble, PROTOCOLS, "OpenSSL does not start: %s",
                      ERR_reason_error_string(ERR_peek_error()));
        ERR_clear_error();
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
    if (mqtt_tls_choose(context, s, trouble) &&
        mqtt_trust_load(s, SSL_CTX_get_cert_store(context), trouble) &&
        show_identity(context, s, ret_until, room, trouble))
        return context;
    SSL_CTX_free(context);
    return NULL;
}
