/* test_jaas.c - sasl.jaas.config as Java's parser reads it; what it refuses shows no secret. */
#include "base/mem.h"
#include "config/jaas.h"
#include "tests/support/unit.h"

#include <string.h>

static const struct {
    const char *text, *module, *username, *password;
} entries[] = {
    {"a.B required username=\"u\" password=\"p\";", "a.B", "u", "p"},
    {"a.B required username='u' password='p';", "a.B", "u", "p"},
    {"a.B required username=u password=p;", "a.B", "u", "p"},
    {" a.B\n\tREQUIRED\n username = \"u\"\n password = \"p\" ;\n", "a.B", "u", "p"},
    {"a.B optional password=\"p\" username=\"u\";", "a.B", "u", "p"},
    {"a.B required username=\"a \\\"b\\\" \\\\c\" password=\"=;'\";", "a.B", "a \"b\" \\c", "=;'"},
    {"a.B required username='it\"s' password=\"\";", "a.B", "it\"s", ""},
    {"a.B required password=\"tab\\there\" username=\"\\q\";", "a.B", "q", "tab\there"},
    {"/* who */ a.B required // the flag\n username=u /* and */ password=p;", "a.B", "u", "p"},
    {"a.B required;", "a.B", NULL, NULL},
    {"a.B required username=u debug=true;", "a.B", "u", NULL},
    {"a.B required username=\"gr\xC3\xBC\xC3\x9F\" password=p;", "a.B", "gr\xC3\xBC\xC3\x9F", "p"},
};

START_TEST(an_entry_is_module_and_options)
{
    weir_jaas jaas = {0};
    weir_err err = {0};

    ck_assert_msg(weir_jaas_parse(entries[_i].text, &jaas, &err) == WEIR_OK, "%s", err.msg);
    ck_assert_str_eq(jaas.module, entries[_i].module);
    ck_assert(weir_same(weir_props_get(&jaas.options, "username"), entries[_i].username));
    ck_assert(weir_same(weir_props_get(&jaas.options, "password"), entries[_i].password));
    weir_jaas_clear(&jaas);
}
END_TEST

static const struct {
    const char *text, *says;
} refused[] = {
    {"", "it names no login module"},
    {"   ", "it names no login module"},
    {";", "it names no login module"},
    {"/* open", "must be followed by 'required'"},
    {"a.B", "must be followed by 'required'"},
    {"a.B username=HUSH;", "must be followed by 'required'"},
    {"a.B required", "must end with ';'"},
    {"a.B required username=u password=HUSH", "must end with ';'"},
    {"a.B required username;", "expected '='"},
    {"a.B required username u;", "expected '='"},
    {"a.B required =HUSH;", "expected name=\"value\""},
    {"a.B required password=;", "has no value"},
    {"a.B required password=\"HUSH;", "its quote is open"},
    {"a.B required password=\"HUSH\\\";", "its quote is open"},
    {"a.B required password=\"x\"HUSH\"y\";", "expected '='"},
    {"a.B required password=\"x\\", "its quote is open"},
    {"a.B required username=u; c.D required password=HUSH;", "only one entry"},
};

START_TEST(what_is_no_entry_is_refused_without_showing_a_secret)
{
    weir_jaas jaas = {0};
    weir_err err = {0};

    ck_assert_int_eq(weir_jaas_parse(refused[_i].text, &jaas, &err), WEIR_INVALID);
    ck_assert_msg(strstr(err.msg, refused[_i].says), "got: %s", err.msg);
    ck_assert_ptr_null(strstr(err.msg, "HUSH"));
    weir_jaas_clear(&jaas);
}
END_TEST

WEIR_UNIT_MAIN("jaas",
               tcase_add_loop_test(tests, an_entry_is_module_and_options, 0, WEIR_COUNT(entries));
               tcase_add_loop_test(tests, what_is_no_entry_is_refused_without_showing_a_secret, 0,
                                   WEIR_COUNT(refused));)
