/* inflight.c - see inflight.h. */
#include "task/inflight.h"

#include "base/mem.h"

#include <assert.h>

#define CHUNK 1024

struct weir_slot {
    uint64_t token;
    weir_slot *next;          /* in the list of unused slots; the slot itself while it is in use */
    weir_slot *older, *newer; /* while it is in use */
    int64_t sent_ms;
    void *kept;
    bool dead;
    void *load;
};

void weir_inflight_free(weir_inflight *inflight)
{
    for (size_t i = 0; i < inflight->chunk_count; i++) {
        for (size_t n = 0; n < CHUNK; n++)
            free(inflight->chunks[i][n].kept);
        free(inflight->chunks[i]);
    }
    free(inflight->chunks);
    free(inflight->tokens);
    free(inflight->outcomes);
    *inflight =
        (weir_inflight){.bound = inflight->bound, .unload = inflight->unload, .ctx = inflight->ctx};
}

size_t weir_inflight_unsettled(const weir_inflight *inflight)
{
    return inflight->sent + inflight->answered;
}

bool weir_inflight_full(const weir_inflight *inflight)
{
    return weir_inflight_unsettled(inflight) >= inflight->bound;
}

static void put_back(weir_inflight *inflight, weir_slot *slot)
{
    slot->next = inflight->unused;
    inflight->unused = slot;
}

static void add_chunk(weir_inflight *inflight)
{
    weir_slot *chunk = weir_new_array(weir_slot, CHUNK);

    inflight->chunks =
        weir_realloc(inflight->chunks, inflight->chunk_count + 1, sizeof(*inflight->chunks));
    inflight->chunks[inflight->chunk_count++] = chunk;
    for (size_t i = CHUNK; i > 0; i--) /* the first slot comes first */
        put_back(inflight, &chunk[i - 1]);
}

static void link_slot(weir_inflight *inflight, weir_slot *slot)
{
    slot->older = inflight->newest;
    slot->newer = NULL;
    *(inflight->newest ? &inflight->newest->newer : &inflight->oldest) = slot;
    inflight->newest = slot;
}

static void unlink_slot(weir_inflight *inflight, weir_slot *slot)
{
    *(slot->older ? &slot->older->newer : &inflight->oldest) = slot->newer;
    *(slot->newer ? &slot->newer->older : &inflight->newest) = slot->older;
}

int64_t weir_inflight_oldest_ms(const weir_inflight *inflight)
{
    return inflight->oldest ? inflight->oldest->sent_ms : -1;
}

weir_slot *weir_inflight_send(weir_inflight *inflight, uint64_t token, int64_t now_ms)
{
    weir_slot *slot;

    assert(!weir_inflight_full(inflight));

    if (!inflight->unused)
        add_chunk(inflight);
    slot = inflight->unused;
    inflight->unused = slot->next;
    slot->token = token;
    slot->next = slot;
    slot->load = inflight->load;
    slot->sent_ms = now_ms;
    link_slot(inflight, slot);
    inflight->sent++;
    return slot;
}

void weir_inflight_unsend(weir_inflight *inflight, weir_slot *slot)
{
    assert(slot->next == slot);

    free(slot->kept);
    slot->kept = NULL;
    slot->dead = false;
    unlink_slot(inflight, slot);
    put_back(inflight, slot);
    inflight->sent--;
}

void weir_inflight_keep(weir_slot *slot, void *kept)
{
    assert(!slot->kept);

    slot->kept = kept;
}

const void *weir_inflight_kept(const weir_slot *slot)
{
    return slot->kept;
}

void weir_inflight_set_dead(weir_slot *slot)
{
    slot->dead = true;
}

bool weir_inflight_is_dead(const weir_slot *slot)
{
    return slot->dead;
}

static void unload(weir_inflight *inflight, void *load, weir_outcome outcome)
{
    if (load)
        inflight->unload(inflight->ctx, load, outcome);
}

static void add_answer(weir_inflight *inflight, uint64_t token, weir_outcome outcome)
{
    if (inflight->answered == inflight->room) {
        inflight->room = inflight->room ? inflight->room * 2 : CHUNK;
        inflight->tokens =
            weir_realloc(inflight->tokens, inflight->room, sizeof(*inflight->tokens));
        inflight->outcomes =
            weir_realloc(inflight->outcomes, inflight->room, sizeof(*inflight->outcomes));
    }
    inflight->tokens[inflight->answered] = token;
    inflight->outcomes[inflight->answered++] = (uint8_t)outcome;
}

void weir_inflight_answer_token(weir_inflight *inflight, uint64_t token, weir_outcome outcome)
{
    add_answer(inflight, token, outcome);
    unload(inflight, inflight->load, outcome);
}

void weir_inflight_answer(weir_inflight *inflight, weir_slot *slot, weir_outcome outcome)
{
    add_answer(inflight, slot->token, outcome);
    unload(inflight, slot->load, outcome);
    weir_inflight_unsend(inflight, slot);
}

size_t weir_inflight_abandon(weir_inflight *inflight)
{
    size_t count = inflight->sent;

    for (size_t i = 0; i < inflight->chunk_count && inflight->sent > 0; i++)
        for (weir_slot *slot = inflight->chunks[i]; slot < inflight->chunks[i] + CHUNK; slot++)
            if (slot->next == slot)
                weir_inflight_answer(inflight, slot, WEIR_ABANDONED);
    return count;
}

void weir_inflight_settle(weir_inflight *inflight, weir_inflight_settled *settled, void *ctx)
{
    size_t first = 0, count = inflight->answered;

    for (size_t i = 1; i <= count; i++)
        if (i == count || inflight->outcomes[i] != inflight->outcomes[first]) {
            settled(ctx, inflight->tokens + first, i - first,
                    (weir_outcome)inflight->outcomes[first]);
            first = i;
        }
    inflight->answered = 0;
}
