/* test_assignor.c - no task on two workers, none lost, moves minimal (cluster.md 3).
 *
 * Tables for the cases with a name, then random sequences of joins, leaves, deaths, new and
 * deleted connectors, with workers that let go late, checked after every decision.
 */
#include "base/mem.h"
#include "herder/assignor.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

/* ---- Tables ---------------------------------------------------------------------------------- */

/* Workers, wanted items and placements as text: "a b! c?" (! leaving, ? held),
 * "x/c@a x/0@a x/1@-b" (at a; taken from b and not yet let go). */
#define MAX 64

typedef struct world {
    char text[MAX * 4][40];
    size_t texts;
    weir_assign_worker workers[MAX];
    weir_item items[MAX];
    weir_placement previous[MAX];
    size_t worker_count, item_count, previous_count;
} world;

static const char *keep(world *w, const char *from, size_t size)
{
    char *text = w->text[w->texts++];

    snprintf(text, sizeof(w->text[0]), "%.*s", (int)size, from);
    return text;
}

static weir_item parse_item(world *w, const char *text)
{
    const char *slash = strchr(text, '/');

    return (weir_item){keep(w, text, (size_t)(slash - text)),
                       slash[1] == 'c' ? WEIR_ITEM_CONNECTOR : atoi(slash + 1)};
}

static void parse_workers(world *w, const char *text)
{
    char copy[400], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        size_t length = strcspn(t, "!?*");

        w->workers[w->worker_count++] = (weir_assign_worker){.id = keep(w, t, length),
                                                             .instance = "i",
                                                             .leaving = t[length] == '!',
                                                             .held = t[length] == '?',
                                                             .ack_term = t[length] == '*' ? 9 : 0};
    }
}

static void parse_items(world *w, const char *text, bool previous)
{
    char copy[400], *save = NULL;

    snprintf(copy, sizeof(copy), "%s", text);
    for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        weir_item item = parse_item(w, t);
        char *at = strchr(t, '@');

        if (!previous)
            w->items[w->item_count++] = item;
        else if (at[1] == '-')
            w->previous[w->previous_count++] = (weir_placement){.item = item,
                                                                .from = keep(w, at + 2, 30),
                                                                .from_instance = "i",
                                                                .from_term = 5,
                                                                .from_seq = 1};
        else
            w->previous[w->previous_count++] =
                (weir_placement){.item = item, .worker = keep(w, at + 1, 30)};
    }
}

static const struct {
    const char *name, *workers, *items, *previous, *result;
} cases[] = {
    {"nobody is there: nothing is placed", "", "x/c x/0", "", "x/c@ x/0@"},
    {"one worker gets all", "a", "x/c x/0 x/1", "", "x/c@a x/0@a x/1@a"},
    {"new work is spread evenly", "a b", "x/c x/0 x/1 x/2", "", "x/c@a x/0@b x/1@a x/2@b"},
    {"what is balanced stays", "a b", "x/0 x/1", "x/0@b x/1@a", "x/0@b x/1@a"},
    {"one over the share may stay where it is", "a b", "x/0 x/1 x/2", "x/0@b x/1@b x/2@a",
     "x/0@b x/1@b x/2@a"},
    {"a worker that joins takes its share, in two phases", "a b", "x/0 x/1 x/2 x/3",
     "x/0@a x/1@a x/2@a x/3@a", "x/0@a x/1@a x/2@-a x/3@-a"},
    {"taken and not yet let go stays unassigned", "a b", "x/0 x/1", "x/0@a x/1@-a", "x/0@a x/1@-a"},
    {"taken and let go is given to who was meant", "a* b", "x/0 x/1", "x/0@a x/1@-a",
     "x/0@a x/1@b"},
    {"taken from one that is gone is free", "b", "x/0 x/1", "x/0@b x/1@-a", "x/0@b x/1@b"},
    {"the dead one's work is placed at once", "b c", "x/0 x/1 x/2", "x/0@a x/1@b x/2@c",
     "x/0@b x/1@b x/2@c"},
    {"a leaving worker gives everything up", "a! b", "x/0 x/1", "x/0@a x/1@b", "x/0@-a x/1@b"},
    {"the last one, leaving, has nobody to give to", "a!", "x/0", "x/0@a", "x/0@-a"},
    {"a held worker keeps what it has and gets nothing", "a? b", "x/0 x/1 x/2", "x/0@a x/1@b",
     "x/0@a x/1@b x/2@b"},
    {"what nobody wants any more is let go first", "a", "x/0", "x/0@a y/0@a y/c@a",
     "x/0@a y/0@-a y/c@-a"},
    {"and then forgotten", "a*", "x/0", "x/0@a y/0@-a", "x/0@a"},
    {"and forgotten at once when its worker is gone", "a", "x/0", "x/0@a y/0@b", "x/0@a"},
};

static void show(const weir_placement *placements, size_t count, char *text, size_t room)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char item[64];

        weir_item_text(&placements[i].item, item, sizeof(item));
        used += (size_t)snprintf(text + used, room - used, "%s%s@%s%s", i ? " " : "", item,
                                 placements[i].from && !placements[i].worker ? "-" : "",
                                 placements[i].worker ? placements[i].worker
                                 : placements[i].from ? placements[i].from
                                                      : "");
    }
}

START_TEST(decides_as_the_table_says)
{
    world w = {.texts = 0};
    weir_assign_input input;
    weir_placement *result;
    char text[1000];
    size_t count;

    parse_workers(&w, cases[_i].workers);
    parse_items(&w, cases[_i].items, false);
    parse_items(&w, cases[_i].previous, true);
    input = (weir_assign_input){w.workers,  w.worker_count,   w.items, w.item_count,
                                w.previous, w.previous_count, 7,       3};
    result = weir_assign(&input, &count);
    show(result, count, text, sizeof(text));
    ck_assert_msg(strcmp(text, cases[_i].result) == 0, "%s: %s, not %s", cases[_i].name, text,
                  cases[_i].result);
    free(result);
}
END_TEST

/* ---- Random sequences ------------------------------------------------------------------------ */

#define WORKERS    5
#define CONNECTORS 12
#define TASKS      6

typedef struct live_worker {
    bool there, leaving;
    int life; /* instance */
    bool runs[CONNECTORS][TASKS + 1];
    bool lets_go_late;
    int64_t ack_seq;
} live_worker;

typedef struct cluster {
    live_worker workers[WORKERS];
    int tasks[CONNECTORS]; /* -1: no such connector */
    weir_placement previous[CONNECTORS * (TASKS + 1)];
    size_t previous_count;
    int64_t seq;
} cluster;

static char ids[WORKERS][16], names[CONNECTORS][16], instances[WORKERS][10000][10];

static const char *instance_of(const cluster *c, int worker)
{
    char *text = instances[worker][c->workers[worker].life];

    snprintf(text, sizeof(instances[0][0]), "i%d", c->workers[worker].life);
    return text;
}

static int worker_number(const char *id)
{
    return id[1] - '0';
}

/* What a worker does with an assignment: stops what is not its own (at once or late). */
static void obey(cluster *c, const weir_placement *result, size_t count)
{
    for (int w = 0; w < WORKERS; w++) {
        bool mine[CONNECTORS][TASKS + 1] = {{false}};

        if (!c->workers[w].there)
            continue;
        for (size_t i = 0; i < count; i++)
            if (result[i].worker && worker_number(result[i].worker) == w)
                mine[atoi(result[i].item.connector + 1)][result[i].item.task + 1] = true;
        if (!c->workers[w].lets_go_late) {
            memcpy(c->workers[w].runs, mine, sizeof(mine));
        } else {
            for (int k = 0; k < CONNECTORS; k++)
                for (int t = 0; t <= TASKS; t++)
                    c->workers[w].runs[k][t] |= mine[k][t];
        }
        c->workers[w].ack_seq = c->workers[w].lets_go_late ? c->workers[w].ack_seq : c->seq;
    }
}

/* Check writes down where every assertion stands, a system call each: not in these loops. */
static void check(const cluster *c, const weir_placement *result, size_t count)
{
    size_t load[WORKERS] = {0}, active = 0, least = 1000, most = 0;

    for (int k = 0; k < CONNECTORS; k++)
        for (int t = 0; t <= TASKS; t++) {
            int runners = 0;

            for (int w = 0; w < WORKERS; w++)
                runners += c->workers[w].there && c->workers[w].runs[k][t];
            if (runners > 1)
                ck_abort_msg("%s/%d runs on %d workers", names[k], t - 1, runners);
        }
    for (size_t i = 0; i < count; i++)
        if (result[i].worker) {
            if (!c->workers[worker_number(result[i].worker)].there)
                ck_abort_msg("%s, which is gone, has an item", result[i].worker);
            load[worker_number(result[i].worker)] += result[i].item.task != WEIR_ITEM_CONNECTOR;
        }
    for (int w = 0; w < WORKERS; w++)
        if (c->workers[w].there && !c->workers[w].leaving) {
            active++;
            least = load[w] < least ? load[w] : least;
            most = load[w] > most ? load[w] : most;
        }
    for (size_t i = 0; i < count; i++) {
        if (!result[i].worker && !result[i].from && active)
            ck_abort_msg("an item is lost");
        if (!result[i].worker)
            return; /* in the middle of a move: balance comes when it is over */
    }
    ck_assert_msg(!active || most - least <= 1, "%zu against %zu tasks", most, least);
}

static void decide(cluster *c)
{
    weir_assign_worker workers[WORKERS];
    weir_item items[CONNECTORS * (TASKS + 1)];
    weir_assign_input input = {.workers = workers, .items = items, .term = 1, .seq = ++c->seq};
    weir_placement *result;

    for (int w = 0; w < WORKERS; w++)
        if (c->workers[w].there)
            workers[input.worker_count++] = (weir_assign_worker){.id = ids[w],
                                                                 .instance = instance_of(c, w),
                                                                 .leaving = c->workers[w].leaving,
                                                                 .ack_term = 1,
                                                                 .ack_seq = c->workers[w].ack_seq};
    for (int k = 0; k < CONNECTORS; k++)
        for (int t = -1; t < c->tasks[k]; t++)
            items[input.item_count++] = (weir_item){names[k], t};
    for (size_t i = 0; i < c->previous_count; i++) { /* as the herder does: another life is gone */
        weir_placement *p = &c->previous[i];

        if (p->worker && !c->workers[worker_number(p->worker)].there)
            p->worker = NULL;
    }
    input.previous = c->previous;
    input.previous_count = c->previous_count;
    result = weir_assign(&input, &c->previous_count);
    ck_assert_uint_le(c->previous_count, WEIR_COUNT(c->previous));
    obey(c, result, c->previous_count);
    check(c, result, input.item_count);
    memcpy(c->previous, result, c->previous_count * sizeof(*result));
    free(result);
}

static void disturb(cluster *c)
{
    int w = rand() % WORKERS, k = rand() % CONNECTORS;
    live_worker *worker = &c->workers[w];

    switch (rand() % 6) {
    case 0:
    case 1:
        if (!worker->there) {
            int life = worker->life + 1;

            *worker = (live_worker){.there = true, .life = life};
        }
        break;
    case 2: /* dies, everything with it */
        if (worker->there) {
            for (size_t i = 0; i < c->previous_count; i++)
                if (c->previous[i].worker && worker_number(c->previous[i].worker) == w)
                    c->previous[i].worker = NULL;
            worker->there = false;
        }
        break;
    case 3:
        worker->leaving = worker->there && rand() % 2;
        break;
    case 4:
        c->tasks[k] = rand() % (TASKS + 1) - 1;
        break;
    default:
        worker->lets_go_late = !worker->lets_go_late;
    }
}

START_TEST(no_item_twice_and_none_lost_whatever_happens)
{
    static cluster c;

    srand((unsigned)_i + 1);
    memset(&c, 0, sizeof(c));
    for (int w = 0; w < WORKERS; w++)
        snprintf(ids[w], sizeof(ids[w]), "w%d", w);
    for (int k = 0; k < CONNECTORS; k++) {
        snprintf(names[k], sizeof(names[k]), "%c%d", 'a' + k, k); /* sorted */
        c.tasks[k] = -1;
    }
    for (int round = 0; round < 400; round++) {
        disturb(&c);
        decide(&c);
    }
    for (int w = 0; w < WORKERS; w++)
        c.workers[w].lets_go_late = c.workers[w].leaving = false;
    for (int round = 0; round < 4; round++)
        decide(&c);
    for (size_t i = 0; i < c.previous_count; i++) {
        bool anybody = false;

        for (int w = 0; w < WORKERS; w++)
            anybody |= c.workers[w].there;
        ck_assert_msg(c.previous[i].worker || !anybody, "an item is never placed");
    }
}
END_TEST

WEIR_UNIT_MAIN("assignor",
               tcase_add_loop_test(tests, decides_as_the_table_says, 0, (int)WEIR_COUNT(cases));
               tcase_add_loop_test(tests, no_item_twice_and_none_lost_whatever_happens, 0, 200);)
