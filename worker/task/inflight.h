/* inflight.h - which records of a task are on their way, and what became of the others.
 *
 * A record that Kafka was given holds a slot, whose address travels as librdkafka's opaque; its
 * answer frees the slot and is kept, in the order of the answers, until the plugin hears it.
 * Slots come in chunks when they are first needed and are used again: nothing is allocated per
 * record. [task] throughout.
 */
#ifndef WEIR_TASK_INFLIGHT_H
#define WEIR_TASK_INFLIGHT_H

#include "weir_plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_slot weir_slot;

typedef struct weir_inflight {
    size_t bound;               /* on their way and answered together: never more */
    size_t sent;                /* slots in use */
    size_t answered;            /* entries in the two arrays */
    weir_slot *unused;          /* list */
    weir_slot *oldest, *newest; /* of those in use, in the order in which they were sent */
    weir_slot **chunks;
    size_t chunk_count;
    uint64_t *tokens; /* the answers, with room for `room` */
    uint8_t *outcomes;
    size_t room;
    void *load; /* of the record that is just being sent; NULL: it has none */
    /* Whoever gives a record a load hears once what became of it, at the answer. */
    void (*unload)(void *ctx, void *load, weir_outcome outcome);
    void *ctx;
} weir_inflight;

/* A zeroed weir_inflight with its `bound` set is empty and valid; one whose records have loads
 * needs `unload` and `ctx` as well. */
void weir_inflight_free(weir_inflight *inflight);

bool weir_inflight_full(const weir_inflight *inflight);
/* Taken by emit and not yet told to the plugin. */
size_t weir_inflight_unsettled(const weir_inflight *inflight);

/* Not to be called when full. `now_ms`: weir_now_ms(). */
weir_slot *weir_inflight_send(weir_inflight *inflight, uint64_t token, int64_t now_ms);
/* When the oldest record on its way was sent; -1: none is. */
int64_t weir_inflight_oldest_ms(const weir_inflight *inflight);
/* The producer would not have it: as if it had never been sent. */
void weir_inflight_unsend(weir_inflight *inflight, weir_slot *slot);
void weir_inflight_answer(weir_inflight *inflight, weir_slot *slot, weir_outcome outcome);

/* What of a record may still be needed when Kafka refuses it: malloc'd, given over, freed when the
 * slot is. NULL, which costs nothing: the record as it was sent says all. */
void weir_inflight_keep(weir_slot *slot, void *kept);
const void *weir_inflight_kept(const weir_slot *slot);
/* The slot stands for a dead letter from now on. */
void weir_inflight_set_dead(weir_slot *slot);
bool weir_inflight_is_dead(const weir_slot *slot);

/* The answer to a record that never got a slot. Not to be called when full. */
void weir_inflight_answer_token(weir_inflight *inflight, uint64_t token, weir_outcome outcome);
/* Answers every slot in use as WEIR_ABANDONED; returns how many. The producer's handle must not
 * report to them any more. */
size_t weir_inflight_abandon(weir_inflight *inflight);

/* Hands the answers over in their order, tokens of one outcome in one call. */
typedef void weir_inflight_settled(void *ctx, const uint64_t *tokens, size_t count,
                                   weir_outcome outcome);
void weir_inflight_settle(weir_inflight *inflight, weir_inflight_settled *settled, void *ctx);

#endif
