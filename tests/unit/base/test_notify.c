/* test_notify.c - what a service manager hears, on a socket of the test's own. */
#include "base/mem.h"
#include "base/notify.h"
#include "tests/support/unit.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;
static char path[64];

/* A datagram socket at a path, or, for '@', at an abstract name; NOTIFY_SOCKET says where. */
static void listen_at(char kind)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;

    snprintf(path, sizeof(path), kind == '@' ? "@weir-notify-%d" : "/tmp/weir-notify-%d",
             (int)getpid());
    length = strlen(path);
    memcpy(address.sun_path, path, length);
    if (kind == '@')
        address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(manager, 0);
    ck_assert_int_eq(
        bind(manager, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (kind == '/'))),
        0);
    setenv("NOTIFY_SOCKET", path, 1);
}

static void forget(void)
{
    if (path[0] == '/')
        unlink(path);
    if (manager >= 0)
        close(manager);
    manager = -1;
    path[0] = '\0';
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static const char *heard(void)
{
    static char text[4096];
    struct pollfd one = {.fd = manager, .events = POLLIN};
    ssize_t size;

    ck_assert_int_eq(poll(&one, 1, 5000), 1);
    size = recv(manager, text, sizeof(text) - 1, 0);
    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    return text;
}

START_TEST(a_manager_hears_what_is_said_at_a_path_and_at_an_abstract_name)
{
    weir_err err;

    listen_at("/@"[_i]);
    ck_assert(weir_notify_wanted());
    ck_assert_int_eq(weir_notify("READY=1\nSTATUS=up", &err), WEIR_OK);
    ck_assert_str_eq(heard(), "READY=1\nSTATUS=up");
    ck_assert_int_eq(weir_notify("STOPPING=1", &err), WEIR_OK);
    ck_assert_str_eq(heard(), "STOPPING=1");
    forget();
}
END_TEST

/* A second line would be an assignment of its own: "READY=1", say, out of an error's text. */
START_TEST(a_status_is_one_line)
{
    listen_at('@');
    ck_assert_int_eq(weir_notify_status("waiting\nREADY=1\n", NULL), WEIR_OK);
    ck_assert_str_eq(heard(), "STATUS=waiting READY=1 ");
    forget();
}
END_TEST

START_TEST(nobody_to_tell_is_no_trouble)
{
    weir_err err;

    forget();
    ck_assert(!weir_notify_wanted());
    ck_assert_int_eq(weir_notify("READY=1", &err), WEIR_NOT_FOUND);
    setenv("NOTIFY_SOCKET", "", 1);
    ck_assert(!weir_notify_wanted());
    forget();
}
END_TEST

static char endless[200];

static const struct {
    const char *name, *says;
    weir_code code;
} bad[] = {
    {"relative", "neither a path", WEIR_INVALID},
    {"@", "neither a path", WEIR_INVALID},
    {"vsock:2:1", "neither a path", WEIR_INVALID},
    {endless, "neither a path", WEIR_INVALID},
    {"/nowhere/at/all", "No such file", WEIR_FAILED},
    {"@weir-nobody-listens-here", "Connection refused", WEIR_FAILED},
};

START_TEST(a_manager_that_cannot_be_reached_is_an_error_in_words)
{
    weir_err err;

    memset(endless, '/', sizeof(endless) - 1);
    setenv("NOTIFY_SOCKET", bad[_i].name, 1);
    ck_assert_int_eq(weir_notify("READY=1", &err), bad[_i].code);
    ck_assert_msg(strstr(err.msg, bad[_i].says), "got: %s", err.msg);
    forget();
}
END_TEST

/* Said while the manager's queue is full, and heard once it reads again or not at all: the sender
 * is back in any case. */
START_TEST(a_manager_that_does_not_read_holds_nobody_up_for_ever)
{
    weir_err err;
    int said = 0;

    listen_at('@');
    while (said < 100000 && weir_notify("WATCHDOG=1", &err) == WEIR_OK)
        said++;
    ck_assert_int_lt(said, 100000);
    ck_assert_int_eq(err.code, WEIR_FAILED);
    ck_assert_str_eq(heard(), "WATCHDOG=1");
    ck_assert_int_eq(weir_notify("STOPPING=1", &err), WEIR_OK);
    forget();
}
END_TEST

static const struct {
    const char *limit;
    int pid; /* 0: not given; 1: ours; 2: another's */
    int64_t ms;
} watchdogs[] = {
    {NULL, 0, 0}, {"60000000", 0, 60000}, {"60000000", 1, 60000}, {"60000000", 2, 0},
    {"0", 1, 0},  {"-5", 1, 0},           {"nonsense", 1, 0},     {"10", 1, 1},
};

START_TEST(the_watchdog_is_meant_for_whoever_it_names)
{
    char pid[24];

    forget();
    if (watchdogs[_i].limit)
        setenv("WATCHDOG_USEC", watchdogs[_i].limit, 1);
    snprintf(pid, sizeof(pid), "%d", (int)getpid() + (watchdogs[_i].pid == 2));
    if (watchdogs[_i].pid)
        setenv("WATCHDOG_PID", pid, 1);
    ck_assert_int_eq(weir_notify_watchdog_ms(), watchdogs[_i].ms);
    forget();
}
END_TEST

WEIR_UNIT_MAIN("notify",
               tcase_add_loop_test(tests,
                                   a_manager_hears_what_is_said_at_a_path_and_at_an_abstract_name,
                                   0, 2);
               tcase_add_test(tests, a_status_is_one_line);
               tcase_add_test(tests, nobody_to_tell_is_no_trouble);
               tcase_add_loop_test(tests, a_manager_that_cannot_be_reached_is_an_error_in_words, 0,
                                   WEIR_COUNT(bad));
               tcase_add_test(tests, a_manager_that_does_not_read_holds_nobody_up_for_ever);
               tcase_add_loop_test(tests, the_watchdog_is_meant_for_whoever_it_names, 0,
                                   WEIR_COUNT(watchdogs));)
