/* call.c - see call.h. Shapes of error answers: connect-rest-api.md 2.5. */
#include "rest-api/call.h"

#include "base/clock.h"
#include "base/mem.h"

#include <microhttpd.h>
#include <string.h>

weir_call *weir_call_new(const weir_server_options *options, const char *target)
{
    weir_call *call = weir_new(weir_call);

    call->options = options;
    call->target = weir_strdup(target);
    call->begun_ms = weir_now_ms();
    call->deadline_ms = call->begun_ms + options->settings->rest_request_timeout_ms;
    atomic_init(&call->abandoned, false);
    return call;
}

void weir_call_free(weir_call *call)
{
    if (!call)
        return;
    free(call->method);
    free(call->target);
    free(call->host);
    free(call->accept);
    free(call->authorization);
    free(call->content_type);
    weir_buf_free(&call->body);
    weir_path_clear(&call->path);
    free(call->accepted_suffix);
    weir_buf_free(&call->answer);
    free(call->answer_type);
    free(call->location);
    free(call->allow);
    free(call);
}

static void begin_answer(weir_call *call, int status, const char *type, const char *suffix)
{
    call->status = status;
    weir_buf_clear(&call->answer);
    free(call->answer_type);
    call->answer_type = type ? weir_format("%s%s", type, suffix ? suffix : "") : NULL;
}

void weir_call_json(weir_call *call, int status, const json_t *body)
{
    begin_answer(call, status, "application/json", call->accepted_suffix);
    weir_json_write(&call->answer, body);
}

void weir_call_empty(weir_call *call, int status)
{
    begin_answer(call, status, NULL, NULL);
}

static void write_error(weir_call *call, const char *message)
{
    weir_buf_format(&call->answer, "{\"error_code\":%d,\"message\":", call->status);
    weir_json_text(&call->answer, message, strlen(message));
    weir_buf_char(&call->answer, '}');
}

void weir_call_error(weir_call *call, int status, const char *message)
{
    begin_answer(call, status, "application/json", call->accepted_suffix);
    write_error(call, message);
}

static const char *phrase(int status)
{
    return status == 413 ? "Request Entity Too Large"
                         : MHD_get_reason_phrase_for((unsigned int)status);
}

void weir_call_route_error(weir_call *call, int status)
{
    char *message = weir_format("HTTP %d %s", status, phrase(status));

    begin_answer(call, status, NULL, NULL);
    write_error(call, message);
    free(message);
}

void weir_call_page(weir_call *call, int status, const char *title)
{
    begin_answer(call, status, "text/html;charset=iso-8859-1", NULL);
    weir_buf_format(&call->answer,
                    "<!DOCTYPE html><html><head><title>Error %d %s</title></head>"
                    "<body><h1>%d %s</h1></body></html>\n",
                    status, title, status, title);
    call->close = true;
}
