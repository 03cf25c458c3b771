/* health_command.c - see health_command.h. */
#include "rest-api/health_command.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/worker_settings.h"
#include "rest-api/client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEALTH_MS 11000 /* a little more than the worker gives itself */

/* Whoever listens on every interface is asked on the nearest one. */
static char *health_url(const weir_worker_settings *settings)
{
    const char *host = settings->listen_host;

    if (!*host || strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    return weir_format(strchr(host, ':') ? "http://[%s]:%d/health" : "http://%s:%d/health", host,
                       (int)settings->listen_port);
}

static weir_code ask(const char *url, weir_err *err)
{
    atomic_bool abandoned = false;
    weir_code rc = WEIR_OK;
    weir_fetch fetch;
    CURLcode code;

    weir_fetch_open(&fetch, url, HEALTH_MS, &abandoned);
    code = curl_easy_perform(fetch.easy);
    if (code == CURLE_OK)
        curl_easy_getinfo(fetch.easy, CURLINFO_RESPONSE_CODE, &fetch.status);
    if (code != CURLE_OK)
        rc = weir_fail(err, WEIR_UNAVAILABLE, "%s: %s", url, weir_fetch_problem(&fetch, code));
    else
        printf("%s\n", weir_buf_text(&fetch.body));
    if (rc == WEIR_OK && fetch.status != 200)
        rc = weir_fail(err, WEIR_FAILED, "%s answers %ld", url, fetch.status);
    weir_fetch_close(&fetch);
    return rc;
}

int weir_health_command(const char *file, const char *const *environment)
{
    weir_worker_settings *settings = NULL;
    char *url = NULL;
    weir_code rc;
    weir_err err;

    weir_log_to(STDERR_FILENO); /* standard output is the answer's */
    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT);
    rc = weir_worker_settings_read(strcmp(file, "-") == 0 ? NULL : file, environment, &settings,
                                   &err);
    if (rc == WEIR_OK) {
        url = health_url(settings);
        rc = ask(url, &err);
    }
    if (rc != WEIR_OK)
        fprintf(stderr, "weir: %s\n", err.msg);
    free(url);
    weir_worker_settings_free(settings);
    return rc == WEIR_OK ? 0 : 1;
}
