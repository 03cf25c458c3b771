/* connectors.c - the collection, one connector's config, its restart (connect-rest-api.md 1.3,
 * 1.4). What only asks the herder has no handler of its own: routes.c says what is asked. */
#include "rest-api/handlers.h"

#include "base/mem.h"
#include "rest-api/ask.h"
#include "rest-api/body.h"

#include <string.h>

/* ---- GET /connectors --------------------------------------------------------------------- */

/* ["a"] becomes {"a":{}}: expanded, but by nothing that we know. */
static json_t *expanded_by_nothing(const json_t *names)
{
    json_t *body = json_object(), *name;
    size_t i;

    json_array_foreach (names, i, name)
        json_object_set_new_nocheck(body, json_string_value(name), json_object());
    return body;
}

/* Members come in the order in which they were asked for. */
static void info_first(json_t *body)
{
    const char *name;
    json_t *one;

    json_object_foreach (body, name, one) {
        json_t *status = json_incref(json_object_get(one, "status"));

        json_object_del(one, "status");
        json_object_set_new_nocheck(one, "status", status);
    }
}

void weir_handle_list(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    weir_request request = {.what = WEIR_ASK_LIST};
    const char *first = NULL;
    bool expand = false;

    for (size_t i = 0; i < call->path.param_count; i++) {
        const weir_param *param = &call->path.params[i];

        if (strcmp(param->name, "expand") != 0)
            continue;
        expand = true;
        if (strcmp(param->value, "status") == 0)
            request.expand_status = true;
        else if (strcmp(param->value, "info") == 0)
            request.expand_info = true;
        else
            continue;
        if (!first)
            first = param->value;
    }
    if (weir_call_ask(call, request, &reply)) {
        if (expand && !first) {
            json_t *names = reply.body;

            reply.body = expanded_by_nothing(names);
            json_decref(names);
        } else if (request.expand_status && request.expand_info && strcmp(first, "info") == 0) {
            info_first(reply.body);
        }
        weir_call_json(call, 200, reply.body);
    }
    weir_reply_clear(&reply);
}

/* ---- Creating and changing --------------------------------------------------------------- */

/* As Java's UriBuilder writes a path: the slash stays. */
static void add_encoded(weir_buf *buf, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~!$&'()*+,=:@/", c))
            weir_buf_char(buf, (char)c);
        else
            weir_buf_format(buf, "%%%02X", c);
    }
}

void weir_call_created(weir_call *call, const char *name)
{
    weir_buf url = WEIR_BUF;

    weir_buf_format(&url, "http://%s/connectors/",
                    call->host ? call->host : call->options->settings->worker_id);
    add_encoded(&url, name);
    free(call->location);
    call->location = weir_buf_take(&url);
}

static bool comments(const weir_call *call)
{
    return call->options->settings->rest_comments;
}

/* Asks with `config` about `name`, and answers with what is there afterwards. */
static void ask_with(weir_call *call, const weir_request *request, const char *name)
{
    weir_reply reply = {.code = WEIR_OK};

    call->args[0] = name; /* create's is in the body, not in the path */
    if (weir_call_ask(call, *request, &reply)) {
        int status = reply.created ? 201 : call->route->success;

        weir_call_json(call, status, reply.body);
        if (status == 201)
            weir_call_created(call, name);
    }
    weir_reply_clear(&reply);
}

void weir_handle_create(weir_call *call)
{
    weir_create create = {0};
    weir_err err;
    weir_code rc = weir_body_create(&call->body, comments(call), &create, &err);

    if (rc == WEIR_OK)
        ask_with(call, &(weir_request){.config = &create.config, .target = create.target},
                 create.name);
    else
        weir_call_error(call, weir_http_status(rc), err.msg);
    weir_create_clear(&create);
}

static void handle_config(weir_call *call, bool whole)
{
    const char *name = call->args[0];
    weir_props config = WEIR_PROPS;
    weir_err err;
    weir_code rc = weir_body_config(&call->body, comments(call), &config, &err);

    if (rc == WEIR_OK && whole)
        rc = weir_body_agree(&config, name, &err);
    if (rc == WEIR_OK)
        ask_with(call, &(weir_request){.config = &config}, name);
    else
        weir_call_error(call, weir_http_status(rc), err.msg);
    weir_props_clear(&config);
}

void weir_handle_put_config(weir_call *call)
{
    handle_config(call, true);
}

void weir_handle_patch_config(weir_call *call)
{
    handle_config(call, false);
}

/* ---- POST …/restart ---------------------------------------------------------------------- */

void weir_handle_restart(weir_call *call)
{
    weir_reply reply = {.code = WEIR_OK};
    weir_request request = {.what = WEIR_ASK_RESTART};

    request.include_tasks = weir_path_flag(&call->path, "includeTasks", false);
    request.only_failed = weir_path_flag(&call->path, "onlyFailed", false);
    if (weir_call_ask(call, request, &reply)) {
        if (reply.accepted)
            weir_call_json(call, 202, reply.body);
        else
            weir_call_empty(call, 204);
    }
    weir_reply_clear(&reply);
}
