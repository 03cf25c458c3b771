/* pace.h - when the plugin is asked for more: records go to Kafka in bursts.
 *
 * A record that is handed to librdkafka alone costs a wake-up of a broker's thread here, a request,
 * and the work of three brokers there. And while a partition's last batch is unanswered, an
 * idempotent producer sends no other one; if something waits behind it for longer than linger.ms,
 * the broker's thread spins until the answer is there (librdkafka 2.0 to 2.15 at least). So records
 * are gathered before librdkafka has them: in the source, which is not asked.
 *
 *   idle        poll() may wait for something to come. The first record is taken at once
 *   gathering   it has come: poll() is called without waiting until the source is dry
 *   resting     no poll(). What was gathered is flushed, and Kafka's answers are heard, until it
 *               has answered all there is, for WEIR_PACE_ANSWER_MS at most; then until linger.ms,
 *               or WEIR_PACE_LINGER_MS if that is less, has passed since the burst began
 *
 * A source that is never dry fills batches by itself and never rests.
 */
#ifndef WEIR_TASK_PACE_H
#define WEIR_TASK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_PACE_ANSWER_MS 500
#define WEIR_PACE_LINGER_MS 50 /* a longer one fills no batch better, and a source waits for it */

typedef enum weir_pace_state {
    WEIR_PACE_IDLE,
    WEIR_PACE_GATHERING,
    WEIR_PACE_RESTING,
} weir_pace_state;

/* Zeroed, it is idle, with a linger.ms of 0: it does not rest, but waits for Kafka's answer. */
typedef struct weir_pace {
    int64_t linger_us;
    weir_pace_state state;
    int64_t begun_us; /* the burst */
    bool answered;    /* … all of it */
} weir_pace;

typedef enum weir_pace_step {
    WEIR_PACE_WAIT, /* poll(), which may wait */
    WEIR_PACE_LOOK, /* poll(), which may not */
    WEIR_PACE_FLUSH,
    WEIR_PACE_REST,
} weir_pace_step;

/* `linger_ms`: of the producer's configuration. */
weir_pace weir_pace_of(double linger_ms);
/* poll() took so many records. */
void weir_pace_polled(weir_pace *pace, uint64_t taken, int64_t now_us);
/* Kafka has answered all there was. */
void weir_pace_answered(weir_pace *pace);
/* What to do now, and of the last two how long at most, in microseconds. */
weir_pace_step weir_pace_next(weir_pace *pace, int64_t now_us, int64_t *ret_us);

#endif
