/* clock_shift.c - for LD_PRELOAD: a worker's time of day jumps when the test wants it to.
 *
 * WEIR_CLOCK_SHIFT names a file of 8 bytes, how many milliseconds the time of day is ahead of the
 * machine's. The file is mapped: writing it is the jump. Monotonic clocks go on as they are, as
 * they do when an operator or NTP sets a clock. Deadlines on the time of day are taken back by the
 * shift before the kernel sees them; one that was being waited for does not move.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define EXPORT       __attribute__((visibility("default")))
#define NS           1000000000LL
#define ON_MONOTONIC 2 /* in glibc's __wrefs: the condition counts on CLOCK_MONOTONIC */

static const volatile int64_t *shift_ms; /* NULL: no shift */

__attribute__((constructor)) static void map_shift(void)
{
    const char *path = getenv("WEIR_CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped;

    if (fd < 0)
        return;
    mapped = mmap(NULL, sizeof(*shift_ms), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        shift_ms = mapped;
}

static struct timespec moved(struct timespec time, int sign)
{
    int64_t ns = time.tv_sec * NS + time.tv_nsec + sign * (shift_ms ? *shift_ms : 0) * 1000000;

    return (struct timespec){.tv_sec = ns / NS, .tv_nsec = ns % NS};
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *time)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, time);

    if (rc == 0 && clock == CLOCK_REALTIME)
        *time = moved(*time, 1);
    return rc;
}

EXPORT int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

EXPORT int timespec_get(struct timespec *time, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

/* ---- Waiting until a time of day ----------------------------------------------------------- */

EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                  const struct timespec *restrict deadline)
{
    struct timespec real = moved(*deadline, -1);

    if (cond->__data.__wrefs & ON_MONOTONIC)
        return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, deadline);
    return pthread_cond_clockwait(cond, mutex, CLOCK_REALTIME, &real);
}

EXPORT int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                         const struct timespec *restrict deadline)
{
    int rc = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, deadline);

    return rc == 0 ? thrd_success : rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}

EXPORT int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict deadline)
{
    struct timespec real = moved(*deadline, -1);

    return sem_clockwait(sem, CLOCK_REALTIME, &real);
}
