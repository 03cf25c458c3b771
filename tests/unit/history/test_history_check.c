/* test_history_check.c - the judge lets pass what cluster.md allows, and names what it does not.
 *
 * A history is a row of records; offsets count up by one from 0 unless a record says "@20", where
 * compaction or a transaction's marker has left a gap. ' stands for ".
 */
#include "history/history_check.h"

#include "base/log.h"
#include "base/mem.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MOST 16

typedef struct entry {
    const char *key, *value; /* value NULL: a tombstone */
} entry;

typedef struct history {
    const char *name;
    entry entries[MOST];
    const char *says[4]; /* parts of the violations, in order; none: all is well */
} history;

#define LEADER                                                                                     \
    {                                                                                              \
        "leader", "{'worker':'a','instance':'A','generation':1}"                                   \
    }
#define FLEET                                                                                      \
    {                                                                                              \
        "connector-fleet", "{'properties':{'name':'fleet'}}"                                       \
    }
#define TASK(n)                                                                                    \
    {                                                                                              \
        "task-fleet-" #n, "{'properties':{}}"                                                      \
    }
#define COMMIT(n)                                                                                  \
    {                                                                                              \
        "commit-fleet", "{'tasks':" #n "}"                                                         \
    }
#define BOTH         "{'a':'A','b':'B'}"
#define ONLY_B       "{'b':'B'}"
#define ON_A(list)   "{'a':{'fleet':" list "}}"
#define ON_B(list)   "{'b':{'fleet':" list "}}"
#define SPLIT        "{'a':{'fleet':['c']},'b':{'fleet':[0]}}"
#define ALL          "['c',0]"
#define TAKEN_BY(ts) "{'reason':'moving','from':'a','instance':'A'," ts "}"
#define TAKEN        "{'fleet/0':" TAKEN_BY("'term':0,'seq':2") "}"
#define ASSIGN(term, seq, workers, map, unassigned)                                                \
    {                                                                                              \
        "assignment", "{'term':" #term ",'seq':" #seq ",'generation':1,'workers':" workers         \
                      ",'map':" map ",'unassigned':" unassigned ",'held':{}}"                      \
    }
#define PRESENCE(instance, term, seq, stopping)                                                    \
    {                                                                                              \
        "worker/a", "{'instance':'" instance "','generation':1,'ack':{'term':" #term               \
                    ",'seq':" #seq "},'stopping':" stopping ",'state':'running'}"                  \
    }
/* The leader's term is 0; the first assignment has offset 4. */
#define BEGIN LEADER, FLEET, TASK(0), COMMIT(1), ASSIGN(0, 1, BOTH, ON_A(ALL), "{}")
#define TAKE  ASSIGN(0, 2, BOTH, ON_A("['c']"), TAKEN)
#define GIVE  ASSIGN(0, 3, BOTH, SPLIT, "{}")

static const history histories[] = {
    {"an empty log", {{NULL, NULL}}, {NULL}},
    {"all at its place", {BEGIN}, {NULL}},
    {"a move in two phases", {BEGIN, TAKE, PRESENCE("A", 0, 2, "[]"), GIVE}, {NULL}},
    {"a move that waits for the stop",
     {BEGIN, TAKE, PRESENCE("A", 0, 2, "['fleet/0']"), PRESENCE("A", 0, 2, "[]"), GIVE},
     {NULL}},
    {"a later acknowledgement is one too",
     {BEGIN, TAKE, ASSIGN(0, 3, BOTH, ON_A("['c']"), TAKEN), PRESENCE("A", 0, 3, "[]"),
      ASSIGN(0, 4, BOTH, SPLIT, "{}")},
     {NULL}},
    {"the dead are relieved at once", {BEGIN, ASSIGN(0, 2, ONLY_B, ON_B(ALL), "{}")}, {NULL}},
    {"another instance has taken the place of the dead",
     {BEGIN, PRESENCE("A2", -1, -1, "[]"),
      ASSIGN(0, 2, "{'a':'A2','b':'B'}", "{'a':{'fleet':['c']},'b':{'fleet':[0]}}", "{}")},
     {NULL}},
    {"dies between the phases", {BEGIN, TAKE, ASSIGN(0, 3, ONLY_B, ON_B(ALL), "{}")}, {NULL}},
    {"a successor inherits the first phase",
     {BEGIN, TAKE, LEADER, ASSIGN(6, 1, BOTH, ON_A("['c']"), TAKEN), PRESENCE("A", 6, 1, "[]"),
      ASSIGN(6, 2, BOTH, SPLIT, "{}")},
     {NULL}},
    {"an acknowledgement that the leader had not read yet",
     {BEGIN, TAKE, PRESENCE("A", 0, 2, "[]"), ASSIGN(0, 3, BOTH, ON_A("['c']"), TAKEN),
      ASSIGN(0, 4, BOTH, SPLIT, "{}")},
     {NULL}},
    {"given back to the one that had it",
     {BEGIN, TAKE, ASSIGN(0, 3, BOTH, ON_A(ALL), "{}")},
     {NULL}},
    {"deleted, and gone when it was let go",
     {BEGIN,
      {"connector-fleet", NULL},
      ASSIGN(0, 2, BOTH, "{}",
             "{'fleet/c':" TAKEN_BY("'term':0,'seq':2") ",'fleet/0':" TAKEN_BY(
                 "'term':0,'seq':2") "}"),
      PRESENCE("A", 0, 2, "[]"),
      ASSIGN(0, 3, BOTH, "{}", "{}")},
     {NULL}},
    {"what was asked for after the last decision may wait",
     {BEGIN, TASK(0), TASK(1), COMMIT(2), ASSIGN(0, 2, BOTH, ON_A(ALL), "{}")},
     {NULL}},
    {"nobody is there, and it says so",
     {LEADER, FLEET, ASSIGN(0, 1, "{}", "{}", "{'fleet/c':{'reason':'no worker','extra':1}}")},
     {NULL}},
    {"numbers of aborted decisions are missing",
     {BEGIN, ASSIGN(0, 4, BOTH, ON_A(ALL), "{}")},
     {NULL}},
    {"a compacted log begins in the middle",
     {{"@40", ""},
      ASSIGN(17, 9, BOTH, ON_A(ALL), "{}"),
      LEADER,
      ASSIGN(41, 1, BOTH, ON_A(ALL), "{}")},
     {NULL}},
    {"records of others", {BEGIN, {"session-key", "{'key':'x'}"}, {"what", "no JSON"}}, {NULL}},

    {"moved at once",
     {BEGIN, GIVE},
     {"offset 5: assignment 0.3: fleet/0 moves from a to b at once, and a is alive"}},
    {"given away before it was let go",
     {BEGIN, TAKE, GIVE},
     {"fleet/0 is given to b, but a has not let it go since 0.2"}},
    {"acknowledged too early a decision",
     {BEGIN, TAKE, PRESENCE("A", 0, 1, "[]"), GIVE},
     {"fleet/0 is given to b, but a has not let it go"}},
    {"still stopping",
     {BEGIN, TAKE, PRESENCE("A", 0, 2, "['fleet/0']"), GIVE},
     {"fleet/0 is given to b, but a has not let it go"}},
    {"leaving is not stopped",
     {BEGIN, TAKE, {"worker/a", "{'instance':'A','stopping':[],'state':'leaving'}"}, GIVE},
     {"fleet/0 is given to b, but a has not let it go"}},
    {"taken without a word",
     {BEGIN, ASSIGN(0, 2, BOTH, ON_A("['c']"), "{'fleet/0':{'reason':'moving'}}")},
     {"fleet/0 is taken from a, which is alive, and the entry does not say so: from nobody"}},
    {"taken by a decision of before",
     {BEGIN, ASSIGN(0, 2, BOTH, ON_A("['c']"), "{'fleet/0':" TAKEN_BY("'term':0,'seq':1") "}")},
     {"does not say so: from a, taken by 0.1"}},
    {"a successor forgets where it comes from",
     {BEGIN, TAKE, LEADER, ASSIGN(6, 1, BOTH, ON_A("['c']"), "{'fleet/0':{'reason':'moving'}}")},
     {"assignment 6.1: fleet/0 has lost where it comes from, but a has not let it go since 0.2"}},
    {"deleted and forgotten while it runs",
     {BEGIN, {"connector-fleet", NULL}, ASSIGN(0, 2, BOTH, "{}", "{}")},
     {"fleet/0 is on the books no more, but a, which has it, is alive",
      "fleet/c is on the books no more"}},
    {"deleted and forgotten while it stops",
     {BEGIN, TAKE, {"connector-fleet", NULL}, ASSIGN(0, 3, BOTH, "{}", "{}")},
     {"fleet/0 is on the books no more, but a has not let it go",
      "fleet/c is on the books no more"}},
    {"on two workers",
     {BEGIN, ASSIGN(0, 2, BOTH, "{'a':{'fleet':['c',0]},'b':{'fleet':[0]}}", "{}")},
     {"fleet/0 is on a and on b"}},
    {"placed and unassigned",
     {BEGIN, ASSIGN(0, 2, BOTH, ON_A(ALL), TAKEN)},
     {"fleet/0 is on a and unassigned"}},
    {"given to nobody known",
     {LEADER, ASSIGN(0, 1, ONLY_B, ON_A("[7]"), "{}")},
     {"a is given work and is not among the workers"}},
    {"unassigned for no reason",
     {LEADER, ASSIGN(0, 1, ONLY_B, "{}", "{'fleet/0':{}}")},
     {"fleet/0 is unassigned and nobody says why"}},
    {"a task is lost",
     {BEGIN, TASK(0), TASK(1), COMMIT(2), ASSIGN(0, 2, BOTH, ON_A(ALL), "{}"),
      ASSIGN(0, 3, BOTH, ON_A(ALL), "{}")},
     {"offset 9: assignment 0.3: fleet/1 is neither placed nor unassigned"}},
    {"a connector is lost by a new leader",
     {FLEET, LEADER, ASSIGN(1, 1, BOTH, "{}", "{}")},
     {"fleet/c is neither placed nor unassigned"}},
    {"a deposed leader goes on",
     {BEGIN, LEADER, ASSIGN(0, 2, BOTH, ON_A(ALL), "{}")},
     {"assignment 0.2: void: the leader of term 5 has taken over"}},
    {"a number comes again",
     {BEGIN, ASSIGN(0, 1, BOTH, ON_A(ALL), "{}")},
     {"assignment 0.1: void: it follows 0.1"}},
    {"a term that was nobody's",
     {BEGIN, ASSIGN(3, 1, BOTH, ON_A(ALL), "{}")},
     {"assignment 3.1: its term is nobody's: the newest leader record is at 0"}},
    {"a term of the future", {LEADER, ASSIGN(7, 1, BOTH, "{}", "{}")}, {"assignment 7.1: void"}},
    {"an assignment that is none",
     {LEADER, {"assignment", "{'term':0}"}, {"leader", "[]"}, {"assignment", "{"}},
     {"assignment: it has no term and number", "leader: it names no leader",
      "assignment: its value is no JSON"}},
};

static weir_buf said;
static size_t violations;

static void collect(void *ctx, int64_t offset, const char *text)
{
    (void)ctx;
    violations++;
    weir_buf_format(&said, "offset %lld: %s\n", (long long)offset, text);
}

static void feed(weir_history_check *check, const char *key, const char *value, int64_t offset)
{
    char *json = weir_strdup(value);

    for (char *at = json; at && (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    weir_history_check_feed(check, &(weir_log_record){.key = key,
                                                      .key_size = strlen(key),
                                                      .value = json,
                                                      .value_size = json ? strlen(json) : 0,
                                                      .offset = offset,
                                                      .timestamp_ms = -1});
    free(json);
}

static weir_history_check *judge(const history *h)
{
    weir_history_check *check = weir_history_check_new(collect, NULL);
    int64_t offset = 0;

    weir_log_to(open("/dev/null", O_WRONLY | O_CLOEXEC)); /* skipped records are logged */
    weir_buf_clear(&said);
    violations = 0;
    for (size_t i = 0; i < MOST && h->entries[i].key; i++) {
        const entry *e = &h->entries[i];

        if (e->key[0] == '@')
            offset = strtoll(e->key + 1, NULL, 10);
        else
            feed(check, e->key, e->value, offset++);
    }
    return check;
}

START_TEST(a_history_is_judged)
{
    const history *h = &histories[_i];
    weir_history_check *check = judge(h);
    const char *from = weir_buf_text(&said);
    size_t expected = 0;

    for (; expected < WEIR_COUNT(h->says) && h->says[expected]; expected++) {
        from = strstr(from, h->says[expected]);
        ck_assert_msg(from != NULL, "%s: '%s' is not in:\n%s", h->name, h->says[expected],
                      weir_buf_text(&said));
    }
    ck_assert_msg(violations == expected, "%s: %zu violations:\n%s", h->name, violations,
                  weir_buf_text(&said));
    ck_assert_uint_eq(weir_history_check_figures(check)->violations, violations);
    weir_history_check_free(check);
    weir_buf_free(&said);
}
END_TEST

START_TEST(figures_count_what_was_there)
{
    const history h = {"",
                       {BEGIN,
                        TAKE,
                        PRESENCE("A", 0, 2, "[]"),
                        ASSIGN(0, 5, BOTH, SPLIT, "{}"),
                        LEADER,
                        ASSIGN(0, 6, BOTH, SPLIT, "{}"),
                        {"worker/b", "?"}},
                       {NULL}};
    weir_history_check *check = judge(&h);
    const weir_history_figures *f = weir_history_check_figures(check);

    ck_assert_uint_eq(f->records, 11);
    ck_assert_uint_eq(f->leaders, 2);
    ck_assert_uint_eq(f->assignments, 4);
    ck_assert_uint_eq(f->voids, 1);
    ck_assert_uint_eq(f->skipped, 2);
    ck_assert_uint_eq(f->unreadable, 1);
    ck_assert_uint_eq(f->generations, 1);
    ck_assert_uint_eq(f->workers, 1);
    ck_assert_uint_eq(f->moves, 1);
    ck_assert_uint_eq(f->most_moves, 1);
    ck_assert_uint_gt(f->largest_bytes, 100);
    ck_assert_uint_eq(f->violations, 1);
    weir_history_check_free(check);
    weir_buf_free(&said);
}
END_TEST

WEIR_UNIT_MAIN("history_check",
               tcase_add_loop_test(tests, a_history_is_judged, 0, (int)WEIR_COUNT(histories));
               tcase_add_test(tests, figures_count_what_was_there);)
