/* assignor.h - who runs what: a pure function (cluster.md 3).
 *
 * Sticky and balanced: what runs well stays; counts of tasks differ by at most one between
 * workers, of connectors likewise, once nothing is held. A task taken from a live worker becomes
 * unassigned first, with the worker it comes from, and is given away when that worker has let it
 * go; what is new or belonged to the dead is placed at once.
 */
#ifndef WEIR_HERDER_ASSIGNOR_H
#define WEIR_HERDER_ASSIGNOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_ITEM_CONNECTOR (-1) /* the connector itself, beside its tasks 0, 1, … */

typedef struct weir_item {
    const char *connector;
    int32_t task;
} weir_item;

/* Where an item is, as the last assignment said. */
typedef struct weir_placement {
    weir_item item;
    const char *worker;          /* who runs it; NULL: nobody */
    const char *from;            /* unassigned, being let go by: worker; NULL: free */
    const char *from_instance;   /* of `from` */
    int64_t from_term, from_seq; /* the decision that took it */
    bool lent; /* came from a dead worker; goes first when its heir has too much, so that nobody
                * else is disturbed when the dead one is back */
} weir_placement;

typedef struct weir_assign_worker {
    const char *id;
    const char *instance;
    bool leaving; /* may keep nothing, gets nothing */
    bool held;    /* missing, not known dead: keeps what it has, gets nothing */
    /* has it let go of everything taken up to (term, seq)? */
    int64_t ack_term, ack_seq;
    const char *const *stopping; /* items still stopping, "name/3"; NULL-terminated; may be NULL */
} weir_assign_worker;

typedef struct weir_assign_input {
    const weir_assign_worker *workers; /* sorted by id; only those that are there or held */
    size_t worker_count;
    const weir_item *items; /* wanted: sorted by connector, task */
    size_t item_count;
    const weir_placement *previous;
    size_t previous_count;
    int64_t term, seq; /* of the decision being made */
} weir_assign_input;

/* "fleet/3", or "fleet/c" for the connector itself: how records name an item. */
void weir_item_text(const weir_item *item, char *text, size_t room);

/* One placement per wanted item, in the order of `items`; behind them what is wanted no more but
 * not let go of yet, so that a connector deleted and made again cannot run twice. Strings point
 * into the input. The caller free()s the array. */
weir_placement *weir_assign(const weir_assign_input *input, size_t *ret_count);

#endif
