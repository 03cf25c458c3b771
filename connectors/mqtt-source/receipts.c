/* receipts.c - see receipts.h. */
#include "receipts.h"

#include "bytes.h"

#include <stdlib.h>

#define PAGE_IDS  1024u
#define PAGES     (65536u / PAGE_IDS)
#define SETTLE_MS 1000 /* by then a broker has read an acknowledgement */

typedef struct receipt {
    uint64_t hash;
    uint64_t number; /* of the acknowledgement, counted from 1; 0: none */
} receipt;

struct mqtt_receipts {
    receipt *pages[PAGES];
    uint64_t number;    /* of the last acknowledgement */
    uint64_t forgotten; /* up to this one */
    uint16_t last_id;   /* of the last new message; 0: none yet */
    int64_t acked_ms;   /* the first acknowledgement since the ids are in line; -1: none yet */
    bool armed, resuming;
};

mqtt_receipts *mqtt_receipts_new(void)
{
    mqtt_receipts *receipts = mqtt_alloc(1, sizeof(*receipts));

    receipts->acked_ms = -1;
    return receipts;
}

void mqtt_receipts_free(mqtt_receipts *receipts)
{
    if (!receipts)
        return;
    for (size_t i = 0; i < PAGES; i++)
        free(receipts->pages[i]);
    free(receipts);
}

static void start_over(mqtt_receipts *receipts)
{
    receipts->forgotten = receipts->number;
    receipts->armed = false;
    receipts->acked_ms = -1;
}

void mqtt_receipts_connected(mqtt_receipts *receipts, bool resumed)
{
    receipts->resuming = resumed;
    if (resumed)
        return;
    start_over(receipts);
    receipts->last_id = 0;
}

void mqtt_receipts_acked(mqtt_receipts *receipts, uint16_t id, uint64_t hash, int64_t now_ms)
{
    receipt **page = &receipts->pages[id / PAGE_IDS];

    if (!*page)
        *page = mqtt_alloc(PAGE_IDS, sizeof(**page));
    (*page)[id % PAGE_IDS] = (receipt){hash, ++receipts->number};
    if (receipts->acked_ms < 0)
        receipts->acked_ms = now_ms;
}

bool mqtt_receipts_know(const mqtt_receipts *receipts, uint16_t id, uint64_t hash)
{
    const receipt *page = receipts->pages[id / PAGE_IDS], *found;

    if (!page || !receipts->armed || !receipts->resuming)
        return false;
    found = &page[id % PAGE_IDS];
    return found->number > receipts->forgotten &&
           receipts->number - found->number < MQTT_RECEIPTS && found->hash == hash;
}

void mqtt_receipts_passed(mqtt_receipts *receipts, uint16_t id, bool fresh, int64_t now_ms)
{
    uint16_t expected = receipts->last_id == 65535 ? 1 : (uint16_t)(receipts->last_id + 1);
    bool in_line = !receipts->last_id || id == expected;

    receipts->resuming = false;
    if (in_line)
        receipts->last_id = id;
    if (!fresh)
        return; /* out of line because it was sent before: that says nothing */
    if (!in_line) {
        start_over(receipts);
        receipts->last_id = id;
    } else if (receipts->acked_ms >= 0 && now_ms - receipts->acked_ms >= SETTLE_MS) {
        receipts->armed = true;
    }
}

bool mqtt_receipts_armed(const mqtt_receipts *receipts)
{
    return receipts->armed;
}
