/* tls.c - see tls.h.
 *
 * OpenSSL reads and writes the socket through a BIO of our own: its socket BIO would raise SIGPIPE,
 * and what it makes of the end of a connection differs between 1.1.1 and 3.
 */
#include "tls_internal.h"

#include "bytes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- The socket --------------------------------------------------------------------------------
 */

static int bio_read(BIO *bio, char *to, int room)
{
    mqtt_tls *tls = BIO_get_data(bio);
    ssize_t got;

    BIO_clear_retry_flags(bio);
    do
        got = recv(tls->fd, to, (size_t)room, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0 && tls->first_byte < 0)
        tls->first_byte = (unsigned char)to[0];
    if (got < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    else if (got < 0)
        tls->io_error = errno;
    return (int)got;
}

static int bio_write(BIO *bio, const char *from, int size)
{
    mqtt_tls *tls = BIO_get_data(bio);
    ssize_t sent;

    BIO_clear_retry_flags(bio);
    do
        sent = send(tls->fd, from, (size_t)size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    else if (sent < 0)
        tls->io_error = errno;
    return (int)sent;
}

/* OpenSSL flushes, and asks for things that only its own BIOs have. */
static long bio_control(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *new_method(void)
{
    /* A type of one's own would be one of 127 per process: none is needed. */
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mqtt socket");

    if (!method)
        abort(); /* no memory */
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

void mqtt_tls_attach(mqtt_tls *tls, int fd)
{
    BIO *bio = BIO_new(tls->method);

    if (!bio)
        abort(); /* no memory */
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    tls->fd = fd;
}

/* ---- Life --------------------------------------------------------------------------------------
 */

static int on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

    if (!good)
        mqtt_tls_distrust(SSL_get_app_data(ssl), store);
    return good;
}

/* The broker asks for a certificate; whether there is one is known already. */
static int on_asked(SSL *ssl, void *arg)
{
    mqtt_tls *tls = arg;

    (void)ssl;
    tls->asked = true;
    return 1;
}

static bool is_address(const char *name)
{
    struct in6_addr address;

    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* Neither a zone nor the root's dot is in any certificate. */
static char *bare_name(const char *host)
{
    size_t size = strcspn(host, "%");

    if (size > 1 && !host[size] && host[size - 1] == '.')
        size--;
    return mqtt_strndup(host, size);
}

static bool expect_name(mqtt_tls *tls)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    bool address = is_address(tls->name);

    /* Whoever is in the list of CAs is believed, also an intermediate one. */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    if (!address && SSL_set_tlsext_host_name(tls->ssl, tls->name) != 1)
        return false;
    if (strcasecmp(tls->settings->identification, "none") == 0)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return (address ? X509_VERIFY_PARAM_set1_ip_asc(param, tls->name)
                    : X509_VERIFY_PARAM_set1_host(param, tls->name, 0)) == 1;
}

mqtt_tls *mqtt_tls_new(const mqtt_tls_settings *settings, const char *host, char *why, size_t room)
{
    mqtt_tls *tls = mqtt_alloc(1, sizeof(*tls));
    mqtt_tls_trouble trouble;
    SSL_CTX *context = mqtt_tls_context(settings, tls->own, sizeof(tls->own), &trouble);

    tls->settings = settings;
    tls->fd = tls->first_byte = -1;
    tls->read_waits = POLLIN;
    tls->write_waits = POLLOUT;
    tls->name = bare_name(settings->server_name ? settings->server_name : host);
    tls->method = new_method();
    if (!context) {
        snprintf(why, room, "%s: %s", trouble.key, trouble.text);
        mqtt_tls_free(tls);
        return NULL;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_cert_cb(context, on_asked, tls);
    tls->ssl = SSL_new(context);
    SSL_CTX_free(context); /* tls->ssl has its own hold on it */
    if (!tls->ssl)
        abort(); /* no memory */
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_connect_state(tls->ssl);
    if (expect_name(tls))
        return tls;
    snprintf(why, room, "'%s' is no name of a TLS server", tls->name);
    ERR_clear_error();
    mqtt_tls_free(tls);
    return NULL;
}

void mqtt_tls_free(mqtt_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    BIO_meth_free(tls->method);
    free(tls->name);
    free(tls);
}

/* ---- Bytes -------------------------------------------------------------------------------------
 */

/* Why OpenSSL did nothing. `waits`: what the call that is to be repeated waits for. */
static mqtt_io stopped(mqtt_tls *tls, int result, short *waits)
{
    int problem = SSL_get_error(tls->ssl, result);

    if (problem == SSL_ERROR_WANT_READ || problem == SSL_ERROR_WANT_WRITE) {
        *waits = problem == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return MQTT_IO_AGAIN;
    }
    tls->over = true;
    if (problem != SSL_ERROR_ZERO_RETURN)
        mqtt_tls_explain(tls, problem);
    ERR_clear_error();
    return MQTT_IO_OVER;
}

mqtt_io mqtt_tls_handshake(mqtt_tls *tls)
{
    mqtt_io io = MQTT_IO_OVER;
    int result;

    if (tls->over)
        return io;
    ERR_clear_error();
    result = SSL_do_handshake(tls->ssl);
    if (result == 1) {
        tls->shaken = true;
        tls->read_waits = POLLIN;
        tls->write_waits = POLLOUT;
        return MQTT_IO_DONE;
    }
    io = stopped(tls, result, &tls->read_waits);
    tls->write_waits = tls->read_waits;
    if (io == MQTT_IO_OVER && !tls->why[0]) /* close_notify, of all things */
        snprintf(tls->why, sizeof(tls->why), "the broker ended the TLS handshake");
    return io;
}

mqtt_io mqtt_tls_read(mqtt_tls *tls, void *to, size_t room, size_t *ret_size)
{
    mqtt_io io = MQTT_IO_DONE;
    size_t size = 0;

    tls->more = false;
    tls->read_waits = POLLIN;
    while (size < room && io == MQTT_IO_DONE && !tls->over) {
        size_t part = room - size > INT_MAX ? INT_MAX : room - size;
        int got;

        ERR_clear_error();
        got = SSL_read(tls->ssl, (char *)to + size, (int)part);
        if (got > 0)
            size += (size_t)got;
        else
            io = stopped(tls, got, &tls->read_waits);
    }
    /* Records that were read with these are no longer in the socket, and neither is an end. */
    tls->more = size == room || (size && tls->over);
    if (!size)
        return tls->over ? MQTT_IO_OVER : MQTT_IO_AGAIN;
    tls->shaken = true;
    *ret_size = size;
    return MQTT_IO_DONE;
}

/* A broker that refuses us says why before it hangs up; that may still be unread when writing
 * fails. */
static void hear_last_words(mqtt_tls *tls)
{
    char nothing[256];
    int got;

    for (int i = 0; i < 64; i++) {
        ERR_clear_error();
        got = SSL_read(tls->ssl, nothing, sizeof(nothing));
        if (got > 0)
            continue;
        if (SSL_get_error(tls->ssl, got) == SSL_ERROR_SSL)
            mqtt_tls_explain(tls, SSL_ERROR_SSL);
        break;
    }
    ERR_clear_error();
}

mqtt_io mqtt_tls_write(mqtt_tls *tls, const void *bytes, size_t size, size_t *ret_size)
{
    mqtt_io io;
    int sent;

    if (tls->over)
        return MQTT_IO_OVER;
    tls->write_waits = POLLOUT;
    ERR_clear_error();
    sent = SSL_write(tls->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
    if (sent > 0) {
        tls->shaken = true;
        *ret_size = (size_t)sent;
        return MQTT_IO_DONE;
    }
    io = stopped(tls, sent, &tls->write_waits);
    if (io == MQTT_IO_OVER && tls->io_error)
        hear_last_words(tls);
    return io;
}

short mqtt_tls_waits(const mqtt_tls *tls, bool to_read, bool to_write)
{
    return (short)((to_read ? tls->read_waits : 0) | (to_write ? tls->write_waits : 0));
}

bool mqtt_tls_pending(const mqtt_tls *tls)
{
    return tls->more;
}

const char *mqtt_tls_why(const mqtt_tls *tls)
{
    return tls->why[0] ? tls->why : NULL;
}

bool mqtt_tls_failed(const mqtt_tls *tls)
{
    return tls->failed;
}

bool mqtt_tls_end(mqtt_tls *tls)
{
    mqtt_io io = MQTT_IO_OVER;
    int result;

    if (!tls->shaken || tls->ended || tls->failed || tls->io_error)
        return true;
    ERR_clear_error();
    result = SSL_shutdown(tls->ssl);
    if (result < 0) /* 0 and 1: it is written; whether the other side answers does not matter */
        io = stopped(tls, result, &tls->write_waits);
    tls->ended = io != MQTT_IO_AGAIN;
    return tls->ended;
}
