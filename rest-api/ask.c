/* ask.c - see ask.h. */
#include "rest-api/ask.h"

#include "rest-api/forward.h"

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

bool weir_call_ask(weir_call *call, weir_request request, weir_reply *reply)
{
    request.what = call->route->ask;
    request.connector = call->args[0];
    weir_herder_ask(call->options->herder, &request, call->deadline_ms, reply);
    if (atomic_load(&call->abandoned))
        return false;
    if (reply->forward_to) {
        weir_forward(call, reply->forward_to);
        return false;
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
