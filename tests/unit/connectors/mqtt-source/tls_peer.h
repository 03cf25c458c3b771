/* tls_peer.h - a broker's end of TLS, on a socket that never blocks, and who may be there. */
#ifndef TEST_TLS_PEER_H
#define TEST_TLS_PEER_H

#include "certificates.h"
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

/* ---- Who there is -----------------------------------------------------------------------------
 */

/* A CA that the client believes, one that it does not, and whom they vouch for. In the folder:
 * ca.pem, other.pem, client.pem, client.key. */
typedef struct world {
    safe *safe;
    minted ca, other_ca;
    minted broker, expired, early, wrong, stranger, alone; /* brokers */
    minted client, old_client, strange_client;
} world;

static inline world *world_new(void)
{
    static const char here[] = "DNS:localhost,IP:127.0.0.1";
    world *w = calloc(1, sizeof(*w));

    w->safe = safe_new();
    w->ca = mint_one(&(mint){.name = "Weir test CA", .ca = true});
    w->other_ca = mint_one(&(mint){.name = "Another CA", .ca = true});
    w->broker = mint_one(&(mint){.name = "broker", .names = here, .issuer = &w->ca});
    w->expired = mint_one(&(mint){
        .name = "broker", .names = here, .from_s = -9 * DAY, .until_s = -DAY, .issuer = &w->ca});
    w->early = mint_one(&(mint){
        .name = "broker", .names = here, .from_s = DAY, .until_s = 9 * DAY, .issuer = &w->ca});
    w->wrong = mint_one(
        &(mint){.name = "w", .names = "DNS:elsewhere.example,IP:10.9.8.7", .issuer = &w->ca});
    w->stranger = mint_one(&(mint){.name = "broker", .names = here, .issuer = &w->other_ca});
    w->alone = mint_one(&(mint){.name = "alone", .names = here});
    w->client = mint_one(&(mint){.name = "client", .issuer = &w->ca});
    w->old_client =
        mint_one(&(mint){.name = "old", .from_s = -9 * DAY, .until_s = -DAY, .issuer = &w->ca});
    w->strange_client = mint_one(&(mint){.name = "strange", .issuer = &w->other_ca});
    safe_certificate(w->safe, "ca.pem", &w->ca, NULL);
    safe_certificate(w->safe, "other.pem", &w->other_ca, NULL);
    safe_certificate(w->safe, "client.pem", &w->client, &w->ca);
    safe_key(w->safe, "client.key", &w->client, NULL);
    return w;
}

static inline void world_free(world *w)
{
    minted *all[] = {&w->ca,         &w->other_ca,       &w->broker,   &w->expired,
                     &w->early,      &w->wrong,          &w->stranger, &w->alone,
                     &w->old_client, &w->strange_client, &w->client};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        mint_free(all[i]);
    safe_free(w->safe);
    free(w);
}

/* ---- The broker's end -------------------------------------------------------------------------
 */

typedef struct peer_settings {
    const minted *own;
    const minted *client_ca; /* asks for a certificate signed by it; NULL: for none */
    int version;             /* the only one to speak; 0: all */
    const char *ciphers;     /* of TLS 1.2; NULL: the library's */
    const char *alpn;        /* the one protocol to speak; NULL: any */
} peer_settings;

static inline int peer_choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                                   const unsigned char *offered, unsigned offered_size, void *ctx)
{
    (void)ssl;
    for (unsigned i = 0; i < offered_size; i += 1 + offered[i])
        if (offered[i] == strlen(ctx) && memcmp(offered + i + 1, ctx, offered[i]) == 0) {
            *chosen = offered + i + 1;
            *size = offered[i];
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* `fd` stays the caller's. Writing to a closed one raises SIGPIPE, which main() has to ignore. */
static inline SSL *peer_new(const peer_settings *how, int fd)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *ssl;

    ck_assert_int_eq(SSL_CTX_use_certificate(context, how->own->certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, how->own->key), 1);
    if (how->client_ca) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), how->client_ca->certificate);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (how->version) {
        SSL_CTX_set_min_proto_version(context, how->version);
        SSL_CTX_set_max_proto_version(context, how->version);
    }
    if (how->ciphers)
        ck_assert_int_eq(SSL_CTX_set_cipher_list(context, how->ciphers), 1);
    if (how->alpn)
        SSL_CTX_set_alpn_select_cb(context, peer_choose_alpn, (void *)how->alpn);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ssl = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(ssl, fd);
    SSL_set_accept_state(ssl);
    return ssl;
}

/* How many bytes went; 0: not now; -1: it is over. */
static inline int peer_result(SSL *ssl, int result)
{
    int problem = SSL_get_error(ssl, result);

    ERR_clear_error();
    if (result > 0)
        return result;
    return problem == SSL_ERROR_WANT_READ || problem == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static inline int peer_read(SSL *ssl, void *to, size_t room)
{
    ERR_clear_error();
    return peer_result(ssl, SSL_read(ssl, to, (int)room));
}

static inline int peer_write(SSL *ssl, const void *from, size_t size)
{
    ERR_clear_error();
    return peer_result(ssl, SSL_write(ssl, from, (int)size));
}

static inline int peer_shake(SSL *ssl)
{
    ERR_clear_error();
    return peer_result(ssl, SSL_do_handshake(ssl));
}

#endif
