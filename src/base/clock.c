/* clock.c - the fake clock is process-wide on purpose: time has to stand still for all threads of a
 * test at once. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

#define NS_PER_S  1000000000u
#define NS_PER_MS 1000000u

static _Atomic bool faked;
static _Atomic uint64_t fake_ns;
static _Atomic int64_t fake_wall_ms;

static uint64_t read_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t); /* cannot fail for the clocks used here */
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t cm_clock_ns(void) {
    return atomic_load(&faked) ? atomic_load(&fake_ns) : read_ns(CLOCK_MONOTONIC);
}

uint64_t cm_clock_ms(void) {
    return cm_clock_ns() / NS_PER_MS;
}

int64_t cm_clock_wall_ms(void) {
    return atomic_load(&faked) ? atomic_load(&fake_wall_ms)
                               : (int64_t)(read_ns(CLOCK_REALTIME) / NS_PER_MS);
}

uint64_t cm_clock_thread_ns(void) {
    return atomic_load(&faked) ? atomic_load(&fake_ns) : read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void cm_clock_fake(uint64_t monotonic_ns, int64_t wall_ms) {
    atomic_store(&fake_ns, monotonic_ns);
    atomic_store(&fake_wall_ms, wall_ms);
    atomic_store(&faked, true);
}

void cm_clock_fake_advance(uint64_t ns) {
    uint64_t before = atomic_fetch_add(&fake_ns, ns);
    /* Both clocks tick together: count the whole milliseconds that were crossed. */
    atomic_fetch_add(&fake_wall_ms, (int64_t)((before + ns) / NS_PER_MS - before / NS_PER_MS));
}

void cm_clock_real(void) {
    atomic_store(&faked, false);
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. Algorithms of
 * Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that the
 * leap day comes last. */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void date_of_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

#define MS_PER_DAY   INT64_C(86400000)
#define WALL_MS_MIN  INT64_C(-62167219200000) /* 0000-01-01: RFC 3339 has four-digit years */
#define WALL_MS_LAST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

cm_str cm_time_format(int64_t wall_ms, char text[CM_TIME_TEXT_MAX]) {
    wall_ms = CM_MAX(CM_MIN(wall_ms, WALL_MS_LAST), WALL_MS_MIN);
    int64_t days = (wall_ms - (wall_ms < 0 ? MS_PER_DAY - 1 : 0)) / MS_PER_DAY;
    unsigned ms = (unsigned)(wall_ms - days * MS_PER_DAY);
    int64_t year;
    unsigned month, day;
    date_of_days(days, &year, &month, &day);
    int len = snprintf(text, CM_TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                       (unsigned)year % 10000, month % 100, day % 100, ms / 3600000,
                       ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
    return cm_str_make(text, (size_t)len);
}

/* Takes exactly `count` digits off the front. */
static bool take_number(cm_str *s, size_t count, unsigned *ret_value) {
    uint64_t value;
    if (s->len < count || !cm_str_to_u64(cm_str_sub(*s, 0, count), &value)) {
        return false;
    }
    *s = cm_str_from_offset(*s, count);
    *ret_value = (unsigned)value;
    return true;
}

static bool take_char(cm_str *s, const char *allowed, char *ret_char) {
    if (s->len == 0 || s->ptr[0] == '\0' || !strchr(allowed, s->ptr[0])) {
        return false;
    }
    *ret_char = s->ptr[0];
    *s = cm_str_from_offset(*s, 1);
    return true;
}

static bool take_date(cm_str *s, int64_t *ret_days) {
    static const uint8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    char c;
    if (!take_number(s, 4, &year) || !take_char(s, "-", &c) || !take_number(s, 2, &month) ||
        !take_char(s, "-", &c) || !take_number(s, 2, &day)) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !leap)) {
        return false;
    }
    *ret_days = days_of_date(year, month, day);
    return true;
}

static bool take_time(cm_str *s, int64_t *ret_ms) {
    unsigned hour, minute, second;
    char c;
    if (!take_number(s, 2, &hour) || !take_char(s, ":", &c) || !take_number(s, 2, &minute) ||
        !take_char(s, ":", &c) || !take_number(s, 2, &second)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60) { /* 60: a leap second */
        return false;
    }
    int64_t ms = ((int64_t)hour * 60 + minute) * 60000 + (int64_t)second * 1000;
    if (take_char(s, ".", &c)) {
        unsigned digit;
        if (!s->len || !cm_is_digit(s->ptr[0])) {
            return false;
        }
        for (int weight = 100; take_number(s, 1, &digit); weight /= 10) {
            ms += weight * (int)digit; /* digits beyond the millisecond weigh nothing */
        }
    }
    *ret_ms = ms;
    return true;
}

static bool take_offset(cm_str *s, int64_t *ret_ms) {
    char sign, c;
    unsigned hours, minutes;
    if (take_char(s, "Zz", &sign)) {
        *ret_ms = 0;
        return true;
    }
    if (!take_char(s, "+-", &sign) || !take_number(s, 2, &hours) || !take_char(s, ":", &c) ||
        !take_number(s, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    int64_t ms = ((int64_t)hours * 60 + minutes) * 60000;
    *ret_ms = sign == '-' ? -ms : ms;
    return true;
}

bool cm_time_parse(cm_str text, int64_t *ret_wall_ms) {
    int64_t days, ms, offset;
    char c;
    if (!take_date(&text, &days) || !take_char(&text, "Tt ", &c) || !take_time(&text, &ms) ||
        !take_offset(&text, &offset) || text.len) {
        return false;
    }
    *ret_wall_ms = days * MS_PER_DAY + ms - offset;
    return true;
}
