/* offsets.c - PATCH …/offsets (connect-rest-api.md 1.5). Showing and resetting them has no handler
 * of its own: routes.c says what is asked. */
#include "rest-api/handlers.h"

#include "base/mem.h"
#include "rest-api/ask.h"
#include "rest-api/body.h"

void weir_handle_alter_offsets(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    char *offsets = NULL;
    weir_err err;
    weir_code rc =
        weir_body_offsets(&call->body, call->options->settings->rest_comments, &offsets, &err);

    if (rc != WEIR_OK)
        weir_call_error(call, weir_http_status(rc), err.msg);
    else if (weir_call_ask(call, (weir_request){.offsets = offsets}, &reply))
        weir_call_json(call, call->route->success, reply.body);
    weir_reply_clear(&reply);
    free(offsets);
}
