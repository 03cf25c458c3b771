/* probe.c - see watch_internal.h. The body of a watch is lines of JSON:
 *
 *     {"worker":"host:8083","instance":"…"}                       at once
 *     {"crashed":"orders/3","signal":11,"ran_ms":1234}            last words
 *     {"bye":true}                                                farewell
 *
 * Empty lines, and objects that say something else, are for readers younger than this one.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct weir_probe {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *connect_to;
    const char *worker, *instance;
    weir_probe_hearer hearer;
    int64_t deadline_ms;
    bool alive, crashed;
    weir_probe_end end; /* as the body says */
    weir_buf line;      /* unfinished */
    char text[256];     /* what is wrong with the body; "": nothing */
    char error[CURL_ERROR_SIZE];
};

/* ---- Lines: each function's answer is whether to read on ------------------------------------- */

static bool is_not_ours(weir_probe *probe, const char *why)
{
    snprintf(probe->text, sizeof(probe->text), "%s", why);
    return false;
}

static bool take_name(weir_probe *probe, const json_t *json)
{
    const char *worker = weir_json_str(json, "worker");
    const char *instance = weir_json_str(json, "instance");

    if (!worker || !instance)
        return is_not_ours(probe, "the answer is not a worker's");
    if (strcmp(worker, probe->worker) != 0 || strcmp(instance, probe->instance) != 0) {
        probe->end = WEIR_PROBE_ANOTHER;
        snprintf(probe->text, sizeof(probe->text), "worker %.80s, instance %.80s answers", worker,
                 instance);
        return false;
    }
    probe->alive = true;
    probe->hearer.alive(probe->hearer.ctx);
    return true;
}

static bool take_object(weir_probe *probe, const json_t *json)
{
    const char *item = weir_json_str(json, "crashed");

    if (!probe->alive)
        return take_name(probe, json);
    if (json_is_true(json_object_get(json, "bye"))) {
        probe->end = WEIR_PROBE_BYE;
        return is_not_ours(probe, "it said that it ends");
    }
    if (item && !probe->crashed) {
        probe->crashed = true; /* nobody has two last words */
        probe->hearer.crashed(probe->hearer.ctx, item, (int)weir_json_int(json, "signal", 0),
                              weir_json_int(json, "ran_ms", 0));
    }
    return true;
}

static bool take_line(weir_probe *probe)
{
    json_t *json = NULL;
    bool go_on;

    if (probe->line.size == 0)
        return true;
    if (weir_json_read(weir_buf_text(&probe->line), probe->line.size, &json, NULL) == WEIR_OK &&
        json_is_object(json))
        go_on = take_object(probe, json);
    else
        go_on = is_not_ours(probe, "the answer is not a worker's");
    json_decref(json);
    weir_buf_clear(&probe->line);
    return go_on;
}

static bool status_is_fine(weir_probe *probe)
{
    long status = 0;

    curl_easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return true;
    if (status == 404)
        probe->end = WEIR_PROBE_NOT_FOUND;
    snprintf(probe->text, sizeof(probe->text), "HTTP status %ld", status);
    return false;
}

/* Less than all: curl ends the request. */
static size_t take(char *bytes, size_t one, size_t count, void *arg)
{
    weir_probe *probe = arg;
    size_t size = one * count;
    bool go_on = status_is_fine(probe);

    for (size_t i = 0; i < size && go_on; i++) {
        if (bytes[i] == '\n')
            go_on = take_line(probe);
        else if (probe->line.size == WEIR_WATCH_LINE_BYTES)
            go_on = is_not_ours(probe, "the answer has a line without end");
        else
            weir_buf_char(&probe->line, bytes[i]);
    }
    return go_on ? size : CURL_WRITEFUNC_ERROR;
}

/* ---- The request ------------------------------------------------------------------------- */

static void set_options(weir_probe *probe, const char *url, const weir_watch_limits *limits)
{
    size_t size = strlen(url);
    char *target =
        weir_format("%s%sinternal/watch", url, size > 0 && url[size - 1] == '/' ? "" : "/");

    curl_easy_setopt(probe->easy, CURLOPT_URL, target);
    free(target);
    curl_easy_setopt(probe->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(probe->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(probe->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(probe->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(probe->easy, CURLOPT_NOSIGNAL, 1L);
    /* A name lookup that hangs is left to itself; else giving up would wait for it. */
    curl_easy_setopt(probe->easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(probe->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(probe->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(probe->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_ms);
    curl_easy_setopt(probe->easy, CURLOPT_USERAGENT, "weir");
    curl_easy_setopt(probe->easy, CURLOPT_CONNECT_TO, probe->connect_to);
    curl_easy_setopt(probe->easy, CURLOPT_ERRORBUFFER, probe->error);
    curl_easy_setopt(probe->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(probe->easy, CURLOPT_WRITEDATA, probe);
    curl_easy_setopt(probe->easy, CURLOPT_PRIVATE, probe);
}

weir_probe *weir_probe_begin(CURLM *multi, const char *url, const char *address, const char *worker,
                             const char *instance, const weir_watch_limits *limits,
                             const weir_probe_hearer *hearer)
{
    weir_probe *probe = weir_new(weir_probe);

    probe->multi = multi;
    probe->worker = worker;
    probe->instance = instance;
    probe->hearer = *hearer;
    probe->deadline_ms = weir_now_ms() + limits->first_line_ms;
    probe->easy = curl_easy_init();
    if (!probe->easy)
        abort(); /* memory is out, see base/mem.h */
    if (address)
        probe->connect_to = curl_slist_append(NULL, address);
    set_options(probe, url, limits);
    curl_multi_add_handle(multi, probe->easy);
    return probe;
}

int64_t weir_probe_deadline_ms(const weir_probe *probe)
{
    return probe->alive ? 0 : probe->deadline_ms;
}

/* As CURLOPT_CONNECT_TO wants it: whatever host and port the URL names, it is this one. */
char *weir_probe_address(const weir_probe *probe)
{
    const char *ip = NULL;
    long port = 0;

    curl_easy_getinfo(probe->easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(probe->easy, CURLINFO_PRIMARY_PORT, &port);
    if (!ip || !*ip)
        return NULL;
    return weir_format(strchr(ip, ':') ? "::[%s]:%ld" : "::%s:%ld", ip, port);
}

weir_probe_end weir_probe_ended(weir_probe *probe, CURLcode code, char *text, size_t room)
{
    long number = 0;

    /* An answer without a body never got to take(). */
    if (code == CURLE_OK && probe->end == WEIR_PROBE_NOTHING && !probe->text[0])
        status_is_fine(probe);
    if (code == CURLE_COULDNT_CONNECT)
        curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &number);
    if (number == ECONNREFUSED) {
        probe->end = WEIR_PROBE_REFUSED;
        snprintf(text, room, "connection refused");
    } else if (probe->text[0]) {
        snprintf(text, room, "%s", probe->text);
    } else if (code == CURLE_OK) {
        snprintf(text, room, "the answer ended");
    } else {
        snprintf(text, room, "%s", probe->error[0] ? probe->error : curl_easy_strerror(code));
    }
    return probe->end;
}

weir_probe *weir_probe_of(CURL *easy)
{
    weir_probe *probe = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&probe);
    return probe;
}

void *weir_probe_ctx(const weir_probe *probe)
{
    return probe->hearer.ctx;
}

void weir_probe_free(weir_probe *probe)
{
    if (!probe)
        return;
    curl_multi_remove_handle(probe->multi, probe->easy);
    curl_easy_cleanup(probe->easy);
    curl_slist_free_all(probe->connect_to);
    weir_buf_free(&probe->line);
    free(probe);
}
