/* test_properties.c - a file that java.util.Properties reads means the same to us. */
#include "base/buf.h"
#include "base/mem.h"
#include "config/properties.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What was read as "key=value;key=value;". */
static char *shown(const weir_props *props)
{
    weir_buf text = WEIR_BUF;

    WEIR_PROPS_EACH (pair, props)
        weir_buf_format(&text, "%s=%s;", pair->key, pair->value);
    return weir_buf_take(&text);
}

static const struct {
    const char *text, *means;
} read_as[] = {
    {"", ""},
    {"\n\n  \t\n", ""},
    {"# a=1\n! b=2\n  # c=3\nd=4", "d=4;"},
    {"a=1\nb=2\n", "a=1;b=2;"},
    {"a=1\r\nb=2\rc=3", "a=1;b=2;c=3;"},
    {"a=1\na=2\n", "a=2;"},
    /* separators */
    {"a:1", "a=1;"},
    {"a 1", "a=1;"},
    {"a\t\f 1", "a=1;"},
    {"a  =  1", "a=1;"},
    {"a = = 1", "a== 1;"},
    {"a==1", "a==1;"},
    {"a", "a=;"},
    {"a=", "a=;"},
    {"a ", "a=;"},
    {"=1", "=1;"},
    {"a=b=c:d e", "a=b=c:d e;"},
    {"  a=1", "a=1;"},
    {"a=1  ", "a=1  ;"}, /* kept, as Java does; option tables trim */
    {"a\\=b=1", "a=b=1;"},
    {"a\\ b\\:c=1", "a b:c=1;"},
    /* comments begin a line or do not begin at all */
    {"a=1 # one", "a=1 # one;"},
    {"a=#1\nb=!2", "a=#1;b=!2;"},
    /* continuations */
    {"a=1,\\\n  2,\\\r\n\t3\nb=4", "a=1,2,3;b=4;"},
    {"a\\\n  b=1", "ab=1;"},
    {"a=1\\\n\nb=2", "a=1;b=2;"},
    {"a=1\\\n# two", "a=1# two;"},
    {"a=1\\\\\nb=2", "a=1\\;b=2;"},
    {"a=1\\\\\\\n2", "a=1\\2;"},
    {"a=1\\", "a=1;"},
    {"# comment \\\na=1", "a=1;"},
    {"\\\na=1", "a=1;"},
    /* escapes */
    {"a=\\t\\n\\r\\f|", "a=\t\n\r\f|;"},
    {"a=\\\\ \\q \\\" \\:", "a=\\ q \" :;"},
    {"a=\\ x", "a= x;"},
    {"path=C:\\\\dir", "path=C:\\dir;"},
    {"a=\\u0041\\u00e9\\u20AC", "a=A\xC3\xA9\xE2\x82\xAC;"},
    {"a=\\uD83D\\uDE00", "a=\xF0\x9F\x98\x80;"},
    {"\\u0061=1", "a=1;"},
    {"a=\\U0041", "a=U0041;"},
    /* UTF-8 as it is */
    {"gr\xC3\xBC\xC3\x9F=\xE2\x82\xAC \xF0\x9F\x98\x80",
     "gr\xC3\xBC\xC3\x9F=\xE2\x82\xAC \xF0\x9F\x98\x80;"},
    {"\xEF\xBB\xBF"
     "a=1",
     "a=1;"},
};

START_TEST(text_is_read_as_java_reads_it)
{
    weir_props props = WEIR_PROPS;
    weir_err err = {0};
    char *got;

    ck_assert_msg(weir_properties_parse(read_as[_i].text, strlen(read_as[_i].text), &props, &err) ==
                      WEIR_OK,
                  "'%s': %s", read_as[_i].text, err.msg);
    got = shown(&props);
    ck_assert_str_eq(got, read_as[_i].means);
    free(got);
    weir_props_clear(&props);
}
END_TEST

static const struct {
    const char *text;
    size_t size;
    const char *says;
} refused[] = {
#define TEXT(text) text, sizeof(text) - 1
    {TEXT("a=1\nb=\\u12G4"), "line 2: \\u is not followed by four hexadecimal digits"},
    {TEXT("a=\\u123"), "line 1: \\u is not followed by four"},
    {TEXT("a=\\u"), "line 1: \\u is not followed by four"},
    {TEXT("\\uZ=1"), "line 1: \\u is not followed by four"},
    {TEXT("# c\n\na=x\\\n  y\\u00zz"), "line 3: \\u is not"},
    {TEXT("a=\\u0000"), "line 1: \\u0000 cannot"},
    {TEXT("a=\\uD83D"), "line 1: \\uD83D is half of a character"},
    {TEXT("a=\\uD83Dx"), "line 1: \\uD83D is half"},
    {TEXT("a=\\uD83D\\u0041"), "line 1: \\uD83D is half"},
    {TEXT("a=\\uDE00\\uD83D"), "line 1: \\uDE00 is half"},
    {TEXT("a=1\nb=\0"), "line 2: a NUL byte"},
    {TEXT("a=1\nb=caf\xE9\n"), "line 2: byte 0xE9 is not UTF-8"},
    {TEXT("a=\xC0\x80"), "line 1: byte 0xC0 is not UTF-8"},
    {TEXT("a=\xED\xA0\x80"), "line 1: byte 0xED is not UTF-8"},
    {TEXT("a=\xF5\x80\x80\x80"), "line 1: byte 0xF5 is not UTF-8"},
    {TEXT("a=\xE2\x82"), "line 1: byte 0xE2 is not UTF-8"},
#undef TEXT
};

START_TEST(what_cannot_be_text_is_refused_with_its_line)
{
    weir_props props = WEIR_PROPS;
    weir_err err = {0};

    ck_assert_int_eq(weir_properties_parse(refused[_i].text, refused[_i].size, &props, &err),
                     WEIR_INVALID);
    ck_assert_msg(strncmp(err.msg, refused[_i].says, strlen(refused[_i].says)) == 0, "got: %s",
                  err.msg);
    weir_props_clear(&props);
}
END_TEST

START_TEST(pairs_are_added_to_what_is_there)
{
    weir_props props = WEIR_PROPS;
    char *got;

    weir_props_set(&props, "a", "0");
    weir_props_set(&props, "z", "26");
    ck_assert_int_eq(weir_properties_parse("b=2\na=1", 7, &props, NULL), WEIR_OK);
    got = shown(&props);
    ck_assert_str_eq(got, "a=1;z=26;b=2;");
    free(got);
    weir_props_clear(&props);
}
END_TEST

static char *file_with(const char *text, size_t size)
{
    char *path = weir_strdup("/tmp/weir-properties-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    close(fd);
    return path;
}

START_TEST(a_file_is_read_whole)
{
    weir_props props = WEIR_PROPS;
    weir_buf text = WEIR_BUF;
    char *path;

    for (int i = 0; i < 5000; i++)
        weir_buf_format(&text, "key.%d = value %d\n", i % 50, i);
    path = file_with(text.data, text.size);
    ck_assert_int_eq(weir_properties_load(path, &props, NULL), WEIR_OK);
    ck_assert_uint_eq(props.count, 50);
    ck_assert_str_eq(weir_props_get(&props, "key.49"), "value 4999");
    unlink(path);
    free(path);
    weir_buf_free(&text);
    weir_props_clear(&props);
}
END_TEST

START_TEST(an_error_in_a_file_names_the_file)
{
    char *path = file_with("a=\\u00", 6);
    weir_props props = WEIR_PROPS;
    weir_err err = {0};

    ck_assert_int_eq(weir_properties_load(path, &props, &err), WEIR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, path));
    ck_assert_ptr_nonnull(strstr(err.msg, "line 1: "));
    unlink(path);
    free(path);
    weir_props_clear(&props);
}
END_TEST

START_TEST(a_missing_file_is_not_found)
{
    weir_props props = WEIR_PROPS;
    weir_err err = {0};

    ck_assert_int_eq(weir_properties_load("/nowhere/worker.properties", &props, &err),
                     WEIR_NOT_FOUND);
    ck_assert_str_eq(err.msg,
                     "cannot open '/nowhere/worker.properties': No such file or directory");
    ck_assert_int_eq(weir_properties_load("/tmp", &props, &err), WEIR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "Is a directory"));
    ck_assert_uint_eq(props.count, 0);
}
END_TEST

START_TEST(a_file_beyond_the_limit_is_refused)
{
    size_t size = WEIR_PROPERTIES_MAX + 1;
    char *text = weir_calloc(1, size), *path;
    weir_props props = WEIR_PROPS;
    weir_err err = {0};

    memset(text, '#', size);
    path = file_with(text, size);
    ck_assert_int_eq(weir_properties_load(path, &props, &err), WEIR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "larger than 1048576 bytes"));
    unlink(path);
    free(path);
    free(text);
}
END_TEST

WEIR_UNIT_MAIN("properties",
               tcase_add_loop_test(tests, text_is_read_as_java_reads_it, 0, WEIR_COUNT(read_as));
               tcase_add_loop_test(tests, what_cannot_be_text_is_refused_with_its_line, 0,
                                   WEIR_COUNT(refused));
               tcase_add_test(tests, pairs_are_added_to_what_is_there);
               tcase_add_test(tests, a_file_is_read_whole);
               tcase_add_test(tests, an_error_in_a_file_names_the_file);
               tcase_add_test(tests, a_missing_file_is_not_found);
               tcase_add_test(tests, a_file_beyond_the_limit_is_refused);)
