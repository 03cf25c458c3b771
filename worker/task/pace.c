/* pace.c - see pace.h. */
#include "task/pace.h"

weir_pace weir_pace_of(double linger_ms)
{
    if (linger_ms > WEIR_PACE_LINGER_MS)
        linger_ms = WEIR_PACE_LINGER_MS;
    return (weir_pace){.linger_us = linger_ms > 0 ? (int64_t)(linger_ms * 1000) : 0};
}

void weir_pace_polled(weir_pace *pace, uint64_t taken, int64_t now_us)
{
    if (taken == 0) {
        if (pace->state == WEIR_PACE_GATHERING)
            pace->state = WEIR_PACE_RESTING;
    } else if (pace->state == WEIR_PACE_IDLE) {
        pace->state = WEIR_PACE_GATHERING;
        pace->begun_us = now_us;
        pace->answered = false;
    }
}

void weir_pace_answered(weir_pace *pace)
{
    pace->answered = true;
}

weir_pace_step weir_pace_next(weir_pace *pace, int64_t now_us, int64_t *ret_us)
{
    int64_t linger_us = pace->begun_us + pace->linger_us - now_us;
    int64_t answer_us = pace->begun_us + WEIR_PACE_ANSWER_MS * 1000 - now_us;

    if (pace->state == WEIR_PACE_IDLE)
        return WEIR_PACE_WAIT;
    if (pace->state == WEIR_PACE_GATHERING)
        return WEIR_PACE_LOOK;
    if (!pace->answered && answer_us > 0) {
        *ret_us = answer_us;
        return WEIR_PACE_FLUSH;
    }
    if (linger_us > 0) {
        *ret_us = linger_us;
        return WEIR_PACE_REST;
    }
    pace->state = WEIR_PACE_IDLE;
    return WEIR_PACE_WAIT;
}
