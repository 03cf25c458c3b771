/* test_routes.c - HTTP as Connect's server speaks it: paths, verbs, media types, limits. */
#include "tests/unit/rest-api/fake_worker.h"

static fake_worker worker;

static void start(void)
{
    fake_start(&worker);
    worker.herder.replies[WEIR_ASK_LIST].body = "[\"c1\"]";
    worker.herder.replies[WEIR_ASK_ROOT].body =
        "{\"version\":\"4.2.0\",\"commit\":\"a1\",\"kafka_cluster_id\":null}";
    worker.herder.replies[WEIR_ASK_CONNECTOR].body = "{\"name\":\"c1\"}";
    worker.herder.replies[WEIR_ASK_STATUS].body = "{\"name\":\"c1\",\"tasks\":[]}";
}

static void stop(void)
{
    fake_stop(&worker);
}

#define E404 "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}"
#define E405 "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}"
#define E406 "{\"error_code\":406,\"message\":\"HTTP 406 Not Acceptable\"}"
#define E413 "{\"error_code\":413,\"message\":\"HTTP 413 Request Entity Too Large\"}"
#define E415 "{\"error_code\":415,\"message\":\"HTTP 415 Unsupported Media Type\"}"

static const struct {
    const char *method, *target, *headers, *body;
    int status;
    const char *says; /* the whole body; NULL: not looked at */
    const char *type; /* Content-Type; NULL: none */
} cases[] = {
    {"GET", "/", "", NULL, 200,
     "{\"version\":\"4.2.0\",\"commit\":\"a1\",\"kafka_cluster_id\":null}", "application/json"},
    {"GET", "/connectors", "", NULL, 200, "[\"c1\"]", "application/json"},
    {"GET", "/connectors/", "", NULL, 200, "[\"c1\"]", "application/json"},
    {"GET", "/connectors;a=b", "", NULL, 200, "[\"c1\"]", "application/json"},
    {"GET", "/connectors?unknown=1", "", NULL, 200, "[\"c1\"]", "application/json"},
    {"HEAD", "/connectors", "", NULL, 200, "", "application/json"},
    /* paths */
    {"GET", "/nope", "", NULL, 404, E404, NULL},
    {"GET", "/Connectors", "", NULL, 404, E404, NULL},
    {"GET", "/connectors/c1/nope", "", NULL, 404, E404, NULL},
    {"GET", "/connectors/c1/tasks-config", "", NULL, 404, E404, NULL},
    {"GET", "/connector-plugins/file-source", "", NULL, 404, E404, NULL},
    {"GET", "/connectors/c1/config/validate/x", "", NULL, 404, E404, NULL},
    {"HEAD", "/nope", "", NULL, 404, "", NULL},
    {"OPTIONS", "/nope", "", NULL, 404, E404, NULL},
    {"OPTIONS", "*", "", NULL, 404, "", NULL},
    {"GET", "/connectors/c1/tasks/x/status", "", NULL, 404, E404, "application/json"},
    {"GET", "/connectors/c1/tasks/2147483648/status", "", NULL, 404, E404, "application/json"},
    {"POST", "/connectors/c1/tasks/0x/restart", "", NULL, 404, E404, "application/json"},
    {"POST", "/connectors/c1/tasks/%20/restart", "", NULL, 404, E404, "application/json"},
    /* verbs */
    {"PUT", "/connectors", JSON, "{}", 405, E405, NULL},
    {"DELETE", "/", "", NULL, 405, E405, NULL},
    {"POST", "/connectors/c1/pause", "", NULL, 405, E405, NULL},
    {"GET", "/connectors/c1/restart", "", NULL, 405, E405, NULL},
    {"HEAD", "/connectors/c1/restart", "", NULL, 405, "", NULL},
    {"GET", "/connector-plugins/x/config/validate", "", NULL, 405, E405, NULL},
    {"TRACE", "/connectors", "", NULL, 405, E405, NULL},
    {"FROB", "/connectors", "", NULL, 405, E405, NULL},
    {"get", "/connectors", "", NULL, 405, E405, NULL},
    /* Accept */
    {"GET", "/connectors", "Accept: text/html\r\n", NULL, 406, E406, NULL},
    {"GET", "/connectors", "Accept: foo\r\n", NULL, 406, E406, NULL},
    {"GET", "/connectors", "Accept: application/json;q=0.5, text/html\r\n", NULL, 200, NULL,
     "application/json"},
    {"GET", "/connectors", "Accept: text/html\r\nAccept: */*\r\n", NULL, 200, NULL,
     "application/json"},
    {"GET", "/connectors", "Accept: application/json; charset=utf-8\r\n", NULL, 200, NULL,
     "application/json;charset=utf-8"},
    /* Content-Type */
    {"GET", "/connectors", "Content-Type: text/plain\r\n", NULL, 415, E415, NULL},
    {"GET", "/", "Content-Type: text/plain\r\n", NULL, 200, NULL, "application/json"},
    {"GET", "/connectors", "Content-Type: */*\r\n", NULL, 200, NULL, "application/json"},
    {"GET", "/connectors", "Content-Type: application/*\r\n", NULL, 200, NULL, "application/json"},
    {"POST", "/connectors", "Content-Type: application/x-www-form-urlencoded\r\n", "{}", 415, E415,
     NULL},
    {"POST", "/connectors", "", "{}", 415, E415, "application/json"},
    {"POST", "/connectors", "Content-Type: application/*\r\n", "{}", 415, E415, "application/json"},
    {"POST", "/connectors/c1/restart", "Content-Type: application/x-www-form-urlencoded\r\n", "",
     415, E415, NULL},
    {"POST", "/connectors/c1/restart", JSON, "not read", 204, "", NULL},
    {"PUT", "/connectors/c1/pause", "", "not read", 202, "", NULL},
    {"DELETE", "/connectors/c1", "", NULL, 204, "", NULL},
    {"PUT", "/connectors/c1/stop", "", NULL, 204, "", NULL},
    {"PUT", "/connectors/c1/resume", "", NULL, 202, "", NULL},
    {"GET", "/connectors", "Content-Type: foo\r\n", NULL, 400, NULL,
     "text/html;charset=iso-8859-1"},
    {"GET", "/connectors", JSON JSON, NULL, 400, NULL, "text/html;charset=iso-8859-1"},
    {"GET", "/connectors", "Content-Type: \r\n", NULL, 400, NULL, "text/html;charset=iso-8859-1"},
    /* the order of judgement */
    {"PUT", "/nope", "Accept: foo\r\nContent-Type: text/plain\r\n", "x", 404, E404, NULL},
    {"PUT", "/connectors", "Accept: foo\r\nContent-Type: text/plain\r\n", "x", 405, E405, NULL},
    {"POST", "/connectors", "Accept: foo\r\nContent-Type: text/plain\r\n", "x", 415, E415, NULL},
    {"POST", "/connectors", "Accept: foo\r\n" JSON, "x", 406, E406, NULL},
    /* suspicious paths */
    {"GET", "/connectors/a%2Fb", "", NULL, 400, NULL, "text/html;charset=iso-8859-1"},
    {"GET", "//connectors", "", NULL, 400, NULL, "text/html;charset=iso-8859-1"},
    {"GET", "/connectors/%zz", "", NULL, 400, NULL, "text/html;charset=iso-8859-1"},
    {"GET", "/connectors/%00", "", NULL, 400, NULL, "text/html;charset=iso-8859-1"},
    {"GET", "/connectors/%2e%2e/x", "", NULL, 400, NULL, "text/html;charset=iso-8859-1"},
};

START_TEST(a_request_is_judged_as_jersey_would)
{
    answer a = ask(&worker, cases[_i].method, cases[_i].target, cases[_i].headers, cases[_i].body);
    char *type = header(&a, "Content-Type");

    ck_assert_msg(a.status == cases[_i].status, "%s %s: %s", cases[_i].method, cases[_i].target,
                  weir_buf_text(&a.raw));
    if (cases[_i].says)
        ck_assert_str_eq(a.body, cases[_i].says);
    ck_assert_pstr_eq(type, cases[_i].type);
    free(type);
    if (a.status == 405) {
        char *allow = header(&a, "Allow");

        ck_assert_ptr_null(allow);
    }
    forget(&a);
}
END_TEST

static const struct {
    const char *target, *allow, *body;
} options[] = {
    {"/", "HEAD,GET,OPTIONS", "HEAD, GET, OPTIONS"},
    {"/connectors", "HEAD,GET,POST,OPTIONS", "HEAD, GET, POST, OPTIONS"},
    {"/connectors/x/config", "HEAD,GET,PUT,PATCH,OPTIONS", "HEAD, GET, PUT, PATCH, OPTIONS"},
    {"/connectors/x/pause", "PUT,OPTIONS", "PUT, OPTIONS"},
};

START_TEST(options_lists_what_a_path_offers)
{
    answer a = ask(&worker, "OPTIONS", options[_i].target, "", NULL);
    char *allow = header(&a, "Allow"), *type = header(&a, "Content-Type");

    ck_assert_int_eq(a.status, 200);
    ck_assert_pstr_eq(allow, options[_i].allow);
    ck_assert_pstr_eq(type, "text/plain");
    ck_assert_str_eq(a.body, options[_i].body);
    free(allow);
    free(type);
    forget(&a);
}
END_TEST

START_TEST(options_for_those_who_read_json_only_has_no_body)
{
    answer json = ask(&worker, "OPTIONS", "/", "Accept: application/json\r\n", NULL);
    answer other = ask(&worker, "OPTIONS", "/", "Accept: image/png\r\n", NULL);
    char *type = header(&json, "Content-Type");

    ck_assert_int_eq(json.status, 200);
    ck_assert_pstr_eq(type, "application/json");
    ck_assert_str_eq(json.body, "");
    ck_assert_int_eq(other.status, 406);
    free(type);
    forget(&json);
    forget(&other);
}
END_TEST

START_TEST(head_says_how_long_get_would_be)
{
    answer a = ask(&worker, "HEAD", "/connectors", "", NULL);
    char *length = header(&a, "Content-Length");

    ck_assert_pstr_eq(length, "6");
    free(length);
    forget(&a);
}
END_TEST

START_TEST(an_empty_202_has_a_length_and_a_204_has_none)
{
    answer pause = ask(&worker, "PUT", "/connectors/c1/pause", "", NULL);
    answer removed = ask(&worker, "DELETE", "/connectors/c1", "", NULL);
    char *length = header(&pause, "Content-Length"), *none = header(&removed, "Content-Length");

    ck_assert_pstr_eq(length, "0");
    ck_assert_ptr_null(none);
    free(length);
    forget(&pause);
    forget(&removed);
}
END_TEST

/* ---- Limits and raw bytes ------------------------------------------------------------------- */

static char *many(const char *before, char c, size_t count, const char *after)
{
    weir_buf text = WEIR_BUF;

    weir_buf_text_add(&text, before);
    for (size_t i = 0; i < count; i++)
        weir_buf_char(&text, c);
    weir_buf_text_add(&text, after);
    return weir_buf_take(&text);
}

static const struct {
    const char *before;
    size_t count;
    const char *after;
    int status;
} sizes[] = {
    {"GET /connectors?x=", 8000, " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 200},
    {"GET /connectors?x=", 8300, " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 414},
    {"GET /connectors?x=", 200000, " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 414},
    {"GET /connectors HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ", 8000, "\r\n\r\n", 200},
    {"GET /connectors HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ", 8300, "\r\n\r\n", 431},
    {"GET /connectors HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ", 200000, "\r\n\r\n", 431},
};

START_TEST(what_is_too_long_is_refused)
{
    char *bytes = many(sizes[_i].before, 'a', sizes[_i].count, sizes[_i].after);
    int fd = dial(&worker);
    answer a;

    say(fd, bytes, strlen(bytes));
    a = hear_one(fd);
    ck_assert_msg(a.status == sizes[_i].status, "%zu: %d", sizes[_i].count, a.status);
    close(fd);
    forget(&a);
    free(bytes);
}
END_TEST

static const struct {
    const char *bytes;
    int status; /* 0: closed without a word */
} malformed[] = {
    {"GET /connectors HTTP/1.1\r\n\r\n", 400},
    {"GET /connectors HTTP/1.0\r\n\r\n", 200},
    {"GET http://h/connectors HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 200},
    {"GET connectors HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"POST /connectors HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
    {"POST /connectors HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
    {"POST /connectors HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n",
     413},
    {"POST /connectors HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n{", 413},
};

START_TEST(malformed_http_is_answered_and_the_worker_lives)
{
    answer a = ask_raw(&worker, malformed[_i].bytes), after;

    ck_assert_msg(a.status == malformed[_i].status, "%s -> %s", malformed[_i].bytes,
                  weir_buf_text(&a.raw));
    forget(&a);
    after = get(&worker, "/connectors");
    ck_assert_int_eq(after.status, 200);
    forget(&after);
}
END_TEST

static const char *const junk[] = {
    "\r\n\r\n\r\n",
    "x",
    "GET",
    "GET /\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00",
    "GET / HTTP/9.9\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "POST /connectors HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /connectors HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: h\r\n\tfolded\r\n\r\n",
    "\xFF\xFE\xFD\xFC\r\n\r\n",
};

START_TEST(junk_does_not_hurt)
{
    int fd = dial(&worker);
    answer after;

    say(fd, junk[_i], strlen(junk[_i]));
    close(fd);
    after = get(&worker, "/connectors");
    ck_assert_int_eq(after.status, 200);
    forget(&after);
}
END_TEST

START_TEST(a_body_over_the_limit_is_413)
{
    char *body = many("{\"name\":\"", 'a', 2 << 20, "\"}");
    answer a = ask(&worker, "POST", "/connectors", "Expect: 100-continue\r\n" JSON, body);

    ck_assert_int_eq(a.status, 413);
    ck_assert_str_eq(a.body, E413);
    ck_assert_int_eq(worker.herder.asked, 0);
    forget(&a);
    free(body);
}
END_TEST

START_TEST(a_chunked_body_over_the_limit_is_413_too)
{
    char *chunk = many("10000\r\n", 'a', 0x10000, "\r\n");
    const char *head = "POST /connectors HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" JSON
                       "Connection: close\r\n\r\n";
    int fd = dial(&worker);
    answer a;

    say(fd, head, strlen(head));
    for (int i = 0; i < 24; i++)
        say(fd, chunk, strlen(chunk));
    say(fd, "0\r\n\r\n", 5);
    a = hear_all(fd);
    ck_assert_int_eq(a.status, 413);
    ck_assert_str_eq(a.body, E413);
    forget(&a);
    free(chunk);
}
END_TEST

START_TEST(an_endless_chunked_body_is_cut)
{
    char *chunk = many("10000\r\n", 'a', 0x10000, "\r\n");
    const char *head =
        "POST /connectors HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" JSON "\r\n";
    int fd = dial(&worker);
    answer a;

    say(fd, head, strlen(head));
    for (int i = 0; i < 200; i++) /* say() ends when the server has closed */
        say(fd, chunk, strlen(chunk));
    a = hear_all(fd);
    ck_assert_int_eq(a.status, 0);
    forget(&a);
    free(chunk);
}
END_TEST

WEIR_UNIT_MAIN("routes", tcase_add_checked_fixture(tests, start, stop);
               tcase_add_loop_test(tests, a_request_is_judged_as_jersey_would, 0,
                                   WEIR_COUNT(cases));
               tcase_add_loop_test(tests, options_lists_what_a_path_offers, 0, WEIR_COUNT(options));
               tcase_add_test(tests, options_for_those_who_read_json_only_has_no_body);
               tcase_add_test(tests, head_says_how_long_get_would_be);
               tcase_add_test(tests, an_empty_202_has_a_length_and_a_204_has_none);
               tcase_add_loop_test(tests, what_is_too_long_is_refused, 0, WEIR_COUNT(sizes));
               tcase_add_loop_test(tests, malformed_http_is_answered_and_the_worker_lives, 0,
                                   WEIR_COUNT(malformed));
               tcase_add_loop_test(tests, junk_does_not_hurt, 0, WEIR_COUNT(junk));
               tcase_add_test(tests, a_body_over_the_limit_is_413);
               tcase_add_test(tests, a_chunked_body_over_the_limit_is_413_too);
               tcase_add_test(tests, an_endless_chunked_body_is_cut);)
