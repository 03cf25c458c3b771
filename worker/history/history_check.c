/* history_check.c - see history_check.h.
 *
 * The books are the last assignment that counts; each new one is held against them, and against
 * what presence has said since. What is wanted comes from the config store, as the leader had it.
 */
#include "history/history_check.h"

#include "base/mem.h"
#include "history/places.h"
#include "history/record.h"
#include "kafka/config_store.h"

#include <inttypes.h>
#include <stdio.h>

/* Since which offset a connector, and each of its tasks, has been wanted without a break. */
typedef struct wanted {
    int64_t since;
    int64_t *tasks_since;
    int32_t task_count;
} wanted;

struct weir_history_check {
    weir_history_violation *found;
    void *ctx;
    weir_history_figures figures;
    weir_config_store store;
    weir_map wanted; /* connector → wanted* */
    weir_places books;
    int64_t term, seq, books_offset; /* of the books; -1: none yet */
    int64_t leader_term;             /* -1: no leader record yet */
    weir_map owners;                 /* item → char*: who had it last */
    weir_map generations, workers;   /* sets */

    int64_t offset, next_term, next_seq; /* of the assignment being judged */
};

static void drop_wanted(void *value)
{
    wanted *w = value;

    free(w->tasks_since);
    free(w);
}

weir_history_check *weir_history_check_new(weir_history_violation *found, void *ctx)
{
    weir_history_check *c = weir_new(weir_history_check);

    c->found = found;
    c->ctx = ctx;
    weir_config_store_init(&c->store);
    c->wanted = (weir_map)WEIR_MAP(drop_wanted);
    c->books = (weir_places)WEIR_PLACES;
    c->owners = (weir_map)WEIR_MAP(free);
    c->term = c->seq = c->books_offset = c->leader_term = -1;
    return c;
}

void weir_history_check_free(weir_history_check *c)
{
    if (!c)
        return;
    weir_config_store_clear(&c->store);
    weir_map_clear(&c->wanted);
    weir_places_clear(&c->books);
    weir_map_clear(&c->owners);
    weir_map_clear(&c->generations);
    weir_map_clear(&c->workers);
    free(c);
}

const weir_history_figures *weir_history_check_figures(const weir_history_check *c)
{
    return &c->figures;
}

static void note(weir_map *set, const char *name)
{
    static char there;

    weir_map_set(set, name, &there);
}

static void note_generation(weir_history_check *c, const json_t *value)
{
    int64_t generation = weir_json_int(value, "generation", -1);
    char text[24];

    if (generation < 0)
        return;
    snprintf(text, sizeof(text), "%" PRId64, generation);
    note(&c->generations, text);
}

static void violated(weir_history_check *c, char *text) /* takes `text` */
{
    c->figures.violations++;
    c->found(c->ctx, c->offset, text);
    free(text);
}

/* About the assignment being judged. */
static void accuse(void *ctx, const char *text)
{
    weir_history_check *c = ctx;

    violated(
        c, weir_format("assignment %" PRId64 ".%" PRId64 ": %s", c->next_term, c->next_seq, text));
}

static void accuse_of(weir_history_check *c, char *text) /* takes `text` */
{
    accuse(c, text);
    free(text);
}

/* ---- What is wanted ----------------------------------------------------------------------------
 */

static void follow_config(weir_history_check *c, const char *name, int64_t offset)
{
    const weir_connector_entry *entry = weir_config_store_find(&c->store, name);
    wanted *w = weir_map_get(&c->wanted, name);

    if (!entry) {
        weir_map_remove(&c->wanted, name);
        return;
    }
    if (!w) {
        w = weir_new(wanted);
        w->since = offset;
        weir_map_set(&c->wanted, name, w);
    }
    w->tasks_since = weir_realloc(w->tasks_since, (size_t)entry->task_count + 1, sizeof(int64_t));
    for (int32_t i = w->task_count; i < entry->task_count; i++)
        w->tasks_since[i] = offset;
    w->task_count = entry->task_count;
}

static void require_item(weir_history_check *c, const weir_places *next, const char *connector,
                         const char *task)
{
    char *item = weir_format("%s/%s", connector, task);

    if (!weir_places_get(next, item))
        accuse_of(c, weir_format("%s is neither placed nor unassigned", item));
    free(item);
}

/* The leader takes one decision at a time and reads each back before the next. So whoever wrote
 * this one had read everything up to its own last assignment, or, for the first of a term, up to
 * its leader record; what came later it may have read or not. Only what was wanted before that
 * moment, and all the time since, has to be there. */
static void judge_wholeness(weir_history_check *c, const weir_places *next)
{
    int64_t read_offset = c->next_term == c->term ? c->books_offset : c->next_term;
    char task[12];

    WEIR_MAP_EACH (slot, &c->wanted) {
        const wanted *w = slot->value;

        if (w->since <= read_offset)
            require_item(c, next, slot->key, "c");
        for (int32_t i = 0; i < w->task_count; i++) {
            if (w->tasks_since[i] > read_offset)
                continue;
            snprintf(task, sizeof(task), "%" PRId32, i);
            require_item(c, next, slot->key, task);
        }
    }
}

/* ---- Two phases --------------------------------------------------------------------------------
 */

static bool is_stopping(const json_t *presence, const char *item)
{
    const json_t *list = json_object_get(presence, "stopping"), *name;
    size_t i;

    json_array_foreach (list, i, name)
        if (weir_same(json_string_value(name), item))
            return true;
    return false;
}

/* Does this presence say that the item is let go? (`leaving` with nothing listed does not: a worker
 * says so before it begins to stop, while it runs everything it has.) */
static bool lets_go(const json_t *presence, const char *item, const weir_place *place)
{
    const json_t *ack = json_object_get(presence, "ack");
    int64_t term = weir_json_int(ack, "term", -1), seq = weir_json_int(ack, "seq", -1);

    if (!weir_same(weir_json_str(presence, "instance"), place->instance))
        return true; /* that process has been followed by another */
    if (place->worker)
        return false;
    return (term > place->term || (term == place->term && seq >= place->seq)) &&
           !is_stopping(presence, item);
}

static void hear(weir_places *places, const char *worker, const json_t *presence)
{
    WEIR_MAP_EACH (slot, &places->items) {
        weir_place *place = slot->value;
        const char *owner = place->worker ? place->worker : place->from;

        if (owner && weir_same(owner, worker) && lets_go(presence, slot->key, place))
            place->let_go = true;
    }
}

static bool same_waiting(const weir_place *a, const weir_place *b)
{
    return weir_same(a->from, b->from) && weir_same(a->instance, b->instance) &&
           a->term == b->term && a->seq == b->seq;
}

/* An item that `was->worker` has, alive. */
static void judge_taking(weir_history_check *c, const char *item, const weir_place *was,
                         const weir_place *is)
{
    const weir_place taken = {
        .from = was->worker, .instance = was->instance, .term = c->next_term, .seq = c->next_seq};

    if (!is)
        accuse_of(c, weir_format("%s is on the books no more, but %s, which has it, is alive", item,
                                 was->worker));
    else if (is->worker && !weir_same(is->worker, was->worker))
        accuse_of(c, weir_format("%s moves from %s to %s at once, and %s is alive", item,
                                 was->worker, is->worker, was->worker));
    else if (!is->worker && !same_waiting(is, &taken))
        accuse_of(c, weir_format("%s is taken from %s, which is alive, and the entry does not say "
                                 "so: from %s, taken by %" PRId64 ".%" PRId64,
                                 item, was->worker, is->from ? is->from : "nobody", is->term,
                                 is->seq));
}

/* An item that `was->from`, alive, still has to let go. */
static void judge_waiting(weir_history_check *c, const char *item, const weir_place *was,
                          const weir_place *is)
{
    char *why = weir_format("%s has not let it go since %" PRId64 ".%" PRId64, was->from, was->term,
                            was->seq);

    if (!is)
        accuse_of(c, weir_format("%s is on the books no more, but %s", item, why));
    else if (is->worker && !weir_same(is->worker, was->from))
        accuse_of(c, weir_format("%s is given to %s, but %s", item, is->worker, why));
    else if (!is->worker && !same_waiting(is, was))
        accuse_of(c, weir_format("%s has lost where it comes from, but %s", item, why));
    free(why);
}

static void judge_moves(weir_history_check *c, const weir_places *next)
{
    WEIR_MAP_EACH (slot, &c->books.items) {
        const weir_place *was = slot->value, *is = weir_places_get(next, slot->key);
        const char *owner = was->worker ? was->worker : was->from;

        if (!owner || !was->instance || was->let_go ||
            !weir_same(weir_places_instance(next, owner), was->instance))
            continue;
        if (was->worker)
            judge_taking(c, slot->key, was, is);
        else
            judge_waiting(c, slot->key, was, is);
    }
}

static void count_moves(weir_history_check *c, const weir_places *next)
{
    weir_map owners = WEIR_MAP(free);
    size_t moves = 0;

    WEIR_MAP_EACH (slot, &next->items) {
        const weir_place *place = slot->value;
        const char *last = weir_map_get(&c->owners, slot->key);
        const char *owner = place->worker ? place->worker : last;

        moves += place->worker && last && !weir_same(place->worker, last);
        if (owner)
            weir_map_set(&owners, slot->key, weir_strdup(owner));
    }
    weir_map_clear(&c->owners);
    c->owners = owners;
    c->figures.moves += moves;
    if (moves > c->figures.most_moves)
        c->figures.most_moves = moves;
}

/* ---- One record --------------------------------------------------------------------------------
 */

/* The new books. What was said before they were written may count already: the leader had perhaps
 * not read it yet. */
static void adopt(weir_history_check *c, weir_places *next)
{
    WEIR_MAP_EACH (slot, &next->items) {
        weir_place *place = slot->value;
        const weir_place *was = weir_places_get(&c->books, slot->key);

        place->let_go = was && !was->worker && !place->worker && was->from &&
                        same_waiting(was, place) && was->let_go;
    }
    WEIR_MAP_EACH (slot, &c->store.workers)
        hear(next, slot->key, ((const weir_presence *)slot->value)->body);
    weir_places_clear(&c->books);
    c->books = *next;
    *next = (weir_places)WEIR_PLACES;
    c->term = c->next_term;
    c->seq = c->next_seq;
    c->books_offset = c->offset;
}

/* False: it counts for nobody. */
static bool judge_term(weir_history_check *c)
{
    int64_t term = c->next_term, seq = c->next_seq;

    if (term >= c->offset || seq < 1) {
        accuse(c, "void: a term is the offset of an earlier record, and numbers begin with 1");
    } else if (term < c->leader_term) {
        accuse_of(
            c, weir_format("void: the leader of term %" PRId64 " has taken over", c->leader_term));
    } else if (term < c->term || (term == c->term && seq <= c->seq)) {
        accuse_of(c, weir_format("void: it follows %" PRId64 ".%" PRId64, c->term, c->seq));
    } else {
        if (c->leader_term >= 0 && term > c->leader_term)
            accuse_of(c,
                      weir_format("its term is nobody's: the newest leader record is at %" PRId64,
                                  c->leader_term));
        if (c->term >= 0)
            c->figures.skipped += (size_t)(seq - (term == c->term ? c->seq : 0) - 1);
        return true;
    }
    c->figures.voids++;
    return false;
}

static void judge_assignment(weir_history_check *c, const weir_history_record *record, size_t bytes)
{
    weir_places next = WEIR_PLACES;

    c->figures.assignments++;
    if (bytes > c->figures.largest_bytes)
        c->figures.largest_bytes = bytes;
    note_generation(c, record->value);
    c->next_term = weir_json_int(record->value, "term", -1);
    c->next_seq = weir_json_int(record->value, "seq", -1);
    if (!judge_term(c))
        return;
    weir_places_read(&next, record->value, accuse, c);
    judge_wholeness(c, &next);
    judge_moves(c, &next);
    count_moves(c, &next);
    adopt(c, &next);
}

static void judge_problem(weir_history_check *c, const weir_history_record *record)
{
    if (!record->problem)
        return;
    c->figures.unreadable++;
    if (weir_same(record->key, WEIR_CONFIG_LEADER_KEY) ||
        weir_same(record->key, WEIR_CONFIG_ASSIGNMENT_KEY))
        violated(c, weir_format("%s: %s", record->key, record->problem));
}

void weir_history_check_feed(weir_history_check *c, const weir_log_record *raw)
{
    weir_config_change change = weir_config_store_apply(&c->store, raw);
    weir_history_record record;

    weir_history_decode(raw, &record);
    c->figures.records++;
    c->offset = raw->offset;
    judge_problem(c, &record);
    if (change.kind == WEIR_CONFIG_CONNECTOR || change.kind == WEIR_CONFIG_REMOVED ||
        change.kind == WEIR_CONFIG_TASKS)
        follow_config(c, change.name, raw->offset);
    if (record.kind == WEIR_HISTORY_LEADER) {
        c->figures.leaders++;
        c->leader_term = raw->offset;
        note_generation(c, record.value);
    } else if (record.kind == WEIR_HISTORY_ASSIGNMENT) {
        judge_assignment(c, &record, raw->value_size);
    } else if (record.kind == WEIR_HISTORY_PRESENCE && record.value) {
        note(&c->workers, record.name);
        note_generation(c, record.value);
        hear(&c->books, record.name, record.value);
    }
    c->figures.generations = c->generations.count;
    c->figures.workers = c->workers.count;
    weir_history_record_clear(&record);
}
