/* cluster_answer.c - GET /admin/cluster: the group as this worker sees it, from memory.
 *
 * Ours alone, Connect has nothing like it. Field names are those of the records in the config
 * topic where there are such.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/mem.h"

/* Wall clock, ms. A watch that stands sees its worker this very moment. */
static int64_t last_seen_ms(const weir_herder *h, const weir_presence *presence)
{
    const weir_peer *peer = weir_map_get(&h->peers, presence->worker);
    const char *instance = weir_json_str(presence->body, "instance");

    if (weir_same(instance, h->instance))
        return weir_wall_clock_ms();
    if (peer && peer->heard && weir_same(peer->instance, instance) &&
        peer->last == WEIR_WATCH_ALIVE && h->role == WEIR_LEADER)
        return weir_wall_clock_ms();
    return presence->timestamp_ms;
}

static json_t *copy(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    return value ? json_deep_copy(value) : json_null();
}

static json_t *worker(const weir_herder *h, const weir_presence *presence)
{
    const char *instance = weir_json_str(presence->body, "instance");
    const json_t *assignment = h->config.assignment;
    json_t *owned = NULL, *watch = weir_watching_answer(h, presence->worker, instance);
    bool in_group = h->in_group && weir_is_live(h, presence);

    if (weir_same(weir_json_str(json_object_get(assignment, "workers"), presence->worker),
                  instance))
        owned = json_object_get(json_object_get(assignment, "map"), presence->worker);
    return json_pack(
        "{s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:b, s:b, s:o, s:o, s:o, s:o, s:o?, s:I}", "worker_id",
        presence->worker, "instance", instance, "url", weir_json_str(presence->body, "url"),
        "version", weir_json_str(presence->body, "version"), "state",
        weir_json_str(presence->body, "state"), "generation",
        (json_int_t)weir_json_int(presence->body, "generation", -1), "in_group", in_group, "leader",
        weir_same(instance, h->config.leader.instance), "ack", copy(presence->body, "ack"), "owned",
        owned ? json_deep_copy(owned) : json_object(), "stopping", copy(presence->body, "stopping"),
        "stuck", copy(presence->body, "stuck"), "watch", watch ? watch : json_null(),
        "last_seen_ms", (json_int_t)last_seen_ms(h, presence));
}

static json_t *leader(const weir_herder *h)
{
    const weir_leader_record *l = &h->config.leader;

    if (!l->worker)
        return json_null();
    return json_pack("{s:s, s:s?, s:s?, s:I, s:I, s:s?, s:b}", "worker_id", l->worker, "instance",
                     l->instance, "url", l->url, "term", (json_int_t)l->term, "generation",
                     (json_int_t)l->generation, "reason", l->reason, "reachable",
                     weir_leader_url(h) != NULL);
}

json_t *weir_cluster_answer(const weir_herder *h)
{
    const json_t *assignment = h->config.assignment;
    json_t *workers = json_array();

    WEIR_MAP_EACH (entry, &h->config.workers)
        json_array_append_new(workers, worker(h, entry->value));
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:o, s:o, "
                     "s:o}",
                     "worker_id", h->settings->worker_id, "instance", h->instance, "group",
                     h->settings->group_id, "in_group", h->in_group, "suspended", h->suspended,
                     "generation", (json_int_t)h->generation, "member",
                     h->in_group ? json_string(h->member) : json_null(), "leader", leader(h),
                     "workers", workers, "assignment", "term",
                     (json_int_t)weir_json_int(assignment, "term", -1), "seq",
                     (json_int_t)weir_json_int(assignment, "seq", -1), "generation",
                     (json_int_t)weir_json_int(assignment, "generation", -1), "unassigned",
                     copy(assignment, "unassigned"), "held_until_ms", copy(assignment, "held"),
                     "crashes", copy(assignment, "crashes"));
}
