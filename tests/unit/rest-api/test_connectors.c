/* test_connectors.c - what the resources ask the herder, and how its answers go out. */
#include "tests/unit/rest-api/fake_worker.h"

static fake_worker worker;

static void start(void)
{
    fake_start(&worker);
}

static void stop(void)
{
    fake_stop(&worker);
    memset(&fake_check, 0, sizeof(fake_check));
}

#define C1 "{\"name\":\"c1\",\"config\":{\"name\":\"c1\"},\"tasks\":[],\"type\":\"source\"}"

/* ---- Every route asks its question ---------------------------------------------------------- */

static const struct {
    const char *method, *target;
    weir_ask what;
    const char *body; /* of the herder's reply */
    int status;
    const char *connector;
    int task;
} asked[] = {
    {"GET", "/", WEIR_ASK_ROOT, "{\"version\":\"4.2.0\"}", 200, NULL, 0},
    {"GET", "/connectors", WEIR_ASK_LIST, "[]", 200, NULL, 0},
    {"GET", "/connectors/c%201/", WEIR_ASK_CONNECTOR, C1, 200, "c 1", 0},
    {"DELETE", "/connectors/c1", WEIR_ASK_DELETE, NULL, 204, "c1", 0},
    {"GET", "/connectors/c1/config", WEIR_ASK_CONFIG, "{}", 200, "c1", 0},
    {"GET", "/connectors/c1;x=y/status", WEIR_ASK_STATUS, "{\"tasks\":[]}", 200, "c1", 0},
    {"GET", "/connectors/a+b%3Bc/tasks", WEIR_ASK_TASKS, "[]", 200, "a+b;c", 0},
    {"GET", "/connectors/c1/tasks/7/status", WEIR_ASK_TASK_STATUS, "{\"id\":7}", 200, "c1", 7},
    {"GET", "/connectors/c1/tasks/-1/status", WEIR_ASK_TASK_STATUS, "{\"id\":7}", 200, "c1", -1},
    {"POST", "/connectors/c1/tasks/+03/restart", WEIR_ASK_RESTART_TASK, NULL, 204, "c1", 3},
    {"POST", "/connectors/c1/restart", WEIR_ASK_RESTART, NULL, 204, "c1", 0},
    {"PUT", "/connectors/c1/pause", WEIR_ASK_PAUSE, NULL, 202, "c1", 0},
    {"PUT", "/connectors/c1/resume", WEIR_ASK_RESUME, NULL, 202, "c1", 0},
    {"PUT", "/connectors/c1/stop", WEIR_ASK_STOP, NULL, 204, "c1", 0},
    {"GET", "/internal/connectors/c1/details", WEIR_ASK_DETAILS, "{\"0\":{}}", 200, "c1", 0},
};

START_TEST(a_route_asks_the_herder_and_gives_its_answer)
{
    answer a;

    worker.herder.replies[asked[_i].what].body = asked[_i].body;
    a = ask(&worker, asked[_i].method, asked[_i].target, "", NULL);
    ck_assert_int_eq(a.status, asked[_i].status);
    ck_assert_str_eq(a.body, asked[_i].body ? asked[_i].body : "");
    ck_assert_int_eq(worker.herder.asked, 1);
    ck_assert_int_eq(worker.herder.last.what, asked[_i].what);
    ck_assert_pstr_eq(worker.herder.connector, asked[_i].connector);
    ck_assert_int_eq(worker.herder.last.task, asked[_i].task);
    forget(&a);
}
END_TEST

static const struct {
    weir_code code;
    int status;
} codes[] = {
    {WEIR_INVALID, 400},      {WEIR_DENIED, 403}, {WEIR_NOT_FOUND, 404}, {WEIR_EXISTS, 409},
    {WEIR_CONFLICT, 409},     {WEIR_FULL, 500},   {WEIR_CLOSED, 500},    {WEIR_TIMED_OUT, 500},
    {WEIR_INCOMPATIBLE, 500}, {WEIR_FENCED, 500}, {WEIR_FAILED, 500},    {WEIR_UNAVAILABLE, 503},
};

START_TEST(a_refusal_becomes_its_status_with_the_herders_words)
{
    fake_reply *reply = &worker.herder.replies[WEIR_ASK_CONNECTOR];
    char expected[100];
    answer a;

    reply->code = codes[_i].code;
    reply->message = "Connector \"\xC3\xA9\"/c1\nnot found";
    a = get(&worker, "/connectors/c1");
    snprintf(expected, sizeof(expected),
             "{\"error_code\":%d,\"message\":\"Connector \\\"\xC3\xA9\\\"/c1\\nnot found\"}",
             codes[_i].status);
    ck_assert_int_eq(a.status, codes[_i].status);
    ck_assert_str_eq(a.body, expected);
    forget(&a);
}
END_TEST

START_TEST(a_long_refusal_goes_out_uncut)
{
    char text[5001];
    answer a;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    worker.herder.replies[WEIR_ASK_CONFIG] = (fake_reply){.code = WEIR_INVALID, .message = text};
    a = get(&worker, "/connectors/c1/config");
    ck_assert_int_eq(a.status, 400);
    ck_assert_msg(strstr(a.body, text) != NULL, "%s", a.body);
    forget(&a);
}
END_TEST

/* ---- Offsets -------------------------------------------------------------------------------- */

START_TEST(offsets_are_passed_on_as_they_were_sent)
{
    static const char done[] = "{\"message\":\"done\"}";
    answer a;

    worker.herder.replies[WEIR_ASK_OFFSETS].body = "{\"offsets\":[]}";
    worker.herder.replies[WEIR_ASK_ALTER_OFFSETS].body = done;
    worker.herder.replies[WEIR_ASK_RESET_OFFSETS].body = done;
    a = get(&worker, "/connectors/c1/offsets");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, "{\"offsets\":[]}");
    forget(&a);
    a = ask(&worker, "PATCH", "/connectors/c1/offsets", JSON,
            "{\"offsets\":[{\"partition\":{\"p\":1},\"offset\":null}]}");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, done);
    ck_assert_int_eq(worker.herder.last.what, WEIR_ASK_ALTER_OFFSETS);
    ck_assert_str_eq(worker.herder.connector, "c1");
    ck_assert_str_eq(worker.herder.offsets, "[{\"partition\":{\"p\":1},\"offset\":null}]");
    forget(&a);
    a = ask(&worker, "PATCH", "/connectors/c1/offsets", JSON, "{}");
    ck_assert_int_eq(a.status, 400);
    ck_assert_int_eq(worker.herder.asked, 2);
    forget(&a);
    a = ask(&worker, "DELETE", "/connectors/c1/offsets", "", "");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, done);
    ck_assert_int_eq(worker.herder.last.what, WEIR_ASK_RESET_OFFSETS);
    forget(&a);
}
END_TEST

/* ---- Creating and changing ------------------------------------------------------------------ */

START_TEST(create_answers_201_and_where_it_is)
{
    answer a;
    char *location;

    worker.herder.replies[WEIR_ASK_CREATE].body = C1;
    a = ask(&worker, "POST", "/connectors", JSON "X-Forwarded-Host: other\r\n",
            "{\"name\":\" \xC3\xA9/x y;%?\",\"config\":{\"rate\":1.50,\"n\":null},"
            "\"initial_state\":\"paused\"}");
    location = header(&a, "Location");
    ck_assert_int_eq(a.status, 201);
    ck_assert_str_eq(a.body, C1);
    ck_assert_pstr_eq(location, "http://weir.example:8083/connectors/%C3%A9/x%20y%3B%25%3F");
    ck_assert_str_eq(worker.herder.connector, "\xC3\xA9/x y;%?");
    ck_assert_str_eq(worker.herder.config,
                     "{\"rate\":\"1.50\",\"n\":null,\"name\":\"\xC3\xA9/x y;%?\"}");
    ck_assert_pstr_eq(worker.herder.target, "PAUSED");
    free(location);
    forget(&a);
}
END_TEST

START_TEST(put_config_answers_201_only_for_a_new_connector)
{
    for (int created = 0; created < 2; created++) {
        answer a;
        char *location;

        worker.herder.replies[WEIR_ASK_PUT_CONFIG] = (fake_reply){.body = C1, .created = created};
        a = ask(&worker, "PUT", "/connectors/c1/config", JSON, "{\"a\":\"b\"}");
        location = header(&a, "Location");
        ck_assert_int_eq(a.status, created ? 201 : 200);
        ck_assert_pstr_eq(location, created ? "http://weir.example:8083/connectors/c1" : NULL);
        ck_assert_str_eq(worker.herder.config, "{\"a\":\"b\",\"name\":\"c1\"}");
        free(location);
        forget(&a);
    }
}
END_TEST

START_TEST(patch_config_passes_on_what_was_sent)
{
    answer a;

    worker.herder.replies[WEIR_ASK_PATCH_CONFIG].body = C1;
    a = ask(&worker, "PATCH", "/connectors/c1/config", JSON, "{\"a\":\"1\",\"b\":null}");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(worker.herder.config, "{\"a\":\"1\",\"b\":null}");
    forget(&a);
}
END_TEST

static const struct {
    const char *method, *target, *body;
    int status;
    const char *says;
} bad_bodies[] = {
    {"POST", "/connectors", "", 500, "no body"},
    {"POST", "/connectors", "{", 500, "Unexpected end-of-input"},
    {"POST", "/connectors", "[]", 500, "Cannot deserialize value"},
    {"POST", "/connectors", "{\"name\":\"c\",\"config\":{}} x", 500, "Trailing token"},
    {"POST", "/connectors", "{\"foo\":1}", 500, "Unrecognized field \\\"foo\\\""},
    {"POST", "/connectors", "{\"name\":\"x\",\"config\":{\"name\":\"y\"}}", 400,
     "Connector name configuration (y) doesn't match connector name in the URL (x)"},
    {"POST", "/connectors", "{\"name\":\"c\",\"config\":{\"a\":\"\xFF\"}}", 500, "Unexpected"},
    {"POST", "/connectors", "{ // comment\n}", 500, "rest.json.comments"},
    {"PUT", "/connectors/c1/config", "null", 500, "no body"},
    {"PUT", "/connectors/c1/config", "{\"name\":\"y\"}", 400, "(y) doesn't match"},
    {"PUT", "/connectors/c1/config", "[]", 500, "Cannot deserialize value"},
    {"PATCH", "/connectors/c1/config", "", 500, "no body"},
    {"PATCH", "/connectors/c1/config", "{\"a\":{}}", 500, "Cannot deserialize value"},
    {"PUT", "/connector-plugins/file-source/config/validate", "", 500, "no body"},
    {"PUT", "/connector-plugins/file-source/config/validate", "7", 500, "Cannot deserialize"},
};

START_TEST(a_bad_body_never_reaches_the_herder)
{
    answer a =
        ask(&worker, bad_bodies[_i].method, bad_bodies[_i].target, JSON, bad_bodies[_i].body);
    char shape[40];

    snprintf(shape, sizeof(shape), "{\"error_code\":%d,\"message\":\"", bad_bodies[_i].status);
    ck_assert_int_eq(a.status, bad_bodies[_i].status);
    ck_assert_msg(strncmp(a.body, shape, strlen(shape)) == 0, "%s", a.body);
    ck_assert_msg(strstr(a.body, bad_bodies[_i].says), "%s", a.body);
    ck_assert_int_eq(worker.herder.asked, 0);
    forget(&a);
}
END_TEST

START_TEST(comments_are_blanks_when_the_worker_allows_them)
{
    answer a;

    worker.settings.rest_comments = true;
    worker.herder.replies[WEIR_ASK_CREATE].body = C1;
    a = ask(&worker, "POST", "/connectors", JSON,
            "{ // as in the blog\n \"name\":\"c1\", /* , */ \"config\":{\"url\":\"tcp://h\"}}");
    ck_assert_int_eq(a.status, 201);
    ck_assert_str_eq(worker.herder.config, "{\"url\":\"tcp://h\",\"name\":\"c1\"}");
    forget(&a);
}
END_TEST

/* ---- Lists, restarts, health ---------------------------------------------------------------- */

static const struct {
    const char *query, *reply, *says;
    bool status, info;
} lists[] = {
    {"", "[\"a\"]", "[\"a\"]", false, false},
    {"?expand=status", "{\"a\":{\"status\":1}}", "{\"a\":{\"status\":1}}", true, false},
    {"?expand=status&expand=info", "{\"a\":{\"status\":1,\"info\":2}}",
     "{\"a\":{\"status\":1,\"info\":2}}", true, true},
    {"?expand=info&expand=status", "{\"a\":{\"status\":1,\"info\":2}}",
     "{\"a\":{\"info\":2,\"status\":1}}", true, true},
    {"?expand=bogus", "[\"a\",\"b\"]", "{\"a\":{},\"b\":{}}", false, false},
    {"?expand=", "[\"a\"]", "{\"a\":{}}", false, false},
    {"?expand", "[]", "{}", false, false},
    {"?expand=status,info", "[\"a\"]", "{\"a\":{}}", false, false},
    {"?expand=x&expand=info", "{\"a\":{\"info\":2}}", "{\"a\":{\"info\":2}}", false, true},
};

START_TEST(a_list_is_expanded_as_asked)
{
    char *target = weir_format("/connectors%s", lists[_i].query);
    answer a;

    worker.herder.replies[WEIR_ASK_LIST].body = lists[_i].reply;
    a = get(&worker, target);
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, lists[_i].says);
    ck_assert_int_eq(worker.herder.last.expand_status, lists[_i].status);
    ck_assert_int_eq(worker.herder.last.expand_info, lists[_i].info);
    free(target);
    forget(&a);
}
END_TEST

static const struct {
    const char *query;
    bool include_tasks, only_failed;
} restarts[] = {
    {"?includeTasks=true", true, false},
    {"?includeTasks=TRUE&onlyFailed=true", true, true},
    {"?onlyFailed=true&includeTasks=bogus", false, true},
    {"?includeTasks=1&onlyFailed=", false, false},
};

START_TEST(a_restart_reads_its_flags_as_java_would)
{
    bool planned = restarts[_i].include_tasks || restarts[_i].only_failed;
    char *target = weir_format("/connectors/c1/restart%s", restarts[_i].query);
    answer a;

    worker.herder.replies[WEIR_ASK_RESTART] =
        (fake_reply){.accepted = planned, .body = planned ? "{\"name\":\"c1\"}" : NULL};
    a = ask(&worker, "POST", target, "", NULL);
    ck_assert_int_eq(a.status, planned ? 202 : 204);
    ck_assert_str_eq(a.body, planned ? "{\"name\":\"c1\"}" : "");
    ck_assert_int_eq(worker.herder.last.include_tasks, restarts[_i].include_tasks);
    ck_assert_int_eq(worker.herder.last.only_failed, restarts[_i].only_failed);
    free(target);
    forget(&a);
}
END_TEST

static const struct {
    fake_reply reply;
    int status;
    const char *body;
} healths[] = {
    {{.body = "{\"status\":\"healthy\",\"message\":\"x\"}"},
     200,
     "{\"status\":\"healthy\",\"message\":\"x\"}"},
    {{.code = WEIR_UNAVAILABLE, .body = "{\"status\":\"starting\",\"message\":\"x\"}"},
     503,
     "{\"status\":\"starting\",\"message\":\"x\"}"},
    {{.code = WEIR_FAILED, .body = "{\"status\":\"unhealthy\",\"message\":\"x\"}"},
     500,
     "{\"status\":\"unhealthy\",\"message\":\"x\"}"},
    {{.stall = true},
     500,
     "{\"status\":\"unhealthy\",\"message\":\"Worker was unable to handle this request and may be "
     "unable to handle other requests. The worker is currently polling, which began at "
     "2026-11-21T01:33:14.954Z.\"}"},
    {{.code = WEIR_TIMED_OUT, .message = "Request timed out"},
     500,
     "{\"status\":\"unhealthy\",\"message\":\"Worker was unable to handle this request and may be "
     "unable to handle other requests.\"}"},
};

START_TEST(health_says_how_the_herder_is)
{
    answer a;

    worker.settings.rest_request_timeout_ms = 200;
    worker.herder.replies[WEIR_ASK_HEALTH] = healths[_i].reply;
    a = get(&worker, "/health");
    ck_assert_int_eq(a.status, healths[_i].status);
    ck_assert_str_eq(a.body, healths[_i].body);
    forget(&a);
}
END_TEST

/* ---- Plugins -------------------------------------------------------------------------------- */

#define SINK_AND_SOURCE                                                                            \
    "{\"class\":\"log-sink\",\"type\":\"sink\",\"version\":\"0.9.0\"},"                            \
    "{\"class\":\"file-source\",\"type\":\"source\",\"version\":\"1.2.0\"}"

START_TEST(plugins_lists_connectors_and_on_request_converters)
{
    answer few = get(&worker, "/connector-plugins");
    answer all = get(&worker, "/connector-plugins?connectorsOnly=false");

    ck_assert_str_eq(few.body, "[" SINK_AND_SOURCE "]");
    ck_assert_msg(strncmp(all.body, "[" SINK_AND_SOURCE ",", sizeof(SINK_AND_SOURCE) + 1) == 0,
                  "%s", all.body);
    ck_assert(strstr(all.body, "{\"class\":\"org.apache.kafka.connect.json.JsonConverter\","
                               "\"type\":\"converter\"}"));
    ck_assert(strstr(all.body, "\"type\":\"header_converter\"}"));
    forget(&few);
    forget(&all);
}
END_TEST

static const struct {
    const char *target;
    int status;
    const char *body;
} definitions[] = {
    {"/connector-plugins/file-source/config", 200, "[{\"name\":\"file-source\"}]"},
    {"/connector-plugins/file-source/config?version=1.2.0", 200, "[{\"name\":\"file-source\"}]"},
    {"/connector-plugins/file-source/config?version=%5B1.2.0%5D", 200,
     "[{\"name\":\"file-source\"}]"},
    {"/connector-plugins/file-source/config?version=0.0.9", 400,
     "{\"error_code\":400,\"message\":\"Plugin file-source not found that matches the version "
     "range [0.0.9,0.0.9], available versions: [1.2.0]\"}"},
    {"/connector-plugins/Nope/config", 404,
     "{\"error_code\":404,\"message\":\"Unknown plugin Nope.\"}"},
};

START_TEST(definitions_are_those_of_the_plugin_named)
{
    answer a = get(&worker, definitions[_i].target);

    ck_assert_int_eq(a.status, definitions[_i].status);
    ck_assert_str_eq(a.body, definitions[_i].body);
    forget(&a);
}
END_TEST

#define CARRIER "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: "

static const struct {
    const char *config;
    weir_code code;
    const char *message, *report;
    int status;
    const char *body;
} validations[] = {
    {"{\"connector.class\":\"file-source\"}", WEIR_OK, NULL, "{\"error_count\":0}", 200,
     "{\"error_count\":0}"},
    {"{\"connector.class\":\"file-source\"}", WEIR_INVALID, "1 error(s)", "{\"error_count\":1}",
     200, "{\"error_count\":1}"},
    {"{\"connector.class\":\"log-sink\"}", WEIR_INVALID,
     "Included connector type log-sink does not match request type file-source", NULL, 400,
     "{\"error_code\":400,\"message\":\"Included connector type log-sink does not match request "
     "type file-source\"}"},
    {"{\"a\":\"b\"}", WEIR_INVALID, "Connector config {a=b} contains no connector type", NULL, 500,
     "{\"error_code\":500,\"message\":\"" CARRIER
     "Connector config {a=b} contains no connector type\"}"},
    {"{\"connector.class\":\"Nope\"}", WEIR_NOT_FOUND, "Failed to find any class", NULL, 500,
     "{\"error_code\":500,\"message\":\"" CARRIER "Failed to find any class\"}"},
    {"{\"connector.class\":\"file-source\"}", WEIR_TIMED_OUT, "Request timed out", NULL, 500,
     "{\"error_code\":500,\"message\":\"Request timed out\"}"},
    {"{\"connector.class\":\"file-source\"}", WEIR_FULL, "1000 jobs wait", NULL, 500,
     "{\"error_code\":500,\"message\":\"1000 jobs wait\"}"},
};

START_TEST(validate_gives_the_report_or_the_reason)
{
    answer a;

    fake_check.code = validations[_i].code;
    fake_check.message = validations[_i].message;
    fake_check.report = validations[_i].report;
    a = ask(&worker, "PUT", "/connector-plugins/file-source/config/validate", JSON,
            validations[_i].config);
    ck_assert_int_eq(a.status, validations[_i].status);
    ck_assert_str_eq(a.body, validations[_i].body);
    ck_assert_int_eq(worker.herder.asked, 0);
    forget(&a);
}
END_TEST

static const struct {
    const char *query;
    bool probe, shown;
    const char *body;
} wished[] = {
    {"", false, true, "{\"error_count\":0,\"notes\":[{\"level\":\"WARN\"}]}"},
    {"?probe=true", true, true, "{\"error_count\":0,\"notes\":[{\"level\":\"WARN\"}]}"},
    {"?probe=TRUE", true, true, "{\"error_count\":0,\"notes\":[{\"level\":\"WARN\"}]}"},
    {"?probe=1", false, false, "{\"error_count\":0}"},
};

START_TEST(validate_shows_notes_and_probes_when_asked)
{
    char *path = weir_format("/connector-plugins/file-source/config/validate%s", wished[_i].query);
    answer a;

    fake_check.code = WEIR_OK;
    fake_check.message = NULL;
    fake_check.report = "{\"error_count\":0}";
    fake_check.notes = "[{\"level\":\"WARN\"}]";
    worker.settings.rest_status_details = wished[_i].shown;
    a = ask(&worker, "PUT", path, JSON, "{\"connector.class\":\"file-source\"}");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, wished[_i].body);
    ck_assert_int_eq(fake_check.probe, wished[_i].probe);
    forget(&a);
    free(path);
}
END_TEST

WEIR_UNIT_MAIN(
    "connectors", tcase_add_checked_fixture(tests, start, stop);
    tcase_add_loop_test(tests, a_route_asks_the_herder_and_gives_its_answer, 0, WEIR_COUNT(asked));
    tcase_add_loop_test(tests, a_refusal_becomes_its_status_with_the_herders_words, 0,
                        WEIR_COUNT(codes));
    tcase_add_test(tests, a_long_refusal_goes_out_uncut);
    tcase_add_test(tests, offsets_are_passed_on_as_they_were_sent);
    tcase_add_test(tests, create_answers_201_and_where_it_is);
    tcase_add_test(tests, put_config_answers_201_only_for_a_new_connector);
    tcase_add_test(tests, patch_config_passes_on_what_was_sent);
    tcase_add_loop_test(tests, a_bad_body_never_reaches_the_herder, 0, WEIR_COUNT(bad_bodies));
    tcase_add_test(tests, comments_are_blanks_when_the_worker_allows_them);
    tcase_add_loop_test(tests, a_list_is_expanded_as_asked, 0, WEIR_COUNT(lists));
    tcase_add_loop_test(tests, a_restart_reads_its_flags_as_java_would, 0, WEIR_COUNT(restarts));
    tcase_add_loop_test(tests, health_says_how_the_herder_is, 0, WEIR_COUNT(healths));
    tcase_add_test(tests, plugins_lists_connectors_and_on_request_converters);
    tcase_add_loop_test(tests, definitions_are_those_of_the_plugin_named, 0,
                        WEIR_COUNT(definitions));
    tcase_add_loop_test(tests, validate_gives_the_report_or_the_reason, 0, WEIR_COUNT(validations));
    tcase_add_loop_test(tests, validate_shows_notes_and_probes_when_asked, 0, WEIR_COUNT(wished));)
