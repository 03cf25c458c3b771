/* c11_threads.h - lets ThreadSanitizer see librdkafka's threads and locks.
 *
 * Debian's librdkafka starts its threads and locks with C11's calls, which ThreadSanitizer does
 * not know: a thread it has not seen being born crashes it. These stand in for glibc's in a test
 * program under TSan and do the same through POSIX's calls, which it watches. Include it in every
 * unit test that makes a librdkafka handle; without TSan it is empty.
 */
#ifndef WEIR_TESTS_C11_THREADS_H
#define WEIR_TESTS_C11_THREADS_H

#if defined(__has_feature)
#define WEIR_TSAN __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__)
#define WEIR_TSAN 1
#else
#define WEIR_TSAN 0
#endif

#if WEIR_TSAN

#include "weir_plugin.h" /* WEIR_EXPORT */

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "the same thing in glibc");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "the same thing in glibc");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "the same thing in glibc");

struct birth {
    thrd_start_t run;
    void *arg;
};

static inline void *born(void *arg)
{
    struct birth birth = *(struct birth *)arg;

    free(arg);
    return (void *)(intptr_t)birth.run(birth.arg);
}

static inline int c11_code(int error)
{
    return error == 0           ? thrd_success
           : error == EBUSY     ? thrd_busy
           : error == ETIMEDOUT ? thrd_timedout
           : error == ENOMEM    ? thrd_nomem
                                : thrd_error;
}

WEIR_EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct birth *birth = malloc(sizeof(*birth));

    if (!birth)
        return thrd_nomem;
    *birth = (struct birth){run, arg};
    return c11_code(pthread_create(thread, NULL, born, birth));
}

WEIR_EXPORT int thrd_join(thrd_t thread, int *ret_result)
{
    void *result;
    int error = pthread_join(thread, &result);

    if (!error && ret_result)
        *ret_result = (int)(intptr_t)result;
    return c11_code(error);
}

WEIR_EXPORT int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attr;
    int error;

    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    error = pthread_mutex_init((pthread_mutex_t *)mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return c11_code(error);
}

WEIR_EXPORT int mtx_lock(mtx_t *mutex)
{
    return c11_code(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

WEIR_EXPORT int mtx_unlock(mtx_t *mutex)
{
    return c11_code(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

WEIR_EXPORT void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

WEIR_EXPORT int cnd_init(cnd_t *cond)
{
    return c11_code(pthread_cond_init((pthread_cond_t *)cond, NULL));
}

WEIR_EXPORT int cnd_signal(cnd_t *cond)
{
    return c11_code(pthread_cond_signal((pthread_cond_t *)cond));
}

WEIR_EXPORT int cnd_broadcast(cnd_t *cond)
{
    return c11_code(pthread_cond_broadcast((pthread_cond_t *)cond));
}

WEIR_EXPORT int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    return c11_code(pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex));
}

WEIR_EXPORT int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                              const struct timespec *restrict until)
{
    return c11_code(
        pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until));
}

WEIR_EXPORT void cnd_destroy(cnd_t *cond)
{
    pthread_cond_destroy((pthread_cond_t *)cond);
}

#endif
#endif
