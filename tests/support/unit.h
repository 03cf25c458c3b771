/* unit.h - what every unit test program has in common.
 *
 *     WEIR_UNIT_MAIN("queue", tcase_add_test(tests, put_then_take);)
 *
 * One program a file, one test case in it. Exit code 0 only when every check passed; the last
 * line is Check's own "100%: Checks: 12, Failures: 0, Errors: 0".
 */
#ifndef WEIR_TESTS_UNIT_H
#define WEIR_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

#define WEIR_UNIT_MAIN(name, ...)                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        Suite *suite = suite_create(name);                                                         \
        TCase *tests = tcase_create(name);                                                         \
        SRunner *runner;                                                                           \
        int failed;                                                                                \
                                                                                                   \
        tcase_set_timeout(tests, 60);                                                              \
        __VA_ARGS__                                                                                \
        suite_add_tcase(suite, tests);                                                             \
        runner = srunner_create(suite);                                                            \
        srunner_run_all(runner, CK_ENV);                                                           \
        failed = srunner_ntests_failed(runner);                                                    \
        srunner_free(runner);                                                                      \
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                               \
    }

#endif
