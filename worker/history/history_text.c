/* history_text.c - see history_text.h. Each kind of record has its sentence. */
#include "history/history_text.h"

#include "base/mem.h"
#include "history/places.h"

#include <string.h>
#include <time.h>

#define INSTANCE_SHOWN 8 /* the first digits tell processes apart well enough */

struct weir_history_teller {
    weir_places last; /* the last assignment told */
    weir_map configs; /* key → json_t*: members last told, to name what changed */
};

static void drop_json(void *value)
{
    json_decref(value);
}

weir_history_teller *weir_history_teller_new(void)
{
    weir_history_teller *teller = weir_new(weir_history_teller);

    teller->last = (weir_places)WEIR_PLACES;
    teller->configs = (weir_map)WEIR_MAP(drop_json);
    return teller;
}

void weir_history_teller_free(weir_history_teller *teller)
{
    if (!teller)
        return;
    weir_places_clear(&teller->last);
    weir_map_clear(&teller->configs);
    free(teller);
}

void weir_history_time(int64_t time_ms, weir_buf *out)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    char text[32];

    if (time_ms < 0 || !gmtime_r(&seconds, &tm) ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        weir_buf_text_add(out, "-");
    else
        weir_buf_format(out, "%s.%03dZ", text, (int)(time_ms % 1000));
}

static const char *or_unknown(const char *text)
{
    return text ? text : "?";
}

/* "a, b" of a list of strings, after `label`; nothing for an empty one. */
static void tell_list(weir_buf *out, const char *label, const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        weir_buf_format(out, "%s%s", i == 0 ? label : ", ", or_unknown(json_string_value(item)));
}

/* ---- Assignments -------------------------------------------------------------------------------
 */

/* "; " between the parts of a sentence. */
static void next_part(weir_buf *out, bool *first)
{
    weir_buf_text_add(out, *first ? ": " : "; ");
    *first = false;
}

/* What is known about an unassigned item, unknown members too. */
static void tell_entry(weir_buf *out, const weir_place *place)
{
    const char *name, *separator = ", ";
    const json_t *value;

    weir_buf_format(out, "unassigned (%s", or_unknown(weir_json_str(place->entry, "reason")));
    if (place->from)
        weir_buf_format(out, ", from %s, taken by %lld.%lld", place->from, (long long)place->term,
                        (long long)place->seq);
    json_object_foreach ((json_t *)(uintptr_t)place->entry, name, value) {
        if (weir_same(name, "reason") || weir_same(name, "from") || weir_same(name, "instance") ||
            weir_same(name, "term") || weir_same(name, "seq"))
            continue;
        weir_buf_format(out, "%s%s ", separator, name);
        weir_json_write(out, value);
    }
    weir_buf_char(out, ')');
}

static void tell_held(weir_buf *out, const weir_places *places, bool *first)
{
    const json_t *held = json_object_get(places->assignment, "held"), *until;
    const char *worker;

    json_object_foreach ((json_t *)(uintptr_t)held, worker, until) {
        next_part(out, first);
        weir_buf_format(out, "what %s has is held until ", worker);
        weir_history_time(json_is_integer(until) ? json_integer_value(until) : -1, out);
    }
}

static void tell_whole(weir_buf *out, const weir_places *places, bool *first)
{
    const json_t *workers = json_object_get(places->assignment, "workers"), *instance;
    const char *worker;

    weir_buf_format(out, ", %zu workers", json_object_size(workers));
    json_object_foreach ((json_t *)(uintptr_t)workers, worker, instance) {
        bool idle = true;

        next_part(out, first);
        weir_buf_format(out, "%s has", worker);
        WEIR_MAP_EACH (slot, &places->items) {
            if (!weir_same(((const weir_place *)slot->value)->worker, worker))
                continue;
            weir_buf_format(out, " %s", slot->key);
            idle = false;
        }
        weir_buf_text_add(out, idle ? " nothing" : "");
    }
    WEIR_MAP_EACH (slot, &places->items) {
        const weir_place *place = slot->value;

        if (place->worker)
            continue;
        next_part(out, first);
        weir_buf_format(out, "%s is ", slot->key);
        tell_entry(out, place);
    }
}

static void tell_worker_changes(weir_buf *out, const weir_places *was, const weir_places *is,
                                bool *first)
{
    const json_t *before = json_object_get(was->assignment, "workers"), *instance;
    const json_t *now = json_object_get(is->assignment, "workers");
    const char *worker;

    json_object_foreach ((json_t *)(uintptr_t)now, worker, instance) {
        const char *old = weir_json_str(before, worker);

        if (old && weir_same(old, json_string_value(instance)))
            continue;
        next_part(out, first);
        weir_buf_format(out, old ? "%s is a new process" : "%s has come", worker);
    }
    json_object_foreach ((json_t *)(uintptr_t)before, worker, instance) {
        if (json_object_get(now, worker))
            continue;
        next_part(out, first);
        weir_buf_format(out, "%s has gone", worker);
    }
}

static bool same_place(const weir_place *a, const weir_place *b)
{
    if (a->worker || b->worker)
        return weir_same(a->worker, b->worker) && weir_same(a->instance, b->instance);
    return json_equal(a->entry, b->entry);
}

static void tell_item_changes(weir_buf *out, const weir_places *was, const weir_places *is,
                              bool *first)
{
    WEIR_MAP_EACH (slot, &is->items) {
        const weir_place *now = slot->value, *before = weir_places_get(was, slot->key);

        if (before && same_place(before, now))
            continue;
        next_part(out, first);
        weir_buf_text_add(out, slot->key);
        if (before && before->worker)
            weir_buf_format(out, " from %s", before->worker);
        else if (before && before->from)
            weir_buf_format(out, ", let go by %s,", before->from);
        else if (!before)
            weir_buf_text_add(out, ", new,");
        if (now->worker) {
            weir_buf_format(out, " to %s", now->worker);
        } else {
            weir_buf_text_add(out, " is ");
            tell_entry(out, now);
        }
    }
    WEIR_MAP_EACH (slot, &was->items) {
        if (weir_places_get(is, slot->key))
            continue;
        next_part(out, first);
        weir_buf_format(out, "%s is no more", slot->key);
    }
}

static void tell_assignment(weir_history_teller *teller, const weir_history_record *record,
                            weir_buf *out)
{
    int64_t term = weir_json_int(record->value, "term", -1);
    weir_places now = WEIR_PLACES;
    bool first = true;

    weir_places_read(&now, record->value, NULL, NULL);
    weir_buf_format(out, "%lld.%lld, generation %lld", (long long)term,
                    (long long)weir_json_int(record->value, "seq", -1),
                    (long long)weir_json_int(record->value, "generation", -1));
    if (weir_json_int(teller->last.assignment, "term", -1) != term)
        tell_whole(out, &now, &first);
    if (teller->last.assignment)
        tell_worker_changes(out, &teller->last, &now, &first);
    if (weir_json_int(teller->last.assignment, "term", -1) == term)
        tell_item_changes(out, &teller->last, &now, &first);
    tell_held(out, &now, &first);
    if (first)
        weir_buf_text_add(out, ": nothing changes");
    weir_places_clear(&teller->last);
    teller->last = now;
}

/* ---- The other kinds ---------------------------------------------------------------------------
 */

static void tell_leader(weir_history_teller *teller, const weir_history_record *record,
                        weir_buf *out)
{
    (void)teller;
    weir_buf_format(out, "%s leads, term %lld, generation %lld: %s",
                    weir_json_str(record->value, "worker"), (long long)record->offset,
                    (long long)weir_json_int(record->value, "generation", -1),
                    or_unknown(weir_json_str(record->value, "reason")));
}

static void tell_presence(weir_history_teller *teller, const weir_history_record *record,
                          weir_buf *out)
{
    const json_t *value = record->value, *ack = json_object_get(value, "ack");

    (void)teller;
    if (!value) {
        weir_buf_format(out, "%s is forgotten", record->name);
        return;
    }
    weir_buf_format(out, "%s (process %.*s) is %s in generation %lld", record->name, INSTANCE_SHOWN,
                    weir_json_str(value, "instance"), or_unknown(weir_json_str(value, "state")),
                    (long long)weir_json_int(value, "generation", -1));
    if (weir_json_int(ack, "term", -1) >= 0)
        weir_buf_format(out, ", follows %lld.%lld", (long long)weir_json_int(ack, "term", -1),
                        (long long)weir_json_int(ack, "seq", -1));
    tell_list(out, ", is stopping ", json_object_get(value, "stopping"));
    tell_list(out, ", has given up ", json_object_get(value, "stuck"));
}

static void tell_names(weir_buf *out, const char *label, const json_t *members, const json_t *than)
{
    const char *name;
    const json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)members, name, value) {
        const json_t *other = json_object_get(than, name);

        if (other && json_equal(value, other))
            continue;
        weir_buf_format(out, "%s%s", label, name);
        label = ", ";
    }
}

static void tell_gone_names(weir_buf *out, const json_t *before, const json_t *now)
{
    const char *name, *label = "; without ";
    const json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)before, name, value) {
        if (json_object_get(now, name))
            continue;
        weir_buf_format(out, "%s%s", label, name);
        label = ", ";
    }
}

/* A config: what is new in it, by the names of its keys. */
static void tell_config(weir_history_teller *teller, const weir_history_record *record,
                        weir_buf *out)
{
    const json_t *now = weir_history_members(record);
    const json_t *before = weir_map_get(&teller->configs, record->key);

    weir_buf_text_add(out, record->name);
    if (!record->value) {
        weir_buf_text_add(out, " is deleted");
        weir_map_remove(&teller->configs, record->key);
        return;
    }
    if (!before) {
        tell_names(out, " is configured: ", now, NULL);
    } else if (json_equal(before, now)) {
        weir_buf_text_add(out, " is configured as before");
    } else {
        tell_names(out, " has changed: ", now, before);
        tell_gone_names(out, before, now);
    }
    weir_map_set(&teller->configs, record->key, json_incref((json_t *)(uintptr_t)now));
}

static void tell_commit(weir_history_teller *teller, const weir_history_record *record,
                        weir_buf *out)
{
    (void)teller;
    weir_buf_format(out, "%s has %.0f tasks", record->name,
                    json_number_value(json_object_get(record->value, "tasks")));
}

static void tell_target(weir_history_teller *teller, const weir_history_record *record,
                        weir_buf *out)
{
    const char *state = weir_json_str(record->value, "state.v2");

    (void)teller;
    if (!state)
        state = weir_json_str(record->value, "state");
    if (state)
        weir_buf_format(out, "%s shall be %s", record->name, state);
    else
        weir_buf_format(out, "nothing is said any more about what %s shall be", record->name);
}

static void tell_restart(weir_history_teller *teller, const weir_history_record *record,
                         weir_buf *out)
{
    (void)teller;
    weir_buf_format(
        out, "%s shall restart%s%s", record->name,
        json_is_true(json_object_get(record->value, "include-tasks")) ? ", its tasks too" : "",
        json_is_true(json_object_get(record->value, "only-failed")) ? ", as far as it has failed"
                                                                    : "");
}

static void tell_other(weir_history_teller *teller, const weir_history_record *record,
                       weir_buf *out)
{
    (void)teller;
    weir_buf_text_add(out, record->key);
    if (record->problem)
        weir_buf_format(out, " cannot be understood: %s", record->problem);
    else if (!record->value)
        weir_buf_text_add(out, " is removed");
}

static void (*const tellers[])(weir_history_teller *, const weir_history_record *, weir_buf *) = {
    [WEIR_HISTORY_LEADER] = tell_leader,     [WEIR_HISTORY_ASSIGNMENT] = tell_assignment,
    [WEIR_HISTORY_PRESENCE] = tell_presence, [WEIR_HISTORY_CONNECTOR] = tell_config,
    [WEIR_HISTORY_TASKS] = tell_config,      [WEIR_HISTORY_COMMIT] = tell_commit,
    [WEIR_HISTORY_TARGET] = tell_target,     [WEIR_HISTORY_RESTART] = tell_restart,
    [WEIR_HISTORY_OTHER] = tell_other,
};

/* Names and reasons are of others' making, and a terminal obeys what is sent to it: control
 * characters, those of two bytes in UTF-8 too. */
static void disarm(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char next = i + 1 < size ? (unsigned char)text[i + 1] : 0;

        if (c == 0xC2 && next >= 0x80 && next < 0xA0)
            text[i] = text[i + 1] = '?';
        else if (c < 0x20 || c == 0x7F)
            text[i] = '?';
    }
}

void weir_history_tell(weir_history_teller *teller, const weir_history_record *record,
                       weir_buf *out)
{
    size_t begin = out->size;

    weir_history_time(record->time_ms, out);
    weir_buf_format(out, " %7lld  %-10s  ", (long long)record->offset,
                    weir_history_kind_text(record->kind));
    tellers[record->kind](teller, record, out);
    disarm(out->data + begin, out->size - begin);
}
