/* last_words.h - what a process says while it crashes.
 *
 * A plugin that crashes takes its worker along, and whoever inherits its task would be next. So
 * the crashing thread names the item it was running to those who watch this worker, as one chunk
 * of the HTTP body that they are reading anyway:
 *
 *     {"crashed":"orders/3","signal":11,"ran_ms":1234}
 *
 * and says the same on standard error. Then the signal takes its course: exit status and core dump
 * are as without us. Only the thread that crashes is asked: when it names nothing (a plugin's own
 * thread, librdkafka's, ours), or when the signal came from another process, the hearers hear
 * nothing, and nobody is blamed.
 *
 * Signals: SEGV, BUS, ILL, FPE, ABRT, on a stack of their own, so that a stack overflow is named
 * as well. What is done in the handler is async-signal-safe and waits for nobody.
 */
#ifndef WEIR_BASE_LAST_WORDS_H
#define WEIR_BASE_LAST_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_LAST_WORDS_HEARERS 64
/* A longer name, in bytes once it is escaped, is not told. */
#define WEIR_LAST_WORDS_ITEM 3000

/* For the whole process, once, before other threads start. A signal that somebody handles already
 * (a sanitizer) is left to him. */
void weir_last_words_install(void);

/* [any] `fd` is a connected socket inside a chunked body, between two chunks, with nobody else
 * writing. False: there are too many. It must be unregistered before it is written to or closed. */
bool weir_last_words_register(int fd);
void weir_last_words_unregister(int fd); /* [any] not registered is fine */

/* What the calling thread runs from now on, since `since_ms` (weir_now_ms()); copied. A thread
 * that has said so calls weir_last_words_idle() before it ends. */
void weir_last_words_item(const char *item, int64_t since_ms);
void weir_last_words_idle(void);

/* For base/thread.c: gives the calling thread the stack for its handler, and takes it back before
 * the thread ends. NULL: it needs none, or has one. */
void *weir_last_words_stack(void);
void weir_last_words_stack_free(void *stack);

#endif
