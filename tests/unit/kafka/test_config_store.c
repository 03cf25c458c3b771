/* test_config_store.c - the config topic's records, one after the other, make the state that an
 * Apache worker would hold. */
#include "kafka/config_store.h"

#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static weir_config_store store;
static int64_t next_offset;

static void setup(void)
{
    weir_config_store_init(&store);
    next_offset = 0;
}

static void teardown(void)
{
    weir_config_store_clear(&store);
}

static weir_config_change feed_bytes(const char *key, size_t key_size, const char *value,
                                     size_t value_size)
{
    return weir_config_store_apply(&store, &(weir_log_record){.key = key,
                                                              .key_size = key_size,
                                                              .value = value,
                                                              .value_size = value_size,
                                                              .offset = next_offset++,
                                                              .timestamp_ms = -1});
}

/* value NULL: a tombstone */
static weir_config_change feed(const char *key, const char *value)
{
    return feed_bytes(key, strlen(key), value, value ? strlen(value) : 0);
}

static void feed_connector(const char *name)
{
    char key[64], value[128];

    snprintf(key, sizeof(key), "connector-%s", name);
    snprintf(value, sizeof(value), "{\"properties\":{\"name\":\"%s\"}}", name);
    feed(key, value);
}

/* ---- What is written ----------------------------------------------------------------------- */

START_TEST(keys_and_values_are_those_of_apache)
{
    weir_buf out = WEIR_BUF;
    weir_props props = WEIR_PROPS;

    weir_config_connector_key(&out, "foo");
    weir_buf_char(&out, '\n');
    weir_config_task_key(&out, "foo-bar", 12);
    weir_buf_char(&out, '\n');
    weir_config_commit_key(&out, "foo");
    weir_buf_char(&out, '\n');
    weir_config_target_key(&out, "foo");
    weir_buf_char(&out, '\n');
    weir_config_restart_key(&out, "foo");
    weir_buf_char(&out, '\n');
    weir_config_worker_key(&out, "w:1");
    ck_assert_str_eq(weir_buf_text(&out), "connector-foo\ntask-foo-bar-12\ncommit-foo\n"
                                          "target-state-foo\nrestart-connector-foo\nworker/w:1");
    weir_buf_clear(&out);

    weir_props_set(&props, "connector.class", "X");
    weir_props_set(&props, "name", "f\"o/\x01");
    weir_props_set(&props, "tasks.max", NULL);
    weir_config_properties_value(&out, &props);
    ck_assert_str_eq(weir_buf_text(&out), "{\"properties\":{\"connector.class\":\"X\",\"name\":"
                                          "\"f\\\"o/\\u0001\",\"tasks.max\":null}}");
    weir_buf_clear(&out);

    weir_config_commit_value(&out, 2);
    weir_config_target_value(&out, WEIR_STARTED);
    weir_config_target_value(&out, WEIR_PAUSED);
    weir_config_target_value(&out, WEIR_STOPPED);
    weir_config_restart_value(&out, true, false);
    ck_assert_str_eq(weir_buf_text(&out), "{\"tasks\":2}"
                                          "{\"state\":\"STARTED\",\"state.v2\":\"STARTED\"}"
                                          "{\"state\":\"PAUSED\",\"state.v2\":\"PAUSED\"}"
                                          "{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}"
                                          "{\"include-tasks\":true,\"only-failed\":false}");
    weir_props_clear(&props);
    weir_buf_free(&out);
}
END_TEST

/* ---- Connectors ---------------------------------------------------------------------------- */

START_TEST(a_connector_starts_unless_it_is_told_otherwise)
{
    weir_config_change change = feed(
        "connector-foo-1", "{\"properties\":{\"a\":\"1\",\"b\":null,\"n\":7},\"later\":[1,{}]}");
    weir_connector_entry *entry = weir_config_store_find(&store, "foo-1");

    ck_assert_int_eq(change.kind, WEIR_CONFIG_CONNECTOR);
    ck_assert_str_eq(change.name, "foo-1");
    ck_assert(change.is_new);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry->target, WEIR_STARTED);
    ck_assert(!entry->target_known);
    ck_assert_str_eq(weir_props_get(&entry->config, "a"), "1");
    ck_assert(weir_props_has(&entry->config, "b"));
    ck_assert_ptr_null(weir_props_get(&entry->config, "b"));
    ck_assert_str_eq(weir_props_get(&entry->config, "n"), "7");
    ck_assert_int_eq(entry->tasks_offset, -1);
    ck_assert(!feed("connector-foo-1", "{\"properties\":{}}").is_new);
    ck_assert_int_eq(entry->config_offset, 1);
}
END_TEST

START_TEST(removal_forgets_everything_but_the_target_state)
{
    weir_config_change change;

    feed_connector("foo");
    feed("target-state-foo", "{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}");
    feed("task-foo-0", "{\"properties\":{\"t\":\"0\"}}");
    feed("commit-foo", "{\"tasks\":1}");
    feed("task-foo-0", "{\"properties\":{\"t\":\"1\"}}");
    change = feed("connector-foo", NULL);
    ck_assert_int_eq(change.kind, WEIR_CONFIG_REMOVED);
    ck_assert_str_eq(change.name, "foo");
    ck_assert_ptr_null(weir_config_store_find(&store, "foo"));
    ck_assert_uint_eq(store.connectors.count, 1); /* its target state */

    feed_connector("foo");
    ck_assert_int_eq(weir_config_store_find(&store, "foo")->target, WEIR_STOPPED);
    ck_assert_int_eq(weir_config_store_find(&store, "foo")->task_count, 0);
    ck_assert_int_eq(feed("commit-foo", "{\"tasks\":1}").kind, WEIR_CONFIG_TASKS);
    ck_assert(weir_config_store_find(&store, "foo")->inconsistent);

    feed("connector-foo", NULL);
    ck_assert_int_eq(feed("target-state-foo", NULL).kind, WEIR_CONFIG_OTHER);
    ck_assert_uint_eq(store.connectors.count, 0);
}
END_TEST

static const struct {
    const char *value;
    weir_target target;
    weir_config_kind kind;
} targets[] = {
    {"{\"state\":\"PAUSED\"}", WEIR_PAUSED, WEIR_CONFIG_TARGET}, /* before 3.5 */
    {"{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}", WEIR_STOPPED, WEIR_CONFIG_TARGET},
    {"{\"state\":\"PAUSED\",\"state.v2\":7}", WEIR_PAUSED, WEIR_CONFIG_TARGET},
    {"{\"state\":\"STARTED\",\"state.v2\":\"STARTED\"}", WEIR_STARTED, WEIR_CONFIG_OTHER},
    {"{\"state\":\"PAUSED\",\"state.v2\":\"SLEEPING\"}", WEIR_STARTED, WEIR_CONFIG_NOTHING},
    {"{\"state\":\"STOPPED\"}", WEIR_STOPPED, WEIR_CONFIG_TARGET},
    {"{}", WEIR_STARTED, WEIR_CONFIG_NOTHING},
    {"[]", WEIR_STARTED, WEIR_CONFIG_NOTHING},
    {"\"PAUSED\"", WEIR_STARTED, WEIR_CONFIG_NOTHING},
};

START_TEST(target_states_of_both_versions_are_read)
{
    weir_config_change change;

    feed_connector("foo");
    change = feed("target-state-foo", targets[_i].value);
    ck_assert_int_eq(change.kind, targets[_i].kind);
    ck_assert_int_eq(weir_config_store_find(&store, "foo")->target, targets[_i].target);
}
END_TEST

START_TEST(a_target_state_may_come_before_its_connector)
{
    ck_assert_int_eq(feed("target-state-foo", "{\"state\":\"PAUSED\"}").kind, WEIR_CONFIG_OTHER);
    ck_assert_ptr_null(weir_config_store_find(&store, "foo"));
    feed_connector("foo");
    ck_assert_int_eq(weir_config_store_find(&store, "foo")->target, WEIR_PAUSED);
    ck_assert_int_eq(feed("target-state-foo", NULL).kind, WEIR_CONFIG_OTHER);
    ck_assert_int_eq(weir_config_store_find(&store, "foo")->target, WEIR_STARTED);
}
END_TEST

/* ---- Tasks --------------------------------------------------------------------------------- */

START_TEST(tasks_wait_for_their_commit)
{
    weir_connector_entry *entry;

    feed_connector("a-b");
    entry = weir_config_store_find(&store, "a-b");
    ck_assert_int_eq(feed("task-a-b-1", "{\"properties\":{\"t\":\"one\"}}").kind,
                     WEIR_CONFIG_OTHER);
    feed("task-a-b-0", "{\"properties\":{\"t\":\"nil\"}}");
    feed("task-a-b-2", "{\"properties\":{\"t\":\"more\"}}"); /* extra ones are allowed */
    ck_assert_int_eq(entry->task_count, 0);

    ck_assert_int_eq(feed("commit-a-b", "{\"tasks\":2}").kind, WEIR_CONFIG_TASKS);
    ck_assert_int_eq(entry->task_count, 2);
    ck_assert_str_eq(weir_props_get(&entry->tasks[0], "t"), "nil");
    ck_assert_str_eq(weir_props_get(&entry->tasks[1], "t"), "one");
    ck_assert_int_eq(entry->tasks_offset, 4);
    ck_assert(!entry->inconsistent);
    ck_assert_uint_eq(entry->deferred.count, 0);
}
END_TEST

START_TEST(an_incomplete_commit_leaves_no_tasks_until_the_next_complete_one)
{
    weir_connector_entry *entry;

    feed_connector("foo");
    entry = weir_config_store_find(&store, "foo");
    feed("task-foo-1", "{\"properties\":{}}"); /* compaction has taken task 0 */
    ck_assert_int_eq(feed("commit-foo", "{\"tasks\":2}").kind, WEIR_CONFIG_TASKS);
    ck_assert(entry->inconsistent);
    ck_assert_int_eq(entry->task_count, 0);
    ck_assert_int_eq(entry->tasks_offset, 2);

    feed("task-foo-0", "{\"properties\":{\"t\":\"x\"}}");
    feed("commit-foo", "{\"tasks\":1.0}"); /* as old converters wrote it */
    ck_assert(!entry->inconsistent);
    ck_assert_int_eq(entry->task_count, 1);

    feed("commit-foo", "{\"tasks\":0}");
    ck_assert(!entry->inconsistent);
    ck_assert_int_eq(entry->task_count, 0);
}
END_TEST

START_TEST(a_commit_without_a_connector_is_a_leftover)
{
    feed("task-gone-0", "{\"properties\":{}}");
    ck_assert_uint_eq(store.connectors.count, 1);
    ck_assert_int_eq(feed("commit-gone", "{\"tasks\":1}").kind, WEIR_CONFIG_OTHER);
    ck_assert_uint_eq(store.connectors.count, 0);
}
END_TEST

static const struct {
    const char *key, *connector, *task;
} task_keys[] = {
    {"task-foo-0", "foo", "0"},
    {"task-a-b-c-12", "a-b-c", "12"},
    {"task-a--0", "a-", "0"},
    {"task-foo-007", "foo", "7"},
    {"task-foo-2147483647", "foo", "2147483647"},
    {"task-foo-2147483648", NULL, NULL},
    {"task-foo-99999999999999999999", NULL, NULL},
    {"task-foo-x", NULL, NULL},
    {"task-foo-1x", NULL, NULL},
    {"task-foo-", NULL, NULL},
    {"task-foo", NULL, NULL},
    {"task--0", NULL, NULL},
    {"task-", NULL, NULL},
    {"task-7", NULL, NULL},
};

START_TEST(task_keys_end_in_a_number)
{
    weir_config_change change = feed(task_keys[_i].key, "{\"properties\":{}}");
    weir_connector_entry *entry;

    ck_assert_int_eq(change.kind,
                     task_keys[_i].connector ? WEIR_CONFIG_OTHER : WEIR_CONFIG_NOTHING);
    if (!task_keys[_i].connector) {
        ck_assert_uint_eq(store.connectors.count, 0);
        return;
    }
    entry = weir_map_get(&store.connectors, task_keys[_i].connector);
    ck_assert_ptr_nonnull(entry);
    ck_assert_ptr_nonnull(weir_map_get(&entry->deferred, task_keys[_i].task));
}
END_TEST

/* ---- Broken and unknown records ------------------------------------------------------------ */

static const struct {
    const char *key, *value;
    bool decodable;
} broken[] = {
    {"connector-foo", "", false},
    {"connector-foo", "{", false},
    {"connector-foo", "{\"properties\":{\"a\":\"1\"}} x", false},
    {"connector-foo", "\xff\xfe", false},
    {"connector-foo", "{}", true},
    {"connector-foo", "{\"properties\":[]}", true},
    {"connector-foo", "{\"properties\":{\"a\":{}}}", true},
    {"connector-foo", "null", true}, /* text, not a tombstone */
    {"connector-foo", "17", true},
    {"connector-", "{\"properties\":{}}", true},
    {"commit-known", "{\"tasks\":-1}", true},
    {"commit-known", "{\"tasks\":1.5}", true},
    {"commit-known", "{\"tasks\":\"1\"}", true},
    {"commit-known", "{\"tasks\":4294967296}", true},
    {"commit-known", "{}", true},
    {"commit-known", NULL, true},
    {"task-known-0", NULL, true},
    {"task-known-0", "{\"properties\":7}", true},
    {"restart-connector-known", NULL, true},
    {"restart-connector-known", "[]", true},
    {"session-key", NULL, true},
    {"session-key", "{\"key\":\"x\",\"algorithm\":\"HmacSHA256\"}", true},
    {"leader", NULL, true},
    {"leader", "{\"worker\":\"w\"}", true},
    {"assignment", NULL, true},
    {"assignment", "{}", true},
    {"assignment", "{\"term\":0,\"seq\":\"1\"}", true},
    {"assignment", "{\"term\":1,\"seq\":1}", true}, /* a term that has not come yet */
    {"worker/w", "[]", true},
    {"worker/", "{}", true},
    {"something-else", "{}", true},
    {"", "{}", true},
    {"leaders", "{}", true},
    {"connector-\xff\xff", "{\"properties\":{}}", true},
};

START_TEST(what_is_broken_is_skipped)
{
    weir_config_change change;

    feed_connector("known");
    change = feed(broken[_i].key, broken[_i].value);
    ck_assert_int_eq(change.kind, WEIR_CONFIG_NOTHING);
    ck_assert_ptr_null(change.name);
    ck_assert_int_eq(store.offset, broken[_i].decodable ? 2 : 1);
    ck_assert_uint_eq(store.connectors.count, 1);
    ck_assert_int_eq(weir_config_store_find(&store, "known")->tasks_offset, -1);
    ck_assert_uint_eq(store.workers.count, 0);
    ck_assert_int_eq(store.leader.term, -1);
    ck_assert_ptr_null(store.assignment);
    ck_assert_ptr_null(store.session_key);
}
END_TEST

START_TEST(a_key_with_a_nul_names_nobody)
{
    ck_assert_int_eq(feed_bytes("connector-a\0b", 13, "{\"properties\":{}}", 17).kind,
                     WEIR_CONFIG_NOTHING);
    ck_assert_uint_eq(store.connectors.count, 0);
}
END_TEST

START_TEST(other_records_count_and_change_nothing)
{
    ck_assert_int_eq(feed("tasks-fencing-foo", "{\"task-count\":2}").kind, WEIR_CONFIG_OTHER);
    ck_assert_int_eq(feed("logger-cluster-root", "{\"level\":\"debug\"}").kind, WEIR_CONFIG_OTHER);
    ck_assert_int_eq(feed("session-key", "{\"key\":\"AAEC\",\"algorithm\":\"HmacSHA256\","
                                         "\"creation-timestamp\":1730000000000}")
                         .kind,
                     WEIR_CONFIG_OTHER);
    ck_assert_str_eq(store.session_key, "AAEC");
    ck_assert_int_eq(store.offset, 3);
}
END_TEST

START_TEST(a_restart_says_what_it_wants)
{
    weir_config_change change =
        feed("restart-connector-foo", "{\"include-tasks\":true,\"only-failed\":true}");

    ck_assert_int_eq(change.kind, WEIR_CONFIG_RESTART);
    ck_assert_str_eq(change.name, "foo");
    ck_assert(change.include_tasks && change.only_failed);
    change = feed("restart-connector-foo", "{\"include-tasks\":\"yes\"}");
    ck_assert_int_eq(change.kind, WEIR_CONFIG_RESTART);
    ck_assert(!change.include_tasks && !change.only_failed);
}
END_TEST

/* ---- Ours: leader, presence, assignment ---------------------------------------------------- */

static void feed_leader(const char *worker)
{
    char value[128];

    snprintf(value, sizeof(value),
             "{\"worker\":\"%s\",\"instance\":\"i-%s\",\"url\":\"http://%s\",\"generation\":4,"
             "\"reason\":\"r\"}",
             worker, worker, worker);
    ck_assert_int_eq(feed("leader", value).kind, WEIR_CONFIG_LEADER);
}

static weir_config_kind feed_assignment(int64_t term, int64_t seq)
{
    char value[64];

    snprintf(value, sizeof(value), "{\"term\":%lld,\"seq\":%lld}", (long long)term, (long long)seq);
    return feed("assignment", value).kind;
}

START_TEST(a_leader_record_s_offset_is_its_term)
{
    feed_connector("foo");
    feed_leader("w1");
    ck_assert_str_eq(store.leader.worker, "w1");
    ck_assert_str_eq(store.leader.instance, "i-w1");
    ck_assert_str_eq(store.leader.url, "http://w1");
    ck_assert_str_eq(store.leader.reason, "r");
    ck_assert_int_eq(store.leader.generation, 4);
    ck_assert_int_eq(store.leader.term, 1);
    feed_leader("w2");
    ck_assert_int_eq(store.leader.term, 2);
}
END_TEST

START_TEST(only_the_newest_assignment_of_the_newest_leader_counts)
{
    feed_leader("w1");                                               /* term 0 */
    ck_assert_int_eq(feed_assignment(0, 1), WEIR_CONFIG_ASSIGNMENT); /* offset 1 */
    ck_assert_int_eq(feed_assignment(0, 3), WEIR_CONFIG_ASSIGNMENT);
    ck_assert_int_eq(feed_assignment(0, 3), WEIR_CONFIG_NOTHING); /* said twice */
    ck_assert_int_eq(feed_assignment(0, 2), WEIR_CONFIG_NOTHING); /* out of turn */
    ck_assert_int_eq(store.assignment_offset, 2);

    feed_leader("w2");                                              /* term 5 */
    ck_assert_int_eq(weir_json_int(store.assignment, "seq", 0), 3); /* still in force */
    ck_assert_int_eq(feed_assignment(0, 4), WEIR_CONFIG_NOTHING);   /* of a deposed leader */
    ck_assert_int_eq(feed_assignment(5, 1), WEIR_CONFIG_ASSIGNMENT);
    ck_assert_int_eq(weir_json_int(store.assignment, "term", 0), 5);
    ck_assert_int_eq(feed_assignment(4000, 1), WEIR_CONFIG_NOTHING);
}
END_TEST

START_TEST(an_assignment_counts_whose_leader_record_was_compacted_away)
{
    next_offset = 40;
    ck_assert_int_eq(feed_assignment(7, 9), WEIR_CONFIG_ASSIGNMENT);
    feed_leader("w");
    ck_assert_int_eq(store.leader.term, 41);
    ck_assert_int_eq(feed_assignment(41, 1), WEIR_CONFIG_ASSIGNMENT);
}
END_TEST

START_TEST(presence_comes_and_goes)
{
    weir_config_change change = feed("worker/10.0.0.1:8083", "{\"instance\":\"i\",\"new\":{}}");
    const weir_presence *presence = weir_map_get(&store.workers, "10.0.0.1:8083");

    ck_assert_int_eq(change.kind, WEIR_CONFIG_PRESENCE);
    ck_assert_str_eq(change.name, "10.0.0.1:8083");
    ck_assert_str_eq(presence->worker, "10.0.0.1:8083");
    ck_assert_str_eq(weir_json_str(presence->body, "instance"), "i");
    ck_assert_int_eq(presence->offset, 0);
    feed("worker/10.0.0.1:8083", "{\"instance\":\"j\"}");
    presence = weir_map_get(&store.workers, "10.0.0.1:8083");
    ck_assert_str_eq(weir_json_str(presence->body, "instance"), "j");

    ck_assert_int_eq(feed("worker/10.0.0.1:8083", NULL).kind, WEIR_CONFIG_PRESENCE);
    ck_assert_uint_eq(store.workers.count, 0);
}
END_TEST

#define LOOP(test, table)                                                                          \
    tcase_add_loop_test(tests, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

WEIR_UNIT_MAIN("config_store", tcase_add_checked_fixture(tests, setup, teardown);
               tcase_add_test(tests, keys_and_values_are_those_of_apache);
               tcase_add_test(tests, a_connector_starts_unless_it_is_told_otherwise);
               tcase_add_test(tests, removal_forgets_everything_but_the_target_state);
               LOOP(target_states_of_both_versions_are_read, targets);
               tcase_add_test(tests, a_target_state_may_come_before_its_connector);
               tcase_add_test(tests, tasks_wait_for_their_commit);
               tcase_add_test(tests,
                              an_incomplete_commit_leaves_no_tasks_until_the_next_complete_one);
               tcase_add_test(tests, a_commit_without_a_connector_is_a_leftover);
               LOOP(task_keys_end_in_a_number, task_keys); LOOP(what_is_broken_is_skipped, broken);
               tcase_add_test(tests, a_key_with_a_nul_names_nobody);
               tcase_add_test(tests, other_records_count_and_change_nothing);
               tcase_add_test(tests, a_restart_says_what_it_wants);
               tcase_add_test(tests, a_leader_record_s_offset_is_its_term);
               tcase_add_test(tests, only_the_newest_assignment_of_the_newest_leader_counts);
               tcase_add_test(tests, an_assignment_counts_whose_leader_record_was_compacted_away);
               tcase_add_test(tests, presence_comes_and_goes);)
