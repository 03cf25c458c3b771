/* tls_internal.h - what tls.c, tls_context.c, tls_check.c and tls_words.c share. */
#ifndef MQTT_TLS_INTERNAL_H
#define MQTT_TLS_INTERNAL_H

#include "tls_files.h"

#include <openssl/ssl.h>

#define TLS_TEXT 400

struct mqtt_tls {
    const mqtt_tls_settings *settings;
    SSL *ssl;
    BIO_METHOD *method; /* of the BIO inside ssl */
    char *name;         /* what the broker has to be called */
    int fd;             /* -1: not attached */
    short read_waits, write_waits;
    bool shaken; /* hands were shaken: what follows is data */
    bool more;   /* a read ended for want of room */
    bool over, ended;
    bool failed;        /* … by TLS itself */
    char why[TLS_TEXT]; /* when it is over; empty: closed in good order */
    /* For the words. */
    int io_error;            /* errno of the socket */
    int first_byte;          /* that came; -1: none */
    bool asked;              /* the broker wanted to see a certificate */
    char own[TLS_TEXT / 4];  /* until when ours is valid; empty: we have none */
    char distrust[TLS_TEXT]; /* why the broker's certificate was not believed */
};

/* tls_context.c: what needs no file, for the context that is made and for the one that is tried. */
bool mqtt_tls_choose(SSL_CTX *context, const mqtt_tls_settings *settings,
                     mqtt_tls_trouble *trouble);
/* All of it. NULL: *trouble. `ret_until`: of our own certificate, empty without one. */
SSL_CTX *mqtt_tls_context(const mqtt_tls_settings *settings, char *ret_until, size_t room,
                          mqtt_tls_trouble *trouble);

/* tls_words.c: fills tls->why after SSL_get_error() said `problem`. */
void mqtt_tls_explain(mqtt_tls *tls, int problem);
/* … and tls->distrust, from inside the verification; the first reason stays. */
void mqtt_tls_distrust(mqtt_tls *tls, X509_STORE_CTX *store);

#endif
