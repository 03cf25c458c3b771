/* test_text.c - buffers, owned text and errors: what is cut says so, what is empty is still text.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/support/unit.h"

#include <string.h>

/* ---- buf ------------------------------------------------------------------------------------ */

START_TEST(an_empty_buffer_is_empty_text)
{
    weir_buf buf = WEIR_BUF;
    char *text;

    ck_assert_str_eq(weir_buf_text(&buf), "");
    text = weir_buf_take(&buf);
    ck_assert_str_eq(text, "");
    free(text);
    weir_buf_format(&buf, "%s", "");
    ck_assert_uint_eq(buf.size, 0);
    ck_assert_str_eq(weir_buf_text(&buf), "");
    weir_buf_free(&buf);
    weir_buf_free(&buf);
}
END_TEST

START_TEST(a_buffer_grows_as_it_is_filled)
{
    weir_buf buf = WEIR_BUF;

    for (int i = 0; i < 1000; i++)
        weir_buf_format(&buf, "%04d,", i);
    ck_assert_uint_eq(buf.size, 5000);
    ck_assert_uint_eq(strlen(buf.data), 5000);
    ck_assert(strncmp(buf.data + 4990, "0998,0999,", 10) == 0);
    weir_buf_free(&buf);
}
END_TEST

START_TEST(a_buffer_holds_any_bytes)
{
    weir_buf buf = WEIR_BUF;

    weir_buf_add(&buf, "a\0b", 3);
    weir_buf_add(&buf, NULL, 0);
    weir_buf_char(&buf, '\0');
    weir_buf_text_add(&buf, "c");
    ck_assert_uint_eq(buf.size, 5);
    ck_assert(memcmp(buf.data, "a\0b\0c", 6) == 0); /* and the NUL behind */
    weir_buf_free(&buf);
}
END_TEST

START_TEST(a_cleared_buffer_keeps_its_memory)
{
    weir_buf buf = WEIR_BUF;
    char *before;

    weir_buf_clear(&buf);
    weir_buf_text_add(&buf, "something");
    before = buf.data;
    weir_buf_clear(&buf);
    ck_assert_str_eq(weir_buf_text(&buf), "");
    weir_buf_text_add(&buf, "other");
    ck_assert_ptr_eq(buf.data, before);
    weir_buf_free(&buf);
}
END_TEST

START_TEST(reserved_room_is_there_to_write_to)
{
    weir_buf buf = WEIR_BUF;
    char *text;

    weir_buf_text_add(&buf, "ab");
    memset(weir_buf_reserve(&buf, 10000), 'x', 10000);
    buf.size += 10000;
    weir_buf_char(&buf, '.');
    ck_assert_uint_eq(buf.size, 10003);
    ck_assert_str_eq(buf.data + 10000, "xx.");
    text = weir_buf_take(&buf);
    ck_assert_uint_eq(buf.size, 0);
    ck_assert(strncmp(text, "abxx", 4) == 0);
    free(text);
}
END_TEST

/* ---- mem ------------------------------------------------------------------------------------ */

START_TEST(null_text_stays_null)
{
    ck_assert_ptr_null(weir_strdup(NULL));
    ck_assert_ptr_null(weir_memdup(NULL, 3));
    ck_assert(weir_same(NULL, NULL));
    ck_assert(!weir_same(NULL, ""));
    ck_assert(!weir_same("a", NULL));
    ck_assert(weir_same("a", "a"));
    ck_assert(!weir_same("a", "b"));
}
END_TEST

START_TEST(copied_bytes_are_followed_by_a_nul)
{
    char *copy = weir_memdup("abc", 2);

    ck_assert_str_eq(copy, "ab");
    free(copy);
    copy = weir_memdup("", 0);
    ck_assert_str_eq(copy, "");
    free(copy);
}
END_TEST

START_TEST(a_field_may_be_replaced_by_part_of_itself)
{
    char *field = NULL;

    weir_replace(&field, "old text");
    weir_replace(&field, field + 4);
    ck_assert_str_eq(field, "text");
    weir_replace(&field, NULL);
    ck_assert_ptr_null(field);
}
END_TEST

START_TEST(new_memory_is_zeroed)
{
    int *numbers = weir_new_array(int, 100);

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(numbers[i], 0);
    free(numbers);
    free(weir_calloc(0, 0));
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GNUC__) &&        \
    !defined(__clang__)
#define CAN_ABORT 1 /* sanitizers run every test in one process */
#else
#define CAN_ABORT 0
#endif

START_TEST(a_size_that_overflows_ends_the_process)
{
    volatile size_t huge = SIZE_MAX / 2;

    free(weir_realloc(NULL, huge, 4));
}
END_TEST

/* ---- err ------------------------------------------------------------------------------------ */

START_TEST(every_code_has_words)
{
#define X(code, text) ck_assert_str_eq(weir_code_text(code), text);
    WEIR_CODES(X)
#undef X
    ck_assert_str_eq(weir_code_text((weir_code)999), "unknown");
}
END_TEST

START_TEST(a_failure_is_code_and_text)
{
    weir_err err;

    ck_assert_int_eq(weir_fail(&err, WEIR_NOT_FOUND, "no %s '%d'", "task", 7), WEIR_NOT_FOUND);
    ck_assert_int_eq(err.code, WEIR_NOT_FOUND);
    ck_assert_str_eq(err.msg, "no task '7'");
    ck_assert_int_eq(weir_fail_in(&err, "connector '%s'", "c"), WEIR_NOT_FOUND);
    ck_assert_str_eq(err.msg, "connector 'c': no task '7'");
}
END_TEST

START_TEST(nobody_need_listen_to_a_failure)
{
    ck_assert_int_eq(weir_fail(NULL, WEIR_FULL, "%d", 1), WEIR_FULL);
    ck_assert_int_eq(weir_fail_in(NULL, "x"), WEIR_FAILED);
}
END_TEST

START_TEST(a_text_just_short_enough_is_whole)
{
    char text[sizeof(((weir_err *)0)->msg)];
    weir_err err;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    weir_fail(&err, WEIR_FAILED, "%s", text);
    ck_assert_str_eq(err.msg, text);
}
END_TEST

/* Characters of one to four bytes, so that the cut falls on each of their bytes. */
static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};

START_TEST(a_long_text_is_cut_at_a_whole_character)
{
    size_t size = strlen(characters[_i]);

    for (size_t shift = 0; shift < 4; shift++) {
        weir_buf text = WEIR_BUF;
        weir_err err;
        size_t length;

        for (size_t i = 0; i < shift; i++)
            weir_buf_char(&text, '.');
        while (text.size < 2000)
            weir_buf_text_add(&text, characters[_i]);
        weir_fail(&err, WEIR_FAILED, "%s", text.data);
        length = strlen(err.msg);
        ck_assert_uint_le(length, sizeof(err.msg) - 1);
        ck_assert_uint_ge(length, sizeof(err.msg) - 1 - 3);
        ck_assert_str_eq(err.msg + length - 3, "...");
        ck_assert_uint_eq((length - 3 - shift) % size, 0);
        ck_assert(memcmp(err.msg, text.data, length - 3) == 0);
        weir_fail_in(&err, "in a connector");
        ck_assert_str_eq(err.msg + strlen(err.msg) - 3, "...");
        weir_buf_free(&text);
    }
}
END_TEST

WEIR_UNIT_MAIN(
    "text", tcase_add_test(tests, an_empty_buffer_is_empty_text);
    tcase_add_test(tests, a_buffer_grows_as_it_is_filled);
    tcase_add_test(tests, a_buffer_holds_any_bytes);
    tcase_add_test(tests, a_cleared_buffer_keeps_its_memory);
    tcase_add_test(tests, reserved_room_is_there_to_write_to);
    tcase_add_test(tests, null_text_stays_null);
    tcase_add_test(tests, copied_bytes_are_followed_by_a_nul);
    tcase_add_test(tests, a_field_may_be_replaced_by_part_of_itself);
    tcase_add_test(tests, new_memory_is_zeroed); if (CAN_ABORT)
        tcase_add_test_raise_signal(tests, a_size_that_overflows_ends_the_process, 6 /* SIGABRT */);
    tcase_add_test(tests, every_code_has_words); tcase_add_test(tests, a_failure_is_code_and_text);
    tcase_add_test(tests, nobody_need_listen_to_a_failure);
    tcase_add_test(tests, a_text_just_short_enough_is_whole);
    tcase_add_loop_test(tests, a_long_text_is_cut_at_a_whole_character, 0, WEIR_COUNT(characters));)
