/* pace.h - when the plugin is asked for more: records go to Kafka in bursts.
 *
 * A record that is handed to librdkafka alone costs a wake-up of a broker's thread here, a request,
 * and the work of three brokers there. And while a partition's last batch is unanswered, an
 * idempotent producer sends no other one; if something waits behind it for longer than linger.ms,
 * the broker's thread spins until the answer is there (librdkafka 2.0 to 2.15 at least). So records
 * are gathered before librdkafka has them: in the source, which is not asked.
 *
 *   idle        poll() may wait for something to come. The first record goes out at once
 *   gathering   it has come: poll() is called without waiting until the source is dry
 *   resting     no poll(): until linger.ms has passed since the burst began and Kafka has answered
 *               all there is; for an answer no longer than WEIR_PACE_ANSWER_MS
 *
 * A source that gives WEIR_PACE_PLENTY records at a time fills batches by itself and never rests.
 */
#ifndef WEIR_TASK_PACE_H
#define WEIR_TASK_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What librdkafka gathers itself: enough for the records of one burst to become one batch. */
#define WEIR_PACE_LINGER_MS 1
#define WEIR_PACE_ANSWER_MS 100
#define WEIR_PACE_PLENTY    256

typedef enum weir_pace_state { WEIR_PACE_IDLE, WEIR_PACE_GATHERING, WEIR_PACE_RESTING } weir_pace_state;

/* Zeroed, it is idle and never rests. */
typedef struct weir_pace {
    int64_t rest_us; /* of linger.ms, what librdkafka leaves; 0: never rests */
    weir_pace_state state;
    int64_t begun_us; /* the burst */
} weir_pace;

/* `linger_ms`: of the producer's configuration. */
weir_pace weir_pace_of(double linger_ms);
/* poll() took so many records. */
void weir_pace_polled(weir_pace *pace, uint64_t taken, int64_t now_us);
/* How long, in microseconds, before poll() is called again; 0: now. `unanswered`: records with
 * Kafka. *ret_deaf: an answer changes nothing. */
int64_t weir_pace_rest(weir_pace *pace, size_t unanswered, int64_t now_us, bool *ret_deaf);

#endif
