/* test_footprint.c - what is given back is gone from memory, and nothing is missing from it. */
#include "base/footprint.h"

#include "tests/support/unit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Read-only, so it is in a segment that is never written; large, so it is seen. */
#define TABLE_SIZE ((size_t)4 << 20)
static const uint8_t table[TABLE_SIZE] = {[0] = 1, [TABLE_SIZE / 2] = 2, [TABLE_SIZE - 1] = 3};

static size_t resident_pages(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0;
    static char text[1 << 16];
    bool inside = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    long kib;

    ck_assert_ptr_nonnull(maps);
    while (fgets(text, sizeof(text), maps)) {
        uintptr_t from, to;

        if (sscanf(text, "%lx-%lx ", &from, &to) == 2)
            inside = from < (uintptr_t)(table + TABLE_SIZE) && to > (uintptr_t)table;
        else if (inside && sscanf(text, "Rss: %ld kB", &kib) == 1)
            count += (size_t)kib * 1024 / page;
    }
    fclose(maps);
    return count;
}

static unsigned sum_of_table(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned sum = 0;

    for (size_t at = 0; at < TABLE_SIZE; at += page)
        sum += ((const volatile uint8_t *)table)[at];
    return sum + ((const volatile uint8_t *)table)[TABLE_SIZE - 1];
}

START_TEST(pages_that_the_file_has_are_given_back)
{
    size_t all = TABLE_SIZE / (size_t)sysconf(_SC_PAGESIZE), before, after;

    sum_of_table();
    before = resident_pages();
    weir_footprint_let_go();
    after = resident_pages();
    ck_assert_uint_ge(before, all);
    ck_assert_uint_lt(after, all / 4); /* what runs now comes with its neighbours */
}
END_TEST

START_TEST(what_was_given_back_is_read_again)
{
    unsigned before = sum_of_table();

    weir_footprint_let_go();
    ck_assert_uint_eq(sum_of_table(), before);
    ck_assert_uint_eq(before, 1 + 2 + 3);
}
END_TEST

static int written = 17; /* not as the file has it, once the test has run */
static const char *const relocated[] = {"what the loader has written", "stays"};

START_TEST(what_was_written_stays)
{
    char *heap = strdup("heap");

    written = 18;
    weir_footprint_let_go();
    ck_assert_int_eq(written, 18);
    ck_assert_str_eq(((const char *const volatile *)relocated)[1], "stays");
    ck_assert_str_eq(heap, "heap");
    free(heap);
}
END_TEST

static atomic_bool over;

static void *work(void *arg)
{
    unsigned *wrong = arg;

    while (!atomic_load(&over))
        *wrong += sum_of_table() != 6;
    return NULL;
}

static void *load(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        void *library = dlopen("libm.so.6", RTLD_NOW);

        if (library)
            dlclose(library);
    }
    return NULL;
}

START_TEST(others_may_work_and_load_meanwhile)
{
    pthread_t worker, loader;
    unsigned wrong = 0;

    atomic_store(&over, false);
    pthread_create(&worker, NULL, work, &wrong);
    pthread_create(&loader, NULL, load, NULL);
    for (int i = 0; i < 300; i++)
        weir_footprint_let_go();
    atomic_store(&over, true);
    pthread_join(worker, NULL);
    pthread_join(loader, NULL);
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

WEIR_UNIT_MAIN("footprint", tcase_add_test(tests, pages_that_the_file_has_are_given_back);
               tcase_add_test(tests, what_was_given_back_is_read_again);
               tcase_add_test(tests, what_was_written_stays);
               tcase_add_test(tests, others_may_work_and_load_meanwhile);)
