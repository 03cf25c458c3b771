/* test_process.c - what the kernel says about us is what we can see ourselves. */
#include "base/process.h"

#include "tests/support/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

START_TEST(open_files_are_counted)
{
    weir_process before = weir_process_look(), after;
    int fds[3];

    for (int i = 0; i < 3; i++)
        fds[i] = open("/dev/null", O_RDONLY);
    after = weir_process_look();
    ck_assert_int_gt(before.open_fds, 0);
    ck_assert_int_eq(after.open_fds, before.open_fds + 3);
    ck_assert_int_ge(after.max_fds, after.open_fds);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    ck_assert_int_eq(weir_process_look().open_fds, before.open_fds);
}
END_TEST

START_TEST(memory_is_in_bytes)
{
    weir_process before = weir_process_look(), after;
    char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    memset(memory, 1, 64 * MIB);
    after = weir_process_look();
    ck_assert_int_ge(after.resident_bytes, before.resident_bytes + (int64_t)(60 * MIB));
    ck_assert_int_ge(after.virtual_bytes, after.resident_bytes);
    munmap(memory, 64 * MIB);
}
END_TEST

static pthread_barrier_t first, rest, over;

static void *idle(void *here)
{
    pthread_barrier_wait(here);
    pthread_barrier_wait(&over);
    return NULL;
}

static void start_idle(pthread_barrier_t *here, pthread_t *threads, unsigned count)
{
    pthread_barrier_init(here, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, idle, here), 0);
    pthread_barrier_wait(here);
}

START_TEST(threads_are_counted)
{
    pthread_t threads[5];
    int64_t before;

    pthread_barrier_init(&over, NULL, 6);
    start_idle(&first, threads, 1); /* with it comes one of a sanitizer's own */
    before = weir_process_look().threads;
    start_idle(&rest, threads + 1, 4);
    ck_assert_int_eq(weir_process_look().threads, before + 4);
    pthread_barrier_wait(&over);
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(time_at_the_processor_is_counted)
{
    double before = weir_process_look().cpu_seconds;
    struct timespec used;

    ck_assert_double_ge(before, 0);
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while ((double)used.tv_sec + (double)used.tv_nsec / 1e9 < before + 0.2);
    ck_assert_double_ge(weir_process_look().cpu_seconds, before + 0.1);
}
END_TEST

START_TEST(the_start_is_a_moment_of_the_wall_clock)
{
    weir_process process = weir_process_look();
    double now = (double)time(NULL);

    ck_assert_double_le(process.started_seconds, now + 2);
    ck_assert_double_ge(process.started_seconds, now - 600);
    ck_assert_double_eq(process.started_seconds, weir_process_look().started_seconds);
}
END_TEST

WEIR_UNIT_MAIN("process", tcase_add_test(tests, open_files_are_counted);
               tcase_add_test(tests, memory_is_in_bytes);
               tcase_add_test(tests, threads_are_counted);
               tcase_add_test(tests, time_at_the_processor_is_counted);
               tcase_add_test(tests, the_start_is_a_moment_of_the_wall_clock);)
