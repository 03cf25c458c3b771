/* pace.c - see pace.h. */
#include "task/pace.h"

weir_pace weir_pace_of(double linger_ms)
{
    double rest_ms = linger_ms - WEIR_PACE_LINGER_MS;

    return (weir_pace){.rest_us = rest_ms > 0 ? (int64_t)(rest_ms * 1000) : 0};
}

void weir_pace_polled(weir_pace *pace, uint64_t taken, int64_t now_us)
{
    if (pace->rest_us == 0)
        return;
    if (taken >= WEIR_PACE_PLENTY) {
        pace->state = WEIR_PACE_IDLE;
    } else if (taken == 0) {
        if (pace->state == WEIR_PACE_GATHERING)
            pace->state = WEIR_PACE_RESTING;
    } else if (pace->state == WEIR_PACE_IDLE) {
        pace->state = WEIR_PACE_GATHERING;
        pace->begun_us = now_us;
    }
}

int64_t weir_pace_rest(weir_pace *pace, size_t unanswered, int64_t now_us, bool *ret_deaf)
{
    int64_t linger_us = pace->begun_us + pace->rest_us;
    int64_t answer_us = pace->begun_us + WEIR_PACE_ANSWER_MS * 1000;

    *ret_deaf = now_us < linger_us;
    if (pace->state != WEIR_PACE_RESTING)
        return 0;
    if (now_us < linger_us)
        return linger_us - now_us;
    if (unanswered > 0 && now_us < answer_us)
        return answer_us - now_us;
    pace->state = WEIR_PACE_IDLE;
    return 0;
}
