/* tls_files.c - see tls_files.h. */
#include "tls_files.h"

#include "bytes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX (8u * 1024 * 1024)

#define CA       "mqtt.ssl.ca.location"
#define KEYSTORE "mqtt.ssl.keystore.location"

bool mqtt_tls_fail(mqtt_tls_trouble *trouble, const char *key, const char *fmt, ...)
{
    va_list args;

    trouble->key = key;
    va_start(args, fmt);
    vsnprintf(trouble->text, sizeof(trouble->text), fmt, args);
    va_end(args);
    return false;
}

const char *mqtt_tls_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return text ? text : "for a reason that OpenSSL does not name";
}

/* ---- Time --------------------------------------------------------------------------------------
 */

void mqtt_format_asn1_time(const ASN1_TIME *when, char *text, size_t room)
{
    struct tm parts;

    if (!ASN1_TIME_to_tm(when, &parts) || !strftime(text, room, "%Y-%m-%dT%H:%M:%SZ", &parts))
        snprintf(text, room, "an unreadable date");
}

int mqtt_days_until(const ASN1_TIME *when)
{
    int days = 0, seconds = 0;

    if (!ASN1_TIME_diff(&days, &seconds, NULL, when))
        return 0;
    return seconds < 0 ? days - 1 : days;
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static void forget(mqtt_bytes *bytes)
{
    if (bytes->data)
        OPENSSL_cleanse(bytes->data, bytes->room);
    mqtt_bytes_free(bytes);
}

/* The whole file; a FIFO is not waited for. */
static bool read_file(const char *key, const char *path, mqtt_bytes *ret_bytes,
                      mqtt_tls_trouble *trouble)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    mqtt_bytes bytes = {0};
    struct stat about;
    ssize_t got = -1;

    if (fd < 0 || fstat(fd, &about) != 0) {
        mqtt_tls_fail(trouble, key, "cannot read '%s': %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(about.st_mode) || about.st_size > FILE_MAX) {
        mqtt_tls_fail(trouble, key, "'%s' is %s", path,
                      S_ISDIR(about.st_mode)   ? "a directory"
                      : S_ISREG(about.st_mode) ? "too large to be a certificate or key"
                                               : "no file");
        goto out;
    }
    mqtt_bytes_reserve(&bytes, (size_t)about.st_size + 1);
    while (bytes.end < bytes.room &&
           (got = read(fd, bytes.data + bytes.end, bytes.room - bytes.end)) > 0)
        bytes.end += (size_t)got;
    if (got) {
        mqtt_tls_fail(trouble, key, "cannot read '%s': %s", path,
                      got < 0 ? strerror(errno) : "it grows while it is read");
        goto out;
    }
    *ret_bytes = bytes;
    bytes = (mqtt_bytes){0};
out:
    forget(&bytes);
    if (fd >= 0)
        close(fd);
    return got == 0;
}

static BIO *open_bytes(const mqtt_bytes *bytes)
{
    return BIO_new_mem_buf(bytes->data, (int)mqtt_bytes_size(bytes));
}

static bool begins(const mqtt_bytes *bytes, const char *magic, size_t size)
{
    return mqtt_bytes_size(bytes) >= size && memcmp(bytes->data, magic, size) == 0;
}

static bool is_der(const mqtt_bytes *bytes)
{
    return begins(bytes, "\x30", 1);
}

/* Java's own formats are refused with the way out. */
static bool is_java(const mqtt_bytes *bytes, const char *key, const char *path,
                    mqtt_tls_trouble *trouble)
{
    if (!begins(bytes, "\xfe\xed\xfe\xed", 4) && !begins(bytes, "\xce\xce\xce\xce", 4))
        return false;
    mqtt_tls_fail(trouble, key,
                  "a Java key store (JKS), which only Java reads; this makes PKCS#12 of it: "
                  "keytool -importkeystore -deststoretype PKCS12 -srckeystore %s -destkeystore "
                  "%s.p12",
                  path, path);
    return true;
}

/* ---- PEM ---------------------------------------------------------------------------------------
 */

/* All certificates, in their order. NULL: there is none, or one of them is damaged. */
static STACK_OF(X509) * read_certificates(const mqtt_bytes *bytes, const char *key,
                                          const char *path, mqtt_tls_trouble *trouble)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    BIO *from = open_bytes(bytes);
    unsigned long error;
    X509 *one;

    while ((one = PEM_read_bio_X509(from, NULL, NULL, NULL)))
        sk_X509_push(list, one);
    BIO_free(from);
    error = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
        mqtt_tls_fail(trouble, key, "certificate %d in '%s' is damaged", sk_X509_num(list) + 1,
                      path);
    else if (!sk_X509_num(list))
        mqtt_tls_fail(trouble, key, "there is no certificate in PEM form in '%s'", path);
    else
        return list;
    sk_X509_pop_free(list, X509_free);
    return NULL;
}

typedef struct lock {
    const char *password; /* NULL: none was given */
    bool asked;
} lock;

/* Never prompts. */
static int unlock(char *to, int room, int writing, void *arg)
{
    lock *l = arg;
    size_t size = l->password ? strlen(l->password) : 0;

    (void)writing;
    l->asked = true;
    if (!l->password || size > (size_t)room)
        return -1;
    memcpy(to, l->password, size);
    return (int)size;
}

/* `password_key`: where a password for it would stand. */
static EVP_PKEY *read_key(const mqtt_bytes *bytes, lock *l, const char *key,
                          const char *password_key, const char *path, mqtt_tls_trouble *trouble)
{
    BIO *from = open_bytes(bytes);
    EVP_PKEY *found = PEM_read_bio_PrivateKey(from, NULL, unlock, l);

    BIO_free(from);
    ERR_clear_error();
    if (found)
        return found;
    if (!l->asked)
        mqtt_tls_fail(trouble, key, "there is no private key in PEM form in '%s'", path);
    else if (l->password)
        mqtt_tls_fail(trouble, password_key, "is not the password of the key in '%s'", path);
    else
        mqtt_tls_fail(trouble, key, "the key in '%s' is encrypted: %s is missing", path,
                      password_key);
    return NULL;
}

/* ---- PKCS#12 -----------------------------------------------------------------------------------
 */

static bool open_pkcs12(const mqtt_bytes *bytes, const char *key, const char *password_key,
                        const char *path, const char *password, mqtt_identity *ret_content,
                        mqtt_tls_trouble *trouble)
{
    BIO *from = open_bytes(bytes);
    PKCS12 *store = d2i_PKCS12_bio(from, NULL);
    unsigned long error;
    bool opened;

    BIO_free(from);
    if (!store) {
        ERR_clear_error();
        return mqtt_tls_fail(trouble, key, "'%s' is neither PEM nor PKCS#12", path);
    }
    opened = PKCS12_parse(store, password, &ret_content->key, &ret_content->certificate,
                          &ret_content->chain);
    PKCS12_free(store);
    error = ERR_peek_last_error();
    if (opened) {
        ERR_clear_error();
        return true;
    }
    if (ERR_GET_LIB(error) == ERR_LIB_PKCS12 &&
        ERR_GET_REASON(error) == PKCS12_R_MAC_VERIFY_FAILURE) {
        ERR_clear_error();
        return mqtt_tls_fail(trouble, password_key, "%s '%s'",
                             password ? "is not the password of" : "is missing for", path);
    }
    return mqtt_tls_fail(trouble, key,
                         "'%s' cannot be opened: %s (old encryption? \"keytool -importkeystore "
                         "-deststoretype PKCS12\" or \"openssl pkcs12 -export\" writes it anew)",
                         path, mqtt_tls_reason());
}

/* From the certificate upwards, as TLS sends it; OpenSSL 1.1.1 hands it out in another order. */
static void order_chain(mqtt_identity *identity)
{
    STACK_OF(X509) *ordered = sk_X509_new_null();
    const X509 *last = identity->certificate;

    for (int i = 0; i < sk_X509_num(identity->chain); i++) {
        X509 *next = sk_X509_value(identity->chain, i);

        if (X509_NAME_cmp(X509_get_issuer_name(last), X509_get_subject_name(next)) != 0)
            continue;
        sk_X509_push(ordered, sk_X509_delete(identity->chain, i));
        last = next;
        i = -1; /* from the start: what comes next may stand before */
    }
    sk_X509_pop_free(identity->chain, X509_free);
    identity->chain = ordered;
}

/* ---- Who we are --------------------------------------------------------------------------------
 */

void mqtt_identity_clear(mqtt_identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    sk_X509_pop_free(identity->chain, X509_free);
    *identity = (mqtt_identity){0};
}

/* The first certificate is ours, the others are its chain. */
static bool take_certificates(mqtt_identity *identity, const mqtt_bytes *bytes, const char *key,
                              const char *path, mqtt_tls_trouble *trouble)
{
    identity->chain = read_certificates(bytes, key, path, trouble);
    if (!identity->chain)
        return false;
    identity->certificate = sk_X509_shift(identity->chain);
    return true;
}

static bool load_keystore(const mqtt_tls_settings *s, mqtt_identity *identity,
                          mqtt_tls_trouble *trouble)
{
    static const char password_key[] = "mqtt.ssl.keystore.password";
    lock l = {.password = s->keystore_password};
    mqtt_bytes bytes = {0};
    bool loaded = false;

    identity->file = s->keystore;
    if (!read_file(KEYSTORE, s->keystore, &bytes, trouble) ||
        is_java(&bytes, KEYSTORE, s->keystore, trouble))
        goto out;
    if (is_der(&bytes)) {
        loaded = open_pkcs12(&bytes, KEYSTORE, password_key, s->keystore, s->keystore_password,
                             identity, trouble);
        if (loaded && (!identity->key || !identity->certificate))
            loaded = mqtt_tls_fail(trouble, KEYSTORE, "there is no key with a certificate in '%s'",
                                   s->keystore);
        if (loaded && identity->chain)
            order_chain(identity);
        goto out;
    }
    loaded = take_certificates(identity, &bytes, KEYSTORE, s->keystore, trouble);
    if (loaded)
        identity->key = read_key(&bytes, &l, KEYSTORE, password_key, s->keystore, trouble);
    loaded = loaded && identity->key;
    identity->password_idle = s->keystore_password && !l.asked;
out:
    forget(&bytes);
    return loaded;
}

static bool load_pair(const mqtt_tls_settings *s, mqtt_identity *identity,
                      mqtt_tls_trouble *trouble)
{
    static const char certificate_key[] = "mqtt.ssl.certificate.location";
    static const char key_key[] = "mqtt.ssl.key.location";
    lock l = {.password = s->key_password};
    mqtt_bytes certificate = {0}, key = {0};
    bool loaded = false;

    identity->file = s->certificate;
    if (!read_file(certificate_key, s->certificate, &certificate, trouble) ||
        is_java(&certificate, certificate_key, s->certificate, trouble) ||
        !take_certificates(identity, &certificate, certificate_key, s->certificate, trouble) ||
        !read_file(key_key, s->key, &key, trouble) || is_java(&key, key_key, s->key, trouble))
        goto out;
    identity->key = read_key(&key, &l, key_key, "mqtt.ssl.key.password", s->key, trouble);
    loaded = identity->key;
    identity->password_idle = s->key_password && !l.asked;
    if (loaded && X509_check_private_key(identity->certificate, identity->key) != 1)
        loaded = mqtt_tls_fail(trouble, key_key,
                               "the key in '%s' is not the one of the certificate in '%s'", s->key,
                               s->certificate);
    ERR_clear_error();
out:
    forget(&key);
    mqtt_bytes_free(&certificate);
    return loaded;
}

bool mqtt_identity_load(const mqtt_tls_settings *s, mqtt_identity *ret_identity,
                        mqtt_tls_trouble *trouble)
{
    mqtt_identity identity = {0};
    bool loaded = true;

    if (s->keystore && (s->certificate || s->key))
        return mqtt_tls_fail(trouble, KEYSTORE,
                             "give either a key store or mqtt.ssl.certificate.location and "
                             "mqtt.ssl.key.location");
    if (s->certificate && !s->key)
        return mqtt_tls_fail(trouble, "mqtt.ssl.certificate.location",
                             "is of no use without mqtt.ssl.key.location");
    if (s->key && !s->certificate)
        return mqtt_tls_fail(trouble, "mqtt.ssl.key.location",
                             "is of no use without mqtt.ssl.certificate.location");
    if (s->keystore)
        loaded = load_keystore(s, &identity, trouble);
    else if (s->certificate)
        loaded = load_pair(s, &identity, trouble);
    if (loaded)
        *ret_identity = identity;
    else
        mqtt_identity_clear(&identity);
    return loaded;
}

/* ---- Whom we believe ---------------------------------------------------------------------------
 */

static bool trust(X509_STORE *store, STACK_OF(X509) * list)
{
    int count = sk_X509_num(list);

    for (int i = 0; i < count; i++)
        X509_STORE_add_cert(store, sk_X509_value(list, i));
    sk_X509_pop_free(list, X509_free);
    return count > 0;
}

static bool trust_pkcs12(X509_STORE *store, const mqtt_bytes *bytes, const mqtt_tls_settings *s,
                         mqtt_tls_trouble *trouble)
{
    mqtt_identity content = {0};
    bool opened =
        open_pkcs12(bytes, CA, "mqtt.ssl.ca.password", s->ca, s->ca_password, &content, trouble);

    if (opened && !trust(store, content.chain))
        opened = mqtt_tls_fail(trouble, CA, "there is no CA's certificate in '%s'", s->ca);
    content.chain = NULL; /* trust() had it; NULL is an empty list to it */
    mqtt_identity_clear(&content);
    return opened;
}

static bool trust_file(X509_STORE *store, const char *path, const mqtt_tls_settings *s,
                       mqtt_tls_trouble *trouble)
{
    mqtt_bytes bytes = {0};
    STACK_OF(X509) * list;
    bool trusted = false;

    if (!read_file(CA, path, &bytes, trouble) || is_java(&bytes, CA, path, trouble))
        goto out;
    if (is_der(&bytes)) {
        trusted = trust_pkcs12(store, &bytes, s, trouble);
        goto out;
    }
    list = read_certificates(&bytes, CA, path, trouble);
    trusted = list && trust(store, list);
out:
    forget(&bytes);
    return trusted;
}

/* 9d66eef0.0: made by "openssl rehash", looked up by OpenSSL itself. */
static bool is_hash_name(const char *name)
{
    size_t digits = 0;

    while (isxdigit((unsigned char)name[digits]))
        digits++;
    return digits == 8 && name[8] == '.' && isdigit((unsigned char)name[9]);
}

/* Without hashed names every file is read; those without certificates are somebody else's. */
static bool trust_directory(X509_STORE *store, const mqtt_tls_settings *s,
                            mqtt_tls_trouble *trouble)
{
    mqtt_tls_trouble skipped;
    struct dirent *entry;
    bool hashed = false;
    size_t found = 0;
    DIR *folder = opendir(s->ca);

    if (!folder)
        return mqtt_tls_fail(trouble, CA, "cannot read '%s': %s", s->ca, strerror(errno));
    while (!hashed && (entry = readdir(folder)))
        hashed = is_hash_name(entry->d_name);
    rewinddir(folder);
    while (!hashed && (entry = readdir(folder))) {
        char path[4096];

        if (entry->d_name[0] != '.' &&
            snprintf(path, sizeof(path), "%s/%s", s->ca, entry->d_name) < (int)sizeof(path))
            found += trust_file(store, path, s, &skipped);
    }
    closedir(folder);
    if (hashed)
        X509_STORE_load_locations(store, NULL, s->ca);
    else if (!found)
        return mqtt_tls_fail(trouble, CA, "no file in '%s' has a certificate in PEM form", s->ca);
    ERR_clear_error();
    return true;
}

bool mqtt_trust_load(const mqtt_tls_settings *s, X509_STORE *store, mqtt_tls_trouble *trouble)
{
    struct stat about;

    if (s->ca)
        return stat(s->ca, &about) == 0 && S_ISDIR(about.st_mode)
                   ? trust_directory(store, s, trouble)
                   : trust_file(store, s->ca, s, trouble);
    X509_STORE_set_default_paths(store);
    ERR_clear_error();
    return true;
}

bool mqtt_trust_expired(X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *list = X509_STORE_get0_objects(store);
    int expired = 0, count = sk_X509_OBJECT_num(list);

    for (int i = 0; i < count; i++) {
        const X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(list, i));

        expired += ca && mqtt_days_until(X509_get0_notAfter(ca)) < 0;
    }
    return count && expired == count;
}
