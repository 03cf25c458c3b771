/* client.h - one HTTP request to another worker (libcurl).
 *
 * No proxies, no redirects, no other protocols: workers speak to each other directly. What a peer
 * sends is bounded, like all that comes from outside.
 */
#ifndef WEIR_REST_CLIENT_H
#define WEIR_REST_CLIENT_H

#include "base/buf.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdint.h>

typedef struct weir_fetch { /* lives where it was opened: curl keeps its address */
    CURL *easy;
    struct curl_slist *headers;
    weir_buf body;                /* of the answer */
    long status;                  /* of the answer, once it is there */
    const atomic_bool *abandoned; /* becomes true: end soon */
    char error[CURL_ERROR_SIZE];
} weir_fetch;

/* GET `url`, within `timeout_ms` from now; further options may be set on fetch->easy. */
void weir_fetch_open(weir_fetch *fetch, const char *url, int64_t timeout_ms,
                     const atomic_bool *abandoned);
void weir_fetch_header(weir_fetch *fetch, const char *name, const char *value);
/* In words, after curl gave this code. */
const char *weir_fetch_problem(const weir_fetch *fetch, CURLcode code);
void weir_fetch_close(weir_fetch *fetch);

#endif
