/* test_check_plugin.c - a plugin that breaks its word costs a clear error, never the worker. */
#include "tests/unit/plugin/examine.h"

#include "tests/support/unit.h"

#include <pthread.h>

#define BAD "name=c1|connector.class=bad-plan"

static const struct {
    const char *config, *says;
    weir_code code;
} broken[] = {
    {"bad.plan=no task", "made no task", WEIR_FAILED},
    {"bad.plan=one too many", "made 2 tasks, more than tasks.max, which is 1", WEIR_FAILED},
    {"bad.plan=absurd", "made more than 10000 tasks", WEIR_FAILED},
    {"bad.plan=absurd|tasks.max.enforce=false", "made more than 10000 tasks", WEIR_FAILED},
    {"bad.plan=null key", "task 0 has a key that is NULL", WEIR_FAILED},
    {"bad.plan=null value", "task 0: key 'a' has no value", WEIR_FAILED},
    {"bad.plan=null pairs", "task 0 has 3 keys and no pointer to them", WEIR_FAILED},
    {"bad.plan=endless pairs", "too many", WEIR_FAILED},
    {"bad.plan=not utf-8", "task 0: the value of 'a' is not UTF-8", WEIR_FAILED},
    {"bad.plan=bad value",
     "task 0: Invalid value 10 for configuration bad.number: Value must be no more than 9",
     WEIR_FAILED},
    {"bad.plan=after error", "no plan for this number", WEIR_INVALID},
    {"bad.plan=silent", "failed without giving a reason", WEIR_FAILED},
    {"bad.plan=no status", "returned 99, which is no status", WEIR_FAILED},
    {"bad.plan=set", "called host->set(), which belongs to normalise()", WEIR_FAILED},
    {"bad.normalise=silent", "failed without giving a reason", WEIR_FAILED},
    {"bad.normalise=null key", "its result has a key that is NULL", WEIR_FAILED},
    {"bad.normalise=not utf-8", "the value of 'bad.plan' is not UTF-8", WEIR_FAILED},
    {"bad.normalise=task", "called host->task(), which belongs to plan()", WEIR_FAILED},
    {"bad.validate=retry", "failed without giving a reason", WEIR_FAILED},
    {"bad.validate=refuse", "number 1 does not go with it", WEIR_INVALID},
    {"bad.validate=refuse all", "nothing goes with it", WEIR_INVALID},
};

START_TEST(a_broken_word_is_a_failure_naming_connector_and_plugin)
{
    char *config = weir_format(BAD "|%s", broken[_i].config);
    weir_check check;

    examine(config, &check);
    ck_assert_msg(check.code == broken[_i].code, "%s", check.err.msg);
    ck_assert_msg(strstr(check.err.msg, broken[_i].says), "got: %s", check.err.msg);
    if (check.code == WEIR_FAILED) {
        ck_assert_msg(strstr(check.err.msg, "connector 'c1'"), "got: %s", check.err.msg);
        ck_assert_msg(strstr(check.err.msg, "plugin 'bad-plan'"), "got: %s", check.err.msg);
    }
    ck_assert_ptr_null(check.tasks);
    ck_assert_uint_eq(check.task_count, 0);
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), 1);
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(the_same_plugin_plans_when_it_keeps_its_word)
{
    weir_check check;

    examine(BAD, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(check.task_count, 1);
    ck_assert_str_eq(weir_props_get(&check.tasks[0], "share"), "1");
    weir_check_clear(&check);
}
END_TEST

START_TEST(tasks_beyond_the_maximum_are_a_warning_when_the_user_says_so)
{
    weir_check check;

    examine(BAD "|tasks.max=3|tasks.max.enforce=false|bad.plan=one too many", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(check.task_count, 4);
    ck_assert_uint_eq(json_array_size(check.notes), 1);
    ck_assert_str_eq(weir_json_str(json_array_get(check.notes, 0), "level"), "WARN");
    weir_check_clear(&check);
}
END_TEST

/* ---- What it says ------------------------------------------------------------------------- */

static const struct {
    const char *config, *key, *text;
} said[] = {
    {"bad.validate=refuse", "bad.number", "number 1 does not go with it"},
    {"bad.validate=refuse all", "connector.class", "nothing goes with it"},
    {"bad.plan=after error", "bad.number", "no plan for this number"},
    {"bad.number=10", "bad.number",
     "Invalid value 10 for configuration bad.number: Value must be no more than 9"},
    {"Alias.number=10", "Alias.number",
     "Invalid value 10 for configuration Alias.number: Value must be no more than 9"},
    {"Alias.number=10", "bad.number", ""},
    {"bad.plan=no task", "connector.class",
     "connector 'c1': plan() of plugin 'bad-plan': made no "
     "task"},
};

START_TEST(an_error_stands_at_the_key_that_the_user_wrote)
{
    char *config = weir_format(BAD "|%s", said[_i].config), *errors;
    weir_check check;

    examine(config, &check);
    errors = errors_at(&check, said[_i].key);
    ck_assert_str_eq(errors, said[_i].text);
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), 1);
    weir_check_clear(&check);
    free(errors);
    free(config);
}
END_TEST

START_TEST(warnings_are_notes_and_refuse_nothing)
{
    weir_check check;
    const json_t *note;

    examine(BAD "|bad.validate=warn", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(json_array_size(check.notes), 1);
    note = json_array_get(check.notes, 0);
    ck_assert_str_eq(weir_json_str(note, "level"), "WARN");
    ck_assert_str_eq(weir_json_str(note, "key"), "bad.number");
    ck_assert_str_eq(weir_json_str(note, "text"), "number is small");
    weir_check_clear(&check);
}
END_TEST

static const struct {
    const char *config, *key, *text; /* `text` at the key; "": nothing is wrong */
    weir_code code;
} probed[] = {
    {"", "bad.number", "", WEIR_OK},
    {"|bad.probe=refuse|bad.number=3", "bad.number",
     "Invalid value 3 for configuration bad.number: nobody answers at this number", WEIR_INVALID},
    {"|bad.probe=plan", "connector.class",
     "connector 'c1': probe() of plugin 'bad-plan': called host->task(), which belongs to plan()",
     WEIR_FAILED},
    {"|bad.probe=silent", "connector.class",
     "connector 'c1': probe() of plugin 'bad-plan': failed without giving a reason", WEIR_FAILED},
};

START_TEST(a_probe_says_what_it_found_at_the_key)
{
    weir_check_request more = {.probe = true};
    char *config = weir_format(BAD "%s", probed[_i].config), *errors;
    weir_check check;

    examine_as("", config, &more, &check);
    ck_assert_int_eq(check.code, probed[_i].code);
    errors = errors_at(&check, probed[_i].key);
    ck_assert_str_eq(errors, probed[_i].text);
    ck_assert_uint_eq(json_array_size(check.notes), check.code == WEIR_OK);
    weir_check_clear(&check);
    free(errors);
    free(config);
}
END_TEST

START_TEST(nothing_is_probed_unasked_or_in_vain)
{
    weir_check_request more = {.probe = true};
    weir_check check;

    examine(BAD "|bad.probe=refuse", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    weir_check_clear(&check);
    examine_as("", BAD "|bad.probe=refuse|bad.validate=refuse all", &more, &check);
    ck_assert_int_eq(weir_json_int(check.report, "error_count", -1), 1);
    ck_assert_ptr_null(strstr(check.err.msg, "nobody answers"));
    weir_check_clear(&check);
    examine_as("", "name=c1|connector.class=good|good.topic=t", &more, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_str_eq(weir_json_str(json_array_get(check.notes, 0), "text"),
                     "good cannot be probed: only its config was looked at");
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_planned_task_carries_the_notes)
{
    weir_check check;

    examine(BAD "|bad.validate=warn", &check);
    ck_assert_str_eq(weir_props_get(&check.tasks[0], WEIR_NOTES_KEY),
                     "[{\"level\":\"WARN\",\"key\":\"bad.number\",\"text\":\"number is small\"}]");
    weir_check_clear(&check);
    examine(BAD, &check);
    ck_assert_ptr_null(weir_props_get(&check.tasks[0], WEIR_NOTES_KEY));
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_task_carries_no_more_notes_than_its_record_can_bear)
{
    weir_buf config = WEIR_BUF;
    weir_check check;
    const char *notes;
    json_t *some = NULL;

    weir_buf_text_add(&config, BAD);
    for (int i = 0; i < 500; i++)
        weir_buf_format(&config, "|nobody.knows.this.one.number.%d=1", i);
    examine(weir_buf_text(&config), &check);
    ck_assert_uint_eq(json_array_size(check.notes), 500);
    notes = weir_props_get(&check.tasks[0], WEIR_NOTES_KEY);
    ck_assert_uint_lt(strlen(notes), 16385);
    ck_assert_int_eq(weir_json_read(notes, strlen(notes), &some, NULL), WEIR_OK);
    ck_assert_uint_gt(json_array_size(some), 50);
    json_decref(some);
    weir_check_clear(&check);
    weir_buf_free(&config);
}
END_TEST

START_TEST(a_secret_under_a_foreign_name_is_hidden_too)
{
    weir_check check;

    examine(BAD "|bad.normalise=contradict|Alias.Password=tell-no-1|bad.secret=other", &check);
    ck_assert(strstr(check.err.msg, "[hidden] for configuration Alias.Password"));
    ck_assert_ptr_null(strstr(check.message, "tell-no-1"));
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_member_of_a_secret_family_is_hidden_as_well)
{
    weir_check check;

    examine(BAD "|bad.hidden.odd=hunter22", &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    ck_assert_msg(strstr(check.err.msg, "'[hidden]' is no good member"), "%s", check.err.msg);
    ck_assert_msg(!strstr(check.message, "hunter22"), "%s", check.message);
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_secret_that_a_plugin_blurts_out_is_hidden_everywhere)
{
    char *report, *notes;
    weir_check check;

    examine(BAD "|bad.validate=leak|bad.secret=hunter22", &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    report = weir_json_dump(check.report);
    notes = weir_json_dump(check.notes);
    ck_assert_msg(!strstr(check.err.msg, "hunter22"), "%s", check.err.msg);
    ck_assert_msg(!strstr(check.message, "hunter22"), "%s", check.message);
    ck_assert_msg(!strstr(report, "hunter22"), "%s", report);
    ck_assert_msg(!strstr(notes, "hunter22"), "%s", notes);
    ck_assert(strstr(check.err.msg, "'[hidden]' is no good secret"));
    ck_assert(strstr(notes, "did you say [hidden], really [hidden]?"));
    ck_assert_str_eq(weir_props_get(&check.normalised, "bad.secret"), "hunter22");
    weir_check_clear(&check);
    free(notes);
    free(report);
}
END_TEST

/* ---- Neighbours --------------------------------------------------------------------------- */

START_TEST(a_plan_sees_the_tasks_of_its_own_kind_and_what_it_asked_for)
{
    weir_foreign *foreign = weir_foreign_start(60000);
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS, ours = WEIR_PROPS, theirs = WEIR_PROPS;
    const weir_check_neighbour neighbours[] = {{"a", 0, &ours}, {"b", 7, &theirs}, {"c", 3, &ours}};
    weir_check_request request = {.registry = registry,
                                  .worker = &worker,
                                  .config = &config,
                                  .plan = true,
                                  .neighbours = neighbours,
                                  .neighbour_count = 3};
    weir_check check = {.code = WEIR_OK};
    char *notes;

    parse_props(BAD "|bad.plan=neighbours", &config);
    parse_props("task.class=bad-plan|share=4|bad.number=5|name=x", &ours);
    parse_props("task.class=good|share=9", &theirs);
    ck_assert_msg(weir_check_on(foreign, &request, &check) == WEIR_OK, "%s", check.err.msg);
    notes = weir_json_dump(check.notes);
    ck_assert_str_eq(notes, "[{\"level\":\"INFO\",\"key\":null,\"text\":\"a/0 has share=4\"},"
                            "{\"level\":\"INFO\",\"key\":null,\"text\":\"c/3 has share=4\"}]");
    free(notes);
    weir_check_clear(&check);
    weir_props_clear(&config);
    weir_props_clear(&ours);
    weir_props_clear(&theirs);
    weir_foreign_stop(foreign);
}
END_TEST

static const struct {
    const char *worker, *config, *key, *value;
} gotten[] = {
    {"value.converter=ByteArray", "", "value.converter",
     "org.apache.kafka.connect.converters.ByteArrayConverter"},
    {"value.converter=ByteArray", "|value.converter= JsonConverter ", "value.converter",
     "org.apache.kafka.connect.json.JsonConverter"},
    {"value.converter=Json|value.converter.schemas.enable=false", "",
     "value.converter.schemas.enable", "false"},
    /* The level that names the class supplies what belongs to it. */
    {"value.converter=Json|value.converter.schemas.enable=false", "|value.converter=Json",
     "value.converter.schemas.enable", "(none)"},
    {"value.converter=Json", "|value.converter=Json|value.converter.schemas.enable=false",
     "value.converter.schemas.enable", "false"},
    {"value.converter=Json", "|value.converter.schemas.enable=false",
     "value.converter.schemas.enable", "(none)"},
    {"value.converter=com.example.Mine", "", "value.converter", "com.example.Mine"},
    {"value.converters=x|ssl.key.password=x", "", "value.converters", "(none)"},
    {"ssl.key.password=x", "", "ssl.key.password", "(none)"},
    {"", "|tasks.max=3", "tasks.max", "3"},
};

START_TEST(a_plugin_may_ask_what_counts_for_a_key_of_the_workers)
{
    weir_check_request more = {.plan = false};
    char *config = weir_format("name=c1|connector.class=bad-plan|bad.validate=get %s%s",
                               gotten[_i].key, gotten[_i].config);
    weir_check check;
    const char *text = NULL;
    size_t index;
    json_t *note;

    examine_as(gotten[_i].worker, config, &more, &check);
    json_array_foreach (check.notes, index, note) {
        const char *key = weir_json_str(note, "key");

        if (key && strcmp(key, "bad.validate") == 0)
            text = weir_json_str(note, "text");
    }
    ck_assert_pstr_eq(text, gotten[_i].value);
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(a_family_of_keys_is_known_and_its_members_are_the_plugins_to_judge)
{
    weir_check check;
    char *errors;

    examine(BAD "|bad.family.a=1|bad.family.b.c=2", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(json_array_size(check.notes), 0);
    ck_assert_str_eq(weir_props_get(&check.tasks[0], "bad.family.b.c"), "2");
    weir_check_clear(&check);
    examine(BAD "|bad.family.odd=wrong", &check);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    errors = errors_at(&check, "bad.family.odd");
    ck_assert_str_eq(errors, "'odd' is no member");
    free(errors);
    weir_check_clear(&check);
}
END_TEST

/* ---- On the foreign thread ---------------------------------------------------------------- */

START_TEST(an_examination_can_be_waited_for)
{
    weir_foreign *foreign = weir_foreign_start(60000);
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS;
    weir_check_request request = {
        .registry = registry, .worker = &worker, .config = &config, .plan = true};
    weir_check check = {.code = WEIR_OK};

    parse_props(BAD, &config);
    ck_assert_int_eq(weir_check_on(foreign, &request, &check), WEIR_OK);
    ck_assert_uint_eq(check.task_count, 1);
    weir_check_clear(&check);
    weir_props_set(&config, "tasks.max", "0");
    ck_assert_int_eq(weir_check_on(foreign, &request, &check), WEIR_INVALID);
    ck_assert_int_eq(check.code, WEIR_INVALID);
    weir_check_clear(&check);
    weir_props_clear(&config);
    weir_foreign_stop(foreign);
}
END_TEST

typedef struct answer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
    weir_check check;
} answer;

static void take(void *ctx, weir_check *check)
{
    answer *a = ctx;

    pthread_mutex_lock(&a->lock);
    a->check = *check;
    a->count++;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

START_TEST(an_examination_need_not_be_waited_for_nor_its_request_kept)
{
    weir_foreign *foreign = weir_foreign_start(60000);
    answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS;
    char *name = weir_strdup("from-url");
    weir_check_request request = {.registry = registry,
                                  .worker = &worker,
                                  .config = &config,
                                  .connector = name,
                                  .plan = true};

    parse_props("connector.class=good|good.topic=t", &config);
    ck_assert_int_eq(weir_check_submit(foreign, &request, take, &a), WEIR_OK);
    memset(name, '#', strlen(name));
    free(name);
    weir_props_clear(&config);
    pthread_mutex_lock(&a.lock);
    while (a.count == 0)
        pthread_cond_wait(&a.changed, &a.lock);
    pthread_mutex_unlock(&a.lock);
    weir_foreign_stop(foreign);
    ck_assert_int_eq(a.count, 1);
    ck_assert_msg(a.check.code == WEIR_OK, "%s", a.check.err.msg);
    ck_assert_str_eq(weir_props_get(&a.check.tasks[0], "name"), "from-url");
    weir_check_clear(&a.check);
}
END_TEST

/* The thread hangs until the process ends; so does its mapping of the plugin. */
static weir_registry *hanging;

START_TEST(an_endless_plan_is_given_up_in_words)
{
    weir_foreign *foreign = weir_foreign_start(50);
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS;
    weir_check_request request = {
        .worker = &worker, .config = &config, .connector = "c9", .plan = true};
    weir_check check = {.code = WEIR_OK};

    hanging = weir_registry_load(fixture("endless_plan.so"));
    request.registry = hanging;
    parse_props("name=c9|connector.class=endless-plan", &config);
    ck_assert_int_eq(weir_check_on(foreign, &request, &check), WEIR_TIMED_OUT);
    ck_assert_int_eq(check.code, WEIR_TIMED_OUT);
    ck_assert_msg(strstr(check.err.msg, "connector 'c9'"), "got: %s", check.err.msg);
    ck_assert_str_eq(check.message, check.err.msg);
    weir_check_clear(&check);
    ck_assert_uint_eq(weir_foreign_left_behind(), 1);

    request.plan = false; /* only plan() hangs: the next thread serves */
    ck_assert_int_eq(weir_check_on(foreign, &request, &check), WEIR_OK);
    weir_check_clear(&check);
    weir_foreign_stop(foreign);
    weir_props_clear(&config);
}
END_TEST

/* Bounded in memory, so that what is given up after its limit has not eaten the machine. */
START_TEST(a_plugin_that_never_stops_talking_is_cut_short)
{
    weir_foreign *foreign = weir_foreign_start(50);
    weir_props worker = WEIR_PROPS, config = WEIR_PROPS;
    weir_check_request request = {.worker = &worker, .config = &config};
    weir_check check = {.code = WEIR_OK};

    hanging = weir_registry_load(fixture("bad_plan.so"));
    request.registry = hanging;
    parse_props(BAD "|bad.normalise=endless", &config);
    ck_assert_int_eq(weir_check_on(foreign, &request, &check), WEIR_TIMED_OUT);
    weir_check_clear(&check);
    weir_foreign_stop(foreign);
    weir_props_clear(&config);
}
END_TEST

WEIR_UNIT_MAIN(
    "check_plugin", tcase_add_unchecked_fixture(tests, load_registry, unload_registry);
    tcase_add_loop_test(tests, a_broken_word_is_a_failure_naming_connector_and_plugin, 0,
                        WEIR_COUNT(broken));
    tcase_add_test(tests, the_same_plugin_plans_when_it_keeps_its_word);
    tcase_add_test(tests, tasks_beyond_the_maximum_are_a_warning_when_the_user_says_so);
    tcase_add_loop_test(tests, an_error_stands_at_the_key_that_the_user_wrote, 0, WEIR_COUNT(said));
    tcase_add_test(tests, warnings_are_notes_and_refuse_nothing);
    tcase_add_loop_test(tests, a_probe_says_what_it_found_at_the_key, 0, WEIR_COUNT(probed));
    tcase_add_test(tests, nothing_is_probed_unasked_or_in_vain);
    tcase_add_test(tests, a_planned_task_carries_the_notes);
    tcase_add_test(tests, a_task_carries_no_more_notes_than_its_record_can_bear);
    tcase_add_test(tests, a_secret_under_a_foreign_name_is_hidden_too);
    tcase_add_test(tests, a_member_of_a_secret_family_is_hidden_as_well);
    tcase_add_test(tests, a_secret_that_a_plugin_blurts_out_is_hidden_everywhere);
    tcase_add_test(tests, a_plan_sees_the_tasks_of_its_own_kind_and_what_it_asked_for);
    tcase_add_loop_test(tests, a_plugin_may_ask_what_counts_for_a_key_of_the_workers, 0,
                        WEIR_COUNT(gotten));
    tcase_add_test(tests, a_family_of_keys_is_known_and_its_members_are_the_plugins_to_judge);
    tcase_add_test(tests, an_examination_can_be_waited_for);
    tcase_add_test(tests, an_examination_need_not_be_waited_for_nor_its_request_kept);
    tcase_add_test(tests, an_endless_plan_is_given_up_in_words);
    tcase_add_test(tests, a_plugin_that_never_stops_talking_is_cut_short);)
