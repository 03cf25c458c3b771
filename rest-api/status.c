/* status.c - a connector's and a task's status, with what the task itself says; a task's restart
 * (connect-rest-api.md 1.4). */
#include "rest-api/handlers.h"

#include "rest-api/ask.h"
#include "rest-api/details.h"

#include <errno.h>
#include <stdlib.h>

/* The task number in the path as Java's Integer reads it. */
static bool task_number(weir_call *call, int32_t *ret_task)
{
    const char *text = call->args[1];
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno || *end || end == text || text[0] == ' ' || number < INT32_MIN ||
        number > INT32_MAX) {
        weir_call_error(call, 404, "HTTP 404 Not Found");
        return false;
    }
    *ret_task = (int32_t)number;
    return true;
}

void weir_handle_status(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};

    if (weir_call_ask(call, (weir_request){0}, &reply)) {
        weir_details_add(call, json_object_get(reply.body, "tasks"), &reply);
        if (!atomic_load(&call->abandoned))
            weir_call_json(call, 200, reply.body);
    }
    weir_reply_clear(&reply);
}

void weir_handle_task_status(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    weir_request request = {.what = WEIR_ASK_TASK_STATUS};
    json_t *rows;

    if (!task_number(call, &request.task))
        return;
    if (weir_call_ask(call, request, &reply)) {
        rows = json_array();
        json_array_append(rows, reply.body);
        weir_details_add(call, rows, &reply);
        json_decref(rows);
        if (!atomic_load(&call->abandoned))
            weir_call_json(call, 200, reply.body);
    }
    weir_reply_clear(&reply);
}

void weir_handle_restart_task(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    weir_request request = {.what = WEIR_ASK_RESTART_TASK};

    if (!task_number(call, &request.task))
        return;
    if (weir_call_ask(call, request, &reply))
        weir_call_empty(call, call->route->success);
    weir_reply_clear(&reply);
}
