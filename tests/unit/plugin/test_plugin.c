/* test_plugin.c - the loader lets nothing through that could crash a worker later. */
#include "plugin/plugin.h"

#include "base/mem.h"
#include "tests/support/unit.h"
#include "tests/unit/plugin/fixture.h"

#include <string.h>

static const struct {
    const char *file, *says;
    weir_code code;
} refused[] = {
    {"missing.so", "cannot load", WEIR_NOT_FOUND},
    {"good.o", "cannot load", WEIR_NOT_FOUND},
    {"no_entry.so", "exports no weir_plugin_entry", WEIR_INCOMPATIBLE},
    {"other_abi.so", "speaks ABI 2, this worker speaks 1", WEIR_INCOMPATIBLE},
    {"no_name.so", "has no name or no version", WEIR_INCOMPATIBLE},
    {"no_poll.so", "the source has no poll()", WEIR_INCOMPATIBLE},
    {"old_struct.so", "the source has no stop()", WEIR_INCOMPATIBLE},
    {"sink_only.so", "is a sink, and this worker knows sources only", WEIR_INCOMPATIBLE},
};

START_TEST(open_refuses_and_says_why)
{
    weir_plugin *plugin = NULL;
    weir_err err;

    ck_assert_int_eq(weir_plugin_open(fixture(refused[_i].file), &plugin, &err), refused[_i].code);
    ck_assert_ptr_null(plugin);
    ck_assert_msg(strstr(err.msg, refused[_i].says), "got: %s", err.msg);
    ck_assert_msg(strstr(err.msg, refused[_i].file), "does not name the file: %s", err.msg);
}
END_TEST

static const struct {
    const char *how, *says;
} tables[] = {
    {"twice", "option 'text' is declared twice"},
    {"blank", "option 1 has a name no config can hold"},
    {"outside", "option 'number' lies at offset 32, outside of its settings of 32 bytes"},
    {"far outside", "outside of its settings"},
    {"across", "option 'number' lies at offset 4"},
    {"shared", "options 'text' and 'number' share memory"},
    {"type", "option 'number' is of unknown type 77"},
    {"importance", "option 'number' is of unknown importance 77"},
    {"limits", "option 'number' allows no value at all"},
    {"default", "option 'number' refuses its own default"},
    {"unset", "option 'number' may be unset, which only a string can be"},
    {"pairs without a dot", "option 'pairs': pairs, and only they, have a name that ends with '.'"},
    {"pairs with a default", "option 'pairs.': pairs, and only they"},
    {"a dot without pairs", "option 'number.': pairs, and only they"},
    {"endless", "option 'truth' is declared twice"},
};

START_TEST(open_refuses_an_option_table_that_lies)
{
    weir_plugin *plugin = NULL;
    weir_err err;

    setenv("BAD_OPTION", tables[_i].how, 1);
    ck_assert_int_eq(weir_plugin_open(fixture("bad_options.so"), &plugin, &err), WEIR_INCOMPATIBLE);
    unsetenv("BAD_OPTION");
    ck_assert_ptr_null(plugin);
    ck_assert_msg(strstr(err.msg, tables[_i].says), "got: %s", err.msg);
}
END_TEST

static const struct {
    const char *how, *says;
} metrics[] = {
    {"capital", "metric 1 has a name that is not made of a-z, 0-9 and '_'"},
    {"digit", "metric 1 has a name that is not made of"},
    {"type", "metric 1 is of unknown type"},
    {"no total", "metric 0 is misnamed: counters, and only they, end with '_total'"},
    {"total gauge", "metric 1 is misnamed"},
    {"no path", "metric 1 has no path or no help"},
    {"no help", "metric 1 has no path or no help"},
    {"label", "metric 1 has a label that cannot be one"},
    {"no states", "metric 2 has states and should have none, or should have and has not"},
    {"no state", "metric 2 has states"},
    {"states of a gauge", "metric 1 has states"},
    {"twice", "metric 2 is declared twice"},
    {"endless", "metric 200 is one too many: the table does not end"},
};

START_TEST(open_refuses_a_table_of_metrics_that_no_page_could_show)
{
    weir_plugin *plugin = NULL;
    weir_err err;

    setenv("BAD_METRIC", metrics[_i].how, 1);
    ck_assert_int_eq(weir_plugin_open(fixture("bad_metrics.so"), &plugin, &err), WEIR_INCOMPATIBLE);
    unsetenv("BAD_METRIC");
    ck_assert_ptr_null(plugin);
    ck_assert_msg(strstr(err.msg, metrics[_i].says), "got: %s", err.msg);
}
END_TEST

static const struct {
    const char *file, *name, *version;
} accepted[] = {
    {"good.so", "good", "1.2.3"},
    {"ticker.so", "ticker", "1.0.0"},
    {"bad_options.so", "bad-options", "1.0.0"},
    {"bad_metrics.so", "bad-metrics", "1.0.0"},
    {"bad_plan.so", "bad-plan", "1.0.0"},
    {"endless_plan.so", "endless-plan", "1.0.0"},
    {"endless_poll.so", "endless-poll", "1.0.0"},
    {"endless_stop.so", "endless-stop", "1.0.0"},
    {"fails_start.so", "fails-start", "1.0.0"},
    {"fails_poll.so", "fails-poll", "1.0.0"},
};

START_TEST(open_takes_what_keeps_the_contract)
{
    weir_plugin *plugin = NULL;
    weir_err err = {0};

    ck_assert_msg(weir_plugin_open(fixture(accepted[_i].file), &plugin, &err) == WEIR_OK, "%s",
                  err.msg);
    ck_assert_str_eq(weir_plugin_desc_of(plugin)->name, accepted[_i].name);
    ck_assert_str_eq(weir_plugin_desc_of(plugin)->version, accepted[_i].version);
    ck_assert(weir_plugin_is_source(plugin));
    ck_assert(strstr(weir_plugin_path(plugin), accepted[_i].file));
    weir_plugin_close(plugin);
}
END_TEST

START_TEST(a_bare_file_name_is_looked_for_here_and_nowhere_else)
{
    weir_plugin *plugin = NULL;
    weir_err err;

    /* libc.so.6 is on the linker's path, so only the working folder explains that it is missing. */
    ck_assert_int_eq(weir_plugin_open("libc.so.6", &plugin, &err), WEIR_NOT_FOUND);
    ck_assert_msg(strstr(err.msg, "cannot load 'libc.so.6'"), "got: %s", err.msg);
}
END_TEST

START_TEST(one_file_can_be_open_twice)
{
    weir_plugin *first = NULL, *second = NULL;

    ck_assert_int_eq(weir_plugin_open(fixture("good.so"), &first, NULL), WEIR_OK);
    ck_assert_int_eq(weir_plugin_open(fixture("good.so"), &second, NULL), WEIR_OK);
    weir_plugin_close(first);
    ck_assert_str_eq(weir_plugin_desc_of(second)->name, "good");
    weir_plugin_close(second);
    weir_plugin_close(NULL);
}
END_TEST

WEIR_UNIT_MAIN(
    "plugin", tcase_add_loop_test(tests, open_refuses_and_says_why, 0, WEIR_COUNT(refused));
    tcase_add_loop_test(tests, open_refuses_an_option_table_that_lies, 0, WEIR_COUNT(tables));
    tcase_add_loop_test(tests, open_refuses_a_table_of_metrics_that_no_page_could_show, 0,
                        WEIR_COUNT(metrics));
    tcase_add_loop_test(tests, open_takes_what_keeps_the_contract, 0, WEIR_COUNT(accepted));
    tcase_add_test(tests, a_bare_file_name_is_looked_for_here_and_nowhere_else);
    tcase_add_test(tests, one_file_can_be_open_twice);)
