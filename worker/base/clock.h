/* clock.h - time that tests can move.
 *
 * All deadlines are milliseconds of CLOCK_MONOTONIC. Code that decides by time takes a
 * `const weir_clock *`; the worker passes &weir_clock_real, tests one of their own.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

typedef struct weir_clock weir_clock;
struct weir_clock {
    int64_t (*now_ms)(const weir_clock *clock);
};

extern const weir_clock weir_clock_real;
extern const weir_clock weir_clock_boot; /* CLOCK_BOOTTIME: counts while the machine is suspended */

int64_t weir_now_ms(void);        /* CLOCK_MONOTONIC: for deadlines and durations */
int64_t weir_now_us(void);        /* the same clock, where a millisecond is long */
int64_t weir_now_coarse_ms(void); /* the same, up to 10 ms behind: for every record */
int64_t weir_wall_clock_ms(void); /* since 1970 UTC: for records and logs only */

#endif
