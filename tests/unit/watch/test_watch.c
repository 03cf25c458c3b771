/* test_watch.c - what a worker is said to be follows from what its socket does. The test is the
 * other worker's host: it accepts, answers, resets and refuses. */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/support/unit.h"
#include "watch/watch_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKER   "w1:8083"
#define INSTANCE "11111111-2222"
#define NAME     "{\"worker\":\"" WORKER "\",\"instance\":\"" INSTANCE "\"}\n"
#define OTHER    "{\"worker\":\"" WORKER "\",\"instance\":\"other\"}\n"
#define HEAD     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* ---- What is reported ----------------------------------------------------------------------- */

typedef struct heard {
    weir_watch_change change;
    char *worker, *instance, *text, *item;
    int signal;
    int64_t ran_ms;
    struct heard *next;
} heard;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    heard *first;
} news = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};

static void report(void *ctx, const weir_watch_news *n)
{
    heard *h = weir_new(heard), **end = &news.first;

    (void)ctx;
    *h = (heard){.change = n->change, .signal = n->signal, .ran_ms = n->ran_ms};
    h->worker = weir_strdup(n->worker);
    h->instance = weir_strdup(n->instance);
    h->text = weir_strdup(n->text);
    h->item = weir_strdup(n->item);
    pthread_mutex_lock(&news.lock);
    while (*end)
        end = &(*end)->next;
    *end = h;
    pthread_cond_signal(&news.changed);
    pthread_mutex_unlock(&news.lock);
}

static void forget(heard *h)
{
    free(h->worker);
    free(h->instance);
    free(h->text);
    free(h->item);
    free(h);
}

/* Waits for the next news; Check's time limit is the deadline. */
static heard *next_news(void)
{
    heard *h;

    pthread_mutex_lock(&news.lock);
    while (!news.first)
        pthread_cond_wait(&news.changed, &news.lock);
    h = news.first;
    news.first = h->next;
    pthread_mutex_unlock(&news.lock);
    return h;
}

static bool is_told(void)
{
    bool told;

    pthread_mutex_lock(&news.lock);
    told = news.first != NULL;
    pthread_mutex_unlock(&news.lock);
    return told;
}

static void expect_of(const char *instance, weir_watch_change change, const char *says)
{
    heard *h = next_news();

    ck_assert_msg(h->change == change, "change %d: %s", (int)h->change, h->text);
    ck_assert_str_eq(h->worker, WORKER);
    ck_assert_str_eq(h->instance, instance);
    ck_assert_msg(strstr(h->text, says), "it says: %s", h->text);
    forget(h);
}

static void expect(weir_watch_change change, const char *says)
{
    expect_of(INSTANCE, change, says);
}

/* ---- The other worker's host ---------------------------------------------------------------- */

static struct {
    int listener;
    char name[80]; /* and the port, as the URL has it */
    char url[96];
} host;

static weir_watch *watch;

static void name_host(const char *name, unsigned port)
{
    snprintf(host.name, sizeof(host.name), "%s:%u", name, port);
    snprintf(host.url, sizeof(host.url), "http://%s/", host.name);
}

static void open_host(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    host.listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(host.listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(host.listener, 16), 0);
    ck_assert_int_eq(getsockname(host.listener, (struct sockaddr *)&address, &size), 0);
    name_host("localhost", ntohs(address.sin_port));
}

/* False: this machine has none. */
static bool open_ipv6_host(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof(address);

    host.listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (host.listener < 0 || bind(host.listener, (struct sockaddr *)&address, size) != 0)
        return false;
    ck_assert_int_eq(listen(host.listener, 16), 0);
    ck_assert_int_eq(getsockname(host.listener, (struct sockaddr *)&address, &size), 0);
    name_host("[::1]", ntohs(address.sin6_port));
    return true;
}

static void close_host(void)
{
    if (host.listener >= 0)
        close(host.listener);
    host.listener = -1;
}

/* A connection and its request, which is heard to the end. */
static int accept_request(void)
{
    struct timeval limit = {.tv_sec = 30};
    char request[4096] = "";
    size_t size = 0;
    char expected[96];
    int fd = accept(host.listener, NULL, NULL);

    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    while (!strstr(request, "\r\n\r\n")) {
        ssize_t got = recv(fd, request + size, sizeof(request) - size - 1, 0);

        ck_assert_int_gt(got, 0);
        size += (size_t)got;
        request[size] = '\0';
    }
    ck_assert_msg(strncmp(request, "GET /internal/watch HTTP/1.1\r\n", 30) == 0, "%s", request);
    snprintf(expected, sizeof(expected), "Host: %s\r\n", host.name);
    ck_assert_msg(strstr(request, expected), "%s", request);
    return fd;
}

static void say(int fd, const char *bytes)
{
    /* Who has heard enough closes; that shows elsewhere. */
    if (send(fd, bytes, strlen(bytes), MSG_NOSIGNAL) < 0)
        return;
}

static void say_chunk(int fd, const char *line)
{
    char *chunk = weir_format("%zx\r\n%s\r\n", strlen(line), line);

    say(fd, chunk);
    free(chunk);
}

static int accept_and_say(const char *line)
{
    int fd = accept_request();

    say(fd, HEAD);
    say_chunk(fd, line);
    return fd;
}

static void reset(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(fd);
}

static void is_closed_by_them(int fd)
{
    char byte;

    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

/* ---- The watch ------------------------------------------------------------------------------ */

static const weir_watch_limits limits = {
    .connect_ms = 10000, .first_line_ms = 30000, .stranger_ms = 100, .steady_ms = 2000};
static const weir_watch_limits impatient = {
    .connect_ms = 10000, .first_line_ms = 50, .stranger_ms = 100, .steady_ms = 2000};
static const weir_watch_limits patient = {
    .connect_ms = 10000, .first_line_ms = 30000, .stranger_ms = 30000, .steady_ms = 2000};

static void watch_it(bool proven, const weir_watch_limits *with)
{
    watch = weir_watch_start_with(report, NULL, with);
    weir_watch_peers(watch, &(weir_watch_peer){WORKER, INSTANCE, host.url, proven}, 1);
}

/* An established watch. */
static int watched(void)
{
    int fd;

    watch_it(false, &limits);
    fd = accept_and_say(NAME);
    expect(WEIR_WATCH_ALIVE, "");
    return fd;
}

/* Nothing was said that the test has not seen, and nobody is asking. */
static void that_was_all(void)
{
    weir_watch_stop(watch);
    watch = NULL;
    ck_assert_ptr_null(news.first);
    if (host.listener >= 0)
        ck_assert_int_eq(poll(&(struct pollfd){.fd = host.listener, .events = POLLIN}, 1, 0), 0);
}

static void start(void)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* nobody is to ask there */
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    open_host();
}

static void stop(void)
{
    weir_watch_stop(watch);
    watch = NULL;
    close_host();
    while (news.first)
        forget(next_news());
}

/* ---- What it is said to be ------------------------------------------------------------------ */

START_TEST(who_answers_as_it_should_is_alive)
{
    int fd = watched();

    that_was_all();
    is_closed_by_them(fd);
}
END_TEST

START_TEST(a_farewell_is_no_death)
{
    int fd = watched();

    say_chunk(fd, "{\"bye\":true}\n");
    say(fd, "0\r\n\r\n");
    close(fd);
    expect(WEIR_WATCH_BYE, "");
    that_was_all();
}
END_TEST

START_TEST(a_killed_process_is_dead)
{
    int fd = watched();

    close_host();
    if (_i == 0)
        close(fd);
    else
        reset(fd);
    expect(WEIR_WATCH_DEAD, "refused");
    that_was_all();
}
END_TEST

START_TEST(a_process_that_is_back_as_another_is_dead)
{
    int fd = watched();

    close(fd);
    fd = accept_and_say(OTHER);
    expect(WEIR_WATCH_DEAD, "worker " WORKER ", instance other answers");
    that_was_all();
    close(fd);
}
END_TEST

START_TEST(a_broken_connection_is_no_death)
{
    int fd = watched();

    for (int i = 0; i < 3; i++) {
        reset(fd);
        fd = accept_and_say(NAME);
        expect(WEIR_WATCH_ALIVE, "");
    }
    that_was_all();
    close(fd);
}
END_TEST

START_TEST(an_address_of_ipv6_is_asked_again_too)
{
    int fd;

    close_host();
    if (!open_ipv6_host())
        return;
    fd = watched();
    close(fd);
    fd = accept_and_say(NAME);
    expect(WEIR_WATCH_ALIVE, "");
    close_host();
    close(fd);
    expect(WEIR_WATCH_DEAD, "refused");
    that_was_all();
}
END_TEST

START_TEST(a_dying_kernel_that_still_accepts_is_asked_until_it_refuses)
{
    int fd = watched();

    close(fd);
    reset(accept_request());
    expect(WEIR_WATCH_UNKNOWN, "");
    close(accept_request());
    reset(accept_request());
    fd = accept_request();
    close_host();
    reset(fd);
    expect(WEIR_WATCH_DEAD, "refused");
    that_was_all();
}
END_TEST

/* True: there is news. False: they had given up on this connection, which is closed. */
static bool is_heard_or_closed(int fd)
{
    bool told = false;

    while (!told) {
        if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10) == 1) {
            told = is_told();
            if (!told)
                close(fd);
            break;
        }
        told = is_told();
    }
    return told;
}

START_TEST(who_says_nothing_is_unknown_and_may_come_back)
{
    int fd, silent;

    watch_it(true, &impatient);
    silent = accept_request();
    expect(WEIR_WATCH_UNKNOWN, "no answer within 50 ms");
    is_closed_by_them(silent);
    do { /* until an answer is in time */
        fd = accept_request();
        say(fd, HEAD);
        say_chunk(fd, NAME);
    } while (!is_heard_or_closed(fd));
    expect(WEIR_WATCH_ALIVE, "");
    weir_watch_stop(watch);
    watch = NULL;
    close(fd);
}
END_TEST

static const struct {
    const char *answer, *says;
} wrong[] = {
    {"", "Empty reply"},
    {"nonsense\r\n\r\n", ""},
    {HEAD "2\r\n{}\r\n1\r\n\n\r\n", "not a worker's"},
    {HEAD "4\r\nhuh\n\r\n", "not a worker's"},
    {HEAD "3\r\n[]\n\r\n", "not a worker's"},
    {HEAD "f\r\n{\"worker\":\"w\"}\n\r\n", "not a worker's"},
    {HEAD "d\r\n{\"bye\":true}\n\r\n", "not a worker's"},
    {HEAD "zz\r\n", ""},
    {HEAD "0\r\n\r\n", "the answer ended"},
    {HEAD "5\r\n{\"wor\r\n0\r\n\r\n", "the answer ended"},
    {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", "HTTP status 503"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP status 404"},
    {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP status 204"},
    {"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n",
     "HTTP status 302"},
};

START_TEST(an_answer_that_tells_nothing_is_no_death)
{
    int fd = watched();

    close(fd);
    fd = accept_request();
    say(fd, wrong[_i].answer);
    close(fd);
    expect(WEIR_WATCH_UNKNOWN, wrong[_i].says);
    fd = accept_and_say(NAME);
    expect(WEIR_WATCH_ALIVE, "");
    that_was_all();
    close(fd);
}
END_TEST

/* Where `_i` is 1, after the first line. */
START_TEST(a_line_without_end_ends_the_watch)
{
    char *line = weir_realloc(NULL, 1, 2 * WEIR_WATCH_LINE_BYTES);
    int fd;

    memset(line, ' ', 2 * WEIR_WATCH_LINE_BYTES);
    line[2 * WEIR_WATCH_LINE_BYTES - 1] = '\0';
    watch_it(true, &limits);
    fd = accept_request();
    say(fd, HEAD);
    if (_i == 1)
        say_chunk(fd, NAME);
    say_chunk(fd, line);
    free(line);
    if (_i == 0)
        expect(WEIR_WATCH_UNKNOWN, "a line without end");
    else
        expect(WEIR_WATCH_ALIVE, "");
    close(fd);
    fd = accept_and_say(NAME);
    expect(WEIR_WATCH_ALIVE, "");
    that_was_all();
    close(fd);
}
END_TEST

START_TEST(what_it_says_besides_is_for_others)
{
    static const char lines[] = "1\r\n\n\r\n"
                                "d\r\n{\"new\":[1]}\n\n\r\n"
                                "c\r\n{\"bye\":null\r\n2\r\n}\n\r\n"
                                "d\r\n{\"bye\":true}\n\r\n";
    int fd = watched();

    for (size_t i = 0; i < sizeof(lines) - 1; i++)
        say(fd, (char[]){lines[i], '\0'});
    expect(WEIR_WATCH_BYE, "");
    that_was_all();
    close(fd);
}
END_TEST

START_TEST(last_words_are_heard_before_the_death)
{
    int fd = watched();
    heard *h;

    say_chunk(fd, "{\"crashed\":\"a\\\"b/3\",\"signal\":11,\"ran_ms\":1234}\n");
    say_chunk(fd, "{\"crashed\":\"another/1\",\"signal\":6,\"ran_ms\":1}\n");
    close_host();
    reset(fd);
    h = next_news();
    ck_assert_int_eq(h->change, WEIR_WATCH_CRASHED);
    ck_assert_str_eq(h->item, "a\"b/3");
    ck_assert_int_eq(h->signal, 11);
    ck_assert_int_eq(h->ran_ms, 1234);
    ck_assert_str_eq(h->text, "it crashed with signal 11");
    forget(h);
    expect(WEIR_WATCH_DEAD, "refused");
    that_was_all();
}
END_TEST

/* ---- First meetings ------------------------------------------------------------------------- */

static const struct {
    const char *answer; /* NULL: refused */
    weir_watch_change proven, unproven;
    const char *says;
} first[] = {
    {NULL, WEIR_WATCH_DEAD, WEIR_WATCH_STRANGER, "refused"},
    {HEAD "2b\r\n{\"worker\":\"" WORKER "\",\"instance\":\"another\"}\n\r\n", WEIR_WATCH_DEAD,
     WEIR_WATCH_STRANGER, "instance another answers"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", WEIR_WATCH_UNKNOWN,
     WEIR_WATCH_STRANGER, "HTTP status 404"},
    {"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}", WEIR_WATCH_UNKNOWN, WEIR_WATCH_STRANGER,
     "HTTP status 500"},
};

START_TEST(who_was_proven_to_answer_there_is_dead_when_another_does)
{
    int fd = -1;

    if (!first[_i].answer)
        close_host();
    watch_it(true, &limits);
    if (first[_i].answer) {
        fd = accept_request();
        say(fd, first[_i].answer);
        close(fd);
    }
    expect(first[_i].proven, first[_i].says);
    weir_watch_stop(watch);
    watch = NULL;
    ck_assert_ptr_null(news.first);
}
END_TEST

/* It is asked until that is said; how often depends on the time that passes. */
START_TEST(who_never_answered_as_it_should_is_a_stranger)
{
    bool told = false;

    if (!first[_i].answer)
        close_host();
    watch_it(false, &limits);
    while (first[_i].answer && !told) {
        struct pollfd fd = {.fd = host.listener, .events = POLLIN};

        if (poll(&fd, 1, 10) == 1) {
            int asked = accept_request();

            say(asked, first[_i].answer);
            close(asked);
        }
        told = is_told();
    }
    expect(first[_i].unproven, first[_i].says);
    that_was_all();
}
END_TEST

START_TEST(who_is_late_to_listen_is_no_stranger)
{
    int fd;

    watch_it(false, &patient);
    reset(accept_request());
    fd = accept_and_say(NAME);
    expect(WEIR_WATCH_ALIVE, "");
    that_was_all();
    close(fd);
}
END_TEST

/* ---- The set -------------------------------------------------------------------------------- */

START_TEST(who_stays_in_the_set_is_not_disturbed)
{
    weir_watch_peer both[] = {{WORKER, "second", host.url, false},
                              {WORKER, INSTANCE, host.url, true}};
    int first_fd = watched(), second_fd;

    weir_watch_peers(watch, both, 2);
    second_fd =
        accept_and_say("{\"worker\":\"" WORKER "\",\"instance\":\"second\"}\n"); /* not again */
    expect_of("second", WEIR_WATCH_ALIVE, "");
    weir_watch_peers(watch, &both[0], 1);
    is_closed_by_them(first_fd);
    say_chunk(second_fd, "{\"bye\":true}\n");
    expect_of("second", WEIR_WATCH_BYE, "");
    close(second_fd);
    weir_watch_peers(watch, both, 2); /* the second has said all; the first is new again */
    first_fd = accept_and_say(NAME);
    expect(WEIR_WATCH_ALIVE, "");
    weir_watch_peers(watch, NULL, 0);
    is_closed_by_them(first_fd);
    that_was_all();
}
END_TEST

START_TEST(who_is_dead_may_come_back_as_another_instance)
{
    weir_watch_peer other = {WORKER, "other", host.url, false};
    int fd = watched();

    close(fd);
    close(accept_and_say(OTHER));
    expect(WEIR_WATCH_DEAD, "");
    weir_watch_peers(watch, &other, 1);
    fd = accept_and_say(OTHER);
    expect_of("other", WEIR_WATCH_ALIVE, "");
    that_was_all();
    close(fd);
}
END_TEST

START_TEST(a_stop_waits_for_nobody)
{
    int fd;

    watch_it(false, &limits);
    fd = accept_request(); /* and no answer */
    that_was_all();
    is_closed_by_them(fd);
}
END_TEST

WEIR_UNIT_MAIN("watch", tcase_add_checked_fixture(tests, start, stop);
               tcase_add_test(tests, who_answers_as_it_should_is_alive);
               tcase_add_test(tests, a_farewell_is_no_death);
               tcase_add_loop_test(tests, a_killed_process_is_dead, 0, 2);
               tcase_add_test(tests, a_process_that_is_back_as_another_is_dead);
               tcase_add_test(tests, a_broken_connection_is_no_death);
               tcase_add_test(tests, an_address_of_ipv6_is_asked_again_too);
               tcase_add_test(tests, a_dying_kernel_that_still_accepts_is_asked_until_it_refuses);
               tcase_add_test(tests, who_says_nothing_is_unknown_and_may_come_back);
               tcase_add_loop_test(tests, an_answer_that_tells_nothing_is_no_death, 0,
                                   WEIR_COUNT(wrong));
               tcase_add_loop_test(tests, a_line_without_end_ends_the_watch, 0, 2);
               tcase_add_test(tests, what_it_says_besides_is_for_others);
               tcase_add_test(tests, last_words_are_heard_before_the_death);
               tcase_add_loop_test(tests, who_was_proven_to_answer_there_is_dead_when_another_does,
                                   0, WEIR_COUNT(first));
               tcase_add_loop_test(tests, who_never_answered_as_it_should_is_a_stranger, 0,
                                   WEIR_COUNT(first));
               tcase_add_test(tests, who_is_late_to_listen_is_no_stranger);
               tcase_add_test(tests, who_stays_in_the_set_is_not_disturbed);
               tcase_add_test(tests, who_is_dead_may_come_back_as_another_instance);
               tcase_add_test(tests, a_stop_waits_for_nobody);)
