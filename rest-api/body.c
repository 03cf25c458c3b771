/* body.c - see body.h. Texts: connect-rest-api.md 1.3 and 8; Jackson's own wording is matched as
 * far as clients can rely on it. */
#include "rest-api/body.h"

#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* ---- Any JSON ---------------------------------------------------------------------------- */

static weir_code not_json(const weir_err *why, bool comments, weir_err *err)
{
    const char *kind = "Unexpected input";

    if (strstr(why->msg, "end of file expected"))
        kind = "Trailing token found after the value";
    else if (strstr(why->msg, "near end of file") || strstr(why->msg, "premature end"))
        kind = "Unexpected end-of-input";
    else if (strstr(why->msg, "invalid token"))
        kind = "Unrecognized token";
    return weir_fail(err, WEIR_FAILED, "%s: %s%s", kind, why->msg,
                     strstr(why->msg, "near '/") && !comments
                         ? " (comments are accepted with rest.json.comments=true)"
                         : "");
}

/* WEIR_OK with *ret_json NULL: nothing was sent, or null. */
static weir_code read_typed(const weir_buf *body, bool comments, bool numbers, json_t **ret_json,
                            weir_err *err)
{
    weir_buf text = WEIR_BUF;
    weir_err why = {.code = WEIR_OK};
    json_t *json = NULL;
    weir_code rc = WEIR_OK;

    weir_json_prepare(weir_buf_text(body), body->size, comments, numbers, &text);
    if (strspn(weir_buf_text(&text), " \t\r\n") < text.size &&
        weir_json_read(weir_buf_text(&text), text.size, &json, &why) != WEIR_OK)
        rc = not_json(&why, comments, err);
    if (json_is_null(json)) {
        json_decref(json);
        json = NULL;
    }
    *ret_json = json;
    weir_buf_free(&text);
    return rc;
}

/* The same for configs, whose values are text. */
static weir_code read_json(const weir_buf *body, bool comments, json_t **ret_json, weir_err *err)
{
    return read_typed(body, comments, true, ret_json, err);
}

static const char *token(const json_t *json)
{
    assert(json);
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "Object value (token `JsonToken.START_OBJECT`)";
    case JSON_ARRAY:
        return "Array value (token `JsonToken.START_ARRAY`)";
    case JSON_TRUE:
    case JSON_FALSE:
        return "Boolean value";
    default:
        return "String value";
    }
}

static weir_code wrong_type(const char *where, const char *wanted, const json_t *json,
                            weir_err *err)
{
    return weir_fail(err, WEIR_FAILED, "Cannot deserialize value of type `%s` from %s, in %s",
                     wanted, token(json), where);
}

/* A NUL would cut the text short wherever it is used later. */
static bool has_nul(const json_t *json)
{
    return json_is_string(json) && strlen(json_string_value(json)) != json_string_length(json);
}

static weir_code to_config(const json_t *json, weir_props *config, weir_err *err)
{
    const char *key;
    const json_t *value;

    if (!json_is_object(json))
        return wrong_type("the config",
                          "java.util.LinkedHashMap<java.lang.String,"
                          "java.lang.String>",
                          json, err);
    json_object_foreach ((json_t *)(uintptr_t)json, key, value) {
        if (json_is_object(value) || json_is_array(value))
            return wrong_type(key, "java.lang.String", value, err);
        if (has_nul(value))
            return weir_fail(err, WEIR_FAILED, "Unexpected character (code 0) in the value of '%s'",
                             key);
    }
    return weir_json_to_props(json, config, err);
}

/* ---- POST /connectors -------------------------------------------------------------------- */

/* Java's trim(): everything up to the blank goes, at both ends. */
static char *trimmed(const char *text)
{
    size_t size = strlen(text);

    while (size > 0 && (unsigned char)text[0] <= ' ') {
        text++;
        size--;
    }
    while (size > 0 && (unsigned char)text[size - 1] <= ' ')
        size--;
    return weir_memdup(text, size);
}

static weir_code take_name(const json_t *json, weir_create *create, weir_err *err)
{
    if (json_is_object(json) || json_is_array(json))
        return wrong_type("name", "java.lang.String", json, err);
    if (has_nul(json))
        return weir_fail(err, WEIR_FAILED, "Unexpected character (code 0) in the name");
    create->name = trimmed(json_is_string(json)  ? json_string_value(json)
                           : json_is_true(json)  ? "true"
                           : json_is_false(json) ? "false"
                                                 : "");
    return WEIR_OK;
}

static weir_code take_target(const json_t *json, weir_create *create, weir_err *err)
{
    static const char *const targets[] = {"RUNNING", "PAUSED", "STOPPED"};
    const char *text = json_string_value(json);

    if (!json || json_is_null(json))
        return WEIR_OK;
    for (size_t i = 0; text && i < WEIR_COUNT(targets); i++)
        if (strcasecmp(text, targets[i]) == 0)
            create->target = targets[i];
    if (create->target)
        return WEIR_OK;
    return weir_fail(err, WEIR_FAILED,
                     "Cannot construct instance of `CreateConnectorRequest$InitialState`, problem: "
                     "initial_state must be RUNNING, PAUSED or STOPPED, not '%s'",
                     text ? text : token(json));
}

static weir_code only_known_fields(const json_t *json, weir_err *err)
{
    const char *key;
    const json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)json, key, value)
        if (strcmp(key, "name") != 0 && strcmp(key, "config") != 0 &&
            strcmp(key, "initial_state") != 0)
            return weir_fail(err, WEIR_FAILED,
                             "Unrecognized field \"%s\" (class CreateConnectorRequest), not marked "
                             "as ignorable (3 known properties: \"config\", \"name\", "
                             "\"initial_state\")",
                             key);
    return WEIR_OK;
}

static weir_code read_create(const json_t *json, weir_create *create, weir_err *err)
{
    const json_t *config = json_object_get(json, "config");
    weir_code rc;

    if (!json_is_object(json))
        return wrong_type("the body", "CreateConnectorRequest", json, err);
    rc = only_known_fields(json, err);
    if (rc == WEIR_OK)
        rc = take_name(json_object_get(json, "name"), create, err);
    if (rc == WEIR_OK)
        rc = take_target(json_object_get(json, "initial_state"), create, err);
    if (rc != WEIR_OK)
        return rc;
    if (!config || json_is_null(config))
        return weir_fail(err, WEIR_FAILED,
                         "The request has no \"config\": a connector is posted as "
                         "{\"name\": ..., \"config\": {...}}");
    rc = to_config(config, &create->config, err);
    return rc == WEIR_OK ? weir_body_agree(&create->config, create->name, err) : rc;
}

static weir_code no_body(const weir_buf *body, const char *wanted, weir_err *err)
{
    if (body->size && memmem(body->data, body->size, "//", 2))
        return weir_fail(err, WEIR_FAILED,
                         "The request has no body but a comment: %s. (curl -d joins all lines into "
                         "one, which a // comment then swallows; use --data-binary)",
                         wanted);
    return weir_fail(err, WEIR_FAILED, "The request has no body: %s", wanted);
}

weir_code weir_body_create(const weir_buf *body, bool comments, weir_create *create, weir_err *err)
{
    json_t *json = NULL;
    weir_code rc = read_json(body, comments, &json, err);

    if (rc == WEIR_OK && !json)
        rc = no_body(body, "a connector is posted as {\"name\": ..., \"config\": {...}}", err);
    if (rc == WEIR_OK)
        rc = read_create(json, create, err);
    json_decref(json);
    return rc;
}

void weir_create_clear(weir_create *create)
{
    free(create->name);
    weir_props_clear(&create->config);
    *create = (weir_create){0};
}

/* ---- PUT and PATCH …/config, PUT …/validate ---------------------------------------------- */

weir_code weir_body_config(const weir_buf *body, bool comments, weir_props *config, weir_err *err)
{
    json_t *json = NULL;
    weir_code rc = read_json(body, comments, &json, err);

    if (rc == WEIR_OK && !json)
        rc = no_body(body, "a connector config is sent as {\"key\": ...}", err);
    if (rc == WEIR_OK)
        rc = to_config(json, config, err);
    json_decref(json);
    return rc;
}

weir_code weir_body_agree(weir_props *config, const char *name, weir_err *err)
{
    const char *own = weir_props_get(config, "name");

    if (own && strcmp(own, name) != 0)
        return weir_fail(err, WEIR_INVALID,
                         "Connector name configuration (%s) doesn't match connector name in the "
                         "URL (%s)",
                         own, name);
    if (!own)
        weir_props_set(config, "name", name);
    return WEIR_OK;
}

/* ---- PATCH …/offsets --------------------------------------------------------------------- */

static weir_code only_fields(const json_t *json, const char *class_name, const char *one,
                             const char *other, weir_err *err)
{
    const char *key;
    const json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)json, key, value)
        if (strcmp(key, one) != 0 && strcmp(key, other) != 0)
            return weir_fail(err, WEIR_FAILED,
                             "Unrecognized field \"%s\" (class %s), not marked as ignorable", key,
                             class_name);
    return WEIR_OK;
}

static weir_code check_one_offset(const json_t *one, weir_err *err)
{
    static const char *const fields[] = {"partition", "offset"};
    weir_code rc;

    if (!json_is_object(one))
        return wrong_type("offsets", "ConnectorOffset", one, err);
    rc = only_fields(one, "ConnectorOffset", fields[0], fields[1], err);
    for (size_t i = 0; rc == WEIR_OK && i < WEIR_COUNT(fields); i++) {
        const json_t *field = json_object_get(one, fields[i]);

        if (field && !json_is_object(field) && !json_is_null(field))
            rc = wrong_type(fields[i], "java.util.LinkedHashMap<java.lang.String,java.lang.Object>",
                            field, err);
    }
    return rc;
}

static weir_code check_offsets(const json_t *json, weir_err *err)
{
    const json_t *list, *one;
    weir_code rc;
    size_t i;

    if (!json_is_object(json))
        return wrong_type("the body", "ConnectorOffsets", json, err);
    rc = only_fields(json, "ConnectorOffsets", "offsets", "offsets", err);
    list = json_object_get(json, "offsets");
    if (rc == WEIR_OK && list && !json_is_null(list) && !json_is_array(list))
        rc = wrong_type("offsets", "java.util.ArrayList<ConnectorOffset>", list, err);
    if (rc == WEIR_OK && json_array_size(list) == 0)
        rc = weir_fail(err, WEIR_INVALID,
                       "Partitions / offsets need to be provided for an alter offsets request");
    json_array_foreach (list, i, one)
        if (rc == WEIR_OK)
            rc = check_one_offset(one, err);
    return rc;
}

weir_code weir_body_offsets(const weir_buf *body, bool comments, char **ret_offsets, weir_err *err)
{
    json_t *json = NULL;
    weir_code rc = read_typed(body, comments, false, &json, err);

    if (rc == WEIR_OK && !json)
        rc = no_body(body, "offsets are sent as {\"offsets\": [{\"partition\": ..., ...}]}", err);
    if (rc == WEIR_OK)
        rc = check_offsets(json, err);
    if (rc == WEIR_OK)
        *ret_offsets = weir_json_dump(json_object_get(json, "offsets"));
    json_decref(json);
    return rc;
}
