/* tls.h - TLS between a transport and its bytes, by OpenSSL 1.1.1 or 3.
 *
 * One mqtt_tls is one connection, and makes its SSL_CTX of its own: certificates, keys and CAs are
 * read again for each, so that files which were replaced count from the next connection on, and
 * nothing has to be restarted. The broker's certificate is always verified; only the comparison
 * with the broker's name can be turned off.
 *
 * Ownership  The settings and the socket outlive it; the socket is closed by whoever opened it.
 * Threads    The task's. Nothing waits, nothing prompts, nothing is global.
 * Secrets    Passwords and keys are in no text that is made here.
 */
#ifndef MQTT_TLS_H
#define MQTT_TLS_H

#include "transport.h"
#include "weir_plugin.h"

/* The keys mqtt.ssl.*, as written; NULL: not given. */
typedef struct mqtt_tls_settings {
    const char *ca;          /* ca.location: PEM, PKCS#12 or a directory; NULL: the system's CAs */
    const char *ca_password; /* of PKCS#12 */
    const char *certificate, *key, *key_password; /* PEM; the certificate's chain may follow it */
    const char *keystore, *keystore_password;     /* PKCS#12, or PEM with both */
    const char *identification;                   /* "https", or "none": any name will do */
    const char *protocols, *ciphers, *alpn;       /* lists */
    const char *server_name;                      /* NULL: the broker's host */
} mqtt_tls_settings;

#define MQTT_TLS_PROTOCOLS "TLSv1.2,TLSv1.3" /* unless given */

/* ---- Without a network ------------------------------------------------------------------------
 */

typedef void mqtt_tls_note(void *ctx, weir_level level, const char *key, const char *text);

/* Hears what is wrong with the values, and with `files` also with what they name: cannot be read,
 * does not fit together, has expired or soon will. */
void mqtt_tls_check(const mqtt_tls_settings *settings, bool files, mqtt_tls_note *note, void *ctx);
/* For brokers that are all reached without TLS: hears which keys have no effect. */
void mqtt_tls_check_unused(const mqtt_tls_settings *settings, mqtt_tls_note *note, void *ctx);

/* ---- A connection -----------------------------------------------------------------------------
 */

typedef struct mqtt_tls mqtt_tls;

/* Reads the files. `host`: as in the address of the broker. NULL: `why` names key and file. */
mqtt_tls *mqtt_tls_new(const mqtt_tls_settings *settings, const char *host, char *why, size_t room);
void mqtt_tls_free(mqtt_tls *tls);
/* Once, before anything below: the socket, connected and non-blocking. */
void mqtt_tls_attach(mqtt_tls *tls, int fd);

/* MQTT_IO_AGAIN: call it again after mqtt_tls_waits(tls, true, true). The broker may judge a client
 * certificate later than this says MQTT_IO_DONE; its refusal then is the end of a read or write. */
mqtt_io mqtt_tls_handshake(mqtt_tls *tls);

/* As mqtt_transport_read(), _write() and _waits() (transport.h), which are what to call. A read
 * fills all the room it can. */
mqtt_io mqtt_tls_read(mqtt_tls *tls, void *to, size_t room, size_t *ret_size);
mqtt_io mqtt_tls_write(mqtt_tls *tls, const void *bytes, size_t size, size_t *ret_size);
short mqtt_tls_waits(const mqtt_tls *tls, bool to_read, bool to_write);
/* Is there something to read that the socket does not show? */
bool mqtt_tls_pending(const mqtt_tls *tls);
/* After MQTT_IO_OVER. NULL: closed in good order, or as good as: MQTT has lengths of its own, so
 * an end without close_notify hides nothing. */
const char *mqtt_tls_why(const mqtt_tls *tls);
/* Did TLS itself fail, or the broker say so, rather than the connection below? */
bool mqtt_tls_failed(const mqtt_tls *tls);
/* Writes close_notify. False: not yet. */
bool mqtt_tls_end(mqtt_tls *tls);

#endif
