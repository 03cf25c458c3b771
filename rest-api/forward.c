/* forward.c - see forward.h, and connect-rest-api.md 2.1 and 2.2.
 *
 * The target goes on as it was received, so that a name survives whatever encoding it came in.
 * The body goes on without its comments: the other worker may not accept them.
 */
#include "rest-api/forward.h"

#include "base/clock.h"
#include "base/mem.h"
#include "rest-api/client.h"
#include "rest-api/handlers.h"

#include <string.h>

#define CONNECT_MS 1000

static bool is_forward(const char *pair, size_t size)
{
    static const char name[] = "forward";
    size_t length = sizeof(name) - 1;

    return size >= length && strncmp(pair, name, length) == 0 &&
           (size == length || pair[length] == '=');
}

/* `url` + path + query, with `forward` set anew. */
static char *address(const weir_call *call, const char *url, bool forward)
{
    weir_buf out = WEIR_BUF;
    const char *at = call->path.query;

    weir_buf_text_add(&out, url);
    while (out.size > 0 && out.data[out.size - 1] == '/')
        out.size--;
    weir_buf_format(&out, "%s?forward=%s", call->path.raw, forward ? "true" : "false");
    while (at && *at) {
        size_t size = strcspn(at, "&");

        if (size > 0 && !is_forward(at, size)) {
            weir_buf_char(&out, '&');
            weir_buf_add(&out, at, size);
        }
        at += size + (at[size] == '&');
    }
    return weir_buf_take(&out);
}

static void io_error(weir_call *call, const char *why)
{
    char *text = weir_format("IO Error trying to forward REST request: %s", why);

    weir_call_error(call, 500, text);
    free(text);
}

/* An error answer of a worker has exactly this shape; a proxy's or a stranger's has not. */
static bool is_error_message(const json_t *json)
{
    return json_object_size(json) == 2 && json_is_integer(json_object_get(json, "error_code")) &&
           json_object_get(json, "message");
}

static void give_back(weir_call *call, const weir_fetch *fetch)
{
    json_t *json = NULL;
    weir_err err = {.msg = "not an answer of a worker"};
    int status = (int)fetch->status;

    if (status == 204 || (status == 202 && fetch->body.size == 0)) {
        weir_call_empty(call, status);
    } else if (status < 200 || (status >= 300 && status < 400)) {
        char *text =
            weir_format("Unexpected status code when handling forwarded request: %d", status);

        weir_call_error(call, 500, text);
        free(text);
    } else if (weir_json_read(weir_buf_text(&fetch->body), fetch->body.size, &json, &err) !=
                   WEIR_OK ||
               (status >= 400 && !is_error_message(json))) {
        io_error(call, err.msg);
    } else {
        weir_call_json(call, status, json);
        if (status == 201)
            weir_call_created(call, call->args[0]);
    }
    json_decref(json);
}

/* Nothing of the request has left this machine. */
static bool is_unreached(const weir_fetch *fetch, CURLcode code)
{
    curl_off_t connected_us = 0;

    if (code != CURLE_OPERATION_TIMEDOUT)
        return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
    curl_easy_getinfo(fetch->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    return connected_us == 0;
}

/* The connection broke, or time was up, after the request had gone out. */
static void unknown_outcome(weir_call *call, const char *why)
{
    char *text = weir_format(
        "%s%s", why, strcmp(call->method, "GET") == 0 ? "" : "; whether it was done is not known");

    io_error(call, text);
    free(text);
}

bool weir_forward(weir_call *call, const char *url)
{
    const char *given = weir_path_param(&call->path, "forward");
    weir_buf body = WEIR_BUF;
    weir_fetch fetch;
    bool reached = true;
    CURLcode code;
    char *target;

    if (given && !weir_path_flag(&call->path, "forward", false)) {
        weir_call_error(call, 409,
                        "Cannot complete request because of a conflicting operation (e.g. worker "
                        "rebalance)");
        return true;
    }
    target = address(call, url, !given);
    weir_json_prepare(weir_buf_text(&call->body), call->body.size,
                      call->options->settings->rest_comments, false, &body);
    weir_fetch_open(&fetch, target, call->deadline_ms - weir_now_ms(), &call->abandoned);
    curl_easy_setopt(fetch.easy, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(fetch.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    if (call->authorization)
        weir_fetch_header(&fetch, "Authorization", call->authorization);
    if (call->route->reads_body) {
        weir_fetch_header(&fetch, "Content-Type", "application/json");
        weir_fetch_header(&fetch, "Expect", ""); /* no round trip to ask whether it may come */
        curl_easy_setopt(fetch.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(fetch.easy, CURLOPT_POSTFIELDS, weir_buf_text(&body));
    }
    code = curl_easy_perform(fetch.easy);
    if (code == CURLE_OK) {
        curl_easy_getinfo(fetch.easy, CURLINFO_RESPONSE_CODE, &fetch.status);
        give_back(call, &fetch);
    } else if (is_unreached(&fetch, code)) {
        reached = false;
        io_error(call, weir_fetch_problem(&fetch, code));
    } else {
        unknown_outcome(call, weir_fetch_problem(&fetch, code));
    }
    weir_fetch_close(&fetch);
    weir_buf_free(&body);
    free(target);
    return reached;
}
