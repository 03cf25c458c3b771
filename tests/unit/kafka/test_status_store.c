/* test_status_store.c - statuses are written as Apache writes them, and read with its rules about
 * whose word counts. */
#include "kafka/status_store.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static weir_status_store store;

static void setup(void)
{
    weir_status_store_init(&store);
}

static void teardown(void)
{
    weir_status_store_clear(&store);
}

/* value NULL: a tombstone */
static void feed(const char *key, const char *value)
{
    weir_status_store_apply(&store, &(weir_log_record){.key = key,
                                                       .key_size = strlen(key),
                                                       .value = value,
                                                       .value_size = value ? strlen(value) : 0,
                                                       .timestamp_ms = -1});
}

static void feed_state(const char *key, const char *state, int generation)
{
    char value[128];

    snprintf(value, sizeof(value),
             "{\"state\":\"%s\",\"trace\":null,\"worker_id\":\"w:1\",\"generation\":%d}", state,
             generation);
    feed(key, value);
}

static weir_state state_of(const char *connector, int32_t task)
{
    const weir_item_status *status = weir_status_store_get(&store, connector, task);

    ck_assert_ptr_nonnull(status);
    return status->state;
}

START_TEST(a_status_is_written_as_apache_writes_it)
{
    weir_item_status status = {
        WEIR_STATE_RUNNING, NULL, (char *)(uintptr_t) "10.0.0.1:8083", NULL, 3, false};
    weir_buf out = WEIR_BUF;

    weir_status_value(&out, &status);
    ck_assert_str_eq(
        weir_buf_text(&out),
        "{\"state\":\"RUNNING\",\"trace\":null,\"worker_id\":\"10.0.0.1:8083\",\"generation\":3}");
    weir_buf_clear(&out);
    status.version = (char *)(uintptr_t) "1.0";
    weir_status_value(&out, &status);
    ck_assert_msg(strstr(weir_buf_text(&out), ",\"generation\":3,\"version\":\"1.0\"}"), "got: %s",
                  weir_buf_text(&out));
    weir_buf_clear(&out);
    weir_status_key(&out, "foo-1", WEIR_CONNECTOR_ITEM);
    weir_buf_char(&out, ' ');
    weir_status_key(&out, "foo-1", 4);
    ck_assert_str_eq(weir_buf_text(&out), "status-connector-foo-1 status-task-foo-1-4");
    weir_buf_free(&out);
}
END_TEST

/* connect-internals.md 1.9: the bytes a JVM worker wrote for the same status. */
START_TEST(an_awkward_trace_has_the_golden_bytes)
{
    static const char golden[] =
        "7b227374617465223a224641494c4544222c227472616365223a22615c6e5c7461742062285c22635c222920"
        "c3a9202f205c75303030317fe280a8205c75443833445c75444530305c6e222c22776f726b65725f6964223a"
        "22773a31222c2267656e65726174696f6e223a337d";
    weir_item_status status = {
        WEIR_STATE_FAILED,
        (char *)(uintptr_t) "a\n\tat b(\"c\") \xc3\xa9 / \x01\x7f\xe2\x80\xa8 \xf0\x9f\x98\x80\n",
        (char *)(uintptr_t) "w:1",
        NULL,
        3,
        false};
    weir_buf out = WEIR_BUF, hex = WEIR_BUF;

    weir_status_value(&out, &status);
    for (size_t i = 0; i < out.size; i++)
        weir_buf_format(&hex, "%02x", (unsigned char)out.data[i]);
    ck_assert_str_eq(weir_buf_text(&hex), golden);

    feed("status-connector-foo", weir_buf_text(&out)); /* and back */
    ck_assert_str_eq(weir_status_store_get(&store, "foo", WEIR_CONNECTOR_ITEM)->trace,
                     status.trace);
    weir_buf_free(&out);
    weir_buf_free(&hex);
}
END_TEST

START_TEST(every_field_is_read_and_unknown_ones_are_not_minded)
{
    const weir_item_status *status;

    feed("status-task-a-b-12", "{\"state\":\"FAILED\",\"trace\":\"why\",\"worker_id\":\"w:1\","
                               "\"generation\":5000000000,\"version\":\"2.1\",\"more\":[{}]}");
    status = weir_status_store_get(&store, "a-b", 12);
    ck_assert_ptr_nonnull(status);
    ck_assert_int_eq(status->state, WEIR_STATE_FAILED);
    ck_assert_str_eq(status->trace, "why");
    ck_assert_str_eq(status->worker_id, "w:1");
    ck_assert_str_eq(status->version, "2.1");
    ck_assert_int_eq(status->generation, 5000000000);
    ck_assert_ptr_null(weir_status_store_get(&store, "a-b", WEIR_CONNECTOR_ITEM));
}
END_TEST

static const char *const states[] = {"UNASSIGNED", "RUNNING",    "PAUSED",
                                     "FAILED",     "RESTARTING", "STOPPED"};

START_TEST(every_state_has_a_name)
{
    feed_state("status-connector-foo", states[_i], 1);
    ck_assert_str_eq(weir_state_text(state_of("foo", WEIR_CONNECTOR_ITEM)), states[_i]);
}
END_TEST

START_TEST(the_last_word_of_a_former_owner_does_not_hide_the_new_one)
{
    feed_state("status-task-foo-0", "RUNNING", 5);
    feed_state("status-task-foo-0", "UNASSIGNED", 4);
    feed_state("status-task-foo-0", "UNASSIGNED", 5);
    ck_assert_int_eq(state_of("foo", 0), WEIR_STATE_RUNNING);
    ck_assert(weir_status_store_get(&store, "foo", 0)->overwritten); /* who runs it is to repeat */
    feed_state("status-task-foo-0", "RUNNING", 5);
    ck_assert(!weir_status_store_get(&store, "foo", 0)->overwritten);
    feed_state("status-task-foo-0", "PAUSED", 4); /* only UNASSIGNED is doubted */
    ck_assert_int_eq(state_of("foo", 0), WEIR_STATE_PAUSED);
    feed_state("status-task-foo-0", "UNASSIGNED", 3);
    ck_assert_int_eq(state_of("foo", 0), WEIR_STATE_UNASSIGNED);
    feed_state("status-task-foo-0", "RUNNING", 5);
    feed_state("status-task-foo-0", "UNASSIGNED", 6);
    ck_assert_int_eq(state_of("foo", 0), WEIR_STATE_UNASSIGNED);

    feed_state("status-connector-foo", "RUNNING", 5); /* connectors know no such rule */
    feed_state("status-connector-foo", "UNASSIGNED", 4);
    ck_assert_int_eq(state_of("foo", WEIR_CONNECTOR_ITEM), WEIR_STATE_UNASSIGNED);
}
END_TEST

START_TEST(a_connector_s_tombstone_takes_its_tasks_along)
{
    feed_state("status-connector-foo", "RUNNING", 1);
    feed_state("status-task-foo-0", "RUNNING", 1);
    feed_state("status-task-foo-11", "RUNNING", 1);
    feed_state("status-task-foo-1-0", "RUNNING", 1); /* of the connector foo-1 */
    feed_state("status-task-fo-0", "RUNNING", 1);
    feed("status-connector-foo", NULL);
    ck_assert_uint_eq(store.items.count, 2);
    ck_assert_int_eq(state_of("foo-1", 0), WEIR_STATE_RUNNING);
    ck_assert_int_eq(state_of("fo", 0), WEIR_STATE_RUNNING);
    feed("status-task-fo-0", NULL);
    feed("status-task-fo-0", NULL);
    ck_assert_uint_eq(store.items.count, 1);
}
END_TEST

static const struct {
    const char *key, *value;
} skipped[] = {
    {"status-connector-foo", ""},
    {"status-connector-foo", "{"},
    {"status-connector-foo", "null"},
    {"status-connector-foo", "[]"},
    {"status-connector-foo", "{\"state\":\"RUNNING\",\"worker_id\":\"w\"}"},
    {"status-connector-foo", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1.0}"},
    {"status-connector-foo", "{\"state\":\"BORED\",\"worker_id\":\"w\",\"generation\":1}"},
    {"status-connector-foo", "{\"state\":1,\"worker_id\":\"w\",\"generation\":1}"},
    {"status-connector-", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1}"},
    {"status-task-foo", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1}"},
    {"status-task--0", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1}"},
    {"status-task-foo-x", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1}"},
    {"status-task-foo-9999999999", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1}"},
    {"status-topic-orders:connector-foo", "{\"topic\":{\"name\":\"orders\"}}"},
    {"", "{\"state\":\"RUNNING\",\"worker_id\":\"w\",\"generation\":1}"},
    {"other", NULL},
};

START_TEST(what_is_no_status_is_skipped)
{
    feed(skipped[_i].key, skipped[_i].value);
    ck_assert_uint_eq(store.items.count, 0);
}
END_TEST

START_TEST(a_status_written_safely_respects_a_newer_owner)
{
    const weir_item_status known = {
        WEIR_STATE_RUNNING, NULL, (char *)(uintptr_t) "w:1", NULL, 5, false};

    ck_assert(weir_status_safe(NULL, "w:2", 0));
    ck_assert(weir_status_safe(&known, "w:1", 4));
    ck_assert(weir_status_safe(&known, "w:2", 5));
    ck_assert(weir_status_safe(&known, "w:2", 6));
    ck_assert(!weir_status_safe(&known, "w:2", 4));
}
END_TEST

#define LOOP(test, table)                                                                          \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

WEIR_UNIT_MAIN("status_store", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, a_status_is_written_as_apache_writes_it);
               tcase_add_test(tests, an_awkward_trace_has_the_golden_bytes);
               tcase_add_test(tests, every_field_is_read_and_unknown_ones_are_not_minded);
               LOOP(every_state_has_a_name, states);
               tcase_add_test(tests, the_last_word_of_a_former_owner_does_not_hide_the_new_one);
               tcase_add_test(tests, a_connector_s_tombstone_takes_its_tasks_along);
               LOOP(what_is_no_status_is_skipped, skipped);
               tcase_add_test(tests, a_status_written_safely_respects_a_newer_owner);)
