/* test_secrets.c - what must not be shown is in nothing that went through here. */
#include "config/secrets.h"

#include "base/mem.h"
#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *text, *clean; /* NULL: nothing is in there */
} cases[] = {
    {"", NULL},
    {"nothing to see", NULL},
    {"tige", NULL},
    {"tiger", "[hidden]"},
    {"user tiger, password tiger", "user [hidden], password [hidden]"},
    {"tigertiger", "[hidden][hidden]"},
    {"titiger", "ti[hidden]"},
    {"tiger-lily grows", "${env:FLOWER} grows"}, /* the longer one, whichever was added first */
    {"abc", NULL},                               /* too short to be looked for */
    {"x y", NULL},
    {"line one\nline two!", "[hidden]!"},
    {"${env:SELF} is not searched again", NULL},
    {"self-reference", "${env:tiger}"},
};

START_TEST(no_secret_comes_through)
{
    weir_secrets secrets = {0};
    char *clean;

    weir_secrets_add(&secrets, "tiger", WEIR_HIDDEN);
    weir_secrets_add(&secrets, "tiger-lily", "${env:FLOWER}");
    weir_secrets_add(&secrets, "tiger", "added before, so this counts for nothing");
    weir_secrets_add(&secrets, "abc", WEIR_HIDDEN);
    weir_secrets_add(&secrets, NULL, WEIR_HIDDEN);
    weir_secrets_add(&secrets, "   \n", WEIR_HIDDEN);
    weir_secrets_add(&secrets, " line one\nline two\n", WEIR_HIDDEN); /* settings are trimmed */
    weir_secrets_add(&secrets, "self-reference", "${env:tiger}");
    clean = weir_secrets_hide(&secrets, cases[_i].text);
    ck_assert_pstr_eq(clean, cases[_i].clean);
    free(clean);
    weir_secrets_clear(&secrets);
}
END_TEST

START_TEST(without_secrets_everything_may_be_shown)
{
    weir_secrets none = {0};

    ck_assert_ptr_null(weir_secrets_hide(&none, "tiger"));
    ck_assert_ptr_null(weir_secrets_hide(&none, NULL));
    weir_secrets_clear(&none);
}
END_TEST

START_TEST(merged_ones_count_too)
{
    weir_secrets a = {0}, b = {0};
    char *clean;

    weir_secrets_add(&a, "first", "1");
    weir_secrets_add(&b, "second", "2");
    weir_secrets_merge(&a, &b);
    weir_secrets_clear(&b);
    clean = weir_secrets_hide(&a, "first second");
    ck_assert_str_eq(clean, "1 2");
    free(clean);
    weir_secrets_clear(&a);
}
END_TEST

WEIR_UNIT_MAIN("secrets", tcase_add_loop_test(tests, no_secret_comes_through, 0, WEIR_COUNT(cases));
               tcase_add_test(tests, without_secrets_everything_may_be_shown);
               tcase_add_test(tests, merged_ones_count_too);)
