/* thread.c - see thread.h. */
#include "base/thread.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pthread_t weir_thread_start(const char *name, void *(*run)(void *arg), void *arg)
{
    char short_name[16];
    sigset_t all, before;
    pthread_t thread;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        fprintf(stderr, "weir: cannot start thread '%s': %s\n", name, strerror(failed));
        abort();
    }
    snprintf(short_name, sizeof(short_name), "%s", name);
    pthread_setname_np(thread, short_name);
    return thread;
}
