/* test_task_secrets.c - a plugin has the passwords, and whatever it says to the worker may hold
 * them: nobody sees them there. */
#include "tests/unit/task/letters.h"

#define SECRET "hunter22"
#define SAYS   "no login with " SECRET " here, nor with \"quoted\"word"
#define SHOWN  "no login with [hidden] here, nor with [hidden]"

static FILE *logged;

/* Both are passwords; the second one looks different in JSON. */
static void up(void)
{
    rig_up();
    weir_props_set(&rig.config, "hush", SECRET);
    weir_props_set(&rig.config, "producer.override.sasl.password", "\"quoted\"word");
    logged = tmpfile();
    ck_assert_ptr_nonnull(logged);
    weir_log_to(fileno(logged));
}

static void down(void)
{
    weir_buf text = WEIR_BUF;

    rig_down();
    weir_log_to(1);
    rewind(logged);
    text.size = fread(weir_buf_reserve(&text, 1 << 20), 1, 1 << 20, logged);
    weir_buf_char(&text, '\0');
    ck_assert_msg(!strstr(text.data, SECRET), "%s", text.data);
    ck_assert_msg(!strstr(text.data, "\\\"quoted\\\"word"), "%s", text.data);
    weir_buf_free(&text);
    fclose(logged);
}

START_TEST(the_log_does_not_hold_them)
{
    up();
    rig.says = SAYS;
    rig_task_up();
    WAIT_FOR(rig.starts == 1);
    rig_stop_task();
    down();
}
END_TEST

START_TEST(the_trace_of_a_failure_does_not_hold_them)
{
    up();
    rig.poll_fails = 1;
    rig.poll_says = WEIR_FATAL;
    rig.fails_with = SAYS;
    rig_task_up();
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(strncmp(rig_trace(), SHOWN "\n", strlen(SHOWN) + 1) == 0, "%s", rig_trace());
    WAIT_FOR(rig_told("\"last_error\":\"" SHOWN "\""));
    down();
}
END_TEST

START_TEST(what_it_says_before_another_try_does_not_hold_them)
{
    up();
    rig.start_fails = 1;
    rig.start_says = WEIR_RETRY;
    rig.fails_with = SAYS;
    rig_task_up();
    WAIT_FOR(rig_told("\"last_error\":\"" SHOWN "\""));
    rig_stop_task();
    down();
}
END_TEST

START_TEST(a_long_text_is_not_cut_in_the_middle_of_one)
{
    char text[1200], half[16];

    memset(text, '.', sizeof(text));
    snprintf(half, sizeof(half), SECRET);
    memcpy(text + 1016, SECRET, strlen(SECRET)); /* errors have 1024 bytes */
    text[sizeof(text) - 1] = '\0';
    half[5] = '\0';
    up();
    rig.poll_fails = 1;
    rig.poll_says = WEIR_FATAL;
    rig.fails_with = text;
    rig_task_up();
    WAIT_FOR(rig_heard("RF"));
    ck_assert_msg(!strstr(rig_trace(), half), "%s", rig_trace());
    down();
}
END_TEST

START_TEST(its_status_does_not_hold_them)
{
    up();
    rig.status = "{\"url\":\"tcp://u:" SECRET "@h\",\"list\":[1,\"" SECRET "\",{\"a\":\"\\\"quoted"
                 "\\\"word\"}],\"" SECRET "\":2,\"fine\":true}";
    rig_task_up();
    WAIT_FOR(rig_told("\"plugin\":{\"url\":\"tcp://u:[hidden]@h\",\"list\":[1,\"[hidden]\","
                      "{\"a\":\"[hidden]\"}],\"" SECRET "\":2,\"fine\":true}}"));
    WITH_RIG(rig.emit = 1);
    WAIT_FOR(rig_told("\"delivered\":1,") && rig_told("tcp://u:[hidden]@h"));
    rig_stop_task();
    down();
}
END_TEST

START_TEST(a_dead_letter_does_not_hold_them)
{
    rd_kafka_message_t *letter;

    up();
    letters_up();
    weir_props_set(&rig.connector, "errors.tolerance", "all");
    rig.reject = "mapping";
    rig.why = SAYS;
    rig.emit = 1;
    rig_task_up();
    letter = letters_next();
    ck_assert_str_eq(letters_header(letter, "__connect.errors.exception.message"), SHOWN);
    ck_assert_ptr_null(
        strstr(letters_header(letter, "__connect.errors.exception.stacktrace"), SECRET));
    WAIT_FOR(rig_told("\"dead_lettered\":1") && !rig_told(SECRET));
    rd_kafka_message_destroy(letter);
    rig_stop_task();
    letters_down();
    down();
}
END_TEST

WEIR_UNIT_MAIN("task_secrets", tcase_add_test(tests, the_log_does_not_hold_them);
               tcase_add_test(tests, the_trace_of_a_failure_does_not_hold_them);
               tcase_add_test(tests, what_it_says_before_another_try_does_not_hold_them);
               tcase_add_test(tests, a_long_text_is_not_cut_in_the_middle_of_one);
               tcase_add_test(tests, its_status_does_not_hold_them);
               tcase_add_test(tests, a_dead_letter_does_not_hold_them);)
