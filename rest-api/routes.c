/* routes.c - see routes.h. The table is the REST API; the order of judgement is Jersey's:
 * the HTTP itself, path, method, Content-Type, Accept (connect-rest-api.md 2.5). */
#include "rest-api/routes.h"

#include "base/mem.h"
#include "rest-api/ask.h"
#include "rest-api/handlers.h"
#include "rest-api/media.h"

#include <string.h>

#define TARGET_LIMIT 8192
#define HEADER_LIMIT 8192

/* clang-format off */
static const weir_route routes[] = {
    {"GET",    "/",                             weir_handle_ask,    WEIR_ASK_ROOT, .success = 200, .any_content = true},
    {"GET",    "/health",                       weir_handle_health, WEIR_ASK_HEALTH, .success = 200, .any_content = true},

    {"GET",    "/connectors",                   weir_handle_list,   WEIR_ASK_LIST, .success = 200},
    {"POST",   "/connectors",                   weir_handle_create, WEIR_ASK_CREATE, .success = 201, .reads_body = true},
    {"GET",    "/connectors/*",                 weir_handle_ask,    WEIR_ASK_CONNECTOR, .success = 200},
    {"DELETE", "/connectors/*",                 weir_handle_ask,    WEIR_ASK_DELETE, .success = 204},
    {"GET",    "/connectors/*/config",          weir_handle_ask,    WEIR_ASK_CONFIG, .success = 200},
    {"PUT",    "/connectors/*/config",          weir_handle_put_config, WEIR_ASK_PUT_CONFIG, .success = 200, .reads_body = true},
    {"PATCH",  "/connectors/*/config",          weir_handle_patch_config, WEIR_ASK_PATCH_CONFIG, .success = 200, .reads_body = true},
    {"GET",    "/connectors/*/status",          weir_handle_status, WEIR_ASK_STATUS, .success = 200},
    {"POST",   "/connectors/*/restart",         weir_handle_restart, WEIR_ASK_RESTART, .success = 204},
    {"PUT",    "/connectors/*/pause",           weir_handle_ask,    WEIR_ASK_PAUSE, .success = 202},
    {"PUT",    "/connectors/*/resume",          weir_handle_ask,    WEIR_ASK_RESUME, .success = 202},
    {"PUT",    "/connectors/*/stop",            weir_handle_ask,    WEIR_ASK_STOP, .success = 204},
    {"GET",    "/connectors/*/offsets",         weir_handle_ask,    WEIR_ASK_OFFSETS, .success = 200},
    {"PATCH",  "/connectors/*/offsets",         weir_handle_alter_offsets, WEIR_ASK_ALTER_OFFSETS, .success = 200, .reads_body = true},
    {"DELETE", "/connectors/*/offsets",         weir_handle_ask,    WEIR_ASK_RESET_OFFSETS, .success = 200},
    {"GET",    "/connectors/*/tasks",           weir_handle_ask,    WEIR_ASK_TASKS, .success = 200},
    {"GET",    "/connectors/*/tasks/*/status",  weir_handle_task_status, WEIR_ASK_TASK_STATUS, .success = 200},
    {"POST",   "/connectors/*/tasks/*/restart", weir_handle_restart_task, WEIR_ASK_RESTART_TASK, .success = 204},

    {"GET",    "/connector-plugins",            weir_handle_plugins, .success = 200},
    {"GET",    "/connector-plugins/*/config",   weir_handle_definitions, .success = 200},
    {"PUT",    "/connector-plugins/*/config/validate", weir_handle_validate, .success = 200, .reads_body = true},

    {"GET",    "/metrics",                      weir_handle_metrics, WEIR_ASK_METRICS, .success = 200, .any_content = true, .any_accept = true},
    {"GET",    "/admin/cluster",                weir_handle_ask,    WEIR_ASK_CLUSTER, .success = 200},

    /* between workers */
    {"GET",    "/internal/connectors/*/details", weir_handle_ask,   WEIR_ASK_DETAILS, .success = 200},
    {"GET",    "/internal/watch",               NULL, .success = 200, .any_content = true, .any_accept = true},
};
/* clang-format on */

/* ---- Path and method --------------------------------------------------------------------- */

/* Does the pattern fit? args[] receives what its stars stand for. */
static bool fits(const char *pattern, const weir_path *path, const char *args[2])
{
    size_t arg = 0;

    pattern++;
    for (size_t i = 0; i < path->count; i++) {
        size_t size = strcspn(pattern, "/");

        if (size == 1 && pattern[0] == '*')
            args[arg++] = path->segments[i];
        else if (size != strlen(path->segments[i]) ||
                 strncmp(pattern, path->segments[i], size) != 0)
            return false;
        pattern += size + (pattern[size] == '/');
    }
    return *pattern == '\0';
}

static bool serves(const weir_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Sets call->route. True: the path exists; `allow` lists what it offers. */
static bool find(weir_call *call, weir_buf *allow)
{
    bool known = false;

    for (size_t i = 0; i < WEIR_COUNT(routes); i++) {
        const char *args[2] = {NULL, NULL};

        if (!fits(routes[i].path, &call->path, args))
            continue;
        known = true;
        weir_buf_format(allow, "%s%s,", strcmp(routes[i].method, "GET") == 0 ? "HEAD," : "",
                        routes[i].method);
        if (!serves(&routes[i], call->method))
            continue;
        call->route = &routes[i];
        memcpy(call->args, args, sizeof(args));
    }
    weir_buf_text_add(allow, "OPTIONS");
    return known;
}

static void answer_options(weir_call *call, const char *allow)
{
    char *suffix = NULL;

    call->allow = weir_strdup(allow);
    if (weir_media_accepts_text(call->accept)) {
        weir_call_empty(call, 200);
        call->answer_type = weir_strdup("text/plain");
        for (const char *at = allow; *at; at++)
            weir_buf_text_add(&call->answer, *at == ',' ? ", " : (char[]){*at, '\0'});
    } else if (weir_media_accepts_json(call->accept, &suffix)) {
        weir_call_empty(call, 200);
        call->answer_type = weir_strdup("application/json");
    } else {
        weir_call_route_error(call, 406);
    }
    free(suffix);
}

/* ---- HTTP and media types ---------------------------------------------------------------- */

/* False: answered with a page; this is no request to look further into. */
static bool is_sound(weir_call *call)
{
    weir_err err;

    if (strlen(call->target) > TARGET_LIMIT)
        weir_call_page(call, 414, "URI Too Long");
    else if (call->header_bytes > HEADER_LIMIT)
        weir_call_page(call, 431, "Request Header Fields Too Large");
    else if (call->http11 && !call->host)
        weir_call_page(call, 400, "No Host");
    else if (strcmp(call->target, "*") == 0)
        weir_call_empty(call, 404);
    else if (weir_path_parse(call->target, &call->path, &err) != WEIR_OK)
        weir_call_page(call, 400, err.msg);
    return call->status == 0;
}

static bool content_is_fine(weir_call *call)
{
    bool has_body = call->route->reads_body && call->body.size > 0;

    if (call->route->any_content)
        return true;
    if (call->content_types > 1) {
        weir_call_page(call, 400, "Duplicate Content-Type");
    } else if (!call->content_type) {
        if (has_body)
            weir_call_error(call, 415, "HTTP 415 Unsupported Media Type");
    } else {
        switch (weir_media_content(call->content_type)) {
        case WEIR_CONTENT_JSON:
            break;
        case WEIR_CONTENT_WILDCARD:
            if (has_body)
                weir_call_error(call, 415, "HTTP 415 Unsupported Media Type");
            break;
        case WEIR_CONTENT_OTHER:
            weir_call_route_error(call, 415);
            break;
        case WEIR_CONTENT_MALFORMED:
            weir_call_page(call, 400, "Bad Content-Type");
            break;
        }
    }
    return call->status == 0;
}

bool weir_route_call(weir_call *call)
{
    weir_buf allow = WEIR_BUF;

    if (!is_sound(call))
        return false;
    if (!find(call, &allow))
        weir_call_route_error(call, 404);
    else if (strcmp(call->method, "OPTIONS") == 0)
        answer_options(call, weir_buf_text(&allow));
    else if (!call->route)
        weir_call_route_error(call, 405);
    else if (content_is_fine(call) && !call->route->any_accept &&
             !weir_media_accepts_json(call->accept, &call->accepted_suffix))
        weir_call_route_error(call, 406);
    weir_buf_free(&allow);
    return call->status == 0;
}
