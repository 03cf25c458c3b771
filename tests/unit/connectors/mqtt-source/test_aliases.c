/* test_aliases.c - the tables of foreign keys are sound, and docs/coming-from.md tells all of them.
 */
#include "aliases.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#define PAGE "docs/coming-from.md" /* tests run in the project's folder */

static const mqtt_alias *const tables[] = {mqtt_camel_aliases, mqtt_confluent_aliases,
                                           mqtt_lenses_aliases, mqtt_simple_aliases};

static char *read_page(void)
{
    char *page = mqtt_alloc(1, 65536);
    FILE *file = fopen(PAGE, "r");
    size_t size;

    ck_assert_msg(file != NULL, "no %s", PAGE);
    size = fread(page, 1, 65535, file);
    ck_assert_uint_lt(size, 65535);
    fclose(file);
    return page;
}

/* `mqtt.topic`, or `confluent.*` for a row that ends with a dot. */
static void find_key(const char *page, const char *key)
{
    char shown[128];

    snprintf(shown, sizeof(shown), "`%s%s`", key, key[strlen(key) - 1] == '.' ? "*" : "");
    ck_assert_msg(strstr(page, shown) != NULL, "%s does not tell of %s", PAGE, shown);
}

START_TEST(the_page_tells_of_every_key)
{
    char *page = read_page();

    for (const mqtt_alias *row = tables[_i]; row->key; row++)
        find_key(page, row->key);
    for (const mqtt_alias *row = mqtt_kamelet_aliases; row->key; row++)
        find_key(page, row->key);
    free(page);
}
END_TEST

START_TEST(the_page_names_every_class)
{
    char *page = read_page();

    for (const char *const *name = mqtt_class_aliases; *name; name++)
        find_key(page, *name);
    free(page);
}
END_TEST

static bool has_option(const char *key)
{
    for (const weir_option *option = mqtt_options; option->name; option++)
        if (strcmp(option->name, key) == 0)
            return true;
    return false;
}

START_TEST(no_row_is_hidden_by_one_before_it)
{
    for (const mqtt_alias *row = tables[_i]; row->key; row++)
        for (const mqtt_alias *before = tables[_i]; before < row; before++)
            ck_assert_msg(!mqtt_key_fits(row->key, before->key), "%s comes after %s", row->key,
                          before->key);
}
END_TEST

/* An alias is another connector's word: one that we use ourselves would never mean ours. */
START_TEST(no_alias_is_a_key_of_ours)
{
    for (const mqtt_alias *row = tables[_i]; row->key; row++)
        ck_assert_msg(!row->canonical || !has_option(row->key), "%s", row->key);
}
END_TEST

START_TEST(a_row_leads_to_an_option)
{
    for (const mqtt_alias *row = tables[_i]; row->key; row++)
        ck_assert_msg(!row->canonical || has_option(row->canonical), "%s", row->key);
}
END_TEST

START_TEST(a_row_does_one_thing)
{
    for (const mqtt_alias *row = tables[_i]; row->key; row++)
        ck_assert_msg(!!row->canonical + !!row->rule + !!row->says <= 1, "%s", row->key);
}
END_TEST

WEIR_UNIT_MAIN("mqtt-source aliases", tcase_add_loop_test(tests, the_page_tells_of_every_key, 0, 4);
               tcase_add_test(tests, the_page_names_every_class);
               tcase_add_loop_test(tests, no_row_is_hidden_by_one_before_it, 0, 4);
               tcase_add_loop_test(tests, no_alias_is_a_key_of_ours, 0, 4);
               tcase_add_loop_test(tests, a_row_leads_to_an_option, 0, 4);
               tcase_add_loop_test(tests, a_row_does_one_thing, 0, 4);)
