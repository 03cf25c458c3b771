/* test_forward.c - a write reaches the leader and its answer comes back; details are fetched from
 * the workers that have them. */
#include "tests/unit/rest-api/fake_worker.h"

static fake_worker worker, other, third;

static void start(void)
{
    fake_start(&worker);
    fake_start(&other);
    fake_start(&third);
}

static void stop(void)
{
    fake_stop(&worker);
    fake_stop(&other);
    fake_stop(&third);
}

/* ---- A peer of whom every byte is known ----------------------------------------------------- */

typedef struct peer {
    int fd;
    pthread_t thread;
    const char *says; /* everything it answers */
    weir_buf heard;   /* the request */
    char url[64];
} peer;

static bool whole(const weir_buf *request)
{
    const char *text = weir_buf_text(request);
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length: ");

    if (!end)
        return false;
    return !length || request->size >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
}

static void *serve_once(void *arg)
{
    peer *p = arg;
    int fd = accept(p->fd, NULL, NULL);
    ssize_t got = 1;

    while (got > 0 && !whole(&p->heard)) {
        got = recv(fd, weir_buf_reserve(&p->heard, 4096), 4096, 0);
        p->heard.size += got > 0 ? (size_t)got : 0;
        weir_buf_add(&p->heard, "", 0);
    }
    say(fd, p->says, strlen(p->says));
    close(fd);
    return NULL;
}

static void peer_start(peer *p, const char *says)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    *p = (peer){.fd = socket(AF_INET, SOCK_STREAM, 0), .says = says};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(p->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(p->fd, 4), 0);
    getsockname(p->fd, (struct sockaddr *)&address, &size);
    snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    pthread_create(&p->thread, NULL, serve_once, p);
}

/* After it has served. */
static void peer_end(peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->fd);
    weir_buf_free(&p->heard);
}

static bool heard(const peer *p, const char *text)
{
    return strstr(weir_buf_text(&p->heard), text) != NULL;
}

/* ---- What goes out -------------------------------------------------------------------------- */

#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define C1         "{\"name\":\"c1\",\"config\":{},\"tasks\":[],\"type\":\"source\"}"

static const struct {
    const char *method, *target;
    weir_ask what;
    const char *line; /* as the leader hears it */
} hops[] = {
    {"DELETE", "/connectors/c1", WEIR_ASK_DELETE, "DELETE /connectors/c1?forward=true HTTP/1.1"},
    {"PUT", "/connectors/a%20%C3%A9;m=1/stop/", WEIR_ASK_STOP,
     "PUT /connectors/a%20%C3%A9;m=1/stop/?forward=true HTTP/1.1"},
    {"POST", "/connectors/c1/restart?includeTasks=true&onlyFailed=false", WEIR_ASK_RESTART,
     "POST /connectors/c1/restart?forward=true&includeTasks=true&onlyFailed=false HTTP/1.1"},
    {"POST", "/connectors/c1/tasks/0/restart?forward=true&x=%26", WEIR_ASK_RESTART_TASK,
     "POST /connectors/c1/tasks/0/restart?forward=false&x=%26 HTTP/1.1"},
    {"PUT", "/connectors/c1/resume?forward=TRUE", WEIR_ASK_RESUME,
     "PUT /connectors/c1/resume?forward=false HTTP/1.1"},
};

START_TEST(a_call_goes_on_as_it_came_with_one_hop_less)
{
    peer leader;
    answer a;

    peer_start(&leader, NO_CONTENT);
    worker.herder.replies[hops[_i].what].forward_to = leader.url;
    a = ask(&worker, hops[_i].method, hops[_i].target,
            "Authorization: Basic eDp5\r\nCookie: secret\r\n", NULL);
    ck_assert_int_eq(a.status, 204);
    ck_assert_str_eq(a.body, "");
    ck_assert_msg(strncmp(weir_buf_text(&leader.heard), hops[_i].line, strlen(hops[_i].line)) == 0,
                  "%s", weir_buf_text(&leader.heard));
    ck_assert(heard(&leader, "Authorization: Basic eDp5\r\n"));
    ck_assert(heard(&leader, "Accept: application/json\r\n"));
    ck_assert(!heard(&leader, "Cookie"));
    ck_assert(!heard(&leader, "Content-Type"));
    forget(&a);
    peer_end(&leader);
}
END_TEST

static const char *const final[] = {"false", "FALSE", "", "bogus"};

START_TEST(without_a_hop_left_it_is_a_conflict)
{
    char *target = weir_format("/connectors/nope?forward=%s", final[_i]);
    answer a;

    worker.herder.replies[WEIR_ASK_DELETE].forward_to = "http://127.0.0.1:1/";
    a = ask(&worker, "DELETE", target, "", NULL);
    ck_assert_int_eq(a.status, 409);
    ck_assert_str_eq(a.body, "{\"error_code\":409,\"message\":\"Cannot complete request because of "
                             "a conflicting operation (e.g. worker rebalance)\"}");
    free(target);
    forget(&a);
}
END_TEST

START_TEST(a_body_goes_on_as_it_came_without_its_comments)
{
    peer leader;
    answer a;
    char *location;

    peer_start(&leader, "HTTP/1.1 201 Created\r\nLocation: http://leader/connectors/c1\r\n"
                        "Content-Type: application/json\r\n\r\n" C1);
    worker.settings.rest_comments = true;
    worker.herder.replies[WEIR_ASK_CREATE].forward_to = leader.url;
    a = ask(&worker, "POST", "/connectors", JSON,
            "{\"name\":\"c 1\",/* x */\"config\":{\"r\":1.50}}");
    location = header(&a, "Location");
    ck_assert_int_eq(a.status, 201);
    ck_assert_str_eq(a.body, C1);
    ck_assert_pstr_eq(location, "http://weir.example:8083/connectors/c%201");
    ck_assert(heard(&leader, "Content-Type: application/json\r\n"));
    ck_assert(heard(&leader, "\r\n\r\n{\"name\":\"c 1\",       \"config\":{\"r\":1.50}}"));
    free(location);
    forget(&a);
    peer_end(&leader);
}
END_TEST

/* ---- What comes back ------------------------------------------------------------------------ */

#define ANSWER(status, body) "HTTP/1.1 " status "\r\n\r\n" body
#define IO                   "IO Error trying to forward REST request: "

static const struct {
    const char *says;
    int status;
    const char *body; /* a part of it */
} results[] = {
    {ANSWER("200 OK", C1), 200, C1},
    {ANSWER("202 Accepted", "{\"name\":\"c1\"}"), 202, "{\"name\":\"c1\"}"},
    {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, ""},
    {NO_CONTENT, 204, ""},
    {ANSWER("409 Conflict", "{\"error_code\":409,\"message\":\"Connector c1 already exists\"}"),
     409, "{\"error_code\":409,\"message\":\"Connector c1 already exists\"}"},
    {ANSWER("500 Server Error", "{\"error_code\":500,\"message\":null}"), 500,
     "{\"error_code\":500,\"message\":null}"},
    {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 500,
     "Unexpected status code when handling forwarded request: 302"},
    {ANSWER("401 Unauthorized", "User cannot access the resource."), 500, IO},
    {ANSWER("404 Not Found", "<html>"), 500, IO},
    {ANSWER("404 Not Found", "{\"error\":\"x\"}"), 500, IO},
    {ANSWER("404 Not Found", "{\"error_code\":404,\"message\":\"x\",\"more\":1}"), 500, IO},
    {ANSWER("200 OK", "{"), 500, IO},
    {ANSWER("200 OK", ""), 500, IO},
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", 500, IO},
    {"not HTTP\r\n\r\n", 500, IO},
    {"", 500, "; whether it was done is not known"},
};

START_TEST(the_leaders_answer_is_given_back)
{
    peer leader;
    answer a;

    peer_start(&leader, results[_i].says);
    worker.herder.replies[WEIR_ASK_PATCH_CONFIG].forward_to = leader.url;
    a = ask(&worker, "PATCH", "/connectors/c1/config", JSON, "{}");
    ck_assert_msg(a.status == results[_i].status, "%s", weir_buf_text(&a.raw));
    ck_assert_msg(strstr(a.body, results[_i].body), "%s", a.body);
    forget(&a);
    peer_end(&leader);
}
END_TEST

START_TEST(a_leader_that_is_gone_is_an_io_error)
{
    char url[64];
    answer a;

    strcpy(url, other.url);
    weir_server_stop(other.server);
    other.server = NULL;
    worker.herder.replies[WEIR_ASK_DELETE].forward_to = url;
    a = ask(&worker, "DELETE", "/connectors/c1", "", NULL);
    ck_assert_int_eq(a.status, 500);
    ck_assert_msg(strstr(a.body, "\"message\":\"" IO), "%s", a.body);
    forget(&a);
}
END_TEST

/* A new leader is named once the gone one was asked for. */
static void *name_another(void *url)
{
    for (;;) {
        int asked;

        pthread_mutex_lock(&worker.herder.lock);
        asked = worker.herder.asked;
        if (asked >= 2)
            worker.herder.replies[WEIR_ASK_DELETE].forward_to = url;
        pthread_mutex_unlock(&worker.herder.lock);
        if (asked >= 2)
            return NULL;
        usleep(1000);
    }
}

START_TEST(a_write_follows_the_lead)
{
    pthread_t thread;
    char gone[64];
    answer a;

    strcpy(gone, other.url);
    weir_server_stop(other.server);
    other.server = NULL;
    worker.settings.session_timeout_ms = 60000;
    worker.herder.replies[WEIR_ASK_DELETE].forward_to = gone;
    pthread_create(&thread, NULL, name_another, third.url);
    a = ask(&worker, "DELETE", "/connectors/c1", "", NULL);
    ck_assert_int_eq(a.status, 204);
    ck_assert_int_eq(third.herder.asked, 1); /* and once only */
    pthread_join(thread, NULL);
    forget(&a);
}
END_TEST

START_TEST(a_leader_that_does_not_answer_costs_the_deadline_and_no_more)
{
    answer a;

    worker.settings.rest_request_timeout_ms = 300;
    worker.herder.replies[WEIR_ASK_DELETE].forward_to = other.url;
    other.herder.replies[WEIR_ASK_DELETE].stall = true;
    a = ask(&worker, "DELETE", "/connectors/c1", "", NULL);
    ck_assert_int_eq(a.status, 500);
    ck_assert_msg(strstr(a.body, "\"message\":\"" IO), "%s", a.body);
    forget(&a);
}
END_TEST

START_TEST(two_hops_reach_the_owner)
{
    answer a;

    worker.herder.replies[WEIR_ASK_RESTART_TASK].forward_to = other.url;
    other.herder.replies[WEIR_ASK_RESTART_TASK].forward_to = third.url;
    a = ask(&worker, "POST", "/connectors/c1/tasks/2/restart", "", NULL);
    ck_assert_int_eq(a.status, 204);
    ck_assert_int_eq(third.herder.last.what, WEIR_ASK_RESTART_TASK);
    ck_assert_int_eq(third.herder.last.task, 2);
    forget(&a);
}
END_TEST

START_TEST(workers_that_point_at_each_other_end_in_a_conflict)
{
    answer a;

    worker.herder.replies[WEIR_ASK_DELETE].forward_to = other.url;
    other.herder.replies[WEIR_ASK_DELETE].forward_to = worker.url;
    a = ask(&worker, "DELETE", "/connectors/c1", "", NULL);
    ck_assert_int_eq(a.status, 409);
    ck_assert_int_eq(worker.herder.asked, 2);
    ck_assert_int_eq(other.herder.asked, 1);
    forget(&a);
}
END_TEST

/* ---- Details -------------------------------------------------------------------------------- */

#define ROW(id)           "{\"id\":" #id ",\"state\":\"RUNNING\"}"
#define WITH(id, details) "{\"id\":" #id ",\"state\":\"RUNNING\",\"details\":" details "}"

static void three_tasks(void)
{
    worker.herder.replies[WEIR_ASK_STATUS].body =
        "{\"name\":\"c\",\"tasks\":[" ROW(0) "," ROW(1) "," ROW(2) "],\"type\":\"source\"}";
    worker.herder.replies[WEIR_ASK_DETAILS].body = "{\"0\":{\"here\":1},\"1\":{\"stale\":1}}";
    other.herder.replies[WEIR_ASK_DETAILS].body = "{\"1\":{\"there\":1},\"2\":{\"there\":2}}";
    worker.herder.owners[0] = "";
    worker.herder.owners[1] = worker.herder.owners[2] = other.url;
}

START_TEST(status_shows_what_the_tasks_say_wherever_they_run)
{
    answer a;

    three_tasks();
    a = get(&worker, "/connectors/a%20b/status");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, "{\"name\":\"c\",\"tasks\":[" WITH(0, "{\"here\":1}") "," WITH(
                                 1, "{\"there\":1}") "," WITH(2, "{\"there\":2}") "],"
                                                                                  "\"type\":"
                                                                                  "\"source\"}");
    ck_assert_str_eq(other.herder.connector, "a b");
    ck_assert_int_eq(other.herder.asked, 1); /* one question a worker */
    forget(&a);
}
END_TEST

START_TEST(a_task_status_has_its_details)
{
    answer a;

    three_tasks();
    worker.herder.owners[0] = worker.herder.owners[1] = NULL;
    worker.herder.replies[WEIR_ASK_TASK_STATUS].body = ROW(2);
    a = get(&worker, "/connectors/c/tasks/2/status");
    ck_assert_str_eq(a.body, WITH(2, "{\"there\":2}"));
    forget(&a);
}
END_TEST

START_TEST(details_are_left_out_when_the_operator_wants_it)
{
    answer a;

    three_tasks();
    worker.settings.rest_status_details = false;
    a = get(&worker, "/connectors/c/status");
    ck_assert_ptr_null(strstr(a.body, "details"));
    ck_assert_int_eq(worker.herder.asked, 1);
    ck_assert_int_eq(other.herder.asked, 0);
    forget(&a);
}
END_TEST

START_TEST(a_worker_that_does_not_say_in_time_is_left_out)
{
    int64_t begun_ms = weir_now_ms();
    answer a;

    three_tasks();
    other.herder.replies[WEIR_ASK_DETAILS].stall = true;
    a = get(&worker, "/connectors/c/status");
    ck_assert_str_eq(a.body, "{\"name\":\"c\",\"tasks\":[" WITH(0, "{\"here\":1}") "," ROW(
                                 1) "," ROW(2) "],\"type\":\"source\"}");
    ck_assert_int_lt(weir_now_ms() - begun_ms, 5000);
    forget(&a);
}
END_TEST

START_TEST(a_herder_that_does_not_say_in_time_is_left_out)
{
    answer a;

    three_tasks();
    worker.herder.replies[WEIR_ASK_DETAILS].stall = true;
    a = get(&worker, "/connectors/c/status");
    ck_assert_msg(strstr(a.body, ROW(0) "," WITH(1, "{\"there\":1}")), "%s", a.body);
    forget(&a);
}
END_TEST

static const char *const odd[] = {
    ANSWER("200 OK", "[]"),
    ANSWER("200 OK", "{"),
    ANSWER("200 OK", "{\"7\":{}}"),
    ANSWER("404 Not Found", "{\"1\":{\"x\":1}}"),
    "not HTTP\r\n\r\n",
    "",
};

START_TEST(a_worker_that_says_something_odd_is_left_out)
{
    peer strange;
    answer a;

    peer_start(&strange, odd[_i]);
    three_tasks();
    worker.herder.owners[1] = worker.herder.owners[2] = strange.url;
    a = get(&worker, "/connectors/c/status");
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(a.body, "{\"name\":\"c\",\"tasks\":[" WITH(0, "{\"here\":1}") "," ROW(
                                 1) "," ROW(2) "],\"type\":\"source\"}");
    forget(&a);
    peer_end(&strange);
}
END_TEST

WEIR_UNIT_MAIN(
    "forward", tcase_add_checked_fixture(tests, start, stop);
    tcase_add_loop_test(tests, a_call_goes_on_as_it_came_with_one_hop_less, 0, WEIR_COUNT(hops));
    tcase_add_loop_test(tests, without_a_hop_left_it_is_a_conflict, 0, WEIR_COUNT(final));
    tcase_add_test(tests, a_body_goes_on_as_it_came_without_its_comments);
    tcase_add_loop_test(tests, the_leaders_answer_is_given_back, 0, WEIR_COUNT(results));
    tcase_add_test(tests, a_leader_that_is_gone_is_an_io_error);
    tcase_add_test(tests, a_write_follows_the_lead);
    tcase_add_test(tests, a_leader_that_does_not_answer_costs_the_deadline_and_no_more);
    tcase_add_test(tests, two_hops_reach_the_owner);
    tcase_add_test(tests, workers_that_point_at_each_other_end_in_a_conflict);
    tcase_add_test(tests, status_shows_what_the_tasks_say_wherever_they_run);
    tcase_add_test(tests, a_task_status_has_its_details);
    tcase_add_test(tests, details_are_left_out_when_the_operator_wants_it);
    tcase_add_test(tests, a_worker_that_does_not_say_in_time_is_left_out);
    tcase_add_test(tests, a_herder_that_does_not_say_in_time_is_left_out);
    tcase_add_loop_test(tests, a_worker_that_says_something_odd_is_left_out, 0, WEIR_COUNT(odd));)
