/* test_history_text.c - what is told of each record, to people and as JSON, and what never is. */
#include "history/history_text.h"

#include "base/mem.h"
#include "tests/support/unit.h"

#include <string.h>

static weir_buf out;

/* ' stands for ". The caller clears. */
static weir_history_record decode(const char *key, const char *value, int64_t offset)
{
    char *json = weir_strdup(value);
    weir_history_record record;

    for (char *at = json; at && (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    weir_history_decode(&(weir_log_record){.key = key,
                                           .key_size = strlen(key),
                                           .value = json,
                                           .value_size = json ? strlen(json) : 0,
                                           .offset = offset,
                                           .timestamp_ms = 1795243201123},
                        &record);
    free(json);
    return record;
}

#define AT "2026-11-21T06:40:01.123Z       7  "

static const struct {
    const char *key, *value, *says, *json;
} records[] = {
    {"leader", "{'worker':'a','instance':'A','generation':3,'reason':'why not'}",
     AT "leader      a leads, term 7, generation 3: why not",
     "'kind':'leader','key':'leader','value':{'worker':'a','instance':'A','generation':3,"
     "'reason':'why not'}}"},
    {"worker/a",
     "{'instance':'0123456789','generation':3,'ack':{'term':1,'seq':2},'stopping':['f/0','f/1'],"
     "'stuck':['g/0'],'state':'running'}",
     AT "presence    a (process 01234567) is running in generation 3, follows 1.2, is stopping "
        "f/0, f/1, has given up g/0",
     "'name':'a','value':{'instance'"},
    {"worker/a", NULL, AT "presence    a is forgotten", "'name':'a','value':null}"},
    {"connector-f", "{'properties':{'name':'f','password':'hush'}}",
     AT "connector   f is configured: name, password", "'value':{'keys':['name','password']}}"},
    {"connector-f", NULL, AT "connector   f is deleted", "'kind':'connector'"},
    {"task-a-b-12", "{'properties':{'password':'hush'}}",
     AT "tasks       a-b/12 is configured: password", "'name':'a-b/12','value':{'keys':['passw"},
    {"commit-f", "{'tasks':2}", AT "commit      f has 2 tasks", "'value':{'tasks':2}}"},
    {"target-state-f", "{'state':'PAUSED','state.v2':'STOPPED'}",
     AT "target      f shall be STOPPED", "'kind':'target'"},
    {"target-state-f", NULL, AT "target      nothing is said any more", "'value':null}"},
    {"restart-connector-f", "{'include-tasks':true,'only-failed':true}",
     AT "restart     f shall restart, its tasks too, as far as it has failed", "'name':'f'"},
    {"session-key", "{'key':'hush','algorithm':'x'}", AT "other       session-key",
     "'kind':'other','key':'session-key','value':{'keys':['key','algorithm']}}"},
    {"connector-f", "{hush",
     AT "other       connector-f cannot be understood: its value is no JSON",
     "'kind':'other','key':'connector-f','value':null,'problem':'its value is no JSON'}"},
    {"connector-f", "['hush']", AT "other       connector-f cannot be understood: it has no prop",
     "'value':{'keys':[]},'problem':"},
    {"connector-", "{'properties':{}}", AT "other       connector- cannot be understood: its key",
     "'problem':'its key names nobody'"},
    {"task-x", "{'properties':{}}", AT "other       task-x cannot be understood: its key names",
     "'kind':'other'"},
    {"commit-f", NULL, AT "other       commit-f cannot be understood: such a record is never",
     "'value':null,'problem'"},
    {"logger-cluster-x", NULL, AT "other       logger-cluster-x is removed", "'value':null}"},
    {"a\xff\n", "1", AT "other       a\\xFF\\x0A cannot be understood: its key is no text",
     "'key':'a\\\\xFF\\\\x0A'"},
    {"leader", "{'worker':'a','instance':'A','reason':'\\u001b[2J\\u009b2J'}",
     AT "leader      a leads, term 7, generation -1: ?[2J??2J", "'reason'"},
};

START_TEST(a_record_is_told_and_no_secret_with_it)
{
    weir_history_teller *teller = weir_history_teller_new();
    weir_history_record record = decode(records[_i].key, records[_i].value, 7);
    char *json = weir_strdup(records[_i].json);

    weir_history_tell(teller, &record, &out);
    ck_assert_msg(strncmp(weir_buf_text(&out), records[_i].says, strlen(records[_i].says)) == 0,
                  "got: %s", weir_buf_text(&out));
    weir_buf_char(&out, '\n');
    weir_history_json(&record, &out);
    for (char *at = json; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    ck_assert_msg(strstr(weir_buf_text(&out), "{\"offset\":7,\"time\":1795243201123,\"kind\":"),
                  "got: %s", weir_buf_text(&out));
    ck_assert_msg(strstr(weir_buf_text(&out), json), "got: %s", weir_buf_text(&out));
    ck_assert(!strstr(weir_buf_text(&out), "hush"));
    free(json);
    weir_history_record_clear(&record);
    weir_history_teller_free(teller);
    weir_buf_free(&out);
}
END_TEST

/* Tells one record after the other; `out` has what the last one came to, behind its kind. */
static const char *tell_all(const char *key, const char *const *values, size_t count)
{
    weir_history_teller *teller = weir_history_teller_new();
    const char *text;

    for (size_t i = 0; i < count; i++) {
        weir_history_record record = decode(key, values[i], 7);

        weir_buf_clear(&out);
        weir_history_tell(teller, &record, &out);
        weir_history_record_clear(&record);
    }
    weir_history_teller_free(teller);
    text = weir_buf_text(&out);
    return strlen(text) > 46 ? text + 46 : text;
}

START_TEST(of_a_config_only_the_names_of_what_changed_are_told)
{
    const char *const values[] = {"{'properties':{'a':'hush','b':'1','c':'1'}}",
                                  "{'properties':{'a':'hush','b':'2','d':null}}"};
    const char *const same[] = {values[0], values[0]};

    ck_assert_str_eq(tell_all("connector-f", values, 2), "f has changed: b, d; without c");
    ck_assert_str_eq(tell_all("connector-f", same, 2), "f is configured as before");
    weir_buf_free(&out);
}
END_TEST

#define FIRST                                                                                      \
    "{'term':5,'seq':1,'generation':2,'workers':{'a':'A','b':'B'},"                                \
    "'map':{'a':{'f':['c',0]}},'unassigned':{'f/1':{'reason':'no room'}},'held':{}}"

static const struct {
    const char *next, *says;
} assignments[] = {
    {FIRST, "5.1, generation 2: nothing changes"},
    {"{'term':5,'seq':2,'generation':3,'workers':{'a':'A','c':'C'},'map':{'a':{'f':['c']},"
     "'c':{'f':[1]}},'unassigned':{'f/0':{'reason':'moving','from':'a','instance':'A','term':5,"
     "'seq':2,'since':9}},'held':{'c':1795243201123}}",
     "5.2, generation 3: c has come; b has gone; f/0 from a is unassigned (moving, from a, taken "
     "by 5.2, since 9); f/1 to c; what c has is held until 2026-11-21T06:40:01.123Z"},
    {"{'term':5,'seq':3,'generation':3,'workers':{'a':'A2','b':'B'},'map':{'a':{'g':[0]}},"
     "'unassigned':{}}",
     "5.3, generation 3: a is a new process; g/0, new, to a; f/0 is no more; f/1 is no more; "
     "f/c is no more"},
    {"{'term':9,'seq':1,'generation':3,'workers':{'a':'A','b':'B'},'map':{'a':{'f':['c',0]}},"
     "'unassigned':{'f/1':{'reason':'no room'}},'held':{}}",
     "9.1, generation 3, 2 workers: a has f/0 f/c; b has nothing; f/1 is unassigned (no room)"},
    {"{'term':9,'seq':1,'generation':3,'workers':{'b':'B'},'map':{'b':{'f':['c',0]}},"
     "'unassigned':{}}",
     "9.1, generation 3, 1 workers: b has f/0 f/c; a has gone"},
    {"{'term':9,'seq':1,'generation':3,'workers':{},'map':{},'unassigned':{}}",
     "9.1, generation 3, 0 workers: a has gone; b has gone"},
};

START_TEST(an_assignment_is_told_as_what_changed_and_whole_for_a_new_term)
{
    const char *const values[] = {FIRST, assignments[_i].next};

    ck_assert_str_eq(tell_all("assignment", values, 2), assignments[_i].says);
    weir_buf_free(&out);
}
END_TEST

WEIR_UNIT_MAIN("history_text", tcase_add_loop_test(tests, a_record_is_told_and_no_secret_with_it, 0,
                                                   (int)WEIR_COUNT(records));
               tcase_add_test(tests, of_a_config_only_the_names_of_what_changed_are_told);
               tcase_add_loop_test(tests,
                                   an_assignment_is_told_as_what_changed_and_whole_for_a_new_term,
                                   0, (int)WEIR_COUNT(assignments));)
