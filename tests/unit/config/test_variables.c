/* test_variables.c - ${provider:path:key} is found where Kafka finds it, and nowhere else. */
#include "config/variables.h"

#include "base/mem.h"
#include "tests/support/unit.h"

#include <string.h>

/* The first variable of each text; NULL: there is none. */
static const struct {
    const char *text, *whole, *provider, *path, *key;
} cases[] = {
    {"${file:/a/b:k}", "${file:/a/b:k}", "file", "/a/b", "k"},
    {"${file:/a:b:c}", "${file:/a:b:c}", "file", "/a", "b:c"},
    {"${file:k}", "${file:k}", "file", "", "k"},
    {"${file::k}", "${file::k}", "file", "", "k"},
    {"${file:/a:}", "${file:/a:}", "file", "/a", ""},
    {"${file:}", "${file:}", "file", "", ""},
    {"${:}", "${:}", "", "", ""},
    {"${:::}", "${:::}", "", "", ":"},
    {"x${p:/a:k}y${p:/b:j}z", "${p:/a:k}", "p", "/a", "k"},
    {"${ file :/a:k}", "${ file :/a:k}", " file ", "/a", "k"},
    {"$${file:/a:k}", "${file:/a:k}", "file", "/a", "k"},
    {"\\${file:/a:k}", "${file:/a:k}", "file", "/a", "k"},
    {"${a:b}}", "${a:b}", "a", "", "b"},
    {"${file:/a:${env:K}}", "${file:/a:${env:K}", "file", "/a", "${env:K"},
    {"${json:/ptr}", "${json:/ptr}", "json", "", "/ptr"},
    {"${a:\n}", "${a:\n}", "a", "", "\n"},
    /* what has no ':' before its '}' is text, and a variable may follow or begin in it */
    {"${topic}-${env:X}", "${env:X}", "env", "", "X"},
    {"${a${env:X}", "${a${env:X}", "a${env", "", "X"},
    {"${${}${env:X}", "${env:X}", "env", "", "X"},
    {"${${env:X}", "${${env:X}", "${env", "", "X"},
    {"", NULL, NULL, NULL, NULL},
    {"$", NULL, NULL, NULL, NULL},
    {"${", NULL, NULL, NULL, NULL},
    {"${}", NULL, NULL, NULL, NULL},
    {"${file}", NULL, NULL, NULL, NULL},
    {"${file:/a:k", NULL, NULL, NULL, NULL},
    {"{file:/a:k}", NULL, NULL, NULL, NULL},
    {"$ {file:/a:k}", NULL, NULL, NULL, NULL},
    {"${topic}:x}", NULL, NULL, NULL, NULL},
};

static void expect(weir_piece piece, const char *text)
{
    ck_assert_uint_eq(piece.size, strlen(text));
    ck_assert_mem_eq(piece.at, text, piece.size);
}

START_TEST(a_variable_is_found_as_kafka_finds_it)
{
    weir_variable variable;
    bool found = weir_variable_find(cases[_i].text, &variable);

    ck_assert_int_eq(found, cases[_i].whole != NULL);
    if (!found)
        return;
    expect(variable.whole, cases[_i].whole);
    expect(variable.provider, cases[_i].provider);
    expect(variable.path, cases[_i].path);
    expect(variable.key, cases[_i].key);
}
END_TEST

WEIR_UNIT_MAIN("variables", tcase_add_loop_test(tests, a_variable_is_found_as_kafka_finds_it, 0,
                                                WEIR_COUNT(cases));)
