/* decision.c - from what the log says to who runs what, and back into the log (cluster.md 3).
 *
 * The last assignment, the presence of the workers and the configs go into assignor.c; what comes
 * out is published when it differs from what is in force. One assignment is on its way at a time,
 * so decisions that fall together are written together.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define GENERATION_MS 500 /* a new generation counts as complete after this at the latest */
#define HOLD_LOOK_MS  250 /* how often it is looked whether somebody held has come back */
#define BYTES_PER_MS  100 /* a long assignment is not followed by the next one at once, ... */
#define LONGEST_MS    250 /* ... but after this at the latest, and at once when somebody dies */

/* Everything one decision is made from; strings point into presence and the last assignment. */
typedef struct decision {
    weir_assign_input input;
    weir_assign_worker *workers;
    weir_item *items;
    weir_placement *previous;
    const char ***stopping; /* one NULL-terminated list for each worker */
    bool waits_for_hold;
} decision;

/* ---- Who is there ---------------------------------------------------------------------------- */

static const weir_presence *presence_of(const weir_herder *h, const char *worker)
{
    return weir_map_get(&h->config.workers, worker);
}

static bool is_leaving(const weir_presence *presence)
{
    return weir_same(weir_json_str(presence->body, "state"), "leaving");
}

static const json_t *last_workers(const weir_herder *h)
{
    return json_object_get(h->config.assignment, "workers");
}

/* Does the last assignment still count on this worker: to run something, or to let it go? */
static bool has_items(const weir_herder *h, const char *worker)
{
    const json_t *map = json_object_get(h->config.assignment, "map");
    const json_t *unassigned = json_object_get(h->config.assignment, "unassigned"), *item;
    const char *name;

    if (json_object_size(json_object_get(map, worker)) > 0)
        return true;
    json_object_foreach ((json_t *)(uintptr_t)unassigned, name, item)
        if (weir_same(weir_json_str(item, "from"), worker))
            return true;
    return false;
}

/* Has everybody of the last assignment written presence for the generation, but for the dead and
 * for those who said that they were leaving and had nothing left? */
static bool generation_complete(const weir_herder *h, int64_t now_ms)
{
    const weir_presence *own = presence_of(h, h->settings->worker_id);
    const char *id;
    const json_t *instance;

    /* Ours is on its way, perhaps again, for a namesake has written over it; without it our own
     * items would be given away. */
    if (!weir_is_live(h, own) || !weir_same(weir_json_str(own->body, "instance"), h->instance))
        return false;
    if (now_ms - h->generation_since_ms >= GENERATION_MS)
        return true;
    json_object_foreach ((json_t *)(uintptr_t)last_workers(h), id, instance) {
        const weir_presence *presence = presence_of(h, id);

        if (!weir_is_live(h, presence) && !weir_is_dead(h, id, json_string_value(instance)) &&
            !(presence && is_leaving(presence) && !has_items(h, id)))
            return false;
    }
    return true;
}

/* Until when a worker that is missing, but not known to be dead, keeps its items. */
static int64_t held_until_ms(const weir_herder *h, int64_t missing_since_ms)
{
    int64_t until_ms = missing_since_ms + h->settings->rebalance_delay_ms;

    /* We have lost the group ourselves: Kafka was away, perhaps from everybody. Let all find their
     * old tasks again, whoever leads now. */
    return until_ms > h->hold_until_ms ? until_ms : h->hold_until_ms;
}

static bool is_held(weir_herder *h, const char *id, int64_t now_ms)
{
    int64_t *since_ms = weir_map_get(&h->missing_since, id);

    if (!since_ms) {
        since_ms = weir_new(int64_t);
        *since_ms = now_ms;
        weir_map_set(&h->missing_since, id, since_ms);
    }
    return now_ms < held_until_ms(h, *since_ms);
}

static const char **stopping_list(const json_t *body)
{
    const json_t *list = json_object_get(body, "stopping"), *item;
    const char **names = weir_new_array(const char *, json_array_size(list) + 1);
    size_t i, count = 0;

    json_array_foreach (list, i, item)
        if (json_is_string(item))
            names[count++] = json_string_value(item);
    return names;
}

static void add_live(decision *d, const weir_presence *presence)
{
    size_t at = d->input.worker_count++;
    const json_t *ack = json_object_get(presence->body, "ack");

    d->stopping[at] = stopping_list(presence->body);
    d->workers[at] = (weir_assign_worker){.id = presence->worker,
                                          .instance = weir_json_str(presence->body, "instance"),
                                          .leaving = is_leaving(presence),
                                          .ack_term = weir_json_int(ack, "term", -1),
                                          .ack_seq = weir_json_int(ack, "seq", -1),
                                          .stopping = d->stopping[at]};
}

static int by_id(const void *a, const void *b)
{
    const weir_assign_worker *x = a, *y = b;

    return strcmp(x->id, y->id);
}

static void collect_workers(weir_herder *h, decision *d, int64_t now_ms)
{
    const json_t *last = last_workers(h), *instance;
    size_t most = h->config.workers.count + json_object_size(last);
    const char *id;

    d->workers = weir_new_array(weir_assign_worker, most);
    d->stopping = weir_new_array(const char **, most);
    WEIR_MAP_EACH (entry, &h->config.workers) {
        if (!weir_is_live(h, entry->value))
            continue;
        weir_map_remove(&h->missing_since, entry->key);
        add_live(d, entry->value);
    }
    json_object_foreach ((json_t *)(uintptr_t)last, id, instance) {
        const weir_presence *presence = presence_of(h, id);

        if (weir_is_live(h, presence) || (presence && is_leaving(presence)) ||
            weir_is_dead(h, id, json_string_value(instance)) || !is_held(h, id, now_ms))
            continue;
        d->waits_for_hold = true;
        d->workers[d->input.worker_count++] =
            (weir_assign_worker){.id = id, .instance = json_string_value(instance), .held = true};
    }
    qsort(d->workers, d->input.worker_count, sizeof(*d->workers), by_id);
}

/* ---- What is wanted, and where it was ----------------------------------------------------------
 */

static void collect_items(const weir_herder *h, decision *d)
{
    size_t most = 0;

    WEIR_MAP_EACH (entry, &h->config.connectors)
        most += 1 + (size_t)((const weir_connector_entry *)entry->value)->task_count;
    d->items = weir_new_array(weir_item, most);
    WEIR_MAP_EACH (entry, &h->config.connectors) {
        const weir_connector_entry *connector = entry->value;

        if (!connector->exists)
            continue;
        d->items[d->input.item_count++] = (weir_item){connector->name, WEIR_ITEM_CONNECTOR};
        for (int32_t task = 0; task < connector->task_count; task++)
            if (!weir_is_barred(h, connector->name, task))
                d->items[d->input.item_count++] = (weir_item){connector->name, task};
    }
}

/* The worker as it was when it got its items is still there (or held). */
static bool same_process(const decision *d, const char *id, const char *instance)
{
    for (size_t i = 0; i < d->input.worker_count; i++)
        if (strcmp(d->workers[i].id, id) == 0)
            return weir_same(d->workers[i].instance, instance);
    return false;
}

static bool is_lent(const weir_herder *h, const char *connector, int32_t task)
{
    const json_t *lent = json_object_get(h->config.assignment, "lent");
    char name[1024];

    if (json_object_size(lent) == 0)
        return false;
    weir_item_text(&(weir_item){connector, task}, name, sizeof(name));
    return json_object_get(lent, name) != NULL;
}

static void collect_placed(const weir_herder *h, decision *d)
{
    const json_t *map = json_object_get(h->config.assignment, "map"), *connectors, *list, *task;
    const char *worker, *connector;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)map, worker, connectors) {
        bool there = same_process(d, worker, weir_json_str(last_workers(h), worker));

        json_object_foreach ((json_t *)(uintptr_t)connectors, connector, list)
            json_array_foreach (list, i, task) {
                int32_t number =
                    json_is_integer(task) ? (int32_t)json_integer_value(task) : WEIR_ITEM_CONNECTOR;

                d->previous[d->input.previous_count++] =
                    (weir_placement){.item = {connector, number},
                                     .worker = there ? worker : NULL,
                                     .lent = !there || is_lent(h, connector, number)};
            }
    }
}

/* "fleet/3" or "fleet/c", as weir_item_text() writes it. The name is interned in the JSON of
 * `names`, which lives as long as the decision. */
static bool parse_item(const char *text, json_t *names, weir_item *item)
{
    const char *slash = strrchr(text, '/');
    json_t *name;

    if (!slash || slash == text || !slash[1])
        return false;
    name = json_stringn(text, (size_t)(slash - text));
    json_array_append_new(names, name);
    item->connector = json_string_value(name);
    item->task =
        strcmp(slash + 1, "c") == 0 ? WEIR_ITEM_CONNECTOR : (int32_t)strtol(slash + 1, NULL, 10);
    return item->connector != NULL;
}

static void collect_unplaced(const weir_herder *h, decision *d, json_t *names)
{
    const json_t *unassigned = json_object_get(h->config.assignment, "unassigned"), *entry;
    const char *text;

    json_object_foreach ((json_t *)(uintptr_t)unassigned, text, entry) {
        weir_placement *p = &d->previous[d->input.previous_count];

        if (!parse_item(text, names, &p->item))
            continue;
        p->from = weir_json_str(entry, "from");
        p->from_instance = weir_json_str(entry, "instance");
        p->from_term = weir_json_int(entry, "term", -1);
        p->from_seq = weir_json_int(entry, "seq", -1);
        d->input.previous_count++;
    }
}

static size_t count_previous(const weir_herder *h)
{
    const json_t *map = json_object_get(h->config.assignment, "map"), *connectors, *list;
    size_t count = json_object_size(json_object_get(h->config.assignment, "unassigned"));
    const char *worker, *connector;

    json_object_foreach ((json_t *)(uintptr_t)map, worker, connectors)
        json_object_foreach ((json_t *)(uintptr_t)connectors, connector, list)
            count += json_array_size(list);
    return count;
}

/* ---- The record ---------------------------------------------------------------------------------
 */

static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
    json_t *found = json_object_get(object, key);

    if (!found) {
        found = make();
        json_object_set_new_nocheck(object, key, found);
    }
    return found;
}

static void add_placement(json_t *map, json_t *unassigned, const weir_placement *p)
{
    char text[1024];

    if (p->worker) {
        json_t *list = member(member(map, p->worker, json_object), p->item.connector, json_array);

        json_array_append_new(list, p->item.task == WEIR_ITEM_CONNECTOR
                                        ? json_string("c")
                                        : json_integer(p->item.task));
        return;
    }
    weir_item_text(&p->item, text, sizeof(text));
    if (p->from)
        json_object_set_new_nocheck(unassigned, text,
                                    json_pack("{s:s, s:s, s:s?, s:I, s:I}", "reason", "moving",
                                              "from", p->from, "instance", p->from_instance, "term",
                                              (json_int_t)p->from_term, "seq",
                                              (json_int_t)p->from_seq));
    else
        json_object_set_new_nocheck(unassigned, text,
                                    json_pack("{s:s}", "reason", "no worker is there to run it"));
}

/* What crashes workers is nobody's; unless it is being stopped just now, that comes first. */
static void add_barred(const weir_herder *h, json_t *unassigned)
{
    WEIR_MAP_EACH (entry, &h->suspects) {
        const weir_suspect *suspect = entry->value;
        char reason[512];

        if (!weir_suspect_is_barred(suspect) || json_object_get(unassigned, entry->key))
            continue;
        weir_suspects_say(suspect, reason, sizeof(reason));
        json_object_set_new_nocheck(unassigned, entry->key,
                                    json_pack("{s:s, s:b}", "reason", reason, "crashes", true));
    }
}

/* Whose URL has answered: a successor that finds it refused knows that the process is gone. */
static json_t *watched(const weir_herder *h, const decision *d)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->input.worker_count; i++)
        if (weir_is_proven(h, d->workers[i].id, d->workers[i].instance))
            json_array_append_new(list, json_string(d->workers[i].id));
    return list;
}

static json_t *lent(const weir_placement *result, size_t count)
{
    json_t *names = json_object();
    char text[1024];

    for (size_t i = 0; i < count; i++)
        if (result[i].worker && result[i].lent) {
            weir_item_text(&result[i].item, text, sizeof(text));
            json_object_set_new_nocheck(names, text, json_true());
        }
    return names;
}

static json_t *record(const weir_herder *h, const decision *d, const weir_placement *result,
                      size_t count)
{
    json_t *workers = json_object(), *map = json_object(), *unassigned = json_object();
    json_t *held = json_object();

    for (size_t i = 0; i < d->input.worker_count; i++) {
        const weir_assign_worker *worker = &d->workers[i];

        json_object_set_new_nocheck(workers, worker->id, json_string(worker->instance));
        if (worker->held) {
            const int64_t *since_ms = weir_map_get(&h->missing_since, worker->id);
            int64_t left_ms = held_until_ms(h, *since_ms) - weir_now_ms();

            json_object_set_new_nocheck(held, worker->id,
                                        json_integer(weir_wall_clock_ms() + left_ms));
        }
    }
    for (size_t i = 0; i < count; i++)
        add_placement(map, unassigned, &result[i]);
    add_barred(h, unassigned);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "term",
                     (json_int_t)h->term, "seq", (json_int_t)(h->seq + 1), "generation",
                     (json_int_t)h->generation, "workers", workers, "map", map, "unassigned",
                     unassigned, "held", held, "lent", lent(result, count), "watched",
                     watched(h, d), "dead", weir_watching_record(h), "crashes",
                     weir_suspects_record(h));
}

static bool same_part(const json_t *a, const json_t *b, const char *key)
{
    json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

    return x && y && json_equal(x, y);
}

/* Nothing would change for anybody. Each generation gets an assignment: who was away waits for it.
 * (`held` moves with the clock: its keys are in `workers`.) */
static bool is_in_force(const weir_herder *h, const json_t *assignment)
{
    return h->published && same_part(assignment, h->config.assignment, "generation") &&
           same_part(assignment, h->config.assignment, "workers") &&
           same_part(assignment, h->config.assignment, "map") &&
           same_part(assignment, h->config.assignment, "unassigned") &&
           same_part(assignment, h->config.assignment, "watched") &&
           same_part(assignment, h->config.assignment, "crashes");
}

/* What a missing worker holds is nobody's for the moment: its status says so, and why. */
static void show_held(weir_herder *h, const decision *d, const weir_placement *result, size_t count)
{
    for (size_t w = 0; w < d->input.worker_count; w++) {
        char reason[512];
        const int64_t *since_ms;

        if (!d->workers[w].held)
            continue;
        since_ms = weir_map_get(&h->missing_since, d->workers[w].id);
        snprintf(reason, sizeof(reason),
                 "held for worker %s, which has left the group without a word, for %lld ms",
                 d->workers[w].id, (long long)(held_until_ms(h, *since_ms) - weir_now_ms()));
        for (size_t i = 0; i < count; i++)
            if (weir_same(result[i].worker, d->workers[w].id))
                weir_status_write(h, result[i].item.connector, result[i].item.task,
                                  WEIR_STATE_UNASSIGNED, reason, false);
    }
}

static void show_barred(weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->suspects) {
        const weir_suspect *suspect = entry->value;
        json_t *names;
        weir_item item;
        char trace[512];

        if (!weir_suspect_is_barred(suspect))
            continue;
        names = json_array();
        weir_suspects_say(suspect, trace, sizeof(trace));
        if (parse_item(entry->key, names, &item) &&
            weir_config_store_find(&h->config, item.connector))
            weir_status_write(h, item.connector, item.task, WEIR_STATE_FAILED, trace, false);
        json_decref(names);
    }
}

/* So that what many connectors are created with does not grow with their number's square. */
static int64_t pause_ms(size_t bytes)
{
    int64_t ms = (int64_t)bytes / BYTES_PER_MS;

    return ms < LONGEST_MS ? ms : LONGEST_MS;
}

static void publish(weir_herder *h, const json_t *assignment)
{
    weir_batch *batch = weir_batch_new();
    char *value = weir_json_dump(assignment);

    h->seq++;
    h->published = h->assignment_in_flight = true;
    weir_batch_add(batch, WEIR_CONFIG_ASSIGNMENT_KEY, value);
    weir_lead_write(h, WEIR_WRITE_ASSIGNMENT, batch, NULL);
    h->decide_after_ms = weir_now_ms() + pause_ms(strlen(value));
    weir_logf(WEIR_DEBUG, "assignment %lld.%lld: %s", (long long)h->term, (long long)h->seq, value);
    free(value);
}

static void decide(weir_herder *h, int64_t now_ms)
{
    decision d = {.waits_for_hold = false};
    json_t *names = json_array(), *assignment;
    weir_placement *result;
    size_t count;

    collect_workers(h, &d, now_ms);
    collect_items(h, &d);
    d.previous = weir_new_array(weir_placement, count_previous(h));
    collect_placed(h, &d);
    collect_unplaced(h, &d, names);
    d.input.workers = d.workers;
    d.input.items = d.items;
    d.input.previous = d.previous;
    d.input.term = h->term;
    d.input.seq = h->seq + 1;
    result = weir_assign(&d.input, &count);
    assignment = record(h, &d, result, count);
    h->dirty = h->urgent = false;
    h->decide_at_ms = d.waits_for_hold ? now_ms + HOLD_LOOK_MS : 0;
    if (!is_in_force(h, assignment)) {
        show_held(h, &d, result, count);
        show_barred(h);
        publish(h, assignment);
    }
    json_decref(assignment);
    json_decref(names);
    free(result);
    for (size_t i = 0; i < d.input.worker_count; i++)
        free(d.stopping[i]);
    free(d.stopping);
    free(d.workers);
    free(d.items);
    free(d.previous);
}

void weir_decide(weir_herder *h, int64_t now_ms)
{
    bool due = h->dirty || (h->decide_at_ms && now_ms >= h->decide_at_ms);

    if (!due || !weir_leads(h) || h->assignment_in_flight ||
        (now_ms < h->decide_after_ms && !h->urgent) || now_ms < h->contested_until_ms ||
        !generation_complete(h, now_ms))
        return;
    decide(h, now_ms);
}
