/* waiting.c - commands that cannot be done at this moment: before the stores are read, while nobody
 * leads, or after the lead was lost in the middle of one.
 *
 * A parked command is tried again every few milliseconds until it can be done, forwarded or
 * refused, or nobody waits for it any more.
 */
#include "herder/state.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define LEADER_WAIT_MS 2000 /* how long a write waits for the next leader; then 409 */

/* ---- Waiting --------------------------------------------------------------------------------- */

void weir_command_park(weir_herder *h, weir_slot *slot, int64_t until_ms)
{
    char name[24];

    slot->parked_until_ms = until_ms;
    snprintf(name, sizeof(name), "%020llu", (unsigned long long)++h->last_parked);
    weir_map_set(&h->parked, name, slot);
}

void weir_commands_unpark(weir_herder *h, int64_t now_ms)
{
    weir_map parked = h->parked;

    (void)now_ms;
    if (parked.count == 0)
        return;
    h->parked = (weir_map){.drop = NULL};
    WEIR_MAP_EACH (entry, &parked)
        weir_command(h, entry->value); /* parks itself again if it has to */
    weir_map_clear(&parked);
}

void weir_commands_end(weir_herder *h)
{
    WEIR_MAP_EACH (entry, &h->parked)
        weir_slot_refuse(entry->value, WEIR_UNAVAILABLE, "Worker is shutting down");
    weir_map_clear(&h->parked);
}

/* Before the stores are read nothing can be said about a connector, true or false. */
bool weir_wait_for_start(weir_herder *h, weir_slot *slot)
{
    if (weir_herder_ready(h))
        return false;
    if (h->waiting_for)
        weir_slot_refuse(slot, WEIR_UNAVAILABLE,
                         "Worker is still starting up. It waits for Kafka: %s", h->waiting_for);
    else if (weir_now_ms() >= slot->deadline_ms)
        weir_slot_release(slot);
    else
        weir_command_park(h, slot, slot->deadline_ms);
    return true;
}

/* Ours to do? Otherwise it is forwarded, parked or refused here. */
bool weir_is_leaders_work(weir_herder *h, weir_slot *slot)
{
    int64_t now_ms = weir_now_ms();
    const char *url;

    if (weir_leads(h))
        return true;
    url = h->role == WEIR_FOLLOWER ? weir_leader_url(h) : NULL;
    if (url && !weir_same(h->config.leader.instance, h->instance)) {
        weir_slot_forward(slot, url);
        return false;
    }
    if (!slot->parked_until_ms)
        slot->parked_until_ms = h->had_leader ? now_ms + LEADER_WAIT_MS : slot->deadline_ms;
    if (now_ms < slot->parked_until_ms)
        weir_command_park(h, slot, slot->parked_until_ms);
    else
        weir_slot_refuse(slot, WEIR_CONFLICT, WEIR_NO_LEADER);
    return false;
}

/* Commands about one connector go one after the other: each is judged by what the one before has
 * made of it. One that was deleted is not made again before what it left outside is given up. */
bool weir_is_being_written(const weir_herder *h, const char *connector)
{
    if (weir_map_get(&h->forgetting, connector) || weir_map_get(&h->altered, connector))
        return true;
    for (const weir_write *write = h->writes; write; write = write->next)
        if (write->slot && write->slot->request.what != WEIR_ASK_PAUSE &&
            strcmp(write->slot->connector, connector) == 0)
            return true;
    return false;
}

void weir_command_again(weir_herder *h, weir_slot *slot)
{
    weir_command_park(h, slot, slot->deadline_ms);
    slot->parked_until_ms = 0; /* should the leader go meanwhile, that is another wait */
}

/* ---- Fenced in the middle -------------------------------------------------------------------- */

/* The next leader's record settles what became of a write that was fenced: everything before it
 * has been read, and the transaction was committed before it or never will be. */
static bool has_landed(const weir_herder *h, const weir_slot *slot)
{
    const weir_connector_entry *entry = weir_config_store_find(&h->config, slot->connector);

    switch (slot->request.what) {
    case WEIR_ASK_CREATE:
        return entry && weir_props_equal(&entry->config, &slot->config);
    case WEIR_ASK_DELETE:
        return !entry;
    default:
        return false; /* done again it comes to the same */
    }
}

/* True: the command has its answer, or waits for the next leader. */
bool weir_settle_fenced(weir_herder *h, weir_slot *slot)
{
    if (!slot->fenced)
        return false;
    if (h->config.leader.term <= slot->fenced_term) {
        weir_command_park(h, slot, slot->deadline_ms);
        return true;
    }
    slot->fenced = false;
    slot->parked_until_ms = 0;
    if (has_landed(h, slot)) {
        weir_answer_written(h, slot);
        return true;
    }
    json_decref(slot->reply.body);
    slot->reply.body = NULL;
    return false;
}
