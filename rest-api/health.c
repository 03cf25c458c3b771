/* health.c - GET /health: is this worker fit to be sent work? (connect-rest-api.md 1.2) */
#include "rest-api/handlers.h"

#include "base/clock.h"
#include "base/mem.h"
#include "rest-api/ask.h"

#include <string.h>

#define HEALTH_MS 10000

/* The herder did not answer: what it is at is the rest of its time-out text. */
static json_t *unhealthy(const weir_err *err)
{
    static const char timed_out[] = "Request timed out.";
    const char *stage = strncmp(err->msg, timed_out, sizeof(timed_out) - 1) == 0
                            ? err->msg + sizeof(timed_out) - 1
                            : "";
    char *text = weir_format("Worker was unable to handle this request and may be unable to handle "
                             "other requests.%s",
                             stage);
    json_t *body = json_object();

    weir_json_set_str(body, "status", "unhealthy");
    weir_json_set_str(body, "message", text);
    free(text);
    return body;
}

void weir_handle_health(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    weir_request request = {.what = WEIR_ASK_HEALTH};
    int64_t deadline_ms = call->begun_ms + HEALTH_MS;

    if (deadline_ms > call->deadline_ms)
        deadline_ms = call->deadline_ms;
    weir_herder_ask(call->options->herder, &request, deadline_ms, &reply);
    if (!reply.body)
        reply.body = unhealthy(&reply.err);
    weir_call_json(call, weir_http_status(reply.code), reply.body);
    weir_reply_clear(&reply);
}
