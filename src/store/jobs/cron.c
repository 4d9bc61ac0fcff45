/* cron.c - see cron.h. Fields become bit sets; the next moment is found by walking days, of which there are at
 * most the eight years between two leap days around 2100. */
#include "store/jobs/cron.h"

#include <time.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)
#define DAYS_MAX  (8 * 366 + 1)

/* --- every N unit ----------------------------------------------------------------------------- */

static cm_rc parse_every(cm_str text, int64_t *ret_ms, cm_err *err) {
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', MINUTE_MS}, {'h', 60 * MINUTE_MS}, {'d', DAY_MS}};
    uint64_t count;
    if (text.len >= 2 && cm_str_to_u64(cm_str_sub(text, 0, text.len - 1), &count)) {
        for (size_t i = 0; i < CM_COUNT(units); i++) {
            bool fits = count >= 1 && count <= (uint64_t)(366 * DAY_MS / units[i].ms);
            if (text.ptr[text.len - 1] == units[i].unit && fits) {
                *ret_ms = (int64_t)count * units[i].ms;
                return CM_OK;
            }
        }
    }
    return cm_fail(err, CM_INVALID,
                   "schedule 'every " CM_STR_FMT "' is not 'every N' with s, m, h or d, at most "
                   "366d; an example: 'every 15m'",
                   CM_STR_ARG(text));
}

/* --- Five fields ------------------------------------------------------------------------------ */

typedef struct field {
    const char *name;
    uint64_t low, high;
} field;

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const field fields[FIELDS] = {
    {"minute", 0, 59}, {"hour", 0, 23}, {"day", 1, 31}, {"month", 1, 12}, {"weekday", 0, 7},
};

/* `*`, `7`, `1-5`, each with `/step`. */
static bool parse_range(const field *f, cm_str text, uint64_t *bits) {
    cm_str range = text;
    uint64_t step = 1;
    size_t slash = cm_str_find_char(text, '/');
    if (slash != SIZE_MAX) {
        range = cm_str_sub(text, 0, slash);
        if (!cm_str_to_u64(cm_str_from_offset(text, slash + 1), &step) || step == 0) {
            return false;
        }
    }
    uint64_t low = f->low;
    uint64_t high = f->high;
    size_t dash = cm_str_find_char(range, '-');
    if (dash != SIZE_MAX) {
        if (!cm_str_to_u64(cm_str_sub(range, 0, dash), &low) ||
            !cm_str_to_u64(cm_str_from_offset(range, dash + 1), &high)) {
            return false;
        }
    } else if (!cm_str_eq_c(range, "*")) {
        if (!cm_str_to_u64(range, &low)) {
            return false;
        }
        high = slash == SIZE_MAX ? low : high;
    }
    if (low < f->low || high > f->high || low > high) {
        return false;
    }
    for (uint64_t i = low; i <= high && step <= f->high; i += step) {
        *bits |= UINT64_C(1) << i;
    }
    return step <= f->high;
}

static bool parse_field(const field *f, cm_str text, uint64_t *bits) {
    cm_str part;
    *bits = 0;
    while (cm_str_split(&text, ',', &part)) {
        if (!parse_range(f, part, bits)) {
            return false;
        }
    }
    return *bits != 0;
}

static cm_rc parse_fields(cm_str text, cm_cron *cron, cm_err *err) {
    uint64_t bits[FIELDS];
    bool any[FIELDS];
    size_t count = 0;
    cm_str rest = text;
    cm_str part;
    while (cm_str_split(&rest, ' ', &part)) {
        if (part.len == 0) {
            continue;
        }
        if (count < FIELDS && !parse_field(&fields[count], part, &bits[count])) {
            return cm_fail(err, CM_INVALID,
                           "schedule '" CM_STR_FMT "': '" CM_STR_FMT "' is no %s of %llu to %llu",
                           CM_STR_ARG(text), CM_STR_ARG(part), fields[count].name,
                           (unsigned long long)fields[count].low,
                           (unsigned long long)fields[count].high);
        }
        if (count < FIELDS) {
            any[count] = part.ptr[0] == '*';
        }
        count++;
    }
    if (count != FIELDS) {
        return cm_fail(err, CM_INVALID,
                       "schedule '" CM_STR_FMT "' is neither 'every N' nor the five fields minute "
                       "hour day month weekday; an example: '30 3 * * *'",
                       CM_STR_ARG(text));
    }
    *cron = (cm_cron){.minutes = bits[MINUTE],
                      .hours = (uint32_t)bits[HOUR],
                      .days = (uint32_t)bits[DAY],
                      .months = (uint32_t)bits[MONTH],
                      .weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
                      .either_day = !any[DAY] && !any[WEEKDAY]};
    return CM_OK;
}

/* --- Both ------------------------------------------------------------------------------------- */

cm_rc cm_cron_parse(cm_str text, cm_cron *ret_cron, cm_err *err) {
    cm_cron cron = {0};
    cm_str trimmed = cm_str_trim(text);
    if (trimmed.len > CM_CRON_BYTES_MAX) {
        return cm_fail(err, CM_INVALID, "a schedule has at most %d characters", CM_CRON_BYTES_MAX);
    }
    cm_str every = CM_STR("every ");
    cm_rc rc =
        cm_str_starts(trimmed, every)
            ? parse_every(cm_str_trim(cm_str_from_offset(trimmed, every.len)), &cron.every_ms, err)
            : parse_fields(trimmed, &cron, err);
    if (rc == CM_OK && cm_cron_next(&cron, 0) == INT64_MAX) {
        return cm_fail(err, CM_INVALID, "schedule '" CM_STR_FMT "' names a date that never comes",
                       CM_STR_ARG(trimmed));
    }
    if (rc == CM_OK) {
        *ret_cron = cron;
    }
    return rc;
}

static bool has(uint64_t bits, int value) {
    return (bits >> value & 1) != 0;
}

static bool is_day(const cm_cron *cron, int64_t day_ms) {
    time_t seconds = (time_t)(day_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    bool day = has(cron->days, tm.tm_mday);
    bool weekday = has(cron->weekdays, tm.tm_wday);
    return has(cron->months, tm.tm_mon + 1) && (cron->either_day ? day || weekday : day && weekday);
}

/* First minute of the day at or after `minute`, or -1. */
static int minute_of_day(const cm_cron *cron, int minute) {
    for (; minute < 24 * 60; minute++) {
        if (has(cron->hours, minute / 60) && has(cron->minutes, minute % 60)) {
            return minute;
        }
    }
    return -1;
}

int64_t cm_cron_next(const cm_cron *cron, int64_t wall_ms) {
    if (cron->every_ms != 0) {
        return (wall_ms / cron->every_ms + 1) * cron->every_ms;
    }
    int64_t start = (wall_ms / MINUTE_MS + 1) * MINUTE_MS;
    int64_t day = start / DAY_MS * DAY_MS;
    int minute = (int)((start - day) / MINUTE_MS);
    for (int i = 0; i < DAYS_MAX; i++, day += DAY_MS, minute = 0) {
        int at = is_day(cron, day) ? minute_of_day(cron, minute) : -1;
        if (at >= 0) {
            return day + at * MINUTE_MS;
        }
    }
    return INT64_MAX;
}
