/* tls_files.h - certificates, keys and CAs, from files as users have them.
 *
 * Files are small, regular and local: larger than 8 MiB, or no file at all, is refused.
 *
 * Threads  None of its own.
 */
#ifndef MQTT_TLS_FILES_H
#define MQTT_TLS_FILES_H

#include "tls.h"

#include <openssl/x509.h>

/* What is wrong: under which key, and in words that name the file. */
typedef struct mqtt_tls_trouble {
    const char *key;
    char text[400];
} mqtt_tls_trouble;

/* Always false, so that it can be returned. */
bool mqtt_tls_fail(mqtt_tls_trouble *trouble, const char *key, const char *fmt, ...)
    WEIR_PRINTF(3, 4);

/* Who we are. All zero: nobody. */
typedef struct mqtt_identity {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* may be NULL */
    const char *file;       /* where the certificate was; the settings' */
    bool password_idle;     /* a password was given, and the key is not encrypted */
} mqtt_identity;

/* True with nobody when no certificate is configured. False: *trouble; *identity is untouched. */
bool mqtt_identity_load(const mqtt_tls_settings *settings, mqtt_identity *ret_identity,
                        mqtt_tls_trouble *trouble);
void mqtt_identity_clear(mqtt_identity *identity);

/* Puts the CAs into the store. False: *trouble. */
bool mqtt_trust_load(const mqtt_tls_settings *settings, X509_STORE *store,
                     mqtt_tls_trouble *trouble);
/* Has every CA that the store holds expired? Not those which are looked up in a directory. */
bool mqtt_trust_expired(X509_STORE *store);

/* "2026-01-31T12:00:00Z" */
void mqtt_format_asn1_time(const ASN1_TIME *when, char *text, size_t room);
/* Days from now on, rounded down; negative: it is over. */
int mqtt_days_until(const ASN1_TIME *when);

#endif
