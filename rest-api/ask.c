/* ask.c - see ask.h. */
#include "rest-api/ask.h"

#include "base/clock.h"
#include "rest-api/forward.h"

#include <unistd.h>

#define AFTERWARDS_MS 2000
#define AGAIN_MS      50

int weir_http_status(weir_code code)
{
    switch (code) {
    case WEIR_OK:
        return 200;
    case WEIR_INVALID:
        return 400;
    case WEIR_DENIED:
        return 403;
    case WEIR_NOT_FOUND:
        return 404;
    case WEIR_EXISTS:
    case WEIR_CONFLICT:
        return 409;
    case WEIR_UNAVAILABLE: /* starting or ending: a load balancer should try the next worker */
        return 503;
    case WEIR_FULL:
    case WEIR_CLOSED:
    case WEIR_TIMED_OUT: /* Connect's word for it, not 504 */
    case WEIR_INCOMPATIBLE:
    case WEIR_FENCED:
    case WEIR_FAILED:
        break;
    }
    return 500;
}

/* Until when a worker that is out of reach is tried again. If it is gone the herder knows soon, if
 * its host is, after a session timeout; then it names another one. */
static int64_t patience_until_ms(const weir_call *call)
{
    int64_t until_ms = call->begun_ms + call->options->settings->session_timeout_ms + AFTERWARDS_MS;

    return until_ms < call->deadline_ms ? until_ms : call->deadline_ms;
}

bool weir_call_ask(weir_call *call, weir_request request, weir_reply *reply)
{
    request.what = call->route->ask;
    request.connector = call->args[0];
    for (;;) {
        weir_herder_ask(call->options->herder, &request, call->deadline_ms, reply);
        if (atomic_load(&call->abandoned))
            return false;
        if (!reply->forward_to)
            break;
        if (weir_forward(call, reply->forward_to) || weir_now_ms() >= patience_until_ms(call))
            return false;
        weir_reply_clear(reply);
        usleep(AGAIN_MS * 1000);
    }
    if (reply->code == WEIR_OK)
        return true;
    weir_call_error(call, weir_http_status(reply->code),
                    reply->message ? reply->message : reply->err.msg);
    return false;
}

void weir_handle_ask(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};

    if (weir_call_ask(call, (weir_request){0}, &reply)) {
        if (reply.body)
            weir_call_json(call, call->route->success, reply.body);
        else
            weir_call_empty(call, call->route->success);
    }
    weir_reply_clear(&reply);
}
