/* foreign.h - the thread on which plugins' normalise, plan and validate run.
 *
 * Foreign code may hang. A job that is not done after its limit is given up: its callback hears
 * WEIR_TIMED_OUT, the thread is left to itself (its memory with it) and a fresh one takes over.
 */
#ifndef WEIR_PLUGIN_FOREIGN_H
#define WEIR_PLUGIN_FOREIGN_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define WEIR_FOREIGN_LIMIT_MS 10000

typedef struct weir_foreign weir_foreign;

/* One unit of foreign work. Allocated by whoever submits it, owned by the foreign thread until
 * `done` was called; `drop` frees it then, or, for a job given up, whenever it ends. */
typedef struct weir_job weir_job;
struct weir_job {
    void (*run)(weir_job *job); /* [foreign] the work; fills in the job */
    /* [foreign or its watchdog] exactly once. WEIR_OK: `run` has returned, look into the job.
     * WEIR_TIMED_OUT, WEIR_CLOSED: it has not; touch nothing that `run` writes. */
    void (*done)(weir_job *job, weir_code code);
    void (*drop)(weir_job *job);
};

weir_foreign *weir_foreign_start(int64_t limit_ms);
/* Bounded: waits for the job at hand as long as its limit, answers the rest WEIR_CLOSED. */
void weir_foreign_stop(weir_foreign *foreign);
/* [any] Never blocks. WEIR_FULL: 1000 jobs wait, WEIR_CLOSED: stopping; the job stays
 * with the caller then. */
WEIR_MUST_CHECK weir_code weir_foreign_submit(weir_foreign *foreign, weir_job *job);

/* [any] Threads of this process that were given up and have not ended. While there are any the
 * registry must stay: their code is mapped from it. */
size_t weir_foreign_left_behind(void);

#endif
