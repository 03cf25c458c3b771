/* moment.c - see moment.h. */
#include "moment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBER_MAX  40                    /* characters */
#define YEAR_2000   INT64_C(946684800000) /* ms */
#define HOUR        INT64_C(3600000)      /* ms */
#define FARTHEST    (8.0e15)              /* ms; a double counts them one by one up to there */
#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')

int64_t mqtt_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static bool read_number(const char *text, size_t size, double per_ms, int64_t *ret_ms)
{
    char copy[NUMBER_MAX + 1], *end;
    double value;

    if (!size || size > NUMBER_MAX)
        return false;
    for (size_t i = 0; i < size; i++) /* strtod() knows more than JSON */
        if (!IS_DIGIT(text[i]) && !memchr("+-.eE", text[i], 5))
            return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    value = strtod(copy, &end) / per_ms;
    if (*end || end == copy || !(value > -FARTHEST && value < FARTHEST))
        return false;
    *ret_ms = (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
    return true;
}

/* ---- ISO 8601 -------------------------------------------------------------------------------- */

typedef struct cursor {
    const char *at, *end;
} cursor;

static bool take(cursor *c, char sign)
{
    if (c->at == c->end || *c->at != sign)
        return false;
    c->at++;
    return true;
}

/* Exactly so many digits, of a number within limits. */
static bool take_digits(cursor *c, int digits, int min, int max, int *ret_number)
{
    int number = 0;

    for (; digits; digits--, c->at++) {
        if (c->at == c->end || !IS_DIGIT(*c->at))
            return false;
        number = number * 10 + (*c->at - '0');
    }
    *ret_number = number;
    return number >= min && number <= max;
}

/* Days since 1970-01-01; years are counted from March, so that the leap day is the last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool take_date(cursor *c, int64_t *ret_days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    bool leap;

    if (!take_digits(c, 4, 0, 9999, &year) || !take(c, '-') || !take_digits(c, 2, 1, 12, &month) ||
        !take(c, '-') || !take_digits(c, 2, 1, 31, &day))
        return false;
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *ret_days = days_of(year, month, day);
    return true;
}

/* ".25": as many digits as there are, of which three count. */
static bool take_fraction(cursor *c, int64_t *ret_ms)
{
    int64_t worth = 100;

    *ret_ms = 0;
    if (!take(c, '.') && !take(c, ','))
        return true;
    if (c->at == c->end || !IS_DIGIT(*c->at))
        return false;
    for (; c->at < c->end && IS_DIGIT(*c->at); c->at++, worth /= 10)
        *ret_ms += worth * (*c->at - '0');
    return true;
}

/* "13:05", "13:05:06", "13:05:06.25". */
static bool take_time(cursor *c, int64_t *ret_ms)
{
    int hour, minute, second = 0;
    int64_t fraction = 0;

    if (!take_digits(c, 2, 0, 23, &hour) || !take(c, ':') || !take_digits(c, 2, 0, 59, &minute))
        return false;
    if (take(c, ':') && (!take_digits(c, 2, 0, 60, &second) || !take_fraction(c, &fraction)))
        return false;
    *ret_ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction;
    return true;
}

/* "Z", "+01:00", "+0100", "+01", or nothing. */
static bool take_zone(cursor *c, int64_t *ret_ms)
{
    int hours, minutes = 0, sign = -1;

    *ret_ms = 0;
    if (c->at == c->end || take(c, 'Z') || take(c, 'z'))
        return true;
    if (take(c, '+'))
        sign = 1;
    else if (!take(c, '-'))
        return false;
    if (!take_digits(c, 2, 0, 23, &hours))
        return false;
    if (c->at < c->end && (take(c, ':'), !take_digits(c, 2, 0, 59, &minutes)))
        return false;
    *ret_ms = sign * (hours * 60 + minutes) * INT64_C(60000);
    return true;
}

static bool read_iso(const char *text, size_t size, int64_t *ret_ms)
{
    cursor c = {text, text + size};
    int64_t days, time = 0, zone = 0;

    if (!take_date(&c, &days))
        return false;
    if (c.at < c.end) {
        if (!take(&c, 'T') && !take(&c, 't') && !take(&c, ' '))
            return false;
        if (!take_time(&c, &time) || !take_zone(&c, &zone))
            return false;
    }
    *ret_ms = days * 24 * HOUR + time - zone;
    return c.at == c.end;
}

/* ---- Both ------------------------------------------------------------------------------------ */

bool mqtt_moment_read(const char *text, size_t size, mqtt_unit unit, int64_t *ret_ms)
{
    switch (unit) {
    case MQTT_UNIT_S:
        return read_number(text, size, 0.001, ret_ms);
    case MQTT_UNIT_MS:
        return read_number(text, size, 1, ret_ms);
    case MQTT_UNIT_US:
        return read_number(text, size, 1000, ret_ms);
    case MQTT_UNIT_ISO:
        return read_iso(text, size, ret_ms);
    case MQTT_UNIT_GUESS:
        break;
    }
    return read_number(text, size, 1, ret_ms) || read_iso(text, size, ret_ms);
}

bool mqtt_moment_is_absurd(int64_t ms, int64_t now_ms)
{
    return ms < YEAR_2000 || ms > now_ms + HOUR;
}
