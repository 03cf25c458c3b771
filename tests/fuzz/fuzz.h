/* fuzz.h - what fuzzers have in common. Included by one file of a program, its own. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* An input for which this is false is a finding. */
#define require(true_always)                                                                       \
    ((true_always) ? (void)0 : fuzz_found(__FILE__, __LINE__, #true_always))

static inline void fuzz_found(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    abort();
}

/* For code that logs what it skips, which cannot be read here anyway; needs base/log.h, fcntl.h. */
#define FUZZ_WITHOUT_LOG                                                                           \
    int LLVMFuzzerInitialize(int *argc, char ***argv);                                             \
    int LLVMFuzzerInitialize(int *argc, char ***argv)                                              \
    {                                                                                              \
        (void)argc;                                                                                \
        (void)argv;                                                                                \
        weir_log_to(open("/dev/null", O_WRONLY | O_CLOEXEC));                                      \
        return 0;                                                                                  \
    }

#endif
