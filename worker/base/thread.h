/* thread.h - a named thread that takes no signals.
 *
 * The main thread alone handles signals (sigwait); every other thread is born here with all of
 * them blocked but those of its own faults, which it may have something to say about
 * (last_words.h). Names show in `top -H` and gdb; 15 bytes at most.
 */
#ifndef WEIR_BASE_THREAD_H
#define WEIR_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* Aborts when the system has no thread to give: as with memory, the cluster goes on without us. */
pthread_t weir_thread_start(const char *name, void *(*run)(void *arg), void *arg);

/* Blocks for the calling thread what a new thread should have blocked, for libraries that make
 * their own; *before is for pthread_sigmask(SIG_SETMASK). */
void weir_thread_block_signals(sigset_t *before);

#endif
