/* thread.c - see thread.h. */
#include "base/thread.h"

#include "base/last_words.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct birth {
    void *(*run)(void *arg);
    void *arg;
} birth;

static void *live(void *arg)
{
    birth given = *(birth *)arg;
    void *stack = weir_last_words_stack();
    void *result;

    free(arg);
    result = given.run(given.arg);
    weir_last_words_stack_free(stack);
    return result;
}

void weir_thread_block_signals(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    sigset_t others;

    sigfillset(&others);
    for (size_t i = 0; i < WEIR_COUNT(own); i++)
        sigdelset(&others, own[i]);
    pthread_sigmask(SIG_SETMASK, &others, before);
}

pthread_t weir_thread_start(const char *name, void *(*run)(void *arg), void *arg)
{
    birth *given = weir_new(birth);
    char short_name[16];
    sigset_t before;
    pthread_t thread;
    int failed;

    *given = (birth){.run = run, .arg = arg};
    weir_thread_block_signals(&before);
    failed = pthread_create(&thread, NULL, live, given);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        fprintf(stderr, "weir: cannot start thread '%s': %s\n", name, strerror(failed));
        abort();
    }
    snprintf(short_name, sizeof(short_name), "%s", name);
    pthread_setname_np(thread, short_name);
    return thread;
}
