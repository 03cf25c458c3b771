/* test_last_words.c - whatever kills a process, those who listen hear what it was running, and the
 * process dies as it would have died. Each test runs this program again, as the one that crashes.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/last_words.h"
#include "base/mem.h"
#include "base/thread.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET 100 /* of the crashing program */
#define ROLE   "LAST_WORDS_ROLE"

/* ---- The one that crashes ------------------------------------------------------------------- */

static void touch_forbidden(void)
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *page = 1;
}

static void touch_beyond_a_file(void)
{
    int fd = memfd_create("empty", MFD_CLOEXEC);
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    *page = 1;
}

static void run_an_illegal_instruction(void)
{
    __builtin_trap();
}

static void divide(void)
{
    raise(SIGFPE); /* no processor of ours is asked to */
}

static volatile bool deeper_still = true;

static int deeper(volatile char *above)
{
    volatile char here[1024];

    here[0] = (char)(above[0] / 2);
    return deeper_still ? deeper(here) + here[0] : 0;
}

static void overflow_the_stack(void)
{
    volatile char top[1] = {0};

    deeper(top);
}

static const struct {
    const char *name;
    void (*crash)(void);
    int number;
} ends[] = {
    {"segv", touch_forbidden, SIGSEGV},
    {"bus", touch_beyond_a_file, SIGBUS},
    {"ill", run_an_illegal_instruction, SIGILL},
    {"fpe", divide, SIGFPE},
    {"abort", abort, SIGABRT},
    {"stack", overflow_the_stack, SIGSEGV},
};

static void (*crash)(void) = touch_forbidden;
static const char *item = "orders/3";

static void *run_item(void *arg)
{
    (void)arg;
    weir_last_words_item(item, weir_now_ms() - 1000);
    crash();
    return NULL;
}

static void *run_nothing(void *arg)
{
    weir_last_words_item(item, weir_now_ms());
    weir_last_words_idle();
    crash();
    return arg;
}

static void fill(int fd)
{
    char bytes[4096] = {0};

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, sizeof(bytes)) > 0)
        continue;
}

static void exit_seven(int number)
{
    (void)number;
    _exit(7);
}

static void wait_to_be_killed(void)
{
    weir_last_words_item(item, weir_now_ms());
    if (send(SOCKET, "!", 1, 0) == 1) /* now */
        for (;;)
            pause();
}

static void play(const char *role)
{
    void *(*run)(void *) = run_item;
    int threads = 1;

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (size_t i = 0; i < WEIR_COUNT(ends); i++)
        if (strcmp(role, ends[i].name) == 0)
            crash = ends[i].crash;
    if (strcmp(role, "handled") == 0)
        signal(SIGSEGV, exit_seven);
    weir_last_words_install();
    if (!weir_last_words_register(SOCKET))
        _exit(1);
    if (strcmp(role, "idle") == 0)
        run = run_nothing;
    if (strcmp(role, "strange-name") == 0)
        item = "a\"b\\c\n\xc3\xa4/0";
    if (strcmp(role, "long-name") == 0) {
        char *text = weir_realloc(NULL, 1, WEIR_LAST_WORDS_ITEM + 1);

        memset(text, 'x', WEIR_LAST_WORDS_ITEM);
        text[WEIR_LAST_WORDS_ITEM] = '\0';
        item = text;
    }
    if (strcmp(role, "deaf-operator") == 0)
        fill(STDERR_FILENO);
    if (strcmp(role, "deaf-hearer") == 0)
        fill(SOCKET);
    if (strcmp(role, "gone-hearer") == 0)
        weir_last_words_unregister(SOCKET);
    if (strcmp(role, "killed") == 0)
        wait_to_be_killed();
    if (strcmp(role, "two-at-once") == 0)
        threads = 2;
    for (int i = 0; i < threads; i++)
        weir_thread_start("crash", run, NULL);
    for (;;)
        pause();
}

__attribute__((constructor)) static void begin(void)
{
    const char *role = getenv(ROLE);

    if (role) {
        play(role);
        _exit(1);
    }
}

/* ---- Those who listen ----------------------------------------------------------------------- */

typedef struct death {
    int status;
    char heard[8192]; /* on the socket */
    char said[8192];  /* on standard error */
} death;

static pid_t start_program(const char *role, int hearer, int err)
{
    pid_t pid;

    /* A sanitizer has handlers of its own, which stay where they are: the program is told that it
     * needs none. */
    setenv("ASAN_OPTIONS",
           "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0:"
           "detect_leaks=0",
           1);
    setenv("TSAN_OPTIONS",
           "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0", 1);
    setenv(ROLE, role, 1);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(hearer, SOCKET);
        dup2(err, STDERR_FILENO);
        execl("/proc/self/exe", "crash", (char *)NULL);
        _exit(127);
    }
    unsetenv(ROLE);
    return pid;
}

static void read_all(int fd, char *out, size_t room)
{
    size_t size = 0;
    ssize_t got;

    while (size + 1 < room && (got = read(fd, out + size, room - size - 1)) > 0)
        size += (size_t)got;
    out[size] = '\0';
    close(fd);
}

/* Its whole life; Check's time limit is the deadline. */
static death see(const char *role)
{
    int hearer[2], err[2];
    death d = {.status = 0};
    char ready;
    pid_t pid;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hearer), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    pid = start_program(role, hearer[1], err[1]);
    close(hearer[1]);
    close(err[1]);
    if (strcmp(role, "killed") == 0) {
        ck_assert_int_eq(read(hearer[0], &ready, 1), 1);
        kill(pid, SIGSEGV);
    }
    ck_assert_int_eq(waitpid(pid, &d.status, 0), pid);
    read_all(hearer[0], d.heard, sizeof(d.heard));
    read_all(err[0], d.said, sizeof(d.said));
    return d;
}

static void died_of(const death *d, int number)
{
    ck_assert_msg(WIFSIGNALED(d->status) && WTERMSIG(d->status) == number, "status %x: %s",
                  d->status, d->said);
}

/* One whole chunk, and nothing else. */
static void names(const death *d, const char *name, int number)
{
    char *end;
    size_t size = strtoul(d->heard, &end, 16);
    json_t *json = NULL;
    weir_err err = {.msg = ""};

    ck_assert_msg(strncmp(end, "\r\n", 2) == 0, "heard: %s", d->heard);
    ck_assert_uint_eq(strlen(end), 2 + size + 2);
    ck_assert_str_eq(end + 2 + size, "\r\n");
    ck_assert_int_eq(end[2 + size - 1], '\n');
    ck_assert_msg(weir_json_read(end + 2, size, &json, &err) == WEIR_OK, "%s", err.msg);
    ck_assert_str_eq(weir_json_str(json, "crashed"), name);
    ck_assert_int_eq(weir_json_int(json, "signal", 0), number);
    ck_assert_int_ge(weir_json_int(json, "ran_ms", -1), 1000);
    json_decref(json);
}

START_TEST(whatever_kills_it_the_item_is_named)
{
    death d = see(ends[_i].name);
    char line[64];

    died_of(&d, ends[_i].number);
    names(&d, "orders/3", ends[_i].number);
    snprintf(line, sizeof(line), "weir: killed by signal %d in \"orders/3\", 1", ends[_i].number);
    ck_assert_msg(strstr(d.said, line), "said: %s", d.said);
}
END_TEST

START_TEST(a_name_is_told_as_json)
{
    death d = see("strange-name");

    died_of(&d, SIGSEGV);
    names(&d, "a\"b\\c\n\xc3\xa4/0", SIGSEGV);
}
END_TEST

static const struct {
    const char *role, *says;
} unheard[] = {
    {"idle", "weir: killed by signal 11\n"},
    {"long-name", "weir: killed by signal 11\n"},
    {"killed", "weir: killed by signal 11\n"}, /* by us, not by what it runs */
    {"gone-hearer", "weir: killed by signal 11 in \"orders/3\""},
};

START_TEST(who_is_not_to_blame_is_not_named)
{
    death d = see(unheard[_i].role);

    died_of(&d, SIGSEGV);
    ck_assert_str_eq(d.heard, "");
    ck_assert_msg(strstr(d.said, unheard[_i].says), "said: %s", d.said);
}
END_TEST

START_TEST(one_speaks_when_two_threads_crash)
{
    death d = see("two-at-once");

    died_of(&d, SIGSEGV);
    names(&d, "orders/3", SIGSEGV);
}
END_TEST

/* Nobody takes what is said until it is dead. */
START_TEST(nobody_keeps_it_from_dying)
{
    death d = see(_i == 0 ? "deaf-operator" : "deaf-hearer");

    died_of(&d, SIGSEGV);
    if (_i == 0)
        names(&d, "orders/3", SIGSEGV);
}
END_TEST

START_TEST(a_signal_that_is_handled_already_is_left_alone)
{
    death d = see("handled");

    ck_assert(WIFEXITED(d.status));
    ck_assert_int_eq(WEXITSTATUS(d.status), 7);
}
END_TEST

START_TEST(there_is_room_for_so_many_hearers)
{
    for (int i = 0; i < WEIR_LAST_WORDS_HEARERS; i++)
        ck_assert(weir_last_words_register(1000 + i));
    ck_assert(!weir_last_words_register(2000));
    weir_last_words_unregister(2000); /* was not taken */
    weir_last_words_unregister(1003);
    ck_assert(weir_last_words_register(2000));
    for (int i = 0; i < WEIR_LAST_WORDS_HEARERS; i++)
        weir_last_words_unregister(1000 + i);
    weir_last_words_unregister(2000);
}
END_TEST

WEIR_UNIT_MAIN("last_words",
               tcase_add_loop_test(tests, whatever_kills_it_the_item_is_named, 0, WEIR_COUNT(ends));
               tcase_add_test(tests, a_name_is_told_as_json);
               tcase_add_loop_test(tests, who_is_not_to_blame_is_not_named, 0, WEIR_COUNT(unheard));
               tcase_add_test(tests, one_speaks_when_two_threads_crash);
               tcase_add_loop_test(tests, nobody_keeps_it_from_dying, 0, 2);
               tcase_add_test(tests, a_signal_that_is_handled_already_is_left_alone);
               tcase_add_test(tests, there_is_room_for_so_many_hearers);)
