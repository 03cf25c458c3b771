/* test_registry.c - every good plugin is found by each of its names, and a bad one costs a line. */
#include "plugin/registry.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/support/unit.h"
#include "tests/unit/plugin/fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *log_file;

static void open_log(void)
{
    log_file = tmpfile();
    weir_log_to(fileno(log_file));
}

static void close_log(void)
{
    weir_log_to(STDOUT_FILENO);
    fclose(log_file);
}

/* How many lines of the log hold both texts. */
static int logged(const char *a, const char *b)
{
    char line[4096];
    int count = 0;

    rewind(log_file);
    while (fgets(line, sizeof(line), log_file))
        count += strstr(line, a) && strstr(line, b);
    return count;
}

static weir_registry *load_all(void)
{
    return weir_registry_load(fixture(""));
}

START_TEST(a_folder_gives_its_good_plugins_sorted_by_name)
{
    weir_registry *registry = load_all();

    ck_assert_uint_ge(weir_registry_count(registry), 9);
    for (size_t i = 1; i < weir_registry_count(registry); i++)
        ck_assert_str_lt(weir_plugin_desc_of(weir_registry_at(registry, i - 1))->name,
                         weir_plugin_desc_of(weir_registry_at(registry, i))->name);
    ck_assert_ptr_null(weir_registry_at(registry, weir_registry_count(registry)));
    weir_registry_free(registry);
}
END_TEST

static const struct {
    const char *file, *why;
} broken[] = {
    {"no_entry.so", "exports no weir_plugin_entry"},
    {"other_abi.so", "speaks ABI 2"},
    {"no_name.so", "has no name or no version"},
    {"no_poll.so", "has no poll()"},
    {"old_struct.so", "has no stop()"},
    {"sink_only.so", "is a sink"},
};

START_TEST(a_broken_plugin_costs_one_error_line_naming_file_and_reason)
{
    weir_registry *registry = load_all();

    ck_assert_int_eq(logged(broken[_i].file, broken[_i].why), 1);
    ck_assert_int_eq(logged(broken[_i].file, "level=error"), 1);
    weir_registry_free(registry);
}
END_TEST

static const struct {
    const char *class_name, *name; /* NULL: not found */
} names[] = {
    {"good", "good"},
    {"GoodSource", "good"},
    {"GoodSourceConnector", "good"},
    {"com.example.GoodSourceConnector", "good"},
    {"bad-plan", "bad-plan"},
    {"ticker", "ticker"},
    {"Good", NULL},
    {"example.GoodSourceConnector", NULL},
    {"", NULL},
};

START_TEST(a_plugin_is_found_by_its_name_and_every_alias_and_nothing_else)
{
    weir_registry *registry = load_all();
    const weir_plugin *plugin = weir_registry_find(registry, names[_i].class_name);

    if (names[_i].name)
        ck_assert_str_eq(weir_plugin_desc_of(plugin)->name, names[_i].name);
    else
        ck_assert_ptr_null(plugin);
    weir_registry_free(registry);
}
END_TEST

START_TEST(the_list_takes_files_and_folders_and_blanks)
{
    char *list = weir_format(" %s ,, %s,", fixture("good.so"), fixture("ticker.so"));
    weir_registry *registry = weir_registry_load(list);

    ck_assert_uint_eq(weir_registry_count(registry), 2);
    weir_registry_free(registry);
    free(list);
}
END_TEST

START_TEST(a_file_named_twice_is_loaded_once_and_silently)
{
    char *list = weir_format("%s,%s", fixture("good.so"), fixture("../plugins/good.so"));
    weir_registry *registry = weir_registry_load(list);

    ck_assert_uint_eq(weir_registry_count(registry), 1);
    ck_assert_int_eq(logged("level=warn", ""), 0);
    weir_registry_free(registry);
    free(list);
}
END_TEST

/* A copy is another file, so its plugin has a name that is taken. */
START_TEST(of_two_plugins_with_one_name_the_first_serves_and_the_other_is_warned_about)
{
    char folder[] = "/tmp/weir-registry-XXXXXX";
    char *copy, *command, *list;
    weir_registry *registry;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    copy = weir_format("%s/copy.so", folder);
    command = weir_format("cp '%s' '%s'", fixture("good.so"), copy);
    ck_assert_int_eq(system(command), 0);
    list = weir_format("%s,%s", fixture("good.so"), copy);
    registry = weir_registry_load(list);
    ck_assert_uint_eq(weir_registry_count(registry), 1);
    ck_assert(strstr(weir_plugin_path(weir_registry_at(registry, 0)), "good.so"));
    ck_assert_int_eq(logged("level=warn", "copy.so"), 1);
    weir_registry_free(registry);
    unlink(copy);
    rmdir(folder);
    free(list);
    free(command);
    free(copy);
}
END_TEST

static const struct {
    const char *path, *level;
} missing[] = {
    {"/nonexistent/plugins", "level=warn"},
    {"/nonexistent/plugin.so", "level=error"},
    {"/dev/null", "level=warn"},
};

START_TEST(what_is_missing_is_said_and_the_rest_is_loaded)
{
    char *list = weir_format("%s,%s", missing[_i].path, fixture("good.so"));
    weir_registry *registry = weir_registry_load(list);

    ck_assert_uint_eq(weir_registry_count(registry), 1);
    ck_assert_int_eq(logged(missing[_i].path, missing[_i].level), 1);
    weir_registry_free(registry);
    free(list);
}
END_TEST

START_TEST(no_plugin_at_all_is_a_warning_and_no_failure)
{
    weir_registry *registry = weir_registry_load(NULL);

    ck_assert_uint_eq(weir_registry_count(registry), 0);
    ck_assert_int_eq(logged("level=warn", "no plugin was found"), 1);
    weir_registry_free(registry);
    weir_registry_free(NULL);
}
END_TEST

WEIR_UNIT_MAIN(
    "registry", tcase_add_checked_fixture(tests, open_log, close_log);
    tcase_add_test(tests, a_folder_gives_its_good_plugins_sorted_by_name);
    tcase_add_loop_test(tests, a_broken_plugin_costs_one_error_line_naming_file_and_reason, 0,
                        WEIR_COUNT(broken));
    tcase_add_loop_test(tests, a_plugin_is_found_by_its_name_and_every_alias_and_nothing_else, 0,
                        WEIR_COUNT(names));
    tcase_add_test(tests, the_list_takes_files_and_folders_and_blanks);
    tcase_add_test(tests, a_file_named_twice_is_loaded_once_and_silently);
    tcase_add_test(tests,
                   of_two_plugins_with_one_name_the_first_serves_and_the_other_is_warned_about);
    tcase_add_loop_test(tests, what_is_missing_is_said_and_the_rest_is_loaded, 0,
                        WEIR_COUNT(missing));
    tcase_add_test(tests, no_plugin_at_all_is_a_warning_and_no_failure);)
