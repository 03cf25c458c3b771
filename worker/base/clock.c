/* clock.c - see clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t weir_now_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t weir_now_coarse_ms(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t weir_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t weir_wall_clock_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_now_ms(const weir_clock *clock)
{
    (void)clock;
    return weir_now_ms();
}

static int64_t boot_now_ms(const weir_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_BOOTTIME);
}

const weir_clock weir_clock_real = {real_now_ms};
const weir_clock weir_clock_boot = {boot_now_ms};
