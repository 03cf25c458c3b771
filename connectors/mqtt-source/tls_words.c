/* tls_words.c - what went wrong with TLS, for somebody who has to mend it. */
#include "tls_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ALERT     21 /* a TLS record begins with its type */
#define HANDSHAKE 22

static void WEIR_PRINTF(2, 3) say(mqtt_tls *tls, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(tls->why, sizeof(tls->why), fmt, args);
    va_end(args);
}

/* ---- The broker's certificate ------------------------------------------------------------------
 */

/* CN=broker,O=somebody; whatever is not ASCII comes out escaped. */
static void write_name(const X509_NAME *name, char *text, size_t room)
{
    BIO *to = BIO_new(BIO_s_mem());
    int got = 0;

    if (to && X509_NAME_print_ex(to, name, 0, XN_FLAG_RFC2253) >= 0)
        got = BIO_read(to, text, (int)room - 1);
    text[got > 0 ? got : 0] = '\0';
    BIO_free(to);
}

static void add(char *list, size_t room, const char *what, const unsigned char *bytes, int size)
{
    size_t used = strlen(list);

    used += (size_t)snprintf(list + used, room - used, "%s%s", used ? ", " : "", what);
    for (int i = 0; i < size && used + 1 < room; i++) {
        list[used++] = (char)(bytes[i] < 0x21 || bytes[i] > 0x7e ? '?' : bytes[i]);
        list[used] = '\0';
    }
}

/* The names that a certificate is for: "DNS:a, DNS:b, IP:10.0.0.1", or its subject. */
static void write_names(X509 *certificate, char *text, size_t room)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    text[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && strlen(text) + 64 < room; i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        char address[INET6_ADDRSTRLEN];
        int family = type != GEN_IPADD                 ? AF_UNSPEC
                     : ASN1_STRING_length(value) == 4  ? AF_INET
                     : ASN1_STRING_length(value) == 16 ? AF_INET6
                                                       : AF_UNSPEC;

        if (type == GEN_DNS)
            add(text, room, "DNS:", ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
        else if (family != AF_UNSPEC &&
                 inet_ntop(family, ASN1_STRING_get0_data(value), address, sizeof(address)))
            add(text, room, "IP:", (const unsigned char *)address, (int)strlen(address));
    }
    GENERAL_NAMES_free(names);
    if (!text[0])
        write_name(X509_get_subject_name(certificate), text, room);
}

/* "mqtt.ssl.ca.location ('/etc/ca.pem')" */
static void write_trusted(const mqtt_tls *tls, char *text, size_t room)
{
    if (tls->settings->ca)
        snprintf(text, room, "mqtt.ssl.ca.location ('%.120s')", tls->settings->ca);
    else
        snprintf(text, room, "the system (mqtt.ssl.ca.location names others)");
}

void mqtt_tls_distrust(mqtt_tls *tls, X509_STORE_CTX *store)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int depth = X509_STORE_CTX_get_error_depth(store), error = X509_STORE_CTX_get_error(store);
    char *to = tls->distrust, name[160] = "?", issuer[160] = "?", trusted[180], when[32] = "?";
    const char *whose = depth > 0 ? "the CA" : "the broker's certificate";

    if (to[0])
        return;
    write_trusted(tls, trusted, sizeof(trusted));
    if (certificate) {
        write_name(X509_get_subject_name(certificate), name, sizeof(name));
        write_name(X509_get_issuer_name(certificate), issuer, sizeof(issuer));
    }
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        mqtt_format_asn1_time(X509_get0_notAfter(certificate), when, sizeof(when));
        snprintf(to, TLS_TEXT, "%s '%.150s' has expired on %s", whose, name, when);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        mqtt_format_asn1_time(X509_get0_notBefore(certificate), when, sizeof(when));
        snprintf(to, TLS_TEXT, "%s '%.150s' is not valid before %s", whose, name, when);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        write_names(certificate, name, sizeof(name));
        snprintf(to, TLS_TEXT,
                 "the broker's certificate is not for '%.100s' but for %.150s "
                 "(mqtt.ssl.server.name can expect another name)",
                 tls->name, name);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        snprintf(to, TLS_TEXT,
                 "the broker's certificate '%.100s' is self-signed and not among the CAs of %s",
                 name, trusted);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        snprintf(to, TLS_TEXT, "the broker's CA '%.140s' is unknown: it is not among those of %s",
                 name, trusted);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        snprintf(to, TLS_TEXT,
                 "the broker's certificate was signed by '%.140s', which is not among the CAs of "
                 "%s",
                 issuer, trusted);
        break;
    default:
        snprintf(to, TLS_TEXT, "%s '%.120s' is refused: %s", whose, name,
                 X509_verify_cert_error_string(error));
    }
}

/* ---- What the broker says of us ----------------------------------------------------------------
 */

static void say_no_certificate(mqtt_tls *tls)
{
    say(tls, "the broker requires a client certificate, and none is configured "
             "(mqtt.ssl.certificate.location with mqtt.ssl.key.location, or "
             "mqtt.ssl.keystore.location)");
}

static void say_refused(mqtt_tls *tls, const char *why)
{
    const mqtt_tls_settings *s = tls->settings;

    say(tls, "the broker refuses the client certificate in '%.150s', valid until %s: %s",
        s->keystore ? s->keystore : s->certificate, tls->own, why);
}

/* The numbers are RFC 8446's, section 6.2. */
static void explain_alert(mqtt_tls *tls, int alert)
{
    switch (alert) {
    case 42: /* bad_certificate */
    case 43: /* unsupported_certificate */
    case 46: /* certificate_unknown */
        if (tls->own[0])
            say_refused(tls, "it is not accepted");
        else
            say_no_certificate(tls);
        return;
    case 44: /* certificate_revoked */
    case 45: /* certificate_expired */
    case 48: /* unknown_ca */
        if (!tls->own[0])
            break;
        say_refused(tls, alert == 44   ? "it has been revoked"
                         : alert == 45 ? "it has expired"
                                       : "the broker does not know its CA");
        return;
    case 40: /* handshake_failure: TLS 1.2 has nothing better for a missing certificate */
        if (tls->asked && !tls->own[0])
            say_no_certificate(tls);
        else
            say(tls,
                "the broker ends the TLS handshake (handshake_failure): no cipher suite in "
                "common (mqtt.ssl.cipher.suites, mqtt.ssl.protocols)%s",
                tls->asked ? ", or it refuses the client certificate" : "");
        return;
    case 116: /* certificate_required */
        say_no_certificate(tls);
        return;
    case 70: /* protocol_version */
        say(tls, "the broker speaks none of %s (mqtt.ssl.protocols)", tls->settings->protocols);
        return;
    case 112: /* unrecognized_name */
        say(tls, "the broker has no certificate for the name '%s' (mqtt.ssl.server.name)",
            tls->name);
        return;
    case 120: /* no_application_protocol */
        say(tls, "the broker speaks none of the protocols in mqtt.ssl.alpn");
        return;
    default:
        break;
    }
    say(tls, "the broker ends TLS: %s", SSL_alert_desc_string_long(alert));
}

/* ---- Everything --------------------------------------------------------------------------------
 */

static void explain_socket(mqtt_tls *tls)
{
    if (tls->shaken && !tls->io_error)
        return; /* no close_notify: as good as in good order */
    if (tls->shaken)
        say(tls, "%s", strerror(tls->io_error));
    else if (!tls->io_error || tls->io_error == ECONNRESET || tls->io_error == EPIPE)
        say(tls, "the broker closed the connection during the TLS handshake: is this its port for "
                 "TLS?");
    else
        say(tls, "the TLS handshake failed: %s", strerror(tls->io_error));
}

void mqtt_tls_explain(mqtt_tls *tls, int problem)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);

    tls->failed = problem == SSL_ERROR_SSL;
    if (tls->first_byte >= 0 && tls->first_byte != ALERT && tls->first_byte != HANDSHAKE)
        say(tls, "what answers there does not speak TLS: is this a port without it?");
    else if (problem == SSL_ERROR_SYSCALL || !error)
        explain_socket(tls);
    else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && tls->distrust[0])
        say(tls, "%s", tls->distrust);
    else if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        explain_alert(tls, reason - SSL_AD_REASON_OFFSET);
    else if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW)
        say(tls, "the broker answers with a version of TLS that is not in mqtt.ssl.protocols (%s)",
            tls->settings->protocols);
    else
        say(tls, "TLS failed: %s", text ? text : "for a reason that OpenSSL does not name");
}
