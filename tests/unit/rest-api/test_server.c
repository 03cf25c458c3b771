/* test_server.c - slow clients, waiting requests, limits and a stop hurt nobody else. */
#include "tests/unit/rest-api/fake_worker.h"

static fake_worker worker;

static void start(void)
{
    fake_init(&worker);
    worker.herder.replies[WEIR_ASK_LIST].body = "[]";
    worker.herder.replies[WEIR_ASK_HEALTH].body = "{\"status\":\"healthy\"}";
    worker.herder.replies[WEIR_ASK_PAUSE].stall = true;
}

static void stop(void)
{
    fake_stop(&worker);
}

#define LIST  "GET /connectors HTTP/1.1\r\nHost: h\r\n\r\n"
#define PAUSE "PUT /connectors/c1/pause HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

static void is_served(const char *target)
{
    answer a = get(&worker, target);

    ck_assert_int_eq(a.status, 200);
    forget(&a);
}

/* ---- Others are not held up ----------------------------------------------------------------- */

static const char *const unfinished[] = {
    "",
    "GE",
    "GET /connectors HTTP/1.1\r\nHo",
    "POST /connectors HTTP/1.1\r\nHost: h\r\n" JSON "Content-Length: 100\r\n\r\n{\"name\"",
    "POST /connectors HTTP/1.1\r\nHost: h\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
};

START_TEST(clients_that_dribble_hold_nobody_up)
{
    int fds[WEIR_COUNT(unfinished) * 4];

    fake_serve(&worker);
    for (size_t i = 0; i < WEIR_COUNT(fds); i++) {
        const char *bytes = unfinished[i % WEIR_COUNT(unfinished)];

        fds[i] = dial(&worker);
        say(fds[i], bytes, strlen(bytes));
    }
    is_served("/connectors");
    for (size_t i = 0; i < WEIR_COUNT(fds); i++)
        say(fds[i], " ", 1);
    is_served("/health");
    for (size_t i = 0; i < WEIR_COUNT(fds); i++)
        close(fds[i]);
}
END_TEST

START_TEST(a_request_that_comes_byte_by_byte_is_answered)
{
    const char *bytes = "PUT /connectors/c1/config HTTP/1.1\r\nHost: h\r\n" JSON
                        "Content-Length: 9\r\nConnection: close\r\n\r\n{\"a\":\"b\"}";
    int fd;
    answer a;

    fake_serve(&worker);
    worker.herder.replies[WEIR_ASK_PUT_CONFIG].body = "{}";
    fd = dial(&worker);
    for (size_t i = 0; i < strlen(bytes); i++) {
        say(fd, bytes + i, 1);
        if (i % 16 == 0)
            is_served("/connectors");
    }
    a = hear_all(fd);
    ck_assert_int_eq(a.status, 200);
    ck_assert_str_eq(worker.herder.config, "{\"a\":\"b\",\"name\":\"c1\"}");
    forget(&a);
}
END_TEST

START_TEST(requests_that_wait_hold_nobody_up)
{
    int fds[24];

    fake_serve(&worker);
    for (size_t i = 0; i < WEIR_COUNT(fds); i++) {
        fds[i] = dial(&worker);
        say(fds[i], PAUSE, strlen(PAUSE));
    }
    fake_wait_stalled(&worker, WEIR_COUNT(fds));
    is_served("/connectors");
    is_served("/health");
    fake_release(&worker);
    for (size_t i = 0; i < WEIR_COUNT(fds); i++) {
        answer a = hear_all(fds[i]);

        ck_assert_int_eq(a.status, 202);
        forget(&a);
    }
}
END_TEST

START_TEST(a_client_that_hangs_up_while_it_waits_is_forgotten)
{
    int fd;

    fake_serve(&worker);
    fd = dial(&worker);
    say(fd, PAUSE, strlen(PAUSE));
    fake_wait_stalled(&worker, 1);
    close(fd);
    fake_release(&worker);
    is_served("/connectors");
}
END_TEST

START_TEST(what_is_not_decided_in_time_is_answered_truthfully)
{
    answer a;

    worker.settings.rest_request_timeout_ms = 100;
    fake_serve(&worker);
    a = ask(&worker, "PUT", "/connectors/c1/pause", "", NULL);
    ck_assert_int_eq(a.status, 500);
    ck_assert_str_eq(a.body,
                     "{\"error_code\":500,\"message\":\"Request timed out. The worker is currently "
                     "polling, which began at 2026-11-21T01:33:14.954Z.\"}");
    forget(&a);
}
END_TEST

START_TEST(clients_that_use_up_the_connections_make_room)
{
    int fds[40];

    worker.settings.rest_max_connections = 16;
    fake_serve(&worker);
    for (size_t i = 0; i < WEIR_COUNT(fds); i++) {
        const char *bytes = unfinished[i % WEIR_COUNT(unfinished)];

        fds[i] = dial(&worker);
        say(fds[i], bytes, strlen(bytes));
        is_served("/connectors");
    }
    for (size_t i = 0; i < WEIR_COUNT(fds); i++)
        close(fds[i]);
}
END_TEST

/* `count` connections whose requests wait for the herder. */
static void occupy(int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        fds[i] = dial(&worker);
        say(fds[i], PAUSE, strlen(PAUSE));
        fake_wait_stalled(&worker, i + 1);
    }
}

static void see_out(const int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        answer a = hear_all(fds[i]);

        ck_assert_int_eq(a.status, 202);
        forget(&a);
    }
}

START_TEST(idle_connections_make_room_and_those_at_work_do_not)
{
    int idle, last, busy[6];
    answer a;

    worker.settings.rest_max_connections = 8;
    fake_serve(&worker);
    occupy(busy, 6);
    idle = dial(&worker);
    say(idle, LIST, strlen(LIST));
    a = hear_one(idle);
    ck_assert_int_eq(a.status, 200);
    forget(&a);
    last = dial(&worker); /* takes the last place */
    a = hear_all(idle);
    ck_assert_int_eq(a.status, 0);
    forget(&a);
    fake_release(&worker);
    see_out(busy, 6);
    close(last);
}
END_TEST

START_TEST(over_the_limit_a_connection_waits_and_is_not_refused)
{
    int busy[8], late;
    answer a;

    worker.settings.rest_max_connections = 8;
    fake_serve(&worker);
    occupy(busy, 8);
    late = dial(&worker);
    say(late, LIST, strlen(LIST));
    ck_assert_int_eq(poll(&(struct pollfd){.fd = late, .events = POLLIN}, 1, 100), 0);
    fake_release(&worker);
    a = hear_one(late);
    ck_assert_int_eq(a.status, 200);
    forget(&a);
    close(late);
    see_out(busy, 8);
}
END_TEST

/* ---- Connections ---------------------------------------------------------------------------- */

START_TEST(a_connection_serves_many_requests_also_after_errors)
{
    static const struct {
        const char *bytes;
        int status;
    } requests[] = {
        {LIST, 200},
        {"GET /nope HTTP/1.1\r\nHost: h\r\n\r\n", 404},
        {"POST /connectors HTTP/1.1\r\nHost: h\r\n" JSON "Content-Length: 1\r\n\r\n{", 500},
        {"POST /connectors HTTP/1.1\r\nHost: h\r\nContent-Type: x/y\r\nContent-Length: "
         "3\r\n\r\nabc",
         415},
        {"DELETE /connectors/c1 HTTP/1.1\r\nHost: h\r\n\r\n", 204},
        {LIST, 200},
    };
    int fd;

    fake_serve(&worker);
    fd = dial(&worker);
    for (size_t i = 0; i < WEIR_COUNT(requests); i++) {
        answer a;

        say(fd, requests[i].bytes, strlen(requests[i].bytes));
        a = hear_one(fd);
        ck_assert_int_eq(a.status, requests[i].status);
        forget(&a);
    }
    close(fd);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    const char *both = "GET /nope HTTP/1.1\r\nHost: h\r\n\r\n" LIST;
    answer first, second;
    int fd;

    fake_serve(&worker);
    fd = dial(&worker);
    say(fd, both, strlen(both));
    first = hear_one(fd);
    second = hear_one(fd);
    ck_assert_int_eq(first.status, 404);
    ck_assert_int_eq(second.status, 200);
    forget(&first);
    forget(&second);
    close(fd);
}
END_TEST

START_TEST(a_body_of_hundred_kilobytes_comes_through_whole)
{
    weir_buf body = WEIR_BUF;
    answer a;

    fake_serve(&worker);
    worker.herder.replies[WEIR_ASK_PUT_CONFIG].body = "{}";
    weir_buf_text_add(&body, "{\"a\":\"");
    for (int i = 0; i < 100000; i++)
        weir_buf_char(&body, 'x');
    weir_buf_text_add(&body, "\"}");
    a = ask(&worker, "PUT", "/connectors/c/config", JSON, weir_buf_text(&body));
    ck_assert_int_eq(a.status, 200);
    ck_assert_uint_eq(strlen(worker.herder.config), body.size + strlen(",\"name\":\"c\""));
    forget(&a);
    weir_buf_free(&body);
}
END_TEST

START_TEST(every_interface_is_reached_over_ipv4_too)
{
    worker.settings.listen_host[0] = '\0';
    fake_serve(&worker);
    is_served("/connectors");
}
END_TEST

/* ---- Start and stop ------------------------------------------------------------------------- */

static const struct {
    const char *host, *says;
} unusable[] = {
    {"127.0.0.1", "Address already in use"},
    {"240.0.0.1", "Cannot assign requested address"}, /* reserved: no network has it */
    {"no host", "cannot listen on 'no host:"},
};

START_TEST(an_address_that_cannot_be_bound_is_named)
{
    weir_server_options options = {.settings = &worker.settings, .herder = &worker.herder};
    weir_server *second = NULL;
    weir_err err = {.msg = ""};

    fake_serve(&worker);
    worker.settings.listen_port = worker.port;
    strcpy(worker.settings.listen_host, unusable[_i].host);
    ck_assert_int_eq(weir_server_start(&options, &second, &err), WEIR_INVALID);
    ck_assert_ptr_null(second);
    ck_assert_msg(strstr(err.msg, unusable[_i].says), "%s", err.msg);
}
END_TEST

static void *stop_server(void *arg)
{
    fake_worker *w = arg;

    weir_server_stop(w->server);
    return NULL;
}

static void wait_until_refused(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(worker.port)};
    int refused = 0;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    while (!refused) { /* the test's own time limit is the deadline */
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        refused = connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0;
        close(fd);
    }
}

START_TEST(a_stop_lets_what_is_under_way_finish)
{
    pthread_t stopper;
    answer a;
    int fd;

    fake_serve(&worker);
    fd = dial(&worker);
    say(fd, PAUSE, strlen(PAUSE));
    fake_wait_stalled(&worker, 1);
    pthread_create(&stopper, NULL, stop_server, &worker);
    wait_until_refused();
    fake_release(&worker);
    a = hear_all(fd);
    ck_assert_int_eq(a.status, 202);
    pthread_join(stopper, NULL);
    worker.server = NULL;
    forget(&a);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_the_herder)
{
    int64_t begun_ms = weir_now_ms();
    pthread_t stopper;
    answer a;
    int fd;

    fake_serve(&worker);
    fd = dial(&worker);
    say(fd, PAUSE, strlen(PAUSE));
    fake_wait_stalled(&worker, 1);
    pthread_create(&stopper, NULL, stop_server, &worker);
    a = hear_all(fd);
    pthread_join(stopper, NULL);
    worker.server = NULL; /* fake_stop() releases the ask and sees its thread out */
    ck_assert_int_eq(a.status, 503);
    ck_assert_str_eq(a.body, "{\"error_code\":503,\"message\":\"Worker is shutting down\"}");
    ck_assert_int_lt(weir_now_ms() - begun_ms, 10000);
    forget(&a);
}
END_TEST

START_TEST(a_stop_closes_idle_connections_at_once)
{
    int64_t begun_ms = weir_now_ms();
    int fd;
    answer a;

    fake_serve(&worker);
    fd = dial(&worker);
    say(fd, LIST, strlen(LIST));
    a = hear_one(fd);
    forget(&a);
    weir_server_stop(worker.server);
    worker.server = NULL;
    a = hear_all(fd);
    ck_assert_int_eq(a.status, 0);
    ck_assert_int_lt(weir_now_ms() - begun_ms, 1900);
    forget(&a);
}
END_TEST

WEIR_UNIT_MAIN("server", tcase_add_checked_fixture(tests, start, stop);
               tcase_add_test(tests, clients_that_dribble_hold_nobody_up);
               tcase_add_test(tests, a_request_that_comes_byte_by_byte_is_answered);
               tcase_add_test(tests, requests_that_wait_hold_nobody_up);
               tcase_add_test(tests, a_client_that_hangs_up_while_it_waits_is_forgotten);
               tcase_add_test(tests, what_is_not_decided_in_time_is_answered_truthfully);
               tcase_add_test(tests, clients_that_use_up_the_connections_make_room);
               tcase_add_test(tests, idle_connections_make_room_and_those_at_work_do_not);
               tcase_add_test(tests, over_the_limit_a_connection_waits_and_is_not_refused);
               tcase_add_test(tests, a_connection_serves_many_requests_also_after_errors);
               tcase_add_test(tests, pipelined_requests_are_answered_in_order);
               tcase_add_test(tests, a_body_of_hundred_kilobytes_comes_through_whole);
               tcase_add_test(tests, every_interface_is_reached_over_ipv4_too);
               tcase_add_loop_test(tests, an_address_that_cannot_be_bound_is_named, 0,
                                   WEIR_COUNT(unusable));
               tcase_add_test(tests, a_stop_lets_what_is_under_way_finish);
               tcase_add_test(tests, a_stop_does_not_wait_for_the_herder);
               tcase_add_test(tests, a_stop_closes_idle_connections_at_once);)
