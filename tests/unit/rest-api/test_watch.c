/* test_watch.c - who watches this worker knows at once whose it is, and how it ended. */
#include "base/last_words.h"
#include "tests/unit/rest-api/fake_worker.h"
#include "watch/watch.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define WATCH "GET /internal/watch HTTP/1.1\r\nHost: h\r\n\r\n"

static fake_worker worker;

static void start(void)
{
    fake_init(&worker);
    worker.herder.replies[WEIR_ASK_LIST].body = "[]";
}

static void stop(void)
{
    fake_stop(&worker);
}

static void stop_server(void)
{
    weir_server_stop(worker.server);
    worker.server = NULL;
}

/* What comes up to and with `last`. */
static answer hear_until(int fd, const char *last)
{
    answer a = {.raw = WEIR_BUF};

    while (!strstr(weir_buf_text(&a.raw), last) &&
           recv(fd, weir_buf_reserve(&a.raw, 1), 1, 0) == 1) {
        a.raw.size++;
        weir_buf_add(&a.raw, "", 0);
    }
    look_into(&a);
    return a;
}

static char *name_line(void)
{
    return weir_format("{\"worker\":\"%s\",\"instance\":\"" FAKE_INSTANCE "\"}\n",
                       worker.settings.worker_id);
}

static int watch_with(const char *request)
{
    int fd = dial(&worker);
    char *line = name_line();
    answer a;

    say(fd, request, strlen(request));
    a = hear_until(fd, "}\n");
    ck_assert_int_eq(a.status, 200);
    ck_assert_msg(strstr(a.body, line), "%s", a.body);
    forget(&a);
    free(line);
    return fd;
}

static bool is_let_in(int *ret_fd)
{
    int fd = dial(&worker);
    answer a;

    say(fd, WATCH, strlen(WATCH));
    a = hear_until(fd, "}");
    *ret_fd = fd;
    if (a.status != 200) {
        ck_assert_int_eq(a.status, 503);
        ck_assert_str_eq(a.body, "{\"error_code\":503,\"message\":\"As many as can be watch this "
                                 "worker already\"}");
        close(fd);
    }
    forget(&a);
    return a.status == 200;
}

/* ---- Coming and going ------------------------------------------------------------------------ */

static const char *const requests[] = {
    WATCH,
    "GET /internal/watch?x=1 HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nContent-Type: x/y\r\n\r\n",
    "GET /internal/watch HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
};

START_TEST(a_watcher_is_told_who_it_is_and_that_it_ends)
{
    answer a;
    int fd;

    fake_serve(&worker);
    fd = watch_with(requests[_i]);
    a = hear_until(fd, "\r\n"); /* of the chunk */
    forget(&a);
    ck_assert_int_eq(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 50), 0);
    stop_server();
    a = hear_all(fd);
    ck_assert_str_eq(weir_buf_text(&a.raw), "D\r\n{\"bye\":true}\n\r\n0\r\n\r\n");
    forget(&a);
}
END_TEST

START_TEST(a_client_of_http_1_0_watches_too)
{
    answer a;
    int fd;

    fake_serve(&worker);
    fd = watch_with("GET /internal/watch HTTP/1.0\r\n\r\n");
    stop_server();
    a = hear_all(fd);
    ck_assert_str_eq(weir_buf_text(&a.raw), "{\"bye\":true}\n");
    forget(&a);
}
END_TEST

static const struct {
    const char *method;
    int status;
} methods[] = {{"HEAD", 200}, {"POST", 405}, {"OPTIONS", 200}};

START_TEST(other_methods_are_answered_as_everywhere)
{
    answer a;

    fake_serve(&worker);
    a = ask(&worker, methods[_i].method, "/internal/watch", "", NULL);
    ck_assert_int_eq(a.status, methods[_i].status);
    if (a.status == 405)
        ck_assert_str_eq(a.body,
                         "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}");
    else if (methods[_i].method[0] == 'H')
        ck_assert_str_eq(a.body, "");
    forget(&a);
}
END_TEST

START_TEST(there_is_room_for_so_many_watchers_and_those_who_go_make_some)
{
    int fds[8], late;

    worker.settings.rest_max_connections = 16;
    fake_serve(&worker);
    for (size_t i = 0; i < WEIR_COUNT(fds); i++)
        fds[i] = watch_with(WATCH);
    ck_assert(!is_let_in(&late));
    if (_i == 0)
        close(fds[3]);
    else
        shutdown(fds[3], SHUT_WR);
    while (!is_let_in(&late)) /* the test's own time limit is the deadline */
        continue;
    for (size_t i = 0; i < WEIR_COUNT(fds); i++)
        if (i != 3 || _i == 1)
            close(fds[i]);
    close(late);
}
END_TEST

START_TEST(watchers_stay_when_others_have_to_make_room)
{
    int watchers[4], others[20];
    answer a;

    worker.settings.rest_max_connections = 8;
    fake_serve(&worker);
    for (size_t i = 0; i < WEIR_COUNT(watchers); i++)
        watchers[i] = watch_with(WATCH);
    for (size_t i = 0; i < WEIR_COUNT(others); i++) {
        others[i] = dial(&worker);
        a = get(&worker, "/connectors");
        ck_assert_int_eq(a.status, 200);
        forget(&a);
    }
    stop_server();
    for (size_t i = 0; i < WEIR_COUNT(watchers); i++) {
        a = hear_all(watchers[i]);
        ck_assert_msg(strstr(weir_buf_text(&a.raw), "{\"bye\":true}"), "%s", weir_buf_text(&a.raw));
        forget(&a);
    }
    for (size_t i = 0; i < WEIR_COUNT(others); i++)
        close(others[i]);
}
END_TEST

/* ---- Last words ------------------------------------------------------------------------------ */

/* A copy of this process crashes; its sockets are ours. */
static void crash_a_copy(void)
{
    int status = 0;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        weir_last_words_install();
        weir_last_words_item("orders/3", weir_now_ms());
        abort();
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}

START_TEST(a_crash_is_told_to_all_who_watch)
{
    int fds[3];

    fake_serve(&worker);
    for (size_t i = 0; i < WEIR_COUNT(fds); i++) {
        answer a;

        fds[i] = watch_with(WATCH);
        a = hear_until(fds[i], "\r\n"); /* of the chunk */
        forget(&a);
    }
    for (size_t i = 0; i < WEIR_COUNT(fds); i++) {
        struct pollfd fd = {.fd = fds[i], .events = POLLIN};
        answer a;

        while (poll(&fd, 1, 0) == 0) /* it may be known a moment after its line has arrived */
            crash_a_copy();
        a = hear_until(fds[i], "}\n\r\n");
        ck_assert_msg(strstr(weir_buf_text(&a.raw), "{\"crashed\":\"orders/3\",\"signal\":6,"),
                      "%s", weir_buf_text(&a.raw));
        forget(&a);
        close(fds[i]);
    }
}
END_TEST

/* ---- Both sides ------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    weir_watch_change last;
    int count;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void report(void *ctx, const weir_watch_news *news)
{
    (void)ctx;
    pthread_mutex_lock(&seen.lock);
    seen.last = news->change;
    seen.count++;
    pthread_cond_signal(&seen.changed);
    pthread_mutex_unlock(&seen.lock);
}

static void expect(int count, weir_watch_change change)
{
    pthread_mutex_lock(&seen.lock);
    while (seen.count < count) /* the test's own time limit is the deadline */
        pthread_cond_wait(&seen.changed, &seen.lock);
    ck_assert_int_eq(seen.count, count);
    ck_assert_int_eq(seen.last, change);
    pthread_mutex_unlock(&seen.lock);
}

START_TEST(a_worker_watches_a_worker)
{
    weir_watch *watch = weir_watch_start(report, NULL);
    weir_watch_peer peer = {.instance = FAKE_INSTANCE};

    fake_serve(&worker);
    seen.count = 0;
    peer.worker = worker.settings.worker_id;
    peer.url = worker.url;
    weir_watch_peers(watch, &peer, 1);
    expect(1, WEIR_WATCH_ALIVE);
    stop_server();
    expect(2, WEIR_WATCH_BYE);
    weir_watch_stop(watch);
    expect(2, WEIR_WATCH_BYE);
}
END_TEST

WEIR_UNIT_MAIN(
    "watch", tcase_add_checked_fixture(tests, start, stop);
    tcase_add_loop_test(tests, a_watcher_is_told_who_it_is_and_that_it_ends, 0,
                        WEIR_COUNT(requests));
    tcase_add_test(tests, a_client_of_http_1_0_watches_too);
    tcase_add_loop_test(tests, other_methods_are_answered_as_everywhere, 0, WEIR_COUNT(methods));
    tcase_add_loop_test(tests, there_is_room_for_so_many_watchers_and_those_who_go_make_some, 0, 2);
    tcase_add_test(tests, watchers_stay_when_others_have_to_make_room);
    tcase_add_test(tests, a_crash_is_told_to_all_who_watch);
    tcase_add_test(tests, a_worker_watches_a_worker);)
