/* test_check_variables.c - a config is examined with the values of its variables, and none of them
 * comes out of it: not in the report, in errors, in notes, nor in what is stored of the tasks. */
#include "tests/unit/plugin/examine.h"

#include "tests/support/unit.h"

#define WORKER                                                                                     \
    "bootstrap.servers=kafka:9092|key.converter=" BYTE_ARRAY "|value.converter=" BYTE_ARRAY        \
    "|config.providers=env,file|config.providers.env.class=" KAFKA "EnvVarConfigProvider"          \
    "|config.providers.file.class=" KAFKA "FileConfigProvider"
#define KAFKA   "org.apache.kafka.common.config.provider."
#define RETELLS "name=c1|connector.class=retells"

static const char *const environment[] = {
    "PW=hunter22",  "SHORT=abc", "USER_NAME=annabel", "ITEMS=left,right", "ID=sensor",
    "TWO=2",        "TEN=10",    "CLASS=retells",     "LINGER=soon",      "LOGIN=annabel:hunter22",
    "UNTOLD=never", NULL};
static weir_providers *providers;

static void set_up(void)
{
    weir_props worker = WEIR_PROPS;
    weir_err err;

    load_registry();
    parse_props(WORKER, &worker);
    ck_assert_msg(weir_providers_new(&worker, environment, &providers, &err) == WEIR_OK, "%s",
                  err.msg);
    weir_props_clear(&worker);
}

static void tear_down(void)
{
    weir_providers_free(providers);
    unload_registry();
}

static void examine_with(const char *config, weir_check *check)
{
    weir_check_request more = {.plan = true, .providers = providers};

    examine_as(WORKER, config, &more, check);
}

/* All that anybody is shown of an examination, and all that is stored. */
static char *all_of(const weir_check *check)
{
    char *report = weir_json_dump(check->report ? check->report : json_null());
    char *notes = weir_json_dump(check->notes ? check->notes : json_null());
    weir_buf all = WEIR_BUF;

    weir_buf_format(&all, "%s\n%s\n%s\n%s\n", check->message ? check->message : "",
                    check->code == WEIR_OK ? "" : check->err.msg, report, notes);
    for (size_t i = 0; i < check->task_count; i++)
        WEIR_PROPS_EACH (pair, &check->tasks[i])
            weir_buf_format(&all, "%s=%s\n", pair->key, pair->value);
    free(report);
    free(notes);
    return weir_buf_take(&all);
}

static void expect_without(const char *all, const char *secret)
{
    const char *at = strstr(all, secret);

    if (at) /* a whole report is more than Check can print */
        ck_abort_msg("%.400s", at - all > 200 ? at - 200 : all);
}

/* ---- Nothing comes out ----------------------------------------------------------------------- */

static const char *const told[] = {
    RETELLS "|retells.user=${env:USER_NAME}|retells.password=${env:PW}",
    RETELLS "|Retells.login=${env:USER_NAME}:${env:PW}",
    RETELLS "|Retells.login=x${env:USER_NAME}y:z${env:PW}|retells.note=warn",
    RETELLS "|Retells.login=${env:USER_NAME}:${env:PW}|retells.note=error",
    RETELLS "|retells.user=${env:USER_NAME}|retells.number=${env:PW}",
    RETELLS "|retells.user=${env:USER_NAME}|tasks.max=${env:PW}",
    RETELLS "|errors.tolerance=${env:PW}|retells.user=${env:USER_NAME}",
    RETELLS "|producer.override.linger.ms=${env:PW}",
    RETELLS "|producer.override.sasl.jaas.config=${env:PW}",
    RETELLS "|key.converter=${env:PW}",
    RETELLS "|unknown.key=${env:PW}|config.unknown.keys=error",
    RETELLS "|retells.password=${env:PW}|retells.change=other|retells.user=${env:USER_NAME}",
    "name=c1|connector.class=${env:PW}",
    "name=c1|some=${env:PW}",
};

START_TEST(no_value_of_a_variable_is_shown_or_stored)
{
    weir_check check;
    char *all;

    examine_with(told[_i], &check);
    all = all_of(&check);
    expect_without(all, "hunter22");
    expect_without(all, "annabel");
    free(all);
    weir_check_clear(&check);
}
END_TEST

/* ---- What is stored -------------------------------------------------------------------------- */

static const struct {
    const char *config, *key, *stored;
} stored[] = {
    {"|retells.user=${env:USER_NAME}", "retells.user", "${env:USER_NAME}"},
    {"|retells.user= ${env:USER_NAME} ", "retells.user", " ${env:USER_NAME} "},
    {"|retells.password=${env:PW}", "retells.password", "${env:PW}"},
    {"|retells.password=${env:SHORT}", "retells.password", "${env:SHORT}"},
    {"|retells.number=${env:TWO}", "retells.number", "${env:TWO}"},
    {"|tasks.max=${env:TWO}|retells.user=u", "tasks.max", "${env:TWO}"},
    {"|unknown.key=a${env:SHORT}b", "unknown.key", "a${env:SHORT}b"},
    {"|producer.override.client.id=${env:ID}", "producer.override.client.id", "${env:ID}"},
    /* in another key than it was posted in */
    {"|Retells.login=${env:USER_NAME}:x${env:SHORT}", "retells.user", "${env:USER_NAME}"},
    {"|Retells.login=u:x${env:SHORT}", "retells.password", "x${env:SHORT}"},
    /* built around it, by plan() or because the variable itself was taken apart */
    {"|retells.id=${env:ID}", "retells.id", "${env:ID}-0"},
    {"|Retells.login=u:${env:PW}", "built", "login u with ${env:PW}"},
    {"|retells.password=${env:PW}|retells.change=gone", "retells.password", "${env:PW}"},
    /* a share of what was said is the plan's */
    {"|retells.items=${env:ITEMS}|tasks.max=2", "retells.items", "left"},
    /* nobody's variables stay, and so does what has none */
    {"|retells.id=${json:/id}${topic}", "retells.id", "${json:/id}${topic}-0"},
    {"|retells.user=sensor|retells.id=${env:ID}", "retells.user", "sensor"},
    {"|retells.user=${env:UNHEARD_OF}", "retells.user", "${env:UNHEARD_OF}"},
    {"|retells.password=plain text", "retells.password", "plain text"},
    {"|retells.id=${env:ID}", "task.class", "retells"},
    {"|retells.user=${env:CLASS}", "task.class", "retells"},
    {"|retells.user=${env:CLASS}", "connector.class", "retells"},
};

START_TEST(a_task_is_stored_with_its_variables)
{
    char *config = weir_format(RETELLS "%s", stored[_i].config);
    weir_check check;

    examine_with(config, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_str_eq(weir_props_get(&check.tasks[0], stored[_i].key), stored[_i].stored);
    weir_check_clear(&check);
    free(config);
}
END_TEST

START_TEST(the_plan_is_made_with_the_values)
{
    weir_check check;

    examine_with(RETELLS
                 "|tasks.max=${env:TWO}|retells.items=${env:ITEMS}|Retells.login=u:${env:PW}",
                 &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_uint_eq(check.task_count, 2);
    ck_assert_str_eq(weir_props_get(&check.tasks[1], "retells.items"), "right");
    ck_assert_str_eq(weir_props_get(&check.normalised, "retells.password"), "hunter22");
    ck_assert_str_eq(weir_props_get(&check.resolved, "Retells.login"), "u:hunter22");
    weir_check_clear(&check);
}
END_TEST

START_TEST(the_same_config_makes_the_same_tasks)
{
    static const char config[] = RETELLS "|Retells.login=${env:USER_NAME}:${env:PW}|retells.note=w";
    weir_check one, two;

    examine_with(config, &one);
    examine_with(config, &two);
    ck_assert(weir_props_equal(&one.tasks[0], &two.tasks[0]));
    weir_check_clear(&one);
    weir_check_clear(&two);
}
END_TEST

/* ---- What is shown --------------------------------------------------------------------------- */

static const struct {
    const char *config, *key, *value, *errors;
} shown[] = {
    {"|retells.user=${env:USER_NAME}", "retells.user", "${env:USER_NAME}", ""},
    {"|retells.user=${env:SHORT}", "retells.user", "${env:SHORT}", ""},
    {"|retells.password=${env:PW}", "retells.password", "[hidden]", ""},
    {"|Retells.login=${env:SHORT}:${env:PW}", "retells.user", "${env:SHORT}", ""},
    {"|tasks.max=${env:TWO}", "tasks.max", "${env:TWO}", ""},
    {"|producer.override.linger.ms=${env:TWO}", "producer.override.linger.ms", "${env:TWO}", ""},
    {"|retells.user=plain", "retells.user", "plain", ""},
    {"|retells.number=${env:TEN}", "retells.number", "${env:TEN}",
     "Invalid value ${env:TEN} for configuration retells.number: Value must be no more than 9"},
    {"|retells.number=${env:PW}", "retells.number", "${env:PW}",
     "Invalid value ${env:PW} for configuration retells.number: Not a number of type INT"},
    {"|retells.password=${env:UNHEARD_OF}", "retells.password", "[hidden]",
     "Invalid value ${env:UNHEARD_OF} for configuration retells.password: provider 'env': there is "
     "no environment variable 'UNHEARD_OF'"},
    {"|Retells.login=${env:LOGIN}", "retells.password", "[hidden]",
     "Invalid value [hidden] for configuration retells.password: it is a part of what a variable "
     "stands for, and would have to be stored; give it a variable of its own"},
};

START_TEST(the_report_shows_variables_and_never_their_values)
{
    char *config = weir_format(RETELLS "%s", shown[_i].config), *errors;
    weir_check check;

    examine_with(config, &check);
    errors = errors_at(&check, shown[_i].key);
    ck_assert_str_eq(errors, shown[_i].errors);
    if (*shown[_i].value != '\0' && check.code == WEIR_OK)
        ck_assert_str_eq(
            weir_json_str(json_object_get(entry_of(&check, shown[_i].key), "value"), "value"),
            shown[_i].value);
    weir_check_clear(&check);
    free(errors);
    free(config);
}
END_TEST

START_TEST(a_variable_that_stays_is_a_warning)
{
    weir_check check;
    char *notes;

    examine_with(RETELLS "|retells.user=${env:UNHEARD_OF}", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    notes = weir_json_dump(check.notes);
    ck_assert_str_eq(notes,
                     "[{\"level\":\"WARN\",\"key\":\"retells.user\",\"text\":\"${env:UNHEARD_OF}"
                     " stays as it is written: provider 'env': there is no environment "
                     "variable 'UNHEARD_OF'\"}]");
    free(notes);
    weir_check_clear(&check);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_a_failure_before_anything_else)
{
    weir_check check;

    examine_with("name=c1|some=${env:PW}|x=${file:/nowhere/s:pw}", &check);
    ck_assert_int_eq(check.code, WEIR_FAILED);
    ck_assert_ptr_null(check.report);
    ck_assert_str_eq(check.message, "x: ${file:/nowhere/s:pw}: provider 'file': Could not read "
                                    "properties from file /nowhere/s: No such file or directory");
    weir_check_clear(&check);
}
END_TEST

START_TEST(without_providers_a_variable_is_text)
{
    weir_check check;

    examine(RETELLS "|retells.user=${env:USER_NAME}", &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    ck_assert_str_eq(weir_props_get(&check.tasks[0], "retells.user"), "${env:USER_NAME}");
    ck_assert_str_eq(weir_props_get(&check.normalised, "retells.user"), "${env:USER_NAME}");
    ck_assert_uint_eq(json_array_size(check.notes), 0);
    weir_check_clear(&check);
}
END_TEST

/* ---- The others ------------------------------------------------------------------------------ */

START_TEST(neighbours_are_compared_by_their_values_and_named_by_their_variables)
{
    weir_props theirs = WEIR_PROPS, broken = WEIR_PROPS;
    const weir_check_neighbour neighbours[] = {{"a", 0, &theirs}, {"b", 0, &broken}};
    weir_check_request more = {
        .plan = true, .providers = providers, .neighbours = neighbours, .neighbour_count = 2};
    weir_check check;
    char *notes;

    parse_props("task.class=retells|retells.id=${env:UNTOLD}", &theirs);
    parse_props("task.class=retells|retells.id=${file:/nowhere:x}", &broken);
    examine_as(WORKER, RETELLS, &more, &check);
    ck_assert_msg(check.code == WEIR_OK, "%s", check.err.msg);
    notes = weir_json_dump(check.notes);
    ck_assert_msg(strstr(notes, "a has id ${env:UNTOLD}"), "%s", notes);
    ck_assert_msg(strstr(notes, "b has id ${file:/nowhere:x}"), "%s", notes);
    free(notes);
    weir_check_clear(&check);
    weir_props_clear(&theirs);
    weir_props_clear(&broken);
}
END_TEST

WEIR_UNIT_MAIN(
    "check_variables", tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, no_value_of_a_variable_is_shown_or_stored, 0, WEIR_COUNT(told));
    tcase_add_loop_test(tests, a_task_is_stored_with_its_variables, 0, WEIR_COUNT(stored));
    tcase_add_test(tests, the_plan_is_made_with_the_values);
    tcase_add_test(tests, the_same_config_makes_the_same_tasks);
    tcase_add_loop_test(tests, the_report_shows_variables_and_never_their_values, 0,
                        WEIR_COUNT(shown));
    tcase_add_test(tests, a_variable_that_stays_is_a_warning);
    tcase_add_test(tests, a_file_that_cannot_be_read_is_a_failure_before_anything_else);
    tcase_add_test(tests, without_providers_a_variable_is_text);
    tcase_add_test(tests, neighbours_are_compared_by_their_values_and_named_by_their_variables);)
