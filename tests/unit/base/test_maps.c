/* test_maps.c - props keep their order, maps keep theirs; both own what they hold. */
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/props.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static char *shown(const weir_props *props)
{
    weir_buf text = WEIR_BUF;

    WEIR_PROPS_EACH (pair, props)
        weir_buf_format(&text, "%s=%s;", pair->key, pair->value ? pair->value : "NULL");
    return weir_buf_take(&text);
}

#define ASSERT_PROPS(props, text)                                                                  \
    do {                                                                                           \
        char *got = shown(props);                                                                  \
                                                                                                   \
        ck_assert_str_eq(got, text);                                                               \
        free(got);                                                                                 \
    } while (0)

START_TEST(props_keep_the_order_of_their_keys)
{
    weir_props props = WEIR_PROPS;

    weir_props_set(&props, "z", "1");
    weir_props_set(&props, "a", "2");
    weir_props_set(&props, "z", "3");
    weir_props_set(&props, "", "4");
    weir_props_set(&props, "n", NULL);
    ASSERT_PROPS(&props, "z=3;a=2;=4;n=NULL;");
    weir_props_remove(&props, "a");
    weir_props_remove(&props, "not there");
    ASSERT_PROPS(&props, "z=3;=4;n=NULL;");
    weir_props_set(&props, "a", "5");
    ASSERT_PROPS(&props, "z=3;=4;n=NULL;a=5;");
    weir_props_clear(&props);
    ASSERT_PROPS(&props, "");
}
END_TEST

START_TEST(a_null_value_is_there_but_reads_as_missing)
{
    weir_props props = WEIR_PROPS;

    weir_props_set(&props, "n", NULL);
    ck_assert(weir_props_has(&props, "n"));
    ck_assert_ptr_null(weir_props_get(&props, "n"));
    ck_assert(!weir_props_has(&props, "m"));
    ck_assert_ptr_null(weir_props_get(&props, "m"));
    weir_props_clear(&props);
}
END_TEST

START_TEST(props_grow_and_copy)
{
    weir_props props = WEIR_PROPS;
    char key[16], value[16];

    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        snprintf(value, sizeof(value), "v%d", i);
        weir_props_set(&props, key, value);
    }
    ck_assert_uint_eq(props.count, 200);
    ck_assert_str_eq(weir_props_get(&props, "k0"), "v0");
    ck_assert_str_eq(weir_props_get(&props, "k199"), "v199");
    weir_props_set(&props, "k0", weir_props_get(&props, "k0")); /* by its own value */
    ck_assert_str_eq(weir_props_get(&props, "k0"), "v0");
    weir_props_clear(&props);
}
END_TEST

START_TEST(merging_replaces_adds_and_takes_prefixes_off)
{
    weir_props to = WEIR_PROPS, from = WEIR_PROPS;

    weir_props_set(&to, "a", "1");
    weir_props_set(&to, "b", "2");
    weir_props_set(&from, "b", "3");
    weir_props_set(&from, "x.a", "4");
    weir_props_set(&from, "x.c", NULL);
    weir_props_set(&from, "xa", "5");
    weir_props_merge(&to, &from);
    ASSERT_PROPS(&to, "a=1;b=3;x.a=4;x.c=NULL;xa=5;");
    weir_props_clear(&to);
    weir_props_merge_prefixed(&to, &from, "x.");
    ASSERT_PROPS(&to, "a=4;c=NULL;");
    weir_props_clear(&to);
    weir_props_clear(&from);
}
END_TEST

static const struct {
    const char *a, *b; /* keys and values of one letter; '-' is NULL */
    bool equal;
} compared[] = {
    {"", "", true},         {"a1b2", "b2a1", true}, {"a1", "a2", false}, {"a1", "a1b2", false},
    {"a1b2", "a1", false},  {"a1", "b1", false},    {"a-", "a-", true},  {"a-", "a1", false},
    {"a1b-", "b-a1", true}, {"a-", "b-", false},
};

static weir_props props_of(const char *letters)
{
    weir_props props = WEIR_PROPS;

    for (; *letters; letters += 2) {
        char key[] = {letters[0], '\0'}, value[] = {letters[1], '\0'};

        weir_props_set(&props, key, *value == '-' ? NULL : value);
    }
    return props;
}

START_TEST(props_are_equal_in_any_order)
{
    weir_props a = props_of(compared[_i].a), b = props_of(compared[_i].b);

    ck_assert(weir_props_equal(&a, &b) == compared[_i].equal);
    weir_props_clear(&a);
    weir_props_clear(&b);
}
END_TEST

/* ---- map ------------------------------------------------------------------------------------ */

static int dropped;

static void count_drop(void *value)
{
    dropped++;
    free(value);
}

START_TEST(a_map_is_walked_by_name)
{
    weir_map map = WEIR_MAP(NULL);
    static const char *const names[] = {"m", "z", "a", "", "mm", "B"};
    weir_buf walked = WEIR_BUF;

    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        weir_map_set(&map, names[i], (void *)(uintptr_t)names[i]);
    WEIR_MAP_EACH (entry, &map) {
        weir_buf_format(&walked, "%s;", entry->key);
        ck_assert_str_eq(entry->key, entry->value);
    }
    ck_assert_str_eq(weir_buf_text(&walked), ";B;a;m;mm;z;");
    for (size_t i = 0; i < WEIR_COUNT(names); i++)
        ck_assert_ptr_eq(weir_map_get(&map, names[i]), names[i]);
    ck_assert_ptr_null(weir_map_get(&map, "c"));
    weir_buf_free(&walked);
    weir_map_clear(&map);
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

START_TEST(a_map_drops_what_it_gives_up)
{
    weir_map map = WEIR_MAP(count_drop);
    char *first = weir_strdup("1"), *kept;

    dropped = 0;
    weir_map_set(&map, "a", first);
    weir_map_set(&map, "a", first); /* the same value: nothing to give up */
    ck_assert_int_eq(dropped, 0);
    weir_map_set(&map, "a", weir_strdup("2"));
    ck_assert_int_eq(dropped, 1);
    weir_map_set(&map, "b", weir_strdup("3"));
    weir_map_set(&map, "n", NULL);
    weir_map_remove(&map, "a");
    weir_map_remove(&map, "a");
    weir_map_remove(&map, "n");
    ck_assert_int_eq(dropped, 2);
    kept = weir_map_take(&map, "b");
    ck_assert_str_eq(kept, "3");
    ck_assert_ptr_null(weir_map_take(&map, "b"));
    ck_assert_int_eq(dropped, 2);
    free(kept);
    weir_map_set(&map, "c", weir_strdup("4"));
    weir_map_clear(&map);
    ck_assert_int_eq(dropped, 3);
}
END_TEST

START_TEST(a_large_map_stays_sorted_through_changes)
{
    weir_map map = WEIR_MAP(free);
    char key[16];
    const char *last = "";

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "k%u", i * 7919 % 2003);
        weir_map_set(&map, key, weir_strdup(key));
        if (i % 3 == 0) {
            snprintf(key, sizeof(key), "k%u", i * 31 % 2003);
            weir_map_remove(&map, key);
        }
    }
    ck_assert_uint_gt(map.count, 1000);
    WEIR_MAP_EACH (entry, &map) {
        ck_assert_int_lt(strcmp(last, entry->key), 0);
        ck_assert_str_eq(entry->key, entry->value);
        ck_assert_ptr_eq(weir_map_get(&map, entry->key), entry->value);
        last = entry->key;
    }
    weir_map_clear(&map);
}
END_TEST

WEIR_UNIT_MAIN("maps", tcase_add_test(tests, props_keep_the_order_of_their_keys);
               tcase_add_test(tests, a_null_value_is_there_but_reads_as_missing);
               tcase_add_test(tests, props_grow_and_copy);
               tcase_add_test(tests, merging_replaces_adds_and_takes_prefixes_off);
               tcase_add_loop_test(tests, props_are_equal_in_any_order, 0, WEIR_COUNT(compared));
               tcase_add_test(tests, a_map_is_walked_by_name);
               tcase_add_test(tests, a_map_drops_what_it_gives_up);
               tcase_add_test(tests, a_large_map_stays_sorted_through_changes);)
