/* last_words.c - see last_words.h.
 *
 * Everything that may go wrong is done beforehand: the item is escaped and in memory, the sockets
 * are known. The handler puts a line together on its stack, sends it without waiting and is done.
 */
#include "base/last_words.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)64 * 1024)
#define SPEECH_MS   1000 /* another thread's at most */
#define LINE_BYTES  (WEIR_LAST_WORDS_ITEM + 200)

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static atomic_bool installed;
static atomic_flag speaking = ATOMIC_FLAG_INIT;
static atomic_int hearers[WEIR_LAST_WORDS_HEARERS]; /* a socket + 1; 0: a free place */

/* Initial-exec: the first look at a variable of another model may allocate. */
#define OF_THREAD static _Thread_local __attribute__((tls_model("initial-exec")))
OF_THREAD _Atomic(char *) thread_item; /* a JSON string with its quotes; NULL: none */
OF_THREAD int64_t thread_since_ms;

/* ---- Hearers ------------------------------------------------------------------------------ */

static bool replace(int before, int after)
{
    for (size_t i = 0; i < WEIR_LAST_WORDS_HEARERS; i++) {
        int expected = before;

        if (atomic_compare_exchange_strong(&hearers[i], &expected, after))
            return true;
    }
    return false;
}

bool weir_last_words_register(int fd)
{
    return replace(0, fd + 1);
}

void weir_last_words_unregister(int fd)
{
    replace(fd + 1, 0);
}

/* ---- Items -------------------------------------------------------------------------------- */

void weir_last_words_item(const char *item, int64_t since_ms)
{
    weir_buf quoted = WEIR_BUF;

    weir_last_words_idle();
    weir_json_text(&quoted, item, strlen(item));
    thread_since_ms = since_ms;
    if (quoted.size <= WEIR_LAST_WORDS_ITEM)
        atomic_store(&thread_item, weir_buf_take(&quoted));
    weir_buf_free(&quoted);
}

void weir_last_words_idle(void)
{
    free(atomic_exchange(&thread_item, NULL));
}

/* ---- The handler: nothing but async-signal-safe calls from here on ------------------------- */

typedef struct line {
    char text[LINE_BYTES];
    size_t size;
} line;

static void add(line *l, const char *text)
{
    while (*text && l->size < sizeof(l->text))
        l->text[l->size++] = *text++;
}

static void add_number(line *l, int64_t number)
{
    char digits[24];
    char *at = digits + sizeof(digits) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(l, at);
}

/* One chunk: four hexadecimal digits of size, the line, its end. */
static void tell_hearers(int number, const char *item, int64_t ran_ms)
{
    line l = {.text = "0000\r\n", .size = 6};
    size_t head = l.size, size;

    add(&l, "{\"crashed\":");
    add(&l, item);
    add(&l, ",\"signal\":");
    add_number(&l, number);
    add(&l, ",\"ran_ms\":");
    add_number(&l, ran_ms);
    add(&l, "}\n");
    size = l.size - head;
    for (size_t i = 4; i-- > 0; size /= 16)
        l.text[i] = "0123456789abcdef"[size % 16];
    add(&l, "\r\n");
    for (size_t i = 0; i < WEIR_LAST_WORDS_HEARERS; i++) {
        int fd = atomic_load(&hearers[i]) - 1;

        if (fd >= 0 && send(fd, l.text, l.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            continue; /* he will hear of the end by other means */
    }
}

static void tell_operator(int number, const char *item, int64_t ran_ms)
{
    struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
    line l = {.size = 0};

    add(&l, "weir: killed by signal ");
    add_number(&l, number);
    if (item) {
        add(&l, " in ");
        add(&l, item);
        add(&l, ", ");
        add_number(&l, ran_ms);
        add(&l, " ms after its start");
    }
    add(&l, "\n");
    /* A pipe that nobody reads must not keep us: one that is writable takes a whole line. */
    if (poll(&err, 1, 0) == 1 && write(STDERR_FILENO, l.text, l.size) < 0)
        return;
}

/* A signal that another process sent says nothing about what ran here. */
static bool is_our_doing(const siginfo_t *info)
{
    return info->si_code > 0 || info->si_pid == getpid();
}

static void last_words(int number, siginfo_t *info, void *context)
{
    const char *item = is_our_doing(info) ? atomic_load(&thread_item) : NULL;
    int64_t ran_ms = item ? weir_now_ms() - thread_since_ms : 0;

    (void)context;
    if (!atomic_flag_test_and_set(&speaking)) {
        if (item)
            tell_hearers(number, item, ran_ms > 0 ? ran_ms : 0);
        tell_operator(number, item, ran_ms > 0 ? ran_ms : 0);
    } else { /* another thread is at it; the process ends with it */
        nanosleep(&(struct timespec){.tv_sec = SPEECH_MS / 1000}, NULL);
    }
    /* The same once more, blocked until we return: so the core dump shows where it happened, and
     * why. */
    signal(number, SIG_DFL);
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info) != 0)
        raise(number);
}

/* ---- Getting ready ------------------------------------------------------------------------ */

void *weir_last_words_stack(void)
{
    stack_t now;
    void *memory;

    if (!atomic_load(&installed) || sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE))
        return NULL;
    memory = weir_realloc(NULL, 1, STACK_BYTES);
    sigaltstack(&(stack_t){.ss_sp = memory, .ss_size = STACK_BYTES}, NULL);
    return memory;
}

void weir_last_words_stack_free(void *stack)
{
    if (!stack)
        return;
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE, .ss_size = STACK_BYTES}, NULL);
    free(stack);
}

void weir_last_words_install(void)
{
    static char stack_of_main[STACK_BYTES];
    struct sigaction ours = {.sa_sigaction = last_words, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction now;
    stack_t before;

    if (atomic_exchange(&installed, true))
        return;
    if (sigaltstack(NULL, &before) == 0 && before.ss_flags & SS_DISABLE)
        sigaltstack(&(stack_t){.ss_sp = stack_of_main, .ss_size = STACK_BYTES}, NULL);
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < WEIR_COUNT(fatal); i++)
        sigaddset(&ours.sa_mask, fatal[i]);
    for (size_t i = 0; i < WEIR_COUNT(fatal); i++)
        if (sigaction(fatal[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == SIG_DFL)
            sigaction(fatal[i], &ours, NULL);
}
