/* connector_check.c - see connector_check.h. The order of an examination, and its verdict. */
#include "plugin/check_internal.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTES_ROOM 16384 /* bytes of notes that a task carries */
#define TAIL                                                                                       \
    "\nYou can also find the above list of errors at the endpoint "                                \
    "`/connector-plugins/{connectorType}/config/validate`"

/* ---- Findings ----------------------------------------------------------------------------- */

void weir_find(weir_examination *x, const char *key, const char *fmt, ...)
{
    weir_finding *finding;
    weir_err text;
    va_list args;

    va_start(args, fmt);
    weir_vfail(&text, WEIR_INVALID, fmt, args);
    va_end(args);
    if (x->finding_count == x->finding_room) {
        x->finding_room = x->finding_room ? x->finding_room * 2 : 8;
        x->findings = weir_realloc(x->findings, x->finding_room, sizeof(*x->findings));
    }
    finding = &x->findings[x->finding_count++];
    finding->key = weir_strdup(key);
    finding->text = weir_strdup(text.msg);
}

size_t weir_findings_of(const weir_examination *x, const char *key)
{
    size_t count = 0;

    for (size_t i = 0; i < x->finding_count; i++)
        count += strcmp(x->findings[i].key, key) == 0;
    return count;
}

void weir_check_note(weir_examination *x, weir_level level, const char *key, const char *text)
{
    json_t *note = json_object();

    json_object_set_new(note, "level", json_string(level >= WEIR_WARN ? "WARN" : "INFO"));
    weir_json_set_str(note, "key", key);
    weir_json_set_str(note, "text", text);
    json_array_append_new(x->notes, note);
}

const char *weir_examined(const weir_examination *x, const char *key)
{
    if (weir_props_has(x->config, key))
        return weir_props_get(x->config, key);
    return weir_props_get(&x->normalised, key);
}

bool weir_posted_null(const weir_examination *x, const char *key)
{
    return weir_props_has(x->config, key) && !weir_props_get(x->config, key);
}

static void free_tasks(weir_props *tasks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        weir_props_clear(&tasks[i]);
    free(tasks);
}

void weir_examination_clear(weir_examination *x)
{
    for (size_t i = 0; i < x->finding_count; i++) {
        free(x->findings[i].key);
        free(x->findings[i].text);
    }
    free(x->findings);
    free(x->connector);
    free(x->class_said);
    free_tasks(x->tasks, x->task_count);
    weir_props_clear(&x->normalised);
    weir_check_resolved_clear(x);
    weir_secrets_clear(&x->secrets);
    json_decref(x->notes);
    *x = (weir_examination){0};
}

/* ---- Which plugin ------------------------------------------------------------------------- */

/* Without their values: nobody knows yet which of them are secret. */
static void refuse_without_class(weir_examination *x, weir_check *check)
{
    weir_buf keys = WEIR_BUF;
    int most;

    WEIR_PROPS_EACH (pair, x->config)
        weir_buf_format(&keys, "%s%s", keys.size ? ", " : "", pair->key);
    check->message =
        weir_format("Connector config {%s} contains no connector type", weir_buf_text(&keys));
    most = keys.size > 800 ? 0 : (int)keys.size;
    check->code =
        weir_fail(&check->err, WEIR_INVALID, "Connector config {%.*s%s} contains no connector type",
                  most, weir_buf_text(&keys), keys.size > 800 ? "..." : "");
    weir_buf_free(&keys);
}

static size_t without_suffix(const char *class_name)
{
    static const char suffix[] = "Connector";
    size_t length = strlen(class_name), cut = sizeof(suffix) - 1;

    if (length > cut && strcmp(class_name + length - cut, suffix) == 0)
        return length - cut;
    return length;
}

/* Kafka's test: less one "Connector" each, the class must end with what the path says. */
static bool fits_path(const char *class_name, const char *path)
{
    size_t class_length = without_suffix(class_name), path_length = without_suffix(path);

    return class_length >= path_length &&
           memcmp(class_name + class_length - path_length, path, path_length) == 0;
}

static void list_plugins(const weir_registry *registry, weir_buf *list)
{
    for (size_t i = 0; i < weir_registry_count(registry); i++) {
        const weir_plugin_desc *desc = weir_plugin_desc_of(weir_registry_at(registry, i));

        weir_buf_format(list, "%s%s", i ? ", " : "", desc->name);
        for (size_t a = 0; WEIR_HAS(desc, aliases) && desc->aliases[a]; a++)
            weir_buf_format(list, "%s%s", a ? ", " : " (or ", desc->aliases[a]);
        if (WEIR_HAS(desc, aliases) && desc->aliases[0])
            weir_buf_char(list, ')');
    }
    if (list->size == 0)
        weir_buf_text_add(list, "none, see plugin.path");
}

static bool find_plugin(weir_examination *x, weir_check *check)
{
    const weir_check_request *request = x->request;
    weir_buf known = WEIR_BUF;

    if (!x->class_said) {
        refuse_without_class(x, check);
        return false;
    }
    if (request->class_in_path && !fits_path(x->class_said, request->class_in_path)) {
        check->code = weir_fail(&check->err, WEIR_INVALID,
                                "Included connector type %s does not match request type %s",
                                x->class_said, request->class_in_path);
        return false;
    }
    x->plugin = weir_registry_find(request->registry, x->class_said);
    if (x->plugin) {
        x->desc = weir_plugin_desc_of(x->plugin);
        return true;
    }
    list_plugins(request->registry, &known);
    check->message = weir_format("Failed to find any class that implements Connector and which "
                                 "name matches %s, available connectors are: %s",
                                 x->class_said, weir_buf_text(&known));
    check->code = weir_fail(&check->err, WEIR_NOT_FOUND, "%s", check->message);
    weir_buf_free(&known);
    return false;
}

/* ---- Verdict ------------------------------------------------------------------------------ */

/* Kafka's text for POST and PUT: the report's errors, one a line. With `room` lines that do not
 * fit give way to "...". */
static char *list_errors(const json_t *report, size_t room)
{
    weir_buf text = WEIR_BUF;
    bool cut = false;
    size_t index, number;
    json_t *entry, *line;

    weir_buf_format(&text,
                    "Connector configuration is invalid and contains the following %lld error(s):",
                    (long long)weir_json_int(report, "error_count", 0));
    json_array_foreach (json_object_get(report, "configs"), index, entry) {
        json_array_foreach (json_object_get(json_object_get(entry, "value"), "errors"), number,
                            line) {
            size_t needs = json_string_length(line) + sizeof("\n\n...") + sizeof(TAIL);

            if (room > 0 && text.size + needs > room)
                cut = true;
            else
                weir_buf_format(&text, "\n%s", json_string_value(line));
        }
    }
    if (cut)
        weir_buf_text_add(&text, "\n...");
    weir_buf_text_add(&text, TAIL);
    return weir_buf_take(&text);
}

static void judge(weir_examination *x, weir_check *check)
{
    bool invalid = x->finding_count > 0;
    char *short_text;

    weir_check_hide_secrets(x);
    if (x->failure.code != WEIR_OK)
        weir_find(x, "connector.class", "%s", x->failure.msg);
    check->report = weir_check_report(x, x->request->worker);
    if (invalid) {
        check->message = list_errors(check->report, 0);
        short_text = list_errors(check->report, sizeof(check->err.msg));
        check->code = weir_fail(&check->err, WEIR_INVALID, "%s", short_text);
        free(short_text);
    } else if (x->failure.code != WEIR_OK) {
        check->err = x->failure;
        check->code = x->failure.code;
    }
}

static bool is_good(const weir_examination *x)
{
    return x->finding_count == 0 && x->failure.code == WEIR_OK;
}

/* What the plugin makes of it. Across fields only once every single field is right. */
static void examine_plugin(weir_examination *x)
{
    size_t found = x->finding_count;

    weir_check_unknown(x);
    weir_check_plugin_options(x);
    if (x->finding_count == found && x->failure.code == WEIR_OK)
        weir_check_validate(x);
}

static void examine(weir_examination *x)
{
    bool complete = weir_check_normalise(x);

    weir_check_write(x);
    weir_check_common(x);
    weir_check_unresolved(x);
    weir_check_errors(x);
    if (complete)
        examine_plugin(x);
    weir_check_converters(x);
    weir_check_overrides(x);
    if (x->request->plan && is_good(x))
        weir_check_plan(x);
    if (x->request->probe && is_good(x))
        weir_check_probe(x);
}

/* As many as a task's record can bear. */
static void hand_on_notes(weir_examination *x)
{
    size_t count = json_array_size(x->notes);
    char *text = weir_json_dump(x->notes);

    while (strlen(text) > NOTES_ROOM && count > 0) {
        json_t *some = json_array();

        count /= 2;
        for (size_t i = 0; i < count; i++)
            json_array_append(some, json_array_get(x->notes, i));
        free(text);
        text = weir_json_dump(some);
        json_decref(some);
    }
    for (size_t i = 0; i < x->task_count && count > 0; i++)
        weir_props_set(&x->tasks[i], WEIR_NOTES_KEY, text);
    free(text);
}

/* Of what was said before any plugin was asked. */
static void hide_in_refusal(const weir_examination *x, weir_check *check)
{
    char *message = weir_secrets_hide(&x->secrets, check->message);
    char *short_text = weir_secrets_hide(&x->secrets, check->err.msg);

    if (message) {
        free(check->message);
        check->message = message;
    }
    if (short_text)
        weir_fail(&check->err, check->code, "%s", short_text);
    free(short_text);
}

/* What the caller gets, whatever the verdict. */
static void hand_over(weir_examination *x, weir_check *check)
{
    if (check->code == WEIR_OK) {
        hand_on_notes(x);
        check->tasks = x->tasks;
        check->task_count = x->task_count;
        x->tasks = NULL;
        x->task_count = 0;
    } else if (!check->message) {
        check->message = weir_strdup(check->err.msg);
    }
    check->normalised = x->normalised;
    x->normalised = (weir_props)WEIR_PROPS;
    check->resolved = x->resolution.props;
    x->resolution.props = (weir_props)WEIR_PROPS;
    check->secrets = x->secrets;
    x->secrets = (weir_secrets){0};
    if (check->report)
        check->notes = json_incref(x->notes);
}

void weir_check_run(const weir_check_request *request, weir_check *check)
{
    weir_examination x = {.request = request, .notes = json_array(), .tasks_max = 1};
    const char *name;

    assert(request->registry);
    assert(request->worker);
    assert(request->config);

    check->code = weir_check_resolve(&x, &check->err);
    name = weir_props_get(x.config, "name");
    x.connector = weir_trimmed(name ? name : request->connector ? request->connector : "");
    x.class_said = weir_trimmed(weir_props_get(x.config, "connector.class"));
    if (check->code == WEIR_OK && find_plugin(&x, check)) {
        examine(&x);
        judge(&x, check);
        weir_check_restore(&x);
    } else {
        hide_in_refusal(&x, check);
    }
    hand_over(&x, check);
    weir_examination_clear(&x);
}

void weir_check_clear(weir_check *check)
{
    free(check->message);
    free_tasks(check->tasks, check->task_count);
    weir_props_clear(&check->resolved);
    weir_props_clear(&check->normalised);
    weir_secrets_clear(&check->secrets);
    json_decref(check->report);
    json_decref(check->notes);
    *check = (weir_check){0};
}
