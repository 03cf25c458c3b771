/* history_text.h - the history told to people, one line a record.
 *
 *     2026-11-21T06:40:01.123Z      17  leader      w1:8083 leads, term 17, generation 3: …
 *
 * A teller remembers what it has told: an assignment is shown whole for a new term (and who has
 * come or gone), and as what changed from then on; of a config that changed only the names of the
 * keys that did. Nothing that could be a secret is shown, and no control character.
 *
 * Pure; one owner.
 */
#ifndef WEIR_HISTORY_TEXT_H
#define WEIR_HISTORY_TEXT_H

#include "history/record.h"

typedef struct weir_history_teller weir_history_teller;

weir_history_teller *weir_history_teller_new(void);
void weir_history_teller_free(weir_history_teller *teller);
/* Appends the line of the next record, without a line end. */
void weir_history_tell(weir_history_teller *teller, const weir_history_record *record,
                       weir_buf *out);

/* "2026-11-21T06:40:01.123Z"; "-" for a time before 1970. */
void weir_history_time(int64_t time_ms, weir_buf *out);

#endif
