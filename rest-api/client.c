/* client.c - see client.h. */
#include "rest-api/client.h"

#include "base/mem.h"

#define CONNECT_MS   5000
#define ANSWER_LIMIT ((size_t)64 << 20)

static size_t take(char *bytes, size_t one, size_t count, void *arg)
{
    weir_fetch *fetch = arg;
    size_t size = one * count;

    if (size > ANSWER_LIMIT - fetch->body.size)
        return 0; /* curl ends with CURLE_WRITE_ERROR */
    weir_buf_add(&fetch->body, bytes, size);
    return size;
}

static int is_abandoned(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const weir_fetch *fetch = arg;

    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(fetch->abandoned);
}

void weir_fetch_open(weir_fetch *fetch, const char *url, int64_t timeout_ms,
                     const atomic_bool *abandoned)
{
    *fetch = (weir_fetch){.easy = curl_easy_init(), .abandoned = abandoned};
    if (!fetch->easy)
        abort(); /* memory is out, see base/mem.h */
    if (timeout_ms < 1)
        timeout_ms = 1; /* 0 would be for ever */
    curl_easy_setopt(fetch->easy, CURLOPT_URL, url);
    curl_easy_setopt(fetch->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(fetch->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(fetch->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(fetch->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(fetch->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(fetch->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(fetch->easy, CURLOPT_USERAGENT, "kafka-connect");
    curl_easy_setopt(fetch->easy, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(fetch->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(fetch->easy, CURLOPT_XFERINFOFUNCTION, is_abandoned);
    curl_easy_setopt(fetch->easy, CURLOPT_XFERINFODATA, fetch);
    weir_fetch_header(fetch, "Accept", "application/json");
}

void weir_fetch_header(weir_fetch *fetch, const char *name, const char *value)
{
    char *line = weir_format("%s: %s", name, value);

    fetch->headers = curl_slist_append(fetch->headers, line);
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
    free(line);
}

const char *weir_fetch_problem(const weir_fetch *fetch, CURLcode code)
{
    return fetch->error[0] ? fetch->error : curl_easy_strerror(code);
}

void weir_fetch_close(weir_fetch *fetch)
{
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    weir_buf_free(&fetch->body);
    *fetch = (weir_fetch){0};
}
