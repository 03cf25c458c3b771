/* certificates.h - CAs, certificates and keys of the test's own, in a folder that goes with it. */
#ifndef TEST_CERTIFICATES_H
#define TEST_CERTIFICATES_H

#include <check.h>
#include <dirent.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400L

typedef struct minted {
    X509 *certificate;
    EVP_PKEY *key;
} minted;

/* What is to be in a certificate. */
typedef struct mint {
    const char *name;     /* its CN */
    const char *names;    /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
    long from_s, until_s; /* from now on; both 0: from yesterday for a year */
    bool ca;
    const minted *issuer; /* NULL: itself */
} mint;

static inline EVP_PKEY *mint_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    ck_assert_int_eq(EVP_PKEY_keygen_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), 1);
    ck_assert_int_eq(EVP_PKEY_keygen(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static inline void mint_extension(X509 *certificate, int nid, const char *text)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);

    ck_assert_ptr_nonnull(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline minted mint_one(const mint *what)
{
    static long serial;
    minted made = {.certificate = X509_new(), .key = mint_key()};
    const minted *issuer = what->issuer ? what->issuer : &made;
    X509_NAME *name = X509_NAME_new();
    bool plain = !what->from_s && !what->until_s;

    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)what->name, -1, -1,
                               0);
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial + getpid() * 1000L);
    X509_set_subject_name(made.certificate, name);
    X509_set_issuer_name(made.certificate,
                         what->issuer ? X509_get_subject_name(issuer->certificate) : name);
    X509_NAME_free(name);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), plain ? -DAY : what->from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), plain ? 365 * DAY : what->until_s);
    X509_set_pubkey(made.certificate, made.key);
    mint_extension(made.certificate, NID_basic_constraints,
                   what->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (what->names)
        mint_extension(made.certificate, NID_subject_alt_name, what->names);
    ck_assert_int_gt(X509_sign(made.certificate, issuer->key, EVP_sha256()), 0);
    return made;
}

static inline void mint_free(minted *made)
{
    X509_free(made->certificate);
    EVP_PKEY_free(made->key);
}

/* ---- The folder ------------------------------------------------------------------------------ */

typedef struct safe {
    char folder[64];
} safe;

static inline safe *safe_new(void)
{
    safe *s = calloc(1, sizeof(*s));

    snprintf(s->folder, sizeof(s->folder), "/tmp/weir-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s->folder));
    return s;
}

/* Eight paths are valid at a time. */
static inline const char *safe_path(const safe *s, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", s->folder, name);
    return path;
}

static inline void safe_free(safe *s)
{
    DIR *folder = opendir(s->folder);
    struct dirent *entry;

    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            unlink(safe_path(s, entry->d_name));
    closedir(folder);
    rmdir(s->folder);
    free(s);
}

static inline FILE *safe_open(const safe *s, const char *name)
{
    FILE *file = fopen(safe_path(s, name), "w");

    ck_assert_ptr_nonnull(file);
    return file;
}

static inline void safe_write(const safe *s, const char *name, const void *bytes, size_t size)
{
    FILE *file = safe_open(s, name);

    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* <name>.pem; with `issuer` its certificate stands behind. */
static inline void safe_certificate(const safe *s, const char *name, const minted *made,
                                    const minted *issuer)
{
    FILE *file = safe_open(s, name);

    PEM_write_X509(file, made->certificate);
    if (issuer)
        PEM_write_X509(file, issuer->certificate);
    fclose(file);
}

/* `password` NULL: not encrypted. */
static inline void safe_key(const safe *s, const char *name, const minted *made,
                            const char *password)
{
    FILE *file = safe_open(s, name);

    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(file, made->key, password ? EVP_aes_256_cbc() : NULL,
                                               NULL, 0, NULL, (void *)password),
                     1);
    fclose(file);
}

/* PKCS#12; `made` NULL: only CAs are in it. */
static inline void safe_pkcs12(const safe *s, const char *name, const minted *made,
                               const minted *ca, const char *password)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    FILE *file = safe_open(s, name);
    PKCS12 *store;

    if (ca)
        sk_X509_push(chain, ca->certificate);
    store = PKCS12_create(password, "test", made ? made->key : NULL,
                          made ? made->certificate : NULL, chain, 0, 0, 0, 0, 0);
    ck_assert_ptr_nonnull(store);
    ck_assert_int_eq(i2d_PKCS12_fp(file, store), 1);
    PKCS12_free(store);
    sk_X509_free(chain);
    fclose(file);
}

#endif
