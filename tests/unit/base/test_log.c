/* test_log.c - one line an event, readable for people and machines, whatever a value holds. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

static int ends[2];

static void open_log(weir_level least, weir_log_format format)
{
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    weir_log_to(ends[1]);
    weir_log_setup(least, format);
}

/* Everything written since open_log(). */
static char *close_log(void)
{
    weir_buf text = WEIR_BUF;
    ssize_t n;

    weir_log_to(STDOUT_FILENO);
    weir_log_setup(WEIR_INFO, WEIR_LOG_LOGFMT);
    weir_log_context(NULL);
    close(ends[1]);
    while ((n = read(ends[0], weir_buf_reserve(&text, 65536), 65536)) > 0)
        text.size += (size_t)n;
    close(ends[0]);
    weir_buf_char(&text, '\0');
    return weir_buf_take(&text);
}

/* The line without its time stamp, which must look like one. */
static const char *behind_stamp(const char *line)
{
    static const char stamp[] =
        "^ts=[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z ";
    regex_t pattern;
    regmatch_t match;

    ck_assert_int_eq(regcomp(&pattern, stamp, REG_EXTENDED), 0);
    ck_assert_msg(regexec(&pattern, line, 1, &match, 0) == 0, "got: %s", line);
    regfree(&pattern);
    return line + match.rm_eo;
}

static const struct {
    const char *context, *msg, *key, *value, *line;
} lines[] = {
    {NULL, "started", NULL, NULL, "level=info msg=started\n"},
    {NULL, "joined group", "generation", "4", "level=info msg=\"joined group\" generation=4\n"},
    {"fleet|task-0", "x", NULL, NULL, "level=info ctx=[fleet|task-0] msg=x\n"},
    {"two words", "x", NULL, NULL, "level=info ctx=\"[two words]\" msg=x\n"},
    {NULL, "x", "k", "", "level=info msg=x k=\"\"\n"},
    {NULL, "x", "k", "a=b", "level=info msg=x k=\"a=b\"\n"},
    {NULL, "x", "k", "say \"hi\" \\o/", "level=info msg=x k=\"say \\\"hi\\\" \\\\o/\"\n"},
    {NULL, "x", "k", "line\nline\ttab", "level=info msg=x k=\"line\\nline\\ttab\"\n"},
    {NULL, "x", "k", "\r\x01\x1b[31m", "level=info msg=x k=\"\\u000d\\u0001\\u001b[31m\"\n"},
    {NULL, "gr\xC3\xBC\xC3\x9F", "k", "\xE2\x82\xAC",
     "level=info msg=gr\xC3\xBC\xC3\x9F k=\xE2\x82\xAC\n"},
    {NULL, "x", "k", NULL, "level=info msg=x\n"},
    {NULL, "forged\nts=2026", NULL, NULL, "level=info msg=\"forged\\nts=2026\"\n"},
};

START_TEST(an_event_is_one_line_of_logfmt)
{
    char *got;

    open_log(WEIR_INFO, WEIR_LOG_LOGFMT);
    weir_log_context(lines[_i].context);
    weir_log(WEIR_INFO, lines[_i].msg, lines[_i].key, lines[_i].value, NULL);
    got = close_log();
    ck_assert_str_eq(behind_stamp(got), lines[_i].line);
    free(got);
}
END_TEST

START_TEST(an_event_is_one_json_object)
{
    json_t *json = NULL;
    weir_err err = {0};
    char *got;

    open_log(WEIR_INFO, WEIR_LOG_JSON);
    weir_log_context(lines[_i].context);
    weir_log(WEIR_INFO, lines[_i].msg, lines[_i].key, lines[_i].value, NULL);
    got = close_log();
    ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
    ck_assert_msg(weir_json_read(got, strlen(got), &json, &err) == WEIR_OK, "%s: %s", err.msg, got);
    ck_assert_str_eq(weir_json_str(json, "level"), "info");
    ck_assert_str_eq(weir_json_str(json, "msg"), lines[_i].msg);
    ck_assert_uint_eq(strlen(weir_json_str(json, "ts")), strlen("2026-11-21T06:40:01.123Z"));
    if (lines[_i].key)
        ck_assert(weir_same(weir_json_str(json, lines[_i].key), lines[_i].value));
    if (lines[_i].context) {
        char *context = weir_format("[%s]", lines[_i].context);

        ck_assert_str_eq(weir_json_str(json, "ctx"), context);
        free(context);
    }
    json_decref(json);
    free(got);
}
END_TEST

START_TEST(several_pairs_keep_their_order_and_skip_the_absent)
{
    char *got;

    open_log(WEIR_INFO, WEIR_LOG_LOGFMT);
    weir_log(WEIR_ERROR, "m", "a", "1", "b", NULL, "c", "3", NULL);
    got = close_log();
    ck_assert_str_eq(behind_stamp(got), "level=error msg=m a=1 c=3\n");
    free(got);
}
END_TEST

START_TEST(levels_below_the_least_are_not_written)
{
    char *got;

    open_log(WEIR_WARN, WEIR_LOG_LOGFMT);
    ck_assert(!weir_log_wants(WEIR_INFO));
    ck_assert(weir_log_wants(WEIR_WARN));
    weir_log(WEIR_TRACE, "no", NULL);
    weir_logf(WEIR_INFO, "%s", "no");
    weir_logf(WEIR_WARN, "%s %d", "yes", 1);
    got = close_log();
    ck_assert_str_eq(behind_stamp(got), "level=warn msg=\"yes 1\"\n");
    free(got);
}
END_TEST

START_TEST(a_context_is_one_threads_and_is_cut)
{
    char context[400], *got;

    memset(context, 'c', sizeof(context) - 1);
    context[sizeof(context) - 1] = '\0';
    open_log(WEIR_INFO, WEIR_LOG_LOGFMT);
    weir_log_context(context);
    weir_log(WEIR_INFO, "m", NULL);
    got = close_log();
    ck_assert_ptr_nonnull(strstr(got, "ccc] msg=m\n"));
    ck_assert_uint_eq(strspn(strstr(got, "ctx=[") + 5, "c"), 200);
    free(got);
}
END_TEST

static const struct {
    const char *text;
    int level; /* -1: none */
} levels[] = {
    {"trace", WEIR_TRACE},
    {"DEBUG", WEIR_DEBUG},
    {"Info", WEIR_INFO},
    {"WARN", WEIR_WARN},
    {"error", WEIR_ERROR},
    {"OFF", -1},
    {"", -1},
    {"warning", -1},
};

START_TEST(a_level_is_known_in_any_case)
{
    weir_level level = WEIR_TRACE;

    ck_assert(weir_level_parse(levels[_i].text, &level) == (levels[_i].level >= 0));
    if (levels[_i].level >= 0) {
        ck_assert_int_eq(level, levels[_i].level);
        ck_assert_int_eq(strcasecmp(weir_level_text(level), levels[_i].text), 0);
    }
}
END_TEST

#define WRITERS 4
#define EACH    50

static void *write_lines(void *arg)
{
    weir_log_context(arg);
    for (int i = 0; i < EACH; i++)
        weir_log(WEIR_INFO, "a line that is long enough to be torn", "writer", arg, NULL);
    return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    static char names[WRITERS][2] = {"0", "1", "2", "3"};
    pthread_t writers[WRITERS];
    int count[WRITERS] = {0};
    char *got;

    open_log(WEIR_INFO, WEIR_LOG_LOGFMT);
    for (int i = 0; i < WRITERS; i++)
        writers[i] = weir_thread_start("writer", write_lines, names[i]);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    got = close_log();
    for (const char *line = got; *line; line = strchr(line, '\n') + 1) {
        const char *rest = behind_stamp(line);
        int who = rest[strlen("level=info ctx=[")] - '0';
        char *whole = weir_format("level=info ctx=[%d] msg=\"a line that is long enough to be "
                                  "torn\" writer=%d\n",
                                  who, who);

        ck_assert_msg(strncmp(rest, whole, strlen(whole)) == 0, "got: %.120s", rest);
        count[who]++;
        free(whole);
    }
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(count[i], EACH);
    free(got);
}
END_TEST

START_TEST(a_log_nobody_reads_is_no_failure)
{
    open_log(WEIR_INFO, WEIR_LOG_LOGFMT);
    weir_log_to(-1);
    weir_log(WEIR_INFO, "lost", NULL);
    free(close_log());
}
END_TEST

START_TEST(time_goes_forward)
{
    int64_t before = weir_now_ms();

    ck_assert_int_ge(weir_clock_real.now_ms(&weir_clock_real), before);
    ck_assert_int_gt(weir_wall_clock_ms(), 1700000000000);
}
END_TEST

WEIR_UNIT_MAIN("log",
               tcase_add_loop_test(tests, an_event_is_one_line_of_logfmt, 0, WEIR_COUNT(lines));
               tcase_add_loop_test(tests, an_event_is_one_json_object, 0, WEIR_COUNT(lines));
               tcase_add_test(tests, several_pairs_keep_their_order_and_skip_the_absent);
               tcase_add_test(tests, levels_below_the_least_are_not_written);
               tcase_add_test(tests, a_context_is_one_threads_and_is_cut);
               tcase_add_loop_test(tests, a_level_is_known_in_any_case, 0, WEIR_COUNT(levels));
               tcase_add_test(tests, lines_of_several_threads_do_not_mix);
               tcase_add_test(tests, a_log_nobody_reads_is_no_failure);
               tcase_add_test(tests, time_goes_forward);)
