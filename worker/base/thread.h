/* thread.h - a named thread that takes no signals.
 *
 * The main thread alone handles signals (sigwait); every other thread is born here with all of
 * them blocked. Names show in `top -H` and gdb; 15 bytes at most.
 */
#ifndef WEIR_BASE_THREAD_H
#define WEIR_BASE_THREAD_H

#include <pthread.h>

/* Aborts when the system has no thread to give: as with memory, the cluster goes on without us. */
pthread_t weir_thread_start(const char *name, void *(*run)(void *arg), void *arg);

#endif
